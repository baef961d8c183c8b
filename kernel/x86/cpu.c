/* SPDX-License-Identifier: BSD-2-Clause */
/* What the processor says of itself. */
#include "kernel/x86/cpu.h"

#include "kernel/x86/io.h"

#include <string.h>

#define CPUID_RDRAND (1u << 30)	    /* leaf 1, ECX */
#define CPUID_HYPERVISOR (1u << 31) /* leaf 1, ECX */

bool cpu_random(uint64_t *value)
{
	uint8_t ok = 0;

	if (!(cpu_id(1, 0).ecx & CPUID_RDRAND))
		return false;
	/* The manual's advice: ten tries, then take it as broken. */
	for (int i = 0; i < 10 && !ok; i++)
		__asm__ volatile("rdrand %0\n\tsetc %1" : "=r"(*value), "=qm"(ok) : : "cc");
	return ok;
}

void cpu_triple_fault(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) empty = {0, 0};

	__asm__ volatile("lidt %0\n\tud2" : : "m"(empty));
	cpu_halt_forever();
	__builtin_unreachable();
}

static void copy_register(char *text, uint32_t value)
{
	memcpy(text, &value, sizeof(value));
}

const char *cpu_hypervisor(void)
{
	static char name[13];

	if (!name[0] && cpu_id(1, 0).ecx & CPUID_HYPERVISOR) {
		struct cpuid id = cpu_id(0x40000000, 0);

		copy_register(name, id.ebx);
		copy_register(name + 4, id.ecx);
		copy_register(name + 8, id.edx);
	}
	return name;
}

bool memory_barrier_elided;

void cpu_find_barrier(unsigned int cpus)
{
	memory_barrier_elided = cpus < 2 && !strcmp(cpu_hypervisor(), "TCGTCGTCGTCG");
}

const char *cpu_model(void)
{
	static char name[49];

	if (!name[0] && cpu_id(0x80000000, 0).eax >= 0x80000004) {
		for (unsigned int i = 0; i < 3; i++) {
			struct cpuid id = cpu_id(0x80000002 + i, 0);

			copy_register(name + i * 16, id.eax);
			copy_register(name + i * 16 + 4, id.ebx);
			copy_register(name + i * 16 + 8, id.ecx);
			copy_register(name + i * 16 + 12, id.edx);
		}
	}
	return name[0] ? name : "x86-64";
}

#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_NE (1u << 5)
#define CR4_OSFXSR (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)

void cpu_enable_floating_point(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr0, %0" : "=r"(value));
	value = (value & ~(uint64_t)(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE;
	__asm__ volatile("mov %0, %%cr0" : : "r"(value));
	__asm__ volatile("mov %%cr4, %0" : "=r"(value));
	value |= CR4_OSFXSR | CR4_OSXMMEXCPT;
	__asm__ volatile("mov %0, %%cr4" : : "r"(value));
}
