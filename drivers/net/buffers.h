/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receive buffers of drivers whose buffers are all alike: a pool of 2 KiB blocks that go round:
 * spare -> lent to the device -> a frame of the stack's -> freed -> spare.
 *
 *	network_buffers_create()
 *	buffer = network_buffers_take()		under the stack's lock, as poll and transmit are
 *	device->receive(device, buffer, &info)	or network_buffers_recycle()
 *	network_buffers_free()			the driver's buffer_free: any thread, any CPU
 */
#ifndef DRIVERS_NET_BUFFERS_H
#define DRIVERS_NET_BUFFERS_H

#include "drivers/net/network.h"

/* The IP header behind the Ethernet header is aligned to 4 bytes. */
#define NETWORK_BLOCK 2048u
#define NETWORK_BLOCK_DATA ((uint32_t)sizeof(struct network_buffer) + 2u)
#define NETWORK_BLOCK_CAPACITY (NETWORK_BLOCK - NETWORK_BLOCK_DATA)

struct network_buffers {
	struct network_device *device;
	struct network_buffer **all;
	unsigned int count;
	struct network_buffer *spare; /* of poll's thread */
	struct network_buffer *freed; /* pushed by whoever frees, taken all at once */
	bool starving;		      /* whoever frees one shall wake the stack's thread */
};

/* The number that net.buffers= asks for; 0: nobody asked. */
unsigned int network_buffers_asked(void);
/* How many of `size` bytes are fair to all others on this machine. */
uint64_t network_buffers_fair(uint32_t size);
/*
 * How many of NETWORK_BLOCK bytes a device with so many receive rings of `ring` should have, together: what
 * net.buffers= asks for, as far as that leaves others their memory; or half as many again as fit into the
 * rings, so that the stack can hold some, but no more than is fair.
 */
unsigned int network_buffers_wanted(unsigned int ring, unsigned int rings);
/*
 * Fewer than asked for will do. `limit`: the highest address that the device reaches, 0: none. 0 or
 * -ENOMEM; then nothing is left behind. Thread context.
 */
int network_buffers_create(struct network_buffers *buffers, struct network_device *device,
			   unsigned int count, uint64_t limit);
void network_buffers_destroy(struct network_buffers *buffers);
/* NULL: the stack, or the device, has all. */
struct network_buffer *network_buffers_take(struct network_buffers *buffers);
void network_buffers_recycle(struct network_buffers *buffers, struct network_buffer *buffer);
/* Asks for a wake when one is freed; the caller tries once more after that. */
void network_buffers_starve(struct network_buffers *buffers);
void network_buffers_free(struct network_buffers *buffers, struct network_buffer *buffer);
/* How many are neither with the device nor with the stack; for tests. */
unsigned int network_buffers_idle(const struct network_buffers *buffers);

#endif
