/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Samples of a measurement, and what they say in order of size.
 *
 * The room is fixed. When it is full every second sample is dropped, and from then on only every
 * second (fourth, ...) one is kept: what is left is spread evenly over the whole run. Context: one
 * thread, or interrupt handlers of one CPU.
 */
#ifndef KERNEL_BENCH_STATISTICS_H
#define KERNEL_BENCH_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

struct samples {
	uint64_t *values; /* the caller's memory, `room` of them; room is even and not 0 */
	size_t room;
	size_t count;  /* kept */
	uint64_t seen; /* all */
	uint64_t stride;
};

void samples_init(struct samples *samples, uint64_t *values, size_t room);
void samples_add(struct samples *samples, uint64_t value);

/* Puts the kept ones in order; nothing may be added afterwards. */
void samples_sort(struct samples *samples);

/*
 * The smallest kept sample that at least so many thousandths of them do not exceed (nearest rank): 500 is
 * the median, 999 p99.9. After samples_sort(). 0 when there is none.
 */
uint64_t samples_quantile(const struct samples *samples, unsigned int thousandths);

/* value * 1000 / count, rounded to the nearest, without an overflow in between; 0 for a count of 0. */
uint64_t thousandths_of(uint64_t value, uint64_t count);

#endif
