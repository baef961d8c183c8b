/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/platform/smbios.h"

#include "drivers/platform/table_read.h"
#include "kernel/console/log.h"
#include "kernel/facts/facts.h"
#include "kernel/memory/map.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#define LOG_AREA "smbios"

#define BIOS_AREA 0xf0000u
#define BIOS_AREA_SIZE 0x10000u
#define ENTRY_2_SIZE 0x1fu /* 5.2.1 */
#define ENTRY_3_SIZE 0x18u /* 5.2.2 */
#define ENTRY_SIZE_MAX 0x40u
#define INTERMEDIATE 0x10u /* "_DMI_" within the first of them, with a checksum of its own */
#define TABLE_SIZE_MAX (1u << 20)
#define HEADER_SIZE 4u
#define TYPE_SYSTEM 1
#define TYPE_CHASSIS 3
#define TYPE_END 127
#define UUID_OFFSET 8u

/* One structure: its formatted part, and the strings behind it. */
struct structure {
	const uint8_t *bytes;
	uint8_t length;
	const uint8_t *strings, *end; /* the end is behind the last string's zero */
};

/*
 * The structure at *position, and the next position. False at the end, or when it is not whole (6.1.1:
 * two zeroes end the strings).
 */
static bool structure_next(const uint8_t *table, uint32_t length, uint32_t *position,
			   struct structure *structure)
{
	uint32_t at = *position, end;

	if (length - at < HEADER_SIZE + 2)
		return false;
	structure->bytes = table + at;
	structure->length = table[at + 1];
	if (structure->length < HEADER_SIZE || structure->length > length - at - 2)
		return false;
	end = at + structure->length;
	structure->strings = table + end;
	while (end + 1 < length && (table[end] || table[end + 1]))
		end++;
	if (end + 1 >= length)
		return false;
	structure->end = table + end + 1;
	*position = end + 2;
	return true;
}

/* The string whose number stands at `offset` (6.1.3); "" when there is none. */
static void take_string(const struct structure *structure, uint8_t offset, char *text)
{
	const uint8_t *string = structure->strings;
	size_t length;

	text[0] = '\0';
	if (offset >= structure->length || !structure->bytes[offset])
		return;
	for (uint8_t number = structure->bytes[offset]; number > 1 && string < structure->end;
	     number--)
		string += strnlen((const char *)string, (size_t)(structure->end - string)) + 1;
	if (string >= structure->end)
		return;
	length = strnlen((const char *)string, (size_t)(structure->end - string));
	if (length >= SMBIOS_STRING_MAX)
		length = SMBIOS_STRING_MAX - 1;
	for (size_t i = 0; i < length; i++)
		text[i] = string[i] >= 0x20 && string[i] < 0x7f ? (char)string[i] : '?';
	while (length && text[length - 1] == ' ')
		length--;
	text[length] = '\0';
}

/* 7.2.1: since 2.6 the first three fields are little-endian; all zeroes or ones: there is none. */
static void take_uuid(struct smbios *into, const uint8_t *bytes)
{
	static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	bool swapped = into->major > 2 || (into->major == 2 && into->minor >= 6);
	bool zeroes = true, ones = true;

	for (unsigned int i = 0; i < 16; i++) {
		into->uuid[i] = bytes[swapped ? order[i] : i];
		zeroes = zeroes && bytes[i] == 0;
		ones = ones && bytes[i] == 0xff;
	}
	into->uuid_present = !zeroes && !ones;
}

static void table_read(struct smbios *into, const uint8_t *table, uint32_t length)
{
	struct structure structure;
	uint32_t position = 0;
	bool system = false, chassis = false;

	while (structure_next(table, length, &position, &structure) &&
	       structure.bytes[0] != TYPE_END) {
		if (structure.bytes[0] == TYPE_SYSTEM && !system) {
			system = true;
			take_string(&structure, 4, into->manufacturer);
			take_string(&structure, 5, into->product);
			take_string(&structure, 6, into->version);
			take_string(&structure, 7, into->serial);
			if (structure.length >= UUID_OFFSET + 16)
				take_uuid(into, structure.bytes + UUID_OFFSET);
		} else if (structure.bytes[0] == TYPE_CHASSIS && !chassis) {
			chassis = true;
			take_string(&structure, 8, into->asset);
		}
	}
}

static bool table_map_and_read(struct smbios *into, uint64_t address, uint32_t length)
{
	const uint8_t *table;

	if (!address || length < HEADER_SIZE + 2 || length > TABLE_SIZE_MAX) {
		log_warning("a table of %" PRIu32 " bytes at 0x%" PRIx64 ": ignored", length,
			    address);
		return false;
	}
	table = map_firmware(address, length);
	if (!table)
		return false;
	into->present = true;
	table_read(into, table, length);
	unmap_firmware(table, length);
	return true;
}

