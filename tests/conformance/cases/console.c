/* SPDX-License-Identifier: BSD-2-Clause */
/* The console device (virtio 1.4, 5.3): ports, control messages, data and emergency writes. */
#include "tests/conformance/case.h"

#include <stdio.h>
#include <string.h>

#define CONSOLE .devices = DEVICE(CONSOLE), .transports = TRANSPORTS_ALL
#define MULTIPORT CONSOLE, .features = FEATURE(F_CONSOLE_MULTIPORT)

enum { F_CONSOLE_MULTIPORT = 1, F_CONSOLE_EMERG_WRITE = 2 };
enum { CONFIG_PORTS = 4, CONFIG_EMERGENCY = 8 };

/* Control messages (5.3.6.2). */
enum {
	DEVICE_READY = 0,
	DEVICE_ADD = 1,
	DEVICE_REMOVE = 2,
	PORT_READY = 3,
	CONSOLE_PORT = 4,
	PORT_OPEN = 6,
	PORT_NAME = 7
};

struct message {
	uint32_t id;
	uint16_t event, value;
};

#define CONTROL_IN 2u
#define CONTROL_OUT 3u
#define CONTROL_BUFFERS 32u
#define CONTROL_SIZE 64u
#define PORTS_MOST 31u
/* Names of the ports that each configuration of a host has. */
#define THE_CONSOLE "ringside.console"
#define A_PORT "ringside.0"

struct control {
	uint8_t *buffers[CONTROL_BUFFERS];
	uint16_t ids[CONTROL_BUFFERS];
	uint32_t ports;		/* max_nr_ports */
	uint32_t added;		/* bits: announced, and not removed since */
	struct message message; /* the last that came */
	char data[CONTROL_SIZE];
};

static unsigned int queue_in(uint32_t port)
{
	return port ? 2 * port + 2 : 0;
}

static void lend_control(struct conformance_target *t, struct control *control, unsigned int i)
{
	struct segment segment = {.data = control->buffers[i], .length = CONTROL_SIZE};

	control->ids[i] = ring_add(t, session_ring(t, CONTROL_IN), &segment, 0, 1);
}

static void say(struct conformance_target *t, uint32_t id, uint16_t event, uint16_t value)
{
	struct message message = {.id = id, .event = event, .value = value};
	struct segment segment = {.data = lend_copy(t, &message, sizeof(message)),
				  .length = sizeof(message)};
	struct ring *ring = session_ring(t, CONTROL_OUT);

	ring_add(t, ring, &segment, 1, 0);
	ring_kick(t, ring);
	ring_wait(t, ring);
}

/* MULTIPORT, all queues that ports may have, buffers for control messages; the device was not told to be ready. */
static void open_ports(struct conformance_target *t, struct control *control)
{
	struct ring *ring;
	unsigned int queues, size;

	memset(control, 0, sizeof(*control));
	session_begin(t, SESSION_WITH(FEATURE(F_CONSOLE_MULTIPORT)));
	control->ports = (uint32_t)config_read(t, CONFIG_PORTS, 4);
	queues = queue_in(control->ports > PORTS_MOST ? PORTS_MOST : control->ports);
	for (unsigned int i = 0; i < queues; i++)
		session_queue(t, i, i == CONTROL_IN ? 0 : 8);
	ring = session_ring(t, CONTROL_IN);
	size = ring->size < CONTROL_BUFFERS ? ring->size : CONTROL_BUFFERS;
	for (unsigned int i = 0; i < size; i++) {
		control->buffers[i] = lend(t, CONTROL_SIZE, 0, LOAN_WRITE);
		lend_control(t, control, i);
	}
	session_ready(t);
	ring_kick(t, ring);
}

static bool is_port(const struct control *control, uint32_t id)
{
	return id <= PORTS_MOST && control->added >> id & 1;
}

