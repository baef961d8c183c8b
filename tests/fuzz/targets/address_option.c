/* SPDX-License-Identifier: BSD-2-Clause */
/* ip= and what it says. */
#include "net/lwip/address_option.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

void fuzz_target(void)
{
	struct address_option option, before;
	const char *text = fuzz_text(200);
	uint32_t hosts;

	memset(&option, 0x5a, sizeof(option));
	before = option;
	if (!address_option_parse(text, &option)) {
		fuzz_check(!memcmp(&option, &before, sizeof(option)),
			   "what is not understood changes something");
		return;
	}
	if (option.method != ADDRESS_STATIC) {
		fuzz_check(!strcmp(text, "dhcp") || !strcmp(text, "off"), "%s is a method", text);
		return;
	}
	/* Ones, then zeroes. */
	hosts = ~option.netmask;
	fuzz_check(!(hosts & (hosts + 1)), "netmask %08x", option.netmask);
}
