/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-blk (virtio 1.4, 5.2): configuration, resets, resizing, write cache, description. */
#include "drivers/block/virtio_blk.h"

#include "kernel/console/log.h"
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LOG_AREA "block"

/* A request has a header and a status beside its data. */
#define BESIDE_DATA 2u
#define SEGMENTS_MAX 1024u
#define BYTES_MAX (1u << 30)
#define BLOCK_SIZE_MAX 65536u
#define PHYSICAL_EXP_MAX 16u
#define CAPACITY_MAX (UINT64_MAX / BLOCK_SECTOR)
/* How long a queue that is to be reset may take to end what it has. */
#define DRAIN_TIME (2 * NANOSECONDS_PER_SECOND)
#define DRAIN_PAUSE NANOSECONDS_PER_MILLISECOND

static const uint8_t features[] = {
	VIRTIO_BLK_F_SIZE_MAX,	   VIRTIO_BLK_F_SEG_MAX,      VIRTIO_BLK_F_GEOMETRY,
	VIRTIO_BLK_F_RO,	   VIRTIO_BLK_F_BLK_SIZE,     VIRTIO_BLK_F_FLUSH,
	VIRTIO_BLK_F_TOPOLOGY,	   VIRTIO_BLK_F_CONFIG_WCE,   VIRTIO_BLK_F_MQ,
	VIRTIO_BLK_F_DISCARD,	   VIRTIO_BLK_F_WRITE_ZEROES, VIRTIO_BLK_F_LIFETIME,
	VIRTIO_BLK_F_SECURE_ERASE, VIRTIO_FEATURES_END,
};

static struct virtio_blk *blk_of(struct block_device *disk)
{
	return disk->driver_data;
}

/* -- Configuration */

static bool is_block_size(uint32_t size)
{
	return size >= BLOCK_SECTOR && size <= BLOCK_SIZE_MAX && !(size & (size - 1));
}

/* A feature whose numbers make no sense is done without. */
static void drop(struct virtio_device *device, struct virtio_features *wanted, unsigned int feature,
		 bool usable, uint32_t value)
{
	if (!virtio_features_has(wanted, feature) || usable)
		return;
	log_warning("%s: %s is not used, its configuration says %u", device->bus_name,
		    virtio_feature_name(VIRTIO_ID_BLOCK, feature), (unsigned int)value);
	virtio_features_clear(wanted, feature);
}

static void validate(struct virtio_device *device, struct virtio_features *wanted)
{
	static const struct {
		uint8_t feature, sectors, segments;
	} ranges[] = {
		{VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_CONFIG_MAX_DISCARD_SECTORS,
		 VIRTIO_BLK_CONFIG_MAX_DISCARD_SEG},
		{VIRTIO_BLK_F_WRITE_ZEROES, VIRTIO_BLK_CONFIG_MAX_WRITE_ZEROES_SECTORS,
		 VIRTIO_BLK_CONFIG_MAX_WRITE_ZEROES_SEG},
		{VIRTIO_BLK_F_SECURE_ERASE, VIRTIO_BLK_CONFIG_MAX_SECURE_ERASE_SECTORS,
		 VIRTIO_BLK_CONFIG_MAX_SECURE_ERASE_SEG},
	};
	uint32_t value;

	if (virtio_features_has(wanted, VIRTIO_BLK_F_SIZE_MAX)) {
		value = virtio_config_read32(device, VIRTIO_BLK_CONFIG_SIZE_MAX);
		drop(device, wanted, VIRTIO_BLK_F_SIZE_MAX, value != 0, value);
	}
	if (virtio_features_has(wanted, VIRTIO_BLK_F_SEG_MAX)) {
		value = virtio_config_read32(device, VIRTIO_BLK_CONFIG_SEG_MAX);
		drop(device, wanted, VIRTIO_BLK_F_SEG_MAX, value != 0, value);
	}
	if (virtio_features_has(wanted, VIRTIO_BLK_F_BLK_SIZE)) {
		value = virtio_config_read32(device, VIRTIO_BLK_CONFIG_BLK_SIZE);
		drop(device, wanted, VIRTIO_BLK_F_BLK_SIZE, is_block_size(value), value);
	}
	if (virtio_features_has(wanted, VIRTIO_BLK_F_TOPOLOGY)) {
		value = virtio_config_read8(device, VIRTIO_BLK_CONFIG_PHYSICAL_BLOCK_EXP);
		drop(device, wanted, VIRTIO_BLK_F_TOPOLOGY, value <= PHYSICAL_EXP_MAX, value);
	}
	if (virtio_features_has(wanted, VIRTIO_BLK_F_MQ)) {
		value = virtio_config_read16(device, VIRTIO_BLK_CONFIG_NUM_QUEUES);
		drop(device, wanted, VIRTIO_BLK_F_MQ, value != 0, value);
	}
	for (unsigned int i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (!virtio_features_has(wanted, ranges[i].feature))
			continue;
		value = virtio_config_read32(device, ranges[i].sectors);
		if (value)
			value = virtio_config_read32(device, ranges[i].segments);
		drop(device, wanted, ranges[i].feature, value != 0, value);
	}
}

