/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS 1.2 (RFC 5246) over a connection, as a client that believes nobody: the chain of certificates must
 * end in one of ours (`tls.c` says where those come from), be valid today, and be for the name that was
 * asked for (RFC 6125). Thread context, without the network's lock.
 */
#ifndef NET_TLS_TLS_H
#define NET_TLS_TLS_H

#include "net/netboot/stream.h"

struct tls;

/* False in an image that was built with WITHOUT=tls. Context: any. */
bool tls_linked(void);

/*
 * The stream is connected, and outlives it. 0; -EACCES: the certificate; -EPROTO: no agreement;
 * -ECONNRESET, -ETIMEDOUT, -EINTR, -ENOMEM, -ENOSYS: built without. All have their line.
 */
int tls_connect(struct tls **tls, struct stream *stream, struct transfer *transfer,
		const char *host);
/* As stream_send() and stream_receive(). -EPROTO has its line. */
int tls_send(struct tls *tls, struct transfer *transfer, const void *bytes, size_t length);
int tls_receive(struct tls *tls, struct transfer *transfer, stream_input input, void *context);
/* Frees it; the connection ends with the stream. */
void tls_close(struct tls *tls);

#endif
