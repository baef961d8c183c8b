/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the image came from: UEFI's device paths and DHCP packets, or Linux's loader and its BOOT_IMAGE=. */
#include "boot/origin.h"

#include "boot/device_path.h"

#include <stdio.h>
#include <string.h>

/* DHCP (RFC 2131, figure 1; options in RFC 2132). */
#define DHCP_SIADDR 20
#define DHCP_SNAME 44
#define DHCP_FILE 108
#define DHCP_FILE_SIZE 128
#define DHCP_COOKIE 236
#define DHCP_OPTIONS 240
#define OPTION_PAD 0
#define OPTION_OVERLOAD 52
#define OPTION_SERVER_IDENTIFIER 54
#define OPTION_TFTP_SERVER_NAME 66
#define OPTION_BOOT_FILE 67
#define OPTION_END 255
#define OVERLOAD_FILE 1

/* DHCPv6 (RFC 8415, 8 and 21.1; the boot file in RFC 5970, 3.1). */
#define DHCP6_REPLY 7
#define DHCP6_OPTIONS 4
#define DHCP6_BOOT_FILE_URL 59

/* The zero page's type_of_loader (Linux's Documentation/arch/x86/boot.rst). */
#define ZERO_PAGE_LOADER 0x210
#define LOADER_UNKNOWN 0xff

struct boot_file {
	char server[256]; /* an address or a name; "" */
	char file[512];	  /* "" */
};

static void copy_printable(char *to, size_t size, const uint8_t *from, size_t length)
{
	size_t used = 0;

	while (used < length && used < size - 1 && from[used]) {
		to[used] = from[used] >= ' ' && from[used] < 0x7f ? (char)from[used] : '?';
		used++;
	}
	to[used] = '\0';
}

static void copy_address(char *to, size_t size, const uint8_t *address)
{
	if (address[0] | address[1] | address[2] | address[3])
		sniprintf(to, size, "%u.%u.%u.%u", address[0], address[1], address[2], address[3]);
}

/* The packet's option with that code, or NULL. Not looked for in `file` and `sname`. */
static const uint8_t *option_find(const uint8_t *packet, size_t length, unsigned int code,
				  size_t *size)
{
	size_t at = DHCP_OPTIONS;

	while (at + 1 < length && packet[at] != OPTION_END) {
		if (packet[at] == OPTION_PAD) {
			at++;
			continue;
		}
		*size = packet[at + 1];
		if (*size > length - at - 2)
			return NULL;
		if (packet[at] == code)
			return packet + at + 2;
		at += 2 + *size;
	}
	return NULL;
}

static void read_dhcp6(struct boot_file *boot, const uint8_t *packet, size_t length)
{
	size_t at = DHCP6_OPTIONS;

	while (at + 4 <= length) {
		unsigned int code = (unsigned int)packet[at] << 8 | packet[at + 1];
		size_t size = (size_t)packet[at + 2] << 8 | packet[at + 3];

		at += 4;
		if (size > length - at)
			return;
		if (code == DHCP6_BOOT_FILE_URL && size)
			copy_printable(boot->file, sizeof(boot->file), packet + at, size);
		/* The firmware keeps packets in buffers that are longer: zeros follow. */
		if (!code)
			return;
		at += size;
	}
}

/* What a packet says about the file to boot; what it does not say stays as it is. */
static void read_dhcp(struct boot_file *boot, const struct origin_bytes *bytes)
{
	static const uint8_t cookie[] = {99, 130, 83, 99};
	const uint8_t *packet = bytes->start, *option;
	bool overloaded;
	size_t size;

	/* BOOTP's first byte is 1 or 2. */
	if (bytes->length && packet[0] == DHCP6_REPLY) {
		read_dhcp6(boot, packet, bytes->length);
		return;
	}
	if (bytes->length < DHCP_OPTIONS ||
	    memcmp(packet + DHCP_COOKIE, cookie, sizeof(cookie)) != 0)
		return;
	option = option_find(packet, bytes->length, OPTION_OVERLOAD, &size);
	overloaded = option && size == 1 && (option[0] & OVERLOAD_FILE);

	if ((option = option_find(packet, bytes->length, OPTION_SERVER_IDENTIFIER, &size)) &&
	    size == 4)
		copy_address(boot->server, sizeof(boot->server), option);
	if ((option = option_find(packet, bytes->length, OPTION_TFTP_SERVER_NAME, &size)) && size)
		copy_printable(boot->server, sizeof(boot->server), option, size);
	copy_address(boot->server, sizeof(boot->server), packet + DHCP_SIADDR);
	if ((option = option_find(packet, bytes->length, OPTION_BOOT_FILE, &size)) && size)
		copy_printable(boot->file, sizeof(boot->file), option, size);
	else if (packet[DHCP_FILE] && !overloaded)
		copy_printable(boot->file, sizeof(boot->file), packet + DHCP_FILE, DHCP_FILE_SIZE);
}

