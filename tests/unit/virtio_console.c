/* SPDX-License-Identifier: BSD-2-Clause */
/* The console driver before the model device: consoles, ports, recovery, and a device that lies. */
#include "drivers/console/virtio_console.h"
#include "kernel/memory/dma.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"
#include "tests/device/virtio_model_console.h"
#include "tests/device/virtio_model_pci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING 32
#define MODEL_PACKED 34
#define VECTORS 16

static struct virtio_model_console model;
static struct virtio_model_pci pci;
static struct virtio_console *driver;

static void begin(const char *command_line)
{
	host_reset();
	pci_model_reset();
	virtio_model_console_init(&model, RING);
	virtio_model_pci_init(&pci, &model.model, 3, VECTORS);
	options_parse(command_line);
	host_log_clear();
}

/* The device's thread, until it has nothing to do. */
static void settle(void)
{
	assert_non_null(driver);
	for (unsigned int i = 0; i < 100; i++) {
		host_poll();
		virtio_console_work(driver);
		if (!driver->work)
			break;
	}
	host_poll();
}

static void boot(void)
{
	static const struct virtio_device *before;
	struct virtio_device *device;

	pci_model_boot();
	device = virtio_first();
	while (device && device->next)
		device = device->next;
	/* Where one is not even found, there are those of the tests before. */
	driver = device && device != before && device->driver ? device->driver_data : NULL;
	before = device;
	if (driver)
		settle();
}

static void end(void)
{
	if (model.model.violations)
		host_abort("the driver broke a rule: %s", model.model.violation);
	for (unsigned int id = 0; driver && id < CONSOLE_PORTS_MAX; id++)
		if (driver->ports[id])
			virtio_console_port_remove(driver->ports[id]);
	assert_null(console_next(NULL));
	while (console_read(0) >= 0)
		;
	virtio_model_console_free(&model);
}

static void print(const char *text)
{
	console_write(text, strlen(text));
}

/* What was typed, as a string. */
static const char *typed(void)
{
	static char text[8192];
	size_t length = 0;
	int c;

	while ((c = console_read(0)) >= 0) {
		assert_true(length < sizeof(text) - 1);
		text[length++] = (char)c;
	}
	text[length] = '\0';
	return text;
}

static void channel(unsigned int id, const char *name)
{
	model.ports[id].exists = model.ports[id].host_open = true;
	model.ports[id].name = name;
}

static void plug(unsigned int id)
{
	virtio_model_console_say(&model, id, MODEL_DEVICE_ADD, 1, NULL, 0);
	settle();
}

static void unplug(unsigned int id)
{
	virtio_model_console_say(&model, id, MODEL_DEVICE_REMOVE, 1, NULL, 0);
	settle();
}

static struct console *console_named(const char *name)
{
	for (struct console *console = console_next(NULL); console; console = console_next(console))
		if (!strcmp(console->name, name))
			return console;
	return NULL;
}

/* -- Consoles */

static void one_port(const char *options)
{
	begin(options);
	virtio_model_offer(&model.model, MODEL_CONSOLE_MULTIPORT, false);
	boot();
	assert_non_null(driver);
	assert_non_null(console_named("hvc0"));
	assert_int_equal(console_next(NULL)->use, CONSOLE_ALL);
	print("one\ntwo");
	host_poll();
	assert_true(virtio_model_console_shows(&model, 0, "one\r\ntwo"));
	virtio_model_console_type(&model, 0, "abc\r", 4);
	host_poll();
	assert_string_equal(typed(), "abc\r");
	virtio_model_console_type(&model, 0, "more\r", 5);
	host_poll();
	assert_string_equal(typed(), "more\r");
	assert_int_equal(host_log_count(), 0);
	end();
}

static void test_one_port(void **state)
{
	(void)state;
	one_port("");
	one_port("virtio.features=-event_idx");
	one_port("virtio.queue_size=1");
	one_port("virtio.interrupts=shared");
}

static void test_multiport(void **state)
{
	(void)state;
	for (unsigned int packed = 0; packed < 2; packed++) {
		begin("");
		virtio_model_offer(&model.model, MODEL_PACKED, packed);
		model.ports[0].name = "org.example.tty";
		boot();
		assert_true(virtio_model_console_heard(&model, 0, MODEL_DEVICE_READY, 1));
		assert_true(virtio_model_console_heard(&model, 0, MODEL_PORT_READY, 1));
		assert_int_equal(model.ports[0].guest_open, 1);
		assert_non_null(console_named("hvc0"));
		print("hello\n");
		host_poll();
		assert_true(virtio_model_console_shows(&model, 0, "hello\r\n"));
		virtio_model_console_type(&model, 0, "x", 1);
		host_poll();
		assert_string_equal(typed(), "x");
		assert_int_equal(driver->nonsense, 0);
		assert_int_equal(host_log_count(), 0);
		end();
	}
}

