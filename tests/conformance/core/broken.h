/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What cases of kind BREAK share: a buffer that breaks a rule is shown to a working device, which then has its chance.
 * It may set NEEDS_RESET, ignore the buffer or give it back; it must not use what was not there, say that it wrote
 * more than there was room for, or write anywhere else. The suite then resets it and a correct driver must work.
 */
#ifndef TESTS_CONFORMANCE_CORE_BROKEN_H
#define TESTS_CONFORMANCE_CORE_BROKEN_H

#include "tests/conformance/core/ring.h"
#include "tests/conformance/target.h"

/* Notifies and waits; what has come back then has this id and at most this length. */
void break_and_judge(struct conformance_target *t, struct ring *ring, uint32_t id,
		     uint32_t writable);

/* Where a descriptor points. */
enum broken_place {
	READABLE, /* what a good request has there */
	WRITABLE, /* 512 bytes that were lent */
	NOWHERE,  /* far beyond all memory */
	WRAPS,	  /* the last bytes of the address space, and beyond */
	TABLE	  /* the indirect table of this row */
};

/* Numbers that follow the ring's size, for `next` and `head`. */
#define AT_SIZE 0x10000u
#define BEHIND_SIZE 0x10001u
/* A length of 0; 0 itself stands for the length of what is pointed to. */
#define ZERO 0x80000000u

struct broken_link {
	uint8_t place;
	uint16_t flags;	 /* packed: beside AVAIL, which all in the ring get */
	uint32_t next;	 /* split */
	uint32_t length; /* 0: as it is; ZERO */
};

struct broken_chain {
	struct broken_link chain[4], table[4];
	unsigned int count, table_count;
	uint32_t head;	       /* split: avail.ring's entry; packed: the buffer id */
	uint16_t idx;	       /* split: how far avail.idx moves; 0: 1 */
	uint32_t table_length; /* what the descriptor says of it; 0: as it is; ZERO */
	bool every; /* all descriptors of the ring are as the first; split: each linked to the next */
};

/* Shows it on the request queue, in the layout that `features` (as session_begin() takes them) give, and judges. */
void run_broken(struct conformance_target *t, uint64_t features, const struct broken_chain *broken);

#endif
