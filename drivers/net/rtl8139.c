/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Realtek's RTL8139: finding, starting and stopping, link, filters, interrupts.
 *
 * An interrupt costs a read of ISR and a write that takes the causes back. Only when another one comes
 * before the stack's thread sleeps again they are masked, until it does; what comes meanwhile stays in
 * ISR, so that letting them through again shows it.
 */
#include "drivers/net/rtl8139.h"

#include "drivers/module.h"
#include "kernel/console/log.h"
#include "kernel/memory/budget.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "net"
#define REGISTERS_BAR 1
#define RESET_TIME (100 * NANOSECONDS_PER_MILLISECOND)
#define RESET_PAUSE NANOSECONDS_PER_MILLISECOND
#define ETHERNET_MTU 1500u
#define CRC_POLYNOMIAL 0x04c11db7u
#define RECEIVE_CONTROL                                                                            \
	(RTL8139_RCR_APM | RTL8139_RCR_WRAP | RTL8139_RCR_MXDMA | RTL8139_RCR_RBLEN_32K |          \
	 RTL8139_RCR_RXFTH)

static void stack_lock(struct rtl8139 *rtl)
{
	if (rtl->network.stack_lock)
		rtl->network.stack_lock(&rtl->network);
}

static void stack_unlock(struct rtl8139 *rtl)
{
	if (rtl->network.stack_unlock)
		rtl->network.stack_unlock(&rtl->network);
}

/* -- Interrupts and link */

static bool read_link(struct rtl8139 *rtl)
{
	return !(rtl8139_read8(rtl, RTL8139_MSR) & RTL8139_MSR_LINKB);
}

static void look_at_link(struct rtl8139 *rtl)
{
	bool up = read_link(rtl);

	if (up == rtl->network.link_up)
		return;
	rtl->network.link_up = up;
	network_notify(&rtl->network, 0, NETWORK_EVENT_LINK);
}

static void wake(struct rtl8139 *rtl)
{
	if (!__atomic_exchange_n(&rtl->armed, false, __ATOMIC_SEQ_CST) &&
	    !__atomic_exchange_n(&rtl->masked, true, __ATOMIC_SEQ_CST))
		rtl8139_write16(rtl, RTL8139_IMR, RTL8139_INT_PUN | RTL8139_INT_SERR);
	network_notify(&rtl->network, 0, NETWORK_EVENT_RECEIVE);
}

static enum interrupt_result interrupt(struct pci_device *device, unsigned int line)
{
	struct rtl8139 *rtl = rtl8139_of_device(device);
	uint16_t causes = rtl8139_read16(rtl, RTL8139_ISR);

	(void)line;
	if (causes == UINT16_MAX) {
		pci_device_break(device, "reads as all ones");
		return INTERRUPT_HANDLED;
	}
	causes &= __atomic_load_n(&rtl->mask, __ATOMIC_SEQ_CST);
	if (!causes)
		return INTERRUPT_NONE;
	/* Overflows are taken back with what they come with. */
	if (causes & RTL8139_INT_FOVW)
		rtl->receive_overruns++;
	rtl8139_write16(rtl, RTL8139_ISR,
			causes & RTL8139_INT_RECEIVE ? causes | RTL8139_INT_RXOVW : causes);
	rtl->interrupts++;
	if (causes & RTL8139_INT_SERR)
		pci_device_break(device, "reports an error of its bus");
	if (causes & RTL8139_INT_PUN)
		look_at_link(rtl);
	if (causes & (RTL8139_INT_RECEIVE | RTL8139_INT_TRANSMIT))
		wake(rtl);
	return INTERRUPT_HANDLED;
}

/* -- Operations */

static unsigned int poll(struct network_device *network, unsigned int queue, unsigned int budget)
{
	struct rtl8139 *rtl = rtl8139_of(network);
	unsigned int frames;

	(void)queue;
	if (rtl->stopped || rtl->device.recovery.broken)
		return 0;
	rtl->statistics.polls++;
	pci_device_served(&rtl->device);
	rtl8139_reclaim(rtl);
	if (rtl->wants_room && rtl->busy_slots < RTL8139_SLOTS) {
		rtl->wants_room = false;
		__atomic_store_n(&rtl->mask, RTL8139_INT_ALWAYS, __ATOMIC_SEQ_CST);
		if (!__atomic_load_n(&rtl->masked, __ATOMIC_SEQ_CST))
			rtl8139_write16(rtl, RTL8139_IMR, RTL8139_INT_ALWAYS);
	}
	frames = rtl8139_receive_poll(rtl, budget);
	return rtl->device.recovery.broken ? 0 : frames;
}

