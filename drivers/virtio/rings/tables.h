/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Indirect tables, as both ring formats have them (virtio 1.4, 2.7.5.3 and 2.8.7): a number of equally long
 * tables of 16-byte descriptors in one block of DMA memory, allocated with the queue.
 */
#ifndef DRIVERS_VIRTIO_RINGS_TABLES_H
#define DRIVERS_VIRTIO_RINGS_TABLES_H

#include "drivers/virtio/rings/virtqueue.h"

struct indirect_tables {
	char *memory; /* NULL: no indirect descriptors */
	uint64_t address;
	uint16_t *free; /* a stack */
	uint16_t free_count, count;
	uint16_t length; /* descriptors of one */
};

/* False: no memory. What was allocated is freed by tables_destroy() in either case. */
bool tables_create(struct indirect_tables *tables, const struct virtqueue_parameters *parameters);
void tables_destroy(struct indirect_tables *tables);

/*
 * An indirect table costs the device one more look-up and saves descriptors: worth it for long
 * buffers, and when descriptors become scarce.
 */
static inline bool tables_wanted(const struct indirect_tables *tables, const struct virtqueue *vq,
				 unsigned int count)
{
	return tables->free_count && count > 1 && count <= tables->length &&
	       (count > 4 || vq->free < vq->size / 2u || vq->free < count);
}

/* Takes one that tables_wanted(): its entries, and the table as a segment of `count` of them. */
uint16_t tables_take(struct indirect_tables *tables, unsigned int count, void **entries,
		     struct virtqueue_segment *whole);

static inline void tables_give_back(struct indirect_tables *tables, uint16_t table)
{
	tables->free[tables->free_count++] = table;
}

#endif
