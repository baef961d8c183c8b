/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port's bytes (virtio 1.4, 5.3.6), both ways through slots of DMA memory.
 *
 * Sending: bytes are put into the current slot and the slot is lent; slots come back in any order.
 * Receiving: all slots are lent, and one that came back is consumed before the next is taken, so
 * that a reader who does not read leaves the device without buffers.
 */
#include "drivers/console/virtio_console.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "console"

static struct port *first_port;

struct port *virtio_console_first_port(void)
{
	return first_port;
}

/* A token is never NULL. */
static void *token_of(unsigned int slot)
{
	return (void *)(uintptr_t)(slot + 1);
}

static unsigned int slot_of(const void *token)
{
	return (unsigned int)(uintptr_t)token - 1;
}

/* 5.3.2: 0 and 1 are port 0's, 4 and 5 are port 1's, and so on. */
static unsigned int port_of_queue(unsigned int index)
{
	return index < 2 ? 0 : index / 2 - 1;
}

/* -- Sending */

bool port_usable(const struct port *port)
{
	return port->present && port->transmit.vq && !port->transmit.vq->broken;
}

void port_reclaim(struct port *port)
{
	struct port_transmit *transmit = &port->transmit;
	uint32_t length;
	void *token;

	if (!transmit->vq)
		return;
	while ((token = virtqueue_take(transmit->vq, &length))) {
		transmit->spare[transmit->spare_count++] = (uint8_t)slot_of(token);
		transmit->lent--;
	}
	if (!transmit->lent)
		transmit->stalled = false;
}

static bool lend(struct port *port)
{
	struct port_transmit *transmit = &port->transmit;
	struct virtqueue_segment segment = {
		.address = transmit->address + transmit->current * PORT_SLOT_SIZE,
		.length = transmit->filled,
	};

	if (!port_usable(port) ||
	    virtqueue_add(transmit->vq, &segment, 1, 0, token_of(transmit->current)))
		return false;
	transmit->bytes += transmit->filled;
	transmit->lent++;
	transmit->current = NO_SLOT;
	transmit->filled = 0;
	return true;
}

size_t port_put(struct port *port, const void *data, size_t length)
{
	struct port_transmit *transmit = &port->transmit;
	const uint8_t *bytes = data;
	size_t done = 0;

	while (done < length) {
		size_t part = length - done;

		if (transmit->current != NO_SLOT && transmit->filled == PORT_SLOT_SIZE &&
		    !lend(port))
			break;
		if (transmit->current == NO_SLOT) {
			if (!transmit->spare_count)
				break;
			transmit->current = transmit->spare[--transmit->spare_count];
		}
		if (part > PORT_SLOT_SIZE - transmit->filled)
			part = PORT_SLOT_SIZE - transmit->filled;
		memcpy(transmit->memory + transmit->current * PORT_SLOT_SIZE + transmit->filled,
		       bytes + done, part);
		transmit->filled += (unsigned int)part;
		done += part;
	}
	return done;
}

void port_push(struct port *port, bool keep)
{
	struct port_transmit *transmit = &port->transmit;

	if (transmit->filled && (!keep || transmit->spare_count))
		lend(port);
	if (!port_usable(port))
		return;
	virtqueue_kick(transmit->vq);
	/* What is left goes when something comes back. */
	if (transmit->filled && virtqueue_interrupts_on(transmit->vq, 1)) {
		port_reclaim(port);
		if (lend(port))
			virtqueue_kick(transmit->vq);
	}
}

void port_drop(struct port *port)
{
	struct port_transmit *transmit = &port->transmit;

	if (transmit->current != NO_SLOT)
		transmit->spare[transmit->spare_count++] = (uint8_t)transmit->current;
	transmit->current = NO_SLOT;
	transmit->filled = 0;
}

void virtio_console_transmit_interrupt(struct virtqueue *vq)
{
	struct virtio_console *console = vq->context;
	struct port *port = console->ports[port_of_queue(vq->index)];
	uint64_t flags;

	if (!port)
		return;
	if (port->registered) {
		console_ready(&port->terminal);
		return;
	}
	flags = spin_lock(&port->transmit.lock);
	port_reclaim(port);
	if (port->transmit.filled)
		port_push(port, false);
	spin_unlock(&port->transmit.lock, flags);
	wait_wake(&port->wait);
}

/* -- Receiving */

void port_receive_refill(struct port *port)
{
	struct port_receive *receive = &port->receive;

	if (!receive->vq || receive->vq->broken)
		return;
	for (unsigned int slot = 0; slot < PORT_SLOTS; slot++) {
		const struct virtqueue_segment segment = {
			.address = receive->address + slot * PORT_SLOT_SIZE,
			.length = PORT_SLOT_SIZE,
		};

		if (receive->lent[slot] || slot == receive->current)
			continue;
		if (virtqueue_add(receive->vq, &segment, 0, 1, token_of(slot)))
			break;
		receive->lent[slot] = true;
	}
	virtqueue_kick(receive->vq);
}

const uint8_t *port_receive_peek(struct port *port, size_t *length)
{
	struct port_receive *receive = &port->receive;
	uint32_t written;
	void *token;

	/* As often as there are slots: empty ones from the device do not keep us here. */
	for (unsigned int i = 0; receive->current == NO_SLOT && i < PORT_SLOTS; i++) {
		token = receive->vq ? virtqueue_take(receive->vq, &written) : NULL;
		if (!token)
			return NULL;
		receive->lent[slot_of(token)] = false;
		if (!written)
			continue;
		receive->current = slot_of(token);
		receive->offset = 0;
		receive->length = written;
		receive->bytes += written;
	}
	if (receive->current == NO_SLOT)
		return NULL;
	*length = receive->length - receive->offset;
	return receive->memory + receive->current * PORT_SLOT_SIZE + receive->offset;
}

