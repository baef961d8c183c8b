/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending: the device reads the pbufs where they lie, and they stay referenced until it is done.
 * Frames are copied only when they cannot be lent: memory of an application that it may change as
 * soon as its call returns, memory that a device cannot reach, or more pieces than a frame may
 * have.
 */
#include "kernel/console/log.h"
#include "kernel/memory/dma.h"
#include "kernel/thread/thread.h"
#include "lwip/ip4_frag.h"
#include "lwip/prot/ethernet.h"
#include "lwip/prot/ip4.h"
#include "lwip/prot/ip6.h"
#include "lwip/prot/tcp.h"
#include "net/lwip/interface.h"

#include <errno.h>

#define LOG_AREA "network"
#define IP6_NEXT_HEADER_FRAGMENT 44
#define TCP_CHECKSUM_OFFSET 16

/* May the device read this pbuf's memory after we returned, without the owner changing it? */
static bool can_lend(const struct pbuf *pbuf)
{
	/* A piece of a datagram that was cut into fragments is as good as the whole was. */
	while (pbuf->flags & PBUF_FLAG_IS_CUSTOM && PBUF_NEEDS_COPY(pbuf))
		pbuf = ((const struct pbuf_custom_ref *)(const void *)pbuf)->original;
	if (PBUF_NEEDS_COPY(pbuf))
		return false;
	/*
	 * What has no type of its own for its payload is the stack's memory; constants may be
	 * anywhere.
	 */
	return pbuf->type_internal & PBUF_TYPE_FLAG_STRUCT_DATA_CONTIGUOUS ||
	       dma_reachable(pbuf->payload);
}

static bool must_copy(const struct interface *interface, const struct pbuf *frame)
{
	unsigned int pieces = 0;

	for (; frame; frame = frame->next) {
		if (!frame->len)
			continue;
		if (++pieces > interface->device->segments_max || !can_lend(frame))
			return true;
	}
	return false;
}

/*
 * A frame that can be lent, with a reference to it: this one, or a copy. NULL when there is no
 * memory.
 */
static struct pbuf *prepare(struct interface *interface, struct pbuf *frame)
{
	struct pbuf *whole;

	if (!must_copy(interface, frame)) {
		pbuf_ref(frame);
		return frame;
	}
	/*
	 * The layer leaves room in front for the device's header; the frame has its own headers
	 * already.
	 */
	whole = pbuf_alloc(PBUF_LINK, frame->tot_len, PBUF_RAM);
	if (whole)
		pbuf_copy(whole, frame);
	interface->transmit_copied++;
	return whole;
}

/*
 * Free bytes in front of the frame, in the same block of memory. Negative: the frame begins
 * outside.
 */
static int64_t headroom(const struct pbuf *frame)
{
	const struct network_buffer *buffer = interface_receive_buffer(frame);
	const uint8_t *start = frame->payload;

	if (buffer)
		return start - (const uint8_t *)(buffer + 1);
	if (frame->type_internal & PBUF_TYPE_FLAG_STRUCT_DATA_CONTIGUOUS)
		return start - (const uint8_t *)(frame + 1);
	return 0;
}

