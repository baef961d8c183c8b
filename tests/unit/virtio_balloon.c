/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The balloon against the model, which has an account of each page: targets, memory that is in use,
 * statistics, hints, reports, poison, out of memory, and a device that lies or stops answering.
 */
#include "drivers/balloon/balloon.h"
#include "drivers/virtio/transports/mmio.h"
#include "kernel/memory/dma.h"
#include "kernel/options/options.h"
#include "tests/device/host.h"
#include "tests/device/virtio_model_balloon.h"
#include "tests/device/virtio_model_mmio.h"
#include "tests/device/virtio_model_pci.h"
#include "tests/device/virtio_model_ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* 64 MiB and a bit at 1 GiB, less than a block of 2 MiB above its start. */
#define MEMORY_START 0x40003000ULL
#define MEMORY_SIZE ((64ULL << 20) + 0x5000)
#define ALL (MEMORY_SIZE / PAGE_SIZE)
#define RESERVE (ALL / 8)
#define IDLE_BLOCKS 31u /* of 2 MiB, whole ones */

static struct virtio_model_balloon device;
static struct virtio_model_pci pci;
static struct balloon *balloon;

static int set_up(void **state)
{
	uint8_t *memory = mmap(NULL, MEMORY_SIZE + PAGE_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)state;
	assert_true(memory != MAP_FAILED);
	host_memory(memory, MEMORY_START, MEMORY_SIZE);
	return pages_add_region(MEMORY_START, MEMORY_START + MEMORY_SIZE,
				malloc(pages_metadata_size(MEMORY_SIZE)));
}

static void start_with(const char *options, uint32_t features, bool gaps)
{
	host_reset();
	host_threads();
	pci_model_reset();
	virtio_model_balloon_init(&device, MEMORY_START, MEMORY_SIZE, features, gaps);
	options_parse(options);
	host_log_clear();
}

static void boot(void)
{
	virtio_model_pci_init(&pci, &device.model, 3, 0);
	pci_model_boot();
	balloon = balloon_get();
	assert_non_null(balloon);
	assert_true(balloon->running);
}

static void start(uint32_t features)
{
	start_with("", features, false);
	boot();
}

/* Until nothing is to be done at once. When something is. */
static uint64_t work(void)
{
	for (unsigned int i = 0; i < 10000; i++) {
		uint64_t next = balloon_work(balloon);

		host_poll();
		if (next && !balloon->events)
			return next;
	}
	fail_msg("the balloon does not come to rest");
	return 0;
}

static void work_after(uint64_t nanoseconds)
{
	host_clock_advance(nanoseconds);
	work();
}

/* The device is given up, so that the next test has a balloon of its own. */
static void finish(void)
{
	for (unsigned int i = 0; i < MODEL_QUEUES; i++)
		device.model.queues[i].size_max = 0;
	virtio_model_needs_reset(&device.model);
	for (unsigned int i = 0; i < 100 && balloon_get(); i++) {
		recovery_run();
		host_clock_advance(NANOSECONDS_PER_SECOND);
	}
	assert_null(balloon_get());
	assert_int_equal(pages_lent(), 0);
	assert_int_equal(pages_available(), ALL);
	if (device.model.violations)
		fail_msg("the driver broke a rule: %s", device.model.violation);
	virtio_model_balloon_free(&device);
}

#define FEATURE(name) (1u << MODEL_BALLOON_##name)
#define USUAL FEATURE(STATS)
#define EVERYTHING                                                                                 \
	(FEATURE(STATS) | FEATURE(MUST_TELL_HOST) | FEATURE(DEFLATE_ON_OOM) | FEATURE(HINT) |      \
	 FEATURE(POISON) | FEATURE(REPORTING))

/* -- Start */

static void starts_empty(void **state)
{
	(void)state;
	start(USUAL);
	host_poll();
	assert_int_equal(balloon->reserve, RESERVE);
	assert_int_equal(virtio_model_balloon_actual(&device), 0);
	/* The one statistics buffer is lent, and filled already. */
	assert_true(device.statistics_there);
	assert_int_equal(device.statistics[4], ALL * PAGE_SIZE);
	assert_int_equal(work(), WAIT_FOREVER);
	assert_int_equal(host_log_count(), 0);
	finish();
}

