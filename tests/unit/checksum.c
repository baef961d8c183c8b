/* SPDX-License-Identifier: BSD-2-Clause */
/* The Internet's checksum: what RFC 1071 says of it, and the same as word by word. */
#include "net/lwip/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>

static uint16_t word_by_word(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++) {
		sum += i & 1 ? (uint32_t)bytes[i] << 8 : bytes[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

/* Its section 3: ddf2 in the order of the network. */
static void the_example_of_the_rfc(void **state)
{
	static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal(network_checksum(bytes, sizeof(bytes)), 0xf2dd);
}

/* Each in memory of its own size, so that the sanitizer sees a byte too far. */
static void every_length_from_every_place(void **state)
{
	(void)state;
	for (size_t place = 0; place < 9; place++)
		for (size_t length = 0; length < 200; length++) {
			uint8_t *bytes = malloc(place + length + 1);

			assert_non_null(bytes);
			for (size_t i = 0; i < length; i++)
				bytes[place + i] = (uint8_t)(i * i * 37 + length * 11 + 201);
			bytes = realloc(bytes, place + length ? place + length : 1);
			assert_non_null(bytes);
			assert_int_equal(network_checksum(bytes + place, (int)length),
					 word_by_word(bytes + place, length));
			free(bytes);
		}
}

/* Carries out of each width, and a sum that is zero only if all of it is. */
static void no_carry_is_lost(void **state)
{
	enum { LENGTH = 65535 };
	uint8_t *bytes = malloc(LENGTH);

	(void)state;
	assert_non_null(bytes);
	memset(bytes, 0xff, LENGTH);
	for (int length = LENGTH - 20; length <= LENGTH; length++)
		assert_int_equal(network_checksum(bytes, length),
				 word_by_word(bytes, (size_t)length));
	assert_int_equal(network_checksum(bytes, 16), 0xffff);
	memset(bytes, 0, LENGTH);
	assert_int_equal(network_checksum(bytes, LENGTH), 0);
	for (unsigned int bit = 0; bit < 64; bit++) {
		const uint64_t value[] = {~0ull << bit, 1ull << bit, ~0ull >> bit};

		assert_int_equal(network_checksum(value, sizeof(value)),
				 word_by_word((const uint8_t *)value, sizeof(value)));
	}
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc),
		cmocka_unit_test(every_length_from_every_place),
		cmocka_unit_test(no_carry_is_lost),
	};

	return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
