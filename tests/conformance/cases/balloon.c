/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory balloon (virtio 1.4, 5.5): pages in and out, its configuration, and statistics. Page numbers that
 * are shown to the device are always those of lent pages: the host takes what it is told of.
 */
#include "tests/conformance/case.h"

#include <stdio.h>
#include <string.h>

#define BALLOON .devices = DEVICE(BALLOON), .transports = TRANSPORTS_ALL
#define PAGE 4096u

enum { F_BALLOON_MUST_TELL_HOST = 0, F_BALLOON_STATS = 1 };
enum { CONFIG_NUM_PAGES = 0, CONFIG_ACTUAL = 4 };
enum { QUEUE_INFLATE = 0, QUEUE_DEFLATE = 1, QUEUE_STATS = 2 };

/* -- Pages */

static void open_balloon(struct conformance_target *t, uint64_t features)
{
	session_begin(t, SESSION_WITH(features));
	session_queue(t, QUEUE_INFLATE, 0);
	session_queue(t, QUEUE_DEFLATE, 0);
	session_ready(t);
}

/* Shows the pages to a queue; what came back is checked. */
static void tell(struct conformance_target *t, unsigned int queue, const uint8_t *pages,
		 unsigned int count)
{
	uint32_t numbers[64];
	struct segment segment = {.length = count * (uint32_t)sizeof(numbers[0])};
	struct ring *ring = session_ring(t, queue);
	struct used used;
	uint16_t id;

	for (unsigned int i = 0; i < count; i++)
		numbers[i] = (uint32_t)(lent_address(t, pages + (size_t)i * PAGE) / PAGE);
	segment.data = lend_copy(t, numbers, segment.length);
	id = ring_add(t, ring, &segment, 1, 0);
	ring_kick(t, ring);
	used = ring_wait(t, ring);
	expect_equal(t, "used.id", used.id, id);
	expect_equal(t, "used.len of a buffer that cannot be written", used.length, 0);
}

static void fill(uint8_t *pages, size_t size, uint8_t seed)
{
	for (size_t i = 0; i < size; i++)
		pages[i] = (uint8_t)(seed + i * 3 + (i >> 8));
}

static void expect_filled(struct conformance_target *t, const char *what, const uint8_t *pages,
			  size_t size, uint8_t seed)
{
	target_barrier(t);
	for (size_t i = 0; i < size; i++)
		if (pages[i] != (uint8_t)(seed + i * 3 + (i >> 8)))
			fail(t, what, "byte %zu is 0x%02x", i, pages[i]);
}

static void in_and_out(struct conformance_target *t, unsigned int count)
{
	uint8_t *pages = lend(t, (size_t)count * PAGE, PAGE, LOAN_WRITE);

	tell(t, QUEUE_INFLATE, pages, count);
	tell(t, QUEUE_DEFLATE, pages, count);
	fill(pages, (size_t)count * PAGE, 0x17);
	/* Whatever the device still does to the pages is done with the next ones. */
	tell(t, QUEUE_INFLATE, lend(t, PAGE, PAGE, LOAN_WRITE), 1);
	expect_filled(t, "a page that was taken back is the driver's", pages, (size_t)count * PAGE,
		      0x17);
}

#define IN_AND_OUT(count)                                                                          \
	CASE(balloon_pages_##count, OBEY,                                                          \
	     #count " pages go into the balloon and come out of it, and can be used then", "-",    \
	     BALLOON)                                                                              \
	{                                                                                          \
		open_balloon(t, 0);                                                                \
		in_and_out(t, count);                                                              \
	}
IN_AND_OUT(1)
IN_AND_OUT(2)
IN_AND_OUT(33)
IN_AND_OUT(64)

CASE(balloon_must_tell_host, OBEY,
     "with MUST_TELL_HOST pages come out of the balloon, and can be used then", "-", BALLOON,
     .features = FEATURE(F_BALLOON_MUST_TELL_HOST))
{
	open_balloon(t, FEATURE(F_BALLOON_MUST_TELL_HOST));
	in_and_out(t, 8);
}

