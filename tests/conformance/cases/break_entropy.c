/* SPDX-License-Identifier: BSD-2-Clause */
/* Buffers that an entropy device cannot want (virtio 1.4, 5.4.6.1). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/misuse.h"

#include <string.h>

#define ON_ENTROPY .devices = DEVICE(ENTROPY), .transports = TRANSPORTS_ALL
#define PIECE_MOST 4096u

/* Pieces on both sides, each so long. */
static void run_pieces(struct conformance_target *t, unsigned int out, uint32_t out_length,
		       unsigned int in, uint32_t in_length)
{
	static uint8_t bytes[PIECE_MOST];
	struct misuse misuse = {0};
	struct used used;

	memset(bytes, 0x52, sizeof(bytes));
	session_open(t);
	for (unsigned int i = 0; i < out; i++)
		misuse_out(t, &misuse, bytes, out_length);
	for (unsigned int i = 0; i < in; i++)
		misuse_in(t, &misuse, in_length);
	misuse_run(t, session_ring(t, 0), &misuse, &used);
}

#define PIECES(name, claim, out, out_length, in, in_length)                                        \
	CASE(break_entropy_##name, BREAK, claim " is given back as it was, or survived",           \
	     "DRV-RNG-OP-01 DEV-SPLIT-DESC-01", ON_ENTROPY)                                        \
	{                                                                                          \
		run_pieces(t, out, out_length, in, in_length);                                     \
	}

PIECES(readable, "a readable buffer", 1, 64, 0, 0)
PIECES(readable_byte, "a readable buffer of one byte", 1, 1, 0, 0)
PIECES(readable_page, "a readable buffer of a page", 1, PIECE_MOST, 0, 0)
PIECES(readable_pieces, "a readable buffer of 8 pieces", 8, 1, 0, 0)
PIECES(mixed, "the readable part before a writable one", 1, 64, 1, 64)
PIECES(mixed_byte, "the readable part before a single writable byte", 1, 64, 1, 1)
PIECES(mixed_pieces, "the readable part, in pieces, before writable pieces", 4, 1, 4, 1)
PIECES(mixed_mostly_readable, "a long readable part before a single writable byte", 7, 1024, 1, 1)

/* Two buffers, so that the second one says what became of the first. */
CASE(break_entropy_readable_then_good, BREAK,
     "a readable buffer does not get the bytes of the good one behind it",
     "DRV-RNG-OP-01 DEV-SPLIT-DESC-01", ON_ENTROPY)
{
	struct misuse bad = {0}, good = {0};
	struct ring *ring;
	struct used used;
	uint16_t first;

	session_open(t);
	ring = session_ring(t, 0);
	misuse_out(t, &bad, "ringside", 8);
	misuse_in(t, &good, 64);
	first = ring_add(t, ring, bad.segments, bad.out, bad.in);
	ring_add(t, ring, good.segments, good.out, good.in);
	ring_publish(t, ring);
	ring_notify(t, ring);
	while (misuse_used(t, ring, &good, &used))
		if (used.id == first)
			expect_equal(t, "used.len of the readable buffer", used.length, 0);
}

CASE(break_entropy_pieces_of_a_byte, BREAK,
     "a buffer of as many single bytes as the queue has entries gets at most those bytes",
     "DEV-RNG-OP-01", ON_ENTROPY)
{
	static struct segment segments[RING_CHAIN_MAX];
	struct ring *ring;
	unsigned int count;
	struct used used;

	session_open(t);
	ring = session_ring(t, 0);
	count = ring->size;
	if (count > RING_CHAIN_MAX)
		count = RING_CHAIN_MAX;
	for (unsigned int i = 0; i < count; i++)
		segments[i] = (struct segment){.data = lend(t, 1, 0, LOAN_WRITE), .length = 1};
	ring_add(t, ring, segments, 0, count);
	ring_kick(t, ring);
	used = ring_wait(t, ring);
	expect_range(t, "used.len", used.length, 1, count);
}
