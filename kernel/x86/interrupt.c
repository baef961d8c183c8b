/* SPDX-License-Identifier: BSD-2-Clause */
/* Vectors of each CPU, and the lines that are connected to them; see interrupt.h. */
#define LOG_AREA "interrupt"
#include "kernel/x86/interrupt.h"

#include "kernel/console/log.h"
#include "kernel/facts/facts.h"
#include "kernel/platform.h"
#include "kernel/shell/command.h"
#include "kernel/thread/scheduler.h"
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/exception.h"
#include "kernel/x86/percpu.h"
#include "kernel/x86/smp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_ADDRESS 0xfee00000u
#define CPU_MESSAGE_MAX 255 /* the address has eight bits for the target without remapping */

/*
 * A line that stays up without anybody's reason leaves no time for anything else. After so many, each soon
 * after the one before, it is held back; a timer asks its devices then, so that those that are innocent go on.
 */
#define UNCLAIMED_MAX 10000u
#define UNCLAIMED_APART (100 * NANOSECONDS_PER_MILLISECOND)
#define HELD_PERIOD NANOSECONDS_PER_MILLISECOND

struct line;

struct interrupt {
	char name[INTERRUPT_NAME_MAX];
	interrupt_handler *handler;
	void *context;
	unsigned int cpu;
	uint8_t vector;
	uint64_t count;
	struct line *line;	     /* connected to it, or NULL */
	struct interrupt *line_next; /* others on the same line */
	struct interrupt *next;	     /* of all */
};

/* A connected line has one vector, that of `owner`, whose dispatch runs all on it. It lives for ever. */
struct line {
	struct interrupt_line is;
	struct interrupt *members;
	struct interrupt *owner;
	struct line *next;
	uint32_t unclaimed; /* interrupts that no member had a reason for, one after the other */
	uint64_t unclaimed_last;
	bool held; /* masked, and a timer looks instead */
	struct timer timer;
};

static struct interrupt *all;
static struct line *lines;
static struct spinlock lock = SPINLOCK_INIT;

static bool take_vector(struct interrupt *interrupt, unsigned int cpu)
{
	if (cpu >= cpu_count || cpus[cpu]->apic_id > CPU_MESSAGE_MAX)
		return false;
	for (unsigned int vector = VECTOR_FIRST; vector <= VECTOR_LAST; vector++) {
		if (cpus[cpu]->vectors[vector])
			continue;
		interrupt->cpu = cpu;
		interrupt->vector = (uint8_t)vector;
		cpus[cpu]->vectors[vector] = interrupt;
		return true;
	}
	return false;
}

struct interrupt *interrupt_allocate(unsigned int cpu, const char *name, interrupt_handler *handler,
				     void *context)
{
	struct interrupt *interrupt = calloc(1, sizeof(*interrupt));
	struct interrupt **end = &all;
	uint64_t flags;

	if (!interrupt)
		return NULL;
	strncpy(interrupt->name, name, sizeof(interrupt->name) - 1);
	interrupt->handler = handler;
	interrupt->context = context;
	flags = spin_lock(&lock);
	if (!take_vector(interrupt, cpu)) {
		spin_unlock(&lock, flags);
		free(interrupt);
		return NULL;
	}
	while (*end)
		end = &(*end)->next;
	*end = interrupt;
	spin_unlock(&lock, flags);
	return interrupt;
}

static void line_program(const struct line *line)
{
	if (line->owner)
		(void)ioapic_connect(line->is.gsi, cpus[line->owner->cpu]->apic_id,
				     line->owner->vector, line->is.level, line->is.active_low);
	else
		ioapic_disconnect(line->is.gsi);
}

static void leave_line(struct interrupt *interrupt)
{
	struct line *line = interrupt->line;
	struct interrupt **at = &line->members;

	while (*at != interrupt)
		at = &(*at)->line_next;
	*at = interrupt->line_next;
	interrupt->line = NULL;
	/* Another member's vector takes over; a line without members is masked. */
	line->owner = line->members;
	line_program(line);
}