CASE(balloon_page_size, OBEY,
     "a page number stands for 4096 bytes, and nothing beside them is taken", "-", BALLOON)
{
	uint8_t *pages = lend(t, 3 * PAGE, PAGE, LOAN_WRITE);

	open_balloon(t, 0);
	fill(pages, PAGE, 0x22);
	fill(pages + 2 * (size_t)PAGE, PAGE, 0x44);
	tell(t, QUEUE_INFLATE, pages + PAGE, 1);
	expect_filled(t, "the page before is as it was", pages, PAGE, 0x22);
	expect_filled(t, "the page behind is as it was", pages + 2 * (size_t)PAGE, PAGE, 0x44);
	tell(t, QUEUE_DEFLATE, pages + PAGE, 1);
}

CASE(balloon_legacy_needs_no_telling, OBEY, "a legacy driver need not accept MUST_TELL_HOST",
     "DEV-BAL-FEAT-02", .devices = DEVICE(BALLOON), .transports = TRANSPORTS_LEGACY,
     .features = FEATURE(F_BALLOON_MUST_TELL_HOST))
{
	open_balloon(t, 0);
	in_and_out(t, 4);
}

CASE(balloon_legacy_early_use, OBEY,
     "without MUST_TELL_HOST a legacy driver may use a page before it said so", "DEV-BAL-FEAT-03",
     .devices = DEVICE(BALLOON), .transports = TRANSPORTS_LEGACY, .should = true,
     .features = FEATURE(F_BALLOON_MUST_TELL_HOST))
{
	uint8_t *page = lend(t, PAGE, PAGE, LOAN_WRITE);

	open_balloon(t, 0);
	tell(t, QUEUE_INFLATE, page, 1);
	fill(page, PAGE, 0x66);
	tell(t, QUEUE_DEFLATE, page, 1);
	expect_filled(t, "the page has what was written before it was taken back", page, PAGE,
		      0x66);
}

/* -- Configuration */

CASE(balloon_actual, OBEY, "the field actual is what the driver wrote", "-", BALLOON)
{
	uint32_t before;

	open_balloon(t, 0);
	before = (uint32_t)config_read(t, CONFIG_ACTUAL, 4);
	config_write(t, CONFIG_ACTUAL, 4, before + 3);
	expect_equal(t, "actual", config_read(t, CONFIG_ACTUAL, 4), before + 3);
	config_write(t, CONFIG_ACTUAL, 4, before);
	expect_equal(t, "actual", config_read(t, CONFIG_ACTUAL, 4), before);
}

struct wanted {
	uint32_t pages;
};

static bool wants(struct conformance_target *t, void *context)
{
	const struct wanted *wanted = context;

	return config_read(t, CONFIG_NUM_PAGES, 4) == wanted->pages;
}

static void follow_host(struct conformance_target *t)
{
	struct wanted some = {.pages = 0x123}, none = {.pages = 0};

	open_balloon(t, 0);
	host_ask(t, "balloon", "%u", some.pages);
	await(t, wants, &some, "num_pages is what the host wants");
	host_ask(t, "balloon", "0");
	await(t, wants, &none, "num_pages is 0 again");
}

CASE(balloon_num_pages, OBEY, "num_pages is what the host wants", "-", .devices = DEVICE(BALLOON),
     .host = "balloon")
{
	follow_host(t);
}

CASE(balloon_legacy_config, OBEY,
     "the configuration is little-endian through a legacy interface too", "DEV-BAL-CFG-01",
     .devices = DEVICE(BALLOON), .transports = TRANSPORTS_LEGACY, .host = "balloon")
{
	follow_host(t);
}

/* -- Statistics */

enum { TAG_SWAP_IN = 0, TAG_FREE = 4, TAG_TOTAL = 5, TAG_AVAILABLE = 6 };

struct __attribute__((packed)) statistic {
	uint16_t tag;
	uint64_t value;
};

static const char *const tag_names[] = {
	[TAG_FREE] = "free-memory",
	[TAG_TOTAL] = "total-memory",
	[TAG_AVAILABLE] = "available-memory",
};

static void open_stats(struct conformance_target *t)
{
	host_ask(t, "stats", "0");
	session_begin(t, SESSION_WITH(FEATURE(F_BALLOON_STATS)));
	session_queue(t, QUEUE_STATS, 0);
	session_ready(t);
}

