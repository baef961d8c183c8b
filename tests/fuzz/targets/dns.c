/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS: answers of any kind to questions of ours. */
#include "lwip/dns.h"
#include "kernel/time/clock.h"
#include "lwip/tcpip.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/stack.h"

#include <string.h>

#define STEPS 30
#define HEADER 28

static struct stack_frame frame;
static unsigned int asked, told;

static void found(const char *name, const ip_addr_t *address, void *argument)
{
	(void)argument;
	fuzz_check(name && strlen(name) < 256, "a name of %zu bytes", name ? strlen(name) : 0);
	__asm__ volatile("" ::"r"(address));
	told++;
}

static void ask(void)
{
	static const char *const names[] = {"a.example", "b.example", "boot.example.org", "x"};
	ip_addr_t address;

	LOCK_TCPIP_CORE();
	if (dns_gethostbyname_addrtype(names[fuzz_choose(4)], &address, found, NULL,
				       (u8_t)fuzz_choose(4)) == ERR_INPROGRESS)
		asked++;
	UNLOCK_TCPIP_CORE();
	stack_wait(NANOSECONDS_PER_MILLISECOND);
}

static void answer(void)
{
	struct stack_frame message = {.length = 0};
	const uint8_t *question = stack_sent_dns.bytes + HEADER;
	size_t length;

	if (stack_sent_dns.length < HEADER + 12)
		return;
	length = stack_sent_dns.length - HEADER;
	stack_add(&message, question, 2);
	stack_add16(&message, fuzz_choose(4) == 3 ? (uint16_t)fuzz_number(2) : 0x8180);
	stack_add16(&message, fuzz_choose(8) == 7 ? (uint16_t)fuzz_number(2) : 1);
	stack_add16(&message, fuzz_choose(4) == 3 ? (uint16_t)fuzz_number(2) : 1);
	stack_add32(&message, 0);
	if (fuzz_choose(8) != 7)
		stack_add(&message, question + 12, length - 12);
	for (unsigned int i = fuzz_choose(4); i; i--) {
		if (fuzz_choose(2))
			stack_add16(&message,
				    fuzz_choose(4) == 3 ? (uint16_t)fuzz_number(2) : 0xc00c);
		else
			stack_add_input(&message, 20);
		stack_add16(&message, fuzz_choose(4) == 3 ? 28 : fuzz_choose(4) == 3 ? 5 : 1);
		stack_add16(&message, 1);
		stack_add32(&message, (uint32_t)fuzz_number(4));
		stack_add16(&message, fuzz_choose(4) == 3 ? (uint16_t)fuzz_number(2) : 4);
		stack_add32(&message, (uint32_t)fuzz_number(4));
	}
	stack_add_input(&message, 60);
	stack_udp(&frame, 53, stack_get16(stack_sent_dns.bytes + 20), message.bytes,
		  message.length);
	stack_bring(&frame);
}

void fuzz_target(void)
{
	ip_addr_t server = IPADDR4_INIT(lwip_htonl(STACK_PEER));

	asked = told = 0;
	stack_open("ip=10.0.0.2/24,10.0.0.1");
	LOCK_TCPIP_CORE();
	dns_setserver(0, &server);
	UNLOCK_TCPIP_CORE();
	stack_ethernet(&frame, 0x0806);
	stack_add32(&frame, 0x00010800);
	stack_add32(&frame, 0x06040002);
	stack_add(&frame, "\2\0\0\0\0\1", 6);
	stack_add32(&frame, STACK_PEER);
	stack_add(&frame, "\x52\x54\0\x12\x34\x56", 6);
	stack_add32(&frame, STACK_ADDRESS);
	stack_bring(&frame);
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		switch (fuzz_choose(3)) {
		case 0:
			ask();
			break;
		case 1:
			answer();
			break;
		default:
			stack_wait(NANOSECONDS_PER_SECOND << 2 >> fuzz_choose(10));
			break;
		}
	/* Everybody who asked is told something within a bounded time. */
	for (unsigned int i = 0; i < 120 && told < asked; i++)
		stack_wait(NANOSECONDS_PER_SECOND);
	fuzz_check(told == asked, "%u questions, %u answers", asked, told);
	stack_close();
}
