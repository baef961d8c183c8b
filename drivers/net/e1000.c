/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intel's 82540EM as emulators have it, and its sisters (SDM 14.3 to 14.5): finding, starting and
 * stopping, link, filters, interrupts.
 *
 * An interrupt costs one access, the read of ICR, which also takes the line back. Only when another one
 * comes before the stack's thread sleeps again they are masked, until it does.
 *
 * QEMU holds back what it receives for a second after each write of RCTL. So that is written as early as
 * can be and as rarely: filters of groups go without it.
 */
#include "drivers/net/e1000.h"

#include "drivers/module.h"
#include "kernel/console/log.h"
#include "kernel/memory/budget.h"
#include "kernel/random/random.h"
#include "kernel/time/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_AREA "net"
#define REGISTERS_BAR 0
#define GONE UINT32_MAX /* what is read of a device that is not there any more */
#define RESET_TIME (100 * NANOSECONDS_PER_MILLISECOND)
#define RESET_PAUSE NANOSECONDS_PER_MILLISECOND
#define ETHERNET_MTU 1500u

static void stack_lock(struct e1000 *e1000)
{
	if (e1000->network.stack_lock)
		e1000->network.stack_lock(&e1000->network);
}

static void stack_unlock(struct e1000 *e1000)
{
	if (e1000->network.stack_unlock)
		e1000->network.stack_unlock(&e1000->network);
}

/* -- Interrupts and link */

static void look_at_link(struct e1000 *e1000)
{
	uint32_t status = e1000_read(e1000, E1000_STATUS);
	bool up = status != GONE && status & E1000_STATUS_LU;

	if (up == e1000->network.link_up)
		return;
	e1000->network.link_up = up;
	network_notify(&e1000->network, 0, NETWORK_EVENT_LINK);
}

static void wake(struct e1000 *e1000)
{
	if (!__atomic_exchange_n(&e1000->armed, false, __ATOMIC_SEQ_CST) &&
	    !__atomic_exchange_n(&e1000->masked, true, __ATOMIC_SEQ_CST))
		e1000_write(e1000, E1000_IMC, E1000_INT_RECEIVE | E1000_INT_TXDW);
	network_notify(&e1000->network, 0, NETWORK_EVENT_RECEIVE);
}

static enum interrupt_result interrupt(struct pci_device *device, unsigned int line)
{
	struct e1000 *e1000 = e1000_of_device(device);
	uint32_t causes = e1000_read(e1000, E1000_ICR); /* takes the line back (13.4.17) */

	(void)line;
	if (causes == GONE) {
		pci_device_break(device, "reads as all ones");
		return INTERRUPT_HANDLED;
	}
	causes &= __atomic_load_n(&e1000->mask, __ATOMIC_SEQ_CST);
	if (!causes)
		return INTERRUPT_NONE;
	e1000->interrupts++;
	if (causes & E1000_INT_RXO)
		e1000->receive_overruns++;
	if (causes & E1000_INT_LSC)
		look_at_link(e1000);
	if (causes & (E1000_INT_RECEIVE | E1000_INT_TXDW))
		wake(e1000);
	return INTERRUPT_HANDLED;
}

/* -- Operations */

static unsigned int poll(struct network_device *network, unsigned int queue, unsigned int budget)
{
	struct e1000 *e1000 = e1000_of(network);
	unsigned int frames;

	(void)queue;
	if (e1000->stopped)
		return 0;
	e1000->statistics.polls++;
	pci_device_served(&e1000->device);
	e1000_reclaim(e1000);
	if (e1000->wants_room) {
		e1000->wants_room = false;
		__atomic_fetch_and(&e1000->mask, ~E1000_INT_TXDW, __ATOMIC_SEQ_CST);
		e1000_write(e1000, E1000_IMC, E1000_INT_TXDW);
	}
	frames = e1000_receive_poll(e1000, budget);
	/* Of a device that broke nothing more comes. */
	return e1000->device.recovery.broken ? 0 : frames;
}

