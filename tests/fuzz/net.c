/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/net.h"
#include "tests/device/recovery_thread.h"

#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

struct fuzz_net net;

void net_open(enum fuzz_bus bus, unsigned int pairs, const char *options)
{
	net.pci_lies = false;
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
	user_open();
}

void net_service(void)
{
	if (!user.device)
		return;
	for (unsigned int i = 0; i < user.device->queue_pairs; i++)
		for (unsigned int rounds = 0; rounds < 64; rounds++)
			if (user.device->operations->poll(user.device, i, 16) < 16)
				break;
	virtio_net_control_work(virtio_net_of(user.device));
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

void net_step(void)
{
	unsigned int pair, choice;

	if (!user.device) {
		recovery_thread_wait(NANOSECONDS_PER_MILLISECOND, NULL);
		return;
	}
	pair = fuzz_choose(user.device->queue_pairs);
	choice = fuzz_choose(9);
	switch (choice) {
	case 0:
		inject();
		break;
	case 1 ... USER_STEPS:
		user_step(choice - 1, pair);
		break;
	case 7:
		recovery_thread_wait(NANOSECONDS_PER_SECOND >> fuzz_choose(10), net_service);
		break;
	default:
		if (bus_device()->queues && bus_device()->queue_count && fuzz_choose(4) == 3)
			(void)virtio_queue_renew(
				bus_device(),
				bus_device()
					->queues[fuzz_choose(bus_device()->queue_count)]
					->index);
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

	for (unsigned int i = 0; i < user.device->queue_pairs; i++) {
		const struct virtio_net_receive *receive = &driver->pairs[i].receive;
		unsigned int found = count(receive->spare) + count(receive->freed) +
				     count(receive->first) + receive->posted * receive->chain;

		fuzz_check(found == receive->pool_count, "%u receive buffers of %u are left", found,
			   receive->pool_count);
		outstanding += driver->pairs[i].transmit.outstanding;
	}
	fuzz_check(outstanding == user.given - user.back,
		   "%llu frames are out, the driver counts %llu",
		   (unsigned long long)(user.given - user.back), (unsigned long long)outstanding);
}

void net_close(void)
{
	hostile_check(&net.hostile);
	hostile_calm(&net.hostile);
	net.model.silent = false;
	user_release();
	bus_settle(net_service);
	user_release();
	if (user.device && !bus_device()->reset_failed)
		check_pools(virtio_net_of(user.device));
	user_check_memory();
	virtio_model_net_free(&net.model);
}