/* What was said before stands on a console that comes late. */
static void test_late_console(void **state)
{
	(void)state;
	begin("console=hvc0,hvc1");
	boot();
	print("before\n");
	host_poll();
	model.ports[1].exists = model.ports[1].is_console = true;
	plug(1);
	assert_non_null(console_named("hvc1"));
	assert_true(virtio_model_console_shows(&model, 1, "before\r\n"));
	print("both\n");
	host_poll();
	assert_true(virtio_model_console_shows(&model, 0, "both\r\n"));
	assert_true(virtio_model_console_shows(&model, 1, "both\r\n"));
	virtio_model_console_type(&model, 1, "1", 1);
	virtio_model_console_type(&model, 0, "0", 1);
	host_poll();
	assert_int_equal(strlen(typed()), 2);
	/* Without a list the next one takes over; with one, only what it names. */
	unplug(0);
	assert_null(console_named("hvc0"));
	print("one is left\n");
	host_poll();
	assert_true(virtio_model_console_shows(&model, 1, "one is left\r\n"));
	assert_false(virtio_model_console_shows(&model, 0, "one is left\r\n"));
	plug(0);
	assert_non_null(console_named("hvc0"));
	print("two\n");
	host_poll();
	assert_true(virtio_model_console_shows(&model, 0, "two\r\n"));
	end();
}

static void test_first_console_is_default(void **state)
{
	(void)state;
	begin("");
	model.ports[1].exists = model.ports[1].is_console = true;
	boot();
	assert_int_equal(console_named("hvc0")->use, CONSOLE_ALL);
	assert_int_equal(console_named("hvc1")->use, CONSOLE_UNUSED);
	unplug(0);
	assert_int_equal(console_named("hvc1")->use, CONSOLE_ALL);
	end();

	begin("console=none");
	boot();
	assert_int_equal(console_named("hvc0")->use, CONSOLE_UNUSED);
	print("unseen");
	host_poll();
	assert_int_equal(model.ports[0].sent_length, 0);
	end();
}

/* Chosen by the name that the host gave, which comes after the port. */
static void test_console_by_name(void **state)
{
	va_list none = {0};

	(void)state;
	begin("console=org.example.tty,org.example.log console.results=org.example.results");
	model.ports[0].name = "org.example.tty";
	channel(1, "org.example.log");
	channel(2, "org.example.results");
	boot();
	print("log\n");
	console_print_results("result\n", none);
	host_poll();
	assert_true(virtio_model_console_shows(&model, 0, "log\r\nresult\r\n"));
	assert_true(virtio_model_console_shows(&model, 1, "log\r\nresult\r\n"));
	assert_int_equal(model.ports[2].sent_length, strlen("result\n"));
	assert_memory_equal(model.ports[2].sent, "result\n", strlen("result\n"));
	assert_int_equal(model.ports[1].guest_open, 1);
	virtio_model_console_type(&model, 1, "t", 1);
	host_poll();
	assert_string_equal(typed(), "t");
	end();
}

static void test_size(void **state)
{
	static const uint16_t sizes[][2] = {{100, 30}, {60, 20}, {0, 0}};

	(void)state;
	begin("");
	virtio_model_offer(&model.model, MODEL_CONSOLE_SIZE, true);
	virtio_model_offer(&model.model, MODEL_CONSOLE_MULTIPORT, false);
	memcpy(model.model.config, sizes[0], 4);
	boot();
	assert_int_equal(console_columns(), 100);
	assert_int_equal(console_next(NULL)->rows, 30);
	virtio_model_configure(&model.model, 0, sizes[1], 4);
	settle();
	assert_int_equal(console_columns(), 60);
	end();

	begin("");
	boot();
	assert_int_equal(console_columns(), 0);
	for (unsigned int i = 0; i < 3; i++) {
		virtio_model_console_say(&model, 0, MODEL_RESIZE, 0, sizes[i], 4);
		settle();
		assert_int_equal(console_columns(), sizes[i][0]);
	}
	virtio_model_console_say(&model, 0, MODEL_RESIZE, 0, sizes[0], 3);
	settle();
	assert_int_equal(console_columns(), 0);
	assert_int_equal(driver->nonsense, 1);
	end();
}

