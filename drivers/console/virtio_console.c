/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-console (virtio 1.4, 5.3): features, queues, the device's thread, recovery. */
#include "drivers/console/virtio_console.h"

#include "kernel/console/log.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "console"

#define RING_SIZE 64u /* descriptors at most; a port lends 16 buffers each way */
#define QUEUE_CONTROL_RECEIVE 2u
#define QUEUE_CONTROL_TRANSMIT 3u
#define QUEUES_MAX (2 * (CONSOLE_PORTS_MAX + 1))
/* How long after its start a device may take to say which ports it has. */
#define PORTS_WAIT (200 * NANOSECONDS_PER_MILLISECOND)
/* The same after a reset, for ports that are in use. */
#define RETURN_WAIT (2 * NANOSECONDS_PER_SECOND)

static const uint8_t features[] = {
	VIRTIO_CONSOLE_F_SIZE,
	VIRTIO_CONSOLE_F_MULTIPORT,
	VIRTIO_CONSOLE_F_EMERG_WRITE,
	VIRTIO_FEATURES_END,
};

static void validate(struct virtio_device *device, struct virtio_features *wanted)
{
	uint32_t ports;

	if (!virtio_features_has(wanted, VIRTIO_CONSOLE_F_MULTIPORT))
		return;
	ports = virtio_config_read32(device, VIRTIO_CONSOLE_CONFIG_MAX_PORTS);
	if (ports && ports != UINT32_MAX)
		return;
	log_warning("%s: says that it can have %s ports: one is used", device->bus_name,
		    ports ? "endless" : "no");
	virtio_features_clear(wanted, VIRTIO_CONSOLE_F_MULTIPORT);
}

/* -- Queues */

struct requests {
	struct virtio_queue_request queues[QUEUES_MAX];
	char names[QUEUES_MAX][VIRTQUEUE_NAME_MAX];
};

static unsigned int receive_queue(unsigned int id)
{
	return id ? 2 * id + 2 : 0; /* 5.3.2 */
}

static void name_queues(struct virtio_console *console, struct requests *requests,
			unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct virtio_queue_request *request = &requests->queues[i];
		bool control = i == QUEUE_CONTROL_RECEIVE || i == QUEUE_CONTROL_TRANSMIT;

		if (control)
			sniprintf(requests->names[i], sizeof(requests->names[i]), "control-%s",
				  i & 1 ? "tx" : "rx");
		else
			sniprintf(requests->names[i], sizeof(requests->names[i]), "port%u-%s",
				  i < 2 ? 0 : i / 2 - 1, i & 1 ? "tx" : "rx");
		request->name = requests->names[i];
		request->context = console;
		request->segments_max = 1;
		request->size_wanted = RING_SIZE;
		request->callback = control ? virtio_console_control_interrupt
				    : i & 1 ? virtio_console_transmit_interrupt
					    : virtio_console_receive_interrupt;
	}
}

void virtio_console_attach_port(struct virtio_console *console, struct port *port)
{
	struct virtqueue **queues = console->virtio->queues;
	unsigned int index = receive_queue(port->id);

	port->receive.vq = queues[index];
	port->transmit.vq = queues[index + 1];
}

/* How many ports have queues. The control queues must be there with more than one. */
static unsigned int ports_possible(struct virtio_console *console)
{
	unsigned int count = 1, limit = console->max_ports;

	if (limit > CONSOLE_PORTS_MAX)
		limit = CONSOLE_PORTS_MAX;
	while (count < limit && virtio_queue_exists(console->virtio, receive_queue(count)) &&
	       virtio_queue_exists(console->virtio, receive_queue(count) + 1))
		count++;
	return count;
}

static int create_queues(struct virtio_console *console)
{
	struct requests *requests = calloc(1, sizeof(*requests));
	unsigned int count = 2;
	int error;

	if (!requests)
		return -ENOMEM;
	console->port_count = ports_possible(console);
	if (console->multiport)
		count = 2 * (console->port_count + 1);
	name_queues(console, requests, count);
	error = virtio_queues_create(console->virtio, requests->queues, count);
	free(requests);
	return error;
}

