/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How mbed TLS is configured: nothing is on that does not stand here (mbedtls/config.h has the meaning
 * of each).
 */
#ifndef NET_TLS_CONFIG_H
#define NET_TLS_CONFIG_H

/* Sums of files, and of handshakes */
#define MBEDTLS_SHA256_C

#include "mbedtls/check_config.h"

#endif
