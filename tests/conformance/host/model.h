/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model device as a target of the conformance suite (tests/conformance/target.h): one for each way in which it
 * can be presented and each type. Time is virtual, so that waiting costs nothing.
 */
#ifndef TESTS_CONFORMANCE_HOST_MODEL_H
#define TESTS_CONFORMANCE_HOST_MODEL_H

#include "kernel/x86/interrupt.h"
#include "tests/conformance/case.h"
#include "tests/device/virtio_model_balloon.h"
#include "tests/device/virtio_model_block.h"
#include "tests/device/virtio_model_console.h"
#include "tests/device/virtio_model_mmio.h"
#include "tests/device/virtio_model_net.h"
#include "tests/device/virtio_model_pci.h"
#include "tests/device/virtio_model_rng.h"

#define MODEL_TARGETS_MAX 48

struct model_slot {
	struct interrupt *message; /* NULL: a line, or closed */
	bool line, masked;
	enum conformance_line_mode mode;
	struct conformance_received received;
};

struct model_target {
	struct conformance_target target;
	struct virtio_model *model;
	struct virtio_model_pci pci;
	struct virtio_model_mmio mmio;
	/* Of one type: */
	union {
		struct virtio_model_net *net;
		struct virtio_model_block *block;
		struct virtio_model_console *console;
		struct virtio_model_rng *entropy;
		struct virtio_model_balloon *balloon;
	} as;
	char port_names[MODEL_CONSOLE_PORTS_MAX][32];

	struct model_slot slots[INTERRUPT_SLOTS];
	uint64_t strays; /* messages that nobody was open for, before the target was made */
	uint64_t statistics_every, statistics_next; /* nanoseconds; 0: never */
};

extern struct model_target model_targets[MODEL_TARGETS_MAX];
extern unsigned int model_target_count;

/* Makes all of them. */
void model_targets_make(void);

/* target.c: what a case can do. */
extern const struct conformance_target_operations model_operations;
/* Nanoseconds since the beginning. */
uint64_t model_now(void);

/* actions.c: what the host can do. */
int model_host(struct conformance_target *target, const char *request, char *reply, size_t size);
/* What it does by itself as time passes. */
void model_host_passes(struct model_target *t);

/* mutation.c: every fault; returns an exit status. `only` are globs over faults, NULL: all; `complete`: a case that no
 * fault can make fail is an error. */
int model_mutation(const char *only, bool complete);

#endif
