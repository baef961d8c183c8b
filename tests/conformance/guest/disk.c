/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which disks may be written: those whose serial says so, asked for with the suite's own rings before the
 * first case.
 */
#include "tests/conformance/case.h"
#include "tests/conformance/core/run.h"
#include "tests/conformance/guest/guest.h"

#include <string.h>

#define TYPE_GET_ID 8u
#define SERIAL_LENGTH 20u /* 5.2.6: not ended by 0 when it is so long */
#define STATUS_OK 0u
#define LENT_SERIAL "ringside"

static bool lent;

static void read_serial(struct conformance_target *t)
{
	static const uint32_t header[4] = {TYPE_GET_ID};
	uint8_t *serial, *status;
	struct segment segments[3];
	struct ring *ring;

	session_open(t);
	ring = session_ring(t, request_queue(t));
	serial = lend(t, SERIAL_LENGTH, 0, LOAN_WRITE);
	status = lend(t, 1, 0, LOAN_WRITE);
	segments[0] = (struct segment){lend_copy(t, header, sizeof(header)), sizeof(header)};
	segments[1] = (struct segment){serial, SERIAL_LENGTH};
	segments[2] = (struct segment){status, 1};
	ring_add(t, ring, segments, 1, 2);
	ring_kick(t, ring);
	ring_wait(t, ring);
	lent = *(volatile uint8_t *)status == STATUS_OK &&
	       !memcmp(serial, LENT_SERIAL, strlen(LENT_SERIAL));
}

/* No case of the table: it claims nothing. */
static const struct conformance_case serial_of_disk = {
	.name = "disk_serial",
	.claim = "the disk tells its serial",
	.clauses = "-",
	.kind = OBEY,
	.needs = {.devices = DEVICE(BLOCK), .transports = TRANSPORTS_ALL},
	.run = read_serial,
};

void guest_disk_permission(const struct suite_options *options, struct conformance_target *target,
			   const char *destroy)
{
	const struct guest_target *guest = guest_of(target);
	char text[VERDICT_TEXT];

	if (target->device != DEVICE_BLOCK)
		return;
	lent = false;
	/* It is the disk that is named, whichever interface it is seen through. */
	target->may_write =
		destroy &&
		suite_matches(destroy, guest->function ? guest->function->name : target->name);
	if (target->may_write)
		return;
	target->run = suite_memory();
	if (!target->run)
		return;
	if (suite_run_case(options, target, &serial_of_disk, text, sizeof(text)) == PASSED)
		target->may_write = lent;
	suite_memory_free(target->run);
	target->run = NULL;
}
