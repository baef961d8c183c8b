/* SPDX-License-Identifier: BSD-2-Clause */
/* How a host program was booted, and how it is left: as the test says. All of it is there from the start. */
#include "boot/next/internal.h"
#include "kernel/cold/cold.h"
#include "kernel/main.h"
#include "tests/device/host.h"

static const struct boot_info nothing;
static const struct boot_info *info = &nothing;
static void (*leave)(const struct next_plan *plan);

void host_boot_info(const struct boot_info *set)
{
	info = set ? set : &nothing;
}

const struct boot_info *boot_information(void)
{
	return info;
}

void host_hand_over(void (*function)(const struct next_plan *plan))
{
	leave = function;
}

void next_hand_over(const struct next_plan *plan)
{
	if (leave)
		leave(plan);
	host_abort("the machine was handed over, which nobody expected");
}

int cold_need(const void *pointer)
{
	(void)pointer;
	return 0;
}
