/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network driver against the model: frames both ways with and without mergeable buffers,
 * offloads, link, how many kicks and interrupts that takes, full rings, buffers that the stack
 * keeps, and a device that lies. After each test everything that was lent is accounted for.
 */
#include "drivers/net/virtio_net.h"
#include "kernel/memory/dma.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"
#include "tests/device/host.h"
#include "tests/device/virtio_model_net.h"
#include "tests/device/virtio_model_pci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RING 16
#define KEPT_MAX 512
#define BLOCK 16384

static struct virtio_model_net net;
static struct virtio_model_pci pci;
static struct network_device *device;
static uint8_t *memory;

/* What the stack, played by the test, got. */
static struct network_receive_info last_info;
static uint8_t last_frame[NETWORK_FRAME_MAX];
static uint32_t last_length;
static unsigned int last_buffers, received, given_back;
static struct network_buffer *kept[KEPT_MAX];
static unsigned int kept_count;
static bool keep;
static uintptr_t tokens_out, tokens_back; /* sums */

static void free_chain(struct network_buffer *buffer)
{
	while (buffer) {
		struct network_buffer *next = buffer->next;

		network_buffer_free(buffer);
		buffer = next;
	}
}

static void on_receive(struct network_device *from, struct network_buffer *chain,
		       const struct network_receive_info *info)
{
	assert_ptr_equal(from, device);
	last_info = *info;
	last_length = last_buffers = 0;
	for (struct network_buffer *buffer = chain; buffer; buffer = buffer->next) {
		assert_true(buffer->lent);
		assert_true(buffer->length);
		memcpy(last_frame + last_length, buffer->data, buffer->length);
		last_length += buffer->length;
		last_buffers++;
	}
	assert_int_equal(last_length, info->length);
	received++;
	if (keep)
		kept[kept_count++] = chain;
	else
		free_chain(chain);
}

static void on_transmitted(struct network_device *from, void *token)
{
	assert_ptr_equal(from, device);
	given_back++;
	tokens_back += (uintptr_t)token;
}

static void start(const char *options)
{
	host_reset();
	pci_model_reset();
	received = given_back = kept_count = 0;
	keep = false;
	tokens_out = tokens_back = 0;
	virtio_model_net_init(&net, RING);
	virtio_model_pci_init(&pci, &net.model, 3, 4);
	options_parse(options);
	host_log_clear();
}

static void boot(void)
{
	struct network_device *last;

	pci_model_boot();
	for (last = network_first(); last && last->next; last = last->next)
		;
	assert_non_null(last);
	device = last;
	device->receive = on_receive;
	device->transmitted = on_transmitted;
	memory = dma_alloc(BLOCK, NULL);
	for (unsigned int i = 0; i < BLOCK; i++)
		memory[i] = (uint8_t)(i * 7 + i / 256);
}

/* The posted and the spare buffers together are the pool again. */
static void check_no_leak(void)
{
	struct virtio_net *driver = device->driver_data;
	unsigned int count = 0;

	for (struct network_buffer *buffer = driver->receive.spare; buffer; buffer = buffer->next)
		count++;
	for (struct network_buffer *buffer = driver->receive.freed; buffer; buffer = buffer->next)
		count++;
	for (struct network_buffer *buffer = driver->receive.first; buffer; buffer = buffer->next)
		count++;
	count += driver->receive.posted * driver->receive.chain;
	assert_int_equal(count, driver->receive.pool_count);
	assert_int_equal(tokens_out, tokens_back);
}

static void stop(void)
{
	if (net.model.violations)
		fail_msg("%s", net.model.violation);
	virtio_model_net_free(&net);
}

static unsigned int poll(void)
{
	return device->operations->poll(device, 0, 64);
}

/* A sleep of the stack's thread: until an event, which must come. */
static void sleep_for_event(void)
{
	assert_true(wait_event_timeout(&device->wait, device->events, NANOSECONDS_PER_SECOND));
	device->events = 0;
}

