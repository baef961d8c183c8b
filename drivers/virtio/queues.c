/* SPDX-License-Identifier: BSD-2-Clause */
/* The queues of a device: how long and how many, creation, interrupts, resetting one of them. */
#include "drivers/virtio/core.h"

#include "drivers/virtio/transports/transport.h"
#include "kernel/console/log.h"
#include "kernel/memory/budget.h"
#include "kernel/options/options.h"
#include "kernel/thread/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "virtio"
#define QUEUE_SIZE_DEFAULT 256u
#define INTERRUPTS_TEXT 48
#define LEGACY_ALIGN 4096u /* of the used ring, in both legacy transports */

static bool check_queue_size(const char *value)
{
	uint64_t size;

	return option_parse_number(value, &size) && size >= 1 && size <= VIRTQUEUE_SIZE_MAX;
}

OPTION(virtio_queue_size, "virtio.queue_size", "1..32768",
       "the largest size of a virtqueue, in descriptors (default: 256)", check_queue_size);

static bool check_queues(const char *value)
{
	uint64_t count;

	return option_parse_number(value, &count) && count >= 1 && count <= VIRTQUEUE_SIZE_MAX;
}

OPTION(virtio_queues, "virtio.queues", "1..32768",
       "how many queues of a kind a device may use at most (default: no limit)", check_queues);

static const char *const interrupt_names[] = {
	[VIRTIO_INTERRUPTS_PER_QUEUE] = "per-queue",
	[VIRTIO_INTERRUPTS_SHARED] = "shared",
	[VIRTIO_INTERRUPTS_LINE] = "intx",
	[VIRTIO_INTERRUPTS_POLL] = "poll",
};

static bool check_interrupts(const char *value)
{
	return option_one_of(value, "per-queue|shared|intx|poll");
}

OPTION(virtio_interrupts, "virtio.interrupts", "per-queue|shared|intx|poll",
       "how virtio devices interrupt, or that they do not (default: the best that each can)",
       check_interrupts);

unsigned int virtio_queues_allowed(unsigned int offered)
{
	uint64_t most = option_number("virtio.queues", 1, VIRTQUEUE_SIZE_MAX, offered);

	return most < offered ? (unsigned int)most : offered;
}

/* -- What happened to a queue */

static void queue_failed(struct virtqueue *vq)
{
	virtio_device_break(vq->device, "broke the rules of its virtqueue");
}

void virtio_queues_interrupt(struct virtio_device *device)
{
	for (unsigned int i = 0; i < device->queue_count; i++) {
		struct virtqueue *vq = device->queues[i];

		if (vq->armed && virtqueue_has_used(vq))
			virtqueue_interrupt(vq);
	}
}

/* -- Creation */

bool virtio_queue_exists(struct virtio_device *device, unsigned int index)
{
	return device->transport->queue_size_max(device, index) != 0;
}

unsigned int virtio_queue_size_max(struct virtio_device *device, unsigned int index)
{
	uint32_t offered = device->transport->queue_size_max(device, index);

	uint64_t most = option_number("virtio.queue_size", 1, VIRTQUEUE_SIZE_MAX, offered);

	return most < offered ? (unsigned int)most : offered;
}

/* The size that a queue gets, of those that the device and the driver allow; 0: none. */
static uint16_t choose_size(const struct virtio_device *device, uint32_t offered,
			    const struct virtio_queue_request *request)
{
	uint32_t wanted = (uint32_t)option_number("virtio.queue_size", 1, VIRTQUEUE_SIZE_MAX,
						  QUEUE_SIZE_DEFAULT);
	bool packed = virtio_has(device, VIRTIO_F_RING_PACKED);

	if (device->transport->queue_size_fixed)
		return virtqueue_usable_size(packed, offered) == offered ? (uint16_t)offered : 0;
	if (request->size_wanted && wanted > request->size_wanted)
		wanted = request->size_wanted;
	return virtqueue_usable_size(packed, offered < wanted ? offered : wanted);
}

