/* SPDX-License-Identifier: BSD-2-Clause */
/* Initial sequence numbers (RFC 6528), SYN cookies (RFC 4987), and the keyed hash that both are made with. */
#include "kernel/random/siphash.h"
#include "lwip_hooks.h"
#include "net/lwip/syn_cookie.h"
#include "tests/device/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

static int set_up(void **state)
{
	(void)state;
	host_reset();
	return 0;
}

/* The paper's appendix A: key 00 .. 0f, message 00 .. 0e; and of its authors' list the messages of 0 and 8 bytes. */
static void the_hash_is_siphash_2_4(void **state)
{
	static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	static const uint8_t message[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};

	(void)state;
	assert_int_equal(siphash(key, message, 15), 0xa129ca6149be45e5);
	assert_int_equal(siphash(key, message, 0), 0x726fdb47dd0e0e31);
	assert_int_equal(siphash(key, message, 8), 0x93f5f5799a932462);
}

static u32_t isn(uint8_t host, u16_t port, u16_t from)
{
	ip_addr_t local = IPADDR4_INIT_BYTES(10, 0, 2, 15),
		  remote = IPADDR4_INIT_BYTES(10, 0, 2, host);

	return network_isn(&local, port, &remote, from);
}

/* 250 steps a millisecond; reading the clock takes some of the host's virtual time too. */
static void the_same_ends_go_with_the_clock(void **state)
{
	u32_t first = isn(2, 80, 40000), later;

	(void)state;
	host_clock_advance(1000000);
	later = isn(2, 80, 40000);
	assert_in_range(later - first, 250, 260);
	host_clock_advance(1000000000);
	assert_in_range(isn(2, 80, 40000) - later, 250000, 250010);
}

/* Neighbours: the differences between their numbers are all over the range, none is near another. */
static void other_ends_say_nothing(void **state)
{
	enum { COUNT = 64 };
	u32_t seen[3 * COUNT];
	unsigned int high = 0;

	(void)state;
	for (unsigned int i = 0; i < COUNT; i++) {
		seen[i] = isn(2, 80, (u16_t)(40000 + i));
		seen[COUNT + i] = isn(2, (u16_t)(1000 + i), 40000);
		seen[2 * COUNT + i] = isn((uint8_t)(100 + i), 80, 40000);
	}
	for (unsigned int i = 0; i < 3 * COUNT; i++) {
		high += seen[i] >> 31;
		for (unsigned int j = 0; j < i; j++)
			assert_true(seen[i] - seen[j] > 1000 && seen[j] - seen[i] > 1000);
	}
	/* 96 are to be expected, with a deviation of 7. */
	assert_in_range(high, 96 - 42, 96 + 42);
}

static void both_families_have_their_own(void **state)
{
	ip_addr_t local = IPADDR6_INIT(0, 0, PP_HTONL(0xffff), PP_HTONL(0x0a00020f));
	ip_addr_t remote = IPADDR6_INIT(PP_HTONL(0xfd770000), 0, 0, PP_HTONL(1));
	ip_addr_t another = IPADDR6_INIT(PP_HTONL(0xfd770000), 0, 0, PP_HTONL(2));
	u32_t first = network_isn(&local, 80, &remote, 40000);

	(void)state;
	assert_in_range(network_isn(&local, 80, &remote, 40000) - first, 0, 10);
	assert_true(network_isn(&local, 80, &another, 40000) - first > 1000);
}

/* -- SYN cookies */

static struct syn_segment syn(void)
{
	return (struct syn_segment){
		.from = IPADDR4_INIT_BYTES(10, 0, 2, 2),
		.to = IPADDR4_INIT_BYTES(10, 0, 2, 15),
		.from_port = 40000,
		.to_port = 80,
		.sequence = 12345,
		.segment_size = 1460,
	};
}

/* The segment that acknowledges the answer to a SYN. */
static struct syn_segment answer(const struct syn_segment *to, uint32_t number)
{
	struct syn_segment segment = *to;

	segment.sequence++;
	segment.acknowledged = number + 1;
	segment.segment_size = 0;
	return segment;
}

