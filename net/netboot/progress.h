/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line that says how far a file is: drawn anew on the same line of the terminal, at most four times
 * a second, not at all for what takes no longer than that. Thread context.
 */
#ifndef NET_NETBOOT_PROGRESS_H
#define NET_NETBOOT_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#define PROGRESS_LINE_MAX 80

struct progress {
	uint64_t start, shown; /* clock_monotonic() */
	uint64_t shown_bytes, rate;
	size_t length; /* characters that stand there */
};

void progress_begin(struct progress *progress, uint64_t now);
/* `size` 0: it is not known. */
void progress_show(struct progress *progress, uint64_t bytes, uint64_t size);
/* Takes the line away. */
void progress_end(struct progress *progress);

/* Bytes a second. */
uint64_t progress_rate(uint64_t bytes, uint64_t nanoseconds);
/* The line: "12.5 of 64.0 MB, 190.2 MB/s, 1 s left". Pure. Returns its length. */
size_t progress_line(char line[PROGRESS_LINE_MAX], uint64_t bytes, uint64_t size, uint64_t rate);

/* Bytes of packets that were copied; context: any. */
void transfer_count_copied(size_t length);

#endif
