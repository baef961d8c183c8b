/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhost-user-blk, vhost-user-net: a disk and a network outside the VMM that can be told to misbehave; the
 * program's name says which. It waits at a socket for one front end after the other. SIGHUP: the image may be
 * longer or shorter now. SIGTERM ends it.
 */
#include "tests/conformance/back_end/back_end.h"
#include "tests/conformance/back_end/block.h"
#include "tests/conformance/back_end/faults.h"
#include "tests/conformance/back_end/net.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SPURIOUS_MILLISECONDS 20
#define STORM_MICROSECONDS 20

struct options {
	const char *socket, *image, *serial;
	uint64_t size;
	unsigned long queues;
	bool read_only;
	bool network;
};

static const char usage[] =
	"usage: vhost-user-blk --socket PATH [--image FILE | --size BYTES] [--serial TEXT]\n"
	"                      [--queues N] [--read-only] [--fault NAME [--times N]]...\n"
	"       vhost-user-net --socket PATH [--fault NAME [--times N]]...\n"
	"       vhost-user-blk --list-faults | --list-lies\n";

static int wrong(const char *what, const char *value)
{
	fprintf(stderr, "%s: %s%s\n%s", program_invocation_short_name, what, value, usage);
	return 2;
}

/* A whole number, or false. */
static bool number(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	return !errno && end != text && !*end && text[0] != '-';
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{"socket", required_argument, NULL, 's'}, {"image", required_argument, NULL, 'i'},
		{"size", required_argument, NULL, 'b'},	  {"serial", required_argument, NULL, 'n'},
		{"queues", required_argument, NULL, 'q'}, {"read-only", no_argument, NULL, 'r'},
		{"fault", required_argument, NULL, 'f'},  {"list-faults", no_argument, NULL, 'l'},
		{"times", required_argument, NULL, 't'},  {"list-lies", no_argument, NULL, 'L'},
		{"help", no_argument, NULL, 'h'},	  {NULL, 0, NULL, 0},
	};
	uint64_t queues = 4, times;
	int option;

	*options = (struct options){.serial = "ringside-vhost-user",
				    .size = 16u << 20,
				    .network = strcmp(program_invocation_short_name,
						      "vhost-user-net") == 0};
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 's':
			options->socket = optarg;
			break;
		case 'i':
			options->image = optarg;
			break;
		case 'b':
			if (!number(optarg, &options->size) || options->size % BLOCK_SECTOR ||
			    options->size > INT64_MAX)
				return wrong("not a number of bytes in whole sectors: ", optarg);
			break;
		case 'n':
			options->serial = optarg;
			break;
		case 'q':
			if (!number(optarg, &queues) || queues < 1 || queues > QUEUES_MAX)
				return wrong("not a number of queues from 1 to 16: ", optarg);
			break;
		case 'r':
			options->read_only = true;
			break;
		case 'f':
			if (!fault_set(optarg))
				return wrong("no such fault (see --list-faults): ", optarg);
			break;
		case 't':
			if (!number(optarg, &times))
				return wrong("not a number of times: ", optarg);
			fault_times(times);
			break;
		case 'l':
		case 'L':
			fault_list(stdout, option == 'L');
			return 0;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	options->queues = queues;
	if (optind < argc)
		return wrong("what is that: ", argv[optind]);
	if (!options->socket)
		return wrong("--socket is missing", "");
	if (strlen(options->serial) > BLOCK_SERIAL)
		return wrong("a serial number has at most 20 characters: ", options->serial);
	return -1;
}

/* The socket, or -1 after a line on standard error. */
static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener;

	if (strlen(path) >= sizeof(address.sun_path)) {
		fprintf(stderr, "%s: %s: too long for a socket\n", program_invocation_short_name,
			path);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, 1)) {
		fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, path,
			strerror(errno));
		if (listener >= 0)
			close(listener);
		return -1;
	}
	return listener;
}