static int read_capacity(struct virtio_blk *blk, uint64_t *sectors)
{
	int error = virtio_config_read(blk->virtio, VIRTIO_BLK_CONFIG_CAPACITY, sectors,
				       sizeof(*sectors), sizeof(uint32_t));

	if (error)
		return error;
	if (*sectors > CAPACITY_MAX) {
		if (log_limit_allows(&blk->cuts_said, LOG_AREA, blk->virtio->bus_name))
			log_warning("%s: its capacity of %llu sectors is cut",
				    blk->virtio->bus_name, (unsigned long long)*sectors);
		*sectors = CAPACITY_MAX;
	}
	return 0;
}

static void read_topology(struct virtio_device *device, struct block_limits *limits)
{
	uint8_t exp = virtio_config_read8(device, VIRTIO_BLK_CONFIG_PHYSICAL_BLOCK_EXP);

	/* It was checked before; a device may have changed its mind. */
	limits->physical_block_size = limits->block_size << (exp <= PHYSICAL_EXP_MAX ? exp : 0);
	limits->alignment_offset = limits->block_size *
				   virtio_config_read8(device, VIRTIO_BLK_CONFIG_ALIGNMENT_OFFSET);
	limits->io_min =
		limits->block_size * virtio_config_read16(device, VIRTIO_BLK_CONFIG_MIN_IO_SIZE);
	limits->io_optimal =
		limits->block_size * virtio_config_read32(device, VIRTIO_BLK_CONFIG_OPT_IO_SIZE);
}

static void read_ranges(struct virtio_device *device, struct block_limits *limits)
{
	if (virtio_has(device, VIRTIO_BLK_F_DISCARD)) {
		limits->operations |= BLOCK_CAN(BLOCK_DISCARD);
		limits->discard_max =
			virtio_config_read32(device, VIRTIO_BLK_CONFIG_MAX_DISCARD_SECTORS);
		limits->discard_align =
			virtio_config_read32(device, VIRTIO_BLK_CONFIG_DISCARD_SECTOR_ALIGNMENT);
	}
	if (virtio_has(device, VIRTIO_BLK_F_WRITE_ZEROES)) {
		limits->operations |= BLOCK_CAN(BLOCK_WRITE_ZEROES);
		limits->zeroes_max =
			virtio_config_read32(device, VIRTIO_BLK_CONFIG_MAX_WRITE_ZEROES_SECTORS);
		limits->zeroes_unmap =
			virtio_config_read8(device, VIRTIO_BLK_CONFIG_WRITE_ZEROES_MAY_UNMAP) == 1;
	}
	if (virtio_has(device, VIRTIO_BLK_F_SECURE_ERASE)) {
		limits->operations |= BLOCK_CAN(BLOCK_SECURE_ERASE);
		limits->erase_max =
			virtio_config_read32(device, VIRTIO_BLK_CONFIG_MAX_SECURE_ERASE_SECTORS);
		limits->erase_align = virtio_config_read32(
			device, VIRTIO_BLK_CONFIG_SECURE_ERASE_SECTOR_ALIGNMENT);
	}
}

