/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark `net`: raw frames through a device's driver, past the stack, with the EtherType for
 * experiments. Those that are only sent go to an address that nobody has. Where another Ringside has
 * `services=frames` it is asked for frames, and to send ours back.
 *
 * The driver gives back what was sent, and what came, when it is polled, to the two functions of the
 * stack's: for the time of a batch ours stand in front of them.
 */
#include "drivers/net/experiment.h"
#include "drivers/net/network.h"
#include "kernel/bench/bench.h"
#include "kernel/memory/dma.h"
#include "kernel/thread/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADROOM 64u /* for the driver's own header */
#define SLOT 2048u
#define BATCH_MAX 32u
#define PATIENCE NANOSECONDS_PER_SECOND
#define SEARCHES 20u /* for somebody who answers */
#define SEARCH (100 * NANOSECONDS_PER_MILLISECOND)
#define OPERATIONS 256

struct slot {
	struct network_transmit transmit;
	bool lent;
};

static const uint8_t experiment_type[2] = {EXPERIMENT_TYPE >> 8, EXPERIMENT_TYPE & 0xff};

static struct stand {
	struct network_device *device;
	uint32_t length;
	unsigned int batch, lent;
	uint8_t *memory;    /* BATCH_MAX slots of frames */
	struct slot *slots; /* as many, of what is said of them */
	uint32_t round;	    /* of the last question */
	unsigned int came;  /* answers to it */
	uint8_t expected;   /* kind of them */
	uint8_t peer[6];    /* that answers */
	void (*stacks)(struct network_device *device, void *token);
	void (*stacks_receive)(struct network_device *device, struct network_buffer *chain,
			       const struct network_receive_info *info);
} stand;

_Static_assert(BATCH_MAX <= EXPERIMENT_COUNT_MAX, "so many may be asked for");

static void transmitted(struct network_device *device, void *token)
{
	struct slot *slot = token;

	if (device == stand.device && slot >= stand.slots && slot < stand.slots + BATCH_MAX) {
		slot->lent = false;
		stand.lent--;
	} else {
		stand.stacks(device, token);
	}
}

/* Answers to our last question are counted; the rest goes its usual way. */
static void received(struct network_device *device, struct network_buffer *chain,
		     const struct network_receive_info *info)
{
	struct experiment experiment;

	if (device == stand.device && chain->length >= EXPERIMENT_ETHERNET + sizeof(experiment)) {
		memcpy(&experiment, chain->data + EXPERIMENT_ETHERNET, sizeof(experiment));
		if (!memcmp(chain->data + 12, experiment_type, 2) &&
		    !memcmp(experiment.magic, EXPERIMENT_MAGIC, 4) &&
		    experiment.kind == stand.expected && experiment.round == stand.round) {
			memcpy(stand.peer, chain->data + 6, 6);
			stand.came++;
			network_buffer_free_chain(chain);
			return;
		}
	}
	stand.stacks_receive(device, chain, info);
}

/*
 * Polls until nothing is lent any more and so many answers are there, or the time is over. With the
 * stack's lock.
 */
static int await(unsigned int answers, uint64_t patience)
{
	struct network_device *device = stand.device;
	uint64_t deadline = clock_monotonic() + patience;

	while (stand.lent || stand.came < answers) {
		/* What received frames cause to be sent is told now. */
		for (unsigned int queue = 0; queue < device->queue_pairs_active; queue++)
			(void)device->operations->poll(device, queue, BATCH_MAX);
		device->operations->flush(device, 0);
		if ((stand.lent || stand.came < answers) && clock_monotonic() > deadline)
			return -ETIMEDOUT;
	}
	return 0;
}

/* The first of the frames, so many, at once. */
static int send_batch(unsigned int count)
{
	struct network_device *device = stand.device;
	int error = 0;

	for (unsigned int i = 0; i < count && !error; i++) {
		struct slot *slot = &stand.slots[i];

		slot->transmit.segment_count = 1;
		slot->transmit.segments[0] = (struct network_segment){
			stand.memory + (size_t)i * SLOT + HEADROOM, stand.length};
		slot->transmit.headroom = HEADROOM;
		slot->transmit.token = slot;
		error = device->operations->transmit(device, 0, &slot->transmit);
		if (error)
			break;
		slot->lent = true;
		stand.lent++;
	}
	device->operations->flush(device, 0);
	return error;
}

/*
 * Sends so many frames and awaits so many answers; its time is stored. What the device still has when the
 * patience is at its end stays lent to it, and our functions stay in front.
 */
static int exchange(unsigned int count, unsigned int answers, uint64_t patience, uint64_t *elapsed)
{
	struct network_device *device = stand.device;
	uint64_t start;
	int error, left;

	device->stack_lock(device);
	stand.stacks = device->transmitted;
	stand.stacks_receive = device->receive;
	device->transmitted = transmitted;
	device->receive = received;
	stand.came = 0;
	start = clock_monotonic();
	error = send_batch(count);
	left = await(error ? 0 : answers, patience);
	*elapsed = clock_monotonic() - start;
	device->receive = stand.stacks_receive;
	if (!stand.lent)
		device->transmitted = stand.stacks;
	device->stack_unlock(device);
	return error ? error : left;
}

