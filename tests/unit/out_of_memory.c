/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Out of memory anywhere: devices are found and probed again and again, each time with another allocation
 * failing, until none is left to fail. What is not driven then holds nothing any more (the rest is the leak
 * sanitizer's), what is driven does its first I/O.
 */
#include "drivers/block/block.h"
#include "drivers/console/virtio_console.h"
#include "drivers/entropy/virtio_rng.h"
#include "drivers/net/virtio_net.h"
#include "drivers/pci/device.h"
#include "kernel/memory/dma.h"
#include "kernel/options/options.h"
#include "tests/device/ahci_model.h"
#include "tests/device/ata_model.h"
#include "tests/device/block_stack.h"
#include "tests/device/e1000_model.h"
#include "tests/device/ide_model.h"
#include "tests/device/net_stack.h"
#include "tests/device/nic_stack.h"
#include "tests/device/rtl8139_model.h"
#include "tests/device/virtio_model_console.h"
#include "tests/device/virtio_model_rng.h"
#include "tests/unit/failing/allocations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than any probe takes: an end for the search. */
#define ALLOCATIONS_MAX 2000

/* -- Devices */

struct scenario {
	void (*prepare)(void); /* an empty machine with the device */
	bool (*driven)(void);  /* after the boot */
	void (*first_io)(void);
	void (*end)(void);
	bool (*stays)(void); /* something is driven that has nothing to drive; may be NULL */
};

static struct network_device *last_network(void)
{
	struct network_device *device = network_first();

	while (device && device->next)
		device = device->next;
	return device;
}

static struct block_device *last_block(void)
{
	struct block_device *device = block_first();

	while (device && device->next)
		device = device->next;
	return device;
}

static struct virtio_device *last_virtio(void)
{
	struct virtio_device *device = virtio_first();

	while (device && device->next)
		device = device->next;
	return device;
}

/* What was the last device before the boot. */
static const struct virtio_device *virtio_before;
static const struct network_device *network_before;
static const struct block_device *block_before;
static const struct pci_device *pci_before;

static struct pci_device *last_pci(void)
{
	struct pci_device *device = pci_device_first();

	while (device && device->next)
		device = device->next;
	return device;
}

static bool controller_driven(void)
{
	return last_pci() != pci_before;
}

static bool virtio_driven(void)
{
	return last_virtio() != virtio_before && last_virtio()->driven;
}

static bool network_driven(void)
{
	return last_network() != network_before;
}

static bool block_driven(void)
{
	return last_block() != block_before;
}

static void no_violation(unsigned int violations, const char *text)
{
	if (violations)
		fail_msg("the driver broke a rule: %s", text);
}

static struct virtio_model_rng rng;
static struct virtio_model_pci rng_pci;

static void rng_prepare(void)
{
	host_reset();
	host_threads();
	pci_model_reset();
	virtio_model_rng_init(&rng);
	virtio_model_pci_init(&rng_pci, &rng.model, 3, 2);
	options_parse("");
}

static void rng_io(void)
{
	struct virtio_rng *driver = last_virtio()->driver_data;
	uint64_t got = driver->bytes;

	virtio_rng_work(driver);
	host_poll();
	virtio_rng_work(driver);
	assert_true(driver->bytes > got);
}

static void rng_end(void)
{
	no_violation(rng.model.violations, rng.model.violation);
}

static struct virtio_model_console terminal;
static struct virtio_model_pci terminal_pci;

static void console_prepare(void)
{
	host_reset();
	host_threads();
	pci_model_reset();
	virtio_model_console_init(&terminal, 32);
	virtio_model_pci_init(&terminal_pci, &terminal.model, 3, 4);
	options_parse("");
}

static void console_io(void)
{
	struct virtio_console *driver = last_virtio()->driver_data;

	for (unsigned int i = 0; i < 100; i++) {
		host_poll();
		virtio_console_work(driver);
		if (!driver->work)
			break;
	}
	assert_false(last_virtio()->recovery.broken);
	for (unsigned int id = 0; id < CONSOLE_PORTS_MAX; id++)
		if (driver->ports[id])
			virtio_console_port_remove(driver->ports[id]);
}

static void console_end(void)
{
	no_violation(terminal.model.violations, terminal.model.violation);
	virtio_model_console_free(&terminal);
}

static void blk_prepare(void)
{
	host_threads();
	disk_prepare("");
	disk_plug();
}

static void block_io(void)
{
	uint8_t *memory = dma_alloc(4096, &(struct dma_constraints){.limit = UINT32_MAX});

	memset(memory, 0x5c, 4096);
	assert_int_equal(block_write(last_block(), 8, memory, 8), 0);
	memset(memory, 0, 4096);
	assert_int_equal(block_read(last_block(), 8, memory, 8), 0);
	assert_int_equal(memory[4095], 0x5c);
	dma_free(memory, 4096);
}

static void blk_end(void)
{
	block_service();
	no_violation(disk.model.model.violations, disk.model.model.violation);
	virtio_model_block_free(&disk.model);
}

static void net_prepare(void)
{
	stack_start("net.buffers=64");
}

static unsigned int transmitted;

static void on_transmitted(struct network_device *device, void *token)
{
	assert_ptr_equal(device, last_network());
	assert_ptr_equal(token, &transmitted);
	transmitted++;
}

static void on_receive(struct network_device *device, struct network_buffer *chain,
		       const struct network_receive_info *info)
{
	(void)device;
	(void)chain;
	(void)info;
	fail_msg("a frame that nobody sent");
}

/* A frame goes out, and comes back as sent. */
static void network_io(void)
{
	struct network_device *device = last_network();
	uint8_t *memory = dma_alloc(256, NULL);
	struct network_transmit frame = {.segment_count = 1, .headroom = 64, .token = &transmitted};

	frame.segments[0] = (struct network_segment){memory + 64, 60};
	device->receive = on_receive;
	device->transmitted = on_transmitted;
	transmitted = 0;
	assert_int_equal(device->operations->transmit(device, 0, &frame), 0);
	device->operations->flush(device, 0);
	for (unsigned int i = 0; i < 10 && !transmitted; i++) {
		host_clock_advance(1000000);
		device->operations->poll(device, 0, 64);
	}
	assert_int_equal(transmitted, 1);
	dma_free(memory, 256);
}

static void net_end(void)
{
	stack_stop();
}

static struct e1000_model e1000;

static void e1000_prepare(void)
{
	nic_reset("net.buffers=384");
	e1000_model_init(&e1000);
}

static void e1000_end(void)
{
	no_violation(e1000.violations, e1000.violation);
}

static struct rtl8139_model rtl8139;

static void rtl8139_prepare(void)
{
	nic_reset("net.buffers=100");
	rtl8139_model_init(&rtl8139);
}

static void rtl8139_end(void)
{
	no_violation(rtl8139.violations, rtl8139.violation);
}

static struct ide_model ide;

static void ide_prepare(void)
{
	ata_reset("");
	ide_model_init(&ide);
	ata_model_init(&ide.channels[0].drives[0], "A-0", ATA_MODEL_SECTORS);
}

static void ide_end(void)
{
	no_violation(ide.violations, ide.violation);
}

static struct ahci_model ahci;

static void ahci_prepare(void)
{
	ata_reset("");
	ahci_model_init(&ahci, true);
}

static void ahci_end(void)
{
	no_violation(ahci.violations, ahci.violation);
}

/* -- The search */

/* One boot; false: nothing failed any more. */
static bool boot_failing(const struct scenario *scenario, int nth)
{
	size_t dma, interrupts;
	bool has_failed;

	scenario->prepare();
	host_log_clear();
	virtio_before = last_virtio();
	network_before = last_network();
	block_before = last_block();
	pci_before = last_pci();
	dma = host_dma_blocks();
	interrupts = host_interrupts();

	allocations_fail_after(nth);
	pci_model_boot();
	has_failed = allocations_failed();
	allocations_fail_after(-1);

	if (getenv("OUT_OF_MEMORY"))
		fprintf(stderr, "allocation %d: %s%s\n", nth, has_failed ? "failed, " : "",
			scenario->driven() ? "driven" : "not driven");
	if (scenario->driven()) {
		scenario->first_io();
	} else {
		/* It is said, and all is given back; but a controller without its disk stays what it is. */
		assert_true(has_failed);
		assert_true(host_log_count() > 0);
		if (scenario->stays && scenario->stays())
			goto end;
		assert_int_equal(host_dma_blocks(), dma);
		assert_int_equal(host_interrupts(), interrupts);
	}
end:
	scenario->end();
	return has_failed;
}

static void search(const struct scenario *scenario)
{
	unsigned int without = 0;
	int nth = 0;

	while (boot_failing(scenario, nth)) {
		without += !scenario->driven();
		nth++;
		assert_in_range(nth, 0, ALLOCATIONS_MAX);
	}
	/* There were some that it cannot do without; and with all of them it is driven. */
	assert_true(without > 0);
	assert_true(scenario->driven());
	print_message("%d allocations, %u of them needed\n", nth, without);
}

#define SCENARIO(name, is_driven, io, is_kept)                                                     \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		search(&(struct scenario){name##_prepare, is_driven, io, name##_end, is_kept});    \
	}

SCENARIO(rng, virtio_driven, rng_io, NULL)
SCENARIO(console, virtio_driven, console_io, NULL)
SCENARIO(blk, block_driven, block_io, NULL)
SCENARIO(net, network_driven, network_io, NULL)
SCENARIO(e1000, network_driven, network_io, NULL)
SCENARIO(rtl8139, network_driven, network_io, NULL)
SCENARIO(ide, block_driven, block_io, controller_driven)
SCENARIO(ahci, block_driven, block_io, controller_driven)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rng),   cmocka_unit_test(test_console),
		cmocka_unit_test(test_blk),   cmocka_unit_test(test_net),
		cmocka_unit_test(test_e1000), cmocka_unit_test(test_rtl8139),
		cmocka_unit_test(test_ide),   cmocka_unit_test(test_ahci),
	};

	return cmocka_run_group_tests_name("out_of_memory", tests, NULL, NULL);
}
