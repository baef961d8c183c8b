/* SPDX-License-Identifier: BSD-2-Clause */
/* The IDE's driver: ports, identities, data and commands that end in any way, at any time, by DMA and by PIO. */
#include "drivers/block/ide.h"
#include "tests/device/ide_model.h"
#include "tests/fuzz/ata.h"
#include "tests/fuzz/emulated.h"
#include "tests/fuzz/fuzz.h"

#define TABLE_BYTES 64u

static struct ide_model model;

static void init(void)
{
	static const char *const serials[4] = {"A-0", "A-1", "B-0", "B-1"};

	ide_model_init(&model);
	for (unsigned int i = 0; i < 4; i++)
		if (i < 2 || fuzz_choose(4) == 3)
			ata_fuzz_drive(&model.channels[i / 2].drives[i % 2], serials[i]);
	model.floating = fuzz_choose(2);
}

static void lie(bool may)
{
	uint8_t lies = may ? fuzz_byte() : 0;

	model.gone = lies & 1 && fuzz_choose(8) == 7;
	model.hangs = lies & 2;
	model.no_interrupt = lies & 4;
	model.busy_for_ever = lies & 8 && fuzz_choose(4) == 3;
	model.short_dma = lies & 16;
	model.bus_error = lies & 32;
	model.drq_stuck = lies & 64;
	model.ends_early = lies & 128;
}

/* The device only reads its table: with a spoilt one it does nothing any more. */
static void write(void)
{
	struct ide_model_channel *channel = &model.channels[fuzz_choose(2)];

	channel->command = 0;
	emulated_write(channel->bm_table, 0, TABLE_BYTES);
}

static void cause(void)
{
	struct ide_model_channel *channel = &model.channels[fuzz_choose(2)];

	channel->status = fuzz_byte();
	channel->bm_status = fuzz_byte();
	/* What it would still do belongs to the next command, which it was not given. */
	channel->command = 0;
	if (fuzz_choose(2))
		host_interrupt_line(channel->index ? 15 : 14);
}

void fuzz_target(void)
{
	static const struct ata_fuzzed fuzzed = {init, lie, write, cause};

	ata_fuzz(&fuzzed);
}
