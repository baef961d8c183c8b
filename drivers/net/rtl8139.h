/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Realtek's RTL8139, as all revisions have it: what the driver's files share. Sections are of the data
 * sheet "RTL8139C(L)", names of registers are those there.
 *
 *	rtl8139.c	finding, starting, stopping, link, filters, interrupts, description
 *	rtl8139_rings.c	frames to the device and from it
 */
#ifndef DRIVERS_NET_RTL8139_H
#define DRIVERS_NET_RTL8139_H

#include "drivers/net/buffers.h"
#include "drivers/pci/device.h"
#include "kernel/thread/spinlock.h"
#include "kernel/x86/io.h"

#define RTL8139_REGISTERS_SIZE 0x80u

/* 5 */
#define RTL8139_IDR0 0x00u
#define RTL8139_MAR0 0x08u
#define RTL8139_TSD0 0x10u /* 4 of them */
#define RTL8139_TSAD0 0x20u
#define RTL8139_RBSTART 0x30u
#define RTL8139_CR 0x37u
#define RTL8139_CR_TE 0x04u
#define RTL8139_CR_RE 0x08u
#define RTL8139_CR_RST 0x10u
#define RTL8139_CAPR 0x38u
#define RTL8139_CBR 0x3au
#define RTL8139_IMR 0x3cu
#define RTL8139_ISR 0x3eu
#define RTL8139_INT_ROK 0x0001u
#define RTL8139_INT_RER 0x0002u
#define RTL8139_INT_TOK 0x0004u
#define RTL8139_INT_TER 0x0008u
#define RTL8139_INT_RXOVW 0x0010u
#define RTL8139_INT_PUN 0x0020u /* packet underrun, or the link changed */
#define RTL8139_INT_FOVW 0x0040u
#define RTL8139_INT_SERR 0x8000u
#define RTL8139_TCR 0x40u
#define RTL8139_TCR_CLRABT 0x01u
#define RTL8139_TCR_MXDMA (6u << 8) /* 1024 bytes */
#define RTL8139_TCR_IFG (3u << 24)  /* what 802.3 says */
#define RTL8139_RCR 0x44u
#define RTL8139_RCR_AAP 0x01u
#define RTL8139_RCR_APM 0x02u
#define RTL8139_RCR_AM 0x04u
#define RTL8139_RCR_AB 0x08u
#define RTL8139_RCR_WRAP 0x80u
#define RTL8139_RCR_MXDMA (7u << 8) /* no limit */
#define RTL8139_RCR_RBLEN_32K (2u << 11)
#define RTL8139_RCR_RXFTH (7u << 13) /* whole frames */
#define RTL8139_9346CR 0x50u
#define RTL8139_9346CR_LOCK 0x00u
#define RTL8139_9346CR_UNLOCK 0xc0u
#define RTL8139_MSR 0x58u
#define RTL8139_MSR_LINKB 0x04u /* no link */
#define RTL8139_MSR_SPEED_10 0x08u
#define RTL8139_TSAD 0x60u /* the states of all four transmissions at once */
#define RTL8139_TSAD_OWN(slot) (0x0001u << (slot))
#define RTL8139_TSAD_TABT(slot) (0x0010u << (slot))
#define RTL8139_TSAD_TUN(slot) (0x0100u << (slot))
#define RTL8139_TSAD_TOK(slot) (0x1000u << (slot))

#define RTL8139_INT_RECEIVE (RTL8139_INT_ROK | RTL8139_INT_RER | RTL8139_INT_FOVW)
#define RTL8139_INT_ALWAYS (RTL8139_INT_RECEIVE | RTL8139_INT_PUN | RTL8139_INT_SERR)
#define RTL8139_INT_TRANSMIT (RTL8139_INT_TOK | RTL8139_INT_TER)

/* In front of each frame in the receive ring, and behind it four bytes of CRC, which the length counts. */
struct rtl8139_header {
	uint16_t status, length;
};

#define RTL8139_RX_ROK 0x0001u
#define RTL8139_RX_ERRORS 0x003eu /* FAE, CRC, LONG, RUNT, ISE */

/* With WRAP a frame that begins in the ring ends behind it. */
#define RTL8139_RING 32768u
#define RTL8139_RING_MEMORY (RTL8139_RING + 16u + 2048u)
#define RTL8139_FRAME_MAX 1514u
#define RTL8139_FRAME_MIN 60u
#define RTL8139_SLOTS 4u
#define RTL8139_SLOT_SIZE 2048u
#define RTL8139_TOKENS 16u
#define RTL8139_REACH UINT32_MAX /* its addresses have 32 bits */

struct rtl8139 {
	struct network_device network;
	struct pci_device device;
	volatile uint8_t *registers;
	bool stopped;

	struct network_buffers buffers;
	uint8_t *ring;
	unsigned int place; /* in the ring, of the next frame */

	/* Frames are copied into slots, so that their tokens go back at the next opportunity. */
	uint8_t *slots;
	unsigned int next_slot, busy_slots; /* the oldest busy one is next_slot - busy_slots */
	void *tokens[RTL8139_TOKENS];
	unsigned int token_count;
	uint64_t progress; /* when the device last finished a slot, or had none */
	bool wants_room;

	bool armed, masked;
	uint16_t mask;

	struct spinlock mode_lock;
	uint32_t multicast[2], receive_control; /* as the device has them */
	struct network_statistics statistics;
	uint64_t interrupts, ring_full, receive_overruns, transmit_aborts;
};

static inline struct rtl8139 *rtl8139_of(struct network_device *device)
{
	return device->driver_data;
}

static inline struct rtl8139 *rtl8139_of_device(struct pci_device *device)
{
	return (struct rtl8139 *)((char *)device - offsetof(struct rtl8139, device));
}

#define RTL8139_ACCESSORS(width)                                                                   \
	static inline uint##width##_t rtl8139_read##width(struct rtl8139 *rtl,                     \
							  unsigned int offset)                     \
	{                                                                                          \
		rtl->device.register_reads++;                                                      \
		return mmio_read##width(rtl->registers + offset);                                  \
	}                                                                                          \
	static inline void rtl8139_write##width(struct rtl8139 *rtl, unsigned int offset,          \
						uint##width##_t value)                             \
	{                                                                                          \
		rtl->device.register_writes++;                                                     \
		mmio_write##width(rtl->registers + offset, value);                                 \
	}

RTL8139_ACCESSORS(8)
RTL8139_ACCESSORS(16)
RTL8139_ACCESSORS(32)
#undef RTL8139_ACCESSORS

/* -- rtl8139_rings.c */
/* 0 or -ENOMEM; then nothing is left behind. */
int rtl8139_rings_create(struct rtl8139 *rtl);
void rtl8139_rings_destroy(struct rtl8139 *rtl);
/* The device is reset: tells it where the rings are. */
void rtl8139_rings_start(struct rtl8139 *rtl);
/* The device is stopped: gives tokens back. With the stack's lock. */
void rtl8139_rings_stop(struct rtl8139 *rtl);
unsigned int rtl8139_receive_poll(struct rtl8139 *rtl, unsigned int budget);
/* Looks which slots are sent, when somebody waits for one; gives tokens back. */
void rtl8139_reclaim(struct rtl8139 *rtl);
void rtl8139_give_back(struct rtl8139 *rtl);
int rtl8139_transmit(struct network_device *device, unsigned int queue,
		     const struct network_transmit *frame);

#endif
