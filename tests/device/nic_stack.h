/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network stack as the tests of emulated network devices play it: whichever device was added last,
 * frames both ways, and an account of all that was lent.
 */
#ifndef TESTS_DEVICE_NIC_STACK_H
#define TESTS_DEVICE_NIC_STACK_H

#include "drivers/net/buffers.h"
#include "drivers/pci/device.h"
#include "tests/device/host.h"

#define NIC_KEPT_MAX 1024
#define NIC_FRAMES_MAX 64

struct nic_frame {
	uint8_t bytes[2048];
	unsigned int length;
};

struct nic_stack {
	struct network_device *device;
	struct pci_device *pci;
	uint8_t *memory; /* DMA memory with a pattern, 16 KiB; frames are sent from it */
	void (*inject)(const void *bytes, unsigned int length); /* the test's: to its model */
	struct nic_frame last;
	unsigned int received, sent, given_back;
	bool checksum_good;		  /* of the last that was received */
	uint64_t tokens_out, tokens_back; /* sums */
	bool keep;			  /* frames are not freed but kept */
	struct network_buffer *kept[NIC_KEPT_MAX];
	unsigned int kept_count;
};

extern struct nic_stack nic;

/* Host and PCI bus are empty after this. */
void nic_reset(const char *command_line);
/* Enumerates, binds; the device must be there. nic_probe() says whether it is. */
bool nic_probe(void);
void nic_boot(void);
unsigned int nic_poll(void);
bool nic_arm(void);
void nic_flush(void);
/*
 * Sends `length` bytes of the memory in so many pieces; what else the frame says is the caller's. What transmit() returned.
 */
int nic_transmit(struct network_transmit *frame, uint32_t length, unsigned int pieces);
/* The same, as a frame with nothing to be done to it. */
int nic_send(uint32_t length, unsigned int pieces);
/* Injects a frame and lets it arrive: whether it came through; then it is the same. */
bool nic_comes(const void *bytes, unsigned int length);
/* An event came; it is taken. */
bool nic_event(uint32_t event);
/* Runs what the thread of recovery would, with its pauses, until nothing is due. */
void nic_recover(void);
/* All that was sent has come back. */
void nic_check_tokens(void);

#endif
