/* SPDX-License-Identifier: BSD-2-Clause */
/* The model devices that the suite runs on: each type in each way of presenting it. */
#include "kernel/memory/dma.h"
#include "tests/conformance/host/model.h"
#include "tests/device/virtio_model_ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_SIZE 256
#define QUEUE_SIZE_LARGE 1024
#define DISK_SECTORS 256
#define CPUS 2
#define VECTORS_LEAST 8
#define MMIO_ADDRESS 0x0a000000u
#define MMIO_STEP 0x200u
#define MMIO_CONFIG 0x100u
#define LEGACY_CONFIG 24u

struct model_target model_targets[MODEL_TARGETS_MAX];
unsigned int model_target_count;

/* A way of presenting a device. */
struct way {
	const char *configuration;
	enum conformance_transport transport;
	bool vectors, packed;
	bool large;	  /* queues, and all capabilities */
	bool offloads;	  /* of the network device; and no NOTIFICATION_DATA */
	bool read_only;	  /* the disk */
	uint32_t devices; /* 0: all */
};

static const struct way ways[] = {
	{.configuration = "model-pci", .transport = TRANSPORT_PCI, .vectors = true, .large = true},
	{.configuration = "model-intx", .transport = TRANSPORT_PCI, .offloads = true},
	{.configuration = "model-packed",
	 .transport = TRANSPORT_PCI,
	 .vectors = true,
	 .packed = true},
	{.configuration = "model-legacy", .transport = TRANSPORT_PCI_LEGACY, .vectors = true},
	{.configuration = "model-mmio", .transport = TRANSPORT_MMIO},
	{.configuration = "model-mmio-legacy", .transport = TRANSPORT_MMIO_LEGACY},
	{.configuration = "model-read-only",
	 .transport = TRANSPORT_PCI,
	 .vectors = true,
	 .read_only = true,
	 .devices = DEVICE(BLOCK)},
	{.configuration = "model-legacy-intx",
	 .transport = TRANSPORT_PCI_LEGACY,
	 .devices = DEVICE(BLOCK)},
};

static void *fresh(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		host_abort("no memory for a device");
	return memory;
}

static void offer(struct virtio_model *model, const unsigned int *bits, size_t count)
{
	for (size_t i = 0; i < count; i++)
		virtio_model_offer(model, bits[i], true);
}
#define OFFER(model, ...)                                                                          \
	offer(model, (const unsigned int[]){__VA_ARGS__},                                          \
	      sizeof((const unsigned int[]){__VA_ARGS__}) / sizeof(unsigned int))

static void set(struct virtio_model *model, unsigned int offset, uint64_t value, unsigned int width)
{
	memcpy(model->config + offset, &value, width);
}

/* -- Features that need others (each device's "Feature bits") */

struct dependency {
	unsigned int feature;
	uint64_t needs; /* any of them */
};

static bool hold(const struct virtio_model *model, const struct dependency *rules, size_t count)
{
	uint64_t accepted = model->accepted[0] | (uint64_t)model->accepted[1] << 32;

	for (size_t i = 0; i < count; i++)
		if (accepted >> rules[i].feature & 1 && !(accepted & rules[i].needs))
			return false;
	return true;
}