static void read_limits(struct virtio_blk *blk)
{
	struct virtio_device *device = blk->virtio;
	struct block_limits *limits = &blk->block.limits;
	uint32_t value;

	*limits = (struct block_limits){
		.operations =
			BLOCK_CAN(BLOCK_READ) | BLOCK_CAN(BLOCK_WRITE) | BLOCK_CAN(BLOCK_IDENTIFY),
		.block_size = BLOCK_SECTOR,
		.segments_max = 1, /* 5.2.5: without SEG_MAX it says nothing of more */
		.segment_max = BYTES_MAX,
		.bytes_max = BYTES_MAX,
		.memory_align = 1,
	};
	if (virtio_has(device, VIRTIO_BLK_F_BLK_SIZE)) {
		value = virtio_config_read32(device, VIRTIO_BLK_CONFIG_BLK_SIZE);
		if (is_block_size(value))
			limits->block_size = value;
	}
	limits->physical_block_size = limits->block_size;
	if (virtio_has(device, VIRTIO_BLK_F_TOPOLOGY))
		read_topology(device, limits);
	if (virtio_has(device, VIRTIO_BLK_F_SEG_MAX)) {
		value = virtio_config_read32(device, VIRTIO_BLK_CONFIG_SEG_MAX);
		limits->segments_max = value < SEGMENTS_MAX ? value : SEGMENTS_MAX;
	}
	if (virtio_has(device, VIRTIO_BLK_F_SIZE_MAX)) {
		value = virtio_config_read32(device, VIRTIO_BLK_CONFIG_SIZE_MAX);
		limits->segment_max = value < BYTES_MAX ? value : BYTES_MAX;
	}
	if (!limits->segments_max)
		limits->segments_max = 1;
	if (!limits->segment_max)
		limits->segment_max = BYTES_MAX;
	if (virtio_has(device, VIRTIO_BLK_F_FLUSH))
		limits->operations |= BLOCK_CAN(BLOCK_FLUSH);
	if (virtio_has(device, VIRTIO_BLK_F_LIFETIME))
		limits->operations |= BLOCK_CAN(BLOCK_LIFETIME);
	read_ranges(device, limits);
}

/* 5.2.5: FLUSH without CONFIG_WCE is a cache that is always there. */
static void read_cache(struct virtio_blk *blk)
{
	blk->block.write_cache = virtio_has(blk->virtio, VIRTIO_BLK_F_FLUSH);
	if (virtio_has(blk->virtio, VIRTIO_BLK_F_CONFIG_WCE))
		blk->block.write_cache =
			virtio_config_read8(blk->virtio, VIRTIO_BLK_CONFIG_WRITEBACK) & 1;
}

static int configure(struct virtio_blk *blk, uint64_t *sectors)
{
	struct virtio_device *device = blk->virtio;
	int error = read_capacity(blk, sectors);

	if (error)
		return error;
	read_limits(blk);
	blk->block.read_only = virtio_has(device, VIRTIO_BLK_F_RO);
	blk->block.geometry = (struct block_geometry){0};
	if (virtio_has(device, VIRTIO_BLK_F_GEOMETRY))
		blk->block.geometry = (struct block_geometry){
			virtio_config_read16(device, VIRTIO_BLK_CONFIG_CYLINDERS),
			virtio_config_read8(device, VIRTIO_BLK_CONFIG_HEADS),
			virtio_config_read8(device, VIRTIO_BLK_CONFIG_SECTORS)};
	if (blk->cache_set && virtio_has(device, VIRTIO_BLK_F_CONFIG_WCE))
		virtio_config_write8(device, VIRTIO_BLK_CONFIG_WRITEBACK, blk->cache_on);
	read_cache(blk);
	return 0;
}

/* -- Interrupts */

static void on_queue(struct virtqueue *vq)
{
	struct virtio_blk_queue *queue = vq->context;

	block_interrupt(queue->block);
}

static void on_config(struct virtio_device *device)
{
	struct virtio_blk *blk = device->driver_data;

	if (blk)
		block_changed(&blk->block);
}

/* -- Operations */

static void timed_out(struct block_device *disk)
{
	virtio_device_break(blk_of(disk)->virtio, "did not answer in time");
}

static void changed(struct block_device *disk)
{
	struct virtio_blk *blk = blk_of(disk);
	uint64_t sectors;

	if (blk->virtio->recovery.broken || read_capacity(blk, &sectors))
		return;
	block_set_capacity(disk, sectors);
	read_cache(blk);
}

static int set_write_cache(struct block_device *disk, bool on)
{
	struct virtio_blk *blk = blk_of(disk);

	if (!virtio_has(blk->virtio, VIRTIO_BLK_F_CONFIG_WCE))
		return -EOPNOTSUPP;
	if (disk->dead || blk->virtio->recovery.broken)
		return -EIO;
	virtio_config_write8(blk->virtio, VIRTIO_BLK_CONFIG_WRITEBACK, on);
	read_cache(blk);
	if (disk->write_cache != on)
		return -EIO;
	blk->cache_set = true;
	blk->cache_on = on;
	/* What was written before is not made safe by the switch. */
	return on ? 0 : block_flush(disk);
}

