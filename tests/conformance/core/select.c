/* SPDX-License-Identifier: BSD-2-Clause */
/* Which cases run where: globs, device types, needs. */
#include "tests/conformance/case.h"
#include "tests/conformance/core/suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GLOB_MAX 96u
#define SEPARATORS ", \t"

static bool glob(const char *pattern, size_t length, const char *text)
{
	/* Where to go on when what follows the last star does not match. */
	const char *star = NULL, *resume = NULL, *end = pattern + length;

	while (*text) {
		if (pattern < end && (*pattern == '?' || (*pattern == *text && *pattern != '*'))) {
			pattern++;
			text++;
		} else if (pattern < end && *pattern == '*') {
			star = ++pattern;
			resume = text;
		} else if (star) {
			pattern = star;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

bool suite_matches(const char *list, const char *text)
{
	while (*list) {
		size_t length;

		list += strspn(list, SEPARATORS);
		length = strcspn(list, SEPARATORS);
		if (length && glob(list, length, text))
			return true;
		list += length;
	}
	return false;
}

static const struct {
	uint32_t device;
	const char *name;
} names[] = {
	{DEVICE_NET, "net"},	     {DEVICE_BLOCK, "block"},	  {DEVICE_CONSOLE, "console"},
	{DEVICE_ENTROPY, "entropy"}, {DEVICE_BALLOON, "balloon"},
};

const char *suite_device_name(uint32_t device)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].device == device)
			return names[i].name;
	return "device";
}

bool suite_applies(const struct conformance_target *t, const struct conformance_case *test)
{
	uint32_t devices = test->needs.devices ? test->needs.devices : DEVICES_ALL;
	uint8_t transports = test->needs.transports ? test->needs.transports : TRANSPORTS_MODERN;

	return t->device < 32 && devices >> t->device & 1 && transports & t->transport;
}

/* The clause after `place`, which moves on; the length is stored. NULL: there is none left. */
const char *suite_next_clause(const char **place, size_t *length)
{
	const char *clause = *place + strspn(*place, SEPARATORS);

	*length = strcspn(clause, SEPARATORS);
	*place = clause + *length;
	return *length ? clause : NULL;
}

static bool matches_case(const char *list, const struct conformance_case *test)
{
	const char *place = test->clauses, *clause;
	char id[GLOB_MAX];
	size_t length;

	if (suite_matches(list, test->name))
		return true;
	while ((clause = suite_next_clause(&place, &length)) != NULL) {
		sniprintf(id, sizeof(id), "%.*s", (int)length, clause);
		if (suite_matches(list, id))
			return true;
	}
	return false;
}

bool suite_selects_device(const struct suite_options *options, uint32_t device, const char *name)
{
	char both[GLOB_MAX];

	if (!options->device)
		return true;
	sniprintf(both, sizeof(both), "%s@%s", suite_device_name(device), name);
	return suite_matches(options->device, name) || suite_matches(options->device, both) ||
	       suite_matches(options->device, suite_device_name(device));
}

bool suite_selected(const struct suite_options *options, const struct conformance_target *t,
		    const struct conformance_case *test)
{
	return suite_selects_device(options, t->device, t->name) && suite_applies(t, test) &&
	       (!options->only || matches_case(options->only, test)) &&
	       (!options->skip || !matches_case(options->skip, test));
}

/* The newest clause decides: a device of an older version owes none of the claim. */
static const struct conformance_clause *too_new(const struct suite_options *options,
						const struct conformance_case *test)
{
	const char *place = test->clauses, *clause;
	size_t length;

	while ((clause = suite_next_clause(&place, &length)) != NULL) {
		const struct conformance_clause *found = conformance_clause_find(clause, length);

		if (found && found->since > options->spec)
			return found;
	}
	return NULL;
}

bool suite_names_instance(const char *list, const struct conformance_target *t,
			  const struct conformance_case *test)
{
	char text[GLOB_MAX];

	if (!list)
		return false;
	sniprintf(text, sizeof(text), "%s@%s", test->name, suite_device_name(t->device));
	if (suite_matches(list, text))
		return true;
	sniprintf(text, sizeof(text), "%s@%s", test->name, t->name);
	return suite_matches(list, text);
}

const char *suite_obstacle(const struct suite_options *options, struct conformance_target *t,
			   const struct conformance_case *test, char *text, size_t size)
{
	const struct conformance_needs *needs = &test->needs;
	const struct conformance_clause *newer = too_new(options, test);
	uint64_t missing;
	unsigned int queues;

	if (newer) {
		sniprintf(text, size, "%s is of virtio 1.%u, and conform.spec is 1.%u", newer->id,
			  newer->since, options->spec);
		return text;
	}
	if (suite_names_instance(options->leave, t, test))
		return "this VMM is known to hang or to end in it (conform.leave)";
	if (needs->slow && options->quick)
		return "takes long, and conform.slow=0 leaves such cases out";
	if (needs->writes && t->device == DEVICE_BLOCK && !t->may_write)
		return "would write to a disk whose serial does not start with `ringside` (conform.destroy= allows it)";
	if (needs->host && !t->host_acts) {
		sniprintf(text, size, "nobody answers for the host (%s)", needs->host);
		return text;
	}
	if (needs->vectors > t->msix_count) {
		sniprintf(text, size, "the device has %u MSI-X vectors, %u are needed",
			  t->msix_count, needs->vectors);
		return text;
	}
	if (needs->line && !t->line)
		return "there is no interrupt line";
	if (needs->interrupts && !t->line && !t->msix_count)
		return "the device has no interrupts";
	if (needs->cpus > t->cpus) {
		sniprintf(text, size, "the machine has %u CPUs, %u are needed", t->cpus,
			  needs->cpus);
		return text;
	}
	missing = needs->features ? needs->features & ~features_offered(t) : 0;
	if (missing) {
		unsigned int bit = 0;

		while (!(missing >> bit & 1))
			bit++;
		sniprintf(text, size, "the device does not offer feature bit %u", bit);
		return text;
	}
	queues = needs->queues ? queue_count(t) : 0;
	if (queues < needs->queues) {
		sniprintf(text, size, "the device has %u queues, %u are needed", queues,
			  needs->queues);
		return text;
	}
	return NULL;
}
