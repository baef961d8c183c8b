/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-console (virtio 1.4, 5.3): what its files share.
 *
 *	virtio_console.c	  the device: features, queues, its thread, recovery
 *	virtio_console_control.c  the control queues, ports that come and go
 *	virtio_console_port.c	  a port's bytes, both ways
 *	virtio_console_terminal.c a port as a console
 *	port.c			  a port as a named channel
 *
 * A port once seen keeps its structure and its memory for ever: the device may hold buffers in the
 * port's queues long after it took the port away (nothing but a reset takes them back), and uses
 * them again when it gives a port of the same number.
 *
 * Who may touch what: everything about control, and the flags of ports, belongs to threads of CPU
 * 0. A direction of a port has a spinlock of its own. What is sent by a console is sent within the
 * multiplexer's lock, which is the outer one; receiving lets go of its lock before it types.
 */
#ifndef DRIVERS_CONSOLE_VIRTIO_CONSOLE_H
#define DRIVERS_CONSOLE_VIRTIO_CONSOLE_H

#include "drivers/console/port.h"
#include "drivers/virtio/virtio.h"
#include "kernel/console/console.h"
#include "kernel/thread/thread.h"

/* Features (5.3.3). */
#define VIRTIO_CONSOLE_F_SIZE 0
#define VIRTIO_CONSOLE_F_MULTIPORT 1
#define VIRTIO_CONSOLE_F_EMERG_WRITE 2

/* Configuration (5.3.4). */
#define VIRTIO_CONSOLE_CONFIG_COLS 0
#define VIRTIO_CONSOLE_CONFIG_MAX_PORTS 4
#define VIRTIO_CONSOLE_CONFIG_EMERG_WR 8

/* Control messages (5.3.6.2). */
#define VIRTIO_CONSOLE_DEVICE_READY 0
#define VIRTIO_CONSOLE_DEVICE_ADD 1
#define VIRTIO_CONSOLE_DEVICE_REMOVE 2
#define VIRTIO_CONSOLE_PORT_READY 3
#define VIRTIO_CONSOLE_CONSOLE_PORT 4
#define VIRTIO_CONSOLE_RESIZE 5
#define VIRTIO_CONSOLE_PORT_OPEN 6
#define VIRTIO_CONSOLE_PORT_NAME 7

struct virtio_console_message {
	uint32_t id; /* little-endian, all three */
	uint16_t event;
	uint16_t value;
};
_Static_assert(sizeof(struct virtio_console_message) == 8, "5.3.6.2");

#define CONSOLE_PORTS_MAX 32u /* of a device */
#define PORT_NAME_MAX 63u
#define PORT_LABEL_MAX 16
#define PORT_SLOTS 16u
#define PORT_SLOT_SIZE 1024u
#define PORT_MEMORY (PORT_SLOTS * PORT_SLOT_SIZE)
#define CONTROL_BUFFERS 32u /* for messages from the device */
#define CONTROL_BUFFER_SIZE 256u
#define CONTROL_SLOTS 8u /* for messages to it */
#define NO_SLOT PORT_SLOTS

struct virtio_console;

/* A slot is spare, being filled (`current`), or lent. */
struct port_transmit {
	struct spinlock lock;
	struct virtqueue *vq; /* NULL: there is none now */
	uint8_t *memory;
	uint64_t address;
	uint8_t spare[PORT_SLOTS];
	unsigned int spare_count, current, filled, lent;
	bool stalled; /* it did not take anything for too long: it is not waited for */
	uint64_t bytes, stalls;
};

/* A slot is lent, or holds what was received (`current`), or waits for room in the queue. */
struct port_receive {
	struct spinlock lock;
	struct virtqueue *vq;
	uint8_t *memory;
	uint64_t address;
	bool lent[PORT_SLOTS];
	unsigned int current, offset, length;
	uint64_t bytes;
};

struct port {
	struct virtio_console *console;
	struct port *next; /* all of all devices */
	uint32_t id;
	char label[PORT_LABEL_MAX]; /* "vport0p1" */
	char name[PORT_NAME_MAX + 1];
	bool present;	/* the device has it */
	bool host_open; /* somebody listens there */
	bool awaited;	/* there before the device's reset, not seen since */
	bool more;	/* its input is to be looked at by the thread */

	/* What the thread has to tell the device. */
	bool ready_due, open_due;

