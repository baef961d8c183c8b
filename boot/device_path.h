/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UEFI device paths (UEFI 2.10, chapter 10), as far as they tell where a file came from. Pure
 * functions on bytes that firmware made and nobody checked: lengths that lie end the walk. Context:
 * any.
 */
#ifndef BOOT_DEVICE_PATH_H
#define BOOT_DEVICE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_PATH_TEXT_MAX 512

/* What a path names; the last node of a kind counts. */
struct device_path {
	bool network;			/* through a network device (MAC address, IPv4, IPv6) */
	bool disk;			/* a partition or a medium with a file system */
	bool vendor_media;		/* a medium that only its maker knows: QEMU's -kernel */
	bool damaged;			/* a node whose length is wrong, or no end */
	uint8_t server[4];		/* IPv4's remote address; all zero: not told */
	char uri[DEVICE_PATH_TEXT_MAX]; /* "" when there is none, or it is empty */
	char file
		[DEVICE_PATH_TEXT_MAX]; /* file path nodes, joined by '\'; other than ASCII is '?' */
};

/* Adds what `bytes` say to *path, which starts as all zero. Paths that continue each other add up. */
void device_path_read(struct device_path *path, const void *bytes, size_t length);

#endif
