/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/emulated.h"

#include "kernel/time/clock.h"
#include "tests/device/recovery_thread.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define WRITE_MAX 16u
#define SETTLE_STEPS 400
#define STEP (500 * NANOSECONDS_PER_MILLISECOND)
#define PATIENCE (3600 * NANOSECONDS_PER_SECOND)

static uint8_t lies;

static void alter(unsigned int width, uint64_t *value)
{
	if (emulated_tells(EMULATED_REGISTERS) && fuzz_choose(16) == 15)
		*value = fuzz_number(width);
}

void emulated_open(void)
{
	host_threads();
	recovery_thread_start(PATIENCE);
	lies = fuzz_byte();
	host_on_read(alter);
}

bool emulated_tells(enum emulated_lie lie)
{
	return lies & lie && fuzz_more();
}

void emulated_calm(void)
{
	lies = 0;
}

void emulated_write(uint64_t address, uint32_t offset, uint32_t length)
{
	uint32_t skip = fuzz_choose(length), count = 1 + fuzz_choose(WRITE_MAX);
	uint8_t *memory;

	if (count > length - skip)
		count = length - skip;
	memory = host_dma_pointer(address + offset + skip, count);
	if (memory)
		fuzz_fill(memory, count);
}

void emulated_settle(void (*service)(void))
{
	for (unsigned int i = 0; i < SETTLE_STEPS; i++) {
		recovery_thread_wait(STEP, service);
		if (i > 8 && recovery_thread_turn() == UINT64_MAX)
			return;
	}
	host_abort("the device neither runs nor is given up");
}
