/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel command line: `key=value` words, dotted by area. Each key is declared where it is
 * used:
 *
 *	OPTION(ip, "ip", "dhcp|off|ADDR/LEN[,GATEWAY]", "how eth0 gets its IPv4 address", ip_check);
 *
 * Words that no option declares are named in one warning, unless Linux loaders and VMMs are known
 * to add them; values that are Linux's alone (panic=1) are as if they were not there. A word may be quoted as a whole or after the `=` ("log=..."). What follows ` -- `
 * belongs to the application. When a key is given twice the last one wins; options_each() sees all.
 */
#ifndef KERNEL_OPTIONS_OPTIONS_H
#define KERNEL_OPTIONS_OPTIONS_H

#include "kernel/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct option {
	const char *key;
	const char *values; /* as documented: "dhcp|off|ADDR/LEN" */
	const char *help;
	/*
	 * NULL, or: is the value well-formed? Otherwise a warning says what `values` are, and it is
	 * ignored.
	 */
	bool (*check)(const char *value);
};

TABLE_DECLARE(options, struct option);

#define OPTION(identifier, option_key, option_values, option_help, check_function)                 \
	TABLE_TEXT(option_key_##identifier, option_key);                                           \
	TABLE_TEXT(option_values_##identifier, option_values);                                     \
	TABLE_TEXT(option_help_##identifier, option_help);                                         \
	TABLE_ENTRY(options, struct option,                                                        \
		    option_entry_##identifier) = {.key = option_key_##identifier,                  \
						  .values = option_values_##identifier,            \
						  .help = option_help_##identifier,                \
						  .check = (check_function)}

/* Takes the line apart, into memory of its own, and says what was not understood. Once, early. */
void options_parse(const char *command_line);

/* The last well-formed value given for the key, else `fallback`. Valid for ever. Context: any. */
const char *option_get(const char *key, const char *fallback);

/*
 * The same as a number (decimal or 0x); the fallback when it is absent or was not a number in the
 * range.
 */
uint64_t option_number(const char *key, uint64_t minimum, uint64_t maximum, uint64_t fallback);

/* Each value given for the key, in order, until the function returns false. */
void options_each(const char *key, bool (*function)(void *context, const char *value),
		  void *context);

/* True when `word` is one of the comma-separated words of the list. */
bool option_list_has(const char *list, const char *word);

/* The whole line as it was given, without blanks in front (UEFI's shell leaves one), and the application's words after `--` (argc may be 0). */
const char *options_line(void);
int options_application(char ***argv);

/* Helpers for check: a decimal or 0x number up to the end of the string. */
bool option_parse_number(const char *text, uint64_t *value);
/* True when `word` is one of the `|`-separated alternatives. */
bool option_one_of(const char *word, const char *alternatives);

#endif