static bool arm(struct network_device *network, unsigned int queue)
{
	struct e1000 *e1000 = e1000_of(network);

	(void)queue;
	if (e1000->stopped || e1000->device.recovery.broken)
		return false;
	__atomic_store_n(&e1000->armed, true, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&e1000->masked, false, __ATOMIC_SEQ_CST))
		e1000_write(e1000, E1000_IMS, __atomic_load_n(&e1000->mask, __ATOMIC_SEQ_CST));
	memory_barrier();
	return e1000_receive_pending(e1000);
}

static void buffer_free(struct network_device *network, struct network_buffer *buffer)
{
	network_buffers_free(&e1000_of(network)->buffers, buffer);
}

/* 13.5.1: bits 47 to 36 of the address choose a bit of the table. */
static unsigned int group_bit(const uint8_t address[6])
{
	return (unsigned int)(address[4] >> 4 | address[5] << 4) & 0xfff;
}

/* Filters as network.mode says. With mode_lock. */
static void tell_mode(struct e1000 *e1000)
{
	const struct network_receive_mode *mode = &e1000->network.mode;
	uint32_t table[E1000_MTA_WORDS] = {0}, control = e1000->receive_control;

	for (unsigned int i = 0; i < mode->group_count && i < NETWORK_GROUPS_MAX; i++) {
		unsigned int bit = group_bit(mode->groups[i]);

		table[bit / 32] |= 1u << bit % 32;
	}
	for (unsigned int i = 0; i < E1000_MTA_WORDS; i++)
		if (table[i] != e1000->multicast[i])
			e1000_write(e1000, E1000_MTA + 4 * i, e1000->multicast[i] = table[i]);
	control &= ~(E1000_RCTL_UPE | E1000_RCTL_MPE | E1000_RCTL_BAM);
	if (mode->promiscuous || mode->all_unicast)
		control |= E1000_RCTL_UPE;
	if (mode->promiscuous || mode->all_multicast)
		control |= E1000_RCTL_MPE;
	if (!mode->no_broadcast)
		control |= E1000_RCTL_BAM;
	if (control == e1000->receive_control)
		return;
	e1000->receive_control = control;
	e1000_write(e1000, E1000_RCTL, control);
}

static void mode_changed(struct network_device *network)
{
	struct e1000 *e1000 = e1000_of(network);
	uint64_t flags = spin_lock(&e1000->mode_lock);

	if (!e1000->stopped)
		tell_mode(e1000);
	spin_unlock(&e1000->mode_lock, flags);
}

static void tell_mac(struct e1000 *e1000)
{
	const uint8_t *mac = e1000->network.mac;

	e1000_write(e1000, E1000_RAL,
		    mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 |
			    (uint32_t)mac[3] << 24);
	e1000_write(e1000, E1000_RAH, mac[4] | (uint32_t)mac[5] << 8 | E1000_RAH_AV);
}

static int set_mac(struct network_device *network, const uint8_t mac[6])
{
	static const uint8_t zero[6];
	struct e1000 *e1000 = e1000_of(network);
	int error = 0;

	if (mac[0] & 1 || !memcmp(mac, zero, 6))
		return -EINVAL;
	stack_lock(e1000);
	if (e1000->stopped) {
		error = -ENETDOWN;
	} else {
		memcpy(network->mac, mac, 6);
		tell_mac(e1000);
	}
	stack_unlock(e1000);
	return error;
}

static void information(struct network_device *network, struct network_information *result)
{
	static const uint32_t speeds[] = {10, 100, 1000, 1000};
	struct e1000 *e1000 = e1000_of(network);
	uint32_t status = e1000->stopped ? GONE : e1000_read(e1000, E1000_STATUS);

	*result = (struct network_information){
		.speed = NETWORK_SPEED_UNKNOWN,
		.duplex = NETWORK_DUPLEX_UNKNOWN,
		.receive_ring = E1000_RING,
		.receive_ring_max = E1000_RING,
		.transmit_ring = E1000_RING,
		.transmit_ring_max = E1000_RING,
	};
	if (status == GONE || !(status & E1000_STATUS_LU))
		return;
	result->speed = speeds[E1000_STATUS_SPEED(status)];
	result->duplex = status & E1000_STATUS_FD;
}

static void statistics(struct network_device *network, struct network_statistics *result)
{
	const struct e1000 *e1000 = e1000_of(network);

	*result = e1000->statistics;
	result->interrupts = e1000->interrupts;
}

