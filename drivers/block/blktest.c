/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that work a disk: blktest writes patterns from every CPU at once and reads them back,
 * blkbench reads and counts what a read costs.
 */
#include "drivers/block/commands.h"
#include "drivers/block/stream.h"

#include "kernel/random/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEST_LENGTH (32u << 10)
#define TEST_DEPTH 16u
#define TEST_MIB_DEFAULT 16u
#define MIB (1u << 20)
#define WORKER_STACK (32u << 10)

#define BENCH_LENGTH 4096u
#define BENCH_COUNT_DEFAULT 1000u
#define BENCH_COUNT_MAX 10000000u
#define BENCH_KIB_MAX 1024u
/* Between reads, so that they are not sequential; odd and not small. */
#define BENCH_STEP (37u * BENCH_LENGTH)

/* -- blktest */

/* Each eight bytes say where they belong, and in which run. */
static uint64_t pattern(uint64_t seed, uint64_t sector, uint32_t offset)
{
	return (seed ^ (sector * BLOCK_SECTOR + offset)) * 0x9e3779b97f4a7c15ULL;
}

static void fill(void *context, uint64_t sector, void *data, uint32_t length)
{
	uint64_t seed = *(uint64_t *)context, *words = data;

	for (uint32_t i = 0; i < length; i += sizeof(*words))
		words[i / sizeof(*words)] = pattern(seed, sector, i);
}

static bool verify(void *context, uint64_t sector, const void *data, uint32_t length)
{
	uint64_t seed = *(uint64_t *)context;
	const uint64_t *words = data;

	for (uint32_t i = 0; i < length; i += sizeof(*words))
		if (words[i / sizeof(*words)] != pattern(seed, sector, i))
			return false;
	return true;
}

struct worker {
	struct stream stream;
	struct thread *thread;
};

static void work(void *argument)
{
	struct worker *worker = argument;

	stream_run(&worker->stream);
}

/* One stream for each CPU, each on every so-manieth piece; where no thread can be had, here. */
static int run_workers(struct worker *workers, unsigned int count, enum block_operation operation)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct thread_options options = {.cpu = i, .stack_size = WORKER_STACK};

		workers[i].stream.operation = operation;
		workers[i].stream.fill = operation == BLOCK_WRITE ? fill : NULL;
		workers[i].stream.verify = operation == BLOCK_READ ? verify : NULL;
		workers[i].thread = thread_create("blktest", work, &workers[i], &options);
		if (!workers[i].thread)
			work(&workers[i]);
	}
	for (unsigned int i = 0; i < count; i++)
		if (workers[i].thread)
			thread_join(workers[i].thread);
	for (unsigned int i = 0; i < count; i++) {
		const struct stream *stream = &workers[i].stream;

		if (!stream->error)
			continue;
		command_print("%s at sector %llu%s\n", operation == BLOCK_READ ? "read" : "write",
			      (unsigned long long)stream->error_at,
			      stream->error == -EILSEQ ? ": not what was written" : "");
		return stream->error;
	}
	return 0;
}

static int test(struct block_device *device, uint64_t pieces, uint64_t *seed)
{
	unsigned int count = thread_cpu_count();
	struct worker *workers = calloc(count, sizeof(*workers));
	uint64_t piece = TEST_LENGTH / BLOCK_SECTOR;
	int error;

	if (!workers)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++)
		workers[i].stream = (struct stream){
			.device = device,
			.length = TEST_LENGTH,
			.first = i * piece,
			.step = count * piece,
			.count = (pieces + count - 1 - i) / count,
			.depth = TEST_DEPTH,
			.context = seed,
		};
	error = run_workers(workers, count, BLOCK_WRITE);
	if (!error)
		error = block_flush(device);
	if (!error)
		error = run_workers(workers, count, BLOCK_READ);
	free(workers);
	return error;
}

static enum command_result command_blktest(int argc, char **argv)
{
	uint64_t mib = TEST_MIB_DEFAULT, most, seed, kicks, interrupts, kicks_before,
		 interrupts_before;
	bool yes = block_take_yes(&argc, argv);
	struct block_device *device;
	int error;

