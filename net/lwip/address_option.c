/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/lwip/address_option.h"

#include <string.h>

/* A decimal number of at most three digits, not above `most`; the text behind it, or NULL. */
static const char *parse_number(const char *text, unsigned int most, unsigned int *value)
{
	unsigned int digits = 0;

	*value = 0;
	while (*text >= '0' && *text <= '9' && digits < 3) {
		*value = *value * 10 + (unsigned int)(*text++ - '0');
		digits++;
	}
	return digits && *value <= most ? text : NULL;
}

static const char *parse_address(const char *text, uint32_t *address)
{
	uint32_t result = 0;

	for (unsigned int i = 0; i < 4; i++) {
		unsigned int byte;

		if (i && *text++ != '.')
			return NULL;
		text = parse_number(text, 255, &byte);
		if (!text)
			return NULL;
		result = result << 8 | byte;
	}
	*address = result;
	return text;
}

/* An address that a host can have: not 0.x, not 127.x, not multicast or above. */
static bool is_host(uint32_t address)
{
	unsigned int first = address >> 24;

	return first != 0 && first != 127 && first < 224;
}

static bool parse_static(const char *text, struct address_option *option)
{
	unsigned int length;

	text = parse_address(text, &option->address);
	if (!text || *text++ != '/' || !is_host(option->address))
		return false;
	text = parse_number(text, 32, &length);
	if (!text || !length)
		return false;
	option->netmask = UINT32_MAX << (32 - length);
	option->gateway = 0;
	if (*text == ',') {
		text = parse_address(text + 1, &option->gateway);
		if (!text || !is_host(option->gateway))
			return false;
	}
	return !*text;
}

bool address_option_parse(const char *text, struct address_option *option)
{
	struct address_option result = {.method = ADDRESS_STATIC};

	if (!strcmp(text, "dhcp"))
		result.method = ADDRESS_DHCP;
	else if (!strcmp(text, "off"))
		result.method = ADDRESS_OFF;
	else if (!parse_static(text, &result))
		return false;
	*option = result;
	return true;
}
