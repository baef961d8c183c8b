/* SPDX-License-Identifier: BSD-2-Clause */
/* DHCP and DHCPv6 messages, as servers send them for booting, and hostile ones. */
#include "net/netboot/dhcp_message.h"
#include "net/netboot/dhcp6_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint8_t message[2000];
static size_t length;
static struct dhcp_boot boot;

static void put(const void *bytes, size_t size)
{
	memcpy(message + length, bytes, size);
	length += size;
}

static void option(uint8_t tag, const void *value, size_t size)
{
	const uint8_t head[2] = {tag, (uint8_t)size};

	put(head, 2);
	put(value, size);
}

#define TEXT(tag, text) option(tag, text, strlen(text))

/* A message of that type with an address for us, from 10.0.0.1. */
static void begin(uint8_t type)
{
	static const uint8_t cookie[4] = {99, 130, 83, 99}, server[4] = {10, 0, 0, 1};

	memset(message, 0, sizeof(message));
	length = 236;
	message[0] = 2;
	message[16] = 10;
	message[19] = 15;
	put(cookie, 4);
	option(53, &type, 1);
	option(54, server, 4);
}

static void end(void)
{
	put("\xff", 1);
}

/* In memory of exactly its length, so that the sanitizer sees a byte too far. */
static int parse_length(size_t size, const char **why)
{
	uint8_t *copy = malloc(size ? size : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, message, size);
	result = dhcp_boot_parse(&boot, copy, size, why);
	free(copy);
	return result;
}

static int parse(void)
{
	const char *why;

	return parse_length(length, &why);
}

static void expect_url(const char *expected)
{
	char url[1024];

	assert_int_equal(dhcp_boot_url(url, sizeof(url), &boot, boot.server_id), 0);
	assert_string_equal(url, expected);
}

static void the_header_names_server_and_file(void **state)
{
	(void)state;
	begin(5);
	message[20] = 10;
	message[23] = 7;
	strcpy((char *)message + 108, "dir/boot file.ipxe");
	end();
	assert_int_equal(parse(), 0);
	assert_int_equal(boot.type, DHCP_TYPE_ACK);
	assert_int_equal(boot.your_address, 0x0a00000f);
	expect_url("tftp://10.0.0.7/dir/boot%20file.ipxe");
}

static void options_66_and_67_do_too(void **state)
{
	(void)state;
	begin(5);
	strcpy((char *)message + 108, "header");
	TEXT(66, "boot.example");
	option(67, "/abs/file\0\0", 11); /* with zeroes that some servers count */
	end();
	assert_int_equal(parse(), 0);
	expect_url("tftp://boot.example//abs/file");
	begin(5);
	TEXT(67, "http://web/boot.ipxe?a=1");
	end();
	assert_int_equal(parse(), 0);
	expect_url("http://web/boot.ipxe?a=1");
	/* Nobody says where: the server that said the name. */
	begin(5);
	TEXT(67, "x");
	end();
	assert_int_equal(parse(), 0);
	expect_url("tftp://10.0.0.1/x");
	boot.server_id = 0;
	assert_int_equal(dhcp_boot_url((char *)message, 100, &boot, 0), -EDESTADDRREQ);
	assert_int_equal(dhcp_boot_url((char *)message, 18, &boot, 0x0a000001), -ENAMETOOLONG);
}

static void long_options_come_in_pieces(void **state)
{
	char part[201], expected[500];

	(void)state;
	memset(part, 'a', 200);
	part[200] = '\0';
	begin(5);
	TEXT(67, "http://h/");
	option(12, "host", 4);
	TEXT(67, part);
	TEXT(67, part);
	end();
	assert_int_equal(parse(), 0);
	strcpy(expected, "http://h/");
	strcat(strcat(expected, part), part);
	expect_url(expected);
	TEXT(67, part); /* behind the end */
	assert_int_equal(parse(), 0);
	expect_url(expected);
}

static void overloaded_fields_are_options(void **state)
{
	(void)state;
	begin(5);
	option(52, "\x03", 1);
	end();
	memcpy(message + 108, "\x43\x03new\xff", 6);	    /* in `file`: option 67 */
	memcpy(message + 44, "\x42\x03srv\x34\x01\x03", 8); /* in `sname`: 66, and 52 again */
	assert_int_equal(parse(), 0);
	expect_url("tftp://srv/new");
	/* Not a value of option 52: the fields are what they were. */
	begin(5);
	option(52, "\x07", 1);
	end();
	strcpy((char *)message + 108, "plain");
	assert_int_equal(parse(), 0);
	expect_url("tftp://10.0.0.1/plain");
}

