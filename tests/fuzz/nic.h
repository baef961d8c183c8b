/* SPDX-License-Identifier: BSD-2-Clause */
/* An emulated network device with the stack above it (network_user.h): the run of its targets. */
#ifndef TESTS_FUZZ_NIC_H
#define TESTS_FUZZ_NIC_H

#include "drivers/net/network.h"

#include <stdbool.h>
#include <stdint.h>

/* What a target says of its device. */
struct nic_fuzzed {
	void (*init)(void);
	/* A frame comes in, if there is room. */
	void (*inject)(const uint8_t *bytes, unsigned int length);
	/* Chooses the model's lies; without the right to, there are none any more. */
	void (*lie)(bool may);
	/* Writes into the memory that was lent to it. */
	void (*write)(void);
	/* The link changes, and that is said. */
	void (*link)(bool up);
	/* An interrupt of any cause. */
	void (*cause)(void);
	/* All buffers are there. */
	void (*check)(struct network_device *device);
};

void nic_fuzz(const struct nic_fuzzed *fuzzed, const char *options);

#endif
