/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * e1000: frames to the device and from it (SDM 3.2 and 3.3). Both rings are looked at in memory only:
 * the device writes back what it has done. The tail registers are written once for a batch.
 */
#include "drivers/net/e1000.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <string.h>

#define LOG_AREA "net"
#define ETHERNET_HEADER 14u
#define VLAN_TAG 4u
/* The ring is filled up when this part of it is missing; below that part somebody must wake us. */
#define REFILL_PART 8
#define STARVING_PART 4
/* So many descriptors may wait to be given back before a transmission looks for them. */
#define RECLAIM_BATCH 32u
#define HEADERS_SIZE (E1000_RING * E1000_HEADERS_MAX)
/* With a link, a frame is on the wire long before. */
#define SEND_TIME (5 * NANOSECONDS_PER_SECOND)

_Static_assert(E1000_FRAME_MAX + VLAN_TAG <= NETWORK_BLOCK_CAPACITY, "a frame fits in a buffer");

static unsigned int after(unsigned int index)
{
	return (index + 1) % E1000_RING;
}

int e1000_rings_create(struct e1000 *e1000)
{
	const struct dma_constraints constraints = {.align = 4096};
	const size_t size = E1000_RING * sizeof(struct e1000_receive_descriptor);
	int error;

	error = network_buffers_create(&e1000->buffers, &e1000->network,
				       network_buffers_wanted(E1000_RING, 1), 0);
	if (error)
		return error;
	e1000->receive = dma_alloc(size, &constraints);
	e1000->transmit = dma_alloc(size, &constraints);
	e1000->headers = dma_alloc(HEADERS_SIZE, &constraints);
	if (e1000->receive && e1000->transmit && e1000->headers)
		return 0;
	e1000_rings_destroy(e1000);
	return -ENOMEM;
}

void e1000_rings_destroy(struct e1000 *e1000)
{
	const size_t size = E1000_RING * sizeof(struct e1000_receive_descriptor);

	if (e1000->receive)
		dma_free(e1000->receive, size);
	if (e1000->transmit)
		dma_free(e1000->transmit, size);
	if (e1000->headers)
		dma_free(e1000->headers, HEADERS_SIZE);
	e1000->receive = NULL;
	e1000->transmit = NULL;
	e1000->headers = NULL;
	network_buffers_destroy(&e1000->buffers);
}

/* -- Receiving */

static bool fill(struct e1000 *e1000)
{
	unsigned int before = e1000->posted_count;

	while (e1000->posted_count < e1000->posted_target) {
		struct network_buffer *buffer = network_buffers_take(&e1000->buffers);
		volatile struct e1000_receive_descriptor *descriptor =
			&e1000->receive[e1000->receive_tail];

		if (!buffer)
			break;
		descriptor->status = 0;
		descriptor->address = buffer->address + NETWORK_BLOCK_DATA;
		e1000->posted[e1000->receive_tail] = buffer;
		e1000->receive_tail = after(e1000->receive_tail);
		e1000->posted_count++;
	}
	return e1000->posted_count > before;
}

static void refill(struct e1000 *e1000)
{
	unsigned int target = e1000->posted_target;
	bool filled;

	if (e1000->posted_count + target / REFILL_PART >= target && e1000->posted_count)
		return;
	filled = fill(e1000);
	if (e1000->posted_count <= target / STARVING_PART) {
		/* What is freed before the flag can be seen wakes nobody: look once more. */
		network_buffers_starve(&e1000->buffers);
		filled |= fill(e1000);
	}
	if (!filled)
		return;
	memory_barrier_write();
	e1000_write(e1000, E1000_RDT, e1000->receive_tail);
}

/* Long packets are off (RCTL.LPE): a frame is in one buffer, and no longer than Ethernet's longest. */
static void deliver(struct e1000 *e1000, struct network_buffer *buffer, uint8_t status,
		    uint8_t errors)
{
	struct network_device *network = &e1000->network;
	struct network_receive_info info = {
		.length = buffer->length,
		.checksum_good = (status & (E1000_RXD_IXSM | E1000_RXD_TCPCS)) == E1000_RXD_TCPCS &&
				 !(errors & E1000_RXD_TCPE),
	};
	bool bad = e1000->in_bad_frame || !(status & E1000_RXD_EOP) || errors & E1000_RXD_ERRORS ||
		   buffer->length < ETHERNET_HEADER || buffer->length > E1000_FRAME_MAX + VLAN_TAG;

	e1000->in_bad_frame = !(status & E1000_RXD_EOP);
	if (bad) {
		e1000->statistics.receive_errors += (status & E1000_RXD_EOP) != 0;
		network_buffers_recycle(&e1000->buffers, buffer);
		return;
	}
	if (!network->receive) {
		e1000->statistics.receive_dropped++;
		network_buffers_recycle(&e1000->buffers, buffer);
		return;
	}
	e1000->statistics.receive_packets++;
	e1000->statistics.receive_bytes += buffer->length;
	network->receive(network, buffer, &info);
}

static uint8_t receive_status(const struct e1000 *e1000)
{
	const volatile struct e1000_receive_descriptor *descriptor =
		&e1000->receive[e1000->receive_next];

	return e1000->posted_count ? descriptor->status : 0;
}

