/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio over MMIO, versions 2 and 1, which is the legacy interface (virtio 1.4, 4.2). */
#include "drivers/virtio/transports/mmio.h"

#include "drivers/platform/acpi.h"
#include "drivers/virtio/transports/transport.h"
#include "kernel/console/log.h"
#include "kernel/memory/map.h"
#include "kernel/options/options.h"
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"
#include "kernel/x86/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "virtio"
#define CPU 0 /* where devices' threads run */

/* 4.2.2 */
#define MMIO_MAGIC 0x000
#define MMIO_VERSION 0x004
#define MMIO_DEVICE_ID 0x008
#define MMIO_VENDOR_ID 0x00c
#define MMIO_DEVICE_FEATURES 0x010
#define MMIO_DEVICE_FEATURES_SEL 0x014
#define MMIO_DRIVER_FEATURES 0x020
#define MMIO_DRIVER_FEATURES_SEL 0x024
#define MMIO_QUEUE_SEL 0x030
#define MMIO_QUEUE_SIZE_MAX 0x034
#define MMIO_QUEUE_SIZE 0x038
#define MMIO_QUEUE_READY 0x044
#define MMIO_QUEUE_NOTIFY 0x050
#define MMIO_INTERRUPT_STATUS 0x060
#define MMIO_INTERRUPT_ACK 0x064
#define MMIO_STATUS 0x070
#define MMIO_QUEUE_DESC 0x080
#define MMIO_QUEUE_DRIVER 0x090
#define MMIO_QUEUE_DEVICE 0x0a0
#define MMIO_QUEUE_RESET 0x0c0
#define MMIO_CONFIG_GENERATION 0x0fc
#define MMIO_CONFIG 0x100

/* 4.2.4: version 1 only */
#define MMIO_GUEST_PAGE_SIZE 0x028
#define MMIO_QUEUE_ALIGN 0x03c
#define MMIO_QUEUE_PFN 0x040
#define LEGACY_PAGE_SHIFT 12

#define MAGIC 0x74726976u /* "virt" */
#define VERSION_LEGACY 1u
#define VERSION 2u

#define INTERRUPT_QUEUE 1u
#define INTERRUPT_CONFIG 2u
/* Looks at the status of an edge-triggered line, which says nothing a second time. */
#define EDGE_LOOKS 8u

#define ISA_LINES 16u
#define LENGTH_MAX 0x10000u
/* One queue's reset waits for the I/O that it has in flight. */
#define QUEUE_RESET_TIME (2 * NANOSECONDS_PER_SECOND)
#define QUEUE_RESET_SPIN NANOSECONDS_PER_MILLISECOND

struct virtio_mmio {
	struct virtio_device device;
	volatile uint8_t *registers;
	uint64_t address;
	uint32_t length;
	struct interrupt_line line;
	struct interrupt *interrupt;
	struct virtio_mmio *next;
};

static struct virtio_mmio *mmio_devices;

static struct virtio_mmio *mmio_of(struct virtio_device *device)
{
	return device->transport_data;
}

static uint32_t read_register(struct virtio_device *device, unsigned int offset)
{
	return mmio_read32(mmio_of(device)->registers + offset);
}

static void write_register(struct virtio_device *device, unsigned int offset, uint32_t value)
{
	mmio_write32(mmio_of(device)->registers + offset, value);
}

static uint8_t mmio_status_read(struct virtio_device *device)
{
	return (uint8_t)read_register(device, MMIO_STATUS);
}

static void mmio_status_write(struct virtio_device *device, uint8_t status)
{
	write_register(device, MMIO_STATUS, status);
}

static uint32_t mmio_features_read(struct virtio_device *device, unsigned int word)
{
	uint32_t value;

	write_register(device, MMIO_DEVICE_FEATURES_SEL, word);
	value = read_register(device, MMIO_DEVICE_FEATURES);
	/* QEMU shows word 1 again in all words above it. */
	if (word > 1 && value == device->offered.words[1])
		return 0;
	return value;
}

/* The high words first, and none that is not needed: QEMU takes each of them for word 1. */
static void mmio_features_write(struct virtio_device *device,
				const struct virtio_features *features)
{
	for (unsigned int word = VIRTIO_FEATURE_WORDS; word-- > 0;) {
		if (word > 1 && !features->words[word])
			continue;
		write_register(device, MMIO_DRIVER_FEATURES_SEL, word);
		write_register(device, MMIO_DRIVER_FEATURES, features->words[word]);
	}
}

