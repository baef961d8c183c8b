/* SPDX-License-Identifier: BSD-2-Clause */
/* Segment, task and interrupt descriptors (Intel SDM volume 3, chapters 3, 6 and 7). */
#ifndef KERNEL_X86_DESCRIPTORS_H
#define KERNEL_X86_DESCRIPTORS_H

#include <stdint.h>

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TASK 0x18

#define EXCEPTION_STACK_SIZE 4096

/*
 * The only use of the task state here: exceptions that must not trust the stack get one of their
 * own.
 */
struct task_state {
	uint32_t reserved0;
	uint64_t stack_of_ring[3];
	uint64_t reserved1;
	uint64_t interrupt_stack[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map;
} __attribute__((packed));
_Static_assert(sizeof(struct task_state) == 104, "task state segment, SDM figure 7-11");

struct cpu_descriptors {
	uint64_t segments[5];
	struct task_state task;
	_Alignas(16) uint8_t exception_stacks[3][EXCEPTION_STACK_SIZE];
};

/* Loads them on the CPU that runs this; `gs` becomes the base of GS. Interrupts off. */
void descriptors_load(struct cpu_descriptors *descriptors, void *gs);

/* Fills the interrupt table that all CPUs share. Once. */
void interrupt_table_init(void);

#endif
