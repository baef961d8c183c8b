/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/lwip/stack.h"

#include "kernel/console/log.h"
#include "kernel/memory/pages.h"
#include "lwip/tcpip.h"
#include "net/lwip/interface.h"
#include "net/lwip/memory.h"
#include "net/lwip/sockets.h"
#include "net/services/service.h"

#define LOG_AREA "network"

uint64_t network_bytes_copied;

uint64_t network_stack_copied(void)
{
	return __atomic_load_n(&network_bytes_copied, __ATOMIC_RELAXED);
}

static struct mutex core_lock = MUTEX_INIT;

void network_core_lock(void)
{
	mutex_lock(&core_lock);
}

/* What was queued since the lock was taken is told to the devices now: one kick for all of it. */
void network_core_unlock(void)
{
	for (struct interface *interface = interfaces; interface; interface = interface->next)
		interface_flush(interface);
	mutex_unlock(&core_lock);
}

void network_core_assert(void)
{
	if (!mutex_held(&core_lock))
		panic("lwIP was called without its lock");
}

/* There is no router to be asked behind the loopback interface. */
static void quiet_loopback(void)
{
	struct netif *netif;

	NETIF_FOREACH (netif)
		netif->rs_count = 0;
}

void network_stack_start(void)
{
	uint16_t vlan = 0;

	network_memory_init(pages_total() * PAGE_SIZE,
			    (pages_available() + pages_lent()) * PAGE_SIZE);
	/* Devices are asked without the lock. */
	for (struct network_device *device = network_first(); device; device = device->next)
		vlan = interface_vlan_open(device);
	LOCK_TCPIP_CORE();
	tcpip_init(NULL, NULL);
	quiet_loopback();
	sockets_init();
	for (struct network_device *device = network_first(); device; device = device->next) {
		int status = interface_create(device, vlan);

		if (status)
			log_error("%s: no interface: error %d", device->name, -status);
	}
	for (struct interface *interface = interfaces; interface; interface = interface->next)
		addresses_start(interface);
	services_start();
	addresses_services_ready();
	if (!interfaces)
		addresses_no_interface();
	UNLOCK_TCPIP_CORE();
}
