/* SPDX-License-Identifier: BSD-2-Clause */
/* UEFI device paths: nodes of type, subtype, length and data, until one that says "end". */
#include "boot/device_path.h"

#include <string.h>

#define NODE_HEADER 4

/* Types and subtypes (UEFI 2.10, 10.3). */
#define TYPE_MESSAGING 0x03
#define MESSAGING_MAC 11
#define MESSAGING_IPV4 12
#define MESSAGING_IPV6 13
#define MESSAGING_URI 24
#define TYPE_MEDIA 0x04
#define MEDIA_HARD_DRIVE 1
#define MEDIA_CDROM 2
#define MEDIA_VENDOR 3
#define MEDIA_FILE_PATH 4
#define TYPE_END 0x7f
#define END_ENTIRE 0xff

#define IPV4_REMOTE 8 /* offset of the remote address in its node */

/* Control characters, quotes and the like would be somebody else's text in a line of ours. */
static char printable(unsigned int c)
{
	return c > ' ' && c < 0x7f ? (char)c : c == ' ' ? ' ' : '?';
}

static void append(char *text, size_t *length, unsigned int c)
{
	if (*length < DEVICE_PATH_TEXT_MAX - 1) {
		text[(*length)++] = printable(c);
		text[*length] = '\0';
	}
}

static void read_uri(struct device_path *path, const uint8_t *data, size_t length)
{
	size_t used = 0;

	if (!length || !data[0])
		return;
	path->uri[0] = '\0';
	for (size_t i = 0; i < length && data[i]; i++)
		append(path->uri, &used, data[i]);
}

static void read_file(struct device_path *path, const uint8_t *data, size_t length)
{
	size_t used = strlen(path->file);

	/* Each node may bring its own separator. */
	if (used && path->file[used - 1] != '\\' && length >= 2 && (data[0] | data[1] << 8) != '\\')
		append(path->file, &used, '\\');
	for (size_t i = 0; i + 1 < length && (data[i] | data[i + 1]); i += 2)
		append(path->file, &used, data[i] | (unsigned int)data[i + 1] << 8);
}

static void read_messaging(struct device_path *path, unsigned int subtype, const uint8_t *node,
			   size_t length)
{
	switch (subtype) {
	case MESSAGING_IPV4:
		if (length >= IPV4_REMOTE + sizeof(path->server))
			memcpy(path->server, node + IPV4_REMOTE, sizeof(path->server));
		path->network = true;
		break;
	case MESSAGING_URI:
		read_uri(path, node + NODE_HEADER, length - NODE_HEADER);
		path->network = true;
		break;
	case MESSAGING_MAC:
	case MESSAGING_IPV6:
		path->network = true;
		break;
	}
}

static void read_media(struct device_path *path, unsigned int subtype, const uint8_t *node,
		       size_t length)
{
	switch (subtype) {
	case MEDIA_HARD_DRIVE:
	case MEDIA_CDROM:
		path->disk = true;
		break;
	case MEDIA_VENDOR:
		path->vendor_media = true;
		break;
	case MEDIA_FILE_PATH:
		read_file(path, node + NODE_HEADER, length - NODE_HEADER);
		break;
	}
}

void device_path_read(struct device_path *path, const void *bytes, size_t length)
{
	const uint8_t *node = bytes;

	while (length >= NODE_HEADER) {
		size_t size = node[2] | (size_t)node[3] << 8;

		if (node[0] == TYPE_END && node[1] == END_ENTIRE)
			return;
		if (size < NODE_HEADER || size > length)
			break;
		if (node[0] == TYPE_MESSAGING)
			read_messaging(path, node[1], node, size);
		else if (node[0] == TYPE_MEDIA)
			read_media(path, node[1], node, size);
		node += size;
		length -= size;
	}
	path->damaged = true;
}
