/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AHCI controllers: finding them and their drives (10.1.2), interrupts (10.7), resets (10.4.3),
 * description. CD-ROMs are recognised and not driven. A port without a drive costs one read.
 */
#include "drivers/block/ahci.h"

#include "drivers/module.h"
#include "kernel/console/log.h"
#include "kernel/memory/budget.h"
#include "kernel/memory/dma.h"
#include "kernel/shell/command.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "block"
#define REGISTERS_BAR 5
#define GONE UINT32_MAX
#define INTERFACE_AHCI 1u
#define RESET_TIME NANOSECONDS_PER_SECOND /* 10.4.3 */
#define RESET_PAUSE NANOSECONDS_PER_MILLISECOND
#define SEGMENTS_MAX AHCI_REGIONS

/* -- Operations of the block layer */

static struct ahci_port *port_of(struct block_device *disk)
{
	return disk->driver_data;
}

static void timed_out(struct block_device *disk)
{
	pci_device_break(&port_of(disk)->ahci->device, "did not answer in time");
}

static void costs(struct block_device *disk, uint64_t *kicks, uint64_t *interrupts)
{
	*kicks = port_of(disk)->kicks;
	*interrupts = port_of(disk)->interrupts;
}

static void describe(struct block_device *disk, struct facts *facts)
{
	const struct ahci_port *port = port_of(disk);

	fact_text(facts, "model", port->identity.model);
	fact_text(facts, "firmware", port->identity.firmware);
	fact_number(facts, "depth_max", port->depth);
	fact_number(facts, "retried", port->retried);
	fact_number(facts, "short_transfers", port->short_transfers);
}

static const struct block_operations operations = {
	.start = ahci_start,
	.kick = ahci_kick,
	.reap = ahci_reap,
	.timed_out = timed_out,
	.costs = costs,
	.describe = describe,
};

/* -- Interrupts */

/*
 * Before looking what is done, so that what ends from now on interrupts anew. Errors stay, unless
 * nobody is there to look at them; the lock keeps that true.
 */
static void port_interrupt(struct ahci_port *port)
{
	struct block_queue *queue = &port->block.queues[0];
	uint64_t flags = block_lock(queue);

	ahci_port_write(port, AHCI_PXIS, port->running ? AHCI_INT_NORMAL : UINT32_MAX);
	port->interrupts++;
	block_unlock(queue, flags);
}

static enum interrupt_result interrupt(struct pci_device *device, unsigned int line)
{
	struct ahci *ahci = ahci_of_device(device);
	uint32_t ports = ahci->present;

	(void)line;
	/* A message from a controller with one drive can be from no other port. */
	if (strcmp(device->interrupt_mode, "msi") || ports & (ports - 1)) {
		uint32_t causes = ahci_read(ahci, AHCI_IS);

		if (causes == GONE) {
			pci_device_break(device, "reads as all ones");
			return INTERRUPT_HANDLED;
		}
		ports = causes;
	}
	if (!ports)
		return INTERRUPT_NONE;
	for (uint32_t left = ports & ahci->present; left; left &= left - 1)
		port_interrupt(ahci->ports[__builtin_ctz(left)]);
	ahci_write(ahci, AHCI_IS, ports); /* 10.7.2.1: after the ports' own */
	for (uint32_t left = ports & ahci->present; left; left &= left - 1)
		block_interrupt(&ahci->ports[__builtin_ctz(left)]->block.queues[0]);
	return INTERRUPT_HANDLED;
}

/* -- Resets */

/* 10.4.3, and AHCI mode on. */
static int reset_controller(struct ahci *ahci)
{
	uint64_t deadline = clock_monotonic() + RESET_TIME;

	ahci_write(ahci, AHCI_GHC, AHCI_GHC_AE);
	ahci_write(ahci, AHCI_GHC, AHCI_GHC_AE | AHCI_GHC_HR);
	for (;;) {
		uint32_t control = ahci_read(ahci, AHCI_GHC);

		if (control == GONE)
			return -ENODEV;
		if (!(control & AHCI_GHC_HR))
			break;
		if (clock_monotonic() >= deadline)
			return -ETIMEDOUT;
		thread_sleep(RESET_PAUSE);
	}
	ahci_write(ahci, AHCI_GHC, AHCI_GHC_AE);
	return 0;
}

static void set_depth(struct ahci_port *port)
{
	unsigned int slots = AHCI_CAP_SLOTS(port->ahci->capabilities);

	port->depth = 1;
	if (!(port->ahci->capabilities & AHCI_CAP_SNCQ) || port->identity.queue_depth < 2)
		return;
	port->depth = port->identity.queue_depth < slots ? port->identity.queue_depth : slots;
}

