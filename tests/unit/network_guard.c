/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames that lwIP would read beyond their end, found by tests/fuzz: what is dropped, and what is not. */
#include "lwip_hooks.h"
#include "net/lwip/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* A packet of exactly these bytes, so that the sanitizer sees a look beyond them. */
static struct pbuf packet;

static const struct pbuf *of(const void *bytes, size_t length)
{
	free(packet.payload);
	packet.payload = malloc(length ? length : 1);
	memcpy(packet.payload, bytes, length);
	packet.len = packet.tot_len = (u16_t)length;
	return &packet;
}

static int tear_down(void **state)
{
	(void)state;
	free(packet.payload);
	packet.payload = NULL;
	return 0;
}

static void a_frame_in_pieces_is_copied(void **state)
{
	(void)state;
	assert_false(guard_frame_scattered(60, 60));
	assert_true(guard_frame_scattered(59, 60));
	assert_true(guard_frame_scattered(1, 1514));
	/* As devices cut them: each buffer is filled before the next. */
	assert_false(guard_frame_scattered(1518, 60000));
	assert_false(guard_frame_scattered(1922, 9000));
}

static void short_arp_is_dropped(void **state)
{
	uint8_t frame[60] = {[12] = 0x08, [13] = 0x06};

	(void)state;
	assert_false(guard_frame_refused(of(frame, 60)));
	assert_false(guard_frame_refused(of(frame, 42)));
	assert_true(guard_frame_refused(of(frame, 41)));
	assert_true(guard_frame_refused(of(frame, 15)));
	assert_true(guard_frame_refused(of(frame, 13)));
}

static void short_packets_are_dropped(void **state)
{
	uint8_t frame[60] = {[12] = 0x08};

	(void)state;
	assert_false(guard_frame_refused(of(frame, 34)));
	assert_true(guard_frame_refused(of(frame, 33)));
	frame[12] = 0x86;
	frame[13] = 0xdd;
	assert_false(guard_frame_refused(of(frame, 54)));
	assert_true(guard_frame_refused(of(frame, 53)));
	frame[13] = 0xde; /* nobody's */
	assert_false(guard_frame_refused(of(frame, 14)));
}

/* A packet has 65535 bytes with its header. */
static void fragments_end_somewhere(void **state)
{
	uint8_t ip4[60] = {0x45, 0, 0, 60, 0, 7, 0, 0, 64, 17};
	uint8_t ip6[57] = {0x60, [5] = 17, [6] = 44, [40] = 17};

	(void)state;
	/* 8184 * 8 + 60 = 65532 */
	ip4[6] = 8184 >> 8;
	ip4[7] = 8184 & 0xff;
	assert_false(guard_ip4_refused(of(ip4, 60)));
	ip4[3] = 63;
	assert_false(guard_ip4_refused(of(ip4, 60)));
	ip4[3] = 64;
	assert_true(guard_ip4_refused(of(ip4, 60)));
	ip4[6] |= 0x20;
	assert_true(guard_ip4_refused(of(ip4, 60)));
	/* 65480 + 57 - 8 = 65529, and then 65535 */
	ip6[42] = 65480 >> 8;
	ip6[43] = 65480 & 0xff;
	assert_false(guard_ip6_refused(of(ip6, 57)));
	ip6[5] = 23;
	assert_false(guard_ip6_refused(of(ip6, 57)));
	ip6[5] = 24;
	assert_true(guard_ip6_refused(of(ip6, 57)));
	ip6[43] |= 1; /* more follow */
	assert_true(guard_ip6_refused(of(ip6, 57)));
}

static void fragments_of_nothing_are_dropped(void **state)
{
	uint8_t ip[46] = {0x45, 0, 0, 28, 0, 7, 0, 2, 64, 1};

	(void)state;
	assert_false(guard_ip4_refused(of(ip, 46)));
	ip[3] = 21;
	assert_false(guard_ip4_refused(of(ip, 46)));
	/* With what fills the frame behind it; also one of which more follow; with options. */
	ip[3] = 20;
	assert_true(guard_ip4_refused(of(ip, 46)));
	ip[7] = 0;
	assert_false(guard_ip4_refused(of(ip, 46))); /* no fragment */
	ip[6] = 0x20;
	assert_true(guard_ip4_refused(of(ip, 46)));
	ip[0] = 0x46;
	ip[3] = 24;
	assert_true(guard_ip4_refused(of(ip, 46)));
	ip[3] = 25;
	assert_false(guard_ip4_refused(of(ip, 46)));
}

/* An IPv6 packet with these bytes behind its header, of which the first is of this kind. */
static bool refused(uint8_t kind, const void *bytes, size_t length)
{
	uint8_t whole[200] = {0x60, [5] = (uint8_t)length, [6] = kind, [7] = 64};

	memcpy(whole + 40, bytes, length);
	return guard_ip6_refused(of(whole, 40 + length));
}

