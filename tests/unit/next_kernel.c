/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The next kernel on its way, in a memory of 64 MiB in which we lie at 2 MiB: where its bytes go, what is
 * moved in the end, and that all memory comes back. What the trampoline would do is done here, and checked.
 */
#include "boot/next/bytes.h"
#include "boot/next/internal.h"
#include "boot/next/place.h"
#include "boot/pvh_protocol.h"
#include "kernel/memory/dma.h"
#include "kernel/memory/pages.h"
#include "tests/device/host.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define MIB 0x100000ULL
#define MEMORY_START MIB
#define MEMORY_END (64 * MIB)
#define OURS (2 * MIB)
#define OURS_END (4 * MIB)

static struct boot_info info;
static struct next_kernel *next;
static uint64_t before;
static jmp_buf handed_over;
static const struct next_plan *plan;

static void leave(const struct next_plan *with)
{
	plan = with;
	longjmp(handed_over, 1);
}

static int set_up_memory(void **state)
{
	void *memory = mmap(NULL, MEMORY_END - MEMORY_START, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)state;
	assert_ptr_not_equal(memory, MAP_FAILED);
	host_memory(memory, MEMORY_START, MEMORY_END - MEMORY_START);
	assert_int_equal(pages_add_region(MEMORY_START, OURS, malloc(pages_metadata_size(MIB))), 0);
	assert_int_equal(pages_add_region(OURS_END, MEMORY_END,
					  malloc(pages_metadata_size(MEMORY_END - OURS_END))),
			 0);
	info.memory_count = 2;
	info.memory[0] =
		(struct boot_memory){MEMORY_START, MEMORY_END - MEMORY_START, BOOT_MEMORY_USABLE};
	info.memory[1] = (struct boot_memory){0xf0000, 0x10000, BOOT_MEMORY_RESERVED};
	host_boot_info(&info);
	host_hand_over(leave);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(dma_pointer(MEMORY_START), 0x99, MEMORY_END - MEMORY_START);
	before = pages_available();
	next = next_create();
	assert_non_null(next);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	next_destroy(next);
	assert_int_equal(pages_available(), before);
	return 0;
}

/* -- Files */

static uint8_t byte_of(unsigned int seed, uint64_t at)
{
	return (uint8_t)(seed * 31 + at * 7 + (at >> 8) * 13 + (at >> 16));
}

static void fill(uint8_t *bytes, size_t length, unsigned int seed)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = byte_of(seed, i);
}

#define SETUP 0xa00 /* four sectors and one */

static uint8_t *make_bzimage(uint64_t payload, uint64_t preferred, uint64_t size, bool relocatable)
{
	uint8_t *file = malloc(SETUP + payload);

	fill(file, SETUP + payload, 1);
	memset(file, 0, SETUP);
	put_le32(file + LINUX_SYSTEM_SIZE, (uint32_t)(payload + 15) / 16);
	put_le16(file + LINUX_BOOT_FLAG, 0xaa55);
	file[LINUX_HEADER_JUMP] = 0x6a;
	memcpy(file + LINUX_HEADER_MAGIC, "HdrS", 4);
	put_le16(file + LINUX_VERSION, 0x20f);
	file[LINUX_LOAD_FLAGS] = 1;
	put_le32(file + LINUX_INITRD_ADDRESS_MAX, 0x7fffffff);
	put_le32(file + LINUX_KERNEL_ALIGNMENT, 0x200000);
	file[LINUX_RELOCATABLE] = relocatable;
	put_le16(file + LINUX_XLOADFLAGS, LINUX_XLOADFLAG_KERNEL_64);
	put_le32(file + LINUX_COMMAND_LINE_SIZE, 40);
	put_le64(file + LINUX_PREFERRED_ADDRESS, preferred);
	put_le32(file + LINUX_INIT_SIZE, (uint32_t)size);
	return file;
}

#define ELF_DATA 0x1000

