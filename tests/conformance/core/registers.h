/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers that every transport has in its own place and width (virtio 1.4, 4.1.4.3, 4.1.4.10, 4.2.2,
 * 4.2.4), under one name. A case that is about a transport's own layout uses target_read() and the offsets of
 * the specification instead.
 */
#ifndef TESTS_CONFORMANCE_CORE_REGISTERS_H
#define TESTS_CONFORMANCE_CORE_REGISTERS_H

#include "tests/conformance/target.h"

enum conformance_register {
	REGISTER_DEVICE_FEATURE_SELECT,
	REGISTER_DEVICE_FEATURE,
	REGISTER_DRIVER_FEATURE_SELECT,
	REGISTER_DRIVER_FEATURE,
	REGISTER_STATUS,
	REGISTER_GENERATION,
	REGISTER_QUEUE_SELECT,
	REGISTER_QUEUE_SIZE, /* PCI: maximum and size; MMIO: write only; legacy PCI: read only */
	REGISTER_QUEUE_SIZE_MAX, /* MMIO; elsewhere what REGISTER_QUEUE_SIZE reads before it is written */
	REGISTER_QUEUE_ENABLE, /* queue_enable, QueueReady */
	REGISTER_QUEUE_RESET,
	REGISTER_QUEUE_PFN,	/* legacy: queue address, QueuePFN */
	REGISTER_NUM_QUEUES,	/* PCI only, as the next four */
	REGISTER_CONFIG_VECTOR, /* legacy PCI: only while MSI-X is enabled */
	REGISTER_QUEUE_VECTOR,
	REGISTER_QUEUE_NOTIFY_OFF,
	REGISTER_NOTIFY_DATA,
	REGISTER_ISR,		/* PCI: read clears; MMIO: InterruptStatus */
	REGISTER_INTERRUPT_ACK, /* MMIO */
	REGISTERS
};

/* The 64-bit addresses; written in halves, low first. Not on legacy transports. */
enum conformance_area { AREA_DESCRIPTORS, AREA_DRIVER, AREA_DEVICE };

/* Device status bits (2.1). */
#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER 2u
#define STATUS_DRIVER_OK 4u
#define STATUS_FEATURES_OK 8u
#define STATUS_NEEDS_RESET 64u
#define STATUS_FAILED 128u
#define NO_VECTOR 0xffffu

bool register_exists(const struct conformance_target *t, enum conformance_register which);
/* A register that the transport does not have ends the case as a failure of the suite. */
uint32_t register_read(struct conformance_target *t, enum conformance_register which);
void register_write(struct conformance_target *t, enum conformance_register which, uint32_t value);
/* Where it lies, for cases that want another width. False: not on this transport. */
bool register_place(const struct conformance_target *t, enum conformance_register which,
		    enum conformance_space *space, uint32_t *offset, unsigned int *width);

void area_write(struct conformance_target *t, enum conformance_area area, uint64_t address);
uint64_t area_read(struct conformance_target *t, enum conformance_area area); /* PCI only */

/* Device-specific configuration, one access of that width, no generation check. */
uint64_t config_read(struct conformance_target *t, uint32_t offset, unsigned int width);
void config_write(struct conformance_target *t, uint32_t offset, unsigned int width,
		  uint64_t value);
/* Bytes of it that can be read. */
uint32_t config_length(const struct conformance_target *t);

/* 64 feature bits that the device offers: words 0 and 1 (legacy: word 0). */
uint64_t features_offered(struct conformance_target *t);
void features_write(struct conformance_target *t, uint64_t features);

/* Writes 0 and waits until the status reads 0; the case fails when it never does. */
void device_reset(struct conformance_target *t);

/* The doorbell of a queue, as the transport has it (4.1.5.2, 4.2.3.3). `value` is normally the index. */
void notify(struct conformance_target *t, unsigned int queue, uint32_t value);

/* How many queues there are: num_queues, or the number of those with a size. */
unsigned int queue_count(struct conformance_target *t);

bool is_legacy(const struct conformance_target *t);
bool is_pci(const struct conformance_target *t);
bool is_mmio(const struct conformance_target *t);

/* PCI: the 16-bit command and status registers, and the MSI-X message control, by name. */
#define PCI_COMMAND_OFFSET 0x04u
#define PCI_STATUS_OFFSET 0x06u
#define PCI_COMMAND_LINE_DISABLE 0x0400u
#define PCI_STATUS_LINE 0x0008u
#define MSIX_CONTROL_ENABLE 0x8000u
#define MSIX_CONTROL_MASK_ALL 0x4000u

#endif
