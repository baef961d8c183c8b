/* SPDX-License-Identifier: BSD-2-Clause */
/* What a block device offers and has in its configuration (virtio 1.4, 5.2.3 to 5.2.5), without zones. */
#include "tests/conformance/case.h"
#include "tests/conformance/core/block.h"

#define BLOCK .devices = DEVICE(BLOCK)
#define SEED 0x31

static void need_config(struct conformance_target *t, uint32_t bytes)
{
	if (config_length(t) < bytes)
		skip(t, "the configuration has only %u bytes", config_length(t));
}

CASE(block_offers_flush, OBEY, "FLUSH is offered", "DEV-BLK-INIT-01", BLOCK, .should = true,
     .transports = TRANSPORTS_ALL)
{
	expect_bits(t, "features offered", features_offered(t), FEATURE(F_BLOCK_FLUSH), 0);
}

CASE(block_wce_needs_flush, OBEY, "a device that offers CONFIG_WCE offers FLUSH", "DEV-BLK-INIT-02",
     BLOCK, .features = FEATURE(F_BLOCK_CONFIG_WCE), .transports = TRANSPORTS_ALL)
{
	expect_bits(t, "features offered", features_offered(t), FEATURE(F_BLOCK_FLUSH), 0);
}

CASE(block_wce_without_flush, OBEY, "with CONFIG_WCE and without FLUSH writeback is 0 at first",
     "DEV-BLK-INIT-03", BLOCK, .features = FEATURE(F_BLOCK_CONFIG_WCE))
{
	need_config(t, BLOCK_WRITEBACK + 1);
	session_begin(t, SESSION_WITH(FEATURE(F_BLOCK_CONFIG_WCE)));
	expect_equal(t, "writeback after FEATURES_OK", config_read(t, BLOCK_WRITEBACK, 1), 0);
}

CASE(block_writeback_set, OBEY, "with CONFIG_WCE writeback is what the driver wrote last", "-",
     BLOCK, .features = FEATURE(F_BLOCK_CONFIG_WCE))
{
	need_config(t, BLOCK_WRITEBACK + 1);
	session_begin(t, SESSION_WITH(FEATURE(F_BLOCK_CONFIG_WCE) | FEATURE(F_BLOCK_FLUSH)));
	session_ready(t);
	for (unsigned int i = 0; i < 4; i++) {
		config_write(t, BLOCK_WRITEBACK, 1, i & 1);
		expect_equal(t, "writeback", config_read(t, BLOCK_WRITEBACK, 1), i & 1);
		request_once(t, 0);
	}
	expect_equal(t, "writeback after requests", config_read(t, BLOCK_WRITEBACK, 1), 1);
}

CASE(block_unused0_zero, OBEY, "the padding unused0 of the configuration is 0", "DEV-BLK-INIT-04",
     BLOCK, .transports = TRANSPORTS_ALL)
{
	need_config(t, BLOCK_UNUSED0 + 1);
	expect_equal(t, "unused0", config_read(t, BLOCK_UNUSED0, 1), 0);
}

CASE(block_unused1_zero, OBEY, "the padding unused1 of the configuration is 0", "DEV-BLK-INIT-04",
     BLOCK, .features = FEATURE(F_BLOCK_WRITE_ZEROES), .transports = TRANSPORTS_ALL)
{
	need_config(t, BLOCK_UNUSED1 + 3);
	for (uint32_t i = 0; i < 3; i++)
		expect_equal(t, "unused1", config_read(t, BLOCK_UNUSED1 + i, 1), 0);
}

CASE(block_legacy_not_zoned, OBEY, "ZONED is not offered through a legacy interface",
     "DEV-BLK-INIT-06", BLOCK, .transports = TRANSPORTS_LEGACY)
{
	expect_bits(t, "features offered", features_offered(t), 0, FEATURE(F_BLOCK_ZONED));
}

/* -- The cache mode of a transitional device before there is FEATURES_OK */

static void legacy_writeback(struct conformance_target *t, uint64_t features, uint8_t writeback)
{
	need_config(t, BLOCK_WRITEBACK + 1);
	session_begin(t, SESSION_ONLY(features));
	config_write(t, BLOCK_WRITEBACK, 1, writeback);
	expect_equal(t, "writeback that was written", config_read(t, BLOCK_WRITEBACK, 1),
		     writeback);
}

