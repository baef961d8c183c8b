/* SPDX-License-Identifier: BSD-2-Clause */
/* A correct driver's way to a working device: see session.h. */
#include "tests/conformance/core/session.h"

#include "tests/conformance/case.h"
#include "tests/conformance/core/memory.h"
#include "tests/conformance/core/registers.h"
#include "tests/conformance/core/request.h"
#include "tests/conformance/core/run.h"

#include <string.h>

#define QUEUE_SIZE_DEFAULT 256u
#define LEGACY_PAGE 4096u
#define MSIX_ENTRY 16u
#define DEFAULT_SLOT (INTERRUPT_SLOTS - 1)
#define BIT(bit) (1ull << (bit))
/* What the rings of the suite know, and what changes nothing. IN_ORDER only when a case asks for it. */
#define KNOWN                                                                                      \
	(BIT(F_INDIRECT_DESC) | BIT(F_EVENT_IDX) | BIT(F_RING_PACKED) | BIT(F_NOTIFICATION_DATA) | \
	 BIT(F_RING_RESET) | BIT(F_ANY_LAYOUT) | SESSION_NEEDED)

uint64_t session_features(struct conformance_target *t)
{
	return t->run->features;
}

bool session_has(struct conformance_target *t, unsigned int bit)
{
	return t->run->features >> bit & 1;
}

void session_reset(struct conformance_target *t)
{
	struct conformance_run *run = t->run;

	device_reset(t);
	msix_control(t, false, false);
	if (is_pci(t))
		target_write(t, SPACE_PCI, PCI_COMMAND_OFFSET, 2,
			     target_read(t, SPACE_PCI, PCI_COMMAND_OFFSET, 2) |
				     PCI_COMMAND_LINE_DISABLE);
	for (unsigned int slot = 0; slot < INTERRUPT_SLOTS; slot++) {
		if (run->slots[slot])
			t->operations->interrupt_close(t, slot);
		run->slots[slot] = false;
	}
	run->features = 0;
	memset(run->rings, 0, sizeof(run->rings));
	memset(run->notify_offset, 0xff, sizeof(run->notify_offset));
}

void session_begin(struct conformance_target *t, uint64_t wanted)
{
	uint64_t offered, features;
	const uint32_t status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;

	/* 3.1.1: 1 to 6 */
	session_reset(t);
	register_write(t, REGISTER_STATUS, STATUS_ACKNOWLEDGE);
	register_write(t, REGISTER_STATUS, status);
	offered = features_offered(t);
	features = wanted & SESSION_EXACT ? (wanted & ~SESSION_EXACT) | SESSION_NEEDED
					  : wanted & KNOWN;
	t->run->features = features &= offered;
	features_write(t, features);
	if (is_legacy(t)) {
		if (is_mmio(t))
			target_write(t, SPACE_COMMON, 0x028, 4, LEGACY_PAGE);
		return;
	}
	register_write(t, REGISTER_STATUS, status | STATUS_FEATURES_OK);
	if (!(register_read(t, REGISTER_STATUS) & STATUS_FEATURES_OK))
		fail(t, "FEATURES_OK stays set for a subset of what was offered",
		     "it is clear: offered 0x%llx, accepted 0x%llx", (unsigned long long)offered,
		     (unsigned long long)features);
}

/* 2.7.2: the page number of descriptors, available and used ring in one piece. */
static void legacy_place(struct conformance_target *t, struct ring *ring)
{
	if (is_mmio(t)) {
		register_write(t, REGISTER_QUEUE_SIZE, ring->size);
		target_write(t, SPACE_COMMON, 0x03c, 4, LEGACY_PAGE);
	}
	register_write(t, REGISTER_QUEUE_PFN,
		       (uint32_t)(lent_address(t, ring->descriptors) / LEGACY_PAGE));
}

/*
 * Nobody's driver leaves a queue without a vector, and back ends outside the VMM are not all ready for it: where there
 * is MSI-X each queue begins with the last entry, and its ring asks for no interrupt.
 */
