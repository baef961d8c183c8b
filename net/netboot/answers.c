/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/answers.h"

#include "drivers/platform/smbios.h"
#include "kernel/main.h"
#include "kernel/options/options.h"
#include "kernel/random/random.h"
#include "kernel/time/clock.h"
#include "lwip/dhcp.h"
#include "lwip/prot/dhcp.h"
#include "lwip/tcpip.h"
#include "lwip/udp.h"
#include "net/lwip/dhcp_extension.h"
#include "net/netboot/transfer.h"
#include "net/tls/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_PORT 68
#define BOOT_SERVER_PORT 4011
#define ITEM_TRIES 4
#define ITEM_PATIENCE NANOSECONDS_PER_SECOND /* for each of them */
#define ITEM_STEP (50 * NANOSECONDS_PER_MILLISECOND)
#define ARCHITECTURE_BIOS 0
#define ARCHITECTURE_EFI 7 /* x86-64, as its firmware says it */
#define ARCHITECTURE_EFI_HTTP 16

static bool check_vendor_class(const char *value)
{
	return option_one_of(value, "PXEClient|HTTPClient");
}

static bool check_user_class(const char *value)
{
	return strlen(value) < 64;
}

OPTION(netboot_vendorclass, "netboot.vendorclass", "PXEClient|HTTPClient",
       "the vendor class in DHCP requests (default: PXEClient)", check_vendor_class);
OPTION(netboot_userclass, "netboot.userclass", "TEXT",
       "the user class in DHCP requests; empty: none (default: iPXE)", check_user_class);

/* What is kept of each interface; under the core lock. */
struct kept {
	struct kept *next;
	struct interface *interface;
	uint32_t item_transaction; /* 0: none was asked for */
	struct boot_answers answers;
};

static struct kept *all_kept;
static bool identified;
static struct wait_queue waiters = WAIT_QUEUE_INIT;
static uint32_t changes;

void netboot_identify(void)
{
	__atomic_store_n(&identified, true, __ATOMIC_RELEASE);
}

bool netboot_is_efi(void)
{
	return !strcmp(boot_information()->method, "efi");
}

const struct dhcp_client *netboot_client(void)
{
	static struct dhcp_client client;
	const struct smbios *machine = smbios_get();
	bool efi = netboot_is_efi();

	client.architecture = efi ? ARCHITECTURE_EFI : ARCHITECTURE_BIOS;
	client.vendor_class =
		efi ? "PXEClient:Arch:00007:UNDI:002001" : "PXEClient:Arch:00000:UNDI:002001";
	/* Servers know web booting as UEFI's only. */
	if (!strcmp(option_get("netboot.vendorclass", "PXEClient"), "HTTPClient")) {
		client.architecture = ARCHITECTURE_EFI_HTTP;
		client.vendor_class = "HTTPClient:Arch:00016:UNDI:003001";
	}
	client.uuid = machine->uuid_present ? machine->uuid : NULL;
	client.user_class = option_get("netboot.userclass", "iPXE");
	client.https = tls_linked();
	return &client;
}

/* NULL: no memory. */
static struct kept *kept_of(struct interface *interface)
{
	struct kept *kept = all_kept;

	while (kept && kept->interface != interface)
		kept = kept->next;
	if (kept)
		return kept;
	kept = calloc(1, sizeof(*kept));
	if (!kept)
		return NULL;
	kept->interface = interface;
	kept->next = all_kept;
	all_kept = kept;
	return kept;
}

static void changed(void)
{
	__atomic_fetch_add(&changes, 1, __ATOMIC_RELEASE);
	wait_wake(&waiters);
}

void answers_wait(uint64_t nanoseconds)
{
	uint32_t before = __atomic_load_n(&changes, __ATOMIC_ACQUIRE);

	(void)wait_event_timeout(&waiters, __atomic_load_n(&changes, __ATOMIC_ACQUIRE) != before,
				 nanoseconds);
}

/* -- Under the core lock: the extension of lwIP's client */

static bool is_identified(void)
{
	return __atomic_load_n(&identified, __ATOMIC_ACQUIRE) ||
	       !strcmp(option_get("run", ""), "netboot");
}

static size_t append(struct interface *interface, uint8_t *options, size_t used, size_t room)
{
	(void)interface;
	return is_identified() ? dhcp_client_options(options, used, room, netboot_client()) : used;
}

static void keep(uint8_t *place, uint16_t *place_length, const uint8_t *message, size_t length)
{
	memcpy(place, message, length);
	*place_length = (uint16_t)length;
	changed();
}

