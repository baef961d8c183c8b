/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as text as RFC 5952 wants them, in the caller's memory. lwIP writes capital letters. */
#ifndef NET_LWIP_ADDRESS_TEXT_H
#define NET_LWIP_ADDRESS_TEXT_H

#include "lwip/ip_addr.h"

struct address_text {
	char text[IPADDR_STRLEN_MAX];
};

/* Each returns text->text. Context: any. */
const char *address_text(struct address_text *text, const ip_addr_t *address);
const char *address_text_v4(struct address_text *text, const ip4_addr_t *address);
const char *address_text_v6(struct address_text *text, const ip6_addr_t *address);

/* Of a netmask: 24 for 255.255.255.0. */
unsigned int address_prefix_length(const ip4_addr_t *netmask);

#endif
