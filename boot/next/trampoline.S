/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last instructions of ours: copied to a page that nothing is moved over, entered there on page tables
 * that map addresses as they are, with interrupts off. Goes through the list of moves, then enters the next
 * kernel: Linux in 64 bits (Documentation/arch/x86/boot.rst, "64-bit Boot Protocol"), PVH in 32 bits without
 * paging (Xen's docs/misc/pvh.pandoc, "state of the machine"). boot/next/handover.c fills in the words at
 * the end. In: RBX = where this is.
 */
#define HERE(symbol) (symbol - next_trampoline)
#define SELECTOR_CODE64 0x10	/* as Linux wants them */
#define SELECTOR_DATA 0x18
#define SELECTOR_CODE32 0x20
#define SELECTOR_TASK 0x28
#define CR0_PE (1 << 0)
#define CR4_PAE (1 << 5)
#define MSR_EFER 0xc0000080

	.section .rodata.next_trampoline, "a"
	.balign 16
	.globl next_trampoline, next_trampoline_end
	.globl next_trampoline_moves, next_trampoline_tables, next_trampoline_entry
	.globl next_trampoline_argument, next_trampoline_pvh
	.code64
next_trampoline:
	cld
	lea HERE(stack_end)(%rbx), %rsp
	lea HERE(gdt)(%rbx), %rax
	mov %rax, HERE(gdt_pointer) + 2(%rbx)
	lgdt HERE(gdt_pointer)(%rbx)
	lidt HERE(no_interrupts)(%rbx)
	mov $SELECTOR_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %eax, %fs
	mov %eax, %gs
	lea HERE(own_segments)(%rbx), %rax
	pushq $SELECTOR_CODE64
	push %rax
	lretq
own_segments:
	/* Of our own tables nothing may be left, in the caches neither: they are written over. */
	mov $CR4_PAE, %eax
	mov %rax, %cr4
	mov HERE(next_trampoline_tables)(%rbx), %rdx
	lea 2048(%rdx), %rdi
	mov $256, %ecx
	xor %eax, %eax
	rep stosq
	mov %rdx, %cr3

	mov HERE(next_trampoline_moves)(%rbx), %rbp
next_move:
	mov (%rbp), %rsi
	mov 8(%rbp), %rdi
	mov 16(%rbp), %rdx
	add $24, %rbp
	test %rdx, %rdx
	jz end_of_page
	mov %rdx, %rcx
	shr $3, %rcx
	and $7, %edx
	test %rsi, %rsi
	jz zeroes
	rep movsq
	mov %edx, %ecx
	rep movsb
	jmp next_move
zeroes:
	xor %eax, %eax
	rep stosq
	mov %edx, %ecx
	rep stosb
	jmp next_move
end_of_page:
	mov %rdi, %rbp
	test %rdi, %rdi
	jnz next_move

	pushq $2
	popfq
	cmpl $0, HERE(next_trampoline_pvh)(%rbx)
	jne pvh
	mov HERE(next_trampoline_argument)(%rbx), %rsi
	mov HERE(next_trampoline_entry)(%rbx), %rax
	xor %ebx, %ebx
	xor %ebp, %ebp
	xor %edi, %edi
	jmp *%rax

pvh:
	lea HERE(pvh32)(%rbx), %rax
	pushq $SELECTOR_CODE32
	push %rax
	lretq
	.code32
pvh32:
	mov $CR0_PE, %eax
	mov %eax, %cr0
	xor %eax, %eax
	xor %edx, %edx
	mov $MSR_EFER, %ecx
	wrmsr
	mov %eax, %cr3
	mov %eax, %cr4
	mov $SELECTOR_TASK, %eax
	ltr %ax
	mov HERE(next_trampoline_entry)(%ebx), %eax
	mov HERE(next_trampoline_argument)(%ebx), %ebx
	jmp *%eax

	.balign 8
gdt:
	.quad 0, 0
	.quad 0x00af9a000000ffff	/* 64-bit code */
	.quad 0x00cf92000000ffff	/* data */
	.quad 0x00cf9a000000ffff	/* 32-bit code */
	.quad 0x0000890000000067	/* a 32-bit task state at 0, as PVH promises; nobody uses it */
gdt_pointer:
	.word . - gdt - 1
	.quad 0
no_interrupts:
	.word 0
	.quad 0
	.balign 8
next_trampoline_moves:		.quad 0
next_trampoline_tables:		.quad 0
next_trampoline_entry:		.quad 0
next_trampoline_argument:	.quad 0
next_trampoline_pvh:		.long 0
	.balign 8
	.skip 64
stack_end:
next_trampoline_end:
	.section .note.GNU-stack, "", @progbits
