/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's side of the network loads: asks a guest's echo, discard and chargen for some seconds, and prints one
 * line of what was done. The seconds begin when connections are there, and one operation is done however long it takes.
 *
 *	load udp ADDRESS SECONDS IN_FLIGHT [FLOWS]	round trips of datagrams of 64 bytes
 *	load request ADDRESS SECONDS			the same over one TCP connection, one in flight
 *	load connect ADDRESS SECONDS			the same with a connection for each
 *	load send ADDRESS SECONDS			a stream to discard, whose answer says how much came
 *	load receive ADDRESS SECONDS			a stream from chargen
 *	load first ADDRESS SECONDS			asks until there is an answer for the first time
 *
 *	operations=51231 bytes=3278784 seconds=0.500012 lost=0 p50=9.1 p90=10.2 p99=14.9
 *
 * With LOAD_PAUSE=N in the environment, N microseconds pass before each operation of the first three but the first: the
 * guest has gone to sleep by then, however slow it is.
 *
 * The percentiles are microseconds of single round trips. What fails is one line, and status 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT_ECHO 7
#define PORT_DISCARD 9
#define PORT_CHARGEN 19
#define MESSAGE 64
#define BLOCK (256 << 10)
#define IN_FLIGHT_MAX 256
#define FLOWS_MAX 16
#define SAMPLES_MAX (1 << 20)
/* Without an answer for so long, what is on its way is taken for lost. */
#define LOST_MILLISECONDS 200
#define PATIENCE_SECONDS 20
#define ATTEMPTS_MAX 512
#define ATTEMPT_MILLISECONDS 2

static const char *address;
static float samples[SAMPLES_MAX];
static uint64_t operations, bytes, lost;
static uint64_t duration, began, ended; /* nanoseconds; what is lost at the end is not in `ended` */

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void pause_between(void)
{
	const char *microseconds = getenv("LOAD_PAUSE");

	if (microseconds)
		usleep((useconds_t)strtoul(microseconds, NULL, 10));
}

/* Connections are there: from now on it counts. When it is over. */
static uint64_t start_clock(void)
{
	began = now();
	return began + duration;
}

/* One round trip that began then. */
static void done(uint64_t since)
{
	ended = now();
	samples[operations++ % SAMPLES_MAX] = (float)(ended - since) / 1000;
	bytes += MESSAGE;
}

static int connect_to(int type, int port)
{
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
	int one = 1, handle = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (handle < 0)
		fail("socket: %s", strerror(errno));
	if (inet_pton(AF_INET, address, &peer.sin_addr) != 1)
		fail("%s: not an address", address);
	setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (type == SOCK_STREAM)
		setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(handle, (struct sockaddr *)&peer, sizeof(peer)))
		fail("connect to %s:%d: %s", address, port, strerror(errno));
	return handle;
}

/* -- Datagrams */

struct flow {
	int handle;
	unsigned int in_flight;
	uint64_t number; /* of the next one */
};

static void send_datagrams(struct flow *flow, unsigned int count)
{
	uint64_t messages[IN_FLIGHT_MAX][MESSAGE / sizeof(uint64_t)] = {{0}};
	struct mmsghdr headers[IN_FLIGHT_MAX] = {0};
	struct iovec pieces[IN_FLIGHT_MAX];
	unsigned int sent = 0;

	for (unsigned int i = 0; i < count; i++) {
		messages[i][0] = now();
		messages[i][1] = flow->number++;
		pieces[i] = (struct iovec){messages[i], MESSAGE};
		headers[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i], .msg_iovlen = 1};
	}
	while (sent < count) {
		int some = sendmmsg(flow->handle, headers + sent, count - sent, 0);

		if (some <= 0)
			fail("send to %s: %s", address, strerror(errno));
		sent += (unsigned int)some;
	}
	flow->in_flight += count;
}

