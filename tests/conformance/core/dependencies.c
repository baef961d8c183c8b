/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/conformance/core/dependencies.h"

#include "tests/conformance/case.h"

static const struct {
	uint64_t bit, all, any;
} net[] = {
#define ROW(name, bit_, all_, any_) {.bit = FEATURE(bit_), .all = (all_), .any = (any_)},
	NET_DEPENDENCIES(ROW)
#undef ROW
};

#define NET_COUNT (sizeof(net) / sizeof(net[0]))

uint64_t features_valid_part(uint32_t device, uint64_t features)
{
	uint64_t before;

	/* What goes may be what another needs. */
	do {
		before = features;
		for (size_t i = 0; device == DEVICE_NET && i < NET_COUNT; i++)
			if ((features & net[i].all) != net[i].all ||
			    (net[i].any && !(features & net[i].any)))
				features &= ~net[i].bit;
	} while (features != before);
	return features;
}

uint64_t features_with_needed(uint32_t device, uint64_t features, uint64_t offered)
{
	uint64_t before;

	do {
		before = features;
		for (size_t i = 0; device == DEVICE_NET && i < NET_COUNT; i++)
			if (features & net[i].bit)
				features |= (net[i].all | net[i].any) & offered;
	} while (features != before);
	return features;
}
