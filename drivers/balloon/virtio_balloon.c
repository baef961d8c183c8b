/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-balloon (virtio 1.4, 5.5): finding, queues, interrupts, the thread, recovery. */
#include "drivers/balloon/balloon.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"
#include "kernel/options/options.h"

#include <errno.h>
#include <stdlib.h>

#define LOG_AREA "balloon"

/*
 * How long the device may take for its buffers, in parts. After each of them it is notified once more:
 * QEMU 7.2 does not look again after it has turned notifications of the hint queue on. And a machine that
 * was stopped in between has the last of them yet.
 */
static const uint64_t answer_parts[] = {
	50 * NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND,      10 * NANOSECONDS_PER_SECOND,
	20 * NANOSECONDS_PER_SECOND,	  30 * NANOSECONDS_PER_SECOND,
};
#define ANSWER_PARTS (sizeof(answer_parts) / sizeof(answer_parts[0]))

/* What inflation leaves to the guest: an eighth, 16 MiB at most. */
#define RESERVE_PART 8u
#define RESERVE_MAX 4096u
/* A machine of 256 MiB has buffers for all frames that are told at once. */
#define PAGES_PER_BUFFER 2048u

static bool check_poison(const char *value)
{
	uint64_t number;

	return option_parse_number(value, &number) && number <= UINT32_MAX;
}

OPTION(balloon_poison, "balloon.poison", "0..0xffffffff",
       "keep free pages that went through the balloon at this value, and tell the host (default: no)",
       check_poison);

static const uint8_t features[] = {
	BALLOON_F_MUST_TELL_HOST, BALLOON_F_STATS_VQ,	 BALLOON_F_DEFLATE_ON_OOM,
	BALLOON_F_FREE_PAGE_HINT, BALLOON_F_PAGE_POISON, BALLOON_F_PAGE_REPORTING,
	VIRTIO_FEATURES_END,
};

/* The feature that a queue exists with; the first two always do. */
static const uint8_t queue_feature[BALLOON_QUEUES] = {
	[BALLOON_STATISTICS] = BALLOON_F_STATS_VQ,
	[BALLOON_HINT] = BALLOON_F_FREE_PAGE_HINT,
	[BALLOON_REPORT] = BALLOON_F_PAGE_REPORTING,
};

static struct balloon *only_balloon;

struct balloon *balloon_get(void)
{
	return __atomic_load_n(&only_balloon, __ATOMIC_ACQUIRE);
}

static bool has_config(struct virtio_device *device, unsigned int offset)
{
	uint32_t value;

	return virtio_config_read(device, offset, &value, sizeof(value), sizeof(value)) != -EINVAL;
}

static void validate(struct virtio_device *device, struct virtio_features *wanted)
{
	if (!has_config(device, BALLOON_CONFIG_HINT_ID))
		virtio_features_clear(wanted, BALLOON_F_FREE_PAGE_HINT);
	/* 5.5.3.1: only for who writes the value to deflated pages. */
	if (!option_get("balloon.poison", NULL) || !has_config(device, BALLOON_CONFIG_POISON))
		virtio_features_clear(wanted, BALLOON_F_PAGE_POISON);
}

/* -- Interrupts */

void balloon_event(struct balloon *balloon, uint32_t events)
{
	__atomic_or_fetch(&balloon->events, events, __ATOMIC_SEQ_CST);
	wait_wake(&balloon->wait);
}

static void on_statistics(struct virtqueue *vq)
{
	balloon_event(vq->context, BALLOON_EVENT_STATISTICS);
}

/* Whoever lent the buffers waits for them. */
static void on_used(struct virtqueue *vq)
{
	struct balloon *balloon = vq->context;

	wait_wake(&balloon->wait);
}

static void on_config(struct virtio_device *device)
{
	if (device->driver_data)
		balloon_event(device->driver_data, BALLOON_EVENT_CONFIG);
}

