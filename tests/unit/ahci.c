/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of AHCI against its model: both ways, queued and not, what that costs, several ports, errors
 * among many commands, and a controller that lies, hangs, or is not there any more.
 */
#include "drivers/block/ahci.h"
#include "kernel/memory/dma.h"
#include "tests/device/ahci_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#define MANY 100

static struct ahci_model model;
static struct block_request requests[MANY];
static struct block_segment segments[MANY];
static unsigned int done_count, error_count;

static struct ata_model *drive(unsigned int port)
{
	return &model.ports[port].drive;
}

static void prepare_with(const char *options, bool msi)
{
	ata_reset(options);
	ahci_model_init(&model, msi);
}

static void prepare(void)
{
	prepare_with("", true);
}

static void boot(void)
{
	prepare();
	assert_int_equal(ata_boot(), 1);
}

static struct ahci_port *port(void)
{
	return ata_disks[0]->driver_data;
}

static void end(void)
{
	ata_idle();
	if (model.violations)
		host_abort("the driver broke a rule: %s", model.violation);
}

static void check_read(unsigned int index, unsigned int of, uint64_t sector, uint32_t sectors)
{
	memset(ata_memory, 0xee, (size_t)sectors * 512);
	assert_int_equal(block_read(ata_disks[index], sector, ata_memory, sectors), 0);
	assert_memory_equal(ata_memory, drive(of)->content + sector * 512, (size_t)sectors * 512);
}

static void check_write(unsigned int index, unsigned int of, uint64_t sector, uint32_t sectors)
{
	for (uint32_t i = 0; i < sectors * 512; i++)
		ata_memory[i] = (uint8_t)(i * 5 + i / 512 + sector);
	assert_int_equal(block_write(ata_disks[index], sector, ata_memory, sectors), 0);
	assert_memory_equal(drive(of)->content + sector * 512, ata_memory, (size_t)sectors * 512);
}

static void on_done(struct block_request *request)
{
	done_count++;
	error_count += request->error != 0;
	wait_wake(&ata_disks[0]->waiters);
}

/* So many reads of 8 sectors at once, request i of sector 8 * i. */
static void read_many(unsigned int count)
{
	done_count = error_count = 0;
	memset(ata_memory, 0xee, (size_t)count * 4096);
	for (unsigned int i = 0; i < count; i++) {
		segments[i] = (struct block_segment){ata_memory + i * 4096, 4096};
		requests[i] = (struct block_request){.device = ata_disks[0],
						     .operation = BLOCK_READ,
						     .sector = 8 * i,
						     .segments = &segments[i],
						     .segment_count = 1,
						     .done = on_done};
		block_add(&requests[i]);
	}
	block_kick(ata_disks[0]);
	wait_event(&ata_disks[0]->waiters, done_count == count);
}

static void check_many(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (!requests[i].error)
			assert_memory_equal(ata_memory + i * 4096, drive(0)->content + i * 4096,
					    4096);
}

static void test_start(void **state)
{
	(void)state;
	boot();
	assert_string_equal(ata_disks[0]->driver_name, "ahci");
	assert_string_equal(ata_disks[0]->serial, "P-0");
	assert_string_equal(ata_controller->interrupt_mode, "msi");
	assert_int_equal(port()->depth, 32);
	assert_int_equal(host_log_count(), 0);
	end();
}

static void test_transfers(void **state)
{
	static const uint32_t lengths[] = {1, 2, 7, 8, 129, 256, 257, 1000, 3000};

	(void)state;
	for (unsigned int way = 0; way < 4; way++) {
		prepare_with("", way & 1);
		if (way & 2)
			ata_model_word(drive(0), 76, 0); /* no queuing */
		ata_model_seal(drive(0));
		assert_int_equal(ata_boot(), 1);
		assert_int_equal(port()->depth, way & 2 ? 1 : 32);
		assert_string_equal(ata_controller->interrupt_mode, way & 1 ? "msi" : "intx");
		for (unsigned int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			check_read(0, 0, 1 + i, lengths[i]);
			check_write(0, 0, 3 + i, lengths[i]);
		}
		assert_int_equal(block_flush(ata_disks[0]), 0);
		assert_int_equal(drive(0)->flushes, 1);
		read_many(MANY);
		assert_int_equal(error_count, 0);
		check_many(MANY);
		assert_int_equal(model.ports[0].most_at_once, way & 2 ? 1 : 32);
		end();
	}
}

