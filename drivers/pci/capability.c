/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capability lists (PCI 3.0, 6.7; PCI Express 5.0, 7.6.1 for the extended ones). The links come from the
 * device, so each walk remembers where it was: it ends at the second visit, and outside the space.
 */
#include "drivers/pci/internal.h"
#include "kernel/console/log.h"

#include <string.h>

#define LOG_AREA "pci"

#define FIRST_CAPABILITY 0x40

struct walk {
	const struct pci_function *function;
	unsigned int start, end; /* of the space */
	uint8_t visited[PCI_CONFIG_SIZE_EXTENDED / 4 / 8];
	const char *fault;
	unsigned int fault_at;
};

/* True when the walk may go to `offset`; false at its end, with fault set when it is a bad one. */
static bool visit(struct walk *walk, unsigned int offset)
{
	unsigned int bit = offset / 4;

	if (!offset)
		return false;
	walk->fault_at = offset;
	if (offset < walk->start || offset >= walk->end) {
		walk->fault = "points outside";
		return false;
	}
	if (walk->visited[bit / 8] & 1u << bit % 8) {
		walk->fault = "is a loop";
		return false;
	}
	walk->visited[bit / 8] |= (uint8_t)(1u << bit % 8);
	return true;
}

static void start_walk(struct walk *walk, const struct pci_function *function, bool extended)
{
	memset(walk, 0, sizeof(*walk));
	walk->function = function;
	walk->start = extended ? PCI_CONFIG_SIZE : FIRST_CAPABILITY;
	walk->end = extended ? PCI_CONFIG_SIZE_EXTENDED : PCI_CONFIG_SIZE;
}

static unsigned int first_capability(const struct pci_function *function)
{
	if (!(pci_read16(function, PCI_STATUS) & PCI_STATUS_CAPABILITIES) ||
	    function->header_type > PCI_HEADER_BRIDGE)
		return 0;
	return pci_read8(function, PCI_CAPABILITIES) & ~3u;
}

#define ANY_ID -1

/*
 * Walks from the start to the first capability after the one at `after` (0: from the first on) with the
 * identifier that is wanted, so that also the last step of a caller's loop knows of all steps before.
 */
static unsigned int walk_capabilities(struct walk *walk, unsigned int after, int wanted,
				      uint8_t *id)
{
	unsigned int offset = first_capability(walk->function);
	bool passed = !after;

	while (visit(walk, offset)) {
		uint16_t header = pci_read16(walk->function, offset);

		if (header == 0xffff) {
			walk->fault = "reads as ones";
			return 0;
		}
		if (passed && (wanted == ANY_ID || wanted == (header & 0xff))) {
			*id = (uint8_t)header;
			return offset;
		}
		passed |= offset == after;
		offset = header >> 8 & ~3u;
	}
	return 0;
}

static unsigned int walk_extended(struct walk *walk, unsigned int after, int wanted, uint16_t *id)
{
	unsigned int offset = walk->function->extended_config ? PCI_CONFIG_SIZE : 0;
	bool passed = !after;

	while (visit(walk, offset)) {
		uint32_t header = pci_read32(walk->function, offset);

		/* An empty list is a header of zeroes. */
		if (!header)
			return 0;
		if (header == UINT32_MAX) {
			walk->fault = "reads as ones";
			return 0;
		}
		if (passed && (wanted == ANY_ID || wanted == (int)(header & 0xffff))) {
			*id = (uint16_t)header;
			return offset;
		}
		passed |= offset == after;
		offset = header >> 20 & ~3u;
	}
	return 0;
}

unsigned int pci_capability_next(const struct pci_function *function, unsigned int after,
				 uint8_t *id)
{
	struct walk walk;

	start_walk(&walk, function, false);
	return walk_capabilities(&walk, after, ANY_ID, id);
}

unsigned int pci_extended_capability_next(const struct pci_function *function, unsigned int after,
					  uint16_t *id)
{
	struct walk walk;

	start_walk(&walk, function, true);
	return walk_extended(&walk, after, ANY_ID, id);
}

unsigned int pci_capability_find(const struct pci_function *function, uint8_t id,
				 unsigned int after)
{
	struct walk walk;

	start_walk(&walk, function, false);
	return walk_capabilities(&walk, after, id, &id);
}

unsigned int pci_extended_capability_find(const struct pci_function *function, uint16_t id,
					  unsigned int after)
{
	struct walk walk;

	start_walk(&walk, function, true);
	return walk_extended(&walk, after, id, &id);
}

void pci_capabilities_check(const struct pci_function *function)
{
	struct walk walk;
	uint16_t extended_id;
	uint8_t id;

	/* No capability is at this place, so that both walks go to their ends. */
	start_walk(&walk, function, false);
	walk_capabilities(&walk, 1, ANY_ID, &id);
	if (!walk.fault) {
		start_walk(&walk, function, true);
		walk_extended(&walk, 1, ANY_ID, &extended_id);
	}
	if (walk.fault)
		log_warning("%s: the list of capabilities %s at 0x%02x: the rest is ignored",
			    function->name, walk.fault, walk.fault_at);
}