/* QEMU leaves no gaps in the queues' numbers, the specification does. */
static void finds_its_queues(void **state)
{
	static const uint32_t combinations[] = {
		0,
		FEATURE(STATS),
		FEATURE(HINT),
		FEATURE(REPORTING),
		FEATURE(STATS) | FEATURE(HINT),
		FEATURE(STATS) | FEATURE(REPORTING),
		FEATURE(HINT) | FEATURE(REPORTING),
		FEATURE(STATS) | FEATURE(HINT) | FEATURE(REPORTING),
	};

	(void)state;
	for (unsigned int i = 0; i < 16; i++) {
		start_with("", combinations[i / 2], i % 2);
		boot();
		for (unsigned int queue = 0; queue < MODEL_BALLOON_QUEUES; queue++) {
			assert_int_equal(balloon->queues[queue] != NULL, device.place[queue] >= 0);
			if (balloon->queues[queue])
				assert_int_equal(balloon->queues[queue]->index,
						 device.place[queue]);
		}
		finish();
	}
	/* What is offered counts, not what is taken. */
	start_with("virtio.features=-stats_vq", EVERYTHING, false);
	boot();
	assert_null(balloon->queues[BALLOON_STATISTICS]);
	assert_int_equal(balloon->queues[BALLOON_HINT]->index, 3);
	finish();
}

static void short_configuration_has_no_hints(void **state)
{
	(void)state;
	start_with("balloon.poison=1", EVERYTHING, false);
	device.model.config_length = 8;
	boot();
	assert_false(virtio_model_accepted(&device.model, MODEL_BALLOON_HINT));
	assert_false(virtio_model_accepted(&device.model, MODEL_BALLOON_POISON));
	assert_true(virtio_model_accepted(&device.model, MODEL_BALLOON_REPORTING));
	finish();
}

static void there_is_one(void **state)
{
	static struct virtio_model_balloon second;
	static struct virtio_model_pci second_pci;

	(void)state;
	start_with("", USUAL, false);
	virtio_model_balloon_init(&second, MEMORY_START, MEMORY_SIZE, USUAL, false);
	virtio_model_pci_init(&second_pci, &second.model, 4, 0);
	boot();
	assert_int_equal(host_log_count(), 1);
	assert_true(host_log_has("a machine has one balloon"));
	assert_true(second.model.status & VIRTIO_STATUS_FAILED);
	virtio_model_balloon_free(&second);
	finish();
}

/* -- Inflate and deflate */

static void follows_the_target(void **state)
{
	static const uint32_t targets[] = {1,	  256, 257, 0,	   5000, 4999, 12000,
					   11000, 3,   2,   14000, 0,	 14336};

	(void)state;
	start(USUAL);
	for (unsigned int i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		virtio_model_balloon_target(&device, targets[i]);
		work();
		assert_int_equal(device.in_balloon, targets[i]);
		assert_int_equal(virtio_model_balloon_actual(&device), targets[i]);
		assert_int_equal(pages_lent(), targets[i]);
		assert_int_equal(pages_available(), ALL - targets[i]);
		assert_false(balloon->is_short);
	}
	assert_int_equal(device.inflated_largest, BALLOON_BUFFER_FRAMES);
	finish();
}

static void stops_at_the_reserve(void **state)
{
	uint64_t held;

	(void)state;
	start(USUAL);
	held = pages_alloc(1024, 0);
	assert_int_not_equal(held, 0);
	virtio_model_balloon_target(&device, UINT32_MAX);
	work();
	assert_int_equal(device.in_balloon, ALL - 1024 - RESERVE);
	assert_int_equal(pages_available(), RESERVE);
	assert_true(balloon->is_short);
	/* Once a second it looks whether there is more. */
	work_after(NANOSECONDS_PER_SECOND);
	work_after(NANOSECONDS_PER_SECOND);
	assert_int_equal(balloon->counters.short_of_target, 1);
	pages_free(held, 1024);
	work();
	assert_int_equal(device.in_balloon, ALL - 1024 - RESERVE);
	work_after(NANOSECONDS_PER_SECOND);
	assert_int_equal(device.in_balloon, ALL - RESERVE);
	virtio_model_balloon_target(&device, 0);
	work();
	assert_int_equal(device.in_balloon, 0);
	finish();
}

#define HELD 300

