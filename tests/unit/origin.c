/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the image came from: what loaders tell, and what a hostile one could. */
#include "boot/origin.h"
#include "boot/device_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct builder {
	uint8_t bytes[4096];
	size_t length;
};

static void node(struct builder *path, unsigned int type, unsigned int subtype, const void *data,
		 size_t length)
{
	uint8_t *to = path->bytes + path->length;
	size_t size = length + 4;

	to[0] = (uint8_t)type;
	to[1] = (uint8_t)subtype;
	to[2] = (uint8_t)size;
	to[3] = (uint8_t)(size >> 8);
	if (length)
		memcpy(to + 4, data, length);
	path->length += size;
}

static void end(struct builder *path)
{
	node(path, 0x7f, 0xff, NULL, 0);
}

static void file_node(struct builder *path, const char *name)
{
	uint8_t wide[512] = {0};

	for (size_t i = 0; name[i]; i++)
		wide[2 * i] = (uint8_t)name[i];
	node(path, 4, 4, wide, 2 * strlen(name) + 2);
}

static void network_path(struct builder *path)
{
	static const uint8_t pci[2] = {0, 2}, mac[33] = {0x52, 0x54}, ipv4[23] = {0};

	node(path, 1, 1, pci, sizeof(pci));
	node(path, 3, 11, mac, sizeof(mac));
	node(path, 3, 12, ipv4, sizeof(ipv4));
}

/* On the heap at its exact size, so that the sanitizer sees a byte too far. */
static struct origin_bytes exactly(const void *bytes, size_t length)
{
	void *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	return (struct origin_bytes){copy, length};
}

static const char *find(const struct origin_source *source)
{
	static char text[ORIGIN_MAX];
	bool found = origin_find(source, text, sizeof(text));

	assert_int_equal(found, text[0] != '\0');
	return text;
}

static const char *find_paths(const struct builder *device, const struct builder *file,
			      const struct builder *ack)
{
	struct origin_source source = {.command_line = ""};
	const char *text;

	source.device_path = exactly(device->bytes, device->length);
	source.file_path = exactly(file->bytes, file->length);
	source.dhcp_ack = exactly(ack->bytes, ack->length);
	text = find(&source);
	free((void *)source.device_path.start);
	free((void *)source.file_path.start);
	free((void *)source.dhcp_ack.start);
	return text;
}

static void acknowledgement(struct builder *ack, const char *file)
{
	static const uint8_t cookie[] = {99, 130, 83, 99, 53, 1, 5, 54, 4, 10, 9, 0, 7, 255};

	memset(ack, 0, sizeof(*ack));
	memcpy(ack->bytes + 108, file, strlen(file));
	memcpy(ack->bytes + 236, cookie, sizeof(cookie));
	ack->length = 236 + sizeof(cookie);
}

static void a_uri_is_the_origin(void **state)
{
	static const char uri[] = "http://10.9.0.1/ringside.efi";
	struct builder device = {0}, file = {0}, none = {0};

	(void)state;
	network_path(&device);
	node(&device, 3, 24, NULL, 0);
	end(&device);
	node(&file, 3, 24, uri, sizeof(uri) - 1);
	end(&file);
	assert_string_equal(find_paths(&device, &file, &none), uri);
}

static void pxe_is_dhcp_by_tftp(void **state)
{
	struct builder device = {0}, file = {0}, ack;

	(void)state;
	network_path(&device);
	end(&device);
	end(&file);
	acknowledgement(&ack, "ringside.efi");
	assert_string_equal(find_paths(&device, &file, &ack), "tftp://10.9.0.7/ringside.efi");
	ack.bytes[20] = 10;
	ack.bytes[23] = 3;
	assert_string_equal(find_paths(&device, &file, &ack), "tftp://10.0.0.3/ringside.efi");
	acknowledgement(&ack, "http://boot.test/a/ringside.efi");
	assert_string_equal(find_paths(&device, &file, &ack), "http://boot.test/a/ringside.efi");
	/* The same file's name from a loader between, and another's. */
	file.length = 0;
	file_node(&file, "ringside.efi");
	end(&file);
	assert_string_equal(find_paths(&device, &file, &ack), "http://boot.test/a/ringside.efi");
	acknowledgement(&ack, "menu.ipxe");
	assert_string_equal(find_paths(&device, &file, &ack), "network: ringside.efi");
	ack.length = 0;
	assert_string_equal(find_paths(&device, &file, &ack), "network: ringside.efi");
}

