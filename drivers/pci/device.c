/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Emulated PCI devices: their interrupts, and what an attempt to bring a broken one back is.
 */
#include "drivers/pci/device.h"

#include "drivers/module.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/msix.h"
#include "kernel/console/log.h"
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOG_AREA "pci"
#define CPU 0 /* where devices' threads run */
#define POLL_PERIOD NANOSECONDS_PER_MILLISECOND

static struct pci_device *devices;

struct pci_device *pci_device_first(void)
{
	return __atomic_load_n(&devices, __ATOMIC_ACQUIRE);
}

unsigned int pci_device_count(const struct module *module)
{
	unsigned int count = 0;

	for (struct pci_device *device = pci_device_first(); device; device = device->next)
		count += !strcmp(device->module, module->name);
	return count;
}

/* -- Interrupts */

static bool has_mode(const struct pci_device *device, const char *mode)
{
	return device->interrupt_mode && !strcmp(device->interrupt_mode, mode);
}

/* A line that stays up, or messages without end, would leave no time for anything else. */
static void silence(struct pci_device *device, bool silent)
{
	if (has_mode(device, "intx"))
		pci_line_disable(device->function, silent);
	else if (has_mode(device, "msi"))
		msi_hold(device->function, silent);
}

/* A line may be up for others, and is held back when nobody claims it; a message is this device's own. */
static bool is_its_own(const struct pci_device *device, enum interrupt_result result)
{
	return result == INTERRUPT_HANDLED || has_mode(device, "msi");
}

