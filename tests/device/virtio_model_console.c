/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/device/virtio_model_console.h"

#include "tests/device/faults.h"
#include "tests/device/virtio_model_ring.h"

#include <stdlib.h>
#include <string.h>

#define CONTROL_RECEIVE 2
#define CONTROL_TRANSMIT 3
#define PORTS_OFFSET 4
#define EMERGENCY_OFFSET 8
#define DAWDLE 1000000 /* nanoseconds that pass while a device is looked at that does nothing */

static unsigned int receive_queue(unsigned int port)
{
	return port ? 2 * port + 2 : 0;
}

void virtio_model_console_say_raw(struct virtio_model_console *console, const void *bytes,
				  uint32_t length)
{
	unsigned int place =
		(console->message_first + console->message_count++) % MODEL_CONSOLE_MESSAGES;

	if (length > MODEL_CONSOLE_MESSAGE_MAX)
		host_abort("too much to say");
	if (console->message_count > MODEL_CONSOLE_MESSAGES) {
		console->message_count--;
		return;
	}
	if (length)
		memcpy(console->messages[place], bytes, length);
	console->message_lengths[place] = length;
}

void virtio_model_console_say(struct virtio_model_console *console, uint32_t id, uint16_t event,
			      uint16_t value, const void *bytes, uint32_t length)
{
	uint8_t whole[MODEL_CONSOLE_MESSAGE_MAX];
	struct model_message message = {id, event, value};

	if (length > sizeof(whole) - sizeof(message))
		host_abort("a message of %u bytes", length);
	memcpy(whole, &message, sizeof(message));
	if (length)
		memcpy(whole + sizeof(message), bytes, length);
	virtio_model_console_say_raw(console, whole, (uint32_t)sizeof(message) + length);
}

void virtio_model_console_type(struct virtio_model_console *console, unsigned int port,
			       const void *bytes, uint32_t length)
{
	struct model_console_port *p = &console->ports[port];

	if (p->incoming_length + length > MODEL_CONSOLE_BYTES)
		host_abort("too much to type");
	memcpy(p->incoming + p->incoming_length, bytes, length);
	p->incoming_length += length;
}

bool virtio_model_console_heard(const struct virtio_model_console *console, uint32_t id,
				uint16_t event, uint16_t value)
{
	for (unsigned int i = 0; i < console->said_count; i++)
		if (console->said[i].id == id && console->said[i].event == event &&
		    console->said[i].value == value)
			return true;
	return false;
}

bool virtio_model_console_shows(const struct virtio_model_console *console, unsigned int port,
				const char *text)
{
	const struct model_console_port *p = &console->ports[port];

	return memmem(p->sent, p->sent_length, text, strlen(text)) != NULL;
}

/* As QEMU answers. */
static void answer(struct virtio_model_console *console, const struct model_message *message)
{
	struct model_console_port *port;

	if (message->event == MODEL_DEVICE_READY && message->value == 1) {
		console->ready = true;
		for (uint32_t id = 0; id < console->port_count && !fault(FAULT_CONSOLE_NO_ADD);
		     id++)
			if (console->ports[id].exists)
				virtio_model_console_say(console, id, MODEL_DEVICE_ADD, 1, NULL, 0);
		if (fault(FAULT_CONSOLE_ADD_TWICE))
			virtio_model_console_say(console, 0, MODEL_DEVICE_ADD, 1, NULL, 0);
		if (fault(FAULT_CONSOLE_ADD_BEYOND))
			virtio_model_console_say(console, console->port_count, MODEL_DEVICE_ADD, 1,
						 NULL, 0);
	}
	if (message->event != MODEL_PORT_READY || message->value != 1 ||
	    message->id >= console->port_count)
		return;
	port = &console->ports[message->id];
	if (!port->exists)
		return;
	if (port->is_console && !fault(FAULT_CONSOLE_NO_CONSOLE_PORT))
		virtio_model_console_say(console, message->id, MODEL_CONSOLE_PORT, 1, NULL, 0);
	if (port->name)
		virtio_model_console_say(console,
					 message->id + (fault(FAULT_CONSOLE_NAME_ELSEWHERE)
								? (uint32_t)console->port_count
								: 0),
					 MODEL_PORT_NAME, 1, port->name,
					 (uint32_t)strlen(port->name) + 1);
	if (port->host_open && !fault(FAULT_CONSOLE_NO_OPEN))
		virtio_model_console_say(console, message->id, MODEL_PORT_OPEN, 1, NULL, 0);
}

