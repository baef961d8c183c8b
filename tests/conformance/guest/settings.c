/* SPDX-License-Identifier: BSD-2-Clause */
#define LOG_AREA "conform"
#include "tests/conformance/guest/settings.h"

#include "kernel/console/log.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX 24
#define INSTANCES_MAX 10000000
#define TIMEOUT_MAX 3600
#define REPEAT_MAX 10000

/* No check: a value that is wrong ends the run, and is not ignored with a warning. */
OPTION(conform_only, "conform.only", "GLOB[,GLOB...]",
       "run=conform: the cases to run, by name or clause (default: all)", NULL);
OPTION(conform_brief, "conform.brief", "CASE@DEVICE[,...]",
       "run=conform: cases that are known to wait in vain on that device: half a second is enough",
       NULL);
OPTION(conform_leave, "conform.leave", "CASE@DEVICE[,...]",
       "run=conform: cases that are skipped on that device: the VMM hangs in them", NULL);
OPTION(conform_skip, "conform.skip", "GLOB[,GLOB...]",
       "run=conform: the cases not to run, by name or clause (default: none)", NULL);
OPTION(conform_device, "conform.device", "GLOB[,GLOB...]",
       "run=conform: the devices to test, by address or type (default: all)", NULL);
OPTION(conform_from, "conform.from", "1..10000000",
       "run=conform: the number of the case to begin with (default: 1)", NULL);
OPTION(conform_list, "conform.list", "0|1",
       "run=conform: say what would run, and run nothing (default: 0)", NULL);
OPTION(conform_spec, "conform.spec", "1.0|1.1|1.2|1.3|1.4",
       "run=conform: the version of virtio that is asked for (default: 1.4)", NULL);
OPTION(conform_strict, "conform.strict", "must|should",
       "run=conform: what fails when it is broken (default: must)", NULL);
OPTION(conform_slow, "conform.slow", "0|1",
       "run=conform: run cases that take a second and more, too (default: 1)", NULL);
OPTION(conform_report, "conform.report", "tap|json",
       "run=conform: the form of what is printed (default: tap)", NULL);
OPTION(conform_verbose, "conform.verbose", "0|1",
       "run=conform: details of cases that pass, too (default: 0)", NULL);
OPTION(conform_timeout, "conform.timeout", "1..3600",
       "run=conform: seconds to wait for what must happen (default: 5)", NULL);
OPTION(conform_repeat, "conform.repeat", "1..10000",
       "run=conform: how often each case runs, to see that its verdict is always the same (default: 1)",
       NULL);
OPTION(conform_destroy, "conform.destroy", "ADDRESS[,ADDRESS...]|all",
       "run=conform: disks that may be overwritten whatever their serial is (default: none)", NULL);
OPTION(conform_config, "conform.config", "NAME",
       "run=conform: what the machine is called in the report (default: guest)", NULL);
OPTION(conform_host, "conform.host", "0|1",
       "run=conform: somebody on the console answers requests to the host (default: 0)", NULL);

static bool set_text(const char **text, const char *value)
{
	*text = value;
	return *value;
}

static bool set_flag(bool *flag, const char *value)
{
	*flag = !strcmp(value, "1");
	return option_one_of(value, "0|1");
}

static bool set_number(unsigned int *number, const char *value, uint64_t most)
{
	uint64_t parsed;

	if (!option_parse_number(value, &parsed) || !parsed || parsed > most)
		return false;
	*number = (unsigned int)parsed;
	return true;
}

static bool set_only(struct settings *settings, const char *value)
{
	return set_text(&settings->suite.only, value);
}

static bool set_brief(struct settings *settings, const char *value)
{
	return set_text(&settings->suite.brief, value);
}

static bool set_leave(struct settings *settings, const char *value)
{
	return set_text(&settings->suite.leave, value);
}

static bool set_skip(struct settings *settings, const char *value)
{
	return set_text(&settings->suite.skip, value);
}

static bool set_device(struct settings *settings, const char *value)
{
	return set_text(&settings->suite.device, value);
}

static bool set_from(struct settings *settings, const char *value)
{
	return set_number(&settings->suite.from, value, INSTANCES_MAX);
}

