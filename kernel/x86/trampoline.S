/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where another CPU begins: in real mode, at the start of a page below 1 MiB to which this is copied.
 * From there to long mode in one step, on tables that have the first 2 MiB identity-mapped.
 *
 * Any CPU that was ever told to start may come here, at any time: one whose host was slow long after it was
 * given up. Only the one that is waited for goes on, and only once; the others halt. So nothing here is written
 * that is not the same for all of them, but for the count of those.
 */
#define HERE(symbol) (symbol - trampoline)
#define MSR_EFER 0xc0000080
#define MSR_APIC_BASE 0x1b
#define APIC_BASE_X2APIC (1 << 10)
#define MSR_X2APIC_ID 0x802
#define EFER_LME_NXE ((1 << 8) | (1 << 11))
#define CR0_PE_WP_PG ((1 << 0) | (1 << 16) | (1 << 31))
#define CR4_PAE_PGE ((1 << 5) | (1 << 7))

	.section .rodata.trampoline, "a"
	.balign 16
	.globl trampoline, trampoline_end, trampoline_tables, trampoline_stack, trampoline_cpu
	.globl trampoline_apic_id, trampoline_wanted, trampoline_turned_away
	.code16
trampoline:
	cli
	cld
	mov %cs, %ax
	mov %ax, %ds
	/* EBX = our linear address, patched into what needs one. */
	xor %ebx, %ebx
	mov %ax, %bx
	shl $4, %ebx
	lea HERE(gdt)(%ebx), %eax
	mov %eax, HERE(gdt_pointer) + 2
	lea HERE(long_mode)(%ebx), %eax
	mov %eax, HERE(far_target)
	lgdtl HERE(gdt_pointer)
	mov $CR4_PAE_PGE, %eax
	mov %eax, %cr4
	mov HERE(trampoline_tables), %eax
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_LME_NXE, %eax
	wrmsr
	mov $CR0_PE_WP_PG, %eax
	mov %eax, %cr0
	ljmpl *HERE(far_target)

	.code64
long_mode:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	/* Our APIC id, from the APIC: that is what STARTUP went to, whatever a VMM says in CPUID. */
	mov $MSR_APIC_BASE, %ecx
	rdmsr
	test $APIC_BASE_X2APIC, %eax
	jz 1f
	mov $MSR_X2APIC_ID, %ecx
	rdmsr
	jmp 2f
1:	mov trampoline_apic_id(%rip), %rcx
	mov (%rcx), %eax
	shr $24, %eax
2:	mov $-1, %ecx
	lock cmpxchg %ecx, trampoline_wanted(%rip)
	jne turned_away
	mov trampoline_stack(%rip), %rsp
	mov trampoline_cpu(%rip), %rdi
	xor %ebp, %ebp
	movabs $smp_entry, %rax
	call *%rax
	ud2
turned_away:
	lock incl trampoline_turned_away(%rip)
1:	hlt
	jmp 1b

	.balign 8
gdt:
	.quad 0
	.quad 0x00af9a000000ffff
	.quad 0x00cf92000000ffff
gdt_pointer:
	.word . - gdt - 1
	.long 0
	.balign 4
far_target:
	.long 0
	.word 0x08
	.balign 8
trampoline_tables:	.quad 0
trampoline_stack:	.quad 0
trampoline_cpu:		.quad 0
trampoline_apic_id:	.quad 0		/* where the xAPIC has it */
trampoline_wanted:	.long -1	/* the APIC id that may go on; SMP_NOBODY */
trampoline_turned_away:	.long 0
trampoline_end:
	.section .note.GNU-stack, "", @progbits
