/* SPDX-License-Identifier: BSD-2-Clause */
/* From 32 bits, as PVH has it, to long mode; see linux64.c. */
	.code64
#include "boot/efi/image.S"

#define CR4_PAE (1 << 5)
#define MSR_EFER 0xc0000080
#define EFER_LME (1 << 8)

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 4, 18		/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long start

	.text
	.code32
	.globl start
start:
	cld
	mov $stack_end, %esp
	push %ebx
	call load
	mov %eax, target
	lgdt start_gdt_pointer
#if LEVELS == 5
	mov $(CR4_PAE | CR4_LA57), %eax
	mov %eax, %cr4
	mov $pml5, %eax
#else
	mov $CR4_PAE, %eax
	mov %eax, %cr4
	mov $pml4, %eax
#endif
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_LME, %eax
	wrmsr
	mov %cr0, %eax
	or $CR0_PG, %eax
	mov %eax, %cr0
	ljmp $0x08, $long_mode

	.code64
long_mode:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
#ifdef FIRMWARE
	/* Its fifth argument and the high halves must come through too. */
	mov $pml4, %edi
	mov $left, %esi
	movabs $0x123456789abcdef0, %rdx
	movabs $0x0fedcba987654321, %rcx
	movabs $0x1122334455667788, %r8
	jmp jump_code
left:
	mov %cr4, %rax
	test $CR4_LA57, %eax
	jnz wrong
	movabs $0x123456789abcdef0, %rax
	cmp %rax, %rdi
	jne wrong
	movabs $0x0fedcba987654321, %rax
	cmp %rax, %rsi
	jne wrong
	movabs $0x1122334455667788, %rax
	cmp %rax, %rdx
	jne wrong
#endif
	mov $zero_page, %esi
	mov target(%rip), %eax
	jmp *%rax
#ifdef FIRMWARE
wrong:	ud2
#endif

	.data
	.balign 8
start_gdt:
	.quad 0
	.quad 0x00af9a000000ffff	/* 0x08: 64-bit code */
	.quad 0x00cf92000000ffff	/* 0x10: data */
start_gdt_end:
start_gdt_pointer:
	.word start_gdt_end - start_gdt - 1
	.long start_gdt
target:	.long 0

	.bss
	.balign 16
	.skip 4096
stack_end:
	.section .note.GNU-stack, "", @progbits
