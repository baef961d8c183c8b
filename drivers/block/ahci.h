/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AHCI: what the driver's files share. Sections are of "Serial ATA AHCI 1.3.1 Specification", and so are
 * the names of registers; "SATA" is Serial ATA 3.
 *
 *	ahci.c		the controller: finding, interrupts, resets, description
 *	ahci_port.c	a port: starting and stopping its engine, asking the drive what it is
 *	ahci_command.c	requests to a drive and back
 *
 * A drive with native command queuing gets up to 32 commands at once; one without, and what is not
 * queued (flush), a command at a time. When a queued command fails the drive drops all of them: they
 * are then done one by one, so that only the bad one fails.
 *
 * Everything of a port is under the lock of its disk's queue.
 */
#ifndef DRIVERS_BLOCK_AHCI_H
#define DRIVERS_BLOCK_AHCI_H

#include "drivers/block/ata.h"
#include "drivers/pci/device.h"
#include "kernel/x86/io.h"

#define AHCI_PORTS 32u
#define AHCI_SLOTS 32u

/* 3.1 */
#define AHCI_CAP 0x00u
#define AHCI_CAP_S64A (1u << 31)
#define AHCI_CAP_SNCQ (1u << 30)
#define AHCI_CAP_SLOTS(cap) (((cap) >> 8 & 0x1fu) + 1)
#define AHCI_GHC 0x04u
#define AHCI_GHC_HR (1u << 0)
#define AHCI_GHC_IE (1u << 1)
#define AHCI_GHC_AE (1u << 31)
#define AHCI_IS 0x08u
#define AHCI_PI 0x0cu
#define AHCI_VS 0x10u
#define AHCI_REGISTERS_SIZE 0x100u

/* 3.3: from each port's first register. */
#define AHCI_PORT(index) (0x100u + 0x80u * (index))
#define AHCI_PORT_SIZE 0x80u
#define AHCI_PXCLB 0x00u
#define AHCI_PXCLBU 0x04u
#define AHCI_PXFB 0x08u
#define AHCI_PXFBU 0x0cu
#define AHCI_PXIS 0x10u
#define AHCI_PXIE 0x14u
#define AHCI_PXCMD 0x18u
#define AHCI_PXCMD_ST (1u << 0)
#define AHCI_PXCMD_SUD (1u << 1)
#define AHCI_PXCMD_POD (1u << 2)
#define AHCI_PXCMD_FRE (1u << 4)
#define AHCI_PXCMD_FR (1u << 14)
#define AHCI_PXCMD_CR (1u << 15)
#define AHCI_PXTFD 0x20u
#define AHCI_PXSIG 0x24u
#define AHCI_PXSSTS 0x28u
#define AHCI_PXSSTS_DET(value) ((value)&0xfu)
#define AHCI_DET_NONE 0u
#define AHCI_DET_READY 3u
#define AHCI_PXSERR 0x30u
#define AHCI_PXSACT 0x34u
#define AHCI_PXCI 0x38u

/* PxIS, 3.3.5 */
#define AHCI_INT_DHRS (1u << 0)
#define AHCI_INT_PSS (1u << 1)
#define AHCI_INT_DSS (1u << 2)
#define AHCI_INT_SDBS (1u << 3)
#define AHCI_INT_DPS (1u << 5)
#define AHCI_INT_OFS (1u << 24)
#define AHCI_INT_INFS (1u << 26)
#define AHCI_INT_IFS (1u << 27)
#define AHCI_INT_HBDS (1u << 28)
#define AHCI_INT_HBFS (1u << 29)
#define AHCI_INT_TFES (1u << 30)
#define AHCI_INT_NORMAL (AHCI_INT_DHRS | AHCI_INT_PSS | AHCI_INT_DSS | AHCI_INT_SDBS | AHCI_INT_DPS)
#define AHCI_INT_ERRORS                                                                            \
	(AHCI_INT_OFS | AHCI_INT_IFS | AHCI_INT_HBDS | AHCI_INT_HBFS | AHCI_INT_TFES)
#define AHCI_INT_WANTED (AHCI_INT_DHRS | AHCI_INT_PSS | AHCI_INT_SDBS | AHCI_INT_ERRORS)

#define AHCI_SIGNATURE_ATA 0x00000101u
#define AHCI_SIGNATURE_PACKET 0xeb140101u

/* 4.2.2: a slot of the command list. */
struct ahci_command_header {
	uint16_t flags;
	uint16_t prdtl;
	uint32_t prdbc; /* bytes moved, by the controller */
	uint32_t ctba, ctbau;
	uint32_t reserved[4];
};

#define AHCI_HEADER_WRITE (1u << 6)
#define AHCI_HEADER_CFL (sizeof(struct ahci_fis) / 4)

/* SATA 10.5.5: register, host to device. */
struct ahci_fis {
	uint8_t type, flags, command, features;
	uint8_t lba0, lba1, lba2, device;
	uint8_t lba3, lba4, lba5, features_high;
	uint8_t count, count_high, icc, control;
	uint8_t reserved[4];
};