static bool net_dependencies(const struct virtio_model *model)
{
	static const uint64_t control = FEATURE(MODEL_NET_CTRL_VQ);
	static const uint64_t receives = FEATURE(MODEL_NET_GUEST_CSUM),
			      sends = FEATURE(MODEL_NET_CSUM);
	static const struct dependency rules[] = {
		{MODEL_NET_GUEST_TSO4, receives},
		{MODEL_NET_GUEST_TSO6, receives},
		{MODEL_NET_GUEST_UFO, receives},
		{MODEL_NET_GUEST_USO4, receives},
		{MODEL_NET_GUEST_USO6, receives},
		{MODEL_NET_GUEST_ECN,
		 FEATURE(MODEL_NET_GUEST_TSO4) | FEATURE(MODEL_NET_GUEST_TSO6)},
		{MODEL_NET_HOST_TSO4, sends},
		{MODEL_NET_HOST_TSO6, sends},
		{MODEL_NET_HOST_UFO, sends},
		{MODEL_NET_HOST_USO, sends},
		{MODEL_NET_HOST_ECN, FEATURE(MODEL_NET_HOST_TSO4) | FEATURE(MODEL_NET_HOST_TSO6)},
		{MODEL_NET_RSC_EXT, FEATURE(MODEL_NET_HOST_TSO4) | FEATURE(MODEL_NET_HOST_TSO6)},
		{MODEL_NET_CTRL_RX, control},
		{MODEL_NET_CTRL_VLAN, control},
		{MODEL_NET_ANNOUNCE, control},
		{MODEL_NET_MQ, control},
		{MODEL_NET_CTRL_MAC_ADDR, control},
		{MODEL_NET_RSS, control},
		{MODEL_NET_NOTF_COAL, control},
		{MODEL_NET_VQ_NOTF_COAL, control},
		{MODEL_NET_HASH_TUNNEL, control},
		{MODEL_NET_HASH_TUNNEL, FEATURE(MODEL_NET_RSS) | FEATURE(MODEL_NET_HASH_REPORT)},
	};

	return hold(model, rules, sizeof(rules) / sizeof(rules[0]));
}

/* -- Types */

static void make_net(struct model_target *t, bool offloads)
{
	struct virtio_model_net *net = t->as.net = fresh(sizeof(*net));
	struct virtio_model *model = t->model = &net->model;

	virtio_model_net_init(net, QUEUE_SIZE);
	virtio_model_net_pairs(net, 2);
	net->filters = net->steers = true;
	OFFER(model, MODEL_NET_CTRL_RX, MODEL_NET_CTRL_VLAN, MODEL_NET_CTRL_RX_EXTRA,
	      MODEL_NET_ANNOUNCE, MODEL_NET_CTRL_MAC_ADDR, MODEL_NET_MTU, MODEL_NET_SPEED_DUPLEX,
	      MODEL_NET_RSS, MODEL_NET_HASH_REPORT, MODEL_NET_CTRL_GUEST_OFFLOADS,
	      MODEL_NET_GUEST_TSO4);
	/* Nobody sends such frames; what matters is what the driver may accept. */
	if (offloads)
		OFFER(model, MODEL_NET_GUEST_TSO4, MODEL_NET_GUEST_TSO6, MODEL_NET_GUEST_ECN,
		      MODEL_NET_GUEST_UFO, MODEL_NET_GUEST_USO4, MODEL_NET_GUEST_USO6,
		      MODEL_NET_HOST_TSO4, MODEL_NET_HOST_TSO6, MODEL_NET_HOST_ECN,
		      MODEL_NET_HOST_UFO, MODEL_NET_HOST_USO, MODEL_NET_RSC_EXT,
		      MODEL_NET_NOTF_COAL, MODEL_NET_VQ_NOTF_COAL, MODEL_NET_HASH_TUNNEL);
	model->dependencies = net_dependencies;
	set(model, 10, 1500, 2);
	set(model, 12, 1000, 4);
	set(model, 16, 1, 1);
	set(model, 17, 40, 1);
	set(model, 18, 128, 2);
	set(model, 20, 0x07, 4);
}

