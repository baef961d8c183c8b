/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands in the banner and beside every result. */
#ifndef KERNEL_VERSION_H
#define KERNEL_VERSION_H

/* Made by the Makefile: RINGSIDE_VERSION and RINGSIDE_COMMIT. */
#include "ringside_version.h"

#define RINGSIDE "ringside " RINGSIDE_VERSION " " RINGSIDE_COMMIT

#endif