static void leaves_what_is_in_use(void **state)
{
	static struct {
		uint64_t address;
		size_t pages;
	} held[HELD];

	(void)state;
	start(USUAL);
	srand(11);
	for (unsigned int i = 0; i < HELD; i++) {
		held[i].pages = (size_t)rand() % (i % 10 ? 4 : 200) + 1;
		held[i].address = pages_alloc(held[i].pages, 0);
		assert_int_not_equal(held[i].address, 0);
		memset(dma_pointer(held[i].address), (int)i, held[i].pages * PAGE_SIZE);
	}
	/* Holes everywhere. */
	for (unsigned int i = 0; i < HELD; i += 3)
		pages_free(held[i].address, held[i].pages);
	for (unsigned int round = 0; round < 3; round++) {
		virtio_model_balloon_target(&device, ALL);
		work();
		assert_int_equal(pages_available(), RESERVE);
		virtio_model_balloon_target(&device, ALL / 2);
		work();
		assert_int_equal(device.in_balloon, ALL / 2);
	}
	for (unsigned int i = 0; i < HELD; i++) {
		const uint8_t *bytes = dma_pointer(held[i].address);

		if (i % 3 == 0)
			continue;
		for (size_t place = 0; place < held[i].pages * PAGE_SIZE; place += 64)
			assert_int_equal(bytes[place], (uint8_t)i);
		pages_free(held[i].address, held[i].pages);
	}
	finish();
}

static void move_target(struct virtio_model_balloon *moving)
{
	virtio_model_balloon_target(moving, (uint32_t)rand() % 14000);
}

static void target_moves_meanwhile(void **state)
{
	(void)state;
	start(USUAL);
	srand(5);
	device.after_buffer = move_target;
	virtio_model_balloon_target(&device, 5000);
	for (unsigned int i = 0; i < 2000; i++)
		balloon_work(balloon);
	device.after_buffer = NULL;
	assert_int_equal(device.in_balloon, virtio_model_balloon_actual(&device));
	assert_true(device.inflate_buffers > 1000);
	virtio_model_balloon_target(&device, 777);
	work();
	assert_int_equal(device.in_balloon, 777);
	finish();
}

/* -- Out of memory */

static void pages_come_back_when_needed(void **state)
{
	uint64_t held[40];
	unsigned int count = 0;

	(void)state;
	start(USUAL | FEATURE(DEFLATE_ON_OOM));
	virtio_model_balloon_target(&device, ALL);
	work();
	assert_int_equal(pages_available(), RESERVE);
	/* Far more than the reserve. */
	while (count < 24 && (held[count] = pages_alloc(512, 0)))
		memset(dma_pointer(held[count++]), 0x11, 512 * PAGE_SIZE);
	assert_int_equal(count, 24);
	assert_true(balloon->counters.deflated_oom >= 24 * 512 - RESERVE);
	assert_int_equal(device.in_balloon, virtio_model_balloon_actual(&device));
	/* Not taken away again at once, and then only what is free. The thread is told when. */
	assert_true(balloon->events & BALLOON_EVENT_WAKE);
	assert_in_range(work(), clock_monotonic(), clock_monotonic() + 6 * NANOSECONDS_PER_SECOND);
	assert_true(pages_available() > 0);
	work_after(6 * NANOSECONDS_PER_SECOND);
	assert_true(pages_available() <= RESERVE);
	/* Where nobody may sleep it fails. */
	{
		uint64_t flags = interrupts_save();

		assert_int_equal(pages_alloc(RESERVE * 2, 0), 0);
		interrupts_restore(flags);
	}
	/* More than there is at all: the balloon does not burst for it. */
	{
		uint64_t before = device.in_balloon;

		assert_int_equal(pages_alloc(1 << 18, 0), 0);
		assert_int_equal(pages_alloc(1, 0x1000), 0);
		assert_int_equal(device.in_balloon, before);
	}
	while (count)
		pages_free(held[--count], 512);
	finish();
}

static void without_the_feature_it_fails(void **state)
{
	uint64_t held[40];
	unsigned int count = 0;

	(void)state;
	start(USUAL);
	virtio_model_balloon_target(&device, ALL);
	work();
	while (count < 24 && (held[count] = pages_alloc(512, 0)))
		count++;
	assert_in_range(count, 1, RESERVE / 512);
	assert_int_equal(device.in_balloon, ALL - RESERVE);
	while (count)
		pages_free(held[--count], 512);
	finish();
}

