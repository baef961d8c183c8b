/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network stack: lwIP over the devices of drivers/net/network.h.
 *
 *	receive threads		one for each pair of queues of a device, pair n on CPU n: polls it under
 *				the core lock, a batch at a time; frames go up, answers go down on the
 *				same pair, then one kick
 *	"tcpip" thread		CPU 0: lwIP's timers
 *	any other thread	sockets, or the raw interface between LOCK_TCPIP_CORE() and
 *				UNLOCK_TCPIP_CORE()
 *
 * The core lock is a mutex: one may wait for memory while holding it, not for packets.
 */
#ifndef NET_LWIP_STACK_H
#define NET_LWIP_STACK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Starts lwIP, the interfaces (all devices that are registered by now) and the services of
 * `services=`, and begins to get addresses as `ip=` says. Does not wait for them: the line
 * "ringside: ready ..." comes when an address is there. Once; thread context.
 */
void network_stack_start(void);

/*
 * Waits until an interface has an address and all services listen, or it is said that there is none
 * (no device, or 10 seconds without an answer), at most so many nanoseconds. Whether there is an
 * address. Thread context.
 */
bool network_stack_wait(uint64_t timeout);

/*
 * The address of the line "ready", and its time in nanoseconds; NULL as long as there was none.
 * Context: any.
 */
const char *network_stack_ready(uint64_t *after);

/* Bytes of packets that were copied since the stack became ready: 0 is the aim. Context: any. */
uint64_t network_stack_copied(void);

#endif