/*
 * Nothing is to be looked for: a frame that came since the interrupt was taken back has left its mark in
 * ISR, and interrupts now.
 */
static bool arm(struct network_device *network, unsigned int queue)
{
	struct rtl8139 *rtl = rtl8139_of(network);

	(void)queue;
	if (rtl->stopped || rtl->device.recovery.broken)
		return false;
	__atomic_store_n(&rtl->armed, true, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&rtl->masked, false, __ATOMIC_SEQ_CST))
		rtl8139_write16(rtl, RTL8139_IMR, __atomic_load_n(&rtl->mask, __ATOMIC_SEQ_CST));
	return false;
}

/* Each frame was shown to the device when it was queued: there is no other way. */
static void flush(struct network_device *network, unsigned int queue)
{
	(void)queue;
	rtl8139_give_back(rtl8139_of(network));
}

static void buffer_free(struct network_device *network, struct network_buffer *buffer)
{
	network_buffers_free(&rtl8139_of(network)->buffers, buffer);
}

/* 5.2: the upper 6 bits of the address's CRC choose a bit of the table. */
static unsigned int group_bit(const uint8_t address[6])
{
	uint32_t crc = UINT32_MAX;

	for (unsigned int i = 0; i < 48; i++) {
		bool bit = address[i / 8] >> i % 8 & 1;

		crc = crc << 1 ^ (crc >> 31 != bit ? CRC_POLYNOMIAL : 0);
	}
	return crc >> 26;
}

/* Filters as network.mode says. With mode_lock. */
static void tell_mode(struct rtl8139 *rtl)
{
	const struct network_receive_mode *mode = &rtl->network.mode;
	uint32_t table[2] = {0, 0}, control = RECEIVE_CONTROL;

	for (unsigned int i = 0; i < mode->group_count && i < NETWORK_GROUPS_MAX; i++) {
		unsigned int bit = group_bit(mode->groups[i]);

		table[bit / 32] |= 1u << bit % 32;
	}
	if (mode->promiscuous || mode->all_multicast)
		table[0] = table[1] = UINT32_MAX;
	for (unsigned int i = 0; i < 2; i++)
		if (table[i] != rtl->multicast[i])
			rtl8139_write32(rtl, RTL8139_MAR0 + 4 * i, rtl->multicast[i] = table[i]);
	if (table[0] || table[1])
		control |= RTL8139_RCR_AM;
	if (mode->promiscuous || mode->all_unicast)
		control |= RTL8139_RCR_AAP;
	if (!mode->no_broadcast)
		control |= RTL8139_RCR_AB;
	if (control != rtl->receive_control)
		rtl8139_write32(rtl, RTL8139_RCR, rtl->receive_control = control);
}

static void mode_changed(struct network_device *network)
{
	struct rtl8139 *rtl = rtl8139_of(network);
	uint64_t flags = spin_lock(&rtl->mode_lock);

	if (!rtl->stopped)
		tell_mode(rtl);
	spin_unlock(&rtl->mode_lock, flags);
}

/* 5.17: the address is among what is locked. */
static void tell_mac(struct rtl8139 *rtl)
{
	const uint8_t *mac = rtl->network.mac;

	rtl8139_write8(rtl, RTL8139_9346CR, RTL8139_9346CR_UNLOCK);
	rtl8139_write32(rtl, RTL8139_IDR0,
			mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 |
				(uint32_t)mac[3] << 24);
	rtl8139_write32(rtl, RTL8139_IDR0 + 4, mac[4] | (uint32_t)mac[5] << 8);
	rtl8139_write8(rtl, RTL8139_9346CR, RTL8139_9346CR_LOCK);
}

