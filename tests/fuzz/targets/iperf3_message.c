/* SPDX-License-Identifier: BSD-2-Clause */
/* What an iperf3 client says in JSON: any bytes, as parameters and as results. */
#include "net/services/iperf3/json.h"
#include "net/services/iperf3/message.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX 4096
#define ROOM 4

static void walk(const char *text, size_t length)
{
	struct json_reader reader = json_read(text, length);
	struct json_value value;
	unsigned int depth = 0;

	while (json_next(&reader, &value)) {
		fuzz_check(value.kind == JSON_END ? value.depth == --depth : value.depth == depth,
			   "a value at depth %u in %u", value.depth, depth);
		depth += value.kind == JSON_OBJECT || value.kind == JSON_ARRAY;
		fuzz_check(depth <= JSON_DEPTH_MAX, "depth %u", depth);
		fuzz_check(!value.name || (value.name > text &&
					   value.name + value.name_length < text + length),
			   "a name outside");
	}
	fuzz_check(reader.wrong || !depth, "an end at depth %u", depth);
}

void fuzz_target(void)
{
	bool results_wanted = fuzz_choose(2);
	size_t length;
	const char *text = (const char *)fuzz_rest(TEXT_MAX, &length);
	struct iperf3_parameters parameters;
	struct iperf3_result results[ROOM];
	unsigned int count;

	walk(text, length);
	if (results_wanted) {
		const char *wrong = iperf3_read_results(text, length, results, ROOM, &count);

		fuzz_check(count <= ROOM, "%u results", count);
		for (unsigned int i = 0; !wrong && i < count; i++)
			fuzz_check(results[i].id && results[i].id <= 2 * IPERF3_STREAMS_MAX + 1,
				   "id %u", results[i].id);
	} else if (!iperf3_read_parameters(text, length, &parameters)) {
		fuzz_check(parameters.streams && parameters.streams <= IPERF3_STREAMS_MAX,
			   "%u streams", parameters.streams);
		fuzz_check(parameters.block &&
				   parameters.block <= (parameters.udp ? IPERF3_UDP_BLOCK_MAX
								       : IPERF3_TCP_BLOCK_MAX),
			   "blocks of %u", (unsigned int)parameters.block);
		fuzz_check(parameters.to_client || parameters.to_server, "no way");
		fuzz_check(parameters.seconds <= IPERF3_SECONDS_MAX &&
				   parameters.omit <= IPERF3_OMIT_MAX,
			   "times");
	}
}