static void make_block(struct model_target *t, bool read_only)
{
	struct virtio_model_block *block = t->as.block = fresh(sizeof(*block));
	struct virtio_model *model = t->model = &block->model;

	virtio_model_block_init(block, DISK_SECTORS, 2, QUEUE_SIZE);
	block->serial = "ringside-model";
	block->read_only = read_only;
	/* No two sectors, and no two places in one, look alike. */
	for (size_t i = 0; i < DISK_SECTORS * MODEL_BLOCK_SECTOR; i++)
		block->disk[i] = (uint8_t)((i * 2654435761u) >> 13);
	OFFER(model, MODEL_BLOCK_SIZE_MAX, MODEL_BLOCK_TOPOLOGY, MODEL_BLOCK_CONFIG_WCE,
	      MODEL_BLOCK_DISCARD, MODEL_BLOCK_WRITE_ZEROES, MODEL_BLOCK_LIFETIME,
	      MODEL_BLOCK_SECURE_ERASE);
	virtio_model_offer(model, MODEL_BLOCK_RO, read_only);
	virtio_model_block_set(block, 8, 1u << 16, 4);
	for (unsigned int seg = 40; seg <= 64; seg += 12)
		virtio_model_block_set(block, seg, 4, 4);
	virtio_model_block_set(block, 12, QUEUE_SIZE - 2, 4);
	virtio_model_block_set(block, 52, 4, 4);
	t->target.may_write = true;
}

static void make_console(struct model_target *t)
{
	static const char *const names[] = {"ringside.console", "ringside.0", "ringside.1",
					    "ringside.a", "ringside.b"};
	struct virtio_model_console *console = t->as.console = fresh(sizeof(*console));
	struct virtio_model *model = t->model = &console->model;

	virtio_model_console_init(console, QUEUE_SIZE);
	console->forgets = true;
	console->port_count = MODEL_CONSOLE_PORTS_MAX;
	set(model, 0, 80, 2);
	set(model, 2, 25, 2);
	set(model, 4, MODEL_CONSOLE_PORTS_MAX, 4);
	model->queue_count = 2 * (MODEL_CONSOLE_PORTS_MAX + 1);
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(t->port_names[i], sizeof(t->port_names[i]), "%s", names[i]);
		console->ports[i].exists = true;
		console->ports[i].name = t->port_names[i];
		console->ports[i].host_open = i == 0 || i > 2;
	}
	virtio_model_offer(model, MODEL_CONSOLE_SIZE, true);
}

static void make_entropy(struct model_target *t)
{
	struct virtio_model_rng *rng = t->as.entropy = fresh(sizeof(*rng));

	virtio_model_rng_init(rng);
	t->model = &rng->model;
	rng->random = true;
	rng->model.config_length = 0;
}

static void make_balloon(struct model_target *t)
{
	struct virtio_model_balloon *balloon = t->as.balloon = fresh(sizeof(*balloon));
	const uint32_t features = 1u << MODEL_BALLOON_MUST_TELL_HOST | 1u << MODEL_BALLOON_STATS |
				  1u << MODEL_BALLOON_DEFLATE_ON_OOM | 1u << MODEL_BALLOON_HINT |
				  1u << MODEL_BALLOON_POISON | 1u << MODEL_BALLOON_REPORTING;

	virtio_model_balloon_init(balloon, dma_address(t->target.arena), ARENA_SIZE, features,
				  false);
	t->model = &balloon->model;
	balloon->forgives = true;
}

static void size_queues(struct virtio_model *model, uint16_t size)
{
	for (unsigned int i = 0; i < model->queue_count; i++) {
		model->queues[i].size_max = model->queues[i].size = size;
		model->queues[i].notify_off = (uint16_t)i;
	}
}

/* -- Ways */

