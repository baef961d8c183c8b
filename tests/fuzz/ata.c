/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/ata.h"

#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "tests/device/pci_model.h"
#include "tests/fuzz/disk_user.h"
#include "tests/fuzz/emulated.h"
#include "tests/fuzz/fuzz.h"

#define STEPS 80
#define WORDS 256

static void service(void)
{
	block_service();
}

static struct block_device *some_disk(void)
{
	struct block_device *disk = block_first();

	for (unsigned int skip = fuzz_choose(4); skip && disk && disk->next; skip--)
		disk = disk->next;
	return disk;
}

static void step(const struct ata_fuzzed *fuzzed)
{
	struct block_device *disk = some_disk();
	unsigned int choice = fuzz_choose(9);

	switch (choice) {
	case 0 ... DISK_USER_STEPS - 1:
		disk_user_step(choice, disk, ATA_MODEL_SECTORS, service);
		break;
	case 5:
		fuzzed->lie(emulated_tells(EMULATED_MODEL));
		break;
	case 6:
		if (emulated_tells(EMULATED_MEMORY))
			fuzzed->write();
		break;
	case 7:
		if (emulated_tells(EMULATED_INTERRUPTS))
			fuzzed->cause();
		break;
	default:
		if (fuzz_choose(8) == 7 && pci_device_first())
			(void)pci_device_reset(pci_device_first());
		break;
	}
}

void ata_fuzz_drive(struct ata_model *drive, const char *serial)
{
	uint8_t kind = fuzz_byte();

	drive->present = false;
	if (kind & 1)
		return;
	ata_model_init(drive, serial, kind & 2 ? fuzz_number(6) : ATA_MODEL_SECTORS);
	drive->packet = (kind & 0x0c) == 0x0c;
	if (kind & 0x10)
		drive->bad_sector = fuzz_choose(ATA_MODEL_SECTORS);
	for (unsigned int i = kind & 0x20 ? fuzz_choose(16) : 0; i; i--)
		ata_model_word(drive, fuzz_choose(WORDS), (uint16_t)fuzz_number(2));
	if (!(kind & 0x40))
		ata_model_seal(drive);
}

void ata_fuzz(const struct ata_fuzzed *fuzzed)
{
	options_parse("block.timeout=5");
	fuzzed->init();
	emulated_open();
	fuzzed->lie(emulated_tells(EMULATED_MODEL));
	pci_model_boot();
	/* Below 4 GiB by DMA, above it as the controller can. */
	disk_user_open(fuzz_choose(4) == 3 ? UINT64_MAX : UINT32_MAX);
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		step(fuzzed);
	emulated_calm();
	fuzzed->lie(false);
	emulated_settle(service);
	disk_user_drain(service);
	disk_user_check();
}
