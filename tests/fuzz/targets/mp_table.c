/* SPDX-License-Identifier: BSD-2-Clause */
/* The MultiProcessor tables. */
#include "drivers/platform/mp_table.h"
#include "tests/device/firmware_model.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define BASE_MEMORY 0x9fc00u
#define AREA 1024u
#define HEADER 44u

static struct platform result;

void fuzz_target(void)
{
	struct host_region *area = host_mmio_region(BASE_MEMORY, AREA, NULL, NULL);
	uint8_t *pointer = area->memory, *header = pointer + 16;
	uint32_t address = BASE_MEMORY + 16;
	uint16_t length = (uint16_t)(HEADER + fuzz_choose(AREA - 16 - HEADER));

	memset(&result, 0, sizeof(result));
	if (fuzz_choose(8) == 7)
		address = (uint32_t)fuzz_number(4);
	memcpy(pointer, "_MP_", 4);
	memcpy(pointer + 4, &address, 4);
	pointer[8] = 1;
	pointer[9] = 4;
	memcpy(header, "PCMP", 4);
	memcpy(header + 4, &length, 2);
	header[36 + 3] = 0xfe;
	header[36 + 2] = 0xe0;
	if (fuzz_choose(4) == 3)
		for (unsigned int i = fuzz_choose(4); i; i--)
			pointer[fuzz_choose(16 + HEADER)] = fuzz_byte();
	fuzz_fill(header + HEADER, length - HEADER);
	memcpy(&length, header + 4, 2);
	firmware_checksum(header, length < AREA - 16 ? length : AREA - 16, 7);
	firmware_checksum(pointer, 16, 10);
	(void)mp_table_read(&result);
	fuzz_check(result.cpu_count <= PLATFORM_CPUS_MAX, "%u CPUs", result.cpu_count);
}
