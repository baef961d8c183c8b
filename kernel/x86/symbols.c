/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/x86/symbols.h"

#include "kernel/x86/layout.h"

#include <stddef.h>

/* Weak: the first of the two links has none. The low half of link addresses, ascending. */
extern const uint32_t symbol_offsets[] __attribute__((weak));
extern const uint32_t symbol_names[] __attribute__((weak));
extern const char symbol_texts[] __attribute__((weak));
extern const uint64_t symbol_count __attribute__((weak));

extern const char text_end[];

const char *symbol_find(uint64_t address, uint64_t *offset)
{
	uint32_t wanted = (uint32_t)address;
	uint64_t low = 0, high;

	*offset = 0;
	if (!&symbol_count || address < IMAGE_VIRTUAL || address >= (uint64_t)text_end)
		return "?";
	high = symbol_count;
	/* The last one at or below the address. */
	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (symbol_offsets[middle] <= wanted)
			low = middle;
		else
			high = middle;
	}
	if (!symbol_count || symbol_offsets[low] > wanted)
		return "?";
	*offset = wanted - symbol_offsets[low];
	return symbol_texts + symbol_names[low];
}
