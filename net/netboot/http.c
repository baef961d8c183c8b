/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client of HTTP/1.1 (RFC 9110, RFC 9112), plain and by TLS. A file whose connection breaks is taken
 * up where it broke, with Range and If-Range, so that a file which has changed comes whole; where the
 * server gave nothing to recognise the file by, or knows no ranges, it comes again from its first byte.
 */
#include "kernel/time/clock.h"
#include "kernel/version.h"
#include "net/netboot/connection.h"
#include "net/netboot/http_response.h"
#include "net/netboot/transfer.h"
#include "net/netboot/url.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDIRECTS_MAX 10
#define TRIES_MAX 3	/* in a row that got no further than the last */
#define RESUMES_MAX 200 /* in all */
#define REQUEST_MAX 4096
#define BODY_DISCARDED_MAX 65536u /* of a redirection, to keep its connection */

/* What stream_input returns when the answer has ended; errors are negative. */
enum { ANSWER_END = 1, ANSWER_REDIRECT, ANSWER_BROKEN, ANSWER_AGAIN };

struct client {
	struct transfer *transfer;
	struct url url; /* as it is now, after redirects */
	bool secure;
	struct connection *connection;
	struct http_response response;
	bool in_head;
	bool ranged;   /* this request asked for a range */
	bool surplus;  /* there were bytes behind the answer */
	bool redirect; /* the body is of no use */
	size_t discarded;
	/* What the first answer said of the file, for the next. */
	char validator[HTTP_ETAG_MAX];
	uint64_t furthest; /* bytes that any try has reached */
	unsigned int tries;
	unsigned int redirects;
	char visited[REDIRECTS_MAX][TRANSFER_URL_MAX];
	char request[REQUEST_MAX];
};

static uint16_t port_of(const struct url *url, bool secure)
{
	return url->port ? url->port : secure ? 443 : 80;
}

/* -- The request */
static void base64(char *text, const char *from)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t length = strlen(from);

	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t bits = (uint32_t)(unsigned char)from[i] << 16;

		if (left > 1)
			bits |= (uint32_t)(unsigned char)from[i + 1] << 8;
		if (left > 2)
			bits |= (unsigned char)from[i + 2];
		*text++ = digits[bits >> 18];
		*text++ = digits[bits >> 12 & 63];
		*text++ = left > 1 ? digits[bits >> 6 & 63] : '=';
		*text++ = left > 2 ? digits[bits & 63] : '=';
	}
	*text = '\0';
}

static size_t add_host(const struct client *client, char *text, size_t size)
{
	const struct url *url = &client->url;
	/* The zone is of this machine only, and not told (RFC 6874, 3). */
	int length = (int)strcspn(url->host, "%");
	const char *open = url->ipv6_literal ? "[" : "", *close = url->ipv6_literal ? "]" : "";

	if (port_of(url, client->secure) == (client->secure ? 443 : 80))
		return (size_t)sniprintf(text, size, "Host: %s%.*s%s\r\n", open, length, url->host,
					 close);
	return (size_t)sniprintf(text, size, "Host: %s%.*s%s:%u\r\n", open, length, url->host,
				 close, url->port);
}

/* The length; 0: too long. */
static size_t make_request(struct client *client)
{
	const struct url *url = &client->url;
	char *text = client->request;
	size_t size = sizeof(client->request), used;

	used = (size_t)sniprintf(text, size, "GET %s HTTP/1.1\r\n", url->path);
	used += add_host(client, text + used, size - used);
	used += (size_t)sniprintf(text + used, size - used,
				  "User-Agent: Ringside/" RINGSIDE_VERSION "\r\n"
				  "Accept: */*\r\nAccept-Encoding: identity\r\n");
	if (url->user[0]) {
		char encoded[sizeof(url->user) * 4 / 3 + 8];

		base64(encoded, url->user);
		used += (size_t)sniprintf(text + used, size - used, "Authorization: Basic %s\r\n",
					  encoded);
	}
	client->ranged = client->transfer->bytes && client->validator[0];
	if (client->ranged)
		used += (size_t)sniprintf(text + used, size - used,
					  "Range: bytes=%" PRIu64 "-\r\nIf-Range: %s\r\n",
					  client->transfer->bytes, client->validator);
	used += (size_t)sniprintf(text + used, size - used, "\r\n");
	return used;
}
_Static_assert(REQUEST_MAX > URL_PATH_MAX + URL_HOST_MAX + HTTP_ETAG_MAX + 600,
	       "every request fits");

