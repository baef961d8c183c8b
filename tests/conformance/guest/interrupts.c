/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt slots: each is a vector of its own with a counter. The handlers only count; what a case does
 * about an interrupt it does itself, as a driver's thread would.
 */
#include "tests/conformance/guest/guest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ISR_PORT 0x13 /* 4.1.4.10 */
#define MMIO_INTERRUPT_STATUS 0x060
#define MMIO_INTERRUPT_ACK 0x064
/* An edge is not repeated while any cause is left: look until none is, but not for ever. */
#define EDGE_LOOKS 8

/* Interrupt context */
static void count(struct guest_slot *slot, uint8_t status)
{
	slot->status |= status;
	slot->cpu = thread_cpu();
	__atomic_add_fetch(&slot->count, 1, __ATOMIC_RELEASE);
	__atomic_add_fetch(&slot->owner->arrived, 1, __ATOMIC_RELEASE);
	wait_wake(&slot->owner->wait);
}

static enum interrupt_result on_message(void *context)
{
	count(context, 0);
	return INTERRUPT_HANDLED;
}

/* The causes that the device shows, which are gone afterwards (4.1.4.5, 4.2.3.4.1). Interrupt context. */
static uint8_t take_causes(struct guest_target *guest)
{
	struct conformance_target *target = &guest->target;
	uint32_t status;

	if (target->transport & TRANSPORT_PCI)
		return (uint8_t)guest_read(target, SPACE_ISR, 0, 1);
	if (target->transport & TRANSPORT_PCI_LEGACY)
		return (uint8_t)guest_read(target, SPACE_COMMON, ISR_PORT, 1);
	status = (uint32_t)guest_read(target, SPACE_COMMON, MMIO_INTERRUPT_STATUS, 4);
	if (status)
		guest_write(target, SPACE_COMMON, MMIO_INTERRUPT_ACK, 4, status);
	return (uint8_t)status;
}

static enum interrupt_result on_line(void *context)
{
	struct guest_slot *slot = context;
	struct guest_target *guest = slot->owner;
	uint8_t status, all = 0;

	if (slot->mode == LINE_HOLD) {
		/* This one was on its way before the mask: the interrupt controller's doing, not the device's. */
		if (slot->held)
			return INTERRUPT_HANDLED;
		slot->held = true;
		interrupt_line_mask(slot->interrupt, true);
		count(slot, 0);
		return INTERRUPT_HANDLED;
	}
	for (unsigned int look = 0; look < EDGE_LOOKS; look++) {
		status = take_causes(guest);
		all |= status;
		if (!status || guest->line.level)
			break;
	}
	if (!all) {
		__atomic_add_fetch(&guest->unclaimed, 1, __ATOMIC_RELAXED);
		return INTERRUPT_NONE;
	}
	count(slot, all);
	return INTERRUPT_HANDLED;
}

/* A closed slot with its counters at 0, or NULL. */
static struct guest_slot *fresh_slot(struct guest_target *guest, unsigned int number)
{
	struct guest_slot *slot;

	if (number >= INTERRUPT_SLOTS || guest->slots[number].interrupt)
		return NULL;
	slot = &guest->slots[number];
	*slot = (struct guest_slot){.owner = guest};
	return slot;
}

static struct interrupt *allocate(struct guest_slot *slot, unsigned int number, unsigned int cpu,
				  interrupt_handler *handler)
{
	char name[INTERRUPT_NAME_MAX];

	sniprintf(name, sizeof(name), "conform-%s-%u", slot->owner->target.name, number);
	return interrupt_allocate(cpu, name, handler, slot);
}

int guest_message_open(struct conformance_target *target, unsigned int slot, unsigned int cpu,
		       struct conformance_message *message)
{
	struct guest_target *guest = guest_of(target);
	struct interrupt_message kernel_message;
	struct guest_slot *fresh;

	if (!target->msix_count)
		return -ENODEV;
	fresh = fresh_slot(guest, slot);
	if (!fresh || cpu >= target->cpus)
		return -EINVAL;
	fresh->interrupt = allocate(fresh, slot, cpu, on_message);
	if (!fresh->interrupt)
		return -ENOSPC;
	interrupt_message(fresh->interrupt, &kernel_message);
	*message = (struct conformance_message){kernel_message.address, kernel_message.data};
	return 0;
}

int guest_line_open(struct conformance_target *target, unsigned int slot,
		    enum conformance_line_mode mode)
{
	struct guest_target *guest = guest_of(target);
	struct guest_slot *fresh;
	int error;

	if (!target->line)
		return -ENODEV;
	fresh = fresh_slot(guest, slot);
	if (!fresh)
		return -EINVAL;
	fresh->is_line = true;
	fresh->mode = mode;
	fresh->interrupt = allocate(fresh, slot, 0, on_line);
	if (!fresh->interrupt)
		return -ENOSPC;
	error = interrupt_connect_line(fresh->interrupt, &guest->line);
	if (error) {
		guest_interrupt_close(target, slot);
		return error;
	}
	/* Whoever had it before may have left it held. */
	interrupt_line_mask(fresh->interrupt, false);
	return 0;
}

void guest_line_unmask(struct conformance_target *target, unsigned int slot)
{
	struct guest_target *guest = guest_of(target);

	if (slot >= INTERRUPT_SLOTS || !guest->slots[slot].is_line || !guest->slots[slot].interrupt)
		return;
	__atomic_store_n(&guest->slots[slot].held, false, __ATOMIC_RELEASE);
	interrupt_line_mask(guest->slots[slot].interrupt, false);
}

void guest_interrupt_close(struct conformance_target *target, unsigned int slot)
{
	struct guest_target *guest = guest_of(target);
	struct interrupt *interrupt;

	if (slot >= INTERRUPT_SLOTS)
		return;
	interrupt = guest->slots[slot].interrupt;
	guest->slots[slot].interrupt = NULL;
	interrupt_free(interrupt);
}

void guest_received(struct conformance_target *target, unsigned int slot,
		    struct conformance_received *received)
{
	const struct guest_slot *of;

	*received = (struct conformance_received){0};
	if (slot >= INTERRUPT_SLOTS)
		return;
	of = &guest_of(target)->slots[slot];
	received->count = __atomic_load_n(&of->count, __ATOMIC_ACQUIRE);
	received->cpu = of->cpu;
	received->status = of->status;
}

uint64_t guest_unexpected(struct conformance_target *target)
{
	return interrupts_unclaimed() +
	       __atomic_load_n(&guest_of(target)->unclaimed, __ATOMIC_RELAXED);
}
