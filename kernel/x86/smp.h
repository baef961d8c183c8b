/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUs: the one that booted, and the start of the others. */
#ifndef KERNEL_X86_SMP_H
#define KERNEL_X86_SMP_H

#include <stdint.h>

/* Makes the CPU that runs this number 0, with descriptors and per-CPU data. First of all. */
void smp_boot_cpu(void);

/* Starts the others that the platform lists. Thread context; the clock must run. */
void smp_start_others(void);

/*
 * Tells a CPU that is not used to start, as if it came when nobody waits for it any more: 0 when it was turned
 * away, -EBUSY: it is in use, -EINVAL, -ENOMEM, -ETIMEDOUT: it was not seen to come. Thread context; for the self-tests.
 */
int smp_late_start(uint32_t apic_id);

/*
 * Before the machine is handed on, on the boot CPU: the others stop where they are, for good; then
 * (after apic_leave()) they wait for STARTUP as at power-on. Thread context.
 */
void smp_stop_others(void);
void smp_reset_others(void);

/* Where VECTOR_STOP leads: this CPU has halted for good. Interrupts off. */
void smp_stop_here(void) __attribute__((noreturn));

#endif