void port_receive_consume(struct port *port, size_t length)
{
	struct port_receive *receive = &port->receive;

	receive->offset += (unsigned int)length;
	if (receive->offset >= receive->length)
		receive->current = NO_SLOT;
}

bool port_receive_arm(struct port *port)
{
	struct virtqueue *vq = port->receive.vq;

	return vq && !vq->broken && virtqueue_interrupts_on(vq, 1);
}

void virtio_console_receive_interrupt(struct virtqueue *vq)
{
	struct virtio_console *console = vq->context;
	struct port *port = console->ports[port_of_queue(vq->index)];

	if (!port || !port->present)
		return;
	if (port->registered)
		virtio_console_terminal_input(port);
	else
		wait_wake(&port->wait);
}

void port_receive_discard(struct port *port)
{
	size_t length;

	port->receive.current = NO_SLOT;
	for (unsigned int i = 0; i < PORT_SLOTS && port_receive_peek(port, &length); i++)
		port_receive_consume(port, length);
	port_receive_refill(port);
}

/* -- A port's life */

static void free_port(struct port *port)
{
	if (port->transmit.memory)
		dma_free(port->transmit.memory, PORT_MEMORY);
	if (port->receive.memory)
		dma_free(port->receive.memory, PORT_MEMORY);
	free(port);
}

void virtio_console_port_destroy(struct port *port)
{
	struct port **link = &first_port;

	while (*link != port)
		link = &(*link)->next;
	*link = port->next;
	port->console->ports[port->id] = NULL;
	free_port(port);
}

struct port *virtio_console_port(struct virtio_console *console, uint32_t id)
{
	struct port *port = console->ports[id], **link = &first_port;

	if (port)
		return port;
	port = calloc(1, sizeof(*port));
	if (!port)
		return NULL;
	port->transmit.memory = dma_alloc(PORT_MEMORY, NULL);
	port->receive.memory = dma_alloc(PORT_MEMORY, NULL);
	if (!port->transmit.memory || !port->receive.memory) {
		free_port(port);
		return NULL;
	}
	port->transmit.address = dma_address(port->transmit.memory);
	port->receive.address = dma_address(port->receive.memory);
	port->console = console;
	port->id = id;
	port->number = -1;
	sniprintf(port->label, sizeof(port->label), "vport%up%u", console->number,
		  (unsigned int)id);
	wait_queue_init(&port->wait);
	port->transmit.current = port->receive.current = NO_SLOT;
	for (unsigned int slot = 0; slot < PORT_SLOTS; slot++)
		port->transmit.spare[port->transmit.spare_count++] = (uint8_t)slot;
	console->ports[id] = port;
	while (*link)
		link = &(*link)->next;
	*link = port;
	return port;
}

void virtio_console_port_add(struct port *port)
{
	uint64_t flags;

	port->present = true;
	flags = spin_lock(&port->receive.lock);
	if (port->awaited)
		port_receive_refill(port);
	else
		port_receive_discard(port); /* of its last life */
	spin_unlock(&port->receive.lock, flags);
	/* One that was there before the device's reset goes on. */
	if (port->awaited && port->announced)
		port->open_due = true;
	port->awaited = false;
	flags = spin_lock(&port->transmit.lock);
	port_reclaim(port);
	spin_unlock(&port->transmit.lock, flags);
	wait_wake(&port->wait);
	if (port->registered) {
		port->open_due = port->console->multiport;
		virtio_console_terminal_input(port);
		console_ready(&port->terminal); /* what was written meanwhile */
	}
}

void virtio_console_port_remove(struct port *port)
{
	uint64_t flags;

	virtio_console_terminal_stop(port);
	flags = spin_lock(&port->transmit.lock);
	port->present = port->host_open = port->awaited = false;
	port->is_console = port->ready_due = port->open_due = port->announced = false;
	port->gone = port->opened;
	port->name[0] = '\0';
	port_drop(port);
	spin_unlock(&port->transmit.lock, flags);
	wait_wake(&port->wait);
}

/*
 * The device was reset. When it did not come out of that, it may still write to what it was lent:
 * none of that is used again.
 */
void virtio_console_port_detach(struct port *port)
{
	struct port_transmit *transmit = &port->transmit;
	struct port_receive *receive = &port->receive;
	bool reset = !port->console->virtio->reset_failed;
	uint64_t flags = spin_lock(&transmit->lock);
	void *token;

	/* What a console has to say still comes; a channel's writer learns that some is lost. */
	if (port->opened) {
		port->write_failed = transmit->lent || transmit->filled;
		port_drop(port);
	}
	while (reset && transmit->vq && (token = virtqueue_detach(transmit->vq)))
		transmit->spare[transmit->spare_count++] = (uint8_t)slot_of(token);
	transmit->vq = NULL;
	transmit->lent = 0;
	transmit->stalled = false;
	spin_unlock(&transmit->lock, flags);

	flags = spin_lock(&receive->lock);
	port->read_failed = port->opened;
	while (reset && receive->vq && (token = virtqueue_detach(receive->vq)))
		receive->lent[slot_of(token)] = false;
	receive->vq = NULL;
	spin_unlock(&receive->lock, flags);
	wait_wake(&port->wait);
}
