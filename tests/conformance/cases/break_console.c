/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages and buffers that a console device cannot want (virtio 1.4, 5.3.6). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/misuse.h"

#include <string.h>

#define F_CONSOLE_MULTIPORT 1
#define F_CONSOLE_EMERG_WRITE 2
#define MULTIPORT .devices = DEVICE(CONSOLE), .features = FEATURE(F_CONSOLE_MULTIPORT), .queues = 4
#define ON_CONSOLE .devices = DEVICE(CONSOLE), .transports = TRANSPORTS_ALL

enum { RECEIVE, TRANSMIT, CONTROL_RECEIVE, CONTROL_TRANSMIT };
enum {
	DEVICE_READY,
	DEVICE_ADD,
	DEVICE_REMOVE,
	PORT_READY,
	CONSOLE_PORT,
	RESIZE,
	PORT_OPEN,
	PORT_NAME
};

/* 5.3.6.2 */
struct message {
	uint32_t id;
	uint16_t event, value;
};

#define MESSAGE_BYTES 8u
#define ANSWER_BYTES 256u
#define NO_PORT 0xffffffffu
#define MAX_PORTS 4 /* offset of max_nr_ports */

/* A device with its control queues and one buffer for what it says there. */
struct control {
	struct ring *receive, *transmit;
	struct misuse answer;
};

static void open_control(struct conformance_target *t, struct control *control)
{
	memset(control, 0, sizeof(*control));
	session_begin(t, SESSION_ONLY(FEATURE(F_CONSOLE_MULTIPORT) | FEATURE(F_RING_PACKED)));
	control->receive = session_queue(t, CONTROL_RECEIVE, 0);
	control->transmit = session_queue(t, CONTROL_TRANSMIT, 0);
	session_ready(t);
	misuse_in(t, &control->answer, ANSWER_BYTES);
}

/* The device has done what it does about the last message; none of that is an answer. */
static void expect_no_answer(struct conformance_target *t, struct control *control)
{
	struct used used;

	expect(t, !misuse_used(t, control->receive, &control->answer, &used),
	       "the device answers only messages that are whole and about a port that exists");
}

/* -- Too short: with so few bytes no message says that the driver is ready. */

static void run_short(struct conformance_target *t, uint32_t length)
{
	struct message message = {.id = 0, .event = DEVICE_READY, .value = 1};
	struct misuse misuse = {0};
	struct control control;
	struct used used;

	open_control(t, &control);
	misuse_lend(t, control.receive, &control.answer);
	misuse_out(t, &misuse, &message, length);
	misuse_run(t, control.transmit, &misuse, &used);
	expect_no_answer(t, &control);
}

