/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/cold/probe.h"

const uint64_t cold_probe_constant = 0x600d;
uint64_t cold_probe_data = 0xda7a;
uint64_t cold_probe_bss;

uint64_t cold_probe(void)
{
	return __atomic_add_fetch(&cold_probe_bss, 1, __ATOMIC_RELAXED);
}
