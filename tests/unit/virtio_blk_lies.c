/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block driver and a device that lies, breaks, or does not answer: each request ends exactly once, the
 * device is reset, and the next request works.
 */
#include "kernel/memory/dma.h"
#include "tests/device/block_stack.h"
#include "tests/device/recovery_thread.h"
#include "tests/unit/failing/allocations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR MODEL_BLOCK_SECTOR
#define IN_FLIGHT 10u

static uint8_t *on_disk(uint64_t sector)
{
	return disk.model.disk + sector * SECTOR;
}

static const struct virtio_blk *driver(void)
{
	return disk.disk->driver_data;
}

/* So many requests that the device has seen and does not answer. */
static void launch(unsigned int count)
{
	disk.model.hold = true;
	for (unsigned int i = 0; i < count; i++)
		disk_add(i, BLOCK_READ, 8 * i, 8, i * 4096);
	block_kick(disk.disk);
}

static void expect_all(unsigned int count, int error)
{
	disk_drain();
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(disk.requests[i].done, 1);
		assert_int_equal(disk.requests[i].request.error, error);
	}
}

static void expect_works(void)
{
	disk.model.hold = false;
	disk.model.lie_id = disk.model.lie_status = disk.model.lie_length = false;
	assert_int_equal(block_write(disk.disk, 100, disk.memory, 64), 0);
	assert_memory_equal(on_disk(100), disk.memory, 64 * SECTOR);
	assert_int_equal(block_read(disk.disk, 100, disk.memory, 64), 0);
	assert_false(driver()->virtio->recovery.broken);
}

/* -- Answers that are not right */

static void test_status(void **state)
{
	static const struct {
		uint8_t status;
		int error;
		unsigned int logged;
	} cases[] = {{0, 0, 0},	     {1, -EIO, 0},   {2, -EOPNOTSUPP, 0}, {3, -EIO, 1},
		     {127, -EIO, 1}, {254, -EIO, 1}, {255, -EIO, 1}};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		disk_prepare("");
		disk_boot();
		disk.model.lie_status = true;
		disk.model.status = cases[i].status;
		for (unsigned int times = 0; times < 3; times++) {
			assert_int_equal(block_read(disk.disk, 0, disk.memory, 8), cases[i].error);
			assert_int_equal(block_write(disk.disk, 0, disk.memory, 8), cases[i].error);
			assert_int_equal(block_flush(disk.disk), cases[i].error);
		}
		assert_int_equal(driver()->status_missing, cases[i].status == 255 ? 9 : 0);
		assert_int_equal(driver()->status_unknown,
				 cases[i].status > 2 && cases[i].status < 255 ? 9 : 0);
		assert_int_equal(host_log_count(), cases[i].logged); /* said once */
		expect_works();
		assert_int_equal(driver()->virtio->recovery.recoveries, 0);
		disk_end();
	}
}

static void test_length(void **state)
{
	static const struct {
		uint32_t length;
		int error;
		unsigned int wrong, is_short;
	} cases[] = {{4097, 0, 0, 0},
		     {4096, 0, 1, 0},
		     {4095, -EIO, 0, 1},
		     {1, -EIO, 0, 1},
		     {0, -EIO, 0, 1}};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		disk_prepare("");
		disk_boot();
		disk.model.lie_length = true;
		disk.model.length = cases[i].length;
		assert_int_equal(block_read(disk.disk, 0, disk.memory, 8), cases[i].error);
		assert_int_equal(driver()->lengths_wrong, cases[i].wrong);
		assert_int_equal(driver()->lengths_short, cases[i].is_short);
		expect_works();
		disk_end();
	}
	/* A write has nothing but its status: that it was written is what counts. */
	disk_prepare("");
	disk_boot();
	disk.model.lie_length = true;
	disk.model.length = 0;
	assert_int_equal(block_write(disk.disk, 0, disk.memory, 8), 0);
	assert_int_equal(driver()->lengths_wrong, 1);
	expect_works();
	disk_end();
	/* More than was lent breaks the device, which is reset. */
	disk_prepare("");
	disk_boot();
	disk.model.lie_length = true;
	disk.model.length = 4098;
	assert_int_equal(block_read(disk.disk, 0, disk.memory, 8), -EIO);
	expect_works();
	assert_int_equal(driver()->virtio->recovery.recoveries, 1);
	disk_end();
}

