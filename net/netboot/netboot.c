/* SPDX-License-Identifier: BSD-2-Clause */
/* The job `netboot` and the command: which interface, and what follows when it fails. */
#include "net/netboot/netboot.h"

#include "kernel/cold/cold.h"
#include "kernel/console/console.h"
#include "kernel/console/log.h"
#include "kernel/job.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"
#include "kernel/time/clock.h"
#include "lwip/dhcp.h"
#include "lwip/tcpip.h"
#include "net/lwip/address_option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "netboot"

#define ADDRESS_PATIENCE (10 * NANOSECONDS_PER_SECOND)
/* So much longer than a later one an earlier interface may take; and IPv4 than IPv6. */
#define ORDER_PATIENCE NANOSECONDS_PER_SECOND
#define IPV6_PATIENCE (3 * NANOSECONDS_PER_SECOND)
#define STEP (2 * NANOSECONDS_PER_MILLISECOND)
#define RETRY_MAX 60 /* seconds */
#define RETRY_STEP (50 * NANOSECONDS_PER_MILLISECOND)
#define INTERFACES_MAX 32

static RESIDENT bool check_fail(const char *value)
{
	return option_one_of(value, "retry|reboot|poweroff|shell");
}

OPTION(netboot_fail, "netboot.fail", "retry|reboot|poweroff|shell",
       "run=netboot: what follows when nothing could be booted (default: retry)", check_fail);
OPTION(netboot_if, "netboot.if", "NAME[,NAME...]",
       "run=netboot: the network interfaces to try, in this order (default: all)", NULL);

/* -- Interfaces */

struct interface *netboot_interface(const struct netboot *netboot, const char *name)
{
	if (!strcmp(name, "netX"))
		return netboot->interface ? netboot->interface : interfaces;
	for (struct interface *i = interfaces; i; i = i->next) {
		const char *own = i->device->name;

		if (!strcmp(own, name) || (!strncmp(own, "eth", 3) && !strncmp(name, "net", 3) &&
					   !strcmp(own + 3, name + 3)))
			return i;
	}
	return NULL;
}

void netboot_use(struct netboot *netboot, struct interface *interface)
{
	netboot->interface = interface;
	answers_copy(interface, &netboot->answers);
	/* Names are looked up by it, too. */
	LOCK_TCPIP_CORE();
	netif_set_default(&interface->netif);
	UNLOCK_TCPIP_CORE();
}

static bool has_ipv6(const struct netif *netif)
{
	/* The first one is of the link alone. */
	for (int i = 1; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)))
			return true;
	return false;
}

static bool ipv4_is_off(void)
{
	struct address_option option;

	return address_option_parse(option_get("ip", "dhcp"), &option) &&
	       option.method == ADDRESS_OFF;
}

/* Whether files can come by it: with IPv6 only when IPv4 had its time. */
static bool is_usable(const struct interface *interface, uint64_t waited)
{
	const struct netif *netif = &interface->netif;
	const struct dhcp *dhcp = netif_dhcp_data(netif);

	/* While a server is asked anew the address of before still stands. */
	if (!ip4_addr_isany(netif_ip4_addr(netif)) &&
	    (!interface->wants_dhcp || !dhcp || dhcp_supplied_address(netif)))
		return true;
	return (waited >= IPV6_PATIENCE || ipv4_is_off()) && has_ipv6(netif);
}

/* The interfaces of netboot.if=, or all. How many. */
static unsigned int list_interfaces(struct interface **list)
{
	const char *names = option_get("netboot.if", NULL);
	unsigned int count = 0;

	if (!names) {
		for (struct interface *i = interfaces; i && count < INTERFACES_MAX; i = i->next)
			list[count++] = i;
		return count;
	}
	while (*names && count < INTERFACES_MAX) {
		size_t length = strcspn(names, ",");
		struct interface *found = NULL;

		for (struct interface *i = interfaces; i; i = i->next)
			if (strlen(i->device->name) == length &&
			    !memcmp(i->device->name, names, length))
				found = i;
		if (found)
			list[count++] = found;
		else
			netboot_say("netboot.if: there is no interface %.*s", (int)length, names);
		names += length + (names[length] == ',');
	}
	return count;
}

