/* SPDX-License-Identifier: BSD-2-Clause */
/* The MultiProcessor Specification's tables (version 1.4, chapter 4): what machines without ACPI have. */
#ifndef DRIVERS_PLATFORM_MP_TABLE_H
#define DRIVERS_PLATFORM_MP_TABLE_H

#include "kernel/platform.h"

/* Finds and reads them into CPUs, I/O APICs and overrides. False when there are none that are good. */
bool mp_table_read(struct platform *into);

#endif
