/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order in which the machine comes up. Each step stands on the ones before; nothing here knows
 * how any of them is done.
 */
#define LOG_AREA "kernel"
#include "kernel/main.h"

#include "boot/loaded_from.h"
#include "drivers/console/screen.h"
#include "drivers/console/serial.h"
#include "drivers/pci/pci.h"
#include "drivers/virtio/transports/mmio.h"
#include "kernel/cold/cold.h"
#include "kernel/console/console.h"
#include "kernel/console/log.h"
#include "kernel/facts/facts.h"
#include "kernel/job.h"
#include "kernel/memory/memory.h"
#include "kernel/milestone.h"
#include "kernel/options/options.h"
#include "kernel/panic.h"
#include "kernel/platform.h"
#include "kernel/random/random.h"
#include "kernel/stack_protector.h"
#include "kernel/thread/scheduler.h"
#include "kernel/thread/watchdog.h"
#include "kernel/time/clock_source.h"
#include "kernel/version.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/smp.h"
#include "net/lwip/stack.h"

#include <string.h>

/* Jobs call deep: commands, printing, network. */
#define JOB_STACK (64u << 10)

static const struct boot_info *boot;

/* What WITHOUT= of the build left out of this image, with blanks between (Makefile). */
extern const char built_without[];

static const struct job *find_job(const char *name)
{
	TABLE_FOREACH (jobs, struct job, job)
		if (!strcmp(job->name, name))
			return job;
	return NULL;
}

enum exit_code job_run(const char *name)
{
	const struct job *job = find_job(name);

	if (!job)
		return EXIT_USAGE;
	return cold_need(job->run) < 0 ? EXIT_JOB_FAILED : job->run();
}

OPTION(run, "run", "JOB", "the job to run, one of those that `help` lists (default: shell)", NULL);

const struct boot_info *boot_information(void)
{
	return boot;
}

/*
 * The job that was asked for, NULL when there is none of that name. An application's image has one more
 * job, its main(), and that is what it does unasked.
 */
static const struct job *chosen_job(void)
{
	const char *name = option_get("run", NULL);

	if (name)
		return find_job(name);
	return find_job("application") ? find_job("application") : find_job("shell");
}

/* Everything that may sleep. */
static void start(void *unused)
{
	const struct job *job;

	(void)unused;
	milestone("first thread");
	smp_start_others();
	milestone("other CPUs");
	memory_release_boot(boot);
	serial_start_input();
	pci_init();
	milestone("PCI devices found");
	screen_say_where(boot);
	job = chosen_job();
	/* A job that has the machine for itself may keep its CPUs busy. */
	if (!job || !job->alone) {
		watchdog_start();
		exit_by_button();
		pci_bind_drivers();
		milestone("PCI devices driven");
		virtio_mmio_init();
		milestone("MMIO devices driven");
		console_settle();
		milestone("consoles");
	}
	if (!job) {
		/* Nobody may be there to see a shell: whoever started this gets a status. */
		log_error("run=%s: there is no such job%s%s", option_get("run", ""),
			  *built_without ? "; this image was built without " : "", built_without);
		exit_job(EXIT_USAGE);
	}
	if (!job->alone)
		network_stack_start();
	milestone("network stack");
	if (job->network_wait)
		(void)network_stack_wait(job->network_wait);
	milestone("network waited for");
	log_info("job %s", job->name);
	exit_job(job_run(job->name));
}

void kernel_main(const struct boot_info *info)
{
	static const struct thread_options job_options = {.stack_size = JOB_STACK};
	uint64_t canary;

	boot = info;
	smp_boot_cpu();
	clock_start(info->entry_tsc);
	milestone("entered, page tables, descriptors");
	console_printf("%s, booted by %s\n", RINGSIDE, info->method);
	options_parse(info->command_line);
	log_show();
	serial_init();
	if (info->command_line_cut)
		log_warning("the command line is longer than %u characters: the rest is ignored",
			    BOOT_COMMAND_LINE_MAX - 1);
	milestone("first line, options, serial port");
	memory_init(info);
	milestone("memory");
	loaded_from_find(info);
	platform_init(info);
	milestone("firmware's tables");
	cpu_find_barrier(platform.cpu_count);
	apic_init();
	clock_begin();
	ioapic_init();
	milestone("interrupt controllers");
	/* What needs no clock is done while it is measured. */
	random_init();
	random_bytes(&canary, sizeof(canary));
	stack_protector_seed(canary);
	milestone("random numbers");
	if (!thread_create("job", start, NULL, &job_options))
		panic("no memory for the first thread");
	clock_init();
	milestone("clocks");
	scheduler_idle();
}

static void describe_boot(struct facts *facts)
{
	fact_text(facts, "version", RINGSIDE_VERSION);
	fact_text(facts, "commit", RINGSIDE_COMMIT);
	fact_text(facts, "method", boot->method);
	if (loaded_from())
		fact_text(facts, "loaded_from", loaded_from());
	else
		fact_none(facts, "loaded_from");
	fact_text(facts, "command_line", boot->command_line);
	fact_hex(facts, "image_at", boot->image_start);
	fact_number(facts, "modules", boot->module_count);
}
FACTS(boot, "boot", 10, describe_boot);
