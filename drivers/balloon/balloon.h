/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-balloon (virtio 1.4, 5.5): what its files share.
 *
 *	virtio_balloon.c	finding, queues, interrupts, the thread, recovery
 *	resize.c		inflate and deflate to the host's target; out of memory
 *	idle.c			free page hinting and free page reporting
 *	statistics.c		the statistics queue
 *	show.c			facts and the command
 *
 * One thread does everything in small steps, each of which lends the device some buffers and waits
 * until it has used them all, with `lock` held. A thread that runs out of memory takes the lock too
 * and deflates. Which pages the host has is remembered by the page allocator (pages_lend()).
 *
 * Poison: our allocator never writes to free pages, so 5.5.3.1 tells us to do without PAGE_POISON.
 * With `balloon.poison=VALUE` we keep free pages that went through this driver at that value, as
 * 5.5.6.4 and 5.5.6.5 want: they are filled when they are deflated, before they are reported, and
 * after they were hinted.
 */
#ifndef DRIVERS_BALLOON_BALLOON_H
#define DRIVERS_BALLOON_BALLOON_H

#include "drivers/virtio/virtio.h"
#include "drivers/virtio/wire.h"
#include "kernel/memory/pages.h"
#include "kernel/thread/thread.h"

/* 5.5.3 */
#define BALLOON_F_MUST_TELL_HOST 0
#define BALLOON_F_STATS_VQ 1
#define BALLOON_F_DEFLATE_ON_OOM 2
#define BALLOON_F_FREE_PAGE_HINT 3
#define BALLOON_F_PAGE_POISON 4
#define BALLOON_F_PAGE_REPORTING 5

/* 5.5.4 */
#define BALLOON_CONFIG_NUM_PAGES 0
#define BALLOON_CONFIG_ACTUAL 4
#define BALLOON_CONFIG_HINT_ID 8
#define BALLOON_CONFIG_POISON 12

/* 5.5.6.3: ids below the first one are reserved */
#define BALLOON_HINT_STOP 0u
#define BALLOON_HINT_DONE 1u
#define BALLOON_HINT_FIRST 2u

/* 5.5.2 */
enum balloon_queue {
	BALLOON_INFLATE,
	BALLOON_DEFLATE,
	BALLOON_STATISTICS,
	BALLOON_HINT,
	BALLOON_REPORT,
	BALLOON_QUEUES,
};

/*
 * Frame numbers in one buffer. Some devices take no more; several buffers are lent with one kick.
 */
#define BALLOON_BUFFER_FRAMES 256u
#define BALLOON_BUFFERS_MAX 32u

/* Idle memory that the host looks at at once: runs of up to 64 MiB, 256 MiB in all. */
#define BALLOON_RUNS_MAX 16u
#define BALLOON_RUN_PAGES ((size_t)1 << 14)
#define BALLOON_RUNS_PAGES ((size_t)1 << 16)

/* One entry of the statistics (5.5.6.2). */
struct balloon_statistic {
	le16 tag;
	uint8_t value[8]; /* little-endian, not aligned */
};
_Static_assert(sizeof(struct balloon_statistic) == 10, "virtio 1.4, 5.5.6.2");

/*
 * Nine: 90 bytes are a whole number of entries, and a multiple of the six bytes that 5.5.6.2.1 asks
 * for.
 */
#define BALLOON_STATISTICS_COUNT 9u

/* DMA memory besides the frame numbers. */
struct balloon_shared {
	struct balloon_statistic statistics[BALLOON_STATISTICS_COUNT];
	uint8_t padding[2];
	le32 hint_id;
};

struct balloon_run {
	uint64_t address;
	size_t pages;
};

struct balloon_counters {
	uint64_t inflated, deflated;		    /* pages */
	uint64_t deflated_oom;			    /* of these, for want of memory */
	uint64_t short_of_target;		    /* inflation stopped at the reserve */
	uint64_t statistics;			    /* answers */
	uint64_t hint_rounds, hint_stopped, hinted; /* pages */
	uint64_t reports, reported;		    /* pages */
	uint64_t nudges; /* notifications because the device did not answer */
};

