/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio device in memory, in three layers: this one is the device itself (status, features,
 * queues, configuration), virtio_model_pci.c and virtio_model_mmio.c are its registers, and a
 * device type is what `process` does with the queues (virtio_model_net.c).
 *
 * Nothing here uses drivers/virtio: the layouts are written down a second time, from the
 * specification.
 *
 * The model watches the driver: what breaks a rule is counted in `violations` and kept in
 * `violation`. And it lies when told: hooks see every register access first, and the ring can be
 * written directly.
 */
#ifndef TESTS_DEVICE_VIRTIO_MODEL_H
#define TESTS_DEVICE_VIRTIO_MODEL_H

#include "tests/device/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_QUEUES 16
#define MODEL_CONFIG 96
#define MODEL_CONFIG_DEFAULT 64
#define MODEL_SEGMENTS 1024
#define MODEL_TRACE 512
/* Of buffers in the packed ring that are told apart; the fuzzers have fewer, which is quicker. */
#ifndef MODEL_PACKED_IDS
#define MODEL_PACKED_IDS 65536
#endif
#define MODEL_FILLS 256 /* used buffers that are shown at once */

/* Where a register lies: PCI's structures; MMIO has registers in MODEL_COMMON. */
enum model_space { MODEL_COMMON, MODEL_ISR, MODEL_DEVICE, MODEL_NOTIFY };

struct virtio_model;

/* A used buffer that is not shown yet. */
struct model_fill {
	uint16_t id, count;
	uint32_t length;
};

struct model_queue {
	uint16_t size_max, size;
	uint16_t vector;
	uint16_t notify_off;
	bool enabled;
	uint64_t desc, driver, device; /* addresses */

	/* The device's side. */
	uint16_t avail_seen; /* avail entries that were taken */
	uint16_t used_idx;   /* as written to the ring */
	uint16_t used_told;  /* the same at the last interrupt decision */
	bool kicked;
	uint64_t kicks, interrupts;
	bool no_notify; /* what the device asks of the driver */
	/* Split with IN_ORDER: the descriptor that is due next. */
	uint16_t expected_head;
	/* Packed: places, counted from the queue's beginning. */
	uint64_t avail_place, used_place, told_place;
	unsigned int last_count;
	struct model_fill fills[MODEL_FILLS];
	/* A reset of this queue alone is under way: so many reads of its register say so. */
	unsigned int reset_left;
	bool frozen; /* a fault's: addresses are as they were */
	bool ghost;  /* likewise: it was reset, and goes on */
	bool blind;  /* a liar's: it takes no buffers until it is reset */
};

/* A buffer of the driver's, as the device sees it. */
struct model_segment {
	uint8_t *data;
	uint64_t address;
	uint32_t length;
};

struct model_chain {
	uint16_t head;
	unsigned int out_count, in_count;
	struct model_segment segments[MODEL_SEGMENTS]; /* out ones first */
	uint32_t out_bytes, in_bytes;
	bool indirect;
	uint16_t tail; /* split: the last descriptor */
};

struct model_write {
	enum model_space space;
	uint32_t offset;
	uint64_t value;
};

struct virtio_model {
	/* What the device is. */
	uint32_t type;
	uint32_t offered[4];
	unsigned int queue_count;
	uint8_t config[MODEL_CONFIG];
	bool config_writable[MODEL_CONFIG]; /* bytes that the driver may write */
	unsigned int config_length;
	void (*process)(struct virtio_model *model); /* does what is due; at every poll */
	void *device;				     /* of `process` */
	bool refuse_features;			     /* FEATURES_OK does not stick */
	uint16_t vectors_max; /* queue and config vectors from here on read back NO_VECTOR */
	bool legacy;	      /* no FEATURES_OK; set by the transports */
	bool batches;	      /* IN_ORDER: one used entry for all that is shown at once */
	bool queue_reset_never, queue_reset_ignored; /* RING_RESET that does not end, or is none */
	unsigned int reset_reads; /* so many reads of the status pass before a reset is over */
	bool reset_never;
	bool early; /* legacy: buffers are taken before DRIVER_OK (3.1.2) */
	/* NULL, or what a device type does at a reset, at FEATURES_OK, at DRIVER_OK, when its configuration was written (after it),
	 * and before one queue is reset; and false when a set of features contradicts itself. */
	void (*on_reset)(struct virtio_model *model);
	void (*on_features)(struct virtio_model *model);
	void (*on_ready)(struct virtio_model *model);
	void (*on_config)(struct virtio_model *model, uint32_t offset, unsigned int width);
	void (*on_queue_reset)(struct virtio_model *model, unsigned int queue);
	bool (*dependencies)(const struct virtio_model *model);

	/* Its state. */
	uint32_t accepted[4];
	bool accepted_beyond; /* bits of words that nobody has */
	bool stuck;	      /* after what no device can go on from */
	bool runs_on;	      /* a fault's: the rings go on over a reset */
	unsigned int negotiations, config_reads;
	uint32_t device_select, driver_select;
	uint16_t queue_select, config_vector;
	uint8_t status, generation, isr;
	unsigned int reset_left;
	unsigned int taken; /* buffers, since its turn began */
	struct model_queue queues[MODEL_QUEUES];
	uint64_t resets, queue_resets;
	/* Packed: entries of the buffer that has this id; 0: none has. */
	uint16_t packed_counts[MODEL_QUEUES][MODEL_PACKED_IDS];
	bool packed_used[MODEL_QUEUES]; /* some of them are not 0 */

