/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network stack as the tests of the network driver play it: one device on the PCI model, frames both
 * ways, and an account of everything that was lent.
 *
 *	stack_start("virtio.features=-mrg_rxbuf");	the model is there and may be changed
 *	stack_boot();					the driver has it
 *	...
 *	stack_check_no_leak();
 *	stack_stop();
 */
#ifndef TESTS_DEVICE_NET_STACK_H
#define TESTS_DEVICE_NET_STACK_H

#include "drivers/net/virtio_net.h"
#include "tests/device/virtio_model_mmio.h"
#include "tests/device/virtio_model_net.h"
#include "tests/device/virtio_model_pci.h"

#define STACK_RING 16
#define STACK_KEPT_MAX 512

enum stack_transport {
	STACK_PCI_MODERN,
	STACK_PCI_TRANSITIONAL, /* has both interfaces */
	STACK_PCI_LEGACY,	/* has only the legacy one */
	STACK_MMIO_2,
	STACK_MMIO_1,
	STACK_TRANSPORTS,
};

struct net_stack {
	struct virtio_model_net net;
	enum stack_transport transport;
	struct virtio_model_pci pci;
	struct virtio_model_mmio mmio;
	struct network_device *device;
	uint8_t *
		memory; /* 16 KiB of DMA memory with a pattern; frames are sent from its byte 64 on */

	/* What was received last. */
	struct network_receive_info info;
	uint8_t frame[NETWORK_FRAME_MAX];
	uint32_t length;
	unsigned int buffers;

	unsigned int received, sent, given_back;
	bool keep; /* received frames are not freed but kept */
	struct network_buffer *kept[STACK_KEPT_MAX];
	unsigned int kept_count;
	uint64_t tokens_out, tokens_back; /* sums */
};

extern struct net_stack stack;

void stack_start(const char *command_line);
void stack_start_on(enum stack_transport transport, const char *command_line);
void stack_boot(void);
/* Ends the program when the model saw a rule broken. */
void stack_stop(void);

unsigned int stack_poll(void);
bool stack_arm(void);
void stack_flush(void);
/* A sleep of the stack's thread until an event, which must come. */
void stack_sleep(void);
/* Sends `length` bytes of stack.memory in so many segments. What transmit() returned. */
int stack_send(uint32_t length, unsigned int pieces, uint32_t headroom);
/* A frame of stack.memory comes; host_poll() lets the model bring it. */
void stack_inject(uint32_t length);
void stack_free_chain(struct network_buffer *buffer);
struct network_statistics stack_statistics(void);
/* Ends the program when a receive buffer or a token is missing. */
void stack_check_no_leak(void);

#endif
