/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio over PCI without the legacy interface (virtio 1.4, 4.1.4): vendor capabilities say in
 * which BAR the common configuration, the doorbells, the interrupt status and the device's
 * configuration lie. Each is checked against its BAR before it is mapped.
 */
#include "drivers/virtio/transports/pci.h"

#include "kernel/console/log.h"
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"
#include "kernel/x86/io.h"

#include <errno.h>
#include <string.h>

#define LOG_AREA "virtio"

/* 4.1.4: the capability. */
#define CAP_LENGTH 2
#define CAP_TYPE 3
#define CAP_BAR 4
#define CAP_OFFSET 8
#define CAP_STRUCTURE_LENGTH 12
#define CAP_NOTIFY_MULTIPLIER 16
#define CAP_SIZE 16
#define CAP_NOTIFY_SIZE 20

#define TYPE_COMMON 1
#define TYPE_NOTIFY 2
#define TYPE_ISR 3
#define TYPE_DEVICE 4

/* 4.1.4.3: the common configuration. */
#define COMMON_DEVICE_FEATURE_SELECT 0x00
#define COMMON_DEVICE_FEATURE 0x04
#define COMMON_DRIVER_FEATURE_SELECT 0x08
#define COMMON_DRIVER_FEATURE 0x0c
#define COMMON_CONFIG_MSIX_VECTOR 0x10
#define COMMON_NUM_QUEUES 0x12
#define COMMON_DEVICE_STATUS 0x14
#define COMMON_CONFIG_GENERATION 0x15
#define COMMON_QUEUE_SELECT 0x16
#define COMMON_QUEUE_SIZE 0x18
#define COMMON_QUEUE_MSIX_VECTOR 0x1a
#define COMMON_QUEUE_ENABLE 0x1c
#define COMMON_QUEUE_NOTIFY_OFF 0x1e
#define COMMON_QUEUE_DESC 0x20
#define COMMON_QUEUE_DRIVER 0x28
#define COMMON_QUEUE_DEVICE 0x30
#define COMMON_SIZE 0x38
/* From version 1.2 on; only where the structure is so long. */
#define COMMON_QUEUE_NOTIF_CONFIG_DATA 0x38
#define COMMON_QUEUE_RESET 0x3a

/* One queue's reset waits for the I/O that it has in flight. */
#define QUEUE_RESET_TIME (2 * NANOSECONDS_PER_SECOND)
#define QUEUE_RESET_SPIN NANOSECONDS_PER_MILLISECOND

/* No more than this is mapped of a structure, however long the device says it is. */
#define COMMON_MAP_MAX 0x40u
#define CONFIG_MAP_MAX 0x1000u
#define NOTIFY_MAP_MAX (4u << 20) /* 1024 queues with a page each */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* -- Registers */

static uint8_t modern_status_read(struct virtio_device *device)
{
	return mmio_read8(virtio_pci_of(device)->common.registers + COMMON_DEVICE_STATUS);
}

static void modern_status_write(struct virtio_device *device, uint8_t status)
{
	mmio_write8(virtio_pci_of(device)->common.registers + COMMON_DEVICE_STATUS, status);
}

static uint32_t modern_features_read(struct virtio_device *device, unsigned int word)
{
	volatile uint8_t *common = virtio_pci_of(device)->common.registers;

	mmio_write32(common + COMMON_DEVICE_FEATURE_SELECT, word);
	return mmio_read32(common + COMMON_DEVICE_FEATURE);
}

static void modern_features_write(struct virtio_device *device,
				  const struct virtio_features *features)
{
	volatile uint8_t *common = virtio_pci_of(device)->common.registers;

	for (unsigned int word = 0; word < VIRTIO_FEATURE_WORDS; word++) {
		if (word >= 2 && !features->words[word])
			continue; /* devices of version 1.3 and before know two words */
		mmio_write32(common + COMMON_DRIVER_FEATURE_SELECT, word);
		mmio_write32(common + COMMON_DRIVER_FEATURE, features->words[word]);
	}
}

static void modern_config_read(struct virtio_device *device, unsigned int offset, void *buffer,
			       unsigned int length, unsigned int width)
{
	volatile uint8_t *place = virtio_pci_of(device)->config.registers + offset;
	uint8_t *bytes = buffer;

	for (unsigned int i = 0; i + width <= length; i += width) {
		uint32_t value = width == 1   ? mmio_read8(place + i)
				 : width == 2 ? mmio_read16(place + i)
					      : mmio_read32(place + i);
		memcpy(bytes + i, &value, width);
	}
}