/* A reader that stalls costs one wait; what is lost is counted, and said when it goes on. */
static void test_stalled_reader(void **state)
{
	char text[1024];
	uint64_t start, lost;

	(void)state;
	memset(text, 's', sizeof(text));
	begin("");
	boot();
	model.ports[0].hold = true;
	start = clock_monotonic();
	for (unsigned int i = 0; i < 100; i++)
		console_write(text, sizeof(text));
	assert_in_range(clock_monotonic() - start, 200 * NANOSECONDS_PER_MILLISECOND,
			400 * NANOSECONDS_PER_MILLISECOND);
	lost = console_next(NULL)->lost;
	assert_int_equal(lost, sizeof(text) * 100 - PORT_MEMORY);
	assert_true(driver->ports[0]->transmit.stalled);
	model.ports[0].hold = false;
	host_poll();
	print("on again\n");
	host_poll();
	assert_true(virtio_model_console_shows(&model, 0, "characters lost]\r\non again\r\n"));
	assert_int_equal(console_next(NULL)->lost, lost);
	/* From now on nothing is lost. */
	for (unsigned int i = 0; i < 20; i++)
		console_write(text, sizeof(text));
	host_poll();
	assert_int_equal(console_next(NULL)->lost, lost);
	end();
}

/* Small writes while the device is slow: the last slot gathers them, and an interrupt sends them. */
static void test_gathering(void **state)
{
	(void)state;
	begin("");
	boot();
	model.ports[0].hold = true;
	for (unsigned int i = 0; i < 200; i++)
		print("g");
	assert_int_equal(console_next(NULL)->lost, 0);
	model.ports[0].hold = false;
	host_poll();
	host_poll();
	assert_int_equal(model.ports[0].sent[model.ports[0].sent_length - 1], 'g');
	assert_int_equal(driver->ports[0]->transmit.filled, 0);
	console_drain();
	assert_int_equal(driver->ports[0]->transmit.lent, 0);
	end();
}

/* It types without end: the handler gives up after a while, the thread too. */
static void test_endless_input(void **state)
{
	(void)state;
	begin("");
	boot();
	assert_non_null(driver);
	assert_non_null(driver->ports[0]);
	model.ports[0].endless = true;
	for (unsigned int i = 0; i < 10; i++) {
		virtio_console_terminal_input(driver->ports[0]);
		assert_true(driver->ports[0]->more);
		virtio_console_work(driver);
	}
	model.ports[0].endless = false;
	settle();
	assert_false(driver->ports[0]->more);
	(void)typed();
	virtio_model_console_type(&model, 0, "ok", 2);
	host_poll();
	assert_string_equal(typed(), "ok");
	end();
}

/* -- Channels */

static void test_channel(void **state)
{
	static uint8_t out[100000], in[100000];
	struct port *port, *again;
	size_t done = 0;

	(void)state;
	for (unsigned int size = 1; size <= RING; size *= 4) {
		char options[64];

		snprintf(options, sizeof(options), "virtio.queue_size=%u", size);
		begin(options);
		channel(1, "org.example.data");
		boot();
		assert_int_equal(port_open("org.example.none", &port), -ENOENT);
		assert_int_equal(port_open("", &port), -ENOENT);
		assert_int_equal(port_open("org.example.data", &port), 0);
		assert_int_equal(port_open(port->label, &again), -EBUSY);
		assert_int_equal(model.ports[1].guest_open, 1);
		for (size_t i = 0; i < sizeof(out); i++)
			out[i] = (uint8_t)(i * 31 + i / 256);
		assert_int_equal(port_write(port, out, sizeof(out), WAIT_FOREVER), sizeof(out));
		host_poll();
		host_poll();
		assert_int_equal(model.ports[1].sent_length, sizeof(out));
		assert_memory_equal(model.ports[1].sent, out, sizeof(out));
		virtio_model_console_type(&model, 1, out, sizeof(out));
		for (done = 0; done < sizeof(in);) {
			ssize_t part = port_read(port, in + done, 1000, WAIT_FOREVER);

			assert_true(part > 0);
			done += (size_t)part;
		}
		assert_memory_equal(in, out, sizeof(out));
		assert_int_equal(port_read(port, in, 1, clock_monotonic() + 1000), -ETIMEDOUT);
		/* The host closes its end: what it sent before is still read. */
		virtio_model_console_type(&model, 1, "end", 3);
		host_poll();
		virtio_model_console_say(&model, 1, MODEL_PORT_OPEN, 0, NULL, 0);
		settle();
		assert_int_equal(port_read(port, in, sizeof(in), WAIT_FOREVER), 3);
		assert_int_equal(port_read(port, in, sizeof(in), WAIT_FOREVER), 0);
		assert_int_equal(port_write(port, "x", 1, WAIT_FOREVER), -EPIPE);
		assert_false(port_wait_host(port, clock_monotonic() + 1000));
		port_close(port);
		assert_int_equal(model.ports[1].guest_open, 0);
		assert_int_equal(port_open("org.example.data", &port), 0);
		port_close(port);
		assert_int_equal(host_log_count(), 0);
		end();
	}
}

