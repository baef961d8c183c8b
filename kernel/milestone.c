/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/milestone.h"

#include "kernel/x86/cpu.h"

#include <stddef.h>

#define MILESTONES_MAX 24u

/* In time stamps: what they are in nanoseconds is only known later. */
static struct milestone milestones[MILESTONES_MAX];
static unsigned int count;

void milestone(const char *name)
{
	if (count < MILESTONES_MAX)
		milestones[count++] = (struct milestone){name, cpu_tsc()};
}

const struct milestone *milestone_after(const struct milestone *previous)
{
	const struct milestone *next = previous ? previous + 1 : milestones;

	return next < milestones + count ? next : NULL;
}
