/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The statistics queue (virtio 1.4, 5.5.6.2): the device keeps our one buffer and uses it when it
 * wants new figures; we write them and lend it again.
 */
#include "drivers/balloon/balloon.h"

#include "kernel/memory/dma.h"

#include <string.h>

/* Answers in one go: a device that asks without pause must not keep the thread from the rest. */
#define ANSWERS_MAX 16u

enum tag {
	TAG_SWAP_IN,
	TAG_SWAP_OUT,
	TAG_MAJFLT,
	TAG_MINFLT,
	TAG_MEMFREE,
	TAG_MEMTOT,
	TAG_AVAIL,
	TAG_CACHES,
	TAG_HTLB_PGALLOC,
};
_Static_assert(TAG_HTLB_PGALLOC + 1 == BALLOON_STATISTICS_COUNT, "each of them once");

/* There is no swap, no page cache, no page is brought in by a fault, and huge pages have no pool. */
static uint64_t value_of(enum tag tag)
{
	switch (tag) {
	case TAG_MEMFREE:
	case TAG_AVAIL:
		return pages_available() * PAGE_SIZE;
	case TAG_MEMTOT:
		return (pages_total() - pages_lent()) * PAGE_SIZE;
	default:
		return 0;
	}
}

int balloon_statistics_lend(struct balloon *balloon)
{
	struct balloon_statistic *statistics = balloon->shared->statistics;
	struct virtqueue_segment segment = {dma_address(statistics),
					    sizeof(balloon->shared->statistics)};

	for (unsigned int tag = 0; tag < BALLOON_STATISTICS_COUNT; tag++) {
		uint64_t value = value_of(tag);

		wire_write16(&statistics[tag].tag, (uint16_t)tag);
		memcpy(statistics[tag].value, &value, sizeof(value));
	}
	return virtqueue_add(balloon->queues[BALLOON_STATISTICS], &segment, 1, 0, balloon);
}

bool balloon_statistics(struct balloon *balloon)
{
	struct virtqueue *vq = balloon->queues[BALLOON_STATISTICS];
	uint32_t length;

	if (!vq)
		return false;
	for (unsigned int i = 0; i < ANSWERS_MAX; i++) {
		if (!virtqueue_take(vq, &length)) {
			if (balloon->virtio->recovery.broken || !virtqueue_interrupts_on(vq, 1))
				return false;
			continue;
		}
		if (balloon_statistics_lend(balloon))
			return false;
		balloon->counters.statistics++;
		virtqueue_kick(vq);
	}
	return true;
}
