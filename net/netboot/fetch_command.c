/* SPDX-License-Identifier: BSD-2-Clause */
/* The command `fetch`: gets a file and forgets it, to see whether and how fast it comes. */
#include "kernel/shell/command.h"
#include "net/lwip/stack.h"
#include "net/netboot/transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
	const char *url, *interface;
	bool quiet, no_sum, check, keep;
	uint8_t sha256[SHA256_SIZE];
};

/* With -k the bytes go to memory, as a kernel's do; otherwise nobody looks at them. */
struct memory_sink {
	struct transfer_sink sink;
	uint8_t *memory;
	uint64_t size, used;
};

static int forget(struct transfer_sink *sink, const void *bytes, size_t length)
{
	(void)sink;
	(void)bytes;
	(void)length;
	return 0;
}

static int begin_again(struct transfer_sink *sink)
{
	((struct memory_sink *)sink)->used = 0;
	return 0;
}

static int make_room(struct transfer_sink *sink, uint64_t size)
{
	struct memory_sink *memory = (struct memory_sink *)sink;

	if (memory->size && size > memory->size)
		return -EFBIG;
	if (!memory->memory) {
		memory->memory = malloc(size);
		memory->size = size;
	}
	return memory->memory ? 0 : -ENOMEM;
}

static int keep(struct transfer_sink *sink, const void *bytes, size_t length)
{
	struct memory_sink *memory = (struct memory_sink *)sink;

	/* A server that does not say how long the file is. */
	if (length > memory->size - memory->used)
		return -EFBIG;
	memcpy(memory->memory + memory->used, bytes, length);
	memory->used += length;
	return 0;
}

static bool parse_sum(uint8_t sum[SHA256_SIZE], const char *text)
{
	if (strlen(text) != 2 * SHA256_SIZE ||
	    strspn(text, "0123456789abcdefABCDEF") != 2 * SHA256_SIZE)
		return false;
	for (unsigned int i = 0; i < SHA256_SIZE; i++) {
		char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};

		sum[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return true;
}

static bool parse(struct arguments *arguments, int argc, char **argv)
{
	memset(arguments, 0, sizeof(*arguments));
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-q")) {
			arguments->quiet = true;
		} else if (!strcmp(argv[i], "-n")) {
			arguments->no_sum = true;
		} else if (!strcmp(argv[i], "-k")) {
			arguments->keep = true;
		} else if (!strcmp(argv[i], "-i") && i + 1 < argc) {
			arguments->interface = argv[++i];
		} else if (!strcmp(argv[i], "-s") && i + 1 < argc) {
			arguments->check = true;
			if (!parse_sum(arguments->sha256, argv[++i])) {
				command_print("fetch: a sha256 has 64 hexadecimal digits\n");
				return false;
			}
		} else if (argv[i][0] == '-' || arguments->url) {
			return false;
		} else {
			arguments->url = argv[i];
		}
	}
	return arguments->url;
}

static void print_result(const struct transfer *transfer, uint64_t copied)
{
	char text[TRANSFER_SUMMARY_MAX];

	transfer_summary(transfer, text);
	command_print("%s\n", text);
	if (strcmp(transfer->url, transfer->final_url) != 0)
		command_print("  from %s\n", transfer->final_url);
	if (transfer->sum) {
		command_print("  sha256 ");
		for (unsigned int i = 0; i < SHA256_SIZE; i++)
			command_print("%02x", transfer->sum[i]);
		command_print("\n");
	}
	command_print("  resumed %u times, %" PRIu64 " bytes copied\n", transfer->resumed, copied);
}

static enum command_result command_fetch(int argc, char **argv)
{
	struct memory_sink memory = {.sink = {.write = forget, .restart = begin_again}};
	uint8_t sum[SHA256_SIZE];
	struct arguments arguments;
	struct transfer *transfer;
	uint64_t copied;
	int status;

	if (!parse(&arguments, argc, argv))
		return COMMAND_USAGE;
	transfer = calloc(1, sizeof(*transfer));
	if (!transfer) {
		command_print("fetch: no memory\n");
		return COMMAND_FAILED;
	}
	transfer->url = arguments.url;
	if (arguments.keep)
		memory.sink = (struct transfer_sink){
			.size = make_room, .write = keep, .restart = begin_again, .copies = true};
	transfer->sink = &memory.sink;
	transfer->interface = arguments.interface;
	transfer->sha256 = arguments.check ? arguments.sha256 : NULL;
	transfer->sum = arguments.no_sum ? NULL : sum;
	transfer->progress = !arguments.quiet;
	transfer->interrupted = command_interrupted;
	copied = network_stack_copied();
	status = transfer_run(transfer);
	if (status)
		command_print("fetch: %s\n", transfer->error);
	else
		print_result(transfer, network_stack_copied() - copied);
	free(memory.memory);
	free(transfer);
	return status ? COMMAND_FAILED : COMMAND_OK;
}

COMMAND(fetch, "fetch [-q] [-n] [-k] [-i INTERFACE] [-s SHA256] URL",
	"gets a file by http, https or tftp, and says how fast it came", command_fetch);
