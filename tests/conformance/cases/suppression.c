/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a used buffer interrupts and when not: avail.flags, the used event, and the packed ring's driver event
 * (virtio 1.4, 2.7.7, 2.8.10), proved by counting at every boundary.
 */
#include "tests/conformance/case.h"
#include "tests/conformance/core/armed.h"

#define ANY .transports = TRANSPORTS_ALL, .interrupts = true
#define SPLIT SESSION_WITHOUT(FEATURE(F_RING_PACKED))
#define SPLIT_FLAGS SESSION_WITHOUT(FEATURE(F_RING_PACKED) | FEATURE(F_EVENT_IDX))
#define AHEAD 5
#define PACKED_FLAGS SESSION_WITHOUT(FEATURE(F_EVENT_IDX))

static unsigned int entries(const struct armed *armed)
{
	return armed->request.out + armed->request.in;
}

/* -- Flags, without EVENT_IDX */

CASE(flags_interrupt_each, INTERRUPT, "with avail.flags 0 each used buffer interrupts",
     "DEV-SPLIT-IRQSUP-03", ANY)
{
	struct armed armed;

	arm(t, &armed, SPLIT_FLAGS, 0, 0);
	armed_count(t, &armed, 20);
	armed_expect(t, &armed, 20);
}

CASE(flags_no_interrupt, INTERRUPT, "with avail.flags 1 used buffers do not interrupt",
     "DEV-SPLIT-IRQSUP-02", ANY, .should = true)
{
	struct armed armed;

	arm(t, &armed, SPLIT_FLAGS, 0, 0);
	ring_interrupts_off(t, armed.ring);
	armed_settle(t, &armed, 20);
	ring_interrupts_on(t, armed.ring);
	armed_expect(t, &armed, 0);
}

CASE(flags_used_event_ignored, INTERRUPT,
     "without EVENT_IDX what stands in used_event does not matter", "DEV-SPLIT-IRQSUP-01", ANY)
{
	struct armed armed;

	arm(t, &armed, SPLIT_FLAGS, 0, 0);
	for (unsigned int i = 0; i < 8; i++) {
		split_used_event_write(t, armed.ring, (uint16_t)(0x4000 + 0x1001 * i));
		armed_count(t, &armed, 1);
	}
}

CASE(packed_flags_interrupt_each, INTERRUPT,
     "with the driver event enabled each used buffer of a packed ring interrupts", "-", ANY,
     .features = FEATURE(F_RING_PACKED))
{
	struct armed armed;

	arm(t, &armed, PACKED_FLAGS, 0, 0);
	armed_count(t, &armed, 20);
	armed_expect(t, &armed, 20);
}

CASE(packed_flags_no_interrupt, INTERRUPT,
     "with the driver event disabled used buffers of a packed ring do not interrupt", "-", ANY,
     .features = FEATURE(F_RING_PACKED), .should = true)
{
	struct armed armed;

	arm(t, &armed, PACKED_FLAGS, 0, 0);
	ring_interrupts_off(t, armed.ring);
	armed_settle(t, &armed, 20);
	ring_interrupts_on(t, armed.ring);
	armed_expect(t, &armed, 0);
}

/* -- EVENT_IDX */

CASE(event_flags_ignored, INTERRUPT, "with EVENT_IDX the low bit of avail.flags does not matter",
     "DEV-SPLIT-IRQSUP-04", ANY, .features = FEATURE(F_EVENT_IDX))
{
	struct armed armed;

	arm(t, &armed, SPLIT, 0, 0);
	split_flags_write(t, armed.ring, 1);
	for (unsigned int i = 0; i < 5; i++) {
		ring_interrupts_on(t, armed.ring);
		armed_count(t, &armed, 1);
	}
	split_flags_write(t, armed.ring, 0);
}

CASE(event_far_away_silent, INTERRUPT, "used buffers before the used event do not interrupt",
     "DEV-SPLIT-IRQSUP-06", ANY, .features = FEATURE(F_EVENT_IDX), .should = true)
{
	struct armed armed;

	arm(t, &armed, SPLIT, 0, 0);
	ring_interrupts_off(t, armed.ring);
	armed_settle(t, &armed, 20);
	ring_interrupts_on(t, armed.ring);
	armed_expect(t, &armed, 0);
}

CASE(event_first_silent, INTERRUPT,
     "the first used buffer of a new queue does not interrupt before the used event",
     "DEV-SPLIT-IRQSUP-06", ANY, .features = FEATURE(F_EVENT_IDX), .should = true)
{
	struct request request;
	struct ring *ring;
	unsigned int slot;

	session_begin(t, SPLIT);
	ring = session_queue(t, request_queue(t), 0);
	slot = interrupt_queue(t, ring, 0);
	ring_interrupts_after(t, ring, AHEAD);
	session_ready(t);
	request_make(t, &request, 0);
	/*
	 * The last one reaches the event: if the first has interrupted too, there are two. A device may interrupt a little
	 * after the buffer is used: those between leave it no way to make the two one.
	 */
	for (unsigned int i = 0; i < AHEAD; i++)
		request_run(t, &request);
	quiet(t);
	request_run(t, &request);
	interrupt_await(t, slot, 1);
	quiet(t);
	expect_equal(t, "interrupts when the last of the used buffers is at the event",
		     interrupt_count_of(t, slot), 1);
}

