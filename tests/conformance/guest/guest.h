/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's side of the conformance suite: real devices as targets. Inside tests/conformance/guest/ only.
 *
 *	guest_targets_find()	one target for each interface of each virtio device, in a stable order
 *	guest_targets_release()	their mappings; the devices are as a reset left them
 *
 * Nothing of drivers/virtio/ stands between a case and the device, but for the places where virtio over MMIO
 * is: nobody else knows them.
 */
#ifndef TESTS_CONFORMANCE_GUEST_GUEST_H
#define TESTS_CONFORMANCE_GUEST_GUEST_H

#include "drivers/pci/msix.h"
#include "drivers/pci/pci.h"
#include "kernel/thread/thread.h"
#include "kernel/x86/interrupt.h"
#include "tests/conformance/core/suite.h"
#include "tests/conformance/target.h"

#define GUEST_TARGETS_MAX 64
#define GUEST_THREADS_MAX 16

/* What one interrupt slot is, and what came there. */
struct guest_slot {
	struct guest_target *owner;
	struct interrupt *interrupt; /* NULL: closed */
	bool is_line;
	enum conformance_line_mode mode;
	bool held; /* masked by the handler, until line_unmask() */
	uint64_t count;
	unsigned int cpu;
	uint8_t status;
};

struct guest_place {
	volatile uint8_t *memory; /* NULL: at `port`, or nowhere */
	uint16_t port;
};

struct guest_target {
	struct conformance_target target;
	struct pci_function *function; /* NULL: MMIO */
	struct guest_place places[SPACES];
	unsigned int bars_mapped; /* bits: to be unmapped */
	uint64_t mmio_address;

	/* interrupts.c */
	struct interrupt_line line;
	struct guest_slot slots[INTERRUPT_SLOTS];
	uint64_t unclaimed; /* on our line, and the device had no cause */
	struct wait_queue wait;
	uint64_t arrived; /* interrupts of all slots, so that a pause ends with the next */

	/* cpu.c */
	bool waiting; /* since the last write */
	uint64_t waiting_since;
	struct thread *threads[GUEST_THREADS_MAX];
	unsigned int thread_count;
};

/*
 * targets.c. How many there are of those that `options` choose; `targets` has room for GUEST_TARGETS_MAX. The
 * arena is one for all. With options->list the devices are not touched: what they are is known then, and
 * nothing can be run. Thread context.
 */
unsigned int guest_targets_find(const struct suite_options *options,
				struct guest_target *targets[]);
void guest_targets_release(struct guest_target *targets[], unsigned int count);

/* pci.c, mmio.c: add what they find to the array; return the new count. */
unsigned int guest_pci_find(const struct suite_options *options, struct guest_target *targets[],
			    unsigned int count);
unsigned int guest_mmio_find(const struct suite_options *options, struct guest_target *targets[],
			     unsigned int count);
/* A new target with what all of them have, in the array. NULL: no room (one log line). */
struct guest_target *guest_target_add(struct guest_target *targets[], unsigned int *count,
				      uint32_t device, const char *name);
void guest_target_release(struct guest_target *guest);

/* claim.c. Whether a device is to be tested; one log line when it is asked for and cannot be. */
bool guest_claim(const struct suite_options *options, uint32_t device, const char *name);
/* Stops its driver, if it has one, for good. */
void guest_detach_function(struct pci_function *function);
void guest_detach_mmio(uint64_t address);

/* disk.c. Sets may_write of a block device: its serial says so, or `destroy` (globs, or NULL) names it. */
void guest_disk_permission(const struct suite_options *options, struct conformance_target *target,
			   const char *destroy);

/* access.c */
uint64_t guest_read(struct conformance_target *target, enum conformance_space space,
		    uint32_t offset, unsigned int width);
void guest_write(struct conformance_target *target, enum conformance_space space, uint32_t offset,
		 unsigned int width, uint64_t value);

/* interrupts.c */
int guest_message_open(struct conformance_target *target, unsigned int slot, unsigned int cpu,
		       struct conformance_message *message);
int guest_line_open(struct conformance_target *target, unsigned int slot,
		    enum conformance_line_mode mode);
void guest_line_unmask(struct conformance_target *target, unsigned int slot);
void guest_interrupt_close(struct conformance_target *target, unsigned int slot);
void guest_received(struct conformance_target *target, unsigned int slot,
		    struct conformance_received *received);
uint64_t guest_unexpected(struct conformance_target *target);

/* cpu.c */
uint64_t guest_now(struct conformance_target *target);
void guest_pause(struct conformance_target *target);
int guest_start(struct conformance_target *target, unsigned int cpu,
		void (*function)(void *context), void *context);
void guest_join(struct conformance_target *target);

/* host.c: docs/conformance-host.md */
int guest_host(struct conformance_target *target, const char *request, char *reply, size_t size);

static inline struct guest_target *guest_of(struct conformance_target *target)
{
	return target->context;
}

#endif
