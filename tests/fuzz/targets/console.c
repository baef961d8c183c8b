/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console driver: control messages of any kind for any port, names without end, ports that come and go
 * while they are used.
 */
#include "kernel/console/console.h"
#include "drivers/console/virtio_console.h"
#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "tests/device/recovery_thread.h"
#include "tests/device/virtio_model_console.h"
#include "tests/fuzz/bus.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile.h"

#include <string.h>

#define STEPS 80
#define ROUNDS 100
#define TIMEOUT (100 * NANOSECONDS_PER_MILLISECOND)

static struct virtio_model_console device;
static struct hostile hostile;
static struct port *opened;

static struct virtio_console *driver(void)
{
	struct virtio_device *found = bus_device();

	return found && found->driven ? found->driver_data : NULL;
}

static void service(void)
{
	for (unsigned int i = 0; i < ROUNDS && driver(); i++) {
		host_poll();
		(void)virtio_console_work(driver());
		if (!driver()->work)
			break;
	}
}

static void say(void)
{
	uint8_t bytes[200];
	uint32_t id = fuzz_choose(8) == 7 ? (uint32_t)fuzz_number(4) : fuzz_choose(5);
	uint16_t event = (uint16_t)fuzz_choose(10);
	uint32_t length = fuzz_choose(4) ? fuzz_choose(8) : fuzz_choose(sizeof(bytes));

	fuzz_fill(bytes, length);
	if (device.message_count == MODEL_CONSOLE_MESSAGES)
		return;
	if (fuzz_choose(16) == 15)
		virtio_model_console_say_raw(&device, bytes, length);
	else
		virtio_model_console_say(&device, id, event, (uint16_t)fuzz_choose(3), bytes,
					 length);
}

static void use_port(void)
{
	static const char *const names[] = {"vport0p1", "vport0p0", "vport0p2", "a", "org.example"};
	uint8_t bytes[600];
	ssize_t count;

	if (!opened) {
		if (port_open(names[fuzz_choose(5)], &opened))
			opened = NULL;
		return;
	}
	switch (fuzz_choose(4)) {
	case 0:
		count = port_read(opened, bytes, 1 + fuzz_choose(sizeof(bytes)),
				  clock_monotonic() + TIMEOUT);
		fuzz_check(count <= (ssize_t)sizeof(bytes), "%zd bytes were read", count);
		break;
	case 1:
		memset(bytes, 'x', sizeof(bytes));
		(void)port_write(opened, bytes, fuzz_choose(sizeof(bytes)),
				 clock_monotonic() + TIMEOUT);
		break;
	case 2:
		(void)port_wait_host(opened, clock_monotonic() + TIMEOUT);
		break;
	default:
		port_close(opened);
		opened = NULL;
		break;
	}
}

static void step(void)
{
	char text[100];
	unsigned int port = fuzz_choose(MODEL_CONSOLE_PORTS);
	uint32_t length;

	switch (fuzz_choose(8)) {
	case 0:
		say();
		break;
	case 1:
		service();
		break;
	case 2:
		memset(text, 'y', sizeof(text));
		console_write(text, fuzz_choose(sizeof(text)));
		break;
	case 3:
		(void)console_read(0);
		break;
	case 4:
		length = fuzz_choose(sizeof(text));
		fuzz_fill(text, length);
		if (device.ports[port].incoming_length < MODEL_CONSOLE_BYTES / 2)
			virtio_model_console_type(&device, port, text, length);
		break;
	case 5:
		use_port();
		break;
	case 6:
		device.ports[port].hold = fuzz_choose(2);
		device.hold_control = fuzz_choose(4) == 3;
		break;
	default:
		recovery_thread_wait(NANOSECONDS_PER_SECOND >> fuzz_choose(10), service);
		break;
	}
}

void fuzz_target(void)
{
	static const char *const options[] = {"", "console=hvc0", "console=hvc1"};

	opened = NULL;
	host_threads();
	virtio_model_console_init(&device, 32);
	device.forgets = true;
	virtio_model_offer(&device.model, MODEL_CONSOLE_MULTIPORT, fuzz_choose(4) != 3);
	virtio_model_offer(&device.model, MODEL_CONSOLE_SIZE, fuzz_choose(2));
	virtio_model_offer(&device.model, 34, fuzz_choose(2)); /* packed */
	device.answers = fuzz_choose(4) != 3;
	device.ports[1].exists = device.ports[1].host_open = true;
	device.ports[1].name = "a";
	bus_plug(&device.model, BUS_PCI, fuzz_choose(8));
	options_parse(options[fuzz_choose(3)]);
	hostile_open(&hostile, &device.model);
	bus_boot();
	service();
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		step();
	hostile_check(&hostile);
	hostile_calm(&hostile);
	device.hold_control = false;
	for (unsigned int i = 0; i < MODEL_CONSOLE_PORTS; i++)
		device.ports[i].hold = false;
	bus_settle(service);
	if (opened)
		port_close(opened);
	if (driver())
		for (unsigned int id = 0; id < CONSOLE_PORTS_MAX; id++)
			if (driver()->ports[id])
				virtio_console_port_remove(driver()->ports[id]);
	while (console_read(0) >= 0)
		;
	virtio_model_console_free(&device);
}
