/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory as a whole: brought up once from the firmware's map, then pages, heap and stacks. */
#ifndef KERNEL_MEMORY_MEMORY_H
#define KERNEL_MEMORY_MEMORY_H

#include "boot/boot_info.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Builds the page allocator from the map, and our own page tables; afterwards the lower half of the
 * address space is unmapped. Once, on the boot CPU, with interrupts off. Panics when there is too
 * little.
 */
void memory_init(const struct boot_info *info);

/* Back to the allocator: the first page tables, once all CPUs have left them. */
void memory_release_boot(const struct boot_info *info);

/* True when firmware says that some of [address, +length) is memory of any kind. Context: any. */
bool memory_is_ram(uint64_t address, uint64_t length);

/* One page below 640 KiB for the start of other CPUs: its physical address, or 0. */
uint64_t memory_trampoline_page(void);

/*
 * A stack of so many bytes (rounded up to pages) with an unmapped page below. Returns its top, or
 * NULL. Stacks that were freed are kept for reuse. Thread context.
 */
void *stack_alloc(size_t size);
void stack_free(void *top, size_t size);
/* True when the address lies in the guard page of a stack. Context: any. */
bool stack_guard_hit(uint64_t address);

/* Bytes that newlib's heap has taken so far, all of it: `free` shows it. */
size_t heap_size(void);
/* Bytes of stacks, of those too that are kept for reuse. */
size_t stacks_size(void);

#endif
