/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the VMM loaded beside us, as people name it: a module by its number from 0, or, since most VMMs load
 * only one, a part of it: "N" or "N@OFFSET+LENGTH", decimal or 0x.
 *
 * Context: thread.
 */
#ifndef BOOT_NEXT_MODULE_H
#define BOOT_NEXT_MODULE_H

#include <stddef.h>
#include <stdint.h>

#define MODULE_WHY_MAX 160

struct module_piece {
	uint64_t start; /* physical */
	uint64_t length;
};

/* 0; -ENOENT: there is no such module, -EINVAL: no such part of it, and `why` says that. */
int module_find(const char *text, struct module_piece *piece, char why[MODULE_WHY_MAX]);

/*
 * Gives all of it to write(), piece by piece, until that returns something else than 0, which is returned
 * then. -ENOMEM: it cannot be mapped.
 */
int module_read(const struct module_piece *piece,
		int (*write)(void *context, const void *bytes, size_t length), void *context);

#endif
