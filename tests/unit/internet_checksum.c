/* SPDX-License-Identifier: BSD-2-Clause */
/* The Internet checksum's sum, beside one that adds byte by byte. */
#include "net/lwip/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define LENGTH_MAX 1600
#define ALIGNMENTS 8

/* As RFC 1071 says it: 16-bit words with the first byte on top, what is carried is added. */
static uint16_t plain(const uint8_t *bytes, int length)
{
	uint32_t sum = 0;

	for (int i = 0; i < length; i++) {
		sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

/* Ours is in the order of memory; 0 and 0xffff are the same number. */
static void expect_same(const uint8_t *bytes, int length)
{
	uint16_t sum = network_checksum(bytes, length);
	uint8_t memory[2];

	memcpy(memory, &sum, sizeof(memory));
	assert_int_equal((memory[0] << 8 | memory[1]) % 0xffff, plain(bytes, length) % 0xffff);
}

/* RFC 1071, 3. */
static void the_example_of_the_rfc(void **state)
{
	static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal(plain(bytes, 8), 0xddf2);
	expect_same(bytes, 8);
}

static void every_length_from_every_place(void **state)
{
	static uint8_t bytes[LENGTH_MAX + ALIGNMENTS];
	uint32_t number = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		number = number * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(number >> 24);
	}
	for (int place = 0; place < ALIGNMENTS; place++)
		for (int length = 0; length <= LENGTH_MAX; length++)
			expect_same(bytes + place, length);
}

/* Each addition carries. */
static void the_largest_numbers(void **state)
{
	static uint8_t bytes[LENGTH_MAX];

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	for (int length = 1; length <= LENGTH_MAX; length++)
		expect_same(bytes, length);
	assert_int_equal(network_checksum(bytes, LENGTH_MAX), 0xffff);
	bytes[LENGTH_MAX - 2] = 0;
	bytes[LENGTH_MAX - 1] = 0x80;
	expect_same(bytes, LENGTH_MAX);
}

/* What the sum is of has its complement among it: a packet whose checksum is right. */
static void a_right_packet_is_all_ones(void **state)
{
	static const uint8_t header[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40,
					 0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8,
					 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};

	(void)state;
	assert_int_equal(network_checksum(header, sizeof(header)), 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc),
		cmocka_unit_test(every_length_from_every_place),
		cmocka_unit_test(the_largest_numbers),
		cmocka_unit_test(a_right_packet_is_all_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
