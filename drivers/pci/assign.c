/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gives addresses to the BARs that firmware left without, and opens bridges for them.
 *
 * From each root bus downwards: what a bus needs itself and through each bridge that is still closed is
 * sorted by alignment, largest first, and put at the first free place of the bus's windows. A bridge's
 * need is what the same procedure would use up in an empty window, so the second round inside finds the
 * room that the first one reserved. Bridges that firmware has opened stay as they are: what is new
 * behind them must fit into what their windows have left.
 */
#include "drivers/pci/internal.h"
#include "kernel/console/log.h"
#include "kernel/platform.h"

#include <inttypes.h>
#include <stdlib.h>

#define LOG_AREA "pci"

#define DEPTH_MAX 32
#define LARGE_BAR (16ull << 20) /* 64-bit BARs above this go above 4 GiB where there is a window */
#define FOUR_GIB (1ull << 32)
#define RESERVED_FIRST 0xfec00000ull
#define RESERVED_LAST 0xffffffffull
#define STEPS_MAX 4096

/* What is given together: ports, memory below 4 GiB, prefetchable memory above. Numbered as bridges' windows. */
static const struct kind {
	const char *name;
	uint64_t bridge_step;
} kinds[PCI_BRIDGE_WINDOWS] = {
	[PCI_BRIDGE_IO] = {"ports", 0x1000},
	[PCI_BRIDGE_MEMORY] = {"memory", 0x100000},
	[PCI_BRIDGE_PREFETCH] = {"memory above 4 GiB", 0x100000},
};

/* The bus that is filled: behind `bridge`, or the root bus. */
struct place {
	struct pci_function *bridge; /* NULL: the root */
	uint16_t segment;
	uint8_t bus;
	bool high; /* the root has a window above 4 GiB */
	const struct pci_window *windows;
	unsigned int window_count;
	unsigned int depth;
};

struct item {
	struct pci_function *function;
	int bar; /* -1: the window of this bridge */
	uint64_t size, align;
};

static bool on_place(const struct place *place, const struct pci_function *function)
{
	return function->parent == place->bridge && function->address.segment == place->segment &&
	       function->address.bus == place->bus;
}

static struct place behind(const struct place *place, struct pci_function *bridge)
{
	struct place inner = *place;

	inner.bridge = bridge;
	inner.bus = bridge->secondary_bus;
	inner.depth++;
	return inner;
}

static bool is_open_bridge(const struct pci_function *function)
{
	return function->header_type == PCI_HEADER_BRIDGE && function->secondary_bus;
}

static enum pci_bridge_window kind_of(const struct place *place, const struct pci_bar *bar)
{
	if (bar->type == PCI_BAR_IO)
		return PCI_BRIDGE_IO;
	/* Only the prefetchable window of a bridge reaches above 4 GiB. */
	if (bar->type == PCI_BAR_MEMORY64 && bar->size > LARGE_BAR && place->high &&
	    (bar->prefetchable || !place->bridge))
		return PCI_BRIDGE_PREFETCH;
	return PCI_BRIDGE_MEMORY;
}

static int larger_first(const void *left, const void *right)
{
	const struct item *a = left, *b = right;

	return a->align < b->align ? 1 : a->align > b->align ? -1 : 0;
}

static uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

/* What the closed bridge needs of a kind, as an item of the bus that it is on. size 0: nothing. */
static struct item bridge_need(const struct place *place, struct pci_function *bridge,
			       enum pci_bridge_window kind);

/* Collects and sorts; the result is freed by the caller. NULL with count 0 when there is nothing. */
static struct item *collect(const struct place *place, enum pci_bridge_window kind, size_t *count)
{
	struct item *items;
	size_t room = 0;

