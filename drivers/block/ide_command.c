/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IDE: requests to a drive and back. Data goes by bus-master DMA, or, when the drive or ide.dma= say no or
 * memory lies where the controller does not reach it, by the data port (PIO), a sector for each
 * interrupt.
 *
 * A DMA command costs 11 accesses: address and length, command, start; then the bus master's state,
 * stop, status, and taking its interrupt back. Commands with 48 bits cost 4 more, and are for what needs
 * them.
 */
#include "drivers/block/ide.h"

#include "kernel/console/log.h"
#include "kernel/memory/dma.h"
#include "kernel/time/clock.h"

#include <errno.h>

#define LOG_AREA "block"
#define GONE 0xffu
/* How long a drive may take to ask for the first sector of a write; most ask at once. */
#define DRQ_TIME (2 * NANOSECONDS_PER_MILLISECOND)
#define DRQ_PAUSE NANOSECONDS_PER_MICROSECOND
/* ATA: 400 ns from the command to a status that means something; reading takes that. */

static struct ide_drive *drive_of(struct block_queue *queue)
{
	return queue->driver_data;
}

static void complain(struct ide_channel *channel, uint64_t *counter, const char *what,
		     unsigned int value)
{
	if (!(*counter)++)
		log_warning("%s: %s %x (said once, counted on)", channel->active->bus_name, what,
			    value);
}

/* Something was done, for which an interrupt may have come. */
static void step(struct ide_channel *channel)
{
	channel->steps++;
	pci_device_answered(&channel->ide->device);
}

/* -- To the drive */

/* The memory of a request as regions that cross no 64 KiB; false: DMA cannot be. */
static bool describe_memory(struct ide_channel *channel, const struct block_request *request)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < request->segment_count; i++) {
		uint64_t address = dma_address(request->segments[i].data);
		uint32_t left = request->segments[i].length;

		if (address + left - 1 > IDE_REACH || (address | left) & 1)
			return false;
		while (left) {
			uint32_t most = IDE_REGION_MAX - (uint32_t)(address % IDE_REGION_MAX);
			uint32_t bytes = left < most ? left : most;

			if (count == IDE_REGIONS)
				return false;
			channel->regions[count++] = (struct ide_region){
				.address = (uint32_t)address, .bytes = (uint16_t)bytes};
			address += bytes;
			left -= bytes;
		}
	}
	channel->regions[count - 1].flags = IDE_REGION_LAST;
	return true;
}

static bool needs_48(const struct block_request *request)
{
	return request->place + request->sectors > ATA_LIMIT_28 ||
	       request->sectors > ATA_SECTORS_28;
}

/* Address and length (ATA 6.2 and 6.20); with 48 bits each register takes two bytes in turn. */
static void write_address(struct ide_channel *channel, const struct ide_drive *drive,
			  uint64_t place, uint32_t sectors, bool wide)
{
	uint8_t device = (uint8_t)(ATA_DEVICE_OBSOLETE | ATA_DEVICE_LBA | drive->unit << 4 |
				   (wide ? 0 : place >> 24 & 0xf));

	if (device != channel->device_register)
		ide_write(channel, IDE_DEVICE, device);
	channel->device_register = device;
	if (wide) {
		ide_write(channel, IDE_SECTOR_COUNT, (uint8_t)(sectors >> 8));
		ide_write(channel, IDE_LBA_LOW, (uint8_t)(place >> 24));
		ide_write(channel, IDE_LBA_MID, (uint8_t)(place >> 32));
		ide_write(channel, IDE_LBA_HIGH, (uint8_t)(place >> 40));
	}
	ide_write(channel, IDE_SECTOR_COUNT, (uint8_t)sectors);
	ide_write(channel, IDE_LBA_LOW, (uint8_t)place);
	ide_write(channel, IDE_LBA_MID, (uint8_t)(place >> 8));
	ide_write(channel, IDE_LBA_HIGH, (uint8_t)(place >> 16));
	/* The drive counts on in these registers. */
	if (wide || (place + sectors) >> 24 != place >> 24)
		channel->device_register = 0;
}

static void select_drive(struct ide_channel *channel, const struct ide_drive *drive)
{
	uint8_t device = (uint8_t)(ATA_DEVICE_OBSOLETE | ATA_DEVICE_LBA | drive->unit << 4);

	if ((channel->device_register & 0xf0u) != device)
		ide_write(channel, IDE_DEVICE, device);
	channel->device_register = device;
}

