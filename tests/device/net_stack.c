/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/net_stack.h"

#include "drivers/virtio/transports/mmio.h"
#include "kernel/memory/dma.h"
#include "kernel/options/options.h"

#include <string.h>

#define BLOCK 16384
#define SENT_FROM 64

struct net_stack stack;

void stack_free_chain(struct network_buffer *buffer)
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
	if (from != stack.device)
		host_abort("a frame of another device");
	stack.info = *info;
	stack.length = stack.buffers = 0;
	for (struct network_buffer *buffer = chain; buffer; buffer = buffer->next) {
		if (!buffer->lent || !buffer->length)
			host_abort("a buffer that is not lent, or empty");
		memcpy(stack.frame + stack.length, buffer->data, buffer->length);
		stack.length += buffer->length;
		stack.buffers++;
	}
	if (stack.length != info->length)
		host_abort("a frame of %u bytes is said to have %u", stack.length, info->length);
	stack.received++;
	if (stack.keep)
		stack.kept[stack.kept_count++] = chain;
	else
		stack_free_chain(chain);
}

static void on_transmitted(struct network_device *from, void *token)
{
	if (from != stack.device)
		host_abort("a token of another device");
	stack.given_back++;
	stack.tokens_back += (uintptr_t)token;
}

void stack_start_on(enum stack_transport transport, const char *command_line)
{
	static uint64_t mmio_address = 0xfeb00000;

	host_reset();
	pci_model_reset();
	memset(&stack, 0, sizeof(stack));
	stack.transport = transport;
	virtio_model_net_init(&stack.net, STACK_RING);
	if (transport >= STACK_MMIO_2) {
		/* No two at one address: the driver remembers those that it has. */
		mmio_address += 0x1000;
		virtio_model_mmio_init(&stack.mmio, &stack.net.model, mmio_address);
		if (transport == STACK_MMIO_1)
			virtio_model_mmio_legacy(&stack.mmio);
	} else {
		virtio_model_pci_init(&stack.pci, &stack.net.model, 3, 4);
		if (transport != STACK_PCI_MODERN)
			virtio_model_pci_legacy(&stack.pci, transport == STACK_PCI_LEGACY);
	}
	options_parse(command_line);
	host_log_clear();
}

void stack_start(const char *command_line)
{
	stack_start_on(STACK_PCI_MODERN, command_line);
}

static void boot_mmio(void)
{
	const struct interrupt_line line = {.gsi = MODEL_MMIO_LINE, .level = true};

	virtio_mmio_add(stack.mmio.region->address, 0x200, &line);
}

void stack_boot(void)
{
	struct network_device *before = network_first(), *device;

	while (before && before->next)
		before = before->next;
	if (stack.transport >= STACK_MMIO_2)
		boot_mmio();
	else
		pci_model_boot();
	device = before ? before->next : network_first();
	if (!device)
		host_abort("the driver did not take the device");
	stack.device = device;
	device->receive = on_receive;
	device->transmitted = on_transmitted;
	stack.memory = dma_alloc(BLOCK, NULL);
	for (unsigned int i = 0; i < BLOCK; i++)
		stack.memory[i] = (uint8_t)(i * 7 + i / 256);
}

void stack_stop(void)
{
	if (stack.net.model.violations)
		host_abort("the driver broke a rule: %s", stack.net.model.violation);
	virtio_model_net_free(&stack.net);
}

unsigned int stack_poll(void)
{
	return stack.device->operations->poll(stack.device, 0, 64);
}

bool stack_arm(void)
{
	return stack.device->operations->arm(stack.device, 0);
}

void stack_flush(void)
{
	stack.device->operations->flush(stack.device, 0);
}

void stack_sleep(void)
{
	if (!wait_event_timeout(&stack.device->queues[0].wait, stack.device->queues[0].events,
				NANOSECONDS_PER_SECOND))
		host_abort("nobody woke the stack");
	stack.device->queues[0].events = 0;
}

int stack_send(uint32_t length, unsigned int pieces, uint32_t headroom)
{
	struct network_transmit frame = {.segment_count = pieces, .headroom = headroom};
	uint32_t offset = SENT_FROM;
	int error;

	for (unsigned int i = 0; i < pieces; i++) {
		uint32_t part = i + 1 < pieces ? length / pieces : length - (offset - SENT_FROM);

		frame.segments[i].data = stack.memory + offset;
		frame.segments[i].length = part;
		offset += part;
	}
	frame.token = (void *)(uintptr_t)(stack.tokens_out + 1);
	error = stack.device->operations->transmit(stack.device, 0, &frame);
	if (!error) {
		stack.tokens_out += (uintptr_t)frame.token;
		stack.sent++;
	}
	return error;
}

void stack_inject(uint32_t length)
{
	const struct model_net_header header = {0};

	virtio_model_net_inject(&stack.net, &header, stack.memory, length);
}

struct network_statistics stack_statistics(void)
{
	struct network_statistics result;

	network_statistics(stack.device, &result);
	return result;
}

static unsigned int count(const struct network_buffer *buffer)
{
	unsigned int result = 0;

	for (; buffer; buffer = buffer->next)
		result++;
	return result;
}

/* Spare, freed, in a frame that is not complete, or posted: together they are the pool. */
void stack_check_no_leak(void)
{
	const struct virtio_net *driver = stack.device->driver_data;
	const struct virtio_net_receive *receive = &driver->pairs[0].receive;
	unsigned int found = count(receive->spare) + count(receive->freed) + count(receive->first) +
			     receive->posted * receive->chain;

	if (found != receive->pool_count)
		host_abort("%u receive buffers of %u are left", found, receive->pool_count);
	if (driver->pairs[0].transmit.outstanding != stack.sent - stack.given_back)
		host_abort("%u frames are out, the driver counts %u", stack.sent - stack.given_back,
			   driver->pairs[0].transmit.outstanding);
	if (stack.tokens_out != stack.tokens_back)
		host_abort("a frame that was sent did not come back");
}
