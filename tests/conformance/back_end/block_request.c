/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request (virtio 1.4, 5.2.6): a header that the device reads, data, a status byte that it writes last.
 * Nothing is assumed of how the driver cuts these into descriptors (2.7.4.1).
 */
#include "tests/conformance/back_end/block.h"
#include "tests/conformance/back_end/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, WRITE_ZEROES = 13 };
enum { STATUS_OK = 0, STATUS_IOERR = 1, STATUS_UNSUPP = 2 };

struct header {
	uint32_t type, reserved;
	uint64_t sector;
};
_Static_assert(sizeof(struct header) == 16, "5.2.6");

struct range {
	uint64_t sector;
	uint32_t sectors, flags;
};
_Static_assert(sizeof(struct range) == 16, "5.2.6");

struct request {
	struct header header;
	const struct chain *chain;
	size_t out_data, in_data; /* bytes of data: without header and status */
};

/* What the device reads: `from` counts from the header's first byte. */
static void copy_out(const struct request *request, size_t from, void *data, size_t size)
{
	chain_read(request->chain, from, data, size);
}

/* What it writes: `from` counts from the first byte of data. */
static void copy_in(const struct request *request, size_t from, uint8_t *data, size_t size)
{
	chain_write(request->chain, from, data, size);
}

static void zero_in(const struct request *request, size_t from)
{
	static uint8_t zeroes[4096];

	while (from < request->in_data) {
		size_t left = request->in_data - from;
		size_t piece = left < sizeof(zeroes) ? left : sizeof(zeroes);

		copy_in(request, from, zeroes, piece);
		from += piece;
	}
}

static bool in_range(const struct block *block, uint64_t sector, uint64_t sectors)
{
	return sector <= block->sectors && sectors <= block->sectors - sector;
}

/* All of it, or false. Files of whole sectors do not end within one, but may shrink. */
static bool read_file(const struct block *block, uint64_t place, uint8_t *data, size_t size)
{
	while (size) {
		ssize_t done = pread(block->file, data, size, (off_t)place);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		data += done;
		place += (uint64_t)done;
		size -= (size_t)done;
	}
	return true;
}

static bool write_file(const struct block *block, uint64_t place, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t done = pwrite(block->file, data, size, (off_t)place);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		data += done;
		place += (uint64_t)done;
		size -= (size_t)done;
	}
	return true;
}

/* Goes over the data in pieces that fit our own buffer: the guest may change its memory at any time. */
static uint8_t run_in(struct block *block, const struct request *request)
{
	uint8_t buffer[64 * BLOCK_SECTOR];
	uint64_t sector = request->header.sector;
	size_t wanted = request->in_data;
	size_t done = 0;

	if (request->in_data % BLOCK_SECTOR || request->in_data == 0 ||
	    !in_range(block, sector, request->in_data / BLOCK_SECTOR))
		return STATUS_IOERR;
	if (fault_is(FAULT_READ_SECTOR) &&
	    in_range(block, sector + 1, request->in_data / BLOCK_SECTOR))
		sector++;
	if (fault_is(FAULT_READ_SHORT) && wanted > BLOCK_SECTOR)
		wanted -= BLOCK_SECTOR;
	while (done < wanted) {
		size_t piece = wanted - done < sizeof(buffer) ? wanted - done : sizeof(buffer);

		if (!read_file(block, sector * BLOCK_SECTOR + done, buffer, piece))
			return STATUS_IOERR;
		if (fault_is(FAULT_READ_CORRUPT))
			buffer[piece / 2] ^= 0x10;
		copy_in(request, done, buffer, piece);
		done += piece;
	}
	return STATUS_OK;
}

/* FAULT_WRITE_REPLAYED: what was written last goes to the disk again, over what came since. */
static void replay(struct block *block, uint64_t sector, const uint8_t *data, size_t size)
{
	if (block->replay)
		(void)write_file(block, block->replay_sector * BLOCK_SECTOR, block->replay,
				 block->replay_size);
	free(block->replay);
	block->replay = malloc(size);
	if (!block->replay)
		return;
	memcpy(block->replay, data, size);
	block->replay_size = size;
	block->replay_sector = sector;
}

static uint8_t run_out(struct block *block, const struct request *request)
{
	uint8_t buffer[64 * BLOCK_SECTOR];
	uint64_t place = request->header.sector * BLOCK_SECTOR;

	if (request->out_data % BLOCK_SECTOR || request->out_data == 0 ||
	    !in_range(block, request->header.sector, request->out_data / BLOCK_SECTOR))
		return STATUS_IOERR;
	if (block->read_only && !fault_is(FAULT_READ_ONLY_WRITES))
		return STATUS_IOERR;
	if (fault_is(FAULT_WRITE_DROPPED))
		return STATUS_OK;
	for (size_t done = 0; done < request->out_data;) {
		size_t left = request->out_data - done;
		size_t piece = left < sizeof(buffer) ? left : sizeof(buffer);

		copy_out(request, sizeof(request->header) + done, buffer, piece);
		if (!write_file(block, place + done, buffer, piece))
			return STATUS_IOERR;
		if (fault_is(FAULT_WRITE_REPLAYED))
			replay(block, request->header.sector + done / BLOCK_SECTOR, buffer, piece);
		done += piece;
	}
	if (!block->write_back && fdatasync(block->file))
		return STATUS_IOERR;
	return STATUS_OK;
}

