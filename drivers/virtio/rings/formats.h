/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring formats, for virtqueue_create() and for tests of one of them. */
#ifndef DRIVERS_VIRTIO_RINGS_FORMATS_H
#define DRIVERS_VIRTIO_RINGS_FORMATS_H

#include "drivers/virtio/rings/virtqueue.h"

struct virtqueue *split_create(const struct virtqueue_parameters *parameters);

#endif
