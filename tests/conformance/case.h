/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A case of the conformance suite: one claim about a device, that stands on clauses of the specification.
 *
 *	CASE(rng_used_length, OBEY, "used.len is the number of bytes that were written",
 *	     "DEV-SPLIT-USED-02 DEV-RNG-OP-01", .devices = DEVICE(ENTROPY))
 *	{
 *		struct request request;
 *		struct used used;
 *
 *		session_begin(t, SESSION_ALL);
 *		session_ready(t);
 *		request_make(t, &request, 0);
 *		used = request_run(t, &request);
 *		expect_range(t, "used.len", used.length, 1, request.in_bytes);
 *	}
 *
 * The suite has reset the device before, and resets it afterwards; `t` is the target. A failed expectation,
 * fail() and skip() leave the case at once, through as many functions as there are. Nothing has to be
 * released.
 */
#ifndef TESTS_CONFORMANCE_CASE_H
#define TESTS_CONFORMANCE_CASE_H

#include "kernel/table.h"
#include "tests/conformance/core/clauses.h"
#include "tests/conformance/core/host.h"
#include "tests/conformance/core/memory.h"
#include "tests/conformance/core/registers.h"
#include "tests/conformance/core/request.h"
#include "tests/conformance/core/ring.h"
#include "tests/conformance/core/session.h"
#include "tests/conformance/core/verdict.h"
#include "tests/conformance/target.h"

/* Virtio device IDs (virtio 1.4, 5). */
enum {
	DEVICE_NET = 1,
	DEVICE_BLOCK = 2,
	DEVICE_CONSOLE = 3,
	DEVICE_ENTROPY = 4,
	DEVICE_BALLOON = 5
};
#define DEVICE(name) (1u << DEVICE_##name)
#define DEVICES_ALL                                                                                \
	(DEVICE(NET) | DEVICE(BLOCK) | DEVICE(CONSOLE) | DEVICE(ENTROPY) | DEVICE(BALLOON))

/* Feature bits as a set: word 0 has bits 0 to 63. */
#define FEATURE(bit) (1ull << (bit))

enum conformance_kind {
	OBEY, /* a correct driver: does the device keep its obligations? */
	BREAK, /* a driver that breaks a rule: does the device stay sane, and does a reset bring it back? */
	INTERRUPT /* deliver, mask, pend, move, suppress, count */
};

/* What must be there for a case to run; it is skipped with the reason otherwise. Zero: not needed. */
struct conformance_needs {
	uint64_t features;  /* offered, bits 0 to 63 */
	const char *host;   /* the verb of a host action */
	uint32_t devices;   /* DEVICE() bits; 0: DEVICES_ALL */
	uint16_t vectors;   /* MSI-X table entries */
	uint16_t queues;    /* that the device has */
	uint8_t transports; /* TRANSPORT_ bits; 0: TRANSPORTS_MODERN */
	uint8_t cpus;
	bool line;	 /* an interrupt line: INTx or MMIO's */
	bool interrupts; /* MSI-X or a line: interrupt_route() chooses */
	bool writes;	 /* destroys what is on a disk */
	bool should;	 /* a SHOULD: broken, it is TODO unless conform.strict=should */
	bool slow;	 /* takes a second and more: left out where asked */
	bool once;	 /* on the first device that it can run on, not on each */
};

struct conformance_case {
	const char *name;
	const char *claim; /* the assertion, a sentence without full stop */
	const char *
		clauses; /* ids, separated by spaces; "-": none has a keyword for it (spec notes) */
	enum conformance_kind kind;
	struct conformance_needs needs;
	void (*run)(struct conformance_target *t);
};

TABLE_DECLARE(conformance_cases, struct conformance_case);

#define CASE(identifier, kind_, claim_, clauses_, ...)                                             \
	static void conformance_##identifier(struct conformance_target *t);                        \
	TABLE_ENTRY(conformance_cases, struct conformance_case, conformance_case_##identifier) = { \
		.name = #identifier,                                                               \
		.claim = claim_,                                                                   \
		.clauses = clauses_,                                                               \
		.kind = kind_,                                                                     \
		.needs = {__VA_ARGS__},                                                            \
		.run = conformance_##identifier,                                                   \
	};                                                                                         \
	static void conformance_##identifier(struct conformance_target *t)

#endif
