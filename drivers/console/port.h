/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Named byte channels to the host: the ports of console devices that are no consoles.
 *
 *	error = port_open("org.example.results", &port);
 *	port_write(port, data, length, clock_monotonic() + NANOSECONDS_PER_SECOND);
 *	port_close(port);
 *
 * A port has one user at a time. Ports come and go while the machine runs: one that is taken away
 * while it is open answers -ENODEV until it is closed. All of it in thread context.
 */
#ifndef DRIVERS_CONSOLE_PORT_H
#define DRIVERS_CONSOLE_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct port;

/*
 * By the name that the host gave it, or by its own ("vport0p1"). 0; -ENOENT; -EBUSY: it is open, or
 * a console. The host is told.
 */
int port_open(const char *name, struct port **port);

/* Waits for what was written, a bounded time, and tells the host. */
void port_close(struct port *port);

/*
 * At least one byte and at most `length`. 0: the host's end is closed and nothing is left.
 * -ETIMEDOUT after the deadline (clock_monotonic(); WAIT_FOREVER); -ENODEV: the port is gone; -EIO,
 * once: the device was reset, and what was under way is lost.
 */
ssize_t port_read(struct port *port, void *data, size_t length, uint64_t deadline);

/*
 * All of it, unless the deadline, an error or the host's closing comes first: then how much was
 * taken, or -EPIPE (the host's end is closed), -ETIMEDOUT, -ENODEV, -EIO as above. Waits while the
 * host does not read.
 */
ssize_t port_write(struct port *port, const void *data, size_t length, uint64_t deadline);

/* Waits until the host's end is open. False: the time is over, or the port is gone. */
bool port_wait_host(struct port *port, uint64_t deadline);

#endif
