/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of e1000 against its model: frames both ways, what they cost, filters, link, full rings, and
 * a device that lies, sticks, or is not there any more.
 */
#include "drivers/net/e1000.h"
#include "drivers/pci/internal.h"
#include "tests/device/e1000_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/nic_tests.h"

static struct e1000_model model;

static void inject(const void *bytes, unsigned int length)
{
	e1000_model_inject(&model, bytes, length);
}

static void prepare(void)
{
	nic_open("net.buffers=384", inject);
	e1000_model_init(&model);
}

static void boot(void)
{
	prepare();
	nic_boot();
}

static struct e1000 *driver(void)
{
	return nic.device->driver_data;
}

/* No rule was broken, nothing is missing. */
static void end(void)
{
	const struct e1000 *e1000 = driver();

	if (model.violations)
		host_abort("the driver broke a rule: %s", model.violation);
	nic_check_tokens();
	assert_int_equal(network_buffers_idle(&e1000->buffers) + e1000->posted_count,
			 e1000->buffers.count);
}

static void test_start(void **state)
{
	(void)state;
	boot();
	assert_memory_equal(nic.device->mac, frame, 6);
	assert_memory_equal(nic.device->permanent_mac, frame, 6);
	assert_true(nic.device->link_up);
	assert_string_equal(nic.device->driver_name, "e1000");
	assert_string_equal(nic.pci->interrupt_mode, "intx");
	assert_int_equal(host_log_count(), 0);
	assert_int_equal(nic_poll(), 0);
	assert_false(nic_arm());
	end();
}

static void test_random_mac(void **state)
{
	(void)state;
	prepare();
	model.registers[0x5400 / 4] = 0;
	model.registers[0x5404 / 4] = 0;
	model.ignores_reset = true;
	nic_boot();
	assert_int_equal(nic.device->mac[0] & 3, 2);
	assert_true(host_log_has("not one of a station"));
	end();
}

/* A ring that was full of another's frames after a reset that does nothing: QEMU's. */
static void test_reset_ignored(void **state)
{
	(void)state;
	prepare();
	model.ignores_reset = true;
	model.registers[0x100 / 4] = 2;
	model.registers[0x2810 / 4] = 5;
	model.registers[0x3810 / 4] = 7;
	nic_boot();
	inject(frame, 100);
	host_poll();
	assert_int_equal(nic_poll(), 1);
	assert_int_equal(nic_send(64, 1), 0);
	nic_flush();
	host_poll();
	assert_int_equal(nic_poll(), 0);
	end();
}

static void test_send(void **state)
{
	(void)state;
	boot();
	for (unsigned int pieces = 1; pieces <= 5; pieces++)
		assert_int_equal(nic_send(1000 + pieces, pieces), 0);
	host_poll();
	assert_int_equal(model.sent_count, 0); /* it was not told */
	nic_flush();
	host_poll();
	assert_int_equal(model.sent_count, 5);
	assert_int_equal(driver()->statistics.kicks, 1);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(model.sent[i].length, 1001 + i);
		assert_memory_equal(model.sent[i].bytes, nic.memory, 1001 + i);
	}
	assert_int_equal(model.sent_segments, 15);
	nic_flush();
	assert_int_equal(driver()->statistics.kicks, 1); /* nothing new to tell */
	nic_poll();
	end();
}

static void test_send_refused(void **state)
{
	(void)state;
	boot();
	assert_int_equal(nic_send(13, 1), -EMSGSIZE);
	assert_int_equal(nic_send(1515, 1), -EMSGSIZE);
	assert_int_equal(nic_send(1514, E1000_SEGMENTS_MAX + 1), -EMSGSIZE);
	assert_int_equal(nic_send(1514, E1000_SEGMENTS_MAX), 0);
	assert_int_equal(driver()->statistics.transmit_errors, 3);
	nic_flush();
	host_poll();
	nic_poll();
	end();
}

/* -- Offloads */

#define ETHERNET 14u
#define TCP_LENGTH 20u
#define MSS 1000u
#define SUM_OFFSET 16u
#define SEQUENCE 0xfffff000u /* it wraps */
#define FLAGS 0x19u	     /* ACK, PSH, FIN */