/* An entry point in `room` bytes of memory. */
static bool entry_3_read(struct smbios *into, const uint8_t *entry, size_t room)
{
	if (room < ENTRY_3_SIZE || memcmp(entry, "_SM3_", 5) || entry[6] < ENTRY_3_SIZE ||
	    entry[6] > room || !table_checksum_good(entry, entry[6]))
		return false;
	into->major = entry[7];
	into->minor = entry[8];
	return table_map_and_read(into, table_read64(entry + 16), table_read32(entry + 12));
}

static bool entry_2_read(struct smbios *into, const uint8_t *entry, size_t room)
{
	/* 2.1 said its own length wrongly: 0x1e for 0x1f. */
	if (room < ENTRY_2_SIZE || memcmp(entry, "_SM_", 4) || entry[5] < ENTRY_2_SIZE - 1 ||
	    entry[5] > room || !table_checksum_good(entry, entry[5]) ||
	    memcmp(entry + INTERMEDIATE, "_DMI_", 5) ||
	    !table_checksum_good(entry + INTERMEDIATE, ENTRY_2_SIZE - INTERMEDIATE))
		return false;
	into->major = entry[6];
	into->minor = entry[7];
	return table_map_and_read(into, table_read32(entry + 24), table_read16(entry + 22));
}

typedef bool entry_reader(struct smbios *into, const uint8_t *entry, size_t room);

static bool entry_at(struct smbios *into, uint64_t address, size_t size, entry_reader *reader)
{
	const uint8_t *entry;
	uint8_t length;
	bool good;

	if (!address)
		return false;
	entry = map_firmware(address, size);
	if (!entry)
		return false;
	/* Its own length may be more; map that then. */
	length = entry[reader == entry_3_read ? 6 : 5];
	if (length > size && length <= ENTRY_SIZE_MAX) {
		unmap_firmware(entry, size);
		size = length;
		entry = map_firmware(address, size);
		if (!entry)
			return false;
	}
	good = reader(into, entry, size);
	unmap_firmware(entry, size);
	return good;
}

static bool area_search(struct smbios *into, entry_reader *reader)
{
	const uint8_t *area = map_firmware(BIOS_AREA, BIOS_AREA_SIZE);
	bool found = false;

	if (!area)
		return false;
	for (uint32_t offset = 0; !found && offset < BIOS_AREA_SIZE; offset += 16)
		found = reader(into, area + offset, BIOS_AREA_SIZE - offset);
	unmap_firmware(area, BIOS_AREA_SIZE);
	return found;
}

bool smbios_read(struct smbios *into, uint64_t entry_point_3, uint64_t entry_point_2)
{
	memset(into, 0, sizeof(*into));
	return entry_at(into, entry_point_3, ENTRY_3_SIZE, entry_3_read) ||
	       entry_at(into, entry_point_2, ENTRY_2_SIZE, entry_2_read) ||
	       area_search(into, entry_3_read) || area_search(into, entry_2_read);
}

static uint64_t entry_points[2];

void smbios_init(uint64_t entry_point_3, uint64_t entry_point_2)
{
	entry_points[0] = entry_point_3;
	entry_points[1] = entry_point_2;
}

const struct smbios *smbios_get(void)
{
	static struct smbios machine;
	static bool known;

	if (!__atomic_load_n(&known, __ATOMIC_ACQUIRE)) {
		struct smbios fresh;

		/* Two at once read the same. */
		(void)smbios_read(&fresh, entry_points[0], entry_points[1]);
		machine = fresh;
		__atomic_store_n(&known, true, __ATOMIC_RELEASE);
	}
	return &machine;
}

static void describe_smbios(struct facts *facts)
{
	const struct smbios *machine = smbios_get();
	const uint8_t *u = machine->uuid;

	fact_flag(facts, "present", machine->present);
	if (!machine->present)
		return;
	fact_format(facts, "smbios", "%u.%u", machine->major, machine->minor);
	fact_text(facts, "manufacturer", machine->manufacturer);
	fact_text(facts, "product", machine->product);
	fact_text(facts, "version", machine->version);
	fact_text(facts, "serial", machine->serial);
	fact_text(facts, "asset", machine->asset);
	if (machine->uuid_present)
		fact_format(facts, "uuid",
			    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
			    u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10],
			    u[11], u[12], u[13], u[14], u[15]);
	else
		fact_none(facts, "uuid");
}
FACTS(smbios, "system", 25, describe_smbios);
