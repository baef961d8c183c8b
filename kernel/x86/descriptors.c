/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/x86/descriptors.h"

#include "kernel/x86/cpu.h"

#define MSR_GS_BASE 0xc0000101
#define VECTORS 256

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint8_t stack; /* 1 to 7: of the task state; 0: stay on the current one */
	uint8_t type;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};
_Static_assert(sizeof(struct gate) == 16, "64-bit gate, SDM figure 6-8");

#define GATE_INTERRUPT 0x8e

static struct gate gates[VECTORS];

/* In entry.S: a stub for each vector, ENTRY_STUB_SIZE bytes apart. */
extern const uint8_t interrupt_stubs[];
#define ENTRY_STUB_SIZE 16

void interrupt_table_init(void)
{
	for (unsigned int i = 0; i < VECTORS; i++) {
		uint64_t address = (uint64_t)(interrupt_stubs + i * ENTRY_STUB_SIZE);

		gates[i] = (struct gate){
			.offset_low = (uint16_t)address,
			.selector = SELECTOR_CODE,
			.type = GATE_INTERRUPT,
			.offset_middle = (uint16_t)(address >> 16),
			.offset_high = (uint32_t)(address >> 32),
		};
	}
	gates[2].stack = 1;  /* NMI */
	gates[8].stack = 2;  /* double fault: among others, a stack that ran into its guard page */
	gates[18].stack = 3; /* machine check */
}

void descriptors_load(struct cpu_descriptors *d, void *gs)
{
	uint64_t task = (uint64_t)&d->task;
	struct table_pointer segments = {sizeof(d->segments) - 1, (uint64_t)d->segments};
	struct table_pointer interrupts = {sizeof(gates) - 1, (uint64_t)gates};

	d->segments[SELECTOR_CODE / 8] = 0x00af9a000000ffff;
	d->segments[SELECTOR_DATA / 8] = 0x00cf92000000ffff;
	d->segments[SELECTOR_TASK / 8] = (sizeof(d->task) - 1) | (task & 0xffffff) << 16 |
					 0x89ULL << 40 | (task >> 24 & 0xff) << 56;
	d->segments[SELECTOR_TASK / 8 + 1] = task >> 32;
	d->task.io_map = sizeof(d->task);
	for (unsigned int i = 0; i < 3; i++)
		d->task.interrupt_stack[i] =
			(uint64_t)(d->exception_stacks[i] + EXCEPTION_STACK_SIZE);

	__asm__ volatile("lgdt %0\n\t"
			 "mov %w1, %%ds\n\t"
			 "mov %w1, %%es\n\t"
			 "mov %w1, %%ss\n\t"
			 "mov %w2, %%fs\n\t"
			 "mov %w2, %%gs\n\t"
			 "pushq %3\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\tltr %w4\n\t"
			 "lidt %5"
			 :
			 : "m"(segments), "r"(SELECTOR_DATA), "r"(0), "i"(SELECTOR_CODE),
			   "r"(SELECTOR_TASK), "m"(interrupts)
			 : "rax", "memory");
	cpu_write_msr(MSR_GS_BASE, (uint64_t)gs);
}
