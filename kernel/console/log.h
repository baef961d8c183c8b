/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: levelled lines with a time stamp and an area, kept in a ring buffer (`dmesg`) and shown
 * on the console when their level is at or below `log=`. Lines of the area "ringside" always are.
 *
 * Write the area once at the top of a file, before the includes or after, then one line for each
 * thing worth saying; no newline at the end:
 *
 *	#define LOG_AREA "pci"
 *	log_warning("%s: BAR %u is not assigned", name, index);
 *
 * Lines longer than LOG_LINE_MAX are cut and end in "...". Context: any, interrupts included; never
 * sleeps. Works from the first instruction in C (consoles that come later are told).
 */
#ifndef KERNEL_CONSOLE_LOG_H
#define KERNEL_CONSOLE_LOG_H

#include <stdarg.h>
#include <stddef.h>

enum log_level {
	LOG_ERROR,   /* something asked for did not happen */
	LOG_WARNING, /* it happened, but not as asked; or somebody broke a rule */
	LOG_NOTICE,  /* what a user wants to see on every boot: the default level */
	LOG_INFO,    /* what was found and chosen */
	LOG_DEBUG,
};

#define LOG_LINE_MAX 240

void log_print(enum log_level level, const char *area, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The command line is known: consoles get what was logged before, and what follows. Once. */
void log_show(void);

#define log_error(...) log_print(LOG_ERROR, LOG_AREA, __VA_ARGS__)
#define log_warning(...) log_print(LOG_WARNING, LOG_AREA, __VA_ARGS__)
#define log_notice(...) log_print(LOG_NOTICE, LOG_AREA, __VA_ARGS__)
#define log_info(...) log_print(LOG_INFO, LOG_AREA, __VA_ARGS__)
#define log_debug(...) log_print(LOG_DEBUG, LOG_AREA, __VA_ARGS__)

#endif