/* Version 1 has 32 bits. */
static uint32_t legacy_features_read(struct virtio_device *device, unsigned int word)
{
	return word ? 0 : mmio_features_read(device, 0);
}

static void legacy_features_write(struct virtio_device *device,
				  const struct virtio_features *features)
{
	write_register(device, MMIO_DRIVER_FEATURES_SEL, 0);
	write_register(device, MMIO_DRIVER_FEATURES, features->words[0]);
}

static void mmio_config_read(struct virtio_device *device, unsigned int offset, void *buffer,
			     unsigned int length, unsigned int width)
{
	volatile uint8_t *place = mmio_of(device)->registers + MMIO_CONFIG + offset;
	uint8_t *bytes = buffer;

	for (unsigned int i = 0; i + width <= length; i += width) {
		uint32_t value = width == 1   ? mmio_read8(place + i)
				 : width == 2 ? mmio_read16(place + i)
					      : mmio_read32(place + i);
		memcpy(bytes + i, &value, width);
	}
}

static void mmio_config_write(struct virtio_device *device, unsigned int offset, uint32_t value,
			      unsigned int width)
{
	volatile uint8_t *place = mmio_of(device)->registers + MMIO_CONFIG + offset;

	if (width == 1)
		mmio_write8(place, (uint8_t)value);
	else
		mmio_write32(place, value);
}

static unsigned int mmio_config_length(struct virtio_device *device)
{
	return mmio_of(device)->length - MMIO_CONFIG;
}

static uint32_t mmio_config_generation(struct virtio_device *device)
{
	return read_register(device, MMIO_CONFIG_GENERATION);
}

/* -- Queues */

static uint32_t mmio_queue_size_max(struct virtio_device *device, unsigned int index)
{
	write_register(device, MMIO_QUEUE_SEL, index);
	return read_register(device, MMIO_QUEUE_SIZE_MAX);
}

static void mmio_notify(struct virtqueue *vq)
{
	mmio_write32(vq->notify_address, vq->notify_value);
}

static void mmio_notify_data(struct virtqueue *vq)
{
	mmio_write32(vq->notify_address, virtqueue_notification(vq));
}

static void set_doorbell(struct virtio_device *device, struct virtqueue *vq)
{
	vq->notify =
		virtio_has(device, VIRTIO_F_NOTIFICATION_DATA) ? mmio_notify_data : mmio_notify;
	vq->notify_address = mmio_of(device)->registers + MMIO_QUEUE_NOTIFY;
	vq->notify_value = vq->index;
}

static int queue_is_used(const struct virtio_device *device, const struct virtqueue *vq)
{
	log_error("%s (%s): queue %u is in use already", device->bus_name, device->name, vq->index);
	return -EBUSY;
}

static void write_address(struct virtio_device *device, unsigned int offset, uint64_t address)
{
	write_register(device, offset, (uint32_t)address);
	write_register(device, offset + 4, (uint32_t)(address >> 32));
}

/* 4.2.3.2, in its order */
static int mmio_queue_enable(struct virtio_device *device, struct virtqueue *vq)
{
	write_register(device, MMIO_QUEUE_SEL, vq->index);
	if (read_register(device, MMIO_QUEUE_READY) != 0)
		return queue_is_used(device, vq);
	set_doorbell(device, vq);
	write_register(device, MMIO_QUEUE_SIZE, vq->size);
	write_address(device, MMIO_QUEUE_DESC, vq->descriptor_area);
	write_address(device, MMIO_QUEUE_DRIVER, vq->driver_area);
	write_address(device, MMIO_QUEUE_DEVICE, vq->device_area);
	write_register(device, MMIO_QUEUE_READY, 1);
	return 0;
}

/*
 * 2.6.1.1.2. QEMU 7.2 offers the feature and has not got the register: it reads 0, as if the reset
 * were over, while the queue is ready still.
 */
