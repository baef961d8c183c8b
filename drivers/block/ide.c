/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IDE as Intel's PIIX3 and PIIX4 have it (data sheet 82371FB/82371SB, 2.3): two channels with the ports
 * and interrupts of ISA, and bus-master DMA. CD-ROMs are recognised and not driven.
 */
#include "drivers/block/ide.h"

#include "drivers/module.h"
#include "kernel/console/log.h"
#include "kernel/memory/budget.h"
#include "kernel/memory/dma.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "block"
#define BUS_MASTER_BAR 4
#define INTERFACE_NATIVE 0x05u /* a channel is not where ISA has it */
#define IDETIM 0x40u	       /* a word for each channel */
#define IDETIM_DECODE 0x8000u
#define TABLE_SIZE (IDE_REGIONS * sizeof(struct ide_region))

static const struct {
	uint16_t command, control;
	uint8_t irq;
} compatible[IDE_CHANNELS] = {{0x1f0, 0x3f6, 14}, {0x170, 0x376, 15}};

static bool check_dma(const char *value)
{
	return option_one_of(value, "on|off");
}

OPTION(ide_dma, "ide.dma", "on|off",
       "bus-master DMA of IDE disks; off: every word by the CPU (default: on)", check_dma);

/* -- Operations of the block layer */

static struct ide_drive *drive_of(struct block_device *disk)
{
	return disk->driver_data;
}

static void timed_out(struct block_device *disk)
{
	pci_device_break(&drive_of(disk)->channel->ide->device, "did not answer in time");
}

static void costs(struct block_device *disk, uint64_t *kicks, uint64_t *interrupts)
{
	const struct ide_drive *drive = drive_of(disk);

	*kicks = drive->dma_requests + drive->pio_requests;
	*interrupts = drive->channel->interrupts;
}

static void describe(struct block_device *disk, struct facts *facts)
{
	const struct ide_drive *drive = drive_of(disk);

	fact_text(facts, "model", drive->identity.model);
	fact_text(facts, "firmware", drive->identity.firmware);
	fact_number(facts, "dma_requests", drive->dma_requests);
	fact_number(facts, "pio_requests", drive->pio_requests);
	fact_bytes(facts, "pio_bytes", drive->pio_bytes);
	fact_number(facts, "short_transfers", drive->channel->short_transfers);
}

static const struct block_operations operations = {
	.start = ide_start,
	.kick = ide_kick,
	.reap = ide_reap,
	.timed_out = timed_out,
	.costs = costs,
	.describe = describe,
};

/* -- Drives */

static void add_disk(struct ide_drive *drive)
{
	struct block_device *disk = &drive->block;

	disk->operations = &operations;
	disk->driver_data = drive;
	disk->driver_name = "ata_piix";
	disk->bus_name = drive->bus_name;
	disk->limits.segments_max = IDE_SEGMENTS_MAX;
	disk->limits.bytes_max = IDE_BYTES_MAX;
	drive->registered = !ata_disk_create(disk, &drive->identity);
}

static void say(const struct ide_drive *drive)
{
	if (drive->kind == IDE_PACKET)
		log_info("%s: CD-ROM or the like, %s: not driven", drive->bus_name, drive->model);
	else if (drive->registered)
		log_info("%s: %s, firmware %s", drive->bus_name, drive->identity.model,
			 drive->identity.firmware);
}

static void run_channel(struct ide_channel *channel)
{
	uint64_t flags = spin_lock(&channel->lock);

	channel->stopped = false;
	channel->wants[0] = channel->wants[1] = false;
	channel->device_register = 0;
	channel->bm_direction_known = false;
	channel->bm_interrupt_old = false;
	spin_unlock(&channel->lock, flags);
	if (channel->bus_master) {
		ide_bm_write(channel, IDE_BM_COMMAND, 0);
		ide_bm_write(channel, IDE_BM_STATUS, IDE_BM_INTERRUPT | IDE_BM_ERROR);
		channel->ide->device.register_writes++;
		port_write32((uint16_t)(channel->bus_master + IDE_BM_TABLE),
			     (uint32_t)dma_address(channel->regions));
	}
	ide_control(channel, 0);
}

