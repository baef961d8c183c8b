/* SPDX-License-Identifier: BSD-2-Clause */
/* A network device and the stack above it, for several targets. */
#ifndef TESTS_FUZZ_NET_H
#define TESTS_FUZZ_NET_H

#include "drivers/net/virtio_net.h"
#include "tests/device/virtio_model_net.h"
#include "tests/fuzz/bus.h"
#include "tests/fuzz/hostile.h"

struct fuzz_net {
	struct virtio_model_net model;
	struct hostile hostile;
	struct network_device *device; /* NULL: none was found */
	uint8_t *memory;	       /* of frames that are sent */
	uint64_t given, back;	       /* tokens */
	unsigned int held;	       /* received frames that the stack has kept */
	unsigned int refused;
	bool pci_lies; /* configuration space says anything */
};

extern struct fuzz_net net;

/* Model, bus and options; lies are chosen. Features are the caller's to add before net_boot(). */
void net_open(enum fuzz_bus bus, unsigned int pairs, const char *options);
void net_boot(void);
void net_service(void);
/* One thing that a stack does; frames in both directions. */
void net_step(void);
/* The device is honest from here; what was lent is all there, and no rule was broken. */
void net_close(void);

#endif
