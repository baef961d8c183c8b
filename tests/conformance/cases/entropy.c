/* SPDX-License-Identifier: BSD-2-Clause */
/* The entropy device (virtio 1.4, 5.4): each buffer gets random bytes, and used.len says how many. */
#include "tests/conformance/case.h"

#include <string.h>

#define ENTROPY .devices = DEVICE(ENTROPY), .transports = TRANSPORTS_ALL

/* Adds a buffer, not shown. */
static uint8_t *add(struct conformance_target *t, uint32_t size)
{
	uint8_t *area = lend(t, size, 0, LOAN_WRITE);
	struct segment segment = {.data = area, .length = size};

	ring_add(t, session_ring(t, 0), &segment, 0, 1);
	return area;
}

static uint32_t wait_filled(struct conformance_target *t, uint32_t size)
{
	struct used used = ring_wait(t, session_ring(t, 0));

	expect_range(t, "used.len", used.length, 1, size);
	target_barrier(t);
	return used.length;
}

/* One buffer, and how much of it was filled. */
static uint8_t *fill(struct conformance_target *t, uint32_t size, uint32_t *length)
{
	uint8_t *area = add(t, size);

	ring_kick(t, session_ring(t, 0));
	*length = wait_filled(t, size);
	return area;
}

#define SIZE(size)                                                                                 \
	CASE(entropy_size_##size, OBEY,                                                            \
	     "a buffer of " #size " bytes gets at least one byte, and no more than it has",        \
	     "DEV-RNG-OP-01", ENTROPY)                                                             \
	{                                                                                          \
		uint32_t length;                                                                   \
                                                                                                   \
		session_open(t);                                                                   \
		for (unsigned int i = 0; i < 4; i++)                                               \
			fill(t, size, &length);                                                    \
	}
SIZE(1)
SIZE(2)
SIZE(7)
SIZE(64)
SIZE(512)
SIZE(4096)
SIZE(65536)

CASE(entropy_written, OBEY, "the bytes that used.len counts were written",
     "DEV-RNG-OP-01 DEV-SPLIT-USED-02", ENTROPY)
{
	uint32_t length, changed = 0;
	const uint8_t *area;

	session_open(t);
	area = fill(t, 256, &length);
	for (uint32_t i = 0; i < length; i++)
		changed += area[i] != pattern_byte(t, area + i);
	/* A random byte is what was there before once in 256 times. */
	if (changed * 2 < length)
		fail(t, "the bytes that used.len counts were written",
		     "%u of %u differ from before", changed, length);
}

CASE(entropy_differs, OBEY, "two buffers get different bytes", "DEV-RNG-OP-01", ENTROPY)
{
	const uint8_t *first, *second;
	uint32_t one, two;

	session_open(t);
	first = fill(t, 64, &one);
	second = fill(t, 64, &two);
	if (one > two)
		one = two;
	if (one < 16)
		skip(t, "the device gives only %u bytes at a time", one);
	expect(t, memcmp(first, second, one) != 0, "the second buffer has other bytes");
}

CASE(entropy_differs_after_reset, OBEY,
     "the first buffer after a reset gets other bytes than before", "DEV-RNG-OP-01", ENTROPY)
{
	const uint8_t *first, *second;
	uint32_t one, two;

	session_open(t);
	first = fill(t, 64, &one);
	session_open(t);
	second = fill(t, 64, &two);
	if (one > two)
		one = two;
	if (one < 16)
		skip(t, "the device gives only %u bytes at a time", one);
	expect(t, memcmp(first, second, one) != 0, "the second buffer has other bytes");
}

CASE(entropy_not_constant, OBEY, "the bytes of a buffer are not all the same", "DEV-RNG-OP-01",
     ENTROPY)
{
	const uint8_t *area;
	uint32_t length;
	bool same = true;

	session_open(t);
	area = fill(t, 64, &length);
	if (length < 8)
		skip(t, "the device gives only %u bytes at a time", length);
	for (uint32_t i = 1; i < length; i++)
		same &= area[i] == area[0];
	expect(t, !same, "at least one byte differs from the first");
}

CASE(entropy_several, OBEY, "each of several buffers gets at least one byte", "DEV-RNG-OP-01",
     ENTROPY)
{
	session_open(t);
	/* QEMU's queue has 8 entries. */
	for (unsigned int i = 0; i < 8; i++)
		add(t, 32 + i);
	ring_kick(t, session_ring(t, 0));
	for (unsigned int i = 0; i < 8; i++)
		wait_filled(t, 32 + 8);
}
