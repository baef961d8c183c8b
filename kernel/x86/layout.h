/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The address space. Everything of ours is in the upper half; the lower half, and with it the null
 * page, is never mapped once the kernel runs on its own tables.
 *
 *	0xffff8000...	direct map: all memory, physical address + DIRECT_MAP
 *	0xffffa000...	device registers and firmware tables, mapped on demand
 *	0xffffc000...	newlib's heap
 *	0xffffd000...	stacks, each with an unmapped guard page below
 *	0xffffffff80..	the image, wherever it lies in memory
 *	0xffffffff90..	its cold parts (kernel/cold/cold.h), once they are unpacked
 *	0xffffffffa0..	the same while they are
 */
#ifndef KERNEL_X86_LAYOUT_H
#define KERNEL_X86_LAYOUT_H

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096
#define LARGE_PAGE_SIZE 0x200000

#define DIRECT_MAP_SLOT 256	/* of the PML4 */
#define IMAGE_WINDOW 0x10000000 /* linker.ld: no image is larger */

#ifndef __ASSEMBLER__
#define DIRECT_MAP 0xffff800000000000UL
#define DIRECT_MAP_END 0xffffa00000000000UL
#define MAP_AREA 0xffffa00000000000UL
#define MAP_AREA_END 0xffffb00000000000UL
#define HEAP_AREA 0xffffc00000000000UL
#define HEAP_AREA_END 0xffffd00000000000UL
#define STACK_AREA 0xffffd00000000000UL
#define STACK_AREA_END 0xffffe00000000000UL
#define IMAGE_VIRTUAL 0xffffffff80000000UL
#define COLD_VIRTUAL 0xffffffff90000000UL
#define COLD_WRITABLE 0xffffffffa0000000UL
#endif

#endif
