/* SPDX-License-Identifier: BSD-2-Clause */
/* One name for each register, its place on each transport: see registers.h. */
#include "tests/conformance/core/registers.h"

#include "tests/conformance/core/run.h"
#include "tests/conformance/core/session.h"

struct place {
	uint8_t space, width;
	uint16_t offset;
};

#define PLACE(space_, offset_, width_)                                                             \
	{                                                                                          \
		.space = (space_), .width = (width_), .offset = (offset_)                          \
	}

/* 4.1.4.3 */
static const struct place pci[REGISTERS] = {
	[REGISTER_DEVICE_FEATURE_SELECT] = PLACE(SPACE_COMMON, 0x00, 4),
	[REGISTER_DEVICE_FEATURE] = PLACE(SPACE_COMMON, 0x04, 4),
	[REGISTER_DRIVER_FEATURE_SELECT] = PLACE(SPACE_COMMON, 0x08, 4),
	[REGISTER_DRIVER_FEATURE] = PLACE(SPACE_COMMON, 0x0c, 4),
	[REGISTER_CONFIG_VECTOR] = PLACE(SPACE_COMMON, 0x10, 2),
	[REGISTER_NUM_QUEUES] = PLACE(SPACE_COMMON, 0x12, 2),
	[REGISTER_STATUS] = PLACE(SPACE_COMMON, 0x14, 1),
	[REGISTER_GENERATION] = PLACE(SPACE_COMMON, 0x15, 1),
	[REGISTER_QUEUE_SELECT] = PLACE(SPACE_COMMON, 0x16, 2),
	[REGISTER_QUEUE_SIZE] = PLACE(SPACE_COMMON, 0x18, 2),
	[REGISTER_QUEUE_VECTOR] = PLACE(SPACE_COMMON, 0x1a, 2),
	[REGISTER_QUEUE_ENABLE] = PLACE(SPACE_COMMON, 0x1c, 2),
	[REGISTER_QUEUE_NOTIFY_OFF] = PLACE(SPACE_COMMON, 0x1e, 2),
	[REGISTER_NOTIFY_DATA] = PLACE(SPACE_COMMON, 0x38, 2),
	[REGISTER_QUEUE_RESET] = PLACE(SPACE_COMMON, 0x3a, 2),
	[REGISTER_ISR] = PLACE(SPACE_ISR, 0, 1),
};

/* 4.1.4.10 */
static const struct place pci_legacy[REGISTERS] = {
	[REGISTER_DEVICE_FEATURE] = PLACE(SPACE_COMMON, 0, 4),
	[REGISTER_DRIVER_FEATURE] = PLACE(SPACE_COMMON, 4, 4),
	[REGISTER_QUEUE_PFN] = PLACE(SPACE_COMMON, 8, 4),
	[REGISTER_QUEUE_SIZE] = PLACE(SPACE_COMMON, 12, 2),
	[REGISTER_QUEUE_SELECT] = PLACE(SPACE_COMMON, 14, 2),
	[REGISTER_STATUS] = PLACE(SPACE_COMMON, 18, 1),
	[REGISTER_ISR] = PLACE(SPACE_COMMON, 19, 1),
	[REGISTER_CONFIG_VECTOR] = PLACE(SPACE_COMMON, 20, 2),
	[REGISTER_QUEUE_VECTOR] = PLACE(SPACE_COMMON, 22, 2),
};

/* 4.2.2 and 4.2.4 */
#define MMIO_BOTH                                                                                  \
	[REGISTER_DEVICE_FEATURE] = PLACE(SPACE_COMMON, 0x010, 4),                                 \
	[REGISTER_DEVICE_FEATURE_SELECT] = PLACE(SPACE_COMMON, 0x014, 4),                          \
	[REGISTER_DRIVER_FEATURE] = PLACE(SPACE_COMMON, 0x020, 4),                                 \
	[REGISTER_DRIVER_FEATURE_SELECT] = PLACE(SPACE_COMMON, 0x024, 4),                          \
	[REGISTER_QUEUE_SELECT] = PLACE(SPACE_COMMON, 0x030, 4),                                   \
	[REGISTER_QUEUE_SIZE_MAX] = PLACE(SPACE_COMMON, 0x034, 4),                                 \
	[REGISTER_QUEUE_SIZE] = PLACE(SPACE_COMMON, 0x038, 4),                                     \
	[REGISTER_ISR] = PLACE(SPACE_COMMON, 0x060, 4),                                            \
	[REGISTER_INTERRUPT_ACK] = PLACE(SPACE_COMMON, 0x064, 4),                                  \
	[REGISTER_STATUS] = PLACE(SPACE_COMMON, 0x070, 4)

