/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads and the scheduler: a queue of ready threads for each CPU, first come first served.
 *
 * A thread's state and its place in the queue are guarded by its CPU's run_lock, which is taken
 * with interrupts off and held across the switch's decision but not across the switch: nobody else
 * can run the thread meanwhile, since it belongs to this CPU.
 */
#define LOG_AREA "thread"
#include "kernel/thread/thread.h"

#include "kernel/console/log.h"
#include "kernel/facts/facts.h"
#include "kernel/memory/memory.h"
#include "kernel/panic.h"
#include "kernel/shell/command.h"
#include "kernel/thread/scheduler.h"
#include "kernel/time/timer.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/percpu.h"

#include <inttypes.h>
#include <reent.h>
#include <stdlib.h>
#include <string.h>

enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_BLOCKED, THREAD_DEAD };

static const char *const state_names[] = {"ready", "running", "sleeping", "ended"};

#define FLOATING_POINT_SIZE 512 /* of fxsave */

struct thread {
	uint64_t stack_pointer;	 /* while it does not run */
	uint8_t *floating_point; /* fxsave area of applications' threads, or NULL */
	struct cpu *cpu;
	enum thread_state state;
	struct thread *run_next;
	struct thread *next; /* of all */
	bool application;
	bool timed_out;
	bool detached;
	uint64_t runs;
	void *stack_top;
	size_t stack_size;
	struct timer timer;
	struct wait_queue ended;
	struct _reent reent;
	char name[THREAD_NAME_MAX];
};

static struct thread boot_thread;
static struct thread *all;
static struct thread *graves; /* detached and dead: freed by the next thread_create() */
static struct spinlock all_lock = SPINLOCK_INIT;

extern char application_text_start[], application_text_end[];

/* entry.S */
void context_switch(uint64_t *save, uint64_t load, void *save_fp, void *load_fp);
void thread_entry(void);

unsigned int thread_cpu(void)
{
	return cpu_current()->index;
}

unsigned int thread_cpu_count(void)
{
	return cpu_count;
}

const char *thread_name(const struct thread *thread)
{
	return thread->name;
}

bool thread_is_application(const struct thread *thread)
{
	return thread->application;
}

struct _reent *thread_reent(void)
{
	struct thread *thread = cpu_current()->current;

	return thread ? &thread->reent : _GLOBAL_REENT;
}

static void enlist(struct thread *thread)
{
	uint64_t flags = spin_lock(&all_lock);
	struct thread **end = &all;

	while (*end)
		end = &(*end)->next;
	*end = thread;
	spin_unlock(&all_lock, flags);
}

static void enqueue(struct cpu *cpu, struct thread *thread)
{
	thread->state = THREAD_READY;
	thread->run_next = NULL;
	if (cpu->run_last)
		cpu->run_last->run_next = thread;
	else
		cpu->run_first = thread;
	cpu->run_last = thread;
}

static struct thread *dequeue(struct cpu *cpu)
{
	struct thread *thread = cpu->run_first;

	if (!thread)
		return cpu->idle;
	cpu->run_first = thread->run_next;
	if (!cpu->run_first)
		cpu->run_last = NULL;
	return thread;
}

/* On the new thread's stack: the old one, and its structure, are not used by this CPU any more. */
static void finish_switch(void)
{
	__atomic_store_n(&cpu_current()->leaving, NULL, __ATOMIC_RELEASE);
}

/* Interrupts are off and the run lock is held; both are as the caller wants when it runs again. */
static void switch_away(struct cpu *cpu)
{
	struct thread *from = cpu->current, *to = dequeue(cpu);

	to->state = THREAD_RUNNING;
	if (to == from) {
		__atomic_store_n(&cpu->run_lock.locked, 0, __ATOMIC_RELEASE);
		return;
	}
	to->runs++;
	cpu->switches++;
	/* In this order: await_death() on another CPU sees the old thread in one or the other. */
	cpu->leaving = from;
	__atomic_store_n(&cpu->current, to, __ATOMIC_RELEASE);
	/* Interrupts stay off, so nothing on this CPU sees the moment in between. */
	__atomic_store_n(&cpu->run_lock.locked, 0, __ATOMIC_RELEASE);
	context_switch(&from->stack_pointer, to->stack_pointer, from->floating_point,
		       to->floating_point);
	finish_switch();
}

void thread_yield(void)
{
	struct cpu *cpu;
	uint64_t flags = interrupts_save();

	cpu = cpu_current();
	cpu->pauses++;
	if (cpu->run_first) {
		(void)spin_lock(&cpu->run_lock);
		if (cpu->current != cpu->idle)
			enqueue(cpu, cpu->current);
		switch_away(cpu);
	}
	interrupts_restore(flags);
}

void thread_wake(struct thread *thread)
{
	struct cpu *cpu = thread->cpu;
	bool woken = false;
	uint64_t flags = spin_lock(&cpu->run_lock);

	if (thread->state == THREAD_BLOCKED) {
		enqueue(cpu, thread);
		woken = true;
	}
	spin_unlock(&cpu->run_lock, flags);
	/* The other CPU may halt: its idle loop looks again after any interrupt. */
	if (woken && cpu != cpu_current())
		apic_send(cpu->apic_id, VECTOR_WAKE);
}