static uint8_t run_flush(struct block *block, const struct request *request)
{
	(void)request;
	if (fault_is(FAULT_FLUSH_FAILS))
		return STATUS_IOERR;
	return !block->read_only && fdatasync(block->file) ? STATUS_IOERR : STATUS_OK;
}

/* The serial number, padded with zeroes; a full one has no zero at its end (5.2.6.2). */
static uint8_t run_get_id(struct block *block, const struct request *request)
{
	uint8_t id[BLOCK_SERIAL] = {0};

	if (request->in_data < BLOCK_SERIAL)
		return STATUS_IOERR;
	if (fault_is(FAULT_IDENTIFY_UNPADDED))
		memset(id, 0xff, sizeof(id));
	if (fault_is(FAULT_IDENTIFY_UNWRITTEN))
		return STATUS_OK;
	memcpy(id, block->serial, strlen(block->serial));
	copy_in(request, 0, id, sizeof(id));
	zero_in(request, sizeof(id));
	return STATUS_OK;
}

static bool zero_file(const struct block *block, const struct range *range)
{
	static const uint8_t zeroes[64 * BLOCK_SECTOR];
	uint64_t place = range->sector * BLOCK_SECTOR;
	uint64_t left = (uint64_t)range->sectors * BLOCK_SECTOR;

	if (fallocate(block->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)place,
		      (off_t)left) == 0)
		return true;
	while (left) {
		size_t piece = left < sizeof(zeroes) ? left : sizeof(zeroes);

		if (!write_file(block, place, zeroes, piece))
			return false;
		place += piece;
		left -= piece;
	}
	return true;
}

/* Discard and write zeroes: a table of ranges. All are checked before any is done. */
static uint8_t run_ranges(struct block *block, const struct request *request)
{
	struct range ranges[BLOCK_RANGES_MAX];
	/* Only "unmap", and only of write zeroes, is a flag that we know (5.2.6.2). */
	const uint32_t known = request->header.type == WRITE_ZEROES ? 1 : 0;

	if (block->read_only)
		return STATUS_IOERR;
	if (request->out_data == 0 || request->out_data % sizeof(ranges[0]) ||
	    request->out_data > sizeof(ranges))
		return STATUS_IOERR;
	copy_out(request, sizeof(request->header), ranges, request->out_data);
	for (size_t i = 0; i < request->out_data / sizeof(ranges[0]); i++) {
		if (ranges[i].flags & ~known && !fault_is(FAULT_FLAGS_IGNORED))
			return STATUS_UNSUPP;
		if (!in_range(block, ranges[i].sector, ranges[i].sectors) ||
		    ranges[i].sectors > BLOCK_DISCARD_MAX)
			return STATUS_IOERR;
	}
	if (fault_is(FAULT_ZEROES_IGNORED))
		return STATUS_OK;
	for (size_t i = 0; i < request->out_data / sizeof(ranges[0]); i++) {
		if (ranges[i].sectors && !zero_file(block, &ranges[i]))
			return STATUS_IOERR;
	}
	return STATUS_OK;
}

static const struct {
	uint32_t type;
	uint8_t (*run)(struct block *block, const struct request *request);
} requests[] = {
	{IN, run_in},	      {OUT, run_out},	     {FLUSH, run_flush},
	{GET_ID, run_get_id}, {DISCARD, run_ranges}, {WRITE_ZEROES, run_ranges},
};

static uint8_t run(struct block *block, const struct request *request)
{
	for (unsigned int i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (requests[i].type == request->header.type)
			return requests[i].run(block, request);
	}
	return fault_is(FAULT_UNKNOWN_OK) ? STATUS_OK : STATUS_UNSUPP;
}

int64_t block_execute(struct device *device, struct back_end *back_end, const struct chain *chain)
{
	struct block *block = (struct block *)device;
	struct request request = {.chain = chain};
	uint8_t status;

	(void)back_end;
	if (chain->out_bytes < sizeof(request.header) || chain->in_bytes < 1)
		return -EINVAL;
	request.out_data = chain->out_bytes - sizeof(request.header);
	request.in_data = chain->in_bytes - 1;
	copy_out(&request, 0, &request.header, sizeof(request.header));
	status = run(block, &request);
	/* used.len counts from the first byte on: what lies before the status byte was written too (2.7.8.2). */
	if (status != STATUS_OK || (request.header.type != IN && request.header.type != GET_ID))
		zero_in(&request, 0);
	if (fault_is(FAULT_STATUS_OK))
		status = STATUS_OK;
	if (fault_now(FAULT_STATUS_UNKNOWN))
		status = 0x77;
	if (!fault_now(FAULT_STATUS_UNWRITTEN))
		copy_in(&request, request.in_data, &status, 1);
	if (fault_is(FAULT_WRITE_READABLE))
		((uint8_t *)chain->segments[0].iov_base)[0] ^= 0x40;
	return (int64_t)chain->in_bytes;
}
