/* SPDX-License-Identifier: BSD-2-Clause */
/* The entropy driver against the model: when it asks, what it takes, and a device that lies. */
#include "drivers/entropy/virtio_rng.h"
#include "kernel/options/options.h"
#include "kernel/random/random.h"
#include "kernel/shell/command.h"
#include "tests/device/host.h"
#include "tests/device/virtio_model_pci.h"
#include "tests/device/virtio_model_rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct virtio_model_rng device;
static struct virtio_model_pci pci;
static struct virtio_rng *rng;

static void start(unsigned int vectors)
{
	const struct virtio_rng *before = virtio_rng_first();

	host_reset();
	host_threads();
	pci_model_reset();
	virtio_model_rng_init(&device);
	virtio_model_pci_init(&pci, &device.model, 3, vectors);
	options_parse("");
	host_log_clear();
	pci_model_boot();
	/* The newest is the first. */
	rng = virtio_rng_first();
	assert_ptr_not_equal(rng, before);
	assert_non_null(rng->vq);
}

static void stop(void)
{
	if (device.model.violations)
		fail_msg("the driver broke a rule: %s", device.model.violation);
}

static uint64_t work(void)
{
	uint64_t next = virtio_rng_work(rng);

	for (unsigned int i = 0; i < 10 && rng->event; i++) {
		host_poll();
		next = virtio_rng_work(rng);
	}
	return next;
}

static void random_now(uint8_t out[32])
{
	random_bytes(out, 32);
}

static void asks_at_start_and_regularly(void **state)
{
	uint64_t next, before;

	(void)state;
	for (unsigned int vectors = 0; vectors < 4; vectors += 2) {
		start(vectors);
		before = clock_monotonic();
		next = work();
		assert_int_equal(device.requests, 1);
		assert_int_equal(device.last_length, VIRTIO_RNG_BYTES);
		assert_int_equal(rng->bytes, VIRTIO_RNG_BYTES);
		assert_in_range(next - before, VIRTIO_RNG_INTERVAL,
				VIRTIO_RNG_INTERVAL + NANOSECONDS_PER_SECOND);
		host_clock_advance(VIRTIO_RNG_INTERVAL - NANOSECONDS_PER_SECOND);
		work();
		assert_int_equal(device.requests, 1);
		host_clock_advance(2 * NANOSECONDS_PER_SECOND);
		work();
		assert_int_equal(device.requests, 2);
		assert_int_equal(host_log_count(), 0);
		stop();
	}
}

/* What the device gives changes what comes out, and does not stay in the buffer. */
static void feeds_the_generator(void **state)
{
	uint8_t first[32], second[32];
	static const uint8_t zero[VIRTIO_RNG_BYTES];

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		start(2);
		device.next = (uint8_t)(i * 100);
		work();
		random_now(i ? second : first);
		assert_memory_equal(rng->buffer, zero, sizeof(zero));
		stop();
	}
	assert_memory_not_equal(first, second, 32);
}

static enum command_result run(const char *argument)
{
	char name[] = "rng", copy[16], *argv[] = {name, copy, NULL};

	snprintf(copy, sizeof(copy), "%s", argument ? argument : "");
	TABLE_FOREACH (commands, struct command, command)
		if (!strcmp(command->name, name))
			return command->run(argument ? 2 : 1, argv);
	fail_msg("there is no such command");
	return COMMAND_FAILED;
}

static void asks_when_told(void **state)
{
	(void)state;
	start(2);
	work();
	assert_int_equal(run("--reseed"), COMMAND_OK);
	assert_true(rng->event);
	work();
	assert_int_equal(device.requests, 2);
	assert_int_equal(run(NULL), COMMAND_OK);
	work();
	assert_int_equal(device.requests, 2);
	assert_int_equal(run("--more"), COMMAND_USAGE);
	stop();
}

