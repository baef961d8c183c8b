/* SPDX-License-Identifier: BSD-2-Clause */
/* A function's configuration space as the specification of PCI has it: capabilities and base addresses. */
#ifndef TESTS_CONFORMANCE_CORE_FUNCTION_H
#define TESTS_CONFORMANCE_CORE_FUNCTION_H

#include "tests/conformance/target.h"

#define PCI_CAPABILITY_VENDOR 0x09u
#define PCI_CAPABILITY_MSIX 0x11u
#define PCI_EXTENDED_SR_IOV 0x10u
#define PCI_BARS 6u

/* cfg_type (4.1.4) */
enum {
	STRUCTURE_COMMON = 1,
	STRUCTURE_NOTIFY = 2,
	STRUCTURE_ISR = 3,
	STRUCTURE_DEVICE = 4,
	STRUCTURE_PCI = 5,
	STRUCTURE_SHARED_MEMORY = 8,
	STRUCTURE_VENDOR = 9
};

/* A virtio capability. `offset` and `size` are 64 bits for shared memory. */
struct function_structure {
	unsigned int at, length; /* of the capability itself */
	uint8_t type, bar, id;
	uint64_t offset, size;
};

uint32_t function_config(struct conformance_target *t, uint32_t offset, unsigned int width);

/*
 * The capability after the one at `at` (0: the first), 0: there is none left. A list that leaves the space,
 * or does not end, fails the case.
 */
unsigned int function_capability_next(struct conformance_target *t, unsigned int at);
/* The virtio capability of `type` after the one at `at` (0: the first). False: there is none. */
bool function_structure_next(struct conformance_target *t, uint8_t type, unsigned int at,
			     struct function_structure *structure);
/* The extended capability of that id; 0: there is none. */
unsigned int function_extended_find(struct conformance_target *t, uint16_t id);

struct function_bar {
	uint64_t size; /* 0: there is none */
	bool io, wide; /* a memory BAR of 64 bits, which takes two places */
};

/* By writing ones, as PCI has it; decoding is off meanwhile, and all is as it was afterwards. */
struct function_bar function_bar_probe(struct conformance_target *t, unsigned int bar);

#endif
