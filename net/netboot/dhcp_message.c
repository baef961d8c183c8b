/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/dhcp_message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COOKIE_OFFSET 236u
#define SERVER_NAME_OFFSET 44u
#define SERVER_NAME_SIZE 64u
#define FILE_OFFSET 108u
#define FILE_SIZE 128u
#define TAG_PAD 0
#define TAG_END 255
#define OVERLOAD_FILE 1u
#define OVERLOAD_NAME 2u

/* PXE's options (PXE 2.1, table 2-1) */
#define PXE_DISCOVERY 6
#define PXE_SERVERS 8
#define PXE_MENU 9
#define PXE_BOOT_ITEM 71
#define DISCOVERY_USE_FILE 8u

static const uint8_t cookie[4] = {99, 130, 83, 99};

static uint32_t read32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* -- Options */

/* A value that is put together from its pieces. */
struct gather {
	uint8_t tag;
	uint8_t *value;
	size_t room, length;
	bool found;
};

/* A field of options. One that ends within an option is read as far as it is whole. */
static void gather_field(struct gather *gather, const uint8_t *field, size_t length)
{
	size_t at = 0;

	while (at < length && field[at] != TAG_END) {
		size_t size;

		if (field[at] == TAG_PAD) {
			at++;
			continue;
		}
		if (length - at < 2 || field[at + 1] > length - at - 2)
			return;
		size = field[at + 1];
		if (field[at] == gather->tag) {
			size_t left =
				gather->length < gather->room ? gather->room - gather->length : 0;

			gather->found = true;
			if (left)
				memcpy(gather->value + gather->length, field + at + 2,
				       size < left ? size : left);
			gather->length += size;
		}
		at += 2 + size;
	}
}

static bool is_message(const uint8_t *message, size_t length)
{
	return length >= DHCP_MESSAGE_HEADER &&
	       !memcmp(message + COOKIE_OFFSET, cookie, sizeof(cookie));
}

/* Which fields hold options: said in the options alone, so that no field can name itself. */
static uint8_t overload_of(const uint8_t *message, size_t length)
{
	uint8_t value = 0;
	struct gather gather = {.tag = DHCP_TAG_OVERLOAD, .value = &value, .room = 1};

	gather_field(&gather, message + DHCP_MESSAGE_HEADER, length - DHCP_MESSAGE_HEADER);
	return gather.length == 1 && value <= (OVERLOAD_FILE | OVERLOAD_NAME) ? value : 0;
}

int dhcp_message_option(const uint8_t *message, size_t length, uint8_t tag, uint8_t *value,
			size_t room)
{
	struct gather gather = {.tag = tag, .value = value, .room = room};
	uint8_t overload;

	if (!is_message(message, length))
		return -EBADMSG;
	overload = overload_of(message, length);
	gather_field(&gather, message + DHCP_MESSAGE_HEADER, length - DHCP_MESSAGE_HEADER);
	if (overload & OVERLOAD_FILE)
		gather_field(&gather, message + FILE_OFFSET, FILE_SIZE);
	if (overload & OVERLOAD_NAME)
		gather_field(&gather, message + SERVER_NAME_OFFSET, SERVER_NAME_SIZE);
	return gather.found ? (int)gather.length : -ENOENT;
}

int dhcp_message_suboption(const uint8_t *options, size_t length, uint8_t tag, uint8_t *value,
			   size_t room)
{
	struct gather gather = {.tag = tag, .value = value, .room = room};

	gather_field(&gather, options, length);
	return gather.found ? (int)gather.length : -ENOENT;
}

/* -- What it says about booting */

/* Text without zeroes at its end, which some servers count. False: other than printable ASCII. */
static bool take_text(char *text, const uint8_t *bytes, size_t length)
{
	text[0] = '\0';
	while (length && !bytes[length - 1])
		length--;
	for (size_t i = 0; i < length; i++)
		if (bytes[i] < 0x20 || bytes[i] > 0x7e)
			return false;
	memcpy(text, bytes, length);
	text[length] = '\0';
	return true;
}

