/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt entry and the switch between threads.
 *
 * Each vector has a stub of 16 bytes that pushes its number (and a zero where the CPU pushes no error
 * code). Nothing here saves vector registers: code that runs in interrupts has none, and a thread that
 * has them is only ever switched through context_switch().
 */
	.text
	.balign 16
	.globl interrupt_stubs
interrupt_stubs:
	vector = 0
	.rept 256
	.balign 16
	.if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
	.else
	pushq $0
	.endif
	pushq $vector
	jmp interrupt_common
	vector = vector + 1
	.endr

	.balign 16
interrupt_common:
	cld
	push %rax
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, %rdi
	/* rbp of the interrupted code stays the end of our own frame chain: traces go through. */
	mov %rsp, %rbx
	and $-16, %rsp
	call interrupt_dispatch
	mov %rbx, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rdx
	pop %rcx
	pop %rax
	add $16, %rsp
	iretq

/*
 * void context_switch(uint64_t *save, uint64_t load, void *save_fp, void *load_fp): keeps what a called
 * function must keep, on the old stack; goes on where `load` was saved. Interrupts off.
 */
	.globl context_switch
context_switch:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	test %rdx, %rdx
	jz 1f
	fxsave64 (%rdx)
1:	mov %rsp, (%rdi)
	mov %rsi, %rsp
	test %rcx, %rcx
	jz 1f
	fxrstor64 (%rcx)
1:	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

/* The first thing a new thread runs; its function and argument are in rbx and r12, rbp is 0. */
	.globl thread_entry
thread_entry:
	and $-16, %rsp		/* as the ABI wants it at a call: applications use SSE */
	mov %rbx, %rdi
	mov %r12, %rsi
	call thread_begin
	ud2
	.section .note.GNU-stack, "", @progbits
