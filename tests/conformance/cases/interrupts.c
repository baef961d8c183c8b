/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message-signalled interrupts: delivered once for each cause, on the vector and CPU that were programmed, held
 * by either mask and shown as pending meanwhile, moved while they run (PCI 3.0, 6.8.2; virtio 1.4, 4.1.5.1.2,
 * 4.1.5.3 and 4.1.5.4).
 */
#include "tests/conformance/case.h"
#include "tests/conformance/core/armed.h"

#define MSIX .transports = TRANSPORTS_PCI

#define EACH SESSION_WITHOUT(FEATURE(F_EVENT_IDX))

static bool is_pending(struct conformance_target *t, void *context)
{
	return msix_entry_pending(t, *(unsigned int *)context);
}

static void await_pending(struct conformance_target *t, unsigned int entry)
{
	await(t, is_pending, &entry, "the pending bit of a masked entry shows its cause");
}

CASE(msix_once, INTERRUPT, "each used buffer gives exactly one message", "DEV-SPLIT-IRQSUP-03",
     MSIX, .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	armed_count(t, &armed, 20);
	armed_expect(t, &armed, 20);
}

static void run_vector(struct conformance_target *t, unsigned int entry)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, entry);
	for (unsigned int slot = 0; slot < 4 && slot < t->msix_count; slot++)
		if (slot != entry)
			interrupt_entry(t, slot, 0);
	armed_run(t, &armed, 1);
	interrupt_await(t, entry, 1);
	armed_expect(t, &armed, 1);
	for (unsigned int slot = 0; slot < 4 && slot < t->msix_count; slot++)
		if (slot != entry)
			expect_equal(t, "messages of another entry", interrupt_count_of(t, slot),
				     0);
}

#define VECTOR(entry)                                                                              \
	CASE(msix_vector_##entry, INTERRUPT,                                                       \
	     "a queue on vector " #entry " sends that entry's message and no other",               \
	     "DEV-PCI-MSIX-04", MSIX, .vectors = entry + 1)                                        \
	{                                                                                          \
		run_vector(t, entry);                                                              \
	}
VECTOR(0)
VECTOR(1)
VECTOR(2)
VECTOR(3)

/* Entry `entry` gets the message of a new slot, of another number, on that CPU. */
static void program(struct conformance_target *t, unsigned int entry, unsigned int slot,
		    unsigned int cpu, bool masked)
{
	struct conformance_message message;

	interrupt_slot(t, slot, cpu, &message);
	msix_entry_write(t, entry, &message, masked);
}

static void set_queue_vector(struct conformance_target *t, const struct ring *ring,
			     unsigned int vector)
{
	register_write(t, REGISTER_QUEUE_SELECT, ring->index);
	register_write(t, REGISTER_QUEUE_VECTOR, vector);
	expect_equal(t, "the queue's vector, read back", register_read(t, REGISTER_QUEUE_VECTOR),
		     vector);
}

CASE(msix_last_vector, INTERRUPT, "the last entry that Table Size counts works", "DEV-PCI-MSIX-02",
     MSIX, .vectors = 1)
{
	struct armed armed;
	unsigned int last = t->msix_count - 1;

	arm(t, &armed, EACH, 0, 0);
	program(t, last, 1, 0, false);
	set_queue_vector(t, armed.ring, last);
	armed_run(t, &armed, 1);
	interrupt_await(t, 1, 1);
	armed.slot = 1;
	armed_expect(t, &armed, 1);
}

CASE(msix_cpu, INTERRUPT, "a message goes to the CPU that its address names", "-", MSIX,
     .vectors = 1, .cpus = 2)
{
	struct conformance_received received;
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	for (unsigned int cpu = 0; cpu < t->cpus && cpu < 4; cpu++) {
		/* A message that changes under no mask is another case's business. */
		msix_entry_mask(t, 0, true);
		program(t, 0, 1 + cpu, cpu, true);
		msix_entry_mask(t, 0, false);
		armed_run(t, &armed, 1);
		interrupt_await(t, 1 + cpu, 1);
		t->operations->received(t, 1 + cpu, &received);
		expect_equal(t, "the CPU that took the interrupt", received.cpu, cpu);
	}
}

/* -- Masks */