static int set_mac(struct network_device *network, const uint8_t mac[6])
{
	static const uint8_t zero[6];
	struct rtl8139 *rtl = rtl8139_of(network);
	int error = 0;

	if (mac[0] & 1 || !memcmp(mac, zero, 6))
		return -EINVAL;
	stack_lock(rtl);
	if (rtl->stopped) {
		error = -ENETDOWN;
	} else {
		memcpy(network->mac, mac, 6);
		tell_mac(rtl);
	}
	stack_unlock(rtl);
	return error;
}

static void information(struct network_device *network, struct network_information *result)
{
	struct rtl8139 *rtl = rtl8139_of(network);
	uint8_t status = rtl->stopped ? UINT8_MAX : rtl8139_read8(rtl, RTL8139_MSR);

	*result = (struct network_information){
		.speed = NETWORK_SPEED_UNKNOWN,
		.duplex = NETWORK_DUPLEX_UNKNOWN,
		.receive_ring = RTL8139_RING,
		.receive_ring_max = RTL8139_RING,
		.transmit_ring = RTL8139_SLOTS,
		.transmit_ring_max = RTL8139_SLOTS,
	};
	if (!(status & RTL8139_MSR_LINKB))
		result->speed = status & RTL8139_MSR_SPEED_10 ? 10 : 100;
}

static void statistics(struct network_device *network, struct network_statistics *result)
{
	const struct rtl8139 *rtl = rtl8139_of(network);

	*result = rtl->statistics;
	result->interrupts = rtl->interrupts;
}

static void describe(struct network_device *network, struct facts *facts)
{
	const struct rtl8139 *rtl = rtl8139_of(network);

	fact_number(facts, "receive_buffers", rtl->buffers.count);
	fact_number(facts, "receive_overruns", rtl->receive_overruns);
	fact_number(facts, "transmit_aborts", rtl->transmit_aborts);
	fact_number(facts, "ring_full", rtl->ring_full);
	fact_number(facts, "register_reads", rtl->device.register_reads);
	fact_number(facts, "register_writes", rtl->device.register_writes);
}

static const struct network_operations operations = {
	.poll = poll,
	.arm = arm,
	.transmit = rtl8139_transmit,
	.flush = flush,
	.buffer_free = buffer_free,
	.set_mac = set_mac,
	.mode_changed = mode_changed,
	.information = information,
	.features = network_plain_features,
	.statistics = statistics,
	.describe = describe,
};

/* -- Starting and stopping */

/* 5.3 */
static int reset(struct rtl8139 *rtl)
{
	uint64_t deadline = clock_monotonic() + RESET_TIME;

	rtl8139_write16(rtl, RTL8139_IMR, 0);
	rtl8139_write8(rtl, RTL8139_CR, RTL8139_CR_RST);
	for (;;) {
		uint8_t command = rtl8139_read8(rtl, RTL8139_CR);

		if (command == UINT8_MAX)
			return -ENODEV;
		if (!(command & RTL8139_CR_RST))
			return 0;
		if (clock_monotonic() >= deadline)
			return -ETIMEDOUT;
		thread_sleep(RESET_PAUSE);
	}
}

static void run(struct rtl8139 *rtl)
{
	uint64_t flags;

	tell_mac(rtl);
	rtl8139_rings_start(rtl);
	/* TCR and RCR take what is written only when their side runs. */
	rtl8139_write8(rtl, RTL8139_CR, RTL8139_CR_TE | RTL8139_CR_RE);
	rtl8139_write32(rtl, RTL8139_TCR, RTL8139_TCR_MXDMA | RTL8139_TCR_IFG);
	rtl8139_write16(rtl, RTL8139_ISR, UINT16_MAX);
	flags = spin_lock(&rtl->mode_lock);
	rtl->stopped = false;
	rtl->receive_control = 0;
	for (unsigned int i = 0; i < 2; i++)
		rtl8139_write32(rtl, RTL8139_MAR0 + 4 * i, rtl->multicast[i] = 0);
	tell_mode(rtl);
	spin_unlock(&rtl->mode_lock, flags);
	/* What it has anyway; but QEMU goes on with what it held back during the reset only at this. */
	rtl8139_tell_place(rtl);
	rtl->armed = rtl->masked = false;
	__atomic_store_n(&rtl->mask, RTL8139_INT_ALWAYS, __ATOMIC_SEQ_CST);
}

