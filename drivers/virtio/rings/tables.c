/* SPDX-License-Identifier: BSD-2-Clause */
/* Indirect tables of a virtqueue. */
#include "drivers/virtio/rings/tables.h"

#include "kernel/memory/dma.h"

#include <stdlib.h>

#define TABLES_MAX 64u
#define ENTRY_SIZE 16u

bool tables_create(struct indirect_tables *tables, const struct virtqueue_parameters *parameters)
{
	unsigned int length = parameters->segments_max;

	if (!parameters->indirect || length < 2 || parameters->size < 2)
		return true;
	tables->length = (uint16_t)(length < parameters->size ? length : parameters->size);
	tables->count = parameters->size < TABLES_MAX ? parameters->size : TABLES_MAX;
	tables->memory = dma_alloc((size_t)tables->count * tables->length * ENTRY_SIZE, NULL);
	tables->free = calloc(tables->count, sizeof(*tables->free));
	if (!tables->memory || !tables->free)
		return false;
	tables->address = dma_address(tables->memory);
	for (uint16_t i = 0; i < tables->count; i++)
		tables->free[tables->free_count++] = i;
	return true;
}

void tables_destroy(struct indirect_tables *tables)
{
	if (tables->memory)
		dma_free(tables->memory, (size_t)tables->count * tables->length * ENTRY_SIZE);
	free(tables->free);
}

uint16_t tables_take(struct indirect_tables *tables, unsigned int count, void **entries,
		     struct virtqueue_segment *whole)
{
	uint16_t table = tables->free[--tables->free_count];
	size_t first = (size_t)table * tables->length * ENTRY_SIZE;

	*entries = tables->memory + first;
	whole->address = tables->address + first;
	whole->length = count * ENTRY_SIZE;
	return table;
}
