/* SPDX-License-Identifier: BSD-2-Clause */
/* What newlib asks of a system. Memory is in kernel/memory/areas.c (sbrk). */
#include "kernel/console/console.h"
#include "kernel/exit.h"
#include "kernel/libc/files.h"
#include "kernel/random/random.h"
#include "kernel/thread/thread.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#define RANGES_MAX 4
#define CONSOLE_LAST 2

static struct range {
	int first, last;
	const struct file_operations *operations;
} ranges[RANGES_MAX];

int files_register_range(int first, int last, const struct file_operations *operations)
{
	for (unsigned int i = 0; i < RANGES_MAX; i++) {
		if (ranges[i].operations)
			continue;
		ranges[i] = (struct range){first, last, operations};
		return 0;
	}
	return -ENOSPC;
}

static const struct file_operations *find(int descriptor)
{
	for (unsigned int i = 0; i < RANGES_MAX; i++)
		if (ranges[i].operations && descriptor >= ranges[i].first &&
		    descriptor <= ranges[i].last)
			return ranges[i].operations;
	errno = EBADF;
	return NULL;
}

static bool is_console(int descriptor)
{
	return descriptor >= 0 && descriptor <= CONSOLE_LAST;
}

/* A line at a time, with echo, as a terminal in its usual mode. */
static ssize_t read_console(char *data, size_t length)
{
	size_t count = 0;

	while (count < length) {
		int c = console_read(WAIT_FOREVER);
		char shown = (char)(c == '\r' ? '\n' : c);

		if (c == 4) /* ^D */
			break;
		console_write(&shown, 1);
		data[count++] = shown;
		if (shown == '\n')
			break;
	}
	return (ssize_t)count;
}

ssize_t read(int descriptor, void *data, size_t length)
{
	const struct file_operations *operations;

	if (is_console(descriptor))
		return read_console(data, length);
	operations = find(descriptor);
	return operations ? operations->read(descriptor, data, length) : -1;
}

ssize_t write(int descriptor, const void *data, size_t length)
{
	const struct file_operations *operations;

	if (is_console(descriptor)) {
		console_write(data, length);
		return (ssize_t)length;
	}
	operations = find(descriptor);
	return operations ? operations->write(descriptor, data, length) : -1;
}

int close(int descriptor)
{
	const struct file_operations *operations;

	if (is_console(descriptor))
		return 0;
	operations = find(descriptor);
	return operations ? operations->close(descriptor) : -1;
}

int fcntl(int descriptor, int command, ...)
{
	const struct file_operations *operations = is_console(descriptor) ? NULL : find(descriptor);
	va_list arguments;
	int argument;

	va_start(arguments, command);
	argument = va_arg(arguments, int);
	va_end(arguments);
	if (operations && operations->fcntl)
		return operations->fcntl(descriptor, command, argument);
	if (is_console(descriptor))
		errno = ENOSYS;
	return -1;
}

int fstat(int descriptor, struct stat *status)
{
	*status = (struct stat){.st_mode = is_console(descriptor) ? S_IFCHR : S_IFSOCK};
	if (is_console(descriptor) || find(descriptor))
		return 0;
	return -1;
}

int isatty(int descriptor)
{
	if (is_console(descriptor))
		return 1;
	errno = ENOTTY;
	return 0;
}

off_t lseek(int descriptor, off_t offset, int whence)
{
	(void)descriptor;
	(void)offset;
	(void)whence;
	errno = ESPIPE;
	return -1;
}

int open(const char *path, int flags, ...)
{
	(void)path;
	(void)flags;
	errno = ENOENT; /* there is no file system */
	return -1;
}

int getpid(void)
{
	return 1;
}

int kill(int process, int signal)
{
	(void)process;
	(void)signal;
	errno = ESRCH;
	return -1;
}

void _exit(int status)
{
	exit_job(status == 0 ? EXIT_OK : EXIT_JOB_FAILED);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
	uint64_t now;

	if (clock == CLOCK_REALTIME) {
		now = clock_wall();
	} else if (clock == CLOCK_MONOTONIC) {
		now = clock_monotonic();
	} else {
		errno = EINVAL;
		return -1;
	}
	time->tv_sec = (time_t)(now / NANOSECONDS_PER_SECOND);
	time->tv_nsec = (long)(now % NANOSECONDS_PER_SECOND);
	return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	uint64_t now = clock_wall();

	(void)zone;
	time->tv_sec = (time_t)(now / NANOSECONDS_PER_SECOND);
	time->tv_usec = (suseconds_t)(now % NANOSECONDS_PER_SECOND / NANOSECONDS_PER_MICROSECOND);
	return 0;
}

clock_t times(struct tms *buffer)
{
	*buffer = (struct tms){0};
	return (clock_t)(clock_monotonic() / (NANOSECONDS_PER_SECOND / CLOCKS_PER_SEC));
}

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
	if (wanted->tv_sec < 0 || wanted->tv_nsec < 0 || wanted->tv_nsec > 999999999) {
		errno = EINVAL;
		return -1;
	}
	/* What does not fit into nanoseconds is centuries away. */
	if ((uint64_t)wanted->tv_sec >= UINT64_MAX / NANOSECONDS_PER_SECOND)
		thread_sleep(UINT64_MAX);
	else
		thread_sleep((uint64_t)wanted->tv_sec * NANOSECONDS_PER_SECOND +
			     (uint64_t)wanted->tv_nsec);
	if (left)
		*left = (struct timespec){0, 0};
	return 0;
}

unsigned int sleep(unsigned int seconds)
{
	thread_sleep(seconds * NANOSECONDS_PER_SECOND);
	return 0;
}

int usleep(useconds_t microseconds)
{
	thread_sleep(microseconds * NANOSECONDS_PER_MICROSECOND);
	return 0;
}

int getentropy(void *data, size_t length)
{
	/* The interface's own limit. */
	if (length > 256) {
		errno = EIO;
		return -1;
	}
	random_bytes(data, length);
	return 0;
}
