/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Initial sequence numbers (RFC 6528, 3): ISN = M + F(addresses, ports, secret). M is a clock of 4 us, so that a
 * connection begins after its predecessor of the same ends; F is another for each pair of ends, so that nobody
 * who sees the numbers of its own connections knows those of others.
 */
#include "kernel/random/random.h"
#include "kernel/random/siphash.h"
#include "kernel/time/clock.h"
#include "lwip_hooks.h"

#include <stdbool.h>
#include <string.h>

#define TICK 4000u /* nanoseconds */

/* The number of bytes is hashed too, so that those of one family are never those of the other. */
struct ends4 {
	uint32_t local, remote;
	uint16_t local_port, remote_port;
};
struct ends6 {
	uint8_t local[16], remote[16];
	uint16_t local_port, remote_port;
};
_Static_assert(sizeof(struct ends4) == 12 && sizeof(struct ends6) == 36,
	       "no byte of them is undefined");

static uint64_t hash(const uint64_t secret[2], const ip_addr_t *local, u16_t local_port,
		     const ip_addr_t *remote, u16_t remote_port)
{
	if (IP_IS_V6_VAL(*local)) {
		struct ends6 ends = {.local_port = local_port, .remote_port = remote_port};

		memcpy(ends.local, ip_2_ip6(local)->addr, sizeof(ends.local));
		memcpy(ends.remote, ip_2_ip6(remote)->addr, sizeof(ends.remote));
		return siphash(secret, &ends, sizeof(ends));
	} else {
		const struct ends4 ends = {.local = ip_2_ip4(local)->addr,
					   .remote = ip_2_ip4(remote)->addr,
					   .local_port = local_port,
					   .remote_port = remote_port};

		return siphash(secret, &ends, sizeof(ends));
	}
}

u32_t network_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote,
		  u16_t remote_port)
{
	/* Made when it is first wanted, when devices had their chance to add to the seed. */
	static uint64_t secret[2];
	static bool have_secret;

	if (!have_secret) {
		random_bytes(secret, sizeof(secret));
		have_secret = true;
	}
	return (u32_t)(clock_monotonic() / TICK) +
	       (u32_t)hash(secret, local, local_port, remote, remote_port);
}