/* A host that does not read makes the writer wait, and no more. */
static void test_channel_back_pressure(void **state)
{
	static uint8_t out[PORT_MEMORY * 2];
	struct port *port;

	(void)state;
	begin("");
	channel(1, "org.example.data");
	boot();
	assert_int_equal(port_open("org.example.data", &port), 0);
	model.ports[1].hold = true;
	assert_int_equal(port_write(port, out, sizeof(out),
				    clock_monotonic() + NANOSECONDS_PER_SECOND),
			 PORT_MEMORY);
	assert_int_equal(port_write(port, out, 1, clock_monotonic() + 1000), -ETIMEDOUT);
	print("the console goes on\n");
	host_poll();
	assert_true(virtio_model_console_shows(&model, 0, "the console goes on\r\n"));
	model.ports[1].hold = false;
	assert_int_equal(port_write(port, out, sizeof(out), WAIT_FOREVER), sizeof(out));
	/* Ours does not read: the device has no more buffers than there are. */
	virtio_model_console_type(&model, 1, out, sizeof(out));
	virtio_model_console_type(&model, 1, out, sizeof(out));
	host_poll();
	assert_int_equal(model.ports[1].incoming_done, PORT_MEMORY);
	/* Closing does not wait for ever. */
	model.ports[1].hold = true;
	assert_int_equal(port_write(port, out, 10, WAIT_FOREVER), 10);
	port_close(port);
	end();
}

/* Who opens a port gets what came since, and nothing that came before. */
static void test_channel_opened_again(void **state)
{
	struct port *port;
	char bytes[8];

	(void)state;
	begin("");
	channel(1, "org.example.data");
	boot();
	virtio_model_console_type(&model, 1, "before", 6);
	host_poll();
	for (unsigned int round = 0; round < 2 * PORT_SLOTS; round++) {
		assert_int_equal(port_open("org.example.data", &port), 0);
		virtio_model_console_type(&model, 1, "first", 5);
		virtio_model_console_type(&model, 1, "unread", 6);
		assert_int_equal(port_read(port, bytes, 5, WAIT_FOREVER), 5);
		assert_memory_equal(bytes, "first", 5);
		host_poll();
		port_close(port);
		virtio_model_console_type(&model, 1, "after", 5);
		host_poll();
	}
	end();
}

static void test_channel_removed(void **state)
{
	struct port *port, *again;
	char byte;

	(void)state;
	begin("");
	channel(1, "org.example.data");
	boot();
	assert_int_equal(port_open("org.example.data", &port), 0);
	virtio_model_console_type(&model, 1, "stale", 5);
	host_poll();
	unplug(1);
	assert_int_equal(port_read(port, &byte, 1, WAIT_FOREVER), -ENODEV);
	assert_int_equal(port_write(port, &byte, 1, WAIT_FOREVER), -ENODEV);
	assert_int_equal(port_open("org.example.data", &again), -ENOENT);
	/* It comes again: the old user has to go first, and does not see the new life. */
	plug(1);
	assert_int_equal(port_read(port, &byte, 1, WAIT_FOREVER), -ENODEV);
	assert_int_equal(port_open("org.example.data", &again), -EBUSY);
	port_close(port);
	assert_int_equal(port_open("org.example.data", &again), 0);
	assert_int_equal(port_read(again, &byte, 1, clock_monotonic() + 1000), -ETIMEDOUT);
	virtio_model_console_type(&model, 1, "n", 1);
	assert_int_equal(port_read(again, &byte, 1, WAIT_FOREVER), 1);
	assert_int_equal(byte, 'n');
	port_close(again);
	end();
}

/* -- Lies */

