/* SPDX-License-Identifier: BSD-2-Clause */
#define LOG_AREA "cold"
#include "kernel/cold/cold.h"

#include "kernel/console/log.h"
#include "kernel/libc/crc32.h"
#include "kernel/memory/pages.h"
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"
#include "kernel/x86/paging.h"

#include <errno.h>
#include <LzmaDec.h>
#include <stdlib.h>
#include <string.h>

/* As pack.pl compresses: lc 3, lp 0, pb 0; a dictionary of 1 MiB. */
static const uint8_t lzma_properties[LZMA_PROPS_SIZE] = {3, 0, 0, 0x10, 0};

/* Unpacked so much at a time, other threads may run. */
#define STEP (16u << 10)

/* In `.packed`, one for each part in the order of `parts`; then what they point to. */
struct packed {
	uint32_t offset; /* from the start of the section */
	uint32_t length; /* compressed */
	uint32_t size;	 /* not compressed: text, read-only data, data */
	uint32_t sum;	 /* CRC-32 of the same */
};

extern const uint8_t packed_start[], packed_end[];

/* In the order of linker.ld, which pack.pl checks. */
#define COLD_PARTS(part)                                                                           \
	part(suite, "the conformance suite") part(tls, "TLS") part(netboot, "network boot")        \
		part(bench, "the benchmarks") part(tests, "the tests of the machine")              \
			part(commands, "the commands") part(probe, "the probe of these tests")

#define DECLARE(identifier, text)                                                                  \
	extern char cold_##identifier##_start[], cold_##identifier##_text_end[],                   \
		cold_##identifier##_rodata_end[], cold_##identifier##_data_end[],                  \
		cold_##identifier##_end[];
COLD_PARTS(DECLARE)

