/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control connection: states as single bytes, and between them JSON texts with four bytes of
 * length in front. What the client says wrong ends its test with one line in the log.
 */
#include "kernel/console/log.h"
#include "kernel/time/clock.h"
#include "lwip/mem.h"
#include "lwip/priv/tcp_priv.h"
#include "net/lwip/address_text.h"
#include "net/services/iperf3/iperf3.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOG_AREA "iperf3"
#define LENGTH 4 /* of the number in front of a text */
/* For each step but the test itself, and beyond the time that the client asked for. */
#define STEP_SECONDS 15
#define GRACE_SECONDS 30
/* For what is still on its way when the client has said how much it sent. */
#define DRAIN_TCP (5 * NANOSECONDS_PER_SECOND)
#define DRAIN_UDP (300 * NANOSECONDS_PER_MILLISECOND)

/* What the two say on the control connection, and the errors of iperf3's that we tell. */
enum {
	TEST_START = 1,
	TEST_RUNNING = 2,
	TEST_END = 4,
	PARAM_EXCHANGE = 9,
	CREATE_STREAMS = 10,
	CLIENT_TERMINATE = 12,
	EXCHANGE_RESULTS = 13,
	DISPLAY_RESULTS = 14,
	IPERF_DONE = 16,
	SERVER_ERROR = 0xfe,
	CANNOT_RECEIVE_PARAMETERS = 114,
};

struct iperf3_test iperf3_test;

static uint8_t length_bytes[LENGTH];
static size_t length_got;
static char *text; /* being received */
static size_t text_length, text_got;
static uint32_t since;		   /* tcp_ticks when the state began */
static struct iperf3_result *said; /* by the client, of its streams */
static unsigned int said_count;
static uint64_t drain_until;

static void set_state(enum iperf3_state state)
{
	__atomic_store_n(&iperf3_test.state, state, __ATOMIC_RELEASE);
	since = tcp_ticks;
	iperf3_worker_wake();
}

/* mem_free() takes no NULL. */
static void release(void *memory)
{
	if (memory)
		mem_free(memory);
}

static void forget_text(void)
{
	release(text);
	text = NULL;
	length_got = text_got = 0;
}

/* Nothing of the test is on the stack any more. */
static void take_down(void)
{
	iperf3_connections_close();
	forget_text();
	release(said);
	release(iperf3_test.streams);
	said = NULL;
	memset(&iperf3_test, 0, sizeof(iperf3_test));
	set_state(IPERF3_IDLE);
}

static void log_result(const char *client)
{
	const struct iperf3_test *test = &iperf3_test;
	uint64_t received = 0, sent = 0;

	for (unsigned int i = 0; i < test->streams_there; i++)
		*(test->streams[i].sends ? &sent : &received) += test->streams[i].bytes;
	log_info("%s: %s: %" PRIu64 " bytes received, %" PRIu64 " sent", client,
		 test->parameters.udp ? "UDP" : "TCP", received, sent);
}

void iperf3_end(const char *why)
{
	struct address_text address;
	const char *client = address_text(&address, &iperf3_test.client);

	if (iperf3_test.state == IPERF3_IDLE || iperf3_test.state == IPERF3_ENDING)
		return;
	if (why)
		log_warning("%s: %s", client, why);
	else
		log_result(client);
	set_state(IPERF3_ENDING);
}

static bool say(const void *bytes, size_t length)
{
	if (iperf3_control_write(bytes, length) == ERR_OK)
		return true;
	iperf3_end("no memory for the control connection");
	return false;
}

static bool say_state(uint8_t state)
{
	return say(&state, 1);
}

/* What it said is not to be used. */
static void refuse(const char *what, const char *wrong)
{
	static const uint8_t error[] = {
		SERVER_ERROR, 0, 0, 0, CANNOT_RECEIVE_PARAMETERS, 0, 0, 0, 0};
	char line[100];

	if (iperf3_test.state == IPERF3_PARAMETERS)
		(void)iperf3_control_write(error, sizeof(error));
	sniprintf(line, sizeof(line), "%s: %s", what, wrong);
	iperf3_end(line);
}

void iperf3_control_begin(const ip_addr_t *client, const char *cookie)
{
	iperf3_counters->requests++;
	memcpy(iperf3_test.cookie, cookie, IPERF3_COOKIE);
	ip_addr_copy(iperf3_test.client, *client);
	set_state(IPERF3_PARAMETERS);
	(void)say_state(PARAM_EXCHANGE);
}

/* -- Texts */

static void take_parameters(void)
{
	struct iperf3_test *test = &iperf3_test;
	const struct iperf3_parameters *parameters = &test->parameters;
	const char *wrong = iperf3_read_parameters(text, text_length, &test->parameters);

	forget_text();
	if (wrong) {
		refuse("wrong parameters", wrong);
		return;
	}
	test->streams_wanted =
		parameters->streams * (parameters->to_server + parameters->to_client);
	test->streams = mem_calloc(test->streams_wanted, sizeof(*test->streams));
	if (!test->streams) {
		refuse("parameters", "no memory for so many streams");
		return;
	}
	for (unsigned int i = 0; i < test->streams_wanted; i++) {
		/* The numbers of iperf3's client, which leaves out 2. */
		test->streams[i].id = i ? i + 2 : 1;
		/* With both ways, the client connects first those on which it sends. */
		test->streams[i].sends = !parameters->to_server || i >= parameters->streams;
	}
	if (say_state(CREATE_STREAMS))
		set_state(IPERF3_CREATING);
}

