/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block driver against the model: every operation, limits, queues, costs, resizing, the write cache,
 * and the commands.
 */
#include "kernel/memory/dma.h"
#include "kernel/shell/command.h"
#include "tests/device/block_stack.h"
#include "tests/device/virtio_model_ring.h"

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

static uint8_t *on_disk(uint64_t sector)
{
	return disk.model.disk + sector * SECTOR;
}

/* -- Start */

static void test_start(void **state)
{
	(void)state;
	disk_prepare("");
	disk_boot();
	assert_int_equal(strncmp(disk.disk->name, "vd", 2), 0);
	assert_true(block_find(disk.disk->name) == disk.disk);
	assert_null(block_find("vdnone"));
	assert_int_equal(disk.disk->sectors, DISK_SECTORS);
	assert_string_equal(disk.disk->serial, "RS-0001");
	assert_int_equal(disk.disk->geometry.cylinders, 100);
	assert_int_equal(disk.disk->limits.segments_max, 16);
	assert_int_equal(disk.disk->queue_count, 1);
	assert_true(disk.disk->write_cache);
	assert_false(disk.disk->read_only);
	assert_true(disk.disk->scanned);
	assert_null(disk.disk->table);
	assert_int_equal(host_log_count(), 0);
	disk_end();

	/* No serial number, and one that is not text. */
	disk_prepare("");
	disk.model.serial = NULL;
	disk_boot();
	assert_string_equal(disk.disk->serial, "");
	assert_int_equal(host_log_count(), 0);
	disk_end();
	disk_prepare("");
	disk.model.serial = "a\033b\xff"
			    "0123456789abcdefghij";
	disk_boot();
	assert_string_equal(disk.disk->serial, "a?b?0123456789abcde");
	disk_end();
}

/* Numbers that make no sense are not used, with a line each. */
static void test_configuration_lies(void **state)
{
	static const struct {
		unsigned int feature, offset, width;
		uint64_t value;
	} cases[] = {
		{MODEL_BLOCK_SIZE_MAX, 8, 4, 0},	   {MODEL_BLOCK_SEG_MAX, 12, 4, 0},
		{MODEL_BLOCK_BLK_SIZE, 20, 4, 0},	   {MODEL_BLOCK_BLK_SIZE, 20, 4, 256},
		{MODEL_BLOCK_BLK_SIZE, 20, 4, 1000},	   {MODEL_BLOCK_BLK_SIZE, 20, 4, 1u << 17},
		{MODEL_BLOCK_BLK_SIZE, 20, 4, UINT32_MAX}, {MODEL_BLOCK_TOPOLOGY, 24, 1, 17},
		{MODEL_BLOCK_TOPOLOGY, 24, 1, 255},	   {MODEL_BLOCK_MQ, 34, 2, 0},
		{MODEL_BLOCK_DISCARD, 36, 4, 0},	   {MODEL_BLOCK_DISCARD, 40, 4, 0},
		{MODEL_BLOCK_WRITE_ZEROES, 48, 4, 0},	   {MODEL_BLOCK_WRITE_ZEROES, 52, 4, 0},
		{MODEL_BLOCK_SECURE_ERASE, 60, 4, 0},	   {MODEL_BLOCK_SECURE_ERASE, 64, 4, 0},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		disk_prepare("");
		virtio_model_offer(&disk.model.model, cases[i].feature, true);
		virtio_model_block_set(&disk.model, cases[i].offset, cases[i].value,
				       cases[i].width);
		disk_boot();
		assert_false(virtio_model_accepted(&disk.model.model, cases[i].feature));
		assert_int_equal(host_log_count(), 1);
		assert_int_equal(block_write(disk.disk, 0, disk.memory, 8), 0);
		assert_int_equal(block_read(disk.disk, 0, disk.memory, 8), 0);
		disk_end();
	}
	/* More than can be counted in bytes. */
	disk_prepare("");
	virtio_model_block_set(&disk.model, 0, UINT64_MAX, 8);
	disk_boot();
	assert_int_equal(disk.disk->sectors, UINT64_MAX / SECTOR);
	assert_int_equal(block_read(disk.disk, UINT64_MAX, disk.memory, 1), -ENOSPC);
	assert_int_equal(block_read(disk.disk, 1, disk.memory, UINT64_MAX), -ENOSPC);
	assert_int_equal(block_read(disk.disk, 5000000, disk.memory, 1), -EIO);
	disk_end();
	/* An empty one. */
	disk_prepare("");
	virtio_model_block_set(&disk.model, 0, 0, 8);
	disk_boot();
	assert_int_equal(block_read(disk.disk, 0, disk.memory, 1), -ENOSPC);
	disk_end();
	/* A configuration that ends early: fields that are not there are all ones. */
	disk_prepare("");
	disk.model.model.config_length = 8;
	disk_boot();
	disk_end();
}

