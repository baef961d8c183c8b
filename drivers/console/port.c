/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports as named channels, the command `port`, and what is known of consoles and ports. */
#include "drivers/console/virtio_console.h"

#include "kernel/shell/command.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <string.h>

#define CLOSE_WAIT NANOSECONDS_PER_SECOND

static struct port *find(const char *name)
{
	for (struct port *port = virtio_console_first_port(); port; port = port->next)
		if (port->present && (!strcmp(port->name, name) || !strcmp(port->label, name)))
			return port;
	return NULL;
}

int port_open(const char *name, struct port **result)
{
	struct port *port = *name ? find(name) : NULL;
	uint64_t flags;

	if (!port)
		return -ENOENT;
	if (port->registered || port->is_console ||
	    __atomic_exchange_n(&port->opened, true, __ATOMIC_ACQUIRE))
		return -EBUSY;
	port->read_failed = port->write_failed = false;
	/*
	 * What came until now is not for us: the device did not know that the port is open. Whatever it
	 * fills from here on, when the message may have reached it, is.
	 */
	flags = spin_lock(&port->receive.lock);
	port_receive_discard(port);
	spin_unlock(&port->receive.lock, flags);
	port->announced = true;
	(void)virtio_console_control_send(port->console, port->id, VIRTIO_CONSOLE_PORT_OPEN, 1);
	*result = port;
	return 0;
}

/* -- Reading */

/* Something to tell, or bytes. */
static bool readable(struct port *port)
{
	uint64_t flags = spin_lock(&port->receive.lock);
	bool result = port->gone || port->read_failed;
	size_t length;

	for (unsigned int i = 0; i < 2 && !result; i++) {
		result = port_receive_peek(port, &length) != NULL;
		if (result || !port_receive_arm(port))
			break;
	}
	result |= port->present && !port->host_open;
	spin_unlock(&port->receive.lock, flags);
	return result;
}

ssize_t port_read(struct port *port, void *data, size_t length, uint64_t deadline)
{
	bool waited = wait_event_deadline(&port->wait, readable(port), deadline);
	const uint8_t *bytes;
	uint64_t flags;
	size_t there;

	if (port->gone)
		return -ENODEV;
	if (port->read_failed) {
		port->read_failed = false;
		return -EIO;
	}
	flags = spin_lock(&port->receive.lock);
	bytes = port_receive_peek(port, &there);
	if (bytes) {
		if (length > there)
			length = there;
		memcpy(data, bytes, length);
		port_receive_consume(port, length);
		port_receive_refill(port);
	}
	spin_unlock(&port->receive.lock, flags);
	if (bytes)
		return (ssize_t)length;
	return waited ? 0 : -ETIMEDOUT;
}

/* -- Writing */

static bool has_room(struct port *port)
{
	const struct port_transmit *transmit = &port->transmit;

	port_reclaim(port);
	if (transmit->filled)
		port_push(port, false);
	return transmit->current == NO_SLOT ? transmit->spare_count != 0
					    : transmit->filled < PORT_SLOT_SIZE;
}

static bool writable(struct port *port)
{
	struct virtqueue *vq;
	uint64_t flags = spin_lock(&port->transmit.lock);
	bool result = port->gone || port->write_failed || (port->present && !port->host_open);

	vq = port->transmit.vq;
	for (unsigned int i = 0; i < 2 && !result && port_usable(port); i++) {
		result = has_room(port);
		if (result || !virtqueue_interrupts_on(vq, 1))
			break;
	}
	spin_unlock(&port->transmit.lock, flags);
	return result;
}

static int write_error(struct port *port)
{
	if (port->gone)
		return -ENODEV;
	if (port->write_failed) {
		port->write_failed = false;
		return -EIO;
	}
	return port->present && !port->host_open ? -EPIPE : 0;
}

