/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network driver's offloads against the model, both ways: frames that the device joined, frames that
 * it is given to cut (TSO for IPv4 and IPv6, USO, ECN), and the commands that show and change them.
 */
#include "drivers/net/virtio_net.h"

#include "kernel/memory/dma.h"
#include "kernel/memory/pages.h"
#include "kernel/shell/command.h"
#include "kernel/table.h"
#include "tests/device/net_stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RING 128 /* long enough for 64 KiB in buffers of 2 */
#define MSS 1448
#define HEADERS 66 /* Ethernet, IPv4, TCP with 12 bytes of options */
#define TCP_START 34

#define ECN 0x80
#define TCP4 1
#define TCP6 4
#define UDP 5

static struct virtio_model *model(void)
{
	return &stack.net.model;
}

static struct virtio_net *driver(void)
{
	return stack.device->driver_data;
}

static const struct network_operations *operations(void)
{
	return stack.device->operations;
}

static void offer(const uint8_t *features, size_t count)
{
	for (size_t i = 0; i < count; i++)
		virtio_model_offer(model(), features[i], true);
}

static const uint8_t joining[] = {MODEL_NET_GUEST_TSO4, MODEL_NET_GUEST_TSO6, MODEL_NET_GUEST_ECN,
				  MODEL_NET_GUEST_USO4, MODEL_NET_GUEST_USO6};
static const uint8_t cutting[] = {MODEL_NET_HOST_TSO4, MODEL_NET_HOST_TSO6, MODEL_NET_HOST_ECN,
				  MODEL_NET_HOST_USO};

static void start(const char *options)
{
	char line[128];

	/* The last one counts. As many as the least that the host's memory would give is too few for 64 KiB. */
	snprintf(line, sizeof(line), "net.buffers=%u %s", RING, options);
	stack_start(line);
	for (unsigned int i = 0; i < 3; i++)
		model()->queues[i].size_max = model()->queues[i].size = RING;
	offer(joining, sizeof(joining));
	offer(cutting, sizeof(cutting));
	virtio_model_offer(model(), MODEL_NET_CTRL_VQ, true);
	virtio_model_offer(model(), MODEL_NET_CTRL_VLAN, true);
	virtio_model_offer(model(), MODEL_NET_CTRL_GUEST_OFFLOADS, true);
}

static enum command_result run(const char *line)
{
	char copy[128], *words[8] = {NULL};
	int count = 0;

	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		words[count++] = word;
	host_command_clear();
	TABLE_FOREACH (commands, struct command, command)
		if (!strcmp(command->name, words[0]))
			return command->run(count, words);
	fail_msg("there is no command %s", words[0]);
	return COMMAND_FAILED;
}

/* `line` with %s for the device's name. */
static enum command_result run_on_device(const char *line)
{
	char whole[128];

	snprintf(whole, sizeof(whole), line, stack.device->name);
	return run(whole);
}

static bool printed(const char *text)
{
	return strstr(host_command_output(), text);
}

static void recover(void)
{
	virtio_model_needs_reset(model());
	for (unsigned int i = 0; i < 50 && recovery_run() != UINT64_MAX; i++)
		host_clock_advance(NANOSECONDS_PER_SECOND);
}

/* -- Joined frames */

struct joined_case {
	struct model_net_header header;
	unsigned int needs, also; /* features; 0: never delivered */
};

