/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of IDE against its model: both ways, by DMA and by PIO, four drives, what a read costs,
 * 48 bits, errors, and a controller that lies, hangs, or is not there any more.
 */
#include "drivers/block/ide.h"
#include "kernel/memory/dma.h"
#include "tests/device/ide_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

static struct ide_model model;
static uint8_t buffer[64 << 10]; /* of the image: above 4 GiB for the model, so by PIO */

static struct ata_model *drive(unsigned int channel, unsigned int unit)
{
	return &model.channels[channel].drives[unit];
}

static void prepare(const char *options)
{
	ata_reset(options);
	ide_model_init(&model);
	ata_model_init(drive(0, 0), "A-0", ATA_MODEL_SECTORS);
}

static void boot(const char *options)
{
	prepare(options);
	assert_int_equal(ata_boot(), 1);
}

static void end(void)
{
	ata_idle();
	if (model.violations)
		host_abort("the driver broke a rule: %s", model.violation);
}

static void check_read(struct block_device *disk, struct ata_model *of, uint64_t sector,
		       uint32_t sectors)
{
	memset(ata_memory, 0xee, (size_t)sectors * 512 + 512);
	assert_int_equal(block_read(disk, sector, ata_memory, sectors), 0);
	assert_memory_equal(ata_memory, of->content + sector * 512, (size_t)sectors * 512);
	assert_int_equal(ata_memory[sectors * 512], 0xee);
}

static void check_write(struct block_device *disk, struct ata_model *of, uint64_t sector,
			uint32_t sectors)
{
	for (uint32_t i = 0; i < sectors * 512; i++)
		ata_memory[i] = (uint8_t)(i * 5 + i / 512 + sector);
	assert_int_equal(block_write(disk, sector, ata_memory, sectors), 0);
	assert_memory_equal(of->content + sector * 512, ata_memory, (size_t)sectors * 512);
}

static void test_start(void **state)
{
	(void)state;
	boot("");
	assert_string_equal(ata_disks[0]->driver_name, "ata_piix");
	assert_string_equal(ata_disks[0]->serial, "A-0");
	assert_int_equal(ata_disks[0]->sectors, ATA_MODEL_SECTORS);
	assert_true(ata_disks[0]->write_cache);
	assert_string_equal(ata_controller->interrupt_mode, "isa");
	assert_int_equal(host_log_count(), 0);
	assert_true(model.pci.config[0x41] & 0x80); /* the ports are decoded */
	end();
}

static void test_transfers(const char *options)
{
	static const uint32_t lengths[] = {1, 2, 7, 8, 128, 129, 255, 256, 257, 1000, 2048, 3000};

	boot(options);
	for (unsigned int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		check_read(ata_disks[0], drive(0, 0), 1 + i, lengths[i]);
		check_write(ata_disks[0], drive(0, 0), 3 + i, lengths[i]);
	}
	assert_int_equal(block_flush(ata_disks[0]), 0);
	assert_int_equal(drive(0, 0)->flushes, 1);
	assert_int_equal(block_read(ata_disks[0], ATA_MODEL_SECTORS, ata_memory, 1), -ENOSPC);
}

static void test_dma(void **state)
{
	struct ide_drive *used;

	(void)state;
	test_transfers("");
	used = ata_disks[0]->driver_data;
	/* The look for partitions goes by a buffer that is out of reach here. */
	assert_int_equal(used->pio_requests, 1);
	end();
}

static void test_pio(void **state)
{
	struct ide_drive *used;

	(void)state;
	test_transfers("ide.dma=off");
	used = ata_disks[0]->driver_data;
	assert_int_equal(used->dma_requests, 0);
	assert_true(used->pio_bytes > 100000);
	end();
}