static void test_short_queue(void **state)
{
	struct block_device *before = block_first();

	(void)state;
	while (before && before->next)
		before = before->next;
	disk_prepare_queues("", 1, 2);
	disk_plug();
	pci_model_boot();
	assert_true(!before || !before->next);
	assert_true(host_log_has("holds no request"));
	assert_int_equal(disk.model.model.violations, 0);
	virtio_model_block_free(&disk.model);

	disk_prepare_queues("", 1, 4);
	disk_boot();
	assert_int_equal(disk.disk->limits.segments_max, 2);
	assert_int_equal(block_read(disk.disk, 0, disk.memory, 16), 0);
	disk_end();
}

/* Whatever allocation fails: all the others are given back. */
static void test_no_memory(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct block_device *first = block_first(), *last;

		disk_prepare("");
		host_dma_fail_after(i);
		disk_plug();
		pci_model_boot();
		for (last = first; last && last->next; last = last->next)
			;
		if (disk.model.model.status & 4) {
			block_service(); /* it is there, so that it must not be left with work */
			virtio_model_block_free(&disk.model);
			return;
		}
		assert_int_equal(host_dma_blocks(), 0);
		assert_int_equal(host_interrupts(), 0);
		virtio_model_block_free(&disk.model);
	}
	fail_msg("it never starts");
}

/* -- Operations */

static void test_read_write(void **state)
{
	static const uint32_t sectors[] = {1, 2, 7, 8, 64, 128, 500};

	(void)state;
	for (unsigned int i = 0; i < sizeof(sectors) / sizeof(sectors[0]); i++) {
		uint64_t place = DISK_SECTORS - sectors[i];

		disk_prepare("");
		disk_boot();
		assert_int_equal(block_write(disk.disk, 3, disk.memory, sectors[i]), 0);
		assert_memory_equal(on_disk(3), disk.memory, sectors[i] * SECTOR);
		assert_int_equal(*on_disk(2), 0);
		assert_int_equal(*on_disk(3 + sectors[i]), 0);
		assert_int_equal(block_write(disk.disk, place, disk.memory, sectors[i]), 0);
		memset(disk.memory, 0, DISK_MEMORY / 2);
		assert_int_equal(block_read(disk.disk, 3, disk.memory, sectors[i]), 0);
		assert_memory_equal(on_disk(3), disk.memory, sectors[i] * SECTOR);
		assert_int_equal(block_read(disk.disk, place, disk.memory, sectors[i]), 0);
		assert_memory_equal(on_disk(place), disk.memory, sectors[i] * SECTOR);
		assert_int_equal(block_read(disk.disk, place + 1, disk.memory, sectors[i]),
				 -ENOSPC);
		assert_int_equal(block_write(disk.disk, place + 1, disk.memory, sectors[i]),
				 -ENOSPC);
		assert_int_equal(disk.disk->bytes_copied, 0);
		disk_end();
	}
}

/* Memory that no device reaches is copied, and that is counted. */
static void test_bounce(void **state)
{
	uint8_t *heap = malloc(DISK_MEMORY);

	(void)state;
	disk_prepare("");
	disk_boot();
	memcpy(heap, disk.memory, DISK_MEMORY);
	assert_int_equal(block_write(disk.disk, 0, heap, 400), 0);
	assert_memory_equal(on_disk(0), heap, 400 * SECTOR);
	memset(heap, 0, DISK_MEMORY);
	assert_int_equal(block_read(disk.disk, 1, heap, 399), 0);
	assert_memory_equal(on_disk(1), heap, 399 * SECTOR);
	assert_int_equal(disk.disk->bytes_copied, 799 * SECTOR);
	assert_int_equal(block_read(disk.disk, 0, heap, 0), -EINVAL);
	assert_int_equal(block_read(disk.disk, 0, disk.memory, 0), -EINVAL);
	disk_end();
	free(heap);
}

