/* SPDX-License-Identifier: BSD-2-Clause */
/* How long a connection of the HTTP server's keeps its place. */
#include "net/http/server.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "tests/device/host.h"

#include <cmocka.h>

#define ANSWER 8000u
#define SEND_BUFFER 1000u
#define SECOND 2u /* of tcp_ticks */

u32_t tcp_ticks;

static struct tcp_pcb pcb;
static struct client client;
static struct http_block blocks[2];
static struct pbuf segment;
static unsigned int closed, aborted, freed, written, answers, answers_freed;

/* -- lwIP's, and what the services share */

err_t tcp_close(struct tcp_pcb *of)
{
	assert_ptr_equal(of, &pcb);
	closed++;
	return ERR_OK;
}

void tcp_abort(struct tcp_pcb *of)
{
	assert_ptr_equal(of, &pcb);
	aborted++;
}

err_t tcp_write(struct tcp_pcb *of, const void *bytes, u16_t length, u8_t flags)
{
	assert_ptr_equal(of, &pcb);
	assert_non_null(bytes);
	assert_true(flags & TCP_WRITE_FLAG_COPY);
	assert_true(length <= pcb.snd_buf);
	pcb.snd_buf = (tcpwnd_size_t)(pcb.snd_buf - length);
	written += length;
	return ERR_OK;
}

err_t tcp_output(struct tcp_pcb *of)
{
	assert_ptr_equal(of, &pcb);
	return ERR_OK;
}

void tcp_recved(struct tcp_pcb *of, u16_t length)
{
	(void)length;
	assert_ptr_equal(of, &pcb);
}

/* What came: one piece, which the test owns. */
u8_t pbuf_free(struct pbuf *chain)
{
	(void)chain;
	return 1;
}

u16_t pbuf_copy_partial(const struct pbuf *chain, void *to, u16_t length, u16_t offset)
{
	memcpy(to, (const char *)chain->payload + offset, length);
	return length;
}

struct pbuf *pbuf_free_header(struct pbuf *chain, u16_t length)
{
	chain->payload = (char *)chain->payload + length;
	chain->len = chain->tot_len = (u16_t)(chain->tot_len - length);
	return chain->tot_len ? chain : NULL;
}

void mem_free(void *memory)
{
	assert_ptr_equal(memory, &client);
	freed++;
}

void network_core_lock(void)
{
}

void network_core_unlock(void)
{
}

int service_listen_tcp(uint16_t port, tcp_accept_fn accept, struct tcp_pcb **listener)
{
	assert_int_equal(port, 80);
	assert_ptr_equal(accept, on_accept);
	*listener = &pcb;
	return 0;
}

void service_unlisten_tcp(struct tcp_pcb *listener)
{
	(void)listener;
}

void *service_accept(struct tcp_pcb *of, err_t error, struct service_counters *counts, size_t size,
		     const struct service_callbacks *of_service)
{
	(void)error;
	assert_ptr_equal(of, &pcb);
	assert_ptr_equal(of_service, &callbacks);
	assert_int_equal(size, sizeof(client));
	counts->connections_now++;
	memset(&client, 0, sizeof(client));
	return &client;
}

bool service_make_room(uint16_t port, struct service_counters *counts,
		       const struct service_callbacks *of_service)
{
	(void)port;
	(void)counts;
	(void)of_service;
	return false;
}

void connection_detach(struct tcp_pcb *of)
{
	assert_ptr_equal(of, &pcb);
}

int http_answer_make(const struct http_request *request, bool too_large, struct http_answer *answer,
		     bool *keep_alive)
{
	assert_non_null(request);
	assert_false(too_large);
	for (unsigned int i = 0; i < 2; i++)
		blocks[i].length = ANSWER / 2;
	blocks[0].next = &blocks[1];
	blocks[1].next = NULL;
	*answer = (struct http_answer){.first = &blocks[0], .last = &blocks[1], .length = ANSWER};
	*keep_alive = request->keep_alive;
	answers++;
	return 0;
}

void http_answer_free(struct http_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	answers_freed++;
}

/* -- A client */

/* What it sends is taken from here. */
static void says(const char *text)
{
	segment.payload = (void *)(uintptr_t)text;
	segment.len = segment.tot_len = (u16_t)strlen(text);
	assert_int_equal(on_receive(&client, &pcb, &segment, ERR_OK), ERR_OK);
}

static err_t acknowledges(unsigned int bytes)
{
	pcb.snd_buf = (tcpwnd_size_t)(pcb.snd_buf + bytes);
	return on_sent(&client, &pcb, (u16_t)bytes);
}

static void asks(void)
{
	says("GET / HTTP/1.1\r\nHost: ringside\r\n\r\n");
	assert_int_equal(client.state, WAITING);
	host_thread_work("http");
	assert_int_equal(client.state, SENDING);
}