/* Memory that the controller does not reach is moved by the CPU. */
static void test_out_of_reach(void **state)
{
	struct ide_drive *used;

	(void)state;
	boot("");
	used = ata_disks[0]->driver_data;
	used->pio_requests = 0;
	assert_int_equal(block_read(ata_disks[0], 5, buffer, 100), 0);
	assert_memory_equal(buffer, drive(0, 0)->content + 5 * 512, 100 * 512);
	assert_int_equal(used->pio_requests, 1);
	memset(buffer, 0x42, sizeof(buffer));
	assert_int_equal(block_write(ata_disks[0], 9, buffer, 20), 0);
	assert_memory_equal(drive(0, 0)->content + 9 * 512, buffer, 20 * 512);
	end();
}

/* A request of many pieces, at odd places. */
static void test_pieces(void **state)
{
	struct block_segment segments[8];
	struct block_request request = {
		.operation = BLOCK_READ, .sector = 11, .segments = segments, .segment_count = 8};

	(void)state;
	boot("");
	request.device = ata_disks[0];
	memset(ata_memory, 0, ATA_MEMORY);
	for (unsigned int i = 0; i < 8; i++)
		segments[i] = (struct block_segment){ata_memory + i * 70000, 128};
	assert_int_equal(block_wait(&request), 0);
	for (unsigned int i = 0; i < 8; i++)
		assert_memory_equal(ata_memory + i * 70000,
				    drive(0, 0)->content + 11 * 512 + i * 128, 128);
	segments[3].data = ata_memory + 1; /* the controller wants even addresses */
	assert_int_equal(block_wait(&request), -EINVAL);
	end();
}

static void test_cost(void **state)
{
	uint64_t before;

	(void)state;
	boot("");
	check_read(ata_disks[0], drive(0, 0), 1, 8);
	before = host_io_accesses();
	for (unsigned int i = 0; i < 10; i++)
		check_read(ata_disks[0], drive(0, 0), 100 * i, 8);
	assert_int_equal(host_io_accesses() - before, 10 * 10);
	end();
}

static void test_four_drives(void **state)
{
	struct block_request requests[16];
	struct block_segment segments[16];
	unsigned int left = 16;

	(void)state;
	prepare("");
	ata_model_init(drive(0, 1), "B-1", 3000);
	ata_model_init(drive(1, 0), "C-2", ATA_MODEL_SECTORS);
	ata_model_init(drive(1, 1), "D-3", ATA_MODEL_SECTORS);
	assert_int_equal(ata_boot(), 4);
	for (unsigned int i = 0; i < 4; i++) {
		check_write(ata_disks[i], drive(i / 2, i % 2), 7, 300);
		check_read(ata_disks[i], drive(i / 2, i % 2), 500, 300);
	}
	assert_int_equal(ata_disks[1]->sectors, 3000);
	/* All at once, four deep. */
	for (unsigned int i = 0; i < 16; i++) {
		segments[i] = (struct block_segment){ata_memory + i * 4096, 4096};
		requests[i] = (struct block_request){.device = ata_disks[i % 4],
						     .operation = BLOCK_READ,
						     .sector = 40 + i * 8,
						     .segments = &segments[i],
						     .segment_count = 1};
	}
	for (unsigned int i = 0; i < 16; i += 4)
		for (unsigned int j = 0; j < 4; j++)
			assert_int_equal(block_wait(&requests[i + j]), 0);
	for (unsigned int i = 0; i < 16; i++, left--)
		assert_memory_equal(ata_memory + i * 4096,
				    drive(i % 4 / 2, i % 2)->content + (40 + i * 8) * 512, 4096);
	assert_int_equal(left, 0);
	end();
}

static unsigned int done_count;

static void on_done(struct block_request *request)
{
	done_count += !request->error;
	wait_wake(&ata_disks[0]->waiters); /* where the test waits for both disks */
}

/* A read of 4 KiB that is not waited for. */
static void add_read(struct block_device *disk, struct block_request *request,
		     struct block_segment *segment, uint64_t sector, uint8_t *memory)
{
	*segment = (struct block_segment){memory, 4096};
	*request = (struct block_request){.device = disk,
					  .operation = BLOCK_READ,
					  .sector = sector,
					  .segments = segment,
					  .segment_count = 1,
					  .done = on_done};
	block_add(request);
}

