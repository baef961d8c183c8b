/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net, receiving (virtio 1.4, 5.1.9.3 and 5.1.9.4).
 *
 * A pool of blocks goes round: spare -> lent to the device -> a frame of the stack's -> freed
 * -> spare. The device writes into the block that the stack reads; nothing is copied.
 *
 *	with MRG_RXBUF	each block is a buffer of the ring; a frame may take several (num_buffers)
 *	without		a buffer of the ring is a chain of blocks that holds the largest frame
 *
 * Blocks come back to the ring in batches: each batch is shown to the device at once, and it asks
 * for a kick only when it had run out.
 */
#include "drivers/net/virtio_net.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"
#include "kernel/panic.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "net"

/* The ring is filled up when this part of it is missing, and below that part somebody must wake us.
 */
#define REFILL_PART 8
#define STARVING_PART 4
/* A device that has buffers and says nothing for so long is told of them once more. */
#define SILENCE (50 * NANOSECONDS_PER_MILLISECOND)

/* -- The pool */

int virtio_net_receive_create(struct virtio_net_pair *pair, unsigned int buffers, uint32_t block)
{
	const struct dma_constraints constraints = {.align = 64};
	struct virtio_net_receive *receive = &pair->receive;
	struct virtio_net *net = pair->net;

	receive->net = net;
	receive->index = pair->index;
	receive->block = block;
	receive->capacity = (uint32_t)(block - VIRTIO_NET_DATA);
	receive->pool = calloc(buffers, sizeof(struct network_buffer *));
	if (!receive->pool)
		return -ENOMEM;
	while (receive->pool_count < buffers) {
		struct network_buffer *buffer = dma_alloc_unclean(block, &constraints);

		if (!buffer)
			break;
		memset(buffer, 0, sizeof(*buffer));
		buffer->device = &net->network;
		buffer->queue = (uint16_t)pair->index;
		buffer->size = block;
		buffer->address = dma_address(buffer);
		buffer->next = receive->spare;
		receive->spare = buffer;
		receive->pool[receive->pool_count++] = buffer;
	}
	/* Fewer than asked for will do, as long as one frame fits. */
	return receive->pool_count >= receive->chain ? 0 : -ENOMEM;
}

void virtio_net_receive_destroy(struct virtio_net_pair *pair)
{
	struct virtio_net_receive *receive = &pair->receive;

	for (unsigned int i = 0; i < receive->pool_count; i++)
		dma_free(receive->pool[i], receive->block);
	free(receive->pool);
	receive->pool = NULL;
	receive->pool_count = 0;
}

static void recycle(struct virtio_net_receive *receive, struct network_buffer *buffer)
{
	buffer->lent = false;
	buffer->next = receive->spare;
	receive->spare = buffer;
}

static void recycle_chain(struct virtio_net_receive *receive, struct network_buffer *buffer)
{
	while (buffer) {
		struct network_buffer *next = buffer->next;

		recycle(receive, buffer);
		buffer = next;
	}
}