CASE(msix_masked_entry_pends, INTERRUPT,
     "a masked entry is silent and shows its cause in the pending bit", "-", MSIX, .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	msix_entry_mask(t, 0, true);
	armed_run(t, &armed, 1);
	await_pending(t, 0);
	expect_equal(t, "messages of the masked entry", interrupt_count_of(t, 0), 0);
}

CASE(msix_unmask_delivers_once, INTERRUPT,
     "unmasking an entry delivers what was pending exactly once", "-", MSIX, .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	msix_entry_mask(t, 0, true);
	armed_run(t, &armed, 1);
	await_pending(t, 0);
	msix_entry_mask(t, 0, false);
	interrupt_await(t, 0, 1);
	armed_expect(t, &armed, 1);
}

CASE(msix_many_pend_as_one, INTERRUPT,
     "many causes under one mask are one message when it is taken away", "-", MSIX, .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	msix_entry_mask(t, 0, true);
	armed_settle(t, &armed, 10);
	await_pending(t, 0);
	msix_entry_mask(t, 0, false);
	interrupt_await(t, 0, 1);
	armed_expect(t, &armed, 1);
}

CASE(msix_unmask_clears_pending, INTERRUPT, "the pending bit is clear after its message was sent",
     "-", MSIX, .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	msix_entry_mask(t, 0, true);
	armed_run(t, &armed, 1);
	await_pending(t, 0);
	msix_entry_mask(t, 0, false);
	interrupt_await(t, 0, 1);
	expect(t, !msix_entry_pending(t, 0), "the pending bit of entry 0 is 0");
}

CASE(msix_mask_without_cause, INTERRUPT,
     "masking and unmasking an entry without a cause sends nothing", "-", MSIX, .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	for (unsigned int i = 0; i < 10; i++) {
		msix_entry_mask(t, 0, true);
		expect(t, !msix_entry_pending(t, 0), "the pending bit of entry 0 is 0");
		msix_entry_mask(t, 0, false);
	}
	armed_expect(t, &armed, 0);
}

CASE(msix_mask_again, INTERRUPT,
     "an entry can be masked and unmasked again and again without losing a cause", "-", MSIX,
     .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	for (unsigned int i = 0; i < 20; i++) {
		msix_entry_mask(t, 0, true);
		armed_run(t, &armed, 1);
		await_pending(t, 0);
		msix_entry_mask(t, 0, false);
		interrupt_await(t, 0, i + 1);
	}
	armed_expect(t, &armed, 20);
}

CASE(msix_mask_one_of_two, INTERRUPT, "a masked entry does not hold another one back", "-", MSIX,
     .vectors = 2)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	interrupt_entry(t, 1, 0);
	msix_entry_mask(t, 1, true);
	armed_run(t, &armed, 1);
	interrupt_await(t, 0, 1);
	expect(t, !msix_entry_pending(t, 1), "the pending bit of the entry without a cause is 0");
}

CASE(msix_function_mask_pends, INTERRUPT,
     "the mask of the whole function holds each entry, and the pending bit shows it", "-", MSIX,
     .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	msix_control(t, true, true);
	armed_run(t, &armed, 1);
	await_pending(t, 0);
	expect_equal(t, "messages under the function's mask", interrupt_count_of(t, 0), 0);
}

CASE(msix_function_unmask_once, INTERRUPT,
     "taking the function's mask away delivers what was pending exactly once", "-", MSIX,
     .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	msix_control(t, true, true);
	armed_settle(t, &armed, 3);
	await_pending(t, 0);
	msix_control(t, true, false);
	interrupt_await(t, 0, 1);
	armed_expect(t, &armed, 1);
}

CASE(msix_both_masks, INTERRUPT,
     "an entry that is masked too stays silent when the function's mask is taken away", "-", MSIX,
     .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	msix_control(t, true, true);
	msix_entry_mask(t, 0, true);
	armed_run(t, &armed, 1);
	await_pending(t, 0);
	msix_control(t, true, false);
	expect(t, msix_entry_pending(t, 0), "the pending bit is still 1");
	expect_equal(t, "messages of the masked entry", interrupt_count_of(t, 0), 0);
	msix_entry_mask(t, 0, false);
	interrupt_await(t, 0, 1);
	armed_expect(t, &armed, 1);
}

/* -- Moving */