static void modern_config_write(struct virtio_device *device, unsigned int offset, uint32_t value,
				unsigned int width)
{
	volatile uint8_t *place = virtio_pci_of(device)->config.registers + offset;

	if (width == 1)
		mmio_write8(place, (uint8_t)value);
	else
		mmio_write32(place, value);
}

static unsigned int modern_config_length(struct virtio_device *device)
{
	return virtio_pci_of(device)->config.length;
}

static uint32_t modern_config_generation(struct virtio_device *device)
{
	return mmio_read8(virtio_pci_of(device)->common.registers + COMMON_CONFIG_GENERATION);
}

static uint16_t modern_config_vector(struct virtio_pci *pci, uint16_t vector)
{
	mmio_write16(pci->common.registers + COMMON_CONFIG_MSIX_VECTOR, vector);
	return mmio_read16(pci->common.registers + COMMON_CONFIG_MSIX_VECTOR);
}

static uint16_t modern_queue_vector(struct virtio_pci *pci, unsigned int index, uint16_t vector)
{
	mmio_write16(pci->common.registers + COMMON_QUEUE_SELECT, (uint16_t)index);
	mmio_write16(pci->common.registers + COMMON_QUEUE_MSIX_VECTOR, vector);
	return mmio_read16(pci->common.registers + COMMON_QUEUE_MSIX_VECTOR);
}

static uint8_t modern_isr_read(struct virtio_pci *pci)
{
	return mmio_read8(pci->isr.registers);
}

/* -- Queues */

static uint32_t modern_queue_size_max(struct virtio_device *device, unsigned int index)
{
	volatile uint8_t *common = virtio_pci_of(device)->common.registers;

	if (index >= mmio_read16(common + COMMON_NUM_QUEUES))
		return 0;
	mmio_write16(common + COMMON_QUEUE_SELECT, (uint16_t)index);
	return mmio_read16(common + COMMON_QUEUE_SIZE);
}

/* 4.1.5.2: the doorbell's value is the queue's index, */
static void modern_notify(struct virtqueue *vq)
{
	mmio_write16(vq->notify_address, vq->notify_value);
}

/* or with NOTIFICATION_DATA also where the next buffer will be. */
static void modern_notify_data(struct virtqueue *vq)
{
	mmio_write32(vq->notify_address, virtqueue_notification(vq));
}

/* 4.1.3.1: 64-bit fields are written as two halves. */
static void write_address(volatile uint8_t *place, uint64_t address)
{
	mmio_write32(place, (uint32_t)address);
	mmio_write32(place + 4, (uint32_t)(address >> 32));
}

/* Where the selected queue's doorbell is. */
static int find_doorbell(struct virtio_pci *pci, struct virtqueue *vq)
{
	bool data = virtio_has(&pci->device, VIRTIO_F_NOTIFICATION_DATA);
	volatile uint8_t *common = pci->common.registers;
	unsigned int width = data ? sizeof(uint32_t) : sizeof(uint16_t);
	uint64_t notify =
		(uint64_t)mmio_read16(common + COMMON_QUEUE_NOTIFY_OFF) * pci->notify_multiplier;

	if (notify + width > pci->notify.length ||
	    ((uintptr_t)pci->notify.registers + notify) % width) {
		log_error(
			"%s (%s): the doorbell of queue %u lies at 0x%llx, outside the %u bytes of them",
			pci->device.bus_name, pci->device.name, vq->index,
			(unsigned long long)notify, pci->notify.length);
		return -EINVAL;
	}
	vq->notify = data ? modern_notify_data : modern_notify;
	vq->notify_address = pci->notify.registers + notify;
	vq->notify_value = vq->index;
	if (virtio_has(&pci->device, VIRTIO_F_NOTIF_CONFIG_DATA))
		vq->notify_value = mmio_read16(common + COMMON_QUEUE_NOTIF_CONFIG_DATA);
	return 0;
}

