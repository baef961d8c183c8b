/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a request: added, waiting, running, finished, done.
 *
 * A timer looks at each disk with requests in flight once in a while. It finds those that the
 * device did without an interrupt, and those that it has had for too long; then the driver resets
 * the device, which ends all of them.
 */
#include "drivers/block/block.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"
#include "kernel/options/options.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <string.h>

#define LOG_AREA "block"
#define TIMEOUT_DEFAULT 30u /* seconds */
#define TIMEOUT_MAX 3600u
#define WATCH_PERIOD NANOSECONDS_PER_SECOND

static bool check_timeout(const char *value)
{
	uint64_t seconds;

	return option_parse_number(value, &seconds) && seconds >= 1 && seconds <= TIMEOUT_MAX;
}

OPTION(block_timeout, "block.timeout", "1..3600",
       "seconds after which a disk that does not answer is reset (default: 30)", check_timeout);

static uint64_t time_limit(void)
{
	return option_number("block.timeout", 1, TIMEOUT_MAX, TIMEOUT_DEFAULT) *
	       NANOSECONDS_PER_SECOND;
}

/* -- Lists */

static void append(struct block_list *list, struct block_request *request)
{
	request->next = NULL;
	request->previous = list->last;
	if (list->last)
		list->last->next = request;
	else
		list->first = request;
	list->last = request;
}

static void take_out(struct block_list *list, struct block_request *request)
{
	if (request->previous)
		request->previous->next = request->next;
	else
		list->first = request->next;
	if (request->next)
		request->next->previous = request->previous;
	else
		list->last = request->previous;
}

/* -- Is it a request that the device can do? */

static bool writes(enum block_operation operation)
{
	return operation == BLOCK_WRITE || operation == BLOCK_DISCARD ||
	       operation == BLOCK_WRITE_ZEROES || operation == BLOCK_SECURE_ERASE;
}

static int check_segments(const struct block_request *request, uint64_t *bytes)
{
	const struct block_limits *limits = &request->device->disk->limits;

	*bytes = 0;
	if (!request->segment_count || request->segment_count > limits->segments_max)
		return -EINVAL;
	for (unsigned int i = 0; i < request->segment_count; i++) {
		const struct block_segment *segment = &request->segments[i];
		const uint8_t *data = segment->data;

		if (!segment->length ||
		    ((uintptr_t)data | segment->length) & (limits->memory_align - 1))
			return -EINVAL;
		if (!dma_reachable(data) || !dma_reachable(data + segment->length - 1))
			return -EFAULT;
		*bytes += segment->length;
	}
	return *bytes > limits->bytes_max ? -EINVAL : 0;
}

static uint64_t range_max(const struct block_limits *limits, enum block_operation operation)
{
	switch (operation) {
	case BLOCK_DISCARD:
		return limits->discard_max;
	case BLOCK_WRITE_ZEROES:
		return limits->zeroes_max;
	case BLOCK_SECURE_ERASE:
		return limits->erase_max;
	default:
		return UINT64_MAX;
	}
}

/* Inside the device, and a partition's sectors also inside the disk, which may have shrunk. */
static int check_place(struct block_request *request)
{
	struct block_device *device = request->device, *disk = device->disk;
	uint64_t block = disk->limits.block_size / BLOCK_SECTOR;

	if (!request->sectors || request->sector % block || request->sectors % block ||
	    request->sectors > range_max(&disk->limits, request->operation))
		return -EINVAL;
	if (request->sector > device->sectors ||
	    request->sectors > device->sectors - request->sector)
		return -ENOSPC;
	request->place = request->sector + device->first;
	if (request->place > disk->sectors || request->sectors > disk->sectors - request->place)
		return -ENOSPC;
	return 0;
}

