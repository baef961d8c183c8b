/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/conformance/core/function.h"

#include "tests/conformance/case.h"

#define STATUS_LIST 0x10u
#define LIST 0x34u
#define HEADER 0x40u
#define CONFIG 0x100u
#define CONFIG_EXTENDED 0x1000u
#define BAR_FIRST 0x10u
#define BAR_IO 1u
#define BAR_WIDE 4u
#define COMMAND_DECODE 3u

uint32_t function_config(struct conformance_target *t, uint32_t offset, unsigned int width)
{
	return (uint32_t)target_read(t, SPACE_PCI, offset, width);
}

static unsigned int link(struct conformance_target *t, uint32_t offset)
{
	unsigned int at = function_config(t, offset, 1) & ~3u;

	if (at && at < HEADER)
		fail(t, "capabilities lie behind the header", "one is at 0x%02x", at);
	return at;
}

/* The whole list each time: it is short, and so whoever walks it need not fear loops. */
unsigned int function_capability_next(struct conformance_target *t, unsigned int at)
{
	unsigned int first, walk, next = 0, count = 0;

	if (!(function_config(t, PCI_STATUS_OFFSET, 2) & STATUS_LIST))
		return 0;
	first = link(t, LIST);
	for (walk = first; walk; walk = link(t, walk + 1)) {
		if (++count > (CONFIG - HEADER) / 4)
			fail(t, "the list of capabilities ends", "it is a loop");
		if (walk == at)
			next = link(t, walk + 1);
	}
	return at ? next : first;
}

bool function_structure_next(struct conformance_target *t, uint8_t type, unsigned int at,
			     struct function_structure *structure)
{
	while ((at = function_capability_next(t, at))) {
		if (function_config(t, at, 1) != PCI_CAPABILITY_VENDOR ||
		    function_config(t, at + 3, 1) != type)
			continue;
		structure->at = at;
		structure->type = type;
		structure->length = function_config(t, at + 2, 1);
		structure->bar = (uint8_t)function_config(t, at + 4, 1);
		structure->id = (uint8_t)function_config(t, at + 5, 1);
		structure->offset = function_config(t, at + 8, 4);
		structure->size = function_config(t, at + 12, 4);
		if (type == STRUCTURE_SHARED_MEMORY) {
			structure->offset |= (uint64_t)function_config(t, at + 16, 4) << 32;
			structure->size |= (uint64_t)function_config(t, at + 20, 4) << 32;
		}
		return true;
	}
	return false;
}

unsigned int function_extended_find(struct conformance_target *t, uint16_t id)
{
	unsigned int at = CONFIG, count = 0;

	if (t->length[SPACE_PCI] < CONFIG_EXTENDED)
		return 0;
	while (at >= CONFIG && count++ < CONFIG_EXTENDED / 8) {
		uint32_t header = function_config(t, at, 4);

		if (!header || header == UINT32_MAX)
			return 0;
		if ((uint16_t)header == id)
			return at;
		at = header >> 20 & ~3u;
	}
	return 0;
}

/* The ones that it keeps, of one half. */
static uint32_t probe_half(struct conformance_target *t, uint32_t offset)
{
	uint32_t before = function_config(t, offset, 4), ones;

	target_write(t, SPACE_PCI, offset, 4, UINT32_MAX);
	ones = function_config(t, offset, 4);
	target_write(t, SPACE_PCI, offset, 4, before);
	return ones;
}

struct function_bar function_bar_probe(struct conformance_target *t, unsigned int bar)
{
	uint32_t offset = BAR_FIRST + 4 * bar, command = function_config(t, PCI_COMMAND_OFFSET, 2);
	uint32_t value = function_config(t, offset, 4);
	struct function_bar result = {.io = value & BAR_IO};
	uint64_t ones;

	result.wide = !result.io && value & BAR_WIDE && bar + 1 < PCI_BARS;
	target_write(t, SPACE_PCI, PCI_COMMAND_OFFSET, 2, command & ~COMMAND_DECODE);
	ones = probe_half(t, offset) & (result.io ? ~3u : ~15u);
	if (result.wide)
		ones |= (uint64_t)probe_half(t, offset + 4) << 32;
	else if (ones)
		/* A 16-bit I/O BAR may keep zeros above (PCI 3.0, 6.2.5.1). */
		ones |= UINT64_MAX << (result.io ? 16 : 32);
	target_write(t, SPACE_PCI, PCI_COMMAND_OFFSET, 2, command);
	result.size = ~ones + 1;
	return result;
}
