/* SPDX-License-Identifier: BSD-2-Clause */
/* MSI-X and MSI: places checked against BARs, entries programmed, masked, pending, delivered. */
#include "drivers/pci/msix.h"

#include "drivers/pci/internal.h"
#include "tests/device/host.h"
#include "tests/device/pci_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#define ENTRIES 5
#define TABLE_BAR 1
#define BAR_ADDRESS 0xfe000000

static struct pci_model model;
static struct pci_function *function;
static struct msix msix;
static unsigned int delivered[2];

static enum interrupt_result count(void *context)
{
	(*(unsigned int *)context)++;
	return INTERRUPT_HANDLED;
}

static int set_up(void **state)
{
	(void)state;
	host_reset();
	pci_model_reset();
	memset(delivered, 0, sizeof(delivered));
	pci_model_init(&model, 3, 0x1234, 0x5678);
	pci_model_msix(&model, TABLE_BAR, BAR_ADDRESS, ENTRIES);
	return 0;
}

static int start(void)
{
	pci_enumerate(0, 0, 0);
	function = pci_first();
	assert_non_null(function);
	pci_enable(function);
	return msix_init(&msix, function);
}

static void init_masks_every_entry_and_enables(void **state)
{
	(void)state;
	model.bars[TABLE_BAR].region->memory[16 * 2 + 12] = 0; /* left unmasked by somebody */
	assert_int_equal(start(), 0);
	assert_int_equal(msix.count, ENTRIES);
	for (unsigned int i = 0; i < ENTRIES; i++)
		assert_true(msix_masked(&msix, i));
	assert_true(pci_model_msix_enabled(&model));
	assert_int_equal(pci_read16(function, msix.capability + 2) & 0x4000, 0);
	assert_true(pci_read16(function, PCI_COMMAND) & PCI_COMMAND_INTERRUPT_DISABLE);
	msix_shutdown(&msix);
	assert_false(pci_model_msix_enabled(&model));
	assert_false(pci_read16(function, PCI_COMMAND) & PCI_COMMAND_INTERRUPT_DISABLE);
	assert_int_equal(function->bars[TABLE_BAR].mapping_users, 0);
	msix_shutdown(&msix);
}

static void entries_deliver_their_own_interrupt(void **state)
{
	struct interrupt *first = interrupt_allocate(0, "first", count, &delivered[0]);
	struct interrupt *second = interrupt_allocate(0, "second", count, &delivered[1]);

	(void)state;
	assert_int_equal(start(), 0);
	assert_int_equal(msix_set(&msix, 0, first), 0);
	assert_int_equal(msix_set(&msix, ENTRIES - 1, second), 0);
	assert_int_equal(msix_set(&msix, ENTRIES, second), -EINVAL);
	assert_true(msix_masked(&msix, 0));
	msix_unmask(&msix, 0);
	msix_unmask(&msix, ENTRIES - 1);
	assert_false(msix_masked(&msix, 0));
	pci_model_message(&model, 0);
	pci_model_message(&model, ENTRIES - 1);
	pci_model_message(&model, ENTRIES - 1);
	assert_int_equal(delivered[0], 1);
	assert_int_equal(delivered[1], 2);
	msix_shutdown(&msix);
	interrupt_free(first);
	interrupt_free(second);
}

static void masked_entries_pend_and_come_once(void **state)
{
	struct interrupt *interrupt = interrupt_allocate(0, "one", count, &delivered[0]);

	(void)state;
	assert_int_equal(start(), 0);
	msix_set(&msix, 3, interrupt);
	pci_model_message(&model, 3);
	pci_model_message(&model, 3);
	assert_true(msix_pending(&msix, 3));
	assert_false(msix_pending(&msix, 2));
	assert_int_equal(delivered[0], 0);
	msix_unmask(&msix, 3);
	host_poll();
	assert_int_equal(delivered[0], 1);
	assert_false(msix_pending(&msix, 3));
	/* The mask of the function does the same. */
	msix_mask_all(&msix, true);
	pci_model_message(&model, 3);
	assert_true(msix_pending(&msix, 3));
	msix_mask_all(&msix, false);
	host_poll();
	assert_int_equal(delivered[0], 2);
	/* Set again, it is masked again. */
	msix_set(&msix, 3, interrupt);
	assert_true(msix_masked(&msix, 3));
	msix_shutdown(&msix);
	interrupt_free(interrupt);
}

static void entries_that_are_not_there(void **state)
{
	(void)state;
	assert_int_equal(start(), 0);
	msix_mask(&msix, ENTRIES);
	msix_unmask(&msix, 100000);
	assert_true(msix_masked(&msix, ENTRIES));
	assert_false(msix_pending(&msix, 100000));
	msix_shutdown(&msix);
	assert_true(msix_masked(&msix, 0));
	assert_int_equal(msix_set(&msix, 0, NULL), -EINVAL);
}

static void reserved_bits_of_vector_control_are_kept(void **state)
{
	uint8_t *control = model.bars[TABLE_BAR].region->memory + 12;

	(void)state;
	control[2] = 0xa5;
	assert_int_equal(start(), 0);
	msix_unmask(&msix, 0);
	msix_mask(&msix, 0);
	assert_int_equal(control[2], 0xa5);
	msix_shutdown(&msix);
}

static void no_capability(void **state)
{
	(void)state;
	pci_model_reset();
	pci_model_init(&model, 3, 0x1234, 0x5678);
	pci_enumerate(0, 0, 0);
	assert_non_null(pci_first());
	assert_int_equal(msix_init(&msix, pci_first()), -ENODEV);
}

