/* SPDX-License-Identifier: BSD-2-Clause */
/* A cold part for tests, with something of each kind. Whoever uses it has asked cold_need(). */
#ifndef KERNEL_COLD_PROBE_H
#define KERNEL_COLD_PROBE_H

#include <stdint.h>

extern const uint64_t cold_probe_constant; /* 0x600d */
extern uint64_t cold_probe_data;	   /* 0xda7a */
extern uint64_t cold_probe_bss;		   /* 0 at first */

/* The next number, from 1 on. */
uint64_t cold_probe(void);

#endif