/* The bits of the drives stay; `state` is what the register has. */
static void clear_interrupt(struct ide_channel *channel, uint8_t state)
{
	ide_bm_write(channel, IDE_BM_STATUS,
		     (uint8_t)((state & IDE_BM_DRIVES) | IDE_BM_INTERRUPT | IDE_BM_ERROR));
}

static void start_dma(struct ide_channel *channel, const struct ide_drive *drive,
		      const struct block_request *request)
{
	bool write = request->operation == BLOCK_WRITE, wide = needs_48(request);
	uint8_t direction = write ? 0 : IDE_BM_TO_MEMORY;
	uint8_t command = write ? (wide ? ATA_WRITE_DMA_EXT : ATA_WRITE_DMA)
				: (wide ? ATA_READ_DMA_EXT : ATA_READ_DMA);

	channel->way = IDE_DMA;
	memory_barrier_write();
	if (channel->bm_interrupt_old)
		clear_interrupt(channel, ide_bm_read(channel, IDE_BM_STATUS));
	/* BMIDE 3.1: the direction before the command, and not changed by the start. */
	if (!channel->bm_direction_known || direction != channel->bm_direction)
		ide_bm_write(channel, IDE_BM_COMMAND, direction);
	channel->bm_direction = direction;
	channel->bm_direction_known = true;
	write_address(channel, drive, request->place, (uint32_t)request->sectors, wide);
	ide_write(channel, IDE_COMMAND, command);
	ide_bm_write(channel, IDE_BM_COMMAND, direction | IDE_BM_START);
}

static void move_sector(struct ide_channel *channel)
{
	const struct block_request *request = channel->request;
	uint32_t left = BLOCK_SECTOR;

	while (left && channel->segment < request->segment_count) {
		const struct block_segment *segment = &request->segments[channel->segment];
		uint32_t rest = segment->length - channel->segment_offset;
		uint32_t bytes = rest < left ? rest : left;
		uint8_t *place = (uint8_t *)segment->data + channel->segment_offset;

		if (channel->way == IDE_PIO_READ)
			port_read16_string(channel->command + IDE_DATA, place, bytes / 2);
		else
			port_write16_string(channel->command + IDE_DATA, place, bytes / 2);
		channel->segment_offset += bytes;
		left -= bytes;
		if (channel->segment_offset == segment->length) {
			channel->segment++;
			channel->segment_offset = 0;
		}
	}
	channel->sectors_left--;
	step(channel);
	channel->active->pio_bytes += BLOCK_SECTOR;
}

/* The first sector of a write is asked for without an interrupt (ATA 9.7). */
static void first_sector(struct ide_channel *channel)
{
	uint64_t deadline = clock_monotonic() + DRQ_TIME;

	for (;;) {
		uint8_t status = ide_alternate_status(channel);

		if (!(status & ATA_STATUS_BSY)) {
			if (status & ATA_STATUS_DRQ && !(status & ATA_STATUS_ERR))
				move_sector(channel);
			/* Otherwise an error, of which the interrupt tells. */
			return;
		}
		if (clock_monotonic() >= deadline) {
			pci_device_break(&channel->ide->device, "does not take data");
			return;
		}
		clock_spin(DRQ_PAUSE);
	}
}

static void start_pio(struct ide_channel *channel, struct ide_drive *drive,
		      const struct block_request *request)
{
	bool write = request->operation == BLOCK_WRITE, wide = needs_48(request);
	uint8_t command = write ? (wide ? ATA_WRITE_SECTORS_EXT : ATA_WRITE_SECTORS)
				: (wide ? ATA_READ_SECTORS_EXT : ATA_READ_SECTORS);

	channel->way = write ? IDE_PIO_WRITE : IDE_PIO_READ;
	channel->segment = channel->segment_offset = 0;
	channel->sectors_left = (uint32_t)request->sectors;
	drive->pio_requests++;
	write_address(channel, drive, request->place, (uint32_t)request->sectors, wide);
	ide_write(channel, IDE_COMMAND, command);
	if (write)
		first_sector(channel);
}