static void a_cookie_says_what_was_asked_for(void **state)
{
	static const struct {
		uint16_t named, kept;
	} sizes[] = {{128, 128},    {535, 128},	  {0, 536},	{1219, 536},
		     {1220, 1220},  {1440, 1440}, {1460, 1460}, {9000, 8940},
		     {65535, 8940}, {127, 0},	  {1, 0}};

	(void)state;
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct syn_segment first = syn(), second;

		first.segment_size = sizes[i].named;
		second = answer(&first, syn_cookie_make(&first));
		assert_int_equal(syn_cookie_check(&second), sizes[i].kept);
	}
}

/* Each bit of it, and each of the ends and numbers that it was made for. */
static void another_cookie_is_none(void **state)
{
	struct syn_segment first = syn(), good = answer(&first, syn_cookie_make(&first)), bad;

	(void)state;
	assert_int_equal(syn_cookie_check(&good), 1460);
	for (unsigned int bit = 0; bit < 32; bit++) {
		bad = good;
		bad.acknowledged = ((good.acknowledged - 1) ^ 1u << bit) + 1;
		assert_int_equal(syn_cookie_check(&bad), 0);
		bad = good;
		bad.sequence ^= 1u << bit;
		assert_int_equal(syn_cookie_check(&bad), 0);
		bad = good;
		ip_2_ip4(&bad.from)->addr ^= 1u << bit;
		assert_int_equal(syn_cookie_check(&bad), 0);
		bad = good;
		ip_2_ip4(&bad.to)->addr ^= 1u << bit;
		assert_int_equal(syn_cookie_check(&bad), 0);
		bad = good;
		bad.from_port ^= (uint16_t)(1u << bit % 16);
		assert_int_equal(syn_cookie_check(&bad), 0);
		bad = good;
		bad.to_port ^= (uint16_t)(1u << bit % 16);
		assert_int_equal(syn_cookie_check(&bad), 0);
	}
}

/* Whenever it was made: good for half of its life at least, and not longer than that. */
static void a_cookie_has_its_time(void **state)
{
	(void)state;
	for (unsigned int made = 0; made < 40; made++) {
		struct syn_segment first = syn(), second;

		second = answer(&first, syn_cookie_make(&first));
		host_clock_advance(SYN_COOKIE_LIFE / 2);
		assert_int_equal(syn_cookie_check(&second), 1460);
		host_clock_advance(SYN_COOKIE_LIFE / 2);
		assert_int_equal(syn_cookie_check(&second), 0);
		host_clock_advance(made * NANOSECONDS_PER_SECOND);
	}
}

static void an_imposed_number_is_the_next_only(void **state)
{
	(void)state;
	syn_cookie_impose(77);
	assert_int_equal(isn(2, 80, 40000), 77);
	assert_true(syn_cookie_impose_end());
	assert_int_not_equal(isn(2, 80, 40000), 77);
}

/* Whoever sent a cookie back knows it: another's connection must not begin with it. */
static void an_imposed_number_that_none_took_is_gone(void **state)
{
	(void)state;
	syn_cookie_impose(77);
	assert_false(syn_cookie_impose_end());
	assert_int_not_equal(isn(3, 80, 40000), 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_hash_is_siphash_2_4, set_up),
		cmocka_unit_test_setup(the_same_ends_go_with_the_clock, set_up),
		cmocka_unit_test_setup(other_ends_say_nothing, set_up),
		cmocka_unit_test_setup(both_families_have_their_own, set_up),
		cmocka_unit_test_setup(a_cookie_says_what_was_asked_for, set_up),
		cmocka_unit_test_setup(another_cookie_is_none, set_up),
		cmocka_unit_test_setup(a_cookie_has_its_time, set_up),
		cmocka_unit_test_setup(an_imposed_number_is_the_next_only, set_up),
		cmocka_unit_test_setup(an_imposed_number_that_none_took_is_gone, set_up),
	};

	return cmocka_run_group_tests_name("sequence_numbers", tests, NULL, NULL);
}