/* -- Devices that break */

static void test_wrong_id(void **state)
{
	static const uint32_t ids[] = {DISK_RING, 4711, UINT32_MAX, 60};

	(void)state;
	for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		disk_prepare("");
		disk_boot();
		launch(IN_FLIGHT);
		disk.model.lie_id = true;
		disk.model.id = ids[i];
		disk.model.hold = false;
		expect_all(IN_FLIGHT, -EIO);
		assert_int_equal(disk.model.model.resets, 2);
		expect_works();
		assert_int_equal(driver()->virtio->recovery.recoveries, 1);
		disk_end();
	}
}

static void test_wrong_index(void **state)
{
	(void)state;
	disk_prepare("");
	disk_boot();
	launch(IN_FLIGHT);
	*model_split_used_idx(&disk.model.model, 0) += 1000;
	block_interrupt(&disk.disk->queues[0]);
	expect_all(IN_FLIGHT, -EIO);
	expect_works();
	disk_end();
}

static void test_needs_reset(void **state)
{
	(void)state;
	disk_prepare_queues("", DISK_QUEUES, DISK_RING);
	host_cpu(0, DISK_QUEUES);
	disk_boot();
	disk.model.hold = true;
	for (unsigned int i = 0; i < 32; i++) {
		host_cpu(i % DISK_QUEUES, DISK_QUEUES);
		disk_add(i, BLOCK_WRITE, 8 * i, 8, i * 4096);
		block_kick(disk.disk);
	}
	virtio_model_needs_reset(&disk.model.model);
	expect_all(32, -EIO);
	for (unsigned int i = 0; i < DISK_QUEUES; i++) {
		host_cpu(i, DISK_QUEUES);
		expect_works();
	}
	assert_true(host_log_has("asks for a reset"));
	disk_end();
}

/* While it is set up, as soon as its features are accepted: no interrupt comes of that (2.1.2). */
static bool break_early(struct virtio_model *model, enum model_space space, uint32_t offset,
			unsigned int width, uint64_t *value)
{
	const uint8_t features_ok = 8, driver_ok = 4;

	(void)space;
	(void)offset;
	(void)width;
	(void)value;
	if ((model->status & (features_ok | driver_ok)) == features_ok) {
		model->on_read = NULL;
		virtio_model_needs_reset(model);
	}
	return false;
}

static void test_needs_reset_early(void **state)
{
	(void)state;
	disk_prepare("");
	disk.model.model.on_read = break_early;
	disk_boot();
	assert_true(host_log_has("asks for a reset"));
	expect_works();
	disk_end();
}

/* What the device had not seen yet is not lost: it waits for the reset, and is done then. */
static void test_waiting_survive(void **state)
{
	unsigned int failed = 0, good = 0;

	(void)state;
	disk_prepare_queues("virtio.features=-indirect_desc", 1, 16);
	disk_boot();
	launch(40);
	virtio_model_needs_reset(&disk.model.model);
	disk.model.hold = false;
	disk_drain();
	for (unsigned int i = 0; i < 40; i++) {
		assert_int_equal(disk.requests[i].done, 1);
		failed += disk.requests[i].request.error == -EIO;
		good += disk.requests[i].request.error == 0;
	}
	assert_int_equal(failed, 5); /* of three descriptors each */
	assert_int_equal(good, 35);
	disk_end();
}

/* New requests meanwhile, and what was asked for from done(). */
static void retry(struct block_request *request)
{
	struct disk_request *mine = request->context;

	mine->done++;
	if (request->error && mine->done < 3) {
		request->sector += 8;
		block_add(request);
		block_kick(request->device);
		return;
	}
	disk.done++;
	wait_wake(&request->device->disk->waiters);
}

static void test_retry_in_done(void **state)
{
	(void)state;
	disk_prepare("");
	disk_boot();
	launch(IN_FLIGHT);
	for (unsigned int i = 0; i < IN_FLIGHT; i++)
		disk.requests[i].request.done = retry;
	virtio_model_needs_reset(&disk.model.model);
	disk.model.hold = false;
	disk_drain();
	for (unsigned int i = 0; i < IN_FLIGHT; i++) {
		assert_int_equal(disk.requests[i].done, 2);
		assert_int_equal(disk.requests[i].request.error, 0);
	}
	disk_end();
}