static void on_broken(struct virtio_device *device)
{
	if (device->driver_data)
		balloon_event(device->driver_data, BALLOON_EVENT_WAKE);
}

/* -- The thread */

static bool is_broken(const struct balloon *balloon)
{
	return __atomic_load_n(&balloon->virtio->recovery.broken, __ATOMIC_SEQ_CST);
}

static bool is_answered(const struct balloon *balloon, const struct virtqueue *vq)
{
	return !__atomic_load_n(&vq->armed, __ATOMIC_SEQ_CST) || is_broken(balloon);
}

int balloon_exchange(struct balloon *balloon, struct virtqueue *vq, unsigned int count)
{
	unsigned int parts = 0;
	uint32_t length;

	virtqueue_kick(vq);
	while (count) {
		uint64_t part = clock_monotonic() + answer_parts[parts];

		if (virtqueue_take(vq, &length)) {
			count--;
			parts = 0;
			continue;
		}
		if (is_broken(balloon))
			return -EIO;
		if (virtqueue_interrupts_on(vq, count))
			continue;
		if (wait_event_deadline(&balloon->wait, is_answered(balloon, vq), part))
			continue;
		if (++parts < ANSWER_PARTS) {
			balloon->counters.nudges++;
			vq->notify(vq);
			continue;
		}
		log_error("%s: %u buffers were not used in a minute", vq->name, count);
		virtio_device_break(balloon->virtio, "did not use its buffers");
		return -EIO;
	}
	return 0;
}

static uint64_t sooner(uint64_t first, uint64_t second)
{
	return first < second ? first : second;
}

uint64_t balloon_work(struct balloon *balloon)
{
	uint32_t events = __atomic_exchange_n(&balloon->events, 0, __ATOMIC_SEQ_CST);
	uint64_t next = WAIT_FOREVER;

	mutex_lock(&balloon->lock);
	if (balloon->running && !is_broken(balloon)) {
		if (balloon_statistics(balloon))
			next = 0;
		if (events & BALLOON_EVENT_CONFIG && balloon_has(balloon, BALLOON_HINT))
			balloon_hint_id(balloon, virtio_config_read32(balloon->virtio,
								      BALLOON_CONFIG_HINT_ID));
		next = sooner(next, balloon_hint(balloon));
		next = sooner(next, balloon_resize(balloon));
		next = sooner(next, balloon_report(balloon));
		if (is_broken(balloon))
			next = WAIT_FOREVER;
	}
	mutex_unlock(&balloon->lock);
	return next;
}

static void work(void *context)
{
	struct balloon *balloon = context;

	for (;;) {
		uint64_t next = balloon_work(balloon);

		if (!next)
			thread_yield();
		else
			wait_event_deadline(&balloon->wait,
					    __atomic_load_n(&balloon->events, __ATOMIC_SEQ_CST),
					    next);
	}
}

/* -- Queues */

static bool queue_is_there(const struct virtio_features *set, unsigned int queue)
{
	return queue < BALLOON_STATISTICS || virtio_features_has(set, queue_feature[queue]);
}

/*
 * 5.5.2 numbers the queues from 0 to 4 whichever of them exist. QEMU and others leave no gaps, and
 * count what they offer. Who has the last queue that it offers at its place in the specification does the
 * former; when nothing is missing both are the same.
 */
static unsigned int index_of(struct virtio_device *device, unsigned int queue)
{
	unsigned int last = BALLOON_QUEUES - 1, index = 0;

	while (!queue_is_there(&device->offered, last))
		last--;
	if (virtio_queue_exists(device, last))
		return queue;
	for (unsigned int i = 0; i < queue; i++)
		index += queue_is_there(&device->offered, i);
	return index;
}

