/* SPDX-License-Identifier: BSD-2-Clause */
/* DHCP: offers and acknowledgements with options of any kind, from anybody, at any time. */
#include "kernel/time/clock.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stack.h"

#include <string.h>

#define STEPS 30
#define BOOTP 236

static struct stack_frame frame;

static void answer(void)
{
	struct stack_frame message = {.length = 0};
	const uint8_t *asked = stack_sent_dhcp.bytes + 28;
	static const uint8_t kinds[] = {2, 5, 6, 1, 8};

	stack_add32(&message, 0x02010600);
	if (stack_sent_dhcp.length >= 28 + BOOTP && fuzz_choose(16) != 15)
		stack_add(&message, asked + 4, 4);
	else
		stack_add_input(&message, 4);
	stack_add32(&message, 0);
	stack_add32(&message, 0);
	stack_add32(&message, fuzz_choose(4) == 3 ? (uint32_t)fuzz_number(4) : STACK_ADDRESS);
	stack_add32(&message, STACK_PEER);
	stack_add32(&message, 0);
	stack_add(&message, "\x52\x54\0\x12\x34\x56\0\0\0\0\0\0\0\0\0\0", 16);
	/* sname and file, which may hold options too */
	while (message.length < BOOTP)
		if (fuzz_choose(8) == 7)
			stack_add_input(&message, BOOTP - message.length);
		else
			stack_add(&message, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
				  BOOTP - message.length < 16 ? BOOTP - message.length : 16);
	stack_add32(&message, 0x63825363);
	if (fuzz_choose(8) != 7) {
		stack_add16(&message, 0x3501);
		stack_add8(&message, kinds[fuzz_choose(5)]);
		stack_add16(&message, 0x3604);
		stack_add32(&message, STACK_PEER);
	}
	for (unsigned int i = fuzz_choose(8); i; i--) {
		static const uint8_t codes[] = {1, 3, 6, 51, 58, 59, 52, 15, 67, 12, 28, 43};

		stack_add8(&message, fuzz_choose(4) ? codes[fuzz_choose(12)] : fuzz_byte());
		if (fuzz_choose(8) == 7) {
			stack_add8(&message, fuzz_byte());
			stack_add_input(&message, 20);
		} else {
			stack_add8(&message, 4);
			stack_add32(&message, (uint32_t)fuzz_number(4));
		}
	}
	if (fuzz_choose(4) != 3)
		stack_add8(&message, 0xff);
	stack_add_input(&message, 40);
	stack_udp(&frame, 67, 68, message.bytes, message.length);
	stack_bring(&frame);
}

void fuzz_target(void)
{
	stack_open("ip=dhcp");
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		if (fuzz_choose(2))
			answer();
		else
			stack_wait(NANOSECONDS_PER_SECOND << 2 >> fuzz_choose(10));
	stack_close();
}
