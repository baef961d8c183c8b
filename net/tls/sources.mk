# SPDX-License-Identifier: BSD-2-Clause
# The files of mbed TLS that we compile, relative to its library/. include/tls_config.h configures them.
MBEDTLS_SOURCES := sha256 platform_util
MBEDTLS_SOURCES := $(MBEDTLS_SOURCES:%=%.c)
