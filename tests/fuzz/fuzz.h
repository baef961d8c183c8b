/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzzing: what every target stands on (docs/testing.md).
 *
 * A target is one file in tests/fuzz/targets/. It has fuzz_target(), which does one run of the real
 * sources with what the fuzzer chose, and ends the program (host_abort(), a sanitizer) when a promise
 * is broken:
 *
 *	void fuzz_target(void)
 *	{
 *		...
 *		while (fuzz_more())
 *			switch (fuzz_choose(3)) { ... }
 *		... what must hold now
 *	}
 *
 * The input is a stream of bytes from which all choices are read in the order they are made: those of
 * the device and those of its driver. Where it has ended every choice is 0, so 0 must be the harmless
 * one and the run must end by itself.
 *
 * Each run begins with the same state: variables of the sources (not of tests/) are as they were when
 * the program started, and what they allocated is freed.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "tests/device/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -- A target's */
void fuzz_target(void);
/* Once, before the first run; what it allocates stays. Most have none. */
void fuzz_prepare(void) __attribute__((weak));

/* -- Choices */
bool fuzz_more(void);			  /* the input has not ended */
uint8_t fuzz_byte(void);		  /* 0 behind the end */
uint32_t fuzz_choose(uint32_t count);	  /* less than count; 0 of 0 */
uint64_t fuzz_number(unsigned int width); /* of so many bytes; often one that hurts */
void fuzz_fill(void *to, size_t length);  /* input, and zeroes behind its end */

/*
 * What is left of the input, at most `most` bytes, in a heap block of exactly that size, so that the
 * sanitizer sees a reader that goes beyond it. Until the next run.
 */
uint8_t *fuzz_rest(size_t most, size_t *length);
/* The same with a 0 behind it, and no other 0 inside: a string. */
char *fuzz_text(size_t most);

/* -- State of the target's own that is to be as now at the beginning of each run. */
void fuzz_restore(void *memory, size_t length);

/* Ends the program unless `good`. */
#define fuzz_check(good, ...)                                                                      \
	do {                                                                                       \
		if (!(good))                                                                       \
			host_abort(__VA_ARGS__);                                                   \
	} while (0)

#endif
