/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark `block`: reads of each disk, and writes of the one that bench.write= names. Reads are
 * random (in steps of their length, over all of the disk) or sequential; one or several at once, in
 * batches, and from several CPUs where the disk has several queues.
 */
#include "drivers/block/block.h"
#include "drivers/block/stream.h"
#include "kernel/bench/bench.h"
#include "kernel/options/options.h"
#include "kernel/thread/thread.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CPUS_MAX 8u

OPTION(bench_write, "bench.write", "DISK",
       "bench: a disk whose content may be overwritten, to measure writes (default: none)", NULL);

struct load {
	const char *name;
	enum block_operation operation;
	bool random, batched, all_cpus;
	uint32_t length;
	unsigned int depth;
	uint64_t operations;
};

static const struct load loads[] = {
	{"random read, 4 KiB, depth 1", BLOCK_READ, true, false, false, 4096, 1, 128},
	{"random read, 4 KiB, depth 4", BLOCK_READ, true, false, false, 4096, 4, 128},
	{"random read, 4 KiB, depth 32", BLOCK_READ, true, false, false, 4096, 32, 512},
	{"random read, 4 KiB, batches of 32", BLOCK_READ, true, true, false, 4096, 32, 512},
	{"random read, 4 KiB, depth 32, all CPUs", BLOCK_READ, true, false, true, 4096, 32, 512},
	{"sequential read, 128 KiB, depth 4", BLOCK_READ, false, false, false, 128u << 10, 4, 64},
	{"sequential read, 1 MiB, depth 4", BLOCK_READ, false, false, false, 1u << 20, 4, 16},
	{"random write, 4 KiB, depth 1", BLOCK_WRITE, true, false, false, 4096, 1, 128},
	{"random write, 4 KiB, depth 32", BLOCK_WRITE, true, false, false, 4096, 32, 512},
	{"sequential write, 128 KiB, depth 4", BLOCK_WRITE, false, false, false, 128u << 10, 4, 64},
};

/* One thread's part. */
struct worker {
	struct block_device *device;
	const struct load *load;
	struct bench_round *round;
	uint64_t operations, places, random;
	uint64_t nanoseconds;
	int error;
};

struct stand {
	struct block_device *device;
	const struct load *load;
	uint64_t random; /* goes on from round to round, and is the same in each run */
};

/* Numerical Recipes' generator: spread well enough over a disk, and costs next to nothing. */
static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return *state >> 33;
}

static uint64_t place(void *context, uint64_t number)
{
	struct worker *worker = context;
	uint64_t step = worker->load->length / BLOCK_SECTOR;

	return (worker->load->random ? next_random(&worker->random) : number) % worker->places *
	       step;
}

static void timed(void *context, uint64_t nanoseconds)
{
	struct worker *worker = context;

	bench_sample(worker->round, nanoseconds);
}

static void work(void *argument)
{
	struct worker *worker = argument;
	struct stream stream = {
		.device = worker->device,
		.operation = worker->load->operation,
		.length = worker->load->length,
		.count = worker->operations,
		.depth = worker->load->depth,
		.batched = worker->load->batched,
		.place = place,
		/* Samples have one writer. */
		.timed = worker->load->all_cpus ? NULL : timed,
		.context = worker,
	};

	worker->error = stream_run(&stream);
	worker->nanoseconds = stream.nanoseconds;
}

static void init_worker(struct worker *worker, struct bench_round *round, uint64_t operations)
{
	struct stand *stand = round->context;

	*worker = (struct worker){
		.device = stand->device,
		.load = stand->load,
		.round = round,
		.operations = operations,
		.places = stand->device->sectors / (stand->load->length / BLOCK_SECTOR),
		.random = stand->random + next_random(&stand->random),
	};
}

static int round_here(struct bench_round *round)
{
	struct worker worker;

	init_worker(&worker, round, round->operations);
	work(&worker);
	round->elapsed = worker.nanoseconds;
	return worker.error;
}