/* -- The answer: under the core lock where it is plain */
static int answer_refused(struct client *client)
{
	const struct http_response *response = &client->response;
	unsigned int status = response->status;
	int error = status == 404 || status == 410		      ? -ENOENT
		    : status == 401 || status == 403 || status == 407 ? -EACCES
								      : -EPROTO;

	return transfer_fail(client->transfer, error, "the server says %u%s%s", status,
			     response->reason[0] ? " " : "", response->reason);
}

/* A strong ETag, or else the date: RFC 9110, 13.1.5. */
static void remember(struct client *client)
{
	const struct http_response *response = &client->response;

	sniprintf(client->validator, sizeof(client->validator), "%s",
		  response->etag[0] ? response->etag : response->last_modified);
}

static int whole_file(struct client *client)
{
	struct http_response *response = &client->response;
	int status = transfer_restart(client->transfer);

	remember(client);
	if (!status && response->has_length)
		status = transfer_size(client->transfer, response->length);
	return status;
}

static int rest_of_file(struct client *client)
{
	const struct http_response *response = &client->response;
	struct transfer *transfer = client->transfer;

	if (!client->ranged)
		return transfer_fail(
			transfer, -EPROTO,
			"the server sends a part of the file, and was not asked for one");
	if (!response->has_range || response->range_first != transfer->bytes)
		return transfer_fail(transfer, -EPROTO,
				     "the server sends another part than byte "
				     "%" PRIu64 " and following",
				     transfer->bytes);
	return 0;
}

/* The head is there. 0: the body is read. */
static int on_head(struct client *client)
{
	const struct http_response *response = &client->response;

	client->in_head = false;
	client->redirect = false;
	switch (response->status) {
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		if (!response->location[0])
			return transfer_fail(client->transfer, -EPROTO,
					     "the server says %u, and not where to",
					     response->status);
		client->redirect = true;
		client->discarded = 0;
		return 0;
	case 416:
		if (!client->ranged)
			return answer_refused(client);
		/* It is shorter now, so it is another. */
		client->validator[0] = '\0';
		return ANSWER_AGAIN;
	case 200:
	case 206:
		break;
	default:
		return answer_refused(client);
	}
	if (response->encoded)
		return transfer_fail(client->transfer, -EPROTO,
				     "the server encodes the file (Content-Encoding), unasked");
	return response->status == 200 ? whole_file(client) : rest_of_file(client);
}

static int on_body(struct client *client, const struct http_body *body)
{
	if (!client->redirect)
		return transfer_write(client->transfer, body->bytes, body->length);
	client->discarded += body->length;
	/* Not worth it: a new connection is cheaper. */
	return client->discarded > BODY_DISCARDED_MAX ? ANSWER_REDIRECT : 0;
}

static int input(void *context, const uint8_t *bytes, size_t length)
{
	struct client *client = context;
	int result = 0;

	/* Also with nothing left: an answer without body ends with its head. */
	for (;;) {
		struct http_body body;
		size_t used;
		enum http_event event =
			http_response_input(&client->response, bytes, length, &used, &body);

		bytes += used;
		length -= used;
		switch (event) {
		case HTTP_HEAD:
			result = on_head(client);
			break;
		case HTTP_BODY:
			result = on_body(client, &body);
			break;
		case HTTP_END:
			client->surplus = length != 0;
			return ANSWER_END;
		case HTTP_BAD:
			return ANSWER_BROKEN;
		case HTTP_MORE:
			return 0;
		}
		if (result)
			return result;
	}
}

/* -- Connections, again and again */
static void leave(struct client *client, bool whole)
{
	connection_close(client->connection, whole);
	client->connection = NULL;
}

/* Whether another try is worth it: one that got further always is, for a long time. */
static bool may_try_again(struct client *client)
{
	struct transfer *transfer = client->transfer;

	if (transfer->bytes > client->furthest) {
		client->furthest = transfer->bytes;
		client->tries = 0;
	}
	return ++client->tries < TRIES_MAX && transfer->resumed < RESUMES_MAX;
}

/* The connection broke, or what came is not HTTP: -EAGAIN, or the end with its line. */
static int broken(struct client *client, int status)
{
	struct transfer *transfer = client->transfer;
	const char *what = "the connection was reset";

	leave(client, false);
	if (status == -ETIMEDOUT)
		return transfer_fail(transfer, status, "the server has said nothing for %u s%s",
				     (unsigned int)(transfer_patience() / NANOSECONDS_PER_SECOND),
				     client->in_head ? ", not even the answer's head" : "");
	if (status == ANSWER_BROKEN || !status) {
		what = client->response.wrong;
		/* It does not get better when it is asked for again; that it ended early may. */
		if (status)
			return transfer_fail(transfer, -EPROTO, "%s", what);
	} else if (status != -ECONNRESET) {
		return transfer_fail(transfer, status, "%s", strerror(-status));
	}
	if (may_try_again(client)) {
		if (transfer->bytes)
			transfer->resumed++;
		return -EAGAIN;
	}
	if (transfer->bytes)
		return transfer_fail(transfer, -EPROTO, "%s, at byte %" PRIu64 ", again and again",
				     what, transfer->bytes);
	return transfer_fail(transfer, -EPROTO, "%s", what);
}

