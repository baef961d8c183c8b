/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a virtio PCI device interrupts (virtio 1.4, 4.1.5.1.2 and 4.1.5.3): the best of
 *
 *	msix		an MSI-X entry for configuration changes, and one for each queue
 *	msix-shared	one for configuration changes, one for all queues
 *	msix-one	one for everything
 *	intx		the interrupt line, shared with other devices, and the ISR register
 *	poll		none: INTx is disabled, and a timer looks (drivers/virtio/poll.c)
 *
 * A way is taken when the table is long enough, the CPU has vectors left, and the device confirms
 * each vector that it is told (it reads back NO_VECTOR otherwise).
 */
#include "drivers/virtio/transports/pci.h"

#include "kernel/console/log.h"
#include "kernel/x86/interrupt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LOG_AREA "virtio"
#define CPU 0 /* where devices' threads run */

static enum interrupt_result on_config(void *context)
{
	if (virtio_interrupt(context))
		virtio_config_interrupt(context);
	return INTERRUPT_HANDLED;
}

static enum interrupt_result on_queue(void *context)
{
	struct virtqueue *vq = context;

	if (virtio_interrupt(vq->device))
		virtqueue_interrupt(vq);
	return INTERRUPT_HANDLED;
}

static enum interrupt_result on_queues(void *context)
{
	if (virtio_interrupt(context))
		virtio_queues_interrupt(context);
	return INTERRUPT_HANDLED;
}

/* 4.1.5.4.2: nothing says which of them it was; looking at both is right. */
static enum interrupt_result on_anything(void *context)
{
	if (virtio_interrupt(context)) {
		virtio_queues_interrupt(context);
		virtio_config_interrupt(context);
	}
	return INTERRUPT_HANDLED;
}

static enum interrupt_result on_line(void *context)
{
	struct virtio_device *device = context;
	struct virtio_pci *pci = virtio_pci_of(device);
	uint8_t isr = pci->isr_read(pci); /* 4.1.4.5: reading it takes the line back */

	if (!(isr & (VIRTIO_ISR_QUEUE | VIRTIO_ISR_CONFIG)))
		return INTERRUPT_NONE;
	if (!virtio_interrupt(device)) {
		/* Until it is reset; if even that does not help, nobody claims its line. */
		pci_line_disable(pci->function, true);
		return INTERRUPT_NONE;
	}
	if (isr & VIRTIO_ISR_QUEUE)
		virtio_queues_interrupt(device);
	if (isr & VIRTIO_ISR_CONFIG)
		virtio_config_interrupt(device);
	return INTERRUPT_HANDLED;
}

static void release(struct virtio_pci *pci)
{
	if (pci->msix_enabled)
		msix_shutdown(&pci->msix);
	pci->msix_enabled = false;
	for (unsigned int i = 0; i < pci->interrupt_count; i++)
		interrupt_free(pci->interrupts[i]);
	pci->interrupt_count = 0;
	free(pci->interrupts);
	pci->interrupts = NULL;
	pci->device.interrupt_mode = "none";
}

void virtio_pci_interrupts_release(struct virtio_device *device)
{
	release(virtio_pci_of(device));
}

/* Allocates one more interrupt and programs the next MSI-X entry with it, unmasked. */
static int add_entry(struct virtio_pci *pci, unsigned int cpu, const char *name,
		     interrupt_handler *handler, void *context)
{
	unsigned int entry = pci->interrupt_count;
	struct interrupt *interrupt = interrupt_allocate(cpu, name, handler, context);
	int error;

	if (!interrupt)
		return -ENOSPC;
	pci->interrupts[pci->interrupt_count++] = interrupt;
	error = msix_set(&pci->msix, entry, interrupt);
	if (error)
		return error;
	msix_unmask(&pci->msix, entry);
	return 0;
}

enum mode { MODE_EACH, MODE_SHARED, MODE_ONE };

/* Gives one queue its vector, and the device the number of it. */
static int connect_queue(struct virtio_pci *pci, enum mode mode, struct virtqueue *vq)
{
	int error = 0;

	vq->vector = VIRTIO_MSI_NO_VECTOR;
	if (!vq->callback)
		return 0;
	if (mode == MODE_EACH) {
		vq->vector = (uint16_t)pci->interrupt_count;
		error = add_entry(pci, vq->cpu, vq->name, on_queue, vq);
	} else {
		vq->vector = mode == MODE_SHARED;
	}
	if (!error && pci->queue_vector(pci, vq->index, vq->vector) != vq->vector)
		error = -ENOSPC;
	return error;
}

/* Entry 0 is for configuration changes, and in MODE_ONE for all; entry 1 in MODE_SHARED for queues.
 */
static int connect_msix(struct virtio_pci *pci, enum mode mode, unsigned int entries)
{
	struct virtio_device *device = &pci->device;
	char name[INTERRUPT_NAME_MAX];
	int error;

	if (entries > pci->msix.count)
		return -ENOSPC;
	pci->interrupts = calloc(entries, sizeof(struct interrupt *));
	if (!pci->interrupts)
		return -ENOMEM;
	sniprintf(name, sizeof(name), "%s-%s", device->name, mode == MODE_ONE ? "all" : "config");
	error = add_entry(pci, CPU, name, mode == MODE_ONE ? on_anything : on_config, device);
	if (!error && pci->config_vector(pci, 0) != 0)
		error = -ENOSPC;
	if (!error && mode == MODE_SHARED) {
		sniprintf(name, sizeof(name), "%s-queues", device->name);
		error = add_entry(pci, CPU, name, on_queues, device);
	}
	for (unsigned int i = 0; i < device->queue_count && !error; i++)
		error = connect_queue(pci, mode, device->queues[i]);
	return error;
}