enum { SIGNALS, SOCKET, KICKS }; /* places in the table of poll() */

/* Takes a signal. False: the end. */
static bool take_signal(int signals, struct block *block, struct back_end *back_end, bool connected)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return true;
	if (info.ssi_signo != SIGHUP)
		return false;
	if (block && block_look(block) && connected)
		protocol_tell_configuration(back_end);
	return true;
}

/* How long poll() waits for something before bother() has its turn, in milliseconds; -1: for ever. */
static int patience(void)
{
	if (fault_is(FAULT_INTERRUPT_STORM))
		return 0;
	if (fault_is(FAULT_CONFIG_MOVING))
		return 1;
	return fault_is(FAULT_INTERRUPT_SPURIOUS) ? SPURIOUS_MILLISECONDS : -1;
}

/* Faults that need no reason. */
static void bother(struct back_end *back_end)
{
	if (fault_is(FAULT_CONFIG_MOVING))
		protocol_tell_configuration(back_end);
	for (unsigned int i = 0; i < back_end->device->queues; i++) {
		if (!back_end->rings[i].kicked)
			continue;
		if (fault_is(FAULT_INTERRUPT_SPURIOUS) || fault_now(FAULT_INTERRUPT_STORM))
			ring_interrupt(&back_end->rings[i]);
	}
	if (fault_is(FAULT_INTERRUPT_STORM))
		usleep(STORM_MICROSECONDS);
}

/* `block` is the device, or NULL where that is no disk. */
static void serve(int listener, int signals, struct device *device, struct block *block)
{
	static struct back_end back_end;
	bool connected = false;

	for (;;) {
		struct pollfd files[KICKS + QUEUES_MAX] = {{.fd = signals, .events = POLLIN},
							   {.fd = listener, .events = POLLIN}};
		int count;

		for (unsigned int i = 0; i < QUEUES_MAX; i++) {
			files[KICKS + i].fd = connected ? back_end.rings[i].kick : -1;
			files[KICKS + i].events = POLLIN;
		}
		if (connected)
			files[SOCKET].fd = back_end.socket;
		count = poll(files, KICKS + QUEUES_MAX, connected ? patience() : -1);
		if (count < 0 && errno != EINTR)
			break;
		if (count == 0 && connected)
			bother(&back_end);
		if (count <= 0)
			continue;
		if (files[SIGNALS].revents && !take_signal(signals, block, &back_end, connected))
			break;
		for (unsigned int i = 0; i < QUEUES_MAX; i++) {
			if (files[KICKS + i].revents)
				back_end_kicked(&back_end, i);
		}
		if (files[SOCKET].revents && !connected) {
			int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

			connected = socket >= 0;
			if (connected)
				back_end_open(&back_end, device, socket);
		} else if (files[SOCKET].revents) {
			int error = protocol_receive(&back_end);

			if (error && error != -ECONNRESET)
				fprintf(stderr, "%s: the front end: %s\n",
					program_invocation_short_name, strerror(-error));
			if (error) {
				back_end_close(&back_end);
				connected = false;
			}
		}
	}
	if (connected)
		back_end_close(&back_end);
}

int main(int argc, char **argv)
{
	struct options options;
	struct block block = {.file = -1};
	struct net net;
	int status = read_options(argc, argv, &options);
	sigset_t set;
	int listener, signals;

	if (status >= 0)
		return status;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	memcpy(block.serial, options.serial, strlen(options.serial) + 1);
	net_open(&net);
	if (signals < 0 ||
	    (!options.network && block_open(&block, options.image, options.size, options.read_only,
					    (unsigned int)options.queues)))
		return 1;
	listener = listen_at(options.socket);
	if (listener < 0) {
		block_close(&block);
		return 1;
	}
	if (options.network)
		serve(listener, signals, &net.device, NULL);
	else
		serve(listener, signals, &block.device, &block);
	unlink(options.socket);
	close(listener);
	close(signals);
	block_close(&block);
	return 0;
}
