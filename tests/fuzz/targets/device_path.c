/* SPDX-License-Identifier: BSD-2-Clause */
/* Where we came from: UEFI device paths, PXE's packets, Linux's zero page, each with lengths that lie. */
#include "boot/device_path.h"
#include "boot/origin.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MAX 12
#define NODE_MAX 64
#define PACKET_MAX 420
#define ZERO_PAGE_MAX 4096
#define OPTIONS_AT 236

static void text_ends(const char *text, size_t size)
{
	fuzz_check(memchr(text, 0, size), "a text without end");
	for (; *text; text++)
		fuzz_check(*text >= ' ' && *text < 0x7f, "a text with %02x", (uint8_t)*text);
}

static struct origin_bytes exactly(const uint8_t *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);

	memcpy(copy, bytes, length);
	return (struct origin_bytes){copy, length};
}

/* Nodes of the kinds that are looked at, mostly whole, and mostly with an end. */
static struct origin_bytes make_path(void)
{
	static const uint8_t kinds[][2] = {{4, 4}, {3, 11}, {3, 12}, {3, 13}, {3, 24},
					   {4, 1}, {4, 2},  {4, 3},  {1, 1}};
	static uint8_t bytes[NODES_MAX * NODE_MAX + 4];
	uint32_t count = fuzz_choose(NODES_MAX + 1);
	size_t used = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t kind = fuzz_choose(sizeof(kinds) / sizeof(kinds[0]) + 1);
		uint32_t length = 4 + fuzz_choose(NODE_MAX - 3);

		if (kind < sizeof(kinds) / sizeof(kinds[0]))
			memcpy(bytes + used, kinds[kind], 2);
		else
			fuzz_fill(bytes + used, 2);
		bytes[used + 2] = (uint8_t)length;
		bytes[used + 3] = 0;
		if (fuzz_choose(16) == 15)
			fuzz_fill(bytes + used + 2, 2);
		fuzz_fill(bytes + used + 4, length - 4);
		used += length;
	}
	if (fuzz_choose(8) != 7) {
		memcpy(bytes + used, "\x7f\xff\4", 4);
		used += 4;
	}
	return exactly(bytes, used);
}

static struct origin_bytes make_packet(void)
{
	static uint8_t bytes[PACKET_MAX];
	size_t length = fuzz_choose(PACKET_MAX + 1);

	fuzz_fill(bytes, length);
	if (length >= OPTIONS_AT + 4 && fuzz_choose(4) != 3)
		memcpy(bytes + OPTIONS_AT, "\x63\x82\x53\x63", 4);
	return exactly(bytes, length);
}

static struct origin_bytes make_zero_page(void)
{
	static uint8_t bytes[ZERO_PAGE_MAX];
	size_t length = fuzz_choose(2) ? sizeof(bytes) : fuzz_choose(sizeof(bytes) + 1);

	memset(bytes, 0, sizeof(bytes));
	fuzz_fill(bytes + 0x1f0, 0x90);
	return exactly(bytes, length);
}

void fuzz_target(void)
{
	static struct device_path path;
	static char text[ORIGIN_MAX];
	struct origin_source source = {.device_path = {NULL, 0}};
	size_t size = ORIGIN_MAX - fuzz_choose(64);
	uint32_t has = fuzz_choose(64);
	bool found;

	if (has & 1 || !has)
		source.device_path = make_path();
	if (has & 2)
		source.file_path = make_path();
	if (has & 4)
		source.dhcp_ack = make_packet();
	if (has & 8)
		source.pxe_reply = make_packet();
	if (has & 16)
		source.zero_page = make_zero_page();
	if (has & 32)
		source.command_line = fuzz_text(200);

	memset(&path, 0, sizeof(path));
	device_path_read(&path, source.device_path.start, source.device_path.length);
	device_path_read(&path, source.file_path.start, source.file_path.length);
	text_ends(path.uri, sizeof(path.uri));
	text_ends(path.file, sizeof(path.file));

	memset(text, 0x5a, sizeof(text));
	found = origin_find(&source, text, size);
	text_ends(text, size);
	fuzz_check(found == (text[0] != '\0'), "found: %d, and \"%s\"", found, text);
	for (size_t i = size; i < sizeof(text); i++)
		fuzz_check(text[i] == 0x5a, "the text goes beyond its room");

	free((void *)source.device_path.start);
	free((void *)source.file_path.start);
	free((void *)source.dhcp_ack.start);
	free((void *)source.pxe_reply.start);
	free((void *)source.zero_page.start);
}
