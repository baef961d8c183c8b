/* SPDX-License-Identifier: BSD-2-Clause */
/* Device-specific configuration: when it can be read, and how it changes (virtio 1.4, 2.5). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/dependencies.h"

#define READS 64u
#define NO_FEATURE 0
#define MAC FEATURE(5)
#define STATUS FEATURE(16)
#define READ_ONLY FEATURE(5)
#define MORE_BYTES (1u << 20)
#define BALLOON_PAGES 256u

/* -- Each field can be read before FEATURES_OK. */

#define FIELD(name, type, features_, offset, width)                                                \
	CASE(config_early_##name, OBEY,                                                            \
	     "the field `" #name "` reads before FEATURES_OK as it does after", "DEV-CFG-01",      \
	     .devices = DEVICE(type), .features = features_)                                       \
	{                                                                                          \
		read_early(t, features_, offset, width);                                           \
	}

static void read_early(struct conformance_target *t, uint64_t features, uint32_t offset,
		       unsigned int width)
{
	uint32_t status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
	uint64_t offered = features_offered(t), early;

	register_write(t, REGISTER_STATUS, STATUS_ACKNOWLEDGE);
	register_write(t, REGISTER_STATUS, status);
	early = config_read(t, offset, width);
	features_write(t, features_with_needed(t->device, features | (offered & SESSION_NEEDED),
					       offered));
	register_write(t, REGISTER_STATUS, status | STATUS_FEATURES_OK);
	expect_equal(t, "the field before FEATURES_OK", early, config_read(t, offset, width));
}

FIELD(mac_0, NET, FEATURE(5), 0, 1)
FIELD(mac_5, NET, FEATURE(5), 5, 1)
FIELD(status, NET, FEATURE(16), 6, 2)
FIELD(max_virtqueue_pairs, NET, FEATURE(22), 8, 2)
FIELD(mtu, NET, FEATURE(3), 10, 2)
FIELD(speed, NET, FEATURE(63), 12, 4)
FIELD(duplex, NET, FEATURE(63), 16, 1)
FIELD(rss_max_key_size, NET, FEATURE(60), 17, 1)
FIELD(rss_max_indirection_table_length, NET, FEATURE(60), 18, 2)
FIELD(supported_hash_types, NET, FEATURE(60), 20, 4)
FIELD(capacity, BLOCK, NO_FEATURE, 0, 4)
FIELD(capacity_high, BLOCK, NO_FEATURE, 4, 4)
FIELD(size_max, BLOCK, FEATURE(1), 8, 4)
FIELD(seg_max, BLOCK, FEATURE(2), 12, 4)
FIELD(cylinders, BLOCK, FEATURE(4), 16, 2)
FIELD(heads, BLOCK, FEATURE(4), 18, 1)
FIELD(sectors, BLOCK, FEATURE(4), 19, 1)
FIELD(blk_size, BLOCK, FEATURE(6), 20, 4)
FIELD(physical_block_exp, BLOCK, FEATURE(10), 24, 1)
FIELD(min_io_size, BLOCK, FEATURE(10), 26, 2)
FIELD(opt_io_size, BLOCK, FEATURE(10), 28, 4)
FIELD(writeback, BLOCK, FEATURE(9) | FEATURE(11), 32, 1)
FIELD(num_queues, BLOCK, FEATURE(12), 34, 2)
FIELD(max_discard_sectors, BLOCK, FEATURE(13), 36, 4)
FIELD(max_discard_seg, BLOCK, FEATURE(13), 40, 4)
FIELD(discard_sector_alignment, BLOCK, FEATURE(13), 44, 4)
FIELD(max_write_zeroes_sectors, BLOCK, FEATURE(14), 48, 4)
FIELD(max_write_zeroes_seg, BLOCK, FEATURE(14), 52, 4)
FIELD(max_secure_erase_sectors, BLOCK, FEATURE(16), 60, 4)
FIELD(max_secure_erase_seg, BLOCK, FEATURE(16), 64, 4)
FIELD(cols, CONSOLE, FEATURE(0), 0, 2)
FIELD(rows, CONSOLE, FEATURE(0), 2, 2)
FIELD(max_nr_ports, CONSOLE, FEATURE(1), 4, 4)
FIELD(num_pages, BALLOON, NO_FEATURE, 0, 4)
FIELD(actual, BALLOON, NO_FEATURE, 4, 4)
FIELD(free_page_hint_cmd_id, BALLOON, FEATURE(3), 8, 4)
FIELD(poison_val, BALLOON, FEATURE(4), 12, 4)