static void test_scatter_gather(void **state)
{
	struct block_segment segments[17];
	struct disk_request *mine = &disk.requests[0];
	uint32_t total = 0;

	(void)state;
	disk_prepare("");
	disk_boot();
	/* Odd pieces of memory that together are 16 sectors. */
	for (unsigned int i = 0; i < 16; i++) {
		uint32_t length = i < 15 ? 300 + 13 * i : 16 * SECTOR - total;

		segments[i] = (struct block_segment){disk.memory + 5000 * i, length};
		total += length;
	}
	for (unsigned int write = 0; write < 2; write++) {
		disk_add(0, BLOCK_FLUSH, 0, 1, 0);
		block_kick(disk.disk);
		disk_drain();
		mine->done = 0;
		mine->request.operation = write ? BLOCK_WRITE : BLOCK_READ;
		mine->request.sector = 5;
		mine->request.segments = segments;
		mine->request.segment_count = 16;
		disk.added++;
		if (!write)
			for (unsigned int i = 0; i < 16 * SECTOR; i++)
				on_disk(5)[i] = (uint8_t)(i * 3);
		else
			segments[3].data = disk.memory + 100000;
		block_add(&mine->request);
		block_kick(disk.disk);
		disk_drain();
		assert_int_equal(mine->request.error, 0);
		assert_int_equal(mine->request.sectors, 16);
		assert_int_equal(virtio_model_block_last(&disk.model)->descriptors, 18);
		assert_true(virtio_model_block_last(&disk.model)->indirect);
		for (unsigned int i = 0, at = 0; i < 16; at += segments[i++].length)
			assert_memory_equal(on_disk(5) + at, segments[i].data, segments[i].length);
	}
	/* One segment more than the device takes. */
	segments[16] = (struct block_segment){disk.memory, SECTOR};
	mine->request.segment_count = 17;
	mine->done = 0;
	disk.added++;
	block_add(&mine->request);
	assert_int_equal(mine->request.error, -EINVAL);
	disk_end();
}

/* Segments are cut where the device wants it, and no further than it takes. */
static void test_size_max(void **state)
{
	(void)state;
	disk_prepare("");
	virtio_model_offer(&disk.model.model, MODEL_BLOCK_SIZE_MAX, true);
	virtio_model_block_set(&disk.model, 8, 1000, 4);
	disk_boot();
	disk_add(0, BLOCK_WRITE, 0, 8, 0);
	disk_add(1, BLOCK_WRITE, 8, 32, 8 * SECTOR); /* 17 pieces, 16 are taken */
	block_kick(disk.disk);
	disk_drain();
	assert_int_equal(disk.requests[0].request.error, 0);
	assert_int_equal(disk.requests[1].request.error, -EINVAL);
	assert_int_equal(virtio_model_block_last(&disk.model)->descriptors, 7);
	assert_memory_equal(on_disk(0), disk.memory, 8 * SECTOR);
	/* The simple way finds pieces of the right size by itself. */
	assert_int_equal(block_write(disk.disk, 8, disk.memory, 200), 0);
	assert_memory_equal(on_disk(8), disk.memory, 200 * SECTOR);
	disk_end();
	/* Without SEG_MAX a request has one piece. */
	disk_prepare("virtio.features=-seg_max");
	disk_boot();
	assert_int_equal(disk.disk->limits.segments_max, 1);
	assert_int_equal(block_write(disk.disk, 8, disk.memory, 200), 0);
	disk_end();
}

static void test_block_size(void **state)
{
	(void)state;
	disk_prepare("");
	virtio_model_block_set(&disk.model, 20, 4096, 4);
	virtio_model_offer(&disk.model.model, MODEL_BLOCK_TOPOLOGY, true);
	virtio_model_block_set(&disk.model, 24, 2, 1);
	virtio_model_block_set(&disk.model, 25, 1, 1);
	virtio_model_block_set(&disk.model, 26, 3, 2);
	virtio_model_block_set(&disk.model, 28, 100, 4);
	disk_boot();
	assert_int_equal(disk.disk->limits.block_size, 4096);
	assert_int_equal(disk.disk->limits.physical_block_size, 16384);
	assert_int_equal(disk.disk->limits.alignment_offset, 4096);
	assert_int_equal(disk.disk->limits.io_min, 12288);
	assert_int_equal(disk.disk->limits.io_optimal, 409600);
	assert_int_equal(block_read(disk.disk, 8, disk.memory, 16), 0);
	assert_int_equal(block_read(disk.disk, 4, disk.memory, 8), -EINVAL);
	assert_int_equal(block_read(disk.disk, 8, disk.memory, 4), -EINVAL);
	disk_end();
}