CASE(msix_rewritten_while_masked, INTERRUPT,
     "a message that was rewritten under the mask is the one that is sent", "-", MSIX, .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	msix_entry_mask(t, 0, true);
	program(t, 0, 1, 0, true);
	msix_entry_mask(t, 0, false);
	armed_run(t, &armed, 1);
	interrupt_await(t, 1, 1);
	armed.slot = 1;
	armed_expect(t, &armed, 1);
	expect_equal(t, "interrupts at the old message", interrupt_count_of(t, 0), 0);
}

CASE(msix_rewritten_while_pending, INTERRUPT,
     "what pends is sent as the message that stands there when the mask goes", "-", MSIX,
     .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	msix_entry_mask(t, 0, true);
	armed_run(t, &armed, 1);
	await_pending(t, 0);
	program(t, 0, 1, 0, true);
	msix_entry_mask(t, 0, false);
	interrupt_await(t, 1, 1);
	armed.slot = 1;
	armed_expect(t, &armed, 1);
	expect_equal(t, "interrupts at the old message", interrupt_count_of(t, 0), 0);
}

CASE(msix_rewritten_live, INTERRUPT,
     "a message that was rewritten while the device runs is sent for the next cause", "-", MSIX,
     .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	armed_run(t, &armed, 1);
	interrupt_await(t, 0, 1);
	program(t, 0, 1, 0, false);
	armed_run(t, &armed, 1);
	interrupt_await(t, 1, 1);
	armed.slot = 1;
	armed_expect(t, &armed, 1);
	expect_equal(t, "interrupts at the old message", interrupt_count_of(t, 0), 1);
}

CASE(msix_moves_between_cpus, INTERRUPT,
     "an interrupt that moves between CPUs for each cause is never lost", "-", MSIX, .vectors = 1,
     .cpus = 2)
{
	struct conformance_message messages[2];
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	interrupt_slot(t, 1, 0, &messages[0]);
	interrupt_slot(t, 2, 1, &messages[1]);
	for (unsigned int i = 0; i < 20; i++) {
		msix_entry_mask(t, 0, true);
		msix_entry_write(t, 0, &messages[i & 1], false);
		armed_run(t, &armed, 1);
		interrupt_await(t, 1 + (i & 1), i / 2 + 1);
	}
	expect_equal(t, "interrupts on CPU 0", interrupt_count_of(t, 1), 10);
	expect_equal(t, "interrupts on CPU 1", interrupt_count_of(t, 2), 10);
}

CASE(msix_queue_vector_changed_live, INTERRUPT,
     "a queue's vector that is changed while it runs takes effect at once", "DEV-PCI-MSIX-04", MSIX,
     .vectors = 2)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	interrupt_entry(t, 1, 0);
	armed_run(t, &armed, 1);
	interrupt_await(t, 0, 1);
	set_queue_vector(t, armed.ring, 1);
	armed_run(t, &armed, 1);
	interrupt_await(t, 1, 1);
	armed.slot = 1;
	armed_expect(t, &armed, 1);
	expect_equal(t, "messages of the old vector", interrupt_count_of(t, 0), 1);
}

static void begin_queue(struct conformance_target *t, struct armed *armed, unsigned int queue,
			unsigned int slot)
{
	armed->request.queue = queue;
	armed->ring = session_ring(t, queue);
	armed->slot = slot;
	armed_begin(t, armed);
}

CASE(msix_queues_share, INTERRUPT, "two queues on one vector both send its message",
     "DEV-PCI-MSIX-08", MSIX, .devices = DEVICE(BLOCK), .vectors = 1, .queues = 2)
{
	struct armed armed;
	struct ring *second;

	session_begin(t, EACH);
	arm_ring(t, &armed, session_queue(t, 0, 0), 0);
	second = session_queue(t, 1, 0);
	interrupt_queue(t, second, 0);
	ring_interrupts_on(t, armed.ring);
	session_ready(t);
	request_make(t, &armed.request, 0);
	begin_queue(t, &armed, 0, 0);
	begin_queue(t, &armed, 1, 0);
	for (unsigned int i = 0; i < 20; i++) {
		armed.request.queue = i & 1;
		armed_run(t, &armed, 1);
		interrupt_await(t, 0, i + 1);
	}
	armed_expect(t, &armed, 20);
}