/* Each message is looked at here, whatever the case is about. */
static void take(struct conformance_target *t, struct control *control, const struct used *used)
{
	struct ring *ring = session_ring(t, CONTROL_IN);
	unsigned int i = 0;

	while (!control->buffers[i] || control->ids[i] != used->id)
		i++;
	expect_range(t, "used.len of a control message", used->length, sizeof(control->message),
		     CONTROL_SIZE);
	memcpy(&control->message, control->buffers[i], sizeof(control->message));
	memset(control->data, 0, sizeof(control->data));
	memcpy(control->data, control->buffers[i] + sizeof(control->message),
	       used->length - sizeof(control->message));
	note(t, "port %u: event %u, value %u", control->message.id, control->message.event,
	     control->message.value);
	lend_control(t, control, i);
	ring_kick(t, ring);
}

/* Counts what is added and removed, and fails the case when that cannot be. */
static void account(struct conformance_target *t, struct control *control)
{
	uint32_t id = control->message.id;

	if (control->message.event == DEVICE_ADD) {
		expect_range(t, "the port of DEVICE_ADD", id, 0, control->ports - 1);
		if (is_port(control, id))
			fail(t, "DEVICE_ADD names a port that was not there", "port %u, again", id);
		control->added |= 1u << id;
	} else if (control->message.event == DEVICE_REMOVE) {
		if (!is_port(control, id))
			fail(t, "DEVICE_REMOVE names a port that was there", "port %u", id);
		control->added &= ~(1u << id);
	}
}

/* The next message, and false when there is none now. */
static bool next(struct conformance_target *t, struct control *control)
{
	struct used used;

	if (!ring_take(t, session_ring(t, CONTROL_IN), &used))
		return false;
	take(t, control, &used);
	account(t, control);
	return true;
}

struct awaited {
	struct control *control;
	uint32_t id; /* ANY: whichever */
	uint16_t event;
};
#define ANY UINT32_MAX

static bool came(struct conformance_target *t, void *context)
{
	const struct awaited *awaited = context;
	const struct message *message = &awaited->control->message;

	while (next(t, awaited->control))
		if (message->event == awaited->event &&
		    (awaited->id == ANY || message->id == awaited->id))
			return true;
	return false;
}

static void await_message(struct conformance_target *t, struct control *control, uint32_t id,
			  uint16_t event, const char *expected)
{
	struct awaited awaited = {.control = control, .id = id, .event = event};

	await(t, came, &awaited, expected);
}

/* All that the device has to say now; nothing orders the end of it. */
static void hear_all(struct conformance_target *t, struct control *control)
{
	do
		quiet(t);
	while (next(t, control));
}

/* The same, told to be ready: the ports have been announced. */
static void open_ready(struct conformance_target *t, struct control *control)
{
	open_ports(t, control);
	say(t, 0, DEVICE_READY, 1);
	await_message(t, control, ANY, DEVICE_ADD, "a port is announced after DEVICE_READY");
	hear_all(t, control);
}

/* The port of that name, made ready; what else the device says of it has been said. */
static uint32_t find_port(struct conformance_target *t, struct control *control, const char *name)
{
	for (uint32_t id = 0; id <= PORTS_MOST; id++) {
		struct awaited awaited = {.control = control, .id = id, .event = PORT_NAME};

		if (!is_port(control, id))
			continue;
		say(t, id, PORT_READY, 1);
		if (wait_for(t, came, &awaited) &&
		    !strncmp(control->data, name, sizeof(control->data)))
			return id;
	}
	skip(t, "no port is called %s", name);
}

/* -- Configuration */

CASE(console_ports_have_queues, OBEY, "each of max_nr_ports ports has its queues", "DEV-CON-CFG-01",
     CONSOLE, .features = FEATURE(F_CONSOLE_MULTIPORT))
{
	uint32_t ports;

	session_begin(t, SESSION_WITH(FEATURE(F_CONSOLE_MULTIPORT)));
	ports = (uint32_t)config_read(t, CONFIG_PORTS, 4);
	expect_range(t, "max_nr_ports", ports, 1, 0x7fff);
	expect_range(t, "queues", queue_count(t), ports > PORTS_MOST ? 64 : queue_in(ports),
		     0xffff);
}

