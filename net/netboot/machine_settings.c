/* SPDX-License-Identifier: BSD-2-Clause */
/* The settings that scripts find set: the machine, its interfaces, and what DHCP said. */
#include "drivers/platform/smbios.h"
#include "lwip/dns.h"
#include "lwip/tcpip.h"
#include "net/netboot/netboot.h"

#include <stdlib.h>
#include <string.h>

/* What there is for a name; `answers` are of the interface that the scope names. */
struct place {
	const struct netboot *netboot;
	struct interface *interface; /* may be NULL */
	struct boot_answers *answers;
	bool proxy, item; /* their messages alone */
};

static bool set_text(struct setting *setting, const char *text)
{
	setting_string(setting, text);
	return text[0];
}

static bool set_address(struct setting *setting, const ip4_addr_t *address)
{
	uint32_t value = ip4_addr_get_u32(address); /* in network order */

	setting_bytes(setting, SETTING_IPV4, &value, sizeof(value));
	return value;
}

/* -- The machine */

static bool machine_value(const char *name, struct setting *setting)
{
	const struct smbios *machine = smbios_get();

	if (!strcmp(name, "uuid")) {
		setting_bytes(setting, SETTING_UUID, machine->uuid, sizeof(machine->uuid));
		return machine->uuid_present;
	}
	if (!strcmp(name, "serial"))
		return set_text(setting, machine->serial);
	if (!strcmp(name, "asset"))
		return set_text(setting, machine->asset);
	if (!strcmp(name, "manufacturer"))
		return set_text(setting, machine->manufacturer);
	if (!strcmp(name, "product"))
		return set_text(setting, machine->product);
	if (!strcmp(name, "platform"))
		return set_text(setting, netboot_is_efi() ? "efi" : "pcbios");
	if (!strcmp(name, "buildarch"))
		return set_text(setting, "x86_64");
	return false;
}

/* -- DHCP */

/* The messages in the order in which they count. How many bytes the option has, or negative. */
static int option_of(const struct place *place, uint8_t tag, uint8_t *value, size_t room)
{
	const struct boot_answers *answers = place->answers;
	int length = -1;

	if (!place->proxy && answers->item_length)
		length = dhcp_message_option(answers->item, answers->item_length, tag, value, room);
	if (length < 0 && !place->item && answers->proxy_length)
		length = dhcp_message_option(answers->proxy, answers->proxy_length, tag, value,
					     room);
	if (length < 0 && !place->item && !place->proxy && answers->ack_length)
		length = dhcp_message_option(answers->ack, answers->ack_length, tag, value, room);
	return length;
}

static bool option_value(const struct place *place, uint8_t tag, enum setting_type type,
			 struct setting *setting)
{
	int length = option_of(place, tag, setting->bytes, sizeof(setting->bytes));

	if (length < 0 || (size_t)length > sizeof(setting->bytes))
		return false;
	setting->type = type;
	setting->length = (size_t)length;
	/* Of several addresses the first. */
	if (type == SETTING_IPV4 && length > 4)
		setting->length = 4;
	return length > 0;
}

/* File name and server as booting sees them. */
static bool boot_value(const struct place *place, bool file, struct setting *setting)
{
	const struct boot_answers *answers = place->answers;
	const struct {
		const uint8_t *message;
		uint16_t length;
		bool excluded;
	} messages[] = {
		{answers->item, answers->item_length, place->proxy},
		{answers->proxy, answers->proxy_length, place->item},
		{answers->ack, answers->ack_length, place->item || place->proxy},
	};
	struct dhcp_boot *boot = malloc(sizeof(*boot));
	bool found = false;

	for (unsigned int i = 0; boot && !found && i < sizeof(messages) / sizeof(messages[0]);
	     i++) {
		const char *why;

		if (messages[i].excluded || !messages[i].length ||
		    dhcp_boot_parse(boot, messages[i].message, messages[i].length, &why))
			continue;
		if (file) {
			found = set_text(setting, boot->file);
		} else if (boot->next_server) {
			ip4_addr_t address = {lwip_htonl(boot->next_server)};

			found = set_address(setting, &address);
		}
	}
	free(boot);
	return found;
}