	if (argc < 2 || argc > 3)
		return COMMAND_USAGE;
	if (!yes)
		return block_refuse(argv);
	device = block_argument(argv[1]);
	if (!device || (argc == 3 && !block_number_argument(argv[2], &mib)))
		return COMMAND_FAILED;
	most = device->sectors / (MIB / BLOCK_SECTOR);
	if (argc == 2 && mib > most)
		mib = most;
	if (!mib || mib > most)
		return block_result(device, "test", -ENOSPC);
	random_bytes(&seed, sizeof(seed));
	device->disk->operations->costs(device->disk, &kicks_before, &interrupts_before);
	error = test(device, mib * (MIB / TEST_LENGTH), &seed);
	if (error)
		return block_result(device, "test", error);
	device->disk->operations->costs(device->disk, &kicks, &interrupts);
	command_print("ringside: blktest %s: %llu MiB verified, %llu kicks, %llu interrupts\n",
		      device->name, (unsigned long long)mib,
		      (unsigned long long)(kicks - kicks_before),
		      (unsigned long long)(interrupts - interrupts_before));
	return COMMAND_OK;
}

COMMAND(blktest, "blktest --yes DEVICE [MIB]",
	"overwrites the first MiB of a device with patterns, from all CPUs, and reads them back",
	command_blktest);

/* -- blkbench */

static enum command_result command_blkbench(int argc, char **argv)
{
	uint64_t count = BENCH_COUNT_DEFAULT, depth = 1, kib = 0, length = BENCH_LENGTH,
		 step = BENCH_STEP, places, kicks, interrupts, kicks_before, interrupts_before,
		 nanoseconds = 0;
	struct block_device *device;
	int error = 0;

	if (argc < 2 || argc > 5 || argv[1][0] == '-')
		return COMMAND_USAGE;
	device = block_argument(argv[1]);
	if (!device || (argc > 2 && !block_number_argument(argv[2], &count)) ||
	    (argc > 3 && !block_number_argument(argv[3], &depth)) ||
	    (argc > 4 && !block_number_argument(argv[4], &kib)))
		return COMMAND_FAILED;
	if (!count || count > BENCH_COUNT_MAX || !depth || depth > STREAM_DEPTH_MAX ||
	    (argc > 4 && (!kib || kib > BENCH_KIB_MAX)))
		return COMMAND_USAGE;
	/* A length that was asked for is read one behind the other. */
	if (kib)
		length = step = kib << 10;
	if (device->sectors < length / BLOCK_SECTOR)
		return block_result(device, "read", -ENOSPC);
	/* So many reads go over the device once, then it begins anew. */
	places = (device->sectors * BLOCK_SECTOR - length) / step + 1;
	device->disk->operations->costs(device->disk, &kicks_before, &interrupts_before);
	for (uint64_t left = count; left && !error && !command_interrupted();) {
		struct stream stream = {
			.device = device,
			.operation = BLOCK_READ,
			.length = (uint32_t)length,
			.step = step / BLOCK_SECTOR,
			.count = left < places ? left : places,
			.depth = (unsigned int)depth,
		};

		error = stream_run(&stream);
		nanoseconds += stream.nanoseconds;
		left -= stream.count;
	}
	if (error)
		return block_result(device, "read", error);
	device->disk->operations->costs(device->disk, &kicks, &interrupts);
	command_print("ringside: blkbench %s: %llu reads of %llu bytes, depth %llu, %llu us,"
		      " %llu kicks, %llu interrupts\n",
		      device->name, (unsigned long long)count, (unsigned long long)length,
		      (unsigned long long)depth,
		      (unsigned long long)(nanoseconds / NANOSECONDS_PER_MICROSECOND),
		      (unsigned long long)(kicks - kicks_before),
		      (unsigned long long)(interrupts - interrupts_before));
	return COMMAND_OK;
}

COMMAND(blkbench, "blkbench DEVICE [COUNT [DEPTH [KIB]]]",
	"reads blocks (of 4 KiB) and counts time, kicks and interrupts", command_blkbench);