static void what_is_no_text_is_told(void **state)
{
	const char *why;

	(void)state;
	begin(5);
	option(67, "a\x1b[2J", 5);
	end();
	assert_int_equal(parse_length(length, &why), -EBADMSG);
	assert_non_null(strstr(why, "option 67"));
	begin(5);
	option(66, "\xc3\xa4", 2);
	end();
	assert_int_equal(parse_length(length, &why), -EBADMSG);
	assert_non_null(strstr(why, "option 66"));
	begin(5);
	memset(message + 108, 0x80, 128);
	end();
	assert_int_equal(parse_length(length, &why), -EBADMSG);
	begin(5);
	for (unsigned int i = 0; i < 4; i++) {
		char part[200];

		memset(part, 'x', sizeof(part));
		option(67, part, sizeof(part));
	}
	end();
	assert_int_equal(parse_length(length, &why), -EBADMSG);
	message[236] = 0; /* the cookie */
	assert_int_equal(parse_length(length, &why), -EBADMSG);
	assert_non_null(strstr(why, "no DHCP message"));
}

/* Wherever it ends: within an option, without an end, within the header. */
static void any_length_is_survived(void **state)
{
	const char *why;

	(void)state;
	begin(2);
	TEXT(60, "PXEClient");
	TEXT(67, "file");
	option(43, "\x06\x01\x08\x08\x07\x80\x00\x01\x0a\x00\x00\x02\x09\x07\x80\x00\x04Menu\xff",
	       22);
	option(52, "\x03", 1);
	for (size_t size = 0; size <= length; size++)
		(void)parse_length(size, &why);
	/* Each byte of the options, all values that are lengths too far. */
	for (size_t at = 240; at < length; at++) {
		uint8_t saved = message[at];

		message[at] = 0xfe;
		(void)parse_length(length, &why);
		message[at] = saved;
	}
	assert_int_equal(parse_length(length, &why), 0);
	assert_string_equal(boot.file, "file");
	/* Pads to the end, and nothing that ends them. */
	begin(2);
	length = 1500;
	assert_int_equal(parse_length(length, &why), 0);
	assert_int_equal(parse_length(1501, &why), -EBADMSG);
}

static void a_pxe_menu_is_read(void **state)
{
	static const uint8_t vendor[] = {6,  1,	   3,	 8,  14,  0x80, 0,   1,	  10,  0,
					 0,  2,	   0x80, 1,  1,	  10,	0,   0,	  3,   9,
					 12, 0x80, 1,	 5,  'L', 'i',	'n', 'u', 'x', 0,
					 0,  1,	   'x',	 10, 2,	  0,	'P', 255};

	(void)state;
	begin(2);
	TEXT(60, "PXEClient");
	option(43, vendor, sizeof(vendor));
	end();
	assert_int_equal(parse(), 0);
	assert_true(boot.pxe && boot.has_item && !boot.use_file);
	assert_int_equal(boot.item, 0x8001);
	assert_int_equal(boot.server_count, 1);
	assert_int_equal(boot.servers[0], 0x0a000003);
	/* The same from a server that is none of PXE's is its own affair. */
	begin(2);
	option(43, vendor, sizeof(vendor));
	end();
	assert_int_equal(parse(), 0);
	assert_false(boot.pxe || boot.has_item);
}

static const uint8_t uuid[16] = {0x12, 0x34, 0x56, 0x78};
static const struct dhcp_client client = {.vendor_class = "PXEClient:Arch:00007:UNDI:002001",
					  .architecture = 7,
					  .uuid = uuid,
					  .user_class = "iPXE"};

static void requests_say_who_asks(void **state)
{
	/* As lwIP's client begins it: type, largest message, what it wants, its name. */
	uint8_t options[308] = {53, 1, 1, 57, 2, 5, 220, 55, 3, 1, 3, 6, 12, 1, 'r'};
	uint8_t value[64];
	size_t used = dhcp_client_options(options, 15, sizeof(options), &client);

	(void)state;
	assert_true(used > 12 && used < sizeof(options));
	assert_int_equal(dhcp_message_suboption(options, used, 60, value, 64), 32);
	assert_memory_equal(value, "PXEClient:Arch:00007:UNDI:002001", 32);
	assert_int_equal(dhcp_message_suboption(options, used, 12, value, 64), -ENOENT);
	assert_int_equal(dhcp_message_suboption(options, used, 93, value, 64), 2);
	assert_int_equal(value[1], 7);
	assert_int_equal(dhcp_message_suboption(options, used, 94, value, 64), 3);
	assert_memory_equal(value, "\x01\x02\x01", 3);
	assert_int_equal(dhcp_message_suboption(options, used, 97, value, 64), 17);
	assert_memory_equal(value + 1, uuid, 16);
	assert_int_equal(dhcp_message_suboption(options, used, 77, value, 64), 4);
	assert_memory_equal(value, "iPXE", 4);
	assert_true(dhcp_message_suboption(options, used, 175, value, 64) > 0);
	/* One list, and 66 and 67 are in it. */
	assert_int_equal(options[7], 55);
	assert_true(options[8] > 3);
	assert_non_null(memchr(options + 9, 66, options[8]));
	assert_non_null(memchr(options + 9, 67, options[8]));
	assert_null(memchr(options + 9 + options[8], 55, 1));
	/* Where there is no room nothing is written. */
	for (size_t room = 0; room < used; room++) {
		uint8_t *small = malloc(room ? room : 1);

		assert_non_null(small);
		memcpy(small, options, room < 12 ? room : 12);
		assert_true(dhcp_client_options(small, 0, room, &client) <= room);
		free(small);
	}
}