/* -- Statistics */

static void statistics_are_true(void **state)
{
	uint64_t held;

	(void)state;
	start(USUAL);
	work();
	held = pages_alloc(100, 0);
	virtio_model_balloon_target(&device, 1000);
	work();
	assert_int_equal(device.statistics_answers, 1);
	assert_true(virtio_model_balloon_ask(&device));
	work();
	assert_int_equal(device.statistics_answers, 2);
	assert_int_equal(device.statistics[4], (ALL - 1100) * PAGE_SIZE);
	assert_int_equal(device.statistics[5], (ALL - 1000) * PAGE_SIZE);
	assert_int_equal(device.statistics[6], (ALL - 1100) * PAGE_SIZE);
	for (unsigned int tag = 0; tag < 9; tag++)
		if (tag < 4 || tag > 6)
			assert_int_equal(device.statistics[tag], 0);
	pages_free(held, 100);
	finish();
}

static void statistics_storm_leaves_time_for_the_rest(void **state)
{
	(void)state;
	start(USUAL);
	work();
	device.statistics_storm = true;
	assert_true(virtio_model_balloon_ask(&device));
	virtio_model_balloon_target(&device, 9000);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(balloon_work(balloon), 0);
	assert_int_equal(device.in_balloon, 9000);
	assert_true(device.statistics_answers > 500);
	device.statistics_storm = false;
	work();
	finish();
}

/* -- Hints */

static unsigned int hinted_blocks(void)
{
	unsigned int count = 0;

	for (uint64_t i = 0; i < device.frames; i++) {
		assert_in_range(device.hinted[i], 0, 1);
		count += device.hinted[i];
	}
	assert_int_equal(count % 512, 0);
	return count / 512;
}

static void assert_ids(const uint32_t *ids, unsigned int count)
{
	assert_int_equal(device.id_count, count);
	assert_memory_equal(device.ids, ids, count * sizeof(*ids));
}

#define ASSERT_IDS(...)                                                                            \
	assert_ids((const uint32_t[]){__VA_ARGS__},                                                \
		   sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void hints_are_complete(void **state)
{
	uint64_t held;

	(void)state;
	start(USUAL | FEATURE(HINT));
	work();
	held = pages_alloc(600, 0); /* in two blocks */
	memset(dma_pointer(held), 0x22, 600 * PAGE_SIZE);
	virtio_model_balloon_hint_id(&device, 7);
	work();
	ASSERT_IDS(7, 0);
	/* All but the reserve at a time, so all. */
	assert_int_equal(hinted_blocks(), IDLE_BLOCKS - 2);
	for (uint64_t i = 0; i < 600; i++)
		assert_int_equal(device.hinted[held / PAGE_SIZE - device.first_frame + i], 0);
	/* The id is still there: it is not given twice. */
	virtio_model_balloon_target(&device, 0);
	work();
	ASSERT_IDS(7, 0);
	virtio_model_balloon_hint_id(&device, BALLOON_HINT_DONE);
	work();
	ASSERT_IDS(7, 0);
	pages_free(held, 600);
	/* The next one begins from the start. */
	virtio_model_balloon_forget(&device);
	virtio_model_balloon_hint_id(&device, 7);
	work();
	ASSERT_IDS(7, 0);
	assert_int_equal(hinted_blocks(), IDLE_BLOCKS);
	assert_int_equal(balloon->counters.hint_rounds, 2);
	assert_int_equal(pages_available(), ALL);
	finish();
}

static void next_id(struct virtio_model_balloon *hinting)
{
	static uint32_t id;

	if (hinting->hinted_pages && id < 3) {
		hinting->hinted_pages = 0;
		memset(hinting->hinted, 0, hinting->frames);
		virtio_model_balloon_hint_id(hinting, 100 + ++id);
	}
}

static void hints_follow_a_new_id(void **state)
{
	(void)state;
	start(USUAL | FEATURE(HINT));
	work();
	device.after_hint = next_id;
	virtio_model_balloon_hint_id(&device, 100);
	work();
	/* Each round ends with STOP; what came under an old id did not count. */
	ASSERT_IDS(100, 0, 101, 0, 102, 0, 103, 0);
	assert_int_equal(hinted_blocks(), IDLE_BLOCKS);
	assert_int_equal(balloon->counters.hint_stopped, 3);
	finish();
}

static void stop_it(struct virtio_model_balloon *hinting)
{
	if (hinting->id_count == 1)
		virtio_model_balloon_hint_id(hinting, BALLOON_HINT_STOP);
}

static void hints_end_with_stop(void **state)
{
	(void)state;
	start(USUAL | FEATURE(HINT));
	work();
	device.after_hint = stop_it;
	virtio_model_balloon_hint_id(&device, 0x80000000);
	work();
	ASSERT_IDS(0x80000000, 0);
	assert_int_equal(balloon->counters.hint_stopped, 1);
	assert_int_equal(pages_available(), ALL);
	device.after_hint = NULL;
	virtio_model_balloon_hint_id(&device, 0x80000001);
	work();
	ASSERT_IDS(0x80000000, 0, 0x80000001, 0);
	finish();
}

/* Nobody else has the pages while the device looks at them; the reserve stays. */
static uint64_t lowest_available;

static void watch(struct virtio_model_balloon *hinting)
{
	(void)hinting;
	if (pages_available() < lowest_available)
		lowest_available = pages_available();
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t frame = device.first_frame + (uint64_t)rand() % device.frames;

		/* The hint before this one is acknowledged with this one at the earliest. */
		if (device.hinted[frame - device.first_frame])
			assert_true(pages_take(frame * PAGE_SIZE, 1) < 0);
	}
}

