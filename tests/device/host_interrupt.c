/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts on the host: the message of each is unique, and firing one calls its handler. */
#include "kernel/x86/interrupt.h"

#include "kernel/x86/cpu_flags.h"
#include "tests/device/host.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define MESSAGE_ADDRESS 0xfee00000u
#define CPUS_MAX 64
#define FIRST_VECTOR 32

struct interrupt {
	struct interrupt *next;
	interrupt_handler *handler;
	void *context;
	char name[INTERRUPT_NAME_MAX];
	unsigned int cpu, vector;
	uint64_t count;
	bool connected, pending;
	struct interrupt_line line;
};

static struct interrupt *interrupts;
static unsigned int next_vector = FIRST_VECTOR;
static int vectors_left = -1;
static uint64_t held; /* how often interrupts_save() was called and not taken back */

/* Handlers run with interrupts off. */
static enum interrupt_result run(struct interrupt *interrupt)
{
	enum interrupt_result result;

	interrupt->pending = false;
	interrupt->count++;
	held++;
	result = interrupt->handler(interrupt->context);
	held--;
	return result;
}

static struct interrupt *first_pending(void)
{
	for (struct interrupt *interrupt = interrupts; interrupt; interrupt = interrupt->next)
		if (interrupt->pending)
			return interrupt;
	return NULL;
}

static void run_pending(void)
{
	struct interrupt *interrupt;

	while (!held && (interrupt = first_pending()))
		run(interrupt);
}

bool host_interrupts_on(void)
{
	return !held;
}

uint64_t interrupts_save(void)
{
	return held++;
}

void interrupts_restore(uint64_t flags)
{
	held = flags;
	run_pending();
}

void host_interrupt_reset(void)
{
	held = 0;
	while (interrupts) {
		struct interrupt *interrupt = interrupts;

		interrupts = interrupt->next;
		free(interrupt);
	}
	next_vector = FIRST_VECTOR;
	vectors_left = -1;
}

struct interrupt *interrupt_allocate(unsigned int cpu, const char *name, interrupt_handler *handler,
				     void *context)
{
	struct interrupt *interrupt;

	if (cpu >= CPUS_MAX || vectors_left == 0)
		return NULL;
	interrupt = calloc(1, sizeof(*interrupt));
	if (!interrupt)
		return NULL;
	if (vectors_left > 0)
		vectors_left--;
	snprintf(interrupt->name, sizeof(interrupt->name), "%s", name);
	interrupt->handler = handler;
	interrupt->context = context;
	interrupt->cpu = cpu;
	interrupt->vector = next_vector++;
	interrupt->next = interrupts;
	interrupts = interrupt;
	return interrupt;
}

void interrupt_free(struct interrupt *interrupt)
{
	if (!interrupt)
		return;
	for (struct interrupt **link = &interrupts; *link; link = &(*link)->next)
		if (*link == interrupt) {
			*link = interrupt->next;
			free(interrupt);
			if (vectors_left >= 0)
				vectors_left++;
			return;
		}
	host_abort("interrupt_free of what is not allocated");
}

void interrupt_message(const struct interrupt *interrupt, struct interrupt_message *message)
{
	message->address = MESSAGE_ADDRESS | interrupt->cpu << 12;
	message->data = interrupt->vector;
}

int interrupt_move(struct interrupt *interrupt, unsigned int cpu)
{
	if (cpu >= CPUS_MAX)
		return -EINVAL;
	interrupt->cpu = cpu;
	interrupt->vector = next_vector++;
	return 0;
}

int interrupt_connect_line(struct interrupt *interrupt, const struct interrupt_line *line)
{
	for (struct interrupt *other = interrupts; other; other = other->next)
		if (other->connected && other->line.gsi == line->gsi &&
		    (other->line.level != line->level ||
		     other->line.active_low != line->active_low))
			return -EBUSY;
	interrupt->connected = true;
	interrupt->line = *line;
	return 0;
}

void interrupt_isa_line(unsigned int irq, struct interrupt_line *line)
{
	*line = (struct interrupt_line){.gsi = irq == 0 ? 2 : irq};
}

uint64_t interrupt_count(const struct interrupt *interrupt)
{
	return interrupt->count;
}

unsigned int interrupt_cpu(const struct interrupt *interrupt)
{
	return interrupt->cpu;
}

unsigned int interrupt_vector(const struct interrupt *interrupt)
{
	return interrupt->vector;
}

bool host_interrupt_message(uint64_t address, uint32_t data)
{
	for (struct interrupt *interrupt = interrupts; interrupt; interrupt = interrupt->next) {
		struct interrupt_message message;

		interrupt_message(interrupt, &message);
		if (message.address != address || message.data != data)
			continue;
		if (held) {
			interrupt->pending = true;
			return true;
		}
		run(interrupt);
		run_pending();
		return true;
	}
	return false;
}

unsigned int host_interrupt_line(uint32_t gsi)
{
	unsigned int taken = 0;

	for (struct interrupt *interrupt = interrupts; interrupt; interrupt = interrupt->next) {
		if (!interrupt->connected || interrupt->line.gsi != gsi)
			continue;
		if (held) {
			interrupt->pending = true;
			continue;
		}
		if (run(interrupt) == INTERRUPT_HANDLED)
			taken++;
	}
	run_pending();
	return taken;
}

size_t host_interrupts(void)
{
	size_t count = 0;

	for (struct interrupt *interrupt = interrupts; interrupt; interrupt = interrupt->next)
		count++;
	return count;
}

void host_interrupt_limit(int count)
{
	vectors_left = count;
}
