/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel that does nothing but say that it runs and whether it arrived whole: for tests and measurements of network boot.
 * Its first instructions write a line to the serial port, then come the command line and the initrd (by the Linux protocol),
 * then the checksum of its padding; it leaves by isa-debug-exit (status 33: good, 35: damaged) or ACPI.
 *
 *	payload: entered by linux64 at 01000000
 *	payload: command line: console=ttyS0
 *	payload: initrd: 00001000 bytes, checksum 0123456789abcdef
 *	payload: padding: 000ffc00 bytes, checksum 0123456789abcdef, good
 *
 * The same code in one of three files, a flat binary each with a header made here: FORMAT_BZIMAGE (Linux protocol, entries
 * in 16, 32 and 64 bits), FORMAT_PE (a UEFI application), FORMAT_ELF (PVH). pad.c appends the padding and completes the header.
 */
#define OFFSET(symbol) (symbol - code)
#define STACK_END OFFSET(stack_end)
#define ZERO_PAGE_RAMDISK 0x218
#define ZERO_PAGE_RAMDISK_SIZE 0x21c
#define ZERO_PAGE_LINE 0x228
#define ZERO_PAGE_SCRATCH 0x1e4
#define EXIT_GOOD 0x10
#define EXIT_BAD 0x11
#define ELF_PLACE 0x1000000

	.text
	.globl start
start:

#ifdef FORMAT_BZIMAGE
	/* Fields of Linux's Documentation/arch/x86/boot.rst; zero where the loader fills them. */
	.org	0x1f1
	.byte	1			/* setup_sects, one of 512 bytes after this */
	.word	0
	.long	0			/* 0x1f4 syssize: pad.c */
	.word	0, 0, 0
	.word	0xaa55
	.byte	0xeb, header_end - 1f	/* 0x200 jump */
1:	.ascii	"HdrS"
	.word	0x020c			/* version */
	.long	0
	.word	0
	.word	kernel_version - start - 0x200
	.byte	0			/* 0x210 type_of_loader */
	.byte	1			/* loadflags: LOADED_HIGH */
	.word	0
	.long	0x100000		/* 0x214 code32_start */
	.long	0, 0, 0
	.word	0, 0
	.long	0			/* 0x228 cmd_line_ptr */
	.long	0x7fffffff		/* initrd_addr_max */
	.long	0x200000		/* 0x230 kernel_alignment */
	.byte	1			/* relocatable_kernel */
	.byte	12			/* min_alignment */
	.word	1			/* xloadflags: XLF_KERNEL_64 */
	.long	2047			/* cmdline_size */
	.long	0
	.quad	0
	.long	0, 0
	.quad	0
	.quad	0x1000000		/* 0x258 pref_address */
	.long	0			/* 0x260 init_size: pad.c */
	.long	0
header_end:
	.code16
	/* DS = where this lies, whichever; interrupts are on. To protected mode with flat segments; this sector is the zero page. */
	cli
	xor	%ebx, %ebx
	mov	%ds, %bx
	shl	$4, %ebx
	add	%ebx, gdt_pointer - start + 2
	lgdtl	gdt_pointer - start
	mov	code32_start - start, %ecx
	mov	%ebx, %esi
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	jmp	1f
1:	pushl	$0x10
	pushl	%ecx
	lretl
	.set	code32_start, start + 0x214
	.balign	8
gdt:	.quad	0, 0
	.quad	0x00cf9b000000ffff	/* 0x10: code */
	.quad	0x00cf93000000ffff	/* 0x18: data */
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt - start
kernel_version:
	.asciz	"ringside test payload"
	.org	0x400
code:
	.code32
	cli
	cld
	mov	$0x18, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%esi, %ebx
	/* The zero page has four bytes for a stack, to find out where we are. */
	lea	(ZERO_PAGE_SCRATCH + 4)(%esi), %esp
	call	1f