ssize_t port_write(struct port *port, const void *data, size_t length, uint64_t deadline)
{
	const uint8_t *bytes = data;
	size_t done = 0;
	int error = 0;

	while (done < length && !error) {
		uint64_t flags;

		if (!wait_event_deadline(&port->wait, writable(port), deadline)) {
			error = -ETIMEDOUT;
			break;
		}
		error = write_error(port);
		if (error)
			break;
		flags = spin_lock(&port->transmit.lock);
		done += port_put(port, bytes + done, length - done);
		port_push(port, false);
		spin_unlock(&port->transmit.lock, flags);
	}
	return done ? (ssize_t)done : error;
}

static bool all_sent(struct port *port)
{
	uint64_t flags = spin_lock(&port->transmit.lock);
	bool result = !port_usable(port) || !port->host_open;

	for (unsigned int i = 0; i < 2 && !result; i++) {
		(void)has_room(port);
		result = !port->transmit.lent && !port->transmit.filled;
		if (result || !virtqueue_interrupts_on(port->transmit.vq, 1))
			break;
	}
	spin_unlock(&port->transmit.lock, flags);
	return result;
}

void port_close(struct port *port)
{
	uint64_t flags;

	(void)wait_event_timeout(&port->wait, all_sent(port), CLOSE_WAIT);
	flags = spin_lock(&port->transmit.lock);
	port_drop(port);
	spin_unlock(&port->transmit.lock, flags);
	/*
	 * After a reset the thread says that the port is open, once it has it again: that must not
	 * come behind our word, or the device goes on filling the buffers of a port that is closed.
	 */
	port->announced = port->open_due = false;
	if (port->present)
		(void)virtio_console_control_send(port->console, port->id, VIRTIO_CONSOLE_PORT_OPEN,
						  0);
	port->opened = port->gone = false;
}

bool port_wait_host(struct port *port, uint64_t deadline)
{
	(void)wait_event_deadline(&port->wait, port->host_open || port->gone, deadline);
	return port->host_open;
}

/* -- The command */

#define ECHO_LOOK (200 * NANOSECONDS_PER_MILLISECOND) /* so often for ^C */

static const char *use_of(const struct port *port)
{
	if (port->registered && port->terminal.use == CONSOLE_UNUSED)
		return "console, not used";
	if (port->registered)
		return port->terminal.use == CONSOLE_ALL ? "console" : "results";
	return port->opened ? "open" : "free";
}

static enum command_result list(void)
{
	bool any = false;

	for (struct port *port = virtio_console_first_port(); port; port = port->next) {
		if (!port->present)
			continue;
		if (!any)
			command_print("%-10s %-10s %-6s %-18s %-6s %12s %12s  %s\n", "PORT",
				      "DEVICE", "TTY", "USE", "HOST", "SENT", "RECEIVED", "NAME");
		any = true;
		command_print("%-10s %-10s %-6s %-18s %-6s %12llu %12llu  %s\n", port->label,
			      port->console->virtio->name,
			      port->is_console ? port->terminal_name : "-", use_of(port),
			      port->host_open ? "open" : "closed",
			      (unsigned long long)port->transmit.bytes,
			      (unsigned long long)port->receive.bytes,
			      port->name[0] ? port->name : "-");
	}
	if (!any)
		command_print("no ports\n");
	return COMMAND_OK;
}

/* What comes is sent back, until the host closes its end, or ^C. */
static int echo(struct port *port, uint64_t *bytes)
{
	while (!command_interrupted()) {
		char data[PORT_SLOT_SIZE]; /* not shared: others may echo another port meanwhile */
		ssize_t length = port_read(port, data, sizeof(data), clock_monotonic() + ECHO_LOOK);
		ssize_t done = 0;

		if (length == -ETIMEDOUT)
			continue;
		if (length <= 0)
			return (int)length;
		while (done < length) {
			ssize_t part = port_write(port, data + done, (size_t)(length - done),
						  clock_monotonic() + ECHO_LOOK);

			if (part == -ETIMEDOUT && !command_interrupted())
				continue;
			if (part < 0)
				return (int)part;
			done += part;
		}
		*bytes += (uint64_t)length;
	}
	return -EINTR;
}

