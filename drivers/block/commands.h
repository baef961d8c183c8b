/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands about disks share. */
#ifndef DRIVERS_BLOCK_COMMANDS_H
#define DRIVERS_BLOCK_COMMANDS_H

#include "drivers/block/block.h"
#include "kernel/shell/command.h"

/* The device of that name; NULL after a message. */
struct block_device *block_argument(const char *name);

/* A number of the command line; false after a message. */
bool block_number_argument(const char *text, uint64_t *value);

/* Takes "--yes" out of the words: was it there? */
bool block_take_yes(int *argc, char **argv);
/* Says that it has to be. COMMAND_FAILED. */
enum command_result block_refuse(char **argv);

/* COMMAND_OK, or COMMAND_FAILED with the error in words. */
enum command_result block_result(const struct block_device *device, const char *what, int error);

#endif
