/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TFTP over the network: the engine runs where packets come in, under the core lock, so that a block is
 * acknowledged from within the same batch of packets that it came with. Who asked for the file only waits,
 * and tells the engine what time it is.
 */
#include "kernel/cold/cold.h"
#include "kernel/console/log.h"
#include "kernel/options/options.h"
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"
#include "lwip/tcpip.h"
#include "lwip/udp.h"
#include "net/netboot/resolve.h"
#include "net/netboot/tftp_engine.h"
#include "net/netboot/transfer.h"
#include "net/netboot/url.h"

#include <errno.h>
#include <string.h>

#define LOG_AREA "tftp"
#define HEADERS_V4 32u /* IPv4, UDP, TFTP */
#define HEADERS_V6 52u
#define BLOCK_LEAST 8
#define WINDOW_DEFAULT 64
#define WINDOW_MOST 1024
#define PIECES_MAX 128
#define AWAKE (500 * NANOSECONDS_PER_MICROSECOND)

static RESIDENT bool check_block(const char *value)
{
	uint64_t bytes;

	return option_parse_number(value, &bytes) && bytes >= BLOCK_LEAST &&
	       bytes <= TFTP_BLOCK_MAX;
}
OPTION(netboot_blksize, "netboot.blksize", "8..65464",
       "TFTP block size to ask for (default: what fits into a frame)", check_block);

static RESIDENT bool check_window(const char *value)
{
	uint64_t blocks;

	return option_parse_number(value, &blocks) && blocks && blocks <= WINDOW_MOST;
}
OPTION(netboot_windowsize, "netboot.windowsize", "1..1024",
       "TFTP blocks to ask for at once, where the server can (default: 64)", check_window);
_Static_assert(WINDOW_DEFAULT == 64 && WINDOW_MOST == 1024 && TFTP_BLOCK_MAX == 65464,
	       "as their help says");

struct client {
	struct tftp_engine engine;
	struct transfer *transfer;
	struct udp_pcb *pcb;
	ip_addr_t server;
	struct netif *netif;
	struct wait_queue wait;
	struct tftp_piece pieces[PIECES_MAX]; /* of the packet that is looked at */
};

static void send_packet(void *context, uint16_t port, const void *packet, size_t length)
{
	struct client *client = context;
	struct pbuf *pbuf = pbuf_alloc(PBUF_TRANSPORT, (u16_t)length, PBUF_RAM);

	if (!pbuf)
		return;
	memcpy(pbuf->payload, packet, length);
	udp_sendto(client->pcb, pbuf, &client->server, port);
	pbuf_free(pbuf);
}

static err_t bind_any(struct client *client)
{
	return udp_bind(client->pcb, IP_IS_V6(&client->server) ? IP6_ADDR_ANY : IP4_ADDR_ANY, 0);
}

static void renew_port(void *context)
{
	(void)bind_any(context);
}

static int take_size(void *context, uint64_t size)
{
	struct client *client = context;

	return transfer_size(client->transfer, size);
}

static int take_data(void *context, const uint8_t *bytes, size_t length)
{
	struct client *client = context;

	return transfer_write(client->transfer, bytes, length);
}

/* 0: it lies in more pieces than there is room for. */
static size_t list_pieces(struct client *client, const struct pbuf *packet)
{
	size_t count = 0;

	for (; packet; packet = packet->next) {
		if (count == PIECES_MAX)
			return 0;
		client->pieces[count++] = (struct tftp_piece){packet->payload, packet->len};
	}
	return count;
}

static bool hold_packet(void *context, void *packet)
{
	(void)context;
	pbuf_ref(packet);
	return true;
}

static const struct tftp_piece *held_packet(void *context, void *packet, size_t *count)
{
	struct client *client = context;

	*count = list_pieces(client, packet);
	return client->pieces;
}

static void drop_packet(void *context, void *packet)
{
	(void)context;
	pbuf_free(packet);
}

static const struct tftp_operations operations = {
	.send = send_packet,
	.renew = renew_port,
	.size = take_size,
	.data = take_data,
	.hold = hold_packet,
	.held = held_packet,
	.drop = drop_packet,
};

static bool is_over(const struct client *client)
{
	enum tftp_state state = __atomic_load_n(&client->engine.state, __ATOMIC_ACQUIRE);

	return state == TFTP_DONE || state == TFTP_FAILED;
}

static void on_packet(void *argument, struct udp_pcb *pcb, struct pbuf *packet,
		      const ip_addr_t *from, u16_t port)
{
	struct client *client = argument;

	(void)pcb;
	if (ip_addr_cmp_zoneless(from, &client->server) && port) {
		uint64_t deadline = client->engine.deadline;
		size_t count = list_pieces(client, packet);

		/* One in more pieces than that is as if it had been lost. */
		if (count)
			tftp_packet(&client->engine, port, client->pieces, count, packet,
				    clock_monotonic());
		if (is_over(client) || client->engine.window == 1 ||
		    client->engine.deadline < deadline)
			wait_wake(&client->wait);
	}
	pbuf_free(packet);
}

/* What fits into one frame on the way out, which is as good a guess as any about the way back. */
static uint16_t block_that_fits(const struct client *client)
{
	const struct netif *netif =
		client->netif ? client->netif : ip_route(&client->pcb->local_ip, &client->server);
	unsigned int headers = IP_IS_V6(&client->server) ? HEADERS_V6 : HEADERS_V4;

	if (!netif || netif->mtu < headers + TFTP_BLOCK_DEFAULT)
		return TFTP_BLOCK_DEFAULT;
	return (uint16_t)(netif->mtu - headers);
}

