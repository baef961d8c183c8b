/* SPDX-License-Identifier: BSD-2-Clause */
/* Broken lists in a packed ring (virtio 1.4, 2.8). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/broken.h"

#define N DESCRIPTOR_NEXT
#define W DESCRIPTOR_WRITE
#define I DESCRIPTOR_INDIRECT

#define FOR_ALL .features = FEATURE(F_RING_PACKED)
/* See break_split.c. */
#define BUT_BALLOON                                                                                \
	.devices = DEVICES_ALL & ~DEVICE(BALLOON),                                                 \
	.features = FEATURE(F_RING_PACKED) | FEATURE(F_INDIRECT_DESC)

#define BROKEN(name, claim, clauses, needs, ...)                                                   \
	CASE(break_packed_##name, BREAK, claim, clauses, needs)                                    \
	{                                                                                          \
		static const struct broken_chain broken = {__VA_ARGS__};                           \
                                                                                                   \
		run_broken(t, SESSION_ALL, &broken);                                               \
	}

#define ONE_READABLE .chain = {{READABLE, 0, 0, 0}}, .count = 1

BROKEN(id_max, "a buffer id of 65535 is given back as it is, or survived", "-", FOR_ALL,
       ONE_READABLE, .head = 0xffff)
BROKEN(id_at_size, "a buffer id equal to the queue size is given back as it is, or survived", "-",
       FOR_ALL, ONE_READABLE, .head = AT_SIZE)
BROKEN(goes_on_into_unavailable,
       "a list that goes on into an entry that is not available is survived", "DRV-PACKED-SG-06",
       FOR_ALL, .chain = {{READABLE, N, 0, 0}}, .count = 1)
BROKEN(never_ends, "a list of all entries of the ring that still goes on is survived",
       "DRV-PACKED-SG-02", FOR_ALL, .chain = {{READABLE, N, 0, 0}}, .count = 1, .every = true)
BROKEN(never_ends_writable,
       "a list of all entries of the ring, writable, that still goes on is survived",
       "DRV-PACKED-SG-02", FOR_ALL, .chain = {{WRITABLE, N | W, 0, 0}}, .count = 1, .every = true)
BROKEN(read_nowhere, "a readable buffer outside of memory is survived", "-", FOR_ALL,
       .chain = {{NOWHERE, 0, 0, 0}}, .count = 1)
BROKEN(write_nowhere, "a writable buffer outside of memory is survived", "-", FOR_ALL,
       .chain = {{NOWHERE, W, 0, 0}}, .count = 1)
BROKEN(then_write_nowhere, "a request whose writable part is outside of memory is survived", "-",
       FOR_ALL, .chain = {{READABLE, N, 0, 0}, {NOWHERE, W, 0, 0}}, .count = 2)
BROKEN(then_read_nowhere, "a request whose second readable part is outside of memory is survived",
       "-", FOR_ALL, .chain = {{READABLE, N, 0, 0}, {NOWHERE, N, 0, 0}, {WRITABLE, W, 0, 0}},
       .count = 3)
BROKEN(read_wraps, "a readable buffer beyond the end of the address space is survived", "-",
       FOR_ALL, .chain = {{WRAPS, 0, 0, 0}}, .count = 1)
BROKEN(write_wraps, "a writable buffer beyond the end of the address space is survived", "-",
       FOR_ALL, .chain = {{WRAPS, W, 0, 0}}, .count = 1)
BROKEN(write_before_read, "a writable entry before a readable one is survived", "DRV-PACKED-SG-03",
       FOR_ALL, .chain = {{WRITABLE, N | W, 0, 0}, {READABLE, 0, 0, 0}}, .count = 2)
BROKEN(write_read_write, "readable and writable entries that alternate are survived",
       "DRV-PACKED-SG-03", FOR_ALL,
       .chain = {{READABLE, N, 0, 0},
		 {WRITABLE, N | W, 0, 0},
		 {READABLE, N, 0, 0},
		 {WRITABLE, W, 0, 0}},
       .count = 4)
BROKEN(zero_read, "a readable entry of length 0 is survived", "-", FOR_ALL,
       .chain = {{READABLE, 0, 0, ZERO}}, .count = 1)
BROKEN(zero_write, "a writable entry of length 0 is survived", "-", FOR_ALL,
       .chain = {{WRITABLE, W, 0, ZERO}}, .count = 1)
BROKEN(zero_between, "an entry of length 0 between two others is survived", "-", FOR_ALL,
       .chain = {{READABLE, N, 0, 0}, {READABLE, N, 0, ZERO}, {WRITABLE, W, 0, 0}}, .count = 3)
BROKEN(only_readable, "a list without the writable part that a request may want is survived", "-",
       FOR_ALL, ONE_READABLE)
BROKEN(only_writable, "a list without the readable part that a request may want is survived", "-",
       FOR_ALL, .chain = {{WRITABLE, W, 0, 0}}, .count = 1)
BROKEN(unknown_flags, "all unknown flags of an entry at once are survived", "-", FOR_ALL,
       .chain = {{READABLE, 0x7f78, 0, 0}}, .count = 1)

/* -- Indirect tables: their length says how many entries there are; only WRITE counts in them. */
#define TABLE_OF_TWO .table = {{READABLE, 0, 0, 0}, {WRITABLE, W, 0, 0}}, .table_count = 2
#define HEAD_TABLE .chain = {{TABLE, I, 0, 0}}, .count = 1

BROKEN(table_empty, "an indirect table of length 0 is survived", "-", BUT_BALLOON, HEAD_TABLE,
       TABLE_OF_TWO, .table_length = ZERO)
BROKEN(table_half_entry, "an indirect table of 8 bytes is survived", "-", BUT_BALLOON, HEAD_TABLE,
       TABLE_OF_TWO, .table_length = 8)
BROKEN(table_15, "an indirect table of 15 bytes is survived", "-", BUT_BALLOON, HEAD_TABLE,
       TABLE_OF_TWO, .table_length = 15)
BROKEN(table_17, "an indirect table of 17 bytes is survived", "-", BUT_BALLOON, HEAD_TABLE,
       TABLE_OF_TWO, .table_length = 17)
BROKEN(table_31, "an indirect table of 31 bytes is survived", "-", BUT_BALLOON, HEAD_TABLE,
       TABLE_OF_TWO, .table_length = 31)
BROKEN(table_nested, "an indirect table in an indirect table is survived", "DRV-PACKED-INDIRECT-02",
       BUT_BALLOON, HEAD_TABLE, .table = {{TABLE, I, 0, 0}}, .table_count = 1)
BROKEN(table_nested_second, "an indirect table behind a good entry of another is survived",
       "DRV-PACKED-INDIRECT-02", BUT_BALLOON, HEAD_TABLE,
       .table = {{READABLE, 0, 0, 0}, {TABLE, I, 0, 0}}, .table_count = 2)
BROKEN(table_and_next, "INDIRECT and NEXT on one entry are survived", "DRV-PACKED-INDIRECT-04",
       BUT_BALLOON, .chain = {{TABLE, I | N, 0, 0}, {WRITABLE, W, 0, 0}}, .count = 2, TABLE_OF_TWO)
BROKEN(table_behind, "an indirect table behind a direct entry is survived",
       "DRV-PACKED-INDIRECT-04", BUT_BALLOON, .chain = {{READABLE, N, 0, 0}, {TABLE, I, 0, 0}},
       .count = 2, TABLE_OF_TWO)
BROKEN(table_nowhere, "an indirect table outside of memory is survived", "-", BUT_BALLOON,
       .chain = {{NOWHERE, I, 0, 0}}, .count = 1)
BROKEN(table_wraps, "an indirect table beyond the end of the address space is survived", "-",
       BUT_BALLOON, .chain = {{WRAPS, I, 0, 0}}, .count = 1)
BROKEN(table_entry_nowhere,
       "an entry of an indirect table that points outside of memory is survived", "-", BUT_BALLOON,
       HEAD_TABLE, .table = {{READABLE, 0, 0, 0}, {NOWHERE, W, 0, 0}}, .table_count = 2)
BROKEN(table_write_before_read,
       "a writable entry before a readable one in an indirect table is survived",
       "DRV-PACKED-SG-03", BUT_BALLOON, HEAD_TABLE,
       .table = {{WRITABLE, W, 0, 0}, {READABLE, 0, 0, 0}}, .table_count = 2)

CASE(break_packed_indirect_not_negotiated, BREAK,
     "an indirect entry without INDIRECT_DESC is survived", "DRV-PACKED-INDIRECT-01", BUT_BALLOON)
{
	static const struct broken_chain broken = {HEAD_TABLE, TABLE_OF_TWO};

	run_broken(t, SESSION_WITHOUT(FEATURE(F_INDIRECT_DESC)), &broken);
}
