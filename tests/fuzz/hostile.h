/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile device: the model of some device whose conduct the fuzzer chooses. At each turn it is honest, or
 * does nothing, or takes buffers and keeps them, gives them back with lies, writes into the rings,
 * interrupts when nothing is due, changes its configuration, or wants a reset. Registers and configuration
 * read as something else when the fuzzer says so.
 *
 *	virtio_model_net_init(&net, 16);	virtio_model_pci_init(...);
 *	hostile_open(&hostile, &net.model);	reads from the input which lies this device tells
 *	...
 *	hostile_calm(&hostile);			from here on it is as honest as it can be
 *	...
 *	hostile_check(&hostile);		the driver broke no rule, as far as the lies let one tell
 *
 * What it writes lies in memory that the driver lent and has not got back: host_dma_pointer() says so.
 */
#ifndef TESTS_FUZZ_HOSTILE_H
#define TESTS_FUZZ_HOSTILE_H

#include "tests/device/virtio_model.h"

#define HOSTILE_HELD 8

enum hostile_lie {
	LIE_USED = 1 << 0,    /* ids and lengths of used buffers; buffers twice, or never */
	LIE_CONTENT = 1 << 1, /* what stands in buffers: headers, statuses, answers */
	LIE_RINGS = 1 << 2, /* bytes of the rings: indices, flags, wrap bits, events, descriptors */
	LIE_REGISTERS = 1 << 3,	 /* registers, with the features and queue sizes among them */
	LIE_CONFIG = 1 << 4,	 /* device configuration, at each read another */
	LIE_CHANGES = 1 << 5,	 /* configuration that does change, and NEEDS_RESET */
	LIE_INTERRUPTS = 1 << 6, /* of anything at any time */
	LIE_FEATURES = 1 << 7,	 /* offers that contradict each other */
};

struct hostile {
	struct virtio_model *model;
	void (*honest)(struct virtio_model *model);
	uint8_t lies; /* LIE_* */
	bool calm;
	bool confused; /* the model itself does not know any more what the ring holds */
	struct {
		bool there;
		bool spent; /* it may be the driver's again: nothing is written to it */
		uint8_t queue;
		struct model_chain chain;
	} held[HOSTILE_HELD];
	uint64_t resets; /* of the model, when `held` was filled */
};

/* After the model and its transport were set up. */
void hostile_open(struct hostile *hostile, struct virtio_model *model);
void hostile_calm(struct hostile *hostile);
void hostile_check(const struct hostile *hostile);
/* It said nothing but the truth about itself: what is good now is to go on well. */
bool hostile_sincere(const struct hostile *hostile);

/* Changes bytes of a PCI function's configuration space, and what it reads as from now on. */
struct pci_model;
void hostile_pci(struct hostile *hostile, struct pci_model *pci);

#endif