/* Any thread, any CPU. Everything is taken at once on the other side, so that a push is enough. */
void virtio_net_buffer_free(struct network_device *device, struct network_buffer *buffer)
{
	struct virtio_net_receive *receive = &virtio_net_of(device)->pairs[buffer->queue].receive;

	if (!buffer->lent)
		panic("%s: a receive buffer was freed twice", device->name);
	buffer->lent = false;
	buffer->next = __atomic_load_n(&receive->freed, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&receive->freed, &buffer->next, buffer, true,
					    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
	if (__atomic_load_n(&receive->starving, __ATOMIC_SEQ_CST) &&
	    __atomic_exchange_n(&receive->starving, false, __ATOMIC_SEQ_CST))
		network_notify(device, receive->index, NETWORK_EVENT_RECEIVE);
}

/* One spare block, or NULL. */
static struct network_buffer *take_spare(struct virtio_net_receive *receive)
{
	struct network_buffer *buffer = receive->spare;

	if (!buffer) {
		if (!__atomic_load_n(&receive->freed, __ATOMIC_SEQ_CST))
			return NULL;
		buffer = __atomic_exchange_n(&receive->freed, NULL, __ATOMIC_ACQUIRE);
	}
	receive->spare = buffer->next;
	return buffer;
}

/* -- Lending */

/* Lends one buffer of the ring. False: no blocks, or no descriptors. */
static bool post(struct virtio_net_receive *receive)
{
	struct virtqueue_segment all[VIRTIO_NET_CHAIN_MAX + 1] = {{0}}, *segments = all;
	unsigned int count = receive->chain;
	struct network_buffer *first = NULL;

	if (receive->net->header_alone) {
		segments++;
		count++;
	}
	if (virtqueue_free(receive->vq) < count)
		return false;
	for (unsigned int i = receive->chain; i-- > 0;) {
		struct network_buffer *buffer = take_spare(receive);

		if (!buffer) {
			recycle_chain(receive, first);
			return false;
		}
		segments[i].address = buffer->address + VIRTIO_NET_DATA;
		segments[i].length = receive->capacity;
		buffer->lent = true;
		buffer->next = first;
		first = buffer;
	}
	if (receive->net->header_alone && first) {
		uint64_t address = first->address + VIRTIO_NET_DATA;
		uint32_t header = receive->net->header_size;

		all[0] = (struct virtqueue_segment){address, header};
		all[1] = (struct virtqueue_segment){address + header, receive->capacity - header};
	}
	if (virtqueue_add(receive->vq, all, 0, count, first)) {
		recycle_chain(receive, first);
		return false;
	}
	receive->posted++;
	return true;
}

/* The same for blocks that are buffers of their own, up to VIRTIO_NET_BATCH at once. */
static bool post_blocks(struct virtio_net_receive *receive)
{
	struct virtqueue_buffer batch[VIRTIO_NET_BATCH];
	unsigned int wanted = receive->posted_target - receive->posted, count, added;
	struct network_buffer *buffer;

	if (wanted > VIRTIO_NET_BATCH)
		wanted = VIRTIO_NET_BATCH;
	if (wanted > virtqueue_free(receive->vq))
		wanted = virtqueue_free(receive->vq);
	for (count = 0; count < wanted && (buffer = take_spare(receive)); count++) {
		buffer->lent = true;
		buffer->next = NULL;
		batch[count].segment.address = buffer->address + VIRTIO_NET_DATA;
		batch[count].segment.length = receive->capacity;
		batch[count].token = buffer;
	}
	if (!count)
		return false;
	added = virtqueue_add_each(receive->vq, batch, count);
	receive->posted += added;
	for (unsigned int i = added; i < count; i++)
		recycle(receive, batch[i].token);
	return added;
}

static bool fill(struct virtio_net_receive *receive)
{
	bool single = receive->chain == 1 && !receive->net->header_alone;
	unsigned int before = receive->posted;

	while (receive->posted < receive->posted_target &&
	       (single ? post_blocks(receive) : post(receive)))
		;
	return receive->posted > before;
}

/*
 * A device that steers finds the queue after it has taken the frame from another one's wire. QEMU's
 * then waits for a notification of that other one, though it was this one that was empty: so all hear
 * of it.
 */
static void tell_others(struct virtio_net_receive *receive)
{
	struct virtio_net *net = receive->net;

	for (unsigned int i = 0; i < net->pairs_created; i++) {
		struct virtqueue *vq = net->pairs[i].receive.vq;

		if (i != receive->index)
			virtqueue_notify(vq);
	}
}

/*
 * More than so many buffers are missing when the ring is filled up. QEMU before 9.1, when it has too few for the
 * frame at hand, asks for a kick, looks once more, and if there are some more but still too few, waits
 * for a kick that is not due: its event lies before them. So each time the largest frame gets its
 * buffers at once, where the ring is long enough.
 */
static unsigned int refill_least(const struct virtio_net_receive *receive)
{
	unsigned int least = receive->posted_target / REFILL_PART;

	if (least < receive->largest && receive->largest <= receive->posted_target / 2)
		least = receive->largest;
	return least;
}

/*
 * Where it is not, or where the stack holds buffers: one kick more after the last ones were shown
 * without, when nothing has come since. A frame may be waiting for it.
 */
static void remind(struct virtio_net_receive *receive)
{
	uint64_t now;

	if (!receive->unheard || receive->largest < 2)
		return;
	now = clock_monotonic();
	if (!receive->silent_since)
		receive->silent_since = now;
	if (now - receive->silent_since < SILENCE)
		return;
	receive->unheard = false;
	receive->reminders++;
	virtqueue_notify(receive->vq);
}

static void refill(struct virtio_net_receive *receive)
{
	unsigned int target = receive->posted_target;
	bool filled;

	if (receive->posted + refill_least(receive) >= target && receive->posted)
		return;
	filled = fill(receive);
	if (receive->posted <= target / STARVING_PART) {
		/* What is freed before the flag can be seen wakes nobody: look once more. */
		__atomic_store_n(&receive->starving, true, __ATOMIC_SEQ_CST);
		filled |= fill(receive);
	}
	if (filled) {
		receive->net->refills++;
		/* It asks for a kick when it had run out. */
		receive->unheard = !virtqueue_kick(receive->vq);
		if (!receive->unheard && receive->net->steering_length)
			tell_others(receive);
	}
}

void virtio_net_receive_start(struct virtio_net_pair *pair, struct virtqueue *vq)
{
	struct virtio_net_receive *receive = &pair->receive;
	unsigned int ring = vq->size / (receive->chain + pair->net->header_alone);
	unsigned int pool = receive->pool_count / receive->chain;

	receive->vq = vq;
	receive->posted_target = ring < pool ? ring : pool;
	receive->largest = 1;
	if (pair->net->mergeable && pair->net->offloads & VIRTIO_NET_JOINS)
		receive->largest =
			(NETWORK_FRAME_MAX + pair->net->header_size + receive->capacity - 1) /
			receive->capacity;
	receive->unheard = false;
	fill(receive);
}

/* What was taken from the ring and not looked at is not wanted any more. */
static void recycle_taken(struct virtio_net_receive *receive)
{
	while (receive->taken_next < receive->taken_count)
		recycle_chain(receive, receive->taken[receive->taken_next++].token);
}

void virtio_net_receive_stop(struct virtio_net_pair *pair)
{
	struct virtio_net_receive *receive = &pair->receive;
	struct network_buffer *buffer;

	recycle_taken(receive);
	while ((buffer = virtqueue_detach(receive->vq)))
		recycle_chain(receive, buffer);
	recycle_chain(receive, receive->first);
	receive->first = receive->last = NULL;
	receive->missing = 0;
	receive->posted = 0;
}

/* -- Taking */

static void drop(struct virtio_net_receive *receive, uint64_t *counter)
{
	recycle_chain(receive, receive->first);
	receive->first = receive->last = NULL;
	(*counter)++;
}

/* No frame from the wire makes the device say such a thing. */
static void drop_nonsense(struct virtio_net_receive *receive)
{
	if (!receive->nonsense++)
		log_warning(
			"%s: the device gave a frame with a header that makes no sense (said once, counted "
			"on)",
			receive->vq->name);
	drop(receive, &receive->net->statistics.receive_errors);
}

/* 5.1.9.4.1: is a frame of several segments one that was negotiated, and is what it says possible? */
static bool segments_are_good(const struct virtio_net_receive *receive)
{
	const struct virtio_net_header *header = &receive->header;
	uint64_t offloads = receive->net->offloads, wanted;
	uint8_t type = header->gso_type & (uint8_t)~VIRTIO_NET_GSO_ECN;

	switch (type) {
	case VIRTIO_NET_GSO_NONE:
		return !(header->gso_type & VIRTIO_NET_GSO_ECN);
	case VIRTIO_NET_GSO_TCPV4:
		wanted = 1ull << VIRTIO_NET_F_GUEST_TSO4;
		break;
	case VIRTIO_NET_GSO_TCPV6:
		wanted = 1ull << VIRTIO_NET_F_GUEST_TSO6;
		break;
	case VIRTIO_NET_GSO_UDP_L4:
		wanted = 1ull << VIRTIO_NET_F_GUEST_USO4 | 1ull << VIRTIO_NET_F_GUEST_USO6;
		break;
	default:
		return false;
	}
	if (!(offloads & wanted))
		return false;
	if (header->gso_type & VIRTIO_NET_GSO_ECN &&
	    (type == VIRTIO_NET_GSO_UDP_L4 || !(offloads & 1ull << VIRTIO_NET_F_GUEST_ECN)))
		return false;
	/* The sum is never made for such a frame; hdr_len is a hint only (5.1.9.4.2). */
	return header->gso_size && header->flags & VIRTIO_NET_HEADER_NEEDS_CSUM;
}

static void count_hash(struct virtio_net_receive *receive)
{
	uint16_t report = receive->header.hash_report;

	if (report < VIRTIO_NET_HASH_REPORTS)
		receive->hashes[report]++;
	else
		receive->hashes_unknown++;
}

/* All of a frame is there: is it good, and what does the device say about it? */
static void deliver(struct virtio_net_receive *receive)
{
	struct virtio_net *net = receive->net;
	struct network_device *network = &net->network;
	const struct virtio_net_header *header = &receive->header;
	struct network_receive_info info = {.length = receive->length};
	struct network_buffer *first = receive->first;

	if (first && !first->length && first->next) {
		/* Only the header was in it. */
		receive->first = first->next;
		recycle(receive, first);
		first = receive->first;
	}
	if (receive->bad || !segments_are_good(receive)) {
		drop_nonsense(receive);
		return;
	}
	if (receive->length < ETHERNET_HEADER_SIZE || receive->length > NETWORK_FRAME_MAX) {
		drop(receive, &net->statistics.receive_errors);
		return;
	}
	/* 5.1.9.4.2: flags that were not negotiated mean nothing. */
	if (net->guest_csum && header->flags & VIRTIO_NET_HEADER_NEEDS_CSUM) {
		uint32_t place = (uint32_t)header->csum_start + header->csum_offset;

		if (place + sizeof(le16) > receive->length) {
			drop_nonsense(receive);
			return;
		}
		info.checksum_good = true;
	} else if (net->guest_csum && header->flags & VIRTIO_NET_HEADER_DATA_VALID) {
		info.checksum_good = true;
	}
	if (!network->receive) {
		drop(receive, &net->statistics.receive_dropped);
		return;
	}
	info.joined = header->gso_type != VIRTIO_NET_GSO_NONE;
	receive->joined += info.joined;
	receive->packets++;
	receive->bytes += receive->length;
	if (net->header_size == VIRTIO_NET_HEADER_SIZE_HASH)
		count_hash(receive);
	receive->first = receive->last = NULL;
	network->receive(network, first, &info);
}

/* Appends one ring buffer's blocks, of which the device wrote `written` bytes, to the frame. */
static void append(struct virtio_net_receive *receive, struct network_buffer *buffer,
		   uint32_t written)
{
	while (buffer) {
		struct network_buffer *next = buffer->next;
		uint32_t length = written < receive->capacity ? written : receive->capacity;

		if (!length) {
			recycle_chain(receive,
				      buffer); /* the rest of a chain that was not needed */
			return;
		}
		written -= length;
		buffer->data = (uint8_t *)buffer + VIRTIO_NET_DATA;
		buffer->length = length;
		buffer->next = NULL;
		if (receive->last)
			receive->last->next = buffer;
		else
			receive->first = buffer;
		receive->last = buffer;
		receive->length += length;
		buffer = next;
	}
}

/* The first buffer of a frame: its header says how many follow. False: the device broke the rules.
 */
static bool begin(struct virtio_net_receive *receive, const struct network_buffer *buffer,
		  uint32_t written)
{
	receive->length = 0;
	receive->missing = 1;
	receive->bad = written < receive->net->header_size;
	if (receive->bad)
		return true;
	/* Copied once: the device may still change it, and it is a few bytes. */
	memcpy(&receive->header, (const uint8_t *)buffer + VIRTIO_NET_DATA,
	       receive->net->header_size);
	if (!receive->net->mergeable)
		return true; /* 5.1.9.4.2: num_buffers says nothing */
	receive->missing = receive->header.num_buffers;
	if (!receive->missing) {
		receive->missing = 1;
		receive->bad = true;
	}
	if (receive->missing > receive->posted + 1) {
		log_error("%s: a frame of %u buffers, %u are lent", receive->vq->name,
			  receive->missing, receive->posted + 1);
		return false;
	}
	return true;
}

static void take(struct virtio_net_receive *receive, struct network_buffer *buffer,
		 uint32_t written)
{
	bool first = !receive->missing;

	receive->posted--;
	if (first && !begin(receive, buffer, written)) {
		recycle_chain(receive, buffer);
		recycle_taken(receive);
		receive->missing = 0;
		virtqueue_break(receive->vq);
		return;
	}
	if (!written)
		receive->bad = true;
	append(receive, buffer, written);
	if (first && receive->first) {
		uint32_t header = receive->first->length < receive->net->header_size
					  ? receive->first->length
					  : receive->net->header_size;

		receive->first->data += header;
		receive->first->length -= header;
		receive->length -= header;
	}
	if (--receive->missing == 0)
		deliver(receive);
}

unsigned int virtio_net_receive_poll(struct virtio_net_pair *pair, unsigned int budget)
{
	struct virtio_net_receive *receive = &pair->receive;
	unsigned int frames = 0;

	/*
	 * A frame counts when its last buffer was taken: so no more are taken than frames are
	 * wanted, and none is left over. The stack's callback may stop us at any of them.
	 */
	while (frames < budget) {
		unsigned int most = budget - frames;

		if (most > VIRTIO_NET_BATCH)
			most = VIRTIO_NET_BATCH;
		receive->taken_next = 0;
		receive->taken_count = virtqueue_take_each(receive->vq, receive->taken, most);
		if (!receive->taken_count)
			break;
		while (receive->taken_next < receive->taken_count) {
			const struct virtqueue_used *used = &receive->taken[receive->taken_next++];

			take(receive, used->token, used->length);
			frames += !receive->missing;
		}
	}
	if (frames)
		receive->silent_since = 0;
	else
		remind(receive);
	refill(receive);
	return frames;
}
