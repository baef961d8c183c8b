/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The messages of vhost-user (QEMU's docs/interop/vhost-user) that the front end of a block or network device sends. A
 * table says for each what it carries; what does not fit is refused before its function sees it.
 */
#include "tests/conformance/back_end/back_end.h"
#include "tests/conformance/back_end/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { /* protocol features */
       P_MQ = 0,
       P_REPLY_ACK = 3,
       P_SLAVE_REQUESTS = 5,
       P_CONFIG = 9
};

enum { F_PROTOCOL_FEATURES = 30, F_VERSION_1 = 32 };

#define FLAG_VERSION 1u
#define FLAG_VERSION_MASK 3u
#define FLAG_REPLY (1u << 2)
#define FLAG_NEED_REPLY (1u << 3)

#define FILES_MAX 8
#define CONFIGURATION_MAX 256
#define NO_FILE (1u << 8) /* in the number of a queue that a file would go with */

struct vring_state {
	uint32_t index, number;
};

struct vring_address {
	uint32_t index, flags;
	uint64_t descriptors, used, avail, log;
};

struct configuration {
	uint32_t offset, size, flags;
	uint8_t data[CONFIGURATION_MAX];
};

struct memory_table {
	uint32_t count, padding;
	struct memory_region_message regions[MEMORY_REGIONS];
};

struct message {
	struct {
		uint32_t request, flags, size;
	} header;
	union {
		uint64_t number;
		struct vring_state state;
		struct vring_address address;
		struct configuration configuration;
		struct memory_table memory;
	} payload;
	int files[FILES_MAX]; /* -1: none, or somebody keeps it */
	unsigned int file_count;
	bool reply; /* the payload is the answer now */
};
_Static_assert(sizeof(struct vring_address) == 40 && sizeof(struct memory_table) == 264,
	       "vhost-user");

#define CONFIGURATION_HEADER offsetof(struct configuration, data)

/* The configuration space is ours, or QEMU's; with it goes how many queues there are. */
static uint64_t protocol_features(const struct device *device)
{
	return 1ull << P_REPLY_ACK |
	       (device->operations->read_configuration
			? 1ull << P_MQ | 1ull << P_SLAVE_REQUESTS | 1ull << P_CONFIG
			: 0);
}

uint64_t protocol_features_offered(const struct device *device)
{
	return 1ull << RING_F_INDIRECT | 1ull << RING_F_EVENT_IDX | 1ull << RING_F_PACKED |
	       1ull << F_PROTOCOL_FEATURES | 1ull << F_VERSION_1 |
	       device->operations->features(device);
}

/* -- What each message does. 0 or a negative errno, which the front end hears of if it asks. */

static int reply_number(struct message *message, uint64_t number)
{
	message->payload.number = number;
	message->header.size = sizeof(number);
	message->reply = true;
	return 0;
}

static int get_features(struct back_end *back_end, struct message *message)
{
	return reply_number(message, protocol_features_offered(back_end->device));
}

static int set_features(struct back_end *back_end, struct message *message)
{
	if (message->payload.number & ~protocol_features_offered(back_end->device))
		return -EINVAL;
	back_end_set_features(back_end, message->payload.number);
	return 0;
}

static int get_protocol_features(struct back_end *back_end, struct message *message)
{
	return reply_number(message, protocol_features(back_end->device));
}

static int set_protocol_features(struct back_end *back_end, struct message *message)
{
	if (message->payload.number & ~protocol_features(back_end->device))
		return -EINVAL;
	back_end->protocol_features = message->payload.number;
	return 0;
}

static int get_queue_number(struct back_end *back_end, struct message *message)
{
	return reply_number(message, back_end->device->queues);
}

static int set_owner(struct back_end *back_end, struct message *message)
{
	(void)back_end;
	(void)message;
	return 0;
}

/* RESET_OWNER is said to be ignored by back ends that use RESET_DEVICE; each stops all. */
static int reset(struct back_end *back_end, struct message *message)
{
	(void)message;
	for (unsigned int i = 0; i < back_end->device->queues; i++) {
		back_end_stop_ring(back_end, i);
		back_end->rings[i].enabled = false;
	}
	return 0;
}

static int set_memory_table(struct back_end *back_end, struct message *message)
{
	const struct memory_table *table = &message->payload.memory;
	int error;

	if (message->header.size < 8 || table->count > MEMORY_REGIONS ||
	    table->count != message->file_count ||
	    message->header.size < 8 + table->count * sizeof(table->regions[0]))
		return -EINVAL;
	error = memory_set(&back_end->memory, table->regions, message->files, table->count);
	back_end_memory_changed(back_end);
	return error;
}