	/* As a console. */
	bool is_console; /* the device says so */
	bool registered;
	int number; /* of hvcN; -1 */
	char terminal_name[8];
	struct console terminal;
	uint64_t unsaid;   /* characters lost that it was not told of */
	bool in_emergency; /* in a panic: its queue cannot be used */

	/* As a channel. */
	bool opened;
	bool announced; /* the device is to believe that it is open */
	bool gone;	/* taken away while open */
	bool read_failed, write_failed;
	struct wait_queue wait;

	struct port_transmit transmit;
	struct port_receive receive;
};

struct virtio_console {
	struct virtio_device *virtio;
	unsigned int number; /* of vportNpM */
	bool multiport, emergency;
	bool stopped;
	uint64_t life;		 /* how often it was started */
	uint32_t max_ports;	 /* as it says */
	unsigned int port_count; /* that have queues */
	struct port *ports[CONSOLE_PORTS_MAX];

	struct wait_queue wait; /* of the thread */
	bool work;		/* it has some */
	bool device_ready_due, size_due;
	uint64_t awaited_until; /* 0: no port is */

	/* Control queues; NULL: none now. */
	struct virtqueue *control_receive, *control_transmit;
	uint8_t *control_memory; /* buffers, then slots */
	bool slot_lent[CONTROL_SLOTS];
	struct mutex control_lock;
	struct wait_queue control_wait;
	uint64_t messages, nonsense; /* from the device */
};

/* -- virtio_console.c */
void virtio_console_wake(struct virtio_console *console); /* any context */
/* Gives the port its queues. */
void virtio_console_attach_port(struct virtio_console *console, struct port *port);
/*
 * Does what the device's thread does, and says when there is more to do (clock_monotonic();
 * WAIT_FOREVER). For the thread, and for tests on the host, where there is none.
 */
uint64_t virtio_console_work(struct virtio_console *console);

/* -- virtio_console_control.c */
int virtio_console_control_create(struct virtio_console *console);
void virtio_console_control_destroy(struct virtio_console *console);
void virtio_console_control_start(struct virtio_console *console); /* lends buffers */
void virtio_console_control_stop(struct virtio_console *console);  /* takes them back */
void virtio_console_control_interrupt(struct virtqueue *vq);
/* Takes in what the device says. False: there is more. */
bool virtio_console_control_poll(struct virtio_console *console);
/* Returns when the device took it. 0, -EIO (it was stopped meanwhile), -EBUSY, -ETIMEDOUT. */
int virtio_console_control_send(struct virtio_console *console, uint32_t id, uint16_t event,
				uint16_t value);

/* -- virtio_console_port.c */
struct port *virtio_console_first_port(void);
/* The port of that number, made if need be; NULL: no memory. */
struct port *virtio_console_port(struct virtio_console *console, uint32_t id);
void virtio_console_port_destroy(struct port *port); /* one that was never used */
/* The device has it (again), or has it no more. */
void virtio_console_port_add(struct port *port);
void virtio_console_port_remove(struct port *port);
/* After the device's reset: it has no queues any more. */
void virtio_console_port_detach(struct port *port);
void virtio_console_receive_interrupt(struct virtqueue *vq);
void virtio_console_transmit_interrupt(struct virtqueue *vq);

/* With transmit.lock held: */
bool port_usable(const struct port *port);
void port_reclaim(struct port *port);
/* Copies what has room; that is shown to the device by port_push(), or when a slot is full. */
size_t port_put(struct port *port, const void *data, size_t length);
/* Lends what was put. With `keep` the last slot is not lent, so that more can be put. */
void port_push(struct port *port, bool keep);
/* Forgets what was put and not lent. */
void port_drop(struct port *port);

/*
 * With receive.lock held: what was received and not consumed, or NULL; then consume so many bytes
 * of it. port_receive_refill() shows empty slots to the device; port_receive_discard() also those
 * that were received and not consumed.
 */
const uint8_t *port_receive_peek(struct port *port, size_t *length);
void port_receive_consume(struct port *port, size_t length);
void port_receive_refill(struct port *port);
void port_receive_discard(struct port *port);
/* Asks for an interrupt. True: something is there already. */
bool port_receive_arm(struct port *port);

/* -- virtio_console_terminal.c */
/* The port is a console, or named as one: registers it where the command line wants that. */
void virtio_console_terminal_start(struct port *port);
void virtio_console_terminal_stop(struct port *port);
/* Types what has come. Thread and interrupt context. */
void virtio_console_terminal_input(struct port *port);

#endif
