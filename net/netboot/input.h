/* SPDX-License-Identifier: BSD-2-Clause */
/* Who takes what a connection brings. */
#ifndef NET_NETBOOT_INPUT_H
#define NET_NETBOOT_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* 0: more is wanted. Anything else is the end, and what the receiving function returns. */
typedef int (*stream_input)(void *context, const uint8_t *bytes, size_t length);

#endif
