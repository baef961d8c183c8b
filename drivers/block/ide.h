/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IDE as Intel's PIIX has it: what the driver's files share. "ATA" is ATA/ATAPI-6, which describes
 * the registers; "BMIDE" is "Programming Interface for Bus Master IDE Controller", revision 1.0.
 *
 *	ide.c		finding the controller and what is on it, resets, description
 *	ide_detect.c	resetting a channel, asking its drives what they are
 *	ide_command.c	requests to a drive and back
 *
 * A channel does one command at a time, for one of its two drives. Each disk has a queue of the block
 * layer's; a disk that finds the channel taken is noted, and has its turn when the command ends.
 *
 * Locks: a queue's lock, then its channel's.
 */
#ifndef DRIVERS_BLOCK_IDE_H
#define DRIVERS_BLOCK_IDE_H

#include "drivers/block/ata.h"
#include "drivers/pci/device.h"
#include "kernel/thread/spinlock.h"
#include "kernel/time/timer.h"
#include "kernel/x86/io.h"

#define IDE_CHANNELS 2u
#define IDE_DRIVES 2u

/* The command block (ATA 5.7): offsets from the first port. */
#define IDE_DATA 0u
#define IDE_ERROR 1u
#define IDE_SECTOR_COUNT 2u
#define IDE_LBA_LOW 3u
#define IDE_LBA_MID 4u
#define IDE_LBA_HIGH 5u
#define IDE_DEVICE 6u
#define IDE_STATUS 7u  /* read */
#define IDE_COMMAND 7u /* written */
#define IDE_COMMAND_PORTS 8u
/* The control block, one port. */
#define IDE_CONTROL_NIEN 0x02u
#define IDE_CONTROL_SRST 0x04u

#define IDE_SIGNATURE_ATA 0x0000u /* LBA_HIGH and LBA_MID after a reset (ATA 9.12) */
#define IDE_SIGNATURE_PACKET 0xeb14u

/* BMIDE 2: offsets from a channel's first port, of 8. */
#define IDE_BM_COMMAND 0u
#define IDE_BM_START 0x01u
#define IDE_BM_TO_MEMORY 0x08u
#define IDE_BM_STATUS 2u
#define IDE_BM_ACTIVE 0x01u
#define IDE_BM_ERROR 0x02u
#define IDE_BM_INTERRUPT 0x04u
#define IDE_BM_DRIVES 0x60u /* what firmware says of the drives, kept */
#define IDE_BM_TABLE 4u
#define IDE_BM_PORTS 8u

/* BMIDE 1.2: a physical region. */
struct ide_region {
	uint32_t address;
	uint16_t bytes; /* 0: 64 KiB */
	uint16_t flags;
};

#define IDE_REGION_LAST 0x8000u
#define IDE_REGION_MAX 65536u
#define IDE_REGIONS 128u
#define IDE_REACH UINT32_MAX

_Static_assert(sizeof(struct ide_region) == 8, "BMIDE 1.2");

#define IDE_SEGMENTS_MAX 64u
#define IDE_BYTES_MAX (1u << 20)

enum ide_kind { IDE_NONE, IDE_DISK, IDE_PACKET, IDE_UNUSABLE };

enum ide_way { IDE_IDLE, IDE_DMA, IDE_PIO_READ, IDE_PIO_WRITE, IDE_NO_DATA };

struct ide_channel;

struct ide_drive {
	struct ide_channel *channel;
	unsigned int unit;
	enum ide_kind kind;
	struct ata_identity identity;
	char bus_name[PCI_NAME_MAX + 20]; /* "00:01.1 channel 0 unit 1" */
	char model[41];			  /* of what is not driven */
	struct block_device block;
	bool registered;
	uint64_t dma_requests, pio_requests, pio_bytes;
};

struct ide_channel {
	struct ide *ide;
	unsigned int index;
	uint16_t command, control, bus_master; /* first ports; bus_master 0: no DMA */
	struct ide_drive drives[IDE_DRIVES];
	struct ide_region *regions;

	struct spinlock lock;
	bool stopped;
	enum ide_way way;
	struct ide_drive *active;
	struct block_request *request;
	/* PIO: what is left of the request, and where it goes. */
	unsigned int segment;
	uint32_t segment_offset, sectors_left;
	/* What the drives' registers have, where that saves writing them; 0: not known. */
	uint8_t device_register, bm_direction;
	bool bm_direction_known;
	/* The bus master notes interrupts of all commands, and would take that of one without DMA for the end of the next. */
	bool bm_interrupt_old;
	/* Drives that found the channel taken; the last that had it. Whoever sees a command end serves them. */
	bool wants[IDE_DRIVES];
	unsigned int last_unit;
	unsigned int serving; /* handlers that give them their turns */
	/* The same for a command that was seen to end without an interrupt. */
	struct timer turn;
	bool turn_due;

	uint64_t interrupts, interrupts_stray;
	uint64_t steps; /* sectors moved by the CPU, and commands that ended */
	/* Lies: answers that were not right. The first of a kind is logged. */
	uint64_t short_transfers, states_wrong;
};

struct ide {
	struct pci_device device;
	struct ide_channel channels[IDE_CHANNELS];
	bool use_dma;
};

static inline struct ide *ide_of_device(struct pci_device *device)
{
	return (struct ide *)((char *)device - offsetof(struct ide, device));
}

static inline uint8_t ide_read(struct ide_channel *channel, unsigned int offset)
{
	channel->ide->device.register_reads++;
	return port_read8((uint16_t)(channel->command + offset));
}

static inline void ide_write(struct ide_channel *channel, unsigned int offset, uint8_t value)
{
	channel->ide->device.register_writes++;
	port_write8((uint16_t)(channel->command + offset), value);
}

/* The status without taking the interrupt back. */
static inline uint8_t ide_alternate_status(struct ide_channel *channel)
{
	channel->ide->device.register_reads++;
	return port_read8(channel->control);
}

static inline void ide_control(struct ide_channel *channel, uint8_t value)
{
	channel->ide->device.register_writes++;
	port_write8(channel->control, value);
}

static inline uint8_t ide_bm_read(struct ide_channel *channel, unsigned int offset)
{
	channel->ide->device.register_reads++;
	return port_read8((uint16_t)(channel->bus_master + offset));
}

static inline void ide_bm_write(struct ide_channel *channel, unsigned int offset, uint8_t value)
{
	channel->ide->device.register_writes++;
	port_write8((uint16_t)(channel->bus_master + offset), value);
}

/* -- ide_detect.c, in threads */
/* Whether anything seems to be there; costs next to nothing when not. */
bool ide_looks_present(struct ide_channel *channel);
/* Resets the drives and asks each what it is; interrupts stay off. 0, or -ETIMEDOUT. */
int ide_detect(struct ide_channel *channel);

/* -- ide_command.c */
int ide_start(struct block_queue *queue, struct block_request *request);
void ide_kick(struct block_queue *queue);
unsigned int ide_reap(struct block_queue *queue);
/* An interrupt of the channel: the command may be done, the next has its turn. */
enum interrupt_result ide_interrupt(struct pci_device *device, unsigned int line);
/* Once, before the first command. */
void ide_turn_init(struct ide_channel *channel);
/* The device reaches no memory: what runs ends. */
void ide_abort(struct ide_channel *channel);

#endif
