/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first page of the bzImage's protected-mode part, wherever a loader put it; the image follows as it
 * is to lie in memory. It is moved to the next 2 MiB boundary, which is always above us, its zeroes are
 * made, and it is entered. The Makefile defines IMAGE_FILE (bytes that follow), IMAGE_MEMORY (bytes with
 * the zeroes), ENTRY32 and ENTRY64 (offsets in the image).
 */
#define STUB_SIZE 4096
#define ALIGNMENT 0x200000
#define ZERO_PAGE_SCRATCH 0x1e4

	.section .text, "ax"
	.globl _start
	.code32
_start:
	cld
	cli
	lea (ZERO_PAGE_SCRATCH + 4)(%esi), %esp
	call 1f
1:	pop %ebp
	sub $(1b - _start), %ebp
	mov %esi, %ebx
	/* Backwards, since the target is above and may overlap. */
	lea (STUB_SIZE + IMAGE_FILE - 1)(%ebp), %esi
	lea (STUB_SIZE + ALIGNMENT - 1)(%ebp), %edx
	and $-ALIGNMENT, %edx
	lea (IMAGE_FILE - 1)(%edx), %edi
	mov $IMAGE_FILE, %ecx
	std
	rep movsb
	cld
	lea IMAGE_FILE(%edx), %edi
	mov $(IMAGE_MEMORY - IMAGE_FILE), %ecx
	xor %eax, %eax
	rep stosb
	mov %ebx, %esi
	add $ENTRY32, %edx
	jmp *%edx

	.org 0x200
	.code64
	/* The same in long mode; the zero page is in RSI. */
	cld
	cli
	mov %rsi, %rbx
	lea _start(%rip), %rbp
	lea (STUB_SIZE + IMAGE_FILE - 1)(%rbp), %rsi
	lea (STUB_SIZE + ALIGNMENT - 1)(%rbp), %rdx
	and $-ALIGNMENT, %rdx
	lea (IMAGE_FILE - 1)(%rdx), %rdi
	mov $IMAGE_FILE, %ecx
	std
	rep movsb
	cld
	lea IMAGE_FILE(%rdx), %rdi
	mov $(IMAGE_MEMORY - IMAGE_FILE), %ecx
	xor %eax, %eax
	rep stosb
	mov %rbx, %rsi
	add $ENTRY64, %rdx
	jmp *%rdx
	.org STUB_SIZE
	.section .note.GNU-stack, "", @progbits