void pci_device_answered(struct pci_device *device)
{
	uint32_t unserved = __atomic_load_n(&device->unserved, __ATOMIC_RELAXED), left;

	do
		left = unserved > PCI_DEVICE_PER_ANSWER ? unserved - PCI_DEVICE_PER_ANSWER : 0;
	while (!__atomic_compare_exchange_n(&device->unserved, &unserved, left, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

static enum interrupt_result on_line(void *context)
{
	const struct pci_device_line *line = context;
	struct pci_device *device = line->device;
	enum interrupt_result result;

	if (device->recovery.broken || device->recovery.shut_down)
		return INTERRUPT_NONE;
	result = device->operations->interrupt(device, line->index);
	if (is_its_own(device, result) &&
	    __atomic_add_fetch(&device->unserved, 1, __ATOMIC_RELAXED) > PCI_DEVICE_UNSERVED_MAX)
		pci_device_break(device, "interrupts without end");
	return result;
}

static void on_timer(void *context)
{
	struct pci_device *device = context;

	if (device->recovery.shut_down || device->recovery.given_up)
		return;
	if (!device->recovery.broken)
		(void)device->operations->interrupt(device, 0);
	pci_device_served(device);
	timer_arm(&device->poll, clock_monotonic() + POLL_PERIOD);
}

static struct interrupt *allocate(struct pci_device *device, unsigned int index)
{
	char name[INTERRUPT_NAME_MAX];

	sniprintf(name, sizeof(name), "%s-%s", device->module, device->function->name);
	device->lines[index].device = device;
	device->lines[index].index = index;
	device->lines[index].interrupt =
		interrupt_allocate(CPU, name, on_line, &device->lines[index]);
	return device->lines[index].interrupt;
}

static void release_lines(struct pci_device *device)
{
	for (unsigned int i = 0; i < device->line_count; i++)
		interrupt_free(device->lines[i].interrupt);
	device->line_count = 0;
	device->interrupt_mode = "none";
}

static bool try_message(struct pci_device *device)
{
	struct interrupt *interrupt;

	if (!pci_capability_find(device->function, PCI_CAPABILITY_MSI, 0))
		return false;
	interrupt = allocate(device, 0);
	if (interrupt && !msi_enable(device->function, interrupt)) {
		device->line_count = 1;
		device->interrupt_mode = "msi";
		return true;
	}
	interrupt_free(interrupt);
	return false;
}

static bool try_line(struct pci_device *device)
{
	struct interrupt_line line;
	struct interrupt *interrupt;

	if (pci_interrupt_line(device->function, &line))
		return false;
	interrupt = allocate(device, 0);
	if (!interrupt || interrupt_connect_line(interrupt, &line)) {
		interrupt_free(interrupt);
		return false;
	}
	device->line_count = 1;
	device->interrupt_mode = "intx";
	silence(device, false);
	return true;
}

static void poll_instead(struct pci_device *device)
{
	release_lines(device);
	log_notice("%s: no interrupt leads here, a timer looks instead", device->function->name);
	device->interrupt_mode = "poll";
	device->poll = (struct timer)TIMER_INIT(on_timer, device);
	timer_arm(&device->poll, clock_monotonic() + POLL_PERIOD);
}

/* -- Recovery */

/*
 * From the moment that it is broken nobody claims its interrupts, and a line that is up would be taken for one that has no device
 * if this CPU lost its turn then: so it is silent before. Again for an attempt that ended in between.
 */
static bool begin_recovery(struct pci_device *device, const char *failure)
{
	if (!device->recovery.broken)
		silence(device, true);
	if (!recovery_break(&device->recovery, failure))
		return false;
	silence(device, true);
	return true;
}

void pci_device_break(struct pci_device *device, const char *failure)
{
	if (!begin_recovery(device, failure))
		return;
	log_error("%s (%s): is reset, it %s", device->function->name, device->module, failure);
	recovery_wake(&device->recovery);
}

int pci_device_reset(struct pci_device *device)
{
	if (device->recovery.given_up || device->recovery.shut_down)
		return -ENODEV;
	/* The attempts are limited for devices that break again and again by themselves. */
	recovery_renew(&device->recovery);
	if (!begin_recovery(device, "was reset by hand"))
		return 0;
	log_notice("%s (%s): is reset by hand", device->function->name, device->module);
	recovery_wake(&device->recovery);
	return 0;
}

static struct pci_device *device_of(struct recovery *recovery)
{
	return (struct pci_device *)((char *)recovery - offsetof(struct pci_device, recovery));
}

static void stop(struct pci_device *device)
{
	pci_disable(device->function);
	if (!device->recovery.stopped)
		device->operations->stop(device);
	device->recovery.stopped = true;
}

static int attempt(struct recovery *recovery)
{
	struct pci_device *device = device_of(recovery);
	int error;

	stop(device);
	pci_device_served(device);
	/* Its registers may read as anything then, as those of a device that was reset even. */
	if (pci_read16(device->function, PCI_VENDOR_ID) == 0xffff) {
		recovery->failure = "is not there any more";
		return -ENODEV;
	}
	recovery_begin(recovery);
	error = device->operations->start(device);
	if (error) {
		pci_disable(device->function);
		return error == -ENODEV ? -EIO : error; /* it is there */
	}
	recovery->stopped = false;
	if (recovery->broken)
		return 0; /* again, meanwhile */
	silence(device, false);
	/* What came between is not lost: an edge, or a message, does not come twice. */
	if (device->line_count && !has_mode(device, "intx"))
		for (unsigned int i = 0; i < device->line_count; i++)
			(void)device->operations->interrupt(device, i);
	return 0;
}

static void give_up(struct recovery *recovery)
{
	struct pci_device *device = device_of(recovery);

	stop(device);
	if (device->operations->given_up)
		device->operations->given_up(device);
}

/* -- The list */

static void add(struct pci_device *device)
{
	static const struct recovery_operations operations = {attempt, give_up};
	struct pci_device **link = &devices;

	while (*link)
		link = &(*link)->next;
	device->function->driver_data = device;
	__atomic_store_n(link, device, __ATOMIC_RELEASE);
	device->recovery.operations = &operations;
	device->recovery.place = device->function->name;
	device->recovery.name = device->module;
	recovery_add(&device->recovery);
}

void pci_device_add(struct pci_device *device, bool message)
{
	if (!(message && try_message(device)) && !try_line(device))
		poll_instead(device);
	add(device);
}

void pci_device_add_isa(struct pci_device *device, const uint8_t *irqs, unsigned int count)
{
	device->interrupt_mode = "isa";
	for (unsigned int i = 0; i < count && i < PCI_DEVICE_LINES_MAX; i++) {
		struct interrupt *interrupt = allocate(device, i);
		struct interrupt_line line;

		interrupt_isa_line(irqs[i], &line);
		device->line_count = i + 1;
		if (!interrupt || interrupt_connect_line(interrupt, &line))
			log_error("%s: ISA interrupt %u cannot be had", device->function->name,
				  irqs[i]);
	}
	add(device);
}

uint64_t pci_device_interrupts(const struct pci_device *device)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < device->line_count; i++)
		sum += interrupt_count(device->lines[i].interrupt);
	return sum;
}

void pci_device_shutdown(struct pci_function *function)
{
	struct pci_device *device = function->driver_data;

	if (!device)
		return;
	recovery_shut_down(&device->recovery);
	stop(device);
	if (has_mode(device, "msi"))
		msi_disable(function);
	if (has_mode(device, "poll"))
		timer_cancel(&device->poll);
	release_lines(device);
}
