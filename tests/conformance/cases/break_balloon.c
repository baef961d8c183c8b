/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buffers that a balloon device cannot want (virtio 1.4, 5.5.6).
 *
 * No page number here names memory of the guest that was not lent for it: the device gives such pages away, and
 * what it makes of half a number may be one of these too.
 */
#include "tests/conformance/case.h"
#include "tests/conformance/core/misuse.h"

#include <string.h>

#define PAGE 4096u
#define PAGES 4u
#define NUMBERS_MOST 1024u

enum { INFLATE, DEFLATE, STATISTICS, HINT, REPORT };
enum { F_BALLOON_STATS_VQ = 1, F_BALLOON_HINT = 3, F_BALLOON_REPORTING = 5 };

#define ON_BALLOON .devices = DEVICE(BALLOON), .transports = TRANSPORTS_ALL

/* Pages that the device may take, one behind the other, and their numbers over and over again. */
struct pages {
	uint8_t *area;
	uint32_t numbers[NUMBERS_MOST];
};

static void lend_pages(struct conformance_target *t, struct pages *pages)
{
	pages->area = lend(t, (size_t)PAGES * PAGE, PAGE, LOAN_WRITE);
	for (unsigned int i = 0; i < NUMBERS_MOST; i++)
		pages->numbers[i] = (uint32_t)(lent_address(t, pages->area) / PAGE) + i % PAGES;
}

static struct ring *open_queue(struct conformance_target *t, unsigned int queue)
{
	struct ring *ring;

	session_begin(t, SESSION_ALL);
	ring = session_ring(t, queue);
	if (!ring)
		ring = session_queue(t, queue, 0);
	session_ready(t);
	return ring;
}

/* -- Arrays of page numbers */

/*
 * The bytes behind such an array are its next number: a device that reads too far reads a page that was lent.
 */
static void run_bytes(struct conformance_target *t, unsigned int queue, uint32_t bytes)
{
	static struct pages pages;
	struct ring *ring = open_queue(t, queue);
	struct misuse misuse = {0};
	struct used used;

	lend_pages(t, &pages);
	misuse_out(t, &misuse, pages.numbers, (bytes + 7) / 4 * 4);
	misuse.segments[0].length = bytes;
	misuse_run(t, ring, &misuse, &used);
}

#define BYTES(bytes)                                                                               \
	CASE(break_balloon_inflate_##bytes, BREAK,                                                 \
	     "page numbers to inflate in " #bytes " bytes are given back, or survived", "-",       \
	     ON_BALLOON)                                                                           \
	{                                                                                          \
		run_bytes(t, INFLATE, bytes);                                                      \
	}                                                                                          \
	CASE(break_balloon_deflate_##bytes, BREAK,                                                 \
	     "page numbers to deflate in " #bytes " bytes are given back, or survived", "-",       \
	     ON_BALLOON)                                                                           \
	{                                                                                          \
		run_bytes(t, DEFLATE, bytes);                                                      \
	}
BYTES(1)
BYTES(2)
BYTES(3)
BYTES(5)
BYTES(7)

/* Four pages are named so often. */
static void run_often(struct conformance_target *t, unsigned int queue, unsigned int numbers,
		      unsigned int pieces)
{
	static struct pages pages;
	struct ring *ring = open_queue(t, queue);
	struct misuse misuse = {0};
	struct used used;

	lend_pages(t, &pages);
	for (unsigned int i = 0; i < pieces; i++)
		misuse_out(t, &misuse, pages.numbers, numbers * (uint32_t)sizeof(uint32_t));
	misuse_run(t, ring, &misuse, &used);
}

#define OFTEN(name, claim, clauses, queue, numbers, pieces)                                        \
	CASE(break_balloon_##name, BREAK, claim " are given back, or survived", clauses,           \
	     ON_BALLOON)                                                                           \
	{                                                                                          \
		run_often(t, queue, numbers, pieces);                                              \
	}
OFTEN(inflate_twice, "pages that are inflated twice by one buffer", "DRV-BAL-OP-09", INFLATE,
      2 * PAGES, 1)
OFTEN(inflate_often, "pages that are inflated 256 times by one buffer", "DRV-BAL-OP-09", INFLATE,
      NUMBERS_MOST, 1)
OFTEN(inflate_long, "65536 page numbers in one buffer", "-", INFLATE, NUMBERS_MOST, 64)
OFTEN(deflate_strange, "pages that are deflated and never were inflated", "DRV-BAL-OP-10", DEFLATE,
      PAGES, 1)
OFTEN(deflate_often, "pages that are deflated 256 times and never were inflated", "DRV-BAL-OP-10",
      DEFLATE, NUMBERS_MOST, 1)