static void test_malformed(void **state)
{
	struct disk_request *mine = &disk.requests[0];
	uint8_t heap[SECTOR];

	(void)state;
	disk_prepare("");
	disk_boot();
	for (unsigned int i = 0; i < 7; i++) {
		static const int errors[] = {-EINVAL, -EINVAL, -EINVAL,	   -EFAULT,
					     -EINVAL, -ENOSPC, -EOPNOTSUPP};
		unsigned int before = disk.model.done_count;

		disk_add(0, BLOCK_FLUSH, 0, 1, 0);
		block_kick(disk.disk);
		disk_drain();
		mine->done = 0;
		mine->request.operation = BLOCK_READ;
		switch (i) {
		case 0:
			mine->request.segment_count = 0;
			break;
		case 1:
			mine->segment.length = 0;
			break;
		case 2:
			mine->segment.length = 100;
			break;
		case 3:
			mine->segment.data = heap;
			break;
		case 4:
			mine->request.operation = BLOCK_OPERATIONS;
			break;
		case 5:
			mine->request.sector = UINT64_MAX;
			break;
		default:
			mine->request.operation = BLOCK_SECURE_ERASE;
		}
		disk.added++;
		block_add(&mine->request);
		assert_int_equal(mine->done, 1);
		assert_int_equal(mine->request.error, errors[i]);
		assert_int_equal(disk.model.done_count, before + 1);
	}
	disk_end();
}

static void test_flush(void **state)
{
	(void)state;
	disk_prepare("");
	disk_boot();
	assert_int_equal(block_flush(disk.disk), 0);
	assert_int_equal(virtio_model_block_last(&disk.model)->type, 4);
	disk_end();
	/* Nothing can be lost: nothing is asked. */
	disk_prepare("virtio.features=-flush");
	disk_boot();
	assert_false(disk.disk->write_cache);
	assert_int_equal(block_flush(disk.disk), 0);
	assert_int_not_equal(virtio_model_block_last(&disk.model)->type, 4);
	disk_add(0, BLOCK_FLUSH, 0, 1, 0);
	assert_int_equal(disk.requests[0].request.error, -EOPNOTSUPP);
	disk_end();
}

static void test_clear(void **state)
{
	static const struct {
		enum block_operation operation;
		unsigned int feature;
		uint32_t type;
	} cases[] = {{BLOCK_DISCARD, MODEL_BLOCK_DISCARD, 11},
		     {BLOCK_WRITE_ZEROES, MODEL_BLOCK_WRITE_ZEROES, 13},
		     {BLOCK_SECURE_ERASE, MODEL_BLOCK_SECURE_ERASE, 14}};

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		disk_prepare("");
		disk_boot();
		assert_int_equal(block_clear(disk.disk, cases[i].operation, 0, 8, false),
				 -EOPNOTSUPP);
		disk_end();

		disk_prepare("");
		virtio_model_offer(&disk.model.model, cases[i].feature, true);
		disk_boot();
		memset(on_disk(0), 0xaa, DISK_SECTORS * SECTOR);
		assert_int_equal(block_clear(disk.disk, cases[i].operation, 10, 150, true), 0);
		assert_int_equal(disk.disk->queues[0].counters.requests[cases[i].operation], 3);
		assert_int_equal(virtio_model_block_last(&disk.model)->type, cases[i].type);
		assert_int_equal(virtio_model_block_last(&disk.model)->sector, 138);
		assert_int_equal(virtio_model_block_last(&disk.model)->sectors, 22);
		assert_int_equal(virtio_model_block_last(&disk.model)->flags, i == 1);
		assert_int_equal(on_disk(10)[-1], 0xaa);
		assert_int_equal(*on_disk(10), 0);
		assert_int_equal(on_disk(160)[-1], 0);
		assert_int_equal(*on_disk(160), 0xaa);
		assert_int_equal(block_clear(disk.disk, cases[i].operation, 2040, 9, false),
				 -ENOSPC);
		assert_int_equal(block_clear(disk.disk, cases[i].operation, 0, 0, false), -EINVAL);
		/* Asynchronous, beyond the limit. */
		disk_add(0, cases[i].operation, 0, 65, 0);
		assert_int_equal(disk.requests[0].request.error, -EINVAL);
		disk_end();
	}
	/* The device says that it may not unmap. */
	disk_prepare("");
	virtio_model_offer(&disk.model.model, MODEL_BLOCK_WRITE_ZEROES, true);
	virtio_model_block_set(&disk.model, 56, 0, 1);
	disk_boot();
	assert_int_equal(block_clear(disk.disk, BLOCK_WRITE_ZEROES, 0, 8, true), 0);
	assert_int_equal(virtio_model_block_last(&disk.model)->flags, 0);
	disk_end();
}

static void test_read_only(void **state)
{
	(void)state;
	disk_prepare("");
	virtio_model_offer(&disk.model.model, MODEL_BLOCK_RO, true);
	virtio_model_offer(&disk.model.model, MODEL_BLOCK_DISCARD, true);
	disk_boot();
	assert_true(disk.disk->read_only);
	assert_int_equal(block_write(disk.disk, 0, disk.memory, 8), -EROFS);
	assert_int_equal(block_clear(disk.disk, BLOCK_DISCARD, 0, 8, false), -EROFS);
	assert_int_equal(block_read(disk.disk, 0, disk.memory, 8), 0);
	assert_int_equal(block_flush(disk.disk), 0);
	disk_end();
}

