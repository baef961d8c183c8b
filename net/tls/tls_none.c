/* SPDX-License-Identifier: BSD-2-Clause */
/* What https does in an image that was built with WITHOUT=tls. */
#include "kernel/cold/cold.h"
#include "net/tls/tls.h"

#include <errno.h>

RESIDENT bool tls_linked(void)
{
	return false;
}

int tls_connect(struct tls **tls, struct stream *stream, struct transfer *transfer,
		const char *host)
{
	(void)stream;
	(void)host;
	*tls = NULL;
	return transfer_fail(transfer, -ENOSYS, "no TLS");
}

int tls_send(struct tls *tls, struct transfer *transfer, const void *bytes, size_t length)
{
	(void)tls;
	(void)bytes;
	(void)length;
	return transfer_fail(transfer, -ENOSYS, "no TLS");
}

int tls_receive(struct tls *tls, struct transfer *transfer, stream_input input, void *context)
{
	(void)tls;
	(void)input;
	(void)context;
	return transfer_fail(transfer, -ENOSYS, "no TLS");
}

void tls_close(struct tls *tls)
{
	(void)tls;
}
