/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel command line, and the values of all options in it. */
#include "drivers/virtio/transports/mmio.h"
#include "kernel/options/options.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define LINE_MAX_HERE 2048

static bool look(void *context, const char *value)
{
	size_t *sum = context;

	*sum += strlen(value);
	return true;
}

static bool place(void *context, const struct virtio_mmio_place *found)
{
	uint64_t *sum = context;

	*sum += found->address + found->length;
	return true;
}

void fuzz_target(void)
{
	uint8_t first = fuzz_byte();
	char *line = fuzz_text(LINE_MAX_HERE), **argv;
	size_t sum = 0, index = 0;
	uint64_t places = 0;
	int argc;

	options_parse(line);
	TABLE_FOREACH (options, struct option, option) {
		const char *value = option_get(option->key, NULL);

		if (value)
			sum += strlen(value);
		(void)option_number(option->key, 1, 1000, 7);
		options_each(option->key, look, &sum);
		/* And the rest of the line as the value of the one that was chosen. */
		if (option->check && index++ == first)
			(void)option->check(line);
	}
	virtio_mmio_each(place, &places);
	argc = options_application(&argv);
	fuzz_check(argc >= 0, "%d words of the application", argc);
	for (int i = 0; i < argc; i++)
		sum += strlen(argv[i]);
	fuzz_check(strlen(options_line()) <= strlen(line), "the line has grown");
}
