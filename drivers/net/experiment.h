/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames with which the benchmark `net` asks another Ringside, whose service `frames` answers: EtherType
 * for experiments (IEEE 802, 0x88b5), then struct experiment, then anything.
 */
#ifndef DRIVERS_NET_EXPERIMENT_H
#define DRIVERS_NET_EXPERIMENT_H

#include <stdint.h>

#define EXPERIMENT_TYPE 0x88b5u
#define EXPERIMENT_MAGIC "ring"
#define EXPERIMENT_MAGIC_BYTES                                                                     \
	{                                                                                          \
		'r', 'i', 'n', 'g'                                                                 \
	}
#define EXPERIMENT_ETHERNET 14u /* bytes of header in front */
#define EXPERIMENT_FRAME_MIN 60u
#define EXPERIMENT_FRAME_MAX 1514u
#define EXPERIMENT_COUNT_MAX 64u

/* The answer to each question is one more than it. */
enum experiment_kind {
	EXPERIMENT_WHO = 1, /* to all: who answers? */
	EXPERIMENT_HERE,
	EXPERIMENT_LOOP, /* back to the sender, as it is */
	EXPERIMENT_LOOPED,
	EXPERIMENT_SEND, /* `count` frames of `length` bytes are to be sent */
	EXPERIMENT_SENT,
};

/* Numbers are little endian. */
struct experiment {
	char magic[4];
	uint8_t kind, count;
	uint16_t length; /* of the whole frame */
	uint32_t round;	 /* the same in the answer */
} __attribute__((packed));
_Static_assert(sizeof(struct experiment) == 12, "the layout on the wire");

#endif