/* -- Ports */

CASE(console_adds, OBEY, "DEVICE_ADD after DEVICE_READY names new ports below max_nr_ports",
     "DEV-CON-MP-02", MULTIPORT)
{
	struct control control;

	open_ready(t, &control);
	expect(t, control.added != 0, "at least one port is there");
}

CASE(console_adds_again, OBEY, "the same ports are announced after a reset", "DEV-CON-MP-02",
     MULTIPORT)
{
	struct control control;
	uint32_t before;

	open_ready(t, &control);
	before = control.added;
	open_ready(t, &control);
	expect_equal(t, "ports that were announced, as bits", control.added, before);
}

CASE(console_silent_until_ready, OBEY, "no port is announced before DEVICE_READY", "-", MULTIPORT)
{
	struct control control;

	open_ports(t, &control);
	quiet(t);
	expect(t, !next(t, &control), "no control message came");
	say(t, 0, DEVICE_READY, 1);
	await_message(t, &control, ANY, DEVICE_ADD, "a port is announced after DEVICE_READY");
}

CASE(console_is_console, OBEY, "PORT_READY of a console is answered with CONSOLE_PORT", "-",
     MULTIPORT)
{
	struct control control;

	open_ready(t, &control);
	for (uint32_t id = 0; id <= PORTS_MOST; id++)
		if (is_port(&control, id))
			say(t, id, PORT_READY, 1);
	await_message(t, &control, ANY, CONSOLE_PORT, "a port is said to be a console");
	expect_equal(t, "value of CONSOLE_PORT", control.message.value, 1);
	expect(t, is_port(&control, control.message.id),
	       "the console is a port that was announced");
}

CASE(console_names, OBEY, "PORT_NAME names a port that was made ready", "-", MULTIPORT)
{
	struct control control;

	open_ready(t, &control);
	for (uint32_t id = 0; id <= PORTS_MOST; id++) {
		if (!is_port(&control, id))
			continue;
		say(t, id, PORT_READY, 1);
		await_message(t, &control, ANY, PORT_NAME, "the port has a name");
		expect_equal(t, "the port of PORT_NAME", control.message.id, id);
		expect(t, control.data[0] != '\0', "the name has a character");
	}
}

CASE(console_hotplug_add, OBEY, "a port that the host adds is announced with an id that was free",
     "DEV-CON-MP-02", MULTIPORT, .host = "port-add")
{
	static const char name[] = "ringside.new";
	struct control control;
	uint32_t id;

	open_ready(t, &control);
	host_ask(t, "port-add", "%s", name);
	await_message(t, &control, ANY, DEVICE_ADD, "DEVICE_ADD after the host added a port");
	id = control.message.id;
	say(t, id, PORT_READY, 1);
	await_message(t, &control, id, PORT_NAME, "PORT_NAME after PORT_READY");
	if (strncmp(control.data, name, sizeof(control.data)))
		fail(t, "the port has the name that the host gave", "%.32s", control.data);
	host_ask(t, "port-remove", "%s", name);
	await_message(t, &control, id, DEVICE_REMOVE,
		      "DEVICE_REMOVE after the host removed the port");
}

CASE(console_hotplug_remove, OBEY,
     "DEVICE_REMOVE names the port that the host removes, and no other", "DEV-CON-MP-03", MULTIPORT,
     .host = "port-remove")
{
	static const char name[] = "ringside.gone";
	struct control control;
	uint32_t id, others;

	open_ready(t, &control);
	others = control.added;
	host_ask(t, "port-add", "%s", name);
	await_message(t, &control, ANY, DEVICE_ADD, "DEVICE_ADD after the host added a port");
	id = control.message.id;
	host_ask(t, "port-remove", "%s", name);
	await_message(t, &control, ANY, DEVICE_REMOVE,
		      "DEVICE_REMOVE after the host removed a port");
	expect_equal(t, "the port of DEVICE_REMOVE", control.message.id, id);
	hear_all(t, &control);
	expect_equal(t, "ports that are there, as bits", control.added, others);
}

