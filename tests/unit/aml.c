/* SPDX-License-Identifier: BSD-2-Clause */
/* Static AML objects: what is found in tables as QEMU writes them, and what damage to them does: nothing. */
#include "drivers/pci/internal.h"
#include "drivers/pci/msix.h"
#include "drivers/platform/acpi.h"
#include "tests/device/firmware_model.h"
#include "tests/device/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX 4096

struct aml {
	uint8_t bytes[BYTES_MAX];
	size_t length;
};

static struct aml table;

static void add(struct aml *aml, const void *bytes, size_t length)
{
	if (length > BYTES_MAX - aml->length)
		host_abort("too much AML");
	memcpy(aml->bytes + aml->length, bytes, length);
	aml->length += length;
}

static void text(struct aml *aml, const char *bytes)
{
	add(aml, bytes, strlen(bytes));
}

static void byte(struct aml *aml, uint8_t value)
{
	add(aml, &value, 1);
}

/* PkgLength in three bytes, so that each fits, then what it encloses. */
static void package(struct aml *aml, const struct aml *inner)
{
	size_t length = inner->length + 3;

	byte(aml, (uint8_t)(0x80 | (length & 0xf)));
	byte(aml, (uint8_t)(length >> 4));
	byte(aml, (uint8_t)(length >> 12));
	add(aml, inner->bytes, inner->length);
}

static void dword(struct aml *aml, uint32_t value)
{
	byte(aml, 0x0c);
	add(aml, &value, 4);
}

static void name(struct aml *aml, const char *segment)
{
	byte(aml, 0x08);
	text(aml, segment);
}

static void name_text(struct aml *aml, const char *segment, const char *value)
{
	name(aml, segment);
	byte(aml, 0x0d);
	add(aml, value, strlen(value) + 1);
}

static void resources(struct aml *aml, const void *bytes, size_t length)
{
	struct aml buffer = {.length = 0};

	name(aml, "_CRS");
	byte(aml, 0x11);
	byte(&buffer, 0x0a);
	byte(&buffer, (uint8_t)(length + 2));
	add(&buffer, bytes, length);
	add(&buffer, "\x79", 2);
	package(aml, &buffer);
}

static void device(struct aml *aml, const char *segment, const struct aml *body)
{
	struct aml inner = {.length = 0};

	text(&inner, segment);
	add(&inner, body->bytes, body->length);
	add(aml, "\x5b\x82", 2);
	package(aml, &inner);
}

static void scope(struct aml *aml, const char *path, const struct aml *body)
{
	struct aml inner = {.length = 0};

	text(&inner, path);
	add(&inner, body->bytes, body->length);
	byte(aml, 0x10);
	package(aml, &inner);
}

static void memory_and_interrupt(struct aml *aml, uint32_t address, uint32_t length, uint32_t gsi)
{
	uint8_t bytes[12 + 9] = {0x86, 9, 0, 1};

	memcpy(bytes + 4, &address, 4);
	memcpy(bytes + 8, &length, 4);
	memcpy(bytes + 12, "\x89\x06\x00\x09\x01", 5);
	memcpy(bytes + 17, &gsi, 4);
	resources(aml, bytes, sizeof(bytes));
}

static void method(struct aml *aml, const char *segment, const void *body, size_t length)
{
	struct aml inner = {.length = 0};

	text(&inner, segment);
	byte(&inner, 0); /* flags */
	add(&inner, body, length);
	byte(aml, 0x14);
	package(aml, &inner);
}

/* As on microvm with pcie=on: links with interrupts 16 to 19, and who of devices 0 to 3 has which. */
static void host_bridge(struct aml *aml)
{
	static const uint8_t windows[] = {
		0x88, 13,   0, 2, 0, 0, 0, 0, 0, 0,    255, 0, 0, 0,	0,    1, /* buses */
		0x87, 23,   0, 0, 0, 0, 0, 0, 0, 0,    0,   0, 0, 0xc0, 0xff, 0xff,
		0xff, 0xdf, 0, 0, 0, 0, 0, 0, 0, 0x20,
	};
	struct aml body = {.length = 0}, routes = {.length = 0}, base = {.length = 0};
	char link[5] = "GSI0";

	name_text(&body, "_HID", "PNP0A08");
	name(&body, "_UID");
	add(&body, "\x0a\x10", 2); /* a number that looks like Scope */
	name(&body, "_PRT");
	byte(&body, 0x12);
	byte(&routes, 16);
	for (uint32_t i = 0; i < 16; i++) {
		struct aml route = {.length = 0};

		byte(&route, 4);
		dword(&route, i / 4 << 16 | 0xffff);
		add(&route, (uint8_t[]){0x0a, i % 4}, 2);
		link[3] = (char)('0' + (i / 4 + i % 4) % 4);
		text(&route, link);
		byte(&route, 0);
		byte(&routes, 0x12);
		package(&routes, &route);
	}
	package(&body, &routes);
	for (uint32_t i = 0; i < 4; i++) {
		struct aml inner = {.length = 0};

		name_text(&inner, "_HID", "PNP0C0F");
		memory_and_interrupt(&inner, 0, 0, 16 + i);
		link[3] = (char)('0' + i);
		device(&body, link, &inner);
	}
	byte(&base, 0xa4);
	dword(&base, 0xe0000000);
	method(&body, "_CBA", base.bytes, base.length);
	resources(&body, windows, sizeof(windows));
	device(aml, "PCI0", &body);
}

