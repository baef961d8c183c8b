/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver's life with the device, in the numbered steps of the specification (3.1.1), for cases whose claim
 * is about something else. A case that is about the steps themselves writes the registers on its own.
 *
 *	session_begin(t, SESSION_ALL);		reset, ACKNOWLEDGE, DRIVER, features, FEATURES_OK
 *	q = session_queue(t, 0, 0);		a queue of the device, of this size; optional
 *	interrupt_queue(t, q, slot);		optional
 *	session_ready(t);			the queues that request_make() needs, DRIVER_OK
 */
#ifndef TESTS_CONFORMANCE_CORE_SESSION_H
#define TESTS_CONFORMANCE_CORE_SESSION_H

#include "tests/conformance/core/ring.h"
#include "tests/conformance/target.h"

/* Feature bits that are no device type's own (virtio 1.4, 6). */
enum {
	F_NOTIFY_ON_EMPTY = 24,
	F_ANY_LAYOUT = 27,
	F_INDIRECT_DESC = 28,
	F_EVENT_IDX = 29,
	F_VERSION_1 = 32,
	F_ACCESS_PLATFORM = 33,
	F_RING_PACKED = 34,
	F_IN_ORDER = 35,
	F_ORDER_PLATFORM = 36,
	F_SR_IOV = 37,
	F_NOTIFICATION_DATA = 38,
	F_NOTIF_CONFIG_DATA = 39,
	F_RING_RESET = 40,
	F_ADMIN_VQ = 41
};

/* A driver always takes these where they are offered: without them the device may refuse (6.2). */
#define SESSION_NEEDED (1ull << F_VERSION_1 | 1ull << F_ACCESS_PLATFORM | 1ull << F_ORDER_PLATFORM)
/* All that the device offers and that the suite's rings know, of the device type nothing that changes a request. */
#define SESSION_ALL (~SESSION_EXACT)
/* The same, without these bits. */
#define SESSION_WITHOUT(bits) (SESSION_ALL & ~(bits))
/* Exactly these (and SESSION_NEEDED where offered). */
#define SESSION_ONLY(bits) ((bits) | SESSION_EXACT)
#define SESSION_EXACT (1ull << 63)
/* What SESSION_ALL takes, and these of the device type. */
#define SESSION_WITH(bits)                                                                         \
	SESSION_ONLY(1ull << F_ANY_LAYOUT | 1ull << F_INDIRECT_DESC | 1ull << F_EVENT_IDX |        \
		     1ull << F_RING_PACKED | 1ull << F_NOTIFICATION_DATA | 1ull << F_RING_RESET |  \
		     (bits))

/*
 * From the beginning, as a correct driver. The features that were negotiated are in session_features() then.
 * A device that refuses FEATURES_OK fails the case.
 */
void session_begin(struct conformance_target *t, uint64_t wanted);
uint64_t session_features(struct conformance_target *t);
bool session_has(struct conformance_target *t, unsigned int bit);

/*
 * Sets queue `index` up with `size` entries (0: what the device offers, at most 256; a multiple of what the
 * layout asks for) in the layout that was negotiated, and enables it. Interrupts of it are off until
 * interrupt_queue(); with MSI-X its vector is the table's last entry until then, on the last slot. A queue that does not exist fails the case as one of the suite: look at queue_count().
 */
struct ring *session_queue(struct conformance_target *t, unsigned int index, unsigned int size);
/* The queue that was set up, or NULL. */
struct ring *session_ring(struct conformance_target *t, unsigned int index);
/* DRIVER_OK, with the queues that were set up. */
void session_start(struct conformance_target *t);
/* Sets up what request_make() needs and was not set up yet, then DRIVER_OK. */
void session_ready(struct conformance_target *t);
/* session_begin(SESSION_ALL) and session_ready(). */
void session_open(struct conformance_target *t);

/* -- Interrupts: a slot (0 to INTERRUPT_SLOTS - 1) that counts */

/* Opens the slot and returns its message, which is nowhere in the table yet. */
void interrupt_slot(struct conformance_target *t, unsigned int slot, unsigned int cpu,
		    struct conformance_message *message);
/* Opens the slot and programs an MSI-X entry of the same number with it, unmasked, and enables MSI-X. On `cpu`. */
void interrupt_entry(struct conformance_target *t, unsigned int slot, unsigned int cpu);
/* Opens the slot for the interrupt line, and (PCI) lets the function raise it. */
void interrupt_line(struct conformance_target *t, unsigned int slot,
		    enum conformance_line_mode mode);
/* Writes an entry of the table: mask bit, address, data. */
void msix_entry_write(struct conformance_target *t, unsigned int entry,
		      const struct conformance_message *message, bool masked);
void msix_entry_mask(struct conformance_target *t, unsigned int entry, bool masked);
bool msix_entry_pending(struct conformance_target *t, unsigned int entry);
/* Message control: enable, and the mask of the whole function. Without MSI-X: nothing. */
void msix_control(struct conformance_target *t, bool enable, bool mask_all);

/*
 * Routes a queue's interrupts to a slot by what the machine has: MSI-X if there is, else the line (slot 0
 * then, whatever was asked). Between session_queue() and session_ready(). Returns the slot. Also lets the ring
 * ask for interrupts: with EVENT_IDX at the next used buffer, else always.
 */
unsigned int interrupt_queue(struct conformance_target *t, struct ring *ring, unsigned int slot);
unsigned int interrupt_config(struct conformance_target *t, unsigned int slot);

uint64_t interrupt_count_of(struct conformance_target *t, unsigned int slot);
/* From now on the slot counts from 0. */
void interrupt_zero(struct conformance_target *t, unsigned int slot);
/* Waits until the slot has counted `count` in all. False: it never did. */
bool interrupt_counts(struct conformance_target *t, unsigned int slot, uint64_t count);
/* The same, and fails the case. */
void interrupt_await(struct conformance_target *t, unsigned int slot, uint64_t count);

/* -- The suite's */
void session_reset(struct conformance_target *t);

#endif
