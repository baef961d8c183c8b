/* SPDX-License-Identifier: BSD-2-Clause */
/* What lwIP's neighbour discovery gets to see, and how many packets it may keep. */
#include "net/lwip/neighbors.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

struct ip_globals ip_data;
struct stats_ lwip_stats;

static struct netif netif;
static struct ip6_hdr header;
static unsigned int passed, freed, wanted, got;
static u16_t told_mtu;

u16_t nd6_get_destination_mtu_told(const ip6_addr_t *address, struct netif *on)
{
	(void)address;
	(void)on;
	return told_mtu;
}

u8_t pbuf_free(struct pbuf *message)
{
	(void)message;
	freed++;
	return 1;
}

const char *address_text_v6(struct address_text *text, const ip6_addr_t *address)
{
	(void)address;
	return strcpy(text->text, "fe80::1");
}

/* As in a loop: one goes, and is queued again. */
static void queue(void)
{
	for (got = 0; got < wanted; got++) {
		void *place = neighbor_place_alloc(MEMP_ND6_QUEUE);

		if (!place)
			break;
		neighbor_place_free(MEMP_ND6_QUEUE, place);
	}
}

void nd6_input_now(struct pbuf *message, struct netif *on)
{
	(void)message;
	(void)on;
	passed++;
	queue();
}

void nd6_tmr_now(void)
{
	queue();
}

/* Whether a message of these bytes, in so many pieces, comes through. */
static bool comes(const uint8_t *bytes, size_t length, unsigned int pieces)
{
	struct pbuf second = {.len = 0}, message = {.next = pieces > 1 ? &second : NULL,
						    .len = (u16_t)length,
						    .tot_len = (u16_t)length};
	unsigned int before = passed;

	message.payload = malloc(length);
	memcpy(message.payload, bytes, length);
	freed = 0;
	nd6_input(&message, &netif);
	free(message.payload);
	assert_int_equal(freed + passed - before, 1);
	return passed != before;
}

static void discovery_comes_whole(void **state)
{
	uint8_t message[40] = {132, [17] = 1, [25] = 2}; /* options wherever they begin */

	(void)state;
	assert_true(comes(message, 40, 1));
	for (message[0] = ICMP6_TYPE_RS; message[0] <= ICMP6_TYPE_RD; message[0]++) {
		bool host = message[0] != ICMP6_TYPE_RS; /* which is for routers */

		message[8] = 0xfe;
		assert_true(comes(message, 40, 1));
		if (host)
			assert_false(comes(message, 40, 2));
	}
	/* Too big: it says what it was about. */
	message[0] = ICMP6_TYPE_PTB;
	assert_true(comes(message, 40, 2));
}

/* Of zero, eight or sixteen bytes behind a header of 24. */
static void options_have_a_length(void **state)
{
	uint8_t message[48] = {ICMP6_TYPE_NS, [24] = 1, 1, [32] = 1, 2};

	(void)state;
	assert_true(comes(message, 24, 1));
	assert_true(comes(message, 32, 1));
	assert_true(comes(message, 48, 1));
	for (size_t length = 0; length < 48; length++)
		if (length != 24 && length != 32)
			assert_false(comes(message, length ? length : 1, 1));
	message[33] = 0;
	assert_false(comes(message, 48, 1));
	message[33] = 1;
	assert_false(comes(message, 48, 1)); /* the next one has none */
	message[41] = 1;
	assert_true(comes(message, 48, 1));
}

static void redirects_lead_somewhere(void **state)
{
	uint8_t message[40] = {ICMP6_TYPE_RD, [8] = 0xfe, 0x80, [23] = 1};

	(void)state;
	assert_true(comes(message, 40, 1));
	message[8] = 0xff;
	assert_false(comes(message, 40, 1));
	memset(message + 8, 0, 16);
	assert_false(comes(message, 40, 1));
	message[8] = 0xfe;
	assert_false(comes(message, 39, 1)); /* too short */
}

