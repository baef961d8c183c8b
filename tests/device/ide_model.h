/* SPDX-License-Identifier: BSD-2-Clause */
/* A PIIX3 with two channels of two drives, as far as the driver uses it; able to lie. */
#ifndef TESTS_DEVICE_IDE_MODEL_H
#define TESTS_DEVICE_IDE_MODEL_H

#include "tests/device/ata_model.h"
#include "tests/device/pci_model.h"

struct ide_model;

struct ide_model_channel {
	struct ide_model *model;
	unsigned int index;
	struct ata_model drives[2];
	uint8_t registers[8], before[8]; /* what was written, and what before that */
	uint8_t status, control;
	uint8_t command; /* that runs; 0: none */
	uint64_t place;
	uint32_t left; /* sectors */
	uint8_t data[512];
	unsigned int at; /* in data */
	uint8_t bm_command, bm_status;
	uint32_t bm_table;
	unsigned int commands;
};

struct ide_model {
	struct pci_model pci;
	struct ide_model_channel channels[2];

	/* Lies, of all channels. */
	bool gone;	    /* reads all ones */
	bool hangs;	    /* commands never end */
	bool no_interrupt;  /* they end without saying so */
	bool busy_for_ever; /* BSY after each reset */
	bool short_dma;	    /* DMA ends before all was moved */
	bool bus_error;	    /* DMA ends with its error bit */
	bool drq_stuck;	    /* DRQ stays after DMA */
	bool ends_early;    /* PIO: no more DRQ after the first sector */
	bool floating;	    /* empty channels read all ones instead of 0 */

	unsigned int violations;
	const char *violation;
};

void ide_model_init(struct ide_model *model);

#endif
