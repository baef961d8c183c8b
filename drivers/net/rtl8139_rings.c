/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rtl8139: frames to the device and from it (data sheet, 5.6 to 5.10). Both ways they are copied: the
 * device writes all that comes into one ring of bytes, and sends only what lies in one piece at a
 * multiple of four. All copied bytes are counted.
 *
 *	receive   one read says how far the device has written, one write after a part of the ring
 *		  how far we have read
 *	transmit  one write for each frame; one read tells of all four slots, when none is left
 */
#include "drivers/net/rtl8139.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <string.h>

#define LOG_AREA "net"
#define BUFFERS 256u
#define ETHERNET_HEADER 14u
#define CRC 4u
#define HEADER ((unsigned int)sizeof(struct rtl8139_header))
/* CAPR is 16 bytes behind what was read, whatever the reason. */
#define CAPR_OFFSET 16u
/* The device is told how far we are after so many bytes: the rest of the ring is long enough. */
#define TELL_BYTES (RTL8139_RING / 4)
#define GONE UINT16_MAX
/* With a link, a frame is on the wire long before. */
#define SEND_TIME (5 * NANOSECONDS_PER_SECOND)

int rtl8139_rings_create(struct rtl8139 *rtl)
{
	const struct dma_constraints constraints = {.align = 4096, .limit = RTL8139_REACH};
	int error = network_buffers_create(&rtl->buffers, &rtl->network,
					   network_buffers_wanted(BUFFERS, 1), 0);

	if (error)
		return error;
	rtl->ring = dma_alloc(RTL8139_RING_MEMORY, &constraints);
	rtl->slots = dma_alloc((size_t)RTL8139_SLOTS * RTL8139_SLOT_SIZE, &constraints);
	if (rtl->ring && rtl->slots)
		return 0;
	rtl8139_rings_destroy(rtl);
	return -ENOMEM;
}

void rtl8139_rings_destroy(struct rtl8139 *rtl)
{
	if (rtl->ring)
		dma_free(rtl->ring, RTL8139_RING_MEMORY);
	if (rtl->slots)
		dma_free(rtl->slots, (size_t)RTL8139_SLOTS * RTL8139_SLOT_SIZE);
	rtl->ring = rtl->slots = NULL;
	network_buffers_destroy(&rtl->buffers);
}

void rtl8139_rings_start(struct rtl8139 *rtl)
{
	uint32_t slots = (uint32_t)dma_address(rtl->slots);

	rtl->place = rtl->told = 0;
	rtl->next_slot = rtl->busy_slots = 0;
	rtl->progress = 0;
	rtl->wants_room = false;
	rtl8139_write32(rtl, RTL8139_RBSTART, (uint32_t)dma_address(rtl->ring));
	for (unsigned int i = 0; i < RTL8139_SLOTS; i++)
		rtl8139_write32(rtl, RTL8139_TSAD0 + 4 * i, slots + i * RTL8139_SLOT_SIZE);
}

void rtl8139_rings_stop(struct rtl8139 *rtl)
{
	rtl->busy_slots = 0;
	rtl8139_give_back(rtl);
}

/* -- Receiving */

enum step { STEP_FRAME, STEP_NO_BUFFER, STEP_BROKEN };

/* One frame of the ring, of which `written` bytes are there. */
static enum step take(struct rtl8139 *rtl, unsigned int written)
{
	const uint8_t *start = rtl->ring + rtl->place;
	struct network_device *network = &rtl->network;
	struct network_receive_info info;
	struct rtl8139_header header;
	struct network_buffer *buffer;
	unsigned int all;

	/* Copied once: what it says is checked, and then used. */
	memcpy(&header, start, sizeof(header));
	all = (HEADER + header.length + 3u) & ~3u;
	if (header.length < ETHERNET_HEADER + CRC || header.length > RTL8139_FRAME_MAX + 4u + CRC ||
	    all > written)
		return STEP_BROKEN;
	if (!(header.status & RTL8139_RX_ROK) || header.status & RTL8139_RX_ERRORS) {
		rtl->statistics.receive_errors++;
	} else if (!network->receive) {
		rtl->statistics.receive_dropped++;
	} else {
		buffer = network_buffers_take(&rtl->buffers);
		if (!buffer)
			return STEP_NO_BUFFER;
		info = (struct network_receive_info){.length = header.length - CRC};
		buffer->length = info.length;
		memcpy(buffer->data, start + HEADER, info.length);
		rtl->statistics.bytes_copied += info.length;
		rtl->statistics.receive_packets++;
		rtl->statistics.receive_bytes += info.length;
		network->receive(network, buffer, &info);
	}
	rtl->place = (rtl->place + all) % RTL8139_RING;
	return STEP_FRAME;
}

static enum step take_or_wait(struct rtl8139 *rtl, unsigned int written)
{
	enum step step = take(rtl, written);

	if (step != STEP_NO_BUFFER)
		return step;
	/* What is freed before the flag can be seen wakes nobody: try once more. */
	network_buffers_starve(&rtl->buffers);
	return take(rtl, written);
}

void rtl8139_tell_place(struct rtl8139 *rtl)
{
	rtl->told = rtl->place;
	rtl8139_write16(rtl, RTL8139_CAPR, (uint16_t)(rtl->place - CAPR_OFFSET));
}

