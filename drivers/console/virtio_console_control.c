/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-console's control queues (virtio 1.4, 5.3.6.2): ports that come, go, and get names.
 *
 * All of it in threads of CPU 0. A device has only so many buffers for what it says, and what does
 * not fit may be lost, so each message of ours waits until the device has taken it, and its answers
 * are taken in before the next.
 */
#include "drivers/console/virtio_console.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define LOG_AREA "console"

#define MEMORY (CONTROL_BUFFERS * CONTROL_BUFFER_SIZE + CONTROL_SLOTS * CONTROL_SLOT_SIZE)
#define CONTROL_SLOT_SIZE 16u
#define SEND_WAIT (500 * NANOSECONDS_PER_MILLISECOND)
#define MESSAGES_MAX 256u /* in one go */
#define NONSENSE_LOGGED 8u

static void *token_of(unsigned int index)
{
	return (void *)(uintptr_t)(index + 1);
}

static unsigned int index_of(const void *token)
{
	return (unsigned int)(uintptr_t)token - 1;
}

int virtio_console_control_create(struct virtio_console *console)
{
	if (!console->control_memory)
		console->control_memory = dma_alloc(MEMORY, NULL);
	return console->control_memory ? 0 : -ENOMEM;
}

void virtio_console_control_destroy(struct virtio_console *console)
{
	if (console->control_memory)
		dma_free(console->control_memory, MEMORY);
	console->control_memory = NULL;
}

static bool lend_buffer(struct virtio_console *console, unsigned int index)
{
	struct virtqueue_segment segment = {
		.address = dma_address(console->control_memory + index * CONTROL_BUFFER_SIZE),
		.length = CONTROL_BUFFER_SIZE,
	};

	return virtqueue_add(console->control_receive, &segment, 0, 1, token_of(index)) == 0;
}

void virtio_console_control_start(struct virtio_console *console)
{
	memset(console->slot_lent, 0, sizeof(console->slot_lent));
	for (unsigned int i = 0; i < CONTROL_BUFFERS && lend_buffer(console, i); i++)
		;
}

void virtio_console_control_stop(struct virtio_console *console)
{
	if (console->virtio->reset_failed)
		console->control_memory = NULL; /* the device may still write there */
	else if (console->control_receive) {
		while (virtqueue_detach(console->control_receive))
			;
		while (virtqueue_detach(console->control_transmit))
			;
	}
	console->control_receive = console->control_transmit = NULL;
	wait_wake(&console->control_wait);
}

void virtio_console_control_interrupt(struct virtqueue *vq)
{
	struct virtio_console *console = vq->context;

	wait_wake(&console->control_wait);
	virtio_console_wake(console);
}

/* -- To the device */

static void reclaim(struct virtio_console *console)
{
	uint32_t length;
	void *token;

	while ((token = virtqueue_take(console->control_transmit, &length)))
		console->slot_lent[index_of(token)] = false;
}

/* Taken, or there is nothing to wait for any more. */
static bool taken(struct virtio_console *console, unsigned int slot, uint64_t life)
{
	if (console->stopped || console->life != life || console->virtio->recovery.broken)
		return true;
	reclaim(console);
	if (console->slot_lent[slot] && virtqueue_interrupts_on(console->control_transmit, 1))
		reclaim(console);
	return !console->slot_lent[slot];
}

static int send(struct virtio_console *console, const struct virtio_console_message *message)
{
	uint64_t life = console->life;
	struct virtqueue_segment segment = {.length = sizeof(*message)};
	unsigned int slot = 0;
	uint8_t *place;
	int error;

	if (console->stopped || console->virtio->recovery.broken || !console->control_transmit)
		return -EIO;
	reclaim(console);
	while (slot < CONTROL_SLOTS && console->slot_lent[slot])
		slot++;
	if (slot == CONTROL_SLOTS)
		return -EBUSY;
	place = console->control_memory + CONTROL_BUFFERS * CONTROL_BUFFER_SIZE +
		slot * CONTROL_SLOT_SIZE;
	memcpy(place, message, sizeof(*message));
	segment.address = dma_address(place);
	error = virtqueue_add(console->control_transmit, &segment, 1, 0, token_of(slot));
	if (error)
		return error;
	console->slot_lent[slot] = true;
	virtqueue_kick(console->control_transmit);
	if (!wait_event_timeout(&console->control_wait, taken(console, slot, life), SEND_WAIT)) {
		log_warning("%s: does not take message %u for port %u", console->virtio->bus_name,
			    message->event, (unsigned int)message->id);
		return -ETIMEDOUT;
	}
	return console->life == life && !console->stopped && !console->virtio->recovery.broken
		       ? 0
		       : -EIO;
}

int virtio_console_control_send(struct virtio_console *console, uint32_t id, uint16_t event,
				uint16_t value)
{
	const struct virtio_console_message message = {.id = id, .event = event, .value = value};
	int error;

	mutex_lock(&console->control_lock);
	error = send(console, &message);
	mutex_unlock(&console->control_lock);
	return error;
}

/* -- From the device */