static void hinted_pages_are_out_of_reach(void **state)
{
	(void)state;
	start(USUAL | FEATURE(HINT));
	work();
	lowest_available = ALL;
	device.after_hint = watch;
	virtio_model_balloon_hint_id(&device, 9);
	/* The first part only: the id, then one set of runs. */
	balloon_work(balloon);
	balloon_work(balloon);
	device.after_hint = NULL;
	assert_int_equal(lowest_available, ALL - device.hinted_pages);
	assert_true(lowest_available >= RESERVE);
	work();
	finish();
}

static void overheard_kicks_are_repeated(void **state)
{
	(void)state;
	start(USUAL | FEATURE(HINT));
	work();
	device.deaf[MODEL_BALLOON_HINTQ] = 2;
	virtio_model_balloon_hint_id(&device, 9);
	work();
	ASSERT_IDS(9, 0);
	assert_int_equal(hinted_blocks(), IDLE_BLOCKS);
	assert_int_equal(balloon->counters.nudges, 2);
	finish();
}

/* -- Reports */

static void reports_come_by_themselves(void **state)
{
	uint64_t held, pages;

	(void)state;
	start(USUAL | FEATURE(REPORTING));
	work();
	assert_int_equal(device.reports, 0);
	device.report_discards = true;
	work_after(3 * NANOSECONDS_PER_SECOND);
	assert_int_equal(device.reported_pages, IDLE_BLOCKS * 512);
	for (uint64_t i = 0; i < device.frames; i++)
		assert_in_range(device.reported[i], 0, 1);
	/* Not again. */
	assert_int_equal(work(), WAIT_FOREVER);
	work_after(100 * NANOSECONDS_PER_SECOND);
	assert_int_equal(device.reported_pages, IDLE_BLOCKS * 512);
	/* Only what was in use meanwhile. */
	held = pages_alloc(1, 0);
	pages = device.reported_pages;
	work_after(100 * NANOSECONDS_PER_SECOND);
	assert_int_equal(device.reported_pages, pages);
	pages_free(held, 1);
	held = pages_alloc(512, 0);
	memset(dma_pointer(held), 0x33, 512 * PAGE_SIZE);
	pages_free(held, 512);
	assert_true(balloon->events & BALLOON_EVENT_IDLE);
	work();
	assert_int_equal(device.reported_pages, pages);
	work_after(3 * NANOSECONDS_PER_SECOND);
	assert_int_equal(device.reported_pages, pages + 512);
	finish();
}

static void reports_leave_the_balloon_alone(void **state)
{
	(void)state;
	start(USUAL | FEATURE(REPORTING) | FEATURE(HINT));
	virtio_model_balloon_target(&device, 10000);
	work();
	work_after(3 * NANOSECONDS_PER_SECOND);
	assert_true(device.reported_pages > 0);
	virtio_model_balloon_hint_id(&device, 2);
	work();
	assert_int_equal(device.in_balloon, 10000);
	assert_int_equal(pages_available(), ALL - 10000);
	finish();
}

