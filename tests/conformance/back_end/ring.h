/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device's side of a virtqueue, split (virtio 1.4, 2.7) and packed (2.8), with indirect descriptors and the
 * event index. The guest writes the ring while we read it: each word is read once, checked, then used. A ring
 * that breaks a rule is broken: nothing is taken from it until it is set up again.
 */
#ifndef TESTS_CONFORMANCE_BACK_END_RING_H
#define TESTS_CONFORMANCE_BACK_END_RING_H

#include "tests/conformance/back_end/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define RING_SIZE_MAX 1024u
#define CHAIN_SEGMENTS 1280u /* of a chain; a descriptor may take several */

enum { RING_F_INDIRECT = 28, RING_F_EVENT_IDX = 29, RING_F_PACKED = 34 };

struct ring_descriptor {
	uint64_t address;
	uint32_t length;
	union {
		struct {
			uint16_t flags, next;
		} split;
		struct {
			uint16_t id, flags;
		} packed;
	};
};
_Static_assert(sizeof(struct ring_descriptor) == 16, "2.7.5, 2.8.13");

struct ring_used {
	uint32_t id, length;
};

/* Where the parts are. Split: descriptors, avail, used. Packed: ring, driver event, device event. */
struct ring_parts {
	uint64_t descriptors, avail, used; /* addresses of the front end */
};

struct ring {
	unsigned int index;
	const struct memory *memory;
	int kick, call, error; /* eventfds, -1: none */
	unsigned int size;
	bool packed, event_idx, indirect;
	bool enabled; /* SET_VRING_ENABLE */
	bool kicked;  /* since it was set up: the ring is started */
	bool broken;
	struct ring_parts parts;

	struct ring_descriptor *descriptors; /* NULL: not mapped */
	uint16_t *avail; /* split: flags, idx, ring, used_event. Packed: off_wrap, flags */
	uint16_t *used;	 /* split: flags, idx, elements, avail_event. Packed: as above */

	uint16_t avail_next, used_next; /* split: indices. Packed: places */
	bool avail_wrap, used_wrap;	/* packed */
	unsigned int fresh;		/* used entries since the last decision to interrupt */
	bool based;			/* it was set up once (FAULT_INDEX_KEPT) */
	uint16_t event; /* the event index as it was at the start (FAULT_EVENT_CACHED) */
	bool event_known;
	unsigned int kicks; /* since there is a front end (FAULT_KICK_LOST) */
};

/* What a chain lends: first what the device reads, then what it writes. */
struct chain {
	uint16_t id;
	unsigned int
		places; /* entries of the used ring that it takes; packed: as many as descriptors */
	unsigned int out, in;
	size_t out_bytes, in_bytes;
	uint64_t in_end; /* guest address after the last byte to write */
	struct iovec segments[CHAIN_SEGMENTS];
};

/* Rings are members of one array, in the order of their indices. */
void ring_initialise(struct ring *ring, unsigned int index, const struct memory *memory);
/* Stops it: nothing is taken until it is kicked again. */
void ring_stop(struct ring *ring);
/* Back to what it was at first; closes its eventfds. */
void ring_clear(struct ring *ring);
/* Finds the parts in memory. 0, -EINVAL. */
int ring_map(struct ring *ring);
/* As SET_VRING_BASE and GET_VRING_BASE have it. */
void ring_set_base(struct ring *ring, uint32_t base);
uint32_t ring_base(const struct ring *ring);

/* Bytes of a chain, from byte `from` of what the device reads, or writes, on; what lies behind its end is left. */
void chain_read(const struct chain *chain, size_t from, void *data, size_t size);
void chain_write(const struct chain *chain, size_t from, const void *data, size_t size);

/* Takes the next chain. 1; 0: there is none, `chain` stays as it was; -EINVAL: it is malformed, and the ring is broken now. */
int ring_next(struct ring *ring, struct chain *chain);
/* Gives it back, `written` bytes of it written. */
void ring_complete(struct ring *ring, const struct chain *chain, uint32_t written);
/* After one or more ring_complete(): interrupts, if the driver wants it. */
void ring_signal(struct ring *ring);
/* Asks for a notification of the next chain. Look with ring_next() once more afterwards. */
void ring_arm(struct ring *ring);
/* Raises the interrupt, wanted or not. */
void ring_interrupt(const struct ring *ring);

/* -- Between the files of the ring */

struct ring_format {
	int (*map)(struct ring *ring);
	int (*next)(struct ring *ring, struct chain *chain);
	void (*complete)(struct ring *ring, uint16_t id, unsigned int places, uint32_t written,
			 bool wrote);
	/* Whether one of the last `fresh` used entries is what the driver waits for. */
	bool (*wanted)(struct ring *ring, unsigned int fresh);
	void (*arm)(struct ring *ring);
};
extern const struct ring_format ring_split, ring_packed;

#define DESCRIPTOR_NEXT 1u
#define DESCRIPTOR_WRITE 2u
#define DESCRIPTOR_INDIRECT 4u

/* Says why on standard error. Returns -EINVAL. */
int ring_malformed(const struct ring *ring, const char *why);
struct ring_descriptor ring_read_descriptor(const void *place);
/* A chain that lends nothing yet. */
void chain_clear(struct chain *chain);
/* Adds what a descriptor lends. 0, -EINVAL. */
int chain_add(const struct ring *ring, struct chain *chain,
	      const struct ring_descriptor *descriptor, bool write);

#endif
