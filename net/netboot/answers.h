/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What DHCP servers answered on each interface, as it came; and what our requests say of us. Requests
 * carry that only once netboot_identify() was called or run=netboot is on the command line: other
 * guests shall not look like PXE clients.
 */
#ifndef NET_NETBOOT_ANSWERS_H
#define NET_NETBOOT_ANSWERS_H

#include "net/lwip/interface.h"
#include "net/netboot/dhcp_message.h"

#include <stdbool.h>
#include <stdint.h>

/* Lengths are 0 for what did not come. */
struct boot_answers {
	uint16_t ack_length;   /* the acknowledgement of our address */
	uint16_t proxy_length; /* an offer without an address: a PXE proxy's */
	uint16_t item_length;  /* a boot server's answer to answers_ask_item() */
	uint32_t proxy_from, item_from;
	uint64_t ack_at; /* clock_monotonic() */
	uint8_t ack[DHCP_MESSAGE_MAX];
	uint8_t proxy[DHCP_MESSAGE_MAX];
	uint8_t item[DHCP_MESSAGE_MAX];
};

/* Requests say from now on what boot servers look for. Context: any. */
void netboot_identify(void);

/* Who we say that we are. Thread context. */
const struct dhcp_client *netboot_client(void);

/* Whether UEFI booted us. */
bool netboot_is_efi(void);

/* A copy of what came on the interface so far; all zeroes when nothing did. Thread context. */
void answers_copy(struct interface *interface, struct boot_answers *answers);

/* Asks the DHCP servers of the link anew, and forgets what they said. Thread context. */
void answers_ask(struct interface *interface);

/*
 * Asks a boot server (port 4011) for an item of its menu, a few times; what it says is in answers->item.
 * 0, -ETIMEDOUT, -EINTR, -ENOMEM. Thread context.
 */
int answers_ask_item(struct interface *interface, uint32_t server, uint16_t item,
		     bool (*interrupted)(void));

/* Sleeps until something came on any interface, at most so many nanoseconds. Thread context. */
void answers_wait(uint64_t nanoseconds);

#endif
