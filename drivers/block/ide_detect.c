/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IDE: what is on a channel (ATA 9.2 and 9.12 on resets and signatures, 8.15 on IDENTIFY DEVICE). All in a
 * thread, with the drives' interrupts off and every wait bounded.
 */
#include "drivers/block/ide.h"

#include "kernel/console/log.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <string.h>

#define LOG_AREA "block"
#define SELECT_TIME 400u /* ns, before the status means something */
#define RESET_HOLD (5 * NANOSECONDS_PER_MICROSECOND)
#define RESET_SETTLE (2 * NANOSECONDS_PER_MILLISECOND)
#define READY_TIME (2 * NANOSECONDS_PER_SECOND)
#define READY_PAUSE NANOSECONDS_PER_MILLISECOND
#define READY_TRIES_AT_ONCE 10u

static void select_unit(struct ide_channel *channel, unsigned int unit)
{
	ide_write(channel, IDE_DEVICE, (uint8_t)(ATA_DEVICE_OBSOLETE | unit << 4));
	clock_spin(SELECT_TIME);
	channel->device_register = 0;
}

/* A bus without a drive floats high, or the other drive answers with zeroes. */
static bool is_nobody(uint8_t status)
{
	return status == 0 || status == 0xff || status == 0x7f;
}

static uint16_t signature(struct ide_channel *channel)
{
	uint8_t mid = ide_read(channel, IDE_LBA_MID);

	return (uint16_t)(mid | ide_read(channel, IDE_LBA_HIGH) << 8);
}

bool ide_looks_present(struct ide_channel *channel)
{
	bool found = false;

	for (unsigned int unit = 0; unit < IDE_DRIVES && !found; unit++) {
		select_unit(channel, unit);
		found = !is_nobody(ide_alternate_status(channel)) ||
			signature(channel) == IDE_SIGNATURE_PACKET;
	}
	return found;
}

/* The status once BSY is gone; -ETIMEDOUT. */
static int wait_ready(struct ide_channel *channel)
{
	uint64_t deadline = clock_monotonic() + READY_TIME;

	for (unsigned int tries = 0;; tries++) {
		uint8_t status = ide_alternate_status(channel);

		if (!(status & ATA_STATUS_BSY) || status == 0xff)
			return status;
		if (clock_monotonic() >= deadline)
			return -ETIMEDOUT;
		if (tries < READY_TRIES_AT_ONCE)
			clock_spin(NANOSECONDS_PER_MICROSECOND);
		else
			thread_sleep(READY_PAUSE);
	}
}

/* 512 bytes of what the selected drive says of itself; 0, -ETIMEDOUT, -EIO. */
static int identify(struct ide_channel *channel, uint8_t command, uint8_t *data)
{
	unsigned int status;
	int result;

	ide_write(channel, IDE_COMMAND, command);
	clock_spin(SELECT_TIME);
	result = wait_ready(channel);
	if (result < 0)
		return result;
	status = (unsigned int)result;
	if (status == 0xff || status & (ATA_STATUS_ERR | ATA_STATUS_DF) ||
	    !(status & ATA_STATUS_DRQ))
		return -EIO;
	port_read16_string(channel->command + IDE_DATA, data, ATA_IDENTIFY_SIZE / 2);
	(void)ide_read(channel, IDE_STATUS);
	result = wait_ready(channel);
	if (result < 0)
		return result;
	return (unsigned int)result & ATA_STATUS_DRQ ? -EIO : 0;
}

static void ask_disk(struct ide_drive *drive)
{
	uint8_t data[ATA_IDENTIFY_SIZE];
	const char *why;
	int error = identify(drive->channel, ATA_IDENTIFY_DEVICE, data);

	drive->kind = IDE_UNUSABLE;
	if (error) {
		log_error("%s: does not say what it is (error %d)", drive->bus_name, -error);
		return;
	}
	why = ata_identity_parse(&drive->identity, data);
	if (why)
		log_error("%s: the disk %s", drive->bus_name, why);
	else
		drive->kind = IDE_DISK;
}

static void ask_packet(struct ide_drive *drive)
{
	uint8_t data[ATA_IDENTIFY_SIZE];

	drive->kind = IDE_PACKET;
	if (identify(drive->channel, ATA_IDENTIFY_PACKET_DEVICE, data))
		strcpy(drive->model, "says nothing of itself");
	else
		ata_packet_model(drive->model, data);
}

static void look_at(struct ide_drive *drive)
{
	struct ide_channel *channel = drive->channel;
	uint16_t is;
	int status;

	drive->kind = IDE_NONE;
	select_unit(channel, drive->unit);
	status = wait_ready(channel);
	is = signature(channel);
	if (status < 0) {
		log_error("%s: stays busy after a reset", drive->bus_name);
		drive->kind = IDE_UNUSABLE;
	} else if (is == IDE_SIGNATURE_PACKET) {
		ask_packet(drive);
	} else if (!is_nobody((uint8_t)status) && is == IDE_SIGNATURE_ATA) {
		ask_disk(drive);
	}
}

int ide_detect(struct ide_channel *channel)
{
	int status;

	ide_control(channel, IDE_CONTROL_NIEN | IDE_CONTROL_SRST);
	clock_spin(RESET_HOLD);
	ide_control(channel, IDE_CONTROL_NIEN);
	thread_sleep(RESET_SETTLE);
	select_unit(channel, 0);
	status = wait_ready(channel);
	if (status < 0)
		return status;
	for (unsigned int unit = 0; unit < IDE_DRIVES; unit++)
		look_at(&channel->drives[unit]);
	channel->device_register = 0;
	return 0;
}
