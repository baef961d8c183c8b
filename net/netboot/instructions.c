/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/loaded_from.h"
#include "net/netboot/dhcp6.h"
#include "net/netboot/netboot.h"

#include "kernel/options/options.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After the acknowledgement; proxies answer the same broadcast as the server did, so most are there. */
#define PROXY_PATIENCE (1500 * NANOSECONDS_PER_MILLISECOND)
#define PROXY_STEP (50 * NANOSECONDS_PER_MILLISECOND)
#define IPXE_NO_PROXY 176 /* in option 175: nobody else will answer */

OPTION(netboot_kernel, "netboot.kernel", "URL", "run=netboot: the kernel to start", NULL);
OPTION(netboot_initrd, "netboot.initrd", "URL[,URL...]", "run=netboot: its initrds", NULL);
OPTION(netboot_args, "netboot.args", "TEXT",
       "run=netboot: its command line, in quotes when it has blanks", NULL);
OPTION(netboot_script, "netboot.script", "URL", "run=netboot: the script to run", NULL);
OPTION(netboot_sha256, "netboot.sha256", "HEX[,HEX...]",
       "run=netboot: what the kernel (or script) and the initrds must have; empty: not checked",
       NULL);

void instructions_of_options(struct instructions *instructions)
{
	*instructions = (struct instructions){
		.kernel = option_get("netboot.kernel", NULL),
		.initrds = option_get("netboot.initrd", NULL),
		.arguments = option_get("netboot.args", NULL),
		.script = option_get("netboot.script", NULL),
		.sums = option_get("netboot.sha256", NULL),
	};
}

bool instructions_are_given(const struct instructions *instructions)
{
	return instructions->kernel || instructions->script || instructions->initrds;
}

static bool is_local(const char *urls)
{
	/* Each of the list. */
	while (urls && *urls) {
		if (strncmp(urls, "module:", 7))
			return false;
		urls = strchr(urls, ',');
		if (urls)
			urls++;
	}
	return true;
}

bool instructions_are_local(const struct instructions *instructions)
{
	return instructions->kernel && !instructions->script && is_local(instructions->kernel) &&
	       is_local(instructions->initrds);
}

/* The next part of a list, in `part`. 1; 0: there is none; -EINVAL: too long. */
static int next_part(const char **list, char *part, size_t size)
{
	size_t length;

	if (!*list)
		return 0;
	length = strcspn(*list, ",");
	if (length >= size)
		return -EINVAL;
	memcpy(part, *list, length);
	part[length] = '\0';
	*list = (*list)[length] ? *list + length + 1 : NULL;
	return 1;
}

/* The sha256 of the next file, NULL in *sum when none is given. */
static int next_sum(const char **sums, uint8_t sha256[static SHA256_SIZE], const uint8_t **sum)
{
	char hex[2 * SHA256_SIZE + 2];
	int got = next_part(sums, hex, sizeof(hex));

	*sum = NULL;
	if (!got || (got > 0 && !hex[0]))
		return 0;
	if (got < 0 || !netboot_parse_sum(hex, sha256)) {
		netboot_say("netboot.sha256: expected 64 hexadecimal digits for each file, with "
			    "commas between them");
		return -EINVAL;
	}
	*sum = sha256;
	return 0;
}

static int fetch_initrds(struct netboot *netboot, const char *list, const char *sums)
{
	char *url = malloc(TRANSFER_URL_MAX);
	int got, error = url ? 0 : -ENOMEM;

	while (!error && (got = next_part(&list, url, TRANSFER_URL_MAX))) {
		uint8_t sha256[SHA256_SIZE];
		const uint8_t *sum;

		if (got < 0) {
			netboot_say("netboot.initrd: a URL is longer than %d characters",
				    TRANSFER_URL_MAX - 1);
			error = -EINVAL;
			break;
		}
		error = next_sum(&sums, sha256, &sum);
		if (!error && url[0])
			error = netboot_fetch(netboot, NEXT_INITRD, url, NULL, sum);
	}
	free(url);
	return error;
}

/* A URL that is a script or a kernel, with what it must have. */
static int boot_file(struct netboot *netboot, const char *url, const uint8_t *sum)
{
	char name[SETTING_NAME_MAX];
	int error = 0;

	netboot_file_name(url, name);
	if (sum)
		error = netboot_expect_sum(netboot, name, sum);
	return error ? error : netboot_boot_file(netboot, url);
}

int netboot_follow(struct netboot *netboot, const struct instructions *instructions)
{
	const char *sums = instructions->sums;
	const char *first = instructions->script ? instructions->script : instructions->kernel;
	uint8_t sha256[SHA256_SIZE];
	const uint8_t *sum;
	int error = next_sum(&sums, sha256, &sum);

	if (!error && instructions->arguments)
		error = netboot_set_arguments(netboot, instructions->arguments);
	if (!error && first)
		error = boot_file(netboot, first, sum);
	if (!error && instructions->initrds)
		error = fetch_initrds(netboot, instructions->initrds, sums);
	return error ? error : netboot_start(netboot);
}

/* -- DHCP */

/* One message about booting, or nothing: a message that is wrong is told and passed over. */
static bool parse(struct dhcp_boot *boot, const uint8_t *message, size_t length, const char *who)
{
	const char *why;

	if (!length)
		return false;
	if (!dhcp_boot_parse(boot, message, length, &why))
		return true;
	netboot_say("%s: %s: ignored", who, why);
	return false;
}

