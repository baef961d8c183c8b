/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the suite keeps about the case that runs now. Only the files of core/ look in here.
 */
#ifndef TESTS_CONFORMANCE_CORE_RUN_H
#define TESTS_CONFORMANCE_CORE_RUN_H

#include "tests/conformance/core/suite.h"
#include "tests/conformance/core/verdict.h"

#include <setjmp.h>

#define RUN_LOANS 2048
#define RUN_RINGS 64
#define RUN_NOTES 32
#define RUN_NOTE_LENGTH 104
#define RUN_HEAP (1u << 20)

struct loan_record {
	uint32_t offset, size; /* in the arena */
	uint32_t writable;     /* bytes from `offset` on that the device may write */
	bool sealed;
};

struct conformance_run {
	const struct suite_options *options;

	unsigned int timeout;		     /* of the case, in milliseconds */
	const struct conformance_case *once; /* of those cases the one that had its only run */

	/* verdict.c */
	jmp_buf leave;
	enum conformance_outcome outcome;
	char expected[VERDICT_TEXT], seen[VERDICT_TEXT]; /* a skip's reason is in `seen` */
	bool security;					 /* a write outside lent memory */
	char flaky[64]; /* how the verdict changed when the case was repeated; or empty */
	char notes[RUN_NOTES][RUN_NOTE_LENGTH];
	unsigned int note_count, notes_lost;

	/* memory.c: bump allocation, so loans are in the order of their offsets. */
	struct loan_record loans[RUN_LOANS];
	unsigned int loan_count;
	size_t arena_used, arena_filled;
	uint8_t *shadow; /* of the whole arena: what sealed areas hold */
	uint8_t *heap;	 /* private memory of the case's rings */
	size_t heap_used;

	char reply[4096]; /* the host's last */

	/* session.c, registers.c */
	uint64_t features;
	struct ring *rings[RUN_RINGS];
	uint32_t notify_offset[RUN_RINGS]; /* in SPACE_NOTIFY; UINT32_MAX: not read yet */
	bool slots[INTERRUPT_SLOTS];
	uint64_t slot_zero[INTERRUPT_SLOTS]; /* what a slot had counted when counting began */
};

/* Private memory, zeroed, until the case ends. */
void *run_allocate(struct conformance_target *t, size_t size);

/* memory.c: writes into a sealed area by the driver itself. */
void sealed_write(struct conformance_target *t, void *place, uint64_t value, unsigned int width);
/* An area that begins right behind the one before, without guard; both from lend_pair(). */
void lend_pair(struct conformance_target *t, size_t read_size, size_t write_size, size_t alignment,
	       void **read_area, void **write_area);

#endif
