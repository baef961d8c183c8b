/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image, as data; and the last instructions of the application, which run from a copy at an address
 * that both sets of page tables map. The Makefile defines IMAGE_NAME, IMAGE_MEMORY and ENTRY_EFI.
 */
#define CR0_PG (1 << 31)
#define CR4_PGE (1 << 7)
#define CR4_LA57 (1 << 12)
#define CR4_PCIDE (1 << 17)

	.section .data, "aw"
	.balign 16
	.globl image_file, image_file_end, image_memory, image_entry, jump_code, jump_code_end
image_file:
	.incbin IMAGE_NAME
image_file_end:
	.balign 8
image_memory:	.quad IMAGE_MEMORY
image_entry:	.quad 0xffffffff80000000 + ENTRY_EFI

	/* RDI tables, RSI entry, RDX boot_info, RCX time stamp, R8 where the image is. All of this, and the
	   tables, lie below 4 GiB. */
jump_code:
	cli
	cld
	/* Global pages of the firmware's tables would survive the change. */
	mov %cr4, %rax
	and $~(CR4_PGE | CR4_PCIDE), %rax
	mov %rax, %cr4
	test $CR4_LA57, %eax
	jnz five_levels
	mov %rdi, %cr3
enter:
	mov %rsi, %rax
	mov %rdx, %rdi
	mov %rcx, %rsi
	mov %r8, %rdx
	jmp *%rax

	/*
	 * The firmware's tables have five levels and ours four. That changes only while paging is off, and
	 * it goes off only in 32 bits, which need not keep our registers.
	 */
five_levels:
	mov %rsi, saved(%rip)
	mov %rdx, saved + 8(%rip)
	mov %rcx, saved + 16(%rip)
	mov %r8, saved + 24(%rip)
	lea gdt(%rip), %rax
	mov %rax, gdt_pointer + 2(%rip)
	lgdt gdt_pointer(%rip)
	lea far_back(%rip), %rbx
	lea back(%rip), %rax
	mov %eax, (%rbx)
	lea four_levels(%rip), %rax
	pushq $0x08
	push %rax
	lretq
	.code32
four_levels:
	mov $0x18, %eax
	mov %eax, %ds
	mov %eax, %ss
	mov %cr0, %eax
	and $~CR0_PG, %eax
	mov %eax, %cr0
	mov %cr4, %eax
	and $~CR4_LA57, %eax
	mov %eax, %cr4
	mov %edi, %cr3
	mov %cr0, %eax
	or $CR0_PG, %eax
	mov %eax, %cr0
	ljmp *(%ebx)
	.code64
back:
	mov saved(%rip), %rsi
	mov saved + 8(%rip), %rdx
	mov saved + 16(%rip), %rcx
	mov saved + 24(%rip), %r8
	jmp enter

	.balign 8
saved:	.quad 0, 0, 0, 0
gdt:
	.quad 0
	.quad 0x00cf9a000000ffff	/* 0x08: 32-bit code */
	.quad 0x00af9a000000ffff	/* 0x10: 64-bit code */
	.quad 0x00cf92000000ffff	/* 0x18: data */
gdt_end:
far_back:
	.long 0
	.word 0x10
gdt_pointer:
	.word gdt_end - gdt - 1
	.quad 0
jump_code_end:
	.section .note.GNU-stack, "", @progbits
