/* SPDX-License-Identifier: BSD-2-Clause */
/* Capability lists: in order, and with the loops and pointers of a device that lies. */
#include "drivers/pci/internal.h"
#include "tests/device/host.h"
#include "tests/device/pci_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct pci_model model;
static struct pci_function *function;
static unsigned int power, first_vendor, msi, second_vendor;

/* Extended space, which the model has not: offsets 0x100 and above. */
static uint32_t extended[(PCI_CONFIG_SIZE_EXTENDED - PCI_CONFIG_SIZE) / 4];

static bool covers(const struct pci_access *access, struct pci_address address)
{
	(void)access;
	return !address.bus && address.device == 9 && !address.function;
}

static uint32_t read_extended(const struct pci_access *access, struct pci_address address,
			      unsigned int offset, unsigned int width)
{
	(void)access;
	(void)address;
	if (offset < PCI_CONFIG_SIZE)
		return offset == PCI_VENDOR_ID ? 0x12341af4 : 0;
	assert_int_equal(width, 4);
	return extended[(offset - PCI_CONFIG_SIZE) / 4];
}

static void write_nothing(const struct pci_access *access, struct pci_address address,
			  unsigned int offset, unsigned int width, uint32_t value)
{
	(void)access;
	(void)address;
	(void)offset;
	(void)width;
	(void)value;
}

static struct pci_access extended_access = {
	.name = "extended",
	.extended = true,
	.covers = covers,
	.read = read_extended,
	.write = write_nothing,
};

static int set_up(void **state)
{
	static const uint8_t body[18] = {0};

	(void)state;
	host_reset();
	pci_model_reset();
	pci_model_init(&model, 3, 0x1234, 0x5678);
	power = pci_model_capability(&model, PCI_CAPABILITY_POWER, body, 8);
	first_vendor = pci_model_capability(&model, PCI_CAPABILITY_VENDOR, body, 16);
	msi = pci_model_capability(&model, PCI_CAPABILITY_MSI, body, 14);
	second_vendor = pci_model_capability(&model, PCI_CAPABILITY_VENDOR, body, 20);
	return 0;
}

static void look(void)
{
	pci_enumerate(0, 0, 0);
	function = pci_find((struct pci_address){.device = 3});
	assert_non_null(function);
}

static void capabilities_are_found_in_order(void **state)
{
	unsigned int offset = 0, count = 0;
	uint8_t id;

	(void)state;
	look();
	assert_int_equal(pci_capability_find(function, PCI_CAPABILITY_POWER, 0), power);
	assert_int_equal(pci_capability_find(function, PCI_CAPABILITY_VENDOR, 0), first_vendor);
	assert_int_equal(pci_capability_find(function, PCI_CAPABILITY_VENDOR, first_vendor),
			 second_vendor);
	assert_int_equal(pci_capability_find(function, PCI_CAPABILITY_VENDOR, second_vendor), 0);
	assert_int_equal(pci_capability_find(function, PCI_CAPABILITY_MSIX, 0), 0);
	while ((offset = pci_capability_next(function, offset, &id)))
		count++;
	assert_int_equal(count, 4);
	assert_int_equal(host_log_count(), 0);
}

static void without_the_status_bit_there_is_no_list(void **state)
{
	(void)state;
	pci_model_set16(&model, PCI_STATUS, 0);
	look();
	assert_int_equal(pci_capability_find(function, PCI_CAPABILITY_POWER, 0), 0);
	assert_int_equal(host_log_count(), 0);
}

static void low_bits_of_links_are_ignored(void **state)
{
	(void)state;
	model.config[PCI_CAPABILITIES] |= 3;
	model.config[power + 1] |= 1;
	look();
	assert_int_equal(pci_capability_find(function, PCI_CAPABILITY_VENDOR, 0), first_vendor);
	assert_int_equal(host_log_count(), 0);
}

static void loops_end(void **state)
{
	const unsigned int targets[] = {power, first_vendor, msi, second_vendor};

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int offset = 0, count = 0;
		uint8_t id;

		set_up(NULL);
		model.config[second_vendor + 1] = (uint8_t)targets[i];
		look();
		while ((offset = pci_capability_next(function, offset, &id)))
			assert_true(++count <= 4);
		assert_int_equal(count, 4);
		assert_int_equal(
			pci_capability_find(function, PCI_CAPABILITY_VENDOR, second_vendor), 0);
		assert_int_equal(pci_capability_find(function, PCI_CAPABILITY_MSIX, 0), 0);
		assert_true(host_log_has("loop"));
		assert_int_equal(host_log_count(), 1);
	}
}