/* What the driver gave to read, gathered; at most `room` bytes. Returns how many there are. */
static uint32_t gather(const struct model_chain *chain, void *to, uint32_t room)
{
	uint32_t done = 0;

	for (unsigned int i = 0; i < chain->out_count; i++) {
		uint32_t part = chain->segments[i].length;

		if (part > room - done)
			part = room - done;
		memcpy((uint8_t *)to + done, chain->segments[i].data, part);
		done += part;
	}
	return done;
}

/* The other way; returns how many bytes there was room for. */
static uint32_t scatter(const struct model_chain *chain, const uint8_t *from, uint32_t length)
{
	uint32_t done = 0;

	for (unsigned int i = chain->out_count; i < chain->out_count + chain->in_count; i++) {
		uint32_t part = chain->segments[i].length;

		if (part > length - done)
			part = length - done;
		memcpy(chain->segments[i].data, from + done, part);
		done += part;
		if (fault(FAULT_FRAMING))
			break;
	}
	return done;
}

static void hear(struct virtio_model_console *console)
{
	struct virtio_model *model = &console->model;
	struct model_chain chain;

	while (model_ring_pop(model, CONTROL_TRANSMIT, &chain)) {
		struct model_message message = {0};

		if (chain.in_count || chain.out_bytes != sizeof(message) || chain.out_count != 1)
			virtio_model_violation(model, "a control message of %u and %u bytes",
					       chain.out_bytes, chain.in_bytes);
		if (gather(&chain, &message, sizeof(message)) < sizeof(message)) {
			model_ring_push(model, CONTROL_TRANSMIT, chain.head, 0);
			continue;
		}
		console->said[console->said_count++ % MODEL_CONSOLE_MESSAGES] = message;
		if (message.event != MODEL_DEVICE_READY && message.id >= console->port_count) {
			if (message.value)
				virtio_model_violation(model, "message %u for port %u",
						       message.event, message.id);
		} else if (message.event == MODEL_PORT_OPEN) {
			console->ports[message.id].guest_open = message.value;
		}
		if (console->answers)
			answer(console, &message);
		model_ring_push(model, CONTROL_TRANSMIT, chain.head, 0);
	}
}

static void say(struct virtio_model_console *console)
{
	struct virtio_model *model = &console->model;
	struct model_chain chain;

	while (console->message_count && model_ring_pop(model, CONTROL_RECEIVE, &chain)) {
		unsigned int place = console->message_first;
		uint32_t length;

		if (chain.out_count || chain.in_count != 1)
			virtio_model_violation(model, "a control buffer of %u and %u pieces",
					       chain.out_count, chain.in_count);
		length = scatter(&chain, console->messages[place], console->message_lengths[place]);
		model_ring_push(model, CONTROL_RECEIVE, chain.head, length);
		console->message_first = (place + 1) % MODEL_CONSOLE_MESSAGES;
		console->message_count--;
	}
}

static void take_sent(struct virtio_model_console *console, unsigned int id)
{
	struct model_console_port *port = &console->ports[id];
	struct virtio_model *model = &console->model;
	unsigned int queue = receive_queue(id) + 1;
	struct model_chain chain;

	while (model_ring_pop(model, queue, &chain)) {
		if (chain.in_count)
			virtio_model_violation(model, "port %u: a writable piece to send", id);
		/* Only the last of it is kept. */
		if (port->sent_length + chain.out_bytes > MODEL_CONSOLE_BYTES)
			port->sent_length = port->sent_read = 0;
		if (!fault(FAULT_CONSOLE_OUTPUT_LOST))
			port->sent_length += gather(&chain, port->sent + port->sent_length,
						    MODEL_CONSOLE_BYTES - port->sent_length);
		model_ring_push(model, queue, chain.head, 0);
	}
}

static void type(struct virtio_model_console *console, unsigned int id)
{
	struct model_console_port *port = &console->ports[id];
	struct virtio_model *model = &console->model;
	unsigned int queue = receive_queue(id);
	struct model_chain chain;

	/* Interrupts run at once, and give buffers back: an end is needed. */
	for (unsigned int i = 0; i < MODEL_CONSOLE_MESSAGES &&
				 (port->endless || port->incoming_done < port->incoming_length) &&
				 model_ring_pop(model, queue, &chain);
	     i++) {
		uint32_t length = chain.in_count ? chain.segments[0].length : 0;

		if (chain.out_count)
			virtio_model_violation(model, "port %u: a readable piece to receive", id);
		if (port->endless) {
			if (length)
				memset(chain.segments[0].data, 'e', length);
		} else {
			length = scatter(&chain, port->incoming + port->incoming_done,
					 port->incoming_length - port->incoming_done);
			port->incoming_done += length;
			if (fault(FAULT_CONSOLE_INPUT_LOST))
				port->incoming_done = port->incoming_length;
		}
		model_ring_push(model, queue, chain.head, length);
	}
	if (console->forgets && port->incoming_done == port->incoming_length)
		port->incoming_done = port->incoming_length = 0;
}

