/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/progress.h"

#include "kernel/console/console.h"
#include "kernel/shell/background.h"
#include "kernel/time/clock.h"
#include "lwip/arch.h" /* network_bytes_copied */

#include <string.h>

#define INTERVAL (250 * NANOSECONDS_PER_MILLISECOND)

void progress_begin(struct progress *progress, uint64_t now)
{
	memset(progress, 0, sizeof(*progress));
	progress->start = progress->shown = now;
}

void progress_show(struct progress *progress, uint64_t bytes, uint64_t size)
{
	uint64_t now = clock_monotonic();
	char line[PROGRESS_LINE_MAX];
	uint64_t rate;
	size_t length;

	/* A command in the background must not draw on the line that is being typed. */
	if (now - progress->shown < INTERVAL || background_is())
		return;
	/* What it was lately and what it was before, half of each. After a restart: anew. */
	rate = bytes < progress->shown_bytes
		       ? 0
		       : progress_rate(bytes - progress->shown_bytes, now - progress->shown);
	progress->rate = progress->rate ? (progress->rate + rate) / 2 : rate;
	progress->shown = now;
	progress->shown_bytes = bytes;
	length = progress_line(line, bytes, size, progress->rate);
	console_printf("\r%s%*s", line,
		       progress->length > length ? (int)(progress->length - length) : 0, "");
	if (progress->length < length)
		progress->length = length;
}

void progress_end(struct progress *progress)
{
	if (progress->length)
		console_printf("\r%*s\r", (int)progress->length, "");
	progress->length = 0;
}

void transfer_count_copied(size_t length)
{
	__atomic_fetch_add(&network_bytes_copied, length, __ATOMIC_RELAXED);
}