/* Two writes for a batch; two writes and a read for the interrupt that ends all of it. */
static void test_cost(void **state)
{
	uint64_t before;

	(void)state;
	boot();
	check_read(0, 0, 1, 8);
	before = host_io_accesses();
	for (unsigned int i = 0; i < 10; i++)
		check_read(0, 0, 100 * i, 8);
	assert_int_equal(host_io_accesses() - before, 10 * 5);
	before = host_io_accesses();
	read_many(32);
	assert_int_equal(host_io_accesses() - before, 5);
	end();
}

static void test_pieces(void **state)
{
	struct block_request request = {.operation = BLOCK_READ,
					.sector = 11,
					.segments = segments,
					.segment_count = AHCI_REGIONS};

	(void)state;
	boot();
	request.device = ata_disks[0];
	for (unsigned int i = 0; i < AHCI_REGIONS; i++)
		segments[i] = (struct block_segment){ata_memory + i * 5000, 64};
	assert_int_equal(block_wait(&request), 0);
	for (unsigned int i = 0; i < AHCI_REGIONS; i++)
		assert_memory_equal(ata_memory + i * 5000, drive(0)->content + 11 * 512 + i * 64,
				    64);
	end();
}

/* A flush waits for what is queued, and the rest for it. */
static void test_flush_among_reads(void **state)
{
	struct block_request flush = {.operation = BLOCK_FLUSH, .done = on_done};

	(void)state;
	boot();
	flush.device = ata_disks[0];
	done_count = error_count = 0;
	for (unsigned int i = 0; i < 40; i++) {
		segments[i] = (struct block_segment){ata_memory + i * 4096, 4096};
		requests[i] = (struct block_request){.device = ata_disks[0],
						     .operation = BLOCK_READ,
						     .sector = 8 * i,
						     .segments = &segments[i],
						     .segment_count = 1,
						     .done = on_done};
		block_add(&requests[i]);
		if (i == 10)
			block_add(&flush);
	}
	block_kick(ata_disks[0]);
	wait_event(&ata_disks[0]->waiters, done_count == 41);
	assert_int_equal(error_count, 0);
	assert_int_equal(drive(0)->flushes, 1);
	check_many(40);
	end();
}

static void test_ports(void **state)
{
	(void)state;
	for (unsigned int msi = 0; msi < 2; msi++) {
		prepare_with("", msi);
		ata_model_init(drive(2), "P-2", 3000);
		ata_model_init(drive(3), "CD", 1000);
		drive(3)->packet = true;
		assert_int_equal(ata_boot(), 2);
		assert_true(host_log_has("port 3: CD-ROM or the like, Model disk: not driven"));
		assert_int_equal(ata_disks[1]->sectors, 3000);
		check_write(0, 0, 5, 100);
		check_write(1, 2, 5, 100);
		check_read(1, 2, 500, 100);
		end();
	}
}

static void test_nothing(void **state)
{
	uint64_t before;

	(void)state;
	prepare();
	drive(0)->present = false;
	before = host_io_accesses();
	assert_int_equal(ata_boot(), 0);
	assert_true(host_io_accesses() - before <= 2 + AHCI_MODEL_PORTS);
	assert_int_equal(host_log_count(), 0);
	end();
}

static void test_bad_sector(void **state)
{
	(void)state;
	boot();
	drive(0)->bad_sector = 100;
	assert_int_equal(block_read(ata_disks[0], 98, ata_memory, 8), -EIO);
	check_read(0, 0, 101, 8);
	assert_int_equal(block_write(ata_disks[0], 99, ata_memory, 3), -EIO);
	/* One of many: the others are done all the same. */
	for (unsigned int count = 2; count < MANY; count += 30) {
		drive(0)->bad_sector = 8 * (count / 2) + 3;
		read_many(count);
		assert_int_equal(error_count, 1);
		assert_int_equal(requests[count / 2].error, -EIO);
		check_many(count);
	}
	assert_int_equal(ata_controller->recovery.recoveries, 0);
	assert_true(port()->retried > 0);
	drive(0)->bad_sector = UINT64_MAX;
	read_many(MANY);
	assert_int_equal(error_count, 0);
	end();
}