/*
 * The event `after` used buffers from now: those before it are silent, it interrupts, and those after it are silent
 * until the driver asks again. From several places in the ring, so that each wrap is among them.
 */
static void run_event(struct conformance_target *t, uint64_t features, unsigned int size,
		      unsigned int after, unsigned int rounds)
{
	struct armed armed;
	uint64_t count = 0;

	arm(t, &armed, features, size, 0);
	if (entries(&armed) > armed.ring->size)
		skip(t, "the request has %u segments, and the queue %u entries", entries(&armed),
		     armed.ring->size);
	for (unsigned int round = 0; round < rounds; round++) {
		/* A used entry of a packed ring stands at its buffer's first descriptor. */
		ring_interrupts_after(t, armed.ring,
				      armed.ring->packed ? after * entries(&armed) : after);
		armed_run(t, &armed, after);
		armed_run(t, &armed, 1);
		interrupt_await(t, armed.slot, count + 1);
		armed_run(t, &armed, 2);
		expect_equal(t, "interrupts when the event was crossed once more",
			     interrupt_count_of(t, armed.slot), count + 1);
		count++;
	}
	ring_interrupts_on(t, armed.ring);
	armed_expect(t, &armed, count);
}

#define EVENT(after)                                                                               \
	CASE(event_after_##after, INTERRUPT,                                                       \
	     "with EVENT_IDX the interrupt comes exactly at the used event, " #after               \
	     " buffers ahead",                                                                     \
	     "DEV-SPLIT-IRQSUP-05 DEV-SPLIT-IRQSUP-06", ANY, .features = FEATURE(F_EVENT_IDX))     \
	{                                                                                          \
		run_event(t, SPLIT, 8, after, 12);                                                 \
	}
EVENT(0)
EVENT(1)
EVENT(2)
EVENT(3)
EVENT(7)
EVENT(20)

/* Only that it comes, at every place of the ring; what came too often is the next case's business. */
static void run_packed_event(struct conformance_target *t, unsigned int size, unsigned int after)
{
	struct armed armed;

	arm(t, &armed, SESSION_ALL, size, 0);
	for (unsigned int round = 0; round < 3 * size; round++) {
		ring_interrupts_after(t, armed.ring, after * entries(&armed));
		armed_run(t, &armed, after);
		interrupt_zero(t, armed.slot);
		armed_run(t, &armed, 1);
		interrupt_await(t, armed.slot, 1);
	}
}

#define PACKED_EVENT(size, after)                                                                  \
	CASE(packed_event_size_##size##_after_##after, INTERRUPT,                                  \
	     "the interrupt of a packed ring of " #size " comes at the driver's event, " #after    \
	     " buffers ahead, at every place of the ring",                                         \
	     "-", ANY, .features = FEATURE(F_EVENT_IDX) | FEATURE(F_RING_PACKED))                  \
	{                                                                                          \
		run_packed_event(t, size, after);                                                  \
	}                                                                                          \
	CASE(packed_event_silent_size_##size##_after_##after, INTERRUPT,                           \
	     "a packed ring of " #size " interrupts at the driver's event, " #after                \
	     " buffers ahead, and neither before nor after",                                       \
	     "-", ANY, .features = FEATURE(F_EVENT_IDX) | FEATURE(F_RING_PACKED), .should = true)  \
	{                                                                                          \
		run_event(t, SESSION_ALL, size, after, 2 * size);                                  \
	}
PACKED_EVENT(7, 0)
PACKED_EVENT(7, 1)
PACKED_EVENT(8, 0)
PACKED_EVENT(8, 1)
PACKED_EVENT(13, 2)
PACKED_EVENT(16, 3)

/* -- A batch */

/* So many buffers are shown at once with the event at one of them: one interrupt at least, when all are used. */
static void run_batch_event(struct conformance_target *t, unsigned int count, unsigned int after)
{
	struct armed armed;

	arm(t, &armed, SPLIT, 0, 0);
	if (entries(&armed) * count > armed.ring->size)
		skip(t, "%u requests do not fit into a queue of %u", count, armed.ring->size);
	ring_interrupts_after(t, armed.ring, after);
	for (unsigned int i = 0; i < count; i++)
		request_add(t, &armed.request);
	ring_kick(t, armed.ring);
	interrupt_await(t, armed.slot, 1);
	for (unsigned int i = 0; i < count; i++)
		ring_wait(t, armed.ring);
}

#define BATCH(count, after)                                                                        \
	CASE(event_in_batch_of_##count##_at_##after, INTERRUPT,                                    \
	     "of " #count " buffers used at once, an event at number " #after " interrupts",       \
	     "DEV-SPLIT-IRQSUP-05", ANY, .features = FEATURE(F_EVENT_IDX))                         \
	{                                                                                          \
		run_batch_event(t, count, after);                                                  \
	}
