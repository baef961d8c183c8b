/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark `exits`: what it costs to turn to the hypervisor, of each virtio device: a read of a
 * register that it answers by itself, and a kick that has nothing to say. Where the hypervisor takes kicks
 * by an ioeventfd (QEMU's property of that name) they return before anybody has looked at them; a guest
 * cannot see whether it does, but a machine with one device of each kind shows both.
 */
#include "drivers/virtio/transports/transport.h"
#include "drivers/virtio/virtio.h"
#include "kernel/bench/bench.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/io.h"

#include <errno.h>
#include <stdio.h>

#define OPERATIONS 256u
/* Diagnostic codes of the firmware: reading it changes nothing, and it is there or nobody answers. */
#define PORT 0x80u

static int nothing(struct bench_round *round)
{
	for (uint64_t i = 0; i < round->operations; i++)
		(void)cpu_tsc();
	return 0;
}

static int read_port(struct bench_round *round)
{
	for (uint64_t i = 0; i < round->operations; i++) {
		uint64_t start = cpu_tsc();

		(void)port_read8(PORT);
		bench_single(round, cpu_tsc() - start);
	}
	return 0;
}

static int read_status(struct bench_round *round)
{
	struct virtio_device *device = round->context;

	for (uint64_t i = 0; i < round->operations; i++) {
		uint64_t start = cpu_tsc();

		(void)device->transport->status_read(device);
		bench_single(round, cpu_tsc() - start);
	}
	return 0;
}

static struct virtqueue *first_queue(const struct virtio_device *device)
{
	return device->queue_count && !device->recovery.broken ? device->queues[0] : NULL;
}

/* Past virtqueue_notify(): its counter is the driver's, who may just be at it on another CPU. */
static int kick(struct bench_round *round)
{
	struct virtqueue *vq = first_queue(round->context);

	for (uint64_t i = 0; i < round->operations; i++) {
		uint64_t start;

		if (!vq || !vq->live || vq->broken)
			return -ENODEV;
		start = cpu_tsc();
		vq->notify(vq);
		bench_single(round, cpu_tsc() - start);
	}
	return 0;
}

static int measure(struct bench *bench, const char *name, const char *what,
		   int (*round)(struct bench_round *round), struct virtio_device *device)
{
	const struct bench_measurement measurement = {
		.device = name,
		.what = what,
		.unit = BENCH_TICKS,
		.operations = OPERATIONS,
		.round = round,
		.context = device,
	};

	return bench_measure(bench, &measurement);
}

static int run(struct bench *bench)
{
	int error = measure(bench, NULL, "time stamp counter, read", nothing, NULL);

	if (!error)
		error = measure(bench, NULL, "port 0x80, read", read_port, NULL);
	if (!virtio_first())
		bench_skip(bench, "no virtio device: no registers of one");
	for (struct virtio_device *device = virtio_first(); device && !error;
	     device = device->next) {
		const struct virtqueue *vq;
		char what[BENCH_TEXT_MAX];

		error = measure(bench, device->name, "device status, read", read_status, device);
		vq = first_queue(device);
		if (error || !vq || !vq->live || vq->broken)
			continue;
		sniprintf(what, sizeof(what), "kick of queue %s", vq->name);
		error = measure(bench, device->name, what, kick, device);
	}
	return error;
}
BENCH(exits, 20, "register accesses and kicks", run);