static int modern_queue_enable(struct virtio_device *device, struct virtqueue *vq)
{
	struct virtio_pci *pci = virtio_pci_of(device);
	volatile uint8_t *common = pci->common.registers;
	int error;

	/* 4.1.5.1.3, virtqueue configuration */
	mmio_write16(common + COMMON_QUEUE_SELECT, vq->index);
	error = find_doorbell(pci, vq);
	if (error)
		return error;
	mmio_write16(common + COMMON_QUEUE_SIZE, vq->size);
	write_address(common + COMMON_QUEUE_DESC, vq->descriptor_area);
	write_address(common + COMMON_QUEUE_DRIVER, vq->driver_area);
	write_address(common + COMMON_QUEUE_DEVICE, vq->device_area);
	/* A queue that was reset has forgotten its vector. */
	if (pci->msix_enabled && mmio_read16(common + COMMON_QUEUE_MSIX_VECTOR) != vq->vector &&
	    modern_queue_vector(pci, vq->index, vq->vector) != vq->vector) {
		log_error("%s: does not take its vector again", vq->name);
		return -ENOSPC;
	}
	mmio_write16(common + COMMON_QUEUE_ENABLE, 1);
	return 0;
}

/* 2.6.1.1.2 and 4.1.4.3.2: until queue_reset and queue_enable read 0. */
static int modern_queue_reset(struct virtio_device *device, struct virtqueue *vq)
{
	volatile uint8_t *common = virtio_pci_of(device)->common.registers;
	uint64_t start = clock_monotonic();

	mmio_write16(common + COMMON_QUEUE_SELECT, vq->index);
	mmio_write16(common + COMMON_QUEUE_RESET, 1);
	for (;;) {
		uint64_t passed = clock_monotonic() - start;

		/* Others may select queues while we sleep. */
		mmio_write16(common + COMMON_QUEUE_SELECT, vq->index);
		if (!mmio_read16(common + COMMON_QUEUE_RESET))
			break;
		if (passed > QUEUE_RESET_TIME)
			return -ETIMEDOUT;
		if (passed < QUEUE_RESET_SPIN)
			cpu_relax();
		else
			thread_sleep(NANOSECONDS_PER_MILLISECOND);
	}
	return mmio_read16(common + COMMON_QUEUE_ENABLE) ? -EIO : 0;
}

static void modern_features_limit(struct virtio_device *device, struct virtio_features *wanted)
{
	uint32_t length = virtio_pci_of(device)->common.length;

	if (length < COMMON_QUEUE_NOTIF_CONFIG_DATA + sizeof(uint16_t))
		virtio_features_clear(wanted, VIRTIO_F_NOTIF_CONFIG_DATA);
	if (length < COMMON_QUEUE_RESET + sizeof(uint16_t))
		virtio_features_clear(wanted, VIRTIO_F_RING_RESET);
}

static const struct virtio_transport modern_transport = {
	.name = "pci modern",
	.status_read = modern_status_read,
	.status_write = modern_status_write,
	.memory_access = virtio_pci_memory_access,
	.present = virtio_pci_present,
	.features_read = modern_features_read,
	.features_write = modern_features_write,
	.config_read = modern_config_read,
	.config_write = modern_config_write,
	.config_length = modern_config_length,
	.config_generation = modern_config_generation,
	.config_poll = virtio_pci_config_poll,
	.queue_size_max = modern_queue_size_max,
	.interrupts_connect = virtio_pci_interrupts_connect,
	.interrupts_release = virtio_pci_interrupts_release,
	.interrupts_offered = virtio_pci_interrupts_offered,
	.queue_enable = modern_queue_enable,
	.queue_reset = modern_queue_reset,
	.features_limit = modern_features_limit,
	.describe = virtio_pci_interrupts_describe,
};

/* -- Finding the structures */

/* What a structure must be to be of use. */
struct structure {
	uint8_t type;
	const char *name;
	uint8_t capability_size;
	uint8_t align; /* of its offset in the BAR (4.1.4.3.1, 4.1.4.4.1, 4.1.4.6.1) */
	uint32_t length_min, length_max;
	bool required;
	size_t region; /* in struct virtio_pci */
};

static const struct structure structures[] = {
	{TYPE_COMMON, "common configuration", CAP_SIZE, 4, COMMON_SIZE, COMMON_MAP_MAX, true,
	 offsetof(struct virtio_pci, common)},
	{TYPE_NOTIFY, "notification", CAP_NOTIFY_SIZE, 2, 2, NOTIFY_MAP_MAX, true,
	 offsetof(struct virtio_pci, notify)},
	{TYPE_ISR, "ISR status", CAP_SIZE, 1, 1, 1, true, offsetof(struct virtio_pci, isr)},
	{TYPE_DEVICE, "device configuration", CAP_SIZE, 4, 1, CONFIG_MAP_MAX, false,
	 offsetof(struct virtio_pci, config)},
};

