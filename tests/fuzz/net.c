/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/net.h"

#include "kernel/memory/dma.h"
#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define MEMORY 65536u
#define HELD_MAX 64
#define PATTERN 0x3c
#define TOKENS 4096u

struct fuzz_net net;

static struct network_buffer *held[HELD_MAX];
static bool out[TOKENS];

static void free_chain(struct network_buffer *buffer)
{
	while (buffer) {
		struct network_buffer *next = buffer->next;

		network_buffer_free(buffer);
		buffer = next;
	}
}

static void on_receive(struct network_device *device, struct network_buffer *chain,
		       const struct network_receive_info *info)
{
	uint32_t length = 0;
	uint8_t sum = 0;

	fuzz_check(device == net.device, "a frame of another device");
	for (struct network_buffer *buffer = chain; buffer; buffer = buffer->next) {
		fuzz_check(buffer->lent && buffer->length, "a buffer that is not lent, or empty");
		fuzz_check(buffer->data >= (uint8_t *)(buffer + 1) &&
				   buffer->data + buffer->length <=
					   (uint8_t *)buffer + buffer->size,
			   "a frame outside of its buffer");
		/* The sanitizer looks at each byte. */
		for (uint32_t i = 0; i < buffer->length; i++)
			sum ^= buffer->data[i];
		length += buffer->length;
	}
	__asm__ volatile("" ::"r"(sum));
	fuzz_check(length == info->length, "a frame of %u bytes is said to have %u", length,
		   info->length);
	if (net.held < HELD_MAX && fuzz_choose(4) == 3)
		held[net.held++] = chain;
	else
		free_chain(chain);
}

static void on_transmitted(struct network_device *device, void *token)
{
	uintptr_t number = (uintptr_t)token - 1;

	fuzz_check(device == net.device, "a token of another device");
	fuzz_check(number < TOKENS && out[number], "token %zu came back and was not given",
		   (size_t)number);
	out[number] = false;
	net.back++;
}

void net_open(enum fuzz_bus bus, unsigned int pairs, const char *options)
{
	memset(out, 0, sizeof(out));
	net.device = NULL;
	net.pci_lies = false;
	net.given = net.back = 0;
	net.held = net.refused = 0;
	host_threads();
	host_cpu(0, pairs);
	virtio_model_net_init(&net.model, 16);
	if (pairs > 1)
		virtio_model_net_pairs(&net.model, pairs);
	bus_plug(&net.model.model, bus, fuzz_choose(6));
	options_parse(options);
}

void net_boot(void)
{
	hostile_open(&net.hostile, &net.model.model);
	if (net.pci_lies)
		hostile_pci(&net.hostile, &place.pci.pci);
	bus_boot();
	net.device = network_first();
	net.memory = dma_alloc(MEMORY, NULL);
	memset(net.memory, PATTERN, MEMORY);
	if (!net.device)
		return;
	net.device->receive = on_receive;
	net.device->transmitted = on_transmitted;
}

void net_service(void)
{
	if (!net.device)
		return;
	for (unsigned int i = 0; i < net.device->queue_pairs; i++)
		for (unsigned int rounds = 0; rounds < 64; rounds++)
			if (net.device->operations->poll(net.device, i, 16) < 16)
				break;
	virtio_net_control_work(virtio_net_of(net.device));
}

static void inject(void)
{
	struct model_net_header header = {.num_buffers = 1};
	uint8_t frame[512];
	uint32_t length = fuzz_choose(8) == 7 ? fuzz_choose(sizeof(frame)) : 60;

	fuzz_fill(frame, fuzz_choose(40));
	if (fuzz_choose(2))
		fuzz_fill(&header, sizeof(header));
	net.model.lie_num_buffers = fuzz_choose(8) == 7;
	net.model.num_buffers = (uint16_t)fuzz_choose(16) - 2u;
	if (!net.model.incoming || net.model.incoming_count < MODEL_NET_FRAMES)
		virtio_model_net_inject(&net.model, &header, frame,
					fuzz_choose(16) == 15 ? fuzz_choose(512) : length);
}

