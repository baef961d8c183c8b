/* SPDX-License-Identifier: BSD-2-Clause */
#define LOG_AREA "memory"
#include "kernel/memory/memory.h"

#include "kernel/console/log.h"
#include "kernel/facts/facts.h"
#include "kernel/memory/memory_map.h"
#include "kernel/memory/pages.h"
#include "kernel/panic.h"
#include "kernel/shell/command.h"
#include "kernel/x86/paging.h"

#include <inttypes.h>
#include <string.h>

#define LOW_MEMORY_END 0x100000
/*
 * Below 1 MiB only this part is used: in front are the null page and the BIOS data area, behind are
 * the extended BIOS data area and the places where VMMs without ACPI put their MP tables.
 */
#define LOW_MEMORY_FIRST 0x1000
#define LOW_MEMORY_LAST 0x80000
#define TRAMPOLINE_LIMIT 0x9ffff

extern char image_start[], image_end[], boot_bss_start[], boot_bss_end[];

static struct boot_memory firmware_map[BOOT_MEMORY_MAX];
static unsigned int firmware_map_count;
static struct memory_map usable;
static uint64_t trampoline;

static void exclude_blob(struct memory_map *map, const struct boot_blob *blob)
{
	if (blob->length)
		memory_map_exclude(map, blob->start, blob->start + blob->length);
}

static void exclude_ours(struct memory_map *map, const struct boot_info *info)
{
	memory_map_exclude(map, info->image_start,
			   info->image_start + (uint64_t)(image_end - image_start));
	memory_map_exclude(map, LOW_MEMORY_LAST, LOW_MEMORY_END);
	for (unsigned int i = 0; i < info->module_count; i++)
		memory_map_exclude(map, info->modules[i].start,
				   info->modules[i].start + info->modules[i].length);
	exclude_blob(map, &info->efi.memory_map);
	exclude_blob(map, &info->efi.device_path);
	exclude_blob(map, &info->efi.file_path);
	exclude_blob(map, &info->efi.dhcp_ack);
	exclude_blob(map, &info->efi.proxy_offer);
	exclude_blob(map, &info->efi.pxe_reply);
}

/*
 * Each region's metadata is taken from its own start. Only the first 4 GiB are mapped until our own
 * page tables are loaded, so what lies above is added later.
 */
static void add_region(const struct memory_range *range)
{
	size_t metadata = (pages_metadata_size(range->end - range->start) + PAGE_SIZE - 1) &
			  ~(size_t)(PAGE_SIZE - 1);

	if (metadata + PAGE_SIZE > range->end - range->start)
		return;
	if (pages_add_region(range->start + metadata, range->end, direct_map(range->start)) < 0)
		log_warning("too many separate ranges: %#" PRIx64 " to %#" PRIx64 " is not used",
			    range->start, range->end);
}

void memory_init(const struct boot_info *info)
{
	struct memory_map free_map;

	memcpy(firmware_map, info->memory, sizeof(firmware_map));
	firmware_map_count = info->memory_count;
	memory_map_usable(&usable, info->memory, info->memory_count, LOW_MEMORY_FIRST,
			  paging_physical_mask() + 1);
	free_map = usable;
	exclude_ours(&free_map, info);
	if (!free_map.count)
		panic("the firmware's memory map has no usable memory (%u entries)",
		      info->memory_count);

	for (unsigned int i = 0; i < free_map.count; i++)
		if (free_map.ranges[i].end <= 0x100000000)
			add_region(&free_map.ranges[i]);
	trampoline = pages_alloc(1, TRAMPOLINE_LIMIT);
	paging_init(&usable, info->image_start);
	for (unsigned int i = 0; i < free_map.count; i++)
		if (free_map.ranges[i].end > 0x100000000)
			add_region(&free_map.ranges[i]);

	if (info->memory_lost || usable.lost)
		log_warning("%u entries of the firmware's map were too many and are ignored",
			    info->memory_lost + usable.lost);
	log_info("%" PRIu64 " KiB usable in %u ranges, %" PRIu64 " KiB free",
		 memory_map_size(&usable) >> 10, usable.count,
		 pages_available() << (PAGE_SHIFT - 10));
}

void memory_release_boot(const struct boot_info *info)
{
	struct memory_range tables = {
		info->image_start + (uint64_t)(boot_bss_start - image_start),
		info->image_start + (uint64_t)(boot_bss_end - image_start),
	};

	/* The first page tables: a region of their own. */
	add_region(&tables);
}

bool memory_is_ram(uint64_t address, uint64_t length)
{
	for (unsigned int i = 0; i < firmware_map_count; i++) {
		const struct boot_memory *entry = &firmware_map[i];

		if (entry->type == BOOT_MEMORY_RESERVED || entry->type == BOOT_MEMORY_BAD)
			continue;
		/* The one that begins first reaches the other: no sum, which could wrap around. */
		if (address >= entry->start ? address - entry->start < entry->length
					    : entry->start - address < length)
			return true;
	}
	return false;
}

uint64_t memory_trampoline_page(void)
{
	return trampoline;
}

static const char *const type_names[] = {"reserved",  "usable",	      "ACPI tables", "ACPI NVS",
					 "boot data", "UEFI runtime", "bad"};

static void describe_memory(struct facts *facts)
{
	fact_bytes(facts, "total", memory_map_size(&usable));
	fact_bytes(facts, "managed", pages_total() << PAGE_SHIFT);
	fact_bytes(facts, "free", pages_available() << PAGE_SHIFT);
	fact_bytes(facts, "lent", pages_lent() << PAGE_SHIFT);
	fact_bytes(facts, "image", (uint64_t)(image_end - image_start));
	fact_bytes(facts, "heap", heap_size());
	fact_bytes(facts, "stacks", stacks_size());
	fact_list(facts, "firmware_map");
	for (unsigned int i = 0; i < firmware_map_count; i++) {
		const struct boot_memory *entry = &firmware_map[i];

		fact_item(facts);
		fact_hex(facts, "start", entry->start);
		fact_bytes(facts, "length", entry->length);
		fact_text(facts, "type", type_names[entry->type]);
		fact_end(facts);
	}
	fact_end(facts);
}
FACTS(memory, "memory", 30, describe_memory);

/* The columns of procps' free, with what they mean here. */
static enum command_result command_free(int argc, char **argv)
{
	unsigned int shift = 10;
	uint64_t total, free_memory;

	if (argc == 2 && !strcmp(argv[1], "-m"))
		shift = 20;
	else if (argc == 2 && !strcmp(argv[1], "-b"))
		shift = 0;
	else if (argc != 1 && !(argc == 2 && !strcmp(argv[1], "-k")))
		return COMMAND_USAGE;
	/* As in Linux, what the host has through the balloon is not ours. */
	total = (memory_map_size(&usable) - (pages_lent() << PAGE_SHIFT)) >> shift;
	free_memory = pages_available() << PAGE_SHIFT >> shift;
	command_print("%15s %11s %11s %11s %11s %11s\n", "total", "used", "free", "shared",
		      "buff/cache", "available");
	command_print("Mem:   %8" PRIu64 " %11" PRIu64 " %11" PRIu64 " %11u %11u %11" PRIu64 "\n",
		      total, total - free_memory, free_memory, 0, 0, free_memory);
	command_print("Swap:  %8u %11u %11u\n", 0, 0, 0);
	return COMMAND_OK;
}
COMMAND(free, "free [-b|-k|-m]", "memory: total (without what the balloon has), used, free",
	command_free);