/* An option's text, or that of the header's field; NULL, or what is wrong. */
static const char *text_of(char *text, const uint8_t *message, size_t length, uint8_t tag,
			   size_t offset, size_t size, bool field_is_text, const char *wrong)
{
	uint8_t value[DHCP_TEXT_MAX];
	int got = dhcp_message_option(message, length, tag, value, sizeof(value));

	text[0] = '\0';
	if (got > 0) {
		if ((size_t)got >= sizeof(value))
			return wrong;
		if (!take_text(text, value, (size_t)got))
			return wrong;
		if (text[0])
			return NULL;
	}
	if (!field_is_text)
		return NULL;
	return take_text(text, message + offset, strnlen((const char *)message + offset, size))
		       ? NULL
		       : wrong;
}

static uint32_t address_of(const uint8_t *message, size_t length, uint8_t tag)
{
	uint8_t value[4];

	return dhcp_message_option(message, length, tag, value, sizeof(value)) == 4 ? read32(value)
										    : 0;
}

/* The servers for one item: type, how many, addresses (PXE 2.1, option 8). */
static void take_servers(struct dhcp_boot *boot, const uint8_t *list, size_t length)
{
	size_t at = 0;

	while (length - at >= 3) {
		uint16_t type = (uint16_t)(list[at] << 8 | list[at + 1]);
		size_t count = list[at + 2];

		at += 3;
		if (count * 4 > length - at)
			return;
		for (size_t i = 0; type == boot->item && i < count; i++)
			if (boot->server_count < DHCP_BOOT_SERVERS_MAX)
				boot->servers[boot->server_count++] = read32(list + at + i * 4);
		at += count * 4;
	}
}

static void take_pxe(struct dhcp_boot *boot, const uint8_t *message, size_t length)
{
	uint8_t vendor[DHCP_MESSAGE_MAX], value[DHCP_MESSAGE_MAX];
	int size = dhcp_message_option(message, length, DHCP_TAG_VENDOR_CLASS, value, 9), got;

	if (size < 9 || memcmp(value, "PXEClient", 9))
		return;
	boot->pxe = true;
	size = dhcp_message_option(message, length, DHCP_TAG_VENDOR, vendor, sizeof(vendor));
	if (size <= 0 || (size_t)size > sizeof(vendor))
		return;
	if (dhcp_message_suboption(vendor, (size_t)size, PXE_DISCOVERY, value, 1) == 1)
		boot->use_file = value[0] & DISCOVERY_USE_FILE;
	/* Type, length of the text, text: the first one is what is booted unasked. */
	got = dhcp_message_suboption(vendor, (size_t)size, PXE_MENU, value, sizeof(value));
	if (got < 3)
		return;
	boot->has_item = true;
	boot->item = (uint16_t)(value[0] << 8 | value[1]);
	got = dhcp_message_suboption(vendor, (size_t)size, PXE_SERVERS, value, sizeof(value));
	if (got >= 3 && (size_t)got <= sizeof(value))
		take_servers(boot, value, (size_t)got);
}

int dhcp_boot_parse(struct dhcp_boot *boot, const uint8_t *message, size_t length, const char **why)
{
	uint8_t overload;

	memset(boot, 0, sizeof(*boot));
	*why = "it is no DHCP message";
	if (!is_message(message, length) || length > DHCP_MESSAGE_MAX)
		return -EBADMSG;
	overload = overload_of(message, length);
	if (dhcp_message_option(message, length, DHCP_TAG_TYPE, &boot->type, 1) != 1) {
		*why = "it does not say of which type it is (option 53)";
		return -EBADMSG;
	}
	boot->your_address = read32(message + 16);
	boot->next_server = read32(message + 20);
	boot->server_id = address_of(message, length, DHCP_TAG_SERVER_ID);
	*why = text_of(boot->server_name, message, length, DHCP_TAG_TFTP_SERVER, SERVER_NAME_OFFSET,
		       SERVER_NAME_SIZE, !(overload & OVERLOAD_NAME),
		       "its server name (option 66) is not a text of less than 512 characters");
	if (!*why)
		*why = text_of(boot->file, message, length, DHCP_TAG_BOOT_FILE, FILE_OFFSET,
			       FILE_SIZE, !(overload & OVERLOAD_FILE),
			       "its boot file name (option 67) is not a text of less than 512 "
			       "characters");
	if (*why)
		return -EBADMSG;
	take_pxe(boot, message, length);
	return 0;
}

