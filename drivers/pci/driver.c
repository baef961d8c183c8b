/* SPDX-License-Identifier: BSD-2-Clause */
/* Brings functions and the drivers of the table together. */
#include "drivers/pci/internal.h"
#include "drivers/pci/msix.h"
#include "kernel/console/log.h"

#include <errno.h>

#define LOG_AREA "pci"

static bool matches(const struct pci_driver *driver, const struct pci_function *function)
{
	for (const struct pci_match *match = driver->matches; match->vendor_id; match++)
		if (match->vendor_id == function->vendor_id &&
		    function->device_id >= match->device_first &&
		    function->device_id <= match->device_last)
			return true;
	return false;
}

static void bind(struct pci_function *function)
{
	TABLE_FOREACH (pci_drivers, struct pci_driver, driver) {
		int error;

		if (!matches(driver, function))
			continue;
		/* Set before, so that what the probe starts may look at it. */
		function->driver = driver;
		error = driver->probe(function);
		if (!error) {
			log_info("%s: driver %s", function->name, driver->name);
			return;
		}
		function->driver = NULL;
		/* Allocations are many, and nobody else says that one of them failed. */
		if (error == -ENOMEM)
			log_error("%s: left alone by %s, there is no memory to drive it",
				  function->name, driver->name);
		else if (error != -ENODEV)
			log_warning("%s: driver %s failed (error %d)", function->name, driver->name,
				    -error);
	}
}

void pci_bind_drivers(void)
{
	for (struct pci_function *function = pci_first(); function; function = function->next)
		if (!function->driver)
			bind(function);
}

/* Messages off, INTx as it is after a reset; a bridge goes on passing on what it did. */
static void quiet(struct pci_function *function)
{
	msi_disable(function);
	msix_disable(function);
	if (function->header_type == PCI_HEADER_NORMAL)
		pci_disable(function);
}

void pci_shutdown(void)
{
	for (struct pci_function *function = pci_first(); function; function = function->next)
		if (function->driver && function->driver->shutdown)
			function->driver->shutdown(function);
	/* Those too that nobody drives: firmware may have. */
	for (struct pci_function *function = pci_first(); function; function = function->next)
		quiet(function);
}
