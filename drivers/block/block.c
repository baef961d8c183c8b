/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of disks, their names, and the thread that looks at them: new ones, and changed ones. */
#include "drivers/block/block.h"

#include "kernel/console/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "block"

#define EVENT_SCAN 1u
#define EVENT_CHANGED 2u

#define SERVICE_STACK (32u << 10)
#define SETTLE_TIME (5 * NANOSECONDS_PER_SECOND)

static struct block_device *disks;
static struct wait_queue service_wait = WAIT_QUEUE_INIT, settle_wait = WAIT_QUEUE_INIT;
static bool work;

struct block_device *block_first(void)
{
	return __atomic_load_n(&disks, __ATOMIC_ACQUIRE);
}

struct block_device *block_find(const char *name)
{
	for (struct block_device *disk = block_first(); disk; disk = disk->next) {
		if (!strcmp(disk->name, name))
			return disk;
		for (struct block_device *part =
			     __atomic_load_n(&disk->partitions, __ATOMIC_ACQUIRE);
		     part; part = part->next)
			if (!strcmp(part->name, name))
				return part;
	}
	return NULL;
}

static bool all_scanned(void)
{
	for (struct block_device *disk = block_first(); disk; disk = disk->next)
		if (!__atomic_load_n(&disk->scanned, __ATOMIC_ACQUIRE) && !disk->dead)
			return false;
	return true;
}

void block_settle(void)
{
	(void)wait_event_timeout(&settle_wait, all_scanned(), SETTLE_TIME);
}

/* -- The thread */

static void event(struct block_device *disk, uint32_t what)
{
	__atomic_fetch_or(&disk->events, what, __ATOMIC_SEQ_CST);
	__atomic_store_n(&work, true, __ATOMIC_SEQ_CST);
	wait_wake(&service_wait);
}

void block_changed(struct block_device *disk)
{
	event(disk, EVENT_CHANGED);
}

void block_service(void)
{
	__atomic_store_n(&work, false, __ATOMIC_SEQ_CST);
	for (struct block_device *disk = block_first(); disk; disk = disk->next) {
		uint32_t events = __atomic_exchange_n(&disk->events, 0, __ATOMIC_SEQ_CST);

		if (events & EVENT_CHANGED && disk->operations->changed)
			disk->operations->changed(disk);
		if (events & EVENT_SCAN) {
			block_scan(disk);
			__atomic_store_n(&disk->scanned, true, __ATOMIC_RELEASE);
			wait_wake(&settle_wait);
		}
	}
}

static void service_thread(void *unused)
{
	(void)unused;
	for (;;) {
		wait_event(&service_wait, __atomic_load_n(&work, __ATOMIC_SEQ_CST));
		block_service();
	}
}

static void start_service(void)
{
	static const struct thread_options options = {.stack_size = SERVICE_STACK};
	static bool started;
	struct thread *thread;

	if (started)
		return;
	started = true;
	thread = thread_create("block", service_thread, NULL, &options);
	if (thread)
		thread_detach(thread);
	else
		log_notice("no thread to look for partitions");
}

/* -- Registration */

/* a ... z, aa ... zz, aaa ...: as Linux counts them. */
static void name_of(char *text, size_t size, const char *prefix, unsigned int index)
{
	char letters[8];
	unsigned int length = sizeof(letters);

	letters[--length] = '\0';
	do {
		letters[--length] = (char)('a' + index % 26);
		index /= 26;
	} while (index-- && length);
	sniprintf(text, size, "%s%s", prefix, letters + length);
}

int block_queues_create(struct block_device *disk, unsigned int count)
{
	disk->queues = calloc(count, sizeof(*disk->queues));
	if (!disk->queues)
		return -ENOMEM;
	disk->queue_count = count;
	for (unsigned int i = 0; i < count; i++) {
		disk->queues[i].disk = disk;
		disk->queues[i].index = i;
		disk->queues[i].stopped = true;
	}
	return 0;
}

void block_queues_destroy(struct block_device *disk)
{
	free(disk->queues);
	disk->queues = NULL;
	disk->queue_count = 0;
}

void block_register(struct block_device *disk)
{
	struct block_device **link = &disks;
	char size[16];
	unsigned int index = 0;

	for (; *link; link = &(*link)->next)
		index += !strcmp((*link)->prefix, disk->prefix);
	name_of(disk->name, sizeof(disk->name), disk->prefix, index);
	disk->disk = disk;
	wait_queue_init(&disk->waiters);
	mutex_init(&disk->bounce_lock);
	block_watch_init(disk);
	log_info("%s: %s at %s, %s, blocks of %u bytes, queues: %u%s", disk->name,
		 disk->driver_name, disk->bus_name,
		 block_size_text(disk->sectors * BLOCK_SECTOR, size, sizeof(size)),
		 (unsigned int)disk->limits.block_size, disk->queue_count,
		 disk->read_only ? ", read-only" : "");
	__atomic_store_n(link, disk, __ATOMIC_RELEASE);
	start_service();
	event(disk, EVENT_SCAN);
}

void block_set_capacity(struct block_device *disk, uint64_t sectors)
{
	char before[16], after[16];

	if (sectors == disk->sectors)
		return;
	if (log_limit_allows(&disk->resizes_said, LOG_AREA, disk->name))
		log_notice("%s: resized from %s to %s (%llu to %llu sectors)", disk->name,
			   block_size_text(disk->sectors * BLOCK_SECTOR, before, sizeof(before)),
			   block_size_text(sectors * BLOCK_SECTOR, after, sizeof(after)),
			   (unsigned long long)disk->sectors, (unsigned long long)sectors);
	__atomic_store_n(&disk->sectors, sectors, __ATOMIC_RELAXED);
	disk->resizes++;
}

/* Rounded to one decimal, which is left away when it is 0. */
const char *block_size_text(uint64_t bytes, char *text, size_t size)
{
	static const char units[] = "BKMGTPE";
	unsigned int unit = 0, tenths;
	uint64_t whole;

	while (unit + 2 < sizeof(units) && bytes >> (10 * (unit + 1)))
		unit++;
	whole = bytes >> (10 * unit);
	tenths = 0;
	if (unit) {
		uint64_t rest = (bytes >> (10 * (unit - 1))) & 1023;

		tenths = (unsigned int)((rest * 10 + 512) / 1024);
		whole += tenths / 10;
		tenths %= 10;
	}
	if (tenths)
		sniprintf(text, size, "%llu.%u%c", (unsigned long long)whole, tenths, units[unit]);
	else
		sniprintf(text, size, "%llu%c", (unsigned long long)whole, units[unit]);
	return text;
}
