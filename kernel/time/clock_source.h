/* SPDX-License-Identifier: BSD-2-Clause */
/* How clocks are made: inside kernel/time/ and the start only. */
#ifndef KERNEL_TIME_CLOCK_SOURCE_H
#define KERNEL_TIME_CLOCK_SOURCE_H

#include <stdint.h>

/*
 * Before clock_init() time runs too slowly, on a frequency that no counter reaches: the first lines
 * of the log have a time, and it never goes back.
 */
void clock_start(uint64_t entry_tsc);

/*
 * Asks processor and hypervisor for the frequency of the time stamp counter; where they do not say, begins to
 * measure it. That takes two milliseconds, in which other things may be done. After apic_init().
 */
void clock_begin(void);

/* The end of that: the frequencies of time stamp counter and APIC timer, and the wall clock. */
void clock_init(void);

uint64_t clock_to_tsc(uint64_t monotonic);
uint64_t clock_to_apic_ticks(uint64_t nanoseconds);

#endif
