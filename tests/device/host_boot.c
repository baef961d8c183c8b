/* SPDX-License-Identifier: BSD-2-Clause */
/* How a host program was booted: as the test says. */
#include "kernel/main.h"
#include "tests/device/host.h"

static const struct boot_info nothing;
static const struct boot_info *info = &nothing;

void host_boot_info(const struct boot_info *set)
{
	info = set ? set : &nothing;
}

const struct boot_info *boot_information(void)
{
	return info;
}
