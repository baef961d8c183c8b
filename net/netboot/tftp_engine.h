/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a file by TFTP (RFC 1350, 2347, 2348, 2349, 7440), without a network: packets in, packets and
 * data out, and when it wants to be woken.
 *
 *	tftp_start()	the request goes to the server's well-known port
 *	tftp_packet()	whatever came from a port of the server, in one piece or in several
 *	tftp_timeout()	nothing came until engine->deadline
 *
 * Both of the latter and tftp_start() may send, by operations->send. The first port that answers is the
 * server's for this transfer (its TID); whoever else answers is told so and ignored.
 *
 * A window is acknowledged when its last block came, and once when a block is missing: the server goes on
 * from there. A block that came before its turn is held, not copied, and the missing one has a moment to
 * come late, so that a network that reorders costs nothing (RFC 7440, 3: only what is lost must be sent
 * again). A block that comes again is answered only when the last acknowledgement is
 * so long ago that it may have been lost; what the network doubles is not, so that duplicates never
 * breed (the sorcerer's apprentice, RFC 1123, 4.2.3.1).
 *
 * Context: any, one at a time for each engine.
 */
#ifndef NET_NETBOOT_TFTP_ENGINE_H
#define NET_NETBOOT_TFTP_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TFTP_PORT 69
#define TFTP_BLOCK_DEFAULT 512
#define TFTP_BLOCK_MAX 65464
#define TFTP_WINDOW_MAX 65535
#define TFTP_FILE_MAX 1024
#define TFTP_REQUEST_MAX (TFTP_FILE_MAX + 128)
#define TFTP_ERROR_TEXT_MAX 160
#define TFTP_HELD_MAX 64 /* blocks before their turn */

/* A packet, as the pieces in which it lies. */
struct tftp_piece {
	const uint8_t *bytes;
	size_t length;
};

struct tftp_operations {
	/* Sends to a port of the server. That it fails is as if the packet was lost. */
	void (*send)(void *context, uint16_t port, const void *packet, size_t length);
	/*
	 * What is sent from here on has another port of ours (our TID): what still comes to the one before is about what
	 * is over. Without another it stays.
	 */
	void (*renew)(void *context);
	/* The size that the server says, once, before data. 0, or an error that ends it. */
	int (*size)(void *context, uint64_t size);
	/* Data in order. 0, or an error that ends it. */
	int (*data)(void *context, const uint8_t *bytes, size_t length);
	/*
	 * For blocks before their turn, with the `packet` of tftp_packet(): keep it (false: not now), tell
	 * its pieces again, which are good until the next call, and let it go. Without `hold` such blocks
	 * are dropped.
	 */
	bool (*hold)(void *context, void *packet);
	const struct tftp_piece *(*held)(void *context, void *packet, size_t *count);
	void (*drop)(void *context, void *packet);
};

enum tftp_state { TFTP_REQUESTED, TFTP_RECEIVING, TFTP_DONE, TFTP_FAILED };

struct tftp_engine {
	const struct tftp_operations *operations;
	void *context;
	/* Asked for. Options that are as the protocol's defaults are not asked for. */
	const char *file;
	uint16_t block_wanted, window_wanted;
	uint64_t patience; /* nanoseconds without anything new; then it has failed */

	enum tftp_state state;
	uint64_t deadline; /* when to call tftp_timeout() */
	uint64_t bytes;
	int error;			/* negative errno when it has failed */
	char text[TFTP_ERROR_TEXT_MAX]; /* and what to say about it */

	/* The engine's own. */
	uint16_t port; /* the server's TID; 0: not known */
	uint16_t server_port;
	uint32_t block, window;
	uint16_t expected;  /* number of the block that comes next */
	uint32_t in_window; /* blocks since the last acknowledgement */
	bool asked_again;   /* a gap of this window was told */
	bool awaits_late;   /* or not yet: the missing block may be late, until the deadline */
	uint32_t ahead;	    /* blocks that came before the one that is missing */
	/* Before their turn, each at its number modulo TFTP_HELD_MAX. */
	void *held[TFTP_HELD_MAX];
	uint32_t held_count;
	size_t held_bytes;
	bool plain; /* without options: the server did not want them */
	uint64_t last_news, last_sent, interval;
	uint32_t retransmissions, duplicates, gaps;
};

/*
 * `file`, `operations`, `context`, the two wishes and `patience` are set, nothing is held; everything else is
 * set here.
 * `port`: where requests go. 0, or -ENAMETOOLONG.
 */
int tftp_start(struct tftp_engine *engine, uint16_t port, uint64_t now);
/*
 * A packet came from this port of the server's address. `packet`: what operations->hold() is to know it by;
 * it is the caller's unless that was called and said true.
 */
void tftp_packet(struct tftp_engine *engine, uint16_t port, const struct tftp_piece *pieces,
		 size_t count, void *packet, uint64_t now);
void tftp_timeout(struct tftp_engine *engine, uint64_t now);
/* Tells the server that nobody listens any more, if it is not done, and lets go what is held. */
void tftp_stop(struct tftp_engine *engine, const char *why);

#endif