static const struct joined_case joined_cases[] = {
	{{.flags = 1, .gso_type = TCP4, .gso_size = MSS, .hdr_len = HEADERS, .csum_start = 34},
	 MODEL_NET_GUEST_TSO4,
	 MODEL_NET_GUEST_TSO4},
	{{.flags = 1, .gso_type = TCP6, .gso_size = MSS, .hdr_len = 86, .csum_start = 54},
	 MODEL_NET_GUEST_TSO6,
	 MODEL_NET_GUEST_TSO6},
	{{.flags = 1, .gso_type = TCP4 | ECN, .gso_size = MSS, .csum_start = 34},
	 MODEL_NET_GUEST_TSO4,
	 MODEL_NET_GUEST_ECN},
	{{.flags = 1, .gso_type = TCP6 | ECN, .gso_size = 1, .csum_start = 54},
	 MODEL_NET_GUEST_TSO6,
	 MODEL_NET_GUEST_ECN},
	{{.flags = 1, .gso_type = UDP, .gso_size = 1200, .csum_start = 34},
	 MODEL_NET_GUEST_USO4,
	 MODEL_NET_GUEST_USO4},
	/* hdr_len is a hint (5.1.9.4.2), and so is DATA_VALID beside NEEDS_CSUM. */
	{{.flags = 3, .gso_type = TCP4, .gso_size = 65535, .hdr_len = 65535, .csum_start = 34},
	 MODEL_NET_GUEST_TSO4,
	 MODEL_NET_GUEST_TSO4},
	/* Not without a size, not without a checksum, not what there is not. */
	{{.flags = 1, .gso_type = TCP4, .csum_start = 34}, 0, 0},
	{{.flags = 2, .gso_type = TCP4, .gso_size = MSS}, 0, 0},
	{{.gso_type = TCP6, .gso_size = MSS}, 0, 0},
	{{.flags = 1, .gso_type = UDP | ECN, .gso_size = MSS, .csum_start = 34}, 0, 0},
	{{.flags = 1, .gso_type = ECN, .csum_start = 34}, 0, 0},
	{{.flags = 1, .gso_type = 2, .gso_size = MSS, .csum_start = 34}, 0, 0},
	{{.flags = 1, .gso_type = 3, .gso_size = MSS, .csum_start = 34}, 0, 0},
	{{.flags = 1, .gso_type = 6, .gso_size = MSS, .csum_start = 34}, 0, 0},
	{{.flags = 1, .gso_type = 0x7f, .gso_size = MSS, .csum_start = 34}, 0, 0},
	/* A checksum outside the frame. */
	{{.flags = 1, .gso_type = TCP4, .gso_size = MSS, .csum_start = 1499}, 0, 0},
};

static void receive_joined(bool negotiated)
{
	uint64_t errors = 0, joined = 0;

	for (size_t i = 0; i < sizeof(joined_cases) / sizeof(joined_cases[0]); i++) {
		const struct joined_case *one = &joined_cases[i];
		bool good = negotiated && one->needs &&
			    virtio_model_accepted(model(), one->needs) &&
			    virtio_model_accepted(model(), one->also);
		unsigned int before = stack.received;

		virtio_model_net_inject(&stack.net, &one->header, stack.memory, 1500);
		host_poll();
		assert_int_equal(stack_poll(), 1);
		assert_int_equal(stack.received - before, good);
		errors += !good;
		joined += good;
		if (!good)
			continue;
		assert_true(stack.info.joined);
		assert_true(stack.info.checksum_good);
		assert_int_equal(stack.length, 1500);
		assert_memory_equal(stack.frame, stack.memory, 1500);
	}
	assert_int_equal(stack_statistics().receive_errors, errors);
	assert_int_equal(stack_statistics().receive_joined, joined);
	/* One that is not joined. */
	stack_inject(1000);
	host_poll();
	stack_poll();
	assert_false(stack.info.joined);
	assert_int_equal(stack_statistics().receive_joined, joined);
}

