/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Boot scripts: a subset of iPXE's language. A line is one or more commands, joined by "||" (when the one
 * before failed), "&&" (when it did not) or ";"; words stand between blanks, quotes are characters like
 * others, as with iPXE; "${...}" in a word is replaced after the words were separated; a word that begins
 * with '#' ends the line, a '\' at its end joins the next one. A command that fails, and is followed by
 * no "||", ends the script.
 *
 *	struct script script = {.operations = &operations, .context = ..., .settings = &settings};
 *	result = script_run(&script, text, length, "http://10.0.0.1/boot.ipxe");
 *
 * Pure over its operations; context: a thread.
 */
#ifndef NET_NETBOOT_SCRIPT_H
#define NET_NETBOOT_SCRIPT_H

#include "net/netboot/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRIPT_SIZE_MAX (64u << 10)
#define SCRIPT_LINE_MAX 8192u	/* with what stands for settings */
#define SCRIPT_WORDS_MAX 128u	/* of a line */
#define SCRIPT_DEPTH_MAX 8u	/* scripts that were begun by scripts */
#define SCRIPT_STEPS_MAX 20000u /* commands without one that takes time: that is a circle */
#define SCRIPT_ERROR_MAX 512
#define SCRIPT_URL_MAX 2048

struct script_image {
	bool initrd;	 /* else a kernel */
	const char *url; /* absolute, unless the script has no URL itself */
	const char *name;
	const char *arguments;
};

/* 0 or a negative errno. Who fails has said why. */
struct script_operations {
	/* Gets a file and keeps it. */
	int (*fetch)(void *context, const struct script_image *image);
	/*
	 * Gets a file: a script, then its text is in *text, from malloc(), and its URL after redirects in
	 * `url`; or a kernel, which is started. Returns 0 with a script only.
	 */
	int (*chain)(void *context, const struct script_image *image, char **text, size_t *length,
		     char url[static SCRIPT_URL_MAX]);
	/* The command line of the kernel. Name NULL: whatever it is called. */
	int (*arguments)(void *context, const char *name, const char *arguments);
	int (*drop)(void *context, const char *name); /* NULL: all */
	bool (*has)(void *context, const char *name);
	int (*verify)(void *context, const char *name, const char *sha256);
	void (*list)(void *context);
	int (*boot)(void *context); /* comes back only when that is not possible */
	int (*dhcp)(void *context, unsigned int count, char *const *names); /* count 0: any */
	void (*print)(void *context, const char *text);
	int (*sleep)(void *context, uint64_t milliseconds); /* -EINTR */
	int (*shell)(void *context);
	int (*leave)(void *context, bool reboot); /* else it switches off */
	bool (*interrupted)(void *context);
};

struct script {
	const struct script_operations *operations;
	void *context;
	struct settings *settings;

	/* Result: which line of which script, and why. "" when it ended well. */
	char error[SCRIPT_ERROR_MAX];

	/* Its own. */
	unsigned int depth, steps;
	bool wrong; /* a line is: no "||" helps over that */
};

/*
 * Runs it to its end. 0, or what `exit` said when that is more than 0 (at most 255), or a negative errno:
 * -EINVAL (it is no script, or a line is wrong), -ELOOP (too deep, or a circle), -E2BIG, -EINTR, or what
 * the command returned that failed.
 */
int script_run(struct script *script, const char *text, size_t length, const char *url);

/* Whether a file is one: by its first bytes. */
#define SCRIPT_MAGIC "#!ipxe"
bool script_is(const void *bytes, size_t length);

#endif
