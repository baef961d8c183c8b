/* SPDX-License-Identifier: BSD-2-Clause */
/* AHCI: a port's engine (10.3 and 10.4) and what is behind it. Every wait is bounded. */
#include "drivers/block/ahci.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <string.h>

#define LOG_AREA "block"
/* 10.1.2 allows half a second, which nobody may spin; emulators need none of it. */
#define ENGINE_TIME (2 * NANOSECONDS_PER_MILLISECOND)
#define ENGINE_PAUSE NANOSECONDS_PER_MICROSECOND
#define LINK_TIME (1000 * NANOSECONDS_PER_MILLISECOND)
#define READY_TIME (2 * NANOSECONDS_PER_SECOND)
#define PAUSE NANOSECONDS_PER_MILLISECOND
#define TRIES_AT_ONCE 10u
#define BUSY (ATA_STATUS_BSY | ATA_STATUS_DRQ)

int ahci_port_engine_stop(struct ahci_port *port, bool receive_too)
{
	uint64_t deadline = clock_monotonic() + ENGINE_TIME;
	uint32_t command = ahci_port_read(port, AHCI_PXCMD), running = AHCI_PXCMD_CR;

	command &= ~AHCI_PXCMD_ST;
	ahci_port_write(port, AHCI_PXCMD, command);
	while (ahci_port_read(port, AHCI_PXCMD) & running) {
		if (clock_monotonic() >= deadline)
			return -ETIMEDOUT;
		clock_spin(ENGINE_PAUSE);
	}
	if (!receive_too)
		return 0;
	/* 10.3.2: only once no command runs any more. */
	ahci_port_write(port, AHCI_PXCMD, command & ~AHCI_PXCMD_FRE);
	while (ahci_port_read(port, AHCI_PXCMD) & AHCI_PXCMD_FR) {
		if (clock_monotonic() >= deadline)
			return -ETIMEDOUT;
		clock_spin(ENGINE_PAUSE);
	}
	return 0;
}

int ahci_port_engine_start(struct ahci_port *port)
{
	ahci_port_write(port, AHCI_PXSERR, UINT32_MAX);
	ahci_port_write(port, AHCI_PXIS, UINT32_MAX);
	if (ahci_port_read(port, AHCI_PXTFD) & BUSY)
		return -EIO;
	ahci_port_write(port, AHCI_PXCMD, ahci_port_read(port, AHCI_PXCMD) | AHCI_PXCMD_ST);
	return 0;
}

void ahci_port_interrupts(struct ahci_port *port, bool on)
{
	ahci_port_write(port, AHCI_PXIE, on ? AHCI_INT_WANTED : 0);
}

/* Waits until the bits of a register are as wanted. */
static bool wait_for(struct ahci_port *port, unsigned int offset, uint32_t mask, uint32_t value,
		     uint64_t time)
{
	uint64_t deadline = clock_monotonic() + time;

	for (unsigned int tries = 0; (ahci_port_read(port, offset) & mask) != value; tries++) {
		if (clock_monotonic() >= deadline)
			return false;
		if (tries < TRIES_AT_ONCE)
			clock_spin(ENGINE_PAUSE);
		else
			thread_sleep(PAUSE);
	}
	return true;
}

/* 10.1.2: memory, then receiving, then the drive says that it is ready, then commands. */
static bool bring_up(struct ahci_port *port)
{
	uint64_t received = port->address + offsetof(struct ahci_memory, received);

	ahci_port_interrupts(port, false);
	ahci_port_write(port, AHCI_PXCLB, (uint32_t)port->address);
	ahci_port_write(port, AHCI_PXCLBU, (uint32_t)(port->address >> 32));
	ahci_port_write(port, AHCI_PXFB, (uint32_t)received);
	ahci_port_write(port, AHCI_PXFBU, (uint32_t)(received >> 32));
	ahci_port_write(port, AHCI_PXSERR, UINT32_MAX);
	ahci_port_write(port, AHCI_PXCMD, AHCI_PXCMD_SUD | AHCI_PXCMD_POD | AHCI_PXCMD_FRE);
	return wait_for(port, AHCI_PXSSTS, 0xf, AHCI_DET_READY, LINK_TIME) &&
	       wait_for(port, AHCI_PXTFD, BUSY, 0, READY_TIME) && !ahci_port_engine_start(port);
}

static int identify(struct ahci_port *port, uint8_t command)
{
	uint64_t address = port->address + offsetof(struct ahci_memory, identify);
	bool done;

	memset(port->memory->identify, 0, ATA_IDENTIFY_SIZE);
	port->memory->tables[0].regions[0] = (struct ahci_region){
		.dba = (uint32_t)address,
		.dbau = (uint32_t)(address >> 32),
		.dbc = ATA_IDENTIFY_SIZE - 1,
	};
	ahci_command_set(port, 0, command, 0, 0, false, 1);
	memory_barrier_write();
	ahci_port_write(port, AHCI_PXCI, 1);
	done = wait_for(port, AHCI_PXCI, 1, 0, READY_TIME);
	memory_barrier_read();
	if (!done)
		return -ETIMEDOUT;
	if (ahci_port_read(port, AHCI_PXTFD) & (ATA_STATUS_ERR | ATA_STATUS_DF) ||
	    ahci_port_read(port, AHCI_PXIS) & AHCI_INT_ERRORS)
		return -EIO;
	ahci_port_write(port, AHCI_PXIS, UINT32_MAX);
	return 0;
}

static void ask_disk(struct ahci_port *port)
{
	uint8_t data[ATA_IDENTIFY_SIZE];
	const char *why;
	int error = identify(port, ATA_IDENTIFY_DEVICE);

	if (error) {
		log_error("%s: does not say what it is (error %d)", port->bus_name, -error);
		return;
	}
	memcpy(data, port->memory->identify, sizeof(data)); /* it may still change */
	why = ata_identity_parse(&port->identity, data);
	if (why)
		log_error("%s: the disk %s", port->bus_name, why);
	else
		port->kind = AHCI_DISK;
}

static void ask_packet(struct ahci_port *port)
{
	port->kind = AHCI_PACKET;
	if (identify(port, ATA_IDENTIFY_PACKET_DEVICE))
		strcpy(port->model, "says nothing of itself");
	else
		ata_packet_model(port->model, port->memory->identify);
}

void ahci_port_detect(struct ahci_port *port)
{
	uint32_t signature;

	port->kind = AHCI_UNUSABLE;
	if (!bring_up(port)) {
		log_error("%s: the drive does not get ready (PxSSTS %08x, PxTFD %08x)",
			  port->bus_name, (unsigned int)ahci_port_read(port, AHCI_PXSSTS),
			  (unsigned int)ahci_port_read(port, AHCI_PXTFD));
		return;
	}
	signature = ahci_port_read(port, AHCI_PXSIG);
	if (signature == AHCI_SIGNATURE_ATA)
		ask_disk(port);
	else if (signature == AHCI_SIGNATURE_PACKET)
		ask_packet(port);
	else
		log_notice("%s: something that is neither a disk nor a CD-ROM (PxSIG %08x)",
			   port->bus_name, (unsigned int)signature);
}