unsigned int rtl8139_receive_poll(struct rtl8139 *rtl, unsigned int budget)
{
	unsigned int end = rtl8139_read16(rtl, RTL8139_CBR), frames = 0;

	if (end >= RTL8139_RING || end % 4) {
		pci_device_break(&rtl->device, end == GONE
						       ? "reads as all ones"
						       : "says an impossible place in its ring");
		return 0;
	}
	memory_barrier_read();
	while (frames < budget && rtl->place != end) {
		enum step step = take_or_wait(rtl, (end - rtl->place) % RTL8139_RING);

		if (step == STEP_BROKEN) {
			rtl->statistics.receive_errors++;
			pci_device_break(&rtl->device, "received a frame of an impossible length");
			return frames;
		}
		if (step == STEP_NO_BUFFER || rtl->stopped)
			break;
		frames++;
	}
	if (!rtl->stopped && (rtl->place - rtl->told) % RTL8139_RING >= TELL_BYTES)
		rtl8139_tell_place(rtl);
	return frames;
}

/* -- Sending */

void rtl8139_give_back(struct rtl8139 *rtl)
{
	/* The stack may call transmit again from transmitted(). */
	while (rtl->token_count) {
		void *token = rtl->tokens[--rtl->token_count];

		rtl->network.transmitted(&rtl->network, token);
	}
}

static void look_at_slots(struct rtl8139 *rtl)
{
	unsigned int states = rtl8139_read16(rtl, RTL8139_TSAD);

	if (states == GONE) {
		pci_device_break(&rtl->device, "reads as all ones");
		return;
	}
	while (rtl->busy_slots) {
		unsigned int slot = (rtl->next_slot - rtl->busy_slots) % RTL8139_SLOTS;

		if (states & RTL8139_TSAD_TABT(slot)) {
			/* Sent once more it would be late; the queue goes on. */
			rtl->transmit_aborts++;
			rtl8139_write32(rtl, RTL8139_TCR,
					RTL8139_TCR_MXDMA | RTL8139_TCR_IFG | RTL8139_TCR_CLRABT);
		} else if (!(states & (RTL8139_TSAD_TOK(slot) | RTL8139_TSAD_TUN(slot)))) {
			break;
		}
		if (!(states & RTL8139_TSAD_TOK(slot)))
			rtl->statistics.transmit_errors++;
		rtl->busy_slots--;
		rtl->progress = 0;
	}
	if (!rtl->busy_slots || !rtl->network.link_up)
		rtl->progress = 0;
	else if (!rtl->progress)
		rtl->progress = clock_monotonic();
	else if (clock_monotonic() - rtl->progress > SEND_TIME)
		pci_device_break(&rtl->device, "does not send what it was given");
}

void rtl8139_reclaim(struct rtl8139 *rtl)
{
	if (rtl->wants_room)
		look_at_slots(rtl);
	rtl8139_give_back(rtl);
}

static int check(const struct rtl8139 *rtl, const struct network_transmit *frame, uint32_t *length)
{
	*length = 0;
	if (rtl->stopped || rtl->device.recovery.broken)
		return -ENETDOWN;
	if (!frame->segment_count || frame->segment_count > NETWORK_SEGMENTS_MAX)
		return -EMSGSIZE;
	for (unsigned int i = 0; i < frame->segment_count; i++) {
		if (frame->segments[i].length > RTL8139_FRAME_MAX)
			return -EMSGSIZE;
		*length += frame->segments[i].length;
	}
	if (*length < ETHERNET_HEADER || *length > RTL8139_FRAME_MAX)
		return -EMSGSIZE;
	return frame->checksum || frame->cut ? -EINVAL : 0;
}

/* True: a slot is free. Otherwise the device has been asked to say when one is. */
static bool make_room(struct rtl8139 *rtl)
{
	if (rtl->busy_slots < RTL8139_SLOTS)
		return true;
	look_at_slots(rtl);
	if (rtl->busy_slots < RTL8139_SLOTS)
		return true;
	if (!rtl->wants_room && !rtl->device.recovery.broken) {
		rtl->wants_room = true;
		__atomic_store_n(&rtl->mask, RTL8139_INT_ALWAYS | RTL8139_INT_TRANSMIT,
				 __ATOMIC_SEQ_CST);
		rtl8139_write16(rtl, RTL8139_IMR, rtl->mask);
		look_at_slots(rtl);
	}
	return rtl->busy_slots < RTL8139_SLOTS;
}

int rtl8139_transmit(struct network_device *device, unsigned int queue,
		     const struct network_transmit *frame)
{
	struct rtl8139 *rtl = rtl8139_of(device);
	uint32_t length;
	int error = check(rtl, frame, &length);
	unsigned int at = 0;
	uint8_t *slot;

	(void)queue;
	if (error) {
		rtl->statistics.transmit_errors += error != -ENETDOWN;
		return error;
	}
	if (rtl->token_count == RTL8139_TOKENS)
		rtl8139_give_back(rtl);
	if (!make_room(rtl)) {
		rtl->ring_full++;
		return -ENOBUFS;
	}
	slot = rtl->slots + (size_t)rtl->next_slot * RTL8139_SLOT_SIZE;
	for (unsigned int i = 0; i < frame->segment_count; i++) {
		memcpy(slot + at, frame->segments[i].data, frame->segments[i].length);
		at += frame->segments[i].length;
	}
	rtl->statistics.bytes_copied += at;
	rtl->statistics.transmit_packets++;
	rtl->statistics.transmit_bytes += length;
	if (at < RTL8139_FRAME_MIN) {
		memset(slot + at, 0, RTL8139_FRAME_MIN - at);
		at = RTL8139_FRAME_MIN;
	}
	rtl->tokens[rtl->token_count++] = frame->token;
	memory_barrier_write();
	/* OWN is 0: the device's; early transmission off (5.4). */
	rtl8139_write32(rtl, RTL8139_TSD0 + 4 * rtl->next_slot, 0x3fu << 16 | at);
	rtl->statistics.kicks++;
	rtl->next_slot = (rtl->next_slot + 1) % RTL8139_SLOTS;
	rtl->busy_slots++;
	return 0;
}
