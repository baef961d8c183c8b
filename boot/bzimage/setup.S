/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real-mode part of the bzImage: the header that loaders read (Linux's Documentation/arch/x86/boot.rst,
 * protocol 2.15), and for those that enter in real mode (QEMU's -kernel, iPXE, GRUB's linux16) the way
 * from the BIOS to the 32-bit entry: memory map, A20, protected mode.
 *
 * Linked at 0 as a flat file; offsets are those of the protocol. The Makefile defines SETUP_SECTORS,
 * PAYLOAD_SIZE and IMAGE_MEMORY.
 */
#define ZERO_PAGE 0x2000	/* in our segment, behind this code */
#define ZERO_PAGE_SIZE 4096
#define HEADER_START 0x1f1
#define HEADER_END 0x268
#define SCREEN_MODE 0x06
#define SCREEN_IS_VGA 0x0f
#define E820_COUNT 0x1e8
#define E820_TABLE 0x2d0
#define E820_ENTRY 20
#define E820_MAX 128

#define SELECTOR_CODE 0x10	/* as the protocol wants them */
#define SELECTOR_DATA 0x18

	.section .text, "ax"
	.code16
	.globl _start
_start:
	/* Started as a boot sector: say that this is none. */
	mov $0x07c0, %ax
	mov %ax, %ds
	mov $not_bootable, %si
1:	lodsb
	test %al, %al
	jz 2f
	mov $0x0e, %ah
	mov $7, %bx
	int $0x10
	jmp 1b
2:	hlt
	jmp 2b
not_bootable:
	.asciz "ringside: load this with -kernel, GRUB or iPXE.\r\n"

	.org HEADER_START
	.byte SETUP_SECTORS
	.word 0					/* root_flags */
	.long (PAYLOAD_SIZE + 15) / 16		/* syssize */
	.word 0					/* ram_size */
	.word 0xffff				/* vid_mode: normal */
	.word 0					/* root_dev */
	.word 0xaa55
	/* 0x200: the real-mode entry */
	.byte 0xeb, header_end - 1f
1:	.ascii "HdrS"
	.word 0x020f				/* version */
	.long 0					/* realmode_swtch */
	.word 0					/* start_sys_seg */
	.word version - 0x200
	.byte 0					/* type_of_loader */
	.byte 0x01				/* loadflags: LOADED_HIGH */
	.word 0					/* setup_move_size */
	.long 0x100000				/* code32_start */
	.long 0, 0				/* ramdisk_image, ramdisk_size */
	.long 0					/* bootsect_kludge */
	.word 0xdf00				/* heap_end_ptr */
	.byte 0, 0				/* ext_loader_ver, ext_loader_type */
	.long 0					/* cmd_line_ptr */
	.long 0x7fffffff			/* initrd_addr_max */
	.long 0x200000				/* kernel_alignment */
	.byte 1					/* relocatable_kernel */
	.byte 21				/* min_alignment */
	.word 0x0001				/* xloadflags: KERNEL_64; all must lie below 4 GiB */
	.long 4095				/* cmdline_size */
	.long 0					/* hardware_subarch */
	.quad 0
	.long 0, 0				/* payload_offset, payload_length: not compressed */
	.quad 0					/* setup_data */
	.quad 0x200000				/* pref_address */
	/* The image goes to the next 2 MiB above where we are loaded. */
	.long IMAGE_MEMORY + 0x400000		/* init_size */
	.long 0					/* handover_offset: no EFI entry here */
	.long 0					/* kernel_info_offset */
header_end:

	cld
	cli
	/* DS is our segment, whichever; make CS the same. */
	push %ds
	push $1f
	lret
1:	push %ds
	pop %es
	sti

	/* The zero page: zeroes, then our header as the loader left it. */
	mov $ZERO_PAGE, %di
	xor %ax, %ax
	mov $(ZERO_PAGE_SIZE / 2), %cx
	rep stosw
	mov $HEADER_START, %si
	mov $(ZERO_PAGE + HEADER_START), %di
	mov $(HEADER_END - HEADER_START), %cx
	rep movsb

	/* A text screen? */
	mov $0x0f, %ah
	int $0x10
	and $0x7f, %al
	mov %al, ZERO_PAGE + SCREEN_MODE
	cmp $3, %al
	jne 1f
	movb $1, ZERO_PAGE + SCREEN_IS_VGA
1:
	/* INT 15h E820: an entry at a time, at most as many as there is room for. */
	xor %ebx, %ebx
	mov $(ZERO_PAGE + E820_TABLE), %di
1:	mov $0xe820, %eax
	mov $0x534d4150, %edx
	mov $E820_ENTRY, %ecx
	int $0x15
	jc 2f
	cmp $0x534d4150, %eax
	jne 2f
	incb ZERO_PAGE + E820_COUNT
	add $E820_ENTRY, %di
	test %ebx, %ebx
	jz 2f
	cmpb $E820_MAX, ZERO_PAGE + E820_COUNT
	jb 1b
2:
	/* A20: by the BIOS, and by the port that nearly all machines have. */
	mov $0x2401, %ax
	int $0x15
	in $0x92, %al
	test $2, %al
	jnz 1f
	or $2, %al
	and $0xfe, %al
	out %al, $0x92
1:
	cli
	xor %eax, %eax
	mov %ds, %ax
	shl $4, %eax
	lea ZERO_PAGE(%eax), %esi
	lea gdt(%eax), %edx
	mov %edx, gdt_pointer + 2
	lea protected(%eax), %edx
	mov %edx, protected_target
	lgdtl gdt_pointer
	mov %cr0, %eax
	or $1, %eax
	mov %eax, %cr0
	ljmpl *protected_target

	.code32
protected:
	mov $SELECTOR_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	mov %eax, %ss
	xor %ebp, %ebp
	xor %edi, %edi
	xor %ebx, %ebx
	/* code32_start, in the copy: the loader may have changed it. */
	mov 0x214(%esi), %eax
	jmp *%eax

	.balign 8
gdt:
	.quad 0, 0
	.quad 0x00cf9a000000ffff
	.quad 0x00cf92000000ffff
gdt_pointer:
	.word . - gdt - 1
	.long 0
	.balign 4
protected_target:
	.long 0
	.word SELECTOR_CODE
version:
	.asciz RINGSIDE_TEXT
	.org (SETUP_SECTORS + 1) * 512
	.section .note.GNU-stack, "", @progbits