static void virtio_device(struct aml *aml, const char *segment, uint8_t index)
{
	struct aml body = {.length = 0};

	name_text(&body, "_HID", "LNRO0005");
	name(&body, "_UID");
	add(&body, (uint8_t[]){0x0a, index}, 2);
	memory_and_interrupt(&body, 0xfeb00000 + index * 512u, 512, 24u + index);
	device(aml, segment, &body);
}

static void s5(struct aml *aml)
{
	struct aml inner = {.length = 0};

	add(&inner, "\x04\x0a\x05\x01\x00\x00", 6);
	name(aml, "_S5_");
	byte(aml, 0x12);
	package(aml, &inner);
}

static int set_up(void **state)
{
	struct aml body = {.length = 0};

	(void)state;
	host_reset();
	firmware_reset();
	table.length = 0;
	/* 16 and 20: their numbers look like Scope and Method in front of what follows. */
	virtio_device(&body, "VR16", 16);
	virtio_device(&body, "VR20", 20);
	host_bridge(&body);
	scope(&table, "_SB_", &body);
	s5(&table);
	return 0;
}

static void use_table(void)
{
	firmware_dsdt(table.bytes, table.length);
	assert_true(acpi_init(firmware_root("XSDT")));
}

static unsigned int found;
static struct acpi_virtio_mmio devices[8];

static bool collect(void *context, const struct acpi_virtio_mmio *virtio)
{
	(void)context;
	if (found < 8)
		devices[found] = *virtio;
	found++;
	return true;
}

static bool stop(void *context, const struct acpi_virtio_mmio *virtio)
{
	(void)context;
	(void)virtio;
	found++;
	return false;
}

static void virtio_mmio_devices_are_found(void **state)
{
	(void)state;
	use_table();
	found = 0;
	acpi_virtio_mmio_each(collect, NULL);
	assert_int_equal(found, 2);
	assert_int_equal(devices[1].address, 0xfeb02800);
	assert_int_equal(devices[1].length, 512);
	assert_int_equal(devices[1].gsi, 44);
	assert_true(devices[1].level);
	assert_false(devices[1].active_low);
	found = 0;
	acpi_virtio_mmio_each(stop, NULL);
	assert_int_equal(found, 1);
}

static void routes_are_found_through_links(void **state)
{
	struct acpi_resource route;

	(void)state;
	use_table();
	for (uint8_t slot = 0; slot < 4; slot++) {
		for (uint8_t pin = 0; pin < 4; pin++) {
			assert_true(acpi_pci_route(0, 0, slot, pin, &route));
			assert_int_equal(route.start, 16 + (slot + pin) % 4);
			assert_true(route.level);
		}
	}
	assert_false(acpi_pci_route(0, 0, 4, 0, &route));
	assert_false(acpi_pci_route(0, 1, 1, 0, &route));
	assert_false(acpi_pci_route(1, 0, 1, 0, &route));
}

static void a_pin_behind_a_bridge_is_turned(void **state)
{
	struct pci_function bridge = {.address.device = 3};
	struct pci_function function = {.parent = &bridge, .address = {.bus = 1, .device = 2}};
	struct interrupt_line line;

	(void)state;
	use_table();
	assert_int_equal(pci_interrupt_line(&function, &line), -19); /* no pin */
	function.interrupt_pin = 2;
	assert_int_equal(pci_interrupt_line(&function, &line), 0);
	/* INTB of device 2 is INTD at the bridge, device 3, which is link (3 + 3) % 4. */
	assert_int_equal(line.gsi, 18);
}

static void windows_and_configuration_base(void **state)
{
	struct pci_window windows[PCI_WINDOWS_MAX];

	(void)state;
	use_table();
	assert_int_equal(pci_windows_find(windows, PCI_WINDOWS_MAX), 1);
	assert_int_equal(windows[0].start, 0xc0000000);
	assert_int_equal(windows[0].length, 0x20000000);
	assert_int_equal(windows[0].type, PCI_WINDOW_MEMORY);
}

static bool base_of(void *context, const struct acpi_device *acpi)
{
	if (acpi->has_config_base)
		*(uint64_t *)context = acpi->config_base;
	return true;
}

static void a_method_that_returns_a_constant_is_one(void **state)
{
	uint64_t base = 0;

	(void)state;
	use_table();
	acpi_each_device(base_of, &base);
	assert_int_equal(base, 0xe0000000);
}

