/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/services/iperf3/message.h"

#include "net/services/iperf3/json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define TCP_BLOCK_DEFAULT (128u << 10)
#define UDP_BLOCK_DEFAULT 1460u
#define BURST_MAX 1000u
#define FRAME_TEXT_MAX 256u  /* around the streams */
#define STREAM_TEXT_MAX 320u /* eight numbers of at most 20 digits, and their names */
#define NANOSECONDS UINT64_C(1000000000)

/* Where a number goes that is between two others. */
struct field {
	const char *name;
	uint64_t *number;
	uint64_t least, most;
};

/* Whether the value is the one of a field; what is wrong with it then is stored. */
static bool take_number(const struct json_value *value, const struct field *fields,
			unsigned int count, const char **wrong)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct field *field = &fields[i];

		if (!json_is(value, field->name))
			continue;
		if (value->kind != JSON_NUMBER || (value->negative && value->number) ||
		    value->number < field->least || value->number > field->most)
			*wrong = field->name;
		*field->number = value->number;
		return true;
	}
	return false;
}

struct flag {
	const char *name;
	bool *flag;
};

static void take_flag(const struct json_value *value, const struct flag *flags, unsigned int count,
		      const char **wrong)
{
	for (unsigned int i = 0; i < count; i++) {
		if (!json_is(value, flags[i].name))
			continue;
		*flags[i].flag =
			value->kind == JSON_TRUE || (value->kind == JSON_NUMBER && value->number);
		if (value->kind != JSON_TRUE && value->kind != JSON_FALSE &&
		    value->kind != JSON_NUMBER)
			*wrong = flags[i].name;
	}
}

/* What depends on more than one member. */
static const char *check_parameters(struct iperf3_parameters *parameters, bool tcp, bool reverse,
				    bool both)
{
	if (tcp == parameters->udp)
		return "neither \"tcp\" nor \"udp\", or both";
	if (reverse && both)
		return "\"reverse\" and \"bidirectional\"";
	parameters->to_server = !reverse || both;
	parameters->to_client = reverse || both;
	if (!parameters->block)
		parameters->block = parameters->udp ? UDP_BLOCK_DEFAULT : TCP_BLOCK_DEFAULT;
	if (parameters->udp &&
	    (parameters->block < IPERF3_UDP_BLOCK_MIN || parameters->block > IPERF3_UDP_BLOCK_MAX))
		return "len";
	return NULL;
}

const char *iperf3_read_parameters(const char *text, size_t length,
				   struct iperf3_parameters *parameters)
{
	uint64_t streams = 1, block = 0, burst = 0, seconds = 0, omit = 0;
	bool tcp = false, reverse = false, both = false;
	struct json_reader reader = json_read(text, length);
	const char *wrong = NULL;
	struct json_value value;

	*parameters = (struct iperf3_parameters){0};
	if (!json_next(&reader, &value) || value.kind != JSON_OBJECT)
		return reader.wrong ? reader.wrong : "no object";
	while (!wrong && json_next(&reader, &value)) {
		const struct field numbers[] = {
			{"parallel", &streams, 1, IPERF3_STREAMS_MAX},
			{"len", &block, 1, IPERF3_TCP_BLOCK_MAX},
			{"bandwidth", &parameters->rate, 0, UINT64_MAX - 1},
			{"burst", &burst, 0, BURST_MAX},
			{"time", &seconds, 0, IPERF3_SECONDS_MAX},
			{"omit", &omit, 0, IPERF3_OMIT_MAX},
			{"num", &parameters->bytes, 0, UINT64_MAX - 1},
		};
		const struct flag flags[] = {
			{"tcp", &tcp},
			{"udp", &parameters->udp},
			{"reverse", &reverse},
			{"bidirectional", &both},
			{"nodelay", &parameters->no_delay},
			{"udp_counters_64bit", &parameters->counters_64bit},
		};

		if (value.depth != 1)
			continue;
		/* SCTP is a third protocol of iperf3's. */
		if (json_is(&value, "sctp"))
			return "SCTP";
		if (json_is(&value, "authtoken"))
			return "user names are for servers that ask for one";
		if (!take_number(&value, numbers, sizeof(numbers) / sizeof(numbers[0]), &wrong))
			take_flag(&value, flags, sizeof(flags) / sizeof(flags[0]), &wrong);
	}
	if (wrong || reader.wrong)
		return wrong ? wrong : reader.wrong;
	parameters->streams = (unsigned int)streams;
	parameters->block = (uint32_t)block;
	parameters->burst = (uint32_t)burst;
	parameters->seconds = (uint32_t)seconds;
	parameters->omit = (uint32_t)omit;
	return check_parameters(parameters, tcp, reverse, both);
}

