/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/script_run.h"

#include "net/netboot/url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLEEP_MAX_SECONDS 86400ul

struct script_verb {
	const char *name;
	unsigned int least, most; /* words behind it */
	const char *usage;
	int (*run)(struct script_frame *frame, unsigned int count, char **words);
};

#define ANY SCRIPT_WORDS_MAX

/* The words in one text, blanks between them: it cannot be longer than the line. */
static const char *join(struct script_frame *frame, unsigned int count, char *const *words)
{
	char *at = frame->joined;

	for (unsigned int i = 0; i < count; i++) {
		size_t length = strlen(words[i]);

		if (i)
			*at++ = ' ';
		memcpy(at, words[i], length);
		at += length;
	}
	*at = '\0';
	return frame->joined;
}

/* -- Files */

struct image_options {
	const char *name;
	bool replace;
	unsigned int used; /* words, the command's own with them */
};

/* --name NAME, --timeout MS, --autofree, --replace, and their short forms. */
static int take_options(struct script_frame *frame, unsigned int count, char **words,
			struct image_options *options)
{
	unsigned int i = 1;

	*options = (struct image_options){.name = NULL};
	for (; i < count && words[i][0] == '-'; i++) {
		const char *word = words[i];
		bool name = !strcmp(word, "--name") || !strcmp(word, "-n");

		if (!strcmp(word, "--")) {
			i++;
			break;
		}
		if (name || !strcmp(word, "--timeout") || !strcmp(word, "-t")) {
			if (++i == count)
				return script_fail(frame, -EINVAL, "%s: %s wants a word", words[0],
						   word);
			if (name)
				options->name = words[i];
		} else if (!strncmp(word, "--name=", 7)) {
			options->name = word + 7;
		} else if (!strcmp(word, "--replace") || !strcmp(word, "-r")) {
			options->replace = true;
		} else if (strcmp(word, "--autofree") && strcmp(word, "-a") &&
			   strncmp(word, "--timeout=", 10)) {
			return script_fail(frame, -EINVAL, "%s: unknown option %s", words[0], word);
		}
	}
	options->used = i;
	return 0;
}

/* The URL, as seen from the script; into frame->target. */
static int resolve(struct script_frame *frame, const char *reference)
{
	int error = url_resolve(frame->target, sizeof(frame->target), frame->url, reference);

	if (!error)
		return 0;
	return script_fail(frame, -EINVAL, "%s: %.200s", reference,
			   error == -ENAMETOOLONG ? "the URL is too long" : "not a URL");
}

/* The last part of the path, without a query: what a file is called when nobody says otherwise. */
static const char *base_name(const char *url, char *name, size_t size)
{
	size_t length = strcspn(url, "?#");
	size_t start = length;

	while (start && url[start - 1] != '/')
		start--;
	length -= start;
	if (length >= size)
		length = size - 1;
	memcpy(name, url + start, length);
	name[length] = '\0';
	return name;
}

static int take_image(struct script_frame *frame, unsigned int count, char **words,
		      struct script_image *image, struct image_options *options,
		      char name[static SETTING_NAME_MAX])
{
	int error = take_options(frame, count, words, options);

	if (error)
		return error;
	if (options->used == count)
		return script_fail(frame, -EINVAL, "%s: the URL is missing", words[0]);
	error = resolve(frame, words[options->used]);
	if (error)
		return error;
	image->url = frame->target;
	image->name =
		options->name ? options->name : base_name(frame->target, name, SETTING_NAME_MAX);
	image->arguments = join(frame, count - options->used - 1, words + options->used + 1);
	frame->script->steps = 0;
	return 0;
}

static int fetch(struct script_frame *frame, unsigned int count, char **words, bool initrd)
{
	struct script_image image = {.initrd = initrd, .arguments = ""};
	struct image_options options;
	char name[SETTING_NAME_MAX];
	int error = take_image(frame, count, words, &image, &options, name);

	if (error)
		return error;
	if (initrd && image.arguments[0])
		return script_fail(
			frame, -EINVAL,
			"%s: a place within the initrd (\"%s\") is not supported: only a "
			"URL",
			words[0], image.arguments);
	return frame->script->operations->fetch(frame->script->context, &image);
}

