/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buses behind bridges, BAR sizes, and the assignment of what firmware left unassigned: on a tree of
 * functions whose configuration cycles pass the bridges as on real buses.
 */
#include "drivers/pci/internal.h"
#include "kernel/platform.h"
#include "tests/device/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX 512
#define WINDOW 0xc0000000ull
#define WINDOW_SIZE 0x20000000ull
#define HIGH_WINDOW 0xc000000000ull

struct node {
	struct node *parent; /* the bridge above, or NULL */
	uint8_t device, function;
	uint8_t config[PCI_CONFIG_SIZE], writable[PCI_CONFIG_SIZE];
};

static struct node nodes[NODES_MAX];
static unsigned int node_count;
static unsigned int accesses;

static uint8_t bus_of(const struct node *node)
{
	return node->parent ? node->parent->config[PCI_SECONDARY_BUS] : 0;
}

/* A cycle reaches a bus when each bridge on the way passes it on. */
static struct node *find(struct pci_address address)
{
	for (unsigned int i = 0; i < node_count; i++) {
		struct node *node = &nodes[i];
		const struct node *bridge = node->parent;

		if (node->device != address.device || node->function != address.function ||
		    bus_of(node) != address.bus || (bridge && !bus_of(node)))
			continue;
		while (bridge && address.bus >= bridge->config[PCI_SECONDARY_BUS] &&
		       address.bus <= bridge->config[PCI_SUBORDINATE_BUS])
			bridge = bridge->parent;
		if (!bridge)
			return node;
	}
	return NULL;
}

static bool covers(const struct pci_access *access, struct pci_address address)
{
	(void)access;
	return !address.segment;
}

static uint32_t read(const struct pci_access *access, struct pci_address address,
		     unsigned int offset, unsigned int width)
{
	struct node *node = find(address);
	uint32_t value = UINT32_MAX;

	(void)access;
	accesses++;
	if (node) {
		value = 0;
		memcpy(&value, node->config + offset, width);
	}
	return value;
}

static void write(const struct pci_access *access, struct pci_address address, unsigned int offset,
		  unsigned int width, uint32_t value)
{
	struct node *node = find(address);

	(void)access;
	for (unsigned int i = 0; node && i < width; i++) {
		uint8_t mask = node->writable[offset + i], byte = (uint8_t)(value >> 8 * i);

		node->config[offset + i] =
			(uint8_t)((node->config[offset + i] & ~mask) | (byte & mask));
	}
}

static struct pci_access tree = {.name = "tree", .covers = covers, .read = read, .write = write};

static struct boot_info boot;

static int set_up(void **state)
{
	(void)state;
	host_reset();
	pci_forget_functions();
	pci_access_forget();
	pci_access_register(&tree);
	node_count = 0;
	accesses = 0;
	memset(&boot, 0, sizeof(boot));
	boot.memory[boot.memory_count++] = (struct boot_memory){0, 0x10000000, BOOT_MEMORY_USABLE};
	platform_init(&boot);
	host_log_clear();
	return 0;
}

static struct node *add(struct node *parent, uint8_t device, uint8_t function)
{
	struct node *node = &nodes[node_count++];

	assert_true(node_count <= NODES_MAX);
	memset(node, 0, sizeof(*node));
	node->parent = parent;
	node->device = device;
	node->function = function;
	memcpy(node->config, "\x34\x12\x78\x56", 4);
	node->config[11] = 2; /* network */
	node->writable[PCI_COMMAND] = 7;
	return node;
}

static struct node *add_bridge(struct node *parent, uint8_t device)
{
	struct node *node = add(parent, device, 0);