bool e1000_receive_pending(const struct e1000 *e1000)
{
	return receive_status(e1000) & E1000_RXD_DD;
}

unsigned int e1000_receive_poll(struct e1000 *e1000, unsigned int budget)
{
	unsigned int frames = 0;
	uint8_t status;

	while (frames < budget && (status = receive_status(e1000)) & E1000_RXD_DD) {
		volatile struct e1000_receive_descriptor *descriptor =
			&e1000->receive[e1000->receive_next];
		struct network_buffer *buffer = e1000->posted[e1000->receive_next];
		uint8_t errors;

		memory_barrier_read();
		buffer->length = descriptor->length;
		errors = descriptor->errors;
		descriptor->status = 0;
		e1000->posted[e1000->receive_next] = NULL;
		e1000->receive_next = after(e1000->receive_next);
		e1000->posted_count--;
		frames++;
		deliver(e1000, buffer, status, errors);
		if (e1000->stopped)
			return frames;
	}
	refill(e1000);
	return frames;
}

/* -- Sending */

static unsigned int outstanding(const struct e1000 *e1000)
{
	return (e1000->transmit_tail - e1000->clean) % E1000_RING;
}

/* The stack may call transmit again from transmitted(). */
static void give_back(struct e1000 *e1000)
{
	struct e1000_sent sent = e1000->sent[e1000->clean];

	e1000->clean = after(sent.last);
	e1000->network.transmitted(&e1000->network, sent.token);
}

void e1000_reclaim(struct e1000 *e1000)
{
	while (e1000->clean != e1000->told) {
		const volatile struct e1000_data_descriptor *last =
			&e1000->transmit[e1000->sent[e1000->clean].last].data;

		if (!(last->status & E1000_TXD_DD))
			break;
		e1000->progress = 0;
		give_back(e1000);
	}
	if (e1000->clean == e1000->told || !e1000->network.link_up) {
		e1000->progress = 0;
		return;
	}
	if (!e1000->progress)
		e1000->progress = clock_monotonic();
	else if (clock_monotonic() - e1000->progress > SEND_TIME)
		pci_device_break(&e1000->device, "does not send what it was given");
}

static int check(const struct e1000 *e1000, const struct network_transmit *frame, uint32_t *length)
{
	uint32_t length_max = frame->cut ? NETWORK_FRAME_MAX : E1000_FRAME_MAX;

	*length = 0;
	if (e1000->stopped || e1000->device.recovery.broken)
		return -ENETDOWN;
	if (!frame->segment_count || frame->segment_count > E1000_SEGMENTS_MAX)
		return -EMSGSIZE;
	for (unsigned int i = 0; i < frame->segment_count; i++) {
		if (frame->segments[i].length > length_max)
			return -EMSGSIZE;
		*length += frame->segments[i].length;
	}
	if (*length < ETHERNET_HEADER || *length > length_max)
		return -EMSGSIZE;
	return e1000_offloads_check(&e1000->network, frame, *length);
}

static bool has_room(const struct e1000 *e1000, unsigned int descriptors)
{
	return outstanding(e1000) + descriptors < E1000_RING;
}

/* True: there is room. Otherwise the device has been asked to say when it has sent something. */
static bool make_room(struct e1000 *e1000, unsigned int descriptors)
{
	if (outstanding(e1000) >= RECLAIM_BATCH)
		e1000_reclaim(e1000);
	if (has_room(e1000, descriptors))
		return true;
	e1000_flush(&e1000->network, 0); /* what the device does not know of it never sends */
	e1000_reclaim(e1000);
	if (has_room(e1000, descriptors))
		return true;
	if (!e1000->wants_room) {
		e1000->wants_room = true;
		__atomic_fetch_or(&e1000->mask, E1000_INT_TXDW, __ATOMIC_SEQ_CST);
		e1000_write(e1000, E1000_IMS, E1000_INT_TXDW);
		e1000_reclaim(e1000);
	}
	return has_room(e1000, descriptors);
}

/* One piece of memory, as long as it may be. Its last descriptor is the one before the tail. */
static void put_data(struct e1000 *e1000, const uint8_t *data, uint32_t length, uint32_t command,
		     uint8_t options)
{
	while (length) {
		uint32_t part = length < E1000_DATA_MAX ? length : E1000_DATA_MAX;

		e1000->transmit[e1000->transmit_tail].data = (struct e1000_data_descriptor){
			.address = dma_address(data),
			.length_command = part | command,
			.options = options,
		};
		e1000->transmit_tail = after(e1000->transmit_tail);
		data += part;
		length -= part;
	}
}

/* A frame to be cut has a context of its own; of the sum alone the chip remembers where it was last. */
static void put_context(struct e1000 *e1000, const struct network_transmit *frame, uint32_t length)
{
	if (!frame->cut) {
		if (frame->checksum_start == e1000->checksum_start &&
		    frame->checksum_offset == e1000->checksum_offset)
			return;
		e1000->checksum_start = frame->checksum_start;
		e1000->checksum_offset = frame->checksum_offset;
	}
	e1000->transmit[e1000->transmit_tail].context = e1000_offloads_context(frame, length);
	e1000->transmit_tail = after(e1000->transmit_tail);
}

