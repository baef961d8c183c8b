/* SPDX-License-Identifier: BSD-2-Clause */
#define LOG_AREA "power"
#include "kernel/exit.h"

#include "kernel/cold/cold.h"
#include "kernel/console/console.h"
#include "kernel/console/log.h"
#include "kernel/options/options.h"
#include "kernel/platform.h"
#include "kernel/shell/command.h"
#include "kernel/thread/thread.h"
#include "kernel/x86/cpu.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool exit_check(const char *value)
{
	return option_one_of(value, "auto|halt|reboot");
}
OPTION(exit, "exit", "auto|halt|reboot", "what follows the end of a job (default: auto, power off)",
       exit_check);

static bool panic_check(const char *value)
{
	return option_one_of(value, "exit|halt|reboot");
}
OPTION(panic, "panic", "exit|halt|reboot", "what follows a panic's report (default: exit)",
       panic_check);

static const char *describe(enum exit_code code)
{
	switch (code) {
	case EXIT_OK:
		return "success";
	case EXIT_JOB_FAILED:
		return "the job failed";
	case EXIT_PANIC:
		return "panic";
	case EXIT_USAGE:
		break;
	}
	return "bad usage, or nothing to do";
}

static void halt(const char *why) __attribute__((noreturn));
static void halt(const char *why)
{
	console_printf("ringside: halted: %s\n", why);
	console_drain();
	cpu_halt_forever();
	__builtin_unreachable();
}

static void reboot(void) __attribute__((noreturn));
static void reboot(void)
{
	console_printf("ringside: reboot\n");
	console_drain();
	platform_reset();
	cpu_triple_fault();
}

static bool silent;

void exit_without_words(void)
{
	silent = true;
}

void exit_machine(enum exit_code code)
{
	interrupts_off();
	if (!silent || code == EXIT_PANIC)
		console_printf("ringside: exit %u: %s\n", code, describe(code));
	console_drain();
	if (code != EXIT_OK && debug_exit_present())
		debug_exit((uint8_t)code);
	platform_power_off();
	/* A machine that cannot be switched off ends, for most VMMs, with a reset. */
	platform_reset();
	cpu_triple_fault();
}

void exit_job(enum exit_code code)
{
	const char *policy = option_get("exit", "auto");

	if (!strcmp(policy, "halt"))
		halt(describe(code));
	if (!strcmp(policy, "reboot"))
		reboot();
	exit_machine(code);
}

void exit_panic(void)
{
	const char *policy = option_get("panic", "exit");

	console_drain();
	if (!strcmp(policy, "halt"))
		halt(describe(EXIT_PANIC));
	if (!strcmp(policy, "reboot"))
		reboot();
	exit_machine(EXIT_PANIC);
}

/* -- The power button: a thread, so that whoever prints just now has come to its end. */

static struct wait_queue button_wait = WAIT_QUEUE_INIT;
static bool button_pressed;

static void on_button(void)
{
	__atomic_store_n(&button_pressed, true, __ATOMIC_RELEASE);
	wait_wake(&button_wait);
}

static void wait_for_button(void *unused)
{
	(void)unused;
	wait_event(&button_wait, __atomic_load_n(&button_pressed, __ATOMIC_ACQUIRE));
	log_notice("the power button was pressed");
	exit_machine(EXIT_OK);
}

void exit_by_button(void)
{
	struct thread *thread;

	if (!power_button_start(on_button))
		return;
	thread = thread_create("power button", wait_for_button, NULL, NULL);
	if (thread) {
		thread_detach(thread);
		return;
	}
	power_button_stop();
	log_error("the power button does nothing: no memory for its thread");
}

RESIDENT static enum command_result command_poweroff(int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return COMMAND_USAGE;
	exit_machine(EXIT_OK);
}
COMMAND(poweroff, "poweroff", "switch the machine off", command_poweroff);

RESIDENT static enum command_result command_reboot(int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return COMMAND_USAGE;
	reboot();
}
COMMAND(reboot, "reboot", "reset the machine", command_reboot);
