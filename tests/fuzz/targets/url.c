/* SPDX-License-Identifier: BSD-2-Clause */
/* URLs: what is taken apart, joined and decoded stays within its room and is a URL again. */
#include "net/netboot/url.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define TEXT_MAX 2000

static void ends(const char *text, size_t size, const char *what)
{
	fuzz_check(memchr(text, 0, size), "%s without end", what);
}

void fuzz_target(void)
{
	static char base[TEXT_MAX], result[URL_PATH_MAX + 8];
	static struct url url;
	size_t size = 1 + fuzz_choose(URL_PATH_MAX), length = fuzz_choose(400);
	const char *why = NULL, *text;

	memset(base, 0, sizeof(base));
	fuzz_fill(base, length);
	text = fuzz_text(TEXT_MAX);
	memset(&url, 0x5a, sizeof(url));
	if (url_parse(&url, text, &why)) {
		fuzz_check(why && *why, "refused without a reason");
	} else {
		ends(url.scheme, sizeof(url.scheme), "a scheme");
		ends(url.host, sizeof(url.host), "a host");
		ends(url.user, sizeof(url.user), "a user");
		ends(url.path, sizeof(url.path), "a path");
		memset(result, 0x5a, sizeof(result));
		if (!url_decode(result, size, url.path))
			ends(result, size, "a decoded path");
		fuzz_check(result[size] == 0x5a, "decoded beyond the room");
	}
	memset(result, 0x5a, sizeof(result));
	if (!url_resolve(result, size, base, text))
		ends(result, size, "a resolved URL");
	fuzz_check(result[size] == 0x5a, "resolved beyond the room");
}
