/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Emulated PCI devices: their interrupts, and the thread that brings broken ones back. An attempt that
 * fails is repeated later; a device that breaks again soon after it came back uses up the same attempts.
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
#define WORKER_STACK (32u << 10)
#define POLL_PERIOD NANOSECONDS_PER_MILLISECOND
/* A device that ran so long has left its trouble behind. */
#define RUNNING_WELL (30 * NANOSECONDS_PER_SECOND)

static const uint64_t pauses[PCI_DEVICE_ATTEMPTS] = {
	0,
	100 * NANOSECONDS_PER_MILLISECOND,
	500 * NANOSECONDS_PER_MILLISECOND,
	2 * NANOSECONDS_PER_SECOND,
	5 * NANOSECONDS_PER_SECOND,
};

static struct pci_device *devices;
static struct wait_queue worker_wait = WAIT_QUEUE_INIT;
static bool work;
/* Held for an attempt, so that pci_device_shutdown() finds the device in one piece. */
static struct mutex attempt_lock = MUTEX_INIT;

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

/* A level-triggered line that stays up would leave no time for anything else. */
static void silence(struct pci_device *device, bool silent)
{
	if (device->interrupt_mode && !strcmp(device->interrupt_mode, "intx"))
		pci_line_disable(device->function, silent);
}

static enum interrupt_result on_line(void *context)
{
	const struct pci_device_line *line = context;
	struct pci_device *device = line->device;
	enum interrupt_result result;

	if (device->broken || device->shut_down)
		return INTERRUPT_NONE;
	result = device->operations->interrupt(device, line->index);
	if (result == INTERRUPT_HANDLED &&
	    __atomic_add_fetch(&device->unserved, 1, __ATOMIC_RELAXED) > PCI_DEVICE_UNSERVED_MAX)
		pci_device_break(device, "interrupts without end");
	return result;
}