BATCH(2, 0)
BATCH(2, 1)
BATCH(8, 0)
BATCH(8, 3)
BATCH(8, 7)

/* -- The index wraps at 65536 */

CASE(event_index_wrap, INTERRUPT, "the used event works across the wrap of the used index at 65536",
     "DEV-SPLIT-IRQSUP-05", ANY, .devices = DEVICE(BLOCK) | DEVICE(NET),
     .features = FEATURE(F_EVENT_IDX), .slow = true)
{
	struct armed armed;
	unsigned int batch;
	uint64_t count;

	arm(t, &armed, SPLIT, 0, 0);
	ring_interrupts_off(t, armed.ring);
	batch = armed.ring->size / entries(&armed);
	for (unsigned int left = 65536 - 6; left;) {
		unsigned int now = left < batch ? left : batch;

		ring_interrupts_off(t, armed.ring);
		for (unsigned int i = 0; i < now; i++)
			request_add(t, &armed.request);
		ring_kick(t, armed.ring);
		for (unsigned int i = 0; i < now; i++)
			ring_wait(t, armed.ring);
		left -= now;
	}
	quiet(t);
	expect_equal(t, "the used index before its wrap", armed.ring->used_seen, 65532);
	count = interrupt_count_of(t, armed.slot);
	for (unsigned int i = 0; i < 8; i++) {
		ring_interrupts_on(t, armed.ring);
		armed_run(t, &armed, 1);
		interrupt_await(t, armed.slot, ++count);
	}
	ring_interrupts_on(t, armed.ring);
	armed_expect(t, &armed, count);
}

/* -- Without a cause */

CASE(quiet_second, INTERRUPT, "a device that has nothing to say does not interrupt for a second",
     "-", ANY, .slow = true, .once = true)
{
	struct armed armed;
	uint64_t end;

	arm(t, &armed, SESSION_ALL, 0, 0);
	for (end = t->operations->now(t) + 1000000000u; t->operations->now(t) < end;)
		quiet(t);
	expect_equal(t, "interrupts in the quiet second", interrupt_count_of(t, armed.slot), 0);
}

CASE(start_without_cause, INTERRUPT,
     "a device does not interrupt when DRIVER_OK is set and its queues are empty", "-", ANY,
     .should = true)
{
	unsigned int slot;

	session_begin(t, SESSION_WITHOUT(FEATURE(F_EVENT_IDX)));
	slot = interrupt_queue(t, session_queue(t, request_queue(t), 0), 0);
	session_ready(t);
	quiet(t);
	expect_equal(t, "interrupts though nothing was used", interrupt_count_of(t, slot), 0);
}

/* -- Load from two CPUs */

struct other_cpu {
	struct conformance_target *target;
	struct ring *ring;
	struct request request;
	unsigned int done;
};

#define LOAD 200u
#define SPINS 50000000u

/* On the other CPU: no verdict functions, it only counts what came back. */
static void load(void *context)
{
	struct other_cpu *other = context;
	struct conformance_target *t = other->target;
	struct used used;

	for (unsigned int i = 0; i < LOAD; i++) {
		ring_add(t, other->ring, other->request.segments, other->request.out,
			 other->request.in);
		ring_publish(t, other->ring);
		ring_notify(t, other->ring);
		for (unsigned int spin = 0; !ring_pending(t, other->ring); spin++)
			if (spin == SPINS)
				return;
		ring_take(t, other->ring, &used);
		other->done++;
	}
}

CASE(load_from_two_cpus, INTERRUPT,
     "no interrupt of one queue is lost while another CPU keeps a second queue busy with its interrupts off",
     "DEV-SPLIT-IRQSUP-03", .transports = TRANSPORT_PCI, .interrupts = true,
     .devices = DEVICE(BLOCK), .queues = 2, .cpus = 2)
{
	struct other_cpu other = {.target = t};
	struct armed armed;

	session_begin(t, SESSION_WITHOUT(FEATURE(F_EVENT_IDX)));
	arm_ring(t, &armed, session_queue(t, 0, 0), 0);
	other.ring = session_queue(t, 1, 0);
	session_ready(t);
	request_make(t, &armed.request, 0);
	request_make(t, &other.request, 0);
	/* Each queue's doorbell is known before two CPUs select queues. */
	armed_begin(t, &armed);
	other.request.queue = 1;
	request_run(t, &other.request);
	if (t->operations->start(t, 1, load, &other))
		skip(t, "the second CPU could not be started");
	for (unsigned int i = 0; i < LOAD; i++) {
		request_add(t, &armed.request);
		ring_publish(t, armed.ring);
		ring_notify(t, armed.ring);
		ring_wait(t, armed.ring);
		if (!interrupt_counts(t, armed.slot, i + 1))
			break;
	}
	t->operations->join(t);
	expect_equal(t, "interrupts of the first queue", interrupt_count_of(t, armed.slot), LOAD);
	expect_equal(t, "requests that the other CPU completed", other.done, LOAD);
}
