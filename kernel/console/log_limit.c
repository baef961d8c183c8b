/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/console/log_limit.h"

#include "kernel/console/log.h"
#include "kernel/time/clock.h"

bool log_limit_allows(struct log_limit *limit, const char *area, const char *about)
{
	uint64_t now = clock_monotonic();

	if (!limit->said || now - limit->since >= LOG_LIMIT_SECONDS * NANOSECONDS_PER_SECOND) {
		if (limit->left_out)
			log_print(LOG_NOTICE, area, "%s: %u more lines like this were left out",
				  about, (unsigned int)limit->left_out);
		*limit = (struct log_limit){.since = now};
	}
	if (limit->said == LOG_LIMIT_LINES) {
		limit->left_out++;
		return false;
	}
	limit->said++;
	return true;
}