/* -- Devices that do not answer */

static void test_timeout(void **state)
{
	uint64_t start;

	(void)state;
	disk_prepare("block.timeout=3");
	disk_boot();
	launch(2);
	start = clock_monotonic();
	thread_sleep(2 * NANOSECONDS_PER_SECOND);
	for (unsigned int i = 2; i < 5; i++)
		disk_add(i, BLOCK_READ, 8 * i, 8, i * 4096);
	block_kick(disk.disk);
	disk_drain();
	assert_true(clock_monotonic() - start >= 3 * NANOSECONDS_PER_SECOND);
	assert_true(clock_monotonic() - start < 5 * NANOSECONDS_PER_SECOND);
	/* Those that had their time, and those that went down with them. */
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(disk.requests[i].request.error, i < 2 ? -ETIMEDOUT : -EIO);
	assert_int_equal(disk.disk->timeouts, 2);
	assert_true(host_log_has("no answer for 3 s"));
	expect_works();
	disk_end();
}

/* A device that does its work but forgets to say so. */
static void test_no_interrupts(void **state)
{
	(void)state;
	disk_prepare("");
	disk_boot();
	disk.model.quiet = true;
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(block_read(disk.disk, 0, disk.memory, 8), 0);
	assert_true(disk.disk->interrupts_missed >=
		    2); /* the first may have been young when it was found */
	assert_int_equal(driver()->virtio->recovery.recoveries, 0);
	/* What waited and is started when that is noticed has all its time before it. */
	for (unsigned int i = 0; i < 3 * DISK_RING; i++)
		disk_add(i, BLOCK_READ, 8, 8, i % 16 * 4096);
	block_kick(disk.disk);
	expect_all(3 * DISK_RING, 0);
	assert_int_equal(disk.disk->timeouts, 0);
	assert_int_equal(driver()->virtio->recovery.recoveries, 0);
	disk.model.quiet = false;
	expect_works();
	disk_end();
}

static void test_reset_never_ends(void **state)
{
	(void)state;
	disk_prepare("block.timeout=300");
	disk_boot();
	launch(IN_FLIGHT);
	disk.model.model.reset_never = true;
	virtio_model_needs_reset(&disk.model.model);
	expect_all(IN_FLIGHT, -EIO);
	assert_true(disk.disk->dead);
	assert_true(driver()->virtio->recovery.given_up);
	assert_int_equal(block_read(disk.disk, 0, disk.memory, 8), -EIO);
	assert_int_equal(block_write(disk.disk, 0, disk.memory, 8), -EIO);
	disk_add(0, BLOCK_FLUSH, 0, 1, 0);
	block_kick(disk.disk);
	assert_int_equal(disk.requests[0].request.error, -EIO);
	virtio_model_block_resize(&disk.model, 100);
	block_service();
	disk_end();
}

/* Given up with requests in its hands: it was reset before their memory went back. */
static void test_given_up_with_requests(void **state)
{
	(void)state;
	disk_prepare("block.timeout=300");
	disk_boot();
	for (unsigned int i = 0; i < RECOVERY_ATTEMPTS; i++) {
		assert_false(driver()->virtio->recovery.given_up);
		virtio_model_needs_reset(&disk.model.model);
		for (unsigned int turns = 0;
		     turns < 100 && driver()->virtio->recovery.recoveries <= i; turns++)
			thread_sleep(NANOSECONDS_PER_SECOND / 10);
		assert_int_equal(driver()->virtio->recovery.recoveries, i + 1);
	}
	launch(IN_FLIGHT);
	virtio_model_needs_reset(&disk.model.model);
	expect_all(IN_FLIGHT, -EIO);
	assert_true(driver()->virtio->recovery.given_up);
	assert_int_equal(disk.model.model.status & VIRTIO_STATUS_DRIVER_OK, 0);
	disk_end();
}

