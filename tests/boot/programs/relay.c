/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay TAP PORT QEMU_PORT [WORD=VALUE...]: carries frames between a TAP device and QEMU's "-netdev dgram" (UDP on 127.0.0.1,
 * from PORT here to QEMU_PORT there), and spoils some of them:
 *
 *	seed=N		which ones; the same seed and the same frames give the same faults
 *	loss=P corrupt=P duplicate=P reorder=P delay=P
 *			how many, in percent ("0.5") of the frames each way; a frame has one fault at most, in this order
 *	delay_ms=N	a delayed frame comes 1 to N milliseconds later (20)
 *	after=N		the first N frames each way go through untouched (0)
 *	begin=signal	all do until SIGUSR1, with which the N frames begin
 *
 * A corrupted frame has one bit inverted behind its Ethernet header; ARP, which has no checksum of its own, is
 * left whole: either side would believe a wrong address for minutes. A reordered one is passed by 1 to 3 that come after it, or
 * goes on after 50 ms when none do. What each way did is printed when it is ended (SIGTERM), as one line for each.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX 65536
#define HELD_MAX 1024
#define ETHERNET_HEADER 14
#define REORDER_WAIT 50 /* ms */
#define WHOLE 1000000	/* of a rate: parts of a million */

enum fault { NONE, LOSS, CORRUPT, DUPLICATE, REORDER, DELAY, FAULTS };

static const char *const fault_names[FAULTS] = {"untouched",  "lost",	   "corrupted",
						"duplicated", "reordered", "delayed"};
static const char *const rate_names[FAULTS] = {"",	    "loss",    "corrupt",
					       "duplicate", "reorder", "delay"};

struct held {
	uint8_t *bytes;
	size_t length;
	uint64_t due;	     /* ms; goes on then at the latest */
	unsigned int passes; /* frames that still are to pass it; 0: only time counts */
};

struct way {
	const char *name;
	int from, to;
	uint64_t random;
	uint64_t frames, counts[FAULTS], failed;
	uint64_t spoiled_from; /* the number of a frame */
	struct held held[HELD_MAX];
	unsigned int held_count;
};

static unsigned long rates[FAULTS], delay_most = 20, untouched;
static struct way ways[2] = {{.name = "to guest"}, {.name = "from guest"}};
static bool asleep;
static volatile sig_atomic_t ended, woken;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static void wake(int signal)
{
	(void)signal;
	woken = 1;
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "relay: %s: %s\n", what, why);
	return 1;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* SplitMix64: good enough, and short. */
static uint64_t draw(struct way *way)
{
	uint64_t z = way->random += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void put(struct way *way, const uint8_t *frame, size_t length)
{
	/* Nobody there yet, or no room: as on a wire, the frame is gone; but it is counted. */
	if (write(way->to, frame, length) != (ssize_t)length)
		way->failed++;
}

static void release(struct way *way, unsigned int index)
{
	struct held *held = &way->held[index];

	put(way, held->bytes, held->length);
	free(held->bytes);
	memmove(held, held + 1, (--way->held_count - index) * sizeof(*held));
}

/* False: there is no room, and the frame goes on at once. */
static bool hold(struct way *way, const uint8_t *frame, size_t length, uint64_t delay,
		 unsigned int passes)
{
	uint8_t *bytes = way->held_count < HELD_MAX ? malloc(length) : NULL;

	if (!bytes)
		return false;
	memcpy(bytes, frame, length);
	way->held[way->held_count++] = (struct held){bytes, length, now() + delay, passes};
	return true;
}

static void release_due(struct way *way)
{
	uint64_t time = now();

	for (unsigned int i = 0; i < way->held_count;)
		if (way->held[i].due <= time)
			release(way, i);
		else
			i++;
}

static void passed(struct way *way, unsigned int count)
{
	for (unsigned int i = 0; i < count && i < way->held_count;)
		if (way->held[i].passes && !--way->held[i].passes) {
			release(way, i);
			count--;
		} else {
			i++;
		}
}

static bool is_arp(const uint8_t *frame, size_t length)
{
	return length > ETHERNET_HEADER && frame[12] == 0x08 && frame[13] == 0x06;
}

/* The same number of draws for each frame, so that one frame's fault does not move the next one's. */
static void carry(struct way *way, uint8_t *frame, size_t length)
{
	uint64_t chance = draw(way) % WHOLE, detail = draw(way);
	unsigned int held = way->held_count;
	enum fault fault = NONE;

	if (!asleep && way->frames >= way->spoiled_from)
		for (unsigned int i = LOSS; i < FAULTS; i++) {
			if (chance < rates[i]) {
				fault = i;
				break;
			}
			chance -= rates[i];
		}
	way->frames++;
	if (fault == CORRUPT && (length <= ETHERNET_HEADER || is_arp(frame, length)))
		fault = NONE;
	way->counts[fault]++;
	switch (fault) {
	case LOSS:
		return;
	case REORDER:
		if (hold(way, frame, length, REORDER_WAIT, 1 + detail % 3))
			return;
		break;
	case DELAY:
		if (hold(way, frame, length, 1 + detail % delay_most, 0))
			return;
		break;
	case CORRUPT:
		frame[ETHERNET_HEADER + detail / 8 % (length - ETHERNET_HEADER)] ^= 1u
										    << detail % 8;
		break;
	case DUPLICATE:
		put(way, frame, length);
		break;
	default:
		break;
	}
	put(way, frame, length);
	passed(way, held);
}

static int next_timeout(void)
{
	uint64_t time = now(), least = 1000;

	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int j = 0; j < ways[i].held_count; j++) {
			uint64_t due = ways[i].held[j].due;

			if (due <= time)
				return 0;
			if (due - time < least)
				least = due - time;
		}
	return (int)least;
}

