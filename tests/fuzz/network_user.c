/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/network_user.h"

#include "drivers/net/buffers.h"
#include "kernel/memory/dma.h"
#include "tests/device/host.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define MEMORY 65536u
#define HELD_MAX 64
#define PATTERN 0x3c
#define TOKENS 4096u
#define PLACES 16u

struct network_user user;

static struct network_buffer *held[HELD_MAX];
static bool out[TOKENS];

static void on_receive(struct network_device *device, struct network_buffer *chain,
		       const struct network_receive_info *info)
{
	uint32_t length = 0;
	uint8_t sum = 0;

	fuzz_check(device == user.device, "a frame of another device");
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
	if (user.held < HELD_MAX && fuzz_choose(4) == 3)
		held[user.held++] = chain;
	else
		network_buffer_free_chain(chain);
}

static void on_transmitted(struct network_device *device, void *token)
{
	uintptr_t number = (uintptr_t)token - 1;

	fuzz_check(device == user.device, "a token of another device");
	fuzz_check(number < TOKENS && out[number], "token %zu came back and was not given",
		   (size_t)number);
	out[number] = false;
	user.back++;
}

void user_transmit(unsigned int pair)
{
	struct network_transmit frame = {.segment_count = 1 + fuzz_choose(NETWORK_SEGMENTS_MAX)};
	uint32_t offset;
	uintptr_t token = 0;
	int error;

	while (token < TOKENS && out[token])
		token++;
	if (token == TOKENS)
		return;
	/* The header goes in front of the first segment: that place is one frame's alone. */
	offset = 64 + (uint32_t)(token % PLACES) * (MEMORY / PLACES);
	for (unsigned int i = 0; i < frame.segment_count; i++) {
		uint32_t length = 1 + fuzz_choose(i ? 300 : 100);

		if (fuzz_choose(32) == 31)
			length += 3000;
		if (offset + length > MEMORY)
			offset = 64;
		frame.segments[i] = (struct network_segment){user.memory + offset, length};
		offset += length + fuzz_choose(32);
	}
	frame.headroom = fuzz_choose(2) && token < PLACES ? 32 : 0;
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
	error = user.device->operations->transmit(user.device, pair, &frame);
	if (error)
		out[token] = false;
	else
		user.given++;
}

void user_open(void)
{
	memset(out, 0, sizeof(out));
	user = (struct network_user){.device = network_first(), .memory = dma_alloc(MEMORY, NULL)};
	memset(user.memory, PATTERN, MEMORY);
	if (!user.device)
		return;
	user.device->receive = on_receive;
	user.device->transmitted = on_transmitted;
}

void user_release(void)
{
	while (user.held)
		network_buffer_free_chain(held[--user.held]);
}

/* Headers go into headroom, of 32 bytes, and into the first 64. */
void user_check_memory(void)
{
	for (unsigned int i = 0; i < 32; i++)
		fuzz_check(user.memory[i] == PATTERN,
			   "byte %u of a sent frame's memory was changed", i);
}

void user_step(unsigned int choice, unsigned int pair)
{
	const struct network_operations *operations = user.device->operations;

	switch (choice) {
	case 0:
		(void)operations->poll(user.device, pair, 1 + fuzz_choose(16));
		break;
	case 1:
		user_transmit(pair);
		break;
	case 2:
		operations->flush(user.device, pair);
		break;
	case 3:
		(void)operations->arm(user.device, pair);
		break;
	case 4:
		host_poll();
		break;
	default:
		user_release();
		break;
	}
}
