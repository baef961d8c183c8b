/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Getting a file from a URL: http, https, tftp, and module (what the VMM loaded beside us).
 *
 *	struct transfer transfer = {.url = "http://10.0.2.2/vmlinuz", .sink = &sink};
 *	error = transfer_run(&transfer);	a thread that may wait
 *
 * The sink gets the bytes in order, straight from the packets: what is not copied there is not copied at
 * all. A broken connection is taken up again where it broke (HTTP ranges); where that cannot be, the
 * sink is told to begin again. No transfer takes for ever: a server that says nothing for
 * transfer_patience() is given up, and everything ends in success or in one line in `error`.
 */
#ifndef NET_NETBOOT_TRANSFER_H
#define NET_NETBOOT_TRANSFER_H

#include "kernel/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRANSFER_URL_MAX 2048
#define TRANSFER_ERROR_MAX 256
#define SHA256_SIZE 32

/*
 * Each returns 0, or a negative errno with which the transfer ends; `message` then says why, or "".
 *
 * Called in threads, one call at a time, but mostly in the one that receives packets and under the
 * network's lock, so that nothing lies between the packet and the sink. So they may allocate and copy;
 * they must not use the network, wait for it, or need more than some KiB of stack.
 */
struct transfer_sink {
	/* How many bytes there will be. Not called when the server does not say. */
	int (*size)(struct transfer_sink *sink, uint64_t size);
	int (*write)(struct transfer_sink *sink, const void *bytes, size_t length);
	/* What was written is void; it comes again from the first byte. */
	int (*restart)(struct transfer_sink *sink);
	/* The reason of the last error, for people; NULL or a function that may return "". */
	const char *(*message)(struct transfer_sink *sink);
	bool copies; /* write() copies the bytes: they are counted as copied */
};

struct transfer_state;

struct transfer {
	const char *url;
	struct transfer_sink *sink;
	const uint8_t
		*sha256; /* what the whole file must have, SHA256_SIZE bytes; NULL: not checked */
	const char *interface; /* goes out by this one ("eth0"); NULL: as the routes say */
	bool progress;	       /* a line with rate and time left, on the console, while it lasts */
	bool (*interrupted)(void); /* asked now and then: true ends it with -EINTR. May be NULL */
	uint8_t *sum; /* gets the sha256 of what came, SHA256_SIZE bytes; NULL: nobody wants it */

	/* Results. */
	uint64_t bytes; /* that the sink got */
	uint64_t time;	/* nanoseconds, from the name's look-up to the last byte */
	unsigned int resumed;
	char final_url[TRANSFER_URL_MAX]; /* after redirects: what relative names are relative to */
	char error[TRANSFER_ERROR_MAX];	  /* which step failed, and what the server said; "" */

	struct transfer_state *state; /* transfer.c's */
};

/*
 * 0; -EINVAL (not a URL of a known scheme), -ENOENT (the server does not have it), -ETIMEDOUT,
 * -ECONNREFUSED, -EPROTO, -EBADMSG (another sha256, or another length than was said), -EINTR, -EACCES
 * (certificate), or what the sink returned. Thread context.
 */
int transfer_run(struct transfer *transfer);

/* -- For those who make a scheme: one file each, which registers itself. */
struct url;

struct transfer_scheme {
	const char *name; /* "http" */
	/*
	 * Gets transfer->url, which is parsed already, into transfer_write() and so on below. Sets
	 * transfer->error with transfer_fail().
	 */
	int (*get)(struct transfer *transfer, const struct url *url);
};

TABLE_DECLARE(transfer_schemes, struct transfer_scheme);

#define TRANSFER_SCHEME(identifier, function)                                                      \
	TABLE_ENTRY(transfer_schemes, struct transfer_scheme,                                      \
		    transfer_scheme_##identifier) = {.name = #identifier, .get = (function)}

/*
 * The way of a scheme to the sink: counts, hashes. When one fails it has written the error's line. A
 * size that was announced is held against what comes; more is -EBADMSG.
 */
int transfer_size(struct transfer *transfer, uint64_t size);
int transfer_write(struct transfer *transfer, const void *bytes, size_t length);
int transfer_restart(struct transfer *transfer);

/*
 * To be called by whoever waits for the network, at least each TRANSFER_TICK: shows progress. -EINTR,
 * with its line, when the user has had enough; or 0. Thread context, without the network's lock.
 */
#define TRANSFER_TICK (100 * 1000000ULL) /* nanoseconds */
int transfer_tick(struct transfer *transfer);

/* Nanoseconds that a server may say nothing (netboot.timeout=). */
uint64_t transfer_patience(void);

/* Writes the error's line, after the URL, unless there is one already. Returns `error`. */
int transfer_fail(struct transfer *transfer, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "http://host/file: 1048576 bytes in 0.012 s, 87.3 MB/s", of one that succeeded. */
#define TRANSFER_SUMMARY_MAX 256
void transfer_summary(const struct transfer *transfer, char text[TRANSFER_SUMMARY_MAX]);

#endif
