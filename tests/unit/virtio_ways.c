/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network driver over every transport, with every ring and every way to interrupt: what cannot be is
 * refused with a line, all else moves frames both ways, survives resets of the device and of a queue, and
 * hears of configuration changes. Queue sizes, and doorbells that are told more.
 */
#include "drivers/virtio/transports/mmio.h"
#include "drivers/virtio/transports/transport.h"
#include "kernel/options/options.h"
#include "tests/device/net_stack.h"
#include "tests/device/virtio_model_ring.h"

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

static struct virtio_device *last_device(void)
{
	struct virtio_device *device = virtio_first();

	while (device && device->next)
		device = device->next;
	return device;
}

static struct virtio_net *driver(void)
{
	return stack.device->driver_data;
}

static struct virtio_device *virtio(void)
{
	return driver()->virtio;
}

/* Asks to be woken for the next frame. */
static void arm(void)
{
	while (stack_arm())
		stack_poll();
	stack.device->queues[0].events = 0;
}

/* The one that was armed for: it does wake, by interrupt or by poll. */
static void receive_one(void)
{
	unsigned int before = stack.received;

	stack_sleep();
	stack_poll();
	assert_int_equal(stack.received, before + 1);
}

/* Frames of several sizes go out, come back, and are what they were. */
static void echo(unsigned int rounds)
{
	stack.net.echo = true;
	for (unsigned int i = 0; i < rounds; i++) {
		uint32_t length = 60 + i * 97 % 1400;
		unsigned int pieces = 1 + i % 3;
		uint32_t headroom = i % 2 ? 64 : 0;

		if (pieces > stack.device->segments_max)
			pieces = 1;
		if (stack.device->segments_max == 1)
			headroom = 64;
		arm();
		assert_int_equal(stack_send(length, pieces, headroom), 0);
		stack_flush();
		receive_one();
		assert_int_equal(stack.length, length);
		assert_memory_equal(stack.frame, stack.memory + 64, length);
	}
	/* Ten at once. */
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(stack_send(200, 1, 64), 0);
	stack_flush();
	for (unsigned int i = 0; i < 50 && stack.net.incoming_count; i++) {
		host_clock_advance(NANOSECONDS_PER_MILLISECOND);
		stack_poll();
	}
	stack_poll();
	/* What was sent is given back with time. */
	host_clock_advance(NANOSECONDS_PER_MILLISECOND);
	stack_poll();
	stack_check_no_leak();
}

static void changes_are_heard(void)
{
	stack.device->queues[0].events = 0;
	virtio_model_net_link(&stack.net, false);
	host_clock_advance(50 * NANOSECONDS_PER_MILLISECOND);
	assert_false(stack.device->link_up);
	assert_true(stack.device->queues[0].events & NETWORK_EVENT_LINK);
	virtio_model_net_link(&stack.net, true);
	host_clock_advance(50 * NANOSECONDS_PER_MILLISECOND);
	assert_true(stack.device->link_up);
}

static void is_recovered(const char *mode)
{
	uint64_t before = virtio()->recovery.recoveries;

	host_clock_advance(60 * NANOSECONDS_PER_SECOND);
	stack.net.hold_transmit = true;
	assert_int_equal(stack_send(100, 1, 64), 0);
	stack_flush();
	virtio_model_needs_reset(&stack.net.model);
	host_clock_advance(50 * NANOSECONDS_PER_MILLISECOND);
	assert_true(virtio()->recovery.broken);
	stack.net.hold_transmit = false;
	assert_true(recovery_run() == UINT64_MAX);
	assert_int_equal(virtio()->recovery.recoveries, before + 1);
	assert_string_equal(virtio()->interrupt_mode, mode);
	stack.device->queues[0].events = 0;
	echo(5);
}

static void queue_is_reset(unsigned int index, bool alone)
{
	uint64_t recoveries = virtio()->recovery.recoveries, resets = stack.net.model.queue_resets;
	int error;

	host_clock_advance(60 * NANOSECONDS_PER_SECOND);
	stack.net.hold_transmit = true;
	assert_int_equal(stack_send(100, 1, 64), 0);
	stack_flush();
	error = virtio_queue_renew(virtio(), virtio()->queues[index]->index);
	stack.net.hold_transmit = false;
	if (alone) {
		assert_int_equal(error, 0);
		assert_int_equal(stack.net.model.queue_resets, resets + 1);
		assert_false(virtio()->recovery.broken);
		/* The model's other queue went on: let it finish what is in it. */
		stack.net.model.queues[1].kicked = true;
	} else {
		assert_int_not_equal(error, 0);
		assert_true(virtio()->recovery.broken);
		recovery_run();
		assert_int_equal(virtio()->recovery.recoveries, recoveries + 1);
	}
	stack.net.echo = false;
	host_clock_advance(5 * NANOSECONDS_PER_MILLISECOND);
	stack_poll();
	stack.device->queues[0].events = 0;
	echo(5);
}