CASE(break_balloon_inflate_again, BREAK, "a page that is inflated again is given back, or survived",
     "DRV-BAL-OP-09", ON_BALLOON)
{
	static struct pages pages;
	struct ring *ring = open_queue(t, INFLATE);
	struct used used;

	lend_pages(t, &pages);
	for (unsigned int i = 0; i < 2; i++) {
		struct misuse misuse = {0};

		misuse_out(t, &misuse, pages.numbers, sizeof(uint32_t));
		misuse_run(t, ring, &misuse, &used);
	}
}

/* Beyond all memory that a machine has here: 8 TiB and more. */
static void run_number(struct conformance_target *t, unsigned int queue, uint32_t number)
{
	struct ring *ring = open_queue(t, queue);
	struct misuse misuse = {0};
	struct used used;

	misuse_out(t, &misuse, &number, sizeof(number));
	misuse_run(t, ring, &misuse, &used);
}

#define NUMBER(name, number)                                                                       \
	CASE(break_balloon_inflate_##name, BREAK,                                                  \
	     "inflating page " #number ", which is no memory, is survived", "-", ON_BALLOON)       \
	{                                                                                          \
		run_number(t, INFLATE, number);                                                    \
	}                                                                                          \
	CASE(break_balloon_deflate_##name, BREAK,                                                  \
	     "deflating page " #number ", which is no memory, is survived", "-", ON_BALLOON)       \
	{                                                                                          \
		run_number(t, DEFLATE, number);                                                    \
	}
NUMBER(page_last, 0xffffffffu)
NUMBER(page_before_last, 0xfffffffeu)
NUMBER(page_signed, 0x80000000u)

/* What may be written must not be read (2.7.5.1), and what was not read takes no page. */
static void run_writable(struct conformance_target *t, unsigned int queue, bool readable_too)
{
	static struct pages pages;
	struct ring *ring = open_queue(t, queue);
	struct misuse misuse = {0};
	struct used used;
	uint8_t *area;

	lend_pages(t, &pages);
	if (readable_too)
		misuse_out(t, &misuse, pages.numbers, sizeof(uint32_t));
	area = misuse_in(t, &misuse, sizeof(uint32_t));
	memcpy(area, &pages.numbers[1], sizeof(uint32_t));
	misuse_run(t, ring, &misuse, &used);
	expect_equal(t, "bytes of the page that only a writable buffer named which changed",
		     pattern_written(t, pages.area + PAGE, PAGE), 0);
}

#define WRITABLE(name, claim, queue, readable_too)                                                 \
	CASE(break_balloon_##name, BREAK, claim " is not taken for one to read",                   \
	     "DEV-SPLIT-DESC-02", ON_BALLOON, .should = true)                                      \
	{                                                                                          \
		run_writable(t, queue, readable_too);                                              \
	}
WRITABLE(inflate_writable, "a writable buffer in the inflate queue", INFLATE, false)
WRITABLE(inflate_mixed, "the writable part of a buffer in the inflate queue", INFLATE, true)
WRITABLE(deflate_writable, "a writable buffer in the deflate queue", DEFLATE, false)

/* -- Statistics: the device keeps a buffer until it wants the next */

#define STATS .devices = DEVICE(BALLOON), .features = FEATURE(F_BALLOON_STATS_VQ), .queues = 3

struct __attribute__((packed)) statistic {
	uint16_t tag;
	uint64_t value;
};
_Static_assert(sizeof(struct statistic) == 10, "5.5.6.3");

static struct ring *open_statistics(struct conformance_target *t)
{
	struct ring *ring;

	session_begin(t, SESSION_ONLY(FEATURE(F_BALLOON_STATS_VQ) | FEATURE(F_RING_PACKED)));
	ring = session_queue(t, STATISTICS, 0);
	session_ready(t);
	return ring;
}

static void run_statistics(struct conformance_target *t, uint16_t tag, uint32_t bytes)
{
	static struct statistic statistics[410];
	struct ring *ring = open_statistics(t);
	struct misuse misuse = {0};
	struct used used;

	for (unsigned int i = 0; i < sizeof(statistics) / sizeof(statistics[0]); i++)
		statistics[i] = (struct statistic){.tag = tag, .value = ~0ull - i};
	misuse_out(t, &misuse, statistics, bytes);
	misuse_run(t, ring, &misuse, &used);
}

#define STATISTIC(name, claim, clauses, tag, bytes)                                                \
	CASE(break_balloon_stats_##name, BREAK, "statistics " claim " are survived", clauses,      \
	     STATS)                                                                                \
	{                                                                                          \
		run_statistics(t, tag, bytes);                                                     \
	}
STATISTIC(1, "of one byte", "DRV-BAL-STATS-05", 0, 1)
STATISTIC(2, "of two bytes, a tag alone,", "DRV-BAL-STATS-05", 0, 2)
STATISTIC(9, "of nine bytes", "DRV-BAL-STATS-05", 0, 9)
STATISTIC(11, "of eleven bytes", "DRV-BAL-STATS-05", 0, 11)
STATISTIC(19, "of nineteen bytes", "DRV-BAL-STATS-05", 0, 19)
STATISTIC(tag_last, "with the tag 65535", "DEV-BAL-STATS-01", 65535, 10)
STATISTIC(tag_signed, "with the tag 32768", "DEV-BAL-STATS-01", 32768, 10)
STATISTIC(many, "with the same tag 410 times", "DRV-BAL-STATS-04", 0, 4100)
STATISTIC(many_unknown, "with an unknown tag 410 times", "DEV-BAL-STATS-01", 255, 4100)

CASE(break_balloon_stats_writable, BREAK, "a writable buffer in the statistics queue is survived",
     "-", STATS)
{
	struct ring *ring = open_statistics(t);
	struct misuse misuse = {0};
	struct used used;

	misuse_in(t, &misuse, 10);
	misuse_run(t, ring, &misuse, &used);
}

CASE(break_balloon_stats_many_buffers, BREAK,
     "of eight statistics buffers at once each is given back at most once", "DRV-BAL-STATS-01",
     STATS)
{
	struct ring *ring = open_statistics(t);
	struct statistic statistic = {.tag = 4, .value = 1};
	struct misuse misuse = {0};
	struct used used;
	unsigned int count = 0;

	misuse_out(t, &misuse, &statistic, sizeof(statistic));
	for (unsigned int i = 0; i < 8; i++)
		misuse_lend(t, ring, &misuse);
	/* A used buffer that is not in flight fails the case. */
	while (misuse_used(t, ring, &misuse, &used))
		count++;
	expect_range(t, "buffers that were given back", count, 0, 8);
}

/* -- Hints and reports. All queues are there, so that each has its place whoever counts. */

#define ALL_QUEUES                                                                                 \
	.devices = DEVICE(BALLOON), .queues = 5,                                                   \
	.features = FEATURE(F_BALLOON_STATS_VQ) | FEATURE(F_BALLOON_HINT) |                        \
		    FEATURE(F_BALLOON_REPORTING)

static struct ring *open_all(struct conformance_target *t, unsigned int queue)
{
	struct ring *ring;

	session_begin(t, SESSION_ONLY(FEATURE(F_BALLOON_STATS_VQ) | FEATURE(F_BALLOON_HINT) |
				      FEATURE(F_BALLOON_REPORTING) | FEATURE(F_RING_PACKED)));
	ring = session_queue(t, queue, 0);
	session_ready(t);
	return ring;
}

static void run_command(struct conformance_target *t, uint32_t id, uint32_t bytes)
{
	uint32_t ids[2] = {id, id};
	struct ring *ring = open_all(t, HINT);
	struct misuse misuse = {0};
	struct used used;

	misuse_out(t, &misuse, ids, bytes);
	misuse_run(t, ring, &misuse, &used);
}

#define COMMAND(name, claim, clauses, id, bytes)                                                   \
	CASE(break_balloon_hint_##name, BREAK, "a hint command id " claim " is survived", clauses, \
	     ALL_QUEUES)                                                                           \
	{                                                                                          \
		run_command(t, id, bytes);                                                         \
	}
COMMAND(1, "of one byte", "DRV-BAL-HINT-01", 2, 1)
COMMAND(3, "of three bytes", "DRV-BAL-HINT-01", 2, 3)
COMMAND(5, "of five bytes", "DRV-BAL-HINT-01", 2, 5)
COMMAND(8, "of eight bytes", "DRV-BAL-HINT-01", 2, 8)
COMMAND(unasked, "that the device did not give", "DRV-BAL-HINT-02", 0x12345678, 4)
COMMAND(last, "of 0xffffffff", "DRV-BAL-HINT-02", 0xffffffff, 4)

/* Pages under an id that is not the device's, or none, stay as they are (5.5.6.5.2). */
static void run_stale(struct conformance_target *t, bool command)
{
	uint32_t id = 0x12345678;
	struct ring *ring = open_all(t, HINT);
	struct misuse start = {0}, pages = {0};
	struct used used;
	uint8_t *area;

	if (config_read(t, 8, 4) == id)
		id++;
	if (command) {
		misuse_out(t, &start, &id, sizeof(id));
		misuse_run(t, ring, &start, &used);
	}
	area = lend(t, PAGE, PAGE, LOAN_WRITE);
	pages.segments[0] = (struct segment){.data = area, .length = PAGE};
	pages.in = 1;
	pages.writable = PAGE;
	misuse_run(t, ring, &pages, &used);
	expect_equal(t, "bytes of the page that changed", pattern_written(t, area, PAGE), 0);
}

CASE(break_balloon_hint_without_command, BREAK,
     "a page that is hinted before any command id stays as it is",
     "DRV-BAL-HINT-02 DEV-BAL-HINT-03", ALL_QUEUES)
{
	run_stale(t, false);
}

CASE(break_balloon_hint_stale, BREAK,
     "a page that is hinted under an id which is not the device's stays as it is",
     "DEV-BAL-HINT-03", ALL_QUEUES)
{
	run_stale(t, true);
}

/* A page that may only be read must stay as it is, whatever the queue. */
static void run_readable_page(struct conformance_target *t, unsigned int queue, bool writable_too)
{
	struct ring *ring = open_all(t, queue);
	uint8_t *area = lend(t, PAGE, PAGE, LOAN_READ);
	struct misuse misuse = {.out = 1};
	struct used used;

	memset(area, 0x52, PAGE);
	seal(t, area);
	misuse.segments[0] = (struct segment){.data = area, .length = PAGE};
	if (writable_too) {
		misuse.segments[1] =
			(struct segment){.data = lend(t, PAGE, PAGE, LOAN_WRITE), .length = PAGE};
		misuse.in = 1;
		misuse.writable = PAGE;
	}
	misuse_run(t, ring, &misuse, &used);
}

#define READABLE(name, claim, queue, writable_too)                                                 \
	CASE(break_balloon_##name, BREAK, claim " stays as it is", "DEV-SPLIT-DESC-01",            \
	     ALL_QUEUES)                                                                           \
	{                                                                                          \
		run_readable_page(t, queue, writable_too);                                         \
	}
READABLE(report_readable, "a page that is reported as readable", REPORT, false)
READABLE(report_mixed, "the readable part of a report", REPORT, true)
READABLE(hint_readable, "a page that is hinted as readable", HINT, false)

/* No page, or not only pages: nothing beside the buffer is touched. */
static void run_part(struct conformance_target *t, uint32_t offset, uint32_t bytes)
{
	struct ring *ring = open_all(t, REPORT);
	uint8_t *area = lend(t, 3 * (size_t)PAGE, PAGE, LOAN_WRITE);
	struct misuse misuse = {.in = 1, .writable = bytes};
	struct used used;

	misuse.segments[0] = (struct segment){.data = area + offset, .length = bytes};
	misuse_run(t, ring, &misuse, &used);
	expect_equal(t, "bytes before the reported ones that changed",
		     pattern_written(t, area, offset), 0);
	expect_equal(t, "bytes behind the reported ones that changed",
		     pattern_written(t, area + offset + bytes, 3 * PAGE - offset - bytes), 0);
}

#define PART(name, claim, offset, bytes)                                                           \
	CASE(break_balloon_report_##name, BREAK,                                                   \
	     "a report of " claim " touches nothing beside that", "DEV-SPLIT-DESC-01", ALL_QUEUES) \
	{                                                                                          \
		run_part(t, offset, bytes);                                                        \
	}
PART(byte, "one byte", 0, 1)
PART(half, "half a page", 0, PAGE / 2)
PART(second_half, "the second half of a page", PAGE / 2, PAGE / 2)
PART(page_and_byte, "a page and a byte", 0, PAGE + 1)
PART(odd, "4096 bytes that begin in the middle of a page", PAGE / 2, PAGE)
PART(odd_byte, "4096 bytes that begin at the second byte of a page", 1, PAGE)

/* -- Configuration */

#define CONFIG(name, offset)                                                                       \
	CASE(break_balloon_config_##name, BREAK,                                                   \
	     "the field " #name " of the configuration cannot be written", "-",                    \
	     .devices = DEVICE(BALLOON))                                                           \
	{                                                                                          \
		session_open(t);                                                                   \
		misuse_config(t, offset, 4);                                                       \
	}
CONFIG(num_pages, 0)
CONFIG(free_page_hint_cmd_id, 8)

CASE(break_balloon_actual_last, BREAK, "an actual size of 0xffffffff pages is survived", "-",
     .devices = DEVICE(BALLOON))
{
	uint64_t before;

	session_open(t);
	before = config_read(t, 4, 4);
	config_write(t, 4, 4, 0xffffffff);
	request_once(t, 0);
	config_write(t, 4, 4, before);
}