static void default_vector(struct conformance_target *t)
{
	struct conformance_message message;

	if (!t->msix_count)
		return;
	if (!t->run->slots[DEFAULT_SLOT]) {
		interrupt_slot(t, DEFAULT_SLOT, 0, &message);
		msix_entry_mask(t, t->msix_count - 1, true);
		msix_entry_write(t, t->msix_count - 1, &message, false);
		msix_control(t, true, false);
	}
	register_write(t, REGISTER_QUEUE_VECTOR, t->msix_count - 1);
}

struct ring *session_queue(struct conformance_target *t, unsigned int index, unsigned int size)
{
	struct conformance_run *run = t->run;
	struct ring *ring;
	uint32_t most;

	if (index >= RUN_RINGS)
		fail(t, "(the suite itself) the queue's index is small", "%u", index);
	register_write(t, REGISTER_QUEUE_SELECT, index);
	most = register_read(t, is_mmio(t) ? REGISTER_QUEUE_SIZE_MAX : REGISTER_QUEUE_SIZE);
	if (!most)
		fail(t, "the queue that the case needs exists", "queue %u has size 0", index);
	if (!size)
		size = most < QUEUE_SIZE_DEFAULT ? most : QUEUE_SIZE_DEFAULT;
	if (t->transport == TRANSPORT_PCI_LEGACY)
		size = most;
	if (size > most)
		skip(t, "queue %u has at most %u entries, and the case wants %u", index, most,
		     size);
	ring = run->rings[index] = ring_create(t, index, size, run->features);
	default_vector(t);
	if (is_legacy(t)) {
		legacy_place(t, ring);
		return ring;
	}
	if (ring->packed) {
		area_write(t, AREA_DESCRIPTORS,
			   lent_address(t, (const void *)(uintptr_t)ring->packed_ring));
		area_write(t, AREA_DRIVER, lent_address(t, ring->driver_event));
		area_write(t, AREA_DEVICE,
			   lent_address(t, (const void *)(uintptr_t)ring->device_event));
	} else {
		area_write(t, AREA_DESCRIPTORS, lent_address(t, ring->descriptors));
		area_write(t, AREA_DRIVER, lent_address(t, ring->avail));
		area_write(t, AREA_DEVICE, lent_address(t, (const void *)(uintptr_t)ring->used));
	}
	register_write(t, REGISTER_QUEUE_SIZE, size);
	register_write(t, REGISTER_QUEUE_ENABLE, 1);
	return ring;
}

struct ring *session_ring(struct conformance_target *t, unsigned int index)
{
	return index < RUN_RINGS ? t->run->rings[index] : NULL;
}

void session_start(struct conformance_target *t)
{
	register_write(t, REGISTER_STATUS, register_read(t, REGISTER_STATUS) | STATUS_DRIVER_OK);
}

void session_ready(struct conformance_target *t)
{
	unsigned int queue = request_queue(t);

	/* A network's back end may wait for both queues of the pair, as each driver has them. */
	if (t->device == DEVICE_NET && !session_ring(t, !queue))
		session_queue(t, !queue, 0);
	if (!session_ring(t, queue))
		session_queue(t, queue, 0);
	register_write(t, REGISTER_QUEUE_SELECT, queue);
	session_start(t);
}

void session_open(struct conformance_target *t)
{
	session_begin(t, SESSION_ALL);
	session_ready(t);
}

/* -- Interrupts */

void msix_entry_write(struct conformance_target *t, unsigned int entry,
		      const struct conformance_message *message, bool masked)
{
	uint32_t offset = entry * MSIX_ENTRY;

	target_write(t, SPACE_MSIX_TABLE, offset, 4, (uint32_t)message->address);
	target_write(t, SPACE_MSIX_TABLE, offset + 4, 4, message->address >> 32);
	target_write(t, SPACE_MSIX_TABLE, offset + 8, 4, message->data);
	msix_entry_mask(t, entry, masked);
}

void msix_entry_mask(struct conformance_target *t, unsigned int entry, bool masked)
{
	target_write(t, SPACE_MSIX_TABLE, entry * MSIX_ENTRY + 12, 4, masked);
}

bool msix_entry_pending(struct conformance_target *t, unsigned int entry)
{
	return target_read(t, SPACE_MSIX_PENDING, entry / 32 * 4, 4) >> entry % 32 & 1;
}

