/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's side of the seam: what stands behind kernel/x86/io.h, dma.h, map.h, interrupt.h,
 * thread.h, clock.h, timer.h and log.h when the sources run as an ordinary program.
 *
 * A test puts fake hardware there: regions of fake physical addresses and ports, and models that
 * get their turn ("poll") wherever a real device could act: at each barrier, each spin, each sleep.
 * Time is virtual, it moves on when it is read and jumps to the next timer or deadline when
 * somebody sleeps, so that nothing in a test waits.
 *
 * DMA memory has fake physical addresses, which are not pointers, and a model reaches memory only
 * through host_dma_pointer(): what the driver has not lent, or has freed, is not there.
 */
#ifndef TESTS_DEVICE_HOST_H
#define TESTS_DEVICE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Forgets everything below (regions, models, DMA blocks, log, time): first line of a test's setup.
 */
void host_reset(void);

/* Ends the program with a message: a bug in the sources or in the test. */
void host_abort(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* -- Memory-mapped registers */
struct host_region_operations {
	uint64_t (*read)(void *context, uint64_t offset,
			 unsigned int width); /* NULL: plain memory */
	void (*write)(void *context, uint64_t offset, unsigned int width, uint64_t value);
};

struct host_region {
	struct host_region *next;
	uint64_t
		address; /* fake physical; may be changed when a BAR is programmed; 0: not mapped */
	uint64_t size;
	uint8_t *memory; /* `size` bytes: what map_mmio() points to, and plain memory's content */
	const struct host_region_operations *operations; /* NULL: plain memory */
	void *context;
};

/* The region lives until host_reset(). map_mmio() succeeds for ranges inside one region. */
struct host_region *host_mmio_region(uint64_t address, uint64_t size,
				     const struct host_region_operations *operations,
				     void *context);

/*
 * Until host_reset(): a function that may change what the sources read from any register or port, after the device
 * below has said what it is.
 */
void host_on_read(void (*function)(unsigned int width, uint64_t *value));

/* How many register accesses there were since host_reset(): MMIO and ports. */
uint64_t host_io_accesses(void);

/* -- Ports; those that nobody registered read all ones. Offsets count from `port`. */
void host_port_region(uint16_t port, unsigned int count,
		      const struct host_region_operations *operations, void *context);

/* -- Models. Polled in the order of their registration, never from inside a poll. */
void host_model(void (*poll)(void *context), void *context);
void host_poll(void);

/* -- DMA memory as a device sees it: NULL unless all of it lies in one block that is allocated. */
void *host_dma_pointer(uint64_t address, uint64_t length);
/* Memory that is no block: the pages of the page allocator. Stays there over host_reset(). Once. */
void host_memory(void *memory, uint64_t address, uint64_t size);
/* Blocks that are not freed. */
size_t host_dma_blocks(void);
/* The allocation after the next `count` ones fails, and all that follow; -1: none fails. */
void host_dma_fail_after(int count);

/* -- Interrupts */
/* What a device does that writes its message. False when no interrupt has that message. */
bool host_interrupt_message(uint64_t address, uint32_t data);
/* Raises a line once. How many handlers took it. */
unsigned int host_interrupt_line(uint32_t gsi);
/* Vectors that are not freed. */
size_t host_interrupts(void);
/* Vectors that interrupt_allocate() may give in all; -1: as many as are asked for. */
void host_interrupt_limit(int count);

/* -- Threads never run on the host: a test calls what one would run. Until host_reset() there are
 * some that do nothing, instead of none (then thread_create() fails). */
void host_threads(void);
/* The one of that name, if there is one, from its beginning to where it waits for work without end: it may keep nothing there. */
void host_thread_work(const char *name);
/*
 * Until host_reset() one other thread does something: it has a turn in each `period` (nanoseconds) while the program sleeps
 * or spins with interrupts on. It may sleep itself, and has no second turn meanwhile.
 */
void host_thread(void (*turn)(void), uint64_t period);

/* -- Time */
/* Runs models, and timers and the other thread where they are due and interrupts are on. */
void host_clock_advance(uint64_t nanoseconds);
/* Who still waits at `end`, on the virtual clock, waits for nothing, and the program ends. Until host_reset(). */
void host_patience(uint64_t end);

/* -- CPUs: which one the program says it runs on, of how many. */
void host_cpu(unsigned int index, unsigned int count);

/* -- boot_information(): not copied; NULL: nothing is known. */
struct boot_info;
void host_boot_info(const struct boot_info *info);
/* What next_start() ends in; does not return. */
struct next_plan;
void host_hand_over(void (*function)(const struct next_plan *plan));

/* -- Log: the last lines, each "area: text". Shown on stderr when HOST_LOG is in the environment.
 */
bool host_log_has(const char *part);
unsigned int host_log_count(void); /* lines of warning level and worse since the last clear */
void host_log_clear(void);

/* -- command_print(): the text since the last clear. */
const char *host_command_output(void);
void host_command_clear(void);

/* For the files of the seam only. */
void host_dma_reset(void);
void host_interrupt_reset(void);
bool host_interrupts_on(void);
void host_thread_reset(void);

#endif
