/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the Linux guest of the measurements runs beside busybox, linked statically: the services that Ringside has, each
 * a process that serves one after the other with blocking calls (the fewest system calls for each), and on the
 * console a line's worth of work at a time.
 *
 *	read DEVICE COUNT DEPTH BYTES THREADS	direct reads; spread over the disk up to 4 KiB, else one behind the other
 *	interrupts				/proc/interrupts
 *
 * Each answer ends with a line "guest: done" or "guest: failed: why"; "guest: ready" comes first of all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PORT_ECHO 7
#define PORT_DISCARD 9
#define PORT_CHARGEN 19
#define PORT_HTTP 80
#define BLOCK (256 << 10)
#define BACKLOG 128
#define DEPTH_MAX 256
#define THREADS_MAX 8
/* As far apart as Ringside's blkbench reads. */
#define STEP (37 * 4096)

static void __attribute__((noreturn)) die(const char *what)
{
	printf("guest: failed: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* -- Services */

static int listen_at(int type, int port)
{
	struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int one = 1, handle = socket(AF_INET, type, 0);

	setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (handle < 0 || bind(handle, (struct sockaddr *)&place, sizeof(place)) ||
	    (type == SOCK_STREAM && listen(handle, BACKLOG)))
		die("listen");
	return handle;
}

static void write_all(int handle, const char *data, size_t length)
{
	while (length) {
		ssize_t some = write(handle, data, length);

		if (some <= 0)
			return;
		data += some;
		length -= (size_t)some;
	}
}

static void echo(int handle, char *block)
{
	ssize_t length;

	while ((length = read(handle, block, BLOCK)) > 0)
		write_all(handle, block, (size_t)length);
}

static void discard(int handle, char *block)
{
	unsigned long long came = 0;
	ssize_t length;

	while ((length = read(handle, block, BLOCK)) > 0)
		came += (unsigned long long)length;
	write_all(handle, block, (size_t)sprintf(block, "%llu\n", came));
}

/* RFC 864's lines repeat after 95 of them. */
static void chargen(int handle, char *block)
{
	size_t filled = 0;

	for (unsigned int line = 0; filled + 95 * 74 <= BLOCK || line % 95; line++) {
		for (unsigned int i = 0; i < 72; i++)
			block[filled++] = (char)(' ' + (line + i) % 95);
		block[filled++] = '\r';
		block[filled++] = '\n';
	}
	while (write(handle, block, filled) > 0)
		;
}

static void http(int handle, char *block)
{
	static const char page[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "
				   "6\r\nConnection: close\r\n\r\nLinux\n";

	if (read(handle, block, BLOCK) > 0)
		write_all(handle, page, sizeof(page) - 1);
}

static void serve_connections(int port, void (*serve)(int handle, char *block))
{
	int listener = listen_at(SOCK_STREAM, port), one = 1;
	char *block;

	if (fork())
		return;
	block = malloc(BLOCK);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int handle = accept(listener, NULL, NULL);

		if (handle < 0)
			die("accept");
		setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		serve(handle, block);
		close(handle);
	}
}

static void serve_datagrams(void)
{
	int handle = listen_at(SOCK_DGRAM, PORT_ECHO);
	static char data[65536];

	if (fork())
		return;
	for (;;) {
		struct sockaddr_in peer;
		socklen_t size = sizeof(peer);
		ssize_t length =
			recvfrom(handle, data, sizeof(data), 0, (struct sockaddr *)&peer, &size);

		if (length >= 0)
			sendto(handle, data, (size_t)length, 0, (struct sockaddr *)&peer, size);
	}
}

/* -- Disks */

struct reader {
	int handle;
	uint64_t count, places, step, length, first;
	unsigned int depth;
	const char *failed;
};

/* Submits all that is free with one call, and waits for at least one. */
static const char *read_all(struct reader *reader)
{
	struct iocb blocks[DEPTH_MAX] = {0}, *to_submit[DEPTH_MAX];
	struct io_event events[DEPTH_MAX];
	uint64_t next = 0, finished = 0;
	unsigned int waiting = 0;
	aio_context_t context = 0;
	char *memory;

	if (posix_memalign((void **)&memory, 4096, reader->depth * reader->length) ||
	    syscall(SYS_io_setup, reader->depth, &context))
		return "io_setup";
	for (unsigned int i = 0; i < reader->depth; i++) {
		blocks[i] = (struct iocb){.aio_lio_opcode = IOCB_CMD_PREAD,
					  .aio_fildes = (uint32_t)reader->handle,
					  .aio_buf = (uint64_t)(memory + i * reader->length),
					  .aio_nbytes = reader->length};
		to_submit[waiting++] = &blocks[i];
	}
	while (finished < reader->count) {
		unsigned int adding = 0;
		long came;

		for (; adding < waiting && next < reader->count; adding++)
			to_submit[adding]->aio_offset =
				(int64_t)((reader->first + next++) % reader->places * reader->step);
		if (adding && syscall(SYS_io_submit, context, adding, to_submit) != adding)
			return "io_submit";
		came = syscall(SYS_io_getevents, context, 1, reader->depth, events, NULL);
		if (came < 1)
			return "io_getevents";
		waiting = 0;
		for (long i = 0; i < came; i++) {
			if (events[i].res != (int64_t)reader->length)
				return "read";
			to_submit[waiting++] = (struct iocb *)events[i].obj;
		}
		finished += (uint64_t)came;
	}
	syscall(SYS_io_destroy, context);
	free(memory);
	return NULL;
}

static void *reader_thread(void *argument)
{
	struct reader *reader = argument;

	reader->failed = read_all(reader);
	return NULL;
}

static const char *command_read(const char *device, uint64_t count, unsigned int depth,
				uint64_t length, unsigned int threads)
{
	struct reader readers[THREADS_MAX];
	pthread_t ids[THREADS_MAX];
	const char *failed = NULL;
	uint64_t size, began, step = length > 4096 ? length : STEP;
	int handle = open(device, O_RDONLY | O_DIRECT);

	if (handle < 0 || ioctl(handle, BLKGETSIZE64, &size))
		return "open";
	if (!threads || threads > THREADS_MAX || !depth || depth > DEPTH_MAX || !length ||
	    size < step)
		return "arguments";
	began = now();
	for (unsigned int i = 0; i < threads; i++) {
		readers[i] = (struct reader){.handle = handle,
					     .count = count / threads,
					     .places = size / step,
					     .step = step,
					     .length = length,
					     .first = i * (size / step / threads),
					     .depth = depth};
		if (threads > 1) {
			cpu_set_t cpu;

			CPU_ZERO(&cpu);
			CPU_SET(i, &cpu);
			pthread_create(&ids[i], NULL, reader_thread, &readers[i]);
			pthread_setaffinity_np(ids[i], sizeof(cpu), &cpu);
		} else {
			reader_thread(&readers[i]);
		}
	}
	for (unsigned int i = 0; i < threads; i++) {
		if (threads > 1)
			pthread_join(ids[i], NULL);
		if (readers[i].failed)
			failed = readers[i].failed;
	}
	close(handle);
	if (!failed)
		printf("guest: read %llu in %llu us\n",
		       (unsigned long long)(count / threads * threads),
		       (unsigned long long)((now() - began) / 1000));
	return failed;
}

static const char *command_interrupts(void)
{
	FILE *file = fopen("/proc/interrupts", "r");
	char line[512];

	if (!file)
		return "/proc/interrupts";
	while (fgets(line, sizeof(line), file))
		fputs(line, stdout);
	fclose(file);
	return NULL;
}

int main(void)
{
	unsigned long long count, length;
	unsigned int depth, threads;
	char line[256], device[64];

	setvbuf(stdout, NULL, _IOLBF, 0);
	serve_datagrams();
	serve_connections(PORT_ECHO, echo);
	serve_connections(PORT_DISCARD, discard);
	serve_connections(PORT_CHARGEN, chargen);
	serve_connections(PORT_HTTP, http);
	puts("guest: ready");
	while (fgets(line, sizeof(line), stdin)) {
		const char *failed = "no such command";

		errno = 0;
		if (sscanf(line, "read %63s %llu %u %llu %u", device, &count, &depth, &length,
			   &threads) == 5)
			failed = command_read(device, count, depth, length, threads);
		else if (!strncmp(line, "interrupts", 10))
			failed = command_interrupts();
		if (failed)
			printf("guest: failed: %s: %s\n", failed, strerror(errno));
		else
			puts("guest: done");
	}
	for (;;)
		pause();
}