static bool says_no_proxy(const struct boot_answers *answers)
{
	uint8_t options[DHCP_MESSAGE_MAX], value;
	int length = dhcp_message_option(answers->ack, answers->ack_length, DHCP_TAG_IPXE, options,
					 sizeof(options));

	return length > 0 && (size_t)length <= sizeof(options) &&
	       dhcp_message_suboption(options, (size_t)length, IPXE_NO_PROXY, &value, 1) == 1 &&
	       value;
}

/* Waits for a proxy as long as one may still answer. -EINTR. */
static int wait_for_proxy(struct netboot *netboot)
{
	uint64_t deadline = netboot->answers.ack_at + PROXY_PATIENCE;

	if (!netboot->answers.ack_length || says_no_proxy(&netboot->answers))
		return 0;
	while (!netboot->answers.proxy_length && clock_monotonic() < deadline) {
		if (netboot->interrupted())
			return -EINTR;
		answers_wait(PROXY_STEP);
		answers_copy(netboot->interface, &netboot->answers);
	}
	return 0;
}

/*
 * Asks the boot servers of a menu's first item, in order, for its file. `server` is who sent the menu,
 * for one that names no other.
 */
static int ask_item(struct netboot *netboot, const struct dhcp_boot *menu, uint32_t server,
		    struct dhcp_boot *answer, uint32_t *from)
{
	char address[DHCP_ADDRESS_TEXT];
	unsigned int count = menu->server_count ? menu->server_count : 1;

	if (!menu->item) {
		netboot_say(
			"the boot menu of %s says to boot from the local disk, which is not done",
			dhcp_address_text(address, server));
		return -ENOENT;
	}
	for (unsigned int i = 0; i < count; i++) {
		uint32_t to = menu->server_count ? menu->servers[i] : server;
		int error =
			answers_ask_item(netboot->interface, to, menu->item, netboot->interrupted);

		if (error == -EINTR)
			return error;
		answers_copy(netboot->interface, &netboot->answers);
		*from = netboot->answers.item_from;
		if (!error &&
		    parse(answer, netboot->answers.item, netboot->answers.item_length,
			  "the boot server's answer") &&
		    answer->file[0])
			return 0;
		netboot_say("the boot server %s, port 4011: %s", dhcp_address_text(address, to),
			    error ? "no answer" : "names no boot file");
	}
	return -ENOENT;
}

/* The boot file that one message leads to. -ENOENT without a line: it says nothing. */
static int url_of(struct netboot *netboot, const struct dhcp_boot *boot, uint32_t from,
		  char url[static TRANSFER_URL_MAX])
{
	struct dhcp_boot *answer;
	int error;

	/* A file that may be had without asking is had so. */
	if (boot->file[0] && (!boot->has_item || boot->use_file || !boot->server_count)) {
		error = dhcp_boot_url(url, TRANSFER_URL_MAX, boot, from);
		if (error)
			netboot_say("DHCP names the boot file %s but %s", boot->file,
				    error == -EDESTADDRREQ ? "no server" : "it is too long");
		return error;
	}
	if (!boot->has_item)
		return -ENOENT;
	answer = malloc(sizeof(*answer));
	if (!answer)
		return -ENOMEM;
	error = ask_item(netboot, boot, from, answer, &from);
	if (!error)
		error = dhcp_boot_url(url, TRANSFER_URL_MAX, answer, from);
	free(answer);
	return error;
}

/* By IPv4: the acknowledgement first, then a proxy. */
static int url_of_answers(struct netboot *netboot, char url[static TRANSFER_URL_MAX])
{
	struct dhcp_boot *boot = malloc(sizeof(*boot));
	int error = -ENOENT;

	if (!boot)
		return -ENOMEM;
	if (parse(boot, netboot->answers.ack, netboot->answers.ack_length, "the DHCP answer"))
		error = url_of(netboot, boot, boot->server_id, url);
	if (error == -ENOENT && wait_for_proxy(netboot))
		error = -EINTR;
	if (error == -ENOENT && parse(boot, netboot->answers.proxy, netboot->answers.proxy_length,
				      "the offer of a proxy"))
		error = url_of(netboot, boot, netboot->answers.proxy_from, url);
	free(boot);
	return error;
}

int netboot_follow_dhcp(struct netboot *netboot)
{
	const char *arguments = option_get("netboot.args", NULL), *origin = loaded_from();
	const char *name = netboot->interface->device->name;
	char *url = malloc(TRANSFER_URL_MAX);
	bool address;
	int error;

	if (!url)
		return -ENOMEM;
	answers_copy(netboot->interface, &netboot->answers);
	address = netboot->answers.ack_length;
	error = url_of_answers(netboot, url);
	if (error == -ENOENT)
		error = dhcp6_boot_url(netboot->interface, url, netboot->interrupted);
	if (error == -ENOENT)
		netboot_say(
			"%s: %s", name,
			address ? "DHCP gave an address, and named no boot file (next-server and "
				  "filename, option 67, a PXE proxy, or option 59 of DHCPv6)"
				: "no DHCP server named a boot file");
	if (!error)
		netboot_say("%s: the boot file is %s", name, url);
	if (!error && origin && !strcmp(url, origin)) {
		netboot_say(
			"that is what the firmware started, Ringside itself: let DHCP name another "
			"file to clients with the user class \"%s\" (option 77)",
			option_get("netboot.userclass", "iPXE"));
		error = -ELOOP;
	}
	if (!error && arguments)
		error = netboot_set_arguments(netboot, arguments);
	if (!error)
		error = netboot_boot_file(netboot, url);
	free(url);
	if (error)
		return error;
	netboot->named_by_dhcp = true;
	return netboot_start(netboot);
}