const char *iperf3_read_results(const char *text, size_t length, struct iperf3_result *results,
				unsigned int room, unsigned int *count)
{
	struct json_reader reader = json_read(text, length);
	struct iperf3_result *result = NULL, nobody = {0};
	bool in_streams = false;
	const char *wrong = NULL;
	struct json_value value;
	uint64_t id = 0;

	*count = 0;
	if (!json_next(&reader, &value) || value.kind != JSON_OBJECT)
		return reader.wrong ? reader.wrong : "no object";
	while (!wrong && json_next(&reader, &value)) {
		struct iperf3_result *to = result ? result : &nobody;
		const struct field numbers[] = {
			{"id", &id, 1, 2 * IPERF3_STREAMS_MAX + 1},
			{"bytes", &to->bytes, 0, UINT64_MAX - 1},
			{"packets", &to->packets, 0, UINT64_MAX - 1},
		};

		if (value.depth == 1)
			in_streams = value.kind == JSON_ARRAY && json_is(&value, "streams");
		if (!in_streams)
			continue;
		if (value.depth == 2 && value.kind == JSON_OBJECT) {
			if (*count == room)
				return "more streams than there are";
			id = 0;
			result = &results[(*count)++];
			*result = (struct iperf3_result){0};
		} else if (value.depth == 2 && value.kind == JSON_END && result) {
			if (!id)
				return "a stream without id";
			result->id = (unsigned int)id;
			result = NULL;
		} else if (value.depth == 3 && result) {
			(void)take_number(&value, numbers, sizeof(numbers) / sizeof(numbers[0]),
					  &wrong);
		}
	}
	return wrong ? wrong : reader.wrong;
}

size_t iperf3_results_size(unsigned int count)
{
	return FRAME_TEXT_MAX + (size_t)count * STREAM_TEXT_MAX;
}

static size_t add(char *text, size_t size, size_t length, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static size_t add(char *text, size_t size, size_t length, const char *format, ...)
{
	va_list arguments;
	int more;

	va_start(arguments, format);
	more = vsniprintf(text + length, size - length, format, arguments);
	va_end(arguments);
	return more < 0 || (size_t)more >= size - length ? size - 1 : length + (size_t)more;
}

size_t iperf3_write_results(char *text, size_t size, const struct iperf3_result *results,
			    unsigned int count)
{
	bool sends = false;
	size_t length;

	for (unsigned int i = 0; i < count; i++)
		sends |= results[i].sent_again >= 0;
	/* What of our processor's time it took is not known. */
	length = add(text, size, 0,
		     "{\"cpu_util_total\":0,\"cpu_util_user\":0,\"cpu_util_system\":0,"
		     "\"sender_has_retransmits\":%d,\"streams\":[",
		     sends);

	for (unsigned int i = 0; i < count; i++) {
		const struct iperf3_result *result = &results[i];

		length = add(text, size, length,
			     "%s{\"id\":%u,\"bytes\":%" PRIu64 ",\"retransmits\":%" PRId64 ","
			     "\"jitter\":%" PRIu64 ".%09" PRIu64 ",\"errors\":%" PRIu64
			     ",\"omitted_errors\":%" PRIu64 ",\"packets\":%" PRIu64
			     ",\"omitted_packets\":%" PRIu64
			     ",\"start_time\":0,\"end_time\":%" PRIu64 ".%09" PRIu64 "}",
			     i ? "," : "", result->id, result->bytes, result->sent_again,
			     result->jitter / NANOSECONDS, result->jitter % NANOSECONDS,
			     result->lost, result->omitted_lost, result->packets,
			     result->omitted_packets, result->end / NANOSECONDS,
			     result->end % NANOSECONDS);
	}
	return add(text, size, length, "]}");
}