static void option_67_and_66_count_more(void **state)
{
	static const uint8_t options[] = {52,  1,   1,	0, 66,	4,    'b', 'o',
					  'o', 't', 67, 3, 'x', '\n', 'y', 255};
	struct builder device = {0}, file = {0}, ack;

	(void)state;
	network_path(&device);
	end(&device);
	end(&file);
	acknowledgement(&ack, "overloaded");
	memcpy(ack.bytes + 240, options, sizeof(options));
	ack.length = 240 + sizeof(options);
	assert_string_equal(find_paths(&device, &file, &ack), "tftp://boot/x?y");
	/* Cut within the last option: what stands before holds, and `file` belongs to options. */
	ack.length = 240 + 12;
	assert_string_equal(find_paths(&device, &file, &ack), "network");
}

static void pxe_over_ipv6_is_a_url(void **state)
{
	static const uint8_t start[] = {7, 1, 2, 3, 0, 1, 0, 2, 'i', 'd', 0, 59, 0, 29};
	static const char url[] = "tftp://[fd09::1]/ringside.efi";
	struct builder device = {0}, file = {0}, ack = {0};

	(void)state;
	network_path(&device);
	end(&device);
	end(&file);
	memcpy(ack.bytes, start, sizeof(start));
	memcpy(ack.bytes + sizeof(start), url, sizeof(url) - 1);
	/* The firmware's buffer is longer than the packet. */
	ack.length = sizeof(start) + sizeof(url) - 1 + 100;
	assert_string_equal(find_paths(&device, &file, &ack), url);
	for (size_t length = 1; length < sizeof(start) + sizeof(url) - 1; length++) {
		ack.length = length;
		assert_string_equal(find_paths(&device, &file, &ack), "network");
	}
}

static void a_file_on_a_disk(void **state)
{
	static const uint8_t partition[38] = {1}, guid[16] = {0};
	struct builder device = {0}, file = {0}, none = {0};

	(void)state;
	node(&device, 4, 1, partition, sizeof(partition));
	end(&device);
	file_node(&file, "\\EFI\\BOOT");
	file_node(&file, "BOOTX64.EFI");
	end(&file);
	assert_string_equal(find_paths(&device, &file, &none), "disk: \\EFI\\BOOT\\BOOTX64.EFI");
	/* Handed over by the VMM. */
	device.length = 0;
	node(&device, 4, 3, guid, sizeof(guid));
	end(&device);
	assert_string_equal(find_paths(&device, &file, &none), "");
}

static void lengths_that_lie_end_the_walk(void **state)
{
	struct builder good = {0};

	(void)state;
	network_path(&good);
	file_node(&good, "name");
	end(&good);
	/* Cut at every place, and with every length of each byte's changed. */
	for (size_t length = 0; length <= good.length; length++) {
		struct origin_bytes cut = exactly(good.bytes, length);
		struct device_path path = {.network = false};

		device_path_read(&path, cut.start, cut.length);
		assert_int_equal(path.damaged, length < good.length);
		free((void *)cut.start);
	}
	for (size_t at = 0; at < good.length; at++)
		for (unsigned int value = 0; value < 256; value++) {
			struct origin_bytes changed = exactly(good.bytes, good.length);
			struct device_path path = {.network = false};

			((uint8_t *)changed.start)[at] = (uint8_t)value;
			device_path_read(&path, changed.start, changed.length);
			assert_true(strlen(path.file) < sizeof(path.file));
			free((void *)changed.start);
		}
}