void interrupt_free(struct interrupt *interrupt)
{
	struct interrupt **at = &all;
	uint64_t flags;

	if (!interrupt)
		return;
	flags = spin_lock(&lock);
	if (interrupt->line)
		leave_line(interrupt);
	cpus[interrupt->cpu]->vectors[interrupt->vector] = NULL;
	while (*at != interrupt)
		at = &(*at)->next;
	*at = interrupt->next;
	spin_unlock(&lock, flags);
	/* The vector is gone from the table for all before we look who took it out of there earlier. */
	memory_barrier();
	for (unsigned int i = 0; i < cpu_count; i++)
		while (__atomic_load_n(&cpus[i]->handling, __ATOMIC_ACQUIRE) == interrupt)
			cpu_relax();
	free(interrupt);
}

void interrupt_message(const struct interrupt *interrupt, struct interrupt_message *message)
{
	/* Physical destination, fixed, edge (SDM 10.11). */
	message->address = MESSAGE_ADDRESS | (uint64_t)cpus[interrupt->cpu]->apic_id << 12;
	message->data = interrupt->vector;
}

int interrupt_move(struct interrupt *interrupt, unsigned int cpu)
{
	unsigned int old_cpu = interrupt->cpu;
	uint8_t old_vector = interrupt->vector;
	uint64_t flags;

	if (cpu >= cpu_count)
		return -EINVAL;
	flags = spin_lock(&lock);
	if (!take_vector(interrupt, cpu)) {
		spin_unlock(&lock, flags);
		return -ENOSPC;
	}
	if (interrupt->line && interrupt->line->owner == interrupt)
		line_program(interrupt->line);
	/*
	 * Messages on their way to the old vector are counted as spurious: the caller masks first.
	 */
	cpus[old_cpu]->vectors[old_vector] = NULL;
	spin_unlock(&lock, flags);
	return 0;
}

static struct line *find_line(uint32_t gsi)
{
	struct line *line = lines;

	while (line && line->is.gsi != gsi)
		line = line->next;
	return line;
}

static void look_at_held(void *context);

int interrupt_connect_line(struct interrupt *interrupt, const struct interrupt_line *wanted)
{
	struct line *fresh = calloc(1, sizeof(*fresh)), *line;
	uint64_t flags;
	int error = 0;

	if (!fresh)
		return -ENOMEM;
	flags = spin_lock(&lock);
	line = find_line(wanted->gsi);
	if (!line) {
		fresh->is = *wanted;
		fresh->timer = (struct timer)TIMER_INIT(look_at_held, fresh);
		line = fresh;
	}
	if (line->members &&
	    (line->is.level != wanted->level || line->is.active_low != wanted->active_low)) {
		error = -EBUSY;
	} else if (!line->members) {
		line->is = *wanted;
		line->held = false;
		line->unclaimed = 0;
		error = ioapic_connect(wanted->gsi, cpus[interrupt->cpu]->apic_id,
				       interrupt->vector, wanted->level, wanted->active_low);
		if (!error)
			line->owner = interrupt;
	}
	if (!error) {
		if (line == fresh) {
			line->next = lines;
			lines = line;
		}
		interrupt->line_next = line->members;
		line->members = interrupt;
		interrupt->line = line;
	}
	spin_unlock(&lock, flags);
	if (line != fresh || error)
		free(fresh);
	return error;
}

void interrupt_line_mask(const struct interrupt *interrupt, bool mask)
{
	if (interrupt->line && !interrupt->line->held)
		ioapic_mask(interrupt->line->is.gsi, mask);
}

void interrupt_isa_line(unsigned int irq, struct interrupt_line *line)
{
	*line = (struct interrupt_line){.gsi = irq};
	for (unsigned int i = 0; i < platform.override_count; i++) {
		const struct platform_override *override = &platform.overrides[i];

		if (override->irq != irq)
			continue;
		line->gsi = override->gsi;
		line->level = override->level;
		line->active_low = override->active_low;
	}
}

