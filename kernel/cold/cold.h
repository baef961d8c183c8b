/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cold parts of the image: what is on nobody's way at the start. They are linked at addresses of their own
 * (linker.ld), stand in the image compressed, and are unpacked when they are first needed; until then
 * their addresses are unmapped, and they take no memory.
 *
 * They may refer to everything. What refers to them is listed in kernel/cold/gates, and
 * the build fails when anything else does (kernel/cold/pack.pl): tables, whose reader asks
 * cold_need() before it uses the pointer, and the functions that a few others may call, which have asked. Texts
 * of tables stay (kernel/table.h). Devices do not reach their variables (kernel/memory/dma.h). Handlers of
 * interrupts, and whatever reports a crash, never need a cold part.
 */
#ifndef KERNEL_COLD_COLD_H
#define KERNEL_COLD_COLD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * For a function in a cold file that is wanted before memory is there, as the check of an option, or when none is left,
 * as a command that ends all.
 */
#define RESIDENT __attribute__((section(".resident")))

/*
 * Unpacks the part that the code or data at `pointer` is in, unless it is there already, or is not
 * cold at all. 0; -ENOMEM; -EBADMSG: the image is damaged. Both have their line. Thread context, without locks that
 * others need soon: it takes milliseconds, and lets other threads run.
 */
int cold_need(const void *pointer);

/* Whether the address is in the code of a cold part, unpacked or not. Context: any. */
bool cold_code(uint64_t address);

/* How many parts were unpacked so far. Context: any. */
unsigned int cold_count(void);

#endif
