/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of boot/next/. */
#ifndef BOOT_NEXT_INTERNAL_H
#define BOOT_NEXT_INTERNAL_H

#include "boot/next/area.h"
#include "boot/next/layout.h"
#include "boot/next/next.h"
#include "boot/next/plan.h"
#include "boot/next/store.h"

#define NEXT_ERROR_MAX 256

/* A kernel's file on its way: the first bytes are collected until they say where the rest goes. */
struct next_kernel_file {
	uint8_t *head;
	size_t head_length, head_needed;
	bool known; /* `layout` is, and the areas are taken */
	struct next_layout layout;
	struct next_areas areas;
	uint8_t *notes[NEXT_NOTES_MAX];
	uint32_t entry; /* of an ELF file, once it has ended */
};

struct next_file {
	struct next_file *following;
	struct next_kernel *next;
	enum next_role role;
	char *name;
	bool sized; /* `size` was promised */
	bool ended;
	int failed; /* what the first error was; nothing more is taken then */
	uint64_t size;
	uint64_t received;
	struct next_kernel_file kernel;
	struct next_store store; /* of an initrd */
};

struct next_kernel {
	struct next_file *files; /* in the order of their beginning */
	char *command_line;
	struct next_plan plan;
	char error[NEXT_ERROR_MAX];
};

/* Says why, after the file's name when there is one, and returns `error`. */
int next_fail(struct next_kernel *next, const struct next_file *file, int error, const char *format,
	      ...) __attribute__((format(printf, 4, 5)));

/* -- kernel_file.c: of a file whose role is NEXT_KERNEL. */
int next_kernel_file_size(struct next_file *file);
int next_kernel_file_write(struct next_file *file, const uint8_t *bytes, size_t length);
int next_kernel_file_end(struct next_file *file);
void next_kernel_file_release(struct next_file *file);

/* -- join.c: the initrds become one. Where and how long is in the plan then. */
int next_join_initrds(struct next_kernel *next, const struct next_layout *layout);

/* -- The machine, x86 only (handover.c, and a model of it in tests). */
/* Stops devices, interrupts and other CPUs, and runs the plan. */
void next_hand_over(const struct next_plan *plan) __attribute__((noreturn));

#endif
