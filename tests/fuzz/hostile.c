/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/hostile.h"

#include "tests/device/pci_model.h"
#include "tests/device/virtio_model_ring.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define WRITE_MAX 256	 /* bytes that are chosen for one buffer; the rest stays as it is */
#define RAW_WRITES_MAX 4 /* at one turn */
#define CONFIG_WORDS 24

/* The model's hooks have no context. */
static struct hostile *the_hostile;

static bool tells(const struct hostile *hostile, enum hostile_lie lie)
{
	return !hostile->calm && hostile->lies & lie && fuzz_more();
}

/* -- Buffers */

/* The device forgets what it held when it was reset: after that the memory is not lent. */
static void forget_held(struct hostile *hostile)
{
	uint64_t resets = hostile->model->resets + hostile->model->queue_resets;

	if (resets == hostile->resets)
		return;
	hostile->resets = resets;
	for (unsigned int i = 0; i < HOSTILE_HELD; i++)
		hostile->held[i].there = false;
}

/*
 * After a lie about which buffers are used, or what is available, this device does not know any more what is
 * lent to it. From then on it writes to none, and takes none, until it is reset: a device that writes where it
 * likes cannot be told from one that has an honest ring, and nothing but an IOMMU helps against it.
 */
static void lose_track(struct hostile *hostile, unsigned int queue)
{
	hostile->confused = true;
	hostile->model->queues[queue].blind = true;
	for (unsigned int i = 0; i < HOSTILE_HELD; i++)
		if (hostile->held[i].queue == queue)
			hostile->held[i].spent = true;
}

static void take(struct hostile *hostile)
{
	unsigned int queue = fuzz_choose(hostile->model->queue_count);

	for (unsigned int i = 0; i < HOSTILE_HELD; i++)
		if (!hostile->held[i].there) {
			hostile->held[i].queue = (uint8_t)queue;
			/* With IN_ORDER it is used as soon as one behind it is. */
			hostile->held[i].spent =
				virtio_model_accepted(hostile->model, MODEL_IN_ORDER);
			hostile->confused |= hostile->held[i].spent;
			hostile->held[i].there =
				model_ring_pop(hostile->model, queue, &hostile->held[i].chain);
			return;
		}
}

/* Bytes of the input go into the buffer's beginning, or its end. */
static uint32_t write_content(const struct model_chain *chain)
{
	uint8_t bytes[WRITE_MAX];
	uint32_t length = fuzz_choose(WRITE_MAX), written = 0, skip = 0;

	if (length > chain->in_bytes)
		length = chain->in_bytes;
	fuzz_fill(bytes, length);
	if (fuzz_choose(4) == 3)
		skip = chain->in_bytes - length;
	for (unsigned int i = chain->out_count; i < chain->out_count + chain->in_count; i++) {
		const struct model_segment *segment = &chain->segments[i];
		uint8_t *memory = host_dma_pointer(segment->address, segment->length);

		for (uint32_t place = 0; place < segment->length && written < length; place++) {
			if (skip) {
				skip--;
				continue;
			}
			if (memory)
				memory[place] = bytes[written];
			written++;
		}
	}
	return length;
}

static void give_back(struct hostile *hostile)
{
	unsigned int which = fuzz_choose(HOSTILE_HELD), queue = hostile->held[which].queue;
	struct model_chain *chain = &hostile->held[which].chain;
	uint32_t id = chain->head, length = chain->in_bytes;

	if (!hostile->held[which].there)
		return;
	if (tells(hostile, LIE_CONTENT) && fuzz_choose(2) && !hostile->held[which].spent)
		length = write_content(chain);
	hostile->held[which].there = false;
	/* With IN_ORDER those before it are used by that too. */
	if (virtio_model_accepted(hostile->model, MODEL_IN_ORDER))
		lose_track(hostile, queue);
	if (tells(hostile, LIE_USED))
		switch (fuzz_choose(8)) {
		case 1:
			id = (uint32_t)fuzz_number(4);
			lose_track(hostile, queue);
			break;
		case 2:
		case 3:
			length = (uint32_t)fuzz_number(4);
			break;
		case 4: /* and once more, later */
			hostile->held[which].there = true;
			lose_track(hostile, queue);
			break;
		case 5: /* never */
			return;
		case 6:
			id = (uint32_t)fuzz_choose(16);
			lose_track(hostile, queue);
			break;
		default:
			break;
		}
	model_ring_push(hostile->model, queue, id, length);
}