/* One segment with all of the file from ELF_DATA on; the note is its beginning, the entry what follows. */
static uint8_t *make_elf(uint64_t address, uint64_t filled, uint64_t size)
{
	static const uint32_t note[] = {4, 4, 18, 0x6e6558};
	uint8_t *file = malloc(ELF_DATA + filled);

	fill(file, ELF_DATA + filled, 2);
	memset(file, 0, ELF_DATA);
	memcpy(file,
	       "\x7f"
	       "ELF\2\1\1",
	       7);
	put_le16(file + 16, 2);
	put_le16(file + 18, 62);
	put_le64(file + 32, 64);
	put_le16(file + 54, 56);
	put_le16(file + 56, 2);
	put_le32(file + 64, 1);
	put_le64(file + 64 + 8, ELF_DATA);
	put_le64(file + 64 + 24, address);
	put_le64(file + 64 + 32, filled);
	put_le64(file + 64 + 40, size);
	put_le32(file + 120, 4);
	put_le64(file + 120 + 8, ELF_DATA);
	put_le64(file + 120 + 32, 20);
	memcpy(file + ELF_DATA, note, sizeof(note));
	put_le32(file + ELF_DATA + 16, (uint32_t)address + 32);
	return file;
}

static struct next_file *begin_file(enum next_role role, const char *name)
{
	struct next_file *file = next_file_begin(next, role, name);

	assert_non_null(file);
	return file;
}

/* In pieces of many sizes. */
static int send(struct next_file *file, const uint8_t *bytes, size_t length)
{
	size_t part = 1;

	for (size_t at = 0; at < length; at += part, part = part % 9000 * 3 + 1) {
		int error;

		if (part > length - at)
			part = length - at;
		error = next_file_write(file, bytes + at, part);
		if (error)
			return error;
	}
	return 0;
}

static struct next_file *give(enum next_role role, const char *name, const uint8_t *bytes,
			      size_t length, bool sized)
{
	struct next_file *file = begin_file(role, name);

	if (sized)
		assert_int_equal(next_file_size(file, length), 0);
	assert_int_equal(send(file, bytes, length), 0);
	assert_int_equal(next_file_end(file), 0);
	return file;
}

static struct next_file *give_initrd(const char *name, size_t length, unsigned int seed, bool sized)
{
	uint8_t *bytes = malloc(length);
	struct next_file *file;

	fill(bytes, length, seed);
	file = give(NEXT_INITRD, name, bytes, length, sized);
	free(bytes);
	return file;
}

/* -- The end */

static bool apart(uint64_t a, uint64_t a_length, uint64_t b, uint64_t b_length)
{
	return a + a_length <= b || b + b_length <= a;
}

static void check_outside(const struct next_areas *areas, uint64_t start, uint64_t length)
{
	for (unsigned int i = 0; i < areas->count; i++)
		assert_true(apart(start, length, areas->area[i].start,
				  areas->area[i].pages * PAGE_SIZE));
}

