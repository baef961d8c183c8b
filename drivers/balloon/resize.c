/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inflate and deflate (virtio 1.4, 5.5.6), in batches: the target may move meanwhile, statistics want
 * to be answered, and whoever needs memory should not have to wait for long.
 *
 * MUST_TELL_HOST or not, pages are used again only when the device has acknowledged the deflation:
 * it costs nothing here, and is what hosts test.
 */
#include "drivers/balloon/balloon.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"

#include <string.h>

#define LOG_AREA "balloon"

/* The reserve is reached: how long until there may be more. */
#define SHORT_PAUSE NANOSECONDS_PER_SECOND
/* Memory ran out: what the balloon gave is needed, and is not asked back at once. */
#define OOM_PAUSE (5 * NANOSECONDS_PER_SECOND)
/* Then at least so much is deflated. */
#define OOM_PAGES 1024u /* 4 MiB */

void balloon_poison(const struct balloon *balloon, uint64_t address, size_t pages)
{
	if (!balloon->poison)
		return;
	for (size_t i = 0; i < pages; i++) {
		uint32_t *words = dma_pointer(address + i * PAGE_SIZE);

		for (size_t word = 0; word < PAGE_SIZE / sizeof(*words); word++)
			words[word] = balloon->poison_value;
	}
}

/* Tells the device the first `count` of balloon->frames; returns when it has acknowledged them. */
static int tell(struct balloon *balloon, enum balloon_queue queue, size_t count)
{
	struct virtqueue *vq = balloon->queues[queue];
	unsigned int buffers = 0;

	memcpy(balloon->told, balloon->frames, count * sizeof(*balloon->told));
	for (size_t done = 0; done < count; done += BALLOON_BUFFER_FRAMES) {
		size_t part =
			count - done < BALLOON_BUFFER_FRAMES ? count - done : BALLOON_BUFFER_FRAMES;
		struct virtqueue_segment segment = {dma_address(balloon->told + done),
						    (uint32_t)(part * sizeof(*balloon->told))};
		int error = virtqueue_add(vq, &segment, 1, 0, balloon);

		if (error)
			return error;
		buffers++;
	}
	return balloon_exchange(balloon, vq, buffers);
}

static void set_actual(struct balloon *balloon, uint32_t actual)
{
	balloon->actual = actual;
	virtio_config_write32(balloon->virtio, BALLOON_CONFIG_ACTUAL, actual);
}

static size_t batch(const struct balloon *balloon, size_t wanted)
{
	size_t most = (size_t)balloon->buffers * BALLOON_BUFFER_FRAMES;

	return wanted < most ? wanted : most;
}

/* How many pages; when the device breaks, those that it had not acknowledged stay lent until then. */
static size_t inflate(struct balloon *balloon, size_t wanted)
{
	size_t count = pages_lend(balloon->frames, batch(balloon, wanted), balloon->reserve);

	if (!count || tell(balloon, BALLOON_INFLATE, count))
		return 0;
	balloon->counters.inflated += count;
	set_actual(balloon, balloon->actual + (uint32_t)count);
	return count;
}

static size_t deflate(struct balloon *balloon, size_t wanted, uint64_t limit)
{
	struct pages_cursor cursor = {0};
	size_t count = pages_lent_list(&cursor, balloon->frames, batch(balloon, wanted), limit);

	if (!count || tell(balloon, BALLOON_DEFLATE, count))
		return 0;
	for (size_t i = 0; i < count && balloon->poison; i++)
		balloon_poison(balloon, (uint64_t)balloon->frames[i] * PAGE_SIZE, 1);
	pages_unlend(balloon->frames, count);
	balloon->counters.deflated += count;
	set_actual(balloon, balloon->actual - (uint32_t)count);
	return count;
}

size_t balloon_lend(struct balloon *balloon, size_t pages)
{
	size_t done = 0, part;

	while (done < pages && (part = inflate(balloon, pages - done)))
		done += part;
	return done;
}

size_t balloon_take_back(struct balloon *balloon, size_t pages)
{
	size_t done = 0, part;

	while (done < pages && (part = deflate(balloon, pages - done, 0)))
		done += part;
	return done;
}

uint64_t balloon_resize(struct balloon *balloon)
{
	uint64_t now = clock_monotonic();

	balloon->target = virtio_config_read32(balloon->virtio, BALLOON_CONFIG_NUM_PAGES);
	if (balloon->target <= balloon->actual) {
		balloon->is_short = false;
		balloon->inflate_at = 0;
		if (balloon->target == balloon->actual)
			return WAIT_FOREVER;
		(void)deflate(balloon, balloon->actual - balloon->target, 0);
		return 0;
	}
	if (now < balloon->inflate_at)
		return balloon->inflate_at;
	if (inflate(balloon, balloon->target - balloon->actual)) {
		balloon->is_short = false;
		return 0;
	}
	if (!balloon->is_short && !balloon->virtio->recovery.broken) {
		balloon->counters.short_of_target++;
		log_info("%u of %u pages: the rest is needed here", balloon->actual,
			 balloon->target);
	}
	balloon->is_short = true;
	balloon->inflate_at = now + SHORT_PAUSE;
	return balloon->inflate_at;
}

void balloon_forget(struct balloon *balloon)
{
	struct pages_cursor cursor = {0};
	size_t count;

	while ((count = pages_lent_list(&cursor, balloon->frames, batch(balloon, SIZE_MAX), 0))) {
		for (size_t i = 0; i < count && balloon->poison; i++)
			balloon_poison(balloon, (uint64_t)balloon->frames[i] * PAGE_SIZE, 1);
		pages_unlend(balloon->frames, count);
	}
	balloon->actual = 0;
}

bool balloon_reclaim(size_t count, uint64_t limit)
{
	struct balloon *balloon = balloon_get();
	uint64_t before = pages_available();
	size_t pages;
	bool more;

	/* Our own work allocates nothing that it cannot do without. */
	if (!balloon || mutex_held(&balloon->lock) ||
	    count > before + pages_lent() + BALLOON_RUNS_PAGES)
		return false;
	mutex_lock(&balloon->lock);
	/* Blocks that the host looked at are back now. */
	more = pages_available() > before;
	/* 5.5.6.1 */
	if (!more && balloon->running && virtio_has(balloon->virtio, BALLOON_F_DEFLATE_ON_OOM)) {
		pages = deflate(balloon, count > OOM_PAGES ? count : OOM_PAGES, limit);
		balloon->counters.deflated_oom += pages;
		balloon->inflate_at = clock_monotonic() + OOM_PAUSE;
		more = pages > 0;
	}
	mutex_unlock(&balloon->lock);
	/* The thread has another time to wake up at. */
	balloon_event(balloon, BALLOON_EVENT_WAKE);
	return more;
}