/* One question and its answer: 0, ANSWER_REDIRECT, -EAGAIN, or an error with its line. */
static int ask(struct client *client)
{
	struct transfer *transfer = client->transfer;
	size_t length = make_request(client);
	bool was_kept;
	int status;

	status = connection_open(&client->connection, transfer, &client->url,
				 port_of(&client->url, client->secure), client->secure);
	if (status)
		return status;
	was_kept = connection_was_kept(client->connection);
	http_response_begin(&client->response);
	client->in_head = true;
	client->surplus = false;
	status = connection_send(client->connection, transfer, client->request, length);
	if (!status)
		status = connection_receive(client->connection, transfer, input, client);
	if (!status && http_response_closed(&client->response) == HTTP_END)
		status = ANSWER_END;
	/* The server closed the connection before it heard of this question: that is no failure. */
	if (was_kept && client->in_head && client->response.part == HTTP_PART_STATUS &&
	    !client->response.head && (!status || status == -ECONNRESET)) {
		leave(client, false);
		return -EAGAIN;
	}
	switch (status) {
	case ANSWER_END:
		leave(client, client->response.keep_alive && !client->surplus);
		return client->redirect ? ANSWER_REDIRECT : 0;
	case ANSWER_REDIRECT:
		leave(client, false);
		return ANSWER_REDIRECT;
	case ANSWER_AGAIN:
		leave(client, false);
		transfer->resumed++;
		status = transfer_restart(transfer);
		return status ? status : may_try_again(client) ? -EAGAIN : answer_refused(client);
	case 0:
	case ANSWER_BROKEN:
	case -ECONNRESET:
	case -ETIMEDOUT:
		return broken(client, status);
	default:
		leave(client, false);
		return status;
	}
}

static int take_url(struct client *client, const char *text)
{
	const char *why;

	if (url_parse(&client->url, text, &why))
		return transfer_fail(client->transfer, -EPROTO, "the server leads to \"%.80s\": %s",
				     text, why);
	if (client->secure && strcmp(client->url.scheme, "https") != 0)
		return transfer_fail(client->transfer, -EPROTO,
				     "the server leads away from https, to %.80s", text);
	if (strcmp(client->url.scheme, "http") != 0 && strcmp(client->url.scheme, "https") != 0)
		return transfer_fail(client->transfer, -EPROTO,
				     "the server leads to another protocol, %.80s", text);
	client->secure = !strcmp(client->url.scheme, "https");
	return 0;
}

static int redirect(struct client *client)
{
	struct transfer *transfer = client->transfer;
	char *target = transfer->final_url;

	if (client->redirects == REDIRECTS_MAX)
		return transfer_fail(transfer, -ELOOP, "more than %u redirects, the last to %.80s",
				     REDIRECTS_MAX, client->response.location);
	strcpy(client->visited[client->redirects++], transfer->final_url);
	if (url_resolve(target, TRANSFER_URL_MAX, client->visited[client->redirects - 1],
			client->response.location))
		return transfer_fail(transfer, -EPROTO, "the server leads to what is no URL: %.80s",
				     client->response.location);
	for (unsigned int i = 0; i < client->redirects; i++)
		if (!strcmp(client->visited[i], target))
			return transfer_fail(transfer, -ELOOP, "redirects in a circle: %.80s again",
					     target);
	return take_url(client, target);
}

static int run(struct client *client)
{
	for (;;) {
		int status = ask(client);

		if (status == ANSWER_REDIRECT)
			status = redirect(client);
		else if (!status)
			return 0;
		if (status && status != -EAGAIN)
			return status;
	}
}

static int http_get(struct transfer *transfer, const struct url *url)
{
	struct client *client = calloc(1, sizeof(*client));
	int status;

	if (!client)
		return transfer_fail(transfer, -ENOMEM, "no memory");
	client->transfer = transfer;
	client->url = *url;
	client->secure = !strcmp(url->scheme, "https");
	status = run(client);
	free(client);
	return status;
}

TRANSFER_SCHEME(http, http_get);
TRANSFER_SCHEME(https, http_get);
