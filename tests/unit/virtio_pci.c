/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio over PCI against the model: initialisation in the specification's order, interrupt modes,
 * configuration changes, and capabilities, sizes and doorbells that cannot be true.
 */
#include "drivers/pci/internal.h"
#include "drivers/virtio/virtio.h"
#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "tests/device/host.h"
#include "tests/device/virtio_model_net.h"
#include "tests/device/virtio_model_pci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#define CAP_LENGTH 2
#define CAP_TYPE 3
#define CAP_BAR 4
#define CAP_OFFSET 8
#define CAP_SIZE 12
#define CAP_MULTIPLIER 16

static struct virtio_model_net net;
static struct virtio_model_pci pci;

static struct virtio_device *last_device(void)
{
	struct virtio_device *device = virtio_first();

	while (device && device->next)
		device = device->next;
	return device;
}

static unsigned int device_count(void)
{
	unsigned int count = 0;

	for (struct virtio_device *device = virtio_first(); device; device = device->next)
		count++;
	return count;
}

static void start_with(unsigned int vectors)
{
	host_reset();
	options_parse("");
	pci_model_reset();
	virtio_model_net_init(&net, 16);
	virtio_model_pci_init(&pci, &net.model, 3, vectors);
	host_log_clear();
}

/* The device that is found then, not one of a test before. */
static struct virtio_device *boot(void)
{
	unsigned int before = device_count();

	pci_model_boot();
	assert_int_equal(device_count(), before + 1);
	return last_device();
}

static void stop(void)
{
	if (net.model.violations)
		fail_msg("%s", net.model.violation);
	virtio_model_net_free(&net);
}

/* -- The order of 3.1.1 */

static int find_write(enum model_space space, uint32_t offset, uint64_t value, int after)
{
	for (unsigned int i = (unsigned int)(after + 1); i < net.model.trace_count; i++)
		if (net.model.trace[i].space == space && net.model.trace[i].offset == offset &&
		    net.model.trace[i].value == value)
			return (int)i;
	return -1;
}

static void test_order(void **state)
{
	int place = -1, driver_ok, first_kick;

	(void)state;
	start_with(4);
	pci_model_boot();
	assert_string_equal(last_device()->bus_name, "00:03.0");
	assert_non_null(last_device()->driver);
	assert_int_equal(net.model.trace[0].offset, 0x14);
	assert_int_equal(net.model.trace[0].value, 0);
	for (unsigned int step = 0; step < 5; step++) {
		static const uint8_t status[] = {0, 1, 3, 11, 15};
		int next = find_write(MODEL_COMMON, 0x14, status[step], place);

		assert_true(next > place);
		place = next;
	}
	driver_ok = place;
	for (unsigned int i = 0; i < net.model.trace_count; i++) {
		const struct model_write *write = &net.model.trace[i];
		int features_ok = find_write(MODEL_COMMON, 0x14, 11, -1);

		if (write->space == MODEL_COMMON && write->offset == 0x0c)
			assert_true((int)i < features_ok);
		if (write->space == MODEL_COMMON && write->offset >= 0x18)
			assert_true((int)i > features_ok && (int)i < driver_ok);
	}
	/* The buffers are there before, the kick comes after. */
	first_kick = find_write(MODEL_NOTIFY, 0, 0, -1);
	assert_true(first_kick > driver_ok);
	assert_int_equal(net.model.queues[0].size, 16);
	assert_int_equal(host_log_count(), 0);
	stop();
}

static void test_reset_takes_time(void **state)
{
	(void)state;
	start_with(4);
	net.model.status = 0x0f; /* left behind by firmware */
	net.model.reset_reads = 1500;
	pci_model_boot();
	assert_non_null(last_device()->driver);
	stop();
}

static void test_reset_never_ends(void **state)
{
	(void)state;
	start_with(4);
	net.model.status = 0x0f;
	net.model.reset_never = true;
	pci_model_boot();
	assert_null(last_device()->driver);
	assert_true(host_log_has("does not come out of its reset"));
	/* It may use memory of others for ever: the bus keeps it from there. */
	assert_false(pci.pci.config[PCI_COMMAND] & PCI_COMMAND_MASTER);
	virtio_model_net_free(&net);
}

/* It is kept from memory until it does come out, and then works as before. */
static void test_reset_ends_late(void **state)
{
	struct virtio_device *device;

	(void)state;
	start_with(4);
	pci_model_boot();
	device = last_device();
	assert_non_null(device->driver);
	assert_true(pci.pci.config[PCI_COMMAND] & PCI_COMMAND_MASTER);
	net.model.reset_never = true;
	virtio_model_needs_reset(&net.model);
	assert_true(recovery_run() != UINT64_MAX);
	assert_false(pci.pci.config[PCI_COMMAND] & PCI_COMMAND_MASTER);
	assert_int_equal(pci.pci.config[PCI_COMMAND] & PCI_COMMAND_MEMORY, PCI_COMMAND_MEMORY);
	net.model.reset_never = false;
	host_clock_advance(NANOSECONDS_PER_SECOND);
	assert_true(recovery_run() == UINT64_MAX);
	assert_true(pci.pci.config[PCI_COMMAND] & PCI_COMMAND_MASTER);
	assert_int_equal(device->recovery.recoveries, 1);
	stop();
}