/* Comes back, but not as what it was: another size, another block size, fewer features. */
static void test_changed_meanwhile(void **state)
{
	(void)state;
	disk_prepare("");
	virtio_model_offer(&disk.model.model, MODEL_BLOCK_DISCARD, true);
	disk_boot();
	assert_int_equal(block_clear(disk.disk, BLOCK_DISCARD, 0, 8, false), 0);
	virtio_model_block_set(&disk.model, 0, 1024, 8);
	virtio_model_block_set(&disk.model, 20, 4096, 4);
	virtio_model_offer(&disk.model.model, MODEL_BLOCK_DISCARD, false);
	virtio_model_needs_reset(&disk.model.model);
	thread_sleep(NANOSECONDS_PER_SECOND);
	assert_int_equal(disk.disk->sectors, 1024);
	assert_int_equal(disk.disk->limits.block_size, 4096);
	assert_int_equal(block_clear(disk.disk, BLOCK_DISCARD, 0, 8, false), -EOPNOTSUPP);
	assert_int_equal(block_write(disk.disk, 8, disk.memory, 64), 0);
	disk_end();
}

/* A request that waited through the reset and fits no more. */
static void test_limits_shrink(void **state)
{
	(void)state;
	disk_prepare("");
	disk_boot();
	disk.model.hold = true;
	/* Added, but nobody kicked. */
	disk_add(0, BLOCK_WRITE, 0, 64, 0);
	virtio_model_offer(&disk.model.model, MODEL_BLOCK_SIZE_MAX, true);
	virtio_model_block_set(&disk.model, 8, SECTOR, 4);
	virtio_model_needs_reset(&disk.model.model);
	disk.model.hold = false;
	disk_drain();
	assert_int_equal(disk.requests[0].request.error, -EINVAL);
	expect_works();
	disk_end();
}

static void test_no_memory_on_recovery(void **state)
{
	(void)state;
	disk_prepare("");
	disk_boot();
	launch(IN_FLIGHT);
	host_dma_fail_after(1);
	virtio_model_needs_reset(&disk.model.model);
	expect_all(IN_FLIGHT, -EIO);
	host_dma_fail_after(-1);
	expect_works();
	disk_end();
}

/* One queue is renewed, the others go on. */
static void test_queue_reset(void **state)
{
	(void)state;
	disk_prepare_queues("", 2, DISK_RING);
	virtio_model_offer(&disk.model.model, VIRTIO_F_RING_RESET, true);
	host_cpu(0, 2);
	disk_boot();
	launch(IN_FLIGHT);
	host_cpu(1, 2);
	disk_add(20, BLOCK_READ, 8, 8, 0);
	block_kick(disk.disk);
	assert_int_equal(virtio_queue_renew(driver()->virtio, 0), 0);
	disk.model.hold = false;
	disk_drain();
	for (unsigned int i = 0; i < IN_FLIGHT; i++)
		assert_int_equal(disk.requests[i].request.error, -EIO);
	/* The device was not reset for it. */
	assert_int_equal(driver()->virtio->recovery.recoveries, 0);
	assert_int_equal(disk.requests[20].request.error, 0);
	host_cpu(0, 2);
	expect_works();
	host_cpu(1, 2);
	expect_works();
	disk_end();
}

static void let_go(void *unused)
{
	(void)unused;
	disk.model.hold = false;
}

/* Before a queue is reset, the device may finish what it is at. */
static void test_queue_reset_waits(void **state)
{
	struct timer timer = TIMER_INIT(let_go, NULL);

	(void)state;
	disk_prepare("");
	virtio_model_offer(&disk.model.model, VIRTIO_F_RING_RESET, true);
	disk_boot();
	launch(IN_FLIGHT);
	assert_true(disk.model.hold);
	timer_arm(&timer, clock_monotonic() + 50 * NANOSECONDS_PER_MILLISECOND);
	assert_int_equal(virtio_queue_renew(driver()->virtio, 0), 0);
	expect_all(IN_FLIGHT, 0);
	assert_int_equal(driver()->virtio->recovery.recoveries, 0);
	expect_works();
	disk_end();
}

/* The device breaks; from then on the thread that recovers it has its turns, unless it has to wait. */
static void overtake(void)
{
	virtio_model_needs_reset(&disk.model.model);
	host_poll();
	assert_true(driver()->virtio->recovery.broken);
	recovery_thread_start(UINT64_MAX);
}

/*
 * The device breaks while one of its queues waits to be reset. It is recovered only then, since that frees the queue,
 * here under the hands of who waits.
 */
