/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/disk_user.h"
#include "tests/device/recovery_thread.h"

#include "kernel/memory/dma.h"
#include "kernel/time/clock.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define REQUESTS 48u
#define MEMORY 16384u
#define GUARD 0xa5
#define CPUS 4u
#define PATIENCE 400 /* seconds */

static uint8_t *memory;
static bool may_change[MEMORY]; /* bytes that a device was to write since the start */

static struct mine {
	struct block_request request;
	struct block_segment segments[4];
	bool running;
} requests[REQUESTS];
static unsigned int running;

void disk_user_open(uint64_t limit)
{
	memset(requests, 0, sizeof(requests));
	memset(may_change, 0, sizeof(may_change));
	running = 0;
	memory = dma_alloc(MEMORY, &(struct dma_constraints){.limit = limit});
	memset(memory, GUARD, MEMORY);
}

static void done(struct block_request *request)
{
	struct mine *mine = request->context;

	fuzz_check(mine->running, "a request ended twice");
	fuzz_check(request->error <= 0, "a request ended with %d", request->error);
	mine->running = false;
	running--;
	wait_wake(&request->device->waiters);
}

static struct mine *spare(void)
{
	for (unsigned int i = 0; i < REQUESTS; i++)
		if (!requests[i].running)
			return &requests[i];
	return NULL;
}

static void add(struct block_device *disk, uint32_t sectors)
{
	struct mine *mine = spare();
	struct block_request *request;
	unsigned int count = 1 + fuzz_choose(4), place_of = 512 * fuzz_choose(MEMORY / 512);

	if (!mine || !disk)
		return;
	memset(mine, 0, sizeof(*mine));
	request = &mine->request;
	request->device = disk;
	request->operation = fuzz_choose(BLOCK_OPERATIONS);
	request->unmap = fuzz_choose(2);
	request->sector = fuzz_choose(8) == 7 ? fuzz_number(8) : fuzz_choose(sectors);
	for (unsigned int i = 0; i < count; i++) {
		uint32_t length = 512 * (1 + fuzz_choose(4));

		if (request->operation == BLOCK_IDENTIFY)
			length = 20;
		if (request->operation == BLOCK_LIFETIME)
			length = 6;
		if (length > MEMORY - place_of)
			break;
		mine->segments[i] = (struct block_segment){memory + place_of, length};
		if (request->operation != BLOCK_WRITE)
			memset(may_change + place_of, 1, length);
		request->segment_count = i + 1;
		place_of += length;
		if (length < 512)
			break;
	}
	if (request->operation >= BLOCK_FLUSH && request->operation <= BLOCK_SECURE_ERASE) {
		request->segment_count = 0;
		request->sectors = fuzz_choose(16);
	}
	request->segments = mine->segments;
	request->done = done;
	request->context = mine;
	mine->running = true;
	running++;
	block_add(request);
}

void disk_user_step(unsigned int step, struct block_device *disk, uint32_t sectors,
		    void (*service)(void))
{
	switch (step) {
	case 0:
	case 1:
		add(disk, sectors);
		break;
	case 2:
		if (disk)
			block_kick(disk);
		break;
	case 3:
		host_poll();
		break;
	default:
		recovery_thread_wait(NANOSECONDS_PER_SECOND >> fuzz_choose(10), service);
		break;
	}
}

void disk_user_drain(void (*service)(void))
{
	for (unsigned int i = 0; running && i < PATIENCE; i++) {
		/* A kick is for what was added on the same CPU. */
		for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
			host_cpu(cpu, CPUS);
			for (struct block_device *disk = block_first(); disk; disk = disk->next)
				block_kick(disk);
		}
		recovery_thread_wait(NANOSECONDS_PER_SECOND, service);
	}
	fuzz_check(!running, "%u requests do not end", running);
}

void disk_user_check(void)
{
	for (unsigned int i = 0; i < MEMORY; i++)
		fuzz_check(memory[i] == GUARD || may_change[i], "byte %u was changed", i);
}
