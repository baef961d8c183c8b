/* SPDX-License-Identifier: BSD-2-Clause */
/* A controller of ATA disks with those who use them (disk_user.h): the run of its targets. */
#ifndef TESTS_FUZZ_ATA_H
#define TESTS_FUZZ_ATA_H

#include "tests/device/ata_model.h"

/* What a target says of its controller. */
struct ata_fuzzed {
	void (*init)(void);
	/* Chooses the model's lies; without the right to, there are none any more. */
	void (*lie)(bool may);
	/* Writes into the memory that was lent to it. */
	void (*write)(void);
	/* An interrupt of any cause, a command that ends in any way. */
	void (*cause)(void);
};

/* A disk, or none, with what it says of itself. */
void ata_fuzz_drive(struct ata_model *drive, const char *serial);
void ata_fuzz(const struct ata_fuzzed *fuzzed);

#endif