/* An allocation that fails while a report is under way waits for it. */
static unsigned int tries;

static void allocate(void *unused)
{
	(void)unused;
	/* The model's turn is no thread: the lock is held, so that nothing is waited for. */
	if (!tries++)
		assert_int_equal(pages_alloc(ALL, 0), 0);
}

static void reports_do_not_recurse(void **state)
{
	(void)state;
	start(USUAL | FEATURE(REPORTING) | FEATURE(DEFLATE_ON_OOM));
	work();
	host_clock_advance(3 * NANOSECONDS_PER_SECOND);
	device.hold[MODEL_BALLOON_REPORTQ] = true;
	tries = 0;
	assert_true(balloon_get() == balloon);
	mutex_lock(&balloon->lock);
	allocate(NULL);
	mutex_unlock(&balloon->lock);
	device.hold[MODEL_BALLOON_REPORTQ] = false;
	work();
	finish();
}

/* -- Poison */

static void assert_filled(uint64_t frame, uint32_t value)
{
	const uint32_t *words = dma_pointer(frame * PAGE_SIZE);

	for (unsigned int i = 0; i < PAGE_SIZE / 4; i++)
		assert_int_equal(words[i], value);
}

static void poison_only_when_told(void **state)
{
	(void)state;
	start(EVERYTHING);
	assert_false(virtio_model_accepted(&device.model, MODEL_BALLOON_POISON));
	assert_false(balloon->poison);
	finish();
}

static void poison_is_kept(void **state)
{
	uint32_t value;
	bool was_ok = false;

	(void)state;
	start_with("balloon.poison=0xaaaa5555", EVERYTHING, false);
	boot();
	assert_true(virtio_model_accepted(&device.model, MODEL_BALLOON_POISON));
	memcpy(&value, device.model.config + 12, 4);
	assert_int_equal(value, 0xaaaa5555);
	/* Before DRIVER_OK, and not after it. */
	for (unsigned int i = 0; i < device.model.trace_count; i++) {
		const struct model_write *write = &device.model.trace[i];

		if (write->space == MODEL_COMMON && write->offset == 0x14 &&
		    write->value & VIRTIO_STATUS_DRIVER_OK)
			was_ok = true;
		if (write->space == MODEL_DEVICE && write->offset == 12)
			assert_false(was_ok);
	}
	assert_true(was_ok);
	virtio_model_balloon_target(&device, 8000);
	work();
	virtio_model_balloon_target(&device, 0);
	work();
	/* From the top down they were taken. */
	for (uint64_t i = 1; i <= 8000; i += 97)
		assert_filled(device.first_frame + device.frames - i, 0xaaaa5555);
	/* The model looks at what is reported. */
	work_after(3 * NANOSECONDS_PER_SECOND);
	assert_int_equal(device.reported_pages, IDLE_BLOCKS * 512);
	/* Hinted pages are anything, until they are released. */
	{
		uint64_t held = pages_alloc(512, 0);

		memset(dma_pointer(held), 0x44, 512 * PAGE_SIZE);
		pages_free(held, 512);
		virtio_model_balloon_hint_id(&device, 5);
		work();
		assert_filled(held / PAGE_SIZE, 0xaaaa5555);
	}
	finish();
}

static void recover_device(void)
{
	for (unsigned int i = 0; i < 10 && balloon->virtio->recovery.broken; i++) {
		recovery_run();
		host_clock_advance(NANOSECONDS_PER_SECOND);
	}
	assert_false(balloon->virtio->recovery.broken);
}

/* -- Every transport, ring and way to interrupt */

enum transport { PCI_MODERN, PCI_TRANSITIONAL, PCI_LEGACY, MMIO_2, MMIO_1, TRANSPORTS };

static struct virtio_model_mmio mmio;

