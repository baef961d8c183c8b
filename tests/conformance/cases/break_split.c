/* SPDX-License-Identifier: BSD-2-Clause */
/* Broken chains and indices in a split ring (virtio 1.4, 2.7). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/broken.h"

#define N DESCRIPTOR_NEXT
#define W DESCRIPTOR_WRITE
#define I DESCRIPTOR_INDIRECT
#define SPLIT SESSION_WITHOUT(FEATURE(F_RING_PACKED))

#define FOR_ALL .transports = TRANSPORTS_ALL
/* A balloon that misreads a table takes what stands in it for pages to give away: those of the guest. */
#define BUT_BALLOON .transports = TRANSPORTS_ALL, .devices = DEVICES_ALL & ~DEVICE(BALLOON)

#define BROKEN(name, claim, clauses, where, ...)                                                   \
	CASE(break_split_##name, BREAK, claim, clauses, where)                                     \
	{                                                                                          \
		static const struct broken_chain broken = {__VA_ARGS__};                           \
                                                                                                   \
		run_broken(t, SPLIT, &broken);                                                     \
	}

#define ONE_READABLE .chain = {{READABLE, 0, 0, 0}}, .count = 1

BROKEN(head_at_size, "a head index equal to the queue size uses nothing", "-", FOR_ALL,
       ONE_READABLE, .head = AT_SIZE)
BROKEN(head_behind_size, "a head index above the queue size uses nothing", "-", FOR_ALL,
       ONE_READABLE, .head = BEHIND_SIZE)
BROKEN(head_max, "a head index of 65535 uses nothing", "-", FOR_ALL, ONE_READABLE, .head = 0xffff)

BROKEN(next_at_size, "a chain that goes on at the queue size is survived", "DRV-SPLIT-DESC-01",
       FOR_ALL, .chain = {{READABLE, N, AT_SIZE, 0}}, .count = 1)
BROKEN(next_behind_size, "a chain that goes on above the queue size is survived",
       "DRV-SPLIT-DESC-01", FOR_ALL, .chain = {{READABLE, N, BEHIND_SIZE, 0}}, .count = 1)
BROKEN(next_max, "a chain that goes on at 65535 is survived", "DRV-SPLIT-DESC-01", FOR_ALL,
       .chain = {{READABLE, N, 0xffff, 0}}, .count = 1)
BROKEN(second_next_max, "a chain whose second descriptor goes on at 65535 is survived",
       "DRV-SPLIT-DESC-01", FOR_ALL, .chain = {{READABLE, N, 1, 0}, {READABLE, N, 0xffff, 0}},
       .count = 2)

BROKEN(loop_self, "a descriptor that is linked to itself is survived", "DRV-SPLIT-DESC-01", FOR_ALL,
       .chain = {{READABLE, N, 0, 0}}, .count = 1)
BROKEN(loop_self_writable, "a writable descriptor that is linked to itself is survived",
       "DRV-SPLIT-DESC-01", FOR_ALL, .chain = {{WRITABLE, N | W, 0, 0}}, .count = 1)
BROKEN(loop_two, "two descriptors that are linked in a circle are survived", "DRV-SPLIT-DESC-01",
       FOR_ALL, .chain = {{READABLE, N, 1, 0}, {READABLE, N, 0, 0}}, .count = 2)
BROKEN(loop_behind, "a chain that runs into a circle is survived", "DRV-SPLIT-DESC-01", FOR_ALL,
       .chain = {{READABLE, N, 1, 0}, {READABLE, N, 2, 0}, {READABLE, N, 1, 0}}, .count = 3)
BROKEN(loop_mixed, "a circle of readable and writable descriptors is survived", "DRV-SPLIT-DESC-01",
       FOR_ALL, .chain = {{READABLE, N, 1, 0}, {WRITABLE, N | W, 0, 0}}, .count = 2)
BROKEN(loop_all, "a circle of all descriptors of the queue is survived", "DRV-SPLIT-DESC-01",
       FOR_ALL, .chain = {{READABLE, N, 0, 0}}, .count = 1, .every = true)
BROKEN(loop_all_writable, "a circle of all descriptors of the queue, writable, is survived",
       "DRV-SPLIT-DESC-01", FOR_ALL, .chain = {{WRITABLE, N | W, 0, 0}}, .count = 1, .every = true)

BROKEN(idx_behind_size,
       "an available index that is further ahead than the queue is long is survived",
       "DRV-SPLIT-AVAIL-01", FOR_ALL, ONE_READABLE, .idx = 0x4001)
BROKEN(idx_half, "an available index that jumps by 32768 is survived", "DRV-SPLIT-AVAIL-01",
       FOR_ALL, ONE_READABLE, .idx = 0x8000)
BROKEN(idx_back, "an available index that goes back by one is survived", "DRV-SPLIT-AVAIL-01",
       FOR_ALL, ONE_READABLE, .idx = 0xffff)
BROKEN(idx_twice, "the same head made available twice is survived", "-", FOR_ALL, ONE_READABLE,
       .idx = 2)

BROKEN(read_nowhere, "a readable buffer outside of memory is survived", "-", FOR_ALL,
       .chain = {{NOWHERE, 0, 0, 0}}, .count = 1)
BROKEN(write_nowhere, "a writable buffer outside of memory is survived", "-", FOR_ALL,
       .chain = {{NOWHERE, W, 0, 0}}, .count = 1)
BROKEN(then_write_nowhere, "a request whose writable part is outside of memory is survived", "-",
       FOR_ALL, .chain = {{READABLE, N, 1, 0}, {NOWHERE, W, 0, 0}}, .count = 2)
BROKEN(then_read_nowhere, "a request whose second readable part is outside of memory is survived",
       "-", FOR_ALL, .chain = {{READABLE, N, 1, 0}, {NOWHERE, N, 2, 0}, {WRITABLE, W, 0, 0}},
       .count = 3)
BROKEN(read_wraps, "a readable buffer beyond the end of the address space is survived", "-",
       FOR_ALL, .chain = {{WRAPS, 0, 0, 0}}, .count = 1)
BROKEN(write_wraps, "a writable buffer beyond the end of the address space is survived", "-",
       FOR_ALL, .chain = {{WRAPS, W, 0, 0}}, .count = 1)

BROKEN(write_before_read, "a writable descriptor before a readable one is survived",
       "DRV-SPLIT-FRAME-01", FOR_ALL, .chain = {{WRITABLE, N | W, 1, 0}, {READABLE, 0, 0, 0}},
       .count = 2)
BROKEN(write_read_write, "readable and writable descriptors that alternate are survived",
       "DRV-SPLIT-FRAME-01", FOR_ALL,
       .chain = {{READABLE, N, 1, 0},
		 {WRITABLE, N | W, 2, 0},
		 {READABLE, N, 3, 0},
		 {WRITABLE, W, 0, 0}},
       .count = 4)
BROKEN(zero_read, "a readable descriptor of length 0 is survived", "-", FOR_ALL,
       .chain = {{READABLE, 0, 0, ZERO}}, .count = 1)
BROKEN(zero_write, "a writable descriptor of length 0 is survived", "-", FOR_ALL,
       .chain = {{WRITABLE, W, 0, ZERO}}, .count = 1)
BROKEN(zero_between, "a descriptor of length 0 between two others is survived", "-", FOR_ALL,
       .chain = {{READABLE, N, 1, 0}, {READABLE, N, 2, ZERO}, {WRITABLE, W, 0, 0}}, .count = 3)
BROKEN(only_readable, "a chain without the writable part that a request may want is survived", "-",
       FOR_ALL, ONE_READABLE)
BROKEN(only_writable, "a chain without the readable part that a request may want is survived", "-",
       FOR_ALL, .chain = {{WRITABLE, W, 0, 0}}, .count = 1)
BROKEN(unknown_flag, "an unknown flag of a descriptor is survived", "-", FOR_ALL,
       .chain = {{READABLE, 8, 0, 0}}, .count = 1)
BROKEN(unknown_flags, "all unknown flags of a descriptor at once are survived", "-", FOR_ALL,
       .chain = {{READABLE, 0xfff8, 0, 0}}, .count = 1)

/* -- Indirect tables */
#define TABLE_OF_TWO .table = {{READABLE, N, 1, 0}, {WRITABLE, W, 0, 0}}, .table_count = 2
#define HEAD_TABLE .chain = {{TABLE, I, 0, 0}}, .count = 1
#define INDIRECT .features = FEATURE(F_INDIRECT_DESC), BUT_BALLOON

BROKEN(table_empty, "an indirect table of length 0 is survived", "-", INDIRECT, HEAD_TABLE,
       TABLE_OF_TWO, .table_length = ZERO)
BROKEN(table_half_entry, "an indirect table of 8 bytes is survived", "-", INDIRECT, HEAD_TABLE,
       TABLE_OF_TWO, .table_length = 8)
BROKEN(table_15, "an indirect table of 15 bytes is survived", "-", INDIRECT, HEAD_TABLE,
       TABLE_OF_TWO, .table_length = 15)
BROKEN(table_17, "an indirect table of 17 bytes is survived", "-", INDIRECT, HEAD_TABLE,
       TABLE_OF_TWO, .table_length = 17)
BROKEN(table_31, "an indirect table of 31 bytes is survived", "-", INDIRECT, HEAD_TABLE,
       TABLE_OF_TWO, .table_length = 31)
BROKEN(table_short, "an indirect table whose first entry goes on behind its end is survived", "-",
       INDIRECT, HEAD_TABLE, TABLE_OF_TWO, .table_length = 16)
BROKEN(table_next_behind, "an entry of an indirect table that goes on behind its end is survived",
       "-", INDIRECT, HEAD_TABLE, .table = {{READABLE, N, 2, 0}, {WRITABLE, W, 0, 0}},
       .table_count = 2)
BROKEN(table_next_max, "an entry of an indirect table that goes on at 65535 is survived", "-",
       INDIRECT, HEAD_TABLE, .table = {{READABLE, N, 0xffff, 0}}, .table_count = 1)
BROKEN(table_loop_self, "an entry of an indirect table that is linked to itself is survived",
       "DRV-SPLIT-DESC-01", INDIRECT, HEAD_TABLE, .table = {{READABLE, N, 0, 0}}, .table_count = 1)
BROKEN(table_loop_two, "a circle in an indirect table is survived", "DRV-SPLIT-DESC-01", INDIRECT,
       HEAD_TABLE, .table = {{READABLE, N, 1, 0}, {READABLE, N, 0, 0}}, .table_count = 2)
BROKEN(table_nested, "an indirect table in an indirect table is survived", "DRV-SPLIT-INDIRECT-02",
       INDIRECT, HEAD_TABLE, .table = {{TABLE, I, 0, 0}}, .table_count = 1)
BROKEN(table_nested_second, "an indirect table behind a good entry of another is survived",
       "DRV-SPLIT-INDIRECT-02", INDIRECT, HEAD_TABLE,
       .table = {{READABLE, N, 1, 0}, {TABLE, I, 0, 0}}, .table_count = 2)
BROKEN(table_and_next, "INDIRECT and NEXT on one descriptor are survived", "DRV-SPLIT-INDIRECT-04",
       INDIRECT, .chain = {{TABLE, I | N, 1, 0}, {WRITABLE, W, 0, 0}}, .count = 2, TABLE_OF_TWO)
BROKEN(table_nowhere, "an indirect table outside of memory is survived", "-", INDIRECT,
       .chain = {{NOWHERE, I, 0, 0}}, .count = 1)
BROKEN(table_wraps, "an indirect table beyond the end of the address space is survived", "-",
       INDIRECT, .chain = {{WRAPS, I, 0, 0}}, .count = 1)
BROKEN(table_entry_nowhere,
       "an entry of an indirect table that points outside of memory is survived", "-", INDIRECT,
       HEAD_TABLE, .table = {{READABLE, N, 1, 0}, {NOWHERE, W, 0, 0}}, .table_count = 2)
BROKEN(table_write_before_read,
       "a writable entry before a readable one in an indirect table is survived",
       "DRV-SPLIT-FRAME-01", INDIRECT, HEAD_TABLE,
       .table = {{WRITABLE, N | W, 1, 0}, {READABLE, 0, 0, 0}}, .table_count = 2)

CASE(break_split_indirect_not_negotiated, BREAK,
     "an indirect descriptor without INDIRECT_DESC is survived", "DRV-SPLIT-INDIRECT-01",
     BUT_BALLOON)
{
	static const struct broken_chain broken = {HEAD_TABLE, TABLE_OF_TWO};

	run_broken(t, SPLIT & ~FEATURE(F_INDIRECT_DESC), &broken);
}
