/* SPDX-License-Identifier: BSD-2-Clause */
/* When the start got how far, for those who want to make it shorter: the benchmark `boot`. */
#ifndef KERNEL_MILESTONE_H
#define KERNEL_MILESTONE_H

#include <stdint.h>

struct milestone {
	const char *name;
	uint64_t tsc;
};

/* Has got so far just now. The name is kept. CPU 0, one after the other. */
void milestone(const char *name);

/* The next one after `previous` (NULL: the first), or NULL. Context: any. */
const struct milestone *milestone_after(const struct milestone *previous);

#endif
