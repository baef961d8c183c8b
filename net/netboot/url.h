/* SPDX-License-Identifier: BSD-2-Clause */
/* URLs (RFC 3986), as far as files are fetched by them. Pure functions; context: any. */
#ifndef NET_NETBOOT_URL_H
#define NET_NETBOOT_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define URL_HOST_MAX 256
#define URL_PATH_MAX 2048

struct url {
	char scheme[16];	 /* in small letters */
	char host[URL_HOST_MAX]; /* name or address; an IPv6 one without its brackets */
	bool ipv6_literal;
	uint16_t port;	/* 0: the scheme's own */
	char user[128]; /* "user:password" of http, decoded; "" */
	/* With query, as on the wire; begins with '/'. Of "module:N" it is N, and there is no host. */
	char path[URL_PATH_MAX];
};

/* 0, or -EINVAL and what is wrong with it in *why (a constant text). */
int url_parse(struct url *url, const char *text, const char **why);

/*
 * What `reference` means when it stands in the file at `base` (RFC 3986, 5.2): absolute, "//host/...",
 * "/path", "name", "../name". Writes at most `size` bytes with the end. 0, -EINVAL, -ENAMETOOLONG.
 */
int url_resolve(char *result, size_t size, const char *base, const char *reference);

/* The path without percent encoding, for TFTP: 0, -EINVAL (a NUL in it), -ENAMETOOLONG. */
int url_decode(char *result, size_t size, const char *path);

#endif