static int send(uint32_t length, unsigned int pieces, uint32_t headroom)
{
	struct network_transmit frame = {.segment_count = pieces, .headroom = headroom};
	uint32_t offset = 64;
	int error;

	for (unsigned int i = 0; i < pieces; i++) {
		uint32_t part = i + 1 < pieces ? length / pieces : length - offset + 64;

		frame.segments[i].data = memory + offset;
		frame.segments[i].length = part;
		offset += part;
	}
	frame.token = (void *)(tokens_out + 1);
	error = device->operations->transmit(device, 0, &frame);
	if (!error)
		tokens_out += (uintptr_t)frame.token;
	return error;
}

static void flush(void)
{
	device->operations->flush(device, 0);
}

static void inject(uint32_t length)
{
	const struct model_net_header header = {0};

	virtio_model_net_inject(&net, &header, memory, length);
}

static struct network_statistics statistics(void)
{
	struct network_statistics result;

	network_statistics(device, &result);
	return result;
}

/* -- Start */

static void test_start(void **state)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

	(void)state;
	start("");
	boot();
	assert_memory_equal(device->mac, mac, 6);
	assert_int_equal(device->mtu, 1500);
	assert_true(device->link_up);
	assert_true(device->checksum_transmit);
	assert_true(network_find(device->name) == device);
	assert_string_equal(device->driver_name, "virtio_net");
	assert_int_equal(poll(), 0);
	assert_false(device->operations->arm(device, 0));
	check_no_leak();
	stop();
}

static void test_mac(void **state)
{
	static const uint8_t group[6] = {0x01, 0, 0x5e, 0, 0, 1};

	(void)state;
	start("");
	virtio_model_offer(&net.model, MODEL_NET_MAC, false);
	boot();
	assert_int_equal(device->mac[0] & 3, 2);
	stop();

	start("");
	memcpy(net.model.config, group, 6);
	boot();
	assert_int_equal(device->mac[0] & 3, 2);
	assert_int_equal(host_log_count(), 1);
	stop();
}

static void test_mtu(void **state)
{
	static const struct {
		uint16_t offered, used;
		bool accepted;
	} cases[] = {{1500, 1500, true}, {68, 68, true},      {9000, 9000, true},
		     {67, 1500, false},	 {9217, 1500, false}, {65535, 1500, false}};

	(void)state;
	for (unsigned int mergeable = 0; mergeable < 2; mergeable++)
		for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			start("");
			virtio_model_offer(&net.model, MODEL_NET_MTU, true);
			virtio_model_offer(&net.model, MODEL_NET_MRG_RXBUF, mergeable);
			memcpy(net.model.config + 10, &cases[i].offered, 2);
			boot();
			assert_int_equal(device->mtu, cases[i].used);
			assert_int_equal(virtio_model_accepted(&net.model, MODEL_NET_MTU),
					 cases[i].accepted);
			/* A frame of that size fits both ways. */
			inject(cases[i].used + 14u);
			host_poll();
			assert_int_equal(poll(), 1);
			assert_int_equal(last_length, cases[i].used + 14u);
			assert_memory_equal(last_frame, memory, last_length);
			assert_int_equal(send(cases[i].used + 14u, 2, 12), 0);
			assert_int_equal(send(cases[i].used + 19u, 2, 12), -EMSGSIZE);
			assert_int_equal(send(13, 1, 12), -EMSGSIZE);
			flush();
			host_poll();
			poll();
			assert_int_equal(given_back, 1);
			check_no_leak();
			stop();
		}
}

/* -- Receiving */

static void receive_all_lengths(void)
{
	boot();
	for (uint32_t length = 60; length <= 1514; length += 97) {
		inject(length);
		host_poll();
		assert_int_equal(poll(), 1);
		assert_int_equal(last_length, length);
		assert_memory_equal(last_frame, memory, length);
		assert_false(last_info.checksum_good);
	}
	assert_int_equal(statistics().receive_packets, received);
	assert_int_equal(statistics().receive_errors, 0);
	check_no_leak();
	stop();
}