static void test_lie_messages(void **state)
{
	static const char long_name[200] = {[0 ... 199] = 'n'};
	static const char wild_name[] = "a b\033[2J\x80";
	struct port *port;

	(void)state;
	begin("");
	channel(1, NULL);
	boot();
	host_log_clear();
	assert_int_equal(driver->nonsense, 0);
	/* Ports that cannot be. */
	for (uint16_t event = 0; event < 12; event++) {
		virtio_model_console_say(&model, 3, event, 1, NULL, 0);
		virtio_model_console_say(&model, UINT32_MAX, event, 1, "x", 1);
		virtio_model_console_say(&model, 0x80000000, event, 1, "x", 1);
		settle();
	}
	assert_int_equal(driver->nonsense, 36);
	assert_int_equal(host_log_count(), 8); /* and not more */
	/* Ports that are not there, or are there already. */
	for (uint16_t event = 2; event < 12; event++)
		virtio_model_console_say(&model, 2, event, 1, "x", 1);
	virtio_model_console_say(&model, 0, MODEL_DEVICE_ADD, 1, NULL, 0);
	settle();
	assert_int_equal(driver->nonsense, 46);
	/* Events that are none, or ours. */
	virtio_model_console_say(&model, 0, 8, 1, NULL, 0);
	virtio_model_console_say(&model, 0, 0xffff, 1, NULL, 0);
	virtio_model_console_say(&model, 0, MODEL_PORT_READY, 1, NULL, 0);
	virtio_model_console_say(&model, 0, MODEL_DEVICE_READY, 1, NULL, 0);
	settle();
	assert_int_equal(driver->nonsense, 50);
	/* Too short for a message. */
	for (uint32_t length = 0; length < 8; length++)
		virtio_model_console_say_raw(&model, "\0\0\0\0\0\0\0", length);
	settle();
	assert_int_equal(driver->nonsense, 58);
	/* Names: none, without end, too long, wild, another one. */
	virtio_model_console_say(&model, 1, MODEL_PORT_NAME, 1, NULL, 0);
	virtio_model_console_say(&model, 1, MODEL_PORT_NAME, 1, "", 1);
	virtio_model_console_say(&model, 1, MODEL_PORT_NAME, 1, long_name, sizeof(long_name));
	settle();
	assert_int_equal(driver->nonsense, 61);
	assert_string_equal(driver->ports[1]->name, "");
	virtio_model_console_say(&model, 1, MODEL_PORT_NAME, 1, wild_name, sizeof(wild_name) - 1);
	settle();
	assert_string_equal(driver->ports[1]->name, "a?b?[2J?");
	virtio_model_console_say(&model, 1, MODEL_PORT_NAME, 1, "b", 1);
	settle();
	assert_string_equal(driver->ports[1]->name, "a?b?[2J?");
	assert_int_equal(driver->nonsense, 62);
	/* A channel that is open becomes a console: it stays what it is. */
	assert_int_equal(port_open("a?b?[2J?", &port), 0);
	virtio_model_console_say(&model, 1, MODEL_CONSOLE_PORT, 1, NULL, 0);
	settle();
	assert_null(console_named("hvc1"));
	assert_int_equal(port_write(port, "x", 1, WAIT_FOREVER), 1);
	port_close(port);
	/* All the time the console worked. */
	print("still here\n");
	host_poll();
	assert_true(virtio_model_console_shows(&model, 0, "still here\r\n"));
	assert_false(driver->virtio->recovery.broken);
	end();
}

/* Messages without end: the thread does its share and lets others run. */
static void test_lie_endless_messages(void **state)
{
	(void)state;
	begin("");
	boot();
	assert_non_null(driver);
	for (unsigned int round = 0; round < 50; round++) {
		while (model.message_count < MODEL_CONSOLE_MESSAGES)
			virtio_model_console_say(&model, 0, 99, 1, NULL, 0);
		virtio_console_work(driver);
	}
	assert_true(driver->nonsense >= 100);
	assert_int_equal(host_log_count(), 8);
	settle();
	end();
}

static void test_lie_plugging(void **state)
{
	(void)state;
	begin("");
	boot();
	model.ports[1].exists = model.ports[1].is_console = true;
	for (unsigned int i = 0; i < 50; i++) {
		plug(1);
		assert_non_null(console_named("hvc1"));
		unplug(1);
		assert_null(console_named("hvc1"));
	}
	/* All at once. */
	for (unsigned int i = 0; i < 30; i++)
		virtio_model_console_say(&model, 1, i % 2 ? MODEL_DEVICE_REMOVE : MODEL_DEVICE_ADD,
					 1, NULL, 0);
	settle();
	assert_null(console_named("hvc1"));
	/* Ports are made once. */
	assert_int_equal(host_log_count(), 0);
	plug(1);
	print("fine\n");
	assert_non_null(console_named("hvc1"));
	end();
}

