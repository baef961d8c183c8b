/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AHCI: requests to a drive and back (5.5 and 5.6; errors 6.2).
 *
 * A batch costs two writes, PxSACT and PxCI. An interrupt costs three accesses, whatever it brings:
 * two writes that take it back and a read that says which commands are done. What went wrong is read
 * only when that says that none is.
 */
#include "drivers/block/ahci.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"

#include <errno.h>
#include <string.h>

#define LOG_AREA "block"
#define GONE UINT32_MAX

static struct ahci_port *port_of(struct block_queue *queue)
{
	return queue->driver_data;
}

/* -- To the drive */

static bool is_queued(uint8_t command)
{
	return command == ATA_READ_FPDMA_QUEUED || command == ATA_WRITE_FPDMA_QUEUED;
}

void ahci_command_set(struct ahci_port *port, unsigned int slot, uint8_t command, uint64_t place,
		      uint32_t sectors, bool write, unsigned int regions)
{
	struct ahci_command_table *table = &port->memory->tables[slot];
	uint64_t address = port->address + (uint64_t)((uint8_t *)table - (uint8_t *)port->memory);
	bool wide = command != ATA_READ_DMA && command != ATA_WRITE_DMA;

	table->fis = (struct ahci_fis){
		.type = AHCI_FIS_HOST_TO_DEVICE,
		.flags = AHCI_FIS_COMMAND,
		.command = command,
		.lba0 = (uint8_t)place,
		.lba1 = (uint8_t)(place >> 8),
		.lba2 = (uint8_t)(place >> 16),
		.device = (uint8_t)(ATA_DEVICE_LBA | (wide ? 0 : place >> 24 & 0xf)),
		.count = (uint8_t)sectors,
	};
	if (wide) {
		table->fis.lba3 = (uint8_t)(place >> 24);
		table->fis.lba4 = (uint8_t)(place >> 32);
		table->fis.lba5 = (uint8_t)(place >> 40);
		table->fis.count_high = (uint8_t)(sectors >> 8);
	}
	if (is_queued(command)) {
		/* SATA 13.6.4: the length is where features are, the tag where the length is. */
		table->fis.features = (uint8_t)sectors;
		table->fis.features_high = (uint8_t)(sectors >> 8);
		table->fis.count = (uint8_t)(slot << 3);
		table->fis.count_high = 0;
	}
	port->memory->headers[slot] = (struct ahci_command_header){
		.flags = (uint16_t)(AHCI_HEADER_CFL | (write ? AHCI_HEADER_WRITE : 0)),
		.prdtl = (uint16_t)regions,
		.ctba = (uint32_t)address,
		.ctbau = (uint32_t)(address >> 32),
	};
}

/* The memory of a request; how many regions, or -EFAULT: the controller does not reach it. */
static int describe_memory(struct ahci_port *port, unsigned int slot,
			   const struct block_request *request)
{
	struct ahci_region *regions = port->memory->tables[slot].regions;
	bool wide = port->ahci->capabilities & AHCI_CAP_S64A;

	for (unsigned int i = 0; i < request->segment_count; i++) {
		uint64_t address = dma_address(request->segments[i].data);
		uint32_t length = request->segments[i].length;

		if (!wide && address + length - 1 > UINT32_MAX)
			return -EFAULT;
		regions[i] = (struct ahci_region){
			.dba = (uint32_t)address,
			.dbau = (uint32_t)(address >> 32),
			.dbc = length - 1,
		};
	}
	return (int)request->segment_count;
}

/* The command for a request that is not queued. */
static uint8_t plain_command(const struct ahci_port *port, enum block_operation operation)
{
	bool wide = port->identity.lba48;

	switch (operation) {
	case BLOCK_WRITE:
		return wide ? ATA_WRITE_DMA_EXT : ATA_WRITE_DMA;
	case BLOCK_FLUSH:
		return port->identity.flush_ext ? ATA_FLUSH_CACHE_EXT : ATA_FLUSH_CACHE;
	default:
		return wide ? ATA_READ_DMA_EXT : ATA_READ_DMA;
	}
}

static uint8_t command_of(const struct ahci_port *port, enum block_operation operation)
{
	if (port->depth == 1 || operation == BLOCK_FLUSH)
		return plain_command(port, operation);
	return operation == BLOCK_WRITE ? ATA_WRITE_FPDMA_QUEUED : ATA_READ_FPDMA_QUEUED;
}

/* Queued commands go with others of their kind, the rest alone (5.6.5). */
static bool may_start(const struct ahci_port *port, bool queued)
{
	uint32_t taken = port->added | port->running;

	if (port->stopped || port->ahci->device.recovery.broken || port->again)
		return false;
	return !taken ||
	       (queued && port->queued && (unsigned int)__builtin_popcount(taken) < port->depth);
}

int ahci_start(struct block_queue *queue, struct block_request *request)
{
	struct ahci_port *port = port_of(queue);
	uint8_t command = command_of(port, request->operation);
	unsigned int slot;
	int regions = 0;

	if (request->operation == BLOCK_IDENTIFY)
		return ata_answer_identify(&port->identity, request);
	if (!may_start(port, is_queued(command)))
		return -EBUSY;
	slot = (unsigned int)__builtin_ctz(~(port->added | port->running));
	if (request->operation != BLOCK_FLUSH)
		regions = describe_memory(port, slot, request);
	if (regions < 0)
		return regions;
	ahci_command_set(port, slot, command, regions ? request->place : 0,
			 regions ? (uint32_t)request->sectors : 0,
			 request->operation == BLOCK_WRITE, (unsigned int)regions);
	port->requests[slot] = request;
	port->added |= 1u << slot;
	port->queued = is_queued(command);
	return 0;
}

