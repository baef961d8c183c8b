# SPDX-License-Identifier: BSD-2-Clause
# The files of mbed TLS that we compile, relative to its library/. include/mbedtls/config.h configures them.
MBEDTLS_SOURCES := sha256 platform_util
ifneq ($(TLS),)
MBEDTLS_SOURCES += aes asn1parse base64 bignum chacha20 chachapoly cipher cipher_wrap constant_time ecdh ecdsa ecp \
	ecp_curves gcm md oid pem pk pk_wrap pkparse platform poly1305 rsa rsa_internal sha512 ssl_ciphersuites ssl_cli \
	ssl_msg ssl_tls x509 x509_crt asn1write
endif
MBEDTLS_SOURCES := $(MBEDTLS_SOURCES:%=%.c)
