/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/tftp_engine.h"

#include "kernel/time/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum opcode { RRQ = 1, DATA = 3, ACK = 4, ERROR = 5, OACK = 6 };
enum error_code { NOT_FOUND = 1, ACCESS = 2, ILLEGAL = 4, UNKNOWN_ID = 5, NO_USER = 7, OPTION = 8 };

#define HEADER 4
#define TEXT_MAX 512 /* of an OACK or ERROR: more of it is not looked at */
#define INTERVAL_FIRST (250 * NANOSECONDS_PER_MILLISECOND)
#define INTERVAL_MOST (4 * NANOSECONDS_PER_SECOND)
/* A block that comes again so soon after our acknowledgement is no answer to its loss. */
#define SETTLED (100 * NANOSECONDS_PER_MILLISECOND)
#define BLOCK_LEAST 8
/*
 * How long a missing block may be late, and how many may overtake it, before it is asked for: to ask for one
 * that is only late has the server send the window again.
 */
#define LATE_MOST (2 * NANOSECONDS_PER_MILLISECOND)
#define OVERTAKEN_MOST 8
#define HELD_BYTES_MOST (256u << 10)

static void put16(uint8_t *bytes, unsigned int value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static unsigned int get16(const uint8_t *bytes)
{
	return (unsigned int)(bytes[0] << 8 | bytes[1]);
}

static void send_error(struct tftp_engine *engine, uint16_t port, enum error_code code,
		       const char *text)
{
	uint8_t packet[HEADER + 64];
	size_t length = strlen(text);

	if (length > sizeof(packet) - HEADER - 1)
		length = sizeof(packet) - HEADER - 1;
	put16(packet, ERROR);
	put16(packet + 2, code);
	memcpy(packet + HEADER, text, length);
	packet[HEADER + length] = '\0';
	engine->operations->send(engine->context, port, packet, HEADER + length + 1);
}

/* `code` 0: the server need not be told. The text is in engine->text. */
static void fail(struct tftp_engine *engine, int error)
{
	engine->state = TFTP_FAILED;
	engine->error = error;
	engine->deadline = UINT64_MAX;
}

static size_t add_option(uint8_t *packet, size_t used, const char *name, unsigned int value)
{
	size_t length = strlen(name) + 1;

	memcpy(packet + used, name, length);
	used += length;
	return used + 1 +
	       (size_t)sniprintf((char *)packet + used, TFTP_REQUEST_MAX - used, "%u", value);
}

static void send_request(struct tftp_engine *engine, uint64_t now)
{
	uint8_t packet[TFTP_REQUEST_MAX];
	size_t used = 2, length = strlen(engine->file) + 1;

	put16(packet, RRQ);
	memcpy(packet + used, engine->file, length);
	used += length;
	memcpy(packet + used, "octet", 6);
	used += 6;
	if (!engine->plain) {
		used = add_option(packet, used, "tsize", 0);
		if (engine->block_wanted != TFTP_BLOCK_DEFAULT)
			used = add_option(packet, used, "blksize", engine->block_wanted);
		if (engine->window_wanted > 1)
			used = add_option(packet, used, "windowsize", engine->window_wanted);
	}
	engine->last_sent = now;
	engine->operations->send(engine->context, engine->server_port, packet, used);
}

/* Of all blocks before the one that is expected. A new window begins. */
static void acknowledge(struct tftp_engine *engine, uint64_t now)
{
	uint8_t packet[HEADER];

	put16(packet, ACK);
	put16(packet + 2, (uint16_t)(engine->expected - 1));
	engine->in_window = 0;
	engine->last_sent = now;
	engine->operations->send(engine->context, engine->port, packet, sizeof(packet));
}

static void news(struct tftp_engine *engine, uint64_t now)
{
	engine->last_news = now;
	engine->interval = INTERVAL_FIRST;
	engine->deadline = now + engine->interval;
}

static void request(struct tftp_engine *engine, uint64_t now)
{
	engine->state = TFTP_REQUESTED;
	engine->port = 0;
	engine->block = TFTP_BLOCK_DEFAULT;
	engine->window = 1;
	engine->expected = 1;
	engine->in_window = 0;
	engine->ahead = 0;
	engine->asked_again = engine->awaits_late = false;
	news(engine, now);
	send_request(engine, now);
}

int tftp_start(struct tftp_engine *engine, uint16_t port, uint64_t now)
{
	if (strlen(engine->file) >= TFTP_FILE_MAX)
		return -ENAMETOOLONG;
	engine->server_port = port;
	engine->plain = false;
	engine->bytes = 0;
	engine->error = 0;
	engine->text[0] = '\0';
	engine->retransmissions = engine->duplicates = engine->gaps = 0;
	request(engine, now);
	return 0;
}

static void protocol_error(struct tftp_engine *engine, const char *text)
{
	sniprintf(engine->text, sizeof(engine->text), "%s", text);
	send_error(engine, engine->port, ILLEGAL, text);
	fail(engine, -EPROTO);
}

/* The first so many bytes of a packet in one piece; returns how many those are. */
static size_t gather(uint8_t *bytes, size_t size, const struct tftp_piece *pieces, size_t count)
{
	size_t used = 0;

	for (size_t i = 0; i < count && used < size; i++) {
		size_t part = pieces[i].length < size - used ? pieces[i].length : size - used;

		memcpy(bytes + used, pieces[i].bytes, part);
		used += part;
	}
	return used;
}

static size_t total_length(const struct tftp_piece *pieces, size_t count)
{
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += pieces[i].length;
	return total;
}

static void finish(struct tftp_engine *engine)
{
	engine->state = TFTP_DONE;
	engine->deadline = UINT64_MAX;
}

/* The data of a block in order goes out; a short one is the last. */
static void take_block(struct tftp_engine *engine, const struct tftp_piece *pieces, size_t count,
		       size_t length, uint64_t now)
{
	size_t skip = HEADER;

	engine->expected++;
	engine->in_window++;
	engine->ahead = 0;
	engine->asked_again = engine->awaits_late = false;
	news(engine, now);
	/* The server works on the next window while we put this block away. */
	if (engine->in_window >= engine->window || length < engine->block)
		acknowledge(engine, now);
	for (size_t i = 0; i < count; i++) {
		size_t part = pieces[i].length;
		int status;

		if (part <= skip) {
			skip -= part;
			continue;
		}
		status = engine->operations->data(engine->context, pieces[i].bytes + skip,
						  part - skip);
		skip = 0;
		if (status) {
			send_error(engine, engine->port, 0, "not wanted any more");
			fail(engine, status);
			return;
		}
	}
	engine->bytes += length;
	if (length < engine->block)
		finish(engine);
}

/* -- Blocks before their turn */
static void drop_held(struct tftp_engine *engine, unsigned int slot)
{
	size_t count;
	const struct tftp_piece *pieces =
		engine->operations->held(engine->context, engine->held[slot], &count);

	engine->held_bytes -= total_length(pieces, count);
	engine->operations->drop(engine->context, engine->held[slot]);
	engine->held[slot] = NULL;
	engine->held_count--;
}

/* `ahead`: of the one that is missing. True: it is held, now or already. */
static bool hold(struct tftp_engine *engine, unsigned int number, unsigned int ahead, size_t length,
		 void *packet)
{
	unsigned int slot = number % TFTP_HELD_MAX;

	if (!engine->operations->hold || ahead >= TFTP_HELD_MAX ||
	    engine->in_window + ahead >= engine->window)
		return false;
	if (engine->held[slot])
		return true;
	if (length > HELD_BYTES_MOST - engine->held_bytes ||
	    !engine->operations->hold(engine->context, packet))
		return false;
	engine->held[slot] = packet;
	engine->held_count++;
	engine->held_bytes += length;
	return true;
}

static void await_late(struct tftp_engine *engine, uint64_t now)
{
	engine->awaits_late = true;
	engine->deadline = now + LATE_MOST;
}

/* The block that was missing came: whose turn is it now? */
static void take_held(struct tftp_engine *engine, uint64_t now)
{
	unsigned int slot;

	while (engine->state == TFTP_RECEIVING &&
	       engine->held[slot = engine->expected % TFTP_HELD_MAX]) {
		size_t count;
		const struct tftp_piece *pieces =
			engine->operations->held(engine->context, engine->held[slot], &count);

		take_block(engine, pieces, count, total_length(pieces, count) - HEADER, now);
		drop_held(engine, slot);
	}
	if (engine->held_count && engine->state == TFTP_RECEIVING)
		await_late(engine, now);
}

/* The server is told once where to go on. */
static void ask_again(struct tftp_engine *engine, uint64_t now)
{
	engine->asked_again = true;
	engine->awaits_late = false;
	engine->deadline = now + engine->interval;
	acknowledge(engine, now);
}

static void on_ahead(struct tftp_engine *engine, unsigned int number, unsigned int ahead,
		     size_t length, void *packet, uint64_t now)
{
	bool is_held;

	engine->gaps++;
	if (engine->state != TFTP_RECEIVING)
		return;
	is_held = hold(engine, number, ahead, length, packet);
	if (engine->asked_again)
		return;
	if (!is_held || ++engine->ahead >= OVERTAKEN_MOST)
		ask_again(engine, now);
	else if (!engine->awaits_late)
		await_late(engine, now);
}

static void on_data(struct tftp_engine *engine, unsigned int number,
		    const struct tftp_piece *pieces, size_t count, void *packet, uint64_t now)
{
	size_t length = total_length(pieces, count) - HEADER;
	int16_t ahead = (int16_t)(number - engine->expected);

	if (length > engine->block) {
		protocol_error(engine, "the server's block is longer than what was agreed on");
		return;
	}
	if (!ahead) {
		engine->state = TFTP_RECEIVING;
		take_block(engine, pieces, count, length, now);
		take_held(engine, now);
	} else if (ahead > 0) {
		on_ahead(engine, number, (unsigned int)ahead, length + HEADER, packet, now);
	} else {
		engine->duplicates++;
		if (now - engine->last_sent >= SETTLED && engine->state == TFTP_RECEIVING)
			acknowledge(engine, now);
	}
}

/* One option of an OACK (RFC 2347). NULL, or what is wrong with it; *status: of operations->size. */
static const char *take_option(struct tftp_engine *engine, const char *name, const char *value,
			       int *status)
{
	char *end;
	unsigned long long number = strtoull(value, &end, 10);

	if (value[0] < '0' || value[0] > '9' || *end)
		return "an option of the server's is not a number";
	if (!strcasecmp(name, "blksize")) {
		if (number < BLOCK_LEAST || number > engine->block_wanted)
			return "the server wants another block size than was asked for";
		engine->block = (uint32_t)number;
	} else if (!strcasecmp(name, "windowsize")) {
		if (!number || number > engine->window_wanted)
			return "the server wants another window than was asked for";
		engine->window = (uint32_t)number;
	} else if (!strcasecmp(name, "tsize")) {
		*status = engine->operations->size(engine->context, number);
	} else {
		return "the server wants an option that was not asked for";
	}
	return NULL;
}

static void on_options(struct tftp_engine *engine, const char *text, size_t length, uint64_t now)
{
	const char *end = text + length;

	if (engine->state != TFTP_REQUESTED) {
		/* Our acknowledgement of it may have been lost. */
		engine->duplicates++;
		if (engine->expected == 1 && now - engine->last_sent >= SETTLED)
			acknowledge(engine, now);
		return;
	}
	while (text < end) {
		const char *value = memchr(text, '\0', (size_t)(end - text));
		const char *value_end =
			value ? memchr(value + 1, '\0', (size_t)(end - value - 1)) : NULL;
		const char *wrong = value_end ? NULL : "the server's options are cut off";
		int status = 0;

		if (!wrong)
			wrong = take_option(engine, text, value + 1, &status);
		if (wrong) {
			sniprintf(engine->text, sizeof(engine->text), "%s", wrong);
			send_error(engine, engine->port, OPTION, wrong);
			fail(engine, -EPROTO);
			return;
		}
		if (status) {
			send_error(engine, engine->port, 0, "not wanted any more");
			fail(engine, status);
			return;
		}
		text = value_end + 1;
	}
	engine->state = TFTP_RECEIVING;
	news(engine, now);
	acknowledge(engine, now);
}

static const char *code_text(unsigned int code)
{
	static const char *const texts[] = {
		"an error without a name", "file not found",
		"access violation",	   "disk full",
		"illegal operation",	   "unknown transfer",
		"file exists already",	   "no such user",
		"options refused",
	};

	return code < sizeof(texts) / sizeof(texts[0]) ? texts[code] : "an error with a new number";
}

static void on_error(struct tftp_engine *engine, unsigned int code, char *text, uint64_t now)
{
	/* Old servers do not ignore options, as they should, but complain (RFC 2347, at its end). */
	if (engine->state == TFTP_REQUESTED && !engine->plain &&
	    (code == OPTION || code == ILLEGAL || code == 0)) {
		engine->plain = true;
		/* A request that was sent twice is refused twice. */
		engine->operations->renew(engine->context);
		request(engine, now);
		return;
	}
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	sniprintf(engine->text, sizeof(engine->text), "the server says: %.120s (error %u)",
		  *text ? text : code_text(code), code);
	fail(engine, code == NOT_FOUND			 ? -ENOENT
		     : code == ACCESS || code == NO_USER ? -EACCES
							 : -EPROTO);
}

void tftp_packet(struct tftp_engine *engine, uint16_t port, const struct tftp_piece *pieces,
		 size_t count, void *packet, uint64_t now)
{
	uint8_t bytes[HEADER + TEXT_MAX + 1];
	size_t length = gather(bytes, HEADER, pieces, count);
	unsigned int opcode;

	if (engine->state == TFTP_FAILED)
		return;
	if (engine->port && port != engine->port) {
		/* RFC 1350, 4: somebody else's packet does not disturb the transfer. */
		if (length >= 2 && get16(bytes) != ERROR)
			send_error(engine, port, UNKNOWN_ID, "unknown transfer ID");
		return;
	}
	opcode = length == HEADER ? get16(bytes) : 0;
	if (engine->state == TFTP_DONE) {
		/* It did not hear our last word. */
		if (opcode == DATA && now - engine->last_sent >= SETTLED)
			acknowledge(engine, now);
		return;
	}
	engine->port = port;
	switch (opcode) {
	case DATA:
		on_data(engine, get16(bytes + 2), pieces, count, packet, now);
		break;
	case OACK:
		length = gather(bytes, sizeof(bytes) - 1, pieces, count);
		on_options(engine, (char *)bytes + 2, length - 2, now);
		break;
	case ERROR:
		length = gather(bytes, sizeof(bytes) - 1, pieces, count);
		bytes[length] = '\0';
		on_error(engine, get16(bytes + 2), (char *)bytes + HEADER, now);
		break;
	default:
		protocol_error(engine, "the server sent what is no answer of TFTP");
	}
}

void tftp_timeout(struct tftp_engine *engine, uint64_t now)
{
	if (engine->state == TFTP_DONE || engine->state == TFTP_FAILED)
		return;
	if (now - engine->last_news >= engine->patience) {
		bool begun = engine->state == TFTP_RECEIVING;
		unsigned int seconds = (unsigned int)(engine->patience / NANOSECONDS_PER_SECOND);

		sniprintf(engine->text, sizeof(engine->text),
			  begun ? "the server has said nothing for %u s"
				: "no answer from the server in %u s",
			  seconds);
		fail(engine, -ETIMEDOUT);
		return;
	}
	if (engine->awaits_late) {
		ask_again(engine, now);
		return;
	}
	engine->retransmissions++;
	engine->ahead = 0;
	engine->asked_again = false;
	if (engine->state == TFTP_REQUESTED)
		send_request(engine, now);
	else
		acknowledge(engine, now);
	if (engine->interval < INTERVAL_MOST)
		engine->interval *= 2;
	engine->deadline = now + engine->interval;
	if (engine->deadline > engine->last_news + engine->patience)
		engine->deadline = engine->last_news + engine->patience;
}

void tftp_stop(struct tftp_engine *engine, const char *why)
{
	if (engine->port && (engine->state == TFTP_REQUESTED || engine->state == TFTP_RECEIVING))
		send_error(engine, engine->port, 0, why);
	for (unsigned int slot = 0; slot < TFTP_HELD_MAX && engine->held_count; slot++)
		if (engine->held[slot])
			drop_held(engine, slot);
}