CASE(msix_queues_apart, INTERRUPT, "two queues on two vectors each send their own message only",
     "DEV-PCI-MSIX-04", MSIX, .devices = DEVICE(BLOCK), .vectors = 2, .queues = 2)
{
	struct armed armed;

	session_begin(t, EACH);
	interrupt_queue(t, session_queue(t, 0, 0), 0);
	interrupt_queue(t, session_queue(t, 1, 0), 1);
	session_ready(t);
	request_make(t, &armed.request, 0);
	begin_queue(t, &armed, 1, 1);
	begin_queue(t, &armed, 0, 0);
	armed_count(t, &armed, 5);
	armed.slot = armed.request.queue = 1;
	armed_count(t, &armed, 3);
	armed_expect(t, &armed, 3);
	expect_equal(t, "messages of the first queue's vector", interrupt_count_of(t, 0), 5);
}

/* -- No vector */

CASE(msix_no_vector_silent, INTERRUPT, "a queue without a vector never interrupts",
     "DEV-PCI-USEDIRQ-01 DEV-PCI-MSIX-05", MSIX, .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	set_queue_vector(t, armed.ring, NO_VECTOR);
	armed_settle(t, &armed, 10);
	expect(t, !msix_entry_pending(t, 0), "no pending bit is set for it");
	set_queue_vector(t, armed.ring, 0);
	armed_expect(t, &armed, 0);
}

CASE(msix_out_of_range_refused, INTERRUPT,
     "a queue vector beyond the table is refused: it reads back NO_VECTOR", "DEV-PCI-MSIX-09", MSIX,
     .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	register_write(t, REGISTER_QUEUE_SELECT, armed.ring->index);
	register_write(t, REGISTER_QUEUE_VECTOR, t->msix_count);
	expect_equal(t, "the queue's vector, read back", register_read(t, REGISTER_QUEUE_VECTOR),
		     NO_VECTOR);
	armed_settle(t, &armed, 1);
	expect_equal(t, "interrupts without a vector", interrupt_count_of(t, 0), 0);
	set_queue_vector(t, armed.ring, 0);
	armed_expect(t, &armed, 0);
}

CASE(msix_config_out_of_range_refused, INTERRUPT,
     "a configuration vector beyond the table is refused: it reads back NO_VECTOR",
     "DEV-PCI-MSIX-09", MSIX, .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	register_write(t, REGISTER_CONFIG_VECTOR, t->msix_count);
	expect_equal(t, "the configuration vector, read back",
		     register_read(t, REGISTER_CONFIG_VECTOR), NO_VECTOR);
}

CASE(msix_unmapped_by_reset, INTERRUPT, "after a reset no event has a vector", "DEV-PCI-MSIX-07",
     MSIX, .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	interrupt_config(t, 0);
	device_reset(t);
	expect_equal(t, "the configuration vector after a reset",
		     register_read(t, REGISTER_CONFIG_VECTOR), NO_VECTOR);
	register_write(t, REGISTER_QUEUE_SELECT, armed.ring->index);
	expect_equal(t, "the queue's vector after a reset", register_read(t, REGISTER_QUEUE_VECTOR),
		     NO_VECTOR);
}

CASE(msix_enabled_late, INTERRUPT, "MSI-X that is enabled after DRIVER_OK works", "-",
     .transports = TRANSPORT_PCI, .vectors = 1)
{
	struct armed armed;

	session_begin(t, EACH);
	armed.ring = session_queue(t, request_queue(t), 0);
	msix_control(t, false, false);
	session_ready(t);
	request_make(t, &armed.request, 0);
	armed_run(t, &armed, 1);
	armed.slot = interrupt_queue(t, armed.ring, 0);
	armed_begin(t, &armed);
	armed_expect(t, &armed, 0);
}

CASE(msix_no_line, INTERRUPT, "a function with MSI-X enabled leaves its interrupt pin alone", "-",
     .transports = TRANSPORT_PCI, .vectors = 1)
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	armed_count(t, &armed, 3);
	expect_bits(t, "the PCI status register", target_read(t, SPACE_PCI, PCI_STATUS_OFFSET, 2),
		    0, PCI_STATUS_LINE);
}

/* -- Resets */

