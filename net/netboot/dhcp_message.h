/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DHCP messages (RFC 2131, 2132, 3396, 4578; PXE 2.1) as network boot reads and writes them. Pure
 * functions; context: any. Addresses are in host byte order, 0: none.
 */
#ifndef NET_NETBOOT_DHCP_MESSAGE_H
#define NET_NETBOOT_DHCP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DHCP_MESSAGE_HEADER 240u /* with the magic cookie */
#define DHCP_MESSAGE_MAX 1500u
#define DHCP_TEXT_MAX 512
#define DHCP_BOOT_SERVERS_MAX 8

enum {
	DHCP_TYPE_OFFER = 2,
	DHCP_TYPE_REQUEST = 3,
	DHCP_TYPE_ACK = 5,
};

enum {
	DHCP_TAG_NETMASK = 1,
	DHCP_TAG_ROUTER = 3,
	DHCP_TAG_DNS = 6,
	DHCP_TAG_HOSTNAME = 12,
	DHCP_TAG_DOMAIN = 15,
	DHCP_TAG_ROOT_PATH = 17,
	DHCP_TAG_VENDOR = 43,
	DHCP_TAG_OVERLOAD = 52,
	DHCP_TAG_TYPE = 53,
	DHCP_TAG_SERVER_ID = 54,
	DHCP_TAG_REQUEST_LIST = 55,
	DHCP_TAG_VENDOR_CLASS = 60,
	DHCP_TAG_TFTP_SERVER = 66,
	DHCP_TAG_BOOT_FILE = 67,
	DHCP_TAG_USER_CLASS = 77,
	DHCP_TAG_ARCHITECTURE = 93,
	DHCP_TAG_NETWORK_INTERFACE = 94,
	DHCP_TAG_UUID = 97,
	DHCP_TAG_IPXE = 175,
};

/* -- Reading */

/*
 * The value of an option, pieces joined (RFC 3396), in the fields that option 52 opens, too. Its length,
 * of which at most `room` bytes are copied, or -ENOENT, or -EBADMSG for a message that is none.
 */
int dhcp_message_option(const uint8_t *message, size_t length, uint8_t tag, uint8_t *value,
			size_t room);
/* The same within the value of option 43 or 175. */
int dhcp_message_suboption(const uint8_t *options, size_t length, uint8_t tag, uint8_t *value,
			   size_t room);

/* What a message says about booting. */
struct dhcp_boot {
	uint8_t type;
	uint32_t your_address;
	uint32_t next_server; /* the header's */
	uint32_t server_id;
	char server_name[DHCP_TEXT_MAX]; /* option 66, or the header's name; "" */
	char file[DHCP_TEXT_MAX];	 /* option 67, or the header's file; "" */
	/* PXE's options in option 43; only of a server whose option 60 says PXEClient. */
	bool pxe;
	bool use_file; /* discovery control: boot the file, ask nobody */
	bool has_item;
	uint16_t item; /* the first of the menu; 0: the local disk */
	unsigned int server_count;
	uint32_t servers[DHCP_BOOT_SERVERS_MAX]; /* for that item */
};

/* 0, or -EBADMSG and what is wrong in *why (a constant text). */
int dhcp_boot_parse(struct dhcp_boot *boot, const uint8_t *message, size_t length,
		    const char **why);

/*
 * The URL of the boot file: the name itself when it is one, else that of TFTP at the server. `fallback`
 * is the server when the message names none. 0, -ENOENT (no file), -ENAMETOOLONG, -EDESTADDRREQ (no
 * server).
 */
int dhcp_boot_url(char *url, size_t size, const struct dhcp_boot *boot, uint32_t fallback);

/* "192.0.2.1" */
#define DHCP_ADDRESS_TEXT 16
const char *dhcp_address_text(char text[static DHCP_ADDRESS_TEXT], uint32_t address);

/* -- Writing */

/* What a boot server sees of us. */
struct dhcp_client {
	const char *vendor_class; /* "PXEClient:Arch:00000:UNDI:002001" */
	uint16_t architecture;	  /* RFC 4578, 2.1 */
	const uint8_t *uuid;	  /* 16 bytes, or NULL */
	const char *user_class;	  /* "iPXE"; "": none, and no option 175 either */
	bool https;
};

/*
 * Adds to the options of a message, of which `used` bytes are there and at most `room` may be: those of
 * the client, and, to its option 55, what a boot server may tell. The new length; `used` when there is no
 * room.
 */
size_t dhcp_client_options(uint8_t *options, size_t used, size_t room,
			   const struct dhcp_client *client);

/*
 * PXE's request for a boot item to a boot server (PXE 2.1, 2.4.5): the whole message. Its length, 0 when
 * there is no room.
 */
size_t dhcp_item_request(uint8_t *message, size_t room, const struct dhcp_client *client,
			 const uint8_t mac[6], uint32_t address, uint32_t transaction,
			 uint16_t item);

#endif
