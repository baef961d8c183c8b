/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio network device with the stack above it (network_user.h), for several targets. */
#ifndef TESTS_FUZZ_NET_H
#define TESTS_FUZZ_NET_H

#include "drivers/net/virtio_net.h"
#include "tests/device/virtio_model_net.h"
#include "tests/fuzz/bus.h"
#include "tests/fuzz/hostile.h"
#include "tests/fuzz/network_user.h"

struct fuzz_net {
	struct virtio_model_net model;
	struct hostile hostile;
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