static void say_unusable(const struct interface *interface)
{
	const struct netif *netif = &interface->netif;
	const struct dhcp *dhcp = netif_dhcp_data(netif);

	if (!netif_is_link_up(netif))
		netboot_say("%s: the link is down", interface->device->name);
	else if (dhcp)
		netboot_say("%s: no answer to %u DHCP requests", interface->device->name,
			    dhcp->tries);
	else
		netboot_say("%s: no address", interface->device->name);
}

/*
 * The first of the list that is usable and not tried; an earlier one that may still become so has a
 * second's advantage. NULL: none, in time. *error: -EINTR.
 */
static struct interface *next_interface(bool (*interrupted)(void), struct interface **list,
					unsigned int count, uint32_t tried, uint64_t start,
					int *error)
{
	uint64_t found_at = 0;

	for (;;) {
		uint64_t now = clock_monotonic();
		struct interface *found = NULL;
		bool earlier = false;

		for (unsigned int i = 0; i < count && !found; i++) {
			if (tried & 1u << i)
				continue;
			if (is_usable(list[i], now - start))
				found = list[i];
			else
				earlier = earlier || netif_is_link_up(&list[i]->netif);
		}
		if (found && !found_at)
			found_at = now;
		if (found && (!earlier || now - found_at >= ORDER_PATIENCE))
			return found;
		if (now - start >= ADDRESS_PATIENCE)
			return found;
		if (interrupted()) {
			*error = -EINTR;
			return NULL;
		}
		answers_wait(STEP);
	}
}

int netboot_dhcp(struct netboot *netboot, struct interface *interface)
{
	struct interface *list[INTERFACES_MAX], *found;
	unsigned int count = 1;
	int error = -ETIMEDOUT;

	list[0] = interface;
	if (!interface)
		count = list_interfaces(list);
	if (!count) {
		netboot_say("there is no network device that can be driven");
		return -ENODEV;
	}
	/* One that has its lease from a moment ago need not ask again. */
	found = next_interface(netboot->interrupted, list, count, 0, clock_monotonic(), &error);
	if (!found) {
		for (unsigned int i = 0; error != -EINTR && i < count; i++)
			say_unusable(list[i]);
		return error;
	}
	netboot_use(netboot, found);
	return 0;
}

/* -- One attempt */

static int attempt_on(struct interface *interface, const struct instructions *instructions,
		      bool (*interrupted)(void))
{
	struct netboot *netboot = netboot_create(interrupted);
	int error;

	if (!netboot) {
		netboot_say("no memory");
		return -ENOMEM;
	}
	if (interface)
		netboot_use(netboot, interface);
	error = instructions_are_given(instructions) ? netboot_follow(netboot, instructions)
						     : netboot_follow_dhcp(netboot);
	netboot_destroy(netboot);
	return error;
}

/* All interfaces, in order. Returns only when none led to a kernel. */
static int attempt(const struct instructions *instructions, bool (*interrupted)(void))
{
	struct interface *list[INTERFACES_MAX];
	unsigned int count;
	uint64_t start = clock_monotonic();
	int error = -ENODEV;
	uint32_t tried = 0;

	if (instructions_are_local(instructions))
		return attempt_on(NULL, instructions, interrupted);
	count = list_interfaces(list);
	if (!count)
		netboot_say("there is no network device that can be driven");
	for (unsigned int left = count; left; left--) {
		struct interface *interface =
			next_interface(interrupted, list, count, tried, start, &error);

		if (!interface)
			break;
		for (unsigned int i = 0; i < count; i++)
			if (list[i] == interface)
				tried |= 1u << i;
		error = attempt_on(interface, instructions, interrupted);
		if (error == -EINTR)
			break;
	}
	for (unsigned int i = 0; error != -EINTR && i < count; i++)
		if (!(tried & 1u << i))
			say_unusable(list[i]);
	return error;
}

