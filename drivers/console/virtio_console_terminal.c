/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port as a console: hvc0, hvc1, ... for those that the device calls consoles, or under the
 * port's own name when the command line names it.
 *
 * In a panic nothing is left to interrupts or to later: each piece waits until the device has used
 * it. When it does not, or its queue cannot be used, the text goes through the emergency write
 * (5.3.4), character by character, from then on.
 */
#include "drivers/console/virtio_console.h"

#include "kernel/time/clock.h"
#include "kernel/x86/io.h"

#include <stdio.h>
#include <string.h>

/*
 * How long a device that has no room may take to make some. After that it is not waited for until
 * it has used all that it holds.
 */
#define READY_WAIT (250 * NANOSECONDS_PER_MILLISECOND)
#define PANIC_WAIT (100 * NANOSECONDS_PER_MILLISECOND)
#define LOCK_WAIT (10 * NANOSECONDS_PER_MILLISECOND)
#define NUMBERS 64

static uint64_t numbers_taken; /* of hvcN */

static struct port *port_of(const struct console *terminal)
{
	return (struct port *)((char *)(uintptr_t)terminal - offsetof(struct port, terminal));
}

/* -- Output */

/* Spins until all that is lent came back. */
static bool all_used(struct port *port, uint64_t wait)
{
	uint64_t deadline = clock_monotonic() + wait;

	for (;;) {
		port_reclaim(port);
		if (!port->transmit.lent && !port->transmit.filled)
			return true;
		if (!port_usable(port) || clock_monotonic() >= deadline)
			return false;
		cpu_relax();
		port_push(port, false);
	}
}

/* How much of it was put. */
static size_t put_waiting(struct port *port, const char *text, size_t length)
{
	struct port_transmit *transmit = &port->transmit;
	size_t done = port_put(port, text, length);
	uint64_t deadline;

	if (done == length || transmit->stalled || !port_usable(port))
		return done;
	virtqueue_kick(transmit->vq);
	deadline = clock_monotonic() + READY_WAIT;
	do {
		cpu_relax();
		port_reclaim(port);
		done += port_put(port, text + done, length - done);
		if (done == length)
			return done;
		virtqueue_kick(transmit->vq);
	} while (port_usable(port) && clock_monotonic() < deadline);
	transmit->stalled = true;
	transmit->stalls++;
	return done;
}

/* The emergency write is the device's: its text is that of the first of its consoles. */
static void emergency_write(struct port *port, const char *text, size_t length)
{
	struct virtio_console *console = port->console;

	for (uint32_t id = 0; id < port->id; id++)
		if (console->ports[id] && console->ports[id]->registered)
			return;
	for (size_t i = 0; console->emergency && i < length; i++)
		virtio_config_write32(console->virtio, VIRTIO_CONSOLE_CONFIG_EMERG_WR,
				      (unsigned char)text[i]);
}

static void panic_write(struct port *port, const char *text, size_t length)
{
	uint64_t flags = interrupts_save(), deadline = clock_monotonic() + LOCK_WAIT;
	bool locked = false, shown = false;

	/* Whoever holds the lock may be this CPU, or one that stands still. */
	while (!port->in_emergency && !(locked = spin_trylock(&port->transmit.lock)) &&
	       clock_monotonic() < deadline)
		cpu_relax();
	if (locked) {
		port_reclaim(port);
		shown = port_put(port, text, length) == length;
		port_push(port, false);
		shown = all_used(port, PANIC_WAIT) && shown;
	}
	if (!shown) {
		port->in_emergency = true;
		emergency_write(port, text, length);
	}
	if (locked)
		spin_unlock(&port->transmit.lock, flags);
	else
		interrupts_restore(flags);
}

static void terminal_write(struct console *terminal, const char *text, size_t length)
{
	struct port *port = port_of(terminal);
	uint64_t flags;
	size_t done;

	if (console_panicking()) {
		panic_write(port, text, length);
		return;
	}
	flags = spin_lock(&port->transmit.lock);
	port_reclaim(port);
	if (port->unsaid && !port->transmit.stalled) {
		char note[48];
		int note_length = sniprintf(note, sizeof(note), "[%llu characters lost]\r\n",
					    (unsigned long long)port->unsaid);

		if (put_waiting(port, note, (size_t)note_length) == (size_t)note_length)
			port->unsaid = 0;
	}
	done = put_waiting(port, text, length);
	terminal->lost += length - done;
	port->unsaid += length - done;
	spin_unlock(&port->transmit.lock, flags);
}