CASE(console_open_close, OBEY, "PORT_OPEN says when the host opens a port and when it closes it",
     "-", MULTIPORT, .host = "port-open")
{
	struct control control;
	uint32_t id;

	host_ask(t, "port-close", A_PORT);
	open_ready(t, &control);
	id = find_port(t, &control, A_PORT);
	hear_all(t, &control);
	host_ask(t, "port-open", A_PORT);
	await_message(t, &control, id, PORT_OPEN, "PORT_OPEN after the host opened the port");
	expect_equal(t, "value of PORT_OPEN", control.message.value, 1);
	host_ask(t, "port-close", A_PORT);
	await_message(t, &control, id, PORT_OPEN, "PORT_OPEN after the host closed the port");
	expect_equal(t, "value of PORT_OPEN", control.message.value, 0);
}

CASE(console_legacy_control, OBEY,
     "a legacy interface has control messages in the CPU's byte order", "DEV-CON-OP-01",
     .devices = DEVICE(CONSOLE), .transports = TRANSPORTS_LEGACY,
     .features = FEATURE(F_CONSOLE_MULTIPORT))
{
	struct control control;

	open_ports(t, &control);
	say(t, 0, DEVICE_READY, 1);
	await_message(t, &control, ANY, DEVICE_ADD, "a port is announced after DEVICE_READY");
	expect_range(t, "the port of DEVICE_ADD", control.message.id, 0, control.ports - 1);
}

/* -- Data */

#define DATA_BYTES 200u

static uint8_t data_byte(unsigned int at)
{
	return (uint8_t)('!' + at * 7 % 90);
}

static void write_hex(char *to, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		sniprintf(to + (size_t)2 * i, 3, "%02x", data_byte(i));
}

/* Writes to a port, and compares with what comes out of it on the host's side. */
static void write_port(struct conformance_target *t, uint32_t id, const char *name)
{
	char expected[2 * DATA_BYTES + 1];
	uint8_t data[DATA_BYTES];
	struct segment segment = {.length = DATA_BYTES};
	struct ring *ring = session_ring(t, queue_in(id) + 1);
	const char *got;

	for (unsigned int i = 0; i < DATA_BYTES; i++)
		data[i] = data_byte(i);
	write_hex(expected, DATA_BYTES);
	segment.data = lend_copy(t, data, sizeof(data));
	ring_add(t, ring, &segment, 1, 0);
	ring_kick(t, ring);
	ring_wait(t, ring);
	got = host_ask(t, "port-read", "%s", name);
	if (strcmp(got, expected))
		fail(t, "the host reads what was written to the port", "%.60s", got);
}

/* Reads what the host writes in buffers that are too small for it at once. */
static void read_port(struct conformance_target *t, uint32_t id, const char *name)
{
	char hex[2 * DATA_BYTES + 1];
	struct ring *ring = session_ring(t, queue_in(id));
	uint8_t *areas[8];
	uint16_t ids[8];
	unsigned int got = 0;

	write_hex(hex, DATA_BYTES);
	for (unsigned int i = 0; i < 8; i++) {
		struct segment segment = {.data = areas[i] = lend(t, 48, 0, LOAN_WRITE),
					  .length = 48};

		ids[i] = ring_add(t, ring, &segment, 0, 1);
	}
	ring_kick(t, ring);
	host_ask(t, "port-write", "%s %s", name, hex);
	for (unsigned int i = 0; got < DATA_BYTES; i++) {
		struct used used = ring_wait(t, ring);

		if (i == 8)
			fail(t,
			     "the bytes that the host wrote fill the buffers one after the other",
			     "%u of %u bytes in 8 buffers of 48", got, DATA_BYTES);
		expect_equal(t, "used.id", used.id, ids[i]);
		expect_range(t, "used.len", used.length, 1, 48);
		for (uint32_t j = 0; j < used.length; j++, got++)
			expect_equal(t, "a byte that the host wrote", areas[i][j], data_byte(got));
	}
	expect_equal(t, "bytes that came", got, DATA_BYTES);
}

