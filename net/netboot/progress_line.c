/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/progress.h"

#include "kernel/time/clock.h"

#include <stdio.h>

#define TENTH_OF_MB 100000u

uint64_t progress_rate(uint64_t bytes, uint64_t nanoseconds)
{
	uint64_t microseconds = nanoseconds / NANOSECONDS_PER_MICROSECOND;

	return microseconds ? (uint64_t)((unsigned __int128)bytes * 1000000 / microseconds) : 0;
}

/* Megabytes with a decimal. */
static size_t add_megabytes(char *line, size_t used, uint64_t bytes, const char *behind)
{
	uint64_t tenths = bytes / TENTH_OF_MB;

	return used + (size_t)sniprintf(line + used, PROGRESS_LINE_MAX - used, "%llu.%u%s",
					(unsigned long long)(tenths / 10),
					(unsigned int)(tenths % 10), behind);
}

size_t progress_line(char line[PROGRESS_LINE_MAX], uint64_t bytes, uint64_t size, uint64_t rate)
{
	size_t used = add_megabytes(line, 0, bytes, size ? " of " : " MB, ");
	uint64_t left;

	if (size)
		used = add_megabytes(line, used, size, " MB, ");
	used = add_megabytes(line, used, rate, " MB/s");
	if (!size || !rate || bytes > size)
		return used;
	left = (size - bytes + rate - 1) / rate;
	if (left < 100)
		used += (size_t)sniprintf(line + used, PROGRESS_LINE_MAX - used, ", %u s left",
					  (unsigned int)left);
	else if (left / 60 < 10000)
		used += (size_t)sniprintf(line + used, PROGRESS_LINE_MAX - used, ", %u min left",
					  (unsigned int)(left / 60));
	return used;
}
