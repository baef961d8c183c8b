/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads AML (ACPI 6.4, chapter 20) without running it: steps over the declarations of a table, goes
 * into Device and Scope, skips methods, and collects the objects that are constants. What it does
 * not know it passes byte by byte until it knows again. All lengths are checked against what
 * encloses them.
 */
#include "drivers/platform/acpi.h"
#include "drivers/platform/table_read.h"

#include <string.h>

#define OP_ALIAS 0x06
#define OP_NAME 0x08
#define OP_BYTE 0x0a
#define OP_WORD 0x0b
#define OP_DWORD 0x0c
#define OP_STRING 0x0d
#define OP_QWORD 0x0e
#define OP_SCOPE 0x10
#define OP_BUFFER 0x11
#define OP_PACKAGE 0x12
#define OP_VAR_PACKAGE 0x13
#define OP_METHOD 0x14
#define OP_EXTERNAL 0x15
#define OP_EXTENDED 0x5b
#define OP_IF 0xa0
#define OP_ELSE 0xa1
#define OP_RETURN 0xa4
#define EXTENDED_MUTEX 0x01
#define EXTENDED_REGION 0x80
#define EXTENDED_FIELD 0x81
#define EXTENDED_DEVICE 0x82
#define EXTENDED_BANK_FIELD 0x87

#define DEPTH_MAX 16
#define BRIDGES_MAX 16

struct scope {
	size_t end;
	bool is_device;
	struct acpi_device device;
};

struct walk {
	const uint8_t *aml;
	size_t length;
	bool (*function)(void *context, const struct acpi_device *device);
	void *context;
	bool stopped;
	unsigned int depth;
	struct scope stack[DEPTH_MAX];
	/* Devices with an identifier of a host bridge, for Scope()s that come back to them. */
	unsigned int bridge_count;
	struct acpi_device bridges[BRIDGES_MAX];
};

size_t aml_integer(const uint8_t *aml, size_t length, uint64_t *value)
{
	if (!length)
		return 0;
	switch (aml[0]) {
	case 0x00:
	case 0x01:
		*value = aml[0];
		return 1;
	case 0xff:
		*value = UINT64_MAX;
		return 1;
	case OP_BYTE:
		if (length < 2)
			return 0;
		*value = aml[1];
		return 2;
	case OP_WORD:
		if (length < 3)
			return 0;
		*value = table_read16(aml + 1);
		return 3;
	case OP_DWORD:
		if (length < 5)
			return 0;
		*value = table_read32(aml + 1);
		return 5;
	case OP_QWORD:
		if (length < 9)
			return 0;
		*value = table_read64(aml + 1);
		return 9;
	}
	return 0;
}

size_t aml_package_length(const uint8_t *aml, size_t length, size_t *package)
{
	size_t more;

	if (!length)
		return 0;
	more = aml[0] >> 6;
	if (length < more + 1)
		return 0;
	*package = more ? aml[0] & 0x0f : aml[0] & 0x3f;
	for (size_t i = 0; i < more; i++)
		*package |= (size_t)aml[1 + i] << (4 + 8 * i);
	return *package >= more + 1 && *package <= length ? more + 1 : 0;
}

static bool name_segment(const uint8_t *aml)
{
	for (int i = 0; i < 4; i++) {
		bool letter = (aml[i] >= 'A' && aml[i] <= 'Z') || aml[i] == '_';

		if (!letter && !(i && aml[i] >= '0' && aml[i] <= '9'))
			return false;
	}
	return true;
}

/* A NameString: its length in bytes, or 0; *last is its last segment, or NULL for the root. */
static size_t name_string(const uint8_t *aml, size_t length, const uint8_t **last)
{
	size_t position = 0, segments = 1;

	while (position < length && (aml[position] == '\\' || aml[position] == '^'))
		position++;
	if (position >= length)
		return 0;
	*last = NULL;
	if (aml[position] == 0)
		return position + 1;
	if (aml[position] == 0x2e) {
		segments = 2;
		position++;
	} else if (aml[position] == 0x2f) {
		if (position + 1 >= length || !aml[position + 1])
			return 0;
		segments = aml[position + 1];
		position += 2;
	}
	for (; segments; segments--, position += 4) {
		if (position > length || length - position < 4 || !name_segment(aml + position))
			return 0;
		*last = aml + position;
	}
	return position;
}