static void test_receive(void **state)
{
	(void)state;
	start("");
	receive_all_lengths();
	start("virtio.features=-mrg_rxbuf");
	receive_all_lengths();
	start("virtio.features=-event_idx,-indirect_desc");
	receive_all_lengths();
	start("virtio.queue_size=1");
	receive_all_lengths();
}

static void test_receive_several_buffers(void **state)
{
	(void)state;
	start("");
	boot();
	inject(9000);
	host_poll();
	assert_int_equal(poll(), 1);
	assert_int_equal(last_length, 9000);
	assert_int_equal(last_buffers, 5);
	assert_memory_equal(last_frame, memory, 9000);
	/* Exactly one buffer, and a byte more. */
	inject(VIRTIO_NET_CAPACITY - 12);
	host_poll();
	poll();
	assert_int_equal(last_buffers, 1);
	inject(VIRTIO_NET_CAPACITY - 11);
	host_poll();
	poll();
	assert_int_equal(last_buffers, 2);
	check_no_leak();
	stop();
}

static void test_header_is_aligned(void **state)
{
	(void)state;
	start("");
	boot();
	keep = true;
	inject(100);
	host_poll();
	poll();
	assert_int_equal(((uintptr_t)kept[0]->data + 14) % 4, 0);
	assert_int_equal(dma_address(kept[0]->data),
			 kept[0]->address + (uint64_t)(kept[0]->data - (uint8_t *)kept[0]));
	free_chain(kept[0]);
	check_no_leak();
	stop();
}

static void test_receive_checksum(void **state)
{
	static const struct {
		struct model_net_header header;
		bool delivered, good;
	} cases[] = {
		{{.flags = 0}, true, false},
		{{.flags = 1, .csum_start = 34, .csum_offset = 16}, true, true},
		{{.flags = 2}, true, true},
		{{.flags = 3, .csum_start = 34, .csum_offset = 6}, true, true},
		{{.flags = 1, .csum_start = 98, .csum_offset = 0}, true, true},
		{{.flags = 1, .csum_start = 98, .csum_offset = 1}, false, false},
		{{.flags = 1, .csum_start = 65535, .csum_offset = 65535}, false, false},
		/* Unknown flags are ignored; places without NEEDS_CSUM too. */
		{{.flags = 0xf0}, true, false},
		{{.csum_start = 65535, .csum_offset = 65535, .hdr_len = 65535}, true, false},
		/* Segmentation was not negotiated. */
		{{.flags = 1, .gso_type = 1, .gso_size = 1448, .csum_start = 34}, false, false},
	};

	(void)state;
	for (unsigned int negotiated = 0; negotiated < 2; negotiated++) {
		start(negotiated ? "" : "virtio.features=-guest_csum");
		boot();
		for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			bool delivered =
				cases[i].delivered || (!negotiated && !cases[i].header.gso_type);
			unsigned int before = received;

			virtio_model_net_inject(&net, &cases[i].header, memory, 100);
			host_poll();
			poll();
			assert_int_equal(received - before, delivered);
			if (delivered)
				assert_int_equal(last_info.checksum_good,
						 negotiated && cases[i].good);
		}
		check_no_leak();
		stop();
	}
}

static void test_budget(void **state)
{
	(void)state;
	start("");
	boot();
	for (unsigned int i = 0; i < 5; i++)
		inject(60);
	host_poll();
	assert_int_equal(device->operations->poll(device, 0, 2), 2);
	assert_true(device->operations->arm(device, 0)); /* more are there */
	assert_int_equal(device->operations->poll(device, 0, 2), 2);
	assert_int_equal(device->operations->poll(device, 0, 2), 1);
	assert_false(device->operations->arm(device, 0));
	stop();
}