/* On it, with all features; what cannot be (a packed ring in a legacy device) is left to virtio_ways. */
static void start_on(enum transport transport, bool packed, const char *interrupts)
{
	static uint64_t address = 0xfeb00000;
	const struct interrupt_line line = {.gsi = MODEL_MMIO_LINE, .level = true};
	char options[64];

	snprintf(options, sizeof(options), "virtio.interrupts=%s", interrupts);
	start_with(options, EVERYTHING, false);
	virtio_model_offer(&device.model, MODEL_RING_PACKED, packed);
	if (transport < MMIO_2) {
		virtio_model_pci_init(&pci, &device.model, 3, 8);
		if (transport != PCI_MODERN)
			virtio_model_pci_legacy(&pci, transport == PCI_LEGACY);
		pci_model_boot();
	} else {
		address += 0x1000;
		virtio_model_mmio_init(&mmio, &device.model, address);
		if (transport == MMIO_1)
			virtio_model_mmio_legacy(&mmio);
		virtio_mmio_add(address, 0x200, &line);
	}
	balloon = balloon_get();
	assert_non_null(balloon);
}

/* Time goes on, so that a device without interrupts is looked at. */
static void work_for(uint64_t milliseconds)
{
	for (uint64_t i = 0; i < milliseconds; i += 10) {
		work();
		host_clock_advance(10 * NANOSECONDS_PER_MILLISECOND);
	}
}

static void everything_once(void)
{
	work_for(100);
	virtio_model_balloon_target(&device, 5000);
	work_for(100);
	assert_int_equal(device.in_balloon, 5000);
	assert_true(virtio_model_balloon_ask(&device));
	work_for(100);
	assert_int_equal(device.statistics[5], (ALL - 5000) * PAGE_SIZE);
	virtio_model_balloon_hint_id(&device, 3);
	work_for(100);
	ASSERT_IDS(3, 0);
	virtio_model_balloon_hint_id(&device, BALLOON_HINT_DONE);
	work_for(3000);
	assert_true(device.reported_pages > 0);
	virtio_model_balloon_target(&device, 0);
	work_for(100);
	assert_int_equal(device.in_balloon, 0);
}

static void works_everywhere(void **state)
{
	static const char *const modes[] = {"per-queue", "shared", "intx", "poll"};

	(void)state;
	for (unsigned int transport = 0; transport < TRANSPORTS; transport++)
		for (unsigned int packed = 0; packed < 2; packed++)
			for (unsigned int mode = 0; mode < 4; mode++) {
				if (transport >= MMIO_2 && mode < 2)
					continue; /* it has one line */
				if (packed && (transport == PCI_LEGACY || transport == MMIO_1))
					continue; /* it has no such feature */
				start_on(transport, packed, modes[mode]);
				assert_int_equal(virtio_model_accepted(&device.model,
								       MODEL_RING_PACKED),
						 packed);
				everything_once();
				/* After a reset all of it once more. */
				host_clock_advance(60 * NANOSECONDS_PER_SECOND);
				virtio_model_needs_reset(&device.model);
				host_clock_advance(100 * NANOSECONDS_PER_MILLISECOND);
				virtio_model_balloon_empty(&device);
				recover_device();
				everything_once();
				assert_int_equal(!strcmp(balloon->virtio->interrupt_mode, "poll"),
						 mode == 3);
				finish();
			}
}

/* -- Devices that break the rules */

/* Broken, reset, started again: the pages are back, and go to the balloon again. */
static void recover(uint32_t target)
{
	work();
	assert_true(balloon->virtio->recovery.broken);
	/* Until the reset the device has what it was given. */
	assert_int_equal(pages_available() + pages_lent(), ALL);
	device.lie_id = false;
	memset(device.hold, 0, sizeof(device.hold));
	virtio_model_balloon_empty(&device);
	recover_device();
	assert_int_equal(pages_lent(), 0);
	work();
	assert_int_equal(device.in_balloon, target);
	assert_int_equal(virtio_model_balloon_actual(&device), target);
}

static void lie_about_the_buffer(void **state)
{
	(void)state;
	start(USUAL);
	virtio_model_balloon_target(&device, 3000);
	work();
	device.lie_id = true;
	virtio_model_balloon_target(&device, 6000);
	recover(6000);
	assert_true(host_log_has("which is not lent"));
	device.lie_id = true;
	virtio_model_balloon_target(&device, 10);
	recover(10);
	/* A length for what is only read says nothing. */
	device.lie_length = true;
	virtio_model_balloon_target(&device, 5000);
	work();
	assert_int_equal(device.in_balloon, 5000);
	finish();
}

static void needs_reset(struct virtio_model_balloon *breaking)
{
	if (breaking->in_balloon == 4096)
		virtio_model_needs_reset(&breaking->model);
}

