/* SPDX-License-Identifier: BSD-2-Clause */
/* The split ring as it lies in shared memory (virtio 1.4, 2.7.5 to 2.7.8). */
#ifndef DRIVERS_VIRTIO_RINGS_SPLIT_H
#define DRIVERS_VIRTIO_RINGS_SPLIT_H

#include "drivers/virtio/wire.h"

#include <stddef.h>

#define SPLIT_DESC_NEXT 1u
#define SPLIT_DESC_WRITE 2u
#define SPLIT_DESC_INDIRECT 4u

#define SPLIT_AVAIL_NO_INTERRUPT 1u
#define SPLIT_USED_NO_NOTIFY 1u

struct split_desc {
	le64 address;
	le32 length;
	le16 flags;
	le16 next;
};

struct split_avail {
	le16 flags;
	le16 idx;
	le16 ring[]; /* queue size entries, then used_event */
};

struct split_used_element {
	le32 id;
	le32 length;
};

struct split_used {
	le16 flags;
	le16 idx;
	struct split_used_element ring[]; /* queue size entries, then avail_event */
};

_Static_assert(sizeof(struct split_desc) == 16, "virtio 1.4, 2.7.5");
_Static_assert(offsetof(struct split_desc, length) == 8, "virtio 1.4, 2.7.5");
_Static_assert(offsetof(struct split_desc, flags) == 12, "virtio 1.4, 2.7.5");
_Static_assert(offsetof(struct split_desc, next) == 14, "virtio 1.4, 2.7.5");
_Static_assert(offsetof(struct split_avail, ring) == 4, "virtio 1.4, 2.7.6");
_Static_assert(sizeof(struct split_used_element) == 8, "virtio 1.4, 2.7.8");
_Static_assert(offsetof(struct split_used, ring) == 4, "virtio 1.4, 2.7.8");

#endif