	node->config[11] = PCI_CLASS_BRIDGE;
	node->config[10] = PCI_SUBCLASS_PCI;
	node->config[PCI_HEADER_TYPE] = PCI_HEADER_BRIDGE;
	memset(node->writable + PCI_PRIMARY_BUS, 0xff, 3);
	node->writable[PCI_IO_BASE] = node->writable[PCI_IO_LIMIT] = 0xf0;
	for (unsigned int i = PCI_MEMORY_BASE; i < PCI_PREFETCH_BASE_UPPER; i += 2) {
		node->writable[i] = 0xf0;
		node->writable[i + 1] = 0xff;
	}
	memset(node->writable + PCI_PREFETCH_BASE_UPPER, 0xff, 8);
	node->config[PCI_PREFETCH_BASE] = node->config[PCI_PREFETCH_LIMIT] = 1;
	return node;
}

static void number(struct node *bridge, uint8_t secondary, uint8_t subordinate)
{
	bridge->config[PCI_SECONDARY_BUS] = secondary;
	bridge->config[PCI_SUBORDINATE_BUS] = subordinate;
}

static void bar(struct node *node, unsigned int index, uint32_t flags, uint64_t size,
		uint64_t address)
{
	unsigned int offset = PCI_BAR0 + 4 * index;
	uint64_t mask = ~(size - 1) & ~(uint64_t)(flags & 1 ? 3 : 15), value = address | flags;
	size_t length = (flags & 7) == 4 ? 8 : 4;

	memcpy(node->writable + offset, &mask, length);
	memcpy(node->config + offset, &value, length);
}

static struct pci_function *function_at(uint8_t bus, uint8_t device, uint8_t function)
{
	return pci_find((struct pci_address){.bus = bus, .device = device, .function = function});
}

static unsigned int count(void)
{
	unsigned int total = 0;

	for (struct pci_function *function = pci_first(); function; function = function->next) {
		if (function->next)
			assert_true(function->address.bus < function->next->address.bus ||
				    (function->address.bus == function->next->address.bus &&
				     (function->address.device < function->next->address.device ||
				      (function->address.device == function->next->address.device &&
				       function->address.function <
					       function->next->address.function))));
		total++;
	}
	return total;
}

/* -- Enumeration */

static void functions_of_one_device(void **state)
{
	struct node *first;

	(void)state;
	first = add(NULL, 3, 0);
	first->config[PCI_HEADER_TYPE] = 0x80;
	add(NULL, 3, 2);
	add(NULL, 3, 7);
	add(NULL, 4, 0);
	add(NULL, 4, 1); /* not looked at: 4.0 does not say that there is more */
	add(NULL, 5, 1); /* nor this: there is no 5.0 */
	pci_enumerate(0, 0, 255);
	assert_int_equal(count(), 4);
	assert_non_null(function_at(0, 3, 7));
	assert_string_equal(function_at(0, 3, 2)->name, "00:03.2");
	assert_null(function_at(0, 4, 1));
}

static void buses_that_firmware_numbered(void **state)
{
	struct node *outer = add_bridge(NULL, 1), *inner = add_bridge(outer, 2);

	(void)state;
	number(outer, 4, 6);
	number(inner, 5, 5);
	add(inner, 9, 0);
	pci_enumerate(0, 0, 255);
	assert_int_equal(count(), 3);
	assert_ptr_equal(function_at(5, 9, 0)->parent, function_at(4, 2, 0));
	assert_int_equal(function_at(4, 2, 0)->subordinate_bus, 5);
	assert_int_equal(outer->config[PCI_SUBORDINATE_BUS], 6);
	assert_int_equal(host_log_count(), 0);
}

static void bridges_without_numbers_get_them(void **state)
{
	struct node *first = add_bridge(NULL, 1), *inner = add_bridge(first, 0);
	struct node *second = add_bridge(NULL, 2);

	(void)state;
	add(inner, 3, 0);
	add(second, 0, 0);
	pci_enumerate(0, 0, 255);
	assert_int_equal(count(), 5);
	assert_int_equal(first->config[PCI_SECONDARY_BUS], 1);
	assert_int_equal(first->config[PCI_SUBORDINATE_BUS], 2);
	assert_int_equal(inner->config[PCI_PRIMARY_BUS], 1);
	assert_int_equal(second->config[PCI_SECONDARY_BUS], 3);
	assert_non_null(function_at(2, 3, 0));
	assert_non_null(function_at(3, 0, 0));
	assert_int_equal(host_log_count(), 0);
}

