/* SPDX-License-Identifier: BSD-2-Clause */
/* The packed ring as it lies in shared memory (virtio 1.4, 2.8.13 and 2.8.14). */
#ifndef DRIVERS_VIRTIO_RINGS_PACKED_H
#define DRIVERS_VIRTIO_RINGS_PACKED_H

#include "drivers/virtio/wire.h"

#include <stddef.h>

#define PACKED_DESC_NEXT 1u
#define PACKED_DESC_WRITE 2u
#define PACKED_DESC_INDIRECT 4u
#define PACKED_DESC_AVAIL (1u << 7)
#define PACKED_DESC_USED (1u << 15)

struct packed_desc {
	le64 address;
	le32 length;
	le16 id;
	le16 flags;
};

/* One 32-bit word: off_wrap (offset in 15 bits, wrap counter), then flags. */
#define PACKED_EVENT_WRAP (1u << 15)
#define PACKED_EVENT_OFFSET (PACKED_EVENT_WRAP - 1)
#define PACKED_EVENT_FLAGS_SHIFT 16
#define PACKED_EVENT_ENABLE 0u
#define PACKED_EVENT_DISABLE 1u
#define PACKED_EVENT_DESC 2u

_Static_assert(sizeof(struct packed_desc) == 16, "virtio 1.4, 2.8.13");
_Static_assert(offsetof(struct packed_desc, length) == 8, "virtio 1.4, 2.8.13");
_Static_assert(offsetof(struct packed_desc, id) == 12, "virtio 1.4, 2.8.13");
_Static_assert(offsetof(struct packed_desc, flags) == 14, "virtio 1.4, 2.8.13");

#endif
