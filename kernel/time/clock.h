/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks, and bounded waits for device registers. Context: any, unless said otherwise. */
#ifndef KERNEL_TIME_CLOCK_H
#define KERNEL_TIME_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define NANOSECONDS_PER_SECOND 1000000000ULL
#define NANOSECONDS_PER_MILLISECOND 1000000ULL
#define NANOSECONDS_PER_MICROSECOND 1000ULL

/* Nanoseconds since the first instruction of our image; never goes back. */
uint64_t clock_monotonic(void);

/*
 * The same of a time stamp that this CPU or another one read since then; exact only once the frequency
 * is known.
 */
uint64_t clock_at(uint64_t tsc);

/* Nanoseconds since 1970-01-01 00:00 UTC; 0 when the machine has no clock that says. */
uint64_t clock_wall(void);

/*
 * Spins; for register time-outs of a few microseconds only. A thread that can sleep uses
 * thread_sleep().
 */
void clock_spin(uint64_t nanoseconds);

#endif
