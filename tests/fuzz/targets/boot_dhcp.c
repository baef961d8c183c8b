/* SPDX-License-Identifier: BSD-2-Clause */
/* What DHCP and DHCPv6 messages say about booting: options of any kind and length. */
#include "net/netboot/dhcp6_message.h"
#include "net/netboot/dhcp_message.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define URL_MAX 600

static void texts_end(const struct dhcp_boot *boot)
{
	fuzz_check(memchr(boot->server_name, 0, sizeof(boot->server_name)) &&
			   memchr(boot->file, 0, sizeof(boot->file)),
		   "a text without end");
	fuzz_check(boot->server_count <= DHCP_BOOT_SERVERS_MAX, "%u boot servers",
		   boot->server_count);
}

static void version_4(const uint8_t *message, size_t length, uint8_t tag)
{
	static struct dhcp_boot boot;
	char url[URL_MAX];
	uint8_t value[64];
	const char *why = NULL;
	int found;

	memset(value, 0x5a, sizeof(value));
	found = dhcp_message_option(message, length, tag, value, 40);
	fuzz_check(found <= (int)length && value[40] == 0x5a, "an option of %d bytes", found);
	(void)dhcp_message_suboption(message, length, tag, value, sizeof(value));
	if (dhcp_boot_parse(&boot, message, length, &why)) {
		fuzz_check(why && *why, "refused without a reason");
		return;
	}
	texts_end(&boot);
	if (!dhcp_boot_url(url, 1 + tag % URL_MAX, &boot, 0x0a000001))
		fuzz_check(memchr(url, 0, 1 + tag % URL_MAX), "a URL without end");
}

static void version_6(const uint8_t *message, size_t length)
{
	static struct dhcp6_boot boot;
	const char *why = NULL;

	if (dhcp6_reply_parse(&boot, message, length, 0x010203, &why))
		return;
	fuzz_check(memchr(boot.url, 0, sizeof(boot.url)) && boot.dns_count <= DHCP6_DNS_MAX,
		   "an answer without end");
}

void fuzz_target(void)
{
	static uint8_t bytes[DHCP_MESSAGE_MAX];
	uint8_t tag = fuzz_byte(), how = fuzz_byte(), *message;
	size_t length = fuzz_choose(700), header = 0;

	memset(bytes, 0, sizeof(bytes));
	if (how & 1) {
		header = DHCP_MESSAGE_HEADER;
		bytes[0] = 2;
		memcpy(bytes + 236, "\x63\x82\x53\x63", 4);
		/* sname and file, which option 52 opens */
		if (how & 2)
			fuzz_fill(bytes + 44, 192);
	} else {
		header = 4;
		memcpy(bytes, "\7\1\2\3", 4);
	}
	fuzz_fill(bytes + header, length);
	message = malloc(header + length);
	memcpy(message, bytes, header + length);
	if (how & 1)
		version_4(message, header + length, tag);
	else
		version_6(message, header + length);
	free(message);
}