/* 0; -ENOSPC: with fewer vectors it may do; other: MSI-X cannot be used. */
static int try_msix(struct virtio_pci *pci, enum mode mode, unsigned int entries)
{
	int error = msix_init(&pci->msix, pci->function);

	if (error)
		return error;
	pci->msix_enabled = true;
	error = connect_msix(pci, mode, entries);
	if (error) {
		/* The device may have confirmed some: it forgets them before the entries go. */
		pci->config_vector(pci, VIRTIO_MSI_NO_VECTOR);
		for (unsigned int i = 0; i < pci->device.queue_count; i++)
			pci->queue_vector(pci, pci->device.queues[i]->index, VIRTIO_MSI_NO_VECTOR);
		release(pci);
	}
	return error;
}

static int try_line(struct virtio_pci *pci)
{
	struct interrupt_line line;
	struct interrupt *interrupt;
	char name[INTERRUPT_NAME_MAX];
	int error = pci_interrupt_line(pci->function, &line);

	if (error)
		return error;
	pci_line_disable(pci->function, false);
	pci->interrupts = calloc(1, sizeof(struct interrupt *));
	if (!pci->interrupts)
		return -ENOMEM;
	sniprintf(name, sizeof(name), "%s-line", pci->device.name);
	interrupt = interrupt_allocate(CPU, name, on_line, &pci->device);
	error = interrupt ? interrupt_connect_line(interrupt, &line) : -ENOSPC;
	if (error) {
		interrupt_free(interrupt);
		release(pci);
		return error;
	}
	pci->interrupts[0] = interrupt;
	pci->interrupt_count = 1;
	for (unsigned int i = 0; i < pci->device.queue_count; i++)
		pci->device.queues[i]->vector = VIRTIO_MSI_NO_VECTOR;
	pci->device.interrupt_mode = "intx";
	return 0;
}

static int poll(struct virtio_pci *pci)
{
	pci_line_disable(pci->function, true);
	for (unsigned int i = 0; i < pci->device.queue_count; i++)
		pci->device.queues[i]->vector = VIRTIO_MSI_NO_VECTOR;
	pci->device.interrupt_mode = "poll";
	return 0;
}

/* Tries the ways with MSI-X from `first` to `last`. */
static int try_messages(struct virtio_pci *pci, enum mode first, enum mode last)
{
	static const char *const names[] = {"msix", "msix-shared", "msix-one"};
	unsigned int entries[] = {1, 2, 1};
	int error = -ENOSPC;

	for (unsigned int i = 0; i < pci->device.queue_count; i++)
		entries[MODE_EACH] += pci->device.queues[i]->callback != NULL;
	for (enum mode mode = first; mode <= last && error == -ENOSPC; mode++) {
		error = try_msix(pci, mode, entries[mode]);
		if (!error)
			pci->device.interrupt_mode = names[mode];
	}
	return error;
}

int virtio_pci_interrupts_connect(struct virtio_device *device, enum virtio_interrupts wanted)
{
	struct virtio_pci *pci = virtio_pci_of(device);
	int error;

	switch (wanted) {
	case VIRTIO_INTERRUPTS_PER_QUEUE:
		return try_messages(pci, MODE_EACH, MODE_EACH);
	case VIRTIO_INTERRUPTS_SHARED:
		return try_messages(pci, MODE_SHARED, MODE_ONE);
	case VIRTIO_INTERRUPTS_LINE:
		return try_line(pci);
	case VIRTIO_INTERRUPTS_POLL:
		return poll(pci);
	default:
		error = try_messages(pci, MODE_EACH, MODE_ONE);
		return error ? try_line(pci) : 0;
	}
}

void virtio_pci_interrupts_offered(struct virtio_device *device, char *text, size_t size)
{
	struct virtio_pci *pci = virtio_pci_of(device);
	unsigned int entries = msix_entries(pci->function);
	struct interrupt_line line;
	bool pin = !pci_interrupt_line(pci->function, &line);

	if (entries)
		sniprintf(text, size, "MSI-X with %u entries%s", entries, pin ? ", INTx" : "");
	else
		sniprintf(text, size, "%s",
			  pin ? "INTx alone, no MSI-X" : "neither MSI-X nor INTx");
}

/* 4.1.4.5: set for changes whatever way the device interrupts; reading clears it. */
bool virtio_pci_config_poll(struct virtio_device *device)
{
	struct virtio_pci *pci = virtio_pci_of(device);

	return pci->isr_read(pci) & VIRTIO_ISR_CONFIG;
}

void virtio_pci_interrupts_describe(struct virtio_device *device, struct facts *facts)
{
	struct virtio_pci *pci = virtio_pci_of(device);

	fact_list(facts, "interrupts");
	for (unsigned int i = 0; i < pci->interrupt_count; i++) {
		fact_item(facts);
		if (pci->msix_enabled)
			fact_number(facts, "entry", i);
		fact_number(facts, "cpu", interrupt_cpu(pci->interrupts[i]));
		fact_hex(facts, "vector", interrupt_vector(pci->interrupts[i]));
		fact_number(facts, "count", interrupt_count(pci->interrupts[i]));
		fact_end(facts);
	}
	fact_end(facts);
}
