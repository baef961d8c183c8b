/* SPDX-License-Identifier: BSD-2-Clause */
/* What a case can do with a model device: see tests/conformance/target.h for each operation. */
#include "kernel/memory/dma.h"
#include "tests/conformance/host/model.h"
#include "tests/conformance/host/processor.h"

#include <errno.h>
#include <string.h>

/* Nanoseconds. Nothing happens in a model by time alone, so who only looks waits in longer and longer steps. */
#define PAUSE 5000000u
#define PAUSES_DOUBLE 7
#define GLANCE 1000u
#define STORM 64 /* how often a line may come at once */

static uint64_t now;
static unsigned int pauses; /* since anything was written */

uint64_t model_now(void)
{
	return now;
}

static struct model_target *of(struct conformance_target *target)
{
	return target->context;
}

/* -- Registers */

static uint64_t ones(unsigned int width)
{
	return width == 8 ? UINT64_MAX : (1ull << 8 * width) - 1;
}

/* Where a space lies in the memory of a PCI function. */
static bool bar_place(const struct model_target *t, enum conformance_space space, uint32_t offset,
		      unsigned int *bar, uint64_t *place)
{
	static const uint32_t starts[] = {
		[SPACE_COMMON] = MODEL_PCI_COMMON,
		[SPACE_NOTIFY] = MODEL_PCI_NOTIFY,
		[SPACE_ISR] = MODEL_PCI_ISR,
		[SPACE_DEVICE] = MODEL_PCI_DEVICE,
	};

	*bar = MODEL_PCI_BAR;
	if (space == SPACE_MSIX_TABLE || space == SPACE_MSIX_PENDING) {
		*bar = MODEL_PCI_MSIX_BAR;
		*place = offset + (space == SPACE_MSIX_TABLE ? t->pci.pci.msix_table
							     : t->pci.pci.msix_pending);
		return true;
	}
	*place = starts[space] + offset;
	return t->target.transport == TRANSPORT_PCI;
}

static uint64_t access_read(struct model_target *t, enum conformance_space space, uint32_t offset,
			    unsigned int width)
{
	const struct host_region *region = t->mmio.region;
	unsigned int bar;
	uint64_t place;

	if (space == SPACE_PCI)
		return pci_model_read(&t->pci.pci, offset, width);
	if (region)
		return region->operations->read(region->context, offset, width);
	if (bar_place(t, space, offset, &bar, &place))
		return pci_model_bar_read(&t->pci.pci, bar, place, width);
	return t->pci.port->read(t->model, offset, width);
}

static void access_write(struct model_target *t, enum conformance_space space, uint32_t offset,
			 unsigned int width, uint64_t value)
{
	const struct host_region *region = t->mmio.region;
	unsigned int bar;
	uint64_t place;

	if (space == SPACE_PCI)
		pci_model_write(&t->pci.pci, offset, width, (uint32_t)value);
	else if (region)
		region->operations->write(region->context, offset, width, value);
	else if (bar_place(t, space, offset, &bar, &place))
		pci_model_bar_write(&t->pci.pci, bar, place, width, value);
	else
		t->pci.port->write(t->model, offset, width, value);
}

/* Ports and configuration space have no accesses of 8 bytes: two of 4, as processors do them. */
static bool has_halves(const struct model_target *t, enum conformance_space space)
{
	return space == SPACE_PCI || t->target.transport == TRANSPORT_PCI_LEGACY;
}

static uint64_t target_reads(struct conformance_target *target, enum conformance_space space,
			     uint32_t offset, unsigned int width)
{
	struct model_target *t = of(target);

	if (offset > target->length[space] || width > target->length[space] - offset)
		return ones(width);
	if (width == 8 && has_halves(t, space))
		return access_read(t, space, offset, 4) | access_read(t, space, offset + 4, 4)
								  << 32;
	return access_read(t, space, offset, width) & ones(width);
}

static void target_writes(struct conformance_target *target, enum conformance_space space,
			  uint32_t offset, unsigned int width, uint64_t value)
{
	struct model_target *t = of(target);

	pauses = 0;
	value &= ones(width);
	if (offset > target->length[space] || width > target->length[space] - offset)
		return;
	if (width == 8 && has_halves(t, space)) {
		access_write(t, space, offset, 4, (uint32_t)value);
		access_write(t, space, offset + 4, 4, value >> 32);
	} else {
		access_write(t, space, offset, width, value);
	}
}

/* -- Memory */