static void test_joined(void **state)
{
	static const struct {
		const char *options;
		bool negotiated;
	} cases[] = {
		{"", true},
		{"virtio.features=-guest_ecn", true},
		{"virtio.features=-guest_tso4", true},
		{"virtio.features=-guest_tso6,-guest_uso4,-guest_uso6", true},
		/* 5.1.3.1 and 5.1.9.3.1: without these there is none. */
		{"virtio.features=-guest_csum", false},
		{"virtio.features=-mrg_rxbuf", false},
		{"virtio.queue_size=32", false},
		{"net.buffers=63", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool accepted = false;

		start(cases[i].options);
		stack_boot();
		for (size_t j = 0; j < sizeof(joining); j++)
			accepted |= virtio_model_accepted(model(), joining[j]);
		assert_int_equal(accepted, cases[i].negotiated);
		receive_joined(cases[i].negotiated);
		stack_check_no_leak();
		stack_stop();
	}
}

/* What is too little for a frame of 64 KiB counts for each pair of queues. */
static void test_joined_pairs(void **state)
{
	static const struct {
		const char *options;
		bool negotiated;
	} cases[] = {
		{"net.buffers=192", true},
		{"net.buffers=191", false},
		{"net.buffers=128 virtio.queues=2", true},
		{"net.buffers=64 virtio.features=-mq", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(cases[i].options);
		virtio_model_net_pairs(&stack.net, 3);
		host_cpu(0, 8);
		stack_boot();
		assert_int_equal(virtio_model_accepted(model(), MODEL_NET_GUEST_TSO4),
				 cases[i].negotiated);
		/* The same after a reset, whatever memory there is now. */
		recover();
		assert_int_equal(virtio_model_accepted(model(), MODEL_NET_GUEST_TSO4),
				 cases[i].negotiated);
		stack_stop();
	}
}

/* 64 KiB of IP and an Ethernet header; a byte more is dropped. */
static void test_joined_largest(void **state)
{
	static uint8_t bytes[NETWORK_FRAME_MAX + 1];
	const struct model_net_header header = {
		.flags = 1, .gso_type = TCP4, .gso_size = MSS, .csum_start = 34, .csum_offset = 16};

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 11 + i / 256);
	start("");
	stack_boot();
	virtio_model_net_inject(&stack.net, &header, bytes, NETWORK_FRAME_MAX);
	host_poll();
	assert_int_equal(stack_poll(), 1);
	assert_int_equal(stack.length, NETWORK_FRAME_MAX);
	assert_memory_equal(stack.frame, bytes, NETWORK_FRAME_MAX);
	stack_poll();
	virtio_model_net_inject(&stack.net, &header, bytes, NETWORK_FRAME_MAX + 1);
	host_poll();
	stack_poll();
	assert_int_equal(stack.received, 1);
	assert_int_equal(stack_statistics().receive_errors, 1);
	stack_check_no_leak();
	stack_stop();
}

/* -- Frames to be cut */

/* Lends `length` bytes in so many pieces; what transmit() said. */
static int send_cut(struct network_transmit *frame, uint8_t *memory, uint32_t length,
		    unsigned int pieces)
{
	uint32_t offset = 0;
	int error;

	frame->segment_count = pieces;
	for (unsigned int i = 0; i < pieces; i++) {
		uint32_t part = i + 1 < pieces ? length / pieces : length - offset;

		frame->segments[i] = (struct network_segment){memory + offset, part};
		offset += part;
	}
	frame->headroom = 12;
	error = operations()->transmit(stack.device, 0, frame);
	stack.sent += !error;
	return error;
}

static struct network_transmit cut_frame(enum network_cut cut)
{
	return (struct network_transmit){
		.checksum = true,
		.checksum_start = cut == NETWORK_CUT_TCP6 ? 54 : TCP_START,
		.checksum_offset = cut == NETWORK_CUT_UDP ? 6 : 16,
		.cut = cut,
		.cut_length = MSS,
		.cut_header = HEADERS,
	};
}

static void test_cut(void **state)
{
	static const struct {
		enum network_cut cut;
		bool ecn;
		uint8_t gso_type;
		uint32_t length;
		unsigned int pieces, packets;
	} cases[] = {
		{NETWORK_CUT_TCP4, false, TCP4, HEADERS + 2 * MSS, 1, 2},
		{NETWORK_CUT_TCP6, false, TCP6, HEADERS + 2 * MSS + 1, 3, 3},
		{NETWORK_CUT_TCP4, true, TCP4 | ECN, HEADERS + 9 * MSS, 9, 9},
		{NETWORK_CUT_TCP6, true, TCP6 | ECN, HEADERS + 6, 1, 1},
		{NETWORK_CUT_UDP, false, UDP, HEADERS + 10 * MSS - 1, 10, 10},
		{NETWORK_CUT_TCP4, false, TCP4, NETWORK_FRAME_MAX, NETWORK_SEGMENTS_MAX, 46},
	};
	uint64_t packets = 0;
	uint8_t *memory;

	(void)state;
	start("");
	stack_boot();
	assert_int_equal(stack.device->segments_max, NETWORK_SEGMENTS_MAX);
	memory = dma_alloc(NETWORK_FRAME_MAX + 64, NULL);
	for (unsigned int i = 0; i < NETWORK_FRAME_MAX + 64; i++)
		memory[i] = (uint8_t)(i * 13 + i / 256);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct network_transmit frame = cut_frame(cases[i].cut);
		const struct model_net_frame *sent;

		frame.cut_ecn = cases[i].ecn;
		assert_int_equal(send_cut(&frame, memory + 64, cases[i].length, cases[i].pieces),
				 0);
		stack_flush();
		host_poll();
		stack_poll();
		assert_int_equal(stack.net.sent_count, i + 1);
		sent = virtio_model_net_sent(&stack.net, i);
		assert_int_equal(sent->length, cases[i].length);
		assert_memory_equal(sent->data, memory + 64, cases[i].length);
		assert_int_equal(sent->descriptors, cases[i].pieces);
		assert_int_equal(sent->header.flags, 1);
		assert_int_equal(sent->header.gso_type, cases[i].gso_type);
		assert_int_equal(sent->header.gso_size, MSS);
		assert_int_equal(sent->header.hdr_len, HEADERS);
		assert_int_equal(sent->header.csum_start, frame.checksum_start);
		assert_int_equal(sent->header.csum_offset, frame.checksum_offset);
		packets += cases[i].packets;
		assert_int_equal(stack_statistics().transmit_cut, i + 1);
		assert_int_equal(stack_statistics().transmit_cut_into, packets);
	}
	/* A plain one behind them has none of it. */
	assert_int_equal(stack_send(100, 1, 12), 0);
	stack_flush();
	host_poll();
	stack_poll();
	assert_int_equal(virtio_model_net_sent(&stack.net, 6)->header.gso_type, 0);
	assert_int_equal(virtio_model_net_sent(&stack.net, 6)->header.hdr_len, 0);
	assert_int_equal(stack_statistics().transmit_errors, 0);
	stack_check_no_leak();
	dma_free(memory, NETWORK_FRAME_MAX + 64);
	stack_stop();
}

