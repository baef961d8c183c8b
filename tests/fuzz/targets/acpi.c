/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI's static tables: any bytes, with good checksums where the fuzzer wants to get beyond them. */
#include "drivers/platform/acpi.h"
#include "drivers/pci/internal.h"
#include "tests/device/firmware_model.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define BODY_MAX 512

static struct platform result;

void fuzz_target(void)
{
	static const char *const signatures[] = {"APIC", "FACP", "HPET", "MCFG", "SSDT", "XYZW"};
	uint8_t body[BODY_MAX], *bytes;
	struct acpi_mcfg entry;
	uint64_t rsdp;
	uint32_t claimed;

	firmware_reset();
	memset(&result, 0, sizeof(result));
	for (unsigned int i = fuzz_choose(6); i; i--) {
		const char *signature = signatures[fuzz_choose(6)];
		size_t length = fuzz_choose(BODY_MAX);
		uint64_t address;

		fuzz_fill(body, length);
		address = firmware_table(signature, body, length);
		if (fuzz_choose(4) == 3) {
			/* A length that is not the table's, with a checksum over what is there. */
			bytes = firmware_bytes(address);
			claimed = (uint32_t)fuzz_number(4);
			memcpy(bytes + 4, &claimed, 4);
			firmware_checksum(bytes, claimed < length + 36 ? claimed : length + 36, 9);
		}
		if (fuzz_choose(8) == 7)
			firmware_root_add(fuzz_number(8));
	}
	rsdp = firmware_root(fuzz_choose(2) ? "XSDT" : "RSDT");
	bytes = firmware_bytes(rsdp);
	for (unsigned int i = fuzz_choose(4); i; i--)
		bytes[fuzz_choose(36)] = fuzz_byte();
	if (fuzz_choose(2)) {
		firmware_checksum(bytes, 20, 8);
		firmware_checksum(bytes, 36, 32);
	}
	if (fuzz_choose(8) == 7) {
		struct host_region *bios = host_mmio_region(0xe0000, 0x20000, NULL, NULL);

		memcpy(bios->memory + 16 * fuzz_choose(0x1ffe), bytes, 32);
		rsdp = 0;
	}
	if (!acpi_init(rsdp))
		return;
	(void)madt_read(&result);
	(void)fadt_read(&result);
	(void)hpet_read(&result);
	for (unsigned int i = 0; acpi_mcfg_entry(i, &entry); i++)
		fuzz_check(i < BODY_MAX, "MCFG entries without end");
	pci_ecam_init();
	pci_ecam_forget();
	fuzz_check(result.cpu_count <= PLATFORM_CPUS_MAX, "%u CPUs", result.cpu_count);
}