/* The stack keeps all buffers: when it gives some back, the driver hears of it and goes on. */
static void test_starving(void **state)
{
	unsigned int pool;

	(void)state;
	start("net.buffers=8");
	boot();
	pool = device->receive_buffers;
	assert_int_equal(pool, 8);
	keep = true;
	for (unsigned int i = 0; i < pool; i++)
		inject(60);
	inject(61);
	host_poll();
	while (poll())
		;
	assert_int_equal(received, pool);
	assert_false(device->operations->arm(device, 0));
	host_poll();
	assert_int_equal(poll(), 0);
	device->events = 0;
	keep = false;
	free_chain(kept[0]);
	assert_int_equal(device->events, NETWORK_EVENT_RECEIVE);
	poll();
	host_poll();
	assert_int_equal(poll(), 1);
	assert_int_equal(last_length, 61);
	for (unsigned int i = 1; i < pool; i++)
		free_chain(kept[i]);
	poll();
	check_no_leak();
	stop();
}

/* -- Transmitting */

static void test_transmit(void **state)
{
	static const struct {
		unsigned int pieces;
		uint32_t headroom;
		unsigned int descriptors;
	} cases[] = {{1, 12, 1}, {1, 64, 1}, {1, 11, 2}, {1, 0, 2},
		     {3, 12, 3}, {3, 0, 4},  {6, 12, 6}, {20, 0, 21}};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct model_net_frame *sent;
		bool fits = cases[i].descriptors <= RING;

		start("");
		boot();
		assert_int_equal(send(1000, cases[i].pieces, cases[i].headroom),
				 fits ? 0 : -EINVAL);
		flush();
		host_poll();
		if (fits) {
			assert_int_equal(net.sent_count, 1);
			sent = virtio_model_net_sent(&net, 0);
			assert_int_equal(sent->length, 1000);
			assert_memory_equal(sent->data, memory + 64, 1000);
			assert_int_equal(sent->descriptors, cases[i].descriptors);
			assert_int_equal(sent->indirect, cases[i].descriptors > 4);
			assert_int_equal(sent->header.flags, 0);
		}
		poll();
		assert_int_equal(statistics().transmit_packets, fits);
		assert_int_equal(statistics().transmit_bytes, fits ? 1000 : 0);
		check_no_leak();
		stop();
	}
}

static void test_transmit_checksum(void **state)
{
	struct network_transmit frame = {.segment_count = 1, .headroom = 12, .checksum = true};

	(void)state;
	start("");
	boot();
	frame.segments[0] = (struct network_segment){memory + 64, 100};
	frame.checksum_start = 34;
	frame.checksum_offset = 16;
	assert_int_equal(device->operations->transmit(device, 0, &frame), 0);
	flush();
	host_poll();
	assert_int_equal(virtio_model_net_sent(&net, 0)->header.flags, 1);
	assert_int_equal(virtio_model_net_sent(&net, 0)->header.csum_start, 34);
	assert_int_equal(virtio_model_net_sent(&net, 0)->header.csum_offset, 16);
	frame.checksum_start = 90;
	frame.checksum_offset = 9;
	assert_int_equal(device->operations->transmit(device, 0, &frame), -EINVAL);
	stop();

	start("virtio.features=-csum");
	boot();
	assert_false(device->checksum_transmit);
	frame.segments[0] = (struct network_segment){memory + 64, 100};
	frame.checksum_start = 34;
	frame.checksum_offset = 16;
	assert_int_equal(device->operations->transmit(device, 0, &frame), -EINVAL);
	assert_int_equal(statistics().transmit_errors, 1);
	stop();
}

/* A full ring refuses, asks for an interrupt, and the frames come back. */
static void test_full_ring(void **state)
{
	unsigned int sent = 0;

	(void)state;
	start("");
	boot();
	net.hold_transmit = true;
	while (send(100, 1, 12) == 0)
		sent++;
	assert_int_equal(sent, RING);
	assert_int_equal(send(100, 1, 12), -ENOBUFS);
	assert_int_equal(statistics().transmit_dropped, 2);
	/* It was told about all of them, though nobody flushed. */
	assert_true(net.model.queues[1].kicked);
	device->events = 0;
	net.hold_transmit = false;
	sleep_for_event();
	poll();
	assert_true(given_back > 0);
	assert_int_equal(send(100, 1, 12), 0);
	flush();
	host_poll();
	poll();
	assert_int_equal(given_back, sent + 1);
	check_no_leak();
	stop();
}

