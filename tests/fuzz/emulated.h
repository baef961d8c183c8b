/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device that is not virtio, for several targets: what the fuzzer chooses between the driver and the model.
 *
 *	emulated_open();		reads from the input which lies are told
 *	... boot, steps ...
 *	emulated_calm();		from here on the device is as honest as it can be
 *	emulated_settle(service);	it runs again, or is given up
 */
#ifndef TESTS_FUZZ_EMULATED_H
#define TESTS_FUZZ_EMULATED_H

#include "drivers/pci/device.h"

#include <stdbool.h>
#include <stdint.h>

enum emulated_lie {
	EMULATED_REGISTERS = 1, /* read as something else, now and then */
	EMULATED_MODEL = 2,	/* the model's own lies */
	EMULATED_MEMORY = 4,	/* writes to what was lent to it */
	EMULATED_INTERRUPTS = 8,
};

void emulated_open(void);
bool emulated_tells(enum emulated_lie lie);
void emulated_calm(void);

/* Writes to memory that was lent: bytes of the input, at most 16, somewhere in [offset, offset + length). */
void emulated_write(uint64_t address, uint32_t offset, uint32_t length);

void emulated_settle(void (*service)(void));

#endif