static void new_numbers_stay_clear_of_old_ones(void **state)
{
	struct node *fresh = add_bridge(NULL, 1), *numbered = add_bridge(NULL, 2);

	(void)state;
	number(numbered, 1, 4);
	add(numbered, 0, 0);
	add(fresh, 0, 0);
	pci_enumerate(0, 0, 255);
	assert_int_equal(fresh->config[PCI_SECONDARY_BUS], 5);
	assert_non_null(function_at(1, 0, 0));
	assert_non_null(function_at(5, 0, 0));
}

static void numbers_that_cannot_be_are_replaced(void **state)
{
	static const uint8_t wrong[][2] = {{0, 5}, {3, 2}, {1, 1}};

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct node *good, *bad;

		set_up(NULL);
		good = add_bridge(NULL, 1);
		number(good, 1, 1);
		bad = add_bridge(NULL, 2); /* the last: the same bus as the other's */
		number(bad, wrong[i][0], wrong[i][1]);
		add(bad, 7, 0);
		pci_enumerate(0, 0, 255);
		assert_int_equal(count(), 3);
		assert_int_equal(bad->config[PCI_SECONDARY_BUS], 2);
		assert_non_null(function_at(2, 7, 0));
	}
}

static void a_bridge_that_leads_to_its_own_bus(void **state)
{
	struct node *outer = add_bridge(NULL, 1), *inner = add_bridge(outer, 1);

	(void)state;
	number(outer, 1, 9);
	number(inner, 1, 9);
	memset(inner->writable + PCI_PRIMARY_BUS, 0, 3); /* and insists */
	pci_enumerate(0, 0, 255);
	assert_int_equal(count(), 2);
	assert_true(host_log_has("no bus number"));
}

static void more_bridges_than_buses(void **state)
{
	struct node *last = NULL;

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		last = add_bridge(last, 0);
	pci_enumerate(0, 0, 255);
	assert_true(count() <= 100);
	assert_true(host_log_has("not looked further"));
	set_up(NULL);
	for (unsigned int i = 0; i < 300; i++)
		add_bridge(i < 31 ? NULL : &nodes[i / 31 - 1], (uint8_t)(i % 31));
	pci_enumerate(0, 0, 255);
	assert_true(count() <= 300);
	assert_true(accesses < 20 * 256 * 32);
}

static void a_range_of_buses_ends_where_it_ends(void **state)
{
	struct node *bridge = add_bridge(NULL, 1);

	(void)state;
	add(bridge, 0, 0);
	pci_enumerate(0, 0, 0);
	assert_int_equal(count(), 1);
	assert_true(host_log_has("no bus number"));
}

/* -- BARs */

static void sizes_of_all_kinds(void **state)
{
	struct node *node = add(NULL, 1, 0);
	struct pci_function *function;

	(void)state;
	bar(node, 0, 1, 0x20, 0xc000);
	bar(node, 1, 0, 0x1000, 0xfe000000);
	bar(node, 2, 0xc, 0x400000000, 0x800000000);
	bar(node, 4, 8, 0x10, 0xfe001000);
	node->config[PCI_COMMAND] = 3;
	pci_enumerate(0, 0, 0);
	function = pci_first();
	assert_int_equal(function->bars[0].type, PCI_BAR_IO);
	assert_int_equal(function->bars[0].size, 0x20);
	assert_int_equal(function->bars[0].address, 0xc000);
	assert_int_equal(function->bars[1].type, PCI_BAR_MEMORY32);
	assert_int_equal(function->bars[1].size, 0x1000);
	assert_false(function->bars[1].prefetchable);
	assert_int_equal(function->bars[2].type, PCI_BAR_MEMORY64);
	assert_int_equal(function->bars[2].size, 0x400000000);
	assert_int_equal(function->bars[2].address, 0x800000000);
	assert_true(function->bars[2].prefetchable);
	assert_int_equal(function->bars[3].type, PCI_BAR_UPPER_HALF);
	assert_int_equal(function->bars[4].size, 0x10);
	assert_int_equal(function->bars[5].type, PCI_BAR_NONE);
	/* Everything is as it was. */
	assert_int_equal(pci_read32(function, PCI_BAR0), 0xc001);
	assert_int_equal(pci_read32(function, PCI_BAR0 + 12), 8);
	assert_int_equal(pci_read16(function, PCI_COMMAND), 3);
	assert_int_equal(pci_bar_port(function, 0, 0x20), 0xc000);
	assert_int_equal(pci_bar_port(function, 0, 0x21), 0);
	assert_int_equal(pci_bar_port(function, 1, 1), 0);
	assert_int_equal(pci_bar_port(function, 9, 1), 0);
}