static void stop(struct pci_device *device)
{
	struct rtl8139 *rtl = rtl8139_of_device(device);
	uint64_t flags;

	stack_lock(rtl);
	flags = spin_lock(&rtl->mode_lock);
	rtl->stopped = true;
	spin_unlock(&rtl->mode_lock, flags);
	rtl->network.link_up = false;
	__atomic_store_n(&rtl->mask, 0, __ATOMIC_SEQ_CST);
	rtl8139_write16(rtl, RTL8139_IMR, 0);
	rtl8139_write8(rtl, RTL8139_CR, 0);
	rtl8139_rings_stop(rtl);
	stack_unlock(rtl);
	network_notify(&rtl->network, 0, NETWORK_EVENT_STOPPED | NETWORK_EVENT_LINK);
}

static int start(struct pci_device *device)
{
	struct rtl8139 *rtl = rtl8139_of_device(device);
	int error;

	pci_enable(device->function);
	error = reset(rtl);
	if (error)
		return error;
	stack_lock(rtl);
	run(rtl);
	rtl->network.link_up = read_link(rtl);
	rtl8139_write16(rtl, RTL8139_IMR, rtl->mask);
	stack_unlock(rtl);
	network_notify(&rtl->network, 0, NETWORK_EVENT_RECEIVE | NETWORK_EVENT_LINK);
	return 0;
}

static const struct pci_device_operations device_operations = {
	.interrupt = interrupt,
	.stop = stop,
	.start = start,
};

/* -- Finding */

static void read_mac(struct rtl8139 *rtl)
{
	uint8_t mac[6];

	for (unsigned int i = 0; i < sizeof(mac); i++)
		mac[i] = rtl8139_read8(rtl, RTL8139_IDR0 + i);
	network_mac_set(&rtl->network, mac);
}

static int probe(struct pci_function *function)
{
	struct rtl8139 *rtl = memory_budget() ? calloc(1, sizeof(*rtl)) : NULL;
	int error = -ENOMEM;

	if (!rtl)
		return error;
	rtl->device.module = "8139too";
	rtl->device.function = function;
	rtl->device.operations = &device_operations;
	rtl->network.operations = &operations;
	rtl->network.driver_data = rtl;
	rtl->network.driver_name = "8139too";
	rtl->network.bus_name = function->name;
	rtl->network.mtu = ETHERNET_MTU;
	rtl->network.queue_pairs = rtl->network.queue_pairs_active = 1;
	rtl->network.segments_max = NETWORK_SEGMENTS_MAX; /* it is copied anyway */
	rtl->stopped = true;
	pci_enable(function);
	rtl->registers = pci_bar_map(function, REGISTERS_BAR, 0, RTL8139_REGISTERS_SIZE);
	if (!rtl->registers)
		goto fail;
	error = reset(rtl);
	if (error) {
		log_error("%s: the device does not reset", function->name);
		goto fail;
	}
	read_mac(rtl);
	error = rtl8139_rings_create(rtl);
	if (error) {
		log_error("%s: no memory for rings and receive buffers", function->name);
		goto fail;
	}
	rtl->network.receive_buffers = rtl->buffers.count;
	run(rtl);
	rtl->network.link_up = read_link(rtl);
	network_register(&rtl->network);
	pci_device_add(&rtl->device, false);
	rtl8139_write16(rtl, RTL8139_IMR, rtl->mask);
	return 0;

fail:
	if (rtl->registers)
		pci_bar_unmap(function, REGISTERS_BAR);
	pci_disable(function);
	free(rtl);
	return error;
}

MODULE(8139too, "8139too", 2, NULL, pci_device_count);

static const struct pci_match matches[] = {
	{0x10ec, 0x8139, 0x8139},
	{0, 0, 0},
};

PCI_DRIVER(rtl8139) = {
	.name = "8139too",
	.matches = matches,
	.probe = probe,
	.shutdown = pci_device_shutdown,
};
