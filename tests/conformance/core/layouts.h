/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What ring.c wants of each of the two layouts, split.c and packed.c. Nobody else includes this.
 */
#ifndef TESTS_CONFORMANCE_CORE_LAYOUTS_H
#define TESTS_CONFORMANCE_CORE_LAYOUTS_H

#include "tests/conformance/core/ring.h"

/* Descriptors or ids, of ring->free. */
uint16_t ring_allocate(struct ring *ring);
void ring_release(struct ring *ring, uint16_t number);

void split_ring_create(struct conformance_target *t, struct ring *ring);
uint16_t split_add(struct conformance_target *t, struct ring *ring, const struct segment *segments,
		   unsigned int out, unsigned int in, bool indirect);
bool split_wants_notification(const struct ring *ring);
/* The next used entry; false: there is none. */
bool split_peek(const struct ring *ring, struct used *used);
/* Takes it, and frees what the chain had. */
void split_release(struct ring *ring, uint16_t head);
void split_note(struct conformance_target *t, struct ring *ring);

void packed_ring_create(struct conformance_target *t, struct ring *ring);
uint16_t packed_add(struct conformance_target *t, struct ring *ring, const struct segment *segments,
		    unsigned int out, unsigned int in, bool indirect);
void packed_publish(struct conformance_target *t, struct ring *ring);
bool packed_wants_notification(const struct ring *ring);
bool packed_peek(const struct ring *ring, struct used *used);
void packed_release(struct ring *ring, uint16_t id);
void packed_note(struct conformance_target *t, struct ring *ring);

#endif