static void describe(struct network_device *network, struct facts *facts)
{
	const struct e1000 *e1000 = e1000_of(network);

	fact_number(facts, "receive_buffers", e1000->buffers.count);
	fact_number(facts, "receive_posted", e1000->posted_count);
	fact_number(facts, "receive_overruns", e1000->receive_overruns);
	fact_number(facts, "ring_full", e1000->ring_full);
	fact_number(facts, "register_reads", e1000->device.register_reads);
	fact_number(facts, "register_writes", e1000->device.register_writes);
}

static const struct network_operations operations = {
	.poll = poll,
	.arm = arm,
	.transmit = e1000_transmit,
	.flush = e1000_flush,
	.buffer_free = buffer_free,
	.set_mac = set_mac,
	.mode_changed = mode_changed,
	.information = information,
	.features = network_plain_features,
	.set_feature = e1000_set_feature,
	.statistics = statistics,
	.describe = describe,
};

/* -- Starting and stopping */

/* Reset or not (some emulators ignore it), the device lets the memory alone and is silent after this. */
static int reset(struct e1000 *e1000)
{
	uint64_t deadline = clock_monotonic() + RESET_TIME;

	e1000_write(e1000, E1000_IMC, UINT32_MAX);
	e1000_write(e1000, E1000_RCTL, 0);
	e1000_write(e1000, E1000_TCTL, 0);
	e1000_write(e1000, E1000_CTRL, e1000_read(e1000, E1000_CTRL) | E1000_CTRL_RST);
	do {
		uint32_t control;

		thread_sleep(RESET_PAUSE); /* 14.3: the first microsecond is not to be used */
		control = e1000_read(e1000, E1000_CTRL);
		if (control == GONE)
			return -ENODEV;
		if (control & E1000_CTRL_RST)
			continue;
		e1000_write(e1000, E1000_IMC, UINT32_MAX);
		e1000_write(e1000, E1000_RCTL, 0);
		e1000_write(e1000, E1000_TCTL, 0);
		(void)e1000_read(e1000, E1000_ICR);
		return 0;
	} while (clock_monotonic() < deadline);
	return -ETIMEDOUT;
}

/* 14.4 and 14.5. Link changes are heard of from here on, frames when the stack arms. */
static void run(struct e1000 *e1000)
{
	uint64_t flags;

	e1000_write(e1000, E1000_CTRL,
		    (e1000_read(e1000, E1000_CTRL) | E1000_CTRL_SLU | E1000_CTRL_ASDE |
		     E1000_CTRL_FD) &
			    ~E1000_CTRL_RST);
	tell_mac(e1000);
	for (unsigned int i = 0; i < E1000_MTA_WORDS; i++)
		e1000_write(e1000, E1000_MTA + 4 * i, e1000->multicast[i] = 0);
	e1000_write(e1000, E1000_RDTR, 0);
	e1000_write(e1000, E1000_RADV, 0);
	e1000_write(e1000, E1000_ITR, 0);
	e1000_write(e1000, E1000_TIPG, E1000_TIPG_COPPER);
	e1000_rings_start(e1000);
	e1000_write(e1000, E1000_RXCSUM, E1000_RXCSUM_TUOFL);
	e1000_write(e1000, E1000_TCTL,
		    E1000_TCTL_EN | E1000_TCTL_PSP | E1000_TCTL_CT | E1000_TCTL_COLD);
	flags = spin_lock(&e1000->mode_lock);
	e1000->stopped = false;
	e1000->receive_control = E1000_RCTL_EN | E1000_RCTL_SECRC;
	tell_mode(e1000);
	spin_unlock(&e1000->mode_lock, flags);
	e1000->armed = e1000->masked = false;
	__atomic_store_n(&e1000->mask, E1000_INT_RECEIVE | E1000_INT_LSC, __ATOMIC_SEQ_CST);
}