1:	pop	%ebp
	sub	$OFFSET(1b), %ebp
	mov	$OFFSET(text_linux32), %edi
	jmp	body_32
	.org	0x400 + 0x200
	.code64
	cli
	cld
	lea	code(%rip), %rbp
	mov	%esi, %ebx
	mov	$OFFSET(text_linux64), %edi
	jmp	body_64
#define NEED_32
#define NEED_64
#endif

#ifdef FORMAT_PE
	/* Microsoft's PE32+: one section with everything, at 0x1000 in memory, 0x200 in the file. */
	.ascii	"MZ"
	.org	0x3c
	.long	0x40
	.ascii	"PE\0\0"
	.word	0x8664, 1		/* machine, sections */
	.long	0, 0, 0
	.word	sections - optional, 0x22
optional:
	.word	0x20b, 0
	.long	0			/* +0x04 SizeOfCode: pad.c */
	.long	0, 0
	.long	0x1000, 0x1000		/* AddressOfEntryPoint, BaseOfCode */
	.quad	0
	.long	0x1000, 0x200		/* alignments */
	.word	0, 0, 0, 0, 0, 0
	.long	0
	.long	0			/* +0x38 SizeOfImage: pad.c */
	.long	0x200			/* SizeOfHeaders */
	.long	0
	.word	10, 0			/* subsystem: EFI application */
	.quad	0, 0, 0, 0
	.long	0, 16
	.fill	16, 8, 0
sections:
	.ascii	".text\0\0\0"
	.long	0			/* VirtualSize: pad.c */
	.long	0x1000
	.long	0			/* SizeOfRawData: pad.c */
	.long	0x200
	.long	0, 0, 0
	.long	0xe0000020
	.org	0x200
code:
	.code64
	cli
	cld
	lea	code(%rip), %rbp
	xor	%ebx, %ebx
	mov	$OFFSET(text_efi), %edi
	jmp	body_64
#define NEED_64
#endif

#ifdef FORMAT_ELF
	.ascii	"\177ELF"
	.byte	2, 1, 1
	.org	16
	.word	2, 62
	.long	1
	.quad	ELF_PLACE, program_headers - start, 0
	.long	0
	.word	64, 56, 2, 0, 0, 0
program_headers:
	.long	1, 7			/* PT_LOAD, all rights */
	.quad	0x200, ELF_PLACE, ELF_PLACE
	.quad	0, 0			/* 0x60 p_filesz, p_memsz: pad.c */
	.quad	0x200
	.long	4, 4			/* PT_NOTE */
	.quad	note - start, 0, 0, note_end - note, note_end - note, 4
note:
	.long	4, 4, 18		/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	ELF_PLACE
note_end:
	.org	0x200
code:
	.code32
	cli
	cld
	mov	$ELF_PLACE, %ebp
	xor	%ebx, %ebx
	mov	$OFFSET(text_pvh), %edi
	jmp	body_32
#define NEED_32
#endif

#ifdef NEED_32
	.code32
#define NAME(x) x##_32
#include "body.S"
#undef NAME
#endif
#ifdef NEED_64
	.code64
#define NAME(x) x##_64
#include "body.S"
#undef NAME
#endif

text_entered: .asciz "payload: entered by "
text_at:      .asciz " at "
text_linux32: .asciz "linux32"
text_linux64: .asciz "linux64"
text_pvh:     .asciz "pvh"
text_efi:     .asciz "efi"
text_line:    .asciz "payload: command line: "
text_initrd:  .asciz "payload: initrd: "
text_padding: .asciz "payload: padding: "
text_sum:     .asciz " bytes, checksum "
text_good:    .asciz ", good"
text_bad:     .asciz ", bad"

	.balign	16
sums:	.long	0, 0
	.fill	256, 1, 0
stack_end:
	/* pad.c looks for the word, and fills what follows. */
	.ascii	"RINGPAD!"
padding_size: .long 0
padding_sum:  .long 0, 0
	.balign	512
padding:
