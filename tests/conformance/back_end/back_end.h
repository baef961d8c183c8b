/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One vhost-user back end for one front end at a time: its memory, its rings, and the device that outlives it.
 *
 *	back_end_open(&back_end, socket);	a front end has connected
 *	protocol_receive(&back_end);		whenever the socket can be read; an error ends the connection
 *	back_end_kicked(&back_end, queue);	whenever ring.kick can be read
 *	back_end_close(&back_end);
 */
#ifndef TESTS_CONFORMANCE_BACK_END_BACK_END_H
#define TESTS_CONFORMANCE_BACK_END_BACK_END_H

#include "tests/conformance/back_end/device.h"
#include "tests/conformance/back_end/memory.h"
#include "tests/conformance/back_end/ring.h"

#include <stdbool.h>
#include <stdint.h>

#define QUEUES_MAX 16

struct back_end {
	struct device *device;
	int socket;
	int requests;			      /* the channel for our own requests, -1: none */
	uint64_t features, protocol_features; /* negotiated */
	struct memory memory;
	struct ring rings[QUEUES_MAX];
	struct chain chain;	  /* the request that runs, or ran last */
	unsigned int chain_queue; /* and where */
};

void back_end_open(struct back_end *back_end, struct device *device, int socket);
void back_end_close(struct back_end *back_end);

/* Negotiated features, to the rings. */
void back_end_set_features(struct back_end *back_end, uint64_t features);
/* New memory: the rings are looked for in it. */
void back_end_memory_changed(struct back_end *back_end);
/* Takes the kick, and runs what is in the ring. */
void back_end_kicked(struct back_end *back_end, unsigned int queue);
/* Runs a ring that was kicked and is enabled, at most as many requests as it has entries. */
void back_end_run(struct back_end *back_end, unsigned int queue);
/* A reset or a pause of the front end's: the ring stops. */
void back_end_stop_ring(struct back_end *back_end, unsigned int queue);
/* FAULT_RESET_LATE: writes what belongs to the driver again. */
void back_end_write_late(struct back_end *back_end, unsigned int queue);

/* Answers one message. 0; -ECONNRESET: the front end has gone; other errors: it cannot be understood. */
int protocol_receive(struct back_end *back_end);
/* Tells the front end that the configuration has changed, if it wants to know. */
void protocol_tell_configuration(struct back_end *back_end);
/* All feature bits that we offer. */
uint64_t protocol_features_offered(const struct device *device);

#endif
