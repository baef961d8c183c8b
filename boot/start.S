/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first instructions. Whoever loads us, each entry ends in long mode at our link address with a
 * stack, and calls boot_enter(method, argument) in boot/enter.c:
 *
 *	pvh_entry	32 bits, paging off, EBX = hvm_start_info	  (Xen's PVH ABI)
 *	linux32_entry	32 bits, paging off, ESI = zero page		  (from boot/setup.S's payload stub)
 *	linux64_entry	64 bits, identity mapped, RSI = zero page	  (Linux boot protocol, also ELF e_entry)
 *	efi_entry	64 bits, on page tables of boot/efi/, RDI = struct boot_info, RSI = TSC
 *
 * We may have been loaded at any multiple of 2 MiB, so until the jump to the link address everything is
 * relative to where we find ourselves; EBP holds that place.
 */
#include "boot/method.h"
#include "kernel/x86/layout.h"

#define CR0_PE (1 << 0)
#define CR0_WP (1 << 16)
#define CR0_PG (1 << 31)
#define CR4_PAE (1 << 5)
#define CR4_PCIDE (1 << 17)
#define MSR_EFER 0xc0000080
#define EFER_LME (1 << 8)
#define EFER_NXE (1 << 11)
#define PTE_PRESENT_WRITABLE 0x3
#define PTE_LARGE_WRITABLE 0x83
#define ZERO_PAGE_SCRATCH 0x1e4 /* bootparam.h: four bytes for our use */

/* The place of a symbol as an offset from the start of the image. */
#define AT(symbol) (symbol - 0xffffffff80000000)

	.section .note.ringside, "a", @note
	.balign 4
	.long 4, 4, 18		/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long pvh_entry_physical

	.section .text.boot, "ax"
	.code32
	.globl pvh_entry
pvh_entry:
	cld
	cli
	/* No stack is promised: borrow the magic word of start_info for one return address. */
	mov (%ebx), %esi
	lea 4(%ebx), %esp
	call 1f
1:	pop %ebp
	sub $AT(1b), %ebp
	mov %esi, (%ebx)
	rdtsc
	mov $BOOT_METHOD_PVH, %ecx
	jmp start32

	.globl linux32_entry
linux32_entry:
	cld
	cli
	mov %esi, %ebx
	lea (ZERO_PAGE_SCRATCH + 4)(%esi), %esp
	call 1f
1:	pop %ebp
	sub $AT(1b), %ebp
	rdtsc
	mov $BOOT_METHOD_LINUX32, %ecx

/* EBP = image, EBX = argument, ECX = method, EDX:EAX = time stamp. */
start32:
	mov %eax, AT(boot_entry_tsc)(%ebp)
	mov %edx, AT(boot_entry_tsc) + 4(%ebp)
	mov %ecx, AT(boot_method)(%ebp)
	mov %ebx, AT(boot_argument)(%ebp)
	lea AT(boot_stack_end)(%ebp), %esp

/* 32 bits, paging off, with a stack. EBP = image. */
paging:
	call make_page_tables
	lea AT(boot_gdt)(%ebp), %eax
	mov %eax, AT(boot_gdt_pointer) + 2(%ebp)
	lgdt AT(boot_gdt_pointer)(%ebp)

	mov $CR4_PAE, %eax
	mov %eax, %cr4
	lea AT(boot_pml4)(%ebp), %eax
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $(EFER_LME | EFER_NXE), %eax
	wrmsr
	mov $(CR0_PE | CR0_WP | CR0_PG), %eax
	mov %eax, %cr0
	/* A far jump to where we are, through the stack because the place is not known at link time. */
	lea AT(start64)(%ebp), %eax
	pushl $0x08
	push %eax
	lret

/*
 * The first 4 GiB twice, at 0 and in the direct map, and the image at its link address, all with 2 MiB
 * pages and writable; kernel/x86/paging.c replaces them. EBP = image. Clobbers EAX, ECX, EDI.
 */
make_page_tables:
	lea AT(boot_pd)(%ebp), %edi
	mov $PTE_LARGE_WRITABLE, %eax
	mov $(4 * 512), %ecx
1:	mov %eax, (%edi)
	movl $0, 4(%edi)
	add $0x200000, %eax
	add $8, %edi
	loop 1b

	lea (AT(boot_pd) + PTE_PRESENT_WRITABLE)(%ebp), %eax
	lea AT(boot_pdpt)(%ebp), %edi
	mov $4, %ecx
1:	mov %eax, (%edi)
	add $4096, %eax
	add $8, %edi
	loop 1b

	/* As much as the linker lets the image be. */
	mov %ebp, %eax
	or $PTE_LARGE_WRITABLE, %eax
	lea AT(boot_image_pd)(%ebp), %edi
	mov $(IMAGE_WINDOW / LARGE_PAGE_SIZE), %ecx
1:	mov %eax, (%edi)
	add $0x200000, %eax
	add $8, %edi
	loop 1b

	lea (AT(boot_image_pd) + PTE_PRESENT_WRITABLE)(%ebp), %eax
	mov %eax, AT(boot_image_pdpt) + 510 * 8(%ebp)
	lea (AT(boot_pdpt) + PTE_PRESENT_WRITABLE)(%ebp), %eax
	mov %eax, AT(boot_pml4)(%ebp)
	mov %eax, AT(boot_pml4) + DIRECT_MAP_SLOT * 8(%ebp)
	lea (AT(boot_image_pdpt) + PTE_PRESENT_WRITABLE)(%ebp), %eax
	mov %eax, AT(boot_pml4) + 511 * 8(%ebp)
	ret

	.code64
	.balign 512
	/* The 64-bit entry of the protocol stands 0x200 after the 32-bit one of the payload. */
	.globl linux64_entry
linux64_entry:
	cld
	cli
	rdtsc
	mov %eax, boot_entry_tsc(%rip)
	mov %edx, boot_entry_tsc + 4(%rip)
	movl $BOOT_METHOD_LINUX64, boot_method(%rip)
	mov %rsi, boot_argument(%rip)
	/*
	 * The loader's tables identity-map us, but how much else is unknown, and they may have five levels,
	 * which can be changed only without paging. So all is begun anew, from 32 bits.
	 */
	lea image_start(%rip), %rbp
	lea boot_stack_end(%rip), %rsp
	lea boot_gdt(%rip), %rax
	mov %rax, boot_gdt_pointer + 2(%rip)
	lgdt boot_gdt_pointer(%rip)
	lea compatibility(%rip), %rax
	pushq $0x18
	push %rax
	lretq

	.code32
compatibility:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	/* Paging cannot end before this has. */
	mov %cr4, %eax
	and $~CR4_PCIDE, %eax
	mov %eax, %cr4
	mov %cr0, %eax
	and $~CR0_PG, %eax
	mov %eax, %cr0
	jmp paging

	.code64
start64:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	mov %ebp, %ebp
	mov %rbp, boot_image_physical(%rip)
	movabs $1f, %rax
	jmp *%rax
1:	mov $boot_stack_end, %rsp
	mov boot_method(%rip), %edi
	mov boot_argument(%rip), %rsi
	xor %ebp, %ebp
	call boot_enter
2:	cli
	hlt
	jmp 2b

	/* From boot/efi/: already at the link address, with interrupts off. */
	.globl efi_entry
efi_entry:
	mov %rsi, boot_entry_tsc(%rip)
	mov %rdx, boot_image_physical(%rip)
	movl $BOOT_METHOD_EFI, boot_method(%rip)
	mov %rdi, boot_argument(%rip)
	mov $boot_stack_end, %rsp
	/* Firmware need not have turned these on, and our page tables count on both. */
	mov $MSR_EFER, %ecx
	rdmsr
	or $EFER_NXE, %eax
	wrmsr
	mov %cr0, %rax
	or $CR0_WP, %rax
	mov %rax, %cr0
	lea boot_gdt(%rip), %rax
	mov %rax, boot_gdt_pointer + 2(%rip)
	lgdt boot_gdt_pointer(%rip)
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	pushq $0x08
	pushq $1b
	lretq

	.section .data.boot, "aw"
	.balign 8
	.globl boot_entry_tsc, boot_image_physical
boot_entry_tsc:		.quad 0
boot_image_physical:	.quad 0
boot_argument:		.quad 0
boot_method:		.long 0
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9a000000ffff	/* 0x08: 64-bit code */
	.quad 0x00cf92000000ffff	/* 0x10: data */
	.quad 0x00cf9a000000ffff	/* 0x18: 32-bit code */
boot_gdt_end:
	.balign 8
	.word 0, 0, 0
boot_gdt_pointer:
	.word boot_gdt_end - boot_gdt - 1
	.quad 0

	/* The stack of the CPU that starts the machine, then of its idle thread; paging_init() unmaps the first page. */
	.section .bss
	.balign 4096
	.globl boot_stack_guard, boot_stack_end
boot_stack_guard:	.skip 4096
	.skip 16384
boot_stack_end:

	.section boot_bss, "aw", @nobits
	.balign 4096
	.globl boot_pml4
boot_pml4:		.skip 4096
boot_pdpt:		.skip 4096
boot_pd:		.skip 4 * 4096
boot_image_pdpt:	.skip 4096
boot_image_pd:		.skip 4096
	.section .note.GNU-stack, "", @progbits