static void test_lifetime(void **state)
{
	(void)state;
	disk_prepare("");
	virtio_model_offer(&disk.model.model, MODEL_BLOCK_LIFETIME, true);
	disk_boot();
	assert_true(disk.disk->has_lifetime);
	assert_int_equal(disk.disk->lifetime.pre_eol, 1);
	assert_int_equal(disk.disk->lifetime.type_a, 3);
	assert_int_equal(disk.disk->lifetime.type_b, 7);
	disk_end();
}

static void test_errors(void **state)
{
	(void)state;
	disk_prepare("");
	virtio_model_offer(&disk.model.model, MODEL_BLOCK_DISCARD, true);
	disk_boot();
	disk.model.fail_type = 1;
	disk.model.fail_status = 1;
	assert_int_equal(block_write(disk.disk, 0, disk.memory, 8), -EIO);
	assert_int_equal(block_read(disk.disk, 0, disk.memory, 8), 0);
	disk.model.fail_type = 11;
	disk.model.fail_status = 2;
	assert_int_equal(block_clear(disk.disk, BLOCK_DISCARD, 0, 8, false), -EOPNOTSUPP);
	assert_int_equal(disk.disk->queues[0].counters.errors, 2);
	assert_int_equal(host_log_count(), 0);
	disk_end();
}

/* -- Configuration that changes */

static void test_resize(void **state)
{
	(void)state;
	disk_prepare("");
	disk_boot();
	virtio_model_block_resize(&disk.model, 4096);
	block_service();
	assert_int_equal(disk.disk->sectors, 4096);
	assert_true(host_log_has("resized from 1M to 2M"));
	assert_int_equal(block_write(disk.disk, 4000, disk.memory, 96), 0);
	virtio_model_block_resize(&disk.model, 1000);
	block_service();
	assert_int_equal(block_write(disk.disk, 996, disk.memory, 8), -ENOSPC);
	assert_int_equal(disk.disk->resizes, 2);
	/* Told, but nothing changed. */
	virtio_model_block_resize(&disk.model, 1000);
	block_service();
	assert_int_equal(disk.disk->resizes, 2);
	disk_end();
}

static void test_write_cache(void **state)
{
	unsigned int before;

	(void)state;
	disk_prepare("");
	disk_boot();
	assert_int_equal(block_set_write_cache(disk.disk, false), -EOPNOTSUPP);
	disk_end();

	disk_prepare("");
	virtio_model_offer(&disk.model.model, MODEL_BLOCK_CONFIG_WCE, true);
	disk_boot();
	assert_true(disk.disk->write_cache);
	/* The model's byte cannot be written yet: the device refuses the change. */
	disk.model.model.on_write = NULL;
	disk.model.model.config_writable[32] = true;
	before = disk.model.done_count;
	assert_int_equal(block_set_write_cache(disk.disk, false), 0);
	assert_int_equal(disk.model.model.config[32], 0);
	assert_false(disk.disk->write_cache);
	/* What was written before is flushed. */
	assert_int_equal(disk.model.done_count, before + 1);
	assert_int_equal(virtio_model_block_last(&disk.model)->type, 4);
	/* It outlives a reset, after which the device has its default again. */
	disk.model.model.config[32] = 1;
	virtio_model_needs_reset(&disk.model.model);
	assert_int_equal(block_read(disk.disk, 0, disk.memory, 8), 0);
	assert_int_equal(disk.model.model.config[32], 0);
	assert_int_equal(block_set_write_cache(disk.disk, true), 0);
	assert_int_equal(disk.model.model.config[32], 1);
	assert_true(disk.disk->write_cache);
	disk_end();
}

/* -- Queues and costs */

/* One read: one kick, one interrupt. */
static void test_costs(void **state)
{
	struct model_queue *queue = &disk.model.model.queues[0];
	uint64_t kicks, messages, accesses;

	(void)state;
	disk_prepare("");
	disk_boot();
	kicks = queue->kicks;
	messages = disk.pci.pci.messages;
	accesses = host_io_accesses();
	for (unsigned int i = 0; i < 1000; i++) {
		disk_add(0, BLOCK_READ, i, 8, 0);
		block_kick(disk.disk);
		disk_drain();
	}
	assert_int_equal(queue->kicks - kicks, 1000);
	assert_int_equal(disk.pci.pci.messages - messages, 1000);
	assert_int_equal(host_io_accesses() - accesses, 1000);
	/* A batch: one kick and one interrupt for all; nothing new: nothing. */
	for (unsigned int i = 0; i < 16; i++)
		disk_add(i, BLOCK_READ, i, 8, 0);
	block_kick(disk.disk);
	block_kick(disk.disk);
	disk_drain();
	assert_int_equal(queue->kicks - kicks, 1001);
	assert_int_equal(disk.pci.pci.messages - messages, 1001);
	disk_end();
}