static int run_kernel(struct script_frame *frame, unsigned int count, char **words)
{
	return fetch(frame, count, words, false);
}

static int run_initrd(struct script_frame *frame, unsigned int count, char **words)
{
	return fetch(frame, count, words, true);
}

static int run_chain(struct script_frame *frame, unsigned int count, char **words)
{
	struct script *script = frame->script;
	struct script_image image = {.initrd = false};
	struct image_options options;
	char name[SETTING_NAME_MAX], *text = NULL, *url;
	size_t length = 0;
	int result = take_image(frame, count, words, &image, &options, name);

	if (result)
		return result;
	url = calloc(1, SCRIPT_URL_MAX);
	if (!url)
		return -ENOMEM;
	result = script->operations->chain(script->context, &image, &text, &length, url);
	if (!result && text && options.replace) {
		frame->ended = true;
		frame->replacement = text;
		frame->replacement_length = length;
		frame->replacement_url = url;
		return 0;
	}
	if (!result && text) {
		result = script_run(script, text, length, url);
		/* What is wrong in it is its failure: ours goes on where it says so. */
		if (result && result != -EINTR) {
			script->operations->print(script->context, "netboot: ");
			script->operations->print(script->context, script->error);
			script->operations->print(script->context, "\n");
			script->wrong = false;
			script->error[0] = '\0';
		}
	}
	free(text);
	free(url);
	return result;
}

static int run_boot(struct script_frame *frame, unsigned int count, char **words)
{
	struct script *script = frame->script;
	struct image_options options;
	int error = take_options(frame, count, words, &options);

	if (error)
		return error;
	if (options.used < count && !script->operations->has(script->context, words[options.used]))
		return run_chain(frame, count, words);
	if (options.used + 1 < count) {
		error = script->operations->arguments(script->context, words[options.used],
						      join(frame, count - options.used - 1,
							   words + options.used + 1));
		if (error)
			return error;
	}
	return script->operations->boot(script->context);
}

static int run_imgargs(struct script_frame *frame, unsigned int count, char **words)
{
	return frame->script->operations->arguments(frame->script->context, words[1],
						    join(frame, count - 2, words + 2));
}

static int run_imgfree(struct script_frame *frame, unsigned int count, char **words)
{
	return frame->script->operations->drop(frame->script->context, count > 1 ? words[1] : NULL);
}

static int run_imgstat(struct script_frame *frame, unsigned int count, char **words)
{
	(void)count;
	(void)words;
	frame->script->operations->list(frame->script->context);
	return 0;
}

static int run_sha256(struct script_frame *frame, unsigned int count, char **words)
{
	(void)count;
	return frame->script->operations->verify(frame->script->context, words[1], words[2]);
}

/* -- Settings */

static int setting_result(struct script_frame *frame, int error, const char *name)
{
	if (error == -EINVAL)
		return script_fail(frame, error,
				   "%s: not a name, not a type, or a value of another "
				   "type",
				   name);
	if (error)
		return script_fail(frame, error, "%s: no room for more or longer settings", name);
	return 0;
}

static int run_set(struct script_frame *frame, unsigned int count, char **words)
{
	const char *text = join(frame, count - 2, words + 2);

	/* An empty value is none. */
	if (!text[0])
		return setting_result(frame, settings_clear(frame->script->settings, words[1]),
				      words[1]);
	return setting_result(frame, settings_set(frame->script->settings, words[1], text),
			      words[1]);
}

static int run_clear(struct script_frame *frame, unsigned int count, char **words)
{
	(void)count;
	return setting_result(frame, settings_clear(frame->script->settings, words[1]), words[1]);
}

