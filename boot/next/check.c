/* SPDX-License-Identifier: BSD-2-Clause */
/* Decides where everything goes, and writes down what the next kernel is told. */
#include "boot/next/internal.h"
#include "boot/next/told.h"
#include "kernel/main.h"
#include "kernel/memory/dma.h"
#include "kernel/memory/map.h"
#include "kernel/x86/layout.h"

#include <errno.h>
#include <string.h>

/* More than one descriptor for each page of low memory: nobody's map is longer. */
#define EFI_MEMORY_MAP_MAX (4u << 20)

static uint64_t put(struct next_plan *plan, const void *bytes, size_t length)
{
	uint64_t address = next_plan_pages(plan, (length + PAGE_SIZE - 1) / PAGE_SIZE);

	if (address)
		memcpy(dma_pointer(address), bytes, length);
	return address;
}

/* The firmware's map lies where the kernel may be going to. 0: there is none, or no memory. */
static uint64_t put_efi_memory_map(struct next_plan *plan, const struct boot_efi *efi)
{
	const void *map;
	uint64_t address;

	if (!efi->system_table || !efi->memory_map.length ||
	    efi->memory_map.length > EFI_MEMORY_MAP_MAX)
		return 0;
	map = map_firmware(efi->memory_map.start, efi->memory_map.length);
	if (!map) {
		plan->failed = true;
		return 0;
	}
	address = put(plan, map, efi->memory_map.length);
	unmap_firmware(map, efi->memory_map.length);
	return address;
}

static void tell_linux(struct next_plan *plan, struct next_told *told)
{
	size_t more_size = next_zero_page_more(told->info);
	uint64_t more = 0;

	told->efi_memory_map = put_efi_memory_map(plan, &told->info->efi);
	if (more_size)
		more = next_plan_pages(plan, (more_size + PAGE_SIZE - 1) / PAGE_SIZE);
	plan->argument = next_plan_pages(plan, 1);
	plan->entry = told->layout->segments[0].address + LINUX_ENTRY_64;
	if (!plan->failed)
		next_zero_page(dma_pointer(plan->argument), more ? dma_pointer(more) : NULL, more,
			       told);
}

static void tell_pvh(struct next_plan *plan, const struct next_told *told, uint32_t entry)
{
	size_t size = next_start_info_size(told->info);

	plan->argument = next_plan_pages(plan, (size + PAGE_SIZE - 1) / PAGE_SIZE);
	plan->entry = entry;
	if (!plan->failed)
		next_start_info(dma_pointer(plan->argument), plan->argument, told);
}

/* As far up as anything is that could be read, written or moved. */
static uint64_t memory_end(const struct boot_info *info)
{
	uint64_t end = 0;

	for (unsigned int i = 0; i < info->memory_count; i++) {
		const struct boot_memory *entry = &info->memory[i];
		uint64_t last = entry->start + entry->length;

		if (entry->type == BOOT_MEMORY_RESERVED || last < entry->start ||
		    last > NEXT_ADDRESS_MAX + 1)
			continue;
		if (last > end)
			end = last;
	}
	return end;
}

static int check_files(struct next_kernel *next)
{
	struct next_file *kernel = next_file_kernel(next);
	const char *line = next->command_line ? next->command_line : "";

	if (!kernel)
		return next_fail(next, NULL, -ENOENT, "there is no kernel to start");
	for (const struct next_file *file = next->files; file; file = file->following)
		if (!file->ended)
			return next_fail(next, file, -EAGAIN, "is not complete");
	/* It may have come after the command line. */
	return next_set_command_line(next, line);
}

int next_check(struct next_kernel *next)
{
	struct next_plan *plan = &next->plan;
	struct next_told told = {.info = boot_information()};
	struct next_file *kernel;
	int error;

	if (plan->ready)
		return 0;
	error = check_files(next);
	if (error)
		return error;
	kernel = next_file_kernel(next);
	told.layout = &kernel->kernel.layout;
	next_plan_begin(plan, &kernel->kernel.areas);
	plan->protocol = told.layout->protocol;
	error = next_join_initrds(next, told.layout);
	if (error) {
		next_plan_release(plan);
		return error;
	}
	told.initrd = plan->initrd;
	told.initrd_size = plan->initrd_size;
	told.command_line = put(plan, next->command_line, strlen(next->command_line) + 1);
	if (plan->protocol == NEXT_PROTOCOL_LINUX)
		tell_linux(plan, &told);
	else
		tell_pvh(plan, &told, kernel->kernel.entry);
	next_plan_tables(plan, memory_end(told.info));
	plan->trampoline = next_plan_pages(plan, 1);
	/* Last: what was put aside meanwhile has its place now. */
	next_plan_move_areas(plan, told.layout);
	error = next_plan_end(plan);
	if (error) {
		next_plan_release(plan);
		return next_fail(next, NULL, error,
				 "no memory below 4 GiB for what the kernel is told");
	}
	return 0;
}