/* The same question in each frame; numbers them, so that late answers to another are none. */
static void ask(const uint8_t to[6], enum experiment_kind kind)
{
	const struct experiment experiment = {
		.magic = EXPERIMENT_MAGIC_BYTES,
		.kind = (uint8_t)kind,
		.count = BATCH_MAX,
		.length = (uint16_t)stand.length,
		.round = ++stand.round,
	};

	stand.expected = (uint8_t)(kind + 1);
	for (unsigned int i = 0; i < BATCH_MAX; i++) {
		uint8_t *frame = stand.memory + (size_t)i * SLOT + HEADROOM;

		memcpy(frame, to, 6);
		memcpy(frame + 6, stand.device->mac, 6);
		memcpy(frame + 12, experiment_type, 2);
		memcpy(frame + EXPERIMENT_ETHERNET, &experiment, sizeof(experiment));
	}
}

/* What one batch is: frames that are sent, and answers that come. */
struct kind {
	const char *what;
	enum experiment_kind question;
	unsigned int frames, answers;
};

static int run_round(struct bench_round *round)
{
	static const uint8_t nobody[6] = {0x02, 0x00, 0x00, 0x72, 0x69, 0x6e};
	const struct kind *kind = round->context;
	int error = 0;

	for (uint64_t done = 0; done < round->operations && !error; done += stand.batch) {
		uint64_t elapsed;

		if (kind->question)
			ask(stand.peer, kind->question);
		else
			ask(nobody, 0);
		error = exchange(kind->frames, kind->answers, PATIENCE, &elapsed);
		round->elapsed += elapsed;
		if (stand.batch == 1)
			bench_sample(round, elapsed);
	}
	return error;
}

static void costs(void *context, struct bench_costs *costs)
{
	struct network_statistics statistics;

	(void)context;
	network_statistics(stand.device, &statistics);
	costs->kicks = statistics.kicks;
	costs->interrupts = statistics.interrupts;
	costs->bytes_copied = statistics.bytes_copied;
}

/* Each length, in that batch. */
static int measure_kind(struct bench *bench, const struct kind *kind, unsigned int batch)
{
	static const uint32_t lengths[] = {EXPERIMENT_FRAME_MIN, EXPERIMENT_FRAME_MAX};
	int error = 0;

	for (unsigned int i = 0; i < 2 && !error; i++) {
		char what[BENCH_TEXT_MAX];
		const struct bench_measurement measurement = {
			.device = stand.device->name,
			.what = what,
			.operations = OPERATIONS,
			.multiple = BATCH_MAX,
			.bytes = lengths[i],
			.round = run_round,
			.costs = costs,
			.context = (void *)(uintptr_t)kind,
		};

		stand.length = lengths[i];
		stand.batch = batch;
		sniprintf(what, sizeof(what), "%s, %u bytes, batch of %u", kind->what,
			  (unsigned int)stand.length, batch);
		error = bench_measure(bench, &measurement);
	}
	return error;
}

/* Whether somebody answers, soon or to a later one of the same questions: stand.peer is set. Others run in between. */
static bool find_peer(void)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	bool found = false;
	uint64_t elapsed;

	stand.length = EXPERIMENT_FRAME_MIN;
	ask(all, EXPERIMENT_WHO);
	for (unsigned int i = 0; i < SEARCHES && !found && !stand.lent; i++) {
		found = !exchange(1, 1, SEARCH, &elapsed);
		thread_yield();
	}
	return found;
}

static int measure(struct bench *bench)
{
	static const struct kind alone[] = {
		{"transmit", 0, 1, 0},
		{"transmit", 0, BATCH_MAX, 0},
	};
	static const struct kind with_peer[] = {
		{"loop", EXPERIMENT_LOOP, 1, 1},
		{"loop", EXPERIMENT_LOOP, BATCH_MAX, BATCH_MAX},
		{"receive", EXPERIMENT_SEND, 1, BATCH_MAX},
	};
	int error = 0;

	for (unsigned int i = 0; i < 2 && !error; i++)
		error = measure_kind(bench, &alone[i], alone[i].frames);
	if (error)
		return error;
	if (!find_peer()) {
		bench_skip(bench, "%s: nobody answers (services=frames) to receive and loop",
			   stand.device->name);
		return 0;
	}
	for (unsigned int i = 0; i < 3 && !error; i++)
		error = measure_kind(bench, &with_peer[i], with_peer[i].answers);
	return error;
}

static void release(void)
{
	if (stand.memory)
		dma_free(stand.memory, BATCH_MAX * SLOT);
	free(stand.slots);
	stand.memory = NULL;
	stand.slots = NULL;
}

static int run(struct bench *bench)
{
	int error = 0;

	if (!network_first())
		bench_skip(bench, "no network device");
	if (stand.lent) {
		bench_skip(bench, "%s still has frames of the last time", stand.device->name);
		return 0;
	}
	for (struct network_device *device = network_first(); device && !error;
	     device = device->next) {
		if (!device->stack || !device->link_up) {
			bench_skip(bench, "%s: no link", device->name);
			continue;
		}
		stand.memory = dma_alloc(BATCH_MAX * SLOT, NULL);
		stand.slots = calloc(BATCH_MAX, sizeof(*stand.slots));
		stand.device = device;
		error = stand.memory && stand.slots ? measure(bench) : -ENOMEM;
		/* What the device may still read stays. */
		if (!stand.lent)
			release();
	}
	return error;
}
BENCH(net, 60, "raw frames", run);

static void describe(struct facts *facts)
{
	fact_list(facts, "devices");
	for (struct network_device *device = network_first(); device; device = device->next) {
		fact_item(facts);
		fact_text(facts, "name", device->name);
		fact_text(facts, "driver", device->driver_name);
		fact_text(facts, "bus", device->bus_name);
		fact_number(facts, "mtu", device->mtu);
		fact_number(facts, "queue_pairs", device->queue_pairs_active);
		fact_end(facts);
	}
	fact_end(facts);
}
BENCH_ENVIRONMENT(net, describe);