static void test_bad_sector_alone(void **state)
{
	(void)state;
	prepare();
	ata_model_word(drive(0), 76, 0);
	ata_model_seal(drive(0));
	assert_int_equal(ata_boot(), 1);
	drive(0)->bad_sector = 100;
	read_many(20);
	assert_int_equal(error_count, 1);
	assert_int_equal(requests[12].error, -EIO);
	check_many(20);
	end();
}

static void test_short_count(void **state)
{
	(void)state;
	prepare();
	ata_model_word(drive(0), 76, 0);
	ata_model_seal(drive(0));
	assert_int_equal(ata_boot(), 1);
	model.short_count = true;
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -EIO);
	assert_true(host_log_has("moved 4094 bytes of 4096"));
	model.short_count = false;
	check_read(0, 0, 1, 8);
	end();
}

/* Bits of slots that nobody uses are none of ours. */
static void test_more_active(void **state)
{
	(void)state;
	boot();
	model.more_active = true;
	check_read(0, 0, 1, 8);
	check_write(0, 0, 1, 8);
	end();
}

static void test_spurious(void **state)
{
	(void)state;
	boot();
	model.spurious = 3;
	read_many(MANY);
	assert_int_equal(error_count, 0);
	check_many(MANY);
	assert_false(ata_controller->recovery.broken);
	end();
}

/* The device interrupts from now on as long as it can, all of it in here. How many were taken. */
static uint64_t storm(bool unfounded)
{
	uint64_t before = pci_device_interrupts(ata_controller);
	unsigned int looks = 0;

	model.asserted = true;
	model.unfounded = unfounded;
	do
		ahci_write(port()->ahci, AHCI_IS, 0); /* has the model look */
	while (!ata_controller->recovery.broken && ++looks < 2 * PCI_DEVICE_UNSERVED_MAX);
	return pci_device_interrupts(ata_controller) - before;
}

/* Interrupts without end, whatever is written: a bounded number, a line, a reset, and in the end it is given up. */
static void test_storm(void **state)
{
	static const struct {
		bool msi, two_drives, unfounded;
	} ways[] = {{true, false, false},
		    {true, true, false},
		    {true, true, true}, /* no port has a reason */
		    {false, true, false}};

	(void)state;
	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		uint64_t interrupts;

		prepare_with("", ways[i].msi);
		if (ways[i].two_drives)
			ata_model_init(drive(1), "B-1", ATA_MODEL_SECTORS);
		assert_int_equal(ata_boot(), ways[i].two_drives ? 2 : 1);
		assert_in_range(storm(ways[i].unfounded), PCI_DEVICE_UNSERVED_MAX - 8,
				PCI_DEVICE_UNSERVED_MAX + 8);
		assert_true(ata_controller->recovery.broken);
		assert_int_equal(host_log_count(), 1);
		assert_true(host_log_has("it interrupts without end"));
		/* It is silent before anybody had the time to reset it. */
		assert_int_equal(storm(ways[i].unfounded), 0);
		model.asserted = model.unfounded = false;
		check_read(0, 0, 1, 8);
		assert_int_equal(ata_controller->recovery.recoveries, 1);
		for (unsigned int second = 0; second < 30; second++) {
			(void)storm(ways[i].unfounded);
			host_clock_advance(NANOSECONDS_PER_SECOND);
		}
		interrupts = pci_device_interrupts(ata_controller);
		assert_true(ata_controller->recovery.given_up);
		assert_true(host_log_has("given up, it interrupts without end"));
		assert_in_range(interrupts, RECOVERY_ATTEMPTS * PCI_DEVICE_UNSERVED_MAX,
				(RECOVERY_ATTEMPTS + 2) * (PCI_DEVICE_UNSERVED_MAX + 100));
		assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -EIO);
		assert_int_equal(storm(ways[i].unfounded), 0);
		end();
	}
}

/* So many interrupts for each command that nothing else gets done; one every now and then is no storm. */
static void test_storm_at_work(void **state)
{
	(void)state;
	boot();
	model.spurious = 1000;
	for (unsigned int i = 0; i < 20 && !ata_controller->recovery.broken; i++)
		check_read(0, 0, i, 8);
	assert_true(ata_controller->recovery.broken);
	assert_true(host_log_has("it interrupts without end"));
	model.spurious = PCI_DEVICE_PER_ANSWER - 2;
	for (unsigned int i = 0; i < 2 * PCI_DEVICE_UNSERVED_MAX; i++)
		check_read(0, 0, i % 64, 8);
	assert_int_equal(ata_controller->recovery.recoveries, 1);
	end();
}