	*count = 0;
	for (struct pci_function *function = pci_first(); function; function = function->next)
		if (on_place(place, function))
			room += PCI_BARS_MAX + 1;
	items = room ? calloc(room, sizeof(*items)) : NULL;
	if (!items) {
		if (room)
			log_error("no memory to assign addresses of bus %02x", place->bus);
		return NULL;
	}
	for (struct pci_function *function = pci_first(); function; function = function->next) {
		uint64_t start, length;

		if (!on_place(place, function))
			continue;
		for (int i = 0; i < PCI_BARS_MAX; i++) {
			const struct pci_bar *bar = &function->bars[i];

			if ((bar->type == PCI_BAR_IO || pci_bar_is_memory(bar)) && !bar->address &&
			    kind_of(place, bar) == kind)
				items[(*count)++] =
					(struct item){function, i, bar->size, bar->size};
		}
		if (is_open_bridge(function) &&
		    !pci_bridge_window_read(function, kind, &start, &length)) {
			struct item need = bridge_need(place, function, kind);

			if (need.size)
				items[(*count)++] = need;
		}
	}
	qsort(items, *count, sizeof(*items), larger_first);
	return items;
}

static struct item bridge_need(const struct place *place, struct pci_function *bridge,
			       enum pci_bridge_window kind)
{
	struct place inner = behind(place, bridge);
	struct item need = {.function = bridge, .bar = -1, .align = kinds[kind].bridge_step};
	struct item *items;
	size_t count;

	if (inner.depth > DEPTH_MAX)
		return need;
	items = collect(&inner, kind, &count);
	for (size_t i = 0; i < count; i++) {
		if (items[i].align > need.align)
			need.align = items[i].align;
		need.size = align_up(need.size, items[i].align) + items[i].size;
	}
	free(items);
	need.size = align_up(need.size, kinds[kind].bridge_step);
	return need;
}

static bool touches(uint64_t start, uint64_t size, uint64_t other, uint64_t other_size,
		    uint64_t *end)
{
	if (start > other + (other_size - 1) || other > start + (size - 1))
		return false;
	*end = other + other_size;
	return true;
}

/* True when the range is taken, and where the one that takes it ends. */
static bool taken(const struct place *place, enum pci_bridge_window kind, uint64_t start,
		  uint64_t size, uint64_t *end)
{
	for (const struct pci_function *function = pci_first(); function;
	     function = function->next) {
		uint64_t other, length;

		for (int i = 0; i < PCI_BARS_MAX; i++) {
			const struct pci_bar *bar = &function->bars[i];

			if (bar->address && (bar->type == PCI_BAR_IO) == (kind == PCI_BRIDGE_IO) &&
			    (bar->type == PCI_BAR_IO || pci_bar_is_memory(bar)) &&
			    touches(start, size, bar->address, bar->size, end))
				return true;
		}
		/* The windows of the bridges on this bus; what is behind them lies inside. */
		if (!on_place(place, function) || !is_open_bridge(function))
			continue;
		for (int i = 0; i < PCI_BRIDGE_WINDOWS; i++)
			if ((i == PCI_BRIDGE_IO) == (kind == PCI_BRIDGE_IO) &&
			    pci_bridge_window_read(function, (enum pci_bridge_window)i, &other,
						   &length) &&
			    touches(start, size, other, length, end))
				return true;
	}
	if (kind == PCI_BRIDGE_IO)
		return false;
	if (platform_range_used(start, size)) {
		*end = platform_range_end(platform_next_range(start, start + size - 1));
		return true;
	}
	if (pci_ecam_overlaps(start, size)) {
		*end = start + 0x100000;
		return true;
	}
	return touches(start, size, RESERVED_FIRST, RESERVED_LAST - RESERVED_FIRST + 1, end);
}

/* The first free place of [start, start + length), or 0. */
static uint64_t first_free(const struct place *place, enum pci_bridge_window kind, uint64_t start,
			   uint64_t length, const struct item *item)
{
	uint64_t address = align_up(start, item->align), end;

	for (unsigned int i = 0; i < STEPS_MAX; i++) {
		if (address < start || address - start > length ||
		    item->size > length - (address - start))
			return 0;
		if (!taken(place, kind, address, item->size, &end))
			return address;
		address = align_up(end > address ? end : address + 1, item->align);
	}
	return 0;
}