static int open_tap(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (tap < 0 || strlen(name) >= IFNAMSIZ)
		return -1;
	strcpy(request.ifr_name, name);
	return ioctl(tap, TUNSETIFF, &request) < 0 ? -1 : tap;
}

static int open_socket(unsigned long port, unsigned long peer)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)}, there;
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
	    room = 8 << 20;

	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	there = here;
	there.sin_port = htons((uint16_t)peer);
	/* What QEMU does not take at once must not be lost by us unasked. */
	(void)(setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) &&
	       setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)));
	if (descriptor < 0 || bind(descriptor, (struct sockaddr *)&here, sizeof(here)) ||
	    connect(descriptor, (struct sockaddr *)&there, sizeof(there)))
		return -1;
	return descriptor;
}

static int read_word(const char *word)
{
	const char *value = strchr(word, '=');
	size_t length = value ? (size_t)(value - word) : 0;
	char *rest;

	if (!value || !value[1])
		return 0;
	for (unsigned int i = LOSS; i < FAULTS; i++)
		if (length == strlen(rate_names[i]) && !strncmp(word, rate_names[i], length)) {
			double percent = strtod(value + 1, &rest);

			rates[i] = (unsigned long)(percent * (WHOLE / 100) + 0.5);
			return !*rest && percent >= 0 && percent <= 100;
		}
	if (!strncmp(word, "seed=", 5)) {
		ways[0].random = strtoull(value + 1, &rest, 0);
		ways[1].random = ~ways[0].random;
	} else if (!strncmp(word, "delay_ms=", 9)) {
		delay_most = strtoul(value + 1, &rest, 10);
		if (!delay_most)
			return 0;
	} else if (!strncmp(word, "after=", 6)) {
		untouched = strtoul(value + 1, &rest, 10);
	} else if (!strcmp(word, "begin=signal")) {
		asleep = true;
		return 1;
	} else {
		return 0;
	}
	return !*rest;
}

static void report(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		printf("relay: %s: %llu frames", ways[i].name, (unsigned long long)ways[i].frames);
		for (unsigned int fault = LOSS; fault < FAULTS; fault++)
			printf(", %llu %s", (unsigned long long)ways[i].counts[fault],
			       fault_names[fault]);
		printf(", %llu not taken\n", (unsigned long long)ways[i].failed);
	}
}

int main(int argc, char **argv)
{
	static uint8_t frame[FRAME_MAX];
	struct sigaction action = {.sa_handler = end};
	unsigned long port, peer, sum = 0;
	int tap, descriptor;

	if (argc < 4)
		return fail("usage", "relay TAP PORT QEMU_PORT [WORD=VALUE...]");
	port = strtoul(argv[2], NULL, 10);
	peer = strtoul(argv[3], NULL, 10);
	if (!port || port > 65535 || !peer || peer > 65535)
		return fail("ports", "1 to 65535");
	ways[1].random = ~0ull;
	for (int i = 4; i < argc; i++)
		if (!read_word(argv[i]))
			return fail(argv[i], "not WORD=VALUE of those that there are");
	for (unsigned int i = LOSS; i < FAULTS; i++)
		sum += rates[i];
	if (sum > WHOLE)
		return fail("rates", "together more than 100 %");
	tap = open_tap(argv[1]);
	if (tap < 0)
		return fail(argv[1], strerror(errno));
	descriptor = open_socket(port, peer);
	if (descriptor < 0)
		return fail(argv[2], strerror(errno));
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	action.sa_handler = wake;
	sigaction(SIGUSR1, &action, NULL);
	ways[0].spoiled_from = ways[1].spoiled_from = untouched;
	ways[0].from = ways[1].to = tap;
	ways[0].to = ways[1].from = descriptor;
	printf("relay: ready\n");
	fflush(stdout);

	while (!ended) {
		struct pollfd ready[2] = {{.fd = ways[0].from, .events = POLLIN},
					  {.fd = ways[1].from, .events = POLLIN}};

		if (poll(ready, 2, next_timeout()) < 0 && errno != EINTR)
			return fail("poll", strerror(errno));
		if (asleep && woken) {
			asleep = false;
			for (unsigned int i = 0; i < 2; i++)
				ways[i].spoiled_from = ways[i].frames + untouched;
		}
		for (unsigned int i = 0; i < 2; i++) {
			ssize_t length;

			/* A few at a time, so that neither way waits for the other. ECONNREFUSED: QEMU is not there yet. */
			for (unsigned int n = 0;
			     n < 64 && (length = read(ways[i].from, frame, sizeof(frame))) > 0; n++)
				carry(&ways[i], frame, (size_t)length);
			release_due(&ways[i]);
		}
	}
	report();
	return 0;
}
