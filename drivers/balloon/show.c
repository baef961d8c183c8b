/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of the balloon: facts, and the command `balloon`. */
#include "drivers/balloon/balloon.h"

#include "kernel/shell/command.h"

#include <inttypes.h>

static void describe(struct facts *facts)
{
	const struct balloon *balloon = balloon_get();
	const struct balloon_counters *counters;

	fact_flag(facts, "present", balloon != NULL);
	if (!balloon)
		return;
	counters = &balloon->counters;
	fact_text(facts, "virtio_device", balloon->virtio->name);
	fact_text(facts, "interrupt_mode", balloon->virtio->interrupt_mode);
	fact_flag(facts, "running", balloon->running);
	fact_bytes(facts, "target", (uint64_t)balloon->target * PAGE_SIZE);
	fact_bytes(facts, "actual", (uint64_t)balloon->actual * PAGE_SIZE);
	fact_bytes(facts, "reserve", balloon->reserve * PAGE_SIZE);
	fact_flag(facts, "short_of_target", balloon->is_short);
	fact_bytes(facts, "inflated", counters->inflated * PAGE_SIZE);
	fact_bytes(facts, "deflated", counters->deflated * PAGE_SIZE);
	fact_bytes(facts, "deflated_out_of_memory", counters->deflated_oom * PAGE_SIZE);
	fact_number(facts, "statistics_answers", counters->statistics);
	fact_number(facts, "hint_rounds", counters->hint_rounds);
	fact_number(facts, "hint_rounds_stopped", counters->hint_stopped);
	fact_bytes(facts, "hinted", counters->hinted * PAGE_SIZE);
	fact_number(facts, "reports", counters->reports);
	fact_bytes(facts, "reported", counters->reported * PAGE_SIZE);
	fact_number(facts, "nudges", counters->nudges);
	if (balloon->poison)
		fact_hex(facts, "poison", balloon->poison_value);
	else
		fact_none(facts, "poison");
}
FACTS(balloon, "balloon", 35, describe);

static uint64_t kib(uint64_t pages)
{
	return pages * (PAGE_SIZE / 1024);
}

static const char *yes_no(bool yes)
{
	return yes ? "yes" : "no";
}

static enum command_result command_balloon(int argc, char **argv)
{
	const struct balloon *balloon = balloon_get();
	const struct balloon_counters *counters;
	const struct virtio_device *device;

	(void)argv;
	if (argc != 1)
		return COMMAND_USAGE;
	if (!balloon) {
		command_print("no balloon\n");
		return COMMAND_OK;
	}
	counters = &balloon->counters;
	device = balloon->virtio;
	command_print("%s at %s, interrupts %s, %s\n", device->name, device->bus_name,
		      device->interrupt_mode, balloon->running ? "running" : "stopped");
	command_print("  target     %12" PRIu64 " KiB%s\n", kib(balloon->target),
		      balloon->is_short ? " (the rest is needed here)" : "");
	command_print("  actual     %12" PRIu64 " KiB\n", kib(balloon->actual));
	command_print("  reserve    %12" PRIu64 " KiB\n", kib(balloon->reserve));
	command_print("  inflated   %12" PRIu64 " KiB\n", kib(counters->inflated));
	command_print("  deflated   %12" PRIu64 " KiB, %" PRIu64
		      " KiB of them out of memory (allowed: %s)\n",
		      kib(counters->deflated), kib(counters->deflated_oom),
		      yes_no(virtio_has(device, BALLOON_F_DEFLATE_ON_OOM)));
	command_print("  must tell  %12s\n", yes_no(virtio_has(device, BALLOON_F_MUST_TELL_HOST)));
	if (balloon_has(balloon, BALLOON_STATISTICS))
		command_print("  statistics %12" PRIu64 " answers\n", counters->statistics);
	if (balloon_has(balloon, BALLOON_HINT))
		command_print("  hinted     %12" PRIu64 " KiB in %" PRIu64 " rounds, %" PRIu64
			      " ended by the host\n",
			      kib(counters->hinted), counters->hint_rounds, counters->hint_stopped);
	if (balloon_has(balloon, BALLOON_REPORT))
		command_print("  reported   %12" PRIu64 " KiB in %" PRIu64 " reports\n",
			      kib(counters->reported), counters->reports);
	if (balloon->poison)
		command_print("  poison       0x%08" PRIx32 "\n", balloon->poison_value);
	return COMMAND_OK;
}
COMMAND(balloon, "balloon", "what the host has of our memory, wants of it, and was told of it",
	command_balloon);