/* The first few are said, all are counted. */
static void nonsense(struct virtio_console *console, const struct virtio_console_message *message,
		     const char *what)
{
	console->nonsense++;
	if (console->nonsense <= NONSENSE_LOGGED)
		log_warning("%s: message %u for port %u: %s", console->virtio->bus_name,
			    message->event, (unsigned int)message->id, what);
}

static void add_port(struct virtio_console *console, const struct virtio_console_message *message)
{
	struct port *port;

	if (message->id >= console->port_count) {
		nonsense(console, message, "more ports than can be driven");
		(void)virtio_console_control_send(console, message->id, VIRTIO_CONSOLE_PORT_READY,
						  0);
		return;
	}
	if (console->ports[message->id] && console->ports[message->id]->present) {
		nonsense(console, message, "the port is there already");
		return;
	}
	port = virtio_console_port(console, message->id);
	if (!port) {
		log_error("%s: no memory for port %u", console->virtio->bus_name,
			  (unsigned int)message->id);
		(void)virtio_console_control_send(console, message->id, VIRTIO_CONSOLE_PORT_READY,
						  0);
		return;
	}
	virtio_console_attach_port(console, port);
	virtio_console_port_add(port);
	port->ready_due = true;
}

/* 5.3.6.2: bytes, whose end is the message's; some devices end them with a NUL too. */
static void name_port(struct port *port, const struct virtio_console_message *message,
		      const char *bytes, size_t length)
{
	char name[PORT_NAME_MAX + 1];

	length = strnlen(bytes, length);
	if (!length || length > PORT_NAME_MAX) {
		nonsense(port->console, message, length ? "the name is too long" : "no name");
		return;
	}
	for (size_t i = 0; i < length; i++)
		name[i] = bytes[i] > ' ' && bytes[i] < 0x7f ? bytes[i] : '?';
	name[length] = '\0';
	if (port->name[0] && strcmp(port->name, name)) {
		nonsense(port->console, message, "the port has a name");
		return;
	}
	strcpy(port->name, name);
	log_info("%s: %s is %s", port->console->virtio->bus_name, port->label, port->name);
	virtio_console_terminal_start(port);
}

static void resize(struct port *port, const struct virtio_console_message *message,
		   const char *bytes, size_t length)
{
	uint16_t size[2]; /* columns, rows */

	if (length < sizeof(size)) {
		nonsense(port->console, message, "no size");
		return;
	}
	memcpy(size, bytes, sizeof(size));
	port->terminal.columns = size[0];
	port->terminal.rows = size[1];
}

static void handle(struct virtio_console *console, const struct virtio_console_message *message,
		   const char *bytes, size_t length)
{
	struct port *port = NULL;

	if (message->id >= console->max_ports) {
		nonsense(console, message, "there can be no such port");
		return;
	}
	if (message->event == VIRTIO_CONSOLE_DEVICE_ADD) {
		add_port(console, message);
		return;
	}
	if (message->id < console->port_count)
		port = console->ports[message->id];
	if (!port || !port->present) {
		/* QEMU opens and closes its end before it gives a port and after it takes it. */
		if (message->event == VIRTIO_CONSOLE_PORT_OPEN)
			return;
		nonsense(console, message, "there is no such port");
		return;
	}
	switch (message->event) {
	case VIRTIO_CONSOLE_DEVICE_REMOVE:
		log_info("%s: %s is gone", console->virtio->bus_name, port->label);
		virtio_console_port_remove(port);
		break;
	case VIRTIO_CONSOLE_CONSOLE_PORT:
		port->is_console = true;
		virtio_console_terminal_start(port);
		port->open_due = port->registered;
		break;
	case VIRTIO_CONSOLE_RESIZE:
		resize(port, message, bytes, length);
		break;
	case VIRTIO_CONSOLE_PORT_OPEN:
		port->host_open = message->value;
		wait_wake(&port->wait);
		break;
	case VIRTIO_CONSOLE_PORT_NAME:
		name_port(port, message, bytes, length);
		break;
	default:
		nonsense(console, message, "no such event");
	}
}

bool virtio_console_control_poll(struct virtio_console *console)
{
	struct virtqueue *vq = console->control_receive;

	for (unsigned int i = 0; i < MESSAGES_MAX; i++) {
		char bytes[CONTROL_BUFFER_SIZE];
		struct virtio_console_message message;
		unsigned int index;
		uint32_t length;
		void *token;

		/* It may have been stopped while a message was sent. */
		if (console->stopped || console->control_receive != vq || !vq || vq->broken)
			return true;
		token = virtqueue_take(vq, &length);
		if (!token) {
			virtqueue_kick(vq);
			if (vq->broken || !virtqueue_interrupts_on(vq, 1))
				return true;
			continue;
		}
		index = index_of(token);
		/* The device may still write there: what was checked is what is used. */
		memcpy(bytes, console->control_memory + index * CONTROL_BUFFER_SIZE, length);
		lend_buffer(console, index);
		virtqueue_kick(vq);
		console->messages++;
		if (length < sizeof(message)) {
			message = (struct virtio_console_message){0};
			nonsense(console, &message, "too short");
			continue;
		}
		memcpy(&message, bytes, sizeof(message));
		handle(console, &message, bytes + sizeof(message), length - sizeof(message));
	}
	return false;
}