static void long_names_are_cut_and_strange_ones_made_harmless(void **state)
{
	uint8_t wide[2400], uri[3000];
	struct builder path = {0};
	struct device_path result = {.network = false};

	(void)state;
	memset(wide, 'A', sizeof(wide));
	node(&path, 4, 4, wide, sizeof(wide));
	end(&path);
	device_path_read(&result, path.bytes, path.length);
	assert_int_equal(strlen(result.file), DEVICE_PATH_TEXT_MAX - 1);
	assert_int_equal(strspn(result.file, "?"), DEVICE_PATH_TEXT_MAX - 1);
	memset(uri, '\n', sizeof(uri));
	path.length = 0;
	node(&path, 3, 24, uri, sizeof(uri));
	end(&path);
	device_path_read(&result, path.bytes, path.length);
	assert_int_equal(strspn(result.uri, "?"), DEVICE_PATH_TEXT_MAX - 1);
}

static void dhcp_packets_cut_and_changed(void **state)
{
	struct builder device = {0}, file = {0}, ack;

	(void)state;
	network_path(&device);
	end(&device);
	end(&file);
	acknowledgement(&ack, "ringside.efi");
	for (size_t length = 0; length < ack.length; length++) {
		struct builder cut = ack;

		cut.length = length;
		assert_non_null(find_paths(&device, &file, &cut));
	}
	for (size_t at = 236; at < ack.length; at++)
		for (unsigned int value = 0; value < 256; value++) {
			struct builder changed = ack;

			changed.bytes[at] = (uint8_t)value;
			assert_non_null(find_paths(&device, &file, &changed));
		}
}

static const char *by_linux(const char *line, unsigned int loader)
{
	static uint8_t page[4096];
	struct origin_source source = {.command_line = line, .zero_page = {page, sizeof(page)}};

	page[0x210] = (uint8_t)loader;
	return find(&source);
}

static void linux_loaders(void **state)
{
	char line[4096];

	(void)state;
	assert_string_equal(by_linux("BOOT_IMAGE=(tftp,10.9.0.1)/a/b log=info", 0x72),
			    "tftp://10.9.0.1/a/b");
	assert_string_equal(by_linux("x=1 BOOT_IMAGE=(http,10.9.0.1)/b", 0x72),
			    "http://10.9.0.1/b");
	assert_string_equal(by_linux("BOOT_IMAGE=(hd0,msdos1)/b", 0x72), "disk: (hd0,msdos1)/b");
	assert_string_equal(by_linux("BOOT_IMAGE=/boot/b", 0x72), "/boot/b");
	assert_string_equal(by_linux("BOOT_IMAGE=(tftp,)/b", 0x72), "disk: (tftp,)/b");
	assert_string_equal(by_linux("BOOT_IMAGE=(http", 0x72), "disk: (http");
	assert_string_equal(by_linux("BOOT_IMAGE=", 0x72), "loader: GRUB");
	assert_string_equal(by_linux("xBOOT_IMAGE=/b", 0x31), "loader: Syslinux");
	assert_string_equal(by_linux("", 0x46), "loader: iPXE");
	assert_string_equal(by_linux("", 0xb0), "");
	assert_string_equal(by_linux("", 0xff), "");
	memset(line, 'a', sizeof(line));
	memcpy(line, "BOOT_IMAGE=(http,", 17);
	line[sizeof(line) - 1] = '\0';
	line[sizeof(line) - 2] = ')';
	assert_int_equal(strlen(by_linux(line, 0x72)), strlen("disk: ") + 511);
}

static void nobody_tells(void **state)
{
	struct origin_source source = {.command_line = "BOOT_IMAGE=/b"};

	(void)state;
	assert_string_equal(find(&source), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uri_is_the_origin),
		cmocka_unit_test(pxe_is_dhcp_by_tftp),
		cmocka_unit_test(option_67_and_66_count_more),
		cmocka_unit_test(pxe_over_ipv6_is_a_url),
		cmocka_unit_test(a_file_on_a_disk),
		cmocka_unit_test(lengths_that_lie_end_the_walk),
		cmocka_unit_test(long_names_are_cut_and_strange_ones_made_harmless),
		cmocka_unit_test(dhcp_packets_cut_and_changed),
		cmocka_unit_test(linux_loaders),
		cmocka_unit_test(nobody_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
