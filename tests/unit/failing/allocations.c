/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/failing/allocations.h"

#include "tests/unit/failing/lost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child's: by the time of the CPU, since the machine may have much else to do. */
#define CPU_SECONDS 60
#define STACKS_MAX (1u << 16)
#define FRAMES_MAX 64
#define STACK_SIZE_MAX (8u << 20)

/* How a child ends that came to its end; anything else is wrong. */
enum { TEST_PASSED = 40, TEST_FAILED, TEST_LOST_MEMORY };

static enum { NONE, ONE, STACKS, ALL } mode;

/* The test's own. */
static int before_failure = -1;
static bool has_failed, is_own;

/* Everybody's. */
static struct CMUnitTest *tests; /* a mark before each of the program's, and one behind the last */
static size_t current, test_count;
static unsigned int count, failed, passed;
static const char *wanted_test;
static unsigned int wanted;
static bool is_child; /* from the failure on */
static FILE *report;
static int said = -1; /* what the program and its children say goes there */
static uint64_t stacks[STACKS_MAX];

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));
extern const char text_of_tests_start[] __attribute__((weak));
extern const char text_of_tests_end[] __attribute__((weak));

void allocations_fail_after(int before)
{
	before_failure = before;
	has_failed = false;
	is_own = true;
}

bool allocations_failed(void)
{
	return has_failed;
}

bool allocations_another_round(void)
{
	static unsigned int rounds;

	return !is_child || ++rounds <= 1;
}

/* -- The tests, and the marks between them */

static const char *test_name(void)
{
	return current < test_count ? tests[2 * current + 1].name : "end";
}

static void say_test(void)
{
	if (report && count)
		fprintf(report, "test %s %u %u %u\n", test_name(), count, failed, passed);
	count = failed = passed = 0;
	is_own = false;
}

/* Before the first test, between two, and behind the last. */
static void mark(void **state)
{
	size_t next = (size_t)(uintptr_t)*state;

	if (next)
		say_test();
	current = next;
}

static void nothing(void **state)
{
	(void)state;
}

/* An allocation fails from here to the end of its test; those behind it are not run. */
static void end_with_this_test(void)
{
	for (size_t i = 2 * (current + 1); i <= 2 * test_count; i++)
		tests[i] = (struct CMUnitTest){.name = "none", .test_func = nothing};
}

/* The end of a child: its test passed, or failed and has not yet been left. What is not lost now is the test's. */
static void end_child(int status)
{
	if (lost_any() && __lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check())
		status = TEST_LOST_MEMORY;
	fflush(NULL);
	_exit(status);
}

/* cmocka's, which all assertions that fail end in. */
void _fail(const char *const file, const int line)
{
	void (*cmocka_fail)(const char *file, int line);

	if (is_child) {
		fprintf(stderr, "%s:%d: fails\n", file, line);
		end_child(TEST_FAILED);
	}
	*(void **)&cmocka_fail = dlsym(RTLD_NEXT, "_fail");
	cmocka_fail(file, line);
}

int __real__cmocka_run_group_tests(const char *name, const struct CMUnitTest *group, size_t number,
				   CMFixtureFunction set_up, CMFixtureFunction tear_down);
int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *group, size_t number,
				   CMFixtureFunction set_up, CMFixtureFunction tear_down);

int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *group, size_t number,
				   CMFixtureFunction set_up, CMFixtureFunction tear_down)
{
	int status;

	if (mode == NONE)
		return __real__cmocka_run_group_tests(name, group, number, set_up, tear_down);
	tests = calloc(2 * number + 1, sizeof(*tests));
	if (!tests)
		abort();
	test_count = number;
	for (size_t i = 0; i <= number; i++) {
		tests[2 * i] = (struct CMUnitTest){
			.name = "mark", .test_func = mark, .initial_state = (void *)(uintptr_t)i};
		if (i < number)
			tests[2 * i + 1] = group[i];
	}
	status = __real__cmocka_run_group_tests(name, tests, 2 * number + 1, set_up, tear_down);
	free(tests);
	if (is_child)
		end_child(status ? TEST_FAILED : TEST_PASSED);
	if (report)
		fprintf(report, "end %d\n", status);
	return status;
}

/* -- Each allocation */

