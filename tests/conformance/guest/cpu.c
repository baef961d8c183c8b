/* SPDX-License-Identifier: BSD-2-Clause */
/* Time, waiting, and the other CPUs. */
#include "kernel/time/clock.h"
#include "kernel/x86/io.h"
#include "tests/conformance/guest/guest.h"

#include <errno.h>

/*
 * Most of what is waited for comes at once; after that the CPU halts, because devices of some VMMs only run
 * while the guest does not, and an interpreting KVM takes interrupts only then.
 */
#define LOOKS (20 * NANOSECONDS_PER_MICROSECOND)
#define NAP_LEAST (50 * NANOSECONDS_PER_MICROSECOND)
#define NAP_MOST NANOSECONDS_PER_MILLISECOND
#define NAPS 16 /* each is so much shorter than what was waited before */

#define STACK (32u << 10)

uint64_t guest_now(struct conformance_target *target)
{
	(void)target;
	return clock_monotonic();
}

void guest_pause(struct conformance_target *target)
{
	struct guest_target *guest = guest_of(target);
	uint64_t now = clock_monotonic(), waited, nap, arrived;

	if (!guest->waiting) {
		guest->waiting = true;
		guest->waiting_since = now;
	}
	waited = now - guest->waiting_since;
	if (waited < LOOKS) {
		cpu_relax();
		return;
	}
	nap = waited / NAPS;
	nap = nap < NAP_LEAST ? NAP_LEAST : nap > NAP_MOST ? NAP_MOST : nap;
	arrived = __atomic_load_n(&guest->arrived, __ATOMIC_ACQUIRE);
	(void)wait_event_timeout(
		&guest->wait, __atomic_load_n(&guest->arrived, __ATOMIC_ACQUIRE) != arrived, nap);
}

int guest_start(struct conformance_target *target, unsigned int cpu,
		void (*function)(void *context), void *context)
{
	struct guest_target *guest = guest_of(target);
	const struct thread_options options = {.cpu = cpu, .stack_size = STACK};
	struct thread *thread;

	if (!cpu || cpu >= target->cpus || guest->thread_count == GUEST_THREADS_MAX)
		return -ENODEV;
	thread = thread_create("conform", function, context, &options);
	if (!thread)
		return -ENODEV;
	guest->threads[guest->thread_count++] = thread;
	return 0;
}

void guest_join(struct conformance_target *target)
{
	struct guest_target *guest = guest_of(target);

	while (guest->thread_count)
		thread_join(guest->threads[--guest->thread_count]);
}