	/* Hooks: NULL, or true when they did the access themselves. */
	bool (*on_read)(struct virtio_model *model, enum model_space space, uint32_t offset,
			unsigned int width, uint64_t *value);
	bool (*on_write)(struct virtio_model *model, enum model_space space, uint32_t offset,
			 unsigned int width, uint64_t value);

	/* The transport's: sends a queue's interrupt (index), or the configuration's (-1). */
	void (*interrupt)(struct virtio_model *model, int queue);
	void *transport;

	/* What the driver did. */
	struct model_write trace[MODEL_TRACE];
	unsigned int trace_count;
	unsigned int violations;
	char violation[160];
};

#define MODEL_FEATURE(bit) (1u << (bit) % 32)
#define MODEL_EVENT_IDX 29
#define MODEL_INDIRECT 28
#define MODEL_VERSION_1 32

/* Version 1 with indirect descriptors and EVENT_IDX; the rest is the caller's. */
void virtio_model_init(struct virtio_model *model, uint32_t type, unsigned int queue_count,
		       uint16_t queue_size);
void virtio_model_violation(struct virtio_model *model, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool virtio_model_accepted(const struct virtio_model *model, unsigned int bit);
void virtio_model_offer(struct virtio_model *model, unsigned int bit, bool offer);

/* Changes configuration as a device does: new generation, interrupt when the driver is there. */
void virtio_model_configure(struct virtio_model *model, unsigned int offset, const void *data,
			    unsigned int length);
/* Sets NEEDS_RESET and says so. */
void virtio_model_needs_reset(struct virtio_model *model);
/* The same, for what the driver did: a violation that no device can go on after. */
void virtio_model_broken(struct virtio_model *model, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* For the transports: the registers that all have. */
void virtio_model_status_write(struct virtio_model *model, uint8_t status);
uint8_t virtio_model_status_read(struct virtio_model *model);
uint32_t virtio_model_device_feature(const struct virtio_model *model, uint32_t select);
void virtio_model_driver_feature(struct virtio_model *model, uint32_t value);
uint32_t virtio_model_driver_feature_read(const struct virtio_model *model);
uint64_t virtio_model_config_read(struct virtio_model *model, uint32_t offset, unsigned int width);
void virtio_model_config_write(struct virtio_model *model, uint32_t offset, unsigned int width,
			       uint64_t value);
/* All that was written to the doorbell: 16 or (NOTIFICATION_DATA) 32 bits. */
void virtio_model_notify(struct virtio_model *model, uint32_t value);
/* RING_RESET of the selected queue: what is written to its register, and what is read. */
void virtio_model_queue_reset_write(struct virtio_model *model, uint32_t value);
uint32_t virtio_model_queue_reset_read(struct virtio_model *model);
/* The sizes that a driver may set. */
void virtio_model_size_write(struct virtio_model *model, uint32_t value);
/* Enables or (MMIO) disables the selected queue. */
void virtio_model_enable(struct virtio_model *model, bool enable);
/* Lays the selected queue out as legacy drivers do, at a page; page 0 takes it away. */
void virtio_model_legacy_queue(struct virtio_model *model, uint32_t page, uint32_t page_size,
			       uint32_t align);
void virtio_model_record(struct virtio_model *model, enum model_space space, uint32_t offset,
			 uint64_t value);
/* The selected queue, or NULL when there is none. */
struct model_queue *virtio_model_selected(struct virtio_model *model);

/* -- The split ring, the device's side: virtio_model_split.c */
/* Takes the next available buffer. False: none. */
bool model_split_pop(struct virtio_model *model, unsigned int queue, struct model_chain *chain);
/* Writes a used entry without showing it; model_split_show() shows so many. */
void model_split_fill(struct virtio_model *model, unsigned int queue, unsigned int ahead,
		      uint32_t id, uint32_t length);
void model_split_show(struct virtio_model *model, unsigned int queue, unsigned int count);
/* Takes back what was popped last. */
void model_split_unpop(struct virtio_model *model, unsigned int queue,
		       const struct model_chain *chain);
/* One entry, shown, and the interrupt if the driver wants it. */
void model_split_push(struct virtio_model *model, unsigned int queue, uint32_t id, uint32_t length);
/* Sends the interrupt if one is due for what was shown since the last time. */
void model_split_interrupt(struct virtio_model *model, unsigned int queue);
/* Says from when on the device wants kicks: avail_event and flags. */
void model_split_want_kicks(struct virtio_model *model, unsigned int queue, bool want);
/* Fields of the ring, to look at and to lie in. */
uint16_t *model_split_used_idx(struct virtio_model *model, unsigned int queue);
uint16_t model_split_avail_idx(struct virtio_model *model, unsigned int queue);
uint16_t model_split_avail_flags(struct virtio_model *model, unsigned int queue);
uint16_t model_split_used_event(struct virtio_model *model, unsigned int queue);

#endif