static void start_flush(struct ide_channel *channel, const struct ide_drive *drive)
{
	channel->way = IDE_NO_DATA;
	select_drive(channel, drive);
	ide_write(channel, IDE_COMMAND,
		  drive->identity.flush_ext ? ATA_FLUSH_CACHE_EXT : ATA_FLUSH_CACHE);
}

/* Whether the drive may have the channel now. With the channel's lock. */
static bool take_channel(struct ide_channel *channel, struct ide_drive *drive)
{
	unsigned int other = 1 - drive->unit;

	if (channel->stopped || channel->ide->device.recovery.broken || channel->active ||
	    (channel->wants[other] && channel->last_unit == drive->unit)) {
		channel->wants[drive->unit] = true;
		return false;
	}
	channel->wants[drive->unit] = false;
	channel->last_unit = drive->unit;
	channel->active = drive;
	return true;
}

int ide_start(struct block_queue *queue, struct block_request *request)
{
	struct ide_drive *drive = drive_of(queue);
	struct ide_channel *channel = drive->channel;
	uint64_t flags;

	if (request->operation == BLOCK_IDENTIFY)
		return ata_answer_identify(&drive->identity, request);
	flags = spin_lock(&channel->lock);
	if (!take_channel(channel, drive)) {
		spin_unlock(&channel->lock, flags);
		return -EBUSY;
	}
	channel->request = request;
	if (request->operation == BLOCK_FLUSH) {
		start_flush(channel, drive);
	} else if (channel->bus_master && channel->ide->use_dma && drive->identity.dma &&
		   describe_memory(channel, request)) {
		drive->dma_requests++;
		start_dma(channel, drive, request);
	} else {
		start_pio(channel, drive, request);
	}
	channel->bm_interrupt_old = channel->way != IDE_DMA;
	spin_unlock(&channel->lock, flags);
	return 0;
}

void ide_kick(struct block_queue *queue)
{
	(void)queue; /* a command is one request: it was shown when it was started */
}

/* -- And back */

#define NOT_YET 1

static int check_status(struct ide_channel *channel, uint8_t status)
{
	if (status == GONE) {
		pci_device_break(&channel->ide->device, "reads as all ones");
		return NOT_YET;
	}
	if (status & ATA_STATUS_BSY)
		return NOT_YET;
	return status & (ATA_STATUS_ERR | ATA_STATUS_DF) ? -EIO : 0;
}

/* BMIDE 3.1 and its table of states. */
static int finish_dma(struct ide_channel *channel)
{
	uint8_t state = ide_bm_read(channel, IDE_BM_STATUS), status;
	int error;

	if (state == GONE) {
		pci_device_break(&channel->ide->device, "reads as all ones");
		return NOT_YET;
	}
	if (!(state & (IDE_BM_INTERRUPT | IDE_BM_ERROR)))
		return NOT_YET;
	ide_bm_write(channel, IDE_BM_COMMAND, channel->bm_direction);
	status = ide_read(channel, IDE_STATUS);
	clear_interrupt(channel, state);
	memory_barrier_read();
	error = check_status(channel, status);
	if (error == NOT_YET || status & ATA_STATUS_DRQ) {
		/* It says that it is done and is not: only a reset brings it back. */
		complain(channel, &channel->states_wrong, "the drive ended with status", status);
		pci_device_break(&channel->ide->device, "ends a command without being done");
		return NOT_YET;
	}
	if (!error && state & IDE_BM_ERROR)
		return -EIO;
	if (!error && state & IDE_BM_ACTIVE) {
		complain(channel, &channel->short_transfers,
			 "the drive moved less than it was asked to, state", state);
		return -EIO;
	}
	return error;
}

static int go_on_pio(struct ide_channel *channel)
{
	uint8_t status = ide_read(channel, IDE_STATUS);
	int error = check_status(channel, status);

	if (error)
		return error;
	if (channel->way == IDE_PIO_WRITE && !channel->sectors_left)
		return 0;
	if (!(status & ATA_STATUS_DRQ)) {
		complain(channel, &channel->short_transfers,
			 "the drive moved less than it was asked to, status", status);
		return -EIO;
	}
	move_sector(channel);
	return channel->way == IDE_PIO_READ && !channel->sectors_left ? 0 : NOT_YET;
}