static int mmio_queue_reset(struct virtio_device *device, struct virtqueue *vq)
{
	uint64_t start = clock_monotonic();

	write_register(device, MMIO_QUEUE_SEL, vq->index);
	write_register(device, MMIO_QUEUE_RESET, 1);
	for (;;) {
		uint64_t passed = clock_monotonic() - start;

		/* Others may select queues while we sleep. */
		write_register(device, MMIO_QUEUE_SEL, vq->index);
		if (!read_register(device, MMIO_QUEUE_RESET))
			break;
		if (passed > QUEUE_RESET_TIME)
			return -ETIMEDOUT;
		if (passed < QUEUE_RESET_SPIN)
			cpu_relax();
		else
			thread_sleep(NANOSECONDS_PER_MILLISECOND);
	}
	return read_register(device, MMIO_QUEUE_READY) ? -EIO : 0;
}

/* 4.2.4; a reset makes the device forget the page size. */
static int legacy_queue_enable(struct virtio_device *device, struct virtqueue *vq)
{
	write_register(device, MMIO_GUEST_PAGE_SIZE, 1u << LEGACY_PAGE_SHIFT);
	write_register(device, MMIO_QUEUE_SEL, vq->index);
	if (read_register(device, MMIO_QUEUE_PFN) != 0)
		return queue_is_used(device, vq);
	set_doorbell(device, vq);
	write_register(device, MMIO_QUEUE_SIZE, vq->size);
	write_register(device, MMIO_QUEUE_ALIGN, 1u << LEGACY_PAGE_SHIFT);
	write_register(device, MMIO_QUEUE_PFN,
		       (uint32_t)(vq->descriptor_area >> LEGACY_PAGE_SHIFT));
	return 0;
}

/* 4.1.5.2 is PCI's alone: there is no register for what the device would like to be told. */
static void mmio_features_limit(struct virtio_device *device, struct virtio_features *wanted)
{
	(void)device;
	virtio_features_clear(wanted, VIRTIO_F_NOTIF_CONFIG_DATA);
}

/* -- Interrupts */

/*
 * 4.2.3.4.1: look, handle, acknowledge. What happens between handling and the acknowledgement
 * raises no interrupt of its own; a second look, in memory for the queues, finds it.
 */
static enum interrupt_result on_interrupt(void *context)
{
	struct virtio_mmio *mmio = context;
	struct virtio_device *device = &mmio->device;
	enum interrupt_result result = INTERRUPT_NONE;
	bool works = virtio_interrupt(device);

	for (unsigned int look = 0; look < EDGE_LOOKS; look++) {
		uint32_t status = read_register(device, MMIO_INTERRUPT_STATUS) &
				  (INTERRUPT_QUEUE | INTERRUPT_CONFIG);

		if (!status)
			break;
		if (!works) {
			write_register(device, MMIO_INTERRUPT_ACK, status);
			break; /* if that does not help, nobody claims its line */
		}
		result = INTERRUPT_HANDLED;
		if (status & INTERRUPT_QUEUE)
			virtio_queues_interrupt(device);
		write_register(device, MMIO_INTERRUPT_ACK, status);
		if (status & INTERRUPT_CONFIG)
			virtio_config_interrupt(device);
		virtio_queues_interrupt(device);
		if (mmio->line.level)
			break; /* the line says it again */
	}
	return result;
}

static void mmio_interrupts_release(struct virtio_device *device)
{
	struct virtio_mmio *mmio = mmio_of(device);

	interrupt_free(mmio->interrupt);
	mmio->interrupt = NULL;
	device->interrupt_mode = "none";
}

/* There is one line, and no other way but to do without. */
static int mmio_interrupts_connect(struct virtio_device *device, enum virtio_interrupts wanted)
{
	struct virtio_mmio *mmio = mmio_of(device);

	if (wanted == VIRTIO_INTERRUPTS_POLL) {
		device->interrupt_mode = "poll";
		return 0;
	}
	if (wanted != VIRTIO_INTERRUPTS_BEST && wanted != VIRTIO_INTERRUPTS_LINE)
		return -ENODEV;
	mmio->interrupt = interrupt_allocate(CPU, device->name, on_interrupt, mmio);
	if (!mmio->interrupt)
		return -ENODEV;
	if (interrupt_connect_line(mmio->interrupt, &mmio->line)) {
		mmio_interrupts_release(device);
		return -ENODEV;
	}
	device->interrupt_mode = "line";
	return 0;
}

