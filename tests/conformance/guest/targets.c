/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices of this machine as targets. */
#define LOG_AREA "conform"
#include "kernel/console/log.h"
#include "kernel/memory/dma.h"
#include "kernel/memory/map.h"
#include "kernel/x86/io.h"
#include "tests/conformance/guest/guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096

/* One for all: cases run one after the other, and a device that writes late is seen whoever is tested then. */
static uint8_t *arena;

static uint64_t guest_address(struct conformance_target *target, const void *pointer)
{
	(void)target;
	return dma_address(pointer);
}

static void guest_barrier(struct conformance_target *target)
{
	(void)target;
	memory_barrier();
}

static const struct conformance_target_operations operations = {
	.read = guest_read,
	.write = guest_write,
	.address = guest_address,
	.barrier = guest_barrier,
	.message_open = guest_message_open,
	.line_open = guest_line_open,
	.line_unmask = guest_line_unmask,
	.interrupt_close = guest_interrupt_close,
	.received = guest_received,
	.unexpected = guest_unexpected,
	.now = guest_now,
	.pause = guest_pause,
	.start = guest_start,
	.join = guest_join,
	.host = guest_host,
};

struct guest_target *guest_target_add(struct guest_target *targets[], unsigned int *count,
				      uint32_t device, const char *name)
{
	struct guest_target *guest;

	guest = *count < GUEST_TARGETS_MAX ? calloc(1, sizeof(*guest)) : NULL;
	if (!guest) {
		log_error("%s: no room for one more device", name);
		return NULL;
	}
	guest->target.operations = &operations;
	guest->target.context = guest;
	sniprintf(guest->target.name, sizeof(guest->target.name), "%s", name);
	guest->target.device = device;
	guest->target.cpus = thread_cpu_count();
	guest->target.arena = arena;
	guest->target.arena_size = ARENA_SIZE;
	wait_queue_init(&guest->wait);
	targets[(*count)++] = guest;
	return guest;
}

unsigned int guest_targets_find(const struct suite_options *options, struct guest_target *targets[])
{
	const struct dma_constraints constraints = {.align = PAGE};
	unsigned int count = 0;

	arena = dma_alloc(ARENA_SIZE, &constraints);
	if (!arena) {
		log_error("no memory to lend to devices");
		return 0;
	}
	count = guest_pci_find(options, targets, count);
	return guest_mmio_find(options, targets, count);
}

void guest_target_release(struct guest_target *guest)
{
	for (unsigned int slot = 0; slot < INTERRUPT_SLOTS; slot++)
		guest_interrupt_close(&guest->target, slot);
	for (unsigned int bar = 0; bar < PCI_BARS_MAX; bar++)
		if (guest->bars_mapped & 1u << bar)
			pci_bar_unmap(guest->function, bar);
	if (guest->mmio_address)
		unmap_mmio(guest->places[SPACE_COMMON].memory, guest->target.length[SPACE_COMMON]);
	free(guest);
}

void guest_targets_release(struct guest_target *targets[], unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		guest_target_release(targets[i]);
	dma_free(arena, ARENA_SIZE);
	arena = NULL;
}