/* Takes what has come; how many. Answers to what was given up as lost count no more. */
static unsigned int take_datagrams(struct flow *flow)
{
	uint64_t messages[IN_FLIGHT_MAX][MESSAGE / sizeof(uint64_t)];
	struct mmsghdr headers[IN_FLIGHT_MAX] = {0};
	struct iovec pieces[IN_FLIGHT_MAX];
	unsigned int taken = 0;
	int count;

	for (unsigned int i = 0; i < IN_FLIGHT_MAX; i++) {
		pieces[i] = (struct iovec){messages[i], MESSAGE};
		headers[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i], .msg_iovlen = 1};
	}
	count = recvmmsg(flow->handle, headers, IN_FLIGHT_MAX, MSG_DONTWAIT, NULL);
	if (count < 0 && errno != EAGAIN)
		fail("receive from %s: %s", address, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (headers[i].msg_len != MESSAGE || messages[i][1] >= flow->number)
			fail("%s: not the datagram that was sent", address);
		if (!flow->in_flight)
			continue;
		flow->in_flight--;
		done(messages[i][0]);
		taken++;
	}
	return taken;
}

static void load_udp(unsigned int in_flight, unsigned int count)
{
	struct flow flows[FLOWS_MAX] = {0};
	struct pollfd polls[FLOWS_MAX];
	uint64_t until = start_clock();

	for (unsigned int i = 0; i < count; i++) {
		flows[i].handle = connect_to(SOCK_DGRAM, PORT_ECHO);
		polls[i] = (struct pollfd){.fd = flows[i].handle, .events = POLLIN};
		send_datagrams(&flows[i], in_flight / count);
	}
	for (;;) {
		unsigned int running = 0;
		int ready = poll(polls, count, LOST_MILLISECONDS);

		for (unsigned int i = 0; i < count; i++) {
			struct flow *flow = &flows[i];
			unsigned int free = 0;

			if (!ready) {
				free = flow->in_flight;
				lost += free;
				flow->in_flight = 0;
			} else if (polls[i].revents) {
				free = take_datagrams(flow);
			}
			if (free && (now() < until || !operations)) {
				pause_between();
				send_datagrams(flow, free);
			}
			running += flow->in_flight;
		}
		if (!operations && now() > began + PATIENCE_SECONDS * 1000000000ull)
			fail("%s: no datagram comes back", address);
		if (!running)
			break;
	}
}

/* -- Connections */

static void write_all(int handle, const void *data, size_t length)
{
	for (size_t sent = 0; sent < length;) {
		ssize_t some = write(handle, (const char *)data + sent, length - sent);

		if (some <= 0)
			fail("send to %s: %s", address, strerror(errno));
		sent += (size_t)some;
	}
}

static void ask(int handle)
{
	char question[MESSAGE] = "a question", answer[MESSAGE];
	size_t came = 0;

	write_all(handle, question, sizeof(question));
	while (came < sizeof(answer)) {
		ssize_t some = read(handle, answer + came, sizeof(answer) - came);

		if (some <= 0)
			fail("answer of %s: %s", address, some ? strerror(errno) : "it closed");
		came += (size_t)some;
	}
	if (memcmp(question, answer, sizeof(answer)))
		fail("%s: another answer than the question", address);
}

static void load_request(void)
{
	int handle = connect_to(SOCK_STREAM, PORT_ECHO);
	uint64_t until = start_clock();

	do {
		uint64_t since = now();

		ask(handle);
		done(since);
		pause_between();
	} while (now() < until);
	close(handle);
}

static void load_connect(void)
{
	uint64_t until = start_clock();

	do {
		uint64_t since = now();
		int handle = connect_to(SOCK_STREAM, PORT_ECHO);

		ask(handle);
		close(handle);
		done(since);
		pause_between();
	} while (now() < until);
}

static void load_send(void)
{
	static char block[BLOCK];
	int handle = connect_to(SOCK_STREAM, PORT_DISCARD);
	char answer[32] = "";
	uint64_t until = start_clock();
	ssize_t length;

	do {
		write_all(handle, block, sizeof(block));
		bytes += sizeof(block);
		operations++;
	} while (now() < until);
	shutdown(handle, SHUT_WR);
	length = read(handle, answer, sizeof(answer) - 1);
	if (length <= 0 || strtoull(answer, NULL, 10) != bytes)
		fail("%s: discard got other than the %llu bytes that were sent", address,
		     (unsigned long long)bytes);
	close(handle);
}

static void load_receive(void)
{
	static char block[BLOCK];
	int handle = connect_to(SOCK_STREAM, PORT_CHARGEN);
	uint64_t until = start_clock();

	do {
		ssize_t length = read(handle, block, sizeof(block));

		if (length <= 0)
			fail("chargen of %s: %s", address, length ? strerror(errno) : "it closed");
		bytes += (uint64_t)length;
		operations++;
	} while (now() < until);
	close(handle);
}

