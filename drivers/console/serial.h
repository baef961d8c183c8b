/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 16550 serial port of a PC, ttyS0 at 0x3f8: console output from the first moment, where there
 * is one.
 */
#ifndef DRIVERS_CONSOLE_SERIAL_H
#define DRIVERS_CONSOLE_SERIAL_H

/*
 * Looks for the port and registers the console; silent when there is none. Once, early, any
 * context.
 */
void serial_init(void);

/* From now on what is typed comes by interrupt. After interrupts work. Thread context. */
void serial_start_input(void);

#endif