static void test_lie_port_counts(void **state)
{
	static const struct {
		uint32_t ports;
		unsigned int queues;
		bool multiport;
		unsigned int driven, logged;
	} cases[] = {
		{0, 8, false, 1, 1},
		{UINT32_MAX, 8, false, 1, 1},
		{UINT32_MAX - 1, 8, true, 3, 0},
		{1000, 8, true, 3, 0},
		{1, 4, true, 1, 0},
		{31, 7, true, 2, 0},
		{3, 6, true, 2, 0},
		{2, 8, true, 2, 0},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin("");
		memcpy(model.model.config + 4, &cases[i].ports, 4);
		model.model.queue_count = cases[i].queues;
		boot();
		assert_non_null(driver);
		assert_int_equal(driver->multiport, cases[i].multiport);
		assert_int_equal(driver->port_count, cases[i].driven);
		assert_int_equal(host_log_count(), cases[i].logged);
		assert_non_null(console_named("hvc0"));
		print("fine\n");
		host_poll();
		assert_true(virtio_model_console_shows(&model, 0, "fine\r\n"));
		if (cases[i].ports > cases[i].driven && cases[i].multiport) {
			plug(cases[i].driven); /* allowed, but more than we have queues for */
			assert_true(virtio_model_console_heard(&model, cases[i].driven,
							       MODEL_PORT_READY, 0));
		}
		end();
	}
	/* No queues at all for what it offers. */
	begin("");
	model.model.queue_count = 2;
	boot();
	assert_null(driver);
	virtio_model_console_free(&model);
}

/* It does not take our control messages: waits are bounded, the rest works. */
static void test_lie_deaf(void **state)
{
	struct port *port;
	uint64_t start;

	(void)state;
	begin("");
	channel(1, "org.example.data");
	boot();
	model.hold_control = true;
	start = clock_monotonic();
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(port_open("org.example.data", &port), 0);
		port_close(port);
	}
	assert_true(clock_monotonic() - start < 10 * NANOSECONDS_PER_SECOND);
	print("fine\n");
	host_poll();
	assert_true(virtio_model_console_shows(&model, 0, "fine\r\n"));
	end();
}

static void test_no_memory(void **state)
{
	(void)state;
	for (int count = 0; count < 24; count++) {
		begin("");
		virtio_model_offer(&model.model, MODEL_CONSOLE_MULTIPORT, count % 2);
		channel(1, "org.example.data");
		host_dma_fail_after(count / 2);
		boot();
		host_dma_fail_after(-1);
		if (driver)
			end();
		else
			virtio_model_console_free(&model);
	}
}

/* -- Recovery */

static void recover(void)
{
	uint64_t next = recovery_run();

	if (next != UINT64_MAX) {
		host_clock_advance(10 * NANOSECONDS_PER_SECOND);
		recovery_run();
	}
	settle();
}

static void test_recovery(void **state)
{
	struct port *port;
	char bytes[8];

	(void)state;
	for (unsigned int multiport = 0; multiport < 2; multiport++) {
		begin("");
		virtio_model_offer(&model.model, MODEL_CONSOLE_MULTIPORT, multiport);
		channel(1, "org.example.data");
		boot();
		if (multiport) {
			assert_int_equal(port_open("org.example.data", &port), 0);
			model.ports[1].hold = true;
			assert_int_equal(port_write(port, "lost", 4, WAIT_FOREVER), 4);
		}
		virtio_model_needs_reset(&model.model);
		assert_true(driver->virtio->recovery.broken);
		print("while it was away\n"); /* is kept */
		model.ports[1].hold = false;
		recover();
		assert_false(driver->virtio->recovery.broken);
		assert_int_equal(driver->virtio->recovery.recoveries, 1);
		assert_true(virtio_model_console_shows(&model, 0, "while it was away\r\n"));
		print("back\n");
		host_poll();
		assert_true(virtio_model_console_shows(&model, 0, "back\r\n"));
		virtio_model_console_type(&model, 0, "typed", 5);
		host_poll();
		assert_string_equal(typed(), "typed");
		assert_non_null(console_named("hvc0"));
		assert_null(console_named("hvc1"));
		if (multiport) {
			assert_int_equal(port_write(port, "x", 1, WAIT_FOREVER), -EIO);
			assert_int_equal(port_write(port, "x", 1, WAIT_FOREVER), 1);
			virtio_model_console_type(&model, 1, "y", 1);
			assert_int_equal(port_read(port, bytes, 8, WAIT_FOREVER), -EIO);
			assert_int_equal(port_read(port, bytes, 8, WAIT_FOREVER), 1);
			assert_int_equal(model.ports[1].guest_open, 1);
			port_close(port);
		}
		end();
	}
}

