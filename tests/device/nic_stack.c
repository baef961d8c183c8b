/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/nic_stack.h"

#include "drivers/pci/internal.h"
#include "kernel/memory/dma.h"
#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "tests/device/pci_model.h"

#include <string.h>

#define MEMORY 16384

struct nic_stack nic;

static void on_receive(struct network_device *from, struct network_buffer *chain,
		       const struct network_receive_info *info)
{
	if (from != nic.device || chain->next || !chain->lent || chain->length != info->length)
		host_abort("a frame that is not as it should be");
	nic.last.length = chain->length;
	nic.checksum_good = info->checksum_good;
	memcpy(nic.last.bytes, chain->data, chain->length);
	nic.received++;
	if (nic.keep)
		nic.kept[nic.kept_count++ % NIC_KEPT_MAX] = chain;
	else
		network_buffer_free(chain);
}

static void on_transmitted(struct network_device *from, void *token)
{
	if (from != nic.device)
		host_abort("a token of another device");
	nic.given_back++;
	nic.tokens_back += (uintptr_t)token;
}

void nic_reset(const char *command_line)
{
	host_reset();
	host_threads();
	pci_model_reset();
	memset(&nic, 0, sizeof(nic));
	options_parse(command_line);
	host_log_clear();
}

static struct network_device *last_network(void)
{
	struct network_device *device = network_first();

	while (device && device->next)
		device = device->next;
	return device;
}

static struct pci_device *last_pci(void)
{
	struct pci_device *device = pci_device_first();

	while (device && device->next)
		device = device->next;
	return device;
}

bool nic_probe(void)
{
	struct network_device *before = last_network();

	pci_model_boot();
	nic.device = last_network();
	nic.pci = last_pci();
	return nic.device != before;
}

void nic_boot(void)
{
	if (!nic_probe())
		host_abort("the driver did not take the device");
	nic.device->receive = on_receive;
	nic.device->transmitted = on_transmitted;
	nic.memory = dma_alloc(MEMORY, NULL);
	for (unsigned int i = 0; i < MEMORY; i++)
		nic.memory[i] = (uint8_t)(i * 7 + i / 256);
	nic.device->queues[0].events = 0;
}

unsigned int nic_poll(void)
{
	return nic.device->operations->poll(nic.device, 0, 64);
}

bool nic_arm(void)
{
	return nic.device->operations->arm(nic.device, 0);
}

void nic_flush(void)
{
	nic.device->operations->flush(nic.device, 0);
}

int nic_transmit(struct network_transmit *frame, uint32_t length, unsigned int pieces)
{
	uint32_t offset = 0;
	int error;

	frame->segment_count = pieces;
	for (unsigned int i = 0; i < pieces; i++) {
		uint32_t part = i + 1 < pieces ? length / pieces : length - offset;

		frame->segments[i] = (struct network_segment){nic.memory + offset, part};
		offset += part;
	}
	frame->token = (void *)(uintptr_t)(nic.tokens_out + 1);
	error = nic.device->operations->transmit(nic.device, 0, frame);
	if (!error) {
		nic.tokens_out += (uintptr_t)frame->token;
		nic.sent++;
	}
	return error;
}

int nic_send(uint32_t length, unsigned int pieces)
{
	struct network_transmit frame = {.segment_count = 0};

	return nic_transmit(&frame, length, pieces);
}

bool nic_comes(const void *bytes, unsigned int length)
{
	unsigned int before = nic.received;

	nic.inject(bytes, length);
	host_poll();
	nic_poll();
	if (nic.received == before)
		return false;
	if (nic.last.length != length || memcmp(nic.last.bytes, bytes, length) != 0)
		host_abort("a frame of %u bytes came as another of %u", length, nic.last.length);
	return true;
}

bool nic_event(uint32_t event)
{
	return __atomic_fetch_and(&nic.device->queues[0].events, ~event, __ATOMIC_SEQ_CST) & event;
}

void nic_recover(void)
{
	uint64_t next;

	while ((next = recovery_run()) != UINT64_MAX)
		if (next > clock_monotonic())
			host_clock_advance(next - clock_monotonic());
}

void nic_check_tokens(void)
{
	if (nic.sent != nic.given_back || nic.tokens_out != nic.tokens_back)
		host_abort("%u frames were sent, %u came back", nic.sent, nic.given_back);
}