/* -- Resets */

static void stop(struct pci_device *device)
{
	struct ide *ide = ide_of_device(device);

	for (unsigned int i = 0; i < IDE_CHANNELS; i++) {
		struct ide_channel *channel = &ide->channels[i];
		uint64_t flags;

		if (!channel->ide)
			continue;
		for (unsigned int unit = 0; unit < IDE_DRIVES; unit++)
			if (channel->drives[unit].registered)
				block_stop(&channel->drives[unit].block);
		flags = spin_lock(&channel->lock);
		channel->stopped = true;
		spin_unlock(&channel->lock, flags);
		if (channel->bus_master)
			ide_bm_write(channel, IDE_BM_COMMAND, 0);
		ide_control(channel, IDE_CONTROL_NIEN);
		ide_abort(channel);
	}
}

static void start_disk(struct ide_drive *drive, const struct ata_identity *before)
{
	if (drive->kind == IDE_DISK && ata_same_disk(before, &drive->identity)) {
		block_set_capacity(&drive->block, drive->identity.sectors);
		block_start(&drive->block);
		return;
	}
	drive->identity = *before;
	if (!drive->block.dead)
		log_error("%s: is not there any more, what is asked of it fails",
			  drive->block.name);
	block_dead(&drive->block);
}

static int restart_channel(struct ide_channel *channel)
{
	struct ata_identity before[IDE_DRIVES];
	int error;

	for (unsigned int unit = 0; unit < IDE_DRIVES; unit++)
		before[unit] = channel->drives[unit].identity;
	error = ide_detect(channel);
	/* What gives no answer now may give one at the next attempt. */
	for (unsigned int unit = 0; unit < IDE_DRIVES && !error; unit++)
		if (channel->drives[unit].registered &&
		    channel->drives[unit].kind == IDE_UNUSABLE &&
		    !recovery_last_attempt(&channel->ide->device.recovery))
			error = -EIO;
	if (error) {
		for (unsigned int unit = 0; unit < IDE_DRIVES; unit++)
			channel->drives[unit].identity = before[unit];
		return error;
	}
	run_channel(channel);
	for (unsigned int unit = 0; unit < IDE_DRIVES; unit++)
		if (channel->drives[unit].registered)
			start_disk(&channel->drives[unit], &before[unit]);
	return 0;
}

static int start(struct pci_device *device)
{
	struct ide *ide = ide_of_device(device);
	int error = 0;

	pci_enable(device->function);
	for (unsigned int i = 0; i < IDE_CHANNELS && !error; i++)
		if (ide->channels[i].ide)
			error = restart_channel(&ide->channels[i]);
	return error;
}

static void given_up(struct pci_device *device)
{
	struct ide *ide = ide_of_device(device);

	for (unsigned int i = 0; i < IDE_CHANNELS; i++)
		for (unsigned int unit = 0; unit < IDE_DRIVES; unit++) {
			struct ide_drive *drive = &ide->channels[i].drives[unit];

			if (!drive->registered)
				continue;
			block_dead(&drive->block);
			log_error("%s: is gone, what is asked of it fails", drive->block.name);
		}
}

static void print(struct pci_device *device)
{
	struct ide *ide = ide_of_device(device);

	for (unsigned int i = 0; i < IDE_CHANNELS; i++)
		for (unsigned int unit = 0; unit < IDE_DRIVES; unit++) {
			const struct ide_drive *drive = &ide->channels[i].drives[unit];

			if (drive->kind == IDE_NONE)
				continue;
			command_print("    channel %u unit %u: %s%s%s\n", i, unit,
				      drive->registered ? drive->block.name : "not driven",
				      drive->kind == IDE_UNUSABLE ? "" : ", ",
				      drive->kind == IDE_DISK	  ? drive->identity.model
				      : drive->kind == IDE_PACKET ? drive->model
								  : "");
		}
}

static const struct pci_device_operations device_operations = {
	.interrupt = ide_interrupt,
	.stop = stop,
	.start = start,
	.given_up = given_up,
	.print = print,
};