/* Steps 7 and 8. */
static int configure(struct virtio_console *console)
{
	struct virtio_device *device = console->virtio;
	int error;

	console->multiport = virtio_has(device, VIRTIO_CONSOLE_F_MULTIPORT);
	console->emergency = virtio_has(device, VIRTIO_CONSOLE_F_EMERG_WRITE);
	console->max_ports = 1;
	if (console->multiport) {
		console->max_ports = virtio_config_read32(device, VIRTIO_CONSOLE_CONFIG_MAX_PORTS);
		if (console->max_ports > CONSOLE_PORTS_MAX)
			log_info("%s: can have %u ports, %u are driven", device->bus_name,
				 (unsigned int)console->max_ports, CONSOLE_PORTS_MAX);
		error = virtio_console_control_create(console);
	} else {
		error = virtio_console_port(console, 0) ? 0 : -ENOMEM;
	}
	if (error) {
		log_error("%s: no memory", device->bus_name);
		return error;
	}
	return create_queues(console);
}

static void run(struct virtio_console *console)
{
	struct virtio_device *device = console->virtio;

	if (console->multiport) {
		console->control_receive = device->queues[QUEUE_CONTROL_RECEIVE];
		console->control_transmit = device->queues[QUEUE_CONTROL_TRANSMIT];
		virtio_console_control_start(console);
	}
	console->life++;
	console->stopped = false;
	virtio_driver_ok(device);
	console->size_due = virtio_has(device, VIRTIO_CONSOLE_F_SIZE);
	if (console->multiport) {
		console->device_ready_due = true;
	} else {
		struct port *port = console->ports[0];

		virtio_console_attach_port(console, port);
		virtio_console_port_add(port);
		port->is_console = port->host_open = true;
		virtio_console_terminal_start(port);
	}
	virtio_console_wake(console);
}

/* -- The thread */

void virtio_console_wake(struct virtio_console *console)
{
	__atomic_store_n(&console->work, true, __ATOMIC_SEQ_CST);
	wait_wake(&console->wait);
}

static void read_size(struct virtio_console *console)
{
	struct port *port = console->ports[0];
	uint16_t size[2]; /* columns, rows */

	if (!port || !port->present)
		return;
	console->size_due = false;
	if (virtio_config_read(console->virtio, VIRTIO_CONSOLE_CONFIG_COLS, size, sizeof(size), 2))
		return;
	port->terminal.columns = size[0];
	port->terminal.rows = size[1];
}

/* One thing that the device is to be told. False: there is nothing. */
static bool tell(struct virtio_console *console)
{
	if (console->stopped)
		return false;
	if (console->device_ready_due) {
		console->device_ready_due = false;
		(void)virtio_console_control_send(console, 0, VIRTIO_CONSOLE_DEVICE_READY, 1);
		return true;
	}
	for (unsigned int id = 0; console->multiport && id < console->port_count; id++) {
		struct port *port = console->ports[id];

		if (port && port->ready_due) {
			port->ready_due = false;
			(void)virtio_console_control_send(console, id, VIRTIO_CONSOLE_PORT_READY,
							  1);
			return true;
		}
		if (port && port->open_due) {
			port->open_due = false;
			(void)virtio_console_control_send(console, id, VIRTIO_CONSOLE_PORT_OPEN, 1);
			return true;
		}
	}
	return false;
}

static void look_after_ports(struct virtio_console *console)
{
	bool late = console->awaited_until && clock_monotonic() >= console->awaited_until;

	for (unsigned int id = 0; id < CONSOLE_PORTS_MAX; id++) {
		struct port *port = console->ports[id];

		if (!port)
			continue;
		if (port->awaited && late)
			virtio_console_port_remove(port);
		if (port->more && port->present) {
			port->more = false;
			virtio_console_terminal_input(port);
		}
	}
	if (late)
		console->awaited_until = 0;
}