static int check(struct block_request *request)
{
	uint64_t bytes;
	int error;

	if (request->operation >= BLOCK_OPERATIONS)
		return -EINVAL;
	if (!block_can(request->device, request->operation))
		return -EOPNOTSUPP;
	if (writes(request->operation) &&
	    (request->device->read_only || request->device->disk->read_only))
		return -EROFS;
	request->place = 0;
	switch (request->operation) {
	case BLOCK_READ:
	case BLOCK_WRITE:
		error = check_segments(request, &bytes);
		if (error)
			return error;
		if (bytes % BLOCK_SECTOR)
			return -EINVAL;
		request->sectors = bytes / BLOCK_SECTOR;
		return check_place(request);
	case BLOCK_IDENTIFY:
	case BLOCK_LIFETIME:
		return check_segments(request, &bytes);
	case BLOCK_FLUSH:
		return 0;
	default:
		return check_place(request);
	}
}

/* -- Adding and starting */

static void count(struct block_queue *queue, const struct block_request *request)
{
	struct block_counters *counters = &queue->counters;

	if (request->operation < BLOCK_OPERATIONS)
		counters->requests[request->operation]++;
	if (request->error)
		counters->errors++;
	else if (request->operation == BLOCK_READ)
		counters->bytes_read += request->sectors * BLOCK_SECTOR;
	else if (request->operation == BLOCK_WRITE)
		counters->bytes_written += request->sectors * BLOCK_SECTOR;
}

void block_finish(struct block_request *request, int error)
{
	struct block_queue *queue = request->queue;

	if (request->running) {
		take_out(&queue->running, request);
		queue->depth--;
	}
	request->running = false;
	request->error = error;
	count(queue, request);
	append(&queue->finished, request);
}

uint64_t block_lock(struct block_queue *queue)
{
	return spin_lock(&queue->lock);
}

void block_unlock(struct block_queue *queue, uint64_t flags)
{
	struct block_request *request = queue->finished.first;

	queue->finished = (struct block_list){NULL, NULL};
	spin_unlock(&queue->lock, flags);
	while (request) {
		struct block_request *next = request->next; /* done() may add it anew, or free it */

		request->done(request);
		request = next;
	}
}

static void watch(struct block_device *disk)
{
	if (disk->watching || __atomic_exchange_n(&disk->watching, true, __ATOMIC_SEQ_CST))
		return;
	timer_arm(&disk->watch, clock_monotonic() + WATCH_PERIOD);
}

/* Starts what waits, as far as the device takes it, with one kick for all. Under the lock. */
static void pump(struct block_queue *queue)
{
	const struct block_operations *operations = queue->disk->operations;
	struct block_request *request;
	bool started = false;
	uint64_t now = 0;

	while (!queue->stopped && (request = queue->waiting.first)) {
		int error = operations->start(queue, request);

		if (error == -EBUSY) {
			queue->counters.waited++;
			break;
		}
		take_out(&queue->waiting, request);
		if (error) {
			block_finish(request, error == BLOCK_DONE ? 0 : error);
			continue;
		}
		if (!now)
			now = clock_monotonic();
		request->started = now;
		request->expired = false;
		request->running = true;
		append(&queue->running, request);
		queue->depth++;
		started = true;
	}
	if (started) {
		operations->kick(queue);
		watch(queue->disk);
	}
}

static struct block_queue *queue_here(const struct block_device *device)
{
	struct block_device *disk = device->disk;

	return &disk->queues[thread_cpu() % disk->queue_count];
}

void block_add(struct block_request *request)
{
	struct block_queue *queue = queue_here(request->device);
	int error = check(request);
	uint64_t flags = block_lock(queue);

	request->queue = queue;
	request->running = false;
	request->error = 0;
	if (!error && queue->disk->dead)
		error = -EIO;
	if (error)
		block_finish(request, error);
	else
		append(&queue->waiting, request);
	block_unlock(queue, flags);
}

void block_kick(struct block_device *device)
{
	struct block_queue *queue = queue_here(device);
	uint64_t flags = block_lock(queue);

	pump(queue);
	block_unlock(queue, flags);
}

void block_interrupt(struct block_queue *queue)
{
	uint64_t flags = block_lock(queue);

	if (!queue->stopped) {
		queue->disk->operations->reap(queue);
		pump(queue);
	}
	block_unlock(queue, flags);
}