static void bars_that_cannot_be(void **state)
{
	struct node *node = add(NULL, 1, 0);
	struct pci_function *function;
	uint32_t holes = 0xff0ff000;

	(void)state;
	memcpy(node->writable + PCI_BAR0, &holes, 4); /* address bits with a hole */
	node->config[PCI_BAR0 + 3] = 0xf0;
	bar(node, 1, 0, 0x1000, 0xfe000800); /* not aligned */
	node->config[PCI_BAR0 + 4 + 1] = 0x08;
	bar(node, 2, 0, 0x1000, 0x00100000); /* on memory */
	node->config[PCI_BAR0 + 20] = 4;     /* 64 bits, but the last */
	pci_enumerate(0, 0, 0);
	function = pci_first();
	assert_int_equal(function->bars[0].type, PCI_BAR_NONE);
	assert_int_equal(function->bars[2].address, 0);
	assert_int_equal(function->bars[2].size, 0x1000);
	assert_int_equal(function->bars[5].type, PCI_BAR_NONE);
	assert_true(host_log_has("lies on memory"));
	assert_true(host_log_has("the last"));
	assert_null(pci_bar_map(function, 0, 0, 4));
	assert_null(pci_bar_map(function, 2, 0, 4));
	assert_null(pci_bar_map(function, 6, 0, 4));
}

static void mappings_are_counted_and_bounded(void **state)
{
	struct host_region *region = host_mmio_region(0xfe000000, 0x1000, NULL, NULL);
	struct node *node = add(NULL, 1, 0);
	struct pci_function *function;

	(void)state;
	bar(node, 0, 0, 0x1000, 0xfe000000);
	pci_enumerate(0, 0, 0);
	function = pci_first();
	assert_non_null(function);
	assert_ptr_equal(pci_bar_map(function, 0, 0xff0, 0x10), region->memory + 0xff0);
	assert_ptr_equal(pci_bar_map(function, 0, 0, 0x1000), region->memory);
	assert_int_equal(function->bars[0].mapping_users, 2);
	assert_null(pci_bar_map(function, 0, 0xff0, 0x11));
	assert_null(pci_bar_map(function, 0, UINT64_MAX, 2));
	assert_null(pci_bar_map(function, 0, 0, 0));
	pci_bar_unmap(function, 0);
	pci_bar_unmap(function, 0);
	pci_bar_unmap(function, 0);
	assert_int_equal(function->bars[0].mapping_users, 0);
	/* Users come and go, with each reset of a device: that must not cost anything. */
	assert_non_null(function->bars[0].mapping);
	assert_ptr_equal(pci_bar_map(function, 0, 0, 0x1000), region->memory);
}

/* -- Assignment */

static const struct pci_window windows[] = {
	{PCI_WINDOW_MEMORY, 0, 0, WINDOW, WINDOW_SIZE},
	{PCI_WINDOW_MEMORY, 0, 0, HIGH_WINDOW, 1ull << 38},
	{PCI_WINDOW_IO, 0, 0, 0xc000, 0x4000},
};

