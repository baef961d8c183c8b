/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one seam of the conformance suite: all that a case can see of the world. One target is one device
 * under test and the machine around it: its registers at any width, memory that the device may reach,
 * interrupts to wait for and count, a clock, other CPUs, and what the host can be asked to do.
 *
 * Two programs have targets: the guest image (tests/conformance/guest/, a real device of a VMM) and a host
 * program (tests/conformance/host/, the model device with or without a fault). Nothing above this header
 * knows which of them it runs in.
 *
 * Context: one thread, unless an operation says otherwise.
 */
#ifndef TESTS_CONFORMANCE_TARGET_H
#define TESTS_CONFORMANCE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a device is presented; bits, so that a case can name several. */
enum conformance_transport {
	TRANSPORT_PCI = 1 << 0,	       /* virtio 1.4, 4.1 */
	TRANSPORT_PCI_LEGACY = 1 << 1, /* 4.1.4.10: registers in I/O BAR 0 */
	TRANSPORT_MMIO = 1 << 2,       /* 4.2, version 2 */
	TRANSPORT_MMIO_LEGACY = 1 << 3 /* 4.2.4, version 1 */
};
#define TRANSPORTS_MODERN (TRANSPORT_PCI | TRANSPORT_MMIO)
#define TRANSPORTS_LEGACY (TRANSPORT_PCI_LEGACY | TRANSPORT_MMIO_LEGACY)
#define TRANSPORTS_PCI (TRANSPORT_PCI | TRANSPORT_PCI_LEGACY)
#define TRANSPORTS_MMIO (TRANSPORT_MMIO | TRANSPORT_MMIO_LEGACY)
#define TRANSPORTS_ALL (TRANSPORTS_MODERN | TRANSPORTS_LEGACY)

/* Where a register lies. */
enum conformance_space {
	SPACE_COMMON, /* PCI: common configuration; legacy PCI: I/O BAR 0; MMIO: all registers */
	SPACE_NOTIFY, /* PCI only, as the next three */
	SPACE_ISR,
	SPACE_DEVICE,	  /* device-specific configuration */
	SPACE_PCI,	  /* configuration space of the function; also legacy PCI */
	SPACE_MSIX_TABLE, /* 16 bytes an entry */
	SPACE_MSIX_PENDING,
	SPACES
};

/* What a device writes to raise a message-signalled interrupt. */
struct conformance_message {
	uint64_t address;
	uint32_t data;
};

#define INTERRUPT_SLOTS 16

/* What one slot has received since it was opened. */
struct conformance_received {
	uint64_t count;
	unsigned int cpu; /* that took the last one */
	uint8_t status; /* lines: the ISR or InterruptStatus bits that the handler saw, together */
};

enum conformance_line_mode {
	/* The handler reads the ISR (MMIO: reads InterruptStatus and acknowledges what it read). */
	LINE_ACKNOWLEDGE,
	/* The handler only counts, and masks the line at the interrupt controller until line_unmask(). */
	LINE_HOLD
};

struct conformance_target;
struct conformance_run;

struct conformance_target_operations {
	/*
	 * `width` is 1, 2, 4 or 8 bytes, and the access has exactly that width, aligned or not. Outside the
	 * space's length it reads all ones and writes nothing.
	 */
	uint64_t (*read)(struct conformance_target *target, enum conformance_space space,
			 uint32_t offset, unsigned int width);
	void (*write)(struct conformance_target *target, enum conformance_space space,
		      uint32_t offset, unsigned int width, uint64_t value);

	/* The address by which the device sees a pointer into `arena`. */
	uint64_t (*address)(struct conformance_target *target, const void *pointer);

	/* Orders accesses to memory as the device sees them. */
	void (*barrier)(struct conformance_target *target);

	/*
	 * Opens a slot that receives the message it returns, on `cpu`, with its counter at 0. The messages of
	 * two slots differ. 0, -ENOSPC, -EINVAL, -ENODEV where there are no messages.
	 */
	int (*message_open)(struct conformance_target *target, unsigned int slot, unsigned int cpu,
			    struct conformance_message *message);
	/*
	 * Opens a slot for the device's interrupt line (INTx, MMIO). -ENODEV when it has none. The line is
	 * unmasked from then on.
	 */
	int (*line_open)(struct conformance_target *target, unsigned int slot,
			 enum conformance_line_mode mode);
	void (*line_unmask)(struct conformance_target *target, unsigned int slot);
	/* Closes a slot; of a closed one, nothing. */
	void (*interrupt_close)(struct conformance_target *target, unsigned int slot);
	void (*received)(struct conformance_target *target, unsigned int slot,
			 struct conformance_received *received);
	/* Interrupts so far that no slot of this target was open for. */
	uint64_t (*unexpected)(struct conformance_target *target);

	/* Guest time in nanoseconds; it never goes back. */
	uint64_t (*now)(struct conformance_target *target);
	/* Lets the device, interrupts and other CPUs act: inside each loop that waits. */
	void (*pause)(struct conformance_target *target);

	/* Runs `function` on another CPU (1 to cpus - 1); join() waits for all that were started. 0, -ENODEV. */
	int (*start)(struct conformance_target *target, unsigned int cpu,
		     void (*function)(void *context), void *context);
	void (*join)(struct conformance_target *target);

	/*
	 * Asks the host to act, and waits for its answer: `request` is a verb of docs/conformance-host.md and its
	 * arguments; what it answers is stored in `reply`. 0; -ENOTSUP: nobody is there, or it cannot; -EIO: it
	 * tried and failed.
	 */
	int (*host)(struct conformance_target *target, const char *request, char *reply,
		    size_t size);
};

struct conformance_target {
	const struct conformance_target_operations *operations;
	void *context; /* of whoever made it */

	char name
		[32]; /* "00:03.0", "mmio2"; "00:03.0/legacy" where the function has both interfaces */
	const char *configuration; /* "q35-packed", as the runner calls it */
	enum conformance_transport transport;
	uint32_t device;			  /* virtio device ID */
	uint32_t length[SPACES];		  /* bytes; 0: there is no such space */
	uint32_t notify_multiplier;		  /* PCI */
	unsigned int msix_capability, msix_count; /* offset in SPACE_PCI, table entries; 0: none */
	bool line;				  /* there is an interrupt line */
	unsigned int cpus;
	bool host_acts; /* somebody answers host() */
	bool may_write; /* block: what is on the disk may be destroyed */

	uint8_t *arena;	   /* all memory that the device may be told of, page aligned */
	size_t arena_size; /* at least ARENA_SIZE */

	struct conformance_run *run; /* the suite's: state of the case that runs now */
};

#define ARENA_SIZE (2u << 20)

/* Shorthands. */
static inline uint64_t target_read(struct conformance_target *t, enum conformance_space space,
				   uint32_t offset, unsigned int width)
{
	return t->operations->read(t, space, offset, width);
}

static inline void target_write(struct conformance_target *t, enum conformance_space space,
				uint32_t offset, unsigned int width, uint64_t value)
{
	t->operations->write(t, space, offset, width, value);
}

static inline void target_barrier(struct conformance_target *t)
{
	t->operations->barrier(t);
}

#endif
