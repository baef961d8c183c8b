/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PCI function whose configuration space says anything: capability lists that loop or point outside,
 * structures beyond their BARs, BARs of any size at any place, other types of header.
 */
#include "drivers/pci/pci.h"
#include "kernel/options/options.h"
#include "kernel/shell/command.h"
#include "tests/device/virtio_model_rng.h"
#include "tests/fuzz/bus.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hostile.h"

#include <string.h>

static struct virtio_model_rng device;
static struct pci_model second;
static struct hostile hostile;

static void run(const char *name, const char *argument)
{
	char *words[] = {(char *)(uintptr_t)name, (char *)(uintptr_t)argument, NULL};

	TABLE_FOREACH (commands, struct command, command)
		if (!strcmp(command->name, name))
			(void)command->run(argument ? 2 : 1, words);
	host_command_clear();
}

void fuzz_target(void)
{
	host_threads();
	virtio_model_rng_init(&device);
	bus_plug(&device.model, BUS_PCI, fuzz_choose(5));
	if (fuzz_choose(2))
		virtio_model_pci_extras(&place.pci);
	if (fuzz_choose(2))
		virtio_model_pci_window(&place.pci);
	options_parse("");
	hostile_open(&hostile, &device.model);
	hostile.lies &= LIE_REGISTERS;
	hostile_pci(&hostile, &place.pci.pci);
	/* A second function, which may be a bridge, and has BARs where the first has its own. */
	if (fuzz_choose(2)) {
		pci_model_init(&second, 4, 0x1234, 0x1111);
		for (unsigned int i = fuzz_choose(3); i; i--)
			pci_model_bar(&second, 2 * fuzz_choose(3),
				      fuzz_choose(2) ? MODEL_PCI_BAR_ADDRESS + 0x300000 : 0,
				      0x1000ull << fuzz_choose(8), fuzz_choose(2), NULL, NULL);
		hostile_pci(&hostile, &second);
	}
	bus_boot();
	bus_settle(NULL);
	run("lspci", "-vv");
	run("lspci", "-xxxx");
	pci_shutdown();
}