/* -- Bytes of the rings */

static void write_raw(struct hostile *hostile)
{
	unsigned int index = fuzz_choose(hostile->model->queue_count);
	struct model_queue *queue = &hostile->model->queues[index];
	const uint32_t size = queue->size;
	const struct {
		uint64_t address;
		uint32_t length;
	} areas[] = {{queue->device, 6 + 8 * size},
		     {queue->desc, 16 * size},
		     {queue->driver, 6 + 2 * size}};
	unsigned int which = fuzz_choose(4) % 3;
	uint32_t offset, width = 2u << fuzz_choose(2);
	uint64_t address = areas[which].address, value;
	uint8_t *memory;

	/* 2.8: the packed ring's other areas are of 4 bytes; the indices stand at the beginning. */
	offset = fuzz_choose(2) ? fuzz_choose(areas[which].length) : fuzz_choose(8);
	value = fuzz_number(width);
	if (!queue->enabled)
		return;
	memory = host_dma_pointer(address + (offset & ~1u), width);
	if (!memory)
		return;
	lose_track(hostile, index);
	if (fuzz_choose(4) == 3) {
		/* One step from what stands there. */
		memory[0] = (uint8_t)(memory[0] + 1);
		return;
	}
	memcpy(memory, &value, width);
}

/* The same in an indirect table, if some descriptor has one. */
static void write_table(struct hostile *hostile)
{
	unsigned int index = fuzz_choose(hostile->model->queue_count);
	const struct model_queue *queue = &hostile->model->queues[index];
	uint8_t *ring = queue->enabled ? host_dma_pointer(queue->desc, 16ull * queue->size) : NULL;
	uint8_t *memory;
	bool packed = virtio_model_accepted(hostile->model, MODEL_RING_PACKED);
	uint32_t length, offset;
	uint64_t address, value;
	uint16_t flags;

	if (!ring || !queue->size)
		return;
	ring += 16 * fuzz_choose(queue->size);
	memcpy(&address, ring, 8);
	memcpy(&length, ring + 8, 4);
	memcpy(&flags, ring + (packed ? 14 : 12), 2);
	memory = flags & 4 && length >= 16 ? host_dma_pointer(address, length) : NULL;
	if (!memory)
		return;
	offset = fuzz_choose(length) & ~1u;
	value = fuzz_number(2);
	lose_track(hostile, index);
	if (offset + 2 <= length)
		memcpy(memory + offset, &value, 2);
}

/* -- Turns */

static void any_interrupt(struct hostile *hostile)
{
	hostile->model->interrupt(hostile->model,
				  (int)fuzz_choose(hostile->model->queue_count + 1) - 1);
}

static void change(struct hostile *hostile)
{
	uint32_t value, word = fuzz_choose(CONFIG_WORDS);

	if (fuzz_choose(8) == 7) {
		virtio_model_needs_reset(hostile->model);
		return;
	}
	value = (uint32_t)fuzz_number(4);
	if (word * 4 + 4 <= hostile->model->config_length)
		virtio_model_configure(hostile->model, word * 4, &value, 4);
}

/* While the device runs. */
static void process(struct virtio_model *model)
{
	struct hostile *hostile = the_hostile;

	forget_held(hostile);
	if (hostile->calm || !fuzz_more() || !hostile->lies) {
		hostile->honest(model);
		return;
	}
	switch (fuzz_choose(8)) {
	case 2:
		return;
	case 3:
		take(hostile);
		return;
	case 4:
		take(hostile);
		give_back(hostile);
		return;
	case 5:
		give_back(hostile);
		return;
	case 6:
		if (tells(hostile, LIE_RINGS))
			for (unsigned int i = fuzz_choose(RAW_WRITES_MAX) + 1; i; i--) {
				if (fuzz_choose(4) == 3)
					write_table(hostile);
				else
					write_raw(hostile);
			}
		return;
	default:
		hostile->honest(model);
	}
}

