/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SMBIOS (DSP0134, 3.6): who made this machine, and which one it is. Servers that boot machines over the
 * network tell them apart by it.
 */
#ifndef DRIVERS_PLATFORM_SMBIOS_H
#define DRIVERS_PLATFORM_SMBIOS_H

#include <stdbool.h>
#include <stdint.h>

#define SMBIOS_STRING_MAX 128 /* with its end; what is longer is cut */

/* Strings are printable ASCII, "" where the firmware says nothing. */
struct smbios {
	bool present;
	uint8_t major, minor;
	/* Type 1, the system. */
	char manufacturer[SMBIOS_STRING_MAX];
	char product[SMBIOS_STRING_MAX];
	char version[SMBIOS_STRING_MAX];
	char serial[SMBIOS_STRING_MAX];
	bool uuid_present;
	uint8_t uuid[16]; /* in the order of its text (RFC 4122) */
	/* Type 3, the chassis. */
	char asset[SMBIOS_STRING_MAX];
};

/*
 * Reads the tables behind the entry points at these physical addresses (0: not told, then where a BIOS
 * puts them, 0xf0000 to 0xfffff), the 64-bit one first. False when there are none; a structure that is
 * broken ends the reading. Thread context.
 */
bool smbios_read(struct smbios *into, uint64_t entry_point_3, uint64_t entry_point_2);

/* Where UEFI has the entry points, 0: not told. Once, before smbios_get(). */
void smbios_init(uint64_t entry_point_3, uint64_t entry_point_2);

/* What this machine says, read when it is asked for first; `present` says whether anything. Thread context. */
const struct smbios *smbios_get(void);

#endif