static void test_hangs(void **state)
{
	(void)state;
	prepare_with("block.timeout=2", true);
	assert_int_equal(ata_boot(), 1);
	model.hangs = true;
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -ETIMEDOUT);
	model.hangs = false;
	check_read(0, 0, 1, 8);
	end();
}

static void test_interrupt_lost(void **state)
{
	(void)state;
	boot();
	model.no_interrupt = true;
	check_read(0, 0, 1, 8);
	check_write(0, 0, 1, 8);
	assert_int_equal(ata_disks[0]->interrupts_missed, 2);
	end();
}

static void test_engine_sticks(void **state)
{
	(void)state;
	prepare_with("block.timeout=2", true);
	assert_int_equal(ata_boot(), 1);
	/* The error cannot be taken back that way: the controller is reset. */
	model.engine_sticks = true;
	drive(0)->bad_sector = 100;
	assert_int_equal(block_read(ata_disks[0], 98, ata_memory, 8), -EIO);
	assert_true(host_log_has("does not come out of an error"));
	model.engine_sticks = false;
	check_read(0, 0, 101, 8);
	assert_true(ata_controller->recovery.recoveries > 0);
	end();
}

static void wait_until_given_up(void)
{
	for (unsigned int i = 0; i < 60 && !ata_controller->recovery.given_up; i++)
		host_clock_advance(NANOSECONDS_PER_SECOND);
	assert_true(ata_controller->recovery.given_up);
	assert_true(ata_disks[0]->dead);
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -EIO);
}

static void test_gone(void **state)
{
	(void)state;
	boot();
	model.gone = true;
	host_log_clear();
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -EIO);
	wait_until_given_up();
	assert_true(host_log_has("given up, it reads as all ones"));
	end();
}

static void test_does_not_reset(void **state)
{
	(void)state;
	prepare();
	model.reset_sticks = true;
	assert_int_equal(ata_boot(), 0);
	assert_true(host_log_has("does not reset"));
	prepare();
	model.gone = true;
	assert_int_equal(ata_boot(), 0);
	prepare();
	model.busy = true;
	assert_int_equal(ata_boot(), 0);
	assert_true(host_log_has("does not get ready"));
	end();
	/* After it has worked. */
	prepare_with("block.timeout=2", true);
	assert_int_equal(ata_boot(), 1);
	model.hangs = model.reset_sticks = true;
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -ETIMEDOUT);
	wait_until_given_up();
	end();
}

static void test_exchanged(void **state)
{
	(void)state;
	boot();
	ata_model_init(drive(0), "OTHER", ATA_MODEL_SECTORS);
	pci_device_break(ata_controller, "was broken by a test");
	host_clock_advance(NANOSECONDS_PER_SECOND);
	assert_true(ata_disks[0]->dead);
	assert_int_equal(block_read(ata_disks[0], 1, ata_memory, 8), -EIO);
	end();
}

/* Ports that it says it has and has no registers for. */
static void test_impossible_ports(void **state)
{
	(void)state;
	prepare();
	model.pi = UINT32_MAX;
	assert_int_equal(ata_boot(), 1);
	assert_true(host_log_has("says that it has ports"));
	check_read(0, 0, 1, 8);
	end();
}

static void test_narrow(void **state)
{
	(void)state;
	prepare();
	model.cap &= 0x7fffffff; /* 32-bit addresses only */
	assert_int_equal(ata_boot(), 1);
	check_read(0, 0, 1, 100);
	assert_int_equal(port()->address >> 32, 0);
	end();
}

static void test_no_memory(void **state)
{
	(void)state;
	prepare();
	host_dma_fail_after(0);
	pci_model_boot();
	host_dma_fail_after(-1);
	assert_int_equal(host_dma_blocks(), 0);
	assert_true(host_log_has("no memory for port 0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_flush_among_reads),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_bad_sector),
		cmocka_unit_test(test_bad_sector_alone),
		cmocka_unit_test(test_short_count),
		cmocka_unit_test(test_more_active),
		cmocka_unit_test(test_spurious),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_storm_at_work),
		cmocka_unit_test(test_hangs),
		cmocka_unit_test(test_interrupt_lost),
		cmocka_unit_test(test_engine_sticks),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_does_not_reset),
		cmocka_unit_test(test_exchanged),
		cmocka_unit_test(test_impossible_ports),
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
