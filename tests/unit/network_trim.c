/* SPDX-License-Identifier: BSD-2-Clause */
/* What is taken from a TCP segment before lwIP sees it. */
#include "net/lwip/trim.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define NEXT 0xfffff000u /* the window goes beyond 2^32 */
#define WINDOW 10000u

static struct tcp_pcb pcb;
static struct tcp_hdr header;
static struct pbuf data;
static unsigned int sent_again, output;

err_t tcp_rexmit(struct tcp_pcb *of)
{
	assert_ptr_equal(of, &pcb);
	sent_again++;
	return ERR_OK;
}

err_t tcp_output(struct tcp_pcb *of)
{
	assert_ptr_equal(of, &pcb);
	output++;
	return ERR_OK;
}

void pbuf_realloc(struct pbuf *packet, u16_t length)
{
	assert_true(length <= packet->tot_len);
	packet->tot_len = length;
}

/* What is left of a segment that begins so far behind what is next: its length, and whether it ends the stream. */
static bool left(int from, unsigned int flags, unsigned int length, unsigned int *bytes, bool *end)
{
	bool taken;

	memset(&header, 0, sizeof(header));
	header.seqno = NEXT + (uint32_t)from;
	TCPH_HDRLEN_FLAGS_SET(&header, 5, flags);
	data.tot_len = (u16_t)length;
	taken = trim_segment(&pcb, &header, &data);
	*bytes = data.tot_len;
	*end = TCPH_FLAGS(&header) & TCP_FIN;
	assert_int_equal(TCPH_HDRLEN(&header), 5);
	assert_int_equal(TCPH_FLAGS(&header) | TCP_FIN, flags | TCP_FIN);
	return taken;
}

static void is_left(int from, unsigned int flags, unsigned int length, unsigned int bytes, bool end)
{
	unsigned int bytes_left;
	bool end_left;

	assert_true(left(from, flags, length, &bytes_left, &end_left));
	assert_int_equal(bytes_left, bytes);
	assert_int_equal(end_left, end);
}

static int set_up(void **state)
{
	(void)state;
	memset(&pcb, 0, sizeof(pcb));
	pcb.state = ESTABLISHED;
	pcb.rcv_nxt = NEXT;
	pcb.rcv_wnd = WINDOW;
	sent_again = output = 0;
	return 0;
}

static void a_segment_ends_with_the_window(void **state)
{
	(void)state;
	is_left(0, TCP_ACK, 1460, 1460, false);
	is_left(0, TCP_ACK | TCP_FIN, 0, 0, true);
	is_left(9000, TCP_ACK, 1000, 1000, false);
	is_left(9000, TCP_ACK, 1001, 1000, false);
	is_left(9999, TCP_ACK, 1460, 1, false);
	is_left(-100, TCP_ACK, 65000, 10100, false);
	/* The end of the stream takes a place, too. */
	is_left(9000, TCP_ACK | TCP_FIN, 999, 999, true);
	is_left(9000, TCP_ACK | TCP_FIN, 1000, 1000, false);
	is_left(9000, TCP_ACK | TCP_FIN, 2000, 1000, false);
	/* Outside: it is answered with what we expect. */
	is_left(10000, TCP_ACK, 1460, 1460, false);
	is_left(-2000, TCP_ACK, 1460, 1460, false);
	pcb.rcv_wnd = 0;
	is_left(0, TCP_ACK, 1, 1, false);
	is_left(-5, TCP_ACK, 9, 5, false);
}

static void an_end_that_waits_has_its_place(void **state)
{
	struct tcp_hdr first_header = {.seqno = NEXT + 5000}, last_header = {.seqno = NEXT + 9999};
	struct tcp_seg last = {.tcphdr = &last_header},
		       first = {.next = &last, .tcphdr = &first_header};
	unsigned int bytes;
	bool end;

	(void)state;
	pcb.ooseq = &first;
	is_left(0, TCP_ACK, 10000, 10000, false);
	TCPH_HDRLEN_FLAGS_SET(&last_header, 5, TCP_ACK | TCP_FIN);
	is_left(0, TCP_ACK, 10000, 9999, false);
	is_left(0, TCP_ACK, 9999, 9999, false);
	assert_false(left(9999, TCP_ACK, 1, &bytes, &end));
	assert_int_equal(output, 1);
	assert_true(pcb.flags & TF_ACK_NOW);
	is_left(9998, TCP_ACK | TCP_FIN, 1, 1, true);
}

static void a_syn_opens_nothing_twice(void **state)
{
	unsigned int bytes;
	bool end;

	(void)state;
	/* To one that is open, lwIP says so; resets are its own. */
	is_left(100, TCP_SYN, 10, 10, false);
	pcb.state = SYN_RCVD;
	is_left(100, TCP_SYN | TCP_RST, 10, 10, false);
	assert_false(left(100, TCP_SYN | TCP_ACK, 10, &bytes, &end));
	assert_false(left(100, TCP_SYN, 0, &bytes, &end));
	assert_int_equal(sent_again, 0);
	assert_false(left(-1, TCP_SYN, 0, &bytes, &end));
	assert_int_equal(sent_again, 1);
	assert_int_equal(output, 1);
	/* One that we open has not heard what is next. */
	pcb.state = SYN_SENT;
	is_left(100, TCP_SYN | TCP_ACK, 20000, 20000, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_segment_ends_with_the_window, set_up),
		cmocka_unit_test_setup(an_end_that_waits_has_its_place, set_up),
		cmocka_unit_test_setup(a_syn_opens_nothing_twice, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