static void run_ports(struct ahci *ahci)
{
	ahci_write(ahci, AHCI_IS, UINT32_MAX);
	for (uint32_t left = ahci->present; left; left &= left - 1)
		ahci_port_interrupts(ahci->ports[__builtin_ctz(left)], true);
	ahci_write(ahci, AHCI_GHC, AHCI_GHC_AE | AHCI_GHC_IE);
}

/* One that goes on reaches no memory: bus mastering is off, or soon is, and a reset follows. */
static void stop_engines(struct ahci *ahci)
{
	for (unsigned int i = 0; i < AHCI_PORTS; i++) {
		if (!ahci->ports[i])
			continue;
		ahci->ports[i]->stopped = true;
		ahci_port_interrupts(ahci->ports[i], false);
		(void)ahci_port_engine_stop(ahci->ports[i], true);
	}
}

static void stop(struct pci_device *device)
{
	struct ahci *ahci = ahci_of_device(device);

	ahci_write(ahci, AHCI_GHC, AHCI_GHC_AE);
	for (unsigned int i = 0; i < AHCI_PORTS; i++)
		if (ahci->ports[i] && ahci->ports[i]->registered)
			block_stop(&ahci->ports[i]->block);
	stop_engines(ahci);
	for (unsigned int i = 0; i < AHCI_PORTS; i++)
		if (ahci->ports[i] && ahci->ports[i]->registered)
			ahci_abort(ahci->ports[i]);
}

static void start_disk(struct ahci_port *port, const struct ata_identity *before)
{
	if (port->kind == AHCI_DISK && ata_same_disk(before, &port->identity)) {
		set_depth(port);
		port->stopped = false;
		block_set_capacity(&port->block, port->identity.sectors);
		return;
	}
	port->identity = *before;
	if (!port->block.dead)
		log_error("%s: is not there any more, what is asked of it fails", port->block.name);
	block_dead(&port->block);
}

static int start(struct pci_device *device)
{
	struct ahci *ahci = ahci_of_device(device);
	int error;

	pci_enable(device->function);
	error = reset_controller(ahci);
	if (error)
		return error;
	for (unsigned int i = 0; i < AHCI_PORTS; i++) {
		struct ahci_port *port = ahci->ports[i];
		struct ata_identity before;

		if (!port || !port->registered || port->block.dead)
			continue;
		before = port->identity;
		ahci_port_detect(port);
		/* What gives no answer now may give one at the next attempt. */
		if (port->kind == AHCI_UNUSABLE && !recovery_last_attempt(&device->recovery)) {
			port->identity = before;
			stop_engines(ahci);
			return -EIO;
		}
		start_disk(port, &before);
	}
	run_ports(ahci);
	for (unsigned int i = 0; i < AHCI_PORTS; i++)
		if (ahci->ports[i] && ahci->ports[i]->registered && !ahci->ports[i]->stopped)
			block_start(&ahci->ports[i]->block);
	return 0;
}

static void given_up(struct pci_device *device)
{
	struct ahci *ahci = ahci_of_device(device);

	for (unsigned int i = 0; i < AHCI_PORTS; i++) {
		if (!ahci->ports[i] || !ahci->ports[i]->registered)
			continue;
		block_dead(&ahci->ports[i]->block);
		log_error("%s: is gone, what is asked of it fails", ahci->ports[i]->block.name);
	}
}

static void print(struct pci_device *device)
{
	struct ahci *ahci = ahci_of_device(device);

	for (unsigned int i = 0; i < AHCI_PORTS; i++) {
		const struct ahci_port *port = ahci->ports[i];

		if (!port)
			continue;
		command_print("    port %u: %s", i,
			      port->registered ? port->block.name : "not driven");
		if (port->registered)
			command_print(", %s, %u commands at once", port->identity.model,
				      port->depth);
		else if (port->kind == AHCI_PACKET)
			command_print(", %s", port->model);
		command_print("\n");
	}
}

static const struct pci_device_operations device_operations = {
	.interrupt = interrupt,
	.stop = stop,
	.start = start,
	.given_up = given_up,
	.print = print,
};

/* -- Finding */

static void add_disk(struct ahci_port *port)
{
	struct block_device *disk = &port->block;

	disk->operations = &operations;
	disk->driver_data = port;
	disk->driver_name = "ahci";
	disk->bus_name = port->bus_name;
	disk->limits.segments_max = SEGMENTS_MAX;
	disk->limits.bytes_max = AHCI_BYTES_MAX;
	if (ata_disk_create(disk, &port->identity))
		return;
	set_depth(port);
	port->registered = true;
	port->ahci->present |= 1u << port->index;
	log_info("%s: %s, firmware %s", port->bus_name, port->identity.model,
		 port->identity.firmware);
}