static void an_address_is_kept(void **state)
{
	uint8_t message[32] = {ICMP6_TYPE_NA, [8] = 0xfe, 0x80, [23] = 1, 2, 1};

	(void)state;
	memset(&netif, 0, sizeof(netif));
	IP6_ADDR(ip_2_ip6(&netif.ip6_addr[1]), PP_HTONL(0xfe800000), 0, 0, PP_HTONL(1));
	IP6_ADDR(ip_2_ip6(&ip_data.current_iphdr_dest), PP_HTONL(0xff020000), 0, 0, PP_HTONL(1));
	/* Not there, asked for, had, another's. */
	assert_true(comes(message, 32, 1));
	netif.ip6_addr_state[1] = IP6_ADDR_TENTATIVE_1;
	assert_true(comes(message, 32, 1));
	netif.ip6_addr_state[1] = IP6_ADDR_PREFERRED;
	assert_false(comes(message, 32, 1));
	netif.ip6_addr_state[1] = IP6_ADDR_DEPRECATED;
	assert_false(comes(message, 32, 1));
	message[23] = 2;
	assert_true(comes(message, 32, 1));
	/* Too short; from far away; an answer to us alone. */
	message[23] = 1;
	assert_false(comes(message, 23, 1));
	message[23] = 2;
	IP6H_HOPLIM_SET(&header, 64);
	assert_false(comes(message, 32, 1));
	IP6H_HOPLIM_SET(&header, 255);
	message[23] = 1;
	IP6_ADDR(ip_2_ip6(&ip_data.current_iphdr_dest), PP_HTONL(0xfe800000), 0, 0, PP_HTONL(1));
	assert_true(comes(message, 32, 1));
}

static void places_are_so_many(void **state)
{
	static const uint8_t message[32] = {ICMP6_TYPE_NS, [24] = 1, 1};
	void *places[MEMP_NUM_ND6_QUEUE];

	(void)state;
	for (unsigned int i = 0; i < MEMP_NUM_ND6_QUEUE; i++) {
		places[i] = neighbor_place_alloc(MEMP_ND6_QUEUE);
		assert_non_null(places[i]);
	}
	assert_null(neighbor_place_alloc(MEMP_ND6_QUEUE));
	/* One that comes back can be taken again. */
	neighbor_place_free(MEMP_ND6_QUEUE, places[3]);
	places[3] = neighbor_place_alloc(MEMP_ND6_QUEUE);
	assert_non_null(places[3]);
	assert_null(neighbor_place_alloc(MEMP_ND6_QUEUE));
	for (unsigned int i = 0; i < MEMP_NUM_ND6_QUEUE; i++)
		neighbor_place_free(MEMP_ND6_QUEUE, places[i]);
	/* A message takes no more than there are, though all come back; the next one may again. */
	for (unsigned int i = 0; i < 2; i++) {
		wanted = 10 * MEMP_NUM_ND6_QUEUE;
		assert_true(comes(message, 32, 1));
		assert_int_equal(got, MEMP_NUM_ND6_QUEUE);
		nd6_tmr();
		assert_int_equal(got, MEMP_NUM_ND6_QUEUE);
	}
	wanted = 0;
	/* What we send ourselves has no such end. */
	for (unsigned int i = 0; i < 10 * MEMP_NUM_ND6_QUEUE; i++) {
		void *place = neighbor_place_alloc(MEMP_ND6_QUEUE);

		assert_non_null(place);
		neighbor_place_free(MEMP_ND6_QUEUE, place);
	}
}

static void packets_fit_the_link(void **state)
{
	(void)state;
	netif.mtu6 = 1500;
	told_mtu = 0;
	assert_int_equal(nd6_get_destination_mtu(NULL, &netif), 1280);
	told_mtu = 1400;
	assert_int_equal(nd6_get_destination_mtu(NULL, &netif), 1400);
	told_mtu = 9000;
	assert_int_equal(nd6_get_destination_mtu(NULL, &netif), 1500);
	assert_int_equal(nd6_get_destination_mtu(NULL, NULL), 9000);
}

static int set_up(void **state)
{
	(void)state;
	network_memory_init(128u << 20, 64u << 20);
	IP6H_HOPLIM_SET(&header, 255);
	ip_data.current_ip6_header = &header;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(discovery_comes_whole), cmocka_unit_test(redirects_lead_somewhere),
		cmocka_unit_test(options_have_a_length), cmocka_unit_test(an_address_is_kept),
		cmocka_unit_test(places_are_so_many),	 cmocka_unit_test(packets_fit_the_link),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