uint64_t interrupt_count(const struct interrupt *interrupt)
{
	return interrupt ? __atomic_load_n(&interrupt->count, __ATOMIC_RELAXED) : 0;
}

unsigned int interrupt_cpu(const struct interrupt *interrupt)
{
	return interrupt->cpu;
}

unsigned int interrupt_vector(const struct interrupt *interrupt)
{
	return interrupt->vector;
}

uint64_t interrupts_unclaimed(void)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < cpu_count; i++)
		sum += __atomic_load_n(&cpus[i]->unclaimed, __ATOMIC_RELAXED);
	return sum;
}

static bool run(struct interrupt *interrupt)
{
	if (interrupt->handler(interrupt->context) != INTERRUPT_HANDLED)
		return false;
	interrupt->count++;
	return true;
}

/* Runs those that share the line. With the lock, under which alone members change. */
static bool run_members(struct line *line)
{
	bool claimed = false;

	for (struct interrupt *member = line->members; member; member = member->line_next)
		claimed |= run(member);
	return claimed;
}

static void look_at_held(void *context)
{
	struct line *line = context;
	uint64_t flags = spin_lock(&lock);
	bool again = line->held && line->members;

	if (again)
		(void)run_members(line);
	spin_unlock(&lock, flags);
	if (again)
		timer_arm(&line->timer, clock_monotonic() + HELD_PERIOD);
}

/* True: these are too many. */
static bool count_unclaimed(struct line *line)
{
	uint64_t now = clock_monotonic();

	if (now - line->unclaimed_last > UNCLAIMED_APART)
		line->unclaimed = 0;
	line->unclaimed_last = now;
	return ++line->unclaimed >= UNCLAIMED_MAX;
}

static void run_line(struct line *line)
{
	uint64_t flags = spin_lock(&lock);
	bool hold = false;

	if (run_members(line))
		line->unclaimed = 0;
	else
		hold = !line->held && count_unclaimed(line);
	if (hold) {
		line->held = true;
		ioapic_mask(line->is.gsi, true);
	}
	spin_unlock(&lock, flags);
	if (!hold)
		return;
	log_error("line %" PRIu32
		  ": interrupts without end that no device claims: held back, its devices are "
		  "looked at every millisecond",
		  line->is.gsi);
	timer_arm(&line->timer, clock_monotonic() + HELD_PERIOD);
}

static void device_interrupt(struct cpu *cpu, unsigned int vector)
{
	struct interrupt *interrupt = __atomic_load_n(&cpu->vectors[vector], __ATOMIC_RELAXED);
	struct line *line;

	/*
	 * Another CPU may free it at any moment until we have said that we handle it, so it is not touched
	 * before, and only if it is still there after.
	 */
	__atomic_store_n(&cpu->handling, interrupt, __ATOMIC_RELAXED);
	memory_barrier();
	if (!interrupt || __atomic_load_n(&cpu->vectors[vector], __ATOMIC_RELAXED) != interrupt) {
		cpu->unclaimed++;
	} else {
		line = __atomic_load_n(&interrupt->line, __ATOMIC_RELAXED);
		if (line)
			run_line(line);
		else
			run(interrupt);
	}
	__atomic_store_n(&cpu->handling, NULL, __ATOMIC_RELEASE);
}