static int add_port(struct ahci *ahci, unsigned int index)
{
	const struct dma_constraints constraints = {
		.align = 4096, .limit = ahci->capabilities & AHCI_CAP_S64A ? 0 : UINT32_MAX};
	struct ahci_port *port = calloc(1, sizeof(*port));

	if (!port)
		return -ENOMEM;
	port->memory = dma_alloc(sizeof(*port->memory), &constraints);
	if (!port->memory) {
		free(port);
		return -ENOMEM;
	}
	port->address = dma_address(port->memory);
	port->ahci = ahci;
	port->index = index;
	sniprintf(port->bus_name, sizeof(port->bus_name), "%s port %u", ahci->device.function->name,
		  index);
	ahci->ports[index] = port;
	ahci_port_detect(port);
	if (port->kind == AHCI_DISK)
		add_disk(port);
	else if (port->kind == AHCI_PACKET)
		log_info("%s: CD-ROM or the like, %s: not driven", port->bus_name, port->model);
	if (!port->registered)
		(void)ahci_port_engine_stop(port, true);
	return 0;
}

static uint32_t ports_with_drives(struct ahci *ahci)
{
	uint32_t found = 0;

	for (uint32_t left = ahci->implemented; left; left &= left - 1) {
		unsigned int index = (unsigned int)__builtin_ctz(left);
		uint32_t status = ahci_read(ahci, AHCI_PORT(index) + AHCI_PXSSTS);

		if (status != GONE && AHCI_PXSSTS_DET(status) != AHCI_DET_NONE)
			found |= 1u << index;
	}
	return found;
}

/* Ports beyond the registers cannot be. */
static uint32_t implemented_ports(struct ahci *ahci)
{
	const struct pci_function *function = ahci->device.function;
	uint64_t size = function->bars[REGISTERS_BAR].size;
	uint32_t ports = ahci_read(ahci, AHCI_PI), possible = 0;

	for (unsigned int i = 0; i < AHCI_PORTS && AHCI_PORT(i + 1) <= size; i++)
		possible |= 1u << i;
	if (ports & ~possible)
		log_warning("%s: says that it has ports %08x, its registers are those of %08x",
			    function->name, (unsigned int)ports, (unsigned int)possible);
	return ports & possible;
}

static void find_drives(struct ahci *ahci, uint32_t ports)
{
	for (; ports; ports &= ports - 1)
		if (add_port(ahci, (unsigned int)__builtin_ctz(ports)))
			log_error("%s: no memory for port %u", ahci->device.function->name,
				  (unsigned int)__builtin_ctz(ports));
}

static int map_registers(struct ahci *ahci)
{
	struct pci_function *function = ahci->device.function;
	uint64_t size = function->bars[REGISTERS_BAR].size;

	ahci->registers = pci_bar_map(function, REGISTERS_BAR, 0,
				      size > AHCI_REGISTERS_SIZE ? size : AHCI_REGISTERS_SIZE);
	return ahci->registers ? 0 : -ENODEV;
}

static int probe(struct pci_function *function)
{
	struct ahci *ahci;
	uint32_t ports;
	int error;

	if (function->programming_interface != INTERFACE_AHCI)
		return -ENODEV;
	ahci = memory_budget() ? calloc(1, sizeof(*ahci)) : NULL;
	if (!ahci)
		return -ENOMEM;
	ahci->device.module = "ahci";
	ahci->device.function = function;
	ahci->device.operations = &device_operations;
	pci_enable(function);
	error = map_registers(ahci);
	if (error)
		goto fail;
	ahci->capabilities = ahci_read(ahci, AHCI_CAP);
	if (ahci->capabilities == GONE) {
		log_error("%s: reads as all ones", function->name);
		error = -ENODEV;
		goto unmap;
	}
	ahci->implemented = implemented_ports(ahci);
	ports = ports_with_drives(ahci);
	error = ports ? reset_controller(ahci) : 0;
	if (error) {
		log_error("%s: the controller does not reset", function->name);
		goto unmap;
	}
	find_drives(ahci, ports);
	pci_device_add(&ahci->device, true);
	if (!ports)
		return 0;
	run_ports(ahci);
	for (uint32_t left = ahci->present; left; left &= left - 1) {
		block_start(&ahci->ports[__builtin_ctz(left)]->block);
		block_register(&ahci->ports[__builtin_ctz(left)]->block);
	}
	return 0;

unmap:
	pci_bar_unmap(function, REGISTERS_BAR);
fail:
	pci_disable(function);
	free(ahci);
	return error;
}

MODULE(ahci, "ahci", 4, "libata", pci_device_count);

static const struct pci_match matches[] = {
	{0x8086, 0x2922, 0x2922}, /* ICH9 */
	{0x8086, 0x2829, 0x2829}, /* ICH8, VirtualBox has it */
	{0x15ad, 0x07e0, 0x07e0}, /* VMware */
	{0, 0, 0},
};

PCI_DRIVER(ahci) = {
	.name = "ahci",
	.matches = matches,
	.probe = probe,
	.shutdown = pci_device_shutdown,
};
