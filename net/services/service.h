/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this machine offers on the network, by name. A service is a file with
 *
 *	SERVICE(echo, "RFC 862: sends back what it receives", echo_start);
 *
 * and is started when `services=` names it.
 */
#ifndef NET_SERVICES_SERVICE_H
#define NET_SERVICES_SERVICE_H

#include "kernel/table.h"

#include <stdbool.h>
#include <stdint.h>

struct service {
	const char *name;
	const char *ports; /* for people: "tcp 80" */
	const char *help;
	/*
	 * Begins to listen. 0 or a negative errno, after what it had begun was undone. Under the
	 * core lock.
	 */
	int (*start)(void);
	/* What it did so far. Any thread changes them under the core lock. */
	struct service_counters *counters;
};

struct service_counters {
	uint64_t connections, connections_now, requests, bytes_received, bytes_sent;
	/* Connections that made room for others, and those for which there was none. */
	uint64_t evicted, refused;
	bool listening;
};

TABLE_DECLARE(services, struct service);

#define SERVICE(identifier, service_ports, service_help, start_function)                           \
	static struct service_counters counters;                                                   \
	TABLE_ENTRY(services, struct service,                                                      \
		    service_entry_##identifier) = {.name = #identifier,                            \
						   .ports = (service_ports),                       \
						   .help = (service_help),                         \
						   .start = (start_function),                      \
						   .counters = &counters}

/* Starts what `services=` names. Under the core lock. */
void services_start(void);

#endif
