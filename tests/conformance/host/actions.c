/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's side of docs/conformance-host.md, done on the model itself. */
#include "tests/conformance/host/model.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 5
#define WORD_MAX 4096
#define FRAME_MAX 2000
#define SECOND 1000000000ull
#define NET_STATUS 6 /* in the configuration */
#define NET_ANNOUNCE 2

/* A request, taken apart. The address stands second; it is the device that is asked. */
struct action {
	struct model_target *t;
	unsigned int count; /* of arguments */
	char words[WORDS_MAX][WORD_MAX];
	char *reply;
	size_t size;
};
#define VERB(action) ((action)->words[0])
#define ARGUMENT(action, number) ((action)->words[2 + (number)])

static int __attribute__((format(printf, 3, 4)))
answer(struct action *action, int result, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(action->reply, action->size, format, arguments);
	va_end(arguments);
	return result;
}

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Returns how many bytes there are, or -1. */
static int from_hex(const char *text, uint8_t *bytes, size_t room)
{
	size_t count = 0;

	for (; text[0]; text += 2) {
		if (digit(text[0]) < 0 || digit(text[1]) < 0 || count == room)
			return -1;
		bytes[count++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
	}
	return (int)count;
}

static int to_hex(struct action *action, const uint8_t *bytes, size_t count)
{
	size_t at = 0;

	if (!count)
		return answer(action, 0, "-");
	for (size_t i = 0; i < count && at + 3 <= action->size; i++, at += 2)
		snprintf(action->reply + at, 3, "%02x", bytes[i]);
	return 0;
}

/* -- Network, disk, balloon */

static int do_link(struct action *action)
{
	virtio_model_net_link(action->t->as.net, !strcmp(ARGUMENT(action, 0), "up"));
	return answer(action, 0, "%s", "");
}

static int do_frame(struct action *action)
{
	static const struct model_net_header plain;
	struct virtio_model_net *net = action->t->as.net;
	uint8_t frame[FRAME_MAX];
	int length = from_hex(ARGUMENT(action, 0), frame, sizeof(frame));
	unsigned long times = action->count > 1 ? strtoul(ARGUMENT(action, 1), NULL, 10) : 1;

	if (length < 14)
		return answer(action, -EIO, "no frame");
	/* One time for all of them: nobody else acts in between. */
	for (unsigned long i = 0; i < times; i++)
		if (net->model.status & STATUS_DRIVER_OK &&
		    virtio_model_net_receives(net, frame, (uint32_t)length))
			virtio_model_net_inject(net, &plain, frame, (uint32_t)length);
	host_poll();
	return answer(action, 0, "%s", "");
}

static int do_announce(struct action *action)
{
	struct virtio_model *model = action->t->model;
	uint16_t status;

	memcpy(&status, model->config + NET_STATUS, sizeof(status));
	status |= NET_ANNOUNCE;
	virtio_model_configure(model, NET_STATUS, &status, sizeof(status));
	return answer(action, 0, "%s", "");
}

/* What is on the wire: the device adds up what the driver left to it (5.1.9.2). */
static void complete(const struct model_net_frame *frame, uint8_t *data)
{
	uint32_t sum = 0, start = frame->header.csum_start;
	uint32_t place = start + frame->header.csum_offset;

	if (!(frame->header.flags & 1) || place + 2 > frame->length ||
	    fault(FAULT_NET_TX_CSUM_NEVER))
		return;
	for (uint32_t i = start; i < frame->length; i++)
		sum += (i - start) & 1 ? data[i] : (uint32_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	data[place] = (uint8_t)(~sum >> 8);
	data[place + 1] = (uint8_t)~sum;
}

static int do_sent(struct action *action)
{
	static uint8_t data[MODEL_NET_FRAME_MAX];
	const struct virtio_model_net *net = action->t->as.net;
	const struct model_net_frame *frame = virtio_model_net_sent(net, net->sent_count - 1);

	host_poll();
	if (!net->sent_count)
		return answer(action, 0, "-");
	frame = virtio_model_net_sent(net, net->sent_count - 1);
	memcpy(data, frame->data, frame->length);
	complete(frame, data);
	return to_hex(action, data, frame->length);
}

static int do_resize(struct action *action)
{
	virtio_model_block_resize(action->t->as.block,
				  strtoull(ARGUMENT(action, 0), NULL, 10) / MODEL_BLOCK_SECTOR);
	return answer(action, 0, "%s", "");
}

static int do_balloon(struct action *action)
{
	virtio_model_balloon_target(action->t->as.balloon,
				    (uint32_t)strtoul(ARGUMENT(action, 0), NULL, 10));
	return answer(action, 0, "%s", "");
}

static int do_stats(struct action *action)
{
	struct model_target *t = action->t;

	t->statistics_every = strtoull(ARGUMENT(action, 0), NULL, 10) * SECOND;
	t->statistics_next = model_now() + t->statistics_every;
	return answer(action, 0, "%s", "");
}

static int do_stats_read(struct action *action)
{
	static const char *const names[MODEL_BALLOON_TAGS] = {
		"swap-in",	"swap-out",	    "major-faults", "minor-faults", "free-memory",
		"total-memory", "available-memory", "disk-caches",  "htlb-pgalloc", "htlb-pgfail",
	};
	const struct virtio_model_balloon *balloon = action->t->as.balloon;
	int at = 0;

	for (unsigned int i = 0; i < MODEL_BALLOON_TAGS && (size_t)at < action->size; i++)
		at += snprintf(action->reply + at, action->size - (size_t)at, "%s%s=%llu",
			       i ? "," : "", names[i], (unsigned long long)balloon->statistics[i]);
	return 0;
}

static int do_hint(struct action *action)
{
	struct virtio_model_balloon *balloon = action->t->as.balloon;
	static uint32_t last = 1;

	if (!strcmp(ARGUMENT(action, 0), "stop"))
		virtio_model_balloon_hint_id(balloon, fault(FAULT_BALLOON_HINT_NEVER_DONE) ? 0 : 1);
	else
		virtio_model_balloon_hint_id(balloon,
					     fault(FAULT_BALLOON_HINT_SAME_ID) ? 2 : ++last);
	return answer(action, 0, "%s", "");
}

/* -- Ports of a console */

static int port_named(struct action *action)
{
	const struct virtio_model_console *console = action->t->as.console;

	for (unsigned int i = 0; i < console->port_count; i++)
		if (console->ports[i].exists && console->ports[i].name &&
		    !strcmp(console->ports[i].name, ARGUMENT(action, 0)))
			return (int)i;
	return -1;
}

static void say(struct virtio_model_console *console, int id, uint16_t event, uint16_t value)
{
	if (console->ready)
		virtio_model_console_say(console, (uint32_t)id, event, value, NULL, 0);
}

static int do_port_add(struct action *action)
{
	struct model_target *t = action->t;
	struct virtio_model_console *console = t->as.console;
	unsigned int id = 1;

	while (id < console->port_count && console->ports[id].exists)
		id++;
	if (id == console->port_count || port_named(action) >= 0)
		return answer(action, -EIO, "no port is left, or it is there");
	snprintf(t->port_names[id], sizeof(t->port_names[id]), "%.31s", ARGUMENT(action, 0));
	console->ports[id] = (struct model_console_port){
		.exists = true,
		.name = t->port_names[id],
		.sent = console->ports[id].sent,
		.incoming = console->ports[id].incoming,
		.guest_open = -1,
	};
	say(console, (int)id, MODEL_DEVICE_ADD, 1);
	return answer(action, 0, "%u", id);
}

static int do_port_remove(struct action *action)
{
	struct virtio_model_console *console = action->t->as.console;
	int id = port_named(action);

	if (id < 0)
		return answer(action, -EIO, "no such port");
	console->ports[id].exists = false;
	if (!fault(FAULT_CONSOLE_REMOVE_SILENT))
		say(console, id, MODEL_DEVICE_REMOVE, 1);
	return answer(action, 0, "%s", "");
}

static void open_port(struct virtio_model_console *console, int id, bool open)
{
	if (console->ports[id].host_open == open)
		return;
	console->ports[id].host_open = open;
	if (!fault(FAULT_CONSOLE_NO_OPEN))
		say(console, id, MODEL_PORT_OPEN, open);
}

/* What was written before is forgotten. */
static int do_port_open(struct action *action)
{
	struct virtio_model_console *console = action->t->as.console;
	int id = port_named(action);

	if (id < 0)
		return answer(action, -EIO, "no such port");
	open_port(console, id, !strcmp(VERB(action), "port-open"));
	host_poll();
	console->ports[id].sent_read = console->ports[id].sent_length;
	if (!id)
		console->emergency_length = 0;
	return answer(action, 0, "%s", "");
}

static int do_port_write(struct action *action)
{
	struct virtio_model_console *console = action->t->as.console;
	uint8_t bytes[WORD_MAX / 2];
	int id = port_named(action), length = from_hex(ARGUMENT(action, 1), bytes, sizeof(bytes));

	if (id < 0 || length < 0)
		return answer(action, -EIO, "no such port, or no bytes");
	open_port(console, id, true);
	virtio_model_console_type(console, (unsigned int)id, bytes, (uint32_t)length);
	return answer(action, 0, "%s", "");
}

static int do_port_read(struct action *action)
{
	struct virtio_model_console *console = action->t->as.console;
	struct model_console_port *port;
	uint32_t from;
	int id = port_named(action);

	if (id < 0)
		return answer(action, -EIO, "no such port");
	open_port(console, id, true);
	host_poll();
	port = &console->ports[id];
	/* Emergency writes come out of the console. */
	if (!id && console->emergency_length) {
		from = console->emergency_length;
		console->emergency_length = 0;
		return to_hex(action, (const uint8_t *)console->emergency, from);
	}
	from = port->sent_read;
	port->sent_read = port->sent_length;
	return to_hex(action, port->sent + from, port->sent_length - from);
}

/* -- Any device */

static int do_config(struct action *action)
{
	struct virtio_model *model = action->t->model;
	uint32_t value;

	switch (model->type) {
	case DEVICE_NET:
		virtio_model_net_link(action->t->as.net, false);
		virtio_model_net_link(action->t->as.net, true);
		break;
	case DEVICE_BLOCK:
		virtio_model_block_resize(action->t->as.block, action->t->as.block->sectors ^ 8);
		break;
	case DEVICE_CONSOLE:
		value = model->config[0] ^ 1u;
		virtio_model_configure(model, 0, &value, 1);
		break;
	case DEVICE_BALLOON:
		value = model->config[0] ^ 1u;
		virtio_model_balloon_target(action->t->as.balloon, value);
		break;
	default:
		return answer(action, -ENOTSUP, "the device has no configuration");
	}
	return answer(action, 0, "%s", "");
}

static const struct {
	const char *verb;
	uint32_t device; /* 0: any */
	unsigned int arguments;
	int (*act)(struct action *action);
} verbs[] = {
	{"resize", DEVICE_BLOCK, 1, do_resize},
	{"link", DEVICE_NET, 1, do_link},
	{"frame", DEVICE_NET, 1, do_frame},
	{"sent", DEVICE_NET, 0, do_sent},
	{"announce", DEVICE_NET, 0, do_announce},
	{"balloon", DEVICE_BALLOON, 1, do_balloon},
	{"stats", DEVICE_BALLOON, 1, do_stats},
	{"stats-read", DEVICE_BALLOON, 0, do_stats_read},
	{"hint", DEVICE_BALLOON, 1, do_hint},
	{"port-add", DEVICE_CONSOLE, 1, do_port_add},
	{"port-remove", DEVICE_CONSOLE, 1, do_port_remove},
	{"port-open", DEVICE_CONSOLE, 1, do_port_open},
	{"port-close", DEVICE_CONSOLE, 1, do_port_open},
	{"port-write", DEVICE_CONSOLE, 2, do_port_write},
	{"port-read", DEVICE_CONSOLE, 1, do_port_read},
	{"config", 0, 0, do_config},
};

int model_host(struct conformance_target *target, const char *request, char *reply, size_t size)
{
	static struct action action;
	unsigned int words = 0;

	action.t = target->context;
	action.reply = reply;
	action.size = size;
	reply[0] = '\0';
	while (*request && words < WORDS_MAX) {
		size_t length = strcspn(request, " ");

		snprintf(action.words[words++], WORD_MAX, "%.*s", (int)length, request);
		request += length + strspn(request + length, " ");
	}
	action.count = words > 2 ? words - 2 : 0;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i].verb, VERB(&action)) &&
		    (!verbs[i].device || verbs[i].device == target->device) &&
		    action.count >= verbs[i].arguments)
			return verbs[i].act(&action);
	return answer(&action, -ENOTSUP, "the model does not know it");
}

/* What is written to one of two connected ports comes out of the other. */
static void connect_ports(struct virtio_model_console *console, unsigned int one,
			  unsigned int other)
{
	struct model_console_port *from = &console->ports[one];

	if (from->sent_read == from->sent_length)
		return;
	virtio_model_console_type(console, other, from->sent + from->sent_read,
				  from->sent_length - from->sent_read);
	from->sent_read = from->sent_length;
}

void model_host_passes(struct model_target *t)
{
	if (t->target.device == DEVICE_CONSOLE) {
		connect_ports(t->as.console, 3, 4);
		connect_ports(t->as.console, 4, 3);
	}
	if (t->target.device != DEVICE_BALLOON || !t->statistics_every ||
	    model_now() < t->statistics_next)
		return;
	t->statistics_next = model_now() + t->statistics_every;
	virtio_model_balloon_ask(t->as.balloon);
}