static void give_stats(struct conformance_target *t, const struct statistic *stats,
		       unsigned int count)
{
	struct ring *ring = session_ring(t, QUEUE_STATS);
	struct segment segment = {.data = lend_copy(t, stats, count * sizeof(*stats)),
				  .length = count * (uint32_t)sizeof(*stats)};

	ring_add(t, ring, &segment, 1, 0);
	ring_kick(t, ring);
}

/* Each known statistic reaches the host. */
static void expect_stats(struct conformance_target *t, const struct statistic *stats,
			 unsigned int count)
{
	const char *got = host_ask(t, "stats-read", NULL);
	char wanted[48];

	for (unsigned int i = 0; i < count; i++) {
		if (stats[i].tag > TAG_AVAILABLE || !tag_names[stats[i].tag])
			continue;
		sniprintf(wanted, sizeof(wanted), "%s=%llu", tag_names[stats[i].tag],
			  (unsigned long long)stats[i].value);
		if (!strstr(got, wanted))
			fail(t, "the host has the statistics that the driver gave",
			     "no %s in %.90s", wanted, got);
	}
}

/* The host asks at once when it begins to ask: the device gives the buffer back. */
static void ask_stats(struct conformance_target *t)
{
	host_ask(t, "stats", "1");
	ring_wait(t, session_ring(t, QUEUE_STATS));
	host_ask(t, "stats", "0");
}

/* Twice: what the first buffer has may be passed over (5.5.6.2.3). The last has been read when it is back. */
static void run_stats(struct conformance_target *t, struct statistic *stats, unsigned int count)
{
	open_stats(t);
	give_stats(t, stats, count);
	ask_stats(t);
	for (unsigned int i = 0; i < count; i++)
		stats[i].value += 0x1000;
	give_stats(t, stats, count);
	ask_stats(t);
	expect_stats(t, stats, count);
}

#define STATS BALLOON, .features = FEATURE(F_BALLOON_STATS), .host = "stats"

CASE(balloon_stats, OBEY, "statistics are asked for, and reach the host", "-", STATS)
{
	struct statistic stats[] = {
		{TAG_FREE, 77 << 20}, {TAG_TOTAL, 99 << 20}, {TAG_AVAILABLE, 88 << 20}};

	run_stats(t, stats, 3);
}

CASE(balloon_stats_unknown_tags, OBEY, "statistics with unknown tags among them are taken",
     "DEV-BAL-STATS-01", STATS)
{
	struct statistic stats[] = {{0x7777, 1},
				    {TAG_FREE, 71 << 20},
				    {0xffff, UINT64_MAX},
				    {TAG_TOTAL, 91 << 20},
				    {200, 0}};

	run_stats(t, stats, 5);
}

CASE(balloon_stats_any_order, OBEY, "statistics are taken in any order", "DEV-BAL-STATS-02", STATS)
{
	struct statistic stats[] = {{TAG_AVAILABLE, 83 << 20},
				    {TAG_TOTAL, 93 << 20},
				    {TAG_SWAP_IN, 3},
				    {TAG_FREE, 73 << 20}};

	run_stats(t, stats, 4);
}

CASE(balloon_legacy_stats, OBEY, "a legacy interface has statistics in the CPU's byte order",
     "DEV-BAL-STATS-03", .devices = DEVICE(BALLOON), .transports = TRANSPORTS_LEGACY,
     .features = FEATURE(F_BALLOON_STATS), .host = "stats")
{
	struct statistic stats[] = {{TAG_TOTAL, 0x12345678000}};

	run_stats(t, stats, 1);
}

CASE(balloon_stats_held, OBEY, "a statistics buffer comes back only when the host asks", "-",
     BALLOON, .features = FEATURE(F_BALLOON_STATS), .host = "stats")
{
	struct statistic stats[] = {{TAG_FREE, 1 << 20}};
	struct used used;

	open_stats(t);
	give_stats(t, stats, 1);
	quiet(t);
	expect(t, !ring_take(t, session_ring(t, QUEUE_STATS), &used),
	       "the statistics buffer is with the device");
	/* The device works meanwhile. */
	request_once(t, 0);
	expect(t, !ring_take(t, session_ring(t, QUEUE_STATS), &used),
	       "the statistics buffer is with the device");
}