#define AHCI_FIS_HOST_TO_DEVICE 0x27u
#define AHCI_FIS_COMMAND 0x80u

/* 4.2.3.3 */
struct ahci_region {
	uint32_t dba, dbau;
	uint32_t reserved;
	uint32_t dbc; /* bytes - 1 */
};

#define AHCI_REGION_MAX (4u << 20)
#define AHCI_REGIONS 56u

struct ahci_command_table {
	struct ahci_fis fis;
	uint8_t fis_rest[44], packet[16], reserved[48];
	struct ahci_region regions[AHCI_REGIONS];
};

_Static_assert(sizeof(struct ahci_command_header) == 32, "4.2.2");
_Static_assert(sizeof(struct ahci_fis) == 20, "SATA 10.5.5");
_Static_assert(sizeof(struct ahci_region) == 16, "4.2.3.3");
_Static_assert(offsetof(struct ahci_command_table, regions) == 0x80, "4.2.3");

/* All of a port's memory: alignments are those of 3.3.1 and 3.3.3. */
struct ahci_memory {
	struct ahci_command_header headers[AHCI_SLOTS];
	uint8_t received[256];
	uint8_t identify[ATA_IDENTIFY_SIZE];
	uint8_t padding[256];
	struct ahci_command_table tables[AHCI_SLOTS];
};

_Static_assert(offsetof(struct ahci_memory, received) % 256 == 0, "3.3.3");
_Static_assert(offsetof(struct ahci_memory, tables) % 128 == 0, "4.2.2");
_Static_assert(sizeof(struct ahci_command_table) % 128 == 0, "4.2.2");

#define AHCI_BYTES_MAX (4u << 20)

enum ahci_kind { AHCI_NONE, AHCI_DISK, AHCI_PACKET, AHCI_UNUSABLE };

struct ahci;

struct ahci_port {
	struct ahci *ahci;
	unsigned int index;
	enum ahci_kind kind;
	char bus_name[PCI_NAME_MAX + 20]; /* "00:1f.2 port 0" */
	char model[41];			  /* of what is not driven */
	struct ata_identity identity;
	struct block_device block;
	bool registered;
	struct ahci_memory *memory;
	uint64_t address; /* of that, for the controller */

	bool stopped;
	unsigned int depth; /* commands at once */
	struct block_request *requests[AHCI_SLOTS];
	uint32_t added, running; /* slots: not shown yet, and with the drive */
	bool queued;		 /* those are queued commands */
	uint32_t again;		 /* of `running`, what is done one by one after an error */
	uint64_t kicks, interrupts, errors, retried;
	/* Lies: answers that were not right. The first is logged. */
	uint64_t short_transfers;
};

struct ahci {
	struct pci_device device;
	volatile uint8_t *registers;
	uint32_t capabilities, implemented, present;
	struct ahci_port *ports[AHCI_PORTS]; /* NULL: nothing there */
};

static inline struct ahci *ahci_of_device(struct pci_device *device)
{
	return (struct ahci *)((char *)device - offsetof(struct ahci, device));
}

static inline uint32_t ahci_read(struct ahci *ahci, unsigned int offset)
{
	ahci->device.register_reads++;
	return mmio_read32(ahci->registers + offset);
}

static inline void ahci_write(struct ahci *ahci, unsigned int offset, uint32_t value)
{
	ahci->device.register_writes++;
	mmio_write32(ahci->registers + offset, value);
}

static inline uint32_t ahci_port_read(struct ahci_port *port, unsigned int offset)
{
	return ahci_read(port->ahci, AHCI_PORT(port->index) + offset);
}

static inline void ahci_port_write(struct ahci_port *port, unsigned int offset, uint32_t value)
{
	ahci_write(port->ahci, AHCI_PORT(port->index) + offset, value);
}

/* -- ahci_port.c */
/* Thread context: waits for the link, starts the engine, asks the drive what it is; no interrupts. */
void ahci_port_detect(struct ahci_port *port);
/* 0, or -ETIMEDOUT: it goes on, and only a reset of the controller stops it. Any context. */
int ahci_port_engine_stop(struct ahci_port *port, bool receive_too);
/* Errors are taken back; -EIO: the drive is busy with something, which needs a reset. Any context. */
int ahci_port_engine_start(struct ahci_port *port);
/* Lets its interrupts through. */
void ahci_port_interrupts(struct ahci_port *port, bool on);

/* -- ahci_command.c */
/* A command in a slot's header and table, without memory. */
void ahci_command_set(struct ahci_port *port, unsigned int slot, uint8_t command, uint64_t place,
		      uint32_t sectors, bool write, unsigned int regions);
int ahci_start(struct block_queue *queue, struct block_request *request);
void ahci_kick(struct block_queue *queue);
unsigned int ahci_reap(struct block_queue *queue);
/* The engine is stopped: what runs ends. */
void ahci_abort(struct ahci_port *port);

#endif
