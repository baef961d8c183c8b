/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/console/log.h"
#include "kernel/options/options.h"
#include "lwip/prot/ethernet.h"
#include "net/lwip/interface.h"

#include <errno.h>
#include <string.h>

#define LOG_AREA "network"

#define TAG_SIZE 4u
#define TAG_AT 12u /* behind both addresses */
#define ID_MASK 0xfffu

static bool check_vlan(const char *value)
{
	uint64_t id;

	return option_parse_number(value, &id) && id >= 1 && id < ID_MASK;
}

OPTION(netboot_vlan, "netboot.vlan", "1-4094",
       "the VLAN that all network interfaces are in (default: none, frames without a tag)",
       check_vlan);

uint16_t interface_vlan_open(struct network_device *device)
{
	uint16_t id = (uint16_t)option_number("netboot.vlan", 1, ID_MASK - 1, 0);
	int error;

	if (!id || !device->operations->set_vlan)
		return id;
	/* A device that does not filter by VLAN lets all in. */
	error = device->operations->set_vlan(device, id, true);
	if (error && error != -EOPNOTSUPP)
		log_warning("%s: VLAN %u: %s", device->name, id, network_error_text(error));
	return id;
}

bool interface_vlan_strip(const struct interface *interface, struct network_buffer *first,
			  uint32_t *length)
{
	uint8_t *bytes = first->data;

	if (first->length < SIZEOF_ETH_HDR + TAG_SIZE || bytes[TAG_AT] != 0x81 ||
	    bytes[TAG_AT + 1] != 0x00 ||
	    ((bytes[TAG_AT + 2] << 8 | bytes[TAG_AT + 3]) & ID_MASK) != interface->vlan)
		return false;
	memmove(bytes + TAG_SIZE, bytes, TAG_AT);
	first->data += TAG_SIZE;
	first->length -= TAG_SIZE;
	*length -= TAG_SIZE;
	return true;
}

bool interface_vlan_tag(const struct interface *interface, struct pbuf *frame)
{
	uint8_t *bytes;

	if (frame->len < SIZEOF_ETH_HDR || pbuf_add_header(frame, TAG_SIZE))
		return false;
	bytes = frame->payload;
	memmove(bytes, bytes + TAG_SIZE, TAG_AT);
	bytes[TAG_AT] = 0x81;
	bytes[TAG_AT + 1] = 0x00;
	bytes[TAG_AT + 2] = (uint8_t)(interface->vlan >> 8);
	bytes[TAG_AT + 3] = (uint8_t)interface->vlan;
	return true;
}