static void share_channel(bool interrupts)
{
	struct block_request requests[40];
	struct block_segment segments[40];

	prepare("");
	ata_model_init(drive(0, 1), "B-1", ATA_MODEL_SECTORS);
	assert_int_equal(ata_boot(), 2);
	model.no_interrupt = !interrupts;
	done_count = 0;
	for (unsigned int i = 0; i < 40; i++)
		add_read(ata_disks[i % 2], &requests[i], &segments[i], i * 8,
			 ata_memory + i * 4096);
	block_kick(ata_disks[0]);
	block_kick(ata_disks[1]);
	wait_event(&ata_disks[0]->waiters, done_count == 40);
	for (unsigned int i = 0; i < 40; i++)
		assert_memory_equal(ata_memory + i * 4096, drive(0, i % 2)->content + i * 8 * 512,
				    4096);
	end();
}

/* Two drives of one channel with queues of requests: both have their turns, and all come to an end. */
static void test_shared_channel(void **state)
{
	(void)state;
	share_channel(true);
}

/*
 * Also when no interrupt says that a command has ended, and without the block layer's thread: that may itself be
 * waiting for one of them.
 */
static void test_turns_without_interrupts(void **state)
{
	(void)state;
	share_channel(false);
}

static void test_large(void **state)
{
	const uint64_t border = 1ull << 28;

	(void)state;
	prepare("");
	ata_model_init(drive(0, 0), "L", 1ull << 40);
	assert_int_equal(ata_boot(), 1);
	assert_int_equal(ata_disks[0]->sectors, 1ull << 40);
	drive(0, 0)->used_48 = false;
	assert_int_equal(block_read(ata_disks[0], border - 16, ata_memory, 16), 0);
	assert_false(drive(0, 0)->used_48);
	memset(drive(0, 0)->content, 0x33, 16 * 512);
	assert_int_equal(block_read(ata_disks[0], border, ata_memory, 16), 0);
	assert_true(drive(0, 0)->used_48);
	assert_int_equal(ata_memory[0], 0x33);
	/* Across: a command of 28 bits would wrap. */
	assert_int_equal(block_write(ata_disks[0], border - 8, ata_memory, 16), 0);
	assert_memory_equal(drive(0, 0)->content, ata_memory + 8 * 512, 8 * 512);
	assert_int_equal(block_read(ata_disks[0], (1ull << 40) - 1, ata_memory, 1), 0);
	end();
}

static void test_small_without_48(void **state)
{
	(void)state;
	prepare("");
	ata_model_word(drive(0, 0), 83, 0x5000);
	ata_model_seal(drive(0, 0));
	assert_int_equal(ata_boot(), 1);
	check_read(ata_disks[0], drive(0, 0), 0, 1024);
	assert_false(drive(0, 0)->used_48);
	assert_int_equal(block_flush(ata_disks[0]), 0);
	end();
}

static void test_packet(void **state)
{
	(void)state;
	prepare("");
	ata_model_init(drive(1, 0), "CD", 1000);
	drive(1, 0)->packet = true;
	assert_int_equal(ata_boot(), 1);
	assert_true(host_log_has("CD-ROM or the like, Model disk: not driven"));
	check_read(ata_disks[0], drive(0, 0), 0, 10);
	end();
}

static void test_nothing(void **state)
{
	(void)state;
	for (unsigned int floating = 0; floating < 2; floating++) {
		uint64_t before;

		prepare("");
		drive(0, 0)->present = false;
		model.floating = floating;
		before = host_io_accesses();
		assert_int_equal(ata_boot(), 0);
		assert_true(host_io_accesses() - before < 30);
		assert_int_equal(host_log_count(), 0);
		end();
	}
}

