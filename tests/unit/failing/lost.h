/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocks of the heap that nothing points to any more. The leak sanitizer knows too, but takes a hundred milliseconds,
 * which is too much for each of half a million children: this takes one or two, and looks only for what may be lost.
 * What it finds is the sanitizer's to judge.
 */
#ifndef TESTS_UNIT_FAILING_LOST_H
#define TESTS_UNIT_FAILING_LOST_H

#include <stdbool.h>

/* A block was allocated (not NULL), or is freed (any pointer). */
void lost_add(const void *block);
void lost_remove(const void *block);

/*
 * Whether there is one that neither the program's variables, nor its stack from the caller on, nor a block that they
 * lead to points into.
 */
bool lost_any(void);

#endif
