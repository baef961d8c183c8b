/* SPDX-License-Identifier: BSD-2-Clause */
/* What all schemes have in common: the way to the sink, the sum, the time, the line that fails. */
#include "net/netboot/transfer.h"

#include "kernel/cold/cold.h"
#include "kernel/console/console.h"
#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "mbedtls/sha256.h"
#include "net/netboot/progress.h"
#include "net/netboot/url.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_DEFAULT 20
#define PATIENCE_MOST 3600
#define SHOWN_MAX 120

static RESIDENT bool check_timeout(const char *value)
{
	uint64_t seconds;

	return option_parse_number(value, &seconds) && seconds && seconds <= PATIENCE_MOST;
}
OPTION(netboot_timeout, "netboot.timeout", "1..3600",
       "seconds that a server may say nothing before it is given up (default: 20)", check_timeout);
_Static_assert(PATIENCE_DEFAULT == 20 && PATIENCE_MOST == 3600, "as its help says");

struct transfer_state {
	struct url url;
	char shown[SHOWN_MAX]; /* the URL for people: without a password, not too long */
	bool sized;
	uint64_t size;
	bool hashing;
	mbedtls_sha256_context sum;
	uint64_t start;
	struct progress progress;
};

uint64_t transfer_patience(void)
{
	return option_number("netboot.timeout", 1, PATIENCE_MOST, PATIENCE_DEFAULT) *
	       NANOSECONDS_PER_SECOND;
}

/* The URL without "user:password@", and not too long. */
static void show_url(char *shown, size_t size, const char *url)
{
	const char *authority = strstr(url, "//"), *end, *at = NULL;
	int kept;

	if (authority) {
		authority += 2;
		end = authority + strcspn(authority, "/?#");
		for (const char *c = authority; c < end; c++)
			if (*c == '@')
				at = c + 1;
	}
	if (at)
		kept = sniprintf(shown, size, "%.*s%s", (int)(authority - url), url, at);
	else
		kept = sniprintf(shown, size, "%s", url);
	if (kept >= (int)size)
		memcpy(shown + size - 4, "...", 4);
}

int transfer_fail(struct transfer *transfer, int error, const char *format, ...)
{
	va_list arguments;
	size_t used = 0;

	if (transfer->error[0])
		return error;
	if (transfer->state)
		used = (size_t)sniprintf(transfer->error, sizeof(transfer->error),
					 "%s: ", transfer->state->shown);
	va_start(arguments, format);
	vsniprintf(transfer->error + used, sizeof(transfer->error) - used, format, arguments);
	va_end(arguments);
	return error;
}

static int sink_failed(struct transfer *transfer, int error)
{
	const struct transfer_sink *sink = transfer->sink;
	const char *message = sink->message ? sink->message(transfer->sink) : "";

	return transfer_fail(transfer, error, "%s",
			     message && *message ? message : strerror(-error));
}

int transfer_size(struct transfer *transfer, uint64_t size)
{
	struct transfer_state *state = transfer->state;
	int status = transfer->sink->size ? transfer->sink->size(transfer->sink, size) : 0;

	state->sized = true;
	state->size = size;
	return status ? sink_failed(transfer, status) : 0;
}

int transfer_write(struct transfer *transfer, const void *bytes, size_t length)
{
	struct transfer_state *state = transfer->state;
	int status;

	if (state->sized && length > state->size - transfer->bytes)
		return transfer_fail(transfer, -EBADMSG,
				     "more came than the %" PRIu64 " bytes that were announced",
				     state->size);
	if (state->hashing)
		mbedtls_sha256_update_ret(&state->sum, bytes, length);
	status = transfer->sink->write(transfer->sink, bytes, length);
	if (status)
		return sink_failed(transfer, status);
	if (transfer->sink->copies)
		transfer_count_copied(length);
	transfer->bytes += length;
	return 0;
}

int transfer_restart(struct transfer *transfer)
{
	struct transfer_state *state = transfer->state;
	bool begun = transfer->bytes != 0;
	int status = 0;

	/* A sink that was told a size may have made room for that. */
	if (!begun && !state->sized)
		return 0;
	state->sized = false;
	transfer->bytes = 0;
	if (state->hashing)
		mbedtls_sha256_starts_ret(&state->sum, 0);
	if (transfer->sink->restart)
		status = transfer->sink->restart(transfer->sink);
	else if (begun)
		status = -ESPIPE;
	return status ? sink_failed(transfer, status) : 0;
}

