/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/x86/symbols.h"

#include "kernel/cold/cold.h"
#include "kernel/x86/layout.h"

#include <stddef.h>
#include <string.h>

/* Weak: the first of the two links has none. The low half of link addresses, ascending. */
extern const uint32_t symbol_offsets[] __attribute__((weak));
extern const uint64_t symbol_count __attribute__((weak));
/* Texts, one behind the other. In a name a byte above 127 stands for a word. */
extern const char symbol_words[] __attribute__((weak));
extern const char symbol_names[] __attribute__((weak));

extern const char text_end[];

/* The text that so many others stand before. */
static const char *nth(const char *texts, uint64_t index)
{
	while (index--)
		texts += strlen(texts) + 1;
	return texts;
}

static void copy_name(char name[SYMBOL_NAME_SIZE], const char *from)
{
	size_t length = 0;

	for (; *from; from++) {
		char plain[] = {*from, '\0'};
		const char *part = plain;

		if (*from & 0x80)
			part = nth(symbol_words, *from & 0x7f);
		while (*part && length + 1 < SYMBOL_NAME_SIZE)
			name[length++] = *part++;
	}
	name[length] = '\0';
}

const char *symbol_find(uint64_t address, char name[SYMBOL_NAME_SIZE], uint64_t *offset)
{
	uint32_t wanted = (uint32_t)address;
	uint64_t low = 0, high;

	*offset = 0;
	strcpy(name, "?");
	if (!&symbol_count || address < IMAGE_VIRTUAL)
		return name;
	if (address >= (uint64_t)text_end && !cold_code(address))
		return name;
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
		return name;
	*offset = wanted - symbol_offsets[low];
	copy_name(name, nth(symbol_names, low));
	return name;
}