static bool received(struct interface *interface, const uint8_t *message, size_t length,
		     uint32_t transaction, uint32_t from)
{
	const struct dhcp *dhcp = netif_dhcp_data(&interface->netif);
	bool nothing_offered = !(message[16] | message[17] | message[18] | message[19]);
	struct kept *kept;
	uint8_t type;

	if (length > DHCP_MESSAGE_MAX ||
	    dhcp_message_option(message, length, DHCP_TAG_TYPE, &type, 1) != 1)
		return false;
	/* An offer of no address is none to lwIP's client, whoever we are. */
	if (!is_identified())
		return type == DHCP_TYPE_OFFER && nothing_offered;
	kept = kept_of(interface);
	if (!kept)
		return false;
	if (kept->item_transaction && transaction == kept->item_transaction) {
		if (type != DHCP_TYPE_ACK)
			return true;
		kept->answers.item_from = from;
		keep(kept->answers.item, &kept->answers.item_length, message, length);
		return true;
	}
	if (!dhcp || dhcp->xid != transaction)
		return false;
	if (type == DHCP_TYPE_OFFER && nothing_offered) {
		/* The first proxy counts. */
		if (!kept->answers.proxy_length) {
			kept->answers.proxy_from = from;
			keep(kept->answers.proxy, &kept->answers.proxy_length, message, length);
		}
		return true;
	}
	if (type == DHCP_TYPE_ACK && !nothing_offered) {
		kept->answers.ack_at = clock_monotonic();
		keep(kept->answers.ack, &kept->answers.ack_length, message, length);
	}
	return false;
}

DHCP_EXTENSION(netboot, append, received);

/* -- Threads */

void answers_copy(struct interface *interface, struct boot_answers *answers)
{
	struct kept *kept;

	LOCK_TCPIP_CORE();
	kept = kept_of(interface);
	if (kept)
		*answers = kept->answers;
	else
		memset(answers, 0, sizeof(*answers));
	UNLOCK_TCPIP_CORE();
}

void answers_ask(struct interface *interface)
{
	struct kept *kept;

	netboot_identify();
	LOCK_TCPIP_CORE();
	kept = kept_of(interface);
	if (kept) {
		memset(&kept->answers, 0, sizeof(kept->answers));
		kept->item_transaction = 0;
	}
	(void)dhcp_start(&interface->netif);
	UNLOCK_TCPIP_CORE();
}

/* From port 68, to which the answer is awaited by received(); lwIP's client has bound it. */
static int send_item_request(struct kept *kept, uint32_t server, uint16_t item)
{
	struct netif *netif = &kept->interface->netif;
	struct udp_pcb *pcb = udp_new_ip_type(IPADDR_TYPE_V4);
	struct pbuf *packet = pbuf_alloc(PBUF_TRANSPORT, DHCP_MESSAGE_MAX, PBUF_RAM);
	int error = -ENOMEM;

	if (pcb && packet) {
		ip_addr_t to = IPADDR4_INIT(lwip_htonl(server));
		size_t length =
			dhcp_item_request(packet->payload, DHCP_MESSAGE_MAX, netboot_client(),
					  netif->hwaddr,
					  lwip_ntohl(ip4_addr_get_u32(netif_ip4_addr(netif))),
					  kept->item_transaction, item);

		pbuf_realloc(packet, (u16_t)length);
		pcb->local_port = CLIENT_PORT;
		error = length && udp_sendto_if(pcb, packet, &to, BOOT_SERVER_PORT, netif) == ERR_OK
				? 0
				: -EIO;
	}
	if (packet)
		pbuf_free(packet);
	if (pcb)
		udp_remove(pcb);
	return error;
}

static bool item_came(struct kept *kept)
{
	return __atomic_load_n(&kept->answers.item_length, __ATOMIC_ACQUIRE);
}

int answers_ask_item(struct interface *interface, uint32_t server, uint16_t item,
		     bool (*interrupted)(void))
{
	struct kept *kept;

	LOCK_TCPIP_CORE();
	kept = kept_of(interface);
	if (kept) {
		kept->answers.item_length = 0;
		kept->item_transaction = random_u32() | 1;
	}
	UNLOCK_TCPIP_CORE();
	if (!kept)
		return -ENOMEM;
	for (unsigned int try = 0; try < ITEM_TRIES; try++) {
		uint64_t deadline = clock_monotonic() + ITEM_PATIENCE;

		LOCK_TCPIP_CORE();
		(void)send_item_request(kept, server, item);
		UNLOCK_TCPIP_CORE();
		while (!item_came(kept) && clock_monotonic() < deadline) {
			answers_wait(ITEM_STEP);
			if (interrupted && interrupted())
				return -EINTR;
		}
		if (item_came(kept))
			return 0;
	}
	return -ETIMEDOUT;
}