static void present_pci(struct model_target *t, const struct way *way, unsigned int number)
{
	unsigned int vectors = t->model->queue_count + 1;
	uint32_t *length = t->target.length;

	if (vectors < VECTORS_LEAST)
		vectors = VECTORS_LEAST;
	virtio_model_pci_init(&t->pci, t->model, (uint8_t)number, way->vectors ? vectors : 0);
	virtio_model_pci_window(&t->pci);
	if (way->large)
		virtio_model_pci_extras(&t->pci);
	t->pci.pci.strays_allowed = true;
	/* What firmware does: decoding and bus mastering. */
	pci_model_set16(&t->pci.pci, PCI_COMMAND_OFFSET, 7);
	if (way->transport == TRANSPORT_PCI_LEGACY) {
		/* With MSI-X a transitional device; its legacy interface is what is used. */
		virtio_model_pci_legacy(&t->pci, !way->vectors);
		t->model->legacy = true;
		length[SPACE_COMMON] = LEGACY_CONFIG + t->model->config_length;
	} else {
		length[SPACE_COMMON] = 0x40;
		length[SPACE_NOTIFY] = MODEL_PCI_MULTIPLIER * t->model->queue_count;
		length[SPACE_ISR] = 1;
		length[SPACE_DEVICE] = t->model->config_length;
	}
	length[SPACE_PCI] = PCI_CONFIG_SIZE;
	t->target.notify_multiplier = MODEL_PCI_MULTIPLIER;
	t->target.line = true;
	if (way->vectors) {
		t->target.msix_capability = t->pci.pci.msix_capability;
		t->target.msix_count = vectors;
		length[SPACE_MSIX_TABLE] = 16 * vectors;
		length[SPACE_MSIX_PENDING] = (vectors + 63) / 64 * 8;
	}
	snprintf(t->target.name, sizeof(t->target.name), "00:%02x.0", number);
}

static void present_mmio(struct model_target *t, const struct way *way, unsigned int number)
{
	virtio_model_mmio_init(&t->mmio, t->model, MMIO_ADDRESS + MMIO_STEP * number);
	if (way->transport == TRANSPORT_MMIO_LEGACY)
		virtio_model_mmio_legacy(&t->mmio);
	t->target.length[SPACE_COMMON] = MMIO_CONFIG + t->model->config_length;
	t->target.line = true;
	snprintf(t->target.name, sizeof(t->target.name), "mmio%u", number);
}

static void make(const struct way *way, uint32_t device, unsigned int number)
{
	static const struct dma_constraints own = {.align = ARENA_SIZE};
	struct model_target *t = &model_targets[model_target_count++];

	t->target.operations = &model_operations;
	t->target.context = t;
	t->target.configuration = way->configuration;
	t->target.transport = way->transport;
	t->target.device = device;
	t->target.cpus = CPUS;
	t->target.host_acts = true;
	t->target.arena = dma_alloc(ARENA_SIZE, &own);
	t->target.arena_size = ARENA_SIZE;
	if (!t->target.arena)
		host_abort("no memory for an arena");
	switch (device) {
	case DEVICE_NET:
		make_net(t, way->offloads);
		break;
	case DEVICE_BLOCK:
		make_block(t, way->read_only);
		break;
	case DEVICE_CONSOLE:
		make_console(t);
		break;
	case DEVICE_ENTROPY:
		make_entropy(t);
		break;
	default:
		make_balloon(t);
	}
	size_queues(t->model, way->large ? QUEUE_SIZE_LARGE : QUEUE_SIZE);
	OFFER(t->model, MODEL_IN_ORDER, MODEL_NOTIFICATION_DATA, MODEL_RING_RESET);
	if (way->transport == TRANSPORT_PCI)
		virtio_model_offer(t->model, MODEL_NOTIF_CONFIG_DATA, true);
	virtio_model_offer(t->model, MODEL_RING_PACKED, way->packed);
	if (way->offloads)
		virtio_model_offer(t->model, MODEL_NOTIFICATION_DATA, false);
	if (way->transport & TRANSPORTS_LEGACY) {
		virtio_model_offer(t->model, MODEL_NOTIFY_ON_EMPTY, true);
		t->model->early = true;
		memset(t->model->offered + 1, 0, sizeof(t->model->offered) - sizeof(uint32_t));
	}
	if (way->transport & TRANSPORTS_PCI)
		present_pci(t, way, number);
	else
		present_mmio(t, way, number);
}

void model_targets_make(void)
{
	unsigned int number = 1;

	host_reset();
	pci_model_reset();
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		for (uint32_t device = DEVICE_NET; device <= DEVICE_BALLOON; device++)
			if (!ways[i].devices || ways[i].devices >> device & 1)
				make(&ways[i], device, number++);
}
