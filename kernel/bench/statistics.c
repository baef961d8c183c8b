/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/bench/statistics.h"

#include <stdlib.h>

void samples_init(struct samples *samples, uint64_t *values, size_t room)
{
	*samples = (struct samples){.values = values, .room = room, .stride = 1};
}

void samples_add(struct samples *samples, uint64_t value)
{
	if (samples->seen++ % samples->stride)
		return;
	if (samples->count == samples->room) {
		samples->count /= 2;
		for (size_t i = 0; i < samples->count; i++)
			samples->values[i] = samples->values[2 * i];
		/* This one is the first behind an even number of strides: it stays. */
		samples->stride *= 2;
	}
	samples->values[samples->count++] = value;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void samples_sort(struct samples *samples)
{
	qsort(samples->values, samples->count, sizeof(*samples->values), by_size);
}

uint64_t samples_quantile(const struct samples *samples, unsigned int thousandths)
{
	size_t rank;

	if (!samples->count)
		return 0;
	rank = (samples->count * thousandths + 999) / 1000;
	if (!rank)
		rank = 1;
	if (rank > samples->count)
		rank = samples->count;
	return samples->values[rank - 1];
}

uint64_t thousandths_of(uint64_t value, uint64_t count)
{
	return count ? (uint64_t)(((unsigned __int128)value * 1000 + count / 2) / count) : 0;
}