void scheduler_interrupt_end(uint64_t instruction)
{
	struct cpu *cpu = cpu_current();

	/*
	 * The kernel is never left here: what it does between two sleeps is not to be disturbed. An
	 * application's own code may loop for as long as it likes, so it is.
	 */
	if (cpu->run_first && !cpu->interrupt_depth && cpu->current->application &&
	    instruction >= (uint64_t)application_text_start &&
	    instruction < (uint64_t)application_text_end)
		thread_yield();
}

static void timer_expired(void *context)
{
	struct thread *thread = context;

	thread->timed_out = true;
	thread_wake(thread);
}

bool scheduler_block(const bool *woken, uint64_t deadline)
{
	struct thread *thread = thread_current();
	struct cpu *cpu = thread->cpu;
	uint64_t flags;

	if (cpu->interrupt_depth)
		panic("sleeping in an interrupt handler");
	cpu->pauses++;
	thread->timed_out = false;
	/* Off once for all of it: turning them on is what costs. */
	flags = interrupts_save();
	if (deadline != WAIT_FOREVER)
		timer_arm(&thread->timer, deadline);
	(void)spin_lock(&cpu->run_lock);
	if (!__atomic_load_n(woken, __ATOMIC_ACQUIRE) && !*(volatile bool *)&thread->timed_out) {
		thread->state = THREAD_BLOCKED;
		switch_away(cpu);
	} else {
		__atomic_store_n(&cpu->run_lock.locked, 0, __ATOMIC_RELEASE);
	}
	if (deadline != WAIT_FOREVER)
		(void)timer_cancel(&thread->timer);
	interrupts_restore(flags);
	return __atomic_load_n(woken, __ATOMIC_ACQUIRE);
}

void thread_sleep(uint64_t nanoseconds)
{
	static const bool never;

	uint64_t now = clock_monotonic();

	(void)scheduler_block(&never,
			      nanoseconds < WAIT_FOREVER - now ? now + nanoseconds : WAIT_FOREVER);
}

/* -- Life of a thread */

static void delist(struct thread *thread)
{
	uint64_t flags = spin_lock(&all_lock);
	struct thread **at = &all;

	while (*at && *at != thread)
		at = &(*at)->next;
	if (*at)
		*at = thread->next;
	spin_unlock(&all_lock, flags);
}

static void destroy(struct thread *thread)
{
	stack_free(thread->stack_top, thread->stack_size);
	_reclaim_reent(&thread->reent);
	free(thread->floating_point);
	free(thread);
}

/* Waits until the thread's CPU has really left its stack, which it does at once. */
static void await_death(const struct thread *thread)
{
	while (__atomic_load_n(&thread->cpu->current, __ATOMIC_ACQUIRE) == thread ||
	       __atomic_load_n(&thread->cpu->leaving, __ATOMIC_ACQUIRE) == thread)
		cpu_relax();
}

static void bury(void)
{
	for (;;) {
		uint64_t flags = spin_lock(&all_lock);
		struct thread *thread = graves;

		if (thread)
			graves = thread->next;
		spin_unlock(&all_lock, flags);
		if (!thread)
			return;
		await_death(thread);
		destroy(thread);
	}
}

/*
 * Applications' threads share a CPU in slices: a regular interrupt gives scheduler_interrupt_end()
 * the occasion. CPUs without such threads have no tick.
 */
#define TICK (10 * NANOSECONDS_PER_MILLISECOND)

static void tick(void *context)
{
	struct cpu *cpu = context;

	timer_arm(&cpu->tick, clock_monotonic() + TICK);
}

/* The first C of a thread; from entry.S. */
void thread_begin(void (*function)(void *argument), void *argument);
void thread_begin(void (*function)(void *argument), void *argument)
{
	struct cpu *cpu = cpu_current();

	finish_switch();
	interrupts_on();
	if (cpu->current->application && !cpu->tick.function) {
		cpu->tick = (struct timer)TIMER_INIT(tick, cpu);
		timer_arm(&cpu->tick, clock_monotonic() + TICK);
	}
	function(argument);
	thread_exit();
}

struct initial_stack {
	uint64_t r15, r14, r13, r12, rbp, rbx;
	void (*return_to)(void);
	uint64_t end; /* keeps the stack aligned as after a call */
};