static uint64_t find_in_windows(const struct place *place, enum pci_bridge_window kind, uint8_t bus,
				const struct item *item)
{
	for (unsigned int i = 0; i < place->window_count; i++) {
		const struct pci_window *window = &place->windows[i];
		uint64_t address;

		if (window->segment != place->segment || window->bus != bus ||
		    (window->type == PCI_WINDOW_IO) != (kind == PCI_BRIDGE_IO) ||
		    (window->start >= FOUR_GIB) != (kind == PCI_BRIDGE_PREFETCH))
			continue;
		address = first_free(place, kind, window->start, window->length, item);
		if (address)
			return address;
	}
	return 0;
}

static uint64_t find_room(const struct place *place, enum pci_bridge_window kind,
			  const struct item *item)
{
	uint64_t start, length, address;

	if (place->bridge)
		return pci_bridge_window_read(place->bridge, kind, &start, &length)
			       ? first_free(place, kind, start, length, item)
			       : 0;
	address = find_in_windows(place, kind, place->bus, item);
	/* Additional roots (QEMU's pxb) have no windows of their own where firmware assigned nothing. */
	return address || !place->bus ? address : find_in_windows(place, kind, 0, item);
}

static void give(const struct place *place, enum pci_bridge_window kind, const struct item *item)
{
	struct pci_function *function = item->function;
	uint64_t address = find_room(place, kind, item);

	if (!address) {
		/* Ports are often not to be had, and not wanted: modern devices do without. */
		log_print(kind == PCI_BRIDGE_IO ? LOG_INFO : LOG_WARNING, LOG_AREA,
			  "%s: no room for 0x%" PRIx64 " bytes of %s%s", function->name, item->size,
			  kinds[kind].name, item->bar < 0 ? " behind it" : "");
		return;
	}
	if (item->bar >= 0) {
		pci_bar_set(function, (unsigned int)item->bar, address);
		log_debug("%s: BAR %d at 0x%" PRIx64, function->name, item->bar, address);
	} else if (pci_bridge_window_write(function, kind, address, item->size)) {
		log_warning("%s: the bridge does not take 0x%" PRIx64 " bytes of %s at 0x%" PRIx64,
			    function->name, item->size, kinds[kind].name, address);
	}
}

/* Those for which there is no need or was no room, and that nobody closed. */
static void close_windows(const struct pci_function *bridge)
{
	for (int kind = 0; kind < PCI_BRIDGE_WINDOWS; kind++) {
		uint64_t start, length;

		if (!pci_bridge_window_read(bridge, (enum pci_bridge_window)kind, &start, &length))
			pci_bridge_window_close(bridge, (enum pci_bridge_window)kind);
	}
}

static void assign_place(const struct place *place)
{
	for (int kind = 0; kind < PCI_BRIDGE_WINDOWS; kind++) {
		size_t count;
		struct item *items = collect(place, (enum pci_bridge_window)kind, &count);

		for (size_t i = 0; i < count; i++)
			give(place, (enum pci_bridge_window)kind, &items[i]);
		free(items);
	}
	for (const struct pci_function *function = pci_first(); function; function = function->next)
		if (on_place(place, function) && is_open_bridge(function))
			close_windows(function);
	if (place->depth == DEPTH_MAX)
		return;
	for (struct pci_function *function = pci_first(); function; function = function->next) {
		if (on_place(place, function) && is_open_bridge(function)) {
			struct place inner = behind(place, function);

			assign_place(&inner);
		}
	}
}

void pci_assign(const struct pci_window *windows, unsigned int count)
{
	const struct pci_function *last = NULL;

	for (const struct pci_function *function = pci_first(); function;
	     function = function->next) {
		struct place place = {
			.segment = function->address.segment,
			.bus = function->address.bus,
			.windows = windows,
			.window_count = count,
		};

		if (function->parent)
			continue;
		/* Functions are in the order of their addresses: once for each root bus. */
		if (last && last->address.segment == place.segment &&
		    last->address.bus == place.bus)
			continue;
		last = function;
		for (unsigned int i = 0; i < count; i++)
			place.high |= windows[i].segment == place.segment &&
				      windows[i].bus == place.bus && windows[i].start >= FOUR_GIB;
		assign_place(&place);
	}
}
