/* SPDX-License-Identifier: BSD-2-Clause */
/* Which devices are tested, and that nobody else drives them then. */
#define LOG_AREA "conform"
#include "drivers/virtio/transports/mmio.h"
#include "kernel/console/console.h"
#include "kernel/console/log.h"
#include "tests/conformance/case.h"
#include "tests/conformance/guest/guest.h"

#include <string.h>

/* The console that the report goes to must not be the device under test. */
static bool console_is_virtio(void)
{
	const struct console *console = NULL;

	while ((console = console_next(console)))
		if (console->use != CONSOLE_UNUSED &&
		    (!strncmp(console->name, "hvc", 3) || !strncmp(console->name, "vport", 5)))
			return true;
	return false;
}

bool guest_claim(const struct suite_options *options, uint32_t device, const char *name)
{
	if (device >= 32 || !(1u << device & DEVICES_ALL)) {
		log_notice("%s: there are no cases for devices of type %u", name,
			   (unsigned int)device);
		return false;
	}
	if (!suite_selects_device(options, device, name))
		return false;
	if (device == DEVICE_CONSOLE && !options->list && console_is_virtio()) {
		log_notice("%s: left out, a console is on it that gets the report", name);
		return false;
	}
	return true;
}

void guest_detach_function(struct pci_function *function)
{
	if (function->driver && function->driver->shutdown)
		function->driver->shutdown(function);
	function->driver = NULL;
}

void guest_detach_mmio(uint64_t address)
{
	virtio_mmio_stop(address);
}