static unsigned int cpus_used(void)
{
	return thread_cpu_count() < CPUS_MAX ? thread_cpu_count() : CPUS_MAX;
}

/* A thread on each CPU: its requests go to that CPU's queue. */
static int round_everywhere(struct bench_round *round)
{
	struct worker workers[CPUS_MAX];
	struct thread *threads[CPUS_MAX] = {NULL};
	unsigned int cpus = cpus_used();
	uint64_t start = clock_monotonic();
	int error = 0;

	for (unsigned int i = 0; i < cpus; i++) {
		struct thread_options options = {.cpu = i};

		init_worker(&workers[i], round, round->operations / cpus);
		threads[i] = thread_create("bench", work, &workers[i], &options);
		if (!threads[i])
			error = -ENOMEM;
	}
	for (unsigned int i = 0; i < cpus; i++) {
		if (!threads[i])
			continue;
		thread_join(threads[i]);
		if (workers[i].error)
			error = workers[i].error;
	}
	round->elapsed = clock_monotonic() - start;
	return error;
}

static void costs(void *context, struct bench_costs *costs)
{
	struct block_device *disk = ((struct stand *)context)->device;

	disk->operations->costs(disk, &costs->kicks, &costs->interrupts);
	costs->bytes_copied = disk->bytes_copied;
}

static bool may_write(const struct block_device *disk)
{
	return !disk->read_only && !strcmp(option_get("bench.write", ""), disk->name);
}

static int measure(struct bench *bench, struct block_device *disk, const struct load *load)
{
	struct stand stand = {.device = disk, .load = load, .random = 1};
	const struct bench_measurement measurement = {
		.device = disk->name,
		.what = load->name,
		.operations = load->operations,
		.multiple = load->all_cpus ? cpus_used() : load->depth,
		.bytes = load->length,
		.round = load->all_cpus ? round_everywhere : round_here,
		.costs = costs,
		.context = &stand,
	};

	if (load->length / BLOCK_SECTOR > disk->sectors) {
		bench_skip(bench, "%s: %s: the disk is smaller", disk->name, load->name);
		return 0;
	}
	if (load->length > disk->limits.bytes_max || load->length % disk->limits.block_size) {
		bench_skip(bench, "%s: %s: the disk takes no requests of that length", disk->name,
			   load->name);
		return 0;
	}
	return bench_measure(bench, &measurement);
}

static int run(struct bench *bench)
{
	const char *written = option_get("bench.write", NULL);
	int error = 0;

	block_settle();
	if (!block_first())
		bench_skip(bench, "no disk");
	if (written && !block_find(written))
		bench_skip(bench, "bench.write=%s: no such disk", written);
	for (struct block_device *disk = block_first(); disk && !error; disk = disk->next)
		for (size_t i = 0; i < sizeof(loads) / sizeof(*loads) && !error; i++) {
			if (loads[i].operation == BLOCK_WRITE && !may_write(disk))
				continue;
			if (loads[i].all_cpus && (disk->queue_count < 2 || cpus_used() < 2))
				continue;
			error = measure(bench, disk, &loads[i]);
		}
	return error;
}
BENCH(block, 50, "reads of disks, and writes of that of bench.write=", run);

static void describe(struct facts *facts)
{
	block_settle();
	fact_list(facts, "disks");
	for (struct block_device *disk = block_first(); disk; disk = disk->next) {
		fact_item(facts);
		fact_text(facts, "name", disk->name);
		fact_text(facts, "driver", disk->driver_name);
		fact_text(facts, "bus", disk->bus_name);
		fact_bytes(facts, "size", disk->sectors * BLOCK_SECTOR);
		fact_number(facts, "queues", disk->queue_count);
		fact_flag(facts, "write_cache", disk->write_cache);
		fact_end(facts);
	}
	fact_end(facts);
}
BENCH_ENVIRONMENT(block, describe);
