/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose certificates we believe: those linked in (make TLS_CA=FILE, PEM) and those of a boot module
 * (tls.ca=N, PEM or DER). There are no others. Thread context.
 */
#ifndef NET_TLS_AUTHORITIES_H
#define NET_TLS_AUTHORITIES_H

#include "mbedtls/x509_crt.h"

/* Reads them at the first call. NULL: there is none. Never freed. */
mbedtls_x509_crt *tls_authorities(void);

#endif
