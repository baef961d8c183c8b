/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the payload does, the same text for 32 and for 64 bits: everything lies below 4 GiB, so 32-bit registers do for
 * addresses in both. NAME(x) makes labels differ.
 *
 * In: EBP = where `code` (payload.S) lies, EDI = how it was entered (an offset of a text), EBX = the zero page, or 0.
 */

NAME(body):
	lea	STACK_END(%ebp), %esp
	/* The first line comes at once: it is what is measured. */
	lea	OFFSET(text_entered)(%ebp), %esi
	call	NAME(put_text)
	lea	(%ebp, %edi), %esi
	call	NAME(put_text)
	lea	OFFSET(text_at)(%ebp), %esi
	call	NAME(put_text)
	mov	%ebp, %eax
	call	NAME(put_hex)
	call	NAME(put_end)
	test	%ebx, %ebx
	jz	1f
	lea	OFFSET(text_line)(%ebp), %esi
	call	NAME(put_text)
	mov	ZERO_PAGE_LINE(%ebx), %esi
	test	%esi, %esi
	jz	2f
	call	NAME(put_text)
2:	call	NAME(put_end)
	lea	OFFSET(text_initrd)(%ebp), %esi
	call	NAME(put_text)
	mov	ZERO_PAGE_RAMDISK_SIZE(%ebx), %ecx
	mov	ZERO_PAGE_RAMDISK(%ebx), %esi
	call	NAME(put_sum)
	call	NAME(put_end)
1:	/* The padding, then whether it is what was written into it. */
	lea	OFFSET(text_padding)(%ebp), %esi
	call	NAME(put_text)
	mov	OFFSET(padding_size)(%ebp), %ecx
	lea	OFFSET(padding)(%ebp), %esi
	call	NAME(put_sum)
	cmp	OFFSET(padding_sum)(%ebp), %eax
	jne	3f
	cmp	(OFFSET(padding_sum) + 4)(%ebp), %edx
	jne	3f
	lea	OFFSET(text_good)(%ebp), %esi
	mov	$EXIT_GOOD, %ebx
	jmp	4f
3:	lea	OFFSET(text_bad)(%ebp), %esi
	mov	$EXIT_BAD, %ebx
4:	call	NAME(put_text)
	call	NAME(put_end)
	/* Wait until the line is out. */
	mov	$0x3fd, %dx
5:	in	%dx, %al
	test	$0x40, %al
	jz	5b
	mov	%ebx, %eax
	mov	$0xf4, %dx
	out	%eax, %dx
	/* No such device: ACPI's sleep register as QEMU's firmware places it. */
	mov	$0x604, %dx
	mov	$0x2000, %ax
	out	%ax, %dx
6:	cli
	hlt
	jmp	6b

/* AL. Changes EDX. */
NAME(put_byte):
	mov	%al, %ah
	mov	$0x3fd, %dx
1:	in	%dx, %al
	test	$0x20, %al
	jz	1b
	mov	%ah, %al
	mov	$0x3f8, %dx
	out	%al, %dx
	ret

NAME(put_end):
	mov	$'\n', %al
	jmp	NAME(put_byte)

/* Zero-terminated, at ESI. Changes EAX, EDX. */
NAME(put_text):
1:	mov	(%esi), %al
	inc	%esi
	test	%al, %al
	jz	2f
	call	NAME(put_byte)
	jmp	1b
2:	ret

/* EAX as eight digits. Changes ECX, EDX, ESI. */
NAME(put_hex):
	mov	%eax, %esi
	mov	$8, %ecx
1:	rol	$4, %esi
	mov	%esi, %eax
	and	$15, %eax
	add	$'0', %al
	cmp	$'9', %al
	jbe	2f
	add	$('a' - '0' - 10), %al
2:	call	NAME(put_byte)
	dec	%ecx
	jnz	1b
	ret

/*
 * "SIZE bytes, checksum SUM" of ECX bytes, a multiple of four, at ESI: in hexadecimal. Two sums as Fletcher's, so that the
 * order counts. Out: EAX, EDX. Changes ECX, ESI, EDI.
 */
NAME(put_sum):
	mov	%ecx, %edi
	xor	%eax, %eax
	xor	%edx, %edx
	shr	$2, %ecx
	jz	2f
1:	add	(%esi), %eax
	add	%eax, %edx
	add	$4, %esi
	dec	%ecx
	jnz	1b
2:	mov	%eax, OFFSET(sums)(%ebp)
	mov	%edx, (OFFSET(sums) + 4)(%ebp)
	mov	%edi, %eax
	call	NAME(put_hex)
	lea	OFFSET(text_sum)(%ebp), %esi
	call	NAME(put_text)
	mov	OFFSET(sums)(%ebp), %eax
	call	NAME(put_hex)
	mov	(OFFSET(sums) + 4)(%ebp), %eax
	call	NAME(put_hex)
	mov	OFFSET(sums)(%ebp), %eax
	mov	(OFFSET(sums) + 4)(%ebp), %edx
	ret