#define SHORT(length)                                                                              \
	CASE(break_console_message_##length, BREAK,                                                \
	     "a control message of " #length " bytes is not answered", "-", MULTIPORT)             \
	{                                                                                          \
		run_short(t, length);                                                              \
	}
SHORT(1)
SHORT(2)
SHORT(3)
SHORT(4)
SHORT(5)
SHORT(6)
SHORT(7)

/* -- Whole, and without sense */

static void run_senseless(struct conformance_target *t, uint32_t id, uint16_t event, uint16_t value)
{
	struct message message = {.id = id, .event = event, .value = value};
	struct misuse misuse = {0};
	struct control control;
	struct used used;

	open_control(t, &control);
	/* The first port that there cannot be. */
	if (id == MAX_PORTS)
		message.id = (uint32_t)config_read(t, MAX_PORTS, 4);
	misuse_lend(t, control.receive, &control.answer);
	misuse_out(t, &misuse, &message, sizeof(message));
	misuse_run(t, control.transmit, &misuse, &used);
	expect_no_answer(t, &control);
}

#define SENSELESS(name, claim, id, event, value)                                                   \
	CASE(break_console_##name, BREAK, claim " is not answered", "-", MULTIPORT)                \
	{                                                                                          \
		run_senseless(t, id, event, value);                                                \
	}
SENSELESS(event_8, "the first event that is not defined", 0, 8, 1)
SENSELESS(event_255, "event 255", 0, 255, 1)
SENSELESS(event_65535, "event 65535", 0, 65535, 1)
SENSELESS(ready_port_max, "PORT_READY of port max_nr_ports", MAX_PORTS, PORT_READY, 1)
SENSELESS(ready_port_signed, "PORT_READY of port 0x80000000", 0x80000000, PORT_READY, 1)
SENSELESS(ready_port_last, "PORT_READY of port 0xffffffff", NO_PORT, PORT_READY, 1)
SENSELESS(open_port_max, "PORT_OPEN of port max_nr_ports", MAX_PORTS, PORT_OPEN, 1)
SENSELESS(open_port_last, "PORT_OPEN of port 0xffffffff", NO_PORT, PORT_OPEN, 1)
SENSELESS(close_port_last, "PORT_OPEN 0 of port 0xffffffff", NO_PORT, PORT_OPEN, 0)
SENSELESS(open_early, "PORT_OPEN before DEVICE_READY", 1, PORT_OPEN, 1)
SENSELESS(device_not_ready, "DEVICE_READY with value 0", 0, DEVICE_READY, 0)
SENSELESS(port_not_ready, "PORT_READY with value 0", 0, PORT_READY, 0)
SENSELESS(device_add, "DEVICE_ADD from the driver", 1, DEVICE_ADD, 1)
SENSELESS(device_remove, "DEVICE_REMOVE from the driver", 0, DEVICE_REMOVE, 1)
SENSELESS(console_port, "CONSOLE_PORT from the driver", 0, CONSOLE_PORT, 1)
SENSELESS(resize, "RESIZE from the driver", 0, RESIZE, 1)
SENSELESS(port_name, "PORT_NAME from the driver", 0, PORT_NAME, 1)

/* -- Shapes in which the message may or may not be understood */

static void run_shape(struct conformance_target *t, uint16_t value, uint32_t length,
		      uint32_t writable)
{
	struct message message = {.event = PORT_READY, .value = value};
	struct misuse misuse = {0};
	struct control control;
	struct used used;

	open_control(t, &control);
	if (length)
		misuse_out_padded(t, &misuse, &message, sizeof(message), length);
	if (writable)
		misuse_in(t, &misuse, writable);
	misuse_run(t, control.transmit, &misuse, &used);
}

#define SHAPE(name, claim, clauses, value, length, writable)                                       \
	CASE(break_console_##name, BREAK, claim " is given back, or survived", clauses, MULTIPORT) \
	{                                                                                          \
		run_shape(t, value, length, writable);                                             \
	}
SHAPE(ready_7, "PORT_READY with value 7", "-", 7, MESSAGE_BYTES, 0)
SHAPE(ready_65535, "PORT_READY with value 65535", "-", 65535, MESSAGE_BYTES, 0)
SHAPE(message_long, "a control message of 4096 bytes", "-", 1, 4096, 0)
SHAPE(message_writable, "a writable buffer in the control transmit queue", "DRV-CON-OP-02", 0, 0,
      MESSAGE_BYTES)
SHAPE(message_mixed, "a control message with a writable part", "DRV-CON-OP-02", 1, MESSAGE_BYTES,
      MESSAGE_BYTES)

CASE(break_console_ready_twice, BREAK, "DEVICE_READY twice is survived", "-", MULTIPORT)
{
	struct message message = {.event = DEVICE_READY, .value = 1};
	struct control control;

	open_control(t, &control);
	for (unsigned int i = 0; i < 2; i++) {
		struct misuse misuse = {0};
		struct used used;

		misuse_out(t, &misuse, &message, sizeof(message));
		misuse_run(t, control.transmit, &misuse, &used);
	}
}

CASE(break_console_message_pieces, BREAK,
     "DEVICE_READY in pieces of one byte is answered with DEVICE_ADD", "DEV-SPLIT-FRAME-01",
     MULTIPORT)
{
	struct message message = {.event = DEVICE_READY, .value = 1}, answer;
	struct misuse misuse = {0};
	struct control control;
	struct used used;

	open_control(t, &control);
	ring_add(t, control.receive, control.answer.segments, 0, 1);
	ring_kick(t, control.receive);
	for (unsigned int i = 0; i < sizeof(message); i++)
		misuse_out(t, &misuse, (const uint8_t *)&message + i, 1);
	ring_add(t, control.transmit, misuse.segments, misuse.out, 0);
	ring_kick(t, control.transmit);
	ring_wait(t, control.transmit);
	used = ring_wait(t, control.receive);
	expect_range(t, "used.len of the answer", used.length, sizeof(answer), ANSWER_BYTES);
	memcpy(&answer, control.answer.segments[0].data, sizeof(answer));
	expect_equal(t, "the answer's event", answer.event, DEVICE_ADD);
}

/* -- Buffers for the device's messages that are too small for any */

static void run_small(struct conformance_target *t, uint32_t readable, uint32_t writable)
{
	struct message message = {.event = DEVICE_READY, .value = 1};
	struct misuse misuse = {0}, small = {0};
	struct control control;
	struct used used;

	open_control(t, &control);
	if (readable)
		misuse_out(t, &small, "ringside", readable);
	if (writable)
		misuse_in(t, &small, writable);
	misuse_lend(t, control.receive, &small);
	misuse_out(t, &misuse, &message, sizeof(message));
	misuse_run(t, control.transmit, &misuse, &used);
	misuse_used(t, control.receive, &small, &used);
}

#define SMALL(name, claim, clauses, readable, writable)                                            \
	CASE(break_console_control_##name, BREAK,                                                  \
	     "the device says of " claim                                                           \
	     " in the control receive queue no more than it can have written",                     \
	     clauses, MULTIPORT)                                                                   \
	{                                                                                          \
		run_small(t, readable, writable);                                                  \
	}
SMALL(1, "a buffer of 1 byte", "DEV-SPLIT-USED-02", 0, 1)
SMALL(4, "a buffer of 4 bytes", "DEV-SPLIT-USED-02", 0, 4)
SMALL(7, "a buffer of 7 bytes", "DEV-SPLIT-USED-02", 0, 7)
SMALL(readable, "a readable buffer", "DRV-CON-OP-01 DEV-SPLIT-USED-02 DEV-SPLIT-DESC-01", 8, 0)
SMALL(mixed, "a buffer of 8 readable bytes and one writable",
      "DRV-CON-OP-01 DEV-SPLIT-USED-02 DEV-SPLIT-DESC-01", 8, 1)

/* -- Port 0 without control queues */

static void run_port(struct conformance_target *t, unsigned int queue, uint32_t readable,
		     uint32_t writable)
{
	static const uint8_t text[512];
	struct misuse misuse = {0};
	struct ring *ring;
	struct used used;

	session_begin(t, SESSION_ALL);
	ring = session_queue(t, queue, 0);
	session_ready(t);
	if (readable)
		misuse_out(t, &misuse, text, readable);
	if (writable)
		misuse_in(t, &misuse, writable);
	misuse_run(t, ring, &misuse, &used);
}

#define PORT(name, claim, clauses, queue, readable, writable)                                      \
	CASE(break_console_##name, BREAK, claim " is given back as it was, or survived", clauses,  \
	     ON_CONSOLE)                                                                           \
	{                                                                                          \
		run_port(t, queue, readable, writable);                                            \
	}
PORT(send_writable, "a writable buffer in a transmit queue", "DRV-CON-OP-02", TRANSMIT, 0, 64)
PORT(send_mixed, "a buffer with a writable part in a transmit queue", "DRV-CON-OP-02", TRANSMIT, 64,
     64)
PORT(send_writable_byte, "a writable byte in a transmit queue", "DRV-CON-OP-02", TRANSMIT, 0, 1)
PORT(receive_only_readable, "a readable buffer in a receive queue",
     "DRV-CON-OP-01 DEV-SPLIT-DESC-01", RECEIVE, 64, 0)
PORT(receive_partly_readable, "a buffer with a readable part in a receive queue",
     "DRV-CON-OP-01 DEV-SPLIT-DESC-01", RECEIVE, 64, 64)

/* -- Configuration */

#define CONFIG(name, offset, width)                                                                \
	CASE(break_console_config_##name, BREAK,                                                   \
	     "the field " #name " of the configuration cannot be written", "-",                    \
	     .devices = DEVICE(CONSOLE))                                                           \
	{                                                                                          \
		session_open(t);                                                                   \
		misuse_config(t, offset, width);                                                   \
	}
CONFIG(cols, 0, 2)
CONFIG(rows, 2, 2)
CONFIG(max_nr_ports, MAX_PORTS, 4)

#define EMERGENCY(name, claim, width, value)                                                       \
	CASE(break_console_emergency_##name, BREAK, "an emergency write " claim " is survived",    \
	     "DEV-CON-INIT-01", .devices = DEVICE(CONSOLE),                                        \
	     .features = FEATURE(F_CONSOLE_EMERG_WRITE))                                           \
	{                                                                                          \
		config_write(t, 8, width, value);                                                  \
		expect_bits(t, "the status", register_read(t, REGISTER_STATUS), 0,                 \
			    STATUS_NEEDS_RESET);                                                   \
	}
EMERGENCY(byte, "of one byte", 1, '!')
EMERGENCY(word, "of two bytes", 2, '!')
EMERGENCY(high_bits, "with all high bits set", 4, 0xffffff00u | '!')