static void add_costs(struct virtio_blk *blk, uint64_t *kicks, uint64_t *interrupts)
{
	virtio_queues_hold();
	for (unsigned int i = 0; i < blk->virtio->queue_count; i++) {
		const struct virtqueue_counters *counters = &blk->virtio->queues[i]->counters;

		*kicks += counters->kicks;
		*interrupts += counters->interrupts + counters->interrupts_idle;
	}
	virtio_queues_release();
}

static void costs(struct block_device *disk, uint64_t *kicks, uint64_t *interrupts)
{
	struct virtio_blk *blk = blk_of(disk);

	*kicks = blk->kicks;
	*interrupts = blk->interrupts;
	add_costs(blk, kicks, interrupts);
}

static void describe(struct block_device *disk, struct facts *facts)
{
	const struct virtio_blk *blk = blk_of(disk);

	fact_text(facts, "virtio_device", blk->virtio->name);
	fact_number(facts, "status_missing", blk->status_missing);
	fact_number(facts, "status_unknown", blk->status_unknown);
	fact_number(facts, "lengths_short", blk->lengths_short);
	fact_number(facts, "lengths_wrong", blk->lengths_wrong);
}

static const struct block_operations operations = {
	.start = virtio_blk_start,
	.kick = virtio_blk_kick,
	.reap = virtio_blk_reap,
	.timed_out = timed_out,
	.changed = changed,
	.set_write_cache = set_write_cache,
	.costs = costs,
	.describe = describe,
};

/* -- Queues */

/* 5.2.2: as many as there are CPUs, as far as the device and the user allow. */
static unsigned int queue_count(struct virtio_blk *blk)
{
	unsigned int count = thread_cpu_count(), offered = 1;

	if (virtio_has(blk->virtio, VIRTIO_BLK_F_MQ))
		offered = virtio_config_read16(blk->virtio, VIRTIO_BLK_CONFIG_NUM_QUEUES);
	if (count > BLOCK_QUEUES_MAX)
		count = BLOCK_QUEUES_MAX;
	return virtio_queues_allowed(offered && offered < count ? offered : count);
}

static void destroy_queues(struct virtio_blk *blk)
{
	add_costs(blk, &blk->kicks, &blk->interrupts);
	for (unsigned int i = 0; i < blk->block.queue_count; i++)
		virtio_blk_queue_destroy(&blk->queues[i]);
}

/* No chain is longer than the ring (2.7.5.3.1), nor an indirect table than its queue. */
static int fit_segments(struct virtio_blk *blk)
{
	uint32_t *segments = &blk->block.limits.segments_max;

	for (unsigned int i = 0; i < blk->virtio->queue_count; i++) {
		uint16_t size = blk->virtio->queues[i]->size;

		if (size <= BESIDE_DATA) {
			log_error("%s: a queue of %u descriptors holds no request",
				  blk->virtio->bus_name, size);
			return -ENOSPC;
		}
		if (*segments > size - BESIDE_DATA)
			*segments = size - BESIDE_DATA;
	}
	return 0;
}

/* Step 7 */
static int create_queues(struct virtio_blk *blk)
{
	struct virtio_queue_request requests[BLOCK_QUEUES_MAX];
	char names[BLOCK_QUEUES_MAX][20];
	unsigned int count = blk->block.queue_count;
	int error;

	for (unsigned int i = 0; i < count; i++) {
		sniprintf(names[i], sizeof(names[i]), "requests%u", i);
		requests[i] = (struct virtio_queue_request){
			.name = names[i],
			.segments_max = blk->block.limits.segments_max + BESIDE_DATA,
			.callback = on_queue,
			.context = &blk->queues[i],
			.cpu = i,
		};
	}
	error = virtio_queues_create(blk->virtio, requests, count);
	if (error)
		return error;
	error = fit_segments(blk);
	for (unsigned int i = 0; i < count && !error; i++) {
		blk->queues[i].blk = blk;
		blk->queues[i].block = &blk->block.queues[i];
		blk->block.queues[i].driver_data = &blk->queues[i];
		error = virtio_blk_queue_create(&blk->queues[i], blk->virtio->queues[i]);
	}
	if (!error)
		return 0;
	if (virtio_reset(blk->virtio))
		return error; /* it may still write to what was lent */
	destroy_queues(blk);
	virtio_queues_destroy(blk->virtio);
	return error;
}