static void asks_for_a_reset_in_the_middle(void **state)
{
	(void)state;
	start(USUAL | FEATURE(REPORTING) | FEATURE(HINT));
	device.after_buffer = needs_reset;
	virtio_model_balloon_target(&device, 6000);
	work();
	device.after_buffer = NULL;
	recover(6000);
	finish();
}

static void never_answers(void **state)
{
	static const enum model_balloon_queue queues[] = {MODEL_BALLOON_INFLATEQ,
							  MODEL_BALLOON_DEFLATEQ,
							  MODEL_BALLOON_HINTQ,
							  MODEL_BALLOON_REPORTQ};

	static const uint32_t targets[] = {4000, 2000, 2000, 2000};

	(void)state;
	start(EVERYTHING);
	virtio_model_balloon_target(&device, 3000);
	work();
	work_after(3 * NANOSECONDS_PER_SECOND);
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t before = clock_monotonic(), held;

		device.hold[queues[i]] = true;
		virtio_model_balloon_target(&device, targets[i]);
		if (queues[i] == MODEL_BALLOON_HINTQ)
			virtio_model_balloon_hint_id(&device, 50);
		held = pages_alloc(2048, 0);
		pages_free(held, 2048);
		work();
		if (!balloon->virtio->recovery.broken)
			work_after(3 * NANOSECONDS_PER_SECOND);
		assert_true(balloon->virtio->recovery.broken);
		assert_in_range(clock_monotonic() - before, 60 * NANOSECONDS_PER_SECOND,
				70 * NANOSECONDS_PER_SECOND);
		assert_true(host_log_has("were not used"));
		virtio_model_balloon_hint_id(&device, BALLOON_HINT_DONE);
		host_clock_advance(60 * NANOSECONDS_PER_SECOND);
		virtio_model_balloon_empty(&device);
		memset(device.hold, 0, sizeof(device.hold));
		recover_device();
		work();
		assert_int_equal(device.in_balloon, targets[i]);
		work_after(3 * NANOSECONDS_PER_SECOND);
	}
	finish();
}

static void without_a_reset_nothing_comes_back(void **state)
{
	(void)state;
	start(USUAL);
	virtio_model_balloon_target(&device, 3000);
	work();
	device.model.reset_never = true;
	device.model.reset_reads = 1;
	virtio_model_needs_reset(&device.model);
	for (unsigned int i = 0; i < 100 && balloon_get(); i++) {
		recovery_run();
		host_clock_advance(NANOSECONDS_PER_SECOND);
	}
	assert_null(balloon_get());
	/* It may still write to them. */
	assert_int_equal(pages_lent(), 3000);
	assert_int_equal(pages_available(), ALL - 3000);
	virtio_model_balloon_free(&device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_empty),
		cmocka_unit_test(finds_its_queues),
		cmocka_unit_test(short_configuration_has_no_hints),
		cmocka_unit_test(there_is_one),
		cmocka_unit_test(follows_the_target),
		cmocka_unit_test(stops_at_the_reserve),
		cmocka_unit_test(leaves_what_is_in_use),
		cmocka_unit_test(target_moves_meanwhile),
		cmocka_unit_test(pages_come_back_when_needed),
		cmocka_unit_test(without_the_feature_it_fails),
		cmocka_unit_test(statistics_are_true),
		cmocka_unit_test(statistics_storm_leaves_time_for_the_rest),
		cmocka_unit_test(hints_are_complete),
		cmocka_unit_test(hints_follow_a_new_id),
		cmocka_unit_test(hints_end_with_stop),
		cmocka_unit_test(hinted_pages_are_out_of_reach),
		cmocka_unit_test(overheard_kicks_are_repeated),
		cmocka_unit_test(reports_come_by_themselves),
		cmocka_unit_test(reports_leave_the_balloon_alone),
		cmocka_unit_test(reports_do_not_recurse),
		cmocka_unit_test(poison_only_when_told),
		cmocka_unit_test(poison_is_kept),
		cmocka_unit_test(works_everywhere),
		cmocka_unit_test(lie_about_the_buffer),
		cmocka_unit_test(asks_for_a_reset_in_the_middle),
		cmocka_unit_test(never_answers),
		cmocka_unit_test(without_a_reset_nothing_comes_back),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
