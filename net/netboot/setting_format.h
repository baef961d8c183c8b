/* SPDX-License-Identifier: BSD-2-Clause */
/* Between text and the bytes of a setting: setting_text() of settings.h, and back. Pure functions. */
#ifndef NET_NETBOOT_SETTING_FORMAT_H
#define NET_NETBOOT_SETTING_FORMAT_H

#include "net/netboot/settings.h"

/* 0, -EINVAL (the text is not of the type), -E2BIG. */
int setting_parse(struct setting *setting, enum setting_type type, const char *text);

#endif
