/* SPDX-License-Identifier: BSD-2-Clause */
/* Where this image was loaded from: found once, while what the loader left is there. */
#ifndef BOOT_LOADED_FROM_H
#define BOOT_LOADED_FROM_H

#include "boot/boot_info.h"

/* Finds it and says it in the log. After memory_init(), once. */
void loaded_from_find(const struct boot_info *info);

/* As boot/origin.h writes it; NULL when nobody told. Context: any. */
const char *loaded_from(void);

#endif