static void terminal_flush(struct console *terminal)
{
	struct port *port = port_of(terminal);
	uint64_t flags;

	if (console_panicking())
		return;
	flags = spin_lock(&port->transmit.lock);
	port_reclaim(port);
	port_push(port, true);
	spin_unlock(&port->transmit.lock, flags);
}

static void terminal_drain(struct console *terminal)
{
	struct port *port = port_of(terminal);
	uint64_t flags;

	if (console_panicking())
		return; /* each write did it */
	flags = spin_lock(&port->transmit.lock);
	port_reclaim(port);
	port_push(port, false);
	if (!port->transmit.stalled)
		(void)all_used(port, READY_WAIT);
	spin_unlock(&port->transmit.lock, flags);
}

static void terminal_describe(const struct console *terminal, struct facts *facts)
{
	const struct port *port = port_of(terminal);

	fact_text(facts, "device", port->console->virtio->name);
	fact_text(facts, "port", port->label);
	fact_flag(facts, "emergency_write", port->console->emergency);
	fact_flag(facts, "stalled", port->transmit.stalled);
	fact_number(facts, "stalls", port->transmit.stalls);
}

/* -- Input */

void virtio_console_terminal_input(struct port *port)
{
	/* A device that goes on and on is for the thread, which lets others run in between. */
	for (unsigned int i = 0; i < PORT_SLOTS; i++) {
		uint64_t flags = spin_lock(&port->receive.lock);
		const uint8_t *bytes;
		size_t length;

		bytes = port_receive_peek(port, &length);
		if (!bytes) {
			bool again;

			port_receive_refill(port);
			again = port_receive_arm(port);
			spin_unlock(&port->receive.lock, flags);
			if (again)
				continue;
			return;
		}
		spin_unlock(&port->receive.lock, flags);
		for (size_t at = 0; at < length; at++)
			console_input((char)bytes[at]);
		flags = spin_lock(&port->receive.lock);
		port_receive_consume(port, length);
		port_receive_refill(port);
		spin_unlock(&port->receive.lock, flags);
	}
	port->more = true;
	virtio_console_wake(port->console);
}

/* -- Its life */

static bool take_number(struct port *port)
{
	for (int number = 0; number < NUMBERS; number++) {
		if (numbers_taken >> number & 1)
			continue;
		numbers_taken |= 1ull << number;
		port->number = number;
		return true;
	}
	return false;
}

void virtio_console_terminal_start(struct port *port)
{
	struct console *terminal = &port->terminal;

	if (port->registered) {
		terminal->alias = port->name;
		console_renamed(terminal);
		return;
	}
	if (port->opened || port->gone)
		return;
	if (port->is_console) {
		if (!take_number(port))
			return;
		sniprintf(port->terminal_name, sizeof(port->terminal_name), "hvc%d", port->number);
	} else if (!console_wanted(port->name) && !console_wanted(port->label)) {
		return;
	}
	terminal->name = port->is_console ? port->terminal_name : port->label;
	terminal->alias = port->name;
	terminal->write = terminal_write;
	terminal->flush = terminal_flush;
	terminal->drain = terminal_drain;
	terminal->describe = terminal_describe;
	terminal->lost = port->unsaid = 0;
	port->registered = true;
	port->open_due = port->console->multiport; /* 5.3.6.2.2: answered with PORT_OPEN, 1 */
	virtio_console_wake(port->console);
	console_register(terminal);
	virtio_console_terminal_input(port);
}

void virtio_console_terminal_stop(struct port *port)
{
	if (!port->registered)
		return;
	console_unregister(&port->terminal);
	port->registered = false;
	port->terminal.columns = port->terminal.rows = 0;
	if (port->number >= 0)
		numbers_taken &= ~(1ull << port->number);
	port->number = -1;
}