static uint32_t open_a_port(struct conformance_target *t, struct control *control)
{
	uint32_t id;

	/* Nothing that was written before is on its way. */
	host_ask(t, "port-close", A_PORT);
	open_ready(t, control);
	id = find_port(t, control, A_PORT);
	say(t, id, PORT_OPEN, 1);
	host_ask(t, "port-open", A_PORT);
	await_message(t, control, id, PORT_OPEN, "PORT_OPEN after the host opened the port");
	return id;
}

CASE(console_port_output, OBEY, "what is written to a port comes to the host", "-", MULTIPORT,
     .host = "port-read")
{
	struct control control;

	write_port(t, open_a_port(t, &control), A_PORT);
}

CASE(console_port_input, OBEY,
     "what the host writes comes to the port in order, however small the buffers are", "-",
     MULTIPORT, .host = "port-write")
{
	struct control control;

	read_port(t, open_a_port(t, &control), A_PORT);
}

/* Without MULTIPORT there is one port, and it is the console. */
static void open_single(struct conformance_target *t)
{
	host_ask(t, "port-open", THE_CONSOLE);
	session_begin(t, SESSION_ALL);
	session_queue(t, 0, 8);
	session_ready(t);
}

CASE(console_output, OBEY, "without MULTIPORT what is written comes to the host", "-", CONSOLE,
     .host = "port-read")
{
	open_single(t);
	write_port(t, 0, THE_CONSOLE);
}

CASE(console_input, OBEY,
     "without MULTIPORT what the host writes comes in order, however small the buffers are", "-",
     CONSOLE, .host = "port-write")
{
	open_single(t);
	read_port(t, 0, THE_CONSOLE);
}

/* -- Emergency writes */

static void emergency(struct conformance_target *t, const char *text)
{
	for (; *text; text++)
		config_write(t, CONFIG_EMERGENCY, 4, (uint8_t)*text);
}

static void expect_emergency(struct conformance_target *t, const char *hex)
{
	const char *got = host_ask(t, "port-read", THE_CONSOLE);

	if (strcmp(got, hex))
		fail(t, "the host sees what was written to emerg_wr", "%.60s", got);
}

#define EMERGENCY CONSOLE, .features = FEATURE(F_CONSOLE_EMERG_WRITE)

CASE(console_emergency_early, OBEY, "emerg_wr can be written before the device is configured",
     "DEV-CON-INIT-01", EMERGENCY, .host = "port-read")
{
	host_ask(t, "port-open", THE_CONSOLE);
	device_reset(t);
	emergency(t, "R");
	expect_emergency(t, "52");
}

CASE(console_emergency_log, OBEY,
     "each low byte that is written to emerg_wr comes to the host's log", "DEV-CON-INIT-02",
     EMERGENCY, .should = true, .host = "port-read")
{
	host_ask(t, "port-open", THE_CONSOLE);
	session_begin(t, SESSION_ALL);
	session_ready(t);
	emergency(t, "Ring!");
	expect_emergency(t, "52696e6721");
}

CASE(console_emergency_live_harmless, OBEY, "a device goes on after an emergency write",
     "DEV-CON-INIT-01", EMERGENCY)
{
	session_open(t);
	request_once(t, 0);
	emergency(t, "live");
	expect_bits(t, "the status", register_read(t, REGISTER_STATUS), STATUS_DRIVER_OK,
		    STATUS_NEEDS_RESET);
	request_once(t, 0);
}