static void transmit(unsigned int pair)
{
	struct network_transmit frame = {.segment_count = 1 + fuzz_choose(NETWORK_SEGMENTS_MAX)};
	uint32_t offset = 64;
	uintptr_t token = 0;
	int error;

	while (token < TOKENS && out[token])
		token++;
	if (token == TOKENS)
		return;
	for (unsigned int i = 0; i < frame.segment_count; i++) {
		uint32_t length = 1 + fuzz_choose(i ? 300 : 100);

		if (fuzz_choose(32) == 31)
			length += 3000;
		frame.segments[i] = (struct network_segment){net.memory + offset, length};
		offset += length + fuzz_choose(32);
	}
	frame.headroom = fuzz_choose(2) ? 32 : 0;
	if (fuzz_choose(4) == 3) {
		frame.checksum = true;
		frame.checksum_start = (uint16_t)fuzz_choose(300);
		frame.checksum_offset = (uint16_t)fuzz_choose(300);
		frame.cut = fuzz_choose(NETWORK_CUT_ECN);
		frame.cut_length = (uint16_t)fuzz_number(2);
		frame.cut_header = (uint16_t)fuzz_choose(400);
		frame.cut_ecn = fuzz_choose(2);
	}
	frame.token = (void *)(token + 1);
	out[token] = true;
	error = net.device->operations->transmit(net.device, pair, &frame);
	if (error) {
		out[token] = false;
		net.refused++;
	} else {
		net.given++;
	}
}

void net_step(void)
{
	unsigned int pair;

	if (!net.device) {
		bus_wait(NANOSECONDS_PER_MILLISECOND, NULL);
		return;
	}
	pair = fuzz_choose(net.device->queue_pairs);
	switch (fuzz_choose(9)) {
	case 0:
		inject();
		break;
	case 1:
		(void)net.device->operations->poll(net.device, pair, 1 + fuzz_choose(16));
		break;
	case 2:
		transmit(pair);
		break;
	case 3:
		net.device->operations->flush(net.device, pair);
		break;
	case 4:
		(void)net.device->operations->arm(net.device, pair);
		break;
	case 5:
		host_poll();
		break;
	case 6:
		while (net.held)
			free_chain(held[--net.held]);
		break;
	case 7:
		bus_wait(NANOSECONDS_PER_SECOND >> fuzz_choose(10), net_service);
		break;
	default:
		if (bus_device()->queues && bus_device()->queue_count && fuzz_choose(4) == 3)
			(void)virtio_queue_renew(
				bus_device()->queues[fuzz_choose(bus_device()->queue_count)]);
		else
			virtio_model_net_link(&net.model, fuzz_choose(2));
		break;
	}
}

static unsigned int count(const struct network_buffer *buffer)
{
	unsigned int result = 0;

	for (; buffer; buffer = buffer->next)
		result++;
	return result;
}

/* Spare, freed, in a frame that is not complete, or posted: together they are the pool. */
static void check_pools(const struct virtio_net *driver)
{
	uint64_t outstanding = 0;

	for (unsigned int i = 0; i < net.device->queue_pairs; i++) {
		const struct virtio_net_receive *receive = &driver->pairs[i].receive;
		unsigned int found = count(receive->spare) + count(receive->freed) +
				     count(receive->first) + receive->posted * receive->chain;

		fuzz_check(found == receive->pool_count, "%u receive buffers of %u are left", found,
			   receive->pool_count);
		outstanding += driver->pairs[i].transmit.outstanding;
	}
	fuzz_check(outstanding == net.given - net.back,
		   "%llu frames are out, the driver counts %llu",
		   (unsigned long long)(net.given - net.back), (unsigned long long)outstanding);
}

void net_close(void)
{
	hostile_check(&net.hostile);
	hostile_calm(&net.hostile);
	net.model.silent = false;
	while (net.held)
		free_chain(held[--net.held]);
	bus_settle(net_service);
	while (net.held)
		free_chain(held[--net.held]);
	if (net.device && !bus_device()->reset_failed)
		check_pools(virtio_net_of(net.device));
	/* Headers go into headroom, of 32 bytes, and into the first 64. */
	for (unsigned int i = 0; i < 32; i++)
		fuzz_check(net.memory[i] == PATTERN, "byte %u of a sent frame's memory was changed",
			   i);
	virtio_model_net_free(&net.model);
}
