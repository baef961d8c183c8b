/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image, as data; and the last instructions of the application, which run from a copy at an address
 * that both sets of page tables map. The Makefile defines IMAGE_NAME, IMAGE_MEMORY and ENTRY_EFI.
 */
	.section .data, "aw"
	.balign 16
	.globl image_file, image_file_end, image_memory, image_entry, jump_code, jump_code_end
image_file:
	.incbin IMAGE_NAME
image_file_end:
	.balign 8
image_memory:	.quad IMAGE_MEMORY
image_entry:	.quad 0xffffffff80000000 + ENTRY_EFI

	/* RDI tables, RSI entry, RDX boot_info, RCX time stamp, R8 where the image is. */
jump_code:
	cli
	cld
	mov %rdi, %cr3
	/* Global pages of the firmware's tables would survive that. */
	mov %cr4, %rax
	and $~0x80, %rax
	mov %rax, %cr4
	mov %rsi, %rax
	mov %rdx, %rdi
	mov %rcx, %rsi
	mov %r8, %rdx
	jmp *%rax
jump_code_end:
	.section .note.GNU-stack, "", @progbits
