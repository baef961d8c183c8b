/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Free pages that a balloon is told of and that stay the driver's (virtio 1.4, 5.5.6.3 to 5.5.6.5): hinting,
 * poison and reporting. All are lent.
 */
#include "tests/conformance/case.h"

#define HINTS                                                                                      \
	.devices = DEVICE(BALLOON), .transports = TRANSPORTS_ALL,                                  \
	.features = FEATURE(F_BALLOON_HINT), .host = "hint"
#define PAGE 4096u
#define PAGES 4u

enum { F_BALLOON_HINT = 3, F_BALLOON_POISON = 4, F_BALLOON_REPORTING = 5 };
enum { CONFIG_COMMAND_ID = 8, CONFIG_POISON = 12 };
enum { QUEUE_HINT = 3, QUEUE_REPORT = 4 };
enum { ID_STOP = 0, ID_DONE = 1, ID_LEAST = 2 };

/* -- Hinting */

static uint32_t command_id(struct conformance_target *t)
{
	return (uint32_t)config_read(t, CONFIG_COMMAND_ID, 4);
}

static bool is_active(struct conformance_target *t, void *context)
{
	(void)context;
	return command_id(t) >= ID_LEAST;
}

static bool is_done(struct conformance_target *t, void *context)
{
	(void)context;
	return command_id(t) == ID_DONE;
}

static bool is_over(struct conformance_target *t, void *context)
{
	(void)context;
	return command_id(t) < ID_LEAST;
}

static void open_hints(struct conformance_target *t)
{
	session_begin(t, SESSION_WITH(FEATURE(F_BALLOON_HINT)));
	session_queue(t, QUEUE_HINT, 0);
	session_ready(t);
}

static uint32_t begin_round(struct conformance_target *t)
{
	host_ask(t, "hint", "start");
	await(t, is_active, NULL,
	      "free_page_hint_cmd_id is a command when the host begins hinting");
	return command_id(t);
}

static void end_round(struct conformance_target *t)
{
	host_ask(t, "hint", "stop");
	await(t, is_over, NULL,
	      "free_page_hint_cmd_id is STOP or DONE when the host ended hinting");
}

static void put(struct conformance_target *t, const struct segment *segment, bool in)
{
	struct ring *ring = session_ring(t, QUEUE_HINT);
	uint16_t id = ring_add(t, ring, segment, !in, in);
	struct used used;

	ring_kick(t, ring);
	used = ring_wait(t, ring);
	expect_equal(t, "used.id", used.id, id);
}

static void send_id(struct conformance_target *t, uint32_t id)
{
	struct segment segment = {.data = lend_copy(t, &id, sizeof(id)), .length = sizeof(id)};

	put(t, &segment, false);
}

static uint8_t *hint_pages(struct conformance_target *t)
{
	uint8_t *pages = lend(t, (size_t)PAGES * PAGE, PAGE, LOAN_WRITE);

	for (unsigned int i = 0; i < PAGES; i++) {
		struct segment segment = {.data = pages + (size_t)i * PAGE, .length = PAGE};

		put(t, &segment, true);
	}
	return pages;
}

static void expect_untouched(struct conformance_target *t, const char *what, const uint8_t *pages)
{
	size_t written = pattern_written(t, pages, (size_t)PAGES * PAGE);

	if (written)
		fail(t, what, "byte %zu is 0x%02x", written - 1, pages[written - 1]);
}

CASE(balloon_hint_id_idle, OBEY, "no hints are asked for while the host wants none",
     "DEV-BAL-HINT-01", HINTS, .should = true)
{
	host_ask(t, "hint", "stop");
	open_hints(t);
	expect_range(t, "free_page_hint_cmd_id", command_id(t), ID_STOP, ID_DONE);
	begin_round(t);
	end_round(t);
}

CASE(balloon_hint_completes, OBEY, "the buffers of a hinting round are used", "-", HINTS)
{
	open_hints(t);
	send_id(t, begin_round(t));
	hint_pages(t);
	send_id(t, ID_STOP);
	end_round(t);
}

CASE(balloon_hint_done, OBEY, "DONE is reported when the hints are needed no more",
     "DEV-BAL-HINT-06", HINTS)
{
	open_hints(t);
	send_id(t, begin_round(t));
	hint_pages(t);
	send_id(t, ID_STOP);
	host_ask(t, "hint", "stop");
	await(t, is_done, NULL, "free_page_hint_cmd_id is DONE when the host ended hinting");
}

CASE(balloon_hint_id_fresh, OBEY,
     "a new round has another command id while the driver did not stop the last", "DEV-BAL-HINT-02",
     HINTS)
{
	uint32_t first, second;

	open_hints(t);
	send_id(t, first = begin_round(t));
	hint_pages(t);
	end_round(t);
	second = begin_round(t);
	end_round(t);
	if (first == second)
		fail(t, "the second round has another command id", "both have 0x%x", first);
}