struct thread *thread_create(const char *name, void (*function)(void *argument), void *argument,
			     const struct thread_options *options)
{
	static const struct thread_options defaults;
	struct initial_stack *initial;
	struct thread *thread;
	uint64_t flags;

	bury();
	if (!options)
		options = &defaults;
	if (options->cpu >= cpu_count)
		return NULL;
	thread = calloc(1, sizeof(*thread));
	if (!thread)
		return NULL;
	if (options->application) {
		/*
		 * fxsave wants 16 bytes of alignment, which malloc gives. All zero but the control
		 * words.
		 */
		thread->floating_point = calloc(1, FLOATING_POINT_SIZE);
		if (!thread->floating_point) {
			free(thread);
			return NULL;
		}
		thread->floating_point[0] = 0x7f; /* x87 control word 0x037f */
		thread->floating_point[1] = 0x03;
		thread->floating_point[24] = 0x80; /* MXCSR 0x1f80 */
		thread->floating_point[25] = 0x1f;
	}
	thread->stack_size = options->stack_size ? options->stack_size : THREAD_STACK_DEFAULT;
	thread->stack_top = stack_alloc(thread->stack_size);
	if (!thread->stack_top) {
		free(thread->floating_point);
		free(thread);
		return NULL;
	}
	strncpy(thread->name, name, sizeof(thread->name) - 1);
	thread->cpu = cpus[options->cpu];
	thread->application = options->application;
	thread->timer = (struct timer)TIMER_INIT(timer_expired, thread);
	_REENT_INIT_PTR(&thread->reent);
	initial = (struct initial_stack *)thread->stack_top - 1;
	initial = (struct initial_stack *)((uintptr_t)initial & ~(uintptr_t)15);
	*initial = (struct initial_stack){
		.rbx = (uint64_t)function,
		.r12 = (uint64_t)argument,
		.return_to = thread_entry,
	};
	thread->stack_pointer = (uint64_t)initial;
	thread->state = THREAD_BLOCKED;
	enlist(thread);
	flags = interrupts_save();
	thread_wake(thread);
	interrupts_restore(flags);
	return thread;
}

void thread_exit(void)
{
	struct thread *thread = thread_current();
	struct cpu *cpu = thread->cpu;

	delist(thread);
	interrupts_off();
	if (thread->detached) {
		(void)spin_lock(&all_lock);
		thread->next = graves;
		graves = thread;
		__atomic_store_n(&all_lock.locked, 0, __ATOMIC_RELEASE);
	}
	(void)spin_lock(&cpu->run_lock);
	thread->state = THREAD_DEAD;
	__atomic_store_n(&cpu->run_lock.locked, 0, __ATOMIC_RELEASE);
	wait_wake(&thread->ended);
	(void)spin_lock(&cpu->run_lock);
	switch_away(cpu);
	__builtin_unreachable();
}

void thread_join(struct thread *thread)
{
	wait_event(&thread->ended, *(volatile enum thread_state *)&thread->state == THREAD_DEAD);
	await_death(thread);
	destroy(thread);
}

void thread_detach(struct thread *thread)
{
	thread->detached = true;
}

/* -- CPUs */

void scheduler_adopt(struct cpu *cpu)
{
	struct thread *thread = cpu->index ? calloc(1, sizeof(*thread)) : &boot_thread;

	if (!thread)
		panic("no memory for the idle thread of CPU %u", cpu->index);
	strcpy(thread->name, "idle");
	thread->cpu = cpu;
	thread->state = THREAD_RUNNING;
	thread->timer = (struct timer)TIMER_INIT(timer_expired, thread);
	_REENT_INIT_PTR(&thread->reent);
	cpu->current = thread;
	cpu->idle = thread;
	enlist(thread);
}

void scheduler_idle(void)
{
	struct cpu *cpu = cpu_current();

	interrupts_off();
	for (;;) {
		if (cpu->run_first)
			thread_yield();
		else
			cpu_halt_interruptible();
	}
}

/* -- What the shell and the status page show */

static void describe_cpus(struct facts *facts)
{
	fact_text(facts, "model", cpu_model());
	fact_text(facts, "hypervisor", cpu_hypervisor());
	fact_list(facts, "cpus");
	for (unsigned int i = 0; i < cpu_count; i++) {
		fact_item(facts);
		fact_number(facts, "index", i);
		fact_number(facts, "apic_id", cpus[i]->apic_id);
		fact_number(facts, "thread_switches", cpus[i]->switches);
		fact_end(facts);
	}
	fact_end(facts);
}
FACTS(cpus, "cpus", 20, describe_cpus);

static enum command_result command_threads(int argc, char **argv)
{
	uint64_t flags;

	(void)argv;
	if (argc != 1)
		return COMMAND_USAGE;
	command_print("%3s %-9s %10s  %s\n", "CPU", "state", "runs", "name");
	/*
	 * One at a time under the lock; printing may sleep. A thread that ends meanwhile ends the
	 * list.
	 */
	for (unsigned int index = 0;; index++) {
		char name[THREAD_NAME_MAX];
		enum thread_state state;
		unsigned int cpu, i = 0;
		struct thread *thread;
		uint64_t runs;

		flags = spin_lock(&all_lock);
		for (thread = all; thread && i < index; thread = thread->next)
			i++;
		if (thread) {
			memcpy(name, thread->name, sizeof(name));
			state = thread->state;
			cpu = thread->cpu->index;
			runs = thread->runs;
		}
		spin_unlock(&all_lock, flags);
		if (!thread)
			return COMMAND_OK;
		command_print("%3u %-9s %10" PRIu64 "  %s\n", cpu, state_names[state], runs, name);
	}
}
COMMAND(threads, "threads", "threads: which CPU, state, how often they ran", command_threads);
