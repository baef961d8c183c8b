/* SPDX-License-Identifier: BSD-2-Clause */
/* Which services run, and what they did. */
#include "net/services/service.h"

#include "kernel/console/log.h"
#include "kernel/facts/facts.h"
#include "kernel/options/options.h"

#include <stdbool.h>
#include <string.h>

#define LOG_AREA "services"

OPTION(services, "services", "none|http,echo,discard,chargen,iperf3,frames",
       "what is offered on the network (default: http)", NULL);

static bool is_known(const char *word, size_t length)
{
	TABLE_FOREACH (services, struct service, service)
		if (strlen(service->name) == length && !strncmp(service->name, word, length))
			return true;
	return false;
}

/* Names what nobody offers, one line for each. */
static void check_names(const char *list)
{
	while (*list) {
		size_t length = strcspn(list, ",");

		if (length && !is_known(list, length))
			log_warning("services=: there is no service \"%.*s\"", (int)length, list);
		list += length;
		if (*list)
			list++;
	}
}

void services_start(void)
{
	const char *list = option_get("services", "http");

	if (!strcmp(list, "none"))
		return;
	check_names(list);
	TABLE_FOREACH (services, struct service, service) {
		int status;

		if (!option_list_has(list, service->name))
			continue;
		status = service->start();
		if (status)
			log_error("%s does not start: error %d", service->name, -status);
		else
			log_info("%s listens (%s)", service->name, service->ports);
		service->counters->listening = !status;
	}
}

static void describe(struct facts *facts)
{
	fact_list(facts, "services");
	TABLE_FOREACH (services, struct service, service) {
		const struct service_counters *counters = service->counters;

		fact_item(facts);
		fact_text(facts, "name", service->name);
		fact_text(facts, "ports", service->ports);
		fact_flag(facts, "listening", counters->listening);
		fact_number(facts, "connections", counters->connections);
		fact_number(facts, "open", counters->connections_now);
		fact_number(facts, "evicted", counters->evicted);
		fact_number(facts, "refused", counters->refused);
		fact_number(facts, "requests", counters->requests);
		fact_bytes(facts, "received", counters->bytes_received);
		fact_bytes(facts, "sent", counters->bytes_sent);
		fact_end(facts);
	}
	fact_end(facts);
}

FACTS(services, "services", 80, describe);