/* At any time. */
static void turn(void *context)
{
	struct hostile *hostile = context;

	if (hostile->lies & LIE_INTERRUPTS && tells(hostile, LIE_INTERRUPTS) && fuzz_choose(8) == 7)
		any_interrupt(hostile);
	if (hostile->lies & LIE_CHANGES && tells(hostile, LIE_CHANGES) && fuzz_choose(8) == 7)
		change(hostile);
}

static bool on_read(struct virtio_model *model, enum model_space space, uint32_t offset,
		    unsigned int width, uint64_t *value)
{
	struct hostile *hostile = the_hostile;

	(void)model;
	(void)offset;
	if (!tells(hostile, space == MODEL_DEVICE ? LIE_CONFIG : LIE_REGISTERS) ||
	    fuzz_choose(8) != 7)
		return false;
	*value = fuzz_number(width);
	return true;
}

/* -- The whole */

void hostile_open(struct hostile *hostile, struct virtio_model *model)
{
	hostile->model = model;
	hostile->calm = hostile->confused = false;
	hostile->lies = fuzz_byte();
	hostile->honest = model->process;
	hostile->resets = 0;
	for (unsigned int i = 0; i < HOSTILE_HELD; i++)
		hostile->held[i].there = false;
	the_hostile = hostile;
	if (model->process)
		model->process = process;
	model->on_read = on_read;
	if (hostile->lies & LIE_FEATURES)
		for (unsigned int i = fuzz_choose(12); i; i--) {
			unsigned int bit = fuzz_choose(128);

			model->offered[bit / 32] ^= MODEL_FEATURE(bit);
		}
	if (hostile->lies & LIE_FEATURES && fuzz_choose(4) == 3)
		for (unsigned int i = 0; i < model->queue_count; i++)
			model->queues[i].size_max = model->queues[i].size =
				(uint16_t)fuzz_number(2);
	if (hostile->lies & LIE_CONFIG)
		for (unsigned int i = fuzz_choose(8); i; i--) {
			uint32_t word = fuzz_choose(CONFIG_WORDS), value = (uint32_t)fuzz_number(4);

			if (word * 4 + 4 <= model->config_length)
				memcpy(model->config + word * 4, &value, 4);
		}
	host_model(turn, hostile);
}

void hostile_calm(struct hostile *hostile)
{
	hostile->calm = true;
}

bool hostile_sincere(const struct hostile *hostile)
{
	return !(hostile->lies &
		 (LIE_REGISTERS | LIE_RINGS | LIE_FEATURES | LIE_CONFIG | LIE_CHANGES));
}

void hostile_check(const struct hostile *hostile)
{
	/* A driver that is told nonsense of registers and rings writes what the model finds wrong. */
	if (hostile->confused || !hostile_sincere(hostile))
		return;
	fuzz_check(!hostile->model->violations, "the driver broke a rule: %s",
		   hostile->model->violation);
}

/* -- PCI */

static bool on_config_read(struct pci_model *pci, unsigned int offset, unsigned int width,
			   uint32_t *value)
{
	(void)pci;
	(void)offset;
	if (the_hostile->calm || !fuzz_more() || fuzz_choose(16) != 15)
		return false;
	*value = (uint32_t)fuzz_number(width);
	return true;
}

void hostile_pci(struct hostile *hostile, struct pci_model *pci)
{
	hostile->confused = true;
	for (unsigned int i = fuzz_choose(16); i; i--) {
		unsigned int offset = fuzz_choose(4) ? 0x34 + fuzz_choose(0x9c) : fuzz_choose(256);
		uint64_t value = fuzz_number(fuzz_choose(2) ? 1 : 4);

		memcpy(pci->config + (offset & 0xfc), &value, value > 0xff ? 4 : 1);
		pci->config[offset] = (uint8_t)value;
		if (fuzz_choose(4) == 3)
			pci->writable[offset] = fuzz_byte();
	}
	if (fuzz_choose(2))
		pci->on_read = on_config_read;
}
