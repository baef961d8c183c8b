/* SPDX-License-Identifier: BSD-2-Clause */
/* An AHCI controller with four ports, as far as the driver uses it; able to lie. */
#ifndef TESTS_DEVICE_AHCI_MODEL_H
#define TESTS_DEVICE_AHCI_MODEL_H

#include "tests/device/ata_model.h"
#include "tests/device/pci_model.h"

#define AHCI_MODEL_PORTS 4

struct ahci_model;

struct ahci_model_port {
	struct ahci_model *model;
	struct ata_model drive;
	uint32_t registers[32];
	bool halted; /* by an error, until ST is taken back */
	unsigned int commands, most_at_once;
};

struct ahci_model {
	struct pci_model pci;
	unsigned int msi; /* its capability; 0: none */
	uint32_t cap, ghc, is, pi;
	struct ahci_model_port ports[AHCI_MODEL_PORTS];

	/* Lies, of all ports. */
	bool gone;	       /* reads all ones */
	bool hangs;	       /* commands never end */
	bool no_interrupt;     /* they end without saying so */
	bool reset_sticks;     /* GHC.HR stays set */
	bool engine_sticks;    /* PxCMD.CR stays set */
	bool busy;	       /* PxTFD.BSY stays set */
	bool short_count;      /* PRDBC says less */
	bool asserted;	       /* port 0 has a reason to interrupt, whatever is written */
	bool unfounded;	       /* IS reads as if nobody had */
	bool more_active;      /* PxSACT and PxCI have bits of commands that never were */
	unsigned int spurious; /* so many interrupts with each one that is due */

	unsigned int violations;
	const char *violation;
};

/* Drive 0 is there. With MSI, or with the pin only. */
void ahci_model_init(struct ahci_model *model, bool msi);

#endif
