/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For lines that somebody else can make us say again and again: ten in ten seconds, then as many as were left
 * out are counted, and said with the next one.
 *
 *	static struct log_limit limit;
 *
 *	if (log_limit_allows(&limit, LOG_AREA, device->name))
 *		log_notice("%s: ...", device->name);
 */
#ifndef KERNEL_CONSOLE_LOG_LIMIT_H
#define KERNEL_CONSOLE_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_LINES 10u
#define LOG_LIMIT_SECONDS 10u

/* One for each line, or for each device that it is about; zeroes at first. Whoever uses it sees to that one does at a time. */
struct log_limit {
	uint64_t since; /* clock_monotonic() of the first */
	uint32_t said, left_out;
};

/* Whether the line may be said. Context: any. */
bool log_limit_allows(struct log_limit *limit, const char *area, const char *about);

#endif
