/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that a network device must refuse, or need not understand (virtio 1.4, 5.1.9.5). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/misuse.h"

#include <string.h>

#define BIT(bit) FEATURE(F_NET_##bit)
enum {
	F_NET_CTRL_GUEST_OFFLOADS = 2,
	F_NET_CTRL_VQ = 17,
	F_NET_CTRL_RX = 18,
	F_NET_CTRL_VLAN = 19,
	F_NET_CTRL_RX_EXTRA = 20,
	F_NET_ANNOUNCE = 21,
	F_NET_MQ = 22,
	F_NET_CTRL_MAC_ADDR = 23,
	F_NET_HASH_REPORT = 57,
	F_NET_RSS = 60
};
enum { RX, MAC, VLAN, ANNOUNCE, MQ, OFFLOADS };
enum { MQ_PAIRS, MQ_RSS, MQ_HASH };
enum { CONFIG_PAIRS = 8, CONFIG_TABLE = 18, CONFIG_TYPES = 20 };

#define NEEDS(bits) .devices = DEVICE(NET), .features = BIT(CTRL_VQ) | (bits), .queues = 3

#define ACK_OK 0u
#define ACK_ERROR 1u
#define ACK_NONE 0xaau
#define DATA_MOST 2048u

/* What a device may answer. */
enum verdict {
	REFUSED,  /* nothing but an error: the command is whole */
	NEVER_OK, /* an error, or it gives up */
	SURVIVED  /* the specification does not say */
};

static struct ring *open_control(struct conformance_target *t, uint64_t features)
{
	unsigned int pairs = 1;
	struct ring *ring;

	session_begin(t, SESSION_ONLY(features | BIT(CTRL_VQ) | FEATURE(F_RING_PACKED)));
	if (features & (BIT(MQ) | BIT(RSS)))
		pairs = (unsigned int)config_read(t, CONFIG_PAIRS, 2);
	ring = session_queue(t, 2 * pairs, 0);
	session_ready(t);
	return ring;
}

/* Shows it, and judges its ack; NULL: it has none. */
static void run_and_judge(struct conformance_target *t, struct ring *ring,
			  const struct misuse *misuse, volatile uint8_t *ack, enum verdict verdict)
{
	struct used used;

	if (ack)
		*ack = ACK_NONE;
	if (verdict == REFUSED)
		misuse_complete(t, ring, misuse);
	else if (!misuse_run(t, ring, misuse, &used))
		return;
	target_barrier(t);
	if (ack)
		expect_range(t, "the ack", *ack, verdict == SURVIVED ? ACK_OK : ACK_ERROR,
			     ACK_ERROR);
}

/* `length` bytes of data in a descriptor of their own, as drivers have them; zeroes behind those given. */
static void run_command(struct conformance_target *t, uint64_t features, uint8_t class,
			uint8_t command, const void *data, uint32_t given, uint32_t length,
			enum verdict verdict)
{
	const uint8_t head[2] = {class, command};
	struct ring *ring = open_control(t, features);
	struct misuse misuse = {0};

	misuse_out(t, &misuse, head, sizeof(head));
	if (length)
		misuse_out_padded(t, &misuse, data, given, length);
	run_and_judge(t, ring, &misuse, misuse_in(t, &misuse, 1), verdict);
}

