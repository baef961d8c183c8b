/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel by PVH that says a line and halts for good: so that one can look, from outside, at the machine that it was handed.
 */
#define SERIAL 0x3f8

	.section .note.Xen, "a", @note
	.balign 4
	.long 4, 4, 18
	.asciz "Xen"
	.long start

	.text
	.code32
	.globl start
start:
	mov $text, %esi
	mov $SERIAL, %edx
1:	lodsb
	test %al, %al
	jz 2f
	out %al, %dx
	jmp 1b
2:	hlt
	jmp 2b
text:
	.asciz "halted: here\n"
	.section .note.GNU-stack, "", @progbits
