/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/console/transcript.h"

#include <stdint.h>

#define SIZE 8192u /* a power of two */

static char text[SIZE];
static uint64_t head; /* characters ever */

void transcript_add(const char *added, size_t length)
{
	for (size_t i = 0; i < length; i++)
		text[head++ % SIZE] = added[i];
}

void transcript_each(void (*show)(void *context, const char *part, size_t length), void *context)
{
	uint64_t at = 0;

	if (head > SIZE) {
		at = head - SIZE;
		while (at < head && text[at++ % SIZE] != '\n')
			;
	}
	while (at < head) {
		size_t length = SIZE - at % SIZE;

		if (length > head - at)
			length = head - at;
		show(context, text + at % SIZE, length);
		at += length;
	}
}