static void test_cut_refused(void **state)
{
	const struct network_transmit good = cut_frame(NETWORK_CUT_TCP4);
	struct network_transmit frame;

	(void)state;
	start("");
	stack_boot();
#define EXPECT(error, change)                                                                      \
	do {                                                                                       \
		frame = good;                                                                      \
		change;                                                                            \
		assert_int_equal(send_cut(&frame, stack.memory + 64, 4000, 1), error);             \
	} while (0)
	EXPECT(0, (void)0);
	EXPECT(-EINVAL, frame.checksum = false);
	EXPECT(-EINVAL, frame.cut_length = 0);
	EXPECT(-EINVAL, frame.cut_header = 4000);
	EXPECT(-EINVAL, frame.cut_header = TCP_START);
	EXPECT(-EMSGSIZE, frame.cut_length = 1518 - HEADERS + 1);
	EXPECT(0, frame.cut_length = 1518 - HEADERS);
	EXPECT(-EINVAL, frame.cut = NETWORK_CUT_ECN);
	EXPECT(-EINVAL, (frame.cut = NETWORK_CUT_UDP, frame.cut_ecn = true));
	EXPECT(-EMSGSIZE, frame.cut = NETWORK_CUT_NONE);
#undef EXPECT
	stack_flush();
	host_poll();
	stack_poll();
	assert_int_equal(stack.net.sent_count, 2);
	stack_check_no_leak();
	stack_stop();
}