#define PART(identifier, text_name)                                                                \
	{.name = (text_name),                                                                      \
	 .start = cold_##identifier##_start,                                                       \
	 .text_end = cold_##identifier##_text_end,                                                 \
	 .rodata_end = cold_##identifier##_rodata_end,                                             \
	 .data_end = cold_##identifier##_data_end,                                                 \
	 .end = cold_##identifier##_end},

static struct part {
	const char *name;
	char *start, *text_end, *rodata_end, *data_end, *end; /* all at the start of a page */
	bool there, broken;
} parts[] = {COLD_PARTS(PART)};

#define PARTS (sizeof(parts) / sizeof(*parts))

static struct mutex lock = MUTEX_INIT;
static unsigned int unpacked_count;

static struct part *part_of(uint64_t address)
{
	for (size_t i = 0; i < PARTS; i++)
		if (address >= (uint64_t)parts[i].start && address < (uint64_t)parts[i].end)
			return &parts[i];
	return NULL;
}

bool cold_code(uint64_t address)
{
	const struct part *part = part_of(address);

	return part && address < (uint64_t)part->text_end;
}

unsigned int cold_count(void)
{
	return __atomic_load_n(&unpacked_count, __ATOMIC_RELAXED);
}

/* -- Memory */

/*
 * Where a part is written before it has its rights: a second address for its pages, used once. So no
 * CPU ever holds a translation of the right address that allows more than it should.
 */
static uint64_t writable(const char *address)
{
	return (uint64_t)address + (COLD_WRITABLE - COLD_VIRTUAL);
}

static void give_back(const struct part *part, const char *until)
{
	for (const char *at = part->start; at < until; at += PAGE_SIZE) {
		uint64_t page;

		if (!paging_translate(writable(at), &page))
			continue;
		paging_unmap(writable(at), 1);
		paging_unmap((uint64_t)at, 1);
		pages_free(page, 1);
	}
}

static enum page_rights rights_at(const struct part *part, const char *address)
{
	if (address < part->text_end)
		return PAGE_READ_EXECUTE;
	return address < part->rodata_end ? PAGE_READ : PAGE_READ_WRITE;
}

/* Zeroed pages, at the writable addresses. */
static int take_memory(const struct part *part)
{
	/* What cannot be had must not empty the balloon first. */
	if ((size_t)(part->end - part->start) / PAGE_SIZE > pages_available() + pages_lent())
		return -ENOMEM;
	for (const char *at = part->start; at < part->end; at += PAGE_SIZE) {
		uint64_t page = pages_alloc(1, 0);

		if (!page || paging_map(writable(at), page, 1, PAGE_READ_WRITE, PAGE_CACHED) < 0) {
			if (page)
				pages_free(page, 1);
			give_back(part, at);
			return -ENOMEM;
		}
		memset(direct_map(page), 0, PAGE_SIZE);
	}
	return 0;
}

/* The same pages, with their rights, at the addresses that they are linked for. */
static int show(const struct part *part)
{
	uint64_t page;

	for (const char *at = part->start; at < part->end; at += PAGE_SIZE)
		if (!paging_translate(writable(at), &page) ||
		    paging_map((uint64_t)at, page, 1, rights_at(part, at), PAGE_CACHED) < 0)
			return -ENOMEM;
	paging_unmap(writable(part->start), (size_t)(part->end - part->start) / PAGE_SIZE);
	return 0;
}

/* -- Unpacking */

static void *lzma_alloc(void *unused, size_t size)
{
	(void)unused;
	return malloc(size);
}

static void lzma_free(void *unused, void *pointer)
{
	(void)unused;
	free(pointer);
}

/* 0, -ENOMEM, or -EBADMSG. */
static int unpack(const struct packed *packed, uint8_t *to)
{
	static ISzAlloc allocator = {lzma_alloc, lzma_free};
	const uint8_t *from = packed_start + packed->offset;
	size_t left = packed->length;
	CLzmaDec lzma;
	int status = 0;

	LzmaDec_Construct(&lzma);
	if (LzmaDec_AllocateProbs(&lzma, lzma_properties, sizeof(lzma_properties), &allocator))
		return -ENOMEM;
	lzma.dic = to;
	lzma.dicBufSize = packed->size;
	LzmaDec_Init(&lzma);
	while (!status && lzma.dicPos < packed->size) {
		size_t before = lzma.dicPos, used = left;
		size_t limit = packed->size - before > STEP ? before + STEP : packed->size;
		ELzmaStatus unused;

		if (LzmaDec_DecodeToDic(&lzma, limit, from, &used, LZMA_FINISH_ANY, &unused) ||
		    lzma.dicPos == before)
			status = -EBADMSG;
		from += used;
		left -= used;
		thread_yield();
	}
	LzmaDec_FreeProbs(&lzma, &allocator);
	if (!status && crc32(0, to, packed->size) != packed->sum)
		status = -EBADMSG;
	return status;
}

static bool is_plausible(const struct part *part, const struct packed *packed)
{
	size_t room = (size_t)(packed_end - packed_start);

	return packed->size == (size_t)(part->data_end - part->start) && packed->offset <= room &&
	       packed->length <= room - packed->offset;
}

/* The lock is held. */
static int bring(struct part *part)
{
	const struct packed *packed = (const struct packed *)packed_start + (part - parts);
	uint64_t began = clock_monotonic();
	size_t size = (size_t)(part->end - part->start);
	int status = -EBADMSG;

	if (!part->broken && is_plausible(part, packed)) {
		status = take_memory(part);
		if (!status) {
			status = unpack(packed, (uint8_t *)writable(part->start));
			if (!status)
				status = show(part);
			if (status)
				give_back(part, part->end);
		}
	}
	if (status == -ENOMEM) {
		log_error("no memory to unpack %s (%zu KiB)", part->name, size >> 10);
		return status;
	}
	if (status) {
		part->broken = true;
		log_error("%s cannot be unpacked: the image is damaged", part->name);
		return status;
	}
	__atomic_fetch_add(&unpacked_count, 1, __ATOMIC_RELAXED);
	log_info("unpacked %s: %zu KiB to %zu KiB in %lu us", part->name,
		 (size_t)packed->length >> 10, size >> 10,
		 (unsigned long)((clock_monotonic() - began) / 1000));
	return 0;
}

int cold_need(const void *pointer)
{
	struct part *part = part_of((uint64_t)pointer);
	int status = 0;

	if (!part || __atomic_load_n(&part->there, __ATOMIC_ACQUIRE))
		return 0;
	mutex_lock(&lock);
	if (!part->there) {
		status = bring(part);
		if (!status)
			__atomic_store_n(&part->there, true, __ATOMIC_RELEASE);
	}
	mutex_unlock(&lock);
	return status;
}
