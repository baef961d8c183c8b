/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lwIP would read beyond its end: frames that no honest network brings, found by tests/fuzz. They are
 * made harmless, or dropped, before lwIP sees them. Under the core lock.
 */
#ifndef NET_LWIP_GUARD_H
#define NET_LWIP_GUARD_H

#include "lwip/pbuf.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a frame has to be copied into one piece first: the device cut it where no device has to. lwIP
 * reads each header from one piece.
 */
bool guard_frame_scattered(uint32_t first_piece, uint32_t total);

/* Whether a frame, whose Ethernet header is in its first piece, is to be dropped. */
bool guard_frame_refused(const struct pbuf *frame);

#endif