static void windows_in_a_scope_of_the_bridge(void **state)
{
	static const uint8_t window[] = {
		0x87, 23,   0,	  0,	0,    0, 0, 0, 0, 0, 0, 0, 0,
		0x80, 0xff, 0xff, 0xff, 0xbf, 0, 0, 0, 0, 0, 0, 0, 0x40,
	};
	struct aml body = {.length = 0}, bridge = {.length = 0};
	struct pci_window windows[4];

	(void)state;
	table.length = 0;
	name(&bridge, "_HID");
	dword(&bridge, 0x030ad041); /* EISAID("PNP0A03") */
	device(&body, "PCI0", &bridge);
	scope(&table, "_SB_", &body);
	body.length = 0;
	resources(&body, window, sizeof(window));
	scope(&table, "\\._SB_PCI0", &body);
	/* The same in a device that is no bridge is not a window. */
	name_text(&body, "_HID", "PNP0C02");
	device(&table, "RES0", &body);
	use_table();
	assert_int_equal(pci_windows_find(windows, 4), 1);
	assert_int_equal(windows[0].start, 0x80000000);
}

static void sleep_types(void **state)
{
	static const uint8_t root_path[] = "\x08\\_S5_\x12\x06\x04\x07\x01\x00";
	uint8_t a = 9, b = 9;

	(void)state;
	assert_true(aml_s5(table.bytes, table.length, &a, &b));
	assert_int_equal(a, 5);
	assert_int_equal(b, 1);
	for (size_t i = 0; i < 12; i++)
		aml_s5(table.bytes + table.length - 15, i, &a, &b);
	assert_false(aml_s5((const uint8_t *)"_S5_", 4, &a, &b));
	assert_false(aml_s5(root_path, sizeof(root_path), &a, &b)); /* 7 is no constant */
}

static void package_lengths(void **state)
{
	static const uint8_t one[] = {5, 0, 0, 0, 0}, two[] = {0x40, 0}, three[] = {0x81, 1};
	size_t length;

	(void)state;
	assert_int_equal(aml_package_length(one, 5, &length), 1);
	assert_int_equal(length, 5);
	assert_int_equal(aml_package_length(one, 4, &length), 0); /* longer than what is there */
	assert_int_equal(aml_package_length(two, 2, &length), 0); /* shorter than itself */
	assert_int_equal(aml_package_length(three, 2, &length), 0);
	assert_int_equal(aml_package_length(one, 0, &length), 0);
}

static void broken_descriptors_end_the_list(void **state)
{
	static const uint8_t good[] = {0x22, 1, 0, 0x86, 9, 0, 1, 0, 0, 0, 1, 0, 2, 0, 0, 0x79, 0};
	struct acpi_resource resource;
	size_t position;

	(void)state;
	position = 0;
	assert_true(acpi_resource_next(good, sizeof(good), &position, &resource));
	assert_int_equal(resource.start, 0x01000000);
	assert_int_equal(resource.length, 0x200);
	assert_false(acpi_resource_next(good, sizeof(good), &position, &resource));
	for (size_t length = 0; length < 15; length++) {
		uint8_t *copy = malloc(length ? length : 1);

		memcpy(copy, good, length);
		position = 0;
		assert_false(acpi_resource_next(copy, length, &position, &resource));
		free(copy);
	}
}

/* Whatever the bytes are: no access outside them, and an end. */
static void damaged_tables(void **state)
{
	struct acpi_resource route;
	uint8_t a, b;

	(void)state;
	srand(1);
	for (unsigned int round = 0; round < 3000; round++) {
		struct aml damaged = table;
		size_t length = round % 2 ? table.length : (size_t)rand() % table.length;

		for (int i = rand() % 8; i >= 0; i--)
			damaged.bytes[(size_t)rand() % table.length] = (uint8_t)rand();
		host_reset();
		firmware_reset();
		firmware_dsdt(damaged.bytes, length);
		assert_true(acpi_init(firmware_root("XSDT")));
		found = 0;
		acpi_virtio_mmio_each(collect, NULL);
		acpi_pci_route(0, 0, (uint8_t)(round % 5), 1, &route);
		acpi_s5(&a, &b);
	}
}

static void nesting_without_end(void **state)
{
	(void)state;
	table.length = 0;
	for (int i = 0; i < 100; i++) {
		struct aml inner = table;

		table.length = 0;
		scope(&table, "DEEP", &inner);
	}
	use_table();
	acpi_virtio_mmio_each(collect, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(virtio_mmio_devices_are_found, set_up),
		cmocka_unit_test_setup(routes_are_found_through_links, set_up),
		cmocka_unit_test_setup(a_pin_behind_a_bridge_is_turned, set_up),
		cmocka_unit_test_setup(windows_and_configuration_base, set_up),
		cmocka_unit_test_setup(a_method_that_returns_a_constant_is_one, set_up),
		cmocka_unit_test_setup(windows_in_a_scope_of_the_bridge, set_up),
		cmocka_unit_test_setup(sleep_types, set_up),
		cmocka_unit_test_setup(package_lengths, set_up),
		cmocka_unit_test_setup(broken_descriptors_end_the_list, set_up),
		cmocka_unit_test_setup(damaged_tables, set_up),
		cmocka_unit_test_setup(nesting_without_end, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