/* Under the core lock. */
static int start(struct client *client, uint16_t port)
{
	struct tftp_engine *engine = &client->engine;

	client->pcb = udp_new_ip_type(IP_GET_TYPE(&client->server));
	if (!client->pcb || bind_any(client) != ERR_OK)
		return -ENOMEM;
	if (client->netif)
		udp_bind_netif(client->pcb, client->netif);
	else if (!ip_route(&client->pcb->local_ip, &client->server))
		return -ENETUNREACH;
	udp_recv(client->pcb, on_packet, client);
	engine->operations = &operations;
	engine->context = client;
	engine->patience = transfer_patience();
	engine->window_wanted =
		(uint16_t)option_number("netboot.windowsize", 1, WINDOW_MOST, WINDOW_DEFAULT);
	engine->block_wanted = (uint16_t)option_number("netboot.blksize", BLOCK_LEAST,
						       TFTP_BLOCK_MAX, block_that_fits(client));
	return tftp_start(engine, port, clock_monotonic());
}

/*
 * With one block to a window the time of a file is that of its round trips, and a CPU that is halted takes
 * longer to wake up than a server takes to answer. So it is awaited awake, for as long as an answer
 * that is worth it takes.
 */
static bool answer_is_near(const struct client *client, uint64_t now)
{
	const struct tftp_engine *engine = &client->engine;

	return __atomic_load_n(&engine->window, __ATOMIC_RELAXED) == 1 &&
	       now - __atomic_load_n(&engine->last_sent, __ATOMIC_RELAXED) < AWAKE;
}

static uint64_t deadline_of(const struct client *client)
{
	return __atomic_load_n(&client->engine.deadline, __ATOMIC_RELAXED);
}

static int look_after(struct client *client)
{
	struct tftp_engine *engine = &client->engine;
	int status = transfer_tick(client->transfer);
	uint64_t now;

	LOCK_TCPIP_CORE();
	now = clock_monotonic();
	if (now >= engine->deadline)
		tftp_timeout(engine, now);
	UNLOCK_TCPIP_CORE();
	return status;
}

static int wait_for_end(struct client *client)
{
	uint64_t now = clock_monotonic(), look = now + TRANSFER_TICK;
	int status = 0;

	for (; !status && !is_over(client); now = clock_monotonic()) {
		uint64_t deadline = deadline_of(client);

		if (deadline > look)
			deadline = look;
		if (now >= deadline) {
			status = look_after(client);
			look = clock_monotonic() + TRANSFER_TICK;
		} else if (answer_is_near(client, now)) {
			thread_yield();
		} else {
			wait_event_deadline(&client->wait,
					    is_over(client) ||
						    answer_is_near(client, clock_monotonic()) ||
						    deadline_of(client) < deadline,
					    deadline);
		}
	}
	return status;
}

/* From one address of the server. -ENETUNREACH, -ETIMEDOUT before anything came: no line yet. */
static int get_from(struct client *client, uint16_t port)
{
	struct transfer *transfer = client->transfer;
	struct tftp_engine *engine = &client->engine;
	int status;

	LOCK_TCPIP_CORE();
	status = start(client, port);
	UNLOCK_TCPIP_CORE();
	if (!status)
		status = wait_for_end(client);
	LOCK_TCPIP_CORE();
	if (client->pcb) {
		tftp_stop(engine, "not wanted any more");
		udp_remove(client->pcb);
	}
	client->pcb = NULL;
	UNLOCK_TCPIP_CORE();
	log_info(
		"%s: blocks of %u, window %u: %u times asked again, %u blocks twice, %u out of order",
		engine->file, (unsigned int)engine->block, (unsigned int)engine->window,
		(unsigned int)engine->retransmissions, (unsigned int)engine->duplicates,
		(unsigned int)engine->gaps);
	if (status)
		return status;
	if (engine->state == TFTP_DONE)
		return 0;
	if (engine->error == -ETIMEDOUT && !engine->port)
		return -ETIMEDOUT;
	/* What the sink said stands there already. */
	return transfer_fail(transfer, engine->error, "%s", engine->text);
}

static int tftp_get(struct transfer *transfer, const struct url *url)
{
	struct client client = {.transfer = transfer};
	struct resolver resolver;
	char file[TFTP_FILE_MAX];
	int failure = 0, status;

	/* The path is below the server's root, whatever that is: "/boot/linux" is the file boot/linux. */
	if (url_decode(file, sizeof(file), url->path + 1))
		return transfer_fail(transfer, -EINVAL, "that is no file's name of TFTP");
	if (!file[0])
		return transfer_fail(transfer, -EINVAL, "there is no file's name in it");
	status = resolve_begin(&resolver, transfer, url);
	if (status)
		return status;
	client.engine.file = file;
	wait_queue_init(&client.wait);
	while (!(status = resolve_next(&resolver, &client.server))) {
		client.netif = resolver.netif;
		status = get_from(&client, url->port ? url->port : TFTP_PORT);
		if (status != -ETIMEDOUT && status != -ENETUNREACH && status != -ENOMEM)
			return status;
		if (transfer->error[0])
			return status;
		if (!failure || status != -ENETUNREACH)
			failure = status;
	}
	if (status != -ENOENT || !failure)
		return status;
	if (failure == -ETIMEDOUT)
		return transfer_fail(transfer, failure, "%s", client.engine.text);
	return transfer_fail(transfer, failure, "%s",
			     failure == -ENOMEM ? "no memory" : "there is no route to the server");
}

TRANSFER_SCHEME(tftp, tftp_get);
