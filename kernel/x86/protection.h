/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the CPU refuses us: to run, read or write what belongs to a user (SMEP, SMAP), and what it hides
 * from one (UMIP). We have no user; a pointer that leads to such a page is a mistake or an attack.
 */
#ifndef KERNEL_X86_PROTECTION_H
#define KERNEL_X86_PROTECTION_H

#include <stdbool.h>

enum protection {
	PROTECTION_WRITE,   /* read-only pages are so for ring 0 (CR0.WP) */
	PROTECTION_EXECUTE, /* data is no code (EFER.NXE) */
	PROTECTION_SMEP,    /* SDM volume 3, 4.6 */
	PROTECTION_SMAP,
	PROTECTION_UMIP, /* SDM volume 3, 2.5 */
	PROTECTIONS,
};

/* Turns on what this CPU has, for this CPU. Before other code can run on it. */
void protection_enable(void);

/* Context: any. */
bool protection_offered(enum protection protection);
/* Whether it is on, read from this CPU's registers. */
bool protection_on(enum protection protection);
const char *protection_name(enum protection protection);

#endif