void iperf3_stream_ready(void)
{
	static const uint8_t states[] = {TEST_START, TEST_RUNNING};
	struct iperf3_test *test = &iperf3_test;

	if (++test->streams_there < test->streams_wanted || !say(states, sizeof(states)))
		return;
	iperf3_streams_start();
	set_state(IPERF3_RUNNING);
	iperf3_streams_send();
}

static void send_results(void)
{
	unsigned int count = iperf3_test.streams_there;
	size_t size = iperf3_results_size(count), length;
	struct iperf3_result *results = mem_calloc(count, sizeof(*results));
	uint8_t *answer = mem_malloc(LENGTH + size);

	if (results && answer) {
		iperf3_streams_results(results);
		length = iperf3_write_results((char *)answer + LENGTH, size, results, count);
		for (unsigned int i = 0; i < LENGTH; i++)
			answer[i] = (uint8_t)(length >> (8 * (LENGTH - 1 - i)));
		if (say(answer, LENGTH + length) && say_state(DISPLAY_RESULTS))
			set_state(IPERF3_SHOWING);
	} else {
		iperf3_end("no memory for results");
	}
	release(results);
	release(answer);
}

void iperf3_control_tick(void)
{
	if (iperf3_test.state == IPERF3_ENDING)
		take_down();
	else if (iperf3_test.state == IPERF3_DRAINING &&
		 (clock_monotonic() >= drain_until || iperf3_streams_complete(said, said_count)))
		send_results();
}

static void take_results(void)
{
	unsigned int room = iperf3_test.streams_there;
	const char *wrong = "no memory for them";

	said = mem_calloc(room, sizeof(*said));
	if (said)
		wrong = iperf3_read_results(text, text_length, said, room, &said_count);
	forget_text();
	if (wrong) {
		refuse("wrong results", wrong);
		return;
	}
	drain_until = clock_monotonic() + (iperf3_test.parameters.udp ? DRAIN_UDP : DRAIN_TCP);
	set_state(IPERF3_DRAINING);
}

/* The length is known: memory for the text. */
static void begin_text(void)
{
	size_t most =
		iperf3_test.state == IPERF3_PARAMETERS ? IPERF3_PARAMETERS_MAX : IPERF3_RESULTS_MAX;
	const char *what = iperf3_test.state == IPERF3_PARAMETERS ? "parameters" : "results";

	text_length = (size_t)length_bytes[0] << 24 | (size_t)length_bytes[1] << 16 |
		      (size_t)length_bytes[2] << 8 | length_bytes[3];
	if (!text_length || text_length > most) {
		refuse(what, text_length ? "too long" : "none");
		return;
	}
	text = mem_malloc(text_length);
	if (!text)
		refuse(what, "no memory for them");
}

/* Takes what belongs to the text; how many bytes. */
static size_t take_text(const uint8_t *bytes, size_t length)
{
	size_t more;

	if (length_got < LENGTH) {
		length_bytes[length_got++] = *bytes;
		if (length_got == LENGTH)
			begin_text();
		return 1;
	}
	more = LWIP_MIN(text_length - text_got, length);
	memcpy(text + text_got, bytes, more);
	text_got += more;
	if (text_got == text_length) {
		if (iperf3_test.state == IPERF3_PARAMETERS)
			take_parameters();
		else
			take_results();
	}
	return more;
}

/* -- States */

static void take_state(uint8_t state)
{
	if (state == CLIENT_TERMINATE) {
		iperf3_end("the client breaks off");
	} else if (state == TEST_END && iperf3_test.state == IPERF3_RUNNING) {
		if (say_state(EXCHANGE_RESULTS)) {
			set_state(IPERF3_RESULTS);
			iperf3_streams_send();
		}
	} else if (state == IPERF_DONE && iperf3_test.state == IPERF3_SHOWING) {
		iperf3_end(NULL);
	} else {
		char line[48];

		sniprintf(line, sizeof(line), "state %u is not expected now", state);
		iperf3_end(line);
	}
}

void iperf3_control_received(const uint8_t *bytes, size_t length)
{
	while (length && iperf3_test.state != IPERF3_ENDING) {
		size_t taken = 1;

		if (iperf3_test.state == IPERF3_PARAMETERS || iperf3_test.state == IPERF3_RESULTS)
			taken = take_text(bytes, length);
		else
			take_state(*bytes);
		bytes += taken;
		length -= taken;
	}
}

void iperf3_control_gone(void)
{
	/* Some clients leave without a goodbye, when they have what they wanted. */
	iperf3_end(iperf3_test.state == IPERF3_SHOWING ? NULL : "the connection ended too early");
}

void iperf3_control_poll(void)
{
	const struct iperf3_parameters *parameters = &iperf3_test.parameters;
	uint32_t seconds = (tcp_ticks - since) / 2;

	if (iperf3_test.state == IPERF3_RUNNING) {
		if (parameters->seconds &&
		    seconds > parameters->omit + parameters->seconds + GRACE_SECONDS)
			iperf3_end("the client does not end its test");
	} else if (seconds > STEP_SECONDS) {
		iperf3_end("the client says nothing");
	}
}