/* -- Costs */

/* One kick and one interrupt for each echo, and none for what was sent. */
static void echo(const char *options, unsigned int rounds)
{
	uint64_t accesses, kicks, interrupts;

	start(options);
	boot();
	net.echo = true;
	poll();
	assert_false(device->operations->arm(device, 0));
	accesses = host_io_accesses();
	kicks = statistics().kicks;
	interrupts = pci.pci.messages;
	for (unsigned int i = 0; i < rounds; i++) {
		device->events = 0;
		assert_int_equal(send(100, 1, 12), 0);
		flush();
		sleep_for_event();
		assert_int_equal(poll(), 1);
		assert_false(device->operations->arm(device, 0));
	}
	assert_int_equal(pci.pci.messages - interrupts, rounds);
	assert_int_equal(statistics().kicks - kicks, rounds + net.model.queues[0].kicks - 1);
	assert_true(net.model.queues[0].kicks <=
		    1 + rounds / 4); /* for receive buffers, in batches */
	assert_int_equal(host_io_accesses() - accesses, statistics().kicks - kicks);
	poll();
	assert_int_equal(given_back, rounds);
	check_no_leak();
	stop();
}

static void test_echo_costs(void **state)
{
	(void)state;
	echo("", 1000);
	echo("virtio.features=-mrg_rxbuf", 300);
}

/* Many in flight: one kick and one interrupt for all of them. */
static void test_batch_costs(void **state)
{
	uint64_t kicks, messages;

	(void)state;
	start("");
	boot();
	poll();
	assert_false(device->operations->arm(device, 0));
	kicks = net.model.queues[1].kicks;
	messages = pci.pci.messages;
	net.echo = true;
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(send(100, 1, 12), 0);
	flush();
	flush(); /* nothing new: nothing happens */
	sleep_for_event();
	assert_int_equal(poll(), 8);
	assert_int_equal(net.model.queues[1].kicks - kicks, 1);
	assert_int_equal(pci.pci.messages - messages, 1);
	stop();
}

/* -- Link */

static void test_link(void **state)
{
	(void)state;
	start("");
	boot();
	device->events = 0;
	virtio_model_net_link(&net, false);
	assert_false(device->link_up);
	assert_int_equal(device->events, NETWORK_EVENT_LINK);
	device->events = 0;
	virtio_model_net_link(&net, false); /* nothing changed */
	assert_int_equal(device->events, 0);
	virtio_model_net_link(&net, true);
	assert_true(device->link_up);
	assert_int_equal(device->events, NETWORK_EVENT_LINK);
	stop();

	start("");
	net.model.config[6] = 0;
	boot();
	assert_false(device->link_up);
	stop();

	start("virtio.features=-status");
	net.model.config[6] = 0;
	boot();
	assert_true(device->link_up);
	stop();
}

/* -- A device that lies */

/* Marked down, one line, everything given back, and nothing hangs. */
static void expect_stopped(unsigned int logged)
{
	struct virtio_net *driver = device->driver_data;

	poll();
	assert_true(device->events & NETWORK_EVENT_STOPPED);
	assert_false(device->link_up);
	assert_int_equal(host_log_count(), logged);
	assert_int_equal(net.model.status, 0);
	assert_int_equal(driver->receive.posted, 0);
	check_no_leak();
	assert_int_equal(send(100, 1, 12), -ENETDOWN);
	flush();
	assert_int_equal(poll(), 0);
	assert_false(device->operations->arm(device, 0));
	virtio_model_net_link(&net, true);
	stop();
}