/* Does what the trampoline does; nothing that it still needs may be written over. */
static void run_plan(void)
{
	const struct next_areas *areas = plan->areas;
	const struct next_move *move = dma_pointer(plan->moves);
	uint64_t initrd_pages = (plan->initrd_size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;

	for (unsigned int i = 0; i < plan->page_count; i++)
		check_outside(areas, plan->pages[i].start, plan->pages[i].pages * PAGE_SIZE);
	check_outside(areas, plan->initrd, initrd_pages);
	assert_true(plan->argument <= UINT32_MAX && plan->trampoline <= UINT32_MAX);
	for (;;) {
		if (!move->length) {
			if (!move->destination)
				break;
			move = dma_pointer(move->destination);
			continue;
		}
		if (move->source) {
			check_outside(areas, move->source, move->length);
			assert_true(!plan->initrd_size ||
				    apart(move->source, move->length, plan->initrd, initrd_pages));
			memcpy(dma_pointer(move->destination), dma_pointer(move->source),
			       move->length);
		} else {
			memset(dma_pointer(move->destination), 0, move->length);
		}
		move++;
	}
}

static void start(void)
{
	volatile int error = 0;

	if (!setjmp(handed_over))
		error = next_start(next);
	if (error)
		fail_msg("next_start: %d, %s", (int)error, next_error(next));
	run_plan();
}

static void check_bytes(uint64_t address, const uint8_t *bytes, size_t length)
{
	assert_int_equal(memcmp(dma_pointer(address), bytes, length), 0);
}

static void check_initrd(uint64_t address, size_t length, unsigned int seed)
{
	const uint8_t *at = dma_pointer(address);

	for (size_t i = 0; i < length; i++)
		if (at[i] != byte_of(seed, i))
			fail_msg("byte %zu of the initrd is %#x", i, at[i]);
}

static void check_zeroes(uint64_t address, size_t length)
{
	const uint8_t *at = dma_pointer(address);

	for (size_t i = 0; i < length; i++)
		assert_int_equal(at[i], 0);
}

/* -- Kernels */

static void a_bzimage_goes_straight_to_its_place(void **state)
{
	uint8_t *file = make_bzimage(3 * MIB + 5, 16 * MIB, 8 * MIB, true);
	const uint8_t *page;

	(void)state;
	give(NEXT_KERNEL, "vmlinuz", file, SETUP + 3 * MIB + 5, true);
	assert_string_equal(next_file_kind(next_file_kernel(next)), "bzImage");
	assert_int_equal(next_set_command_line(next, "console=ttyS0"), 0);
	assert_int_equal(next_check(next), 0);
	assert_int_equal(next_check(next), 0);
	start();
	assert_int_equal(plan->moved, 0);
	assert_int_equal(plan->protocol, NEXT_PROTOCOL_LINUX);
	assert_int_equal(plan->entry, 16 * MIB + 0x200);
	check_bytes(16 * MIB, file + SETUP, 3 * MIB + 5);
	page = dma_pointer(plan->argument);
	assert_int_equal(page[0x1e8], 2);
	assert_string_equal(dma_pointer(get_le32(page + 0x228)), "console=ttyS0");
	assert_memory_equal(page + LINUX_HEADER_MAGIC, "HdrS", 4);
	free(file);
}

static void one_that_prefers_our_place_goes_elsewhere(void **state)
{
	uint8_t *file = make_bzimage(MIB, 2 * MIB, 8 * MIB, true);

	(void)state;
	give(NEXT_KERNEL, "vmlinuz", file, SETUP + MIB, false);
	start();
	assert_int_equal(plan->moved, 0);
	assert_int_equal(plan->entry, 4 * MIB + 0x200);
	check_bytes(4 * MIB, file + SETUP, MIB);
	free(file);
}

static void one_that_must_lie_where_we_do_is_moved(void **state)
{
	uint8_t *file = make_bzimage(3 * MIB, MIB, 4 * MIB, false);

	(void)state;
	memset(dma_pointer(OURS), 0x77, OURS_END - OURS);
	give(NEXT_KERNEL, "memtest", file, SETUP + 3 * MIB, true);
	/* Nothing of ours has been written over yet. */
	assert_int_equal(next_check(next), 0);
	for (uint64_t at = OURS; at < OURS_END; at++)
		assert_int_equal(*(uint8_t *)dma_pointer(at), 0x77);
	start();
	assert_int_equal(plan->moved, 2 * MIB); /* of three: the first and the last are free */
	check_bytes(MIB, file + SETUP, 3 * MIB);
	free(file);
}

static void an_elf_file_where_we_lie_is_moved_and_zeroed(void **state)
{
	uint8_t *file = make_elf(2 * MIB + 0x123, MIB + 0x777, 3 * MIB);
	const struct pvh_start_info *told;

	(void)state;
	memset(dma_pointer(OURS), 0x77, OURS_END - OURS);
	memset(dma_pointer(OURS_END), 0x77, 2 * MIB);
	give(NEXT_KERNEL, "ringside.elf", file, ELF_DATA + MIB + 0x777, false);
	assert_string_equal(next_file_kind(next_file_kernel(next)), "PVH ELF");
	give_initrd("module", 12345, 5, true);
	start();
	assert_int_equal(plan->protocol, NEXT_PROTOCOL_PVH);
	assert_int_equal(plan->entry, 2 * MIB + 0x123 + 32);
	check_bytes(2 * MIB + 0x123, file + ELF_DATA, MIB + 0x777);
	check_zeroes(3 * MIB + 0x123 + 0x777, 2 * MIB - 0x777);
	told = dma_pointer(plan->argument);
	assert_int_equal(told->magic, PVH_START_INFO_MAGIC);
	assert_int_equal(told->module_count, 1);
	assert_int_equal(((const struct pvh_module *)dma_pointer(told->modules))->size, 12345);
	check_initrd(((const struct pvh_module *)dma_pointer(told->modules))->address, 12345, 5);
	free(file);
}

/* Small free pieces are the first that an allocation takes; these lie where the kernel will. */
static void pages_that_become_free_late_are_not_used(void **state)
{
	uint8_t *file = make_elf(16 * MIB, 2 * MIB, 3 * MIB);

	(void)state;
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(pages_take(16 * MIB + i * 0x50000, 3), 0);
	give(NEXT_KERNEL, "elf", file, ELF_DATA + 2 * MIB, true);
	for (unsigned int i = 0; i < 8; i++)
		pages_free(16 * MIB + i * 0x50000, 3);
	give_initrd("initrd", 5000, 61, true);
	start();
	assert_int_equal(plan->moved, 7 * 3 * PAGE_SIZE);
	check_bytes(16 * MIB, file + ELF_DATA, 2 * MIB);
	check_zeroes(18 * MIB, MIB);
	check_initrd(plan->initrd, 5000, 61);
	free(file);
}

static void tables_map_addresses_as_they_are(void **state)
{
	uint8_t *file = make_bzimage(MIB, 16 * MIB, 2 * MIB, true);
	const uint64_t *top, *middle, *table;

	(void)state;
	give(NEXT_KERNEL, "vmlinuz", file, SETUP + MIB, true);
	start();
	top = dma_pointer(plan->tables);
	assert_int_equal(top[0] & 0xfff, 3);
	middle = dma_pointer(top[0] & ~0xfffULL);
	for (uint64_t i = 0; i < 4; i++) {
		table = dma_pointer(middle[i] & ~0xfffULL);
		for (uint64_t j = 0; j < 512; j++)
			assert_int_equal(table[j], (i << 30) + (j << 21) + 0x83);
	}
	assert_int_equal(middle[4], 0);
	free(file);
}

/* -- Initrds */

static uint8_t *linux_kernel;

static void give_kernel(void)
{
	free(linux_kernel);
	linux_kernel = make_bzimage(MIB, 16 * MIB, 4 * MIB, true);
	give(NEXT_KERNEL, "vmlinuz", linux_kernel, SETUP + MIB, true);
}

static void check_joined(const size_t *lengths, const unsigned int *seeds, unsigned int count)
{
	uint64_t at = plan->initrd;

	for (unsigned int i = 0; i < count; i++) {
		uint64_t padded = (lengths[i] + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;

		check_initrd(at, lengths[i], seeds[i]);
		if (i + 1 < count)
			check_zeroes(at + lengths[i], padded - lengths[i]);
		else
			assert_int_equal(plan->initrd_size, at + lengths[i] - plan->initrd);
		at += padded;
	}
}

static void initrds_are_joined_without_moving(void **state)
{
	static const size_t lengths[] = {5000, 2 * MIB + 1, 4096, 77};
	static const unsigned int seeds[] = {11, 12, 13, 14};

	(void)state;
	for (unsigned int sized = 0; sized < 2; sized++) {
		give_kernel();
		for (unsigned int i = 0; i < 4; i++)
			give_initrd("initrd", lengths[i], seeds[i], sized);
		start();
		assert_int_equal(plan->moved, 0);
		check_joined(lengths, seeds, 4);
		while (next->files)
			next_file_drop(next->files);
		assert_int_equal(pages_available(), before);
	}
}

static void what_lies_between_makes_a_move(void **state)
{
	static const size_t lengths[] = {MIB, MIB + 5};
	static const unsigned int seeds[] = {21, 22};
	const struct next_file *first;
	uint64_t end;

	(void)state;
	give_kernel();
	first = give_initrd("a", lengths[0], seeds[0], true);
	end = next_store_run_end(&first->store);
	assert_int_not_equal(end, 0);
	assert_int_equal(pages_take(end, 1), 0);
	give_initrd("b", lengths[1], seeds[1], false);
	start();
	assert_int_equal(plan->moved, 2 * MIB + PAGE_SIZE);
	check_joined(lengths, seeds, 2);
	pages_free(end, 1);
}

static void a_dropped_one_leaves_no_trace(void **state)
{
	static const size_t lengths[] = {MIB, MIB + 5};
	static const unsigned int seeds[] = {31, 33};
	struct next_file *middle;
	uint64_t with;

	(void)state;
	give_kernel();
	give_initrd("a", lengths[0], seeds[0], true);
	with = pages_available();
	middle = give_initrd("b", 3 * MIB, 32, true);
	assert_int_equal(pages_available(), with - 3 * MIB / PAGE_SIZE);
	assert_ptr_equal(next_file_find(next, "b"), middle);
	next_file_drop(middle);
	assert_null(next_file_find(next, "b"));
	assert_int_equal(pages_available(), with);
	give_initrd("c", lengths[1], seeds[1], true);
	start();
	check_joined(lengths, seeds, 2);
}

static void one_that_came_before_the_kernel_makes_room(void **state)
{
	static const size_t length = 20 * MIB + 3;
	static const unsigned int seed = 41;
	const struct next_file *file = give_initrd("initrd", length, seed, true);
	uint64_t at = file->store.extents[0].start / PAGE_SIZE * PAGE_SIZE;
	uint8_t *kernel = make_bzimage(2 * MIB, at + MIB, 2 * MIB, false);

	(void)state;
	assert_int_equal(file->store.count, 1);
	give(NEXT_KERNEL, "fixed", kernel, SETUP + 2 * MIB, true);
	start();
	check_bytes(at + MIB, kernel + SETUP, 2 * MIB);
	check_joined(&length, &seed, 1);
	free(kernel);
}

static void an_initrd_lies_where_the_kernel_takes_it(void **state)
{
	static const size_t length = 3 * MIB;
	static const unsigned int seed = 51;

	(void)state;
	give_initrd("initrd", length, seed, true); /* high up, since no kernel has spoken */
	free(linux_kernel);
	linux_kernel = make_bzimage(MIB, 16 * MIB, 4 * MIB, true);
	put_le32(linux_kernel + LINUX_INITRD_ADDRESS_MAX, 14 * MIB - 1);
	give(NEXT_KERNEL, "vmlinuz", linux_kernel, SETUP + MIB, true);
	start();
	assert_true(plan->initrd + plan->initrd_size <= 14 * MIB);
	check_joined(&length, &seed, 1);
	next_file_drop(next_file_kernel(next));

	put_le32(linux_kernel + LINUX_INITRD_ADDRESS_MAX, 2 * MIB - 1);
	give(NEXT_KERNEL, "vmlinuz", linux_kernel, SETUP + MIB, true);
	assert_int_equal(next_check(next), -ENOSPC);
	assert_string_equal(
		next_error(next),
		"no memory for 3072 KiB of initrd in one piece where the kernel takes it");
	/* Anywhere, if it says so. */
	next_file_drop(next_file_kernel(next));
	put_le16(linux_kernel + LINUX_XLOADFLAGS, 3);
	give(NEXT_KERNEL, "vmlinuz", linux_kernel, SETUP + MIB, true);
	start();
	assert_int_equal(plan->moved, 0);
}

/* -- What goes wrong */

static void a_file_begins_again(void **state)
{
	uint8_t *file = make_bzimage(MIB, 16 * MIB, 4 * MIB, true);
	struct next_file *kernel = begin_file(NEXT_KERNEL, "vmlinuz");
	struct next_file *initrd;
	uint8_t noise[9000];

	(void)state;
	memset(noise, 0xee, sizeof(noise));
	assert_int_equal(next_file_size(kernel, SETUP + MIB), 0);
	assert_int_equal(send(kernel, file, SETUP + MIB / 2), 0);
	next_file_restart(kernel);
	assert_int_equal(pages_available(), before);
	assert_null(next_file_kind(kernel));
	assert_int_equal(send(kernel, file, SETUP + MIB), 0);
	assert_int_equal(next_file_end(kernel), 0);
	initrd = begin_file(NEXT_INITRD, "initrd");
	assert_int_equal(next_file_write(initrd, noise, sizeof(noise)), 0);
	next_file_restart(initrd);
	assert_int_equal(next_file_write(initrd, "hello", 5), 0);
	assert_int_equal(next_file_end(initrd), 0);
	start();
	check_bytes(16 * MIB, file + SETUP, MIB);
	assert_int_equal(plan->initrd_size, 5);
	check_bytes(plan->initrd, (const uint8_t *)"hello", 5);
	free(file);
}

static void lengths_that_lie_are_noticed(void **state)
{
	uint8_t *file = make_bzimage(MIB, 16 * MIB, 4 * MIB, true);
	struct next_file *kernel = begin_file(NEXT_KERNEL, "vmlinuz"), *initrd;

	(void)state;
	/* Said before, or only seen at its end. */
	assert_int_equal(next_file_size(kernel, MIB), 0);
	assert_int_equal(send(kernel, file, SETUP), -ENOEXEC);
	assert_string_equal(next_error(next),
			    "vmlinuz: cut short: it has 1048576 bytes, its header "
			    "speaks of 1051121");
	assert_int_equal(next_file_write(kernel, file, 1), -ENOEXEC);
	assert_int_equal(next_file_end(kernel), -ENOEXEC);
	next_file_restart(kernel);
	assert_int_equal(send(kernel, file, SETUP + MIB - 16), 0);
	assert_int_equal(next_file_end(kernel), -ENOEXEC);
	next_file_restart(kernel);
	assert_int_equal(send(kernel, file, 300), 0);
	assert_int_equal(next_file_end(kernel), -ENOEXEC);
	assert_non_null(strstr(next_error(next), "300 bytes"));
	next_file_restart(kernel);
	assert_int_equal(next_file_end(kernel), -ENOEXEC);
	next_file_restart(kernel);
	assert_int_equal(next_file_write(kernel, "<html><body>404 Not Found</body></html>", 39), 0);
	assert_int_equal(next_file_end(kernel), -ENOEXEC);
	assert_non_null(strstr(next_error(next), "no kernel"));
	assert_int_equal(next_check(next), -EAGAIN);
	next_file_restart(kernel);
	assert_int_equal(send(kernel, file + 600, MIB), -ENOEXEC);
	assert_string_equal(next_error(next), "vmlinuz: neither a bzImage nor an ELF file");

	initrd = begin_file(NEXT_INITRD, "initrd");
	assert_int_equal(next_file_size(initrd, 100), 0);
	assert_int_equal(next_file_write(initrd, file, 60), 0);
	assert_int_equal(next_file_end(initrd), -EBADMSG);
	assert_string_equal(next_error(next), "initrd: cut short: 60 bytes of 100 have come");
	next_file_restart(initrd);
	assert_int_equal(next_file_size(initrd, 100), 0);
	assert_int_equal(next_file_write(initrd, file, 101), -EFBIG);
	next_file_restart(initrd);
	assert_int_equal(next_file_write(initrd, file, 10), 0);
	assert_int_equal(next_file_size(initrd, 9), -EFBIG);
	free(file);
}

static void memory_that_is_not_there_is_no_end(void **state)
{
	static uint8_t block[MIB];
	uint8_t *file = make_bzimage(MIB, 16 * MIB, 0xf0000000, true);
	struct next_file *initrd = begin_file(NEXT_INITRD, "initrd");
	unsigned int written = 0;

	(void)state;
	assert_int_equal(next_file_size(initrd, 1ULL << 40), -EFBIG);
	assert_string_equal(next_error(next), "initrd: no memory for its 1073741824 KiB");
	next_file_restart(initrd);
	assert_int_equal(next_file_size(initrd, 64 * MIB), -EFBIG);
	next_file_restart(initrd);
	assert_int_equal(pages_available(), before);
	while (written < 64 && next_file_write(initrd, block, sizeof(block)) == 0)
		written++;
	assert_in_range(written, 50, 61);
	assert_int_equal(next_file_write(initrd, block, 1), -EFBIG);
	assert_true(pages_available() > 100);
	next_file_drop(initrd);
	assert_int_equal(pages_available(), before);

	initrd = begin_file(NEXT_KERNEL, "vmlinuz");
	assert_int_equal(send(initrd, file, SETUP + MIB), -ENOSPC);
	assert_non_null(strstr(next_error(next), "vmlinuz: it needs 3932160 KiB in one piece"));
	next_file_restart(initrd);
	put_le32(file + LINUX_INIT_SIZE, 1);
	file[LINUX_RELOCATABLE] = 0;
	put_le64(file + LINUX_PREFERRED_ADDRESS, 0xf0000);
	assert_int_equal(send(initrd, file, SETUP + MIB), -ENOSPC);
	assert_non_null(strstr(next_error(next), "0xf0000 to 0x1effff"));
	free(file);
}

/* Whatever there is just not enough of, it is said, and all comes back. */
static void too_little_memory_is_said(void **state)
{
	uint8_t *file = make_elf(2 * MIB, 2 * MIB, 2 * MIB);
	uint64_t taken[4096];
	unsigned int count = 0, succeeded = 0;

	(void)state;
	for (unsigned int left = 0; left<700; left += left> 500 && left < 540 ? 1 : 20) {
		struct next_file *kernel;
		uint64_t run;
		int error;

		/* All but so many pages. */
		assert_true(pages_free_run(0, UINT64_MAX, &run) > 0);
		count = 0;
		while (pages_available() > left) {
			size_t pages = pages_free_run(0, UINT64_MAX, &run);

			if (pages > pages_available() - left)
				pages = pages_available() - left;
			assert_int_equal(pages_take(run, pages), 0);
			taken[count++] = run;
			taken[count++] = pages;
		}
		kernel = begin_file(NEXT_KERNEL, "vmlinuz");
		error = send(kernel, file, ELF_DATA + 2 * MIB);
		if (!error)
			error = next_file_end(kernel);
		if (!error)
			error = next_set_command_line(next, "x");
		if (!error)
			error = next_check(next);
		if (error) {
			assert_true(error == -ENOSPC || error == -ENOMEM);
			assert_int_not_equal(next_error(next)[0], 0);
		} else {
			succeeded++;
		}
		next_file_drop(kernel);
		assert_int_equal(pages_available(), left);
		while (count) {
			pages_free(taken[count - 2], taken[count - 1]);
			count -= 2;
		}
	}
	assert_in_range(succeeded, 1, 60);
	free(file);
}

static void the_rules_of_the_house(void **state)
{
	(void)state;
	assert_int_equal(next_check(next), -ENOENT);
	assert_string_equal(next_error(next), "there is no kernel to start");
	assert_int_equal(next_start(next), -ENOENT);
	/* The command line before the kernel, and after. */
	assert_int_equal(
		next_set_command_line(next, "a line of more than forty characters, by some"), 0);
	give_kernel();
	assert_int_equal(next_check(next), -E2BIG);
	assert_string_equal(next_error(next),
			    "vmlinuz: takes 40 characters as its command line, and it has 45");
	assert_int_equal(next_set_command_line(next,
					       "a line of more than forty characters, by some"),
			 -E2BIG);
	assert_int_equal(next_set_command_line(next, "short"), 0);
	assert_int_equal(next_check(next), 0);
	assert_null(next_file_begin(next, NEXT_KERNEL, "another"));
	assert_string_equal(next_error(next), "another: there is a kernel already (vmlinuz)");
	/* A file that is not complete. */
	assert_non_null(next_file_begin(next, NEXT_INITRD, "initrd"));
	assert_int_equal(next_check(next), -EAGAIN);
	assert_string_equal(next_error(next), "initrd: is not complete");
	assert_int_equal(next_file_end(next_file_find(next, "initrd")), 0);
	assert_int_equal(next_check(next), 0);
	start();
	assert_int_equal(plan->initrd_size, 0);
	assert_int_equal(next_file_write(next_file_kernel(next), "x", 1), -EINVAL);
	next_destroy(NULL);
}

static int free_kernel(void **state)
{
	(void)state;
	free(linux_kernel);
	return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bzimage_goes_straight_to_its_place),
		TEST(one_that_prefers_our_place_goes_elsewhere),
		TEST(one_that_must_lie_where_we_do_is_moved),
		TEST(an_elf_file_where_we_lie_is_moved_and_zeroed),
		TEST(pages_that_become_free_late_are_not_used),
		TEST(tables_map_addresses_as_they_are),
		TEST(initrds_are_joined_without_moving),
		TEST(what_lies_between_makes_a_move),
		TEST(a_dropped_one_leaves_no_trace),
		TEST(one_that_came_before_the_kernel_makes_room),
		TEST(an_initrd_lies_where_the_kernel_takes_it),
		TEST(a_file_begins_again),
		TEST(lengths_that_lie_are_noticed),
		TEST(memory_that_is_not_there_is_no_end),
		TEST(too_little_memory_is_said),
		TEST(the_rules_of_the_house),
	};

	return cmocka_run_group_tests(tests, set_up_memory, free_kernel);
}