static uint32_t add_words(uint32_t sum, const uint8_t *bytes, unsigned int length)
{
	for (unsigned int i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	return sum;
}

/*
 * Asks the device for the checksum of a TCP segment: its field gets the sum of the pseudo header
 * (not complemented) and the device adds the rest. -EAGAIN: the segment was cut into fragments,
 * which no device can sum up; lwIP makes the sums from now on and sends the segment again.
 */
static int request_checksum(struct interface *interface, struct pbuf *frame,
			    struct network_transmit *transmit)
{
	uint8_t *ip = (uint8_t *)frame->payload + SIZEOF_ETH_HDR;
	unsigned int header, length, addresses, addresses_length;
	uint32_t sum = IP_PROTO_TCP;
	bool fragment = false;
	uint16_t type;

	if (interface->netif.chksum_flags & NETIF_CHECKSUM_GEN_TCP)
		return 0;
	if (frame->len < SIZEOF_ETH_HDR + IP_HLEN)
		return 0;
	type = (uint16_t)(ip[-2] << 8 | ip[-1]);
	if (type == ETHTYPE_IP && ip[9] == IP_PROTO_TCP) {
		header = (ip[0] & 0xfu) * 4;
		fragment = (ip[6] & 0x3f) || ip[7];
		length = (unsigned int)(ip[2] << 8 | ip[3]) - header;
		addresses = 12;
		addresses_length = 8;
	} else if (type == ETHTYPE_IPV6 && frame->len >= SIZEOF_ETH_HDR + IP6_HLEN) {
		header = IP6_HLEN;
		fragment = ip[6] == IP6_NEXT_HEADER_FRAGMENT &&
			   frame->tot_len > SIZEOF_ETH_HDR + 48 &&
			   frame->len > SIZEOF_ETH_HDR + IP6_HLEN && ip[IP6_HLEN] == IP_PROTO_TCP;
		if (!fragment && ip[6] != IP_PROTO_TCP)
			return 0;
		length = (unsigned int)(ip[4] << 8 | ip[5]);
		addresses = 8;
		addresses_length = 32;
	} else {
		return 0;
	}
	if (fragment) {
		interface->netif.chksum_flags |= NETIF_CHECKSUM_GEN_TCP;
		log_info("%s: TCP checksums by software from now on: a path takes only fragments",
			 interface->device->name);
		return -EAGAIN;
	}
	/* Not from lwIP's TCP, then: a raw socket's packet, which has its checksum. */
	if (frame->len < SIZEOF_ETH_HDR + header + TCP_HLEN)
		return 0;
	sum = add_words(sum + length, ip + addresses, addresses_length);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	ip[header + TCP_CHECKSUM_OFFSET] = (uint8_t)(sum >> 8);
	ip[header + TCP_CHECKSUM_OFFSET + 1] = (uint8_t)sum;
	transmit->checksum = true;
	transmit->checksum_start = (uint16_t)(SIZEOF_ETH_HDR + header);
	transmit->checksum_offset = TCP_CHECKSUM_OFFSET;
	return 0;
}

/* The pair of the CPU that sends, so that what answers on it comes back to it. */
static unsigned int queue_of_cpu(const struct network_device *device)
{
	return thread_cpu() % device->queue_pairs_active;
}

bool interface_add_pieces(struct interface *interface, struct network_transmit *transmit,
			  const struct pbuf *frame, unsigned int skip)
{
	for (; frame; frame = frame->next, skip = 0) {
		const uint8_t *start = (const uint8_t *)frame->payload + skip;
		struct network_segment *last = &transmit->segments[transmit->segment_count];
		uint32_t length = frame->len - skip;

		if (!length)
			continue;
		if (transmit->segment_count &&
		    start == (const uint8_t *)last[-1].data + last[-1].length) {
			last[-1].length += length;
			continue;
		}
		if (transmit->segment_count == interface->device->segments_max)
			return false;
		*last = (struct network_segment){start, length};
		transmit->segment_count++;
	}
	return true;
}

/*
 * Gives a prepared frame, and our reference to it, to the device. Otherwise the reference stays
 * ours.
 */
static int submit(struct interface *interface, void *token)
{
	struct interface_joined *joined = interface_joined_of(interface, token);
	struct pbuf *frame = joined ? joined->segments[0] : token;
	struct network_device *device = interface->device;
	unsigned int queue = queue_of_cpu(device);
	int64_t room = headroom(frame);
	struct network_transmit transmit;
	int status;

	if (room < 0)
		return -EINVAL;
	/* Not all of it: the segments are a KiB. */
	transmit.segment_count = 0;
	transmit.headroom = room > UINT16_MAX ? UINT16_MAX : (uint32_t)room;
	transmit.checksum = transmit.cut_ecn = false;
	transmit.cut = NETWORK_CUT_NONE;
	transmit.token = token;
	status = request_checksum(interface, frame, &transmit);
	if (!status && joined)
		status = interface_join_describe(interface, joined, &transmit);
	else if (!status && !interface_add_pieces(interface, &transmit, frame, 0))
		status = -EINVAL;
	if (status)
		return status;
	status = device->operations->transmit(device, queue, &transmit);
	if (!status)
		interface->in_flight++;
	/* The device must know what fills its ring, or it never empties it. */
	if (!status || status == -ENOBUFS)
		interface->dirty |= 1u << queue;
	return status;
}

static void drop(struct interface *interface, void *token)
{
	interface->transmit_dropped++;
	interface_release(interface, token);
}

void interface_drain(struct interface *interface)
{
	while (interface->waiting_count) {
		void *token = interface->waiting[interface->waiting_first];
		int status = submit(interface, token);

		if (status == -ENOBUFS)
			break;
		if (status)
			drop(interface, token);
		interface->waiting_first = (interface->waiting_first + 1) % INTERFACE_WAITING_MAX;
		interface->waiting_count--;
	}
}

int interface_send(struct interface *interface, void *token)
{
	int status = interface->waiting_count ? -ENOBUFS : submit(interface, token);

	if (status == -ENOBUFS) {
		unsigned int last = interface->waiting_first + interface->waiting_count++;

		interface->waiting[last % INTERFACE_WAITING_MAX] = token;
		return 0;
	}
	if (status)
		drop(interface, token);
	return status;
}

err_t interface_transmit(struct netif *netif, struct pbuf *frame)
{
	struct interface *interface = (struct interface *)netif;
	int status = 0;

	/*
	 * When the queue is full, TCP keeps its segment and comes again. The last place is that of
	 * the frame which may get more segments.
	 */
	if (interface->waiting_count + (interface->open != NULL) >= INTERFACE_WAITING_MAX) {
		interface->transmit_dropped++;
		return ERR_MEM;
	}
	if (interface->vlan && !interface_vlan_tag(interface, frame)) {
		interface->transmit_dropped++;
		return ERR_BUF;
	}
	frame = prepare(interface, frame);
	if (!frame) {
		interface->transmit_dropped++;
		return ERR_MEM;
	}
	if (interface->vlan || !interface_join(interface, frame))
		status = interface_send(interface, frame);
	return status && status != -EAGAIN ? ERR_IF : ERR_OK;
}

void interface_flush(struct interface *interface)
{
	struct network_device *device = interface->device;
	uint32_t dirty;

	interface_join_end(interface);
	dirty = interface->dirty;
	interface->dirty = 0;
	for (unsigned int queue = 0; dirty; queue++, dirty >>= 1)
		if (dirty & 1)
			device->operations->flush(device, queue);
}

void interface_transmitted(struct network_device *device, void *token)
{
	struct interface *interface = device->stack;

	interface->in_flight--;
	interface_release(interface, token);
}
