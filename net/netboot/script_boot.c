/* SPDX-License-Identifier: BSD-2-Clause */
/* What scripts want, done. */
#include "kernel/job.h"
#include "kernel/shell/command.h"
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"
#include "net/netboot/netboot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLEEP_STEP (50 * NANOSECONDS_PER_MILLISECOND)

static int script_fetch(void *context, const struct script_image *image)
{
	struct netboot *netboot = context;
	int error = netboot_fetch(netboot, image->initrd ? NEXT_INITRD : NEXT_KERNEL, image->url,
				  image->name, NULL);

	return error || image->initrd ? error : netboot_set_arguments(netboot, image->arguments);
}

static int script_chain(void *context, const struct script_image *image, char **text,
			size_t *length, char url[static SCRIPT_URL_MAX])
{
	struct netboot *netboot = context;
	int error = netboot_fetch_any(netboot, image->url, image->name, text, length, url);

	if (error || *text)
		return error;
	error = netboot_set_arguments(netboot, image->arguments);
	return error ? error : netboot_start(netboot);
}

static int script_arguments(void *context, const char *name, const char *arguments)
{
	struct netboot *netboot = context;
	struct next_file *kernel = next_file_kernel(netboot->next);

	if (!kernel || (name && strcmp(name, next_file_name(kernel)))) {
		netboot_say("imgargs %s: there is no kernel of that name", name ? name : "");
		return -ENOENT;
	}
	return netboot_set_arguments(netboot, arguments);
}

static bool script_has(void *context, const char *name)
{
	const struct netboot *netboot = context;

	return next_file_find(netboot->next, name);
}

static int script_drop(void *context, const char *name)
{
	struct netboot *netboot = context;
	struct next_file *file;

	if (!name) {
		struct next_kernel *fresh = next_create();

		if (!fresh)
			return -ENOMEM;
		next_destroy(netboot->next);
		netboot->next = fresh;
		netboot->bytes = netboot->time = 0;
		return 0;
	}
	file = next_file_find(netboot->next, name);
	if (!file) {
		netboot_say("imgfree %s: there is no such file", name);
		return -ENOENT;
	}
	next_file_drop(file);
	return 0;
}

static int script_verify(void *context, const char *name, const char *hex)
{
	struct netboot *netboot = context;
	uint8_t sha256[SHA256_SIZE];

	if (!netboot_parse_sum(hex, sha256)) {
		netboot_say("sha256 %s: not 64 hexadecimal digits", name);
		return -EBADMSG;
	}
	if (next_file_find(netboot->next, name)) {
		netboot_say("sha256 %s: the file is here already: this line must stand before it",
			    name);
		return -EEXIST;
	}
	return netboot_expect_sum(netboot, name, sha256);
}

static void script_list(void *context)
{
	const struct netboot *netboot = context;
	struct next_file *kernel = next_file_kernel(netboot->next);

	if (kernel)
		command_print("%s: %s \"%s\"\n", next_file_name(kernel),
			      next_file_kind(kernel) ? next_file_kind(kernel) : "a kernel",
			      netboot->arguments);
	command_print("%llu bytes in all\n", (unsigned long long)netboot->bytes);
}

static int script_start(void *context)
{
	return netboot_start(context);
}

/* Each that is named, until one has an address. */
static int script_dhcp(void *context, unsigned int count, char *const *names)
{
	struct netboot *netboot = context;
	int error = count ? -ENODEV : netboot_dhcp(netboot, NULL);

	for (unsigned int i = 0; i < count && error && error != -EINTR; i++) {
		struct interface *interface = netboot_interface(netboot, names[i]);

		if (interface)
			error = netboot_dhcp(netboot, interface);
		else
			netboot_say("dhcp %s: there is no such interface", names[i]);
	}
	return error;
}

static void script_print(void *context, const char *text)
{
	(void)context;
	command_print("%s", text);
}

static int script_sleep(void *context, uint64_t milliseconds)
{
	struct netboot *netboot = context;
	uint64_t deadline = clock_monotonic() + milliseconds * NANOSECONDS_PER_MILLISECOND;

	for (;;) {
		uint64_t now = clock_monotonic();

		if (netboot->interrupted())
			return -EINTR;
		if (now >= deadline)
			return 0;
		thread_sleep(deadline - now < SLEEP_STEP ? deadline - now : SLEEP_STEP);
	}
}

/* The shell does not end: whoever wants to go on types `netboot`. */
static int script_shell(void *context)
{
	(void)context;
	exit_job(job_run("shell"));
}

static int script_leave(void *context, bool reboot)
{
	(void)context;
	(void)command_run_line(reboot ? "reboot" : "poweroff");
	return -EIO;
}

static bool script_interrupted(void *context)
{
	struct netboot *netboot = context;

	/* A script that goes in a circle waits for nothing, perhaps. */
	thread_yield();
	return netboot->interrupted();
}

static const struct script_operations operations = {
	.fetch = script_fetch,
	.chain = script_chain,
	.arguments = script_arguments,
	.drop = script_drop,
	.has = script_has,
	.verify = script_verify,
	.list = script_list,
	.boot = script_start,
	.dhcp = script_dhcp,
	.print = script_print,
	.sleep = script_sleep,
	.shell = script_shell,
	.leave = script_leave,
	.interrupted = script_interrupted,
};

int netboot_run_script(struct netboot *netboot, const char *text, size_t length, const char *url)
{
	struct script *script = calloc(1, sizeof(*script));
	int result;

	if (!script)
		return -ENOMEM;
	script->operations = &operations;
	script->context = netboot;
	script->settings = &netboot->settings;
	result = script_run(script, text, length, url);
	if (result && result != -EINTR)
		netboot_say("%s", script->error);
	else if (result)
		netboot_say("interrupted");
	else if (next_file_kernel(netboot->next))
		/* Ended without `boot`: what it fetched is what it wants. */
		result = netboot_start(netboot);
	else
		netboot_say("%s ended, and named no kernel", url);
	free(script);
	return result == 0 ? -ENOENT : result > 0 ? -ECANCELED : result;
}

int netboot_boot_file(struct netboot *netboot, const char *url)
{
	char *text, *final_url = malloc(SCRIPT_URL_MAX);
	size_t length = 0;
	int error;

	if (!final_url)
		return -ENOMEM;
	error = netboot_fetch_any(netboot, url, NULL, &text, &length, final_url);
	if (!error && text)
		error = netboot_run_script(netboot, text, length, final_url);
	free(text);
	free(final_url);
	return error;
}