/* `length` bytes of data, zeroes behind those that are given. */
#define COMMAND(name, claim, clauses, bits, class, command, verdict, length, ...)                  \
	CASE(break_net_##name, BREAK, claim, clauses, NEEDS(bits))                                 \
	{                                                                                          \
		static const uint8_t given[] = {__VA_ARGS__};                                      \
                                                                                                   \
		run_command(t, bits, class, command, given, sizeof(given), length, verdict);       \
	}

/* -- Not known */

#define UNKNOWN(name, what, bits, class, command)                                                  \
	COMMAND(unknown_##name, "the control command " what ", which is not defined, is refused",  \
		"-", bits, class, command, REFUSED, 8, 0)
UNKNOWN(class_16, "16.0", 0, 16, 0)
UNKNOWN(class_127, "127.1", 0, 127, 1)
UNKNOWN(class_255, "255.255", 0, 255, 255)
UNKNOWN(rx_6, "RX.6", BIT(CTRL_RX), RX, 6)
UNKNOWN(rx_255, "RX.255", BIT(CTRL_RX), RX, 255)
UNKNOWN(mac_2, "MAC.2", BIT(CTRL_MAC_ADDR), MAC, 2)
UNKNOWN(mac_255, "MAC.255", BIT(CTRL_MAC_ADDR), MAC, 255)
UNKNOWN(vlan_2, "VLAN.2", BIT(CTRL_VLAN), VLAN, 2)
UNKNOWN(vlan_255, "VLAN.255", BIT(CTRL_VLAN), VLAN, 255)
UNKNOWN(announce_1, "ANNOUNCE.1", BIT(ANNOUNCE), ANNOUNCE, 1)
UNKNOWN(mq_3, "MQ.3", BIT(MQ), MQ, 3)
UNKNOWN(mq_255, "MQ.255", BIT(MQ), MQ, 255)
UNKNOWN(offloads_1, "GUEST_OFFLOADS.1", BIT(CTRL_GUEST_OFFLOADS), OFFLOADS, 1)
UNKNOWN(offloads_255, "GUEST_OFFLOADS.255", BIT(CTRL_GUEST_OFFLOADS), OFFLOADS, 255)

/* -- Cut off */

#define CUT(name, what, clauses, bits, class, command, length, ...)                                \
	COMMAND(cut_##name, what " is not done", clauses, bits, class, command, NEVER_OK, length,  \
		__VA_ARGS__)
CUT(promiscuous, "PROMISC without its byte", "-", BIT(CTRL_RX), RX, 0, 0, 0)
CUT(all_multicast, "ALLMULTI without its byte", "-", BIT(CTRL_RX), RX, 1, 0, 0)
CUT(no_broadcast, "NOBCAST without its byte", "-", BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA), RX, 5, 0, 0)
CUT(address_0, "MAC_ADDR_SET without an address", "-", BIT(CTRL_MAC_ADDR), MAC, 1, 0, 0)
CUT(address_5, "MAC_ADDR_SET with five bytes", "-", BIT(CTRL_MAC_ADDR), MAC, 1, 5, 2, 0, 0, 0, 0)
CUT(table_0, "MAC_TABLE_SET without tables", "DRV-NET-MAC-03", BIT(CTRL_RX), MAC, 0, 0, 0)
CUT(table_3, "MAC_TABLE_SET with three bytes", "DRV-NET-MAC-03", BIT(CTRL_RX), MAC, 0, 3, 0)
CUT(table_4, "MAC_TABLE_SET without its second table", "DRV-NET-MAC-03", BIT(CTRL_RX), MAC, 0, 4, 0)
CUT(table_7, "MAC_TABLE_SET with seven bytes", "DRV-NET-MAC-03", BIT(CTRL_RX), MAC, 0, 7, 0)
CUT(table_first, "MAC_TABLE_SET with half an address in its first table", "DRV-NET-MAC-03",
    BIT(CTRL_RX), MAC, 0, 7, 1)
CUT(table_second, "MAC_TABLE_SET with half an address in its second table", "DRV-NET-MAC-03",
    BIT(CTRL_RX), MAC, 0, 11, 0, 0, 0, 0, 1)
CUT(table_first_all, "MAC_TABLE_SET of 4294967295 addresses in its first table", "DRV-NET-MAC-03",
    BIT(CTRL_RX), MAC, 0, 14, 0xff, 0xff, 0xff, 0xff)
CUT(table_second_all, "MAC_TABLE_SET of 4294967295 addresses in its second table", "DRV-NET-MAC-03",
    BIT(CTRL_RX), MAC, 0, 14, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff)
/* 6 * 0x2aaaaaab is 2 in 32 bits. */
CUT(table_first_wraps, "MAC_TABLE_SET of 715827883 addresses, whose bytes are 2 in 32 bits,",
    "DRV-NET-MAC-03", BIT(CTRL_RX), MAC, 0, 10, 0xab, 0xaa, 0xaa, 0x2a)
CUT(table_second_wraps,
    "MAC_TABLE_SET of 715827883 addresses, whose bytes are 2 in 32 bits, in its second table",
    "DRV-NET-MAC-03", BIT(CTRL_RX), MAC, 0, 10, 0, 0, 0, 0, 0xab, 0xaa, 0xaa, 0x2a)