static void check_no_overlap(void)
{
	for (struct pci_function *a = pci_first(); a; a = a->next) {
		for (struct pci_function *b = pci_first(); b; b = b->next) {
			for (int i = 0; i < PCI_BARS_MAX; i++) {
				for (int j = 0; j < PCI_BARS_MAX; j++) {
					const struct pci_bar *x = &a->bars[i], *y = &b->bars[j];

					if (x == y || !x->address || !y->address ||
					    (x->type == PCI_BAR_IO) != (y->type == PCI_BAR_IO))
						continue;
					assert_true(x->address + x->size <= y->address ||
						    y->address + y->size <= x->address);
				}
			}
		}
	}
}

/* Each assigned BAR lies in a window of each bridge above it. */
static void check_windows(void)
{
	for (struct pci_function *function = pci_first(); function; function = function->next) {
		for (int i = 0; i < PCI_BARS_MAX; i++) {
			const struct pci_bar *place = &function->bars[i];

			for (struct pci_function *bridge = function->parent;
			     bridge && place->address; bridge = bridge->parent) {
				bool inside = false;

				for (int kind = 0; kind < PCI_BRIDGE_WINDOWS; kind++) {
					uint64_t start, length;

					if ((kind == PCI_BRIDGE_IO) ==
						    (place->type == PCI_BAR_IO) &&
					    pci_bridge_window_read(bridge,
								   (enum pci_bridge_window)kind,
								   &start, &length))
						inside |= place->address >= start &&
							  place->address + place->size <=
								  start + length;
				}
				assert_true(inside);
			}
		}
	}
}

static void unassigned_bars_get_addresses(void **state)
{
	struct node *node = add(NULL, 1, 0), *other = add(NULL, 2, 0);
	struct pci_function *function;

	(void)state;
	bar(node, 0, 1, 0x20, 0);
	bar(node, 1, 0, 0x1000, 0);
	bar(node, 4, 0xc, 0x4000, 0);
	bar(other, 0, 0, 0x2000, WINDOW); /* firmware put this one at the start */
	pci_enumerate(0, 0, 0);
	pci_assign(windows, 3);
	function = function_at(0, 1, 0);
	assert_int_equal(function->bars[0].address, 0xc000);
	assert_int_equal(function->bars[4].address, WINDOW + 0x4000);
	assert_int_equal(function->bars[1].address, WINDOW + 0x2000);
	assert_int_equal(pci_read32(function, PCI_BAR0 + 4), WINDOW + 0x2000);
	assert_int_equal(pci_read32(function, PCI_BAR0 + 16), (WINDOW + 0x4000) | 0xc);
	assert_int_equal(pci_read32(function, PCI_BAR0 + 20), 0);
	assert_int_equal(function_at(0, 2, 0)->bars[0].address, WINDOW);
	check_no_overlap();
	assert_int_equal(host_log_count(), 0);
}

static void large_bars_go_above_four_gib(void **state)
{
	struct node *node = add(NULL, 1, 0), *bridge = add_bridge(NULL, 2),
		    *behind = add(bridge, 0, 0);

	(void)state;
	bar(node, 0, 4, 1ull << 30, 0);
	bar(behind, 0, 0xc, 1ull << 31, 0);
	bar(behind, 2, 0, 0x1000, 0);
	pci_enumerate(0, 0, 255);
	pci_assign(windows, 3);
	assert_true(function_at(0, 1, 0)->bars[0].address >= HIGH_WINDOW);
	assert_true(function_at(1, 0, 0)->bars[0].address >= HIGH_WINDOW);
	assert_true(function_at(1, 0, 0)->bars[2].address < 1ull << 32);
	check_no_overlap();
	check_windows();
	assert_int_equal(host_log_count(), 0);
}

