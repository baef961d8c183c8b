/* SPDX-License-Identifier: BSD-2-Clause */
/* A request for each type of device: see request.h. */
#include "tests/conformance/core/request.h"

#include "tests/conformance/case.h"
#include "tests/conformance/core/run.h"

#include <string.h>

#define SECTOR 512u
#define BLOCK_MOST (64u << 10)
#define FRAME_HEADER 14u
#define FRAME_LEAST 60u
#define FRAME_MOST 1514u
#define NET_HEADER 12u
#define NET_HEADER_LEGACY 10u
#define PAGE 4096u
#define BALLOON_PAGES_MOST 16u
#define ENTROPY_DEFAULT 64u
#define CONSOLE_DEFAULT 16u

unsigned int request_queue(const struct conformance_target *t)
{
	return t->device == DEVICE_NET || t->device == DEVICE_CONSOLE;
}

/* `readable` is sealed; bytes of `writable` may all be written. */
static void add_out(struct conformance_target *t, struct request *request, const void *data,
		    uint32_t length)
{
	request->segments[request->out++] =
		(struct segment){.data = lend_copy(t, data, length), .length = length};
	request->out_bytes += length;
}

static void *add_in(struct conformance_target *t, struct request *request, uint32_t length)
{
	void *area = lend(t, length, 0, LOAN_WRITE);

	request->segments[request->out + request->in++] =
		(struct segment){.data = area, .length = length};
	request->in_bytes += length;
	return area;
}

static void make_block(struct conformance_target *t, struct request *request, uint32_t bytes)
{
	static const uint8_t header[16]; /* VIRTIO_BLK_T_IN of sector 0 */
	uint32_t length = bytes ? (bytes + SECTOR - 1) / SECTOR * SECTOR : SECTOR;

	add_out(t, request, header, sizeof(header));
	add_in(t, request, length < BLOCK_MOST ? length : BLOCK_MOST);
	request->status = add_in(t, request, 1);
	*request->status = 0xff;
	request->written_least = request->written_most = request->in_bytes;
}

static void make_net(struct conformance_target *t, struct request *request, uint32_t bytes)
{
	/* To nobody, of the experimental type: no switch answers it. */
	static const uint8_t ethernet[FRAME_HEADER] = {2, 0, 0, 0, 0, 1,    2,
						       0, 0, 0, 0, 2, 0x88, 0xb5};
	uint8_t frame[NET_HEADER + FRAME_MOST] = {0};
	uint32_t header = is_legacy(t) ? NET_HEADER_LEGACY : NET_HEADER;
	uint32_t length = bytes < FRAME_LEAST  ? FRAME_LEAST
			  : bytes < FRAME_MOST ? bytes
					       : FRAME_MOST;

	memcpy(frame + header, ethernet, sizeof(ethernet));
	add_out(t, request, frame, header + length);
}

static void make_console(struct conformance_target *t, struct request *request, uint32_t bytes)
{
	static const char text[] = "ringside conform";
	uint32_t length = bytes ? bytes : CONSOLE_DEFAULT;
	uint8_t *area = lend(t, length, 0, LOAN_READ);

	for (uint32_t i = 0; i < length; i++)
		area[i] = (uint8_t)text[i % (sizeof(text) - 1)];
	seal(t, area);
	request->segments[request->out++] = (struct segment){.data = area, .length = length};
	request->out_bytes = length;
}

static void make_balloon(struct conformance_target *t, struct request *request, uint32_t bytes)
{
	uint32_t pages = bytes / sizeof(uint32_t), numbers[BALLOON_PAGES_MOST];
	uint8_t *area;

	pages = pages < 1 ? 1 : pages < BALLOON_PAGES_MOST ? pages : BALLOON_PAGES_MOST;
	area = lend(t, (size_t)pages * PAGE, PAGE, LOAN_WRITE);
	for (uint32_t i = 0; i < pages; i++)
		numbers[i] = (uint32_t)(lent_address(t, area + (size_t)i * PAGE) / PAGE);
	add_out(t, request, numbers, pages * (uint32_t)sizeof(numbers[0]));
}

