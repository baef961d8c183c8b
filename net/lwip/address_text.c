/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/lwip/address_text.h"

const char *address_text_v4(struct address_text *text, const ip4_addr_t *address)
{
	return ip4addr_ntoa_r(address, text->text, sizeof(text->text));
}

const char *address_text_v6(struct address_text *text, const ip6_addr_t *address)
{
	if (!ip6addr_ntoa_r(address, text->text, sizeof(text->text)))
		return "?";
	for (char *c = text->text; *c; c++)
		if (*c >= 'A' && *c <= 'F')
			*c = (char)(*c - 'A' + 'a');
	return text->text;
}

const char *address_text(struct address_text *text, const ip_addr_t *address)
{
	if (IP_IS_V6(address))
		return address_text_v6(text, ip_2_ip6(address));
	return address_text_v4(text, ip_2_ip4(address));
}

unsigned int address_prefix_length(const ip4_addr_t *netmask)
{
	return (unsigned int)__builtin_popcount(ip4_addr_get_u32(netmask));
}
