/* SPDX-License-Identifier: BSD-2-Clause */
/* Fake registers, ports and barriers behind kernel/x86/io.h and kernel/memory/map.h. */
#include "tests/device/host.h"

#include "kernel/memory/map.h"
#include "kernel/time/clock.h"
#include "kernel/x86/io.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_REGIONS_MAX 32
#define MODELS_MAX 128
#define RELAX_TIME 200 /* nanoseconds */

struct port_region {
	uint16_t port;
	unsigned int count;
	const struct host_region_operations *operations;
	void *context;
};

struct model {
	void (*poll)(void *context);
	void *context;
};

static struct host_region *regions;
static struct port_region ports[PORT_REGIONS_MAX];
static unsigned int port_count;
static struct model models[MODELS_MAX];
static unsigned int model_count;
static bool polling;
static uint64_t accesses;
static void (*alter)(unsigned int width, uint64_t *value);

void host_abort(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("host: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	abort();
}

void host_reset(void)
{
	while (regions) {
		struct host_region *region = regions;

		regions = region->next;
		free(region->memory);
		free(region);
	}
	port_count = 0;
	model_count = 0;
	polling = false;
	accesses = 0;
	alter = NULL;
	host_dma_reset();
	host_interrupt_reset();
	host_thread_reset();
	host_log_clear();
	host_command_clear();
}

struct host_region *host_mmio_region(uint64_t address, uint64_t size,
				     const struct host_region_operations *operations, void *context)
{
	struct host_region *region = calloc(1, sizeof(*region));

	if (!region || !size || !(region->memory = calloc(1, size)))
		host_abort("no memory for a region of %llu bytes", (unsigned long long)size);
	region->address = address;
	region->size = size;
	region->operations = operations;
	region->context = context;
	region->next = regions;
	regions = region;
	return region;
}

void host_on_read(void (*function)(unsigned int width, uint64_t *value))
{
	alter = function;
}

uint64_t host_io_accesses(void)
{
	return accesses;
}

static struct host_region *region_at(uint64_t address, uint64_t length)
{
	for (struct host_region *region = regions; region; region = region->next)
		if (region->address && address >= region->address &&
		    address - region->address < region->size &&
		    length <= region->size - (address - region->address))
			return region;
	return NULL;
}

volatile void *map_mmio(uint64_t address, size_t length)
{
	struct host_region *region = length ? region_at(address, length) : NULL;

	return region ? region->memory + (address - region->address) : NULL;
}

void unmap_mmio(volatile void *pointer, size_t length)
{
	(void)pointer;
	(void)length;
}

const void *map_firmware(uint64_t address, size_t length)
{
	return (const void *)map_mmio(address, length);
}

void unmap_firmware(const void *pointer, size_t length)
{
	(void)pointer;
	(void)length;
}

static struct host_region *region_of(const volatile void *pointer, unsigned int width)
{
	uintptr_t place = (uintptr_t)pointer;

	for (struct host_region *region = regions; region; region = region->next) {
		uintptr_t start = (uintptr_t)region->memory;

		if (place >= start && place - start < region->size) {
			if (width > region->size - (place - start))
				host_abort("access of %u bytes across the end of a region", width);
			if ((place - start) % width)
				host_abort("unaligned access of %u bytes at 0x%llx", width,
					   (unsigned long long)(place - start));
			return region;
		}
	}
	host_abort("register access at %p, where no region is", (const void *)place);
}

static uint64_t mmio_read(const volatile void *pointer, unsigned int width)
{
	struct host_region *region = region_of(pointer, width);
	uint64_t offset = (uintptr_t)pointer - (uintptr_t)region->memory;
	uint64_t value = 0;

	accesses++;
	if (region->operations && region->operations->read)
		value = region->operations->read(region->context, offset, width);
	else
		memcpy(&value, region->memory + offset, width);
	if (alter)
		alter(width, &value);
	return value;
}

static void mmio_write(volatile void *pointer, unsigned int width, uint64_t value)
{
	struct host_region *region = region_of(pointer, width);
	uint64_t offset = (uintptr_t)pointer - (uintptr_t)region->memory;

	accesses++;
	if (region->operations && region->operations->write)
		region->operations->write(region->context, offset, width, value);
	else
		memcpy(region->memory + offset, &value, width);
}

void host_port_region(uint16_t port, unsigned int count,
		      const struct host_region_operations *operations, void *context)
{
	if (port_count == PORT_REGIONS_MAX)
		host_abort("too many port regions");
	ports[port_count++] = (struct port_region){port, count, operations, context};
}

static const struct port_region *ports_at(uint16_t port, unsigned int width)
{
	accesses++;
	for (unsigned int i = 0; i < port_count; i++)
		if (port >= ports[i].port && port + width <= ports[i].port + ports[i].count)
			return &ports[i];
	return NULL;
}

static uint32_t port_read(uint16_t port, unsigned int width)
{
	const struct port_region *region = ports_at(port, width);
	uint64_t value;

	if (!region)
		return UINT32_MAX;
	value = region->operations->read(region->context, port - region->port, width);
	if (alter)
		alter(width, &value);
	return (uint32_t)value;
}

static void port_write(uint16_t port, unsigned int width, uint32_t value)
{
	const struct port_region *region = ports_at(port, width);

	if (region)
		region->operations->write(region->context, port - region->port, width, value);
}

#define ACCESSORS(bits)                                                                            \
	uint##bits##_t mmio_read##bits(const volatile void *address)                               \
	{                                                                                          \
		return (uint##bits##_t)mmio_read(address, bits / 8);                               \
	}                                                                                          \
	void mmio_write##bits(volatile void *address, uint##bits##_t value)                        \
	{                                                                                          \
		mmio_write(address, bits / 8, value);                                              \
	}
#define PORT_ACCESSORS(bits)                                                                       \
	uint##bits##_t port_read##bits(uint16_t port)                                              \
	{                                                                                          \
		return (uint##bits##_t)port_read(port, bits / 8);                                  \
	}                                                                                          \
	void port_write##bits(uint16_t port, uint##bits##_t value)                                 \
	{                                                                                          \
		port_write(port, bits / 8, value);                                                 \
	}

ACCESSORS(8)
ACCESSORS(16)
ACCESSORS(32)
ACCESSORS(64)
PORT_ACCESSORS(8)
PORT_ACCESSORS(16)
PORT_ACCESSORS(32)

void host_model(void (*poll)(void *context), void *context)
{
	if (model_count == MODELS_MAX)
		host_abort("too many models");
	models[model_count++] = (struct model){poll, context};
}

void host_poll(void)
{
	if (polling)
		return;
	polling = true;
	for (unsigned int i = 0; i < model_count; i++)
		models[i].poll(models[i].context);
	polling = false;
}

void memory_barrier(void)
{
	host_poll();
}

void memory_barrier_read(void)
{
	host_poll();
}

void memory_barrier_write(void)
{
	host_poll();
}

/* A poll of a register takes so long; with less, bounded loops go round for ever. */
void cpu_relax(void)
{
	clock_spin(RELAX_TIME);
}