static bool dhcp_value(const struct place *place, const char *name, struct setting *setting)
{
	static const struct {
		const char *name;
		uint8_t tag;
		enum setting_type type;
	} names[] = {
		{"netmask", DHCP_TAG_NETMASK, SETTING_IPV4},
		{"gateway", DHCP_TAG_ROUTER, SETTING_IPV4},
		{"dns", DHCP_TAG_DNS, SETTING_IPV4},
		{"hostname", DHCP_TAG_HOSTNAME, SETTING_STRING},
		{"domain", DHCP_TAG_DOMAIN, SETTING_STRING},
		{"root-path", DHCP_TAG_ROOT_PATH, SETTING_STRING},
		{"dhcp-server", DHCP_TAG_SERVER_ID, SETTING_IPV4},
		{"vendor-class", DHCP_TAG_VENDOR_CLASS, SETTING_STRING},
		{"ntp-server", 42, SETTING_IPV4},
	};
	char *end;
	unsigned long tag;

	if (!strcmp(name, "filename"))
		return boot_value(place, true, setting);
	if (!strcmp(name, "next-server"))
		return boot_value(place, false, setting);
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i].name, name))
			return option_value(place, names[i].tag, names[i].type, setting);
	/* An option by its number. */
	tag = strtoul(name, &end, 10);
	return name[0] >= '0' && name[0] <= '9' && !*end && tag > 0 && tag < 255 &&
	       option_value(place, (uint8_t)tag, SETTING_HEX, setting);
}

/* -- Interfaces */

static bool interface_value(const struct interface *interface, const char *name,
			    struct setting *setting)
{
	const struct netif *netif = &interface->netif;

	if (!strcmp(name, "mac")) {
		setting_bytes(setting, SETTING_HEX, netif->hwaddr, netif->hwaddr_len);
		return true;
	}
	if (!strcmp(name, "ip"))
		return set_address(setting, netif_ip4_addr(netif));
	if (!strcmp(name, "netmask"))
		return set_address(setting, netif_ip4_netmask(netif));
	if (!strcmp(name, "gateway"))
		return set_address(setting, netif_ip4_gw(netif));
	if (!strcmp(name, "dns")) {
		const ip_addr_t *address = dns_getserver(0);

		return IP_IS_V4(address) && set_address(setting, ip_2_ip4(address));
	}
	if (!strcmp(name, "chip"))
		return set_text(setting, interface->device->driver_name);
	if (!strcmp(name, "ifname") || !strcmp(name, "name")) {
		char text[16] = "net";

		/* As scripts call it: eth0 is net0. */
		strncat(text,
			interface->device->name + strcspn(interface->device->name, "0123456789"),
			8);
		return set_text(setting, text);
	}
	return false;
}

static bool place_of(struct netboot *netboot, const char *scope, struct place *place)
{
	char name[SETTING_NAME_MAX];
	size_t length = strcspn(scope, ".");

	place->netboot = netboot;
	place->interface = netboot->interface ? netboot->interface : interfaces;
	place->proxy = !strcmp(scope, "proxydhcp");
	place->item = !strcmp(scope, "pxebs");
	if (scope[0] && strcmp(scope, "dhcp") && !place->proxy && !place->item) {
		memcpy(name, scope, length);
		name[length] = '\0';
		/* "net0.dhcp" is what DHCP said there. */
		if (scope[length] && strcmp(scope + length, ".dhcp"))
			return false;
		place->interface = netboot_interface(netboot, name);
	}
	return place->interface;
}

bool netboot_machine_setting(void *context, const char *scope, const char *name,
			     struct setting *setting)
{
	struct netboot *netboot = context;
	struct place place;
	bool found = false;

	if ((!scope[0] || !strcmp(scope, "smbios")) && machine_value(name, setting))
		return true;
	if (!strcmp(name, "user-class") && !scope[0])
		return set_text(setting, netboot_client()->user_class);
	if (!place_of(netboot, scope, &place))
		return false;
	place.answers = malloc(sizeof(*place.answers));
	if (!place.answers)
		return false;
	answers_copy(place.interface, place.answers);
	if (!place.proxy && !place.item) {
		LOCK_TCPIP_CORE();
		found = interface_value(place.interface, name, setting);
		UNLOCK_TCPIP_CORE();
	}
	if (!found)
		found = dhcp_value(&place, name, setting);
	free(place.answers);
	return found;
}
