/* SPDX-License-Identifier: BSD-2-Clause */
/* Cold parts: unpacked when they are wanted, once, with the rights that they should have. */
#include "kernel/cold/cold.h"
#include "kernel/cold/probe.h"
#include "kernel/selftest/selftest.h"
#include "kernel/x86/paging.h"
#include "kernel/x86/percpu.h"

static unsigned int failed;

static void want_probe(void *unused)
{
	(void)unused;
	if (cold_need((const void *)cold_probe) < 0 || !cold_probe())
		__atomic_fetch_add(&failed, 1, __ATOMIC_RELAXED);
}

static const char *cold_once_test(void)
{
	unsigned int parts = cold_count();
	const char *seen;
	uint64_t physical, before = 0;
	/* It stays for the next run of this test. */
	bool there = paging_translate((uint64_t)cold_probe, &physical);

	if (there)
		before = cold_probe_bss;
	failed = 0;
	seen = selftest_on_all_cpus(want_probe);
	if (seen)
		return seen;
	if (failed)
		return "it could not be unpacked, or was not whole";
	if (cold_count() != parts + (there ? 0 : 1))
		return "it was unpacked more than once";
	if (cold_probe_bss != before + cpu_count * SELFTEST_THREADS_PER_CPU)
		return "a thread used another copy";
	if (cold_probe_constant != 0x600d || cold_probe_data != 0xda7a)
		return "its data is not what was linked";
	return NULL;
}
SELFTEST(cold_once_test,
	 "threads of all CPUs that want a cold part at once get one, unpacked once");

static const char *cold_rights_test(void)
{
	if (cold_need((const void *)cold_probe) < 0)
		return "it could not be unpacked";
	if (paging_rights((uint64_t)cold_probe) != PAGE_READ_EXECUTE)
		return "its code is not for execution only";
	if (paging_rights((uint64_t)&cold_probe_constant) != PAGE_READ)
		return "its constants are not read-only";
	if (paging_rights((uint64_t)&cold_probe_data) != PAGE_READ_WRITE ||
	    paging_rights((uint64_t)&cold_probe_bss) != PAGE_READ_WRITE)
		return "its variables are not for reading and writing";
	if (paging_rights((uint64_t)cold_probe - COLD_VIRTUAL + COLD_WRITABLE) >= 0)
		return "where it was written is still mapped";
	return NULL;
}
SELFTEST(cold_rights_test,
	 "a cold part's code cannot be written, and what can be written is no code");