static const struct place mmio[REGISTERS] = {
	MMIO_BOTH,
	[REGISTER_QUEUE_ENABLE] = PLACE(SPACE_COMMON, 0x044, 4),
	[REGISTER_QUEUE_RESET] = PLACE(SPACE_COMMON, 0x0c0, 4),
	[REGISTER_GENERATION] = PLACE(SPACE_COMMON, 0x0fc, 4),
};

static const struct place mmio_legacy[REGISTERS] = {
	MMIO_BOTH,
	[REGISTER_QUEUE_PFN] = PLACE(SPACE_COMMON, 0x040, 4),
};

static const uint16_t pci_areas[] = {
	[AREA_DESCRIPTORS] = 0x20, [AREA_DRIVER] = 0x28, [AREA_DEVICE] = 0x30};
static const uint16_t mmio_areas[] = {
	[AREA_DESCRIPTORS] = 0x080, [AREA_DRIVER] = 0x090, [AREA_DEVICE] = 0x0a0};

#define MMIO_NOTIFY 0x050u
#define MMIO_CONFIG 0x100u
#define LEGACY_NOTIFY 16u
#define LEGACY_CONFIG 20u
#define LEGACY_CONFIG_MSIX 24u

bool is_legacy(const struct conformance_target *t)
{
	return t->transport & TRANSPORTS_LEGACY;
}

bool is_pci(const struct conformance_target *t)
{
	return t->transport & TRANSPORTS_PCI;
}

bool is_mmio(const struct conformance_target *t)
{
	return t->transport & TRANSPORTS_MMIO;
}

static const struct place *place_of(const struct conformance_target *t,
				    enum conformance_register which)
{
	switch (t->transport) {
	case TRANSPORT_PCI:
		return &pci[which];
	case TRANSPORT_PCI_LEGACY:
		return &pci_legacy[which];
	case TRANSPORT_MMIO:
		return &mmio[which];
	default:
		return &mmio_legacy[which];
	}
}

bool register_place(const struct conformance_target *t, enum conformance_register which,
		    enum conformance_space *space, uint32_t *offset, unsigned int *width)
{
	const struct place *place = place_of(t, which);

	*space = place->space;
	*offset = place->offset;
	*width = place->width;
	return place->width && *offset + *width <= t->length[*space];
}

bool register_exists(const struct conformance_target *t, enum conformance_register which)
{
	enum conformance_space space;
	uint32_t offset;
	unsigned int width;

	return register_place(t, which, &space, &offset, &width);
}

static void require(struct conformance_target *t, enum conformance_register which,
		    enum conformance_space *space, uint32_t *offset, unsigned int *width)
{
	if (!register_place(t, which, space, offset, width))
		fail(t, "the transport has the register that the case needs", "no register %u",
		     which);
}

uint32_t register_read(struct conformance_target *t, enum conformance_register which)
{
	enum conformance_space space;
	uint32_t offset;
	unsigned int width;

	require(t, which, &space, &offset, &width);
	return (uint32_t)target_read(t, space, offset, width);
}

void register_write(struct conformance_target *t, enum conformance_register which, uint32_t value)
{
	enum conformance_space space;
	uint32_t offset;
	unsigned int width;

	require(t, which, &space, &offset, &width);
	target_write(t, space, offset, width, value);
}

void area_write(struct conformance_target *t, enum conformance_area area, uint64_t address)
{
	uint32_t offset = is_mmio(t) ? mmio_areas[area] : pci_areas[area];

	if (is_legacy(t))
		fail(t, "(the suite itself) no ring addresses on a legacy transport", "area %u",
		     area);
	target_write(t, SPACE_COMMON, offset, 4, (uint32_t)address);
	target_write(t, SPACE_COMMON, offset + 4, 4, address >> 32);
}

uint64_t area_read(struct conformance_target *t, enum conformance_area area)
{
	uint64_t low = target_read(t, SPACE_COMMON, pci_areas[area], 4);

	return low | target_read(t, SPACE_COMMON, pci_areas[area] + 4u, 4) << 32;
}

