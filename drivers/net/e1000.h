/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intel's 82540EM and its sisters: what the driver's files share. Sections are of "PCI/PCI-X Family of
 * Gigabit Ethernet Controllers Software Developer's Manual", names of registers are those there.
 *
 *	e1000.c		finding, starting, stopping, link, filters, interrupts, description
 *	e1000_rings.c	frames to the device and from it
 *	e1000_offloads.c	checksums and segmentation of what is sent
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
#define E1000_RXCSUM 0x5000u
#define E1000_RXCSUM_TUOFL (1u << 9)
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
#define E1000_RXD_IXSM 0x04u   /* it has not looked at checksums */
#define E1000_RXD_TCPCS 0x20u  /* it has looked at TCP's or UDP's */
#define E1000_RXD_TCPE 0x20u   /* among the errors: and that is wrong */
#define E1000_RXD_ERRORS 0x97u /* CE, SE, SEQ, CXE, RXE: not the checksums' */

/* 3.3.6: what the data descriptors after it ask for */
struct e1000_context_descriptor {
	uint8_t ip_start, ip_offset; /* where the sum begins, and where it goes */
	uint16_t ip_end;	     /* its last byte; 0: that of the frame */
	uint8_t tcp_start, tcp_offset;
	uint16_t tcp_end;
	uint32_t payload_command; /* bytes behind the headers, and bits */
	uint8_t status, header;	  /* bytes of headers */
	uint16_t segment;	  /* bytes of payload for each frame */
};

#define E1000_CONTEXT_TCP (1u << 24)
#define E1000_CONTEXT_IP4 (1u << 25)
#define E1000_CONTEXT_TSE (1u << 26)
#define E1000_CONTEXT_DEXT (1u << 29)

/* 3.3.7 */
struct e1000_data_descriptor {
	uint64_t address;
	uint32_t length_command;
	uint8_t status, options;
	uint16_t special;
};

#define E1000_DATA_TYPE (1u << 20)
#define E1000_DATA_EOP (1u << 24)
#define E1000_DATA_IFCS (1u << 25)
#define E1000_DATA_TSE (1u << 26)
#define E1000_DATA_RS (1u << 27)
#define E1000_DATA_DEXT (1u << 29)
#define E1000_DATA_IXSM 0x01u /* options: the sum of IP, and of TCP or UDP */
#define E1000_DATA_TXSM 0x02u
#define E1000_TXD_DD 0x01u
/* Each of them may be for 16288 bytes. */
#define E1000_DATA_MAX 8192u

union e1000_transmit_descriptor {
	struct e1000_context_descriptor context;
	struct e1000_data_descriptor data;
};

_Static_assert(sizeof(struct e1000_receive_descriptor) == 16, "3.2.3");
_Static_assert(sizeof(struct e1000_context_descriptor) == 16, "3.3.6");
_Static_assert(sizeof(struct e1000_data_descriptor) == 16, "3.3.7");
_Static_assert(offsetof(struct e1000_data_descriptor, status) == 12, "3.3.7");

/* Lengths of rings are multiples of 8 descriptors (13.4.27). */
#define E1000_RING 256u
#define E1000_SEGMENTS_MAX 48u
#define E1000_FRAME_MAX 1514u
/* Headers of a frame to be cut, which are not those that the stack made. */
#define E1000_HEADERS_MAX 128u

#define E1000_CUTS (1u << NETWORK_CUT_TCP4)

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
	union e1000_transmit_descriptor *transmit;
	uint8_t (*headers)[E1000_HEADERS_MAX];	  /* one for each descriptor */
	uint16_t checksum_start, checksum_offset; /* what its context has; 0: nothing */
	struct e1000_sent sent[E1000_RING];	  /* at each frame's first descriptor */
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

/* -- e1000_offloads.c */
/* Whether what a frame of `length` bytes asks for is offered, and inside of it: 0, -EINVAL, -EMSGSIZE. */
int e1000_offloads_check(const struct network_device *network, const struct network_transmit *frame,
			 uint32_t length);
/* Writes the headers of a frame to be cut, as the device wants them. */
void e1000_offloads_headers(const struct network_transmit *frame, uint32_t length,
			    uint8_t headers[E1000_HEADERS_MAX]);
/* What the device has to know before the data of a frame that has `checksum`. */
struct e1000_context_descriptor e1000_offloads_context(const struct network_transmit *frame,
						       uint32_t length);
/* ethtool -K: tso. */
int e1000_set_feature(struct network_device *network, const char *name, bool on);

#endif
