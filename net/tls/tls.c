/* SPDX-License-Identifier: BSD-2-Clause */
/* mbed TLS over a stream. */
#include "net/tls/tls.h"

#include "kernel/cold/cold.h"
#include "kernel/random/random.h"
#include "lwip/ip_addr.h"
#include "mbedtls/oid.h"
#include "mbedtls/ssl.h"
#include "net/tls/authorities.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECORD_MAX 16384
#define HOST_MAX 256

struct tls {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config config;
	struct stream *stream;
	struct transfer *transfer; /* whose turn it is */
	int status;		   /* of the stream's last error */
	/* What verify() found. */
	char host[HOST_MAX];
	bool is_address;
	ip_addr_t address;
	mbedtls_x509_time expired, not_yet;
	uint8_t record[RECORD_MAX];
};

/* With forward secrecy and authenticated encryption; the fast one in software first. */
static const int suites[] = {
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	0,
};

static int draw_random(void *context, unsigned char *bytes, size_t length)
{
	(void)context;
	random_bytes(bytes, length);
	return 0;
}

static int send_bytes(void *context, const unsigned char *bytes, size_t length)
{
	struct tls *tls = context;

	tls->status = stream_send(tls->stream, tls->transfer, bytes, length);
	return tls->status ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)length;
}

