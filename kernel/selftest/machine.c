/* SPDX-License-Identifier: BSD-2-Clause */
/* Vectors, memory, random numbers: what the processor and the page allocator owe to drivers. */
#include "kernel/selftest/selftest.h"

#include "kernel/memory/dma.h"
#include "kernel/memory/pages.h"
#include "kernel/platform.h"
#include "kernel/random/random.h"
#include "kernel/thread/thread.h"
#include "kernel/thread/watchdog.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/interrupt.h"
#include "kernel/x86/paging.h"
#include "kernel/x86/percpu.h"
#include "kernel/x86/protection.h"
#include "kernel/x86/smp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONG_WAIT (5 * NANOSECONDS_PER_SECOND)

static struct wait_queue queue = WAIT_QUEUE_INIT;
static unsigned int handled;

static enum interrupt_result handle(void *context)
{
	__atomic_fetch_add((unsigned int *)context, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&handled, 1, __ATOMIC_RELEASE);
	wait_wake(&queue);
	return INTERRUPT_HANDLED;
}

#define VECTORS_WANTED_MAX 1024

static struct interrupt *interrupts[VECTORS_WANTED_MAX];
static unsigned int counts[VECTORS_WANTED_MAX];

/* As a device would: the message's vector, to the CPU that its address names. */
static void send_message(const struct interrupt *interrupt)
{
	struct interrupt_message message;

	interrupt_message(interrupt, &message);
	apic_send((uint32_t)(message.address >> 12 & 0xff), (uint8_t)message.data);
}

static const char *check_all(unsigned int made)
{
	for (unsigned int i = 0; i < made; i++) {
		unsigned int before = __atomic_load_n(&handled, __ATOMIC_ACQUIRE);

		send_message(interrupts[i]);
		if (!wait_event_timeout(&queue,
					__atomic_load_n(&handled, __ATOMIC_ACQUIRE) == before + 1,
					LONG_WAIT))
			return "an interrupt did not arrive";
	}
	for (unsigned int i = 0; i < made; i++)
		if (counts[i] != 1 || interrupt_count(interrupts[i]) != 1)
			return "an interrupt arrived at another handler";
	return NULL;
}

/* All that there are: on two CPUs already more than the 224 that one interrupt table has. */
static const char *vectors_test(void)
{
	unsigned int made = 0, expected;
	const char *seen = NULL;

	handled = 0;
	memset(counts, 0, sizeof(counts));
	for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
		while (made < VECTORS_WANTED_MAX &&
		       (interrupts[made] =
				interrupt_allocate(cpu, "selftest", handle, &counts[made])))
			made++;
	}
	expected = cpu_count * (VECTOR_LAST - VECTOR_FIRST + 1) - 64;
	if (made < expected && made < VECTORS_WANTED_MAX)
		seen = "vectors ran out early";
	if (!seen)
		seen = check_all(made);
	for (unsigned int i = 0; i < made; i++)
		interrupt_free(interrupts[i]);
	return seen;
}
SELFTEST(vectors_test, "each of all vectors of all CPUs reaches its own handler once");

static const char *move_test(void)
{
	unsigned int count = 0;
	struct interrupt *interrupt = interrupt_allocate(0, "selftest", handle, &count);
	const char *seen = NULL;

	if (!interrupt)
		return "no vector";
	handled = 0;
	if (interrupt_move(interrupt, cpu_count - 1) < 0 ||
	    interrupt_cpu(interrupt) != cpu_count - 1)
		seen = "it did not move";
	send_message(interrupt);
	if (!seen && !wait_event_timeout(&queue, __atomic_load_n(&handled, __ATOMIC_ACQUIRE) == 1,
					 LONG_WAIT))
		seen = "it did not arrive after the move";
	if (!seen && interrupt_move(interrupt, cpu_count) != -EINVAL)
		seen = "it moved to a CPU that is not there";
	interrupt_free(interrupt);
	return seen;
}
SELFTEST(move_test, "an interrupt that was moved arrives on the other CPU");

/* A CPU that the machine has and we do not use; or UINT32_MAX. */
static uint32_t spare_cpu(void)
{
	for (unsigned int i = 0; i < platform.cpu_count; i++) {
		unsigned int used = 0;

		while (used < cpu_count && cpus[used]->apic_id != platform.apic_ids[i])
			used++;
		if (used == cpu_count)
			return platform.apic_ids[i];
	}
	return UINT32_MAX;
}