/* Servers may have other instructions by now. */
static void ask_again(void)
{
	struct interface *list[INTERFACES_MAX];
	unsigned int count = list_interfaces(list);

	for (unsigned int i = 0; i < count; i++)
		if (list[i]->wants_dhcp)
			answers_ask(list[i]);
}

/* -- The job */

/* False: somebody typed ^C. */
static bool wait_seconds(unsigned int seconds)
{
	uint64_t deadline = clock_monotonic() + seconds * NANOSECONDS_PER_SECOND;

	while (clock_monotonic() < deadline) {
		if (console_interrupted())
			return false;
		thread_sleep(RETRY_STEP);
	}
	return true;
}

static enum exit_code run_netboot(void)
{
	const char *policy = option_get("netboot.fail", "retry");
	struct instructions instructions;
	unsigned int seconds = 1;

	netboot_identify();
	instructions_of_options(&instructions);
	for (;;) {
		int error = attempt(&instructions, console_interrupted);

		if (error == -EINTR) {
			netboot_say("interrupted: the command `netboot` tries again");
			return job_run("shell");
		}
		if (strcmp(policy, "retry"))
			break;
		/* Not said: the reason stays the last word. */
		command_print("netboot: again in %u s (^C: the shell)\n", seconds);
		if (!wait_seconds(seconds))
			return job_run("shell");
		seconds = seconds * 2 < RETRY_MAX ? seconds * 2 : RETRY_MAX;
		ask_again();
	}
	netboot_say("nothing was booted: netboot.fail=%s", policy);
	if (!strcmp(policy, "shell"))
		return job_run("shell");
	(void)command_run_line(policy);
	return EXIT_JOB_FAILED;
}

JOB(netboot, "fetch a kernel over the network and start it", 0, run_netboot);

/* -- The command */

/* netboot KERNEL INITRD... -- ARGUMENTS...: the lists in one text each. */
static bool join_words(char *text, size_t size, int count, char **words, const char *between)
{
	size_t used = 0;

	text[0] = '\0';
	for (int i = 0; i < count; i++) {
		size_t length = strlen(words[i]);

		if (used + length + 2 > size)
			return false;
		if (i)
			text[used++] = *between;
		memcpy(text + used, words[i], length + 1);
		used += length;
	}
	return true;
}

/* What was typed: its lists go to memory of the caller's, LINE_SIZE bytes each. */
#define LINE_SIZE 2048 /* more than a line has */

static bool take_words(struct instructions *instructions, int argc, char **argv, char *initrds,
		       char *arguments)
{
	int urls = 1;

	while (urls < argc && strcmp(argv[urls], "--"))
		if (*argv[urls++] == '-')
			return false; /* there are no options */
	if (urls < argc) {
		if (!join_words(arguments, LINE_SIZE, argc - urls - 1, argv + urls + 1, " "))
			return false;
		instructions->arguments = arguments;
	}
	urls--;
	if (!urls)
		return argc == 1;
	instructions->kernel = argv[1];
	if (urls > 1) {
		if (!join_words(initrds, LINE_SIZE, urls - 1, argv + 2, ","))
			return false;
		instructions->initrds = initrds;
	}
	return true;
}

static enum command_result command_netboot(int argc, char **argv)
{
	struct instructions instructions = {.kernel = NULL};
	enum command_result result = COMMAND_FAILED;
	char *lists = malloc(2u * LINE_SIZE);

	if (!lists) {
		netboot_say("no memory");
		return COMMAND_FAILED;
	}
	if (!take_words(&instructions, argc, argv, lists, lists + LINE_SIZE)) {
		result = COMMAND_USAGE;
	} else {
		if (!instructions.kernel)
			ask_again();
		if (attempt(&instructions, command_interrupted) == -EINTR)
			netboot_say("interrupted");
	}
	free(lists);
	return result;
}

COMMAND(netboot, "netboot [KERNEL|SCRIPT [INITRD...] [-- ARGUMENTS...]]",
	"fetch a kernel over the network and start it", command_netboot);