static void test_queue_reset_overtaken(void **state)
{
	const struct virtqueue *before;

	(void)state;
	disk_prepare("");
	virtio_model_offer(&disk.model.model, VIRTIO_F_RING_RESET, true);
	disk_boot();
	launch(IN_FLIGHT);
	host_thread(overtake, 50 * NANOSECONDS_PER_MILLISECOND);
	before = driver()->virtio->queues[0];
	assert_int_equal(virtio_queue_renew(driver()->virtio, 0), -EIO);
	assert_int_equal(driver()->virtio->recovery.recoveries, 0);
	assert_ptr_equal(driver()->virtio->queues[0], before);
	/* It is broken until then, and its queue nobody's to renew. */
	assert_int_equal(virtio_queue_renew(driver()->virtio, 0), -EIO);
	expect_all(IN_FLIGHT, -EIO);
	assert_int_equal(driver()->virtio->recovery.recoveries, 1);
	/* By its index it is found in what the device has now. */
	assert_int_equal(virtio_queue_renew(driver()->virtio, 1), -ENOENT);
	assert_int_equal(virtio_queue_renew(driver()->virtio, 0), 0);
	disk.model.hold = false;
	expect_works();
	disk_end();
}

/* -- Whatever comes */

static void test_random_lies(void **state)
{
	(void)state;
	for (unsigned int seed = 0; seed < 300 && allocations_another_round(); seed++) {
		srand(seed);
		disk_prepare(seed & 1 ? "block.timeout=1"
				      : "block.timeout=1 virtio.features=-event_idx");
		virtio_model_offer(&disk.model.model, MODEL_BLOCK_DISCARD, true);
		disk_boot();
		for (unsigned int round = 0; round < 8; round++) {
			unsigned int first = round * 16;

			disk.model.hold = rand() % 4 == 0;
			disk.model.reverse = rand() % 2;
			disk.model.quiet = rand() % 8 == 0;
			disk.model.at_most = (unsigned int)rand() % 4;
			disk.model.lie_status = rand() % 4 == 0;
			disk.model.status = (uint8_t)rand();
			disk.model.lie_length = rand() % 4 == 0;
			disk.model.length = (uint32_t)rand() % 6000;
			disk.model.lie_id = rand() % 16 == 0;
			disk.model.id = (uint32_t)rand() % 80;
			for (unsigned int i = 0; i < 16; i++)
				disk_add(first + i,
					 i % 5 == 4 ? BLOCK_FLUSH
					 : i & 1    ? BLOCK_WRITE
						    : BLOCK_READ,
					 (uint64_t)rand() % (DISK_SECTORS + 10),
					 1 + (uint32_t)rand() % 16, (uint32_t)(first + i) * 512);
			block_kick(disk.disk);
			if (rand() % 16 == 0)
				virtio_model_needs_reset(&disk.model.model);
			if (rand() % 16 == 0 && driver()->queues[0].vq)
				*model_split_used_idx(&disk.model.model, 0) += 3;
			disk_drain();
			for (unsigned int i = 0; i < 16; i++)
				assert_int_equal(disk.requests[first + i].done, 1);
		}
		disk.model.quiet = false;
		disk.model.at_most = 0;
		if (!disk.disk->dead)
			thread_sleep(31 * NANOSECONDS_PER_SECOND);
		if (!disk.disk->dead)
			expect_works();
		/* A lie may have made the model take a buffer twice: only the driver is judged. */
		disk.model.model.violations = 0;
		disk_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_wrong_id),
		cmocka_unit_test(test_wrong_index),
		cmocka_unit_test(test_needs_reset),
		cmocka_unit_test(test_needs_reset_early),
		cmocka_unit_test(test_waiting_survive),
		cmocka_unit_test(test_retry_in_done),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_no_interrupts),
		cmocka_unit_test(test_reset_never_ends),
		cmocka_unit_test(test_given_up_with_requests),
		cmocka_unit_test(test_changed_meanwhile),
		cmocka_unit_test(test_limits_shrink),
		cmocka_unit_test(test_no_memory_on_recovery),
		cmocka_unit_test(test_queue_reset),
		cmocka_unit_test(test_queue_reset_waits),
		cmocka_unit_test(test_queue_reset_overtaken),
		cmocka_unit_test(test_random_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
