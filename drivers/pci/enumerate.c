/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds all functions: each root bus, and through its bridges every bus behind them. Bridges that
 * firmware left without bus numbers get some. Each bus is visited once whatever the bridges claim, the
 * depth and the number of functions are bounded.
 */
#include "drivers/pci/internal.h"
#include "kernel/console/log.h"
#include "kernel/memory/budget.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "pci"

#define FUNCTIONS_MAX 4096
#define DEPTH_MAX 32
#define SEGMENTS_MAX 16

struct segment {
	uint16_t number;
	uint8_t buses[256 / 8]; /* bit set: visited */
};

static struct pci_function *first_function;
static unsigned int function_count;
static struct segment segments[SEGMENTS_MAX];
static unsigned int segment_count;

struct pci_function *pci_first(void)
{
	return first_function;
}

static uint32_t sort_key(struct pci_address address)
{
	return (uint32_t)address.segment << 16 | (uint32_t)address.bus << 8 |
	       (uint32_t)address.device << 3 | address.function;
}

struct pci_function *pci_find(struct pci_address address)
{
	for (struct pci_function *function = first_function; function; function = function->next)
		if (sort_key(function->address) == sort_key(address))
			return function;
	return NULL;
}

void pci_forget_functions(void)
{
	while (first_function) {
		struct pci_function *function = first_function;

		first_function = function->next;
		free(function);
	}
	function_count = 0;
	segment_count = 0;
}

static struct segment *segment_of(uint16_t number)
{
	for (unsigned int i = 0; i < segment_count; i++)
		if (segments[i].number == number)
			return &segments[i];
	if (segment_count == SEGMENTS_MAX)
		return NULL;
	segments[segment_count] = (struct segment){.number = number};
	return &segments[segment_count++];
}

bool pci_bus_known(uint16_t number, uint8_t bus)
{
	const struct segment *segment = segment_of(number);

	return !segment || (segment->buses[bus / 8] & 1u << bus % 8);
}

static void insert(struct pci_function *function)
{
	struct pci_function **link = &first_function;

	while (*link && sort_key((*link)->address) < sort_key(function->address))
		link = &(*link)->next;
	function->next = *link;
	*link = function;
	function_count++;
}

/* Extended space is there when it does not read as ones, nor as the first 256 bytes again. */
static bool has_extended_config(const struct pci_function *function)
{
	const struct pci_access *access = pci_access_find(function->address);
	uint32_t header;

	if (!access || !access->extended)
		return false;
	header = pci_config_read(function->address, PCI_CONFIG_SIZE, 4);
	return header != UINT32_MAX &&
	       header != pci_config_read(function->address, PCI_VENDOR_ID, 4);
}

static struct pci_function *function_add(struct pci_address address, struct pci_function *parent,
					 uint32_t id)
{
	struct pci_function *function;
	uint32_t class_word;

	if (function_count == FUNCTIONS_MAX) {
		log_warning("more than %u functions: the rest is ignored", FUNCTIONS_MAX);
		return NULL;
	}
	function = memory_budget() ? calloc(1, sizeof(*function)) : NULL;
	if (!function) {
		log_error("no memory for another function");
		return NULL;
	}
	function->address = address;
	function->parent = parent;
	if (address.segment)
		sniprintf(function->name, sizeof(function->name), "%04x:%02x:%02x.%x",
			  address.segment, address.bus, address.device, address.function);
	else
		sniprintf(function->name, sizeof(function->name), "%02x:%02x.%x", address.bus,
			  address.device, address.function);
	function->vendor_id = (uint16_t)id;
	function->device_id = (uint16_t)(id >> 16);
	class_word = pci_read32(function, PCI_REVISION);
	function->revision = (uint8_t)class_word;
	function->programming_interface = (uint8_t)(class_word >> 8);
	function->subclass = (uint8_t)(class_word >> 16);
	function->class_code = (uint8_t)(class_word >> 24);
	function->header_type = pci_read8(function, PCI_HEADER_TYPE) & 0x7f;
	if (function->header_type == PCI_HEADER_NORMAL) {
		function->subsystem_vendor_id = pci_read16(function, PCI_SUBSYSTEM_VENDOR_ID);
		function->subsystem_id = pci_read16(function, PCI_SUBSYSTEM_ID);
	}
	function->interrupt_pin = pci_read8(function, PCI_INTERRUPT_PIN);
	if (function->interrupt_pin > 4)
		function->interrupt_pin = 0;
	function->interrupt_line = pci_read8(function, PCI_INTERRUPT_LINE);
	function->extended_config = has_extended_config(function);
	insert(function);
	pci_bars_size(function);
	pci_capabilities_check(function);
	return function;
}