static int progress(struct ide_channel *channel)
{
	switch (channel->way) {
	case IDE_DMA:
		return finish_dma(channel);
	case IDE_PIO_READ:
	case IDE_PIO_WRITE:
		return go_on_pio(channel);
	default:
		return check_status(channel, ide_read(channel, IDE_STATUS));
	}
}

unsigned int ide_reap(struct block_queue *queue)
{
	struct ide_drive *drive = drive_of(queue);
	struct ide_channel *channel = drive->channel;
	uint64_t flags = spin_lock(&channel->lock);
	struct block_request *request = channel->request;
	int error = NOT_YET;

	if (channel->active == drive && !channel->stopped && !channel->ide->device.recovery.broken)
		error = progress(channel);
	if (error != NOT_YET) {
		if (error)
			channel->device_register = 0;
		channel->active = NULL;
		channel->request = NULL;
		channel->way = IDE_IDLE;
		step(channel);
		/*
		 * Found without an interrupt: nobody is here who would give the next its turn. It is not the layer's
		 * thread either, which may itself be waiting for that turn. Not armed twice: timer_arm() would wait
		 * for the function, and that for this lock.
		 */
		if (!channel->serving && !channel->turn_due) {
			channel->turn_due = true;
			timer_arm(&channel->turn, clock_monotonic());
		}
	}
	spin_unlock(&channel->lock, flags);
	if (error == NOT_YET)
		return 0;
	block_finish(request, error);
	return 1;
}

/* Who has the channel next, or NULL: it is taken, or nobody wants it. With the channel's lock. */
static struct ide_drive *next_in_turn(struct ide_channel *channel)
{
	unsigned int unit = 1 - channel->last_unit;

	if (!channel->wants[unit])
		unit = channel->last_unit;
	if (channel->active || channel->stopped || !channel->wants[unit])
		return NULL;
	/* It has its turn, whether it still wants it or not. */
	channel->wants[unit] = false;
	channel->last_unit = 1 - unit;
	return &channel->drives[unit];
}

static void serve(struct ide_channel *channel)
{
	for (;;) {
		uint64_t flags = spin_lock(&channel->lock);
		struct ide_drive *drive = next_in_turn(channel);

		if (!drive)
			channel->serving--;
		spin_unlock(&channel->lock, flags);
		if (!drive)
			return;
		block_interrupt(&drive->block.queues[0]);
	}
}

/* Interrupt context */
static void on_turn(void *context)
{
	struct ide_channel *channel = context;
	uint64_t flags = spin_lock(&channel->lock);

	channel->turn_due = false;
	channel->serving++;
	spin_unlock(&channel->lock, flags);
	serve(channel);
}

void ide_turn_init(struct ide_channel *channel)
{
	channel->turn = (struct timer)TIMER_INIT(on_turn, channel);
}

enum interrupt_result ide_interrupt(struct pci_device *device, unsigned int line)
{
	struct ide_channel *channel = &ide_of_device(device)->channels[line];
	struct ide_drive *drive;
	uint64_t flags, steps;

	if (!channel->ide)
		return INTERRUPT_NONE; /* nothing is on that channel */
	flags = spin_lock(&channel->lock);
	drive = channel->active;
	steps = channel->steps;
	channel->interrupts++;
	channel->serving++;
	if (!drive) {
		channel->interrupts_stray++;
		(void)ide_read(channel, IDE_STATUS); /* takes it back */
	}
	spin_unlock(&channel->lock, flags);
	if (drive)
		block_interrupt(&drive->block.queues[0]);
	serve(channel);
	/* One without a reason is nobody's: when they do not end the line is held back, and the disks go on. */
	return __atomic_load_n(&channel->steps, __ATOMIC_RELAXED) != steps ? INTERRUPT_HANDLED
									   : INTERRUPT_NONE;
}

void ide_abort(struct ide_channel *channel)
{
	struct ide_drive *drive = channel->active;
	struct block_request *request = channel->request;
	uint64_t flags;

	if (!drive)
		return;
	flags = block_lock(&drive->block.queues[0]);
	channel->active = NULL;
	channel->request = NULL;
	channel->way = IDE_IDLE;
	block_finish(request, request->expired ? -ETIMEDOUT : -EIO);
	block_unlock(&drive->block.queues[0], flags);
}
