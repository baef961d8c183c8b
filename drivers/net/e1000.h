/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intel's 82540EM and its sisters: what the driver's files share. Sections are of "PCI/PCI-X Family of
 * Gigabit Ethernet Controllers Software Developer's Manual", names of registers are those there.
 *
 *	e1000.c		finding, starting, stopping, link, filters, interrupts, description
 *	e1000_rings.c	frames to the device and from it
 */
#ifndef DRIVERS_NET_E1000_H
#define DRIVERS_NET_E1000_H

#include "drivers/net/buffers.h"
#include "drivers/pci/device.h"
#include "kernel/thread/spinlock.h"
#include "kernel/x86/io.h"

#define E1000_REGISTERS_SIZE 0x20000u

/* 13.4 */
#define E1000_CTRL 0x0000u
#define E1000_CTRL_FD (1u << 0)
#define E1000_CTRL_ASDE (1u << 5)
#define E1000_CTRL_SLU (1u << 6)
#define E1000_CTRL_RST (1u << 26)
#define E1000_STATUS 0x0008u
#define E1000_STATUS_FD (1u << 0)
#define E1000_STATUS_LU (1u << 1)
#define E1000_STATUS_SPEED(status) ((status) >> 6 & 3)
#define E1000_ICR 0x00c0u
#define E1000_ITR 0x00c4u
#define E1000_IMS 0x00d0u
#define E1000_IMC 0x00d8u
#define E1000_INT_TXDW (1u << 0)
#define E1000_INT_LSC (1u << 2)
#define E1000_INT_RXDMT0 (1u << 4)
#define E1000_INT_RXO (1u << 6)
#define E1000_INT_RXT0 (1u << 7)
#define E1000_RCTL 0x0100u
#define E1000_RCTL_EN (1u << 1)
#define E1000_RCTL_UPE (1u << 3)
#define E1000_RCTL_MPE (1u << 4)
#define E1000_RCTL_BAM (1u << 15)
#define E1000_RCTL_SECRC (1u << 26)
#define E1000_TCTL 0x0400u
#define E1000_TCTL_EN (1u << 1)
#define E1000_TCTL_PSP (1u << 3)
#define E1000_TCTL_CT (0x0fu << 4)
#define E1000_TCTL_COLD (0x40u << 12)
#define E1000_TIPG 0x0410u
#define E1000_TIPG_COPPER (10u | 8u << 10 | 6u << 20)
#define E1000_RDBAL 0x2800u
#define E1000_RDBAH 0x2804u
#define E1000_RDLEN 0x2808u
#define E1000_RDH 0x2810u
#define E1000_RDT 0x2818u
#define E1000_RDTR 0x2820u
#define E1000_RADV 0x282cu
#define E1000_TDBAL 0x3800u
#define E1000_TDBAH 0x3804u
#define E1000_TDLEN 0x3808u
#define E1000_TDH 0x3810u
#define E1000_TDT 0x3818u
#define E1000_MTA 0x5200u
#define E1000_MTA_WORDS 128u
#define E1000_RAL 0x5400u
#define E1000_RAH 0x5404u
#define E1000_RAH_AV (1u << 31)

#define E1000_INT_RECEIVE (E1000_INT_RXT0 | E1000_INT_RXDMT0 | E1000_INT_RXO)

/* 3.2.3 */
struct e1000_receive_descriptor {
	uint64_t address;
	uint16_t length, checksum;
	uint8_t status, errors;
	uint16_t special;
};

#define E1000_RXD_DD 0x01u
#define E1000_RXD_EOP 0x02u
#define E1000_RXD_ERRORS 0x97u /* CE, SE, SEQ, CXE, RXE: not the checksums' */

/* 3.3.3, the legacy format */
struct e1000_transmit_descriptor {
	uint64_t address;
	uint16_t length;
	uint8_t cso, command, status, css;
	uint16_t special;
};

#define E1000_TXD_EOP 0x01u
#define E1000_TXD_IFCS 0x02u
#define E1000_TXD_RS 0x08u
#define E1000_TXD_DD 0x01u

_Static_assert(sizeof(struct e1000_receive_descriptor) == 16, "3.2.3");
_Static_assert(sizeof(struct e1000_transmit_descriptor) == 16, "3.3.3");

/* Lengths of rings are multiples of 8 descriptors (13.4.27). */
#define E1000_RING 256u
#define E1000_SEGMENTS_MAX 32u
#define E1000_FRAME_MAX 1514u

struct e1000_sent {
	void *token;
	uint16_t last; /* descriptor of the frame, which the device writes back */
};

struct e1000 {
	struct network_device network;
	struct pci_device device;
	volatile uint8_t *registers;
	bool stopped;

	/* Receiving: [next, tail) is with the device; one place of the ring is always free. */
	struct network_buffers buffers;
	struct e1000_receive_descriptor *receive;
	struct network_buffer *posted[E1000_RING];
	unsigned int receive_next, receive_tail, posted_count, posted_target;
	bool in_bad_frame; /* the rest of a frame that is too long comes yet */

	/* Sending: [clean, tail) is with the device, of which it knows [clean, told). */
	struct e1000_transmit_descriptor *transmit;
	struct e1000_sent sent[E1000_RING]; /* at each frame's first descriptor */
	unsigned int clean, transmit_tail, told;
	uint64_t progress; /* when the device last did something of that, or had nothing to do */
	bool wants_room;

	/* What interrupts are let through. */
	bool armed, masked;
	uint32_t mask;

	struct spinlock mode_lock;
	uint32_t multicast[E1000_MTA_WORDS]; /* as the device has it */
	uint32_t receive_control;
	struct network_statistics statistics;
	uint64_t interrupts, ring_full, receive_overruns;
};

static inline struct e1000 *e1000_of(struct network_device *device)
{
	return device->driver_data;
}

static inline struct e1000 *e1000_of_device(struct pci_device *device)
{
	return (struct e1000 *)((char *)device - offsetof(struct e1000, device));
}

static inline uint32_t e1000_read(struct e1000 *e1000, unsigned int offset)
{
	e1000->device.register_reads++;
	return mmio_read32(e1000->registers + offset);
}

static inline void e1000_write(struct e1000 *e1000, unsigned int offset, uint32_t value)
{
	e1000->device.register_writes++;
	mmio_write32(e1000->registers + offset, value);
}

/* -- e1000_rings.c */
/* The pool and the rings. 0 or -ENOMEM; then nothing is left behind. */
int e1000_rings_create(struct e1000 *e1000);
void e1000_rings_destroy(struct e1000 *e1000);
/* The device is stopped: tells it where the rings are, with buffers in them. */
void e1000_rings_start(struct e1000 *e1000);
/* The device is stopped: takes all back. With the stack's lock. */
void e1000_rings_stop(struct e1000 *e1000);
unsigned int e1000_receive_poll(struct e1000 *e1000, unsigned int budget);
/* Whether a frame is there. */
bool e1000_receive_pending(const struct e1000 *e1000);
void e1000_reclaim(struct e1000 *e1000);
int e1000_transmit(struct network_device *device, unsigned int queue,
		   const struct network_transmit *frame);
void e1000_flush(struct network_device *device, unsigned int queue);

#endif
