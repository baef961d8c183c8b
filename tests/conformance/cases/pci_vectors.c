/* SPDX-License-Identifier: BSD-2-Clause */
/* The MSI-X vector registers, read back (virtio 1.4, 4.1.5.1.2). What is sent on them is for interrupt cases. */
#include "tests/conformance/case.h"

#define SWEEP 64u
#define TABLE_SIZE 0x7ffu

/* MSI-X on, or the registers do not count; nothing is sent. */
static void begin(struct conformance_target *t)
{
	session_begin(t, SESSION_ALL);
	msix_control(t, true, true);
	register_write(t, REGISTER_QUEUE_SELECT, request_queue(t));
}

/* As the function says: Table Size is one less. */
static unsigned int table_size(struct conformance_target *t)
{
	return (target_read(t, SPACE_PCI, t->msix_capability + 2, 2) & TABLE_SIZE) + 1;
}

static uint32_t map(struct conformance_target *t, enum conformance_register which, uint32_t vector)
{
	register_write(t, which, vector);
	return register_read(t, which);
}

static unsigned int swept(const struct conformance_target *t)
{
	return t->msix_count < SWEEP ? t->msix_count : SWEEP;
}

CASE(vector_table_size, OBEY, "the MSI-X table has 2 to 2048 vectors", "DEV-PCI-MSIX-01",
     .transports = TRANSPORTS_PCI, .vectors = 1, .should = true)
{
	expect_range(t, "vectors", table_size(t), 2, 2048);
}

CASE(vector_table_not_wasteful, OBEY, "there are not many more vectors than queues",
     "DEV-PCI-MSIX-03", .transports = TRANSPORTS_PCI, .vectors = 1, .should = true)
{
	/* One each, one for the configuration, and room: what is useful is not exactly said. */
	expect_range(t, "vectors", table_size(t), 1, 2 * (queue_count(t) + 8));
}

/* The claims hold for the configuration's register and for a queue's. */
#define VECTOR(what, which)                                                                        \
	CASE(vector_last_##what, OBEY, "the last vector of the table can be mapped (" #what ")",   \
	     "DEV-PCI-MSIX-02", .transports = TRANSPORTS_PCI, .vectors = 1)                        \
	{                                                                                          \
		begin(t);                                                                          \
		expect_equal(t, "vector", map(t, which, table_size(t) - 1), table_size(t) - 1);    \
	}                                                                                          \
	CASE(vector_beyond_##what, OBEY,                                                           \
	     "a vector beyond the table reads back NO_VECTOR (" #what ")",                         \
	     "DEV-PCI-MSIX-02 DEV-PCI-MSIX-09", .transports = TRANSPORTS_PCI, .vectors = 1)        \
	{                                                                                          \
		begin(t);                                                                          \
		expect_equal(t, "vector, one beyond", map(t, which, table_size(t)), NO_VECTOR);    \
		map(t, which, 0);                                                                  \
		expect_equal(t, "vector, far beyond", map(t, which, 0xfffe), NO_VECTOR);           \
	}                                                                                          \
	CASE(vector_each_##what, OBEY,                                                             \
	     "each vector of the table can be mapped and reads back (" #what ")",                  \
	     "DEV-PCI-MSIX-04 DEV-PCI-MSIX-06", .transports = TRANSPORTS_PCI, .vectors = 1)        \
	{                                                                                          \
		begin(t);                                                                          \
		for (unsigned int i = 0; i < swept(t); i++)                                        \
			expect_equal(t, "vector", map(t, which, i), i);                            \
	}                                                                                          \
	CASE(vector_unmapped_##what, OBEY,                                                         \
	     "a mapped vector can be unmapped, and NO_VECTOR reads back (" #what ")",              \
	     "DEV-PCI-MSIX-05 DEV-PCI-MSIX-06", .transports = TRANSPORTS_PCI, .vectors = 1)        \
	{                                                                                          \
		begin(t);                                                                          \
		expect_equal(t, "vector", map(t, which, 0), 0);                                    \
		expect_equal(t, "vector, unmapped", map(t, which, NO_VECTOR), NO_VECTOR);          \
	}

VECTOR(config, REGISTER_CONFIG_VECTOR)
VECTOR(queue, REGISTER_QUEUE_VECTOR)

static void expect_none_mapped(struct conformance_target *t, unsigned int queues)
{
	expect_equal(t, "vector of the configuration", register_read(t, REGISTER_CONFIG_VECTOR),
		     NO_VECTOR);
	for (unsigned int i = 0; i < queues; i++) {
		register_write(t, REGISTER_QUEUE_SELECT, i);
		expect_equal(t, "vector of a queue", register_read(t, REGISTER_QUEUE_VECTOR),
			     NO_VECTOR);
	}
}

CASE(vector_none_after_reset, OBEY, "after a reset nothing is mapped to a vector",
     "DEV-PCI-MSIX-07", .transports = TRANSPORTS_PCI, .vectors = 1)
{
	unsigned int queues = queue_count(t);

	begin(t);
	expect_none_mapped(t, queues);
	map(t, REGISTER_CONFIG_VECTOR, 0);
	for (unsigned int i = 0; i < queues; i++) {
		register_write(t, REGISTER_QUEUE_SELECT, i);
		map(t, REGISTER_QUEUE_VECTOR, i % t->msix_count);
	}
	device_reset(t);
	expect_none_mapped(t, queues);
}

CASE(vector_many_to_one, OBEY, "all events can be mapped to one vector", "DEV-PCI-MSIX-08",
     .transports = TRANSPORTS_PCI, .vectors = 1, .should = true)
{
	unsigned int queues = queue_count(t);

	begin(t);
	expect_equal(t, "vector of the configuration", map(t, REGISTER_CONFIG_VECTOR, 0), 0);
	for (unsigned int i = 0; i < queues; i++) {
		register_write(t, REGISTER_QUEUE_SELECT, i);
		expect_equal(t, "vector of a queue", map(t, REGISTER_QUEUE_VECTOR, 0), 0);
	}
}

CASE(vector_one_to_one, OBEY, "each event can have a vector of its own, and keeps it",
     "DEV-PCI-MSIX-06 DEV-PCI-MSIX-08", .transports = TRANSPORTS_PCI, .vectors = 2, .should = true)
{
	unsigned int queues = queue_count(t);

	begin(t);
	map(t, REGISTER_CONFIG_VECTOR, 0);
	for (unsigned int i = 0; i < queues; i++) {
		register_write(t, REGISTER_QUEUE_SELECT, i);
		map(t, REGISTER_QUEUE_VECTOR, (i + 1) % t->msix_count);
	}
	expect_equal(t, "vector of the configuration", register_read(t, REGISTER_CONFIG_VECTOR), 0);
	for (unsigned int i = 0; i < queues; i++) {
		register_write(t, REGISTER_QUEUE_SELECT, i);
		expect_equal(t, "vector of a queue", register_read(t, REGISTER_QUEUE_VECTOR),
			     (i + 1) % t->msix_count);
	}
}