static int set_up(void **state)
{
	(void)state;
	host_reset();
	host_threads();
	assert_int_equal(start(), 0);
	tcp_ticks = UINT32_MAX - 10; /* they go beyond 2^32 */
	memset(&pcb, 0, sizeof(pcb));
	pcb.snd_buf = SEND_BUFFER;
	closed = aborted = freed = written = answers = answers_freed = 0;
	counters.connections_now = 0;
	assert_int_equal(on_accept(NULL, &pcb, ERR_OK), ERR_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(freed, 1);
	assert_int_equal(closed + aborted, 1);
	assert_int_equal(counters.connections_now, 0);
	return 0;
}

static void an_answer_is_taken_and_the_next_asked_for(void **state)
{
	(void)state;
	for (unsigned int i = 1; i <= 3; i++) {
		asks();
		assert_int_equal(answers, i);
		for (unsigned int taken = 0; taken < ANSWER; taken += SEND_BUFFER)
			assert_int_equal(acknowledges(SEND_BUFFER), ERR_OK);
		assert_int_equal(written, i * ANSWER);
		assert_int_equal(answers_freed, i);
		assert_int_equal(client.state, READING);
	}
	assert_int_equal(on_receive(&client, &pcb, NULL, ERR_OK), ERR_OK);
	assert_int_equal(closed, 1);
}

static void a_request_has_its_time(void **state)
{
	(void)state;
	says("GET / HT");
	/* Each byte begins nothing anew. */
	for (unsigned int i = 0; i < REQUEST_SECONDS; i++) {
		tcp_ticks += SECOND;
		says("x");
		assert_int_equal(on_poll(&client, &pcb), ERR_OK);
		assert_int_equal(closed, 0);
	}
	tcp_ticks++;
	assert_int_equal(on_poll(&client, &pcb), ERR_OK);
	assert_int_equal(closed, 1);
}

/* lwIP polls at each of its timers, whatever is acknowledged meanwhile. */
static void is_polled_for(unsigned int ticks)
{
	assert_int_equal(callbacks.poll_interval, 1);
	while (ticks--) {
		tcp_ticks++;
		assert_int_equal(on_poll(&client, &pcb), ERR_OK);
	}
}

static void an_answer_has_its_time_too(void **state)
{
	const unsigned int pause = IDLE_SECONDS * SECOND;

	(void)state;
	asks();
	for (unsigned int ticks = 0; ticks < ANSWER_SECONDS * SECOND; ticks += pause) {
		is_polled_for(pause);
		assert_int_equal(acknowledges(SEND_BUFFER / 2), ERR_OK);
	}
	tcp_ticks++;
	assert_int_equal(on_poll(&client, &pcb), ERR_ABRT);
	assert_int_equal(aborted, 1);
	assert_int_equal(answers_freed, 1);
}

/* lwIP says what was sent when a whole segment is acknowledged: who does so byte by byte has taken nothing. */
static void an_answer_that_nobody_takes_ends_sooner(void **state)
{
	(void)state;
	asks();
	is_polled_for(IDLE_SECONDS * SECOND - 1);
	assert_int_equal(acknowledges(10), ERR_OK);
	is_polled_for(IDLE_SECONDS * SECOND);
	tcp_ticks++;
	assert_int_equal(on_poll(&client, &pcb), ERR_ABRT);
	assert_int_equal(aborted, 1);
}

static void the_last_byte_may_come_late(void **state)
{
	(void)state;
	asks();
	for (unsigned int taken = SEND_BUFFER; taken < ANSWER; taken += SEND_BUFFER)
		assert_int_equal(acknowledges(SEND_BUFFER), ERR_OK);
	tcp_ticks += ANSWER_SECONDS * SECOND + 1;
	assert_int_equal(acknowledges(SEND_BUFFER), ERR_OK);
	assert_int_equal(client.state, READING);
	assert_int_equal(on_receive(&client, &pcb, NULL, ERR_OK), ERR_OK);
	assert_int_equal(closed, 1);
}

/* What others may take its place for. */
static void what_is_wasted(void **state)
{
	(void)state;
	assert_int_equal(wasted(&client), 1);
	tcp_ticks += 7;
	assert_int_equal(wasted(&client), 8);
	says("GET / HTTP/1.1\r\nHost: ringside\r\n\r\n");
	assert_int_equal(wasted(&client), 0);
	host_thread_work("http");
	tcp_ticks += ANSWER_EVICT_SECONDS * SECOND;
	assert_int_equal(wasted(&client), 0);
	tcp_ticks++;
	assert_int_equal(wasted(&client), ANSWER_EVICT_SECONDS * SECOND + 1);
	client_abort(&client);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_answer_is_taken_and_the_next_asked_for),
		TEST(a_request_has_its_time),
		TEST(an_answer_has_its_time_too),
		TEST(an_answer_that_nobody_takes_ends_sooner),
		TEST(the_last_byte_may_come_late),
		TEST(what_is_wasted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
