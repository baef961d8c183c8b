/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 16550 serial port of a PC, ttyS0 at 0x3f8: console output from the first moment, where there
 * is one.
 */
#ifndef DRIVERS_CONSOLE_SERIAL_H
#define DRIVERS_CONSOLE_SERIAL_H

#include <stdint.h>

/*
 * Looks for the port and registers the console; silent when there is none. Once, early, any
 * context.
 */
void serial_init(void);

/*
 * How long a port that takes nothing is waited for before what is written is lost (100 ms at first),
 * nanoseconds: for output that is worth the time of a reader who is slow.
 */
void serial_set_patience(uint64_t nanoseconds);

/* From now on what is typed comes by interrupt. After interrupts work. Thread context. */
void serial_start_input(void);
/* Nothing interrupts any more, before the machine is handed on. Context: any. */
void serial_stop_input(void);

#endif