static void stop(struct pci_device *device)
{
	struct e1000 *e1000 = e1000_of_device(device);
	uint64_t flags;

	stack_lock(e1000);
	flags = spin_lock(&e1000->mode_lock);
	e1000->stopped = true;
	spin_unlock(&e1000->mode_lock, flags);
	e1000->network.link_up = false;
	__atomic_store_n(&e1000->mask, 0, __ATOMIC_SEQ_CST);
	e1000_write(e1000, E1000_IMC, UINT32_MAX);
	e1000_write(e1000, E1000_RCTL, 0);
	e1000_write(e1000, E1000_TCTL, 0);
	e1000_rings_stop(e1000);
	stack_unlock(e1000);
	network_notify(&e1000->network, 0, NETWORK_EVENT_STOPPED | NETWORK_EVENT_LINK);
}

static int start(struct pci_device *device)
{
	struct e1000 *e1000 = e1000_of_device(device);
	int error;

	pci_enable(device->function);
	error = reset(e1000);
	if (error)
		return error;
	stack_lock(e1000);
	run(e1000);
	look_at_link(e1000);
	e1000_write(e1000, E1000_IMS, e1000->mask);
	stack_unlock(e1000);
	network_notify(&e1000->network, 0, NETWORK_EVENT_RECEIVE | NETWORK_EVENT_LINK);
	return 0;
}

static const struct pci_device_operations device_operations = {
	.interrupt = interrupt,
	.stop = stop,
	.start = start,
};

/* -- Finding */

/* 13.5.2: what the EEPROM has is in the first receive address after a reset. */
static void read_mac(struct e1000 *e1000)
{
	uint32_t low = e1000_read(e1000, E1000_RAL), high = e1000_read(e1000, E1000_RAH);
	const uint8_t mac[6] = {(uint8_t)low,	      (uint8_t)(low >> 8), (uint8_t)(low >> 16),
				(uint8_t)(low >> 24), (uint8_t)high,	   (uint8_t)(high >> 8)};

	network_mac_set(&e1000->network, mac);
}

static int probe(struct pci_function *function)
{
	struct e1000 *e1000 = memory_budget() ? calloc(1, sizeof(*e1000)) : NULL;
	int error = -ENOMEM;

	if (!e1000)
		return error;
	e1000->device.module = "e1000";
	e1000->device.function = function;
	e1000->device.operations = &device_operations;
	e1000->network.operations = &operations;
	e1000->network.driver_data = e1000;
	e1000->network.driver_name = "e1000";
	e1000->network.bus_name = function->name;
	e1000->network.mtu = ETHERNET_MTU;
	e1000->network.queue_pairs = e1000->network.queue_pairs_active = 1;
	e1000->network.segments_max = E1000_SEGMENTS_MAX;
	e1000->network.checksum_receive = e1000->network.checksum_transmit = true;
	e1000->network.cuts = E1000_CUTS;
	e1000->stopped = true;
	pci_enable(function);
	e1000->registers = pci_bar_map(function, REGISTERS_BAR, 0, E1000_REGISTERS_SIZE);
	if (!e1000->registers)
		goto fail;
	error = reset(e1000);
	if (error) {
		log_error("%s: the device does not reset", function->name);
		goto fail;
	}
	read_mac(e1000);
	error = e1000_rings_create(e1000);
	if (error) {
		log_error("%s: no memory for rings and receive buffers", function->name);
		goto fail;
	}
	e1000->network.receive_buffers = e1000->buffers.count;
	run(e1000);
	e1000->network.link_up = e1000_read(e1000, E1000_STATUS) & E1000_STATUS_LU;
	network_register(&e1000->network);
	pci_device_add(&e1000->device, false);
	e1000_write(e1000, E1000_IMS, e1000->mask);
	return 0;

fail:
	if (e1000->registers)
		pci_bar_unmap(function, REGISTERS_BAR);
	pci_disable(function);
	free(e1000);
	return error;
}

MODULE(e1000, "e1000", 1, NULL, pci_device_count);

static const struct pci_match matches[] = {
	{0x8086, 0x1008, 0x1008}, /* 82544EI */
	{0x8086, 0x100e, 0x100f}, /* 82540EM, 82545EM */
	{0, 0, 0},
};

PCI_DRIVER(e1000) = {
	.name = "e1000",
	.matches = matches,
	.probe = probe,
	.shutdown = pci_device_shutdown,
};