/* The ring that a message names, or NULL. */
static struct ring *ring_of(struct back_end *back_end, uint64_t index)
{
	return index < back_end->device->queues ? &back_end->rings[index] : NULL;
}

static int set_vring_number(struct back_end *back_end, struct message *message)
{
	struct ring *ring = ring_of(back_end, message->payload.state.index);

	if (!ring || message->payload.state.number == 0 ||
	    message->payload.state.number > RING_SIZE_MAX)
		return -EINVAL;
	ring->size = message->payload.state.number;
	ring->descriptors = NULL;
	return 0;
}

static int set_vring_address(struct back_end *back_end, struct message *message)
{
	const struct vring_address *address = &message->payload.address;
	struct ring *ring = ring_of(back_end, address->index);

	if (!ring)
		return -EINVAL;
	ring->parts = (struct ring_parts){address->descriptors, address->avail, address->used};
	return ring_map(ring);
}

static int set_vring_base(struct back_end *back_end, struct message *message)
{
	struct ring *ring = ring_of(back_end, message->payload.state.index);

	if (!ring)
		return -EINVAL;
	ring_set_base(ring, message->payload.state.number);
	/* Places of a packed ring are checked where it is found in memory. */
	ring->descriptors = NULL;
	return 0;
}

static int get_vring_base(struct back_end *back_end, struct message *message)
{
	struct ring *ring = ring_of(back_end, message->payload.state.index);

	if (!ring)
		return -EINVAL;
	back_end_stop_ring(back_end, ring->index);
	message->payload.state.number = ring_base(ring);
	message->reply = true;
	return 0;
}

/* Takes the message's file in place of `*file`. */
static int take_file(struct message *message, int *file)
{
	if (*file >= 0)
		close(*file);
	*file = -1;
	if (message->payload.number & NO_FILE)
		return 0;
	if (message->file_count != 1)
		return -EINVAL;
	*file = message->files[0];
	message->files[0] = -1;
	return fcntl(*file, F_SETFL, O_NONBLOCK) ? -errno : 0;
}

static int set_vring_kick(struct back_end *back_end, struct message *message)
{
	struct ring *ring = ring_of(back_end, message->payload.number & 0xff);

	if (!ring)
		return -EINVAL;
	ring->kicked = false;
	if (!ring->descriptors && ring_map(ring))
		return -EINVAL;
	return take_file(message, &ring->kick);
}

static int set_vring_call(struct back_end *back_end, struct message *message)
{
	struct ring *ring = ring_of(back_end, message->payload.number & 0xff);

	return ring ? take_file(message, &ring->call) : -EINVAL;
}

static int set_vring_error(struct back_end *back_end, struct message *message)
{
	struct ring *ring = ring_of(back_end, message->payload.number & 0xff);

	return ring ? take_file(message, &ring->error) : -EINVAL;
}

static int set_vring_enable(struct back_end *back_end, struct message *message)
{
	struct ring *ring = ring_of(back_end, message->payload.state.index);

	if (!ring || message->payload.state.number > 1)
		return -EINVAL;
	ring->enabled = message->payload.state.number;
	/* What came meanwhile. */
	back_end_run(back_end, ring->index);
	return 0;
}

static int set_requests_file(struct back_end *back_end, struct message *message)
{
	/* The payload means nothing here. */
	message->payload.number = 0;
	return take_file(message, &back_end->requests);
}

static int get_configuration(struct back_end *back_end, struct message *message)
{
	const struct device_operations *operations = back_end->device->operations;
	struct configuration *configuration = &message->payload.configuration;

	message->reply = true;
	if (!operations->read_configuration || configuration->size > CONFIGURATION_MAX ||
	    message->header.size != CONFIGURATION_HEADER + configuration->size) {
		/* An answer without payload is the protocol's word for an error. */
		message->header.size = 0;
		return 0;
	}
	operations->read_configuration(back_end->device, configuration->data, configuration->offset,
				       configuration->size);
	return 0;
}

static int set_configuration(struct back_end *back_end, struct message *message)
{
	const struct device_operations *operations = back_end->device->operations;
	const struct configuration *configuration = &message->payload.configuration;

	if (!operations->write_configuration || configuration->size > CONFIGURATION_MAX ||
	    message->header.size != CONFIGURATION_HEADER + configuration->size)
		return -EINVAL;
	return operations->write_configuration(back_end->device, configuration->data,
					       configuration->offset, configuration->size);
}

/* -- The table: number, the payload's sizes, function */