static void describe_frame(struct e1000 *e1000, const struct network_transmit *frame,
			   uint32_t length)
{
	uint32_t command = E1000_DATA_DEXT | E1000_DATA_TYPE | E1000_DATA_IFCS;
	unsigned int first = e1000->transmit_tail, last;
	uint32_t skip = frame->cut ? frame->cut_header : 0;
	uint8_t options = frame->checksum ? E1000_DATA_TXSM : 0;

	if (frame->checksum)
		put_context(e1000, frame, length);
	if (frame->cut) {
		command |= E1000_DATA_TSE;
		options |= E1000_DATA_IXSM;
		e1000_offloads_headers(frame, length, e1000->headers[first]);
		put_data(e1000, e1000->headers[first], skip, command, options);
		e1000->statistics.bytes_copied += skip;
	}
	for (unsigned int i = 0; i < frame->segment_count; i++) {
		uint32_t part = frame->segments[i].length;
		uint32_t skipped = part < skip ? part : skip;

		put_data(e1000, (const uint8_t *)frame->segments[i].data + skipped, part - skipped,
			 command, options);
		skip -= skipped;
	}
	last = (e1000->transmit_tail - 1) % E1000_RING;
	e1000->transmit[last].data.length_command |= E1000_DATA_EOP | E1000_DATA_RS;
	e1000->sent[first] = (struct e1000_sent){frame->token, (uint16_t)last};
}

/* At most so many: the context, the headers, and what is longer than one descriptor takes. */
static unsigned int descriptors_of(const struct network_transmit *frame, uint32_t length)
{
	return frame->segment_count + length / E1000_DATA_MAX + frame->checksum + (frame->cut != 0);
}

int e1000_transmit(struct network_device *device, unsigned int queue,
		   const struct network_transmit *frame)
{
	struct e1000 *e1000 = e1000_of(device);
	uint32_t length;
	int error = check(e1000, frame, &length);

	(void)queue;
	if (error) {
		e1000->statistics.transmit_errors += error != -ENETDOWN;
		return error;
	}
	if (!make_room(e1000, descriptors_of(frame, length))) {
		e1000->ring_full++;
		return -ENOBUFS;
	}
	describe_frame(e1000, frame, length);
	e1000->statistics.transmit_packets++;
	e1000->statistics.transmit_bytes += length;
	if (frame->cut) {
		e1000->statistics.transmit_cut++;
		e1000->statistics.transmit_cut_into +=
			(length - frame->cut_header + frame->cut_length - 1) / frame->cut_length;
	}
	return 0;
}

void e1000_flush(struct network_device *device, unsigned int queue)
{
	struct e1000 *e1000 = e1000_of(device);

	(void)queue;
	if (e1000->stopped || e1000->told == e1000->transmit_tail)
		return;
	e1000->told = e1000->transmit_tail;
	memory_barrier_write();
	e1000_write(e1000, E1000_TDT, e1000->told);
	e1000->statistics.kicks++;
}

/* -- Both */

void e1000_rings_start(struct e1000 *e1000)
{
	const uint64_t receive = dma_address(e1000->receive);
	const uint64_t transmit = dma_address(e1000->transmit);
	const uint32_t length = E1000_RING * sizeof(struct e1000_receive_descriptor);

	memset(e1000->receive, 0, length);
	memset(e1000->transmit, 0, length);
	e1000->receive_next = e1000->receive_tail = e1000->posted_count = 0;
	e1000->clean = e1000->transmit_tail = e1000->told = 0;
	e1000->progress = 0;
	e1000->in_bad_frame = e1000->wants_room = false;
	e1000->checksum_start = e1000->checksum_offset = 0;
	e1000->posted_target =
		e1000->buffers.count < E1000_RING ? e1000->buffers.count : E1000_RING - 1;
	fill(e1000);
	e1000_write(e1000, E1000_TDBAL, (uint32_t)transmit);
	e1000_write(e1000, E1000_TDBAH, (uint32_t)(transmit >> 32));
	e1000_write(e1000, E1000_TDLEN, length);
	e1000_write(e1000, E1000_TDH, 0);
	e1000_write(e1000, E1000_TDT, 0);
	e1000_write(e1000, E1000_RDBAL, (uint32_t)receive);
	e1000_write(e1000, E1000_RDBAH, (uint32_t)(receive >> 32));
	e1000_write(e1000, E1000_RDLEN, length);
	e1000_write(e1000, E1000_RDH, 0);
	e1000_write(e1000, E1000_RDT, e1000->receive_tail);
}

void e1000_rings_stop(struct e1000 *e1000)
{
	for (unsigned int i = 0; i < E1000_RING; i++) {
		if (e1000->posted[i])
			network_buffers_recycle(&e1000->buffers, e1000->posted[i]);
		e1000->posted[i] = NULL;
	}
	e1000->posted_count = 0;
	while (e1000->clean != e1000->transmit_tail)
		give_back(e1000);
}