static bool set_list(struct settings *settings, const char *value)
{
	return set_flag(&settings->suite.list, value);
}

static bool set_spec(struct settings *settings, const char *value)
{
	if (!option_one_of(value, "1.0|1.1|1.2|1.3|1.4"))
		return false;
	settings->suite.spec = (unsigned int)(value[2] - '0');
	return true;
}

static bool set_strict(struct settings *settings, const char *value)
{
	settings->suite.strict = !strcmp(value, "should");
	return option_one_of(value, "must|should");
}

static bool set_slow(struct settings *settings, const char *value)
{
	settings->suite.quick = !strcmp(value, "0");
	return option_one_of(value, "0|1");
}

static bool set_report(struct settings *settings, const char *value)
{
	settings->suite.report = strcmp(value, "json") ? REPORT_TAP : REPORT_JSON;
	return option_one_of(value, "tap|json");
}

static bool set_verbose(struct settings *settings, const char *value)
{
	return set_flag(&settings->suite.verbose, value);
}

static bool set_timeout(struct settings *settings, const char *value)
{
	return set_number(&settings->suite.timeout, value, TIMEOUT_MAX);
}

static bool set_repeat(struct settings *settings, const char *value)
{
	return set_number(&settings->suite.repeat, value, REPEAT_MAX);
}

static bool set_destroy(struct settings *settings, const char *value)
{
	return set_text(&settings->destroy, !strcmp(value, "all") ? "*" : value);
}

static bool set_config(struct settings *settings, const char *value)
{
	return set_text(&settings->configuration, value);
}

static bool set_host(struct settings *settings, const char *value)
{
	return set_flag(&settings->host, value);
}

static const struct {
	const char *name;
	bool (*set)(struct settings *settings, const char *value);
	bool alone; /* in the shell it stands for 1 without a value */
} known[] = {
	{"only", set_only, false},	 {"skip", set_skip, false},
	{"leave", set_leave, false},	 {"brief", set_brief, false},
	{"device", set_device, false},	 {"from", set_from, false},
	{"list", set_list, true},	 {"spec", set_spec, false},
	{"strict", set_strict, false},	 {"slow", set_slow, false},
	{"report", set_report, false},	 {"verbose", set_verbose, true},
	{"timeout", set_timeout, false}, {"repeat", set_repeat, false},
	{"destroy", set_destroy, false}, {"config", set_config, false},
	{"host", set_host, true},
};
#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

static void key_of(char key[KEY_MAX], const char *name)
{
	sniprintf(key, KEY_MAX, "conform.%s", name);
}

/* What the option's values are, as documented. */
static const char *values_of(const char *name)
{
	char key[KEY_MAX];

	key_of(key, name);
	TABLE_FOREACH (options, struct option, option)
		if (!strcmp(option->key, key))
			return option->values;
	return "another value";
}

static void set_defaults(struct settings *settings)
{
	*settings = (struct settings){.suite = SUITE_OPTIONS_DEFAULT, .configuration = "guest"};
}

bool settings_of_options(struct settings *settings)
{
	set_defaults(settings);
	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		const char *value;
		char key[KEY_MAX];

		key_of(key, known[i].name);
		value = option_get(key, NULL);
		if (!value || known[i].set(settings, value))
			continue;
		log_error("%s=%s: expected %s", key, value, values_of(known[i].name));
		return false;
	}
	return true;
}

bool settings_of_command(struct settings *settings, int argc, char **argv)
{
	set_defaults(settings);
	for (int i = 1; i < argc; i++) {
		const char *name = !strncmp(argv[i], "--", 2) ? argv[i] + 2 : "", *value;
		size_t at = 0;

		while (at < KNOWN_COUNT && strcmp(known[at].name, name))
			at++;
		if (at == KNOWN_COUNT) {
			command_print("conform: %s: no such option\n", argv[i]);
			return false;
		}
		value = known[at].alone ? "1" : i + 1 < argc ? argv[++i] : "";
		if (known[at].set(settings, value))
			continue;
		command_print("conform: --%s %s: expected %s\n", name, value, values_of(name));
		return false;
	}
	return true;
}
