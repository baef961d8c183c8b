/* SPDX-License-Identifier: BSD-2-Clause */
/* Targets over MMIO (virtio 1.4, 4.2), both versions. */
#define LOG_AREA "conform"
#include "drivers/virtio/transports/mmio.h"

#include "kernel/console/log.h"
#include "kernel/memory/map.h"
#include "kernel/x86/io.h"
#include "tests/conformance/guest/guest.h"

#include <stdio.h>

#define MAGIC 0x74726976u /* "virt" */
#define REGISTER_MAGIC 0x000
#define REGISTER_VERSION 0x004
#define REGISTER_DEVICE_ID 0x008
#define REGISTERS_LENGTH 0x100u
#define LENGTH_MAX 0x10000u

struct places {
	struct virtio_mmio_place list[GUEST_TARGETS_MAX];
	unsigned int count;
};

/* In the order of addresses, each once. */
static bool collect(void *context, const struct virtio_mmio_place *place)
{
	struct places *places = context;
	unsigned int at = places->count;

	if (place->length < REGISTERS_LENGTH || place->length > LENGTH_MAX || place->address % 4)
		return true;
	for (unsigned int i = 0; i < places->count; i++)
		if (places->list[i].address == place->address)
			return true;
	if (places->count == GUEST_TARGETS_MAX)
		return false;
	for (; at && places->list[at - 1].address > place->address; at--)
		places->list[at] = places->list[at - 1];
	places->list[at] = *place;
	places->count++;
	return true;
}

static void add(struct guest_target *targets[], unsigned int *count,
		const struct virtio_mmio_place *place, const char *name,
		volatile uint8_t *registers)
{
	uint32_t version = mmio_read32(registers + REGISTER_VERSION);
	uint32_t device = mmio_read32(registers + REGISTER_DEVICE_ID);
	struct guest_target *guest;

	guest = guest_target_add(targets, count, device, name);
	if (!guest)
		return;
	guest->target.transport = version == 1 ? TRANSPORT_MMIO_LEGACY : TRANSPORT_MMIO;
	guest->target.length[SPACE_COMMON] = (uint32_t)place->length;
	guest->target.line = true;
	guest->places[SPACE_COMMON].memory = registers;
	guest->line = place->line;
	guest->mmio_address = place->address;
}

/* True when there is a device that is to be tested. */
static bool is_device(const struct suite_options *options, volatile uint8_t *registers,
		      const char *name)
{
	uint32_t version, device;

	if (mmio_read32(registers + REGISTER_MAGIC) != MAGIC)
		return false;
	version = mmio_read32(registers + REGISTER_VERSION);
	device = mmio_read32(registers + REGISTER_DEVICE_ID);
	return (version == 1 || version == 2) && device && guest_claim(options, device, name);
}

unsigned int guest_mmio_find(const struct suite_options *options, struct guest_target *targets[],
			     unsigned int count)
{
	static struct places places;

	places.count = 0;
	virtio_mmio_each(collect, &places);
	for (unsigned int i = 0; i < places.count; i++) {
		const struct virtio_mmio_place *place = &places.list[i];
		volatile uint8_t *registers = map_mmio(place->address, (size_t)place->length);
		unsigned int before = count;
		char name[16];

		if (!registers)
			continue;
		sniprintf(name, sizeof(name), "mmio%u", i);
		if (is_device(options, registers, name)) {
			if (!options->list)
				guest_detach_mmio(place->address);
			add(targets, &count, place, name, registers);
		}
		if (count == before)
			unmap_mmio(registers, (size_t)place->length);
	}
	return count;
}