static struct virtqueue *queue_create(struct virtio_device *device,
				      const struct virtio_queue_request *request,
				      unsigned int index)
{
	uint32_t offered = device->transport->queue_size_max(device, index);
	struct virtqueue_parameters parameters = {
		.index = (uint16_t)index,
		.size = choose_size(device, offered, request),
		.segments_max = request->segments_max,
		.packed = virtio_has(device, VIRTIO_F_RING_PACKED),
		.event_idx = virtio_has(device, VIRTIO_F_EVENT_IDX),
		.indirect = virtio_has(device, VIRTIO_F_INDIRECT_DESC),
		.in_order = virtio_has(device, VIRTIO_F_IN_ORDER),
		.order_platform = virtio_has(device, VIRTIO_F_ORDER_PLATFORM),
		.legacy_align = device->transport->legacy ? LEGACY_ALIGN : 0,
	};
	struct virtqueue *vq;

	if (!offered) {
		log_error("%s (%s): has no queue %u (%s)", device->bus_name, device->name, index,
			  request->name);
		return NULL;
	}
	if (!parameters.size) {
		log_error("%s (%s): queue %u (%s) cannot have %u descriptors", device->bus_name,
			  device->name, index, request->name, (unsigned int)offered);
		return NULL;
	}
	vq = virtqueue_create(&parameters);
	/* One that had its queues before gets them again. */
	if (vq && !device->driven && memory_budget_overdrawn()) {
		virtqueue_destroy(vq);
		vq = NULL;
	}
	if (!vq) {
		log_error("%s (%s): no memory for queue %u (%s) of %u descriptors",
			  device->bus_name, device->name, index, request->name, parameters.size);
		return NULL;
	}
	sniprintf(vq->name, sizeof(vq->name), "%s-%s", device->name, request->name);
	vq->callback = request->callback;
	vq->context = request->context;
	vq->cpu = request->cpu;
	vq->device = device;
	vq->failed = queue_failed;
	return vq;
}

static enum virtio_interrupts forced_interrupts(void)
{
	const char *value = option_get("virtio.interrupts", NULL);

	for (unsigned int i = VIRTIO_INTERRUPTS_PER_QUEUE; value && i <= VIRTIO_INTERRUPTS_POLL;
	     i++)
		if (!strcmp(value, interrupt_names[i]))
			return (enum virtio_interrupts)i;
	return VIRTIO_INTERRUPTS_BEST;
}

static int connect_interrupts(struct virtio_device *device)
{
	enum virtio_interrupts wanted = forced_interrupts();
	int error = device->transport->interrupts_connect(device, wanted);

	if (error && wanted != VIRTIO_INTERRUPTS_BEST) {
		char has[INTERRUPTS_TEXT];

		device->transport->interrupts_offered(device, has, sizeof(has));
		log_error("%s (%s): refused, virtio.interrupts insists on %s, and it has %s",
			  device->bus_name, device->name, interrupt_names[wanted], has);
		device->recovery.failure = "cannot interrupt as virtio.interrupts insists";
		return error;
	}
	if (error) {
		log_notice("%s (%s): no interrupt can be had, it is polled", device->bus_name,
			   device->name);
		error = device->transport->interrupts_connect(device, VIRTIO_INTERRUPTS_POLL);
	}
	device->polled = !error && !strcmp(device->interrupt_mode, "poll");
	for (unsigned int i = 0; i < device->queue_count; i++)
		device->queues[i]->polled = device->polled;
	return error;
}

/* Who holds it may be in anybody's thread, and recovery's is the one that frees. */
static struct mutex queues_lock = MUTEX_INIT;

void virtio_queues_hold(void)
{
	mutex_lock(&queues_lock);
}

void virtio_queues_release(void)
{
	mutex_unlock(&queues_lock);
}