static void mmio_interrupts_offered(struct virtio_device *device, char *text, size_t size)
{
	(void)device;
	sniprintf(text, size, "one line");
}

static bool mmio_config_poll(struct virtio_device *device)
{
	uint32_t status =
		read_register(device, MMIO_INTERRUPT_STATUS) & (INTERRUPT_QUEUE | INTERRUPT_CONFIG);

	if (status)
		write_register(device, MMIO_INTERRUPT_ACK, status);
	return status & INTERRUPT_CONFIG;
}

static void mmio_describe(struct virtio_device *device, struct facts *facts)
{
	struct virtio_mmio *mmio = mmio_of(device);

	fact_hex(facts, "address", mmio->address);
	fact_number(facts, "line", mmio->line.gsi);
	fact_text(facts, "trigger", mmio->line.level ? "level" : "edge");
	fact_list(facts, "interrupts");
	if (mmio->interrupt) {
		fact_item(facts);
		fact_number(facts, "cpu", interrupt_cpu(mmio->interrupt));
		fact_hex(facts, "vector", interrupt_vector(mmio->interrupt));
		fact_number(facts, "count", interrupt_count(mmio->interrupt));
		fact_end(facts);
	}
	fact_end(facts);
}

static const struct virtio_transport mmio_transport = {
	.name = "mmio 2",
	.status_read = mmio_status_read,
	.status_write = mmio_status_write,
	.features_read = mmio_features_read,
	.features_write = mmio_features_write,
	.config_read = mmio_config_read,
	.config_write = mmio_config_write,
	.config_length = mmio_config_length,
	.config_generation = mmio_config_generation,
	.config_poll = mmio_config_poll,
	.queue_size_max = mmio_queue_size_max,
	.interrupts_connect = mmio_interrupts_connect,
	.interrupts_release = mmio_interrupts_release,
	.interrupts_offered = mmio_interrupts_offered,
	.queue_enable = mmio_queue_enable,
	.queue_reset = mmio_queue_reset,
	.features_limit = mmio_features_limit,
	.describe = mmio_describe,
};

static const struct virtio_transport mmio_legacy_transport = {
	.name = "mmio 1",
	.legacy = true,
	.status_read = mmio_status_read,
	.status_write = mmio_status_write,
	.features_read = legacy_features_read,
	.features_write = legacy_features_write,
	.config_read = mmio_config_read,
	.config_write = mmio_config_write,
	.config_length = mmio_config_length,
	.config_poll = mmio_config_poll,
	.queue_size_max = mmio_queue_size_max,
	.interrupts_connect = mmio_interrupts_connect,
	.interrupts_release = mmio_interrupts_release,
	.interrupts_offered = mmio_interrupts_offered,
	.queue_enable = legacy_queue_enable,
	.describe = mmio_describe,
};

/* -- Finding them */

int virtio_mmio_add(uint64_t address, uint64_t length, const struct interrupt_line *line)
{
	struct virtio_mmio *mmio;
	uint32_t magic, version, id;

	for (mmio = mmio_devices; mmio; mmio = mmio->next)
		if (mmio->address == address)
			return 0; /* named twice */
	if (length < MMIO_CONFIG || length > LENGTH_MAX || address % 4) {
		log_warning("mmio@%llx: cannot be a virtio device of 0x%llx bytes",
			    (unsigned long long)address, (unsigned long long)length);
		return -EINVAL;
	}
	mmio = calloc(1, sizeof(*mmio));
	if (!mmio)
		return -ENOMEM;
	mmio->registers = map_mmio(address, (size_t)length);
	if (!mmio->registers) {
		free(mmio);
		return -ENOMEM;
	}
	mmio->address = address;
	mmio->length = (uint32_t)length;
	mmio->line = *line;
	mmio->device.transport = &mmio_transport;
	mmio->device.transport_data = mmio;
	sniprintf(mmio->device.bus_name, sizeof(mmio->device.bus_name), "mmio@%llx",
		  (unsigned long long)address);

	/* 4.2.3.1.1 */
	magic = read_register(&mmio->device, MMIO_MAGIC);
	version = magic == MAGIC ? read_register(&mmio->device, MMIO_VERSION) : 0;
	id = version == VERSION || version == VERSION_LEGACY
		     ? read_register(&mmio->device, MMIO_DEVICE_ID)
		     : 0;
	if (!id) {
		/* Type 0 is an empty place, and no error. */
		if (magic != MAGIC)
			log_warning("%s: no virtio device (magic 0x%x)", mmio->device.bus_name,
				    (unsigned int)magic);
		else if (version != VERSION && version != VERSION_LEGACY)
			log_notice("%s: virtio-mmio of unknown version %u, left alone",
				   mmio->device.bus_name, (unsigned int)version);
		unmap_mmio(mmio->registers, (size_t)length);
		free(mmio);
		return -ENODEV;
	}
	if (version == VERSION_LEGACY)
		mmio->device.transport = &mmio_legacy_transport;
	mmio->device.type = id;
	mmio->device.vendor = read_register(&mmio->device, MMIO_VENDOR_ID);
	mmio->next = mmio_devices;
	mmio_devices = mmio;
	virtio_device_add(&mmio->device);
	return 0;
}