const char *dhcp_address_text(char text[static DHCP_ADDRESS_TEXT], uint32_t address)
{
	sniprintf(text, DHCP_ADDRESS_TEXT, "%u.%u.%u.%u", (unsigned int)(address >> 24),
		  (unsigned int)(address >> 16 & 255), (unsigned int)(address >> 8 & 255),
		  (unsigned int)(address & 255));
	return text;
}

/* What may stand in a path as it is (RFC 3986, 3.3), and the slash. */
static bool is_path_character(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("-._~!$&'()*+,;=:@/", c));
}

int dhcp_boot_url(char *url, size_t size, const struct dhcp_boot *boot, uint32_t fallback)
{
	char address[DHCP_ADDRESS_TEXT];
	const char *host = address;
	size_t used;

	if (!boot->file[0])
		return -ENOENT;
	if (strstr(boot->file, "://")) {
		if (strlen(boot->file) >= size)
			return -ENAMETOOLONG;
		strcpy(url, boot->file);
		return 0;
	}
	if (boot->next_server)
		dhcp_address_text(address, boot->next_server);
	else if (boot->server_name[0])
		host = boot->server_name;
	else if (fallback)
		dhcp_address_text(address, fallback);
	else
		return -EDESTADDRREQ;
	used = (size_t)sniprintf(url, size, "tftp://%s/", host);
	for (const char *c = boot->file; *c; c++) {
		if (used + 4 > size)
			return -ENAMETOOLONG;
		if (is_path_character(*c))
			url[used++] = *c;
		else
			used += (size_t)sniprintf(url + used, size - used, "%%%02X",
						  (unsigned int)(uint8_t)*c);
	}
	url[used] = '\0';
	return 0;
}

/* -- Writing */

/* Adds one option; false when there is no room. */
static bool put(uint8_t *options, size_t *used, size_t room, uint8_t tag, const void *value,
		size_t length)
{
	if (length > 255 || room < *used || room - *used < length + 2)
		return false;
	options[(*used)++] = tag;
	options[(*used)++] = (uint8_t)length;
	memcpy(options + *used, value, length);
	*used += length;
	return true;
}

/*
 * Takes option 12 away. Servers give the name back that a client says, and a machine that is yet to boot has
 * none of its own.
 */
static void drop_host_name(uint8_t *options, size_t *used)
{
	size_t at = 0, size;

	while (at + 2 <= *used && options[at] != DHCP_TAG_HOSTNAME)
		at += 2u + options[at + 1];
	if (at + 2 > *used)
		return;
	size = 2u + options[at + 1];
	if (size > *used - at)
		return;
	memmove(options + at, options + at + size, *used - at - size);
	*used -= size;
}

/* Widens option 55, which is there already: servers look at the first one only. */
static bool widen_request_list(uint8_t *options, size_t *used, size_t room)
{
	static const uint8_t wanted[] = {DHCP_TAG_HOSTNAME,
					 DHCP_TAG_DOMAIN,
					 DHCP_TAG_ROOT_PATH,
					 DHCP_TAG_VENDOR,
					 DHCP_TAG_VENDOR_CLASS,
					 DHCP_TAG_TFTP_SERVER,
					 DHCP_TAG_BOOT_FILE,
					 DHCP_TAG_USER_CLASS,
					 119, /* domain search */
					 128,
					 129,
					 130,
					 131,
					 132,
					 133,
					 134,
					 135,
					 DHCP_TAG_IPXE,
					 203,
					 209,
					 /* configuration file */ 210 /* path prefix */};
	size_t at = 0;

	while (at + 2 <= *used && options[at] != DHCP_TAG_REQUEST_LIST)
		at += 2u + options[at + 1];
	if (at + 2 > *used || *used + sizeof(wanted) > room ||
	    options[at + 1] + sizeof(wanted) > 255)
		return false;
	at += 2;
	memmove(options + at + sizeof(wanted), options + at, *used - at);
	memcpy(options + at, wanted, sizeof(wanted));
	options[at - 1] = (uint8_t)(options[at - 1] + sizeof(wanted));
	*used += sizeof(wanted);
	return true;
}