/* -- Interrupts */

static void test_vectors(void **state)
{
	static const struct {
		unsigned int table, allowed_by_device;
		int allowed_by_cpu;
		const char *mode;
		unsigned int interrupts;
	} cases[] = {
		{4, 4, -1, "msix", 3},
		{3, 3, -1, "msix", 3},
		{2, 2, -1, "msix-shared", 2},
		{1, 1, -1, "msix-one", 1},
		{0, 0, -1, "intx", 1},
		/* The table is long but the device has fewer to give. */
		{4, 2, -1, "msix-shared", 2},
		{4, 1, -1, "msix-one", 1},
		{4, 0, -1, "intx", 1},
		/* The CPU has fewer. */
		{4, 4, 2, "msix-shared", 2},
		{4, 4, 1, "msix-one", 1},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct virtio_device *device;

		start_with(cases[i].table);
		net.model.vectors_max = (uint16_t)cases[i].allowed_by_device;
		host_interrupt_limit(cases[i].allowed_by_cpu);
		pci_model_boot();
		device = last_device();
		assert_non_null(device->driver);
		assert_string_equal(device->interrupt_mode, cases[i].mode);
		assert_int_equal(host_interrupts(), cases[i].interrupts);
		assert_int_equal(host_log_count(), 0);
		/* A change of the configuration arrives whatever the mode. */
		virtio_model_net_link(&net, false);
		assert_int_equal(device->config_interrupts, 1);
		assert_false(pci.pci.line);
		stop();
	}
}

static void test_no_interrupt_at_all(void **state)
{
	(void)state;
	start_with(0);
	pci.pci.config[0x3d] = 0; /* no pin */
	pci_model_boot();
	assert_string_equal(last_device()->interrupt_mode, "poll");
	assert_true(host_log_has("no interrupt can be had"));
	assert_int_equal(host_log_count(), 0);
	stop();
}

static void test_cpu_has_no_vectors(void **state)
{
	(void)state;
	start_with(4);
	host_interrupt_limit(0);
	pci_model_boot();
	assert_string_equal(last_device()->interrupt_mode, "poll");
	assert_int_equal(host_interrupts(), 0);
	stop();
}

/* -- Configuration */

static unsigned int generation_reads;

static bool restless(struct virtio_model *model, enum model_space space, uint32_t offset,
		     unsigned int width, uint64_t *value)
{
	(void)model;
	(void)width;
	if (space != MODEL_COMMON || offset != 0x15)
		return false;
	*value = generation_reads++;
	return true;
}