/* -- Finding */

static int find_drives(struct ide *ide, unsigned int index, uint16_t bus_master)
{
	const struct dma_constraints constraints = {.align = TABLE_SIZE, .limit = IDE_REACH};
	struct ide_channel *channel = &ide->channels[index];
	const struct pci_function *function = ide->device.function;

	channel->ide = ide;
	channel->index = index;
	channel->command = compatible[index].command;
	channel->control = compatible[index].control;
	channel->stopped = true;
	ide_turn_init(channel);
	for (unsigned int unit = 0; unit < IDE_DRIVES; unit++) {
		struct ide_drive *drive = &channel->drives[unit];

		drive->channel = channel;
		drive->unit = unit;
		sniprintf(drive->bus_name, sizeof(drive->bus_name), "%s channel %u unit %u",
			  function->name, index, unit);
	}
	if (!ide_looks_present(channel)) {
		channel->ide = NULL;
		return 0;
	}
	if (bus_master)
		channel->regions = dma_alloc(TABLE_SIZE, &constraints);
	if (channel->regions)
		channel->bus_master = (uint16_t)(bus_master + index * IDE_BM_PORTS);
	if (ide_detect(channel)) {
		log_error("%s: channel %u stays busy after a reset, it is not used", function->name,
			  index);
		if (channel->regions)
			dma_free(channel->regions, TABLE_SIZE);
		channel->ide = NULL;
		return 0;
	}
	for (unsigned int unit = 0; unit < IDE_DRIVES; unit++) {
		if (channel->drives[unit].kind == IDE_DISK)
			add_disk(&channel->drives[unit]);
		say(&channel->drives[unit]);
	}
	return 1;
}

static void register_disks(struct ide *ide)
{
	for (unsigned int i = 0; i < IDE_CHANNELS; i++) {
		if (!ide->channels[i].ide)
			continue;
		run_channel(&ide->channels[i]);
		for (unsigned int unit = 0; unit < IDE_DRIVES; unit++) {
			struct ide_drive *drive = &ide->channels[i].drives[unit];

			if (!drive->registered)
				continue;
			block_start(&drive->block);
			block_register(&drive->block);
		}
	}
}

static int probe(struct pci_function *function)
{
	const uint8_t irqs[IDE_CHANNELS] = {compatible[0].irq, compatible[1].irq};
	struct ide *ide;
	uint16_t bus_master;
	int channels = 0;

	if (function->programming_interface & INTERFACE_NATIVE) {
		log_notice("%s: an IDE controller in native mode is not driven", function->name);
		return -ENODEV;
	}
	ide = memory_budget() ? calloc(1, sizeof(*ide)) : NULL;
	if (!ide)
		return -ENOMEM;
	ide->device.module = "ata_piix";
	ide->device.function = function;
	ide->device.operations = &device_operations;
	ide->use_dma = !strcmp(option_get("ide.dma", "on"), "on");
	pci_enable(function);
	bus_master = pci_bar_port(function, BUS_MASTER_BAR, IDE_CHANNELS * (uint64_t)IDE_BM_PORTS);
	if (!bus_master)
		log_notice("%s: no DMA, it has no ports for that", function->name);
	for (unsigned int i = 0; i < IDE_CHANNELS; i++) {
		pci_write16(function, IDETIM + 2 * i,
			    pci_read16(function, IDETIM + 2 * i) | IDETIM_DECODE);
		channels += find_drives(ide, i, bus_master);
	}
	if (!channels)
		pci_disable(function);
	pci_device_add_isa(&ide->device, irqs, channels ? IDE_CHANNELS : 0);
	register_disks(ide);
	return 0;
}

MODULE(ata_piix, "ata_piix", 3, "libata", pci_device_count);

static const struct pci_match matches[] = {
	{0x8086, 0x7010, 0x7010}, /* PIIX3 */
	{0x8086, 0x7111, 0x7111}, /* PIIX4 */
	{0, 0, 0},
};

PCI_DRIVER(ide) = {
	.name = "ata_piix",
	.matches = matches,
	.probe = probe,
	.shutdown = pci_device_shutdown,
};