/* More requests than fit in the ring: all are done, and each once. */
static void test_full_queue(void **state)
{
	static const char *const options[] = {"", "virtio.features=-indirect_desc",
					      "virtio.features=-event_idx"};

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		disk_prepare_queues(options[i / 2], 1, 16);
		disk.model.reverse = i & 1;
		disk.model.at_most = i & 1 ? 3 : 0;
		disk_boot();
		for (unsigned int j = 0; j < DISK_REQUESTS; j++)
			disk_add(j, BLOCK_WRITE, j, 1, j * SECTOR);
		block_kick(disk.disk);
		disk_drain();
		for (unsigned int j = 0; j < DISK_REQUESTS; j++)
			assert_int_equal(disk.requests[j].request.error, 0);
		assert_memory_equal(on_disk(0), disk.memory, DISK_REQUESTS * SECTOR);
		assert_true(disk.disk->queues[0].counters.waited > 0);
		disk_end();
	}
}

static void test_queues(void **state)
{
	(void)state;
	disk_prepare_queues("", DISK_QUEUES, DISK_RING);
	host_cpu(0, DISK_QUEUES);
	disk_boot();
	assert_int_equal(disk.disk->queue_count, DISK_QUEUES);
	assert_int_equal(host_interrupts(), DISK_QUEUES + 1);
	for (unsigned int i = 0; i < DISK_QUEUES; i++) {
		host_cpu(i, DISK_QUEUES);
		disk_add(i, BLOCK_WRITE, 8 * i, 8, 0);
		block_kick(disk.disk);
		disk_drain();
		assert_int_equal(virtio_model_block_last(&disk.model)->queue, i);
	}
	disk_end();
	/* Fewer CPUs than queues, more CPUs than queues, and a limit of the user's. */
	disk_prepare_queues("", DISK_QUEUES, DISK_RING);
	host_cpu(0, 2);
	disk_boot();
	assert_int_equal(disk.disk->queue_count, 2);
	disk_end();
	disk_prepare_queues("virtio.queues=3", DISK_QUEUES, DISK_RING);
	host_cpu(7, 8);
	disk_boot();
	assert_int_equal(disk.disk->queue_count, 3);
	assert_int_equal(block_read(disk.disk, 0, disk.memory, 8), 0);
	assert_int_equal(virtio_model_block_last(&disk.model)->queue, 1);
	disk_end();
	disk_prepare_queues("virtio.features=-mq", DISK_QUEUES, DISK_RING);
	host_cpu(3, 4);
	disk_boot();
	assert_int_equal(disk.disk->queue_count, 1);
	assert_int_equal(block_read(disk.disk, 0, disk.memory, 8), 0);
	disk_end();
}

/* Other ways of interrupting. */
static void test_interrupts(void **state)
{
	(void)state;
	for (unsigned int vectors = 0; vectors < 4; vectors++) {
		disk_prepare_queues("", 2, DISK_RING);
		host_cpu(1, 2);
		disk.vectors = vectors;
		disk_boot();
		for (unsigned int i = 0; i < 20; i++)
			assert_int_equal(block_write(disk.disk, i, disk.memory, 8), 0);
		assert_int_equal(disk.disk->interrupts_missed, 0);
		virtio_model_block_resize(&disk.model, 4096);
		block_service();
		assert_int_equal(disk.disk->sectors, 4096);
		disk_end();
	}
}

