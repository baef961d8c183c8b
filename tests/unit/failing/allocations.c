/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/failing/allocations.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int before_failure = -1;
static bool has_failed;
static unsigned int count;

void allocations_fail_after(int before)
{
	before_failure = before;
	has_failed = false;
}

bool allocations_failed(void)
{
	return has_failed;
}

static void say_count(void)
{
	fprintf(stderr, "allocations: %u\n", count);
}

__attribute__((constructor)) static void read_environment(void)
{
	const char *wanted = getenv("FAIL_ALLOCATION");

	count = 0;
	if (wanted && !strcmp(wanted, "count"))
		atexit(say_count);
	else if (wanted)
		allocations_fail_after(atoi(wanted));
}

static bool fails(void)
{
	count++;
	if (before_failure < 0 || before_failure-- > 0)
		return false;
	has_failed = true;
	if (getenv("FAIL_ALLOCATION"))
		fputs("allocation failed\n", stderr);
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t number, size_t size)
{
	return fails() ? NULL : __real_calloc(number, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}
