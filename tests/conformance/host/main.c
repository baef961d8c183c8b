/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conformance suite on the host, against the model device: `build/conform/model --help`. The cases and the core are
 * the image's own sources; only what is under tests/conformance/target.h is another.
 */
#include "tests/conformance/core/suite.h"
#include "tests/conformance/host/model.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
	"Usage: model [--only GLOBS] [--skip GLOBS] [--device NAME] [--config GLOBS] [--fault NAME]\n"
	"             [--list] [--list-faults] [--verbose] [--mutation [FAULTS]] [--complete]\n"
	"\n"
	"Runs the conformance suite on the model device, in every way of presenting it, and prints TAP.\n"
	"  --fault NAME     the device has this fault\n"
	"  --list-faults    the faults, and what each is\n"
	"  --mutation       runs the suite under every fault (--only: these) and prints which cases notice it\n"
	"  --complete       of mutation: a case that no fault can make fail is an error\n";

enum {
	ONLY = 256,
	SKIP,
	DEVICE_NAME,
	CONFIG,
	FAULT_NAME,
	LIST,
	LIST_FAULTS,
	VERBOSE,
	MUTATION,
	COMPLETE,
	HELP
};

static const struct option long_options[] = {
	{"only", required_argument, NULL, ONLY},
	{"skip", required_argument, NULL, SKIP},
	{"device", required_argument, NULL, DEVICE_NAME},
	{"config", required_argument, NULL, CONFIG},
	{"fault", required_argument, NULL, FAULT_NAME},
	{"list", no_argument, NULL, LIST},
	{"list-faults", no_argument, NULL, LIST_FAULTS},
	{"verbose", no_argument, NULL, VERBOSE},
	{"mutation", no_argument, NULL, MUTATION},
	{"complete", no_argument, NULL, COMPLETE},
	{"help", no_argument, NULL, HELP},
	{NULL, 0, NULL, 0},
};

static void print_line(void *context, const char *line)
{
	(void)context;
	puts(line);
}

static void list_faults(void)
{
	for (unsigned int i = FAULT_NONE + 1; i < FAULTS; i++)
		printf("%-32s %s\n", fault_rows[i].name, fault_rows[i].text);
}

static int run(const struct suite_options *options, const char *configurations)
{
	struct conformance_target *chosen[MODEL_TARGETS_MAX];
	struct suite_result result;
	unsigned int count = 0;

	for (unsigned int i = 0; i < model_target_count; i++)
		if (!configurations ||
		    suite_matches(configurations, model_targets[i].target.configuration))
			chosen[count++] = &model_targets[i].target;
	if (suite_run(options, chosen, count, print_line, NULL, &result)) {
		fputs("model: nothing was selected\n", stderr);
		return 2;
	}
	return result.failed != 0;
}

int main(int argc, char **argv)
{
	struct suite_options options = SUITE_OPTIONS_DEFAULT;
	const char *configurations = NULL;
	bool mutation = false, complete = false;
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case ONLY:
			options.only = optarg;
			break;
		case SKIP:
			options.skip = optarg;
			break;
		case DEVICE_NAME:
			options.device = optarg;
			break;
		case CONFIG:
			configurations = optarg;
			break;
		case FAULT_NAME:
			fault_now = fault_find(optarg);
			if (fault_now == FAULTS) {
				fprintf(stderr, "model: there is no fault %s (--list-faults)\n",
					optarg);
				return 2;
			}
			break;
		case LIST:
			options.list = true;
			break;
		case LIST_FAULTS:
			list_faults();
			return 0;
		case VERBOSE:
			options.verbose = true;
			break;
		case MUTATION:
			mutation = true;
			break;
		case COMPLETE:
			complete = true;
			break;
		default:
			fputs(usage, option == HELP ? stdout : stderr);
			return option == HELP ? 0 : 2;
		}
	}
	model_targets_make();
	return mutation ? model_mutation(options.only, complete) : run(&options, configurations);
}