void virtio_queues_destroy(struct virtio_device *device)
{
	virtio_poll_stop(device);
	device->transport->interrupts_release(device);
	virtio_queues_hold();
	for (unsigned int i = 0; i < device->queue_count; i++)
		virtqueue_destroy(device->queues[i]);
	free(device->queues);
	device->queues = NULL;
	device->queue_count = 0;
	virtio_queues_release();
}

int virtio_queues_create(struct virtio_device *device, const struct virtio_queue_request *requests,
			 unsigned int count)
{
	int error = -ENOMEM;

	device->queues = calloc(count, sizeof(struct virtqueue *));
	if (!device->queues)
		return error;
	for (unsigned int i = 0; i < count; i++) {
		device->queues[i] = queue_create(device, &requests[i],
						 requests[i].index ? requests[i].index : i);
		if (!device->queues[i])
			goto fail;
		__atomic_store_n(&device->queue_count, i + 1, __ATOMIC_RELEASE);
	}
	error = connect_interrupts(device);
	if (error)
		goto fail;
	for (unsigned int i = 0; i < count; i++) {
		error = device->transport->queue_enable(device, device->queues[i]);
		if (error)
			goto fail;
	}
	return 0;
fail:
	/* Some queues may be enabled: the device must let go of them before they are freed. */
	if (virtio_reset(device) == 0)
		virtio_queues_destroy(device);
	return error;
}

void virtio_driver_ok(struct virtio_device *device)
{
	virtio_status_add(device, VIRTIO_STATUS_DRIVER_OK); /* step 8 */
	virtio_storm_start(device);
	for (unsigned int i = 0; i < device->queue_count; i++)
		device->queues[i]->live = true;
	if (device->polled)
		virtio_poll_start(device);
	/* 2.1.2: what came before DRIVER_OK comes with no interrupt. */
	(void)virtio_asks_for_reset(device);
}

/* -- Resetting one (2.6.1) */

int virtio_queue_reset(struct virtqueue *vq)
{
	struct virtio_device *device = vq->device;
	int error = -ENOTSUP;

	if (device->recovery.broken)
		return -EIO;
	vq->live = false;
	if (virtio_has(device, VIRTIO_F_RING_RESET) && device->transport->queue_reset)
		error = device->transport->queue_reset(device, vq);
	if (error) {
		log_notice("%s: cannot be reset alone, its device is", vq->name);
		virtio_device_break(device, "was reset for the sake of one queue");
	}
	return error;
}

int virtio_queue_resume(struct virtqueue *vq)
{
	struct virtio_device *device = vq->device;
	int error;

	if (device->recovery.broken)
		return -EIO;
	vq->armed = false;
	vq->operations->rewind(vq);
	error = device->transport->queue_enable(device, vq);
	if (error) {
		virtio_device_break(device, "does not take a queue back");
		return error;
	}
	vq->live = true;
	return 0;
}

/* NULL: it has none with that index. While recovery is held. */
static struct virtqueue *queue_of(struct virtio_device *device, unsigned int index)
{
	for (unsigned int i = 0; i < device->queue_count; i++)
		if (device->queues[i]->index == index)
			return device->queues[i];
	return NULL;
}

static int renew(struct virtio_device *device, struct virtqueue *vq)
{
	if (device->driver->queue_reset)
		return device->driver->queue_reset(device, vq);
	log_notice("%s: cannot be reset alone by its driver, its device is", vq->name);
	virtio_device_break(device, "was reset for the sake of one queue");
	return -ENOTSUP;
}

int virtio_queue_renew(struct virtio_device *device, unsigned int index)
{
	struct virtqueue *vq;
	int error;

	/* Recovery runs on another CPU, and frees the queues of a device that broke. */
	recovery_hold();
	vq = queue_of(device, index);
	if (device->recovery.broken || device->recovery.shut_down)
		error = -EIO;
	else
		error = vq ? renew(device, vq) : -ENOENT;
	recovery_release();
	return error;
}