static const char *const interrupts[] = {"", "per-queue", "shared", "intx", "poll"};

/* What `interrupt_mode` is to be; NULL: it cannot be. */
static const char *expected_mode(enum stack_transport transport, unsigned int way)
{
	static const char *const pci[] = {"msix", "msix", "msix-shared", "intx", "poll"};
	static const char *const mmio[] = {"line", NULL, NULL, "line", "poll"};

	return transport >= STACK_MMIO_2 ? mmio[way] : pci[way];
}

static void cell(enum stack_transport transport, bool packed, unsigned int way, bool more)
{
	static const char *const names[] = {"pci modern", "pci legacy", "pci legacy", "mmio 2",
					    "mmio 1"};
	const char *mode = expected_mode(transport, way);
	bool legacy =
		strcmp(strchr(names[transport], ' '), " legacy") == 0 || transport == STACK_MMIO_1;
	char line[128];

	snprintf(line, sizeof(line), "%s%s%s", way ? "virtio.interrupts=" : "", interrupts[way],
		 transport == STACK_PCI_TRANSITIONAL ? " virtio.transport=legacy" : "");
	stack_start_on(transport, line);
	virtio_model_offer(&stack.net.model, MODEL_RING_PACKED, packed && !legacy);
	virtio_model_offer(&stack.net.model, MODEL_IN_ORDER, more && !legacy);
	virtio_model_offer(&stack.net.model, MODEL_NOTIFICATION_DATA, more && !legacy);
	virtio_model_offer(&stack.net.model, MODEL_NOTIF_CONFIG_DATA, more && !legacy);
	virtio_model_offer(&stack.net.model, MODEL_RING_RESET, !legacy);
	stack.net.model.batches = more;
	if (!mode) {
		assert_int_equal(host_log_count(), 0);
		if (transport >= STACK_MMIO_2) {
			const struct interrupt_line gsi = {.gsi = MODEL_MMIO_LINE, .level = true};

			virtio_mmio_add(stack.mmio.region->address, 0x200, &gsi);
		}
		assert_null(last_device()->driver);
		snprintf(line, sizeof(line), "virtio.interrupts insists on %s, and it has one line",
			 interrupts[way]);
		assert_true(host_log_has(line));
		assert_int_equal(host_log_count(), 1);
		stack_stop();
		return;
	}
	stack_boot();
	assert_string_equal(virtio()->transport->name, names[transport]);
	assert_string_equal(virtio()->interrupt_mode, mode);
	assert_string_equal(virtio()->queues[0]->operations->format,
			    packed && !legacy ? "packed" : "split");
	assert_int_equal(virtio_has(virtio(), VIRTIO_F_NOTIFICATION_DATA), more && !legacy);
	assert_int_equal(virtio_has(virtio(), VIRTIO_F_NOTIF_CONFIG_DATA),
			 more && transport == STACK_PCI_MODERN);
	echo(40);
	if (!strcmp(mode, "poll")) {
		assert_int_equal(host_interrupts(), 0);
		assert_int_equal(stack_statistics().interrupts, 0);
		assert_true(virtio()->queues[0]->counters.polled > 0);
		/* Nor was the device ever asked for one. */
		assert_int_equal(stack.net.model.queues[0].interrupts, 0);
		assert_int_equal(stack.net.model.queues[1].interrupts, 0);
	} else {
		assert_true(stack_statistics().interrupts > 0);
		assert_int_equal(virtio()->queues[0]->counters.polled, 0);
	}
	changes_are_heard();
	is_recovered(mode);
	queue_is_reset(0, !legacy);
	queue_is_reset(1, !legacy);
	assert_true(host_log_count() <= 1); /* that it asked for a reset */
	virtio_shutdown(virtio());
	assert_int_equal(stack.net.model.status, 0);
	assert_int_equal(host_interrupts(), 0);
	stack_stop();
}

static void test_cells(void **state)
{
	(void)state;
	for (enum stack_transport transport = 0; transport < STACK_TRANSPORTS; transport++)
		for (unsigned int packed = 0; packed < 2; packed++)
			for (unsigned int way = 0; way < 5; way++)
				for (unsigned int more = 0; more < 2; more++)
					cell(transport, packed, way, more);
}

/* -- Which interface */