static void extension_headers_are_whole(void **state)
{
	static const uint8_t hop[16] = {58, 1, 1, 4, 0, 0, 0, 0, 5, 2, 0, 0, 1, 2, 0, 0};
	uint8_t bytes[24];

	(void)state;
	assert_false(guard_ip6_refused(of("\x60", 1))); /* that it sees itself */
	assert_false(refused(58, "", 0));
	assert_false(refused(0, hop, 16));
	for (size_t length = 0; length < 16; length++)
		assert_true(refused(0, hop, length));
	/* Padding of one byte each; an option beyond the header; one without its length. */
	memset(bytes, 0, sizeof(bytes));
	bytes[0] = 17;
	assert_false(refused(60, bytes, 8));
	bytes[2] = 1;
	bytes[3] = 5;
	assert_true(refused(60, bytes, 8));
	bytes[3] = 3;
	assert_false(refused(60, bytes, 8));
	bytes[7] = 1;
	assert_true(refused(60, bytes, 8));
	/* A routing header has no options, but a length. */
	assert_false(refused(43, bytes, 8));
	bytes[1] = 1;
	assert_true(refused(43, bytes, 15));
	assert_false(refused(43, bytes, 16));
	/* One behind the other. */
	memset(bytes, 0, sizeof(bytes));
	bytes[0] = 43;
	assert_true(refused(0, bytes, 8));
	bytes[8] = 6;
	assert_false(refused(0, bytes, 16));
}

static void behind_a_fragment_header_is_no_other(void **state)
{
	static const uint8_t kinds[] = {0, 43, 44, 60};
	uint8_t bytes[16] = {17};

	(void)state;
	assert_false(refused(44, bytes, 9));
	assert_true(refused(44, bytes, 8)); /* nor nothing */
	assert_true(refused(44, bytes, 7));
	for (unsigned int i = 0; i < sizeof(kinds); i++) {
		bytes[0] = kinds[i];
		bytes[2] = 0; /* the first one, and another */
		assert_true(refused(44, bytes, 16));
		bytes[2] = 1;
		assert_true(refused(44, bytes, 16));
	}
}

/* A TCP header with these options behind it, the last of them in another piece; nothing behind either. */
static bool options_refused_with(uint8_t flags, const void *bytes, unsigned int length,
				 unsigned int in_second)
{
	unsigned int first = length - in_second;
	uint8_t *segment = calloc(1, TCP_HLEN + first), *second = malloc(in_second ? in_second : 1);
	bool result;

	segment[13] = flags;
	memcpy(segment + TCP_HLEN, bytes, first);
	memcpy(second, (const uint8_t *)bytes + first, in_second);
	result = guard_tcp_refused((const struct tcp_hdr *)segment, length, first,
				   in_second ? second : NULL);
	free(segment);
	free(second);
	return result;
}

static bool options_refused(const void *bytes, unsigned int length, unsigned int in_second)
{
	return options_refused_with(TCP_SYN, bytes, length, in_second);
}

static void segments_have_their_size_from_a_syn(void **state)
{
	static const uint8_t options[8] = {2, 4, 5, 0xb4, 1, 3, 3, 7};

	(void)state;
	assert_false(options_refused_with(TCP_SYN, options, 8, 0));
	assert_false(options_refused_with(TCP_SYN | TCP_ACK, options, 8, 8));
	assert_true(options_refused_with(TCP_ACK, options, 8, 0));
	assert_true(options_refused_with(TCP_ACK, options, 8, 8));
	assert_false(options_refused_with(TCP_ACK, options + 4, 4, 0));
}

static void tcp_options_are_whole(void **state)
{
	/* MSS, SACK permitted, time stamps, nothing, window scale: as Linux has them. */
	static const uint8_t syn[20] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2,
					3, 4, 5, 6,    7, 8, 1, 3,  3, 7};

	(void)state;
	assert_false(options_refused("", 0, 0));
	for (unsigned int second = 0; second <= 20; second++)
		assert_false(options_refused(syn, 20, second));
	/* Cut off in the middle of one, of one's head, and between two. */
	assert_true(options_refused(syn, 19, 0));
	assert_true(options_refused(syn, 18, 0));
	assert_true(options_refused(syn, 18, 1));
	assert_true(options_refused(syn, 18, 18));
	assert_false(options_refused(syn, 17, 0));
	/* No length, lengths of less than an option has, one beyond all; each in the last word. */
	assert_true(options_refused("\1\1\1\12", 4, 0));
	assert_true(options_refused("\1\1\12\0", 4, 0));
	assert_true(options_refused("\1\1\12\1", 4, 2));
	assert_false(options_refused("\1\1\12\2", 4, 1));
	assert_true(options_refused("\1\1\12\377", 4, 0));
	/* Behind the end of the list stands anything. */
	assert_false(options_refused("\1\0\12\377", 4, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_in_pieces_is_copied),
		cmocka_unit_test(short_arp_is_dropped),
		cmocka_unit_test(short_packets_are_dropped),
		cmocka_unit_test(fragments_end_somewhere),
		cmocka_unit_test(extension_headers_are_whole),
		cmocka_unit_test(behind_a_fragment_header_is_no_other),
		cmocka_unit_test(fragments_of_nothing_are_dropped),
		cmocka_unit_test(segments_have_their_size_from_a_syn),
		cmocka_unit_test(tcp_options_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, tear_down);
}
