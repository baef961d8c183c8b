/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings of physical addresses that are not memory of ours: device registers, firmware tables. */
#ifndef KERNEL_MEMORY_MAP_H
#define KERNEL_MEMORY_MAP_H

#include <stddef.h>
#include <stdint.h>

/*
 * Maps `length` bytes of device registers at physical `address`, uncached, writable, never
 * executable; neither has to be aligned to pages. NULL when length is 0, the range wraps around or
 * lies above what the CPU can address, or no page table can be had. Thread context.
 */
volatile void *map_mmio(uint64_t address, size_t length);
void unmap_mmio(volatile void *pointer, size_t length);

/*
 * Maps firmware tables for reading (cached, read-only). Same rules; NULL as above.
 */
const void *map_firmware(uint64_t address, size_t length);
void unmap_firmware(const void *pointer, size_t length);

#endif
