/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/block/hexdump.h"

#include "kernel/shell/command.h"

#include <stdio.h>
#include <string.h>

static void print_line(uint64_t offset, const uint8_t *bytes, size_t length)
{
	char text[80];
	size_t place = 0;

	for (size_t i = 0; i < HEXDUMP_LINE; i++) {
		if (i == HEXDUMP_LINE / 2)
			text[place++] = ' ';
		if (i < length)
			place += (size_t)sniprintf(text + place, sizeof(text) - place, " %02x",
						   bytes[i]);
		else
			place += (size_t)sniprintf(text + place, sizeof(text) - place, "   ");
	}
	text[place++] = ' ';
	text[place++] = ' ';
	text[place++] = '|';
	for (size_t i = 0; i < length; i++)
		text[place++] = bytes[i] >= ' ' && bytes[i] < 0x7f ? (char)bytes[i] : '.';
	text[place++] = '|';
	text[place] = '\0';
	command_print("%08llx %s\n", (unsigned long long)offset, text);
}

bool hexdump_print(struct hexdump *dump, const void *data, size_t length)
{
	const uint8_t *bytes = data;

	while (length) {
		size_t part = length < HEXDUMP_LINE ? length : HEXDUMP_LINE;

		if (part == HEXDUMP_LINE && dump->has_last && !memcmp(dump->last, bytes, part)) {
			if (!dump->repeating)
				command_print("*\n");
			dump->repeating = true;
		} else {
			print_line(dump->offset, bytes, part);
			dump->repeating = false;
		}
		if (part == HEXDUMP_LINE) {
			memcpy(dump->last, bytes, part);
			dump->has_last = true;
		}
		dump->offset += part;
		bytes += part;
		length -= part;
		if (command_interrupted())
			return false;
	}
	return true;
}

void hexdump_end(struct hexdump *dump)
{
	command_print("%08llx\n", (unsigned long long)dump->offset);
}
