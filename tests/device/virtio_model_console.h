/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A console device on the virtio model (virtio 1.4, 5.3): keeps what is sent on each port, types what a test
 * gives it, and with `answers` announces its ports as a good device does.
 */
#ifndef TESTS_DEVICE_VIRTIO_MODEL_CONSOLE_H
#define TESTS_DEVICE_VIRTIO_MODEL_CONSOLE_H

#include "tests/device/virtio_model.h"

#define MODEL_CONSOLE_PORTS 3
#define MODEL_CONSOLE_PORTS_MAX 7 /* that a test may make of port_count */
#ifndef MODEL_CONSOLE_BYTES
#define MODEL_CONSOLE_BYTES (1u << 18)
#endif
#define MODEL_CONSOLE_MESSAGES 128
#define MODEL_CONSOLE_MESSAGE_MAX 256

#define MODEL_CONSOLE_SIZE 0
#define MODEL_CONSOLE_MULTIPORT 1
#define MODEL_CONSOLE_EMERG_WRITE 2

enum model_console_event {
	MODEL_DEVICE_READY,
	MODEL_DEVICE_ADD,
	MODEL_DEVICE_REMOVE,
	MODEL_PORT_READY,
	MODEL_CONSOLE_PORT,
	MODEL_RESIZE,
	MODEL_PORT_OPEN,
	MODEL_PORT_NAME,
};

struct model_message {
	uint32_t id;
	uint16_t event, value;
};

struct model_console_port {
	/* What the device says of it when it answers. */
	bool exists, is_console, host_open;
	const char *name; /* NULL: none */

	bool hold;    /* what is sent is not taken */
	bool endless; /* whatever it is given to write to is filled */
	uint8_t *sent, *incoming;
	uint32_t sent_length, incoming_length, incoming_done;
	uint32_t sent_read; /* of `sent`, that the host took */
	int guest_open;	    /* the driver's last PORT_OPEN; -1: none */
};

struct virtio_model_console {
	struct virtio_model model;
	bool answers, hold_control;
	bool forgets; /* as devices do: a reset takes back what is on its way */
	bool ready;   /* the driver said so since the reset */
	unsigned int port_count;
	struct model_console_port ports[MODEL_CONSOLE_PORTS_MAX];

	/* The driver's control messages. */
	struct model_message said[MODEL_CONSOLE_MESSAGES];
	unsigned int said_count;
	/* Those on their way to it. */
	uint8_t messages[MODEL_CONSOLE_MESSAGES][MODEL_CONSOLE_MESSAGE_MAX];
	uint32_t message_lengths[MODEL_CONSOLE_MESSAGES];
	unsigned int message_first, message_count;

	char emergency[4096];
	unsigned int emergency_length;
};

/* Multiport with EMERG_WRITE, which answers; port 0 is a console with its host there. */
void virtio_model_console_init(struct virtio_model_console *console, uint16_t queue_size);
void virtio_model_console_free(struct virtio_model_console *console);

/* A control message with some bytes behind it; or `length` bytes as they are. */
void virtio_model_console_say(struct virtio_model_console *console, uint32_t id, uint16_t event,
			      uint16_t value, const void *bytes, uint32_t length);
void virtio_model_console_say_raw(struct virtio_model_console *console, const void *bytes,
				  uint32_t length);
/* Bytes for the driver to receive. */
void virtio_model_console_type(struct virtio_model_console *console, unsigned int port,
			       const void *bytes, uint32_t length);
/* Whether the driver said it since the beginning. */
bool virtio_model_console_heard(const struct virtio_model_console *console, uint32_t id,
				uint16_t event, uint16_t value);
bool virtio_model_console_shows(const struct virtio_model_console *console, unsigned int port,
				const char *text);

#endif