void ahci_kick(struct block_queue *queue)
{
	struct ahci_port *port = port_of(queue);
	uint32_t slots = port->added;

	if (!slots)
		return;
	port->added = 0;
	port->running |= slots;
	port->kicks++;
	memory_barrier_write();
	if (port->queued)
		ahci_port_write(port, AHCI_PXSACT, slots);
	ahci_port_write(port, AHCI_PXCI, slots);
}

/* -- And back */

static void finish(struct ahci_port *port, unsigned int slot, int error)
{
	struct block_request *request = port->requests[slot];

	port->requests[slot] = NULL;
	port->running &= ~(1u << slot);
	port->again &= ~(1u << slot);
	port->errors += error != 0;
	pci_device_answered(&port->ahci->device);
	block_finish(request, error);
}

/* The next of those that are done one by one. */
static void next_again(struct ahci_port *port)
{
	unsigned int slot;
	const struct block_request *request;

	if (!port->again)
		return;
	slot = (unsigned int)__builtin_ctz(port->again);
	request = port->requests[slot];
	ahci_command_set(port, slot, plain_command(port, request->operation), request->place,
			 (uint32_t)request->sectors, request->operation == BLOCK_WRITE,
			 request->segment_count);
	port->retried++;
	memory_barrier_write();
	ahci_port_write(port, AHCI_PXCI, 1u << slot);
}

/* 6.2.2.1: the engine has stopped at an error; it is started again, empty. */
static bool restart_engine(struct ahci_port *port)
{
	if (!ahci_port_engine_stop(port, false) && !ahci_port_engine_start(port))
		return true;
	pci_device_break(&port->ahci->device, "does not come out of an error");
	return false;
}

/* The one command that runs is done, or has failed. */
static unsigned int finish_alone(struct ahci_port *port, unsigned int slot, uint32_t causes)
{
	const struct block_request *request = port->requests[slot];
	uint64_t moved = *(volatile uint32_t *)&port->memory->headers[slot].prdbc;
	int error = 0;

	if (causes & AHCI_INT_ERRORS) {
		error = -EIO;
		if (!restart_engine(port))
			return 0;
	} else if (request->operation != BLOCK_FLUSH && moved != request->sectors * BLOCK_SECTOR) {
		if (!port->short_transfers++)
			log_warning("%s: the drive moved %u bytes of %u (said once, counted on)",
				    port->bus_name, (unsigned int)moved,
				    (unsigned int)(request->sectors * BLOCK_SECTOR));
		error = -EIO;
	}
	finish(port, slot, error);
	next_again(port);
	return 1;
}

static unsigned int reap_alone(struct ahci_port *port)
{
	uint32_t slots = port->again ? port->again & -port->again : port->running;
	uint32_t issued = ahci_port_read(port, AHCI_PXCI), causes;

	causes = ahci_port_read(port, AHCI_PXIS);
	if (causes == GONE) {
		pci_device_break(&port->ahci->device, "reads as all ones");
		return 0;
	}
	if (issued & slots && !(causes & AHCI_INT_ERRORS))
		return 0;
	memory_barrier_read();
	return finish_alone(port, (unsigned int)__builtin_ctz(slots), causes);
}

/* No queued command is done: is something wrong? */
static void look_for_errors(struct ahci_port *port)
{
	uint32_t causes = ahci_port_read(port, AHCI_PXIS);

	if (causes == GONE) {
		pci_device_break(&port->ahci->device, "reads as all ones");
		return;
	}
	if (!(causes & AHCI_INT_ERRORS) || !restart_engine(port))
		return;
	log_info("%s: a queued command failed (PxIS %08x), all of them are done one by one",
		 port->bus_name, (unsigned int)causes);
	port->again = port->running;
	port->queued = false;
	next_again(port);
}

unsigned int ahci_reap(struct block_queue *queue)
{
	struct ahci_port *port = port_of(queue);
	unsigned int count = 0;
	uint32_t done;

	if (!port->running || port->stopped || port->ahci->device.recovery.broken)
		return 0;
	if (!port->queued)
		return reap_alone(port);
	/* The bits of those that still run; others are none of ours. */
	done = port->running & ~ahci_port_read(port, AHCI_PXSACT);
	memory_barrier_read();
	if (!done)
		look_for_errors(port);
	for (; done; done &= done - 1, count++)
		finish(port, (unsigned int)__builtin_ctz(done), 0);
	return count;
}

void ahci_abort(struct ahci_port *port)
{
	struct block_queue *queue = &port->block.queues[0];
	uint64_t flags = block_lock(queue);
	uint32_t slots = port->running | port->added;

	port->added = port->again = 0;
	for (; slots; slots &= slots - 1) {
		unsigned int slot = (unsigned int)__builtin_ctz(slots);

		finish(port, slot, port->requests[slot]->expired ? -ETIMEDOUT : -EIO);
	}
	port->queued = false;
	block_unlock(queue, flags);
}