uint64_t virtio_console_work(struct virtio_console *console)
{
	__atomic_store_n(&console->work, false, __ATOMIC_SEQ_CST);
	if (console->stopped)
		return WAIT_FOREVER;
	if (console->multiport) {
		/* A device that talks without end keeps nobody else from running. */
		bool quiet = virtio_console_control_poll(console);

		for (unsigned int i = 0; i < 4 * CONSOLE_PORTS_MAX && quiet && tell(console); i++)
			quiet = virtio_console_control_poll(console);
		if (!quiet)
			virtio_console_wake(console);
	}
	if (console->size_due && !console->stopped)
		read_size(console);
	look_after_ports(console);
	return console->awaited_until ? console->awaited_until : WAIT_FOREVER;
}

static void work(void *argument)
{
	struct virtio_console *console = argument;

	for (;;) {
		uint64_t next = virtio_console_work(console);

		thread_yield();
		(void)wait_event_deadline(&console->wait,
					  __atomic_load_n(&console->work, __ATOMIC_SEQ_CST), next);
	}
}

/* -- The driver */

static int probe(struct virtio_device *device)
{
	static unsigned int count;
	struct virtio_console *console = calloc(1, sizeof(*console));
	struct thread *thread;
	int error;

	if (!console)
		return -ENOMEM;
	console->virtio = device;
	console->number = count;
	console->stopped = true;
	wait_queue_init(&console->wait);
	wait_queue_init(&console->control_wait);
	mutex_init(&console->control_lock);
	error = configure(console);
	if (error) {
		/* No buffer was lent yet. */
		virtio_console_control_destroy(console);
		if (console->ports[0])
			virtio_console_port_destroy(console->ports[0]);
		free(console);
		return error;
	}
	count++;
	device->driver_data = console;
	thread = thread_create("console", work, console, NULL);
	if (thread)
		thread_detach(thread);
	else
		log_notice("%s: no thread for its ports", device->bus_name);
	run(console);
	if (console->multiport)
		console_expect(clock_monotonic() + PORTS_WAIT);
	return 0;
}

static void config_changed(struct virtio_device *device)
{
	struct virtio_console *console = device->driver_data;

	if (!console || console->stopped || !virtio_has(device, VIRTIO_CONSOLE_F_SIZE))
		return;
	console->size_due = true;
	virtio_console_wake(console);
}

static void broken(struct virtio_device *device)
{
	struct virtio_console *console = device->driver_data;

	if (console)
		wait_wake(&console->control_wait);
}

static void stop(struct virtio_device *device)
{
	struct virtio_console *console = device->driver_data;

	console->stopped = true;
	virtio_console_control_stop(console);
	for (unsigned int id = 0; id < CONSOLE_PORTS_MAX; id++) {
		struct port *port = console->ports[id];

		if (!port)
			continue;
		port->awaited |= port->present;
		port->present = port->host_open = port->ready_due = port->open_due = false;
		virtio_console_port_detach(port);
	}
	log_info("%s: stopped, the device %s", device->bus_name, device->recovery.failure);
}

static int start(struct virtio_device *device)
{
	struct virtio_console *console = device->driver_data;
	int error = configure(console);

	if (error)
		return error;
	console->awaited_until = clock_monotonic() + RETURN_WAIT;
	run(console);
	return 0;
}

static void given_up(struct virtio_device *device)
{
	struct virtio_console *console = device->driver_data;

	for (unsigned int id = 0; id < CONSOLE_PORTS_MAX; id++)
		if (console->ports[id])
			virtio_console_port_remove(console->ports[id]);
}

static void describe(struct virtio_device *device, struct facts *facts)
{
	const struct virtio_console *console = device->driver_data;

	fact_flag(facts, "multiport", console->multiport);
	fact_number(facts, "ports_max", console->max_ports);
	fact_number(facts, "ports_driven", console->port_count);
	fact_number(facts, "control_messages", console->messages);
	fact_number(facts, "control_nonsense", console->nonsense);
}

VIRTIO_DRIVER(console) = {
	.name = "virtio_console",
	.device_type = VIRTIO_ID_CONSOLE,
	.features = features,
	.validate = validate,
	.probe = probe,
	.config_changed = config_changed,
	.broken = broken,
	.stop = stop,
	.start = start,
	.given_up = given_up,
	.describe = describe,
};
