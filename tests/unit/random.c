/* SPDX-License-Identifier: BSD-2-Clause */
/* The generator: the cipher against RFC 8439's vectors, and what seeds do. */
#include "kernel/random/random.h"
#include "kernel/random/chacha20.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* RFC 8439, appendix A.1, test vectors 1 and 2: key and nonce of zeroes, counters 0 and 1. */
static void the_cipher_is_chacha20(void **state)
{
	static const uint8_t first[] = {0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90,
					0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28,
					0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a,
					0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77, 0x0d, 0xc7};
	static const uint8_t second[] = {0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a,
					 0x98, 0xba, 0x97, 0x7c, 0x73, 0x2d, 0x08, 0x0d};
	uint32_t key[CHACHA20_KEY_WORDS] = {0};
	uint8_t block[CHACHA20_BLOCK];

	(void)state;
	chacha20_block(key, 0, block);
	assert_memory_equal(block, first, sizeof(first));
	chacha20_block(key, 1, block);
	assert_memory_equal(block, second, sizeof(second));
}

static void output_does_not_repeat_and_seeds_change_it(void **state)
{
	uint8_t a[100], b[100];

	(void)state;
	random_init();
	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, a + 32, 32);
	random_seed("test", "x", 1);
	random_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cipher_is_chacha20),
		cmocka_unit_test(output_does_not_repeat_and_seeds_change_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
