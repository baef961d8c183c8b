/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands `devices` and `lsmod` and the facts about virtio devices: driven, not driven, broken, given up. */
#include "drivers/block/block.h"
#include "drivers/virtio/virtio.h"
#include "kernel/facts/facts.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"
#include "kernel/time/clock.h"
#include "tests/device/virtio_model_net.h"
#include "tests/device/virtio_model_pci.h"
#include "tests/device/virtio_model_rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 65536

static struct virtio_model_net net;
static struct virtio_model_rng rng;
static struct virtio_model stranger;
static struct virtio_model_pci net_place, rng_place, stranger_place;
static char text[TEXT_MAX];

static void run(enum command_result result, const char *first, const char *second,
		const char *third, const char *fourth)
{
	const char *given[] = {first, second, third, fourth};
	char words[4][32], *argv[5] = {NULL};
	int argc = 0;

	for (; argc < 4 && given[argc]; argc++) {
		strcpy(words[argc], given[argc]);
		argv[argc] = words[argc];
	}
	host_command_clear();
	TABLE_FOREACH (commands, struct command, command)
		if (!strcmp(command->name, first))
			assert_int_equal(command->run(argc, argv), result);
	strcpy(text, host_command_output());
}

static void has(const char *part)
{
	if (!strstr(text, part))
		fail_msg("%s\nhas no\n%s", text, part);
}

static int collect(void *context, const char *piece, size_t length)
{
	size_t *all = context;

	assert_true(*all + length < sizeof(text));
	memcpy(text + *all, piece, length);
	*all += length;
	text[*all] = '\0';
	return 0;
}

static void facts(void)
{
	size_t length = 0;

	TABLE_FOREACH (facts, struct facts_section, section)
		if (!strcmp(section->name, "virtio"))
			assert_int_equal(facts_print_text(section->describe, collect, &length), 0);
}

static void boot(void)
{
	host_reset();
	host_threads();
	pci_model_reset();
	virtio_model_net_init(&net, 16);
	virtio_model_pci_init(&net_place, &net.model, 3, 4);
	virtio_model_rng_init(&rng);
	virtio_model_offer(&rng.model, 40, true); /* RING_RESET */
	virtio_model_pci_init(&rng_place, &rng.model, 4, 2);
	/* A type that nobody drives, with a bit that nobody knows. */
	virtio_model_init(&stranger, 63, 1, 8);
	virtio_model_pci_init(&stranger_place, &stranger, 5, 0);
	options_parse("");
	pci_model_boot();
}

static void settle(void)
{
	for (unsigned int i = 0; i < 100; i++) {
		recovery_run();
		host_clock_advance(NANOSECONDS_PER_SECOND);
	}
}

static void none(void **state)
{
	(void)state;
	host_reset();
	run(COMMAND_OK, "devices", NULL, NULL, NULL);
	assert_string_equal(text, "no devices\n");
	run(COMMAND_OK, "lsmod", NULL, NULL, NULL);
	assert_string_equal(text, "Module                  Size  Used by\n");
}

static void all_are_listed(void **state)
{
	(void)state;
	boot();
	run(COMMAND_OK, "devices", NULL, NULL, NULL);
	has("virtio0: network, pci modern at 00:03.0, driver virtio_net, driven, interrupts msix\n"
	    "    features: csum guest_csum mac mrg_rxbuf status ");
	has("    queue 0: virtio0-receive0, split, size 16, free 0; added 16, taken 0, kicks 1,");
	has("virtio1: entropy, pci modern at 00:04.0, driver virtio_rng, driven, interrupts msix\n");
	has("virtio2: unknown, pci modern at 00:05.0, driver none, no driver, ");
	run(COMMAND_OK, "devices", "-s", NULL, NULL);
	assert_null(strstr(text, "queue"));
	run(COMMAND_USAGE, "devices", "-x", NULL, NULL);
	run(COMMAND_USAGE, "devices", "reset", NULL, NULL);
	run(COMMAND_OK, "lsmod", NULL, NULL, NULL);
	has("virtio_net                 0  0\nvirtio_rng                 0  0\n"
	    "virtio_pci                 0  0\nvirtio_ring                0  3 "
	    "virtio_net,virtio_rng,virtio_pci\n");
	assert_null(strstr(text, "virtio_blk"));
	run(COMMAND_USAGE, "lsmod", "x", NULL, NULL);
	facts();
	has("name: virtio0");
	has("transport: pci modern");
	has("state: driven");
	has("driver: none");
	has("state: no driver");
	has("format: split");
	assert_null(strstr(text, "failure"));
}

static void resets_by_hand(void **state)
{
	(void)state;
	run(COMMAND_FAILED, "devices", "reset", "virtio9", NULL);
	assert_string_equal(text, "virtio9: no such device, or nothing drives it\n");
	run(COMMAND_FAILED, "devices", "reset", "00:05.0", NULL);
	run(COMMAND_FAILED, "devices", "reset", "virtio1", "65536");
	run(COMMAND_USAGE, "devices", "reset", "virtio1", "x");
	run(COMMAND_FAILED, "devices", "reset", "virtio1", "7");
	assert_string_equal(text, "virtio1: has no queue 7\n");
	/* A queue alone: the entropy driver has no way for that. */
	run(COMMAND_OK, "devices", "reset", "virtio1", "0");
	assert_string_equal(text, "virtio1: queue 0 cannot be reset alone, the whole device is\n");
	run(COMMAND_FAILED, "devices", "reset", "virtio1", "0");
	has("virtio1: queue 0 was not reset: the device ");
	run(COMMAND_OK, "devices", NULL, NULL, NULL);
	has("driver virtio_rng, broken, ");
	facts();
	has("failure: ");
	settle();
	run(COMMAND_OK, "devices", NULL, NULL, NULL);
	has("driver virtio_rng, driven, interrupts msix\n    recovered 1 times\n");
	run(COMMAND_OK, "devices", "reset", "00:04.0", NULL);
	run(COMMAND_OK, "devices", NULL, NULL, NULL);
	has("driver virtio_rng, broken, interrupts msix\n    was reset by hand\n");
	settle();
	run(COMMAND_OK, "devices", NULL, NULL, NULL);
	has("recovered 2 times");
}

static void one_that_does_not_come_back(void **state)
{
	(void)state;
	rng.model.refuse_features = true;
	run(COMMAND_OK, "devices", "reset", "virtio1", NULL);
	recovery_run();
	run(COMMAND_OK, "devices", NULL, NULL, NULL);
	has("driver virtio_rng, waits for a reset, ");
	settle();
	run(COMMAND_OK, "devices", NULL, NULL, NULL);
	has("driver virtio_rng, given up, ");
	facts();
	has("state: given up");
	virtio_shutdown(virtio_first());
	run(COMMAND_OK, "devices", NULL, NULL, NULL);
	has("driver virtio_net, stopped, ");
	assert_int_equal(net.model.violations, 0);
	assert_int_equal(rng.model.violations, 0);
	virtio_model_net_free(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none),
		cmocka_unit_test(all_are_listed),
		cmocka_unit_test(resets_by_hand),
		cmocka_unit_test(one_that_does_not_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
