/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Idle memory: free page reporting (virtio 1.4, 5.5.6.5), by which the host gets it back at any time, and
 * free page hinting (5.5.6.3), by which a migration leaves it out.
 *
 * Both take runs of idle blocks of 2 MiB out of the allocator, show them to the device, and put them
 * back when it has used the buffers. Hinted pages are then free for use even before the host says DONE:
 * 5.5.6.3.1 allows that when their content is taken for uninitialised, which the content of a page
 * from our allocator always is.
 *
 * The host's command id is read when configuration changes and at no other time: QEMU shows STOP
 * while it takes hints.
 */
#include "drivers/balloon/balloon.h"

#include "kernel/memory/dma.h"

/* From the first idle block to the report: much of what is freed is used again soon. */
#define REPORT_DELAY (2 * NANOSECONDS_PER_SECOND)
/* Until the next try when memory is too short to take idle blocks out. */
#define REPORT_RETRY (10 * NANOSECONDS_PER_SECOND)

/* Takes out what the device shall look at next. At most `runs` runs. */
static void take_runs(struct balloon *balloon, enum pages_view view, unsigned int runs)
{
	size_t left = BALLOON_RUNS_PAGES;

	if (runs > BALLOON_RUNS_MAX)
		runs = BALLOON_RUNS_MAX;
	while (balloon->run_count < runs && left) {
		size_t most = left < BALLOON_RUN_PAGES ? left : BALLOON_RUN_PAGES, count;
		uint64_t address = pages_idle_take(view, most, balloon->reserve, &count);

		if (!address)
			return;
		balloon->runs[balloon->run_count++] = (struct balloon_run){address, count};
		left -= count;
	}
}

void balloon_runs_put(struct balloon *balloon)
{
	while (balloon->run_count) {
		const struct balloon_run *run = &balloon->runs[--balloon->run_count];

		pages_idle_put(run->address, run->pages);
	}
}

static uint64_t runs_pages(const struct balloon *balloon)
{
	uint64_t pages = 0;

	for (unsigned int i = 0; i < balloon->run_count; i++)
		pages += balloon->runs[i].pages;
	return pages;
}

static struct virtqueue_segment segment_of(const struct balloon_run *run)
{
	return (struct virtqueue_segment){run->address, (uint32_t)(run->pages * PAGE_SIZE)};
}

/* -- Hinting */

void balloon_hint_id(struct balloon *balloon, uint32_t id)
{
	/* An id may come again after the host has taken it back. */
	if (id < BALLOON_HINT_FIRST)
		balloon->hint_last = 0;
	balloon->hint_wanted = id;
}

static int send_id(struct balloon *balloon, uint32_t id)
{
	struct virtqueue *vq = balloon->queues[BALLOON_HINT];
	struct virtqueue_segment segment = {dma_address(&balloon->shared->hint_id), sizeof(le32)};
	int error;

	wire_write32(&balloon->shared->hint_id, id);
	error = virtqueue_add(vq, &segment, 1, 0, balloon);
	return error ? error : balloon_exchange(balloon, vq, 1);
}

static void begin_round(struct balloon *balloon, uint32_t id)
{
	if (send_id(balloon, id))
		return;
	pages_idle_restart(PAGES_HINTING);
	balloon->hint_active = id;
	balloon->counters.hint_rounds++;
}

static void end_round(struct balloon *balloon)
{
	balloon->hint_last = balloon->hint_active;
	balloon->hint_active = 0;
	(void)send_id(balloon, BALLOON_HINT_STOP);
}

/* A part of a round. */
static void hint_runs(struct balloon *balloon)
{
	struct virtqueue *vq = balloon->queues[BALLOON_HINT];
	unsigned int added = 0;

	take_runs(balloon, PAGES_HINTING, virtqueue_free(vq));
	if (!balloon->run_count) {
		end_round(balloon);
		return;
	}
	/* Each run is a buffer of its own: devices look at the first segment. */
	for (unsigned int i = 0; i < balloon->run_count; i++) {
		struct virtqueue_segment segment = segment_of(&balloon->runs[i]);

		if (virtqueue_add(vq, &segment, 0, 1, balloon) == 0)
			added++;
	}
	if (balloon_exchange(balloon, vq, added))
		return; /* balloon->runs is put back when the device has been reset */
	balloon->counters.hinted += runs_pages(balloon);
	for (unsigned int i = 0; i < balloon->run_count; i++)
		balloon_poison(balloon, balloon->runs[i].address, balloon->runs[i].pages);
	balloon_runs_put(balloon);
}

uint64_t balloon_hint(struct balloon *balloon)
{
	uint32_t wanted = balloon->hint_wanted;

	if (!balloon_has(balloon, BALLOON_HINT))
		return WAIT_FOREVER;
	if (balloon->hint_active && balloon->hint_active != wanted) {
		balloon->counters.hint_stopped++;
		end_round(balloon);
	} else if (balloon->hint_active) {
		hint_runs(balloon);
	} else if (wanted >= BALLOON_HINT_FIRST && wanted != balloon->hint_last) {
		begin_round(balloon, wanted);
	} else {
		return WAIT_FOREVER;
	}
	return 0;
}

/* -- Reporting */

static int report_runs(struct balloon *balloon)
{
	struct virtqueue *vq = balloon->queues[BALLOON_REPORT];
	struct virtqueue_segment segments[BALLOON_RUNS_MAX];
	int error;

	for (unsigned int i = 0; i < balloon->run_count; i++) {
		balloon_poison(balloon, balloon->runs[i].address, balloon->runs[i].pages);
		segments[i] = segment_of(&balloon->runs[i]);
	}
	error = virtqueue_add(vq, segments, 0, balloon->run_count, balloon);
	if (!error)
		error = balloon_exchange(balloon, vq, 1);
	if (error)
		return error;
	balloon->counters.reports++;
	balloon->counters.reported += runs_pages(balloon);
	balloon_runs_put(balloon);
	return 0;
}

uint64_t balloon_report(struct balloon *balloon)
{
	uint64_t now = clock_monotonic();

	if (!balloon_has(balloon, BALLOON_REPORT))
		return WAIT_FOREVER;
	if (!balloon->report_at) {
		if (!pages_idle_new(PAGES_REPORTING))
			return WAIT_FOREVER;
		balloon->report_at = now + REPORT_DELAY;
	}
	if (now < balloon->report_at)
		return balloon->report_at;
	take_runs(balloon, PAGES_REPORTING, balloon->queues[BALLOON_REPORT]->size);
	if (balloon->run_count) {
		(void)report_runs(balloon);
		return 0;
	}
	balloon->report_at = pages_idle_new(PAGES_REPORTING) ? now + REPORT_RETRY : 0;
	return balloon->report_at ? balloon->report_at : WAIT_FOREVER;
}

/* The hook of the allocator, in any context. */
static void on_idle(void)
{
	struct balloon *balloon = balloon_get();

	if (balloon)
		balloon_event(balloon, BALLOON_EVENT_IDLE);
}

void balloon_idle_start(struct balloon *balloon)
{
	balloon->hint_wanted = balloon->hint_active = balloon->hint_last = 0;
	balloon->report_at = 0;
	if (!balloon_has(balloon, BALLOON_REPORT))
		return;
	pages_idle_restart(PAGES_REPORTING);
	pages_set_idle_hook(on_idle);
}
