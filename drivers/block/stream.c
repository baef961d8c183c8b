/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/block/stream.h"

#include "kernel/memory/dma.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <stdlib.h>

struct flight {
	struct block_request request;
	struct block_segment segment;
	uint64_t started, ended; /* clock_monotonic(), when somebody wants to know */
	bool timed, finished, used;
};

/* The device's wait queue is woken last: the flight may be gone when its flag is seen. */
static void on_done(struct block_request *request)
{
	struct wait_queue *waiters = &request->device->disk->waiters;
	struct flight *flight = request->context;

	if (flight->timed)
		flight->ended = clock_monotonic();
	__atomic_store_n(&flight->finished, true, __ATOMIC_RELEASE);
	wait_wake(waiters);
}

static bool is_finished(const struct flight *flight)
{
	return flight->used && __atomic_load_n(&flight->finished, __ATOMIC_ACQUIRE);
}

static bool any_finished(const struct flight *flights, unsigned int depth)
{
	for (unsigned int i = 0; i < depth; i++)
		if (is_finished(&flights[i]))
			return true;
	return false;
}

static void fail(struct stream *stream, int error, uint64_t sector)
{
	if (stream->error)
		return;
	stream->error = error;
	stream->error_at = sector;
}

static void take(struct stream *stream, struct flight *flight)
{
	struct block_request *request = &flight->request;

	flight->used = false;
	if (request->error)
		fail(stream, request->error, request->sector);
	else if (stream->verify && !stream->verify(stream->context, request->sector,
						   flight->segment.data, stream->length))
		fail(stream, -EILSEQ, request->sector);
	else
		stream->done++;
	if (stream->timed && !request->error)
		stream->timed(stream->context, flight->ended - flight->started);
}

static void add(struct stream *stream, struct flight *flight, uint64_t number)
{
	struct block_request *request = &flight->request;

	request->device = stream->device;
	request->operation = stream->operation;
	request->sector = stream->place ? stream->place(stream->context, number)
					: stream->first + number * stream->step;
	request->segments = &flight->segment;
	request->segment_count = 1;
	request->done = on_done;
	request->context = flight;
	if (stream->fill)
		stream->fill(stream->context, request->sector, flight->segment.data,
			     stream->length);
	flight->used = true;
	flight->finished = false;
	flight->timed = stream->timed != NULL;
	if (flight->timed)
		flight->started = clock_monotonic();
	block_add(request);
}

static unsigned int take_finished(struct stream *stream, struct flight *flights)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < stream->depth; i++)
		if (is_finished(&flights[i])) {
			take(stream, &flights[i]);
			count++;
		}
	return count;
}

static void run(struct stream *stream, struct flight *flights)
{
	uint64_t next = 0;
	unsigned int running = 0;

	for (;;) {
		bool added = false;

		running -= take_finished(stream, flights);
		for (unsigned int i = 0;
		     i < stream->depth && (added || !stream->batched || !running); i++) {
			if (flights[i].used || next == stream->count || stream->error)
				continue;
			add(stream, &flights[i], next++);
			running++;
			added = true;
		}
		if (added)
			block_kick(stream->device);
		if (!running)
			return;
		wait_event(&stream->device->disk->waiters, any_finished(flights, stream->depth));
	}
}

int stream_run(struct stream *stream)
{
	size_t size = (size_t)stream->depth * stream->length;
	struct flight *flights;
	uint8_t *memory;
	uint64_t start;

	if (!stream->depth || stream->depth > STREAM_DEPTH_MAX)
		return -EINVAL;
	stream->error = 0;
	stream->done = 0;
	flights = calloc(stream->depth, sizeof(*flights));
	memory = dma_alloc(size, NULL);
	if (flights && memory) {
		for (unsigned int i = 0; i < stream->depth; i++)
			flights[i].segment = (struct block_segment){
				memory + (size_t)i * stream->length, stream->length};
		start = clock_monotonic();
		run(stream, flights);
		stream->nanoseconds = clock_monotonic() - start;
	} else {
		stream->error = -ENOMEM;
	}
	if (memory)
		dma_free(memory, size);
	free(flights);
	return stream->error;
}
