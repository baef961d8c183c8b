/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The next kernel: its files are taken as they arrive, put where they are needed, and started.
 *
 *	next = next_create();
 *	file = next_file_begin(next, NEXT_KERNEL, "vmlinuz");
 *	next_file_size(file, 9000000);		when somebody knows; may be left out
 *	next_file_write(file, bytes, length);	once and once only for each byte, in order
 *	next_file_end(file);
 *	... NEXT_INITRD, any number of them, joined in the order of their beginning
 *	next_set_command_line(next, "console=ttyS0");
 *	next_check(next);			places everything; nothing has moved yet
 *	next_start(next);			does not come back
 *
 * What may be started: a Linux bzImage (64-bit boot protocol, 2.12 and later), an ELF file with a PVH
 * note (Xen's), our own images among them. Bytes are copied once, from where they arrived to where the
 * next kernel wants them; where we lie there ourselves they are staged, and a trampoline moves them at
 * the end. Nothing that a file says is believed: every size, address and overlap is checked.
 *
 * All functions: thread context. One thread at a time for each struct next_kernel. Errors are negative
 * errno values, and next_error() has one line for people.
 */
#ifndef BOOT_NEXT_NEXT_H
#define BOOT_NEXT_NEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct next_kernel;
struct next_file;

enum next_role { NEXT_KERNEL, NEXT_INITRD };

/* NULL: no memory. */
struct next_kernel *next_create(void);
/* Gives back all that was taken, files that have not ended too. NULL is allowed. */
void next_destroy(struct next_kernel *next);

/*
 * A file begins. There is one kernel at most: -EEXIST otherwise. `name` is copied; it is for messages and
 * for next_file_find(). NULL with next_error() set when it cannot be.
 */
struct next_file *next_file_begin(struct next_kernel *next, enum next_role role, const char *name);
/*
 * How long it will be, in bytes; a promise that is checked. -EFBIG when there is no such memory. A
 * file whose size is not known grows, and is staged where it cannot.
 */
int next_file_size(struct next_file *file, uint64_t size);
/* -EFBIG, -ENOEXEC (not a kernel that can be started: said as early as it is seen), -ENOSPC. */
int next_file_write(struct next_file *file, const void *bytes, size_t length);
/* Forgets what was written: the same file comes again from its first byte. */
void next_file_restart(struct next_file *file);
/* It is complete. -ENOEXEC for a kernel that is cut short. */
int next_file_end(struct next_file *file);
/* Forgets the file and gives its memory back; ended or not. */
void next_file_drop(struct next_file *file);

/* The file that began with that name, or NULL; the kernel, or NULL. */
struct next_file *next_file_find(struct next_kernel *next, const char *name);
struct next_file *next_file_kernel(struct next_kernel *next);
const char *next_file_name(const struct next_file *file);
/* What the kernel is: "Linux 6.1.0-...", "PVH ELF"; NULL as long as it is not known. */
const char *next_file_kind(const struct next_file *file);

/* Copied. -E2BIG: longer than the kernel takes (a bzImage says its limit). */
int next_set_command_line(struct next_kernel *next, const char *line);

/* Decides where everything goes. 0: next_start() will succeed. Needs a kernel that has ended. */
int next_check(struct next_kernel *next);

/*
 * Hands the machine over: devices are reset and cannot write to memory any more, interrupts are off,
 * other CPUs wait for INIT-SIPI; then the pieces are moved and the kernel is entered. Comes back only
 * when next_check() would have failed, with its error, before anything was touched.
 */
int next_start(struct next_kernel *next);

/* One line about what failed last, without a full stop or newline; "" when nothing did. */
const char *next_error(const struct next_kernel *next);

#endif
