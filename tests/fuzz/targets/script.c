/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot scripts: any text, with chained ones, settings of any type, and commands that fail. */
#include "net/netboot/script.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* As the sources' own, which free it. */
void *fuzz_malloc(size_t size);

static struct settings settings;
static struct script script;
static unsigned int asked, chained;

static int result(void)
{
	static const int errors[] = {0, 0, 0, -ENOENT, -EIO, -EINTR};

	/* Not of the stream, which the text has used up. */
	return errors[asked++ % 6];
}

static int fetch(void *context, const struct script_image *image)
{
	(void)context;
	fuzz_check(strlen(image->url) < SCRIPT_URL_MAX, "a URL of %zu bytes", strlen(image->url));
	return strlen(image->name) + strlen(image->arguments) ? result() : 0;
}

static int chain(void *context, const struct script_image *image, char **text, size_t *length,
		 char url[static SCRIPT_URL_MAX])
{
	static const char other[] = "#!ipxe\nset a ${a}b\necho ${net0/mac:hexhyp}\nexit 3\n";

	(void)context;
	if (result() || chained++ > 4)
		return -ENOENT;
	*length = sizeof(other) - 1;
	*text = fuzz_malloc(sizeof(other));
	memcpy(*text, other, sizeof(other));
	fuzz_check(strlen(image->url) < SCRIPT_URL_MAX, "a URL of %zu bytes", strlen(image->url));
	strcpy(url, image->url);
	return 0;
}

static int arguments(void *context, const char *name, const char *words)
{
	(void)context;
	(void)name;
	return strlen(words) > SCRIPT_LINE_MAX ? -E2BIG : result();
}

static int drop(void *context, const char *name)
{
	(void)context;
	(void)name;
	return result();
}

static bool has(void *context, const char *name)
{
	(void)context;
	return strlen(name) % 2;
}

static int verify(void *context, const char *name, const char *sha256)
{
	(void)context;
	return strlen(name) + strlen(sha256) ? result() : 0;
}

static void list(void *context)
{
	(void)context;
}

static int plain(void *context)
{
	(void)context;
	return result();
}

static int dhcp(void *context, unsigned int count, char *const *names)
{
	(void)context;
	for (unsigned int i = 0; i < count; i++)
		(void)strlen(names[i]);
	return result();
}

static void print(void *context, const char *text)
{
	(void)context;
	fuzz_check(strlen(text) <= SCRIPT_LINE_MAX + 8, "%zu bytes are printed", strlen(text));
}

static int sleep_for(void *context, uint64_t milliseconds)
{
	(void)context;
	(void)milliseconds;
	return result();
}

static int leave(void *context, bool reboot)
{
	(void)context;
	(void)reboot;
	return result();
}

static bool interrupted(void *context)
{
	(void)context;
	return false;
}

static const struct script_operations operations = {
	.fetch = fetch,
	.chain = chain,
	.arguments = arguments,
	.drop = drop,
	.has = has,
	.verify = verify,
	.list = list,
	.boot = plain,
	.dhcp = dhcp,
	.print = print,
	.sleep = sleep_for,
	.shell = plain,
	.leave = leave,
	.interrupted = interrupted,
};

static bool machine(void *context, const char *scope, const char *name, struct setting *setting)
{
	static const uint8_t mac[] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

	(void)context;
	if (!strcmp(scope, "net0") && !strcmp(name, "mac")) {
		setting_bytes(setting, SETTING_HEX, mac, sizeof(mac));
		return true;
	}
	if (!strcmp(name, "uuid")) {
		setting_bytes(setting, SETTING_UUID, "0123456789abcdef", 16);
		return true;
	}
	return false;
}

void fuzz_target(void)
{
	static const char magic[] = "#!ipxe\n";
	uint8_t how = fuzz_byte();
	size_t length;
	const uint8_t *bytes = fuzz_rest(2048, &length);
	char *text = malloc(length + sizeof(magic) - 1);
	int status;

	asked = how >> 1;
	chained = 0;
	settings = (struct settings){.machine = machine};
	script = (struct script){.operations = &operations, .settings = &settings};
	memcpy(text, magic, sizeof(magic) - 1);
	memcpy(text + sizeof(magic) - 1, bytes, length);
	if (how & 1)
		status = script_run(&script, (const char *)bytes, length,
				    "http://10.0.0.1/a/b.ipxe");
	else
		status = script_run(&script, text, length + sizeof(magic) - 1,
				    "http://10.0.0.1/a/b.ipxe");
	fuzz_check(status <= 255, "the script ended with %d", status);
	fuzz_check(memchr(script.error, 0, sizeof(script.error)), "a text without end");
	settings_clear_all(&settings);
	fuzz_check(!settings.variables && !settings.count, "settings are left");
	free(text);
}