static void on_reset(struct virtio_model *model)
{
	struct virtio_model_console *console = model->device;

	if (!console || !console->forgets)
		return;
	console->message_count = 0;
	console->ready = false;
	model->config[PORTS_OFFSET] =
		(uint8_t)(console->port_count + fault(FAULT_CONSOLE_PORTS_MORE));
	for (unsigned int id = 0; id < console->port_count; id++) {
		console->ports[id].incoming_length = console->ports[id].incoming_done = 0;
		console->ports[id].guest_open = -1;
	}
}

static void process(struct virtio_model *model)
{
	struct virtio_model_console *console = model->device;
	bool multiport = virtio_model_accepted(model, MODEL_CONSOLE_MULTIPORT);
	bool dawdles = console->hold_control;

	for (unsigned int id = 0; id < (multiport ? console->port_count : 1); id++) {
		struct model_queue *queue = &model->queues[receive_queue(id) + 1];

		if (receive_queue(id) + 1 >= model->queue_count)
			break;
		dawdles |= console->ports[id].hold;
		if (queue->kicked && !console->ports[id].hold) {
			queue->kicked = false;
			take_sent(console, id);
		}
		type(console, id);
	}
	if (multiport) {
		if (model->queues[CONTROL_TRANSMIT].kicked && !console->hold_control) {
			model->queues[CONTROL_TRANSMIT].kicked = false;
			hear(console);
		}
		say(console);
	}
	if (dawdles)
		host_clock_advance(DAWDLE);
}

static bool on_write(struct virtio_model *model, enum model_space space, uint32_t offset,
		     unsigned int width, uint64_t value)
{
	struct virtio_model_console *console = model->device;

	if (space != MODEL_DEVICE || offset != EMERGENCY_OFFSET)
		return false;
	if (width != 4 || value > 0xff ||
	    !(model->offered[0] & MODEL_FEATURE(MODEL_CONSOLE_EMERG_WRITE)))
		virtio_model_violation(model, "an emergency write of %u bytes", width);
	if (fault(FAULT_CONSOLE_EMERGENCY_BREAKS))
		virtio_model_needs_reset(model);
	if (fault(FAULT_CONSOLE_EMERGENCY_LOST))
		return true;
	if (fault(FAULT_CONSOLE_EMERGENCY_LATE) && !(model->status & 4))
		return true;
	if (console->emergency_length + 1 == sizeof(console->emergency))
		console->emergency_length = 0;
	console->emergency[console->emergency_length++] = (char)value;
	/* 5.3.4: where the output of port 0 goes, too. */
	if (console->forgets && console->ports[0].sent_length < MODEL_CONSOLE_BYTES)
		console->ports[0].sent[console->ports[0].sent_length++] = (uint8_t)value;
	return true;
}

void virtio_model_console_init(struct virtio_model_console *console, uint16_t queue_size)
{
	struct virtio_model *model = &console->model;
	uint32_t ports = MODEL_CONSOLE_PORTS;

	memset(console, 0, sizeof(*console));
	virtio_model_init(model, 3, 2 * (MODEL_CONSOLE_PORTS + 1), queue_size);
	for (unsigned int id = 0; id < MODEL_CONSOLE_PORTS_MAX; id++) {
		console->ports[id].sent = malloc(MODEL_CONSOLE_BYTES);
		console->ports[id].incoming = malloc(MODEL_CONSOLE_BYTES);
		console->ports[id].guest_open = -1;
		if (!console->ports[id].sent || !console->ports[id].incoming)
			host_abort("no memory for bytes");
	}
	console->answers = true;
	console->port_count = MODEL_CONSOLE_PORTS;
	console->ports[0].exists = console->ports[0].is_console = true;
	console->ports[0].host_open = true;
	model->device = console;
	model->process = process;
	model->on_write = on_write;
	model->on_reset = on_reset;
	model->config_length = 12;
	memcpy(model->config + 4, &ports, sizeof(ports));
	virtio_model_offer(model, MODEL_CONSOLE_MULTIPORT, true);
	virtio_model_offer(model, MODEL_CONSOLE_EMERG_WRITE, true);
}

void virtio_model_console_free(struct virtio_model_console *console)
{
	for (unsigned int id = 0; id < MODEL_CONSOLE_PORTS_MAX; id++) {
		free(console->ports[id].sent);
		free(console->ports[id].incoming);
	}
}