/*
 * The user of a port closes it on the device's way back from a reset, while the thread is about to
 * say that it is open: in the end the device knows that it is closed.
 */
static void test_recovery_closed_meanwhile(void **state)
{
	struct port *port;
	char bytes[8];

	(void)state;
	for (unsigned int step = 0; step < 4; step++) {
		begin("");
		channel(1, "org.example.data");
		boot();
		assert_int_equal(port_open("org.example.data", &port), 0);
		virtio_model_needs_reset(&model.model);
		model.answers = false;
		recovery_run();
		model.ports[1].guest_open = -1;
		if (step >= 1)
			settle();
		virtio_model_console_say(&model, 1, MODEL_DEVICE_ADD, 1, NULL, 0);
		host_poll();
		if (step >= 2)
			virtio_console_control_poll(driver);
		model.answers = true;
		if (step >= 3)
			settle();
		assert_int_equal(driver->ports[1]->present, step >= 2);
		assert_int_equal(driver->ports[1]->open_due, step == 2);
		port_close(port);
		settle();
		assert_int_not_equal(model.ports[1].guest_open, 1);
		virtio_model_console_type(&model, 1, "nobody's", 8);
		host_poll();
		assert_int_equal(port_open("org.example.data", &port), 0);
		assert_int_equal(port_read(port, bytes, 8, clock_monotonic() + 1000), -ETIMEDOUT);
		port_close(port);
		end();
	}
}

/* A port that does not come back after the reset is gone in the end. */
static void test_recovery_port_missing(void **state)
{
	struct port *port;
	char byte;

	(void)state;
	begin("");
	channel(1, "org.example.data");
	model.ports[2].exists = model.ports[2].is_console = true;
	boot();
	assert_int_equal(port_open("org.example.data", &port), 0);
	virtio_model_needs_reset(&model.model);
	model.ports[1].exists = model.ports[2].exists = false;
	recover();
	assert_int_equal(port_read(port, &byte, 1, WAIT_FOREVER), -EIO);
	assert_non_null(console_named("hvc1"));
	host_clock_advance(3 * NANOSECONDS_PER_SECOND);
	settle();
	assert_null(console_named("hvc1"));
	assert_int_equal(port_read(port, &byte, 1, WAIT_FOREVER), -ENODEV);
	port_close(port);
	end();
}

static void test_given_up(void **state)
{
	struct port *port;
	char byte;

	(void)state;
	begin("");
	channel(1, "org.example.data");
	boot();
	assert_int_equal(port_open("org.example.data", &port), 0);
	virtio_model_needs_reset(&model.model);
	model.model.reset_never = true;
	for (unsigned int i = 0; i < 20 && !driver->virtio->recovery.given_up; i++)
		recover();
	assert_true(driver->virtio->recovery.given_up);
	assert_null(console_named("hvc0"));
	assert_int_equal(port_read(port, &byte, 1, WAIT_FOREVER), -ENODEV);
	print("to nobody\n");
	port_close(port);
	end();
}

/* It breaks the ring's rules while it is written to: the log line comes out, nothing locks up. */
static void test_lie_ring(void **state)
{
	(void)state;
	begin("");
	boot();
	model.ports[0].hold = true;
	print("a");
	*model_split_used_idx(&model.model, 1) += 5;
	print("b");
	assert_true(driver->virtio->recovery.broken);
	model.ports[0].hold = false;
	recover();
	print("c\n");
	host_poll();
	assert_true(virtio_model_console_shows(&model, 0, "c\r\n"));
	end();
}

/* -- Commands and facts */