/* The address changes once while it is read: half of each must not be taken. */
static bool changes_once(struct virtio_model *model, enum model_space space, uint32_t offset,
			 unsigned int width, uint64_t *value)
{
	static const uint8_t new_mac[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

	(void)width;
	(void)value;
	if (space == MODEL_DEVICE && offset == 3 && !generation_reads++) {
		memcpy(model->config, new_mac, sizeof(new_mac));
		model->generation++;
	}
	return false;
}

static void test_config_generation(void **state)
{
	struct virtio_device *device;
	uint8_t mac[6];

	(void)state;
	start_with(4);
	device = boot();
	generation_reads = 0;
	net.model.on_read = changes_once;
	assert_int_equal(virtio_config_read(device, 0, mac, 6, 1), 0);
	assert_memory_equal(mac, net.model.config, 6);
	assert_int_equal(mac[0], 2);

	net.model.on_read = restless;
	assert_int_equal(virtio_config_read(device, 0, mac, 6, 1), -EIO);
	assert_true(host_log_has("does not stand still"));
	net.model.on_read = NULL;
	assert_int_equal(virtio_config_read(device, 20, mac, 6, 1), -EINVAL);
	assert_int_equal(virtio_config_read(device, UINT32_MAX, mac, 6, 1), -EINVAL);
	assert_int_equal(virtio_config_read32(device, 22), UINT32_MAX);
	stop();
}

static void test_config_restless_at_start(void **state)
{
	(void)state;
	start_with(4);
	net.model.on_read = restless;
	pci_model_boot();
	assert_null(last_device()->driver);
	assert_true(net.model.status & VIRTIO_STATUS_FAILED);
	stop();
}

/* -- Capabilities that cannot be true */

static void expect_refused(const char *line)
{
	unsigned int before = device_count();

	pci_model_boot();
	assert_int_equal(device_count(), before);
	assert_true(host_log_has(line));
	stop();
}

static void test_bad_capabilities(void **state)
{
	(void)state;
	start_with(4);
	pci_model_set32(&pci.pci, pci.common + CAP_OFFSET, MODEL_PCI_BAR_SIZE - 0x30);
	expect_refused("common configuration structure cannot be used: it reaches beyond its BAR");

	start_with(4);
	pci_model_set32(&pci.pci, pci.common + CAP_OFFSET, 0xfffffff0);
	expect_refused("it reaches beyond its BAR");

	start_with(4);
	pci_model_set32(&pci.pci, pci.notify + CAP_SIZE, 0xffffffff);
	expect_refused("notification structure cannot be used: it reaches beyond its BAR");

	start_with(4);
	pci_model_set32(&pci.pci, pci.common + CAP_SIZE, 0x30);
	expect_refused("it is too short");

	start_with(4);
	pci_model_set32(&pci.pci, pci.common + CAP_OFFSET, 2);
	expect_refused("it is not aligned");

	start_with(4);
	pci.pci.config[pci.isr + CAP_BAR] = 2;
	expect_refused("ISR status structure cannot be used: its BAR does not exist");

	start_with(4);
	pci.pci.config[pci.isr + CAP_BAR] = 6; /* reserved: ignored, and then there is none */
	expect_refused("ISR status structure cannot be used: there is none");

	start_with(4);
	pci.pci.config[pci.notify + CAP_LENGTH] = 16; /* no room for the multiplier */
	expect_refused("the capability is too short");

	start_with(4);
	pci.pci.config[pci.notify + CAP_TYPE] = 77;
	expect_refused("notification structure cannot be used: there is none");
}

static void test_first_usable_capability(void **state)
{
	struct {
		uint8_t length, type, bar, id, padding[2];
		uint32_t offset, size;
	} __attribute__((packed)) body = {16, 1, MODEL_PCI_BAR, 0, {0}, MODEL_PCI_COMMON, 0x40};

	(void)state;
	start_with(4);
	/* The first common configuration is in a BAR that is reserved; another follows at the end.
	 */
	pci.pci.config[pci.common + CAP_BAR] = 7;
	pci_model_capability(&pci.pci, 9, &body, 16);
	pci_model_boot();
	assert_non_null(last_device()->driver);
	stop();
}

static void test_larger_structures(void **state)
{
	(void)state;
	start_with(4);
	pci_model_set32(&pci.pci, pci.common + CAP_SIZE, 0x1000);
	pci_model_set32(&pci.pci, pci.isr + CAP_SIZE, 0x1000);
	pci.pci.config[pci.common + CAP_LENGTH] = 24;
	pci_model_boot();
	assert_non_null(last_device()->driver);
	stop();
}

static void test_no_interface(void **state)
{
	unsigned int before;

	(void)state;
	start_with(4);
	pci_model_set16(&pci.pci, 2, 0x1000);
	pci_model_set16(&pci.pci, 0x2e, 1);
	pci.pci.config[pci.common + CAP_TYPE] = 99;
	before = device_count();
	pci_model_boot();
	assert_int_equal(device_count(), before);
	assert_true(host_log_has("without an interface that can be used"));
	assert_int_equal(host_log_count(), 0);
	stop();
}

static void test_transitional_is_driven(void **state)
{
	(void)state;
	start_with(4);
	pci_model_set16(&pci.pci, 2, 0x1000);
	pci_model_set16(&pci.pci, 0x2e, 1);
	pci_model_boot();
	assert_int_equal(last_device()->type, 1);
	assert_non_null(last_device()->driver);
	stop();
}

static void test_unknown_type(void **state)
{
	(void)state;
	start_with(4);
	pci_model_set16(&pci.pci, 2, 0x1040 + 63);
	pci_model_boot();
	assert_null(last_device()->driver);
	assert_int_equal(net.model.status, 1); /* ACKNOWLEDGE, and nobody for it */
	assert_int_equal(host_log_count(), 0);
	stop();
}

/* -- Queues that cannot be true */

static uint64_t lie_value;
static uint32_t lie_offset;

static bool lie(struct virtio_model *model, enum model_space space, uint32_t offset,
		unsigned int width, uint64_t *value)
{
	(void)model;
	(void)width;
	if (space != MODEL_COMMON || offset != lie_offset)
		return false;
	*value = lie_value;
	return true;
}

static void boot_with_lie(uint32_t offset, uint64_t value)
{
	start_with(4);
	lie_offset = offset;
	lie_value = value;
	net.model.on_read = lie;
	pci_model_boot();
}

static void test_queue_lies(void **state)
{
	(void)state;
	boot_with_lie(0x18, 0); /* queue_size */
	assert_null(last_device()->driver);
	assert_true(host_log_has("has no queue 0"));
	assert_int_equal(host_dma_blocks(), 0);
	stop();

	boot_with_lie(0x12, 1); /* num_queues */
	assert_null(last_device()->driver);
	assert_true(host_log_has("has no queue 1"));
	assert_int_equal(host_dma_blocks(), 0);
	stop();

	boot_with_lie(0x18, 13); /* not a power of two: the next below serves */
	assert_non_null(last_device()->driver);
	assert_int_equal(net.model.queues[0].size, 8);
	stop();

	boot_with_lie(0x1e, 0xffff); /* queue_notify_off */
	assert_null(last_device()->driver);
	assert_true(host_log_has("outside the 4096 bytes"));
	assert_int_equal(host_dma_blocks(), 0);
	assert_int_equal(host_interrupts(), 0);
	stop();
}

static void test_config_vector_refused(void **state)
{
	(void)state;
	boot_with_lie(0x10, 0xffff); /* config_msix_vector never takes */
	assert_non_null(last_device()->driver);
	assert_string_equal(last_device()->interrupt_mode, "intx");
	assert_int_equal(net.model.queues[0].vector, 0xffff);
	stop();
}

static void test_all_ones(void **state)
{
	struct virtio_device *device;

	(void)state;
	/* A device that was pulled out reads as ones: bounded, and no crash. */
	start_with(4);
	device = boot();
	net.model.on_read = restless;
	net.model.reset_never = true;
	net.model.status = 0xff;
	assert_int_equal(virtio_reset(device), -ETIMEDOUT);
	assert_ptr_equal(last_device(), device);
	virtio_model_net_free(&net);
}

/* One that was taken away, whatever its registers read as: not waited for, and nothing stays lent to it. */
static void test_taken_away(void **state)
{
	struct virtio_device *device;
	uint64_t start;

	(void)state;
	start_with(4);
	device = boot();
	assert_true(device->driven);
	memset(pci.pci.config, 0xff, sizeof(pci.pci.config));
	virtio_device_break(device, "was broken by the test");
	start = clock_monotonic();
	assert_int_equal(recovery_run(), UINT64_MAX);
	assert_true(device->recovery.given_up);
	assert_false(device->reset_failed);
	assert_true(clock_monotonic() - start < NANOSECONDS_PER_MILLISECOND);
	assert_true(host_log_has("given up, it is not there any more"));
	virtio_model_net_free(&net);
}

static void test_no_memory_anywhere(void **state)
{
	(void)state;
	/* Whichever DMA allocation fails, what was allocated before is freed. */
	for (int allowed = 0; allowed < 64; allowed++) {
		start_with(4);
		host_dma_fail_after(allowed);
		pci_model_boot();
		if (!last_device()->driver) {
			assert_int_equal(host_dma_blocks(), 0);
			assert_int_equal(host_interrupts(), 0);
			assert_true(net.model.status & VIRTIO_STATUS_FAILED);
		}
		stop();
	}
	assert_non_null(last_device()->driver);
}

static void test_queue_size_option(void **state)
{
	(void)state;
	start_with(4);
	options_parse("virtio.queue_size=5");
	pci_model_boot();
	assert_non_null(last_device()->driver);
	assert_int_equal(net.model.queues[0].size, 4);
	assert_int_equal(net.model.queues[1].size, 4);
	options_parse("");
	stop();
}

static void test_needs_reset(void **state)
{
	(void)state;
	start_with(4);
	pci_model_boot();
	virtio_model_needs_reset(&net.model);
	assert_true(last_device()->recovery.broken);
	assert_true(host_log_has("asks for a reset"));
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_reset_takes_time),
		cmocka_unit_test(test_reset_never_ends),
		cmocka_unit_test(test_reset_ends_late),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_no_interrupt_at_all),
		cmocka_unit_test(test_cpu_has_no_vectors),
		cmocka_unit_test(test_config_generation),
		cmocka_unit_test(test_config_restless_at_start),
		cmocka_unit_test(test_bad_capabilities),
		cmocka_unit_test(test_first_usable_capability),
		cmocka_unit_test(test_larger_structures),
		cmocka_unit_test(test_no_interface),
		cmocka_unit_test(test_transitional_is_driven),
		cmocka_unit_test(test_unknown_type),
		cmocka_unit_test(test_queue_lies),
		cmocka_unit_test(test_config_vector_refused),
		cmocka_unit_test(test_all_ones),
		cmocka_unit_test(test_taken_away),
		cmocka_unit_test(test_no_memory_anywhere),
		cmocka_unit_test(test_queue_size_option),
		cmocka_unit_test(test_needs_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