static uint64_t address(struct conformance_target *target, const void *pointer)
{
	(void)target;
	return dma_address(pointer);
}

/* -- Interrupts */

static enum interrupt_result message_came(void *context)
{
	struct model_slot *slot = context;

	slot->received.count++;
	return INTERRUPT_HANDLED;
}

static void close_slot(struct conformance_target *target, unsigned int index)
{
	struct model_slot *slot = &of(target)->slots[index];

	if (slot->message)
		interrupt_free(slot->message);
	memset(slot, 0, sizeof(*slot));
}

static int message_open(struct conformance_target *target, unsigned int index, unsigned int cpu,
			struct conformance_message *message)
{
	struct model_slot *slot = &of(target)->slots[index];
	struct interrupt_message sent;

	if (!target->msix_count)
		return -ENODEV;
	if (index >= INTERRUPT_SLOTS || cpu >= target->cpus)
		return -EINVAL;
	close_slot(target, index);
	slot->message = interrupt_allocate(cpu, "slot", message_came, slot);
	if (!slot->message)
		return -ENOSPC;
	slot->received.cpu = cpu;
	interrupt_message(slot->message, &sent);
	message->address = sent.address;
	message->data = sent.data;
	return 0;
}

static int line_open(struct conformance_target *target, unsigned int index,
		     enum conformance_line_mode mode)
{
	struct model_slot *slot = &of(target)->slots[index];

	if (!target->line)
		return -ENODEV;
	if (index >= INTERRUPT_SLOTS)
		return -EINVAL;
	close_slot(target, index);
	slot->line = true;
	slot->mode = mode;
	return 0;
}

static void line_unmask(struct conformance_target *target, unsigned int index)
{
	of(target)->slots[index].masked = false;
}

static bool line_is_up(const struct model_target *t)
{
	return t->mmio.region ? t->model->isr != 0 : pci_model_raises(&t->pci.pci);
}

static void line_came(struct model_target *t, struct model_slot *slot)
{
	uint8_t status;

	slot->received.count++;
	if (slot->mode == LINE_HOLD) {
		slot->masked = true;
		return;
	}
	switch (t->target.transport) {
	case TRANSPORT_PCI:
		status = (uint8_t)access_read(t, SPACE_ISR, 0, 1);
		break;
	case TRANSPORT_PCI_LEGACY:
		status = (uint8_t)access_read(t, SPACE_COMMON, 19, 1);
		break;
	default:
		status = (uint8_t)access_read(t, SPACE_COMMON, 0x060, 4);
		access_write(t, SPACE_COMMON, 0x064, 4, status);
	}
	slot->received.status |= status;
}

/* A level calls as long as it is up. */
static void serve_lines(struct model_target *t)
{
	for (unsigned int i = 0; i < INTERRUPT_SLOTS; i++) {
		struct model_slot *slot = &t->slots[i];

		for (unsigned int times = 0;
		     times < STORM && slot->line && !slot->masked && line_is_up(t); times++)
			line_came(t, slot);
	}
}

static void received(struct conformance_target *target, unsigned int index,
		     struct conformance_received *result)
{
	serve_lines(of(target));
	*result = of(target)->slots[index].received;
}

static uint64_t unexpected(struct conformance_target *target)
{
	return of(target)->pci.pci.strays;
}

/* -- Time */

static void act(struct conformance_target *target)
{
	host_poll();
	serve_lines(of(target));
}

static uint64_t time_now(struct conformance_target *target)
{
	(void)target;
	return now += GLANCE;
}

static void pause_target(struct conformance_target *target)
{
	now += (uint64_t)PAUSE << pauses;
	if (pauses < PAUSES_DOUBLE)
		pauses++;
	model_host_passes(of(target));
	act(target);
	processor_yield();
}

static int start(struct conformance_target *target, unsigned int cpu,
		 void (*function)(void *context), void *context)
{
	return cpu && cpu < target->cpus ? processor_start(function, context) : -ENODEV;
}

static void join(struct conformance_target *target)
{
	while (processor_runs()) {
		act(target);
		processor_yield();
	}
}

const struct conformance_target_operations model_operations = {
	.read = target_reads,
	.write = target_writes,
	.address = address,
	.barrier = act,
	.message_open = message_open,
	.line_open = line_open,
	.line_unmask = line_unmask,
	.interrupt_close = close_slot,
	.received = received,
	.unexpected = unexpected,
	.now = time_now,
	.pause = pause_target,
	.start = start,
	.join = join,
	.host = model_host,
};