/* Maps the structure that the capability describes; false: it cannot be used, and `why` says why.
 */
static bool map_structure(struct virtio_pci *pci, const struct structure *structure,
			  unsigned int capability, const char **why)
{
	struct virtio_pci_region *region =
		(struct virtio_pci_region *)((char *)pci + structure->region);
	struct pci_function *function = pci->function;
	unsigned int size = pci_read8(function, capability + CAP_LENGTH);
	unsigned int bar = pci_read8(function, capability + CAP_BAR);
	uint32_t offset = pci_read32(function, capability + CAP_OFFSET);
	uint32_t length = pci_read32(function, capability + CAP_STRUCTURE_LENGTH);
	const struct pci_bar *place;

	*why = NULL;
	if (size < structure->capability_size || capability + size > PCI_CONFIG_SIZE) {
		*why = "the capability is too short";
		return false;
	}
	if (bar >= PCI_BARS_MAX)
		return false; /* 4.1.4.1: reserved values are ignored */
	place = &function->bars[bar];
	if (place->type == PCI_BAR_IO)
		return false; /* another instance may be in memory */
	if (place->type != PCI_BAR_MEMORY32 && place->type != PCI_BAR_MEMORY64)
		*why = "its BAR does not exist";
	else if (offset > place->size || length > place->size - offset)
		*why = "it reaches beyond its BAR";
	else if (length < structure->length_min)
		*why = "it is too short";
	else if (offset % structure->align)
		*why = "it is not aligned";
	if (*why)
		return false;

	if (length > structure->length_max)
		length = structure->length_max;
	region->registers = pci_bar_map(function, bar, offset, length);
	if (!region->registers) {
		*why = "it cannot be mapped";
		return false;
	}
	region->length = length;
	region->bar = bar;
	if (structure->type == TYPE_NOTIFY)
		pci->notify_multiplier = pci_read32(function, capability + CAP_NOTIFY_MULTIPLIER);
	return true;
}

static bool has_type(const struct pci_function *function, uint8_t type)
{
	unsigned int capability = 0;

	while ((capability = pci_capability_find(function, PCI_CAPABILITY_VENDOR, capability)))
		if (pci_read8(function, capability + CAP_TYPE) == type)
			return true;
	return false;
}

static int find_structure(struct virtio_pci *pci, const struct structure *structure)
{
	const char *why = NULL, *first = NULL;
	unsigned int capability = 0;

	/* 4.1.4.1: the first that can be used is the one that the device prefers. */
	while ((capability =
			pci_capability_find(pci->function, PCI_CAPABILITY_VENDOR, capability))) {
		if (pci_read8(pci->function, capability + CAP_TYPE) != structure->type)
			continue;
		if (map_structure(pci, structure, capability, &why))
			return 0;
		if (!first)
			first = why;
	}
	if (!first && !structure->required)
		return 0;
	log_error("%s: the %s structure cannot be used: %s", pci->function->name, structure->name,
		  first ? first : "there is none in memory");
	return -EINVAL;
}

void virtio_pci_modern_exit(struct virtio_pci *pci)
{
	for (size_t i = COUNT(structures); i-- > 0;) {
		struct virtio_pci_region *region =
			(struct virtio_pci_region *)((char *)pci + structures[i].region);

		if (region->registers)
			pci_bar_unmap(pci->function, region->bar);
		region->registers = NULL;
		region->length = 0;
	}
}

int virtio_pci_modern_init(struct virtio_pci *pci)
{
	if (!has_type(pci->function, TYPE_COMMON))
		return -ENODEV;
	for (size_t i = 0; i < COUNT(structures); i++) {
		int error = find_structure(pci, &structures[i]);

		if (error) {
			virtio_pci_modern_exit(pci);
			return error;
		}
	}
	pci->device.transport = &modern_transport;
	pci->config_vector = modern_config_vector;
	pci->queue_vector = modern_queue_vector;
	pci->isr_read = modern_isr_read;
	return 0;
}