static void test_interface(void **state)
{
	unsigned int count = 0;

	(void)state;
	/* The modern one is preferred. */
	stack_start_on(STACK_PCI_TRANSITIONAL, "");
	stack_boot();
	assert_string_equal(virtio()->transport->name, "pci modern");
	assert_false(stack.net.model.legacy);
	stack_stop();

	for (struct virtio_device *device = virtio_first(); device; device = device->next)
		count++;
	/* What is not there cannot be insisted on. */
	stack_start_on(STACK_PCI_MODERN, "virtio.transport=legacy");
	pci_model_boot();
	assert_true(host_log_has("refused, virtio.transport insists on legacy"));
	stack_stop();
	stack_start_on(STACK_PCI_LEGACY, "virtio.transport=modern");
	pci_model_boot();
	assert_true(host_log_has("refused, virtio.transport insists on modern"));
	stack_stop();
	for (struct virtio_device *device = virtio_first(); device; device = device->next)
		count--;
	assert_int_equal(count, 0);
}

/* MSI-X that firmware left on moves the legacy configuration: it is turned off first. */
static void test_legacy_msix_left_on(void **state)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

	(void)state;
	stack_start_on(STACK_PCI_LEGACY, "virtio.interrupts=intx");
	stack.pci.pci.config[stack.pci.pci.msix_capability + 3] |= 0x80;
	stack_boot();
	assert_memory_equal(stack.device->mac, mac, 6);
	echo(3);
	stack_stop();
}

/* A legacy configuration has no generation: it is read until it is twice the same. */
static unsigned int torn;

static bool torn_mac(struct virtio_model *model, enum model_space space, uint32_t offset,
		     unsigned int width, uint64_t *value)
{
	(void)width;
	if (space != MODEL_DEVICE || offset != 5 || !torn)
		return false;
	torn--;
	*value = 0x99 - torn;
	model->config[5] = 0x77;
	return true;
}

static void test_legacy_torn_config(void **state)
{
	(void)state;
	stack_start_on(STACK_MMIO_1, "");
	torn = 3;
	stack.net.model.on_read = torn_mac;
	stack_boot();
	assert_int_equal(stack.device->mac[5], 0x77);
	stack_stop();

	stack_start_on(STACK_MMIO_1, "");
	torn = 1000;
	stack.net.model.on_read = torn_mac;
	{
		const struct interrupt_line gsi = {.gsi = MODEL_MMIO_LINE, .level = true};

		virtio_mmio_add(stack.mmio.region->address, 0x200, &gsi);
	}
	assert_null(last_device()->driver);
	assert_true(host_log_has("does not stand still"));
	stack_stop();
}

/* The header: 10 or 12 bytes, and by itself for those that know no other layout. */
static void test_legacy_headers(void **state)
{
	(void)state;
	for (unsigned int mergeable = 0; mergeable < 2; mergeable++)
		for (unsigned int any = 0; any < 2; any++) {
			stack_start_on(STACK_PCI_LEGACY, "");
			virtio_model_offer(&stack.net.model, MODEL_NET_MRG_RXBUF, mergeable);
			virtio_model_offer(&stack.net.model, MODEL_ANY_LAYOUT, any);
			stack_boot();
			assert_int_equal(driver()->header_size, mergeable ? 12 : 10);
			assert_int_equal(driver()->header_alone, !any);
			echo(20);
			stack_stop();
		}
}

/* -- Sizes */

static void try_size(enum stack_transport transport, bool packed, uint16_t offered,
		     unsigned int asked, uint16_t expected)
{
	char line[64];

	snprintf(line, sizeof(line), "virtio.queue_size=%u", asked);
	stack_start_on(transport, line);
	virtio_model_offer(&stack.net.model, MODEL_RING_PACKED, packed);
	for (unsigned int i = 0; i < 2; i++)
		stack.net.model.queues[i].size_max = stack.net.model.queues[i].size = offered;
	stack_boot();
	assert_int_equal(virtio()->queues[0]->size, expected);
	assert_int_equal(virtio()->queues[1]->size, expected);
	assert_int_equal(stack.net.model.queues[0].size, expected);
	assert_int_equal(stack.device->segments_max, expected == 1    ? 1
						     : expected <= 20 ? expected - 1u
								      : 20);
	stack.net.echo = expected >= 4;
	if (expected >= 4) {
		echo(10);
	} else {
		for (unsigned int i = 0; i < 20; i++) {
			assert_int_equal(stack_send(100, 1, 64), 0);
			stack_flush();
			host_poll();
			arm();
			stack_inject(100);
			receive_one();
		}
		stack_check_no_leak();
	}
	stack_stop();
}