struct balloon {
	struct virtio_device *virtio;
	struct mutex lock;			  /* the queues and all below */
	struct wait_queue wait;			  /* for events, and for used buffers */
	uint32_t events;			  /* BALLOON_EVENT_*: set in any context */
	bool running;				  /* start() was called, stop() was not */
	struct virtqueue *queues[BALLOON_QUEUES]; /* NULL: not negotiated */

	/* resize.c */
	unsigned int buffers; /* that `frames` consists of */
	uint32_t *frames;     /* what is under way; private */
	le32 *told;	      /* the same as the device sees it */
	struct balloon_shared *shared;
	uint64_t reserve; /* pages that inflation leaves to the guest */
	uint32_t target, actual;
	bool is_short;	     /* the reserve is reached before the target */
	uint64_t inflate_at; /* not before; after running out of memory, or into the reserve */

	/* idle.c */
	struct balloon_run runs[BALLOON_RUNS_MAX]; /* out of the allocator, in the device's hands */
	unsigned int run_count;
	uint32_t hint_wanted; /* the host's id when it last said that it changed */
	uint32_t hint_active; /* the id of the round that goes on; 0: none */
	uint32_t hint_last;   /* the id of the round before: not given twice */
	uint64_t report_at;   /* clock_monotonic(); 0: nothing is to be reported */

	bool poison;
	uint32_t poison_value;
	struct balloon_counters counters;
};

#define BALLOON_EVENT_CONFIG 1u
#define BALLOON_EVENT_STATISTICS 2u
#define BALLOON_EVENT_IDLE 4u
#define BALLOON_EVENT_WAKE 8u

/* The balloon, or NULL. There is one in a machine. */
struct balloon *balloon_get(void);

/* Something happened. Any context. */
void balloon_event(struct balloon *balloon, uint32_t events);

/*
 * One round of everything that is due. When to call again: clock_monotonic(), or 0: at once, after
 * others had their turn. For the thread, and for tests.
 */
uint64_t balloon_work(struct balloon *balloon);

/*
 * Shows the device what was added to the queue and sleeps until it has used `count` buffers. 0; -EIO:
 * the device is broken, or it is now, because it did not answer. With the lock.
 */
int balloon_exchange(struct balloon *balloon, struct virtqueue *vq, unsigned int count);

static inline bool balloon_has(const struct balloon *balloon, enum balloon_queue queue)
{
	return balloon->queues[queue] != NULL;
}

/* -- resize.c */
/* One batch towards the target. When to go on: 0 at once, else clock_monotonic(). With the lock. */
uint64_t balloon_resize(struct balloon *balloon);
/*
 * Pages beside what the host asked for, and as many back: for measurements, which leave `actual` as it
 * was. How many they were: fewer when the reserve is reached, or the device is broken. With the lock.
 */
size_t balloon_lend(struct balloon *balloon, size_t pages);
size_t balloon_take_back(struct balloon *balloon, size_t pages);
/* All pages come back without a word to the device, which was reset. With the lock. */
void balloon_forget(struct balloon *balloon);
/* Fills pages with the poison, if there is one. */
void balloon_poison(const struct balloon *balloon, uint64_t address, size_t pages);
/* For pages_set_reclaim(). */
bool balloon_reclaim(size_t count, uint64_t limit);

/* -- idle.c. With the lock; when to go on, as above. */
void balloon_idle_start(struct balloon *balloon);
void balloon_hint_id(struct balloon *balloon, uint32_t id); /* what configuration says now */
uint64_t balloon_hint(struct balloon *balloon);
uint64_t balloon_report(struct balloon *balloon);
/* The blocks that the device had go back to the allocator. */
void balloon_runs_put(struct balloon *balloon);

/* -- statistics.c. With the lock. */
/* Lends the buffer with figures of now, without a kick. */
int balloon_statistics_lend(struct balloon *balloon);
/* Answers what the host asked. True: it asked so often that there may be more. */
bool balloon_statistics(struct balloon *balloon);

#endif
