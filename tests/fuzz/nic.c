/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/nic.h"
#include "tests/device/recovery_thread.h"

#include "kernel/options/options.h"
#include "kernel/time/clock.h"
#include "tests/device/pci_model.h"
#include "tests/fuzz/emulated.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/network_user.h"

#include <string.h>

#define STEPS 100
#define FRAME_MAX 1522u /* a device that is not told to take longer ones brings none */

static void service(void)
{
	if (!user.device)
		return;
	for (unsigned int rounds = 0; rounds < 64; rounds++)
		if (user.device->operations->poll(user.device, 0, 16) < 16)
			break;
	(void)user.device->operations->arm(user.device, 0);
}

static void inject(const struct nic_fuzzed *fuzzed)
{
	static const uint8_t stations[3][6] = {{0x52, 0x54, 0, 0x12, 0x34, 0x56},
					       {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
					       {1, 0, 0x5e, 0, 0, 1}};
	uint8_t frame[FRAME_MAX];
	unsigned int length =
		fuzz_choose(4) == 3 ? fuzz_choose(FRAME_MAX + 1) : 60 + fuzz_choose(100);

	memset(frame, 0x21, sizeof(frame));
	memcpy(frame, stations[fuzz_choose(3)], 6);
	fuzz_fill(frame + 6, fuzz_choose(8));
	fuzzed->inject(frame, length);
}

static void change_mode(void)
{
	user.device->mode.promiscuous = fuzz_choose(2);
	user.device->mode.all_multicast = fuzz_choose(2);
	if (user.device->operations->mode_changed)
		user.device->operations->mode_changed(user.device);
}

static void step(const struct nic_fuzzed *fuzzed)
{
	unsigned int choice = fuzz_choose(12);

	switch (choice) {
	case 0:
		inject(fuzzed);
		break;
	case 1 ... USER_STEPS:
		user_step(choice - 1, 0);
		break;
	case 7:
		recovery_thread_wait(NANOSECONDS_PER_SECOND >> fuzz_choose(10), service);
		break;
	case 8:
		fuzzed->lie(emulated_tells(EMULATED_MODEL));
		break;
	case 9:
		if (emulated_tells(EMULATED_MEMORY))
			fuzzed->write();
		break;
	case 10:
		if (!emulated_tells(EMULATED_INTERRUPTS))
			break;
		if (fuzz_choose(4) == 3)
			fuzzed->link(fuzz_choose(2));
		else
			fuzzed->cause();
		break;
	default:
		if (fuzz_choose(8) == 7)
			(void)pci_device_reset(pci_device_first());
		else
			change_mode();
		break;
	}
}

/*
 * Through a device that runs, and has a link, all that was sent comes back. One that was away while it was set up does not know
 * of it, nor that it has a link: a reset by hand brings it back.
 */
static void check_account(const struct nic_fuzzed *fuzzed)
{
	fuzzed->link(true);
	for (unsigned int i = 0; i < 16 && user.given != user.back; i++) {
		user.device->operations->flush(user.device, 0);
		recovery_thread_wait(NANOSECONDS_PER_SECOND, service);
	}
	if (user.given != user.back) {
		(void)pci_device_reset(pci_device_first());
		emulated_settle(service);
	}
	fuzz_check(user.given == user.back, "%llu frames were sent, %llu came back",
		   (unsigned long long)user.given, (unsigned long long)user.back);
}

void nic_fuzz(const struct nic_fuzzed *fuzzed, const char *options)
{
	options_parse(options);
	fuzzed->init();
	emulated_open();
	fuzzed->lie(emulated_tells(EMULATED_MODEL));
	pci_model_boot();
	user_open();
	for (unsigned int i = 0; i < STEPS && fuzz_more() && user.device; i++)
		step(fuzzed);
	emulated_calm();
	fuzzed->lie(false);
	user_release();
	emulated_settle(service);
	user_release();
	if (user.device) {
		check_account(fuzzed);
		user_release();
		fuzzed->check(user.device);
	}
	user_check_memory();
}