static bool put_client(uint8_t *options, size_t *used, size_t room,
		       const struct dhcp_client *client)
{
	/* Network interface: UNDI, version 2.1 or, over HTTP, 3.1 as the vendor class has it. */
	const bool http = !strncmp(client->vendor_class, "HTTPClient", 10);
	const uint8_t architecture[2] = {(uint8_t)(client->architecture >> 8),
					 (uint8_t)client->architecture};
	const uint8_t interface[3] = {1, http ? 3 : 2, 1};
	/* iPXE's features, of those that are ours: one byte each, and the version of iPXE whose scripts we read. */
	uint8_t features[] = {0x13, 1, 1, 0x15, 1, 1, 0x17, 1, 1,    0x18, 1, 1,
			      0x26, 1, 1, 0xeb, 3, 1, 21,   1, 0x14, 1,	   1};
	size_t features_length = sizeof(features) - (client->https ? 0 : 3);
	uint8_t uuid[17] = {0};

	if (client->uuid)
		memcpy(uuid + 1, client->uuid, 16);
	return put(options, used, room, DHCP_TAG_VENDOR_CLASS, client->vendor_class,
		   strlen(client->vendor_class)) &&
	       put(options, used, room, DHCP_TAG_ARCHITECTURE, architecture,
		   sizeof(architecture)) &&
	       put(options, used, room, DHCP_TAG_NETWORK_INTERFACE, interface, sizeof(interface)) &&
	       (!client->uuid || put(options, used, room, DHCP_TAG_UUID, uuid, sizeof(uuid))) &&
	       (!client->user_class[0] ||
		(put(options, used, room, DHCP_TAG_USER_CLASS, client->user_class,
		     strlen(client->user_class)) &&
		 put(options, used, room, DHCP_TAG_IPXE, features, features_length)));
}

size_t dhcp_client_options(uint8_t *options, size_t used, size_t room,
			   const struct dhcp_client *client)
{
	size_t length = used;

	drop_host_name(options, &length);
	used = length;
	/* One byte is the end's. */
	if (!room || !put_client(options, &length, room - 1, client))
		return used;
	(void)widen_request_list(options, &length, room - 1);
	return length;
}

size_t dhcp_item_request(uint8_t *message, size_t room, const struct dhcp_client *client,
			 const uint8_t mac[6], uint32_t address, uint32_t transaction,
			 uint16_t item)
{
	/* Type and layer 0 of it, and the end of PXE's options. */
	const uint8_t vendor[] = {PXE_BOOT_ITEM, 4, (uint8_t)(item >> 8), (uint8_t)item, 0, 0,
				  TAG_END};
	const uint8_t type = DHCP_TYPE_REQUEST, list[] = {DHCP_TAG_NETMASK, DHCP_TAG_ROUTER};
	uint8_t *options = message + DHCP_MESSAGE_HEADER;
	size_t used = 0;

	if (room < DHCP_MESSAGE_HEADER + 64)
		return 0;
	room -= DHCP_MESSAGE_HEADER;
	memset(message, 0, DHCP_MESSAGE_HEADER);
	message[0] = 1; /* a request, Ethernet, 6 bytes of address */
	message[1] = 1;
	message[2] = 6;
	for (unsigned int i = 0; i < 4; i++) {
		message[4 + i] = (uint8_t)(transaction >> (24 - 8 * i));
		message[12 + i] = (uint8_t)(address >> (24 - 8 * i));
	}
	memcpy(message + 28, mac, 6);
	memcpy(message + COOKIE_OFFSET, cookie, sizeof(cookie));
	if (!put(options, &used, room, DHCP_TAG_TYPE, &type, 1) ||
	    !put(options, &used, room, DHCP_TAG_REQUEST_LIST, list, sizeof(list)) ||
	    !put(options, &used, room, DHCP_TAG_VENDOR, vendor, sizeof(vendor)))
		return 0;
	used = dhcp_client_options(options, used, room, client);
	options[used++] = TAG_END;
	return DHCP_MESSAGE_HEADER + used;
}