void request_make(struct conformance_target *t, struct request *request, uint32_t bytes)
{
	memset(request, 0, sizeof(*request));
	request->queue = request_queue(t);
	switch (t->device) {
	case DEVICE_BLOCK:
		make_block(t, request, bytes);
		break;
	case DEVICE_NET:
		make_net(t, request, bytes);
		break;
	case DEVICE_CONSOLE:
		make_console(t, request, bytes);
		break;
	case DEVICE_BALLOON:
		make_balloon(t, request, bytes);
		break;
	case DEVICE_ENTROPY:
		add_in(t, request, bytes ? bytes : ENTROPY_DEFAULT);
		request->written_least = 1;
		request->written_most = request->in_bytes;
		break;
	default:
		skip(t, "the suite knows no request of device type %u", t->device);
	}
}

/* Bytes of the `count` segments from `segments` on, gathered. */
static void gather(uint8_t *to, const struct segment *segments, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		memcpy(to, segments[i].data, segments[i].length);
		to += segments[i].length;
	}
}

static unsigned int cut(struct conformance_target *t, uint32_t bytes, unsigned int pieces,
			const uint8_t *content, struct segment *segments)
{
	uint32_t done = 0;

	if (pieces > bytes)
		pieces = bytes;
	for (unsigned int i = 0; i < pieces; i++) {
		uint32_t length = (bytes - done) / (pieces - i);
		void *area = content ? lend_copy(t, content + done, length)
				     : lend(t, length, 0, LOAN_WRITE);

		segments[i] = (struct segment){.data = area, .length = length};
		done += length;
	}
	return pieces;
}

void request_cut(struct conformance_target *t, struct request *request, unsigned int pieces)
{
	uint8_t *content = run_allocate(t, request->out_bytes + 1);
	struct segment *last;

	if (2 * pieces > REQUEST_SEGMENTS)
		fail(t, "(the suite itself) there are segments enough", "%u pieces", pieces);
	gather(content, request->segments, request->out);
	request->out = cut(t, request->out_bytes, pieces, content, request->segments);
	request->in = cut(t, request->in_bytes, pieces, NULL, request->segments + request->out);
	if (request->status) {
		last = &request->segments[request->out + request->in - 1];
		request->status = (uint8_t *)(uintptr_t)last->data + last->length - 1;
		*request->status = 0xff;
	}
}

void request_add(struct conformance_target *t, struct request *request)
{
	struct ring *ring = session_ring(t, request->queue);

	if (!ring)
		fail(t, "(the suite itself) the queue was set up", "queue %u", request->queue);
	if (request->out + request->in > ring->size)
		skip(t, "the request has %u segments, and the queue %u entries",
		     request->out + request->in, ring->size);
	request->id = ring_add(t, ring, request->segments, request->out, request->in);
}

void request_check(struct conformance_target *t, const struct request *request,
		   const struct used *used)
{
	expect_equal(t, "used.id", used->id, request->id);
	expect_range(t, "used.len", used->length, request->written_least, request->written_most);
	if (request->status) {
		target_barrier(t);
		expect_equal(t, "the request's status byte", *(volatile uint8_t *)request->status,
			     0);
	}
}

struct used request_run(struct conformance_target *t, struct request *request)
{
	struct ring *ring;
	struct used used;

	request_add(t, request);
	ring = session_ring(t, request->queue);
	ring_kick(t, ring);
	used = ring_wait(t, ring);
	request_check(t, request, &used);
	return used;
}

void request_once(struct conformance_target *t, uint32_t bytes)
{
	struct request request;

	request_make(t, &request, bytes);
	request_run(t, &request);
}

void prove_alive(struct conformance_target *t)
{
	session_open(t);
	request_once(t, 0);
}