/* The number at *text, with K or M behind it; *text moves on. */
static bool parse_size(const char **text, uint64_t *value)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	*value = strtoull(*text, &end, 0);
	*text = end;
	if (*end == 'K' || *end == 'k' || *end == 'M' || *end == 'm') {
		*value <<= *end == 'K' || *end == 'k' ? 10 : 20;
		++*text;
	}
	return true;
}

/* SIZE@ADDRESS:IRQ[:ID], as Linux takes it. */
static bool parse_device(const char *value, uint64_t *length, uint64_t *address, uint64_t *irq)
{
	uint64_t id;

	if (!parse_size(&value, length) || *value++ != '@' || !parse_size(&value, address) ||
	    *value++ != ':' || !parse_size(&value, irq) || *irq > UINT32_MAX)
		return false;
	if (*value == ':') {
		value++;
		if (!parse_size(&value, &id))
			return false;
	}
	return !*value;
}

static bool check_device(const char *value)
{
	uint64_t length, address, irq;

	return parse_device(value, &length, &address, &irq);
}

OPTION(virtio_mmio_device, "virtio_mmio.device", "SIZE@ADDRESS:IRQ[:ID]",
       "a virtio device over MMIO; may be given several times", check_device);

struct each {
	bool (*function)(void *context, const struct virtio_mmio_place *place);
	void *context;
	bool stopped;
};

static bool each_option(void *context, const char *value)
{
	struct virtio_mmio_place place = {0};
	struct each *each = context;
	uint64_t irq;

	if (!parse_device(value, &place.length, &place.address, &irq))
		return true;
	/* The line is an edge unless the firmware's tables say otherwise of an ISA interrupt. */
	place.line.gsi = (uint32_t)irq;
	if (irq < ISA_LINES)
		interrupt_isa_line((unsigned int)irq, &place.line);
	return each->function(each->context, &place);
}

static bool each_acpi(void *context, const struct acpi_virtio_mmio *device)
{
	const struct virtio_mmio_place place = {
		.address = device->address,
		.length = device->length,
		.line = {device->gsi, device->level, device->active_low},
	};
	struct each *each = context;

	each->stopped = !each->function(each->context, &place);
	return !each->stopped;
}

void virtio_mmio_each(bool (*function)(void *context, const struct virtio_mmio_place *place),
		      void *context)
{
	struct each each = {.function = function, .context = context};

	acpi_virtio_mmio_each(each_acpi, &each);
	if (!each.stopped)
		options_each("virtio_mmio.device", each_option, &each);
}

static bool add_place(void *context, const struct virtio_mmio_place *place)
{
	(void)context;
	(void)virtio_mmio_add(place->address, place->length, &place->line);
	return true;
}

void virtio_mmio_init(void)
{
	virtio_mmio_each(add_place, NULL);
}

void virtio_mmio_stop(uint64_t address)
{
	for (struct virtio_mmio *mmio = mmio_devices; mmio; mmio = mmio->next)
		if (mmio->address == address)
			virtio_shutdown(&mmio->device);
}

void virtio_mmio_shutdown(void)
{
	for (struct virtio_mmio *mmio = mmio_devices; mmio; mmio = mmio->next)
		virtio_shutdown(&mmio->device);
}
