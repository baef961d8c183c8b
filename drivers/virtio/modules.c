/* SPDX-License-Identifier: BSD-2-Clause */
/* What of virtio would be modules on Linux, in the order in which Linux shows them: the last first. */
#include "drivers/module.h"
#include "drivers/virtio/transports/transport.h"
#include "drivers/virtio/virtio.h"

#include <string.h>

#define CORE "virtio_ring,virtio"

static unsigned int driver_devices(const struct module *module)
{
	unsigned int count = 0;

	for (struct virtio_device *device = virtio_first(); device; device = device->next)
		count += device->driver && !strcmp(device->driver->name, module->name);
	return count;
}

/* "virtio_pci" has those whose transport is called "pci ...". */
static unsigned int transport_devices(const struct module *module)
{
	const char *transport = module->name + strlen("virtio_");
	unsigned int count = 0;

	for (struct virtio_device *device = virtio_first(); device; device = device->next)
		count += device->driver &&
			 !strncmp(device->transport->name, transport, strlen(transport));
	return count;
}

MODULE(virtio_net, "virtio_net", 10, CORE, driver_devices);
MODULE(virtio_blk, "virtio_blk", 11, CORE, driver_devices);
MODULE(virtio_console, "virtio_console", 12, CORE, driver_devices);
MODULE(virtio_balloon, "virtio_balloon", 13, CORE, driver_devices);
MODULE(virtio_rng, "virtio_rng", 14, CORE, driver_devices);
MODULE(virtio_pci, "virtio_pci", 20, CORE, transport_devices);
MODULE(virtio_mmio, "virtio_mmio", 21, CORE, transport_devices);
MODULE(virtio_ring, "virtio_ring", 30, NULL, NULL);
MODULE(virtio, "virtio", 31, NULL, NULL);