static enum command_result run_echo(struct port *port)
{
	uint64_t bytes = 0;
	int error = 0;

	command_print("%s: echo, until the other end closes or ^C\n", port->label);
	while (!port_wait_host(port, clock_monotonic() + ECHO_LOOK))
		if (port->gone || command_interrupted()) {
			error = port->gone ? -ENODEV : -EINTR;
			break;
		}
	if (!error)
		error = echo(port, &bytes);
	command_print("%s: %llu bytes%s\n", port->label, (unsigned long long)bytes,
		      error == -ENODEV	? ", the port is gone"
		      : error == -EIO	? ", the device was reset"
		      : error == -EINTR ? ", interrupted"
					: ", closed");
	return error && error != -EPIPE ? COMMAND_FAILED : COMMAND_OK;
}

static enum command_result run_write(struct port *port, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		size_t length = strlen(argv[i]);
		ssize_t done;

		argv[i][length] = i + 1 < argc ? ' ' : '\n'; /* in place of the end */
		done = port_write(port, argv[i], length + 1,
				  clock_monotonic() + NANOSECONDS_PER_SECOND);
		argv[i][length] = '\0';
		if (done == (ssize_t)length + 1)
			continue;
		command_print("%s: %s\n", port->label,
			      done == -EPIPE ? "nobody has it open" : "not all of it was taken");
		return COMMAND_FAILED;
	}
	return COMMAND_OK;
}

static enum command_result command_port(int argc, char **argv)
{
	bool writes = argc >= 4 && !strcmp(argv[1], "write");
	enum command_result result;
	struct port *port;
	int error;

	if (argc == 1)
		return list();
	if (!writes && (argc != 3 || strcmp(argv[1], "echo")))
		return COMMAND_USAGE;
	error = port_open(argv[2], &port);
	if (error) {
		command_print("%s: %s\n", argv[2],
			      error == -EBUSY ? "in use" : "there is no such port");
		return COMMAND_FAILED;
	}
	result = writes ? run_write(port, argc - 3, argv + 3) : run_echo(port);
	port_close(port);
	return result;
}
COMMAND(port, "port [echo NAME | write NAME TEXT...]",
	"the ports of console devices; send back what comes, or send text", command_port);

/* -- Facts */

static const char *use_name(const struct console *console)
{
	static const char *const names[] = {"unused", "results", "all"};

	return names[console->use];
}

static void describe_port(const struct port *port, struct facts *facts)
{
	fact_text(facts, "port", port->label);
	fact_text(facts, "device", port->console->virtio->name);
	fact_number(facts, "id", port->id);
	if (port->name[0])
		fact_text(facts, "name", port->name);
	else
		fact_none(facts, "name");
	fact_flag(facts, "console", port->is_console);
	fact_flag(facts, "host_open", port->host_open);
	fact_flag(facts, "open", port->opened || port->registered);
	fact_number(facts, "sent", port->transmit.bytes);
	fact_number(facts, "received", port->receive.bytes);
}

static void describe(struct facts *facts)
{
	fact_list(facts, "consoles");
	for (struct console *console = console_next(NULL); console;
	     console = console_next(console)) {
		fact_item(facts);
		fact_text(facts, "name", console->name);
		fact_text(facts, "use", use_name(console));
		fact_number(facts, "columns", console->columns);
		fact_number(facts, "rows", console->rows);
		fact_number(facts, "lost", console->lost);
		if (console->describe)
			console->describe(console, facts);
		fact_end(facts);
	}
	fact_end(facts);
	fact_list(facts, "ports");
	for (struct port *port = virtio_console_first_port(); port; port = port->next) {
		if (!port->present)
			continue;
		fact_item(facts);
		describe_port(port, facts);
		fact_end(facts);
	}
	fact_end(facts);
}
FACTS(console, "console", 56, describe);
