/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Those who want to say and hear more by DHCP than lwIP's client does: network boot. Its functions are
 * called under the core lock.
 */
#ifndef NET_LWIP_DHCP_EXTENSION_H
#define NET_LWIP_DHCP_EXTENSION_H

#include "kernel/table.h"
#include "net/lwip/interface.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dhcp_extension {
	/*
	 * Adds to the options of a DISCOVER or REQUEST; `used` bytes are there, at most `room` may be.
	 * The new length.
	 */
	size_t (*append)(struct interface *interface, uint8_t *options, size_t used, size_t room);
	/*
	 * A message from a server, of that transaction, to our address: from its header to its end;
	 * `from` in host byte order. True: lwIP shall not see it.
	 */
	bool (*received)(struct interface *interface, const uint8_t *message, size_t length,
			 uint32_t transaction, uint32_t from);
};

TABLE_DECLARE(dhcp_extensions, struct dhcp_extension);

#define DHCP_EXTENSION(identifier, append_function, received_function)                             \
	TABLE_ENTRY(dhcp_extensions, struct dhcp_extension, dhcp_extension_##identifier) = {       \
		.append = (append_function), .received = (received_function)}

#endif
