/* SPDX-License-Identifier: BSD-2-Clause */
/* A device behind the rings, as the rest of the back end sees it: a disk (block.h) or a network (net.h). */
#ifndef TESTS_CONFORMANCE_BACK_END_DEVICE_H
#define TESTS_CONFORMANCE_BACK_END_DEVICE_H

#include "tests/conformance/back_end/ring.h"

#include <stdbool.h>
#include <stdint.h>

struct back_end;
struct device;

struct device_operations {
	/* The feature bits of the device type. */
	uint64_t (*features)(const struct device *device);
	/* Configuration space; bytes behind its end are 0. NULL, both: the front end has one of its own. */
	void (*read_configuration)(const struct device *device, uint8_t *data, uint32_t offset,
				   uint32_t size);
	/* 0, -EINVAL: that cannot be written, or not so. */
	int (*write_configuration)(struct device *device, const uint8_t *data, uint32_t offset,
				   uint32_t size);
	/* Whether the chains of a queue lie there until we have something for them. */
	bool (*waits)(const struct device *device, unsigned int queue);
	/* Does what a chain says. Bytes written; -EINVAL: it is none that the device knows. */
	int64_t (*execute)(struct device *device, struct back_end *back_end,
			   const struct chain *chain);
};

struct device {
	const struct device_operations *operations;
	unsigned int queues;
};

#endif
