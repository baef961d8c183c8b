/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/dhcp6_message.h"

#include <errno.h>
#include <string.h>

#define TYPE_REPLY 7
#define TYPE_INFORMATION_REQUEST 11
#define HEADER 4u

enum {
	OPTION_CLIENT_ID = 1,
	OPTION_REQUEST = 6,
	OPTION_ELAPSED = 8,
	OPTION_USER_CLASS = 15,
	OPTION_VENDOR_CLASS = 16,
	OPTION_DNS = 23,
	OPTION_BOOT_FILE_URL = 59,
	OPTION_BOOT_FILE_PARAMETERS = 60,
	OPTION_ARCHITECTURE = 61,
	OPTION_NETWORK_INTERFACE = 62,
};

#define ENTERPRISE_INTEL 343 /* whose vendor class PXEClient is */

static void write16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static uint16_t read16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* The place for an option's value, or NULL. */
static uint8_t *put(uint8_t *message, size_t *used, size_t room, uint16_t option, size_t length)
{
	uint8_t *at = message + *used;

	if (room - *used < 4 + length)
		return NULL;
	write16(at, option);
	write16(at + 2, (uint16_t)length);
	*used += 4 + length;
	return at + 4;
}

size_t dhcp6_information_request(uint8_t *message, size_t room, const struct dhcp_client *client,
				 const uint8_t mac[6], uint32_t transaction, uint16_t hundredths)
{
	static const uint16_t wanted[] = {OPTION_DNS, OPTION_BOOT_FILE_URL,
					  OPTION_BOOT_FILE_PARAMETERS};
	size_t class_length = strlen(client->vendor_class), used = HEADER;
	size_t user_length = strlen(client->user_class);
	uint8_t *at;

	if (room < HEADER)
		return 0;
	message[0] = TYPE_INFORMATION_REQUEST;
	for (unsigned int i = 0; i < 3; i++)
		message[1 + i] = (uint8_t)(transaction >> (16 - 8 * i));
	/* DUID-LL (RFC 8415, 11.4): Ethernet, and the address. */
	at = put(message, &used, room, OPTION_CLIENT_ID, 10);
	if (!at)
		return 0;
	write16(at, 3);
	write16(at + 2, 1);
	memcpy(at + 4, mac, 6);
	at = put(message, &used, room, OPTION_ELAPSED, 2);
	if (!at)
		return 0;
	write16(at, hundredths);
	at = put(message, &used, room, OPTION_REQUEST, sizeof(wanted));
	if (!at)
		return 0;
	for (unsigned int i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		write16(at + 2 * i, wanted[i]);
	at = put(message, &used, room, OPTION_ARCHITECTURE, 2);
	if (!at)
		return 0;
	write16(at, client->architecture);
	at = put(message, &used, room, OPTION_NETWORK_INTERFACE, 3);
	if (!at)
		return 0;
	memcpy(at, (const uint8_t[]){1, 3, 16}, 3); /* UNDI 3.16, as UEFI says over IPv6 */
	at = put(message, &used, room, OPTION_VENDOR_CLASS, 6 + class_length);
	if (!at)
		return 0;
	write16(at, 0);
	write16(at + 2, ENTERPRISE_INTEL);
	write16(at + 4, (uint16_t)class_length);
	memcpy(at + 6, client->vendor_class, class_length);
	if (!user_length)
		return used;
	at = put(message, &used, room, OPTION_USER_CLASS, 2 + user_length);
	if (!at)
		return 0;
	write16(at, (uint16_t)user_length);
	memcpy(at + 2, client->user_class, user_length);
	return used;
}

static int take_url(struct dhcp6_boot *boot, const uint8_t *value, size_t length, const char **why)
{
	while (length && !value[length - 1])
		length--;
	*why = "its boot file URL (option 59) is not a text of less than 2048 characters";
	if (length >= sizeof(boot->url))
		return -EBADMSG;
	for (size_t i = 0; i < length; i++)
		if (value[i] <= ' ' || value[i] > '~')
			return -EBADMSG;
	memcpy(boot->url, value, length);
	boot->url[length] = '\0';
	return 0;
}

int dhcp6_reply_parse(struct dhcp6_boot *boot, const uint8_t *message, size_t length,
		      uint32_t transaction, const char **why)
{
	size_t at = HEADER;

	memset(boot, 0, sizeof(*boot));
	if (length < HEADER || message[0] != TYPE_REPLY ||
	    message[1] != (uint8_t)(transaction >> 16) ||
	    message[2] != (uint8_t)(transaction >> 8) || message[3] != (uint8_t)transaction)
		return -EAGAIN;
	while (at < length) {
		const uint8_t *value = message + at + 4;
		size_t size;

		*why = "it ends within an option";
		if (length - at < 4)
			return -EBADMSG;
		size = read16(message + at + 2);
		if (size > length - at - 4)
			return -EBADMSG;
		if (read16(message + at) == OPTION_BOOT_FILE_URL && !boot->url[0] &&
		    take_url(boot, value, size, why))
			return -EBADMSG;
		if (read16(message + at) == OPTION_DNS)
			for (size_t i = 0; i + 16 <= size && boot->dns_count < DHCP6_DNS_MAX;
			     i += 16)
				memcpy(boot->dns[boot->dns_count++], value + i, 16);
		at += 4 + size;
	}
	return 0;
}