static void test_lie_num_buffers(void **state)
{
	(void)state;
	start("");
	boot();
	net.lie_num_buffers = true;
	net.num_buffers = 0;
	inject(100);
	host_poll();
	poll();
	assert_int_equal(received, 0);
	assert_int_equal(statistics().receive_errors, 1);
	/* More than were used: the frame waits, and the next one is taken for its end. */
	net.num_buffers = 2;
	inject(100);
	host_poll();
	poll();
	assert_int_equal(received, 0);
	net.lie_num_buffers = false;
	inject(100);
	host_poll();
	poll();
	assert_int_equal(received, 1);
	assert_int_equal(last_length, 212);
	inject(100);
	host_poll();
	poll();
	assert_int_equal(received, 2);
	assert_int_equal(last_length, 100);
	check_no_leak();
	/* More than are lent at all. */
	net.lie_num_buffers = true;
	net.num_buffers = RING + 1;
	inject(100);
	host_poll();
	expect_stopped(1);
}

static void test_lie_length(void **state)
{
	static const uint32_t lengths[] = {0, 1, 11, 12, 25};

	(void)state;
	for (unsigned int mergeable = 0; mergeable < 2; mergeable++) {
		start(mergeable ? "" : "virtio.features=-mrg_rxbuf");
		boot();
		net.lie_length = true;
		for (unsigned int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			net.length = lengths[i];
			inject(100);
			host_poll();
			poll();
			assert_int_equal(received, 0);
			assert_int_equal(statistics().receive_errors, i + 1);
			check_no_leak();
		}
		net.length = VIRTIO_NET_CAPACITY + 1;
		inject(100);
		host_poll();
		expect_stopped(1);
	}
}

static void test_lie_used(void **state)
{
	(void)state;
	start("");
	boot();
	model_split_push(&net.model, 0, 4711, 100);
	expect_stopped(1);

	start("");
	boot();
	*model_split_used_idx(&net.model, 0) = 1000;
	expect_stopped(1);

	/* In the ring of sent frames, with some outstanding. */
	start("");
	boot();
	net.hold_transmit = true;
	assert_int_equal(send(100, 1, 12), 0);
	assert_int_equal(send(100, 2, 0), 0);
	flush();
	*model_split_used_idx(&net.model, 1) = 1000;
	expect_stopped(1);
	assert_int_equal(given_back, 2);
}

static void test_needs_reset(void **state)
{
	(void)state;
	start("");
	boot();
	net.hold_transmit = true;
	assert_int_equal(send(100, 1, 12), 0);
	device->events = 0;
	virtio_model_needs_reset(&net.model);
	assert_true(device->events != 0);		 /* the thread is woken */
	assert_true(device->operations->arm(device, 0)); /* and does not sleep before it polled */
	expect_stopped(1);
	assert_int_equal(given_back, 1);
}

static void test_reset_never_ends(void **state)
{
	(void)state;
	start("");
	boot();
	net.hold_transmit = true;
	assert_int_equal(send(100, 1, 12), 0);
	net.model.reset_never = true;
	virtio_model_needs_reset(&net.model);
	poll();
	assert_true(device->events & NETWORK_EVENT_STOPPED);
	assert_int_equal(tokens_out, tokens_back);
	stop();
}