static const char *last_component(const char *path)
{
	const char *last = path;

	for (; *path; path++)
		if (*path == '/' || *path == '\\')
			last = path + 1;
	return last;
}

static void from_network(const struct origin_source *source, const struct device_path *path,
			 char *text, size_t size)
{
	struct boot_file boot = {.server = ""};

	if (path->uri[0]) {
		sniprintf(text, size, "%s", path->uri);
		return;
	}
	/* The later the packet, the more it is about the boot file. */
	read_dhcp(&boot, &source->dhcp_ack);
	read_dhcp(&boot, &source->proxy_offer);
	read_dhcp(&boot, &source->pxe_reply);
	/* A loader between the firmware and us (iPXE) got another file than DHCP's, and names it only. */
	if (path->file[0] && strcmp(last_component(path->file), last_component(boot.file)) != 0)
		sniprintf(text, size, "network: %s", path->file);
	else if (strstr(boot.file, "://"))
		sniprintf(text, size, "%s", boot.file);
	else if (boot.file[0] && boot.server[0])
		sniprintf(text, size, "tftp://%s%s%s", boot.server, boot.file[0] == '/' ? "" : "/",
			  boot.file);
	else if (path->file[0] || boot.file[0])
		sniprintf(text, size, "network: %s", path->file[0] ? path->file : boot.file);
	else
		sniprintf(text, size, "network");
}

static void from_firmware(const struct origin_source *source, char *text, size_t size)
{
	struct device_path path = {.network = false};

	device_path_read(&path, source->device_path.start, source->device_path.length);
	device_path_read(&path, source->file_path.start, source->file_path.length);
	if (path.network)
		from_network(source, &path, text, size);
	else if (path.file[0] && !path.vendor_media)
		sniprintf(text, size, "disk: %s", path.file);
}

/* The value of BOOT_IMAGE=, which GRUB puts first; its length. */
static const char *boot_image(const char *line, size_t *length)
{
	static const char word[] = "BOOT_IMAGE=";

	for (; *line; line += strcspn(line, " "), line += strspn(line, " "))
		if (!strncmp(line, word, sizeof(word) - 1)) {
			line += sizeof(word) - 1;
			*length = strcspn(line, " ");
			return line;
		}
	return NULL;
}

/* GRUB's "(tftp,10.0.0.1)/file" as the URL that it is; other devices are disks. */
static void from_grub(const char *name, size_t length, char *text, size_t size)
{
	static const char *const schemes[] = {"tftp", "http"};
	const char *end = memchr(name, ')', length);
	char clean[512];
	size_t device;

	copy_printable(clean, sizeof(clean), (const uint8_t *)name, length);
	device = end ? (size_t)(end - name) : 0;
	for (unsigned int i = 0; name[0] == '(' && end && i < sizeof(schemes) / sizeof(schemes[0]);
	     i++)
		if (device > 6 && device < sizeof(clean) && !strncmp(name + 1, schemes[i], 4) &&
		    name[5] == ',') {
			clean[device] = '\0';
			sniprintf(text, size, "%s://%s%s", schemes[i], clean + 6,
				  clean + device + 1);
			return;
		}
	sniprintf(text, size, "%s%s", name[0] == '(' ? "disk: " : "", clean);
}

static void from_linux_loader(const struct origin_source *source, char *text, size_t size)
{
	/* Those that load from disks and networks; QEMU and other VMMs do not tell more than `method`. */
	static const struct {
		uint8_t id;
		const char *name;
	} loaders[] = {
		{0x1, "Loadlin"}, {0x3, "Syslinux"}, {0x4, "iPXE"},
		{0x5, "ELILO"},	  {0x7, "GRUB"},     {0x8, "U-Boot"},
	};
	const uint8_t *page = source->zero_page.start;
	size_t length;
	const char *name = boot_image(source->command_line ? source->command_line : "", &length);

	if (name && length) {
		from_grub(name, length, text, size);
		return;
	}
	if (source->zero_page.length <= ZERO_PAGE_LOADER ||
	    page[ZERO_PAGE_LOADER] == LOADER_UNKNOWN)
		return;
	for (unsigned int i = 0; i < sizeof(loaders) / sizeof(loaders[0]); i++)
		if (page[ZERO_PAGE_LOADER] >> 4 == loaders[i].id)
			sniprintf(text, size, "loader: %s", loaders[i].name);
}

bool origin_find(const struct origin_source *source, char *text, size_t size)
{
	text[0] = '\0';
	if (source->device_path.length || source->file_path.length)
		from_firmware(source, text, size);
	else if (source->zero_page.length)
		from_linux_loader(source, text, size);
	return text[0] != '\0';
}