int transfer_tick(struct transfer *transfer)
{
	struct transfer_state *state = transfer->state;

	if (transfer->progress)
		progress_show(&state->progress, transfer->bytes, state->sized ? state->size : 0);
	if (transfer->interrupted && transfer->interrupted())
		return transfer_fail(transfer, -EINTR, "interrupted");
	return 0;
}

static void sum_text(char text[2 * SHA256_SIZE + 1], const uint8_t *sum)
{
	for (unsigned int i = 0; i < SHA256_SIZE; i++)
		sniprintf(text + 2 * i, 3, "%02x", sum[i]);
}

/* All bytes are there: are they what was promised? */
static int verify(struct transfer *transfer)
{
	struct transfer_state *state = transfer->state;
	uint8_t sum[SHA256_SIZE];
	char is[2 * SHA256_SIZE + 1], wanted[2 * SHA256_SIZE + 1];

	if (state->sized && transfer->bytes != state->size)
		return transfer_fail(transfer, -EBADMSG,
				     "%" PRIu64 " bytes came, %" PRIu64 " were announced",
				     transfer->bytes, state->size);
	if (!state->hashing)
		return 0;
	mbedtls_sha256_finish_ret(&state->sum, sum);
	if (transfer->sum)
		memcpy(transfer->sum, sum, sizeof(sum));
	if (!transfer->sha256 || !memcmp(sum, transfer->sha256, sizeof(sum)))
		return 0;
	sum_text(is, sum);
	sum_text(wanted, transfer->sha256);
	/* The ends are left out: the whole of both would fill the line. */
	return transfer_fail(transfer, -EBADMSG, "its sha256 is %.16s..., not %.16s...", is,
			     wanted);
}

static const struct transfer_scheme *find_scheme(const char *name)
{
	TABLE_FOREACH (transfer_schemes, struct transfer_scheme, scheme)
		if (!strcmp(scheme->name, name))
			return scheme;
	return NULL;
}

static int get(struct transfer *transfer)
{
	struct transfer_state *state = transfer->state;
	const struct transfer_scheme *scheme;
	const char *why;
	int status;

	status = url_parse(&state->url, transfer->url, &why);
	if (status)
		return transfer_fail(transfer, status, "not a URL: %s", why);
	scheme = find_scheme(state->url.scheme);
	if (!scheme)
		return transfer_fail(transfer, -EINVAL, "%s is not a scheme that is known",
				     state->url.scheme);
	status = scheme->get(transfer, &state->url);
	if (status) /* nobody leaves without a word */
		return transfer_fail(transfer, status, "%s", strerror(-status));
	return verify(transfer);
}

void transfer_summary(const struct transfer *transfer, char text[TRANSFER_SUMMARY_MAX])
{
	char shown[SHOWN_MAX];
	uint64_t rate = progress_rate(transfer->bytes, transfer->time);

	show_url(shown, sizeof(shown), transfer->url);
	sniprintf(text, TRANSFER_SUMMARY_MAX, "%s: %" PRIu64 " bytes in %u.%03u s, %u.%u MB/s",
		  shown, transfer->bytes, (unsigned int)(transfer->time / NANOSECONDS_PER_SECOND),
		  (unsigned int)(transfer->time / NANOSECONDS_PER_MILLISECOND % 1000),
		  (unsigned int)(rate / 1000000), (unsigned int)(rate / 100000 % 10));
}

int transfer_run(struct transfer *transfer)
{
	struct transfer_state *state = calloc(1, sizeof(*state));
	int status;

	transfer->bytes = transfer->time = 0;
	transfer->resumed = 0;
	transfer->error[0] = transfer->final_url[0] = '\0';
	transfer->state = NULL;
	if (!state)
		return transfer_fail(transfer, -ENOMEM, "no memory");
	if (strlen(transfer->url) >= TRANSFER_URL_MAX) {
		free(state);
		return transfer_fail(transfer, -EINVAL, "the URL is longer than %d characters",
				     TRANSFER_URL_MAX - 1);
	}
	transfer->state = state;
	strcpy(transfer->final_url, transfer->url);
	show_url(state->shown, sizeof(state->shown), transfer->url);
	state->hashing = transfer->sha256 || transfer->sum;
	mbedtls_sha256_init(&state->sum);
	if (state->hashing)
		mbedtls_sha256_starts_ret(&state->sum, 0);
	state->start = clock_monotonic();
	progress_begin(&state->progress, state->start);
	status = get(transfer);
	transfer->time = clock_monotonic() - state->start;
	if (transfer->progress)
		progress_end(&state->progress);
	mbedtls_sha256_free(&state->sum);
	transfer->state = NULL;
	free(state);
	return status;
}