/* EISAID("PNP0A08") is a packed number (ACPI 6.4, 19.3.4). */
static void eisa_id(uint32_t value, char id[ACPI_ID_MAX])
{
	static const char digits[] = "0123456789ABCDEF";
	uint32_t swapped = __builtin_bswap32(value);

	for (int i = 0; i < 3; i++)
		id[i] = (char)('@' + (swapped >> (26 - 5 * i) & 0x1f));
	for (int i = 0; i < 4; i++)
		id[3 + i] = digits[swapped >> (12 - 4 * i) & 0xf];
	id[7] = '\0';
}

static struct acpi_device *top(struct walk *walk)
{
	return walk->depth ? &walk->stack[walk->depth - 1].device : NULL;
}

static void pop(struct walk *walk)
{
	struct scope *scope = &walk->stack[--walk->depth];
	struct acpi_device *device = &scope->device;

	if (!scope->is_device) {
		for (unsigned int i = 0; i < walk->bridge_count; i++) {
			if (memcmp(walk->bridges[i].name, device->name, sizeof(device->name)))
				continue;
			memcpy(device->hardware_id, walk->bridges[i].hardware_id,
			       sizeof(device->hardware_id));
			device->segment = walk->bridges[i].segment;
			device->base_bus = walk->bridges[i].base_bus;
		}
		if (!device->resources && !device->routing && !device->has_config_base)
			return;
	} else if (!memcmp(device->hardware_id, "PNP0A0", 6) && walk->bridge_count < BRIDGES_MAX) {
		walk->bridges[walk->bridge_count++] = *device;
	}
	if (!walk->function(walk->context, device))
		walk->stopped = true;
}

/* Device or Scope at `start`, its PkgLength at `position`. The place of its first term, or 0. */
static size_t push(struct walk *walk, size_t position, size_t limit, bool is_device)
{
	const uint8_t *last;
	size_t package, own, name;
	struct scope *scope;

	if (walk->depth == DEPTH_MAX)
		return 0;
	own = aml_package_length(walk->aml + position, limit - position, &package);
	if (!own)
		return 0;
	name = name_string(walk->aml + position + own, package - own, &last);
	if (!name || (is_device && !last))
		return 0;
	scope = &walk->stack[walk->depth++];
	memset(scope, 0, sizeof(*scope));
	scope->end = position + package;
	scope->is_device = is_device;
	if (last)
		memcpy(scope->device.name, last, 4);
	return position + own + name;
}

/* Keeps what is known by name; `value` is the object's first byte, `size` its length. */
static void keep(struct acpi_device *device, const uint8_t *name, const uint8_t *value, size_t size)
{
	uint64_t number = 0;
	bool is_number = aml_integer(value, size, &number) != 0;
	size_t package, own;

	if (!device)
		return;
	if (!memcmp(name, "_HID", 4)) {
		if (is_number)
			eisa_id((uint32_t)number, device->hardware_id);
		else if (value[0] == OP_STRING && size - 2 < ACPI_ID_MAX)
			memcpy(device->hardware_id, value + 1, size - 1);
	} else if (!memcmp(name, "_SEG", 4) && is_number) {
		device->segment = number;
	} else if (!memcmp(name, "_BBN", 4) && is_number) {
		device->base_bus = number;
	} else if (!memcmp(name, "_CBA", 4) && is_number) {
		device->config_base = number;
		device->has_config_base = true;
	} else if (!memcmp(name, "_CRS", 4) && value[0] == OP_BUFFER) {
		own = aml_package_length(value + 1, size - 1, &package);
		value += 1 + own;
		size -= 1 + own;
		own = aml_integer(value, size, &number);
		if (own) {
			device->resources = value + own;
			device->resources_length = size - own;
		}
	} else if (!memcmp(name, "_PRT", 4) &&
		   (value[0] == OP_PACKAGE || value[0] == OP_VAR_PACKAGE)) {
		bool variable = value[0] == OP_VAR_PACKAGE;

		own = aml_package_length(value + 1, size - 1, &package);
		value += 1 + own;
		size -= 1 + own;
		own = variable ? aml_integer(value, size, &number) : size > 0;
		if (own) {
			device->routing = value + own;
			device->routing_length = size - own;
		}
	}
}

/* The length of a constant object, or 0 when it is not one that is known. */
static size_t object_length(const uint8_t *aml, size_t length)
{
	uint64_t number;
	size_t package;
	const uint8_t *end;

	if (!length)
		return 0;
	switch (aml[0]) {
	case OP_STRING:
		end = memchr(aml + 1, 0, length - 1);
		return end ? (size_t)(end - aml) + 1 : 0;
	case OP_BUFFER:
	case OP_PACKAGE:
	case OP_VAR_PACKAGE:
		return aml_package_length(aml + 1, length - 1, &package) ? 1 + package : 0;
	}
	return aml_integer(aml, length, &number);
}

