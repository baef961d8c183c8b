/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables that are filled by the linker: commands, drivers, options, facts, services, cases.
 *
 * Each entry stands in the file that it is about, so that adding one is adding one file. An entry
 * goes into a section named after its table; linker.ld keeps these sections against garbage
 * collection and the linker gives their bounds. The order is that of the link: a table that wants
 * another order has a key for it in its entries.
 *
 *	TABLE_ENTRY(commands, struct command, command_lspci) = { .name = "lspci", ... };
 *	TABLE_FOREACH(commands, struct command, entry)
 *		use(entry);
 */
#ifndef KERNEL_TABLE_H
#define KERNEL_TABLE_H

/* The alignment is given so that the compiler does not pad large entries apart. */
#define TABLE_ENTRY(table, type, name)                                                             \
	static const type name __attribute__((used, section("table_" #table), aligned(8)))

/*
 * A text of an entry that is read when the rest of its file may not be there (kernel/cold/cold.h). Also when it
 * is the same as another literal of the file, which would be one with it.
 */
#define TABLE_TEXT(name, text)                                                                     \
	static const char name[] __attribute__((section(".resident_texts"), aligned(1))) = text

/* Declares the bounds; once in the header of the table's owner. */
#define TABLE_DECLARE(table, type)                                                                 \
	extern const type __start_table_##table[] __attribute__((weak));                           \
	extern const type __stop_table_##table[] __attribute__((weak))

#define TABLE_FOREACH(table, type, entry)                                                          \
	for (const type *entry = __start_table_##table; entry < __stop_table_##table; entry++)

#define TABLE_COUNT(table) ((size_t)(__stop_table_##table - __start_table_##table))

#endif
