/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Feature bits (virtio 1.4, 2.2 and chapter 6): sets of them, their names, what needs what.
 *
 * Names are the specification's in lower case without VIRTIO_F_ or VIRTIO_NET_F_: "event_idx",
 * "mrg_rxbuf". Bits are numbered from 0 and may be above 63.
 */
#ifndef DRIVERS_VIRTIO_FEATURES_H
#define DRIVERS_VIRTIO_FEATURES_H

#include "kernel/facts/facts.h"

#include <stdbool.h>
#include <stdint.h>

#define VIRTIO_FEATURE_WORDS 4u
#define VIRTIO_FEATURE_BITS (VIRTIO_FEATURE_WORDS * 32u)
#define VIRTIO_FEATURES_END 0xffu /* ends a list of bits */
#define VIRTIO_FEATURE_NAME_MAX 32

/* Independent of the device's type (chapter 6). */
#define VIRTIO_F_NOTIFY_ON_EMPTY 24
#define VIRTIO_F_ANY_LAYOUT 27
#define VIRTIO_F_INDIRECT_DESC 28
#define VIRTIO_F_EVENT_IDX 29
#define VIRTIO_F_VERSION_1 32
#define VIRTIO_F_ACCESS_PLATFORM 33
#define VIRTIO_F_RING_PACKED 34
#define VIRTIO_F_IN_ORDER 35
#define VIRTIO_F_ORDER_PLATFORM 36
#define VIRTIO_F_SR_IOV 37
#define VIRTIO_F_NOTIFICATION_DATA 38
#define VIRTIO_F_NOTIF_CONFIG_DATA 39
#define VIRTIO_F_RING_RESET 40
#define VIRTIO_F_ADMIN_VQ 41
#define VIRTIO_F_SUSPEND 43

struct virtio_features {
	uint32_t words[VIRTIO_FEATURE_WORDS];
};

static inline bool virtio_features_has(const struct virtio_features *features, unsigned int bit)
{
	return bit < VIRTIO_FEATURE_BITS && features->words[bit / 32] >> bit % 32 & 1;
}

static inline void virtio_features_set(struct virtio_features *features, unsigned int bit)
{
	features->words[bit / 32] |= 1u << bit % 32;
}

static inline void virtio_features_clear(struct virtio_features *features, unsigned int bit)
{
	features->words[bit / 32] &= ~(1u << bit % 32);
}

/* The name of a bit for a device type, or NULL. */
const char *virtio_feature_name(uint32_t type, unsigned int bit);

/*
 * The bit of a name of `length` characters; "packed" and "ring_packed" are one. -1: no such feature
 * for this type. Type 0: any type; then only whether it is -1 says something.
 */
int virtio_feature_find(uint32_t type, const char *name, unsigned int length);

/* Takes bits away whose requirements (the "Feature bit requirements" of each type) are not all
 * there. */
void virtio_features_close(uint32_t type, struct virtio_features *features);

/*
 * Applies the `virtio.features=` words of the command line to what is wanted of a device that
 * offers `offered`. False, after one log line, when the user insists on what cannot be had.
 */
bool virtio_features_choose(uint32_t type, const char *bus_name, const char *device_name,
			    const struct virtio_features *offered, struct virtio_features *wanted);

/* The names of all bits as a list of strings; a bit without a name is "bit 71". */
void virtio_features_describe(struct facts *facts, const char *name, uint32_t type,
			      const struct virtio_features *features);

#endif