/* -- The generation says when it changed. */

CASE(config_same_generation, OBEY, "what is read twice differs only where the generation does",
     "DEV-PCI-COMMON-06 DEV-MMIO-REG-06", .devices = DEVICE(NET) | DEVICE(BLOCK) | DEVICE(BALLOON))
{
	/* The fields that every device of the type has: the MAC, the capacity, num_pages and actual. */
	uint32_t width = t->device == DEVICE_NET ? 1 : 4, length = t->device == DEVICE_NET ? 6 : 8;

	session_begin(t, t->device == DEVICE_NET ? SESSION_ONLY(MAC) : SESSION_ALL);
	for (uint32_t offset = 0; offset < length; offset += width) {
		uint32_t generation = register_read(t, REGISTER_GENERATION);
		uint64_t value = config_read(t, offset, width);

		for (unsigned int i = 0; i < READS; i++) {
			uint64_t again = config_read(t, offset, width);

			if (register_read(t, REGISTER_GENERATION) != generation)
				break;
			expect_equal(t, "the field, read again", again, value);
		}
	}
}

/* The field that the host can change: status, capacity (its low half), num_pages. */
static uint64_t watched(struct conformance_target *t)
{
	return t->device == DEVICE_NET ? config_read(t, 6, 2) : config_read(t, 0, 4);
}

/* Changes it, or makes it what it was. */
static void change(struct conformance_target *t, uint64_t before, bool back)
{
	switch (t->device) {
	case DEVICE_BLOCK:
		host_ask(t, "resize", "%llu",
			 (unsigned long long)before * 512 + (back ? 0 : MORE_BYTES));
		break;
	case DEVICE_NET:
		host_ask(t, "link", back ? "up" : "down");
		break;
	default:
		host_ask(t, "balloon", "%u", back ? 0 : BALLOON_PAGES);
	}
}

static bool has_changed(struct conformance_target *t, void *context)
{
	return watched(t) != *(const uint64_t *)context;
}

static void change_and_wait(struct conformance_target *t, uint64_t shown)
{
	if (t->device == DEVICE_BLOCK && features_offered(t) & READ_ONLY)
		skip(t, "the disk is read-only, and so nobody resizes it");
	change(t, shown, false);
	if (wait_for(t, has_changed, &shown))
		return;
	change(t, shown, true);
	skip(t, "the device does not show what the host changed");
}

static void session_for_change(struct conformance_target *t)
{
	session_begin(t, t->device == DEVICE_NET ? SESSION_ONLY(STATUS) : SESSION_ALL);
	session_ready(t);
}

static void change_and_look(struct conformance_target *t)
{
	uint64_t shown;
	uint32_t before, after;

	session_for_change(t);
	shown = watched(t);
	before = register_read(t, REGISTER_GENERATION);
	change_and_wait(t, shown);
	after = register_read(t, REGISTER_GENERATION);
	change(t, shown, true);
	expect(t, after != before, "the generation is another after the configuration changed");
}

static void change_cause(struct conformance_target *t)
{
	uint64_t shown;
	uint32_t cause;

	session_for_change(t);
	shown = watched(t);
	change_and_wait(t, shown);
	cause = register_read(t, REGISTER_ISR);
	change(t, shown, true);
	expect_bits(t, "InterruptStatus", cause, 0, 1);
}

#define CHANGED(name, type, verb, features_)                                                       \
	CASE(config_generation_##name, OBEY,                                                       \
	     "the generation changes with the configuration (" verb ")",                           \
	     "DEV-PCI-COMMON-06 DEV-MMIO-REG-06", .devices = DEVICE(type), .host = verb,           \
	     .features = features_)                                                                \
	{                                                                                          \
		change_and_look(t);                                                                \
	}                                                                                          \
	CASE(config_cause_##name, OBEY,                                                            \
	     "a configuration change alone leaves the queue bit of InterruptStatus 0 (" verb ")",  \
	     "DEV-MMIO-REG-04", .transports = TRANSPORT_MMIO, .devices = DEVICE(type),             \
	     .host = verb, .features = features_)                                                  \
	{                                                                                          \
		change_cause(t);                                                                   \
	}

CHANGED(block, BLOCK, "resize", NO_FEATURE)
CHANGED(net, NET, "link", STATUS)
CHANGED(balloon, BALLOON, "balloon", NO_FEATURE)