static unsigned int ip_length(bool ipv6)
{
	return ipv6 ? 40 : 20;
}

static void put16(uint8_t *bytes, unsigned int value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static unsigned int get16(const uint8_t *bytes)
{
	return (unsigned int)(bytes[0] << 8 | bytes[1]);
}

static uint32_t add(uint32_t sum, const uint8_t *bytes, unsigned int length)
{
	for (unsigned int i = 0; i < length; i++)
		sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Of addresses, protocol, and the length of what follows. */
static uint32_t pseudo_header(const uint8_t *bytes, bool ipv6, unsigned int length)
{
	return add(6 + length, bytes + ETHERNET + (ipv6 ? 8 : 12), ipv6 ? 32 : 8);
}

/* Headers as the stack makes them, in front of what the memory has, in so many pieces; it is sent. */
static int send_tcp(bool ipv6, unsigned int payload, unsigned int pieces, uint16_t cut_length)
{
	unsigned int tcp = ETHERNET + ip_length(ipv6), headers = tcp + TCP_LENGTH;
	uint8_t *bytes = nic.memory;
	struct network_transmit transmit = {
		.checksum = true,
		.checksum_start = (uint16_t)tcp,
		.checksum_offset = SUM_OFFSET,
		.cut = cut_length ? NETWORK_CUT_TCP4 : NETWORK_CUT_NONE,
		.cut_length = cut_length,
		.cut_header = (uint16_t)headers,
	};

	memset(bytes, 0, headers);
	memcpy(bytes, frame, 6);
	put16(bytes + 12, ipv6 ? 0x86dd : 0x0800);
	if (ipv6) {
		bytes[ETHERNET] = 0x60;
		put16(bytes + ETHERNET + 4, TCP_LENGTH + payload);
		bytes[ETHERNET + 6] = 6;
		memset(bytes + ETHERNET + 8, 0xfd, 32);
	} else {
		bytes[ETHERNET] = 0x45;
		put16(bytes + ETHERNET + 2, 20 + TCP_LENGTH + payload);
		put16(bytes + ETHERNET + 4, 0xffff);
		bytes[ETHERNET + 9] = 6;
		memset(bytes + ETHERNET + 12, 0xc7, 8);
		put16(bytes + ETHERNET + 10, ~add(0, bytes + ETHERNET, 20) & 0xffff);
	}
	put16(bytes + tcp + 4, SEQUENCE >> 16);
	put16(bytes + tcp + 6, SEQUENCE & 0xffff);
	bytes[tcp + 12] = 0x50;
	bytes[tcp + 13] = FLAGS;
	put16(bytes + tcp + SUM_OFFSET, pseudo_header(bytes, ipv6, TCP_LENGTH + payload));
	return nic_transmit(&transmit, headers + payload, pieces);
}

/* A frame that came out has its part of the payload, and headers and sums that are right. */
static void expect_tcp(const struct nic_frame *sent, bool ipv6, unsigned int number,
		       unsigned int at, unsigned int part, bool last)
{
	unsigned int tcp = ETHERNET + ip_length(ipv6), headers = tcp + TCP_LENGTH;
	const uint8_t *bytes = sent->bytes;

	assert_int_equal(sent->length, headers + part);
	assert_memory_equal(bytes + headers, nic.memory + headers + at, part);
	if (ipv6) {
		assert_int_equal(get16(bytes + ETHERNET + 4), TCP_LENGTH + part);
	} else {
		assert_int_equal(get16(bytes + ETHERNET + 2), 20 + TCP_LENGTH + part);
		assert_int_equal(get16(bytes + ETHERNET + 4), (0xffff + number) & 0xffff);
		assert_int_equal(add(0, bytes + ETHERNET, 20), 0xffff);
	}
	assert_int_equal(get16(bytes + tcp + 4) << 16 | get16(bytes + tcp + 6), SEQUENCE + at);
	assert_int_equal(bytes[tcp + 13], last ? FLAGS : 0x10);
	assert_int_equal(add(pseudo_header(bytes, ipv6, TCP_LENGTH + part), bytes + tcp,
			     TCP_LENGTH + part),
			 0xffff);
}

static void test_checksum(void **state)
{
	(void)state;
	boot();
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(send_tcp(false, 1460, 1 + i, 0), 0);
	assert_int_equal(nic_send(100, 1), 0); /* as it is */
	assert_int_equal(send_tcp(false, 1460, 1, 0), 0);
	nic_flush();
	host_poll();
	assert_int_equal(model.sent_count, 5);
	for (unsigned int i = 0; i < 5; i++)
		if (i != 3)
			expect_tcp(&model.sent[i], false, 0, 0, 1460, true);
	assert_memory_equal(model.sent[3].bytes, nic.memory, 100);
	assert_int_equal(model.contexts_told, 1);
	/* Elsewhere in the frame. */
	assert_int_equal(send_tcp(true, 1, 1, 0), 0);
	nic_flush();
	host_poll();
	expect_tcp(&model.sent[5], true, 0, 0, 1, true);
	assert_int_equal(model.contexts_told, 2);
	/* A device that was reset knows nothing of it. */
	pci_device_break(nic.pci, "is to be reset");
	nic_recover();
	assert_int_equal(send_tcp(true, 1, 1, 0), 0);
	nic_flush();
	host_poll();
	expect_tcp(&model.sent[6], true, 0, 0, 1, true);
	nic_poll();
	end();
}

static void test_cut(void **state)
{
	static const unsigned int payloads[] = {1, MSS, MSS + 1, 3 * MSS, 10000, 15 * MSS + 999};

	(void)state;
	for (unsigned int pieces = 1; pieces <= E1000_SEGMENTS_MAX; pieces += 47)
		for (unsigned int i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
			unsigned int count = (payloads[i] + MSS - 1) / MSS;

			boot();
			assert_int_equal(send_tcp(false, payloads[i], pieces, MSS), 0);
			nic_flush();
			host_poll();
			assert_int_equal(model.sent_count, count);
			for (unsigned int n = 0; n < count; n++) {
				unsigned int left = payloads[i] - n * MSS;

				expect_tcp(&model.sent[n], false, n, n * MSS,
					   left < MSS ? left : MSS, n + 1 == count);
			}
			assert_int_equal(driver()->statistics.kicks, 1);
			assert_int_equal(driver()->statistics.transmit_cut_into, count);
			nic_poll();
			end();
		}
}

/* All in turn, round the ring several times. */
static void test_mixed(void **state)
{
	(void)state;
	boot();
	for (unsigned int round = 0; round < 60; round++) {
		unsigned int before = model.sent_count;

		assert_int_equal(send_tcp(false, 9500, 1 + round % 40, MSS), 0);
		nic_flush();
		host_poll();
		for (unsigned int n = 0; n < 10; n++)
			expect_tcp(&model.sent[(before + n) % NIC_FRAMES_MAX], false, n, n * MSS,
				   n < 9 ? MSS : 500, n == 9);
		assert_int_equal(send_tcp(round % 2, 500, 1 + round % 3, 0), 0);
		nic_flush();
		host_poll();
		expect_tcp(&model.sent[(before + 10) % NIC_FRAMES_MAX], round % 2, 0, 0, 500, true);
		assert_int_equal(model.sent_count, before + 11);
	}
	nic_poll();
	end();
}

static int send_wrong(struct network_transmit transmit)
{
	transmit.segment_count = 1;
	transmit.segments[0] = (struct network_segment){nic.memory, 4000};
	return nic.device->operations->transmit(nic.device, 0, &transmit);
}

static void test_offloads_refused(void **state)
{
	const struct network_transmit right = {.checksum = true,
					       .checksum_start = 34,
					       .checksum_offset = 16,
					       .cut = NETWORK_CUT_TCP4,
					       .cut_length = 1460,
					       .cut_header = 54};
	struct network_transmit wrong;

	(void)state;
	boot();
#define REFUSED(error, ...)                                                                        \
	wrong = right;                                                                             \
	wrong.__VA_ARGS__;                                                                         \
	assert_int_equal(send_wrong(wrong), error)
	REFUSED(-EINVAL, cut = NETWORK_CUT_UDP);
	REFUSED(-EINVAL, cut_ecn = true);
	REFUSED(-EINVAL, checksum = false);
	REFUSED(-EINVAL, checksum_start = 33);
	REFUSED(-EINVAL, checksum_start = 250);
	REFUSED(-EINVAL, checksum_offset = 19);
	REFUSED(-EINVAL, cut_length = 0);
	REFUSED(-EINVAL, cut_header = 53);
	REFUSED(-EINVAL, cut_header = 4000);
	REFUSED(-EINVAL, cut = NETWORK_CUT_TCP6); /* QEMU gets its length wrong */
	REFUSED(-EMSGSIZE, cut_header = E1000_HEADERS_MAX + 1);
	REFUSED(-EMSGSIZE, cut_length = 1461);
	REFUSED(-EMSGSIZE, cut = NETWORK_CUT_NONE);
	assert_int_equal(driver()->statistics.transmit_errors, 13);
	/* Switched off, and on again. */
	assert_int_equal(nic.device->operations->set_feature(nic.device, "rx-checksumming", false),
			 -EOPNOTSUPP);
	assert_int_equal(nic.device->operations->set_feature(nic.device, "tcp-segmentation-offload",
							     false),
			 0);
	assert_int_equal(nic.device->cuts, 0);
	assert_int_equal(send_tcp(false, 3000, 1, MSS), -EINVAL);
	assert_int_equal(nic.device->operations->set_feature(nic.device, "tcp-segmentation-offload",
							     true),
			 0);
	assert_int_equal(send_tcp(false, 3000, 1, MSS), 0);
	nic_flush();
	host_poll();
	nic_poll();
	end();
}

/* Whether a frame that comes with this status and these errors is said to have a right sum. */
static bool vouched(uint8_t status, uint8_t errors)
{
	unsigned int before = nic.received;

	model.status = status;
	model.errors = errors;
	inject(frame, 100);
	host_poll();
	nic_poll();
	assert_int_equal(nic.received, before + 1);
	return nic.checksum_good;
}

static void test_receive_checksum(void **state)
{
	(void)state;
	boot();
	assert_int_equal(model.registers[0x5000 / 4], 0x200);
	assert_true(vouched(0x20, 0));
	assert_false(vouched(0, 0));
	assert_false(vouched(0x24, 0)); /* QEMU's: it has not looked */
	assert_false(vouched(0x20, 0x20));
	assert_true(vouched(0x60, 0x40)); /* IP's sum is another matter */
	end();
}

static void test_receive(void **state)
{
	(void)state;
	boot();
	nic_check_lengths();
	end();
}

/* More frames than the ring has places, several times round. */
static void test_many(void **state)
{
	(void)state;
	boot();
	for (unsigned int round = 0; round < 40; round++) {
		for (unsigned int i = 0; i < 30; i++) {
			frame[20] = (uint8_t)(round * 30 + i);
			inject(frame, 200 + i);
		}
		host_poll();
		assert_int_equal(nic_poll(), 30);
		assert_int_equal(nic.last.bytes[20], (uint8_t)(round * 30 + 29));
	}
	assert_int_equal(nic.received, 1200);
	end();
}

/* One frame in, one out, as an echo does: the cause is read, the tail is written. */
static void test_cost(void **state)
{
	uint64_t before;

	(void)state;
	boot();
	nic_poll();
	nic_arm();
	before = host_io_accesses();
	for (unsigned int i = 0; i < 10; i++) {
		inject(frame, 100);
		host_poll();
		nic_poll();
		nic_send(100, 1);
		nic_flush();
		nic_arm();
	}
	assert_int_equal(nic.received, 10);
	assert_int_equal(host_io_accesses() - before, 20);
	host_poll();
	nic_poll();
	end();
}

/* The stack keeps all that comes: the device waits, and goes on when something is freed. */
static void test_kept(void **state)
{
	unsigned int got = 0;

	(void)state;
	boot();
	nic.keep = true;
	for (unsigned int i = 0; i < 60; i++) {
		for (unsigned int j = 0; j < 16; j++)
			if (model.waiting_count < NIC_FRAMES_MAX)
				inject(frame, 100);
		host_poll();
		got += nic_poll();
	}
	assert_int_equal(got, driver()->buffers.count);
	assert_int_equal(driver()->posted_count, 0);
	assert_false(nic_arm());
	nic_free_kept();
	nic_poll();
	host_poll();
	assert_true(nic_poll() > 0);
	while (nic_poll() || model.waiting_count)
		host_poll();
	end();
}

static void test_full(void **state)
{
	unsigned int count = 0;

	(void)state;
	boot();
	model.sends_nothing = true;
	while (!nic_send(100, 4))
		count++;
	assert_int_equal(count, (E1000_RING - 1) / 4);
	assert_int_equal(nic_send(100, 4), -ENOBUFS);
	assert_true(model.ims & 1); /* asked to say when something is sent */
	host_poll();
	assert_int_equal(nic.given_back, 0);
	/* It has read them, and now says so. */
	for (unsigned int i = 0; i < E1000_RING; i++)
		driver()->transmit[i].data.status = E1000_TXD_DD;
	nic_event(NETWORK_EVENT_RECEIVE);
	model.icr |= 1;
	pci_model_line(&model.pci, true);
	assert_true(nic_event(NETWORK_EVENT_RECEIVE));
	nic_poll();
	assert_false(model.ims & 1);
	model.sends_nothing = false;
	assert_int_equal(nic_send(100, 4), 0);
	nic_flush();
	host_poll();
	nic_poll();
	end();
}

static void test_link(void **state)
{
	struct network_information information;

	(void)state;
	boot();
	nic.device->operations->information(nic.device, &information);
	assert_int_equal(information.speed, 1000);
	assert_int_equal(information.duplex, 1);
	e1000_model_link(&model, false);
	assert_false(nic.device->link_up);
	assert_true(nic_event(NETWORK_EVENT_LINK));
	nic.device->operations->information(nic.device, &information);
	assert_int_equal(information.speed, NETWORK_SPEED_UNKNOWN);
	e1000_model_link(&model, true);
	assert_true(nic.device->link_up);
	assert_true(nic_event(NETWORK_EVENT_LINK));
	end();
}

static void test_filters(void **state)
{
	static const uint8_t other_group[6] = {0x33, 0x33, 0xff, 0x12, 0x34, 0x57};

	(void)state;
	boot();
	nic_check_filters(other_group);
	end();
}

static void test_bad_frames(void **state)
{
	static const int lengths[] = {0, 13, 1919, 2048, 65535};

	(void)state;
	boot();
	for (unsigned int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		model.length = lengths[i];
		assert_false(nic_passes(frame));
	}
	assert_int_equal(driver()->statistics.receive_errors, 5);
	model.length = -1;
	model.errors = 0x81;
	assert_false(nic_passes(frame));
	model.errors = 0x60; /* checksums are looked at by the stack */
	assert_true(nic_passes(frame));
	model.errors = 0;
	/* A frame in three parts: none of them is one. */
	model.no_end = true;
	assert_false(nic_passes(frame) || nic_passes(frame));
	model.no_end = false;
	assert_false(nic_passes(frame));
	assert_true(nic_passes(frame));
	end();
}

static void test_broken_and_back(void **state)
{
	(void)state;
	boot();
	inject(frame, 100);
	nic_send(100, 3);
	nic_send(200, 1);
	pci_device_break(nic.pci, "was broken by a test");
	assert_int_equal(nic_send(100, 1), -ENETDOWN);
	assert_false(nic_arm());
	nic_recover();
	nic_check_tokens();
	assert_true(nic_event(NETWORK_EVENT_STOPPED));
	assert_true(nic.device->link_up);
	assert_int_equal(nic.pci->recovery.recoveries, 1);
	assert_true(nic_passes(frame));
	assert_int_equal(nic_send(100, 3), 0);
	nic_flush();
	host_poll();
	nic_poll();
	end();
}

static void test_gone(void **state)
{
	(void)state;
	boot();
	nic_send(100, 1);
	nic_flush();
	model.gone = true;
	nic_check_gone();
	end();
}

static void test_sends_nothing(void **state)
{
	(void)state;
	boot();
	model.sends_nothing = true;
	nic_send(100, 1);
	nic_flush();
	nic_poll();
	assert_false(nic.pci->recovery.broken);
	host_clock_advance(6 * NANOSECONDS_PER_SECOND);
	nic_poll();
	assert_true(nic.pci->recovery.broken);
	assert_true(host_log_has("does not send"));
	model.sends_nothing = false;
	nic_recover();
	assert_false(nic.pci->recovery.broken);
	end();
}

/* The line stays up whatever is done: the guest goes on, without the device. */
static void test_storm(void **state)
{
	(void)state;
	boot();
	model.cause_sticks = true;
	inject(frame, 100);
	for (unsigned int i = 0; i < PCI_DEVICE_UNSERVED_MAX && !nic.pci->recovery.broken; i++) {
		host_poll();
		model.ims = UINT32_MAX;
		host_interrupt_line(11);
	}
	host_interrupt_line(11);
	assert_true(nic.pci->recovery.broken);
	assert_true(host_log_has("interrupts without end"));
	assert_true(model.pci.config[5] & 4); /* INTx is off */
	model.cause_sticks = false;
	nic_recover();
	assert_false(model.pci.config[5] & 4);
	assert_true(nic_passes(frame));
	end();
}

static unsigned int commands_read;
static bool broken_at_first;

static bool on_command_read(struct pci_model *pci, unsigned int offset, unsigned int width,
			    uint32_t *value)
{
	(void)pci, (void)width, (void)value;
	if (offset == PCI_COMMAND && !commands_read++)
		broken_at_first = nic.pci->recovery.broken;
	return false;
}

/* Its line is off before nobody claims it any more, or it would be taken for one of no device. */
static void test_silent_before_broken(void **state)
{
	(void)state;
	boot();
	commands_read = 0;
	model.pci.on_read = on_command_read;
	assert_int_equal(pci_device_reset(nic.pci), 0);
	model.pci.on_read = NULL;
	assert_true(commands_read > 0);
	assert_false(broken_at_first);
	assert_true(nic.pci->recovery.broken);
	assert_true(model.pci.config[5] & 4); /* INTx is off */
	nic_recover();
	assert_true(nic_passes(frame));
	end();
}

static void test_does_not_reset(void **state)
{
	(void)state;
	prepare();
	model.reset_sticks = true;
	assert_false(nic_probe());
	assert_true(host_log_has("does not reset"));
	assert_int_equal(host_dma_blocks(), 0);
	prepare();
	model.gone = true;
	assert_false(nic_probe());
	assert_int_equal(host_dma_blocks(), 0);
}

static void test_no_memory(void **state)
{
	(void)state;
	nic_check_no_memory(prepare);
	/* Fewer buffers than wanted will do. */
	nic_open("net.buffers=40", inject);
	e1000_model_init(&model);
	nic_boot();
	assert_int_equal(driver()->buffers.count, 40);
	assert_true(nic_passes(frame));
	end();
}

/* Where no interrupt leads, a timer looks. */
static void test_poll(void **state)
{
	(void)state;
	prepare();
	host_interrupt_limit(0);
	nic_boot();
	assert_string_equal(nic.pci->interrupt_mode, "poll");
	nic_arm();
	inject(frame, 100);
	host_poll();
	host_clock_advance(2 * NANOSECONDS_PER_MILLISECOND);
	assert_true(nic_event(NETWORK_EVENT_RECEIVE));
	assert_int_equal(nic_poll(), 1);
	end();
	nic.pci->recovery.shut_down = true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_random_mac),
		cmocka_unit_test(test_reset_ignored),
		cmocka_unit_test(test_send),
		cmocka_unit_test(test_send_refused),
		cmocka_unit_test(test_receive),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_offloads_refused),
		cmocka_unit_test(test_receive_checksum),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_broken_and_back),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_sends_nothing),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_silent_before_broken),
		cmocka_unit_test(test_does_not_reset),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