/* Legacy PCI: the vectors come between the registers and the configuration while MSI-X is enabled. */
static uint32_t config_offset(struct conformance_target *t, enum conformance_space *space)
{
	*space = SPACE_COMMON;
	switch (t->transport) {
	case TRANSPORT_PCI:
		*space = SPACE_DEVICE;
		return 0;
	case TRANSPORT_PCI_LEGACY:
		if (t->msix_count &&
		    target_read(t, SPACE_PCI, t->msix_capability + 2, 2) & MSIX_CONTROL_ENABLE)
			return LEGACY_CONFIG_MSIX;
		return LEGACY_CONFIG;
	default:
		return MMIO_CONFIG;
	}
}

uint64_t config_read(struct conformance_target *t, uint32_t offset, unsigned int width)
{
	enum conformance_space space;
	uint32_t base = config_offset(t, &space);

	return target_read(t, space, base + offset, width);
}

void config_write(struct conformance_target *t, uint32_t offset, unsigned int width, uint64_t value)
{
	enum conformance_space space;
	uint32_t base = config_offset(t, &space);

	target_write(t, space, base + offset, width, value);
}

uint32_t config_length(const struct conformance_target *t)
{
	uint32_t base = t->transport == TRANSPORT_PCI	       ? 0
			: t->transport == TRANSPORT_PCI_LEGACY ? LEGACY_CONFIG_MSIX
							       : MMIO_CONFIG;
	uint32_t length = t->length[t->transport == TRANSPORT_PCI ? SPACE_DEVICE : SPACE_COMMON];

	return length > base ? length - base : 0;
}

static uint64_t feature_word(struct conformance_target *t, uint32_t word)
{
	if (register_exists(t, REGISTER_DEVICE_FEATURE_SELECT))
		register_write(t, REGISTER_DEVICE_FEATURE_SELECT, word);
	return register_read(t, REGISTER_DEVICE_FEATURE);
}

uint64_t features_offered(struct conformance_target *t)
{
	uint64_t low = feature_word(t, 0);

	return is_legacy(t) ? low : low | feature_word(t, 1) << 32;
}

/* The high word first: some devices take a write to any word above 0 for word 1. */
void features_write(struct conformance_target *t, uint64_t features)
{
	for (uint32_t word = is_legacy(t) ? 1 : 2; word--;) {
		if (register_exists(t, REGISTER_DRIVER_FEATURE_SELECT))
			register_write(t, REGISTER_DRIVER_FEATURE_SELECT, word);
		register_write(t, REGISTER_DRIVER_FEATURE, (uint32_t)(features >> word * 32));
	}
}

static bool status_is_zero(struct conformance_target *t, void *context)
{
	(void)context;
	return register_read(t, REGISTER_STATUS) == 0;
}

void device_reset(struct conformance_target *t)
{
	register_write(t, REGISTER_STATUS, 0);
	await(t, status_is_zero, NULL, "the status reads 0 after 0 was written to it (a reset)");
}

void notify(struct conformance_target *t, unsigned int queue, uint32_t value)
{
	uint32_t *offset = &t->run->notify_offset[queue % RUN_RINGS];
	unsigned int width = session_has(t, F_NOTIFICATION_DATA) ? 4 : 2;

	target_barrier(t);
	if (is_mmio(t)) {
		target_write(t, SPACE_COMMON, MMIO_NOTIFY, 4, value);
		return;
	}
	if (is_legacy(t)) {
		target_write(t, SPACE_COMMON, LEGACY_NOTIFY, 2, value);
		return;
	}
	if (*offset == UINT32_MAX) {
		register_write(t, REGISTER_QUEUE_SELECT, queue);
		*offset = register_read(t, REGISTER_QUEUE_NOTIFY_OFF) * t->notify_multiplier;
	}
	target_write(t, SPACE_NOTIFY, *offset, width, value);
}

unsigned int queue_count(struct conformance_target *t)
{
	unsigned int count = 0;

	if (register_exists(t, REGISTER_NUM_QUEUES))
		return register_read(t, REGISTER_NUM_QUEUES);
	for (; count < RUN_RINGS; count++) {
		register_write(t, REGISTER_QUEUE_SELECT, count);
		if (!register_read(t, is_mmio(t) ? REGISTER_QUEUE_SIZE_MAX : REGISTER_QUEUE_SIZE))
			break;
	}
	return count;
}