CUT(vlan_add_0, "VLAN ADD without a number", "-", BIT(CTRL_VLAN), VLAN, 0, 0, 0)
CUT(vlan_add_1, "VLAN ADD with one byte", "-", BIT(CTRL_VLAN), VLAN, 0, 1, 7)
CUT(vlan_delete_1, "VLAN DEL with one byte", "-", BIT(CTRL_VLAN), VLAN, 1, 1, 7)
CUT(pairs_0, "VQ_PAIRS_SET without a number", "-", BIT(MQ), MQ, MQ_PAIRS, 0, 0)
CUT(pairs_1, "VQ_PAIRS_SET with one byte", "-", BIT(MQ), MQ, MQ_PAIRS, 1, 1)
CUT(offloads_0, "GUEST_OFFLOADS_SET without a number", "-", BIT(CTRL_GUEST_OFFLOADS), OFFLOADS, 0,
    0, 0)
CUT(offloads_7, "GUEST_OFFLOADS_SET with seven bytes", "-", BIT(CTRL_GUEST_OFFLOADS), OFFLOADS, 0,
    7, 0)
CUT(hash_0, "HASH_CONFIG without data", "-", BIT(HASH_REPORT), MQ, MQ_HASH, 0, 0)
CUT(hash_12, "HASH_CONFIG with twelve bytes", "-", BIT(HASH_REPORT), MQ, MQ_HASH, 12, 0)
CUT(hash_key, "HASH_CONFIG with a byte too few for its key", "-", BIT(HASH_REPORT), MQ, MQ_HASH, 52,
    1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40)

/* -- Too long */

#define LONG(name, what, bits, class, command, length, ...)                                        \
	COMMAND(long_##name, what " is answered, or survived", "-", bits, class, command,          \
		SURVIVED, length, __VA_ARGS__)
LONG(promiscuous, "PROMISC with two bytes", BIT(CTRL_RX), RX, 0, 2, 0)
LONG(promiscuous_2048, "PROMISC with 2048 bytes", BIT(CTRL_RX), RX, 0, DATA_MOST, 0)
LONG(address, "MAC_ADDR_SET with seven bytes", BIT(CTRL_MAC_ADDR), MAC, 1, 7, 0x52, 0x54, 0, 0x12,
     0x34, 0x56)
LONG(table, "MAC_TABLE_SET with a byte behind its tables", BIT(CTRL_RX), MAC, 0, 9, 0)
LONG(vlan, "VLAN ADD with three bytes", BIT(CTRL_VLAN), VLAN, 0, 3, 7)
LONG(announce, "ANNOUNCE ACK with a byte", BIT(ANNOUNCE), ANNOUNCE, 0, 1, 0)
LONG(pairs, "VQ_PAIRS_SET with three bytes", BIT(MQ), MQ, MQ_PAIRS, 3, 1)
LONG(offloads, "GUEST_OFFLOADS_SET with nine bytes", BIT(CTRL_GUEST_OFFLOADS), OFFLOADS, 0, 9, 0)

/* -- Values */

#define WRONG(name, what, clauses, bits, class, command, length, ...)                              \
	COMMAND(wrong_##name, what " is refused", clauses, bits, class, command, REFUSED, length,  \
		__VA_ARGS__)
