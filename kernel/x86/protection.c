/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/x86/protection.h"

#include "kernel/facts/facts.h"
#include "kernel/stack_protector.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/percpu.h"

#define CR0_WP (1u << 16)
#define CR4_UMIP (1u << 11)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)
#define RFLAGS_AC (1 << 18)
#define MSR_EFER 0xc0000080u
#define EFER_NXE (1u << 11)
#define LEAF_FEATURES 7u
#define EBX_SMEP (1u << 7)
#define EBX_SMAP (1u << 20)
#define ECX_UMIP (1u << 2)

static uint64_t cr0(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr0, %0" : "=r"(value));
	return value;
}

static uint64_t cr4(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

static struct cpuid features(void)
{
	const struct cpuid none = {0};

	return cpu_id(0, 0).eax >= LEAF_FEATURES ? cpu_id(LEAF_FEATURES, 0) : none;
}

bool protection_offered(enum protection protection)
{
	switch (protection) {
	case PROTECTION_SMEP:
		return features().ebx & EBX_SMEP;
	case PROTECTION_SMAP:
		return features().ebx & EBX_SMAP;
	case PROTECTION_UMIP:
		return features().ecx & ECX_UMIP;
	default:
		return true; /* of every CPU with 64 bits */
	}
}

bool protection_on(enum protection protection)
{
	switch (protection) {
	case PROTECTION_WRITE:
		return cr0() & CR0_WP;
	case PROTECTION_EXECUTE:
		return cpu_read_msr(MSR_EFER) & EFER_NXE;
	case PROTECTION_SMEP:
		return cr4() & CR4_SMEP;
	case PROTECTION_SMAP:
		return cr4() & CR4_SMAP;
	default:
		return cr4() & CR4_UMIP;
	}
}

const char *protection_name(enum protection protection)
{
	static const char *const names[PROTECTIONS] = {
		[PROTECTION_WRITE] = "read_only", [PROTECTION_EXECUTE] = "no_execute",
		[PROTECTION_SMEP] = "smep",	  [PROTECTION_SMAP] = "smap",
		[PROTECTION_UMIP] = "umip",
	};

	return names[protection];
}

void protection_enable(void)
{
	static const uint32_t bits[PROTECTIONS] = {
		[PROTECTION_SMEP] = CR4_SMEP,
		[PROTECTION_SMAP] = CR4_SMAP,
		[PROTECTION_UMIP] = CR4_UMIP,
	};
	uint64_t value = cr4();

	for (enum protection i = 0; i < PROTECTIONS; i++)
		if (protection_offered(i))
			value |= bits[i];
	__asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
	/* RFLAGS.AC would lift SMAP. `clac` does this too, but not every hypervisor emulates that. */
	__asm__ volatile("pushfq\n\tandl %0, (%%rsp)\n\tpopfq"
			 :
			 : "i"(~RFLAGS_AC)
			 : "memory", "cc");
}

static void describe(struct facts *facts)
{
	fact_flag(facts, "stack_protector", __stack_chk_guard != STACK_PROTECTOR_UNSEEDED);
	for (enum protection i = 0; i < PROTECTIONS; i++)
		fact_flag(facts, protection_name(i), protection_on(i));
}
FACTS(protection, "protection", 21, describe);
