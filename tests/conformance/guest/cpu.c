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
#define NAP (50 * NANOSECONDS_PER_MICROSECOND)

#define STACK (32u << 10)

uint64_t guest_now(struct conformance_target *target)
{
	(void)target;
	return clock_monotonic();
}

void guest_pause(struct conformance_target *target)
{
	struct guest_target *guest = guest_of(target);
	uint64_t now = clock_monotonic(), arrived;

	if (!guest->waiting) {
		guest->waiting = true;
		guest->waiting_since = now;
	}
	if (now - guest->waiting_since < LOOKS) {
		cpu_relax();
		return;
	}
	arrived = __atomic_load_n(&guest->arrived, __ATOMIC_ACQUIRE);
	(void)wait_event_timeout(
		&guest->wait, __atomic_load_n(&guest->arrived, __ATOMIC_ACQUIRE) != arrived, NAP);
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