static int set_number(struct script_frame *frame, const char *name, uint32_t value)
{
	const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16),
				  (uint8_t)(value >> 8), (uint8_t)value};
	char typed[SETTING_NAME_MAX + sizeof(":int32")], text[16];
	struct setting number;

	if (strlen(name) >= SETTING_NAME_MAX)
		return setting_result(frame, -EINVAL, name);
	strcpy(typed, name);
	strcat(typed, ":int32");
	setting_bytes(&number, SETTING_INT32, bytes, sizeof(bytes));
	(void)setting_text(&number, SETTING_INT32, text, sizeof(text));
	return setting_result(frame, settings_set(frame->script->settings, typed, text), name);
}

static int run_inc(struct script_frame *frame, unsigned int count, char **words)
{
	struct setting setting;
	uint32_t value = 0, step = 1;
	char *end;

	if (count > 2) {
		step = (uint32_t)strtol(words[2], &end, 0);
		if (end == words[2] || *end)
			return script_fail(frame, -EINVAL, "inc: %s: not a number", words[2]);
	}
	if (!settings_get(frame->script->settings, words[1], &setting)) {
		if (setting.type == SETTING_STRING) {
			char text[16];

			if (setting_text(&setting, SETTING_STRING, text, sizeof(text)))
				text[0] = '\0';
			value = (uint32_t)strtol(text, NULL, 0);
		} else {
			for (size_t i = 0; i < setting.length; i++)
				value = value << 8 | setting.bytes[i];
		}
	}
	value += step;
	return set_number(frame, words[1], value);
}

static int run_isset(struct script_frame *frame, unsigned int count, char **words)
{
	(void)frame;
	return count > 1 && words[1][0] ? 0 : 1;
}

static int run_iseq(struct script_frame *frame, unsigned int count, char **words)
{
	(void)frame;
	(void)count;
	return strcmp(words[1], words[2]) ? 1 : 0;
}

/* -- The rest */

static int run_goto(struct script_frame *frame, unsigned int count, char **words)
{
	int error = script_goto(frame, words[1]);

	(void)count;
	return error ? script_fail(frame, -EINVAL, "goto %s: there is no such label", words[1]) : 0;
}

static int run_echo(struct script_frame *frame, unsigned int count, char **words)
{
	bool newline = true;
	unsigned int i = 1;

	if (count > 1 && (!strcmp(words[1], "-n") || !strcmp(words[1], "--n"))) {
		newline = false;
		i++;
	}
	frame->script->operations->print(frame->script->context, join(frame, count - i, words + i));
	if (newline)
		frame->script->operations->print(frame->script->context, "\n");
	return 0;
}

static int run_sleep(struct script_frame *frame, unsigned int count, char **words)
{
	char *end;
	unsigned long seconds = strtoul(words[1], &end, 10);

	(void)count;
	if (end == words[1] || *end || words[1][0] == '-' || seconds > SLEEP_MAX_SECONDS)
		return script_fail(frame, -EINVAL, "sleep %s: not a number of seconds up to %lu",
				   words[1], SLEEP_MAX_SECONDS);
	frame->script->steps = 0;
	return frame->script->operations->sleep(frame->script->context, seconds * 1000);
}

static int run_dhcp(struct script_frame *frame, unsigned int count, char **words)
{
	unsigned int i = 1;

	/* -c METHOD of ifconf: there is only one. */
	while (i < count && words[i][0] == '-')
		i += !strcmp(words[i], "-c") || !strcmp(words[i], "--configurator") ||
				     !strcmp(words[i], "-t") || !strcmp(words[i], "--timeout")
			     ? 2
			     : 1;
	if (i > count)
		return script_fail(frame, -EINVAL, "%s: %s wants a word", words[0],
				   words[count - 1]);
	frame->script->steps = 0;
	return frame->script->operations->dhcp(frame->script->context, count - i, words + i);
}

/* Interfaces are always open. */
static int run_nothing(struct script_frame *frame, unsigned int count, char **words)
{
	(void)frame;
	(void)count;
	(void)words;
	return 0;
}