#define LEGACY_CACHE(value)                                                                        \
	CASE(block_legacy_status_cache_##value, OBEY,                                              \
	     "a legacy driver's writes to the status leave writeback " #value,                     \
	     "DEV-BLK-INIT-21 DEV-BLK-INIT-22", BLOCK, .transports = TRANSPORTS_LEGACY,            \
	     .features = FEATURE(F_BLOCK_CONFIG_WCE))                                              \
	{                                                                                          \
		static const uint8_t steps[] = {3, 3, 7, 7};                                       \
                                                                                                   \
		legacy_writeback(t, FEATURE(F_BLOCK_CONFIG_WCE) | FEATURE(F_BLOCK_FLUSH), value);  \
		session_queue(t, 0, 0);                                                            \
		for (unsigned int i = 0; i < sizeof(steps); i++) {                                 \
			register_write(t, REGISTER_STATUS, steps[i]);                              \
			expect_equal(t, "writeback", config_read(t, BLOCK_WRITEBACK, 1), value);   \
		}                                                                                  \
	}                                                                                          \
	CASE(block_legacy_features_cache_##value, OBEY,                                            \
	     "a legacy driver's writes to the features leave writeback " #value,                   \
	     "DEV-BLK-INIT-21 DEV-BLK-INIT-23", BLOCK, .transports = TRANSPORTS_LEGACY,            \
	     .features = FEATURE(F_BLOCK_CONFIG_WCE))                                              \
	{                                                                                          \
		static const uint64_t sets[] = {                                                   \
			0, FEATURE(F_BLOCK_FLUSH), FEATURE(F_BLOCK_CONFIG_WCE),                    \
			FEATURE(F_BLOCK_CONFIG_WCE) | FEATURE(F_BLOCK_FLUSH)};                     \
                                                                                                   \
		legacy_writeback(t, FEATURE(F_BLOCK_CONFIG_WCE) | FEATURE(F_BLOCK_FLUSH), value);  \
		for (unsigned int i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {                \
			features_write(t, sets[i] & features_offered(t));                          \
			expect_equal(t, "writeback", config_read(t, BLOCK_WRITEBACK, 1), value);   \
		}                                                                                  \
	}
LEGACY_CACHE(0)
LEGACY_CACHE(1)

CASE(block_legacy_config, OBEY, "a legacy interface has the capacity in the CPU's byte order",
     "DEV-BLK-CFG-01", BLOCK, .transports = TRANSPORTS_LEGACY)
{
	uint64_t capacity;
	uint8_t *sector = lend(t, BLOCK_SECTOR, 0, LOAN_WRITE);
	struct block_answer answer;

	session_open(t);
	capacity = block_capacity(t);
	/* The last sector that it says is there, and none behind it. */
	answer = block_do(t, 0, BLOCK_IN, capacity - 1, NULL, 0, sector, BLOCK_SECTOR);
	block_expect_status(t, &answer, BLOCK_OK);
	answer = block_do(t, 0, BLOCK_IN, capacity, NULL, 0, sector, BLOCK_SECTOR);
	block_expect_status(t, &answer, BLOCK_IOERR);
}

/* -- The capacity changes */

#define MORE 128u

CASE(block_resize_notifies, OBEY, "a change of the capacity sends a configuration notification",
     "DEV-BLK-OP-02", BLOCK, .should = true, .interrupts = true, .host = "resize",
     .transports = TRANSPORTS_MODERN)
{
	uint64_t capacity;
	unsigned int slot;

	session_begin(t, SESSION_ALL);
	slot = interrupt_config(t, 1);
	session_ready(t);
	capacity = block_capacity(t);
	interrupt_zero(t, slot);
	host_ask(t, "resize", "%llu", (unsigned long long)(capacity + MORE) * BLOCK_SECTOR);
	interrupt_await(t, slot, 1);
	interrupt_zero(t, slot);
	host_ask(t, "resize", "%llu", (unsigned long long)capacity * BLOCK_SECTOR);
	interrupt_await(t, slot, 1);
}

struct wanted {
	uint64_t capacity;
};

static bool has_capacity(struct conformance_target *t, void *context)
{
	const struct wanted *wanted = context;

	return block_capacity(t) == wanted->capacity;
}

CASE(block_resize_capacity, OBEY, "the capacity is the new one, and its last sector can be read",
     "DEV-BLK-OP-02", BLOCK, .should = true, .host = "resize", .transports = TRANSPORTS_ALL)
{
	struct wanted before, after;
	struct block_answer answer;
	uint8_t *sector;

	session_open(t);
	sector = lend(t, BLOCK_SECTOR, 0, LOAN_WRITE);
	before.capacity = block_capacity(t);
	after.capacity = before.capacity + MORE;
	host_ask(t, "resize", "%llu", (unsigned long long)after.capacity * BLOCK_SECTOR);
	await(t, has_capacity, &after, "the capacity is the new one");
	answer = block_do(t, 0, BLOCK_IN, after.capacity - 1, NULL, 0, sector, BLOCK_SECTOR);
	block_expect_status(t, &answer, BLOCK_OK);
	host_ask(t, "resize", "%llu", (unsigned long long)before.capacity * BLOCK_SECTOR);
	await(t, has_capacity, &before, "the capacity is the old one again");
	answer = block_do(t, 0, BLOCK_IN, after.capacity - 1, NULL, 0, sector, BLOCK_SECTOR);
	block_expect_status(t, &answer, BLOCK_IOERR);
}

/* -- Queues and segments */

CASE(block_each_queue, OBEY, "each of num_queues queues serves requests", "-", BLOCK,
     .features = FEATURE(F_BLOCK_MQ))
{
	unsigned int count;

	session_begin(t, SESSION_WITH(FEATURE(F_BLOCK_MQ)));
	count = (unsigned int)config_read(t, BLOCK_NUM_QUEUES, 2);
	expect_range(t, "num_queues", count, 1, queue_count(t));
	for (unsigned int i = 0; i < count && i < 16; i++)
		session_queue(t, i, 16);
	session_ready(t);
	for (unsigned int i = 0; i < count && i < 16; i++) {
		uint8_t *data = lend(t, BLOCK_SECTOR, 0, LOAN_WRITE);
		struct block_answer answer =
			block_do(t, i, BLOCK_IN, 1, NULL, 0, data, BLOCK_SECTOR);

		block_expect_status(t, &answer, BLOCK_OK);
		expect_equal(t, "used.len", answer.length, answer.room);
	}
}

CASE(block_queues_share, OBEY, "what is written through one queue is read through another", "-",
     BLOCK, .features = FEATURE(F_BLOCK_MQ), .writes = true)
{
	uint8_t *data;
	struct block_answer answer;
	uint64_t sector;

	session_begin(t, SESSION_WITH(FEATURE(F_BLOCK_MQ)));
	if (config_read(t, BLOCK_NUM_QUEUES, 2) < 2)
		skip(t, "num_queues is 1");
	session_queue(t, 0, 16);
	session_queue(t, 1, 16);
	session_ready(t);
	sector = block_scratch(t, 1);
	sectors_write(t, sector, 1, SEED);
	data = lend(t, 2 * BLOCK_SECTOR, 0, LOAN_WRITE);
	answer = block_do(t, 0, BLOCK_IN, sector, NULL, 0, data, BLOCK_SECTOR);
	block_expect_status(t, &answer, BLOCK_OK);
	answer = block_do(t, 1, BLOCK_IN, sector, NULL, 0, data + BLOCK_SECTOR, BLOCK_SECTOR);
	block_expect_status(t, &answer, BLOCK_OK);
	for (unsigned int i = 0; i < BLOCK_SECTOR; i++)
		if (data[i] != data[BLOCK_SECTOR + i])
			fail(t, "both queues read the same sector", "byte %u differs", i);
}

CASE(block_seg_max, OBEY, "a request of seg_max segments is completed", "-", BLOCK,
     .features = FEATURE(F_BLOCK_SEG_MAX))
{
	static struct segment segments[254];
	struct block_answer answer;
	struct ring *ring;
	uint32_t most;

	session_begin(t, SESSION_WITH(FEATURE(F_BLOCK_SEG_MAX)));
	most = (uint32_t)config_read(t, BLOCK_SEG_MAX, 4);
	session_ready(t);
	ring = session_ring(t, 0);
	if (!most)
		fail(t, "seg_max is at least 1", "it is 0");
	if (most > ring->size - 2)
		most = ring->size - 2;
	if (block_capacity(t) < most)
		skip(t, "the disk has fewer sectors");
	for (uint32_t i = 0; i < most; i++)
		segments[i] = (struct segment){.data = lend(t, BLOCK_SECTOR, 0, LOAN_WRITE),
					       .length = BLOCK_SECTOR};
	answer = block_do_segments(t, 0, BLOCK_IN, 0, segments, most, true);
	block_expect_status(t, &answer, BLOCK_OK);
	expect_equal(t, "used.len", answer.length, answer.room);
}