static void test_bad_identify(void **state)
{
	static const struct {
		unsigned int word;
		uint16_t value;
		const char *says;
	} cases[] = {
		{0, 0x8040, "nothing sensible"}, {0, 0xffff, "nothing sensible"},
		{49, 0x0100, "cylinders only"},	 {103, 0x0001, "impossible capacity"},
		{106, 0x5000, "other than 512"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		prepare("");
		ata_model_word(drive(0, 0), cases[i].word, cases[i].value);
		ata_model_seal(drive(0, 0));
		assert_int_equal(ata_boot(), 0);
		assert_true(host_log_has(cases[i].says));
		end();
	}
	prepare("");
	drive(0, 0)->identify[100] ^= 1; /* the sum is wrong */
	assert_int_equal(ata_boot(), 0);
	end();
	prepare("");
	memset(drive(0, 0)->identify, 0, 512);
	assert_int_equal(ata_boot(), 0);
	end();
}

static void test_bad_sector(void **state)
{
	(void)state;
	for (unsigned int pio = 0; pio < 2; pio++) {
		boot(pio ? "ide.dma=off" : "");
		drive(0, 0)->bad_sector = 100;
		assert_int_equal(block_read(ata_disks[0], 98, ata_memory, 8), -EIO);
		assert_int_equal(block_write(ata_disks[0], 99, ata_memory, 3), -EIO);
		check_read(ata_disks[0], drive(0, 0), 101, 8);
		check_write(ata_disks[0], drive(0, 0), 92, 8);
		assert_false(ata_controller->recovery.broken);
		assert_int_equal(ata_controller->recovery.recoveries, 0);
		end();
	}
}

static void test_lies(void **state)
{
	(void)state;
	boot("");
	model.short_dma = true;
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -EIO);
	model.short_dma = false;
	model.bus_error = true;
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -EIO);
	model.bus_error = false;
	check_read(ata_disks[0], drive(0, 0), 1, 8);
	/* It says that it is done and is not: reset. */
	model.drq_stuck = true;
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -EIO);
	model.drq_stuck = false;
	assert_int_equal(ata_controller->recovery.recoveries, 1);
	check_read(ata_disks[0], drive(0, 0), 1, 8);
	end();
	boot("ide.dma=off");
	model.ends_early = true;
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -EIO);
	model.ends_early = false;
	check_read(ata_disks[0], drive(0, 0), 1, 8);
	end();
}

static void test_hangs(void **state)
{
	(void)state;
	boot("block.timeout=2");
	model.hangs = true;
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -ETIMEDOUT);
	model.hangs = false;
	check_read(ata_disks[0], drive(0, 0), 1, 8);
	assert_int_equal(ata_controller->recovery.recoveries, 1);
	end();
}

static void test_interrupt_lost(void **state)
{
	(void)state;
	boot("");
	model.no_interrupt = true;
	check_read(ata_disks[0], drive(0, 0), 1, 8);
	check_write(ata_disks[0], drive(0, 0), 1, 8);
	assert_int_equal(ata_disks[0]->interrupts_missed, 2);
	end();
}

/* So many interrupts in a row; the accesses to registers that came of one at most. How many were claimed. */
static unsigned int storm(unsigned int count)
{
	unsigned int claimed = 0;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t before = ata_controller->register_reads + ata_controller->register_writes;

		claimed += host_interrupt_line(14);
		assert_in_range(ata_controller->register_reads + ata_controller->register_writes -
					before,
				1, 16);
	}
	return claimed;
}

/*
 * Interrupts without end, with nothing to do and in the middle of a command, by DMA and by the CPU: nobody claims
 * them, which has the line held back (interrupt.c) and each of its devices asked; commands end all the same.
 */
static void test_storm(void **state)
{
	static const char *const ways[] = {"block.timeout=3600", "block.timeout=3600 ide.dma=off"};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct block_segment segment;
		struct block_request request;

		prepare(ways[i]);
		ata_model_init(drive(1, 0), "B-0", ATA_MODEL_SECTORS);
		assert_int_equal(ata_boot(), 2);
		assert_int_equal(storm(3 * PCI_DEVICE_UNSERVED_MAX), 0);
		check_read(ata_disks[1], drive(1, 0), 1, 8);
		model.hangs = model.no_interrupt = true;
		done_count = 0;
		add_read(ata_disks[0], &request, &segment, 3, ata_memory);
		block_kick(ata_disks[0]);
		assert_int_equal(storm(3 * PCI_DEVICE_UNSERVED_MAX), 0);
		model.hangs = false;
		/* The line is asked by a timer now. */
		for (unsigned int turns = 0; !done_count; turns++) {
			assert_in_range(turns, 0, 100);
			host_poll();
			(void)storm(10);
		}
		assert_memory_equal(ata_memory, drive(0, 0)->content + 3 * 512, 4096);
		assert_false(ata_controller->recovery.broken);
		assert_int_equal(ata_controller->recovery.recoveries, 0);
		assert_int_equal(host_log_count(), 0);
		end();
	}
}

