/* SPDX-License-Identifier: BSD-2-Clause */
/* The network stack's allocator: sizes, reuse, its bound, and that its accounts add up. */
#include "kernel/memory/dma.h"
#include "lwip/timeouts.h"
#include "net/lwip/memory.h"
#include "tests/device/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MACHINE (64u << 20) /* so 8 MiB for the network */

static void blocks_are_aligned_dma_memory(void **state)
{
	(void)state;
	for (size_t size = 1; size < 100000; size = size * 3 / 2 + 1) {
		uint8_t *memory = network_memory_alloc(size);

		assert_non_null(memory);
		assert_int_equal((uintptr_t)memory % 16, 0);
		memset(memory, 0xa5, size);
		assert_non_null(host_dma_pointer(dma_address(memory), size));
		network_memory_free(memory);
	}
}

static void freed_blocks_are_used_again(void **state)
{
	void *first = network_memory_alloc(1500);
	struct network_memory before, after;

	(void)state;
	network_memory_free(first);
	network_memory_state(&before);
	for (unsigned int i = 0; i < 1000; i++) {
		void *memory = network_memory_alloc(1500);

		assert_ptr_equal(memory, first);
		network_memory_free(memory);
	}
	network_memory_state(&after);
	assert_int_equal(before.reserved, after.reserved);
	assert_int_equal(before.used, after.used);
}

static void the_total_is_bounded(void **state)
{
	static void *blocks[20000];
	struct network_memory before, memory;
	unsigned int count = 0;

	(void)state;
	network_memory_state(&before);
	assert_int_equal(before.limit, MACHINE / 8);
	while (count < 20000 && (blocks[count] = network_memory_alloc(1000)))
		count++;
	assert_in_range(count, 6000, 8389);
	network_memory_state(&memory);
	assert_true(memory.reserved <= memory.limit);
	assert_int_equal(memory.failures, before.failures + 1);
	assert_null(network_memory_alloc(100000));
	while (count)
		network_memory_free(blocks[--count]);
	network_memory_state(&memory);
	assert_int_equal(memory.used, before.used);
}

/* A timer that fires gives its block back, and has one again for its next time, whoever wants it meanwhile. */
static void a_timer_that_fires_is_set_again(void **state)
{
	static void *blocks[300000];
	void *timers[20], *later;
	unsigned int count = 0;

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		timers[i] = network_timer_alloc(MEMP_SYS_TIMEOUT);
		assert_non_null(timers[i]);
	}
	for (size_t size = 12000; size >= 8; size /= 2)
		while (count < 300000 && (blocks[count] = network_memory_alloc(size)))
			count++;
	assert_in_range(count, 1, 299999);
	for (unsigned int i = 0; i < 100; i++) {
		network_timer_free(MEMP_SYS_TIMEOUT, timers[i % 20]);
		assert_null(network_memory_alloc(sizeof(struct sys_timeo)));
		timers[i % 20] = network_timer_alloc(MEMP_SYS_TIMEOUT);
		assert_non_null(timers[i % 20]);
		memset(timers[i % 20], 0xff, sizeof(struct sys_timeo));
	}
	/* TCP's, with the first connection. */
	later = network_timer_alloc(MEMP_SYS_TIMEOUT);
	assert_non_null(later);
	network_timer_free(MEMP_SYS_TIMEOUT, later);
	for (unsigned int i = 0; i < 20; i++)
		network_timer_free(MEMP_SYS_TIMEOUT, timers[i]);
	while (count)
		network_memory_free(blocks[--count]);
}

/* What devices have left may be less than a machine's share. */
static void the_share_is_half_of_what_is_free(void **state)
{
	struct network_memory memory;

	(void)state;
	network_memory_init(64u << 20, 6u << 20);
	network_memory_state(&memory);
	assert_int_equal(memory.limit, 3u << 20);
	network_memory_init(64u << 20, 0);
	network_memory_state(&memory);
	assert_int_equal(memory.limit, 512u << 10);
	network_memory_init(MACHINE, UINT64_MAX);
}

static void what_is_zeroed_is_zero(void **state)
{
	uint8_t *memory = network_memory_alloc(300);

	(void)state;
	memset(memory, 0xff, 300);
	network_memory_free(memory);
	memory = network_memory_zalloc(3, 100);
	for (unsigned int i = 0; i < 300; i++)
		assert_int_equal(memory[i], 0);
	network_memory_free(memory);
	assert_null(network_memory_zalloc(SIZE_MAX / 2, 3));
	assert_null(network_memory_alloc(SIZE_MAX));
}

static void any_order_keeps_the_accounts(void **state)
{
	void *blocks[200] = {0};
	size_t sizes[200];
	struct network_memory before, after;

	(void)state;
	srand(1);
	network_memory_state(&before);
	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int slot = (unsigned int)rand() % 200;

		if (blocks[slot]) {
			for (size_t j = 0; j < sizes[slot]; j += 97)
				assert_int_equal(((uint8_t *)blocks[slot])[j], (uint8_t)slot);
			network_memory_free(blocks[slot]);
			blocks[slot] = NULL;
		} else {
			sizes[slot] = 1 + (size_t)rand() % (rand() % 10 ? 2000 : 20000);
			blocks[slot] = network_memory_alloc(sizes[slot]);
			if (blocks[slot])
				memset(blocks[slot], (int)slot, sizes[slot]);
		}
	}
	for (unsigned int i = 0; i < 200; i++)
		network_memory_free(blocks[i]);
	network_memory_state(&after);
	assert_int_equal(before.used, after.used);
}

static void a_machine_with_plenty_gives_half_of_that(void **state)
{
	struct network_memory memory;

	(void)state;
	network_memory_init(256u << 20, UINT64_MAX);
	network_memory_state(&memory);
	assert_int_equal(memory.limit, (8u << 20) + (96u << 20));
	/* 48 sockets that nobody reads leave the last quarter free. */
	assert_true(48ull * (16384 + network_window_more) <= memory.limit / 4 * 3);
	network_memory_init(UINT64_C(1) << 40, UINT64_MAX);
	network_memory_state(&memory);
	assert_int_equal(memory.limit, 256u << 20);
	assert_int_equal(16384 + network_window_more, 2u << 20);
	network_memory_init(MACHINE, UINT64_MAX);
}

static void early_packets_fill_a_window_while_there_is_memory(void **state)
{
	static void *blocks[20000];
	unsigned int count = 0;
	uint32_t window = 16384 + network_window_more;

	(void)state;
	/* Of 536 bytes, the least that an IPv4 host's segments have (RFC 9293, 3.7.1). */
	assert_true(network_early_packets() * 536u >= window);
	while (count < 20000 && !network_memory_low()) {
		blocks[count] = network_memory_alloc(1000);
		assert_non_null(blocks[count]);
		count++;
	}
	assert_true(network_memory_low());
	assert_int_equal(network_early_packets(), 64);
	while (count)
		network_memory_free(blocks[--count]);
	assert_true(network_early_packets() * 536u >= window);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_aligned_dma_memory),
		cmocka_unit_test(freed_blocks_are_used_again),
		cmocka_unit_test(what_is_zeroed_is_zero),
		cmocka_unit_test(any_order_keeps_the_accounts),
		cmocka_unit_test(the_total_is_bounded),
		cmocka_unit_test(a_timer_that_fires_is_set_again),
		cmocka_unit_test(the_share_is_half_of_what_is_free),
		cmocka_unit_test(a_machine_with_plenty_gives_half_of_that),
		cmocka_unit_test(early_packets_fill_a_window_while_there_is_memory),
	};

	host_reset();
	network_memory_init(MACHINE, UINT64_MAX);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