/* Name(): the place after it, or 0. */
static size_t step_name(struct walk *walk, size_t position, size_t limit)
{
	const uint8_t *last;
	size_t name = name_string(walk->aml + position, limit - position, &last), size;

	if (!name || !last)
		return 0;
	position += name;
	size = object_length(walk->aml + position, limit - position);
	if (size)
		keep(top(walk), last, walk->aml + position, size);
	return position + size;
}

/* Method(): the place after it, or 0. One is looked into: _CBA, when all it does is return a constant. */
static size_t step_method(struct walk *walk, size_t position, size_t limit)
{
	const uint8_t *last, *body;
	size_t package, name,
		own = aml_package_length(walk->aml + position, limit - position, &package);

	if (!own)
		return 0;
	name = name_string(walk->aml + position + own, package - own, &last);
	if (!name || !last)
		return 0;
	body = walk->aml + position + own + name;
	if (!memcmp(last, "_CBA", 4) && package > own + name + 2 && body[1] == OP_RETURN)
		keep(top(walk), last, body + 2, package - own - name - 2);
	return position + package;
}

/* One term: the place after it, or 0 when it is not understood. */
static size_t step(struct walk *walk, size_t position, size_t limit)
{
	const uint8_t *aml = walk->aml, *last;
	size_t package, name;

	switch (aml[position]) {
	case OP_NAME:
		return step_name(walk, position + 1, limit);
	case OP_SCOPE:
		return push(walk, position + 1, limit, false);
	case OP_METHOD:
		return step_method(walk, position + 1, limit);
	case OP_EXTERNAL:
		name = name_string(aml + position + 1, limit - position - 1, &last);
		return name ? position + 1 + name + 2 : 0;
	case OP_ALIAS:
		name = name_string(aml + position + 1, limit - position - 1, &last);
		if (!name)
			return 0;
		position += 1 + name;
		name = name_string(aml + position, limit - position, &last);
		return name ? position + name : 0;
	case OP_IF:
	case OP_ELSE:
		/* What is inside counts, whatever the condition. */
		name = aml_package_length(aml + position + 1, limit - position - 1, &package);
		return name ? position + 1 + name : 0;
	case OP_EXTENDED:
		break;
	default:
		return 0;
	}
	if (limit - position < 3)
		return 0;
	position += 2;
	switch (aml[position - 1]) {
	case EXTENDED_DEVICE:
		return push(walk, position, limit, true);
	case EXTENDED_MUTEX:
		name = name_string(aml + position, limit - position, &last);
		return name ? position + name + 1 : 0;
	case EXTENDED_REGION:
		name = name_string(aml + position, limit - position, &last);
		return name ? position + name + 1 : 0;
	}
	/* Fields, processors, power resources, thermal zones. */
	if (aml[position - 1] >= EXTENDED_FIELD && aml[position - 1] <= EXTENDED_BANK_FIELD &&
	    aml_package_length(aml + position, limit - position, &package))
		return position + package;
	return 0;
}

void aml_each_device(const uint8_t *aml, size_t length,
		     bool (*function)(void *context, const struct acpi_device *device),
		     void *context)
{
	struct walk walk = {.aml = aml, .length = length, .function = function, .context = context};
	size_t position = 0;

	while (position < length && !walk.stopped) {
		size_t limit, next;

		while (walk.depth && position >= walk.stack[walk.depth - 1].end && !walk.stopped)
			pop(&walk);
		if (walk.stopped)
			return;
		limit = walk.depth ? walk.stack[walk.depth - 1].end : length;
		next = step(&walk, position, limit);
		position = next > position ? next : position + 1;
	}
	while (walk.depth && !walk.stopped)
		pop(&walk);
}

bool aml_s5(const uint8_t *aml, size_t length, uint8_t *type_a, uint8_t *type_b)
{
	for (size_t i = 1; i + 8 < length; i++) {
		size_t position = i + 4, package, own;
		uint64_t value;

		if (aml[i] != '_' || memcmp(aml + i, "_S5_", 4) || aml[i + 4] != OP_PACKAGE ||
		    (aml[i - 1] != OP_NAME && aml[i - 1] != '\\'))
			continue;
		own = aml_package_length(aml + position + 1, length - position - 1, &package);
		if (!own || package < own + 2)
			continue;
		length = position + 1 + package;
		position += 1 + own + 1; /* the number of elements */
		own = aml_integer(aml + position, length - position, &value);
		if (!own)
			return false;
		*type_a = *type_b = (uint8_t)(value & 7);
		position += own;
		if (aml_integer(aml + position, length - position, &value))
			*type_b = (uint8_t)(value & 7);
		return true;
	}
	return false;
}