static void test_commands(void **state)
{
	static char *echo[] = {"port", "echo", "org.example.data", NULL};
	static char *nothing[] = {"port", "echo", "org.example.none", NULL};
	static char *console[] = {"port", "echo", "vport0p0", NULL};
	char text[] = "some", more[] = "words";
	char *write[] = {"port", "write", "org.example.data", text, more, NULL};
	const struct command *command = NULL;

	(void)state;
	TABLE_FOREACH (commands, struct command, entry)
		if (!strcmp(entry->name, "port"))
			command = entry;
	assert_non_null(command);
	begin("");
	channel(1, "org.example.data");
	boot();
	console[2] = driver->ports[0]->label;
	assert_int_equal(command->run(1, echo), COMMAND_OK);
	assert_non_null(strstr(host_command_output(), "hvc0"));
	assert_non_null(strstr(host_command_output(), "org.example.data"));
	assert_int_equal(command->run(2, echo), COMMAND_USAGE);
	assert_int_equal(command->run(3, nothing), COMMAND_FAILED);
	assert_int_equal(command->run(3, console), COMMAND_FAILED);
	assert_int_equal(command->run(5, write), COMMAND_OK);
	host_poll();
	assert_true(virtio_model_console_shows(&model, 1, "some words\n"));
	virtio_model_console_type(&model, 1, "ping", 4);
	virtio_model_console_say(&model, 1, MODEL_PORT_OPEN, 0, NULL, 0);
	host_poll();
	/* No thread here to hear of the close: it is heard before. */
	driver->ports[1]->host_open = true;
	virtio_console_work(driver);
	driver->ports[1]->host_open = true;
	unplug(1);
	assert_int_equal(command->run(3, echo), COMMAND_FAILED);
	end();
}

static int collect(void *context, const char *text, size_t length)
{
	char *all = context;

	strncat(all, text, length);
	return 0;
}

static void test_facts(void **state)
{
	static char text[1 << 16];

	(void)state;
	begin("");
	channel(1, "org.example.data");
	boot();
	TABLE_FOREACH (facts, struct facts_section, section)
		if (!strcmp(section->name, "console"))
			facts_print_text(section->describe, collect, text);
	assert_non_null(strstr(text, "hvc0"));
	assert_non_null(strstr(text, "org.example.data"));
	end();
}

/* -- A panic; the multiplexer stays in it, so these are the last. */

static void test_panic(void **state)
{
	(void)state;
	begin("");
	boot();
	console_panic();
	print("through the queue\n");
	assert_true(virtio_model_console_shows(&model, 0, "through the queue\r\n"));
	assert_int_equal(model.emergency_length, 0);
	/* Nobody takes it: the rest is the emergency write's. */
	model.ports[0].hold = true;
	print("not taken\n");
	assert_string_equal(model.emergency, "not taken\r\n");
	model.ports[0].hold = false;
	print("nor this\n");
	assert_non_null(strstr(model.emergency, "nor this\r\n"));
	console_drain();
	end();

	/* Whoever had the lock will not come back. */
	begin("");
	boot();
	driver->ports[0]->transmit.lock.locked = 1;
	print("locked\n");
	assert_non_null(strstr(model.emergency, "locked\r\n"));
	driver->ports[0]->transmit.lock.locked = 0;
	end();

	/* The device is broken; two consoles say it once. */
	begin("console=hvc0,hvc1");
	model.ports[1].exists = model.ports[1].is_console = true;
	boot();
	virtio_model_needs_reset(&model.model);
	print("broken\n");
	assert_string_equal(model.emergency, "broken\r\n");
	end();

	/* Not offered: nothing is written, and nothing hangs. */
	begin("");
	virtio_model_offer(&model.model, MODEL_CONSOLE_EMERG_WRITE, false);
	boot();
	model.ports[0].hold = true;
	print("nowhere\n");
	assert_int_equal(model.emergency_length, 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_port),
		cmocka_unit_test(test_multiport),
		cmocka_unit_test(test_late_console),
		cmocka_unit_test(test_first_console_is_default),
		cmocka_unit_test(test_console_by_name),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_stalled_reader),
		cmocka_unit_test(test_gathering),
		cmocka_unit_test(test_endless_input),
		cmocka_unit_test(test_channel),
		cmocka_unit_test(test_channel_back_pressure),
		cmocka_unit_test(test_channel_opened_again),
		cmocka_unit_test(test_channel_removed),
		cmocka_unit_test(test_lie_messages),
		cmocka_unit_test(test_lie_endless_messages),
		cmocka_unit_test(test_lie_plugging),
		cmocka_unit_test(test_lie_port_counts),
		cmocka_unit_test(test_lie_deaf),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_recovery),
		cmocka_unit_test(test_recovery_closed_meanwhile),
		cmocka_unit_test(test_recovery_port_missing),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_lie_ring),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_panic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