/* -- The first answer of a machine that starts */

/*
 * A new connection every few milliseconds, because what is asked of a machine that is not there yet is repeated after
 * a second only; the one that is answered counts.
 */
static void load_first(void)
{
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(PORT_ECHO)};
	struct pollfd polls[ATTEMPTS_MAX];
	uint64_t until = start_clock();
	unsigned int next = 0;

	if (inet_pton(AF_INET, address, &peer.sin_addr) != 1)
		fail("%s: not an address", address);
	for (unsigned int i = 0; i < ATTEMPTS_MAX; i++)
		polls[i].fd = -1;
	while (now() < until) {
		struct pollfd *attempt = &polls[next++ % ATTEMPTS_MAX];

		if (attempt->fd >= 0)
			close(attempt->fd);
		attempt->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		attempt->events = POLLOUT;
		if (connect(attempt->fd, (struct sockaddr *)&peer, sizeof(peer)) &&
		    errno != EINPROGRESS) {
			close(attempt->fd);
			attempt->fd = -1;
		}
		poll(polls, ATTEMPTS_MAX, ATTEMPT_MILLISECONDS);
		for (unsigned int i = 0; i < ATTEMPTS_MAX; i++) {
			char byte = 'x';

			if (polls[i].fd < 0 || !polls[i].revents)
				continue;
			if (polls[i].events == POLLIN && read(polls[i].fd, &byte, 1) == 1) {
				operations = 1;
				return;
			}
			if (polls[i].events == POLLOUT && write(polls[i].fd, &byte, 1) == 1) {
				polls[i].events = POLLIN;
				continue;
			}
			close(polls[i].fd);
			polls[i].fd = -1;
		}
	}
	fail("%s does not answer", address);
}

static int compare(const void *left, const void *right)
{
	float a = *(const float *)left, b = *(const float *)right;

	return a < b ? -1 : a > b;
}

static double percentile(uint64_t count, double part)
{
	return count ? (double)samples[(uint64_t)(part * (double)(count - 1))] : 0;
}

int main(int argc, char **argv)
{
	uint64_t count, in_flight = 1, flows = 1;
	const char *mode = argc > 1 ? argv[1] : "";
	bool udp = !strcmp(mode, "udp"), stream = !strcmp(mode, "send") || !strcmp(mode, "receive");

	if (argc < (udp ? 5 : 4) || argc > (udp ? 6 : 4))
		fail("udp ADDRESS SECONDS IN_FLIGHT [FLOWS] | request|connect|send|receive|first ADDRESS SECONDS");
	address = argv[2];
	if (udp)
		in_flight = strtoull(argv[4], NULL, 10);
	if (argc > 5)
		flows = strtoull(argv[5], NULL, 10);
	if (!flows || flows > FLOWS_MAX || in_flight < flows || in_flight > IN_FLIGHT_MAX)
		fail("up to %d in flight in up to %d flows", IN_FLIGHT_MAX, FLOWS_MAX);
	duration = (uint64_t)(strtod(argv[3], NULL) * 1e9);
	if (udp)
		load_udp((unsigned int)in_flight, (unsigned int)flows);
	else if (!strcmp(mode, "request"))
		load_request();
	else if (!strcmp(mode, "connect"))
		load_connect();
	else if (!strcmp(mode, "send"))
		load_send();
	else if (!strcmp(mode, "receive"))
		load_receive();
	else if (!strcmp(mode, "first"))
		load_first();
	else
		fail("%s: no such load", mode);
	if (!ended)
		ended = now();
	printf("operations=%llu bytes=%llu seconds=%.6f lost=%llu", (unsigned long long)operations,
	       (unsigned long long)bytes, (double)(ended - began) / 1e9, (unsigned long long)lost);
	if (!stream) {
		count = operations < SAMPLES_MAX ? operations : SAMPLES_MAX;
		qsort(samples, count, sizeof(samples[0]), compare);
		printf(" p50=%.1f p90=%.1f p99=%.1f", percentile(count, 0.5),
		       percentile(count, 0.9), percentile(count, 0.99));
	}
	putchar('\n');
	return 0;
}
