/* SPDX-License-Identifier: BSD-2-Clause */
/* See misuse.h. */
#include "tests/conformance/core/misuse.h"

#include "tests/conformance/core/memory.h"
#include "tests/conformance/core/registers.h"
#include "tests/conformance/core/run.h"
#include "tests/conformance/core/session.h"
#include "tests/conformance/core/verdict.h"

#define PATIENCE 10000000u /* ns: nothing orders what a device that gave up does not do */
#define MILLISECOND 1000000ull

static struct segment *next_segment(struct conformance_target *t, struct misuse *misuse)
{
	if (misuse->out + misuse->in == MISUSE_SEGMENTS)
		fail(t, "(the suite itself) the buffer's segments are few", "%u", MISUSE_SEGMENTS);
	return &misuse->segments[misuse->out + misuse->in];
}

void misuse_out_padded(struct conformance_target *t, struct misuse *misuse, const void *data,
		       uint32_t given, uint32_t length)
{
	*next_segment(t, misuse) =
		(struct segment){.data = lend_padded(t, data, given, length), .length = length};
	misuse->out++;
}

void misuse_out(struct conformance_target *t, struct misuse *misuse, const void *data,
		uint32_t length)
{
	misuse_out_padded(t, misuse, data, length, length);
}

void *misuse_in(struct conformance_target *t, struct misuse *misuse, uint32_t length)
{
	void *area = lend(t, length, 0, LOAN_WRITE);

	*next_segment(t, misuse) = (struct segment){.data = area, .length = length};
	misuse->in++;
	misuse->writable += length;
	return area;
}

void misuse_lend(struct conformance_target *t, struct ring *ring, const struct misuse *misuse)
{
	if (misuse->out + misuse->in > ring->size)
		skip(t, "the buffer has %u segments, and the queue %u entries",
		     misuse->out + misuse->in, ring->size);
	ring_add(t, ring, misuse->segments, misuse->out, misuse->in);
	ring_publish(t, ring);
	ring_notify(t, ring);
}

static bool used_within(struct conformance_target *t, struct ring *ring,
			const struct misuse *misuse, struct used *used, uint64_t patience)
{
	uint64_t end = t->operations->now(t) + patience;

	while (!ring_take(t, ring, used)) {
		if (t->operations->now(t) >= end ||
		    (!is_legacy(t) && register_read(t, REGISTER_STATUS) & STATUS_NEEDS_RESET))
			return false;
		t->operations->pause(t);
	}
	expect_range(t, "used.len", used->length, 0, misuse->writable);
	return true;
}

bool misuse_used(struct conformance_target *t, struct ring *ring, const struct misuse *misuse,
		 struct used *used)
{
	return used_within(t, ring, misuse, used, PATIENCE);
}

bool misuse_run(struct conformance_target *t, struct ring *ring, const struct misuse *misuse,
		struct used *used)
{
	misuse_lend(t, ring, misuse);
	return misuse_used(t, ring, misuse, used);
}

bool misuse_run_slow(struct conformance_target *t, struct ring *ring, const struct misuse *misuse,
		     struct used *used)
{
	misuse_lend(t, ring, misuse);
	return used_within(t, ring, misuse, used, t->run->timeout * MILLISECOND);
}

struct used misuse_complete(struct conformance_target *t, struct ring *ring,
			    const struct misuse *misuse)
{
	struct used used;

	misuse_lend(t, ring, misuse);
	used = ring_wait(t, ring);
	expect_range(t, "used.len", used.length, 0, misuse->writable);
	return used;
}

void misuse_config(struct conformance_target *t, uint32_t offset, unsigned int width)
{
	uint64_t before;

	if (offset + width > config_length(t))
		skip(t, "the configuration has only %u bytes", config_length(t));
	before = config_read(t, offset, width);
	config_write(t, offset, width, ~before);
	expect_equal(t, "the field, after it was written", config_read(t, offset, width), before);
}