/* Step 8 */
static void run(struct virtio_blk *blk)
{
	virtio_driver_ok(blk->virtio);
	block_start(&blk->block);
}

static int probe(struct virtio_device *device)
{
	struct virtio_blk *blk = calloc(1, sizeof(*blk));
	unsigned int count;
	int error;

	if (!blk)
		return -ENOMEM;
	blk->virtio = device;
	blk->block.operations = &operations;
	blk->block.driver_data = blk;
	blk->block.driver_name = "virtio_blk";
	blk->block.bus_name = device->bus_name;
	blk->block.prefix = "vd";
	blk->block.disk = &blk->block;
	error = configure(blk, &blk->block.sectors);
	if (error)
		goto free_blk;
	count = queue_count(blk);
	blk->queues = calloc(count, sizeof(*blk->queues));
	error = blk->queues ? block_queues_create(&blk->block, count) : -ENOMEM;
	if (error)
		goto free_queues;
	error = create_queues(blk);
	if (error) {
		if (device->reset_failed)
			return error;
		goto free_queues;
	}
	device->driver_data = blk;
	run(blk);
	block_register(&blk->block);
	block_changed(&blk->block); /* changes before now went unheard */
	return 0;

free_queues:
	block_queues_destroy(&blk->block);
	free(blk->queues);
free_blk:
	free(blk);
	return error;
}

/* -- Recovery */

static void stop(struct virtio_device *device)
{
	struct virtio_blk *blk = device->driver_data;

	block_stop(&blk->block);
	for (unsigned int i = 0; i < blk->block.queue_count; i++)
		virtio_blk_abort(&blk->queues[i]);
	/* A device that did not reset may still write: headers and states stay lent for ever. */
	if (!device->reset_failed)
		destroy_queues(blk);
	for (unsigned int i = 0; i < blk->block.queue_count; i++)
		blk->queues[i].vq = NULL;
	log_info("%s: stopped, the device %s", blk->block.name, device->recovery.failure);
}

static int start(struct virtio_device *device)
{
	struct virtio_blk *blk = device->driver_data;
	uint64_t sectors;
	int error = configure(blk, &sectors);

	if (!error)
		error = create_queues(blk);
	if (error)
		return error;
	block_set_capacity(&blk->block, sectors);
	run(blk);
	return 0;
}

/*
 * What the device is about to finish need not fail. And QEMU 7.2 finishes the requests of a queue all
 * the same after it was reset, into the new ring when that is there by then: it breaks the rules, and
 * is reset as a whole.
 */
static void drain(struct virtio_blk_queue *queue)
{
	uint64_t deadline = clock_monotonic() + DRAIN_TIME;
	bool idle = false;

	while (!idle) {
		uint64_t flags = block_lock(queue->block);

		(void)virtio_blk_reap(queue->block);
		idle = queue->vq->broken || queue->vq->free == queue->vq->size;
		block_unlock(queue->block, flags);
		if (idle || clock_monotonic() >= deadline)
			return;
		thread_sleep(DRAIN_PAUSE);
	}
}

/* 2.6.1: what this queue still has after a while fails, the others go on. */
static int queue_reset(struct virtio_device *device, struct virtqueue *vq)
{
	struct virtio_blk_queue *queue = vq->context;
	int error;

	(void)device;
	block_queue_stop(queue->block);
	drain(queue);
	error = virtio_queue_reset(vq);
	if (!error)
		virtio_blk_abort(queue);
	if (!error)
		error = virtio_queue_resume(vq);
	/* After an error the device is broken: the queue starts when all of it does. */
	if (!error)
		block_queue_start(queue->block);
	return error;
}

static void given_up(struct virtio_device *device)
{
	struct virtio_blk *blk = device->driver_data;

	block_dead(&blk->block);
	log_error("%s: is gone, what is asked of it fails", blk->block.name);
}

VIRTIO_DRIVER(blk) = {
	.name = "virtio_blk",
	.device_type = VIRTIO_ID_BLOCK,
	.features = features,
	.validate = validate,
	.probe = probe,
	.config_changed = on_config,
	.stop = stop,
	.start = start,
	.given_up = given_up,
	.queue_reset = queue_reset,
};