static int create_queues(struct balloon *balloon)
{
	static const struct virtio_queue_request kinds[BALLOON_QUEUES] = {
		[BALLOON_INFLATE] = {.name = "inflate", .callback = on_used},
		[BALLOON_DEFLATE] = {.name = "deflate", .callback = on_used},
		[BALLOON_STATISTICS] = {.name = "statistics", .callback = on_statistics},
		[BALLOON_HINT] = {.name = "hint", .callback = on_used},
		[BALLOON_REPORT] = {.name = "report",
				    .callback = on_used,
				    .segments_max = BALLOON_RUNS_MAX},
	};
	struct virtio_device *device = balloon->virtio;
	struct virtio_queue_request requests[BALLOON_QUEUES];
	enum balloon_queue queues[BALLOON_QUEUES];
	unsigned int count = 0;
	int error;

	for (unsigned int i = 0; i < BALLOON_QUEUES; i++) {
		if (!queue_is_there(&device->negotiated, i))
			continue;
		requests[count] = kinds[i];
		requests[count].context = balloon;
		requests[count].size_wanted = 2 * BALLOON_BUFFERS_MAX;
		if (!requests[count].segments_max)
			requests[count].segments_max = 1;
		requests[count].index = (uint16_t)index_of(device, i);
		queues[count++] = i;
	}
	error = virtio_queues_create(device, requests, count);
	if (error)
		return error;
	for (unsigned int i = 0; i < count; i++)
		balloon->queues[queues[i]] = device->queues[i];
	return 0;
}

static void forget_queues(struct balloon *balloon)
{
	for (unsigned int i = 0; i < BALLOON_QUEUES; i++)
		balloon->queues[i] = NULL;
}

/* How many buffers of frame numbers both queues take at once. */
static void fit_buffers(struct balloon *balloon)
{
	uint64_t most = pages_total() / PAGES_PER_BUFFER;

	if (most > BALLOON_BUFFERS_MAX)
		most = BALLOON_BUFFERS_MAX;
	if (most > balloon->queues[BALLOON_INFLATE]->size)
		most = balloon->queues[BALLOON_INFLATE]->size;
	if (most > balloon->queues[BALLOON_DEFLATE]->size)
		most = balloon->queues[BALLOON_DEFLATE]->size;
	balloon->buffers = most ? (unsigned int)most : 1;
}

/* -- Life */

/* In the order of 5.5.5. */
static int start_locked(struct balloon *balloon)
{
	struct virtio_device *device = balloon->virtio;
	int error = create_queues(balloon);

	if (error)
		return error;
	fit_buffers(balloon);
	if (balloon_has(balloon, BALLOON_STATISTICS)) {
		error = balloon_statistics_lend(balloon);
		if (error) {
			log_error("%s: its statistics queue takes no buffer", device->bus_name);
			if (virtio_reset(device) == 0)
				virtio_queues_destroy(device);
			forget_queues(balloon);
			return error;
		}
	}
	balloon->poison = virtio_has(device, BALLOON_F_PAGE_POISON);
	balloon->poison_value = (uint32_t)option_number("balloon.poison", 0, UINT32_MAX, 0);
	if (balloon->poison)
		virtio_config_write32(device, BALLOON_CONFIG_POISON, balloon->poison_value);
	balloon_idle_start(balloon);
	balloon->actual = 0;
	balloon->inflate_at = 0;
	balloon->is_short = false;
	virtio_driver_ok(device);
	virtio_config_write32(device, BALLOON_CONFIG_ACTUAL, 0);
	if (balloon_has(balloon, BALLOON_STATISTICS))
		virtqueue_kick(balloon->queues[BALLOON_STATISTICS]);
	balloon->running = true;
	/* What changed before now went unheard. */
	balloon_event(balloon, BALLOON_EVENT_CONFIG);
	return 0;
}

static int start(struct virtio_device *device)
{
	struct balloon *balloon = device->driver_data;
	int error;

	mutex_lock(&balloon->lock);
	error = start_locked(balloon);
	mutex_unlock(&balloon->lock);
	return error;
}

