/* SPDX-License-Identifier: BSD-2-Clause */
/* DHCPv6 (RFC 8415) as far as it names a boot file (RFC 5970). Pure functions; context: any. */
#ifndef NET_NETBOOT_DHCP6_MESSAGE_H
#define NET_NETBOOT_DHCP6_MESSAGE_H

#include "net/netboot/dhcp_message.h"

#include <stddef.h>
#include <stdint.h>

#define DHCP6_MESSAGE_MAX 1500u
#define DHCP6_DNS_MAX 3
#define DHCP6_URL_MAX 2048

/* An Information-request, with what boot servers want to know. Its length; 0: no room. */
size_t dhcp6_information_request(uint8_t *message, size_t room, const struct dhcp_client *client,
				 const uint8_t mac[6], uint32_t transaction, uint16_t hundredths);

struct dhcp6_boot {
	char url[DHCP6_URL_MAX]; /* option 59; "" */
	unsigned int dns_count;
	uint8_t dns[DHCP6_DNS_MAX][16];
};

/*
 * The answer to it. 0; -EAGAIN: it is another message; -EBADMSG and what is wrong in *why (a constant
 * text).
 */
int dhcp6_reply_parse(struct dhcp6_boot *boot, const uint8_t *message, size_t length,
		      uint32_t transaction, const char **why);

#endif