static int receive_bytes(void *context, unsigned char *bytes, size_t length)
{
	struct tls *tls = context;
	int status = stream_read(tls->stream, tls->transfer, bytes, length);

	if (status >= 0)
		return status;
	tls->status = status;
	return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

/* RFC 5280, 4.2.1.6: an iPAddress of the certificate's, which mbed TLS does not look for. */
static bool has_address(const mbedtls_x509_crt *certificate, const ip_addr_t *address)
{
	const void *bytes = IP_IS_V6(address) ? (const void *)ip_2_ip6(address)->addr
					      : (const void *)&ip_2_ip4(address)->addr;
	size_t length = IP_IS_V6(address) ? 16 : 4;

	if (!(certificate->ext_types & MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
		return false;
	for (const mbedtls_x509_sequence *name = &certificate->subject_alt_names; name;
	     name = name->next)
		if ((name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == MBEDTLS_X509_SAN_IP_ADDRESS &&
		    name->buf.len == length && !memcmp(name->buf.p, bytes, length))
			return true;
	return false;
}

/* Called for each certificate of the chain, the server's (depth 0) last. */
static int verify(void *context, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
	struct tls *tls = context;

	if (*flags & MBEDTLS_X509_BADCERT_EXPIRED)
		tls->expired = certificate->valid_to;
	if (*flags & MBEDTLS_X509_BADCERT_FUTURE)
		tls->not_yet = certificate->valid_from;
	if (!depth && tls->is_address && !has_address(certificate, &tls->address))
		*flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
	return 0;
}

static int refuse_certificate(struct tls *tls)
{
	uint32_t flags = mbedtls_ssl_get_verify_result(&tls->ssl);
	struct transfer *transfer = tls->transfer;
	const mbedtls_x509_time *date;
	time_t now = time(NULL);
	struct tm today;

	if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
		return transfer_fail(
			transfer, -EACCES,
			"the server's certificate is of an issuer that is not known here");
	if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH)
		return transfer_fail(transfer, -EACCES,
				     "the server's certificate is for another name than %s",
				     tls->host);
	gmtime_r(&now, &today);
	if (flags & MBEDTLS_X509_BADCERT_EXPIRED) {
		date = &tls->expired;
		return transfer_fail(
			transfer, -EACCES,
			"the server's certificate has expired, on %04d-%02d-%02d; this "
			"machine's clock says %04d-%02d-%02d",
			date->year, date->mon, date->day, today.tm_year + 1900, today.tm_mon + 1,
			today.tm_mday);
	}
	if (flags & MBEDTLS_X509_BADCERT_FUTURE) {
		date = &tls->not_yet;
		return transfer_fail(
			transfer, -EACCES,
			"the server's certificate is valid from %04d-%02d-%02d on; this "
			"machine's clock says %04d-%02d-%02d",
			date->year, date->mon, date->day, today.tm_year + 1900, today.tm_mon + 1,
			today.tm_mday);
	}
	return transfer_fail(transfer, -EACCES, "the server's certificate is refused: 0x%x",
			     (unsigned int)flags);
}

/* What the connection's error is, with its line unless the connection is to say it. */
static int failed(struct tls *tls, int error)
{
	if (tls->status)
		return tls->status;
	switch (error) {
	case MBEDTLS_ERR_SSL_CONN_EOF:
		return -ECONNRESET;
	case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
		return refuse_certificate(tls);
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
		return transfer_fail(tls->transfer, -EPROTO, "the server ends TLS with alert %u",
				     tls->ssl.in_msg[1]);
	case MBEDTLS_ERR_SSL_ALLOC_FAILED:
		return transfer_fail(tls->transfer, -ENOMEM, "no memory for TLS");
	case MBEDTLS_ERR_SSL_INVALID_RECORD:
		return transfer_fail(tls->transfer, -EPROTO, "the server does not speak TLS");
	case MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION:
		return transfer_fail(tls->transfer, -EPROTO, "the server has no TLS 1.2");
	default:
		return transfer_fail(tls->transfer, -EPROTO, "TLS with the server fails: -0x%04x",
				     (unsigned int)-error);
	}
}

static int set_up(struct tls *tls, mbedtls_x509_crt *authorities)
{
	mbedtls_ssl_config *config = &tls->config;
	int error = mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT,
						MBEDTLS_SSL_TRANSPORT_STREAM,
						MBEDTLS_SSL_PRESET_DEFAULT);

	if (error)
		return error;
	mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3,
				     MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_ciphersuites(config, suites);
	mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_ca_chain(config, authorities, NULL);
	mbedtls_ssl_conf_verify(config, verify, tls);
	mbedtls_ssl_conf_rng(config, draw_random, NULL);
	error = mbedtls_ssl_setup(&tls->ssl, config);
	/* An address is no server name (RFC 6066, 3): verify() compares it. */
	if (!error && !tls->is_address)
		error = mbedtls_ssl_set_hostname(&tls->ssl, tls->host);
	mbedtls_ssl_set_bio(&tls->ssl, tls, send_bytes, receive_bytes, NULL);
	return error;
}

static void destroy(struct tls *tls)
{
	mbedtls_ssl_free(&tls->ssl);
	mbedtls_ssl_config_free(&tls->config);
	free(tls);
}

RESIDENT bool tls_linked(void)
{
	return true;
}

int tls_connect(struct tls **result, struct stream *stream, struct transfer *transfer,
		const char *host)
{
	mbedtls_x509_crt *authorities = tls_authorities();
	struct tls *tls;
	int error, status;

	*result = NULL;
	if (!authorities)
		return transfer_fail(
			transfer, -EACCES,
			"no certificates of authorities here: build with TLS_CA=FILE, or "
			"give tls.ca=");
	tls = calloc(1, sizeof(*tls));
	if (!tls)
		return transfer_fail(transfer, -ENOMEM, "no memory for TLS");
	tls->stream = stream;
	tls->transfer = transfer;
	/* Without a zone, which is of this machine only. */
	memcpy(tls->host, host, strcspn(host, "%"));
	tls->is_address = ipaddr_aton(tls->host, &tls->address);
	mbedtls_ssl_init(&tls->ssl);
	mbedtls_ssl_config_init(&tls->config);
	error = set_up(tls, authorities);
	if (!error)
		error = mbedtls_ssl_handshake(&tls->ssl);
	if (!error) {
		*result = tls;
		return 0;
	}
	status = failed(tls, error);
	if (status == -ECONNRESET)
		transfer_fail(transfer, status,
			      "the connection ended in the middle of TLS's handshake");
	else if (status == -ETIMEDOUT)
		transfer_fail(transfer, status, "the server says nothing in TLS's handshake");
	destroy(tls);
	return status;
}

int tls_send(struct tls *tls, struct transfer *transfer, const void *bytes, size_t length)
{
	const unsigned char *next = bytes;

	tls->transfer = transfer;
	tls->status = 0;
	while (length) {
		int sent = mbedtls_ssl_write(&tls->ssl, next, length);

		if (sent < 0)
			return failed(tls, sent);
		next += sent;
		length -= (size_t)sent;
	}
	return 0;
}

int tls_receive(struct tls *tls, struct transfer *transfer, stream_input input, void *context)
{
	tls->transfer = transfer;
	tls->status = 0;
	for (;;) {
		int length = mbedtls_ssl_read(&tls->ssl, tls->record, sizeof(tls->record));
		int result;

		if (length == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
			return 0;
		/* An end without good-bye may be somebody's who cuts the file. */
		if (length == 0)
			return -ECONNRESET;
		if (length == MBEDTLS_ERR_SSL_WANT_READ || length == MBEDTLS_ERR_SSL_WANT_WRITE)
			continue;
		if (length < 0)
			return failed(tls, length);
		result = input(context, tls->record, (size_t)length);
		if (result)
			return result;
	}
}

void tls_close(struct tls *tls)
{
	destroy(tls);
}
