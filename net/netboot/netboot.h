/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One attempt to boot over the network: files are fetched into struct next_kernel, by instructions from
 * the command line, DHCP, the shell or a script, and started.
 *
 *	instructions.c	where they come from, and the boot file of DHCP
 *	boot.c		fetches and starts
 *	said.c		the last line, for the page
 *	script_boot.c	what scripts want
 *	netboot.c	interfaces, failure, the job and the command
 *
 * Thread context; each struct netboot is one thread's.
 */
#ifndef NET_NETBOOT_NETBOOT_H
#define NET_NETBOOT_NETBOOT_H

#include "boot/next/next.h"
#include "net/netboot/answers.h"
#include "net/netboot/script.h"
#include "net/netboot/settings.h"
#include "net/netboot/transfer.h"

#include <stdbool.h>
#include <stdint.h>

#define NETBOOT_ARGUMENTS_MAX 4096
#define NETBOOT_SUMS_MAX 16

/* The sha256 that the file of a name must have. */
struct netboot_sum {
	char name[SETTING_NAME_MAX];
	uint8_t sha256[SHA256_SIZE];
};

struct netboot {
	bool (*interrupted)(void); /* never NULL */
	struct next_kernel *next;
	struct settings settings;
	struct interface *interface; /* NULL: whatever the routes say */
	struct boot_answers answers; /* on that one */
	char arguments[NETBOOT_ARGUMENTS_MAX];
	struct netboot_sum sums[NETBOOT_SUMS_MAX];
	unsigned int sum_count;
	bool named_by_dhcp;   /* the kernel is the boot file itself */
	uint64_t bytes, time; /* of all files */
};

/* NULL: no memory. */
struct netboot *netboot_create(bool (*interrupted)(void));
void netboot_destroy(struct netboot *netboot);

/*
 * Everything below returns 0 or a negative errno, and has printed one line that says why, but for -EINTR.
 * "netboot: ..." to whoever asked.
 */
void netboot_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* -- said.c: one more attempt */
void netboot_attempted(void);

/* -- boot.c */

/* Gets a file of a known role. `name` NULL: the last part of the URL. */
int netboot_fetch(struct netboot *netboot, enum next_role role, const char *url, const char *name,
		  const uint8_t *sha256);
/*
 * Gets a file that is a kernel or a script, as its first bytes say. *text: the script, from malloc(), or
 * NULL: it is a kernel, and among the files of netboot->next. final_url may be NULL.
 */
int netboot_fetch_any(struct netboot *netboot, const char *url, const char *name, char **text,
		      size_t *length, char final_url[static SCRIPT_URL_MAX]);
int netboot_set_arguments(struct netboot *netboot, const char *arguments);
/* Starts what was fetched; does not come back when it can. */
int netboot_start(struct netboot *netboot);
/* The last part of a URL's path. */
void netboot_file_name(const char *url, char name[static SETTING_NAME_MAX]);
bool netboot_parse_sum(const char *hex, uint8_t sha256[static SHA256_SIZE]);
/* -ENOMEM: there are too many. */
int netboot_expect_sum(struct netboot *netboot, const char *name, const uint8_t *sha256);

/* -- script_boot.c */
int netboot_run_script(struct netboot *netboot, const char *text, size_t length, const char *url);
/* A boot file, a script to its end. 0: it is a kernel, which is fetched and is to be started. */
int netboot_boot_file(struct netboot *netboot, const char *url);

/* -- instructions.c */

/* What the command line says. */
struct instructions {
	const char *kernel, *initrds, *arguments, *script, *sums; /* NULL: nothing */
};
void instructions_of_options(struct instructions *instructions);
bool instructions_are_given(const struct instructions *instructions);
/* Whether they need no network: all files are modules. */
bool instructions_are_local(const struct instructions *instructions);
int netboot_follow(struct netboot *netboot, const struct instructions *instructions);
/* What DHCP says on netboot->interface. */
int netboot_follow_dhcp(struct netboot *netboot);

/* -- netboot.c */
/* Gets an address and answers on that interface, or any when NULL. -ENODEV, -ETIMEDOUT, -EINTR. */
int netboot_dhcp(struct netboot *netboot, struct interface *interface);
/* "eth0", or "net0", or "netX" for the one in use; NULL: there is none. */
struct interface *netboot_interface(const struct netboot *netboot, const char *name);
/* Files go out by this one from now on. */
void netboot_use(struct netboot *netboot, struct interface *interface);

/* -- machine_settings.c */
bool netboot_machine_setting(void *netboot, const char *scope, const char *name,
			     struct setting *setting);

#endif