/* An interrupt without cause while DMA runs, after commands without it: the bus master still says that there was one. */
static void test_stray_after(void **state)
{
	struct block_segment segment;
	struct block_request request;

	(void)state;
	boot("block.timeout=3600");
	for (unsigned int i = 0; i < 2; i++) {
		if (i)
			assert_int_equal(block_read(ata_disks[0], 1, buffer, 8), 0);
		else
			assert_int_equal(block_flush(ata_disks[0]), 0);
		model.hangs = true;
		done_count = 0;
		add_read(ata_disks[0], &request, &segment, 3, ata_memory);
		block_kick(ata_disks[0]);
		host_interrupt_line(14);
		assert_int_equal(done_count, 0);
		model.hangs = false;
		host_poll();
		assert_int_equal(done_count, 1);
	}
	assert_int_equal(host_log_count(), 0);
	end();
}

static void test_gone(void **state)
{
	(void)state;
	boot("");
	model.gone = true;
	host_log_clear();
	/* A second passes before somebody looks. */
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -EIO);
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -EIO);
	host_clock_advance(20 * NANOSECONDS_PER_SECOND);
	assert_true(ata_disks[0]->dead);
	assert_true(host_log_has("is not there any more"));
	end();
}

static void test_busy_for_ever(void **state)
{
	(void)state;
	prepare("");
	model.busy_for_ever = true;
	assert_int_equal(ata_boot(), 0);
	assert_true(host_log_has("stays busy after a reset"));
	end();
	/* After it has worked. */
	boot("block.timeout=2");
	model.hangs = model.busy_for_ever = true;
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -ETIMEDOUT);
	for (unsigned int i = 0; i < 60 && !ata_controller->recovery.given_up; i++)
		host_clock_advance(NANOSECONDS_PER_SECOND);
	assert_true(ata_controller->recovery.given_up);
	assert_true(ata_disks[0]->dead);
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -EIO);
	end();
}

/* Another disk is there after a reset: not the one that was asked for. */
static void test_exchanged(void **state)
{
	(void)state;
	boot("");
	ata_model_init(drive(0, 0), "OTHER", ATA_MODEL_SECTORS);
	pci_device_break(ata_controller, "was broken by a test");
	host_clock_advance(NANOSECONDS_PER_SECOND);
	assert_true(ata_disks[0]->dead);
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -EIO);
	end();
}

static void test_no_table(void **state)
{
	struct ide_drive *used;

	(void)state;
	/* Without memory for its table there is no DMA, and all the same the disk. */
	prepare("");
	host_dma_fail_after(0);
	pci_model_boot();
	host_dma_fail_after(-1);
	assert_int_equal(ata_boot(), 0);
	for (ata_disks[0] = block_first(); ata_disks[0]->next; ata_disks[0] = ata_disks[0]->next)
		;
	block_service();
	used = ata_disks[0]->driver_data;
	assert_int_equal(used->dma_requests, 0);
	check_read(ata_disks[0], drive(0, 0), 1, 20);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_dma),
		cmocka_unit_test(test_pio),
		cmocka_unit_test(test_out_of_reach),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_four_drives),
		cmocka_unit_test(test_shared_channel),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_small_without_48),
		cmocka_unit_test(test_packet),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_bad_identify),
		cmocka_unit_test(test_bad_sector),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_hangs),
		cmocka_unit_test(test_interrupt_lost),
		cmocka_unit_test(test_turns_without_interrupts),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_stray_after),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_busy_for_ever),
		cmocka_unit_test(test_exchanged),
		cmocka_unit_test(test_no_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
