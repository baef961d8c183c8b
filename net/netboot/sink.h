/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a file goes as it arrives: into the next kernel, or, when it is a script, into memory. Context:
 * transfer.h says it of sinks.
 */
#ifndef NET_NETBOOT_SINK_H
#define NET_NETBOOT_SINK_H

#include "boot/next/next.h"
#include "net/netboot/script.h"
#include "net/netboot/settings.h"
#include "net/netboot/transfer.h"

enum sink_role {
	SINK_ANY, /* a kernel or a script, as the first bytes say */
	SINK_KERNEL,
	SINK_INITRD,
};

struct boot_sink {
	struct transfer_sink sink; /* first */
	struct next_kernel *next;
	enum sink_role role;
	char name[SETTING_NAME_MAX];
	bool decided; /* what it is */
	bool size_known;
	uint64_t size;
	uint8_t head[sizeof(SCRIPT_MAGIC) - 1]; /* bytes from before that */
	size_t head_length;
	struct next_file *file;
	char *text; /* of a script, from malloc(): who takes it frees it */
	size_t text_length;
	const char *message; /* NULL: next's */
};

void boot_sink_init(struct boot_sink *sink, struct next_kernel *next, enum sink_role role,
		    const char *name);
/* All has come. 0, or a negative errno with boot_sink_message(). */
int boot_sink_end(struct boot_sink *sink);
/* Gives back what there is. */
void boot_sink_drop(struct boot_sink *sink);
const char *boot_sink_message(struct boot_sink *sink);

#endif