/* Nothing that was not negotiated. */
static void test_cut_negotiated(void **state)
{
	static const struct {
		const char *options;
		bool tcp4, tcp6, udp, ecn;
	} cases[] = {
		{"", true, true, true, true},
		{"virtio.features=-host_tso4", false, true, true, true},
		{"virtio.features=-host_tso6,-host_uso", true, false, false, true},
		{"virtio.features=-host_ecn", true, true, true, false},
		/* 5.1.3.1 */
		{"virtio.features=-host_tso4,-host_tso6", false, false, true, false},
		{"virtio.features=-csum", false, false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const bool wanted[] = {[NETWORK_CUT_TCP4] = cases[i].tcp4,
				       [NETWORK_CUT_TCP6] = cases[i].tcp6,
				       [NETWORK_CUT_UDP] = cases[i].udp};
		uint32_t cuts = cases[i].ecn ? 1u << NETWORK_CUT_ECN : 0;

		start(cases[i].options);
		stack_boot();
		for (unsigned int cut = NETWORK_CUT_TCP4; cut <= NETWORK_CUT_UDP; cut++) {
			struct network_transmit frame = cut_frame((enum network_cut)cut);

			assert_int_equal(send_cut(&frame, stack.memory + 64, 4000, 1),
					 wanted[cut] ? 0 : -EINVAL);
			cuts |= wanted[cut] ? 1u << cut : 0;
			frame.cut_ecn = true;
			assert_int_equal(send_cut(&frame, stack.memory + 64, 4000, 1),
					 wanted[cut] && cut != NETWORK_CUT_UDP && cases[i].ecn
						 ? 0
						 : -EINVAL);
		}
		assert_int_equal(stack.device->cuts, cuts);
		stack_flush();
		host_poll();
		stack_poll();
		stack_check_no_leak();
		stack_stop();
	}
}

/* -- Commands */

#define CUTS_TCP4 (1u << NETWORK_CUT_TCP4 | 1u << NETWORK_CUT_ECN)
#define CUTS_TCP (CUTS_TCP4 | 1u << NETWORK_CUT_TCP6)
#define CUTS_UDP (1u << NETWORK_CUT_UDP)

static void test_switching(void **state)
{
	(void)state;
	start("");
	stack_boot();
	assert_int_equal(stack.device->cuts, CUTS_TCP | CUTS_UDP);
	assert_int_equal(run_on_device("ethtool -k %s"), COMMAND_OK);
	assert_true(printed("\ntcp-segmentation-offload: on\n\ttx-tcp-segmentation: on\n"
			    "\ttx-tcp-ecn-segmentation: on\n"
			    "\ttx-tcp-mangleid-segmentation: off [fixed]\n"
			    "\ttx-tcp6-segmentation: on\n"));
	assert_true(printed("\ntx-udp-segmentation: on\n"));
	assert_int_equal(run_on_device("ethtool -K %s tso off"), COMMAND_OK);
	assert_int_equal(stack.device->cuts, CUTS_UDP);
	assert_int_equal(run_on_device("ethtool -K %s tx-udp-segmentation off"), COMMAND_OK);
	assert_int_equal(stack.device->cuts, 0);
	assert_int_equal(run_on_device("ethtool -k %s"), COMMAND_OK);
	assert_true(printed("\ntcp-segmentation-offload: off\n\ttx-tcp-segmentation: off\n"));
	/* The choice outlives a reset. */
	recover();
	assert_int_equal(stack.device->cuts, 0);
	assert_int_equal(run_on_device("ethtool -K %s tx-tcp6-segmentation on"), COMMAND_OK);
	assert_int_equal(stack.device->cuts, 1u << NETWORK_CUT_TCP6);
	assert_int_equal(run_on_device("ethtool -K %s tso on"), COMMAND_OK);
	assert_int_equal(stack.device->cuts, CUTS_TCP);
	/* What the device joins is told to it, and again after a reset. */
	assert_int_equal(run_on_device("ethtool -K %s rx-gro-hw off"), COMMAND_OK);
	assert_int_equal(stack.net.offloads, 1u << MODEL_NET_GUEST_CSUM);
	recover();
	assert_int_equal(stack.net.offloads, 1u << MODEL_NET_GUEST_CSUM);
	assert_int_equal(run_on_device("ethtool -K %s rx off"), COMMAND_OK);
	assert_int_equal(stack.net.offloads, 0);
	assert_int_equal(run_on_device("ethtool -K %s rx-gro-hw on"), COMMAND_OK);
	assert_int_equal(stack.net.offloads, driver()->offloads);
	assert_int_equal(run_on_device("ethtool -K %s gso off"), COMMAND_FAILED);
	assert_int_equal(run_on_device("ethtool -K %s nonsense on"), COMMAND_FAILED);
	assert_true(printed("Operation not supported"));
	assert_int_equal(run_on_device("ethtool -K %s tso maybe"), COMMAND_USAGE);
	stack_stop();

	start("virtio.features=-csum");
	stack_boot();
	assert_int_equal(run_on_device("ethtool -K %s tso on"), COMMAND_FAILED);
	assert_int_equal(run_on_device("ethtool -k %s"), COMMAND_OK);
	assert_true(
		printed("\ntcp-segmentation-offload: off\n\ttx-tcp-segmentation: off [fixed]\n"));
	stack_stop();
}

static void test_vlan_command(void **state)
{
	char wanted[64];

	(void)state;
	start("");
	stack_boot();
	assert_int_equal(run_on_device("vlan add %s 5"), COMMAND_OK);
	assert_int_equal(run_on_device("vlan add %s 4094"), COMMAND_OK);
	assert_int_equal(run_on_device("vlan add %s 4095"), COMMAND_USAGE);
	assert_int_equal(run_on_device("vlan add %s x"), COMMAND_USAGE);
	assert_int_equal(run_on_device("vlan take %s 5"), COMMAND_USAGE);
	assert_int_equal(run("vlan add nobody 5"), COMMAND_FAILED);
	assert_true(stack.net.vlans[5] && stack.net.vlans[4094] && !stack.net.vlans[6]);
	assert_int_equal(run("vlan"), COMMAND_OK);
	snprintf(wanted, sizeof(wanted), "%s: 5 4094\n", stack.device->name);
	assert_true(printed(wanted));
	assert_int_equal(run_on_device("vlan del %s 5"), COMMAND_OK);
	assert_false(stack.net.vlans[5]);
	assert_int_equal(run("vlan list"), COMMAND_OK);
	snprintf(wanted, sizeof(wanted), "%s: 4094\n", stack.device->name);
	assert_true(printed(wanted));
	stack_stop();

	start("virtio.features=-ctrl_vlan");
	stack_boot();
	assert_int_equal(run_on_device("vlan add %s 5"), COMMAND_FAILED);
	assert_true(printed("Operation not supported"));
	stack_stop();
}

static void test_steering_command(void **state)
{
	static const uint16_t table = 12;
	static const uint32_t types = 0x3f;

	(void)state;
	start("");
	stack_boot();
	assert_int_equal(run_on_device("ethtool -x %s"), COMMAND_OK);
	assert_true(printed(" with 1 RX ring(s):\nOperation not supported\nRSS hash key:\n"
			    "Operation not supported\nRSS hash function:\n    toeplitz: off\n"));
	stack_stop();

	start("");
	virtio_model_net_pairs(&stack.net, 3);
	host_cpu(0, 3);
	model()->config[17] = 40;
	memcpy(model()->config + 18, &table, sizeof(table));
	memcpy(model()->config + 20, &types, sizeof(types));
	virtio_model_offer(model(), MODEL_NET_RSS, true);
	stack_boot();
	assert_int_equal(run_on_device("ethtool -x %s"), COMMAND_OK);
	/* The largest power of two that the device's table has. */
	assert_true(printed(" with 3 RX ring(s):\n"
			    "    0:      0     1     2     0     1     2     0     1\n"
			    "RSS hash key:\n"));
	assert_true(printed("\nRSS hash function:\n    toeplitz: on\n    xor: off\n"));
	assert_int_equal(operations()->set_queue_pairs(stack.device, 2), 0);
	assert_int_equal(run_on_device("ethtool -x %s"), COMMAND_OK);
	assert_true(printed("    0:      0     1     0     1     0     1     0     1\n"));
	stack_stop();
}

/* -- Devices that wait for enough buffers */

static struct virtio_net_receive *receiver(void)
{
	return &driver()->pairs[0].receive;
}

static void receive_one(void)
{
	stack_inject(100);
	host_poll();
	assert_int_equal(stack_poll(), 1);
}

/*
 * QEMU before 9.1 misses buffers that come between its two looks when they are too few for the frame: so a
 * ring that is long enough is filled up by as many as the largest frame takes.
 */
static void test_refills_hold_the_largest_frame(void **state)
{
	unsigned int largest = (65535 + 14 + 12 + VIRTIO_NET_CAPACITY - 1) / VIRTIO_NET_CAPACITY;

	(void)state;
	start("");
	stack_boot();
	assert_true(largest > RING / 8);
	for (unsigned int i = 1; i <= largest; i++) {
		receive_one();
		assert_int_equal(receiver()->posted, RING - i);
	}
	receive_one();
	assert_int_equal(receiver()->posted, RING);
	stack_stop();

	/* Nothing is joined: an eighth. */
	start("virtio.features=-guest_tso4,-guest_tso6,-guest_uso4,-guest_uso6");
	stack_boot();
	for (unsigned int i = 1; i <= RING / 8; i++)
		receive_one();
	assert_int_equal(receiver()->posted, RING - RING / 8);
	receive_one();
	assert_int_equal(receiver()->posted, RING);
	stack_stop();
}

/* Buffers that were shown without a kick are kicked for once, after a silence. */
static void test_silence_is_asked_about_once(void **state)
{
	uint64_t kicks;

	(void)state;
	start("");
	stack_boot();
	for (unsigned int i = 0; i < 1000 && !receiver()->unheard; i++)
		receive_one();
	assert_true(receiver()->unheard);
	kicks = stack_statistics().kicks;
	for (unsigned int i = 0; i < 40; i++) {
		assert_int_equal(stack_poll(), 0);
		host_clock_advance(NANOSECONDS_PER_MILLISECOND);
	}
	assert_int_equal(stack_statistics().kicks, kicks);
	receive_one(); /* not silent: it begins anew */
	for (unsigned int i = 0; i < 50; i++) {
		assert_int_equal(stack_poll(), 0);
		host_clock_advance(NANOSECONDS_PER_MILLISECOND);
	}
	assert_int_equal(stack_statistics().kicks, kicks);
	stack_poll();
	assert_int_equal(stack_statistics().kicks, kicks + 1);
	assert_int_equal(receiver()->reminders, 1);
	for (unsigned int i = 0; i < 200; i++) {
		stack_poll();
		host_clock_advance(NANOSECONDS_PER_MILLISECOND);
	}
	assert_int_equal(stack_statistics().kicks, kicks + 1);
	stack_stop();
}

/* -- Blocks of the pool */

static void expect_buffers(uint32_t length, unsigned int buffers)
{
	stack_inject(length);
	host_poll();
	assert_int_equal(stack_poll(), 1);
	assert_int_equal(stack.length, length);
	assert_int_equal(stack.buffers, buffers);
	assert_memory_equal(stack.frame, stack.memory, length);
}

/* Where frames are joined and memory is plenty; this is the last test, for memory stays. */
static void test_large_blocks(void **state)
{
	enum { MEMORY_START = 1 << 30, MEMORY_SIZE = 32 << 20 };
	void *memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint32_t capacity = VIRTIO_NET_BLOCK_LARGE - VIRTIO_NET_DATA;

	(void)state;
	assert_true(memory != MAP_FAILED);
	host_memory(memory, MEMORY_START, MEMORY_SIZE);
	assert_int_equal(pages_add_region(MEMORY_START, MEMORY_START + MEMORY_SIZE,
					  malloc(pages_metadata_size(MEMORY_SIZE))),
			 0);

	stack_start("");
	model()->queues[0].size_max = model()->queues[0].size = RING;
	offer(joining, sizeof(joining));
	stack_boot();
	assert_int_equal(receiver()->block, VIRTIO_NET_BLOCK_LARGE);
	expect_buffers(100, 1);
	expect_buffers(9000, 2);
	expect_buffers(capacity - 12, 1);
	expect_buffers(capacity - 11, 2);
	stack_check_no_leak();
	stack_stop();

	/* Nothing is joined. */
	stack_start("");
	stack_boot();
	assert_int_equal(receiver()->block, VIRTIO_NET_BLOCK);
	stack_stop();

	/* So many of 2 KiB were asked for. */
	start("");
	stack_boot();
	assert_int_equal(receiver()->block, VIRTIO_NET_BLOCK);
	stack_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_joined_largest),
		cmocka_unit_test(test_joined_pairs),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_refused),
		cmocka_unit_test(test_cut_negotiated),
		cmocka_unit_test(test_switching),
		cmocka_unit_test(test_vlan_command),
		cmocka_unit_test(test_steering_command),
		cmocka_unit_test(test_refills_hold_the_largest_frame),
		cmocka_unit_test(test_silence_is_asked_about_once),
		cmocka_unit_test(test_large_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