static void say_wrong(unsigned int nth, int status)
{
	off_t length = lseek(said, 0, SEEK_CUR);
	char buffer[4096];

	fprintf(report, "wrong %s %u %d %lld\n", test_name(), nth, status, (long long)length);
	for (off_t at = 0; at < length;) {
		ssize_t got = pread(said, buffer, sizeof(buffer), at);

		if (got <= 0)
			abort();
		fwrite(buffer, 1, (size_t)got, report);
		at += got;
	}
}

/* True in the child, for which it fails. */
static bool fork_here(unsigned int nth)
{
	int status;
	pid_t child;

	fflush(NULL);
	if (ftruncate(said, 0) || lseek(said, 0, SEEK_SET))
		abort();
	child = fork();
	if (!child) {
		setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS, CPU_SECONDS});
		return true;
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		fputs("no child\n", report);
		abort();
	}
	failed++;
	if (!WIFEXITED(status) || WEXITSTATUS(status) < TEST_PASSED ||
	    WEXITSTATUS(status) > TEST_FAILED)
		say_wrong(nth, status);
	else if (WEXITSTATUS(status) == TEST_PASSED)
		passed++;
	return false;
}

static bool is_of_tests(const char *code)
{
	return code >= text_of_tests_start && code < text_of_tests_end;
}

/* The return addresses up to the first in a test, by the frame pointers that everything here is compiled with. */
static bool is_new_stack(void *const *frame)
{
	uint64_t hash = 14695981039346656037ull;
	uint64_t *slot;

	for (unsigned int depth = 0; depth < FRAMES_MAX && !is_of_tests(frame[1]); depth++) {
		void *const *caller = frame[0];

		hash = (hash ^ (uintptr_t)frame[1]) * 1099511628211ull;
		if (caller <= frame || (size_t)((char *)caller - (char *)frame) > STACK_SIZE_MAX)
			break;
		frame = caller;
	}
	for (slot = &stacks[hash % STACKS_MAX]; *slot && *slot != hash;)
		if (++slot == stacks + STACKS_MAX)
			slot = stacks;
	if (*slot == hash)
		return false;
	*slot = hash;
	return true;
}

/* Whether it fails that the function with this frame wants from its caller. */
static bool fails(void *const *frame)
{
	unsigned int nth;

	if (before_failure >= 0 && !before_failure--) {
		has_failed = true;
		return true;
	}
	if (mode == NONE || is_child || is_own || is_of_tests(frame[1]))
		return false;
	nth = count++;
	if (mode == ALL || (mode == STACKS && is_new_stack(frame))) {
		if (!fork_here(nth))
			return false;
	} else if (mode != ONE || nth != wanted || strcmp(test_name(), wanted_test)) {
		return false;
	}
	is_child = true;
	end_with_this_test();
	return true;
}

__attribute__((constructor)) static void read_environment(void)
{
	const char *one = getenv("FAIL_ALLOCATION"), *many = getenv("ALLOCATIONS");
	const char *colon = one ? strrchr(one, ':') : NULL;

	if (colon) {
		mode = ONE;
		wanted_test = strndup(one, (size_t)(colon - one));
		wanted = (unsigned int)atoi(colon + 1);
	} else if (many) {
		mode = strcmp(many, "all") ? STACKS : ALL;
		report = fdopen(dup(STDOUT_FILENO), "w");
		said = memfd_create("said", MFD_CLOEXEC);
		if (!report || said < 0 || dup2(said, STDOUT_FILENO) < 0 ||
		    dup2(said, STDERR_FILENO) < 0)
			abort();
	}
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *memory);

static void *new_block(void *memory)
{
	if (memory && mode != NONE)
		lost_add(memory);
	return memory;
}

void *__wrap_malloc(size_t size)
{
	return fails(__builtin_frame_address(0)) ? NULL : new_block(__real_malloc(size));
}

void *__wrap_calloc(size_t number, size_t size)
{
	return fails(__builtin_frame_address(0)) ? NULL : new_block(__real_calloc(number, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
	void *moved;

	if (fails(__builtin_frame_address(0)))
		return NULL;
	moved = __real_realloc(memory, size);
	if (moved || !size)
		lost_remove(memory);
	return new_block(moved);
}

char *__wrap_strdup(const char *text)
{
	return fails(__builtin_frame_address(0)) ? NULL : new_block(__real_strdup(text));
}

void __wrap_free(void *memory)
{
	lost_remove(memory);
	__real_free(memory);
}
