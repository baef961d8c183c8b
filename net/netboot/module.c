/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheme "module": a file that the VMM loaded beside us, without any network. */
#include "boot/next/module.h"
#include "net/netboot/transfer.h"
#include "net/netboot/url.h"

#include <errno.h>

static int take(void *context, const void *bytes, size_t length)
{
	struct transfer *transfer = context;
	int error = transfer_write(transfer, bytes, length);

	return error ? error : transfer_tick(transfer);
}

static int get(struct transfer *transfer, const struct url *url)
{
	struct module_piece piece;
	char why[MODULE_WHY_MAX];
	int error = module_find(url->path, &piece, why);

	if (error)
		return transfer_fail(transfer, error, "%s", why);
	error = transfer_size(transfer, piece.length);
	if (!error)
		error = module_read(&piece, take, transfer);
	return error == -ENOMEM ? transfer_fail(transfer, error, "no memory to read it") : error;
}

TRANSFER_SCHEME(module, get);