/* Every ring, the legacy registers, polling: work, and work again after a reset. */
static void test_ways(void **state)
{
	static const struct {
		const char *options;
		uint8_t offer[4];
		uint16_t ring;
		bool legacy;
	} ways[] = {
		{"virtio.features=+ring_packed", {MODEL_RING_PACKED}, 64, false},
		{"virtio.features=+ring_packed", {MODEL_RING_PACKED}, 33, false},
		{"virtio.features=+ring_packed", {MODEL_RING_PACKED}, 3, false},
		{"virtio.features=+ring_packed,-event_idx", {MODEL_RING_PACKED}, 5, false},
		{"virtio.features=+in_order", {MODEL_IN_ORDER}, 64, false},
		{"virtio.features=+in_order,+ring_packed",
		 {MODEL_IN_ORDER, MODEL_RING_PACKED},
		 7,
		 false},
		{"virtio.features=+notification_data", {MODEL_NOTIFICATION_DATA}, 16, false},
		{"", {0}, 64, true},
		{"virtio.interrupts=poll", {0}, 64, false},
		{"virtio.interrupts=intx", {0}, 64, false},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct virtio_device *device;

		disk_prepare_queues(ways[i].options, 2, ways[i].ring);
		disk.legacy = ways[i].legacy;
		for (unsigned int j = 0; j < 4 && ways[i].offer[j]; j++)
			virtio_model_offer(&disk.model.model, ways[i].offer[j], true);
		host_cpu(0, 2);
		disk_boot();
		device = ((struct virtio_blk *)disk.disk->driver_data)->virtio;
		for (unsigned int round = 0; round < 2; round++) {
			for (unsigned int j = 0; j < DISK_REQUESTS; j++) {
				host_cpu(j % 2, 2);
				disk_add(j, BLOCK_WRITE, j, 1, j * SECTOR);
			}
			for (unsigned int j = 0; j < 2; j++) {
				host_cpu(j, 2);
				block_kick(disk.disk);
			}
			disk_drain();
			for (unsigned int j = 0; j < DISK_REQUESTS; j++)
				assert_int_equal(disk.requests[j].request.error, 0);
			assert_memory_equal(on_disk(0), disk.memory, DISK_REQUESTS * SECTOR);
			memset(disk.memory, 0, 64 * SECTOR);
			assert_int_equal(block_read(disk.disk, 0, disk.memory, 64), 0);
			assert_memory_equal(on_disk(0), disk.memory, 64 * SECTOR);
			assert_int_equal(device->recovery.recoveries, round);
			virtio_device_break(device, "was reset by the test");
			thread_sleep(NANOSECONDS_PER_SECOND);
		}
		disk_end();
	}
}

/* -- Commands */

static enum command_result run(const char *line)
{
	char text[200], *words[12], *rest = text;
	int count = 0;

	host_command_clear();
	strcpy(text, line);
	for (char *word; (word = strtok_r(rest, " ", &rest)); count++)
		words[count] = !strcmp(word, "DISK") ? disk.disk->name : word;
	words[count] = NULL;
	TABLE_FOREACH (commands, struct command, command)
		if (!strcmp(command->name, words[0]))
			return command->run(count, words);
	fail_msg("no command %s", words[0]);
	return COMMAND_FAILED;
}

static bool says(const char *part)
{
	return strstr(host_command_output(), part) != NULL;
}

static void test_commands(void **state)
{
	static const char *const usage[] = {"lsblk x",
					    "blkread",
					    "blkread DISK",
					    "blkread DISK 1 1 1",
					    "hexdump",
					    "hexdump -x 1 DISK",
					    "hexdump DISK DISK",
					    "blkwrite",
					    "blkwrite --yes DISK 1",
					    "blkdiscard --yes DISK",
					    "blkdiscard --yes -q DISK 1 1",
					    "blktest",
					    "blkcache",
					    "blkcache DISK sideways",
					    "blkbench",
					    "blkbench DISK 1 1 1 1 1 1 1"};

	(void)state;
	disk_prepare("");
	virtio_model_offer(&disk.model.model, MODEL_BLOCK_DISCARD, true);
	disk_boot();
	for (unsigned int i = 0; i < sizeof(usage) / sizeof(usage[0]); i++)
		assert_int_equal(run(usage[i]), COMMAND_USAGE);
	assert_int_equal(run("lsblk"), COMMAND_OK);
	assert_true(says("NAME       SIZE RO TYPE SERIAL\n"));
	assert_true(says("     1M  0 disk RS-0001\n"));
	assert_int_equal(run("blkread none 0"), COMMAND_FAILED);
	assert_int_equal(run("blkread DISK x"), COMMAND_FAILED);
	assert_int_equal(run("blkread DISK 2048"), COMMAND_FAILED);
	assert_true(says("beyond the end"));

	/* Without --yes nothing is written. */
	assert_int_equal(run("blkwrite DISK 2 hello world"), COMMAND_FAILED);
	assert_int_equal(run("blkdiscard DISK 0 8"), COMMAND_FAILED);
	assert_int_equal(run("blktest DISK"), COMMAND_FAILED);
	for (unsigned int i = 0; i < DISK_SECTORS * SECTOR; i++)
		assert_int_equal(disk.model.disk[i], 0);
	assert_int_equal(run("blkwrite --yes DISK 2 hello  world"), COMMAND_OK);
	assert_memory_equal(on_disk(2), "hello world\0", 13);
	assert_int_equal(virtio_model_block_last(&disk.model)->type, 4);
	assert_int_equal(run("blkwrite DISK 3 0xa5*4 --yes"), COMMAND_OK);
	assert_int_equal(*on_disk(3), 0xa5);
	assert_int_equal(on_disk(7)[-1], 0xa5);
	assert_int_equal(*on_disk(7), 0);
	assert_int_equal(run("blkwrite --yes DISK 7 0x1ff"), COMMAND_OK); /* no byte: a text */
	assert_memory_equal(on_disk(7), "0x1ff", 6);

	assert_int_equal(run("blkread DISK 2 2"), COMMAND_OK);
	assert_string_equal(
		host_command_output(),
		"00000400  68 65 6c 6c 6f 20 77 6f  72 6c 64 00 00 00 00 00  |hello world.....|\n"
		"00000410  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n"
		"*\n"
		"00000600  a5 a5 a5 a5 a5 a5 a5 a5  a5 a5 a5 a5 a5 a5 a5 a5  |................|\n"
		"*\n"
		"00000800\n");
	assert_int_equal(run("hexdump -s 0x406 -n 5 DISK"), COMMAND_OK);
	assert_string_equal(host_command_output(),
			    "00000406  77 6f 72 6c 64                                    |world|\n"
			    "0000040b\n");
	assert_int_equal(run("hexdump -s 1 -n 200000 DISK"), COMMAND_OK);
	assert_true(says("\n00030d41\n"));
	assert_int_equal(run("blkdiscard --yes DISK 0 8"), COMMAND_OK);
	assert_int_equal(*on_disk(2), 0);
	assert_int_equal(run("blkdiscard --yes -z DISK 0 8"), COMMAND_FAILED);
	assert_true(says("cannot do that"));
	assert_int_equal(run("blkcache DISK"), COMMAND_OK);
	assert_true(says("write-back\n"));
	assert_int_equal(run("blkcache DISK through"), COMMAND_FAILED);
	assert_int_equal(run("blktest --yes DISK 2"), COMMAND_FAILED);
	assert_int_equal(run("blktest --yes DISK 1"), COMMAND_OK);
	assert_true(says(": 1 MiB verified, "));
	assert_int_equal(run("blkbench DISK 100 32"), COMMAND_OK);
	assert_true(says("100 reads of 4096 bytes, depth 32"));
	disk_end();
}

