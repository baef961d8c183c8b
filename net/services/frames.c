/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other end of the benchmark `net`: answers frames of drivers/net/experiment.h. Nothing is sent that
 * was not asked for, at most EXPERIMENT_COUNT_MAX frames for one, and only to who asked.
 */
#include "drivers/net/experiment.h"
#include "lwip/netif.h"
#include "lwip/prot/ethernet.h"
#include "lwip_hooks.h"
#include "net/lwip/interface.h"
#include "net/services/service.h"

#include <string.h>

#define HEAD (EXPERIMENT_ETHERNET + sizeof(struct experiment))
#define SOURCE ETH_HWADDR_LEN /* where the sender's address is */

static int start(void);
SERVICE(frames, "EtherType 0x88b5", "sends frames, or sends them back, for the benchmark net",
	start);

/* Makes the frame its own answer, from us to the sender. */
static void turn(uint8_t *frame, const struct netif *netif, enum experiment_kind question)
{
	struct experiment *experiment = (struct experiment *)(frame + EXPERIMENT_ETHERNET);

	memmove(frame, frame + SOURCE, ETH_HWADDR_LEN);
	memcpy(frame + SOURCE, netif->hwaddr, ETH_HWADDR_LEN);
	experiment->kind = (uint8_t)(question + 1);
}

static void send(struct netif *netif, struct pbuf *frame)
{
	if (netif->linkoutput(netif, frame) == ERR_OK)
		counters.bytes_sent += frame->tot_len;
}

/* The same frame so many times: its memory is lent to the device more than once, but for frames that get a tag. */
static void send_many(struct netif *netif, const struct pbuf *question, unsigned int count,
		      u16_t length)
{
	struct pbuf *frame = pbuf_alloc(PBUF_RAW_TX, length, PBUF_RAM);

	if (!frame)
		return;
	memset(frame->payload, 0, length);
	memcpy(frame->payload, question->payload, HEAD);
	turn(frame->payload, netif, EXPERIMENT_SEND);
	for (unsigned int i = 0; i < count; i++) {
		struct pbuf *one = frame;

		if (((struct interface *)netif)->vlan)
			one = pbuf_clone(PBUF_RAW_TX, PBUF_RAM, frame);
		if (!one)
			break;
		send(netif, one);
		if (one != frame)
			pbuf_free(one);
	}
	pbuf_free(frame);
}

bool network_experiment_in(struct pbuf *frame, struct netif *netif)
{
	struct experiment experiment;
	const uint8_t *bytes = frame->payload;

	if (!counters.listening || frame->len < HEAD ||
	    bytes[12] << 8 != (EXPERIMENT_TYPE & 0xff00) || bytes[13] != (EXPERIMENT_TYPE & 0xff))
		return false;
	memcpy(&experiment, bytes + EXPERIMENT_ETHERNET, sizeof(experiment));
	/* Never to many: two that answer to all would not stop. */
	if (memcmp(experiment.magic, EXPERIMENT_MAGIC, 4) || bytes[SOURCE] & 1)
		return false;
	if (experiment.kind != EXPERIMENT_WHO && memcmp(bytes, netif->hwaddr, ETH_HWADDR_LEN))
		return false;
	counters.requests++;
	counters.bytes_received += frame->tot_len;
	switch (experiment.kind) {
	case EXPERIMENT_WHO:
	case EXPERIMENT_LOOP:
		turn(frame->payload, netif, experiment.kind);
		send(netif, frame);
		break;
	case EXPERIMENT_SEND:
		if (experiment.count <= EXPERIMENT_COUNT_MAX &&
		    experiment.length >= EXPERIMENT_FRAME_MIN &&
		    experiment.length <= EXPERIMENT_FRAME_MAX)
			send_many(netif, frame, experiment.count, experiment.length);
		break;
	default:
		break;
	}
	pbuf_free(frame);
	return true;
}

/* What comes is given to us by lwIP: net/lwip/include/lwip_hooks.h. */
static int start(void)
{
	return 0;
}
