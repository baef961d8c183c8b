/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The balloon: targets beyond memory and back, storms of statistics requests, hints and reports that are never
 * answered. No page is lost, and what is allocated is nobody else's.
 */
#include "drivers/balloon/balloon.h"
#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "tests/device/recovery_thread.h"
#include "tests/device/virtio_model_balloon.h"
#include "tests/fuzz/bus.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MEMORY_START 0x40003000ull
#define MEMORY_SIZE ((6ull << 20) + 0x5000) /* two whole blocks of 2 MiB, and pieces */
#define ALL (MEMORY_SIZE / PAGE_SIZE)
#define STEPS 60
#define ROUNDS 64
#define MINE 8
#define PATTERN 0x6b

static struct virtio_model_balloon device;
static struct hostile hostile;
static uint8_t *memory;
static uint64_t mine[MINE]; /* pages that somebody has allocated */

void fuzz_prepare(void)
{
	size_t size = pages_metadata_size(MEMORY_SIZE);
	void *metadata = calloc(1, size);

	memory = mmap(NULL, MEMORY_SIZE + PAGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	fuzz_check(memory != MAP_FAILED && metadata, "no memory");
	host_memory(memory, MEMORY_START, MEMORY_SIZE);
	fuzz_check(!pages_add_region(MEMORY_START, MEMORY_START + MEMORY_SIZE, metadata),
		   "no region");
	fuzz_restore(metadata, size);
}

static void service(void)
{
	for (unsigned int i = 0; i < ROUNDS && balloon_get(); i++) {
		(void)balloon_work(balloon_get());
		host_poll();
		if (!balloon_get() || !balloon_get()->events)
			break;
	}
}

static void check_mine(unsigned int which)
{
	const uint8_t *page = memory + (mine[which] - MEMORY_START);

	for (unsigned int i = 0; i < PAGE_SIZE; i += 64)
		fuzz_check(page[i] == PATTERN, "an allocated page was changed");
}

static void allocate(void)
{
	unsigned int which = fuzz_choose(MINE);

	if (mine[which]) {
		check_mine(which);
		pages_free(mine[which], 1);
		mine[which] = 0;
		return;
	}
	mine[which] = pages_alloc(1, 0);
	if (mine[which])
		memset(memory + (mine[which] - MEMORY_START), PATTERN, PAGE_SIZE);
}

static void step(void)
{
	switch (fuzz_choose(8)) {
	case 0:
		virtio_model_balloon_target(&device, fuzz_choose(ALL + ALL / 4));
		break;
	case 1:
		virtio_model_balloon_target(&device, (uint32_t)fuzz_number(4));
		break;
	case 2:
		service();
		break;
	case 3:
		(void)virtio_model_balloon_ask(&device);
		device.statistics_storm = fuzz_choose(4) == 3;
		break;
	case 4:
		virtio_model_balloon_hint_id(&device, fuzz_choose(6));
		break;
	case 5:
		allocate();
		break;
	case 6:
		device.lie_id = fuzz_choose(8) == 7;
		device.lie_length = fuzz_choose(8) == 7;
		device.hold[fuzz_choose(MODEL_BALLOON_QUEUES)] = fuzz_choose(2);
		break;
	default:
		recovery_thread_wait(NANOSECONDS_PER_SECOND >> fuzz_choose(10), service);
		break;
	}
}

/* The device goes away for good: all of its pages are ours again. */
static void leave(void)
{
	uint64_t allocated = 0;

	for (unsigned int i = 0; i < MODEL_QUEUES; i++)
		device.model.queues[i].size_max = 0;
	/* By hand: its wish for a reset may have been told before, by an interrupt that a lie took away. */
	if (bus_device())
		virtio_device_break(bus_device(), "is taken away by the fuzzer");
	for (unsigned int i = 0; i < 200 && balloon_get(); i++)
		recovery_thread_wait(NANOSECONDS_PER_SECOND, service);
	fuzz_check(!balloon_get(), "the balloon is not given up");
	for (unsigned int i = 0; i < MINE; i++)
		if (mine[i]) {
			check_mine(i);
			allocated++;
		}
	fuzz_check(pages_lent() == 0, "%llu pages are lent to nobody",
		   (unsigned long long)pages_lent());
	fuzz_check(pages_available() + allocated == ALL, "%llu pages of %llu are left",
		   (unsigned long long)(pages_available() + allocated), (unsigned long long)ALL);
}

void fuzz_target(void)
{
	static const char *const options[] = {"", "balloon.poison=0xaa", "virtio.queue_size=4"};

	memset(mine, 0, sizeof(mine));
	host_threads();
	virtio_model_balloon_init(&device, MEMORY_START, MEMORY_SIZE, fuzz_choose(64) ^ 63,
				  fuzz_choose(2));
	/* Its account of pages is of no use when buffers are used by the hostile one instead. */
	device.forgives = true;
	bus_plug(&device.model, fuzz_choose(2) ? BUS_MMIO : BUS_PCI, fuzz_choose(2));
	options_parse(options[fuzz_choose(3)]);
	hostile_open(&hostile, &device.model);
	bus_boot();
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		step();
	hostile_calm(&hostile);
	memset(device.hold, 0, sizeof(device.hold));
	device.statistics_storm = device.lie_id = device.lie_length = false;
	bus_settle(service);
	if (bus_device() && !bus_device()->reset_failed)
		leave();
	virtio_model_balloon_free(&device);
}