static const struct {
	uint32_t request, least, most;
	int (*run)(struct back_end *back_end, struct message *message);
} messages[] = {
	{1, 0, 0, get_features},
	{2, 8, 8, set_features},
	{3, 0, 0, set_owner},
	{4, 0, 0, reset}, /* RESET_OWNER */
	{5, 8, sizeof(struct memory_table), set_memory_table},
	{8, 8, 8, set_vring_number},
	{9, 40, 40, set_vring_address},
	{10, 8, 8, set_vring_base},
	{11, 8, 8, get_vring_base},
	{12, 8, 8, set_vring_kick},
	{13, 8, 8, set_vring_call},
	{14, 8, 8, set_vring_error},
	{15, 0, 0, get_protocol_features},
	{16, 8, 8, set_protocol_features},
	{17, 0, 0, get_queue_number},
	{18, 8, 8, set_vring_enable},
	{21, 0, 8, set_requests_file},
	{24, CONFIGURATION_HEADER, sizeof(struct configuration), get_configuration},
	{25, CONFIGURATION_HEADER, sizeof(struct configuration), set_configuration},
	{34, 0, 0, reset}, /* RESET_DEVICE */
};

static int run(struct back_end *back_end, struct message *message)
{
	for (unsigned int i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		if (messages[i].request != message->header.request)
			continue;
		if (message->header.size < messages[i].least ||
		    message->header.size > messages[i].most)
			return -EMSGSIZE;
		return messages[i].run(back_end, message);
	}
	return -EOPNOTSUPP;
}

/* -- The socket */

/* All `size` bytes, and the files that come with the first. 0, -ECONNRESET, -errno. */
static int receive(int socket, void *data, size_t size, struct message *message)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(message->files))];
	} control;
	size_t done = 0;

	while (done < size) {
		struct iovec segment = {(char *)data + done, size - done};
		struct msghdr envelope = {.msg_iov = &segment,
					  .msg_iovlen = 1,
					  .msg_control = &control,
					  .msg_controllen = sizeof(control)};
		ssize_t count = recvmsg(socket, &envelope, MSG_CMSG_CLOEXEC);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count < 0 ? -errno : -ECONNRESET;
		done += (size_t)count;
		for (struct cmsghdr *part = CMSG_FIRSTHDR(&envelope); part;
		     part = CMSG_NXTHDR(&envelope, part)) {
			size_t files = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

			if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
				continue;
			for (size_t i = 0; i < files; i++) {
				int file;

				memcpy(&file, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
				if (message->file_count < FILES_MAX)
					message->files[message->file_count++] = file;
				else
					close(file);
			}
		}
	}
	return 0;
}

static int send_message(int socket, const struct message *message)
{
	const size_t size = sizeof(message->header) + message->header.size;
	/* Header and payload lie together but for padding that the union's alignment asks for. */
	uint8_t data[sizeof(message->header) + sizeof(message->payload)];

	memcpy(data, &message->header, sizeof(message->header));
	memcpy(data + sizeof(message->header), &message->payload, message->header.size);
	if (send(socket, data, size, MSG_NOSIGNAL) == (ssize_t)size)
		return 0;
	return errno == EPIPE ? -ECONNRESET : -EIO;
}

static int answer(struct back_end *back_end, struct message *message, int result)
{
	if (!message->reply) {
		if (!(message->header.flags & FLAG_NEED_REPLY) ||
		    !(back_end->protocol_features >> P_REPLY_ACK & 1))
			return 0;
		(void)reply_number(message, result ? 1 : 0);
	}
	message->header.flags = FLAG_VERSION | FLAG_REPLY;
	return send_message(back_end->socket, message);
}

int protocol_receive(struct back_end *back_end)
{
	struct message message = {0};
	const uint32_t most = sizeof(message.payload);
	int error = receive(back_end->socket, &message.header, sizeof(message.header), &message);

	if (!error && ((message.header.flags & FLAG_VERSION_MASK) != FLAG_VERSION ||
		       message.header.size > most))
		error = -EPROTO;
	if (!error)
		error = receive(back_end->socket, &message.payload, message.header.size, &message);
	if (!error) {
		const uint32_t request = message.header.request;
		int result = run(back_end, &message);

		if (result)
			fprintf(stderr, "%s: message %u: %s\n", program_invocation_short_name,
				request, strerror(-result));
		error = answer(back_end, &message, result);
		if (request == 11 && result == 0 && fault_is(FAULT_RESET_LATE))
			back_end_write_late(back_end, message.payload.state.index);
	}
	for (unsigned int i = 0; i < message.file_count; i++) {
		if (message.files[i] >= 0)
			close(message.files[i]);
	}
	return error;
}

void protocol_tell_configuration(struct back_end *back_end)
{
	/* CONFIG_CHANGE_MSG, of our own requests; no answer is asked for. */
	const struct message message = {.header = {2, FLAG_VERSION, 0}};

	if (back_end->requests >= 0 && back_end->protocol_features >> P_SLAVE_REQUESTS & 1)
		(void)send_message(back_end->requests, &message);
}