static void stop(struct virtio_device *device)
{
	struct balloon *balloon = device->driver_data;

	mutex_lock(&balloon->lock);
	balloon->running = false;
	pages_set_idle_hook(NULL);
	for (unsigned int i = 0; i < BALLOON_QUEUES; i++)
		while (balloon->queues[i] && virtqueue_detach(balloon->queues[i]))
			;
	forget_queues(balloon);
	/* A device that did not reset has the pages for good. */
	if (!device->reset_failed) {
		balloon_runs_put(balloon);
		balloon_forget(balloon);
	}
	mutex_unlock(&balloon->lock);
}

/* Another device may take its place. The thread keeps the structure. */
static void given_up(struct virtio_device *device)
{
	if (balloon_get() != device->driver_data)
		return;
	pages_set_reclaim(NULL);
	__atomic_store_n(&only_balloon, NULL, __ATOMIC_RELEASE);
}

static size_t frames_size(const struct balloon *balloon)
{
	return (size_t)balloon->buffers * BALLOON_BUFFER_FRAMES * sizeof(uint32_t);
}

static void destroy(struct balloon *balloon)
{
	if (balloon->told)
		dma_free(balloon->told, frames_size(balloon));
	if (balloon->shared)
		dma_free(balloon->shared, sizeof(*balloon->shared));
	free(balloon->frames);
	free(balloon);
}

static struct balloon *create(struct virtio_device *device)
{
	struct balloon *balloon = calloc(1, sizeof(*balloon));
	uint64_t buffers = pages_total() / PAGES_PER_BUFFER;

	if (!balloon)
		return NULL;
	balloon->virtio = device;
	mutex_init(&balloon->lock);
	wait_queue_init(&balloon->wait);
	balloon->reserve = pages_total() / RESERVE_PART;
	if (balloon->reserve > RESERVE_MAX)
		balloon->reserve = RESERVE_MAX;
	if (buffers > BALLOON_BUFFERS_MAX)
		buffers = BALLOON_BUFFERS_MAX;
	balloon->buffers = buffers ? (unsigned int)buffers : 1;
	balloon->frames = malloc(frames_size(balloon));
	balloon->told = dma_alloc(frames_size(balloon), NULL);
	balloon->shared = dma_alloc(sizeof(*balloon->shared), NULL);
	if (balloon->frames && balloon->told && balloon->shared)
		return balloon;
	destroy(balloon);
	return NULL;
}

static int probe(struct virtio_device *device)
{
	struct thread *thread;
	struct balloon *balloon;
	int error = -ENOMEM;

	if (balloon_get()) {
		log_warning("%s: a machine has one balloon, and %s is it", device->bus_name,
			    balloon_get()->virtio->bus_name);
		return -EBUSY;
	}
	balloon = create(device);
	if (!balloon) {
		log_error("%s: no memory for the balloon's buffers", device->bus_name);
		return error;
	}
	device->driver_data = balloon;
	error = start(device);
	if (error)
		goto destroy_balloon;
	thread = thread_create("virtio_balloon", work, balloon, NULL);
	if (!thread) {
		log_error("%s: no memory for the balloon's thread", device->bus_name);
		error = -ENOMEM;
		goto stop_device;
	}
	thread_detach(thread);
	__atomic_store_n(&only_balloon, balloon, __ATOMIC_RELEASE);
	pages_set_reclaim(balloon_reclaim);
	return 0;

stop_device:
	if (virtio_reset(device))
		return error; /* it may still use what is lent */
	stop(device);
	virtio_queues_destroy(device);
destroy_balloon:
	device->driver_data = NULL;
	destroy(balloon);
	return error;
}

VIRTIO_DRIVER(balloon) = {
	.name = "virtio_balloon",
	.device_type = VIRTIO_ID_BALLOON,
	.features = features,
	.validate = validate,
	.probe = probe,
	.start = start,
	.stop = stop,
	.config_changed = on_config,
	.given_up = given_up,
	.broken = on_broken,
};