static void windows_of_nested_bridges_are_opened(void **state)
{
	struct node *outer = add_bridge(NULL, 1), *inner = add_bridge(outer, 0);
	struct node *deep = add(inner, 4, 0), *side = add(outer, 5, 0), *root = add(NULL, 3, 0);
	uint64_t start, length;

	(void)state;
	bar(deep, 0, 1, 0x100, 0);
	bar(deep, 1, 0, 0x200000, 0);
	bar(deep, 2, 0xc, 0x4000, 0);
	bar(side, 0, 0, 0x1000, 0);
	bar(side, 1, 1, 0x40, 0);
	bar(root, 0, 0, 0x1000, 0);
	bar(inner, 0, 4, 0x100, 0);
	pci_enumerate(0, 0, 255);
	pci_assign(windows, 3);
	for (struct pci_function *function = pci_first(); function; function = function->next)
		for (int i = 0; i < PCI_BARS_MAX; i++)
			if (function->bars[i].size)
				assert_true(function->bars[i].address);
	check_no_overlap();
	check_windows();
	assert_non_null(function_at(0, 1, 0));
	assert_true(
		pci_bridge_window_read(function_at(0, 1, 0), PCI_BRIDGE_MEMORY, &start, &length));
	assert_int_equal(start % 0x100000, 0);
	assert_true(start >= WINDOW && start + length <= WINDOW + WINDOW_SIZE);
	assert_false(
		pci_bridge_window_read(function_at(0, 1, 0), PCI_BRIDGE_PREFETCH, &start, &length));
	/* What nobody needs is closed, and not open at 0 as after a reset. */
	assert_int_equal(outer->config[PCI_PREFETCH_BASE + 1], 0xff);
	assert_int_equal(outer->config[PCI_PREFETCH_LIMIT + 1], 0);
	/* What a driver enables, its bridges pass on. */
	pci_enable(function_at(2, 4, 0));
	assert_int_equal(outer->config[PCI_COMMAND] & 7, 7);
	assert_int_equal(inner->config[PCI_COMMAND] & 7, 7);
	assert_int_equal(side->config[PCI_COMMAND] & 7, 0);
	assert_int_equal(host_log_count(), 0);
}

static void windows_that_firmware_opened_are_used(void **state)
{
	struct node *bridge = add_bridge(NULL, 1), *old = add(bridge, 0, 0),
		    *fresh = add(bridge, 1, 0);
	struct node *big = add(bridge, 2, 0);

	(void)state;
	number(bridge, 1, 1);
	bridge->config[PCI_MEMORY_BASE + 1] = bridge->config[PCI_MEMORY_LIMIT + 1] = 0xd0;
	bar(old, 0, 0, 0x80000, 0xd0000000);
	bar(fresh, 0, 0, 0x1000, 0);
	bar(big, 0, 0, 0x100000, 0);
	pci_enumerate(0, 0, 255);
	pci_assign(windows, 3);
	assert_int_equal(function_at(1, 1, 0)->bars[0].address, 0xd0080000);
	assert_int_equal(function_at(1, 2, 0)->bars[0].address, 0);
	assert_true(host_log_has("no room"));
	check_windows();
}

static void memory_and_apics_are_never_given(void **state)
{
	static const struct pci_window wide = {PCI_WINDOW_MEMORY, 0, 0, 0x0f000000, 0xf1000000};
	struct node *node = add(NULL, 1, 0);
	struct pci_function *function;

	(void)state;
	boot.memory[boot.memory_count++] =
		(struct boot_memory){0x10000000, 0xe0000000, BOOT_MEMORY_RESERVED};
	boot.memory[boot.memory_count++] =
		(struct boot_memory){0xf0000000, 0x08000000, BOOT_MEMORY_NVS};
	bar(node, 0, 0, 0x4000000, 0);
	bar(node, 1, 0, 0x2000000, 0);
	bar(node, 2, 0, 0x1000000, 0);
	pci_enumerate(0, 0, 0);
	pci_assign(&wide, 1);
	function = pci_first();
	/* 0xf8000000 to 0xfebfffff is what is left. */
	assert_int_equal(function->bars[0].address, 0xf8000000);
	assert_int_equal(function->bars[1].address, 0xfc000000);
	assert_int_equal(function->bars[2].address, 0);
	assert_true(host_log_has("no room"));
}