/* -- A device that is reset */

void block_queue_stop(struct block_queue *queue)
{
	uint64_t flags = block_lock(queue);

	queue->stopped = true;
	block_unlock(queue, flags);
}

void block_queue_start(struct block_queue *queue)
{
	uint64_t flags = block_lock(queue);

	queue->stopped = false;
	(void)queue->disk->operations->reap(queue); /* asks for interrupts */
	pump(queue);
	block_unlock(queue, flags);
}

void block_stop(struct block_device *disk)
{
	for (unsigned int i = 0; i < disk->queue_count; i++)
		block_queue_stop(&disk->queues[i]);
}

void block_start(struct block_device *disk)
{
	for (unsigned int i = 0; i < disk->queue_count; i++)
		block_queue_start(&disk->queues[i]);
}

void block_dead(struct block_device *disk)
{
	disk->dead = true;
	for (unsigned int i = 0; i < disk->queue_count; i++) {
		struct block_queue *queue = &disk->queues[i];
		uint64_t flags = block_lock(queue);
		struct block_request *request;

		while ((request = queue->waiting.first)) {
			take_out(&queue->waiting, request);
			block_finish(request, -EIO);
		}
		block_unlock(queue, flags);
	}
}

/* -- Requests that are not answered */

/* True when one has been running for too long. Under the lock. */
static bool find_expired(struct block_queue *queue, uint64_t now)
{
	uint64_t limit = time_limit();
	bool found = false;

	for (struct block_request *request = queue->running.first; request;
	     request = request->next) {
		/* One that was started a moment ago is younger than `now`. */
		if (request->expired || now < request->started + limit)
			continue;
		request->expired = true;
		queue->disk->timeouts++;
		if (!found)
			log_error("%s: no answer for %u s to operation %u, sector %llu",
				  queue->disk->name, (unsigned int)(limit / NANOSECONDS_PER_SECOND),
				  request->operation, (unsigned long long)request->place);
		found = true;
	}
	return found;
}

static bool look_at(struct block_queue *queue, bool *busy)
{
	uint64_t flags = block_lock(queue), now = clock_monotonic();
	bool expired = false;

	if (!queue->stopped && queue->running.first) {
		bool old = now - queue->running.first->started >= WATCH_PERIOD;
		unsigned int found = queue->disk->operations->reap(queue);

		if (old && found)
			queue->disk->interrupts_missed += found;
		pump(queue);
		expired = find_expired(queue, now);
	}
	*busy |= queue->running.first != NULL;
	block_unlock(queue, flags);
	return expired;
}

static bool is_busy(const struct block_device *disk)
{
	for (unsigned int i = 0; i < disk->queue_count; i++)
		if (__atomic_load_n(&disk->queues[i].depth, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

static void on_watch(void *context)
{
	struct block_device *disk = context;
	bool busy = false, expired = false;

	for (unsigned int i = 0; i < disk->queue_count; i++)
		expired |= look_at(&disk->queues[i], &busy);
	if (expired)
		disk->operations->timed_out(disk);
	if (busy) {
		timer_arm(&disk->watch, clock_monotonic() + WATCH_PERIOD);
		return;
	}
	/* Something may have been started meanwhile by somebody who thinks that we watch. */
	__atomic_store_n(&disk->watching, false, __ATOMIC_SEQ_CST);
	if (is_busy(disk))
		watch(disk);
}

void block_watch_init(struct block_device *disk)
{
	disk->watch = (struct timer)TIMER_INIT(on_watch, disk);
}

void block_counters(const struct block_device *disk, struct block_counters *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned int i = 0; i < disk->queue_count; i++) {
		const struct block_counters *counters = &disk->queues[i].counters;

		for (unsigned int operation = 0; operation < BLOCK_OPERATIONS; operation++)
			sum->requests[operation] += counters->requests[operation];
		sum->bytes_read += counters->bytes_read;
		sum->bytes_written += counters->bytes_written;
		sum->errors += counters->errors;
		sum->waited += counters->waited;
	}
}