static void expect_refused(const char *why)
{
	assert_int_equal(start(), -EINVAL);
	assert_true(host_log_has(why));
	assert_false(pci_model_msix_enabled(&model));
	assert_int_equal(function->bars[TABLE_BAR].mapping_users, 0);
}

static void a_table_outside_its_bar(void **state)
{
	(void)state;
	pci_model_set32(&model, model.msix_capability + 4, (0x1000 - 16 * ENTRIES + 8) | TABLE_BAR);
	expect_refused("table of");
}

static void a_table_that_ends_with_its_bar(void **state)
{
	(void)state;
	pci_model_set32(&model, model.msix_capability + 4, (0x1000 - 16 * ENTRIES) | TABLE_BAR);
	assert_int_equal(start(), 0);
	msix_shutdown(&msix);
}

static void a_table_whose_end_wraps(void **state)
{
	(void)state;
	pci_model_set32(&model, model.msix_capability + 4, 0xfffffff8 | TABLE_BAR);
	expect_refused("table of");
}

static void a_table_larger_than_its_bar(void **state)
{
	(void)state;
	pci_model_set16(&model, model.msix_capability + 2, 0x7ff); /* 2048 entries, 32 KiB */
	expect_refused("table of");
}

static void pending_bits_outside_their_bar(void **state)
{
	(void)state;
	pci_model_set32(&model, model.msix_capability + 8, 0x1000 | TABLE_BAR);
	expect_refused("pending bits");
}

static void pending_bits_over_the_table(void **state)
{
	(void)state;
	pci_model_set32(&model, model.msix_capability + 8, 0x40 | TABLE_BAR);
	expect_refused("overlap");
}

static void bars_that_are_none(void **state)
{
	static const uint32_t bars[] = {0, 2, 6, 7};

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		set_up(NULL);
		pci_model_set32(&model, model.msix_capability + 4, bars[i]);
		expect_refused("no memory BAR");
	}
}

static void an_unassigned_bar(void **state)
{
	(void)state;
	pci_model_set32(&model, 0x10 + 4 * TABLE_BAR, 0);
	assert_int_equal(start(), -ENOMEM);
	assert_true(host_log_has("not an assigned"));
}

static void msi_message(void **state)
{
	struct interrupt *interrupt = interrupt_allocate(0, "msi", count, &delivered[0]);
	struct interrupt_message message;
	uint8_t body[22] = {0x8a, 0x01}; /* 64 bits, maskable, 32 messages asked for */
	unsigned int msi;

	(void)state;
	pci_model_reset();
	pci_model_init(&model, 3, 0x1234, 0x5678);
	msi = pci_model_capability(&model, PCI_CAPABILITY_MSI, body, 24);
	memset(model.writable + msi + 4, 0xff, 20);
	model.writable[msi + 2] = 0x71;
	model.config[msi + 2] |= 0x50; /* somebody had 32 enabled */
	model.config[msi + 16] = 1;    /* and this one masked */
	pci_enumerate(0, 0, 0);
	function = pci_first();
	assert_non_null(interrupt);
	assert_non_null(function);
	interrupt_message(interrupt, &message);
	assert_int_equal(msi_enable(function, interrupt), 0);
	assert_int_equal(pci_read16(function, msi + 2) & 0x71, 1);
	assert_int_equal(pci_read32(function, msi + 4), (uint32_t)message.address);
	assert_int_equal(pci_read32(function, msi + 8), message.address >> 32);
	assert_int_equal(pci_read16(function, msi + 12), message.data);
	assert_int_equal(pci_read32(function, msi + 16), 0);
	assert_true(host_interrupt_message(pci_read32(function, msi + 4),
					   pci_read16(function, msi + 12)));
	assert_int_equal(delivered[0], 1);
	msi_hold(function, true);
	assert_int_equal(pci_read16(function, msi + 2) & 0x71, 0);
	assert_true(pci_read16(function, 4) & 0x400); /* and no line instead */
	msi_hold(function, false);
	assert_int_equal(pci_read16(function, msi + 2) & 0x71, 1);
	msi_disable(function);
	assert_int_equal(pci_read16(function, msi + 2) & 1, 0);
	interrupt_free(interrupt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(init_masks_every_entry_and_enables, set_up),
		cmocka_unit_test_setup(entries_deliver_their_own_interrupt, set_up),
		cmocka_unit_test_setup(masked_entries_pend_and_come_once, set_up),
		cmocka_unit_test_setup(entries_that_are_not_there, set_up),
		cmocka_unit_test_setup(reserved_bits_of_vector_control_are_kept, set_up),
		cmocka_unit_test_setup(no_capability, set_up),
		cmocka_unit_test_setup(a_table_outside_its_bar, set_up),
		cmocka_unit_test_setup(a_table_that_ends_with_its_bar, set_up),
		cmocka_unit_test_setup(a_table_whose_end_wraps, set_up),
		cmocka_unit_test_setup(a_table_larger_than_its_bar, set_up),
		cmocka_unit_test_setup(pending_bits_outside_their_bar, set_up),
		cmocka_unit_test_setup(pending_bits_over_the_table, set_up),
		cmocka_unit_test_setup(bars_that_are_none, set_up),
		cmocka_unit_test_setup(an_unassigned_bar, set_up),
		cmocka_unit_test_setup(msi_message, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