static void on_timer(void *context)
{
	struct pci_device *device = context;

	if (device->shut_down || device->given_up)
		return;
	if (!device->broken)
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

/* -- The list and its thread */

static void worker(void *unused)
{
	(void)unused;
	for (;;) {
		uint64_t next;

		__atomic_store_n(&work, false, __ATOMIC_SEQ_CST);
		next = pci_device_recover();
		(void)wait_event_deadline(&worker_wait, __atomic_load_n(&work, __ATOMIC_SEQ_CST),
					  next);
	}
}

static void start_worker(void)
{
	static const struct thread_options options = {.stack_size = WORKER_STACK};
	static bool started;
	struct thread *thread;

	if (started)
		return;
	started = true;
	thread = thread_create("devices", worker, NULL, &options);
	if (thread)
		thread_detach(thread);
	else
		log_notice("no thread to recover broken devices");
}

static void add(struct pci_device *device)
{
	struct pci_device **link = &devices;

	while (*link)
		link = &(*link)->next;
	device->function->driver_data = device;
	device->running_since = clock_monotonic();
	__atomic_store_n(link, device, __ATOMIC_RELEASE);
}

void pci_device_add(struct pci_device *device, bool message)
{
	start_worker();
	if (!(message && try_message(device)) && !try_line(device))
		poll_instead(device);
	add(device);
}

void pci_device_add_isa(struct pci_device *device, const uint8_t *irqs, unsigned int count)
{
	device->interrupt_mode = "isa";
	start_worker();
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

/* -- Recovery */

static void wake_worker(void)
{
	__atomic_store_n(&work, true, __ATOMIC_SEQ_CST);
	wait_wake(&worker_wait);
}

void pci_device_break(struct pci_device *device, const char *failure)
{
	if (__atomic_exchange_n(&device->broken, true, __ATOMIC_SEQ_CST))
		return;
	device->failure = failure;
	silence(device, true);
	log_error("%s (%s): is reset, it %s", device->function->name, device->module, failure);
	wake_worker();
}

int pci_device_reset(struct pci_device *device)
{
	if (device->given_up || device->shut_down)
		return -ENODEV;
	/* The attempts are limited for devices that break again and again by themselves. */
	device->attempts = 0;
	if (__atomic_exchange_n(&device->broken, true, __ATOMIC_SEQ_CST))
		return 0;
	device->failure = "was reset by hand";
	silence(device, true);
	log_notice("%s (%s): is reset by hand", device->function->name, device->module);
	wake_worker();
	return 0;
}

static int attempt(struct pci_device *device)
{
	int error;

	pci_disable(device->function);
	if (!device->stopped)
		device->operations->stop(device);
	device->stopped = true;
	pci_device_served(device);
	/* Its registers may read as anything then, as those of a device that was reset even. */
	if (pci_read16(device->function, PCI_VENDOR_ID) == 0xffff) {
		device->failure = "is not there any more";
		device->attempts = PCI_DEVICE_ATTEMPTS;
		return -ENODEV;
	}
	/* From here on it may break anew; that is noticed by the next round. */
	__atomic_store_n(&device->broken, false, __ATOMIC_SEQ_CST);
	error = device->operations->start(device);
	if (error) {
		pci_disable(device->function);
		__atomic_store_n(&device->broken, true, __ATOMIC_SEQ_CST);
		return error;
	}
	device->stopped = false;
	device->running_since = clock_monotonic();
	device->recoveries++;
	if (__atomic_load_n(&device->broken, __ATOMIC_SEQ_CST))
		return 0; /* again, meanwhile */
	device->failure = NULL;
	silence(device, false);
	log_notice("%s (%s): reset, and running again", device->function->name, device->module);
	/* What came between is not lost: an edge, or a message, does not come twice. */
	if (device->line_count && strcmp(device->interrupt_mode, "intx"))
		for (unsigned int i = 0; i < device->line_count; i++)
			(void)device->operations->interrupt(device, i);
	return 0;
}

static void schedule(struct pci_device *device)
{
	if (device->attempts < PCI_DEVICE_ATTEMPTS) {
		device->next_attempt = clock_monotonic() + pauses[device->attempts];
		return;
	}
	device->given_up = true;
	log_error("%s (%s): given up, it %s", device->function->name, device->module,
		  device->failure);
	if (!device->stopped) {
		pci_disable(device->function);
		device->operations->stop(device);
		device->stopped = true;
	}
	if (device->operations->given_up)
		device->operations->given_up(device);
}

static void look_after(struct pci_device *device)
{
	if (!device->next_attempt) {
		/* It broke just now. */
		if (clock_monotonic() - device->running_since >= RUNNING_WELL)
			device->attempts = 0;
		schedule(device);
		if (device->given_up)
			return;
	}
	if (clock_monotonic() < device->next_attempt)
		return;
	device->next_attempt = 0;
	device->attempts++;
	if (attempt(device))
		schedule(device);
}

static bool needs_care(const struct pci_device *device)
{
	return __atomic_load_n(&device->broken, __ATOMIC_SEQ_CST) && !device->given_up &&
	       !device->shut_down;
}

uint64_t pci_device_recover(void)
{
	uint64_t next = UINT64_MAX;

	for (struct pci_device *device = pci_device_first(); device; device = device->next) {
		if (!needs_care(device))
			continue;
		mutex_lock(&attempt_lock);
		if (needs_care(device)) /* the lock may have been waited for */
			look_after(device);
		mutex_unlock(&attempt_lock);
		if (needs_care(device) && device->next_attempt < next)
			next = device->next_attempt;
	}
	return next;
}

void pci_device_shutdown(struct pci_function *function)
{
	struct pci_device *device = function->driver_data;

	if (!device)
		return;
	device->shut_down = true;
	mutex_lock(&attempt_lock);
	if (!device->stopped) {
		device->operations->stop(device);
		device->stopped = true;
	}
	pci_disable(function);
	if (!strcmp(device->interrupt_mode, "msi"))
		msi_disable(function);
	if (!strcmp(device->interrupt_mode, "poll"))
		timer_cancel(&device->poll);
	release_lines(device);
	mutex_unlock(&attempt_lock);
}