CASE(balloon_hint_stale, OBEY,
     "pages under a command id that is not the current one are not changed", "DEV-BAL-HINT-03",
     HINTS)
{
	const uint8_t *pages;

	open_hints(t);
	send_id(t, begin_round(t) ^ 0x100);
	pages = hint_pages(t);
	send_id(t, ID_STOP);
	end_round(t);
	expect_untouched(t, "a page that was hinted under a stale id is as it was", pages);
}

CASE(balloon_hint_after_done, OBEY, "hinted pages are not changed after DONE", "DEV-BAL-HINT-05",
     HINTS)
{
	uint8_t *pages;

	open_hints(t);
	send_id(t, begin_round(t));
	pages = hint_pages(t);
	send_id(t, ID_STOP);
	host_ask(t, "hint", "stop");
	await(t, is_done, NULL, "free_page_hint_cmd_id is DONE when the host ended hinting");
	for (size_t i = 0; i < (size_t)PAGES * PAGE; i++)
		pages[i] = pattern_byte(t, pages + i);
	quiet(t);
	request_once(t, 0);
	expect_untouched(t, "a page that was hinted has what was written after DONE", pages);
}

CASE(balloon_legacy_hint, OBEY, "a legacy interface takes the command id in the CPU's byte order",
     "DEV-BAL-HINT-07", .devices = DEVICE(BALLOON), .transports = TRANSPORTS_LEGACY,
     .features = FEATURE(F_BALLOON_HINT), .host = "hint")
{
	open_hints(t);
	send_id(t, begin_round(t));
	hint_pages(t);
	send_id(t, ID_STOP);
	host_ask(t, "hint", "stop");
	await(t, is_done, NULL, "free_page_hint_cmd_id is DONE when the host ended hinting");
}

/* -- Reporting and poison */

#define REPORTS(bits)                                                                              \
	.devices = DEVICE(BALLOON), .transports = TRANSPORTS_ALL,                                  \
	.features = FEATURE(F_BALLOON_REPORTING) | (bits)

static void open_reports(struct conformance_target *t, uint64_t features)
{
	session_begin(t, SESSION_WITH(FEATURE(F_BALLOON_REPORTING) | features));
	session_queue(t, QUEUE_REPORT, 0);
}

/* Reports pages in one buffer, and waits for it. */
static void report(struct conformance_target *t, const uint8_t *pages)
{
	struct ring *ring = session_ring(t, QUEUE_REPORT);
	struct segment segments[PAGES];
	struct used used;
	uint16_t id;

	for (unsigned int i = 0; i < PAGES; i++)
		segments[i] = (struct segment){.data = pages + (size_t)i * PAGE, .length = PAGE};
	id = ring_add(t, ring, segments, 0, PAGES);
	ring_kick(t, ring);
	used = ring_wait(t, ring);
	expect_equal(t, "used.id", used.id, id);
}

CASE(balloon_report, OBEY, "pages that are reported come back, and can be used then", "-",
     REPORTS(0))
{
	uint8_t *pages = lend(t, (size_t)PAGES * PAGE, PAGE, LOAN_WRITE);

	open_reports(t, 0);
	session_ready(t);
	report(t, pages);
	for (size_t i = 0; i < (size_t)PAGES * PAGE; i++)
		pages[i] = pattern_byte(t, pages + i);
	request_once(t, 0);
	expect_untouched(t, "a page that came back is the driver's", pages);
}

static void report_poisoned(struct conformance_target *t, uint32_t poison)
{
	uint32_t *words = lend(t, (size_t)PAGES * PAGE, PAGE, LOAN_WRITE);

	open_reports(t, FEATURE(F_BALLOON_POISON));
	config_write(t, CONFIG_POISON, 4, poison);
	session_ready(t);
	for (unsigned int i = 0; i < PAGES * PAGE / 4; i++)
		words[i] = poison;
	report(t, (const uint8_t *)words);
	target_barrier(t);
	for (unsigned int i = 0; i < PAGES * PAGE / 4; i++)
		if (words[i] != poison)
			fail(t, "a reported page has the poison in it", "word %u is 0x%08x", i,
			     words[i]);
}

#define POISON(value)                                                                              \
	CASE(balloon_report_poison_##value, OBEY,                                                  \
	     "a reported page has only the poison " #value " in it afterwards",                    \
	     "DEV-BAL-REPORT-02", REPORTS(FEATURE(F_BALLOON_POISON)))                              \
	{                                                                                          \
		report_poisoned(t, value);                                                         \
	}
POISON(0)
POISON(0xaaaaaaaa)
POISON(0x12345678)

CASE(balloon_poison_value, OBEY, "poison_val is what the driver wrote", "-",
     .devices = DEVICE(BALLOON), .transports = TRANSPORTS_ALL,
     .features = FEATURE(F_BALLOON_POISON))
{
	session_begin(t, SESSION_WITH(FEATURE(F_BALLOON_POISON)));
	config_write(t, CONFIG_POISON, 4, 0xa5a50ff0);
	session_ready(t);
	expect_equal(t, "poison_val", config_read(t, CONFIG_POISON, 4), 0xa5a50ff0);
}
