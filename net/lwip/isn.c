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

struct ends {
	uint8_t local[16], remote[16];
	uint16_t local_port, remote_port;
};
_Static_assert(sizeof(struct ends) == 36, "no byte of it is undefined");

/* An IPv4 address as IPv6 maps it (RFC 4291, 2.5.5.2), so that it is never another one. */
static void put_address(uint8_t bytes[16], const ip_addr_t *address)
{
	if (IP_IS_V6_VAL(*address)) {
		memcpy(bytes, ip_2_ip6(address)->addr, 16);
		return;
	}
	memset(bytes, 0, 10);
	memset(bytes + 10, 0xff, 2);
	memcpy(bytes + 12, &ip_2_ip4(address)->addr, 4);
}

u32_t network_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote,
		  u16_t remote_port)
{
	/* Made when it is first wanted, when devices had their chance to add to the seed. */
	static uint64_t secret[2];
	static bool have_secret;
	struct ends ends = {.local_port = local_port, .remote_port = remote_port};

	if (!have_secret) {
		random_bytes(secret, sizeof(secret));
		have_secret = true;
	}
	put_address(ends.local, local);
	put_address(ends.remote, remote);
	return (u32_t)(clock_monotonic() / TICK) + (u32_t)siphash(secret, &ends, sizeof(ends));
}
