/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Setting interrupts up: MSI-X tables outside their BAR, or in one that is not there, vectors that the device
 * does not take or has too few of, and messages at any time.
 */
#include "drivers/pci/pci.h"
#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "tests/device/recovery_thread.h"
#include "tests/device/virtio_model_block.h"
#include "tests/fuzz/bus.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile.h"

#include <string.h>

#define STEPS 60
#define SECTORS 64

static struct virtio_model_block device;
static struct hostile hostile;

static void table(struct pci_model *pci)
{
	uint8_t *capability = pci->config + pci->msix_capability;
	uint64_t value;

	for (unsigned int i = fuzz_choose(4); i; i--)
		switch (fuzz_choose(4)) {
		case 0: /* size */
			value = fuzz_number(2);
			memcpy(capability + 2, &value, 2);
			break;
		case 1: /* table */
			value = fuzz_number(4);
			memcpy(capability + 4, &value, 4);
			break;
		case 2: /* pending bits */
			value = fuzz_number(4);
			memcpy(capability + 8, &value, 4);
			break;
		default:
			pci->writable[pci->msix_capability + fuzz_choose(12)] = fuzz_byte();
			break;
		}
}

static void step(void)
{
	switch (fuzz_choose(4)) {
	case 0:
		host_poll();
		break;
	case 1:
		pci_model_message(&place.pci.pci, fuzz_choose(8));
		break;
	case 2:
		pci_model_line(&place.pci.pci, fuzz_choose(2));
		break;
	default:
		recovery_thread_wait(100 * NANOSECONDS_PER_MILLISECOND, NULL);
		break;
	}
}

void fuzz_target(void)
{
	static const char *const modes[] = {"", "virtio.interrupts=per-queue",
					    "virtio.interrupts=intx", "virtio.interrupts=poll",
					    "virtio.interrupts=shared"};
	unsigned int queues = 1 + fuzz_choose(4);

	host_threads();
	host_cpu(0, 1 + fuzz_choose(4));
	virtio_model_block_init(&device, SECTORS, queues, 8);
	bus_plug(&device.model, BUS_PCI, fuzz_choose(queues + 3));
	device.model.vectors_max = (uint16_t)fuzz_choose(8);
	options_parse(modes[fuzz_choose(5)]);
	if (fuzz_choose(4) == 3)
		host_interrupt_limit((int)fuzz_choose(6));
	hostile_open(&hostile, &device.model);
	hostile.lies &= LIE_REGISTERS | LIE_INTERRUPTS | LIE_FEATURES;
	if (place.pci.pci.msix_capability)
		table(&place.pci.pci);
	if (fuzz_choose(4) == 3)
		hostile_pci(&hostile, &place.pci.pci);
	bus_boot();
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		step();
	hostile_calm(&hostile);
	bus_settle(NULL);
	pci_shutdown();
	virtio_model_block_free(&device);
}