WRONG(vlan_4096, "VLAN 4096", "-", BIT(CTRL_VLAN), VLAN, 0, 2, 0x00, 0x10)
WRONG(vlan_65535, "VLAN 65535", "-", BIT(CTRL_VLAN), VLAN, 0, 2, 0xff, 0xff)
WRONG(vlan_delete_65535, "DEL of VLAN 65535", "-", BIT(CTRL_VLAN), VLAN, 1, 2, 0xff, 0xff)
WRONG(pairs_none, "VQ_PAIRS_SET 0", "DRV-NET-MQ-05", BIT(MQ), MQ, MQ_PAIRS, 2, 0)
WRONG(pairs_32769, "VQ_PAIRS_SET 32769", "DRV-NET-MQ-05", BIT(MQ), MQ, MQ_PAIRS, 2, 0x01, 0x80)
WRONG(pairs_65535, "VQ_PAIRS_SET 65535", "DRV-NET-MQ-05", BIT(MQ), MQ, MQ_PAIRS, 2, 0xff, 0xff)
WRONG(offloads_all, "GUEST_OFFLOADS_SET of offloads that were not negotiated", "DRV-NET-OFFL-01",
      BIT(CTRL_GUEST_OFFLOADS), OFFLOADS, 0, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
WRONG(offloads_csum, "GUEST_OFFLOADS_SET of a checksum offload that was not negotiated",
      "DRV-NET-OFFL-01", BIT(CTRL_GUEST_OFFLOADS), OFFLOADS, 0, 8, 0x02)

CASE(break_net_wrong_pairs_behind, BREAK, "VQ_PAIRS_SET of one pair more than there are is refused",
     "DRV-NET-MQ-05", NEEDS(BIT(MQ)))
{
	uint16_t pairs = (uint16_t)(config_read(t, CONFIG_PAIRS, 2) + 1);

	run_command(t, BIT(MQ), MQ, MQ_PAIRS, &pairs, sizeof(pairs), sizeof(pairs), REFUSED);
}

#define ODD(name, what, clauses, bits, class, command, length, ...)                                \
	COMMAND(odd_##name, what " is answered, or survived", clauses, bits, class, command,       \
		SURVIVED, length, __VA_ARGS__)
ODD(mode_255, "PROMISC with the value 255", "-", BIT(CTRL_RX), RX, 0, 1, 255)
ODD(announce_unasked, "ANNOUNCE ACK of nothing", "-", BIT(ANNOUNCE), ANNOUNCE, 0, 0, 0)
ODD(group_address, "MAC_ADDR_SET of a group's address", "-", BIT(CTRL_MAC_ADDR), MAC, 1, 6, 0x33,
    0x33, 0, 0, 0, 1)
ODD(rx_not_negotiated, "PROMISC without CTRL_RX", "DRV-NET-RXFILT-01", 0, RX, 0, 1, 1)
ODD(extra_not_negotiated, "NOBCAST without CTRL_RX_EXTRA", "DRV-NET-RXFILT-02", 0, RX, 5, 1, 1)
ODD(table_not_negotiated, "MAC_TABLE_SET without CTRL_RX", "DRV-NET-MAC-01", 0, MAC, 0, 8, 0)
ODD(vlan_not_negotiated, "VLAN ADD without CTRL_VLAN", "-", 0, VLAN, 0, 2, 7)
ODD(pairs_not_negotiated, "VQ_PAIRS_SET without MQ", "-", 0, MQ, MQ_PAIRS, 2, 1)
ODD(rss_not_negotiated, "RSS_CONFIG without RSS", "DRV-NET-RSS-01", 0, MQ, MQ_RSS, 64, 0)
ODD(offloads_not_negotiated, "GUEST_OFFLOADS_SET without CTRL_GUEST_OFFLOADS", "-", 0, OFFLOADS, 0,
    8, 0)

/* -- RSS (5.1.9.5.7.1) */

#define TYPES_ALL 0xffffffffu
#define TABLE_MOST 256u
#define KEY 40u

struct rss {
	uint32_t types; /* TYPES_ALL: those that the device does not have; 0: IPv4 */
	uint16_t
		table; /* entries that it says and has; 0: 4; TABLE_MOST: twice the most there can be */
	uint16_t entry; /* each of them */
	uint16_t unclassified, pairs;
	uint8_t key_length; /* 0: 40 */
	unsigned int bytes; /* of all; 0: as many as it says */
};

static void put(uint8_t *bytes, unsigned int *at, uint32_t value, unsigned int width)
{
	memcpy(bytes + *at, &value, width);
	*at += width;
}

static void run_rss(struct conformance_target *t, const struct rss *rss, enum verdict verdict)
{
	static uint8_t bytes[DATA_MOST];
	unsigned int at = 0, table = rss->table ? rss->table : 4;
	uint32_t key = rss->key_length ? rss->key_length : KEY;

	if (table == TABLE_MOST)
		table = 2 * (unsigned int)config_read(t, CONFIG_TABLE, 2);
	if (2 * table + key + 16 > DATA_MOST)
		skip(t, "the device has room for %u entries", table / 2);
	put(bytes, &at, rss->types == TYPES_ALL ? ~(uint32_t)config_read(t, CONFIG_TYPES, 4) : 1,
	    4);
	put(bytes, &at, table - 1, 2);
	put(bytes, &at, rss->unclassified, 2);
	for (unsigned int i = 0; i < table; i++)
		put(bytes, &at, rss->entry, 2);
	put(bytes, &at, rss->pairs, 2);
	put(bytes, &at, key, 1);
	at += key;
	run_command(t, BIT(MQ) | BIT(RSS), MQ, MQ_RSS, bytes, sizeof(bytes),
		    rss->bytes ? rss->bytes : at, verdict);
}

#define RSS(name, what, clauses, verdict, how, ...)                                                \
	CASE(break_net_rss_##name, BREAK, "RSS_CONFIG " what " is " how, clauses,                  \
	     NEEDS(BIT(MQ) | BIT(RSS)))                                                            \
	{                                                                                          \
		static const struct rss rss = {__VA_ARGS__};                                       \
                                                                                                   \
		run_rss(t, &rss, verdict);                                                         \
	}
#define RSS_CUT(name, what, bytes_)                                                                \
	RSS(cut_##name, what, "-", NEVER_OK, "not done", .pairs = 1, .bytes = bytes_)
/* Whole, it has 8 bytes, 8 of the table, 3 and 40 of the key. */
RSS_CUT(1, "of one byte", 1)
RSS_CUT(7, "that ends before its table's size is complete", 7)
RSS_CUT(8, "that ends before its table", 8)
RSS_CUT(15, "that ends in its table", 15)
RSS_CUT(16, "that ends behind its table", 16)
RSS_CUT(18, "that ends before the length of its key", 18)
RSS_CUT(19, "that ends before its key", 19)
RSS_CUT(58, "that ends one byte too early", 58)
RSS(key_255_short, "with 40 bytes of a key that has 255", "-", NEVER_OK, "not done", .pairs = 1,
    .key_length = 255, .bytes = 59)
RSS(key_255, "with a key of 255 bytes", "-", REFUSED, "refused", .pairs = 1, .key_length = 255)
RSS(table_3, "with a table of 3 entries", "DRV-NET-RSS-03", REFUSED, "refused", .pairs = 1,
    .table = 3)
RSS(table_127, "with a table of 127 entries", "DRV-NET-RSS-03", REFUSED, "refused", .pairs = 1,
    .table = 127)
RSS(table_double, "with a table of twice the length that the device has", "DRV-NET-RSS-04", REFUSED,
    "refused", .pairs = 1, .table = TABLE_MOST)
RSS(types, "with hash types that the device does not have", "DRV-NET-RSS-05", REFUSED, "refused",
    .pairs = 1, .types = TYPES_ALL)
RSS(pairs_0, "with 0 queues", "DRV-NET-MQ-05", REFUSED, "refused", .pairs = 0)
RSS(pairs_32769, "with 32769 queues", "DRV-NET-MQ-05", REFUSED, "refused", .pairs = 0x8001)
RSS(pairs_65535, "with 65535 queues", "DRV-NET-MQ-05", REFUSED, "refused", .pairs = 0xffff)
RSS(entries_beyond, "with a table of queues that are not there", "DRV-NET-RSS-02", SURVIVED,
    "answered, or survived", .pairs = 1, .entry = 0xffff)
RSS(unclassified_beyond, "with an unclassified queue that is not there", "-", SURVIVED,
    "answered, or survived", .pairs = 1, .unclassified = 0xffff)

/* -- The message itself */

/* So many bytes of the head, readable bytes behind it, and writable ones. */
static void run_message(struct conformance_target *t, uint32_t head, uint32_t readable,
			uint32_t writable)
{
	static const uint8_t zeroes[64];
	const uint8_t bytes[2] = {RX, 0};
	struct ring *ring = open_control(t, BIT(CTRL_RX));
	struct misuse misuse = {0};
	volatile uint8_t *ack = NULL;

	if (head)
		misuse_out(t, &misuse, bytes, head);
	if (readable)
		misuse_out(t, &misuse, zeroes, readable);
	if (writable)
		ack = misuse_in(t, &misuse, writable);
	run_and_judge(t, ring, &misuse, ack, NEVER_OK);
}

#define MESSAGE(name, what, head, readable, writable)                                              \
	CASE(break_net_message_##name, BREAK, "a command " what " is not done", "-",               \
	     NEEDS(BIT(CTRL_RX)))                                                                  \
	{                                                                                          \
		run_message(t, head, readable, writable);                                          \
	}
MESSAGE(half_head, "of one byte", 1, 0, 1)
MESSAGE(no_head, "without a readable part", 0, 0, 1)
MESSAGE(no_ack, "without room for its ack", 2, 1, 0)
MESSAGE(no_ack_head, "without data and without room for its ack", 2, 0, 0)
MESSAGE(half_head_no_ack, "of one byte and without room for its ack", 1, 0, 0)
