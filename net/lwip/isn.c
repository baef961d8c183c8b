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
#include "net/lwip/syn_cookie.h"

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

/* Made when it is first wanted, when devices had their chance to add to the seed. */
struct secret {
	uint64_t key[2];
	bool made;
};

static const uint64_t *key_of(struct secret *secret)
{
	if (!secret->made)
		random_bytes(secret->key, sizeof(secret->key));
	secret->made = true;
	return secret->key;
}

static bool imposed;
static uint32_t imposed_number;

u32_t network_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote,
		  u16_t remote_port)
{
	static struct secret secret;

	if (imposed) {
		imposed = false;
		return imposed_number;
	}
	return (u32_t)(clock_monotonic() / TICK) +
	       (u32_t)hash(key_of(&secret), local, local_port, remote, remote_port);
}

/*
 * -- SYN cookies: from the top, 5 bits of the time, 3 bits of which segment size, and 24 bits that nobody guesses of
 * all that and the ends. So of 2^24 acknowledgements that are made up one is believed, while a flood goes on.
 */
#define SLOT (SYN_COOKIE_LIFE / 2)
#define SLOT_BITS 5
#define SIZE_SHIFT 24
#define TIME_SHIFT 27
#define HASH_MASK 0xffffffu
#define SIZE_DEFAULT 536 /* RFC 9293, 3.7.1 */

static const uint16_t sizes[] = {128, 536, 1220, 1360, 1440, 1460, 4016, 8940};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))
_Static_assert(SIZES <= 1u << (TIME_SHIFT - SIZE_SHIFT), "3 bits say which");

static uint32_t cookie(const struct syn_segment *segment, uint32_t first, uint32_t slot,
		       unsigned int size)
{
	static struct secret secret;
	const uint64_t *key = key_of(&secret);
	const struct {
		uint64_t ends;
		uint32_t first, slot, size, zero;
	} input = {.ends = hash(key, &segment->to, segment->to_port, &segment->from,
				segment->from_port),
		   .first = first,
		   .slot = slot,
		   .size = size};

	_Static_assert(sizeof(input) == 24, "no byte of it is undefined");
	return slot << TIME_SHIFT | size << SIZE_SHIFT |
	       ((uint32_t)siphash(key, &input, sizeof(input)) & HASH_MASK);
}

uint32_t syn_cookie_make(const struct syn_segment *syn)
{
	uint16_t named = syn->segment_size ? syn->segment_size : SIZE_DEFAULT;
	unsigned int size = SIZES;

	while (size && sizes[size - 1] > named)
		size--;
	return size ? cookie(syn, syn->sequence, (uint32_t)(clock_monotonic() / SLOT), size - 1)
		    : 0;
}

uint16_t syn_cookie_check(const struct syn_segment *segment)
{
	uint32_t number = segment->acknowledged - 1, slot = (uint32_t)(clock_monotonic() / SLOT);
	unsigned int size = number >> SIZE_SHIFT & ((1u << (TIME_SHIFT - SIZE_SHIFT)) - 1);

	/* This slot's, or the one's before. */
	slot -= (slot - (number >> TIME_SHIFT)) & ((1u << SLOT_BITS) - 1) ? 1 : 0;
	return cookie(segment, segment->sequence - 1, slot, size) == number ? sizes[size] : 0;
}

void syn_cookie_impose(uint32_t number)
{
	imposed = true;
	imposed_number = number;
}

bool syn_cookie_impose_end(void)
{
	bool taken = !imposed;

	imposed = false;
	return taken;
}
