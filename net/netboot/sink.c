/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/netboot/sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int begin_file(struct boot_sink *sink)
{
	enum next_role role = sink->role == SINK_INITRD ? NEXT_INITRD : NEXT_KERNEL;
	struct next_file *old = role == NEXT_KERNEL ? next_file_kernel(sink->next) : NULL;

	/* The last kernel that was asked for counts. */
	if (old)
		next_file_drop(old);
	sink->file = next_file_begin(sink->next, role, sink->name);
	if (!sink->file)
		return -ENOMEM;
	return sink->size_known ? next_file_size(sink->file, sink->size) : 0;
}

static int begin_text(struct boot_sink *sink)
{
	if (sink->size_known && sink->size > SCRIPT_SIZE_MAX) {
		sink->message = "a script has at most 65536 bytes";
		return -EFBIG;
	}
	sink->text = malloc(SCRIPT_SIZE_MAX);
	if (!sink->text) {
		sink->message = "no memory for a script";
		return -ENOMEM;
	}
	return 0;
}

static int keep(struct boot_sink *sink, const void *bytes, size_t length)
{
	if (sink->file)
		return next_file_write(sink->file, bytes, length);
	if (length > SCRIPT_SIZE_MAX - sink->text_length) {
		sink->message = "a script has at most 65536 bytes";
		return -EFBIG;
	}
	memcpy(sink->text + sink->text_length, bytes, length);
	sink->text_length += length;
	return 0;
}

static int decide(struct boot_sink *sink)
{
	bool script = sink->role == SINK_ANY && script_is(sink->head, sink->head_length);
	int error = script ? begin_text(sink) : begin_file(sink);

	sink->decided = true;
	if (!error && sink->head_length)
		error = keep(sink, sink->head, sink->head_length);
	return error;
}

static int take_size(struct transfer_sink *transfer_sink, uint64_t size)
{
	struct boot_sink *sink = (struct boot_sink *)transfer_sink;

	sink->size_known = true;
	sink->size = size;
	return sink->file ? next_file_size(sink->file, size) : 0;
}

static int take(struct transfer_sink *transfer_sink, const void *bytes, size_t length)
{
	struct boot_sink *sink = (struct boot_sink *)transfer_sink;
	const uint8_t *from = bytes;
	int error;

	if (!sink->decided) {
		/* Of what is no question the bytes go straight on. */
		while (sink->role == SINK_ANY && length && sink->head_length < sizeof(sink->head)) {
			sink->head[sink->head_length++] = *from++;
			length--;
		}
		if (sink->role == SINK_ANY && sink->head_length < sizeof(sink->head))
			return 0;
		error = decide(sink);
		if (error)
			return error;
	}
	return length ? keep(sink, from, length) : 0;
}

static int restart(struct transfer_sink *transfer_sink)
{
	boot_sink_drop((struct boot_sink *)transfer_sink);
	return 0;
}

static const char *message(struct transfer_sink *transfer_sink)
{
	return boot_sink_message((struct boot_sink *)transfer_sink);
}

void boot_sink_init(struct boot_sink *sink, struct next_kernel *next, enum sink_role role,
		    const char *name)
{
	memset(sink, 0, sizeof(*sink));
	sink->sink = (struct transfer_sink){
		.size = take_size, .write = take, .restart = restart, .message = message};
	sink->next = next;
	sink->role = role;
	strncpy(sink->name, name, sizeof(sink->name) - 1);
}

int boot_sink_end(struct boot_sink *sink)
{
	int error = sink->decided ? 0 : decide(sink);

	return error || !sink->file ? error : next_file_end(sink->file);
}

void boot_sink_drop(struct boot_sink *sink)
{
	if (sink->file)
		next_file_drop(sink->file);
	free(sink->text);
	sink->file = NULL;
	sink->text = NULL;
	sink->text_length = sink->head_length = 0;
	sink->decided = sink->size_known = false;
}

const char *boot_sink_message(struct boot_sink *sink)
{
	return sink->message ? sink->message : next_error(sink->next);
}
