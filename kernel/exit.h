/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaving. Success powers off; failure leaves through QEMU's isa-debug-exit where that is, so that
 * the VMM's status tells (code << 1 | 1), and says the same in the last line for VMMs that have
 * none.
 */
#ifndef KERNEL_EXIT_H
#define KERNEL_EXIT_H

enum exit_code {
	EXIT_OK = 0,
	EXIT_JOB_FAILED = 1, /* a job ran and did not succeed */
	EXIT_PANIC = 2,
	EXIT_USAGE = 3, /* bad usage, or nothing to do */
};

/* Leaves at once with that code: does not look at `exit=`. Context: any. */
void exit_machine(enum exit_code code) __attribute__((noreturn));

/* At the end of a job or application: as `exit=auto|halt|reboot` says. Thread context. */
void exit_job(enum exit_code code) __attribute__((noreturn));

/*
 * The job's own last line says how it went: leaving by exit_job() adds none, unless it halts or reboots.
 */
void exit_without_words(void);

/* From now on the machine's power button is the command `poweroff`, where it has one that we know. Thread context. */
void exit_by_button(void);

/* After a panic's report: as `panic=exit|halt|reboot` says. Context: any. */
void exit_panic(void) __attribute__((noreturn));

#endif
