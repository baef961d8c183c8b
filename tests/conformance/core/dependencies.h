/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which feature bits may be what they are only together with others (virtio 1.4, 5.1.3.1; the other tested
 * device types have none), so that a case can take any valid part of what a device offers.
 */
#ifndef TESTS_CONFORMANCE_CORE_DEPENDENCIES_H
#define TESTS_CONFORMANCE_CORE_DEPENDENCIES_H

#include <stdint.h>

/* ROW(name, the bit, bits it needs all, bits of which it needs one (0: none)). All are of the network device. */
#define NET_DEPENDENCIES(ROW)                                                                      \
	ROW(guest_tso4, 7, 1ull << 1, 0)                                                           \
	ROW(guest_tso6, 8, 1ull << 1, 0)                                                           \
	ROW(guest_ecn, 9, 0, 1ull << 7 | 1ull << 8)                                                \
	ROW(guest_ufo, 10, 1ull << 1, 0)                                                           \
	ROW(host_tso4, 11, 1ull << 0, 0)                                                           \
	ROW(host_tso6, 12, 1ull << 0, 0)                                                           \
	ROW(host_ecn, 13, 0, 1ull << 11 | 1ull << 12)                                              \
	ROW(host_ufo, 14, 1ull << 0, 0)                                                            \
	ROW(ctrl_rx, 18, 1ull << 17, 0)                                                            \
	ROW(ctrl_vlan, 19, 1ull << 17, 0)                                                          \
	ROW(guest_announce, 21, 1ull << 17, 0)                                                     \
	ROW(mq, 22, 1ull << 17, 0)                                                                 \
	ROW(ctrl_mac_addr, 23, 1ull << 17, 0)                                                      \
	ROW(hash_tunnel, 51, 1ull << 17, 1ull << 57 | 1ull << 60)                                  \
	ROW(vq_notf_coal, 52, 1ull << 17, 0)                                                       \
	ROW(notf_coal, 53, 1ull << 17, 0)                                                          \
	ROW(guest_uso4, 54, 1ull << 1, 0)                                                          \
	ROW(guest_uso6, 55, 1ull << 1, 0)                                                          \
	ROW(host_uso, 56, 1ull << 0, 0)                                                            \
	ROW(rss, 60, 1ull << 17, 0)                                                                \
	ROW(rsc_ext, 61, 0, 1ull << 11 | 1ull << 12)

/* `features` without the bits that may not be there alone. */
uint64_t features_valid_part(uint32_t device, uint64_t features);
/* `features`, and what they need out of `offered`. */
uint64_t features_with_needed(uint32_t device, uint64_t features, uint64_t offered);

#endif
