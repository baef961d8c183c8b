/* SPDX-License-Identifier: BSD-2-Clause */
#define LOG_AREA "serial"
#include "drivers/console/serial.h"

#include "kernel/console/console.h"
#include "kernel/console/log.h"
#include "kernel/time/clock.h"
#include "kernel/x86/interrupt.h"
#include "kernel/x86/io.h"

#include <stdio.h>

#define PORT 0x3f8
#define ISA_IRQ 4

#define DATA 0
#define INTERRUPT_ENABLE 1
#define INTERRUPT_ENABLE_RECEIVE 0x01
#define FIFO_CONTROL 2
#define FIFO_ENABLE_CLEAR 0x07
#define LINE_CONTROL 3
#define LINE_CONTROL_8N1 0x03
#define LINE_CONTROL_DIVISOR 0x80
#define MODEM_CONTROL 4
#define MODEM_CONTROL_DTR_RTS_OUT2 0x0b
#define LINE_STATUS 5
#define LINE_STATUS_DATA 0x01
#define LINE_STATUS_EMPTY 0x20
#define LINE_STATUS_IDLE 0x40
#define SCRATCH 7

#define FIFO_DEPTH 16
#define INPUT_BURST_MAX 64

/*
 * A real port sends 16 characters in 1.4 ms; an emulated one is ready at once, unless whoever reads it
 * is slow. A port that is not ready for so long is not waited for again until it is: what is lost
 * meanwhile is counted, and said when it goes on.
 */
static uint64_t ready_wait = 100 * NANOSECONDS_PER_MILLISECOND;

static bool stalled;
static size_t lost; /* since it was said */

static bool status_reached(uint8_t bit, uint64_t wait)
{
	uint64_t deadline = clock_monotonic() + wait;

	while (!(port_read8(PORT + LINE_STATUS) & bit)) {
		if (clock_monotonic() >= deadline)
			return false;
		cpu_relax();
	}
	return true;
}

/* How much of the text went out: all, or as much as did before the port stalled. */
static size_t send(const char *text, size_t length)
{
	size_t sent = 0;

	while (sent < length) {
		size_t part = length - sent < FIFO_DEPTH ? length - sent : FIFO_DEPTH;

		stalled = !status_reached(LINE_STATUS_EMPTY, stalled ? 0 : ready_wait);
		if (stalled)
			break;
		port_write8_string(PORT + DATA, text + sent, part);
		sent += part;
	}
	return sent;
}

static void serial_write(struct console *console, const char *text, size_t length)
{
	char note[48];
	size_t sent;

	if (lost) {
		int note_length = sniprintf(note, sizeof(note), "[%zu characters lost]\r\n", lost);

		if (send(note, (size_t)note_length) == (size_t)note_length)
			lost = 0;
	}
	sent = send(text, length);
	lost += length - sent;
	console->lost += length - sent;
}

static void serial_drain(struct console *console)
{
	(void)console;
	(void)status_reached(LINE_STATUS_IDLE, ready_wait);
}

static struct console serial = {.name = "ttyS0", .write = serial_write, .drain = serial_drain};
static bool found;

void serial_set_patience(uint64_t nanoseconds)
{
	ready_wait = nanoseconds;
}

void serial_init(void)
{
	/* The scratch register is the only one that just keeps what is written. */
	port_write8(PORT + SCRATCH, 0x5a);
	if (port_read8(PORT + SCRATCH) != 0x5a)
		return;
	port_write8(PORT + SCRATCH, 0xa5);
	if (port_read8(PORT + SCRATCH) != 0xa5)
		return;
	found = true;
	port_write8(PORT + INTERRUPT_ENABLE, 0);
	port_write8(PORT + LINE_CONTROL, LINE_CONTROL_DIVISOR);
	port_write8(PORT + DATA, 1); /* 115200 */
	port_write8(PORT + INTERRUPT_ENABLE, 0);
	port_write8(PORT + LINE_CONTROL, LINE_CONTROL_8N1);
	port_write8(PORT + FIFO_CONTROL, FIFO_ENABLE_CLEAR);
	port_write8(PORT + MODEM_CONTROL, MODEM_CONTROL_DTR_RTS_OUT2);
	console_register(&serial);
}

static enum interrupt_result serial_interrupt(void *context)
{
	enum interrupt_result result = INTERRUPT_NONE;

	(void)context;
	for (unsigned int i = 0; i < INPUT_BURST_MAX; i++) {
		if (!(port_read8(PORT + LINE_STATUS) & LINE_STATUS_DATA))
			break;
		console_input((char)port_read8(PORT + DATA));
		result = INTERRUPT_HANDLED;
	}
	return result;
}

void serial_start_input(void)
{
	struct interrupt *interrupt;
	struct interrupt_line line;

	if (!found)
		return;
	interrupt = interrupt_allocate(0, "ttyS0", serial_interrupt, NULL);
	interrupt_isa_line(ISA_IRQ, &line);
	if (!interrupt || interrupt_connect_line(interrupt, &line) < 0) {
		log_warning("ttyS0: no interrupt line: nothing can be typed there");
		interrupt_free(interrupt);
		return;
	}
	port_write8(PORT + INTERRUPT_ENABLE, INTERRUPT_ENABLE_RECEIVE);
	/* What was typed before makes no edge any more. */
	(void)serial_interrupt(NULL);
}

void serial_stop_input(void)
{
	if (found)
		port_write8(PORT + INTERRUPT_ENABLE, 0);
}
