/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUs: the one that booted, and the start of the others. */
#ifndef KERNEL_X86_SMP_H
#define KERNEL_X86_SMP_H

/* Makes the CPU that runs this number 0, with descriptors and per-CPU data. First of all. */
void smp_boot_cpu(void);

/* Starts the others that the platform lists. Thread context; the clock must run. */
void smp_start_others(void);

#endif