static void links_into_the_header_end_the_list(void **state)
{
	(void)state;
	model.config[first_vendor + 1] = 0x10;
	look();
	assert_int_equal(pci_capability_find(function, PCI_CAPABILITY_VENDOR, 0), first_vendor);
	assert_int_equal(pci_capability_find(function, PCI_CAPABILITY_MSI, 0), 0);
	assert_true(host_log_has("outside"));
	assert_int_equal(host_log_count(), 1);
}

static void ones_end_the_list(void **state)
{
	(void)state;
	pci_model_set16(&model, msi, 0xffff);
	look();
	assert_int_equal(pci_capability_find(function, PCI_CAPABILITY_VENDOR, first_vendor), 0);
	assert_true(host_log_has("ones"));
}

static void a_place_that_is_no_capability_has_no_next(void **state)
{
	uint8_t id;

	(void)state;
	look();
	assert_int_equal(pci_capability_next(function, first_vendor + 4, &id), 0);
	assert_int_equal(pci_capability_next(function, 0xfc, &id), 0);
	assert_int_equal(pci_capability_next(function, 100000, &id), 0);
}

static void random_lists_end(void **state)
{
	(void)state;
	srand(1);
	for (unsigned int round = 0; round < 500; round++) {
		unsigned int offset = 0, count = 0;
		uint8_t id;

		set_up(NULL);
		for (unsigned int i = 0x40; i < PCI_CONFIG_SIZE; i++)
			model.config[i] = (uint8_t)rand();
		model.config[PCI_CAPABILITIES] = (uint8_t)rand();
		look();
		while ((offset = pci_capability_next(function, offset, &id))) {
			assert_true(offset >= 0x40 && offset < PCI_CONFIG_SIZE && offset % 4 == 0);
			assert_true(++count <= 48);
		}
	}
}

static void look_extended(void)
{
	pci_access_forget();
	pci_access_register(&extended_access);
	pci_enumerate(0, 0, 0);
	function = pci_find((struct pci_address){.device = 9});
	assert_non_null(function);
}

static void extended_capabilities(void **state)
{
	(void)state;
	memset(extended, 0, sizeof(extended));
	extended[0] = 0x14010001;    /* AER at 0x100, next at 0x140 */
	extended[0x10] = 0x20010003; /* serial number at 0x140, next 0x200 */
	extended[0x40] = 0x0001000d; /* ACS at 0x200, the last */
	look_extended();
	assert_true(function->extended_config);
	assert_int_equal(pci_extended_capability_find(function, 0x01, 0), 0x100);
	assert_int_equal(pci_extended_capability_find(function, 0x0d, 0), 0x200);
	assert_int_equal(pci_extended_capability_find(function, 0x0d, 0x200), 0);
	assert_int_equal(pci_extended_capability_find(function, 0x10, 0), 0);
	assert_int_equal(host_log_count(), 0);
}

static void extended_loops_and_bad_links_end(void **state)
{
	static const uint32_t links[] = {0x10000000, 0x14000000, 0x04000000, 0xffc00000};

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		pci_forget_functions();
		host_log_clear();
		memset(extended, 0, sizeof(extended));
		extended[0] = 0x14010001;
		extended[0x10] = links[i] | 0x00010003;
		look_extended();
		assert_int_equal(pci_extended_capability_find(function, 0x03, 0), 0x140);
		assert_int_equal(pci_extended_capability_find(function, 0x03, 0x140), 0);
		/* The last of the links is a good one, to a header of zeroes. */
		assert_int_equal(host_log_count(), i < 3);
	}
}

static void space_that_repeats_is_not_extended(void **state)
{
	(void)state;
	memset(extended, 0, sizeof(extended));
	extended[0] = 0x12341af4; /* vendor and device again */
	look_extended();
	assert_false(function->extended_config);
	assert_int_equal(pci_extended_capability_find(function, 0x1af4, 0), 0);
	pci_forget_functions();
	extended[0] = UINT32_MAX;
	look_extended();
	assert_false(function->extended_config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(capabilities_are_found_in_order, set_up),
		cmocka_unit_test_setup(without_the_status_bit_there_is_no_list, set_up),
		cmocka_unit_test_setup(low_bits_of_links_are_ignored, set_up),
		cmocka_unit_test_setup(loops_end, set_up),
		cmocka_unit_test_setup(links_into_the_header_end_the_list, set_up),
		cmocka_unit_test_setup(ones_end_the_list, set_up),
		cmocka_unit_test_setup(a_place_that_is_no_capability_has_no_next, set_up),
		cmocka_unit_test_setup(random_lists_end, set_up),
		cmocka_unit_test_setup(extended_capabilities, set_up),
		cmocka_unit_test_setup(extended_loops_and_bad_links_end, set_up),
		cmocka_unit_test_setup(space_that_repeats_is_not_extended, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