static bool is_bridge(const struct pci_function *function)
{
	return function->header_type == PCI_HEADER_BRIDGE &&
	       function->class_code == PCI_CLASS_BRIDGE;
}

/* Below these ports of PCI Express is one device, and asking for others only costs time. */
static bool is_link(const struct pci_function *bridge)
{
	unsigned int express = pci_capability_find(bridge, PCI_CAPABILITY_EXPRESS, 0);
	unsigned int type;

	if (!express)
		return false;
	type = PCI_EXPRESS_TYPE(pci_read16(bridge, express + PCI_EXPRESS_FLAGS));
	return type == PCI_EXPRESS_ROOT_PORT || type == PCI_EXPRESS_DOWNSTREAM_PORT;
}

static void scan_devices(uint16_t segment, uint8_t bus, struct pci_function *parent)
{
	struct pci_address address = {.segment = segment, .bus = bus};
	unsigned int devices = parent && is_link(parent) ? 1 : 32;

	for (unsigned int device = 0; device < devices; device++) {
		unsigned int functions = 1;

		address.device = (uint8_t)device;
		for (unsigned int number = 0; number < functions; number++) {
			uint32_t id;

			address.function = (uint8_t)number;
			id = pci_config_read(address, PCI_VENDOR_ID, 4);
			if ((id & 0xffff) == 0xffff || (id & 0xffff) == 0)
				continue; /* without function 0 `functions` stays 1 */
			if (!function_add(address, parent, id))
				return;
			if (!number && (pci_config_read(address, PCI_HEADER_TYPE, 1) & 0x80))
				functions = 8;
		}
	}
}

static uint8_t scan_bus(uint16_t segment, uint8_t bus, uint8_t limit, struct pci_function *parent,
			unsigned int depth);

/* Numbers that firmware gave, when they can be true. */
static bool numbers_good(const struct pci_function *bridge, uint8_t limit)
{
	return bridge->secondary_bus > bridge->address.bus &&
	       bridge->subordinate_bus >= bridge->secondary_bus &&
	       bridge->subordinate_bus <= limit &&
	       !pci_bus_known(bridge->address.segment, bridge->secondary_bus);
}

/* Gives the bridge the bus `number` and all above for now; false when it does not keep that. */
static bool number_write(struct pci_function *bridge, uint8_t number, uint8_t limit)
{
	pci_write8(bridge, PCI_PRIMARY_BUS, bridge->address.bus);
	pci_write8(bridge, PCI_SECONDARY_BUS, number);
	pci_write8(bridge, PCI_SUBORDINATE_BUS, limit);
	bridge->secondary_bus = number;
	bridge->subordinate_bus = limit;
	return pci_read8(bridge, PCI_SECONDARY_BUS) == number &&
	       pci_read8(bridge, PCI_SUBORDINATE_BUS) == limit;
}

static bool on_bus(const struct pci_function *function, uint16_t segment, uint8_t bus)
{
	return function->address.segment == segment && function->address.bus == bus;
}

/* True when a bridge that stands before this one on its bus has some of the same numbers. */
static bool numbers_shared(const struct pci_function *bridge)
{
	for (const struct pci_function *other = first_function; other != bridge;
	     other = other->next)
		if (on_bus(other, bridge->address.segment, bridge->address.bus) &&
		    other->secondary_bus && other->secondary_bus <= bridge->subordinate_bus &&
		    bridge->secondary_bus <= other->subordinate_bus)
			return true;
	return false;
}

/*
 * Reads what firmware gave, and closes bridges whose numbers cannot be true, before anything behind
 * another one is looked at: two that pass on the same cycles would show what is behind them twice.
 */
