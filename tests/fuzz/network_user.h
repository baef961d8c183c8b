/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A network stack above a device, as several targets play it: frames are sent from memory with a pattern,
 * received ones are kept or freed, and each token and buffer is accounted for.
 */
#ifndef TESTS_FUZZ_NETWORK_USER_H
#define TESTS_FUZZ_NETWORK_USER_H

#include "drivers/net/network.h"

struct network_user {
	struct network_device *device; /* NULL: none was found */
	uint8_t *memory;	       /* of frames that are sent */
	uint64_t given, back;	       /* tokens */
	unsigned int held;	       /* received frames that the stack has kept */
};

extern struct network_user user;

/* Takes the first device there is. */
void user_open(void);
/* Sends a frame of any form over one of its pairs. */
void user_transmit(unsigned int pair);
/*
 * What a stack does with a pair and is the same for all targets, by a choice from 0 on: polls, transmits, flushes, arms,
 * lets the host's threads run, frees what was kept.
 */
#define USER_STEPS 6u
void user_step(unsigned int choice, unsigned int pair);
/* Frees what was kept. */
void user_release(void);
/* No memory of a sent frame was changed, but for headers before it. */
void user_check_memory(void);

#endif