/* Random lies in used entries, headers and indices: whatever comes, nothing is lost or crashes. */
static void test_random_lies(void **state)
{
	(void)state;
	for (unsigned int seed = 0; seed < 300; seed++) {
		struct virtio_net *driver;

		srand(seed);
		start(seed & 1 ? "" : "virtio.features=-mrg_rxbuf");
		boot();
		driver = device->driver_data;
		for (unsigned int step = 0; step < 60 && !driver->stopped; step++) {
			unsigned int what = (unsigned int)rand() % 40;

			net.lie_header = net.lie_num_buffers = net.lie_length = false;
			if (what < 4) {
				net.lie_header = true;
				for (unsigned int i = 0; i < sizeof(net.header); i++)
					((uint8_t *)&net.header)[i] = (uint8_t)rand();
				net.header.num_buffers = (uint16_t)(1 + rand() % 3);
			} else if (what < 6) {
				net.lie_length = true;
				net.length = (uint32_t)rand() % 2100;
			} else if (what == 6) {
				net.lie_num_buffers = true;
				net.num_buffers = (uint16_t)(rand() % 20);
			} else if (what == 7 && seed % 3 == 0) {
				model_split_push(&net.model, (unsigned int)rand() % 2,
						 (uint32_t)rand() % 20, (uint32_t)rand() % 2000);
			} else if (what == 8 && seed % 5 == 0) {
				*model_split_used_idx(&net.model, (unsigned int)rand() % 2) += 3;
			}
			if (rand() % 2 && net.incoming_count < 32)
				inject(14 + (uint32_t)rand() % 3000 % (seed & 1 ? 3000 : 1500));
			send(60 + (uint32_t)rand() % 1400, 1 + (unsigned int)rand() % 4,
			     rand() % 2 ? 12 : 0);
			flush();
			host_poll();
			poll();
		}
		net.hold_transmit = false;
		host_poll();
		poll();
		/* A lie may have made the model take a buffer twice: only the driver is judged
		 * here. */
		if (driver->stopped)
			check_no_leak();
		virtio_model_net_free(&net);
	}
}

/* -- Commands and facts */

static void test_commands(void **state)
{
	const struct command *devices = NULL, *ethtool = NULL;
	char name[NETWORK_NAME_MAX];
	char *statistics_arguments[] = {"ethtool", "-S", name, NULL};
	char *driver_arguments[] = {"ethtool", "-i", name, NULL};
	char *wrong[] = {"ethtool", "-x", name, NULL};

	(void)state;
	TABLE_FOREACH (commands, struct command, command) {
		if (!strcmp(command->name, "devices"))
			devices = command;
		if (!strcmp(command->name, "ethtool"))
			ethtool = command;
	}
	assert_non_null(devices);
	assert_non_null(ethtool);
	start("");
	boot();
	inject(100);
	host_poll();
	poll();
	strcpy(name, device->name);
	assert_int_equal(ethtool->run(3, statistics_arguments), COMMAND_OK);
	assert_non_null(strstr(host_command_output(), "receive_packets: 1\n"));
	assert_non_null(strstr(host_command_output(), "bytes_copied: 0\n"));
	assert_int_equal(ethtool->run(3, driver_arguments), COMMAND_OK);
	assert_non_null(strstr(host_command_output(), "bus-info: 00:03.0\n"));
	assert_int_equal(ethtool->run(3, wrong), COMMAND_USAGE);
	assert_int_equal(ethtool->run(1, wrong), COMMAND_USAGE);
	strcpy(name, "eth999");
	assert_int_equal(ethtool->run(3, driver_arguments), COMMAND_FAILED);
	host_command_clear();
	assert_int_equal(devices->run(1, wrong), COMMAND_OK);
	assert_non_null(strstr(host_command_output(), "pci modern at 00:03.0, driver virtio_net"));
	assert_non_null(strstr(host_command_output(), "mrg_rxbuf"));
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_receive),
		cmocka_unit_test(test_receive_several_buffers),
		cmocka_unit_test(test_header_is_aligned),
		cmocka_unit_test(test_receive_checksum),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_starving),
		cmocka_unit_test(test_transmit),
		cmocka_unit_test(test_transmit_checksum),
		cmocka_unit_test(test_full_ring),
		cmocka_unit_test(test_echo_costs),
		cmocka_unit_test(test_batch_costs),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_lie_num_buffers),
		cmocka_unit_test(test_lie_length),
		cmocka_unit_test(test_lie_used),
		cmocka_unit_test(test_needs_reset),
		cmocka_unit_test(test_reset_never_ends),
		cmocka_unit_test(test_random_lies),
		cmocka_unit_test(test_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
