/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection to the server of a URL, plain or by TLS. One that is given back whole is kept for a while
 * for the next file of the same server. Thread context.
 */
#ifndef NET_NETBOOT_CONNECTION_H
#define NET_NETBOOT_CONNECTION_H

#include "net/netboot/input.h"
#include "net/netboot/transfer.h"
#include "net/netboot/url.h"

struct connection;

/* 0, or an error with its line. The connection must be given back by connection_close(). */
int connection_open(struct connection **connection, struct transfer *transfer,
		    const struct url *url, uint16_t port, bool secure);
/* Whether it was kept: its server may have closed it meanwhile. */
bool connection_was_kept(const struct connection *connection);
/* As stream_send() and stream_receive(); -EPROTO and -EACCES of TLS have their line. */
int connection_send(struct connection *connection, struct transfer *transfer, const void *bytes,
		    size_t length);
int connection_receive(struct connection *connection, struct transfer *transfer, stream_input input,
		       void *context);
/* `whole`: the answer was read to its end, and the server allows another question. NULL is allowed. */
void connection_close(struct connection *connection, bool whole);

#endif
