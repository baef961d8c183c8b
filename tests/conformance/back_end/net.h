/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network device behind the rings (virtio 1.4, 5.1): one pair of queues, and at the other end of the cable a
 * host that answers ARP requests for 10.9.0.1 and whoever pings it. The configuration space is QEMU's.
 */
#ifndef TESTS_CONFORMANCE_BACK_END_NET_H
#define TESTS_CONFORMANCE_BACK_END_NET_H

#include "tests/conformance/back_end/device.h"

struct net {
	struct device device;
};

void net_open(struct net *net);

#endif