/* From entry.S, interrupts off. */
void interrupt_dispatch(struct interrupt_frame *frame);
void interrupt_dispatch(struct interrupt_frame *frame)
{
	struct cpu *cpu;

	if (frame->vector < VECTOR_FIRST) {
		exception(frame);
		return;
	}
	cpu = cpu_current();
	cpu->interrupt_depth++;
	cpu->interrupted = frame->rip;
	switch (frame->vector) {
	case VECTOR_TIMER:
		timer_interrupt();
		break;
	case VECTOR_WAKE:
		break;
	case VECTOR_STOP:
		smp_stop_here();
	case VECTOR_SPURIOUS:
		cpu->spurious++;
		break;
	default:
		device_interrupt(cpu, (unsigned int)frame->vector);
	}
	if (frame->vector != VECTOR_SPURIOUS)
		apic_end_of_interrupt();
	cpu->interrupt_depth--;
	scheduler_interrupt_end(frame->rip);
}

/* One of `all` as it was at a moment. */
struct snapshot {
	char name[INTERRUPT_NAME_MAX];
	unsigned int cpu;
	uint8_t vector;
	uint64_t count;
	bool on_line;
	struct interrupt_line line;
};

static unsigned int count_all(void)
{
	unsigned int count = 0;

	for (struct interrupt *interrupt = all; interrupt; interrupt = interrupt->next)
		count++;
	return count;
}

/*
 * A copy of all: printing takes its time and may sleep, and they come and go meanwhile. To be freed
 * by the caller; NULL: no memory, and *count is 0.
 */
static struct snapshot *take_snapshot(unsigned int *count)
{
	struct snapshot *copy;
	unsigned int room, taken = 0;
	uint64_t flags = spin_lock(&lock);

	room = count_all();
	spin_unlock(&lock, flags);
	/* What comes from here on is left for the next time. */
	copy = calloc(room ? room : 1, sizeof(*copy));
	flags = spin_lock(&lock);
	for (struct interrupt *at = all; copy && at && taken < room; at = at->next) {
		struct snapshot *to = &copy[taken++];

		memcpy(to->name, at->name, sizeof(to->name));
		to->cpu = at->cpu;
		to->vector = at->vector;
		to->count = interrupt_count(at);
		to->on_line = at->line != NULL;
		if (at->line)
			to->line = at->line->is;
	}
	spin_unlock(&lock, flags);
	*count = taken;
	return copy;
}

static void describe_interrupts(struct facts *facts)
{
	unsigned int count;
	struct snapshot *copy = take_snapshot(&count);
	uint64_t spurious = interrupts_unclaimed();

	fact_list(facts, "vectors");
	for (const struct snapshot *at = copy; at < copy + count; at++) {
		fact_item(facts);
		fact_text(facts, "name", at->name);
		fact_number(facts, "cpu", at->cpu);
		fact_hex(facts, "vector", at->vector);
		if (at->on_line) {
			fact_number(facts, "line", at->line.gsi);
			fact_text(facts, "trigger", at->line.level ? "level" : "edge");
		}
		fact_number(facts, "count", at->count);
		fact_end(facts);
	}
	fact_end(facts);
	free(copy);
	for (unsigned int i = 0; i < cpu_count; i++)
		spurious += cpus[i]->spurious;
	fact_number(facts, "spurious", spurious);
}
FACTS(interrupts, "interrupts", 60, describe_interrupts);

static enum command_result command_interrupts(int argc, char **argv)
{
	struct snapshot *copy;
	unsigned int count;

	(void)argv;
	if (argc != 1)
		return COMMAND_USAGE;
	copy = take_snapshot(&count);
	command_print("%3s %6s %-14s %12s  %s\n", "CPU", "vector", "from", "count", "name");
	for (const struct snapshot *at = copy; at < copy + count; at++) {
		char from[24] = "message";

		if (at->on_line)
			sniprintf(from, sizeof(from), "line %u %s%s", (unsigned int)at->line.gsi,
				  at->line.level ? "level" : "edge",
				  at->line.active_low ? " low" : "");
		command_print("%3u   %#4x %-14s %12" PRIu64 "  %s\n", at->cpu, at->vector, from,
			      at->count, at->name);
	}
	free(copy);
	return COMMAND_OK;
}
COMMAND(interrupts, "interrupts", "vectors, where they come from, how often", command_interrupts);
