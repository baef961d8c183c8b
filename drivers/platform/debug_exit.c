/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's isa-debug-exit: a write of N ends QEMU with the status (N << 1) | 1.
 *
 * No table names it. But it answers a read of its port with 0, where a port that nobody decodes reads
 * as ones, on QEMU and on other VMMs alike; so a 0 is taken as its presence. Were something else there,
 * the write would do harm only to a machine that is about to end.
 */
#include "kernel/options/options.h"
#include "kernel/platform.h"
#include "kernel/x86/io.h"

#define PORT_DEFAULT 0xf4

static bool port_check(const char *value)
{
	uint64_t port;

	return option_parse_number(value, &port) && port && port <= UINT16_MAX;
}

OPTION(debug_exit_port, "exit.port", "1..65535", "I/O port of isa-debug-exit (default: 0xf4)",
       port_check);

static uint16_t debug_exit_port(void)
{
	return (uint16_t)option_number("exit.port", 1, UINT16_MAX, PORT_DEFAULT);
}

bool debug_exit_present(void)
{
	return port_read8(debug_exit_port()) == 0;
}

void debug_exit(uint8_t code)
{
	if (debug_exit_present())
		port_write8(debug_exit_port(), code);
}