static const char *no_spare_cpu(void)
{
	return spare_cpu() == UINT32_MAX ? "each CPU is in use (cpus=1 leaves some)" : NULL;
}

/* More than once: the first leaves nothing behind that keeps the next from it. */
static const char *late_cpu_test(void)
{
	for (unsigned int i = 0; i < 3; i++) {
		int error = smp_late_start(spare_cpu());

		if (error)
			return error == -ETIMEDOUT ? "it was not seen" : "it could not be told to";
	}
	return NULL;
}
SELFTEST_IF(late_cpu_test, "a CPU that starts when nobody waits for it is turned away",
	    no_spare_cpu);

static const char *dma_test(void)
{
	static const struct dma_constraints constraints = {
		.align = 4096, .boundary = 65536, .limit = 0xffffffff};
	uint64_t before = pages_available();
	uint8_t *block = dma_alloc(40000, &constraints);
	const char *seen = NULL;
	uint64_t address;

	if (!block)
		return "no memory";
	address = dma_address(block);
	if (address % 4096 || address / 65536 != (address + 39999) / 65536 ||
	    address + 39999 > 0xffffffff)
		seen = "the constraints do not hold";
	for (unsigned int i = 0; i < 40000 && !seen; i++)
		if (block[i])
			seen = "it is not zeroed";
	memset(block, 0xff, 40000);
	dma_free(block, 40000);
	if (!seen && pages_available() != before)
		seen = "pages were lost";
	if (!seen && dma_alloc(8192, &(struct dma_constraints){.boundary = 4096}))
		seen = "a block crosses its boundary";
	return seen;
}
SELFTEST(dma_test,
	 "DMA memory keeps to its alignment, boundary and limit, is zeroed, and comes back");

static bool mapped(uint64_t address)
{
	uint64_t physical;

	return paging_translate(address, &physical);
}

extern char image_start[];

static const char *protection_test(void)
{
	uint64_t physical;

	if (mapped(0) || mapped(4096))
		return "the null page is mapped";
	if (!paging_translate((uint64_t)image_start, &physical) || physical % LARGE_PAGE_SIZE)
		return "the image is not where it should be";
	return NULL;
}
SELFTEST(protection_test, "the null page is unmapped and the image lies at a multiple of 2 MiB");

static const char *cpu_protection_test(void)
{
	for (enum protection i = 0; i < PROTECTIONS; i++)
		if (protection_offered(i) && !protection_on(i))
			return protection_name(i);
	return NULL;
}
SELFTEST(cpu_protection_test, "each protection that this CPU offers is on");

static const char *random_test(void)
{
	uint8_t first[64], second[64];
	unsigned int ones = 0;

	if (getentropy(first, sizeof(first)) || getentropy(second, sizeof(second)))
		return "getentropy failed";
	if (!memcmp(first, second, sizeof(first)))
		return "the same bytes twice";
	for (unsigned int i = 0; i < 512; i++) {
		uint32_t value = random_u32();

		ones += (unsigned int)__builtin_popcount(value);
	}
	/* 16384 bits: 8192 expected, sixteen standard deviations either way. */
	if (ones < 7168 || ones > 9216)
		return "far from half of the bits are ones";
	return NULL;
}
SELFTEST(random_test, "random bytes differ from call to call and are balanced");

static const char *exhaustion_test(void)
{
	struct block {
		struct block *next;
	} *all = NULL;
	/* What the balloon gave may not be back in it yet. */
	uint64_t before = pages_available() + pages_lent(), lowest;

	/* One word of each is written: even that takes seconds where the host finds its memory slowly. */
	for (;;) {
		struct block *block = dma_alloc_unclean(LARGE_PAGE_SIZE, NULL);

		if (!block)
			break;
		watchdog_touch();
		block->next = all;
		all = block;
	}
	lowest = pages_available() + pages_lent();
	while (all) {
		struct block *next = all->next;

		watchdog_touch();
		dma_free(all, LARGE_PAGE_SIZE);
		all = next;
	}
	if (pages_available() + pages_lent() != before)
		return "pages were lost";
	if (before > 2048 && lowest == before)
		return "nothing could be allocated";
	return NULL;
}
SELFTEST(exhaustion_test, "all large blocks of memory can be taken and come back");
