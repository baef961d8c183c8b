/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/cold/cold.h"
#include "kernel/facts/facts.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"
#include "net/netboot/netboot.h"
#include "net/netboot/sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOPS_MAX 4

/* Written by ourselves, for the Ringside that we start. */
static RESIDENT bool check_hops(const char *value)
{
	uint64_t number;

	return option_parse_number(value, &number);
}
OPTION(netboot_hops, "netboot.hops", "NUMBER",
       "how many Ringsides booted each other up to this one; each adds one (default: 0)",
       check_hops);

struct netboot *netboot_create(bool (*interrupted)(void))
{
	struct netboot *netboot = calloc(1, sizeof(*netboot));

	if (!netboot)
		return NULL;
	netboot->next = next_create();
	if (!netboot->next) {
		free(netboot);
		return NULL;
	}
	netboot_attempted();
	netboot->interrupted = interrupted;
	netboot->settings.machine = netboot_machine_setting;
	netboot->settings.context = netboot;
	return netboot;
}

void netboot_destroy(struct netboot *netboot)
{
	if (!netboot)
		return;
	settings_clear_all(&netboot->settings);
	next_destroy(netboot->next);
	free(netboot);
}

void netboot_file_name(const char *url, char name[static SETTING_NAME_MAX])
{
	size_t length = strcspn(url, "?#"), start = length;

	while (start && url[start - 1] != '/')
		start--;
	length -= start;
	if (length >= SETTING_NAME_MAX)
		length = SETTING_NAME_MAX - 1;
	memcpy(name, url + start, length);
	name[length] = '\0';
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool netboot_parse_sum(const char *hex, uint8_t sha256[static SHA256_SIZE])
{
	if (strlen(hex) != 2 * SHA256_SIZE)
		return false;
	for (unsigned int i = 0; i < SHA256_SIZE; i++) {
		int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		sha256[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

int netboot_expect_sum(struct netboot *netboot, const char *name, const uint8_t *sha256)
{
	unsigned int i = 0;

	while (i < netboot->sum_count && strcmp(netboot->sums[i].name, name))
		i++;
	if (i == NETBOOT_SUMS_MAX || strlen(name) >= SETTING_NAME_MAX) {
		netboot_say("%s: more than %u sha256, or too long a name", name, NETBOOT_SUMS_MAX);
		return -ENOMEM;
	}
	if (i == netboot->sum_count)
		netboot->sum_count++;
	strcpy(netboot->sums[i].name, name);
	memcpy(netboot->sums[i].sha256, sha256, SHA256_SIZE);
	return 0;
}

static const uint8_t *expected_sum(const struct netboot *netboot, const char *name)
{
	for (unsigned int i = 0; i < netboot->sum_count; i++)
		if (!strcmp(netboot->sums[i].name, name))
			return netboot->sums[i].sha256;
	return NULL;
}

/* One file into its sink. */
static int transfer(struct netboot *netboot, struct boot_sink *sink, const char *url,
		    const uint8_t *sha256, char final_url[SCRIPT_URL_MAX])
{
	struct transfer *transfer = calloc(1, sizeof(*transfer));
	int error;

	if (!transfer)
		return -ENOMEM;
	transfer->url = url;
	transfer->sink = &sink->sink;
	transfer->sha256 = sha256;
	transfer->interface = netboot->interface ? netboot->interface->device->name : NULL;
	transfer->progress = true;
	transfer->interrupted = netboot->interrupted;
	error = transfer_run(transfer);
	if (!error) {
		error = boot_sink_end(sink);
		if (error)
			netboot_say("%s: %s", url, boot_sink_message(sink));
	} else if (error != -EINTR) {
		netboot_say("%s", transfer->error[0] ? transfer->error : url);
	}
	if (!error) {
		netboot->bytes += transfer->bytes;
		netboot->time += transfer->time;
		if (final_url)
			sniprintf(final_url, SCRIPT_URL_MAX, "%s",
				  transfer->final_url[0] ? transfer->final_url : url);
	}
	free(transfer);
	return error;
}

static int fetch(struct netboot *netboot, struct boot_sink *sink, const char *url,
		 const uint8_t *sha256, char final_url[SCRIPT_URL_MAX])
{
	int error;

	if (!sha256)
		sha256 = expected_sum(netboot, sink->name);
	error = transfer(netboot, sink, url, sha256, final_url);
	/* What was not verified to its end is not kept. */
	if (error)
		boot_sink_drop(sink);
	return error;
}

int netboot_fetch(struct netboot *netboot, enum next_role role, const char *url, const char *name,
		  const uint8_t *sha256)
{
	struct boot_sink sink;
	char own_name[SETTING_NAME_MAX];

	netboot_file_name(url, own_name);
	boot_sink_init(&sink, netboot->next, role == NEXT_KERNEL ? SINK_KERNEL : SINK_INITRD,
		       name ? name : own_name);
	if (role == NEXT_KERNEL)
		netboot->named_by_dhcp = false;
	return fetch(netboot, &sink, url, sha256, NULL);
}

int netboot_fetch_any(struct netboot *netboot, const char *url, const char *name, char **text,
		      size_t *length, char final_url[static SCRIPT_URL_MAX])
{
	struct boot_sink sink;
	char own_name[SETTING_NAME_MAX];
	int error;

	netboot_file_name(url, own_name);
	boot_sink_init(&sink, netboot->next, SINK_ANY, name ? name : own_name);
	error = fetch(netboot, &sink, url, NULL, final_url);
	*text = NULL;
	if (error)
		return error;
	if (sink.text) {
		*text = sink.text;
		*length = sink.text_length;
	} else {
		netboot->named_by_dhcp = false;
	}
	return 0;
}

int netboot_set_arguments(struct netboot *netboot, const char *arguments)
{
	if (strlen(arguments) >= sizeof(netboot->arguments)) {
		netboot_say("the kernel's command line is longer than %u characters",
			    NETBOOT_ARGUMENTS_MAX - 1);
		return -E2BIG;
	}
	strcpy(netboot->arguments, arguments);
	return 0;
}

/* As our bzImage says it: "ringside 0.1.0 ...". */
static bool is_ringside(const char *kind)
{
	static const char name[] = "ringside ";

	return !strncmp(kind, name, strlen(name)) && kind[strlen(name)] >= '0' &&
	       kind[strlen(name)] <= '9';
}

/*
 * Ourselves again: a boot file that every client gets, whoever it is, would go on for ever. Started with
 * a command line by somebody's instructions it may be meant, a few times; an ELF file does not say what it
 * is, so whoever is told to boot from the network is taken for one of us.
 */
static int check_circle(struct netboot *netboot, const char *kind)
{
	uint64_t hops = option_number("netboot.hops", 0, UINT32_MAX, 0);
	char word[40];

	if (!is_ringside(kind) && !strstr(netboot->arguments, "run=netboot"))
		return 0;
	if (is_ringside(kind) && netboot->named_by_dhcp) {
		netboot_say(
			"the boot file is Ringside itself, which would ask for it again: let DHCP "
			"name another file to clients with the user class \"%s\" (option 77)",
			option_get("netboot.userclass", "iPXE"));
		return -ELOOP;
	}
	if (hops >= HOPS_MAX) {
		netboot_say("%u Ringsides booted each other: this one does not start another",
			    HOPS_MAX + 1);
		return -ELOOP;
	}
	sniprintf(word, sizeof(word), "%snetboot.hops=%u", netboot->arguments[0] ? " " : "",
		  (unsigned int)hops + 1);
	if (strlen(netboot->arguments) + strlen(word) >= sizeof(netboot->arguments)) {
		netboot_say("the kernel's command line is longer than %u characters",
			    NETBOOT_ARGUMENTS_MAX - 1);
		return -E2BIG;
	}
	strcat(netboot->arguments, word);
	return 0;
}

static int refuse(struct netboot *netboot, const char *what, int error)
{
	const char *why = next_error(netboot->next);

	netboot_say("%s: %s", what, why && *why ? why : strerror(-error));
	return error;
}

int netboot_start(struct netboot *netboot)
{
	struct next_file *kernel = next_file_kernel(netboot->next);
	const char *kind;
	unsigned int tenths, seconds;
	int error;

	if (!kernel) {
		netboot_say("there is no kernel to start");
		return -ENOENT;
	}
	kind = next_file_kind(kernel) ? next_file_kind(kernel) : "a kernel";
	error = check_circle(netboot, kind);
	if (error)
		return error;
	error = next_set_command_line(netboot->next, netboot->arguments);
	if (!error)
		error = next_check(netboot->next);
	if (error)
		return refuse(netboot, next_file_name(kernel), error);
	tenths = (unsigned int)(netboot->bytes / 100000);
	seconds = (unsigned int)(netboot->time / NANOSECONDS_PER_MILLISECOND);
	netboot_say("starting %s, %u.%u MB in %u.%03u s", kind, tenths / 10, tenths % 10,
		    seconds / 1000, seconds % 1000);
	return refuse(netboot, next_file_name(kernel), next_start(netboot->next));
}