static void numbers_read(uint16_t segment, uint8_t bus, uint8_t limit)
{
	for (struct pci_function *bridge = first_function; bridge; bridge = bridge->next) {
		if (!on_bus(bridge, segment, bus) || !is_bridge(bridge))
			continue;
		bridge->secondary_bus = pci_read8(bridge, PCI_SECONDARY_BUS);
		bridge->subordinate_bus = pci_read8(bridge, PCI_SUBORDINATE_BUS);
		if (numbers_good(bridge, limit) && !numbers_shared(bridge))
			continue;
		if (bridge->secondary_bus)
			log_warning("%s: bus numbers %02x to %02x are wrong here: new ones",
				    bridge->name, bridge->secondary_bus, bridge->subordinate_bus);
		number_write(bridge, 0, 0);
	}
}

/* Bridges with numbers come first, so that new numbers are given above them. */
static uint8_t scan_bridges(uint16_t segment, uint8_t bus, uint8_t limit, unsigned int depth)
{
	uint8_t highest = bus;

	numbers_read(segment, bus, limit);
	for (struct pci_function *bridge = first_function; bridge; bridge = bridge->next) {
		if (!on_bus(bridge, segment, bus) || !bridge->secondary_bus)
			continue;
		scan_bus(segment, bridge->secondary_bus, bridge->subordinate_bus, bridge,
			 depth + 1);
		if (bridge->subordinate_bus > highest)
			highest = bridge->subordinate_bus;
	}
	for (struct pci_function *bridge = first_function; bridge; bridge = bridge->next) {
		if (!on_bus(bridge, segment, bus) || !is_bridge(bridge) || bridge->secondary_bus)
			continue;
		if (highest >= limit || !number_write(bridge, highest + 1, limit)) {
			log_warning("%s: no bus number for what is behind it", bridge->name);
			number_write(bridge, 0, 0);
			continue;
		}
		highest = scan_bus(segment, highest + 1, limit, bridge, depth + 1);
		number_write(bridge, bridge->secondary_bus, highest);
	}
	return highest;
}

/* Returns the highest bus number that is in use behind this bus, itself included. */
static uint8_t scan_bus(uint16_t segment, uint8_t bus, uint8_t limit, struct pci_function *parent,
			unsigned int depth)
{
	struct segment *known = segment_of(segment);

	if (!known || (known->buses[bus / 8] & 1u << bus % 8))
		return bus;
	known->buses[bus / 8] |= (uint8_t)(1u << bus % 8);
	scan_devices(segment, bus, parent);
	if (depth == DEPTH_MAX) {
		log_warning("%04x:%02x: more than %u bridges above: not looked further", segment,
			    bus, DEPTH_MAX);
		return bus;
	}
	return scan_bridges(segment, bus, limit, depth);
}

void pci_enumerate(uint16_t segment, uint8_t bus, uint8_t last_bus)
{
	scan_bus(segment, bus, last_bus, NULL, 0);
}

void pci_init(void)
{
	struct pci_window windows[PCI_WINDOWS_MAX];

	pci_ecam_init();
	pci_cf8_init();
	pci_roots_each(pci_enumerate);
	if (!first_function) {
		log_info("no PCI");
		return;
	}
	pci_assign(windows, pci_windows_find(windows, PCI_WINDOWS_MAX));
	log_info("%u functions", function_count);
}

static bool hex_field(const char **text, unsigned int digits, uint32_t maximum, uint32_t *value)
{
	const char *start = *text;

	*value = 0;
	for (; *text - start < (int)digits; (*text)++) {
		char c = **text;

		if (c >= '0' && c <= '9')
			*value = *value << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*value = *value << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			break;
	}
	return *text != start && *value <= maximum;
}

int pci_parse_address(const char *text, struct pci_address *address)
{
	uint32_t field[4] = {0}; /* segment, bus, device, function; shifted in from the right */
	unsigned int colons = 0;

	for (;; text++) {
		if (!hex_field(&text, 4, 0xffff, &field[2]))
			return -EINVAL;
		if (*text != ':')
			break;
		if (++colons > 2)
			return -EINVAL;
		field[0] = field[1];
		field[1] = field[2];
	}
	if (*text++ != '.' || !hex_field(&text, 1, 7, &field[3]) || *text)
		return -EINVAL;
	if (field[1] > 255 || field[2] > 31)
		return -EINVAL;
	*address = (struct pci_address){.segment = (uint16_t)field[0],
					.bus = (uint8_t)field[1],
					.device = (uint8_t)field[2],
					.function = (uint8_t)field[3]};
	return 0;
}