/* A disk that answers wrong data is found out. */
static bool forge(struct virtio_model *model, enum model_space space, uint32_t offset,
		  unsigned int width, uint64_t value)
{
	(void)model;
	(void)offset;
	(void)width;
	(void)value;
	if (space == MODEL_NOTIFY && disk.model.done_count > 40)
		*on_disk(1500) ^= 1;
	return false;
}

static void test_blktest_finds(void **state)
{
	(void)state;
	disk_prepare("");
	disk_boot();
	disk.model.model.on_write = forge;
	assert_int_equal(run("blktest --yes DISK 1"), COMMAND_FAILED);
	assert_true(says("not what was written"));
	disk_end();
}

static int count_output(void *context, const char *text, size_t length)
{
	(void)text;
	*(size_t *)context += length;
	return 0;
}

static void test_facts(void **state)
{
	size_t length = 0;

	(void)state;
	disk_prepare("");
	disk_boot();
	TABLE_FOREACH (facts, struct facts_section, section)
		if (!strcmp(section->name, "block"))
			assert_int_equal(facts_print_text(section->describe, count_output, &length),
					 0);
	assert_true(length > 500);
	disk_end();
}

static void test_sizes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {{0, "0B"},
		     {512, "512B"},
		     {1023, "1023B"},
		     {1024, "1K"},
		     {1536, "1.5K"},
		     {64ull << 20, "64M"},
		     {(1ull << 30) + (1ull << 29), "1.5G"},
		     {2047ull << 10, "2M"},
		     {UINT64_MAX, "16E"}};
	char text[16];

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(block_size_text(cases[i].bytes, text, sizeof(text)),
				    cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),	       cmocka_unit_test(test_configuration_lies),
		cmocka_unit_test(test_short_queue),    cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_read_write),     cmocka_unit_test(test_bounce),
		cmocka_unit_test(test_scatter_gather), cmocka_unit_test(test_size_max),
		cmocka_unit_test(test_block_size),     cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_flush),	       cmocka_unit_test(test_clear),
		cmocka_unit_test(test_read_only),      cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_errors),	       cmocka_unit_test(test_resize),
		cmocka_unit_test(test_write_cache),    cmocka_unit_test(test_costs),
		cmocka_unit_test(test_full_queue),     cmocka_unit_test(test_queues),
		cmocka_unit_test(test_interrupts),     cmocka_unit_test(test_ways),
		cmocka_unit_test(test_commands),       cmocka_unit_test(test_blktest_finds),
		cmocka_unit_test(test_facts),	       cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
