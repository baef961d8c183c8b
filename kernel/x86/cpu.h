/* SPDX-License-Identifier: BSD-2-Clause */
/* The processor: identification, model-specific registers, time stamp counter, halting. */
#ifndef KERNEL_X86_CPU_H
#define KERNEL_X86_CPU_H

#include "kernel/x86/cpu_flags.h"

#include <stdbool.h>
#include <stdint.h>

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpu_id(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid id;

	__asm__ volatile("cpuid"
			 : "=a"(id.eax), "=b"(id.ebx), "=c"(id.ecx), "=d"(id.edx)
			 : "a"(leaf), "c"(subleaf));
	return id;
}

static inline uint64_t cpu_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static inline uint64_t cpu_read_msr(uint32_t index)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index) : "memory");
	return (uint64_t)high << 32 | low;
}

static inline void cpu_write_msr(uint32_t index, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline uint64_t cpu_cr2(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr2, %0" : "=r"(value));
	return value;
}

static inline uint64_t cpu_cr3(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr3, %0" : "=r"(value));
	return value;
}

static inline void cpu_set_cr3(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline void cpu_invalidate_page(uint64_t address)
{
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

/* Turns interrupts on and halts as one step: an interrupt that is pending ends the halt. */
static inline void cpu_halt_interruptible(void)
{
	__asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
}

static inline void cpu_halt_forever(void)
{
	for (;;)
		__asm__ volatile("cli\n\thlt" : : : "memory");
}

/* RDRAND; false when the CPU has none or gave nothing. */
bool cpu_random(uint64_t *value);

/* Resets the machine by an exception that cannot be handled: the last resort of all. */
void cpu_triple_fault(void) __attribute__((noreturn));

/* Which hypervisor says so in CPUID 0x40000000: "KVMKVMKVM", "TCGTCGTCGTCG", ... or "". */
const char *cpu_hypervisor(void);
const char *cpu_model(void);

/* Finds out what memory_barrier() takes on a machine of so many CPUs, used or not. */
void cpu_find_barrier(unsigned int cpus);

/* Floating point for applications: turns SSE on for this CPU. */
void cpu_enable_floating_point(void);

#endif