static int run_shell(struct script_frame *frame, unsigned int count, char **words)
{
	(void)count;
	(void)words;
	return frame->script->operations->shell(frame->script->context);
}

static int run_reboot(struct script_frame *frame, unsigned int count, char **words)
{
	(void)count;
	(void)words;
	return frame->script->operations->leave(frame->script->context, true);
}

static int run_poweroff(struct script_frame *frame, unsigned int count, char **words)
{
	(void)count;
	(void)words;
	return frame->script->operations->leave(frame->script->context, false);
}

static int run_exit(struct script_frame *frame, unsigned int count, char **words)
{
	char *end;
	unsigned long status = 0;

	if (count > 1) {
		status = strtoul(words[1], &end, 10);
		if (end == words[1] || *end || status > 255)
			return script_fail(frame, -EINVAL, "exit %s: not a number up to 255",
					   words[1]);
	}
	frame->ended = true;
	frame->status = (int)status;
	if (status)
		script_say(frame, "exit %lu", status);
	return 0;
}

static const struct script_verb verbs[] = {
	{"kernel", 1, ANY, "kernel [--name NAME] URL [ARGUMENTS...]", run_kernel},
	{"imgselect", 1, ANY, "imgselect URL [ARGUMENTS...]", run_kernel},
	{"initrd", 1, ANY, "initrd [--name NAME] URL", run_initrd},
	{"module", 1, ANY, "module [--name NAME] URL", run_initrd},
	{"imgfetch", 1, ANY, "imgfetch [--name NAME] URL", run_initrd},
	{"imgargs", 1, ANY, "imgargs NAME [ARGUMENTS...]", run_imgargs},
	{"imgfree", 0, 1, "imgfree [NAME]", run_imgfree},
	{"imgstat", 0, 1, "imgstat", run_imgstat},
	{"sha256", 2, 2, "sha256 NAME HEX", run_sha256},
	{"set", 1, ANY, "set NAME[:TYPE] [VALUE...]", run_set},
	{"clear", 1, 1, "clear NAME", run_clear},
	{"inc", 1, 2, "inc NAME [STEP]", run_inc},
	{"isset", 0, 1, "isset VALUE", run_isset},
	{"iseq", 2, 2, "iseq VALUE VALUE", run_iseq},
	{"goto", 1, 1, "goto LABEL", run_goto},
	{"boot", 0, ANY, "boot [NAME|URL [ARGUMENTS...]]", run_boot},
	{"imgexec", 0, ANY, "imgexec [NAME|URL [ARGUMENTS...]]", run_boot},
	{"chain", 1, ANY, "chain [--replace] URL [ARGUMENTS...]", run_chain},
	{"dhcp", 0, ANY, "dhcp [INTERFACE...]", run_dhcp},
	{"ifconf", 0, ANY, "ifconf [INTERFACE...]", run_dhcp},
	{"ifopen", 0, ANY, "ifopen [INTERFACE...]", run_nothing},
	{"ifclose", 0, ANY, "ifclose [INTERFACE...]", run_nothing},
	{"echo", 0, ANY, "echo [-n] [TEXT...]", run_echo},
	{"sleep", 1, 1, "sleep SECONDS", run_sleep},
	{"shell", 0, 0, "shell", run_shell},
	{"reboot", 0, 1, "reboot", run_reboot},
	{"poweroff", 0, 0, "poweroff", run_poweroff},
	{"exit", 0, 1, "exit [STATUS]", run_exit},
};

int script_command(struct script_frame *frame, unsigned int count, char **words)
{
	for (unsigned int i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		const struct script_verb *verb = &verbs[i];

		if (strcmp(verb->name, words[0]))
			continue;
		if (count - 1 < verb->least || count - 1 > verb->most)
			return script_fail(frame, -EINVAL, "expected: %s", verb->usage);
		return verb->run(frame, count, words);
	}
	return script_fail(frame, -EINVAL, "unknown command \"%.100s\"", words[0]);
}