static void without_a_user_class_nobody_is_ipxe(void **state)
{
	const struct dhcp_client plain = {.vendor_class = "HTTPClient:Arch:00016:UNDI:003001",
					  .architecture = 16,
					  .user_class = ""};
	uint8_t options[308], value[64];
	size_t used = dhcp_client_options(options, 0, sizeof(options), &plain);

	(void)state;
	assert_int_equal(dhcp_message_suboption(options, used, 77, value, 64), -ENOENT);
	assert_int_equal(dhcp_message_suboption(options, used, 175, value, 64), -ENOENT);
	assert_int_equal(dhcp_message_suboption(options, used, 97, value, 64), -ENOENT);
	assert_int_equal(dhcp_message_suboption(options, used, 94, value, 64), 3);
	assert_memory_equal(value, "\x01\x03\x01", 3);
}

static void a_boot_item_is_asked_for(void **state)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0, 1, 2, 3};
	uint8_t value[64];

	(void)state;
	length = dhcp_item_request(message, 1500, &client, mac, 0x0a00000f, 0x11223344, 0x8001);
	assert_true(length > 240);
	assert_int_equal(message[0], 1);
	assert_memory_equal(message + 4, "\x11\x22\x33\x44", 4);
	assert_memory_equal(message + 12, "\x0a\x00\x00\x0f", 4);
	assert_memory_equal(message + 28, mac, 6);
	assert_int_equal(dhcp_message_option(message, length, 43, value, 64), 7);
	assert_memory_equal(value, "\x47\x04\x80\x01\x00\x00\xff", 7);
	assert_int_equal(dhcp_message_option(message, length, 53, value, 64), 1);
	assert_int_equal(value[0], DHCP_TYPE_REQUEST);
	assert_int_equal(dhcp_item_request(message, 250, &client, mac, 0, 1, 0), 0);
}

/* -- DHCPv6 */

static struct dhcp6_boot boot6;

static void option6(uint16_t code, const void *value, size_t size)
{
	const uint8_t head[4] = {(uint8_t)(code >> 8), (uint8_t)code, (uint8_t)(size >> 8),
				 (uint8_t)size};

	put(head, 4);
	put(value, size);
}

static int parse6(size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	const char *why;
	int result;

	assert_non_null(copy);
	memcpy(copy, message, size);
	result = dhcp6_reply_parse(&boot6, copy, size, 0x010203, &why);
	free(copy);
	return result;
}

static void dhcp6_names_a_url(void **state)
{
	static const uint8_t server[16] = {0xfd, 0x77, [15] = 1};

	(void)state;
	length = 0;
	put("\x07\x01\x02\x03", 4);
	option6(59, "http://[fd77::1]/boot.ipxe", 26);
	option6(23, server, 16);
	assert_int_equal(parse6(length), 0);
	assert_string_equal(boot6.url, "http://[fd77::1]/boot.ipxe");
	assert_int_equal(boot6.dns_count, 1);
	for (size_t size = 0; size < length; size++) {
		int result = parse6(size);

		assert_true(result == 0 || result == -EAGAIN || result == -EBADMSG);
	}
	message[3] = 9; /* of another transaction */
	assert_int_equal(parse6(length), -EAGAIN);
	length = 4;
	message[3] = 3;
	option6(59, "http://a b", 10);
	assert_int_equal(parse6(length), -EBADMSG);
}

static void dhcp6_requests_say_who_asks(void **state)
{
	static const uint8_t mac[6] = {0x52, 0x54, 0, 1, 2, 3};

	(void)state;
	length = dhcp6_information_request(message, sizeof(message), &client, mac, 0x010203, 7);
	assert_true(length > 60);
	assert_memory_equal(message, "\x0b\x01\x02\x03\x00\x01\x00\x0a\x00\x03\x00\x01\x52\x54",
			    14);
	for (size_t room = 0; room < length; room++)
		assert_int_equal(dhcp6_information_request(message, room, &client, mac, 1, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_names_server_and_file),
		cmocka_unit_test(options_66_and_67_do_too),
		cmocka_unit_test(long_options_come_in_pieces),
		cmocka_unit_test(overloaded_fields_are_options),
		cmocka_unit_test(what_is_no_text_is_told),
		cmocka_unit_test(any_length_is_survived),
		cmocka_unit_test(a_pxe_menu_is_read),
		cmocka_unit_test(requests_say_who_asks),
		cmocka_unit_test(without_a_user_class_nobody_is_ipxe),
		cmocka_unit_test(a_boot_item_is_asked_for),
		cmocka_unit_test(dhcp6_names_a_url),
		cmocka_unit_test(dhcp6_requests_say_who_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