CASE(msix_silent_after_reset, INTERRUPT,
     "no message is sent after a reset, with requests in flight too", "DEV-RESET-02", MSIX,
     .vectors = 1)
{
	struct armed armed;
	uint64_t before;

	arm(t, &armed, EACH, 0, 0);
	for (unsigned int i = 0; i < 8 && armed.ring->room >= armed.request.out + armed.request.in;
	     i++)
		request_add(t, &armed.request);
	ring_publish(t, armed.ring);
	ring_notify(t, armed.ring);
	device_reset(t);
	before = interrupt_count_of(t, 0);
	/* Nothing on a device that was reset orders what it must not do. A message that was on its way when the status
	 * read 0 arrives before this: it is not counted if it was taken during the first wait. */
	quiet(t);
	if (interrupt_count_of(t, 0) != before) {
		before = interrupt_count_of(t, 0);
		quiet(t);
	}
	expect_equal(t, "messages after the reset", interrupt_count_of(t, 0), before);
}

CASE(msix_reset_leaves_used_ring, INTERRUPT, "the rings are not written after the status read 0",
     "DEV-RESET-02", MSIX, .vectors = 1)
{
	struct armed armed;
	uint16_t before;

	arm(t, &armed, EACH, 0, 0);
	for (unsigned int i = 0; i < 8 && armed.ring->room >= armed.request.out + armed.request.in;
	     i++)
		request_add(t, &armed.request);
	ring_publish(t, armed.ring);
	ring_notify(t, armed.ring);
	device_reset(t);
	before = (uint16_t)ring_pending(t, armed.ring);
	quiet(t);
	expect_equal(t, "used buffers after the reset", ring_pending(t, armed.ring), before);
}

/* -- Configuration changes */

CASE(msix_config_vector, INTERRUPT, "a configuration change is sent on its own vector",
     "DEV-PCI-MSIX-04", MSIX, .devices = DEVICE(BLOCK) | DEVICE(NET), .vectors = 2,
     .host = "config")
{
	struct armed armed;

	session_begin(t, EACH);
	armed.ring = session_queue(t, request_queue(t), 0);
	interrupt_queue(t, armed.ring, 0);
	interrupt_config(t, 1);
	session_ready(t);
	host_ask(t, "config", NULL);
	interrupt_await(t, 1, 1);
	expect_equal(t, "messages of the queue's vector", interrupt_count_of(t, 0), 0);
}

CASE(msix_config_isr, INTERRUPT, "the ISR's configuration bit is set with MSI-X too",
     "DEV-PCI-ISR-02", .transports = TRANSPORT_PCI, .devices = DEVICE(BLOCK) | DEVICE(NET),
     .vectors = 1, .host = "config")
{
	session_begin(t, SESSION_ALL);
	session_queue(t, request_queue(t), 0);
	interrupt_config(t, 0);
	session_ready(t);
	host_ask(t, "config", NULL);
	interrupt_await(t, 0, 1);
	expect_bits(t, "the ISR", register_read(t, REGISTER_ISR), 2, 0);
}

CASE(msix_config_no_vector_silent, INTERRUPT,
     "a configuration change without a vector sends nothing", "DEV-PCI-CFGIRQ-02", MSIX,
     .devices = DEVICE(BLOCK) | DEVICE(NET), .vectors = 1, .host = "config")
{
	struct armed armed;

	arm(t, &armed, EACH, 0, 0);
	register_write(t, REGISTER_CONFIG_VECTOR, NO_VECTOR);
	host_ask(t, "config", NULL);
	expect(t, !msix_entry_pending(t, 0), "no pending bit is set for it");
	armed_expect(t, &armed, 0);
}

CASE(msix_pending_forgotten, INTERRUPT, "what pends under a mask is not sent after a reset",
     "DEV-RESET-02", MSIX, .vectors = 1)
{
	struct armed armed;
	uint64_t before;

	arm(t, &armed, EACH, 0, 0);
	msix_entry_mask(t, 0, true);
	armed_run(t, &armed, 1);
	await_pending(t, 0);
	before = interrupt_count_of(t, 0);
	device_reset(t);
	msix_entry_mask(t, 0, false);
	quiet(t);
	expect_equal(t, "messages after the reset", interrupt_count_of(t, 0), before);
}