static void without_windows_the_largest_gap_is_taken(void **state)
{
	struct pci_window found[4];

	(void)state;
	boot.memory[boot.memory_count++] =
		(struct boot_memory){0xb0000000, 0x10000000, BOOT_MEMORY_RESERVED};
	assert_int_equal(pci_windows_find(found, 4), 2);
	assert_int_equal(found[0].type, PCI_WINDOW_MEMORY);
	assert_int_equal(found[0].start, 0x10000000);
	assert_int_equal(found[0].length, 0xa0000000);
	assert_int_equal(found[1].type, PCI_WINDOW_IO);
}

/* Any tree, any sizes: what is given never overlaps and always lies in the windows above. */
static void random_trees(void **state)
{
	(void)state;
	srand(1);
	for (unsigned int round = 0; round < 100; round++) {
		struct node *bridges[9] = {NULL};
		unsigned int bridge_count = 1;

		set_up(NULL);
		for (uint8_t i = 0; i < 24; i++) {
			struct node *parent = bridges[(unsigned int)rand() % bridge_count];

			if (rand() % 3 == 0 && bridge_count < 9) {
				bridges[bridge_count++] = add_bridge(parent, i);
				continue;
			}
			add(parent, i, 0);
			for (unsigned int index = 0; index < 4; index += 2) {
				static const uint32_t flags[] = {0, 1, 4, 8, 0xc};
				uint32_t kind = flags[rand() % 5];

				bar(&nodes[node_count - 1], index, kind,
				    kind == 1 ? 4ull << rand() % 7 : 16ull << rand() % 22, 0);
			}
		}
		pci_enumerate(0, 0, 255);
		assert_int_equal(count(), 24);
		pci_assign(windows, 3);
		check_no_overlap();
		check_windows();
	}
}

static void addresses_are_parsed(void **state)
{
	static const char *const wrong[] = {"",	    "1",	 "1.8",	 "20.0",	"100:1.0",
					    "1.0x", "0:0:0:1.0", ":1.0", "10000:0:1.0", "1.",
					    "g.0"};
	struct pci_address address;

	(void)state;
	assert_int_equal(pci_parse_address("1f.7", &address), 0);
	assert_int_equal(address.device, 0x1f);
	assert_int_equal(address.function, 7);
	assert_int_equal(pci_parse_address("fe:03.0", &address), 0);
	assert_int_equal(address.bus, 0xfe);
	assert_int_equal(pci_parse_address("1a2b:00:03.1", &address), 0);
	assert_int_equal(address.segment, 0x1a2b);
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(pci_parse_address(wrong[i], &address), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(functions_of_one_device, set_up),
		cmocka_unit_test_setup(buses_that_firmware_numbered, set_up),
		cmocka_unit_test_setup(bridges_without_numbers_get_them, set_up),
		cmocka_unit_test_setup(new_numbers_stay_clear_of_old_ones, set_up),
		cmocka_unit_test_setup(numbers_that_cannot_be_are_replaced, set_up),
		cmocka_unit_test_setup(a_bridge_that_leads_to_its_own_bus, set_up),
		cmocka_unit_test_setup(more_bridges_than_buses, set_up),
		cmocka_unit_test_setup(a_range_of_buses_ends_where_it_ends, set_up),
		cmocka_unit_test_setup(sizes_of_all_kinds, set_up),
		cmocka_unit_test_setup(bars_that_cannot_be, set_up),
		cmocka_unit_test_setup(mappings_are_counted_and_bounded, set_up),
		cmocka_unit_test_setup(unassigned_bars_get_addresses, set_up),
		cmocka_unit_test_setup(large_bars_go_above_four_gib, set_up),
		cmocka_unit_test_setup(windows_of_nested_bridges_are_opened, set_up),
		cmocka_unit_test_setup(windows_that_firmware_opened_are_used, set_up),
		cmocka_unit_test_setup(memory_and_apics_are_never_given, set_up),
		cmocka_unit_test_setup(without_windows_the_largest_gap_is_taken, set_up),
		cmocka_unit_test_setup(random_trees, set_up),
		cmocka_unit_test_setup(addresses_are_parsed, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
