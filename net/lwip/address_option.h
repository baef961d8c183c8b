/* SPDX-License-Identifier: BSD-2-Clause */
/* What `ip=` says, taken apart. */
#ifndef NET_LWIP_ADDRESS_OPTION_H
#define NET_LWIP_ADDRESS_OPTION_H

#include <stdbool.h>
#include <stdint.h>

enum address_method { ADDRESS_DHCP, ADDRESS_OFF, ADDRESS_STATIC };

struct address_option {
	enum address_method method;
	uint32_t address; /* of the first three, host byte order */
	uint32_t netmask;
	uint32_t gateway; /* 0: none */
};

/* "dhcp", "off", or "ADDR/LEN[,GATEWAY]". False, and *option is not changed, for anything else. */
bool address_option_parse(const char *text, struct address_option *option);

#endif
