/* SPDX-License-Identifier: BSD-2-Clause */
#define LOG_AREA "options"
#include "kernel/options/options.h"

#include "kernel/console/log.h"

#include <stdlib.h>
#include <string.h>

#define LINE_MAX_LENGTH 4096
#define WORDS_MAX 256

struct word {
	const char *key;
	const char *value; /* "" when there is no '=' */
	bool good;
};

static char whole[LINE_MAX_LENGTH]; /* as given */
static char taken_apart[LINE_MAX_LENGTH];
static struct word words[WORDS_MAX];
static unsigned int word_count;
static char *application_words[WORDS_MAX + 1];
static int application_count;

/*
 * What loaders and VMMs add for Linux. A trailing '*' stands for any rest. They are said to mean
 * nothing here by never being mentioned.
 */
static const char *const linux_words[] = {
	"BOOT_IMAGE",
	"root",
	"rootflags",
	"rootfstype",
	"rw",
	"ro",
	"init",
	"initrd",
	"quiet",
	"earlyprintk",
	"earlycon",
	"reboot",
	"pci",
	"noapic",
	"noacpi",
	"nolapic",
	"acpi",
	"i8042.*",
	"virtio_mmio.device",
	"ip6",
	"nomodule",
	"nomodules",
	"notsc",
	"no_timer_check",
	"tsc",
	"noreplace-smp",
	"nr_cpus",
	"maxcpus",
	"random.trust_cpu",
	"mitigations",
	"loglevel",
	"debug",
	"8250.*",
	"net.ifnames",
	"biosdevname",
	"vga",
	"video",
	"splash",
	"nosplash",
	"clocksource",
	"rcupdate.*",
	"rcu_*",
	"swiotlb",
	"iommu",
	"intel_iommu",
	"crashkernel",
	"systemd.*",
	"rd.*",
	"modprobe.*",
	"consoleblank",
	"printk.*",
	"pnpacpi",
	"BOOTIF",
	"no_hash_pointers",
	"kvm-intel.*",
	"cryptomgr.notests",
	"page_poison",
	"nomodeset",
};

static bool is_linux_word(const char *key)
{
	for (unsigned int i = 0; i < sizeof(linux_words) / sizeof(linux_words[0]); i++) {
		size_t length = strlen(linux_words[i]);

		if (linux_words[i][length - 1] == '*' && !strncmp(key, linux_words[i], length - 1))
			return true;
		if (!strcmp(key, linux_words[i]))
			return true;
	}
	return false;
}

/* What loaders and VMMs add for Linux under a key that is ours too: it means nothing here either. */
static bool is_linux_value(const char *key, const char *value)
{
	if (!strcmp(key, "panic")) {
		/* Seconds until it restarts; negative: at once. */
		value += *value == '-';
		return *value && !value[strspn(value, "0123456789")];
	}
	/* CLIENT:SERVER:GATEWAY:NETMASK:HOSTNAME:DEVICE:METHOD:... */
	return !strcmp(key, "ip") && strchr(value, ':');
}

static const struct option *find_option(const char *key)
{
	TABLE_FOREACH (options, struct option, option)
		if (!strcmp(option->key, key))
			return option;
	return NULL;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * The next word of *text, its quotes taken off, or NULL. A quote that is not closed ends with the
 * line. The word is cut out in place: *text goes to what follows.
 */
static char *next_word(char **text)
{
	char *word, *out, *in;
	bool quoted = false;

	while (is_space(**text))
		(*text)++;
	if (!**text)
		return NULL;
	word = out = in = *text;
	for (; *in && (quoted || !is_space(*in)); in++) {
		if (*in == '"')
			quoted = !quoted;
		else
			*out++ = *in;
	}
	*text = *in ? in + 1 : in;
	*out = '\0';
	return word;
}

static void take_word(char *text)
{
	char *equals = strchr(text, '=');
	const struct option *option;
	struct word *word;

	if (equals)
		*equals = '\0';
	option = find_option(text);
	if (!option) {
		if (!is_linux_word(text))
			log_warning(
				"unknown word \"%s\": ignored (the command `options` lists what there is)",
				text);
		return;
	}
	if (equals && is_linux_value(text, equals + 1))
		return;
	if (word_count == WORDS_MAX) {
		log_warning("more than %u words: \"%s\" is ignored", WORDS_MAX, text);
		return;
	}
	word = &words[word_count];
	word->key = text;
	word->value = equals ? equals + 1 : "";
	word->good = !option->check || option->check(word->value);
	if (!word->good)
		log_warning("%s=%s: expected %s: ignored", text, word->value, option->values);
	word_count++;
}

void options_parse(const char *command_line)
{
	char *text = taken_apart, *word;
	bool application = false;

	word_count = 0;
	application_count = 0;
	strncpy(whole, command_line, sizeof(whole) - 1);
	whole[sizeof(whole) - 1] = '\0';
	memcpy(taken_apart, whole, sizeof(whole));
	while ((word = next_word(&text))) {
		if (!application && !strcmp(word, "--")) {
			application = true;
			continue;
		}
		if (!application)
			take_word(word);
		else if (application_count < WORDS_MAX)
			application_words[application_count++] = word;
		else
			log_warning("more than %u words after --: \"%s\" is ignored", WORDS_MAX,
				    word);
	}
	application_words[application_count] = NULL;
}

const char *option_get(const char *key, const char *fallback)
{
	for (unsigned int i = word_count; i-- > 0;)
		if (words[i].good && !strcmp(words[i].key, key))
			return words[i].value;
	return fallback;
}

bool option_parse_number(const char *text, uint64_t *value)
{
	unsigned long long number;
	char *end;

	/* strtoull takes signs and spaces; an option does not. */
	if (*text < '0' || *text > '9')
		return false;
	number = strtoull(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
	if (*end || end == text)
		return false;
	*value = number;
	return true;
}

uint64_t option_number(const char *key, uint64_t minimum, uint64_t maximum, uint64_t fallback)
{
	const char *text = option_get(key, NULL);
	uint64_t value;

	if (!text)
		return fallback;
	if (!option_parse_number(text, &value) || value < minimum || value > maximum) {
		log_warning("%s=%s: expected a number from %llu to %llu: ignored", key, text,
			    (unsigned long long)minimum, (unsigned long long)maximum);
		return fallback;
	}
	return value;
}

void options_each(const char *key, bool (*function)(void *context, const char *value),
		  void *context)
{
	for (unsigned int i = 0; i < word_count; i++)
		if (words[i].good && !strcmp(words[i].key, key) &&
		    !function(context, words[i].value))
			return;
}

static bool has_word(const char *list, const char *word, char separator)
{
	size_t length = strlen(word);

	while (*list) {
		const char *end = strchr(list, separator);
		size_t part = end ? (size_t)(end - list) : strlen(list);

		if (part == length && !memcmp(list, word, length))
			return true;
		list += part + (end ? 1 : 0);
	}
	return false;
}

bool option_list_has(const char *list, const char *word)
{
	return has_word(list, word, ',');
}

bool option_one_of(const char *word, const char *alternatives)
{
	return *word && has_word(alternatives, word, '|');
}

const char *options_line(void)
{
	const char *line = whole;

	while (is_space(*line))
		line++;
	return line;
}

int options_application(char ***argv)
{
	*argv = application_words;
	return application_count;
}