static void test_sizes(void **state)
{
	(void)state;
	for (unsigned int packed = 0; packed < 2; packed++) {
		try_size(STACK_PCI_MODERN, packed, 1, 256, 1);
		try_size(STACK_PCI_MODERN, packed, 256, 1, 1);
		try_size(STACK_PCI_MODERN, packed, 256, 2, 2);
		try_size(STACK_MMIO_2, packed, 256, 100, packed ? 100 : 64);
		try_size(STACK_MMIO_2, packed, 1024, 1024, 1024);
		try_size(STACK_PCI_MODERN, packed, 32768, 32768, 32768);
	}
	try_size(STACK_PCI_MODERN, true, 3, 256, 3);
	/* The legacy interface has one size; MMIO's lets us choose. */
	try_size(STACK_PCI_LEGACY, false, 128, 16, 128);
	try_size(STACK_MMIO_1, false, 128, 16, 16);
}

/* A size that no ring can have is refused. */
static void test_legacy_odd_size(void **state)
{
	(void)state;
	stack_start_on(STACK_PCI_LEGACY, "");
	stack.net.model.queues[0].size_max = 100;
	pci_model_boot();
	assert_null(last_device()->driver);
	assert_true(host_log_has("cannot have 100 descriptors"));
	assert_int_equal(host_dma_blocks(), 0);
	stack_stop();
}

/* -- RING_RESET that does not work */

static void test_queue_reset_lies(void **state)
{
	(void)state;
	for (enum stack_transport transport = STACK_PCI_MODERN; transport <= STACK_MMIO_2;
	     transport += STACK_MMIO_2 - STACK_PCI_MODERN)
		for (unsigned int lie = 0; lie < 2; lie++) {
			stack_start_on(transport, "");
			virtio_model_offer(&stack.net.model, MODEL_RING_RESET, true);
			stack.net.model.queue_reset_ignored = lie == 0;
			stack.net.model.queue_reset_never = lie == 1;
			stack_boot();
			queue_is_reset(0, false);
			assert_true(host_log_has("cannot be reset alone"));
			stack_stop();
		}
	/* One that takes its time is waited for. */
	stack_start_on(STACK_PCI_MODERN, "");
	virtio_model_offer(&stack.net.model, MODEL_RING_RESET, true);
	stack_boot();
	stack.net.model.reset_reads = 500;
	queue_is_reset(0, true);
	stack_stop();
}

/* -- Other */

static void test_queues_allowed(void **state)
{
	(void)state;
	host_reset();
	options_parse("");
	assert_int_equal(virtio_queues_allowed(8), 8);
	assert_int_equal(virtio_queues_allowed(1), 1);
	assert_int_equal(virtio_queues_allowed(0), 0);
	options_parse("virtio.queues=3");
	assert_int_equal(virtio_queues_allowed(8), 3);
	assert_int_equal(virtio_queues_allowed(3), 3);
	host_log_clear();
	assert_int_equal(virtio_queues_allowed(2), 2); /* "at most" is no reason to complain */
	assert_int_equal(host_log_count(), 0);
	options_parse("");
}

/* With ORDER_PLATFORM and ACCESS_PLATFORM it is the same device. */
static void test_platform(void **state)
{
	(void)state;
	stack_start("");
	virtio_model_offer(&stack.net.model, VIRTIO_F_ACCESS_PLATFORM, true);
	virtio_model_offer(&stack.net.model, VIRTIO_F_ORDER_PLATFORM, true);
	stack_boot();
	assert_true(virtio_has(virtio(), VIRTIO_F_ACCESS_PLATFORM));
	assert_true(virtio_has(virtio(), VIRTIO_F_ORDER_PLATFORM));
	echo(10);
	stack_stop();
}

/* Both MMIO versions are stopped before the machine is handed on. */
static void test_mmio_shutdown(void **state)
{
	(void)state;
	for (enum stack_transport transport = STACK_MMIO_2; transport <= STACK_MMIO_1;
	     transport++) {
		stack_start_on(transport, "");
		stack_boot();
		assert_int_not_equal(stack.net.model.status, 0);
		virtio_shutdown(virtio());
		assert_int_equal(stack.net.model.status, 0);
		assert_int_equal(host_interrupts(), 0);
		stack_stop();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_interface),
		cmocka_unit_test(test_legacy_msix_left_on),
		cmocka_unit_test(test_legacy_torn_config),
		cmocka_unit_test(test_legacy_headers),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_legacy_odd_size),
		cmocka_unit_test(test_queue_reset_lies),
		cmocka_unit_test(test_queues_allowed),
		cmocka_unit_test(test_platform),
		cmocka_unit_test(test_mmio_shutdown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
