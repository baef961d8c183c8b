/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/connection.h"

#include "kernel/cold/cold.h"
#include "net/lwip/address_text.h"
#include "net/netboot/resolve.h"
#include "net/netboot/stream.h"
#include "net/tls/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct connection {
	struct stream stream;
	struct tls *tls; /* NULL: plain */
	bool was_kept;
	/* Whom it leads to. */
	char host[URL_HOST_MAX];
	uint16_t port;
	bool secure;
	struct netif *netif;
};

/* The one that is kept; whoever takes it out owns it. */
static struct connection *kept;

static struct connection *take_kept(void)
{
	return __atomic_exchange_n(&kept, NULL, __ATOMIC_ACQ_REL);
}

static void destroy(struct connection *connection, bool broken)
{
	if (connection->tls)
		tls_close(connection->tls);
	stream_close(&connection->stream, broken);
	free(connection);
}

static struct connection *find_kept(const struct url *url, uint16_t port, bool secure,
				    const struct netif *netif)
{
	struct connection *connection = take_kept();

	if (!connection)
		return NULL;
	if (stream_take(&connection->stream) && connection->port == port &&
	    connection->secure == secure && connection->netif == netif &&
	    !strcmp(connection->host, url->host))
		return connection;
	destroy(connection, false);
	return NULL;
}

static const char *why_not(int error)
{
	switch (error) {
	case -ECONNREFUSED:
		return "the connection was refused";
	case -ENETUNREACH:
		return "there is no route to it, or no address to send from";
	case -ETIMEDOUT:
		return "there is no answer";
	case -ENOMEM:
		return "no memory";
	default:
		return "the connection broke";
	}
}

/* Tries one address of the host after the other. */
static int reach(struct connection *connection, struct transfer *transfer,
		 struct resolver *resolver, uint16_t port)
{
	int failure = 0;
	ip_addr_t address, failed;
	struct address_text text;

	for (;;) {
		int status = resolve_next(resolver, &address);

		if (status == -ENOENT && failure)
			return transfer_fail(transfer, failure, "connecting to %s port %u: %s",
					     address_text(&text, &failed), port, why_not(failure));
		if (status)
			return status;
		status = stream_connect(&connection->stream, transfer, &address, port,
					resolver->netif);
		if (!status || status == -EINTR)
			return status;
		/* What an address said weighs more than that there is no way to another. */
		if (!failure || status != -ENETUNREACH) {
			failure = status;
			failed = address;
		}
	}
}

/* TLS is a cold part: what else of it is called here stands behind a connection that has it. */
static int unpack_tls(struct transfer *transfer)
{
	int status = cold_need((const void *)tls_connect);

	return status ? transfer_fail(transfer, status, "TLS cannot be unpacked") : 0;
}

int connection_open(struct connection **result, struct transfer *transfer, const struct url *url,
		    uint16_t port, bool secure)
{
	struct connection *connection;
	struct resolver resolver;
	int status = resolve_begin(&resolver, transfer, url);

	*result = NULL;
	if (status)
		return status;
	/* Before anybody is asked: whether the server is there does not matter. */
	if (secure && !tls_linked())
		return transfer_fail(transfer, -ENOSYS,
				     "this image was built without TLS (WITHOUT=tls)");
	connection = find_kept(url, port, secure, resolver.netif);
	if (connection) {
		connection->was_kept = true;
		*result = connection;
		return 0;
	}
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		return transfer_fail(transfer, -ENOMEM, "no memory");
	strcpy(connection->host, url->host);
	connection->port = port;
	connection->secure = secure;
	connection->netif = resolver.netif;
	status = reach(connection, transfer, &resolver, port);
	if (!status && secure) {
		status = unpack_tls(transfer);
		if (!status)
			status = tls_connect(&connection->tls, &connection->stream, transfer,
					     url->host);
		if (status)
			stream_close(&connection->stream, true);
	}
	if (status)
		free(connection);
	else
		*result = connection;
	return status;
}

bool connection_was_kept(const struct connection *connection)
{
	return connection->was_kept;
}

int connection_send(struct connection *connection, struct transfer *transfer, const void *bytes,
		    size_t length)
{
	return connection->tls ? tls_send(connection->tls, transfer, bytes, length)
			       : stream_send(&connection->stream, transfer, bytes, length);
}

int connection_receive(struct connection *connection, struct transfer *transfer, stream_input input,
		       void *context)
{
	return connection->tls ? tls_receive(connection->tls, transfer, input, context)
			       : stream_receive(&connection->stream, transfer, input, context);
}

void connection_close(struct connection *connection, bool whole)
{
	if (!connection)
		return;
	if (!whole) {
		destroy(connection, true);
		return;
	}
	stream_keep(&connection->stream);
	connection = __atomic_exchange_n(&kept, connection, __ATOMIC_ACQ_REL);
	if (connection)
		destroy(connection, false);
}
