/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/tls/authorities.h"

#include "kernel/cold/cold.h"
#include "kernel/console/log.h"
#include "kernel/main.h"
#include "kernel/memory/memory.h"
#include "kernel/options/options.h"
#include "kernel/thread/thread.h"
#include "kernel/x86/paging.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "tls"
#define BUNDLE_MAX (8u << 20) /* those of browsers have a quarter of a MiB */

/* The file of TLS_CA=, and a zero byte behind it: the Makefile. */
extern const uint8_t tls_ca[], tls_ca_end[];

static RESIDENT bool check_module(const char *value)
{
	uint64_t number;

	return option_parse_number(value, &number) && number < BOOT_MODULES_MAX;
}
OPTION(tls_ca, "tls.ca", "0..15",
       "the boot module (initrd) that has certificates of authorities to believe, PEM or DER",
       check_module);
_Static_assert(BOOT_MODULES_MAX == 16, "as its help says");

static struct mutex lock = MUTEX_INIT;
static bool read_already;
static mbedtls_x509_crt chain;

static void add(const char *where, const uint8_t *bytes, size_t length)
{
	int status = mbedtls_x509_crt_parse(&chain, bytes, length);

	/* Positive: so many of them are of kinds that are not known, and were left out. */
	if (status < 0)
		log_warning("%s has no certificate that can be read: error -0x%04x", where,
			    (unsigned int)-status);
	else if (status)
		log_info("%s: %d certificates cannot be read", where, status);
}

static void add_module(const char *option)
{
	const struct boot_info *boot = boot_information();
	unsigned int number = (unsigned int)strtoul(option, NULL, 0);
	const struct boot_module *module = &boot->modules[number];
	uint8_t *copy;

	if (number >= boot->module_count) {
		log_warning("tls.ca=%s: there is no such module, but %u", option,
			    boot->module_count);
		return;
	}
	if (!module->length || module->length > BUNDLE_MAX ||
	    !memory_is_ram(module->start, module->length)) {
		log_warning("tls.ca=%s: %" PRIu64 " bytes cannot be certificates", option,
			    module->length);
		return;
	}
	/* PEM is text with a zero behind it; DER is not. */
	copy = malloc(module->length + 1);
	if (!copy) {
		log_warning("tls.ca=%s: no memory", option);
		return;
	}
	memcpy(copy, direct_map(module->start), module->length);
	copy[module->length] = '\0';
	add("the module", copy,
	    module->length +
		    (memchr(copy, '-', module->length) && strstr((char *)copy, "-----BEGIN")));
	free(copy);
}

mbedtls_x509_crt *tls_authorities(void)
{
	const char *option = option_get("tls.ca", NULL);

	mutex_lock(&lock);
	if (!read_already) {
		mbedtls_x509_crt_init(&chain);
		if (tls_ca_end - tls_ca > 1)
			add("the file of TLS_CA=", tls_ca, (size_t)(tls_ca_end - tls_ca));
		if (option)
			add_module(option);
		read_already = true;
	}
	mutex_unlock(&lock);
	return chain.version ? &chain : NULL;
}
