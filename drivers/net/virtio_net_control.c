/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net's control queue (virtio 1.4, 5.1.9.5): one command at a time, in thread context, each
 * with a bounded wait for its answer. A device that never answers is broken, and is reset.
 *
 * A device answers at once, and rarely is it asked: so there is no interrupt for this queue, and
 * whoever waits sleeps in short naps.
 *
 * What is noticed where one cannot wait (in interrupt handlers, under the stack's lock) is done by a
 * thread of the device's own.
 */
#include "drivers/net/virtio_net.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"

#include <errno.h>
#include <string.h>

#define LOG_AREA "net"

#define ANSWER_TIME (5 * NANOSECONDS_PER_SECOND)
#define NAP_MIN (20 * NANOSECONDS_PER_MICROSECOND)
#define NAP_MAX (2 * NANOSECONDS_PER_MILLISECOND)
#define DATA_MAX 1024u
#define THREAD_STACK (16u << 10)
#define ACK_OK 0
#define ACK_ERROR 1
#define ACK_NONE 0xff

#define CLASS_ANNOUNCE 3
#define ANNOUNCE_ACK 0

struct virtio_net_command_memory {
	uint8_t class, command;
	uint8_t data[DATA_MAX];
	uint8_t ack;
};

#define ADDRESS(control, field)                                                                    \
	((control)->address + offsetof(struct virtio_net_command_memory, field))

int virtio_net_control_create(struct virtio_net *net)
{
	struct virtio_net_control *control = &net->control;

	mutex_init(&control->lock);
	wait_queue_init(&control->wait);
	control->memory = dma_alloc(sizeof(*control->memory), NULL);
	if (!control->memory)
		return -ENOMEM;
	control->address = dma_address(control->memory);
	return 0;
}

void virtio_net_control_destroy(struct virtio_net *net)
{
	struct virtio_net_control *control = &net->control;

	if (control->memory)
		dma_free(control->memory, sizeof(*control->memory));
	control->memory = NULL;
}

unsigned int virtio_net_control_index(struct virtio_net *net)
{
	if (!virtio_has(net->virtio, VIRTIO_NET_F_MQ) && !virtio_has(net->virtio, VIRTIO_NET_F_RSS))
		return 2;
	return 2u * virtio_config_read16(net->virtio, VIRTIO_NET_CONFIG_MAX_PAIRS);
}

/* A legacy device without ANY_LAYOUT wants each part in a piece of its own (5.1.9.5.1). */
static bool in_pieces(const struct virtio_net *net)
{
	return !virtio_has(net->virtio, VIRTIO_F_VERSION_1) &&
	       !virtio_has(net->virtio, VIRTIO_F_ANY_LAYOUT);
}

static void thread(void *argument)
{
	struct virtio_net *net = argument;

	for (;;) {
		wait_event(&net->control.wait,
			   __atomic_load_n(&net->control.work, __ATOMIC_ACQUIRE));
		virtio_net_control_work(net);
	}
}

void virtio_net_control_start(struct virtio_net *net, struct virtqueue *vq)
{
	static const struct thread_options options = {.stack_size = THREAD_STACK};
	struct virtio_net_control *control = &net->control;
	struct thread *created;

	control->told_anything = false;
	if (vq && vq->size < (in_pieces(net) ? 4u : 2u)) {
		log_notice("%s: is too short for a command", vq->name);
		vq = NULL;
	}
	control->vq = vq;
	if (!vq || control->has_thread)
		return;
	control->has_thread = true;
	created = thread_create("net-control", thread, net, &options);
	if (created)
		thread_detach(created);
}

void virtio_net_control_stop(struct virtio_net *net)
{
	struct virtio_net_control *control = &net->control;

	if (!control->vq)
		return;
	net->statistics.kicks += control->vq->counters.kicks;
	while (virtqueue_detach(control->vq))
		;
	control->vq = NULL;
}

/* Waits for the one command that is out. False: no answer, or the device broke. */
static bool await(struct virtio_net *net)
{
	struct virtqueue *vq = net->control.vq;
	uint64_t deadline = clock_monotonic() + ANSWER_TIME, nap = NAP_MIN;
	uint32_t written;

	while (!virtqueue_take(vq, &written)) {
		if (net->virtio->recovery.broken)
			return false;
		if (clock_monotonic() > deadline) {
			log_error("%s: no answer", vq->name);
			virtio_device_break(net->virtio, "did not answer a command");
			return false;
		}
		thread_sleep(nap);
		if (nap < NAP_MAX)
			nap *= 2;
	}
	return true;
}

static int lend(struct virtio_net *net, unsigned int length, unsigned int more_length)
{
	struct virtio_net_control *control = &net->control;
	struct virtqueue_segment segments[4] = {{ADDRESS(control, class), 2}};
	unsigned int count = 1;

	if (!in_pieces(net)) {
		segments[0].length += length + more_length;
	} else {
		if (length)
			segments[count++] =
				(struct virtqueue_segment){ADDRESS(control, data), length};
		if (more_length)
			segments[count++] = (struct virtqueue_segment){
				ADDRESS(control, data) + length, more_length};
	}
	segments[count] = (struct virtqueue_segment){ADDRESS(control, ack), 1};
	return virtqueue_add(control->vq, segments, count, 1, control->memory);
}

int virtio_net_command(struct virtio_net *net, uint8_t class, uint8_t command, const void *data,
		       unsigned int length, const void *more, unsigned int more_length)
{
	struct virtio_net_control *control = &net->control;
	struct virtio_net_command_memory *memory = control->memory;
	uint8_t ack;

	if (!control->vq || net->virtio->reset_failed)
		return -EOPNOTSUPP;
	if (length > DATA_MAX || more_length > DATA_MAX - length)
		return -EINVAL;
	if (net->virtio->recovery.broken)
		return -EIO; /* what was lent last may still be out */
	memory->class = class;
	memory->command = command;
	if (length)
		memcpy(memory->data, data, length);
	if (more_length)
		memcpy(memory->data + length, more, more_length);
	memory->ack = ACK_NONE;
	if (lend(net, length, more_length))
		return -EIO;
	virtqueue_kick(control->vq);
	if (!await(net))
		return net->virtio->recovery.broken ? -ETIMEDOUT : -EIO;
	control->commands++;
	ack = __atomic_load_n(&memory->ack, __ATOMIC_ACQUIRE);
	if (ack == ACK_OK)
		return 0;
	control->refused++;
	if (ack != ACK_ERROR)
		log_warning("%s: the answer to command %u.%u is %02x", control->vq->name, class,
			    command, ack);
	return -EIO;
}

/* -- What is done later */

void virtio_net_control_wake(struct virtio_net *net, uint32_t work)
{
	__atomic_fetch_or(&net->control.work, work, __ATOMIC_SEQ_CST);
	wait_wake(&net->control.wait);
}

/* 5.1.9.5.4: the neighbours are told anew where we are, then the device that it was done. */
static void announce(struct virtio_net *net)
{
	virtio_net_stack_lock(net);
	if (net->network.announce)
		net->network.announce(&net->network);
	virtio_net_stack_unlock(net);
	net->control.announced++;
	virtio_net_command(net, CLASS_ANNOUNCE, ANNOUNCE_ACK, NULL, 0, NULL, 0);
}

void virtio_net_control_work(struct virtio_net *net)
{
	uint32_t work = __atomic_exchange_n(&net->control.work, 0, __ATOMIC_ACQ_REL);

	mutex_lock(&net->control.lock);
	if (!net->stopped && net->control.vq) {
		if (work & VIRTIO_NET_WORK_MODE)
			virtio_net_mode_apply(net);
		if (work & VIRTIO_NET_WORK_ANNOUNCE)
			announce(net);
	}
	mutex_unlock(&net->control.lock);
}