void msix_control(struct conformance_target *t, bool enable, bool mask_all)
{
	uint32_t offset = t->msix_capability + 2, value;

	if (!t->msix_count)
		return;
	value = (uint32_t)target_read(t, SPACE_PCI, offset, 2);
	value &= ~(MSIX_CONTROL_ENABLE | MSIX_CONTROL_MASK_ALL);
	value |= (enable ? MSIX_CONTROL_ENABLE : 0) | (mask_all ? MSIX_CONTROL_MASK_ALL : 0);
	target_write(t, SPACE_PCI, offset, 2, value);
}

static void slot_opened(struct conformance_target *t, unsigned int slot, int error)
{
	if (error)
		skip(t, "interrupt slot %u could not be had: error %d", slot, -error);
	t->run->slots[slot] = true;
	t->run->slot_zero[slot] = 0;
}

void interrupt_slot(struct conformance_target *t, unsigned int slot, unsigned int cpu,
		    struct conformance_message *message)
{
	slot_opened(t, slot, t->operations->message_open(t, slot, cpu, message));
}

void interrupt_entry(struct conformance_target *t, unsigned int slot, unsigned int cpu)
{
	struct conformance_message message;

	interrupt_slot(t, slot, cpu, &message);
	msix_entry_mask(t, slot, true);
	msix_entry_write(t, slot, &message, false);
	msix_control(t, true, false);
}

void interrupt_line(struct conformance_target *t, unsigned int slot,
		    enum conformance_line_mode mode)
{
	slot_opened(t, slot, t->operations->line_open(t, slot, mode));
	if (is_pci(t))
		target_write(t, SPACE_PCI, PCI_COMMAND_OFFSET, 2,
			     target_read(t, SPACE_PCI, PCI_COMMAND_OFFSET, 2) &
				     ~(uint64_t)PCI_COMMAND_LINE_DISABLE);
}

/* What the machine has; a vector register that refuses is the device's failure. */
static unsigned int route(struct conformance_target *t, enum conformance_register vector,
			  unsigned int slot)
{
	if (!t->msix_count) {
		if (!t->run->slots[0])
			interrupt_line(t, 0, LINE_ACKNOWLEDGE);
		return 0;
	}
	if (slot >= t->msix_count)
		slot = t->msix_count - 1;
	if (!t->run->slots[slot])
		interrupt_entry(t, slot, 0);
	register_write(t, vector, slot);
	expect_equal(t, "the vector register, read back", register_read(t, vector), slot);
	return slot;
}

unsigned int interrupt_queue(struct conformance_target *t, struct ring *ring, unsigned int slot)
{
	register_write(t, REGISTER_QUEUE_SELECT, ring->index);
	slot = route(t, REGISTER_QUEUE_VECTOR, slot);
	ring_interrupts_on(t, ring);
	return slot;
}

unsigned int interrupt_config(struct conformance_target *t, unsigned int slot)
{
	return route(t, REGISTER_CONFIG_VECTOR, slot);
}

uint64_t interrupt_count_of(struct conformance_target *t, unsigned int slot)
{
	struct conformance_received received;

	t->operations->received(t, slot, &received);
	return received.count - t->run->slot_zero[slot];
}

void interrupt_zero(struct conformance_target *t, unsigned int slot)
{
	t->run->slot_zero[slot] += interrupt_count_of(t, slot);
}

struct awaited {
	unsigned int slot;
	uint64_t count;
};

static bool counted(struct conformance_target *t, void *context)
{
	const struct awaited *awaited = context;

	return interrupt_count_of(t, awaited->slot) >= awaited->count;
}

bool interrupt_counts(struct conformance_target *t, unsigned int slot, uint64_t count)
{
	struct awaited awaited = {.slot = slot, .count = count};

	return wait_for(t, counted, &awaited);
}

void interrupt_await(struct conformance_target *t, unsigned int slot, uint64_t count)
{
	if (!interrupt_counts(t, slot, count))
		fail(t, "the interrupt is delivered", "%llu of %llu on slot %u within %u ms",
		     (unsigned long long)interrupt_count_of(t, slot), (unsigned long long)count,
		     slot, t->run->timeout);
}