static void takes_few_bytes(void **state)
{
	(void)state;
	start(2);
	device.gives = 1;
	work();
	assert_int_equal(rng->bytes, 1);
	assert_int_equal(host_log_count(), 0);
	stop();
}

static void no_byte_is_said_once(void **state)
{
	uint64_t next;

	(void)state;
	start(2);
	device.gives = 0;
	next = work();
	assert_int_equal(rng->bytes, 0);
	assert_int_equal(rng->empty, 1);
	assert_true(next < VIRTIO_RNG_INTERVAL);
	assert_true(host_log_has("gave no byte"));
	for (unsigned int i = 0; i < 5; i++) {
		host_clock_advance(60 * NANOSECONDS_PER_SECOND);
		work();
	}
	assert_int_equal(rng->empty, 6);
	assert_int_equal(host_log_count(), 1);
	device.gives = 64;
	host_clock_advance(60 * NANOSECONDS_PER_SECOND);
	work();
	assert_int_equal(rng->bytes, 64);
	stop();
}

static void recovers(const char *said)
{
	work();
	assert_true(rng->virtio->recovery.broken);
	assert_int_equal(rng->bytes, 0);
	assert_true(host_log_has(said));
	device.claims = 0;
	device.lie_id = false;
	recovery_run();
	assert_false(rng->virtio->recovery.broken);
	work();
	assert_int_equal(rng->bytes, VIRTIO_RNG_BYTES);
	stop();
}

static void longer_than_the_buffer(void **state)
{
	(void)state;
	start(2);
	device.claims = VIRTIO_RNG_BYTES + 1;
	recovers("wrote 65 bytes to a buffer of 64");
	start(2);
	device.claims = UINT32_MAX;
	recovers("wrote 4294967295 bytes");
}

static void another_buffer(void **state)
{
	(void)state;
	start(2);
	device.lie_id = true;
	recovers("which is not lent");
}

static void slow_device(void **state)
{
	uint64_t next;

	(void)state;
	start(2);
	device.hold = true;
	next = work();
	assert_true(next != WAIT_FOREVER);
	host_clock_advance(61 * NANOSECONDS_PER_SECOND);
	assert_int_equal(work(), WAIT_FOREVER);
	assert_true(host_log_has("has not answered for a minute"));
	assert_int_equal(rng->requests, 1);
	/* It is not asked a second time meanwhile. */
	host_clock_advance(2 * VIRTIO_RNG_INTERVAL);
	work();
	assert_int_equal(rng->requests, 1);
	device.hold = false;
	host_poll();
	work();
	assert_int_equal(rng->bytes, VIRTIO_RNG_BYTES);
	stop();
}

static void broken_while_asked(void **state)
{
	(void)state;
	start(2);
	device.hold = true;
	work();
	virtio_model_needs_reset(&device.model);
	device.hold = false;
	recovers("asks for a reset");
}

/* The buffer is the device's for good. */
static void without_a_reset(void **state)
{
	(void)state;
	start(2);
	device.hold = true;
	work();
	device.model.reset_never = true;
	device.model.reset_reads = 1;
	virtio_model_needs_reset(&device.model);
	for (unsigned int i = 0; i < 100 && !rng->virtio->recovery.given_up; i++) {
		recovery_run();
		host_clock_advance(NANOSECONDS_PER_SECOND);
	}
	assert_true(rng->virtio->recovery.given_up);
	assert_null(rng->vq);
	assert_true(rng->outstanding);
	assert_int_equal(work(), WAIT_FOREVER);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_at_start_and_regularly),
		cmocka_unit_test(feeds_the_generator),
		cmocka_unit_test(asks_when_told),
		cmocka_unit_test(takes_few_bytes),
		cmocka_unit_test(no_byte_is_said_once),
		cmocka_unit_test(longer_than_the_buffer),
		cmocka_unit_test(another_buffer),
		cmocka_unit_test(slow_device),
		cmocka_unit_test(broken_while_asked),
		cmocka_unit_test(without_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
