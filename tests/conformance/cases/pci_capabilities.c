/* SPDX-License-Identifier: BSD-2-Clause */
/* What configuration space says about the function and its structures (virtio 1.4, 4.1.2 and 4.1.4). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/function.h"

#define VENDOR 0x1af4u
#define ID_MODERN 0x1040u
#define ID_OFFSET 0x02u
#define REVISION_OFFSET 0x08u
#define HEADER_TYPE_OFFSET 0x0eu
#define SUBSYSTEM_OFFSET 0x2eu
#define BAR_RESERVED 6u

static bool is_transitional(struct conformance_target *t)
{
	return function_config(t, ID_OFFSET, 2) < ID_MODERN;
}

static uint32_t transitional_id(uint32_t device)
{
	static const uint32_t ids[] = {[DEVICE_NET] = 0x1000,
				       [DEVICE_BLOCK] = 0x1001,
				       [DEVICE_BALLOON] = 0x1002,
				       [DEVICE_CONSOLE] = 0x1003,
				       [DEVICE_ENTROPY] = 0x1005};

	return device < sizeof(ids) / sizeof(ids[0]) ? ids[device] : 0;
}

/* -- Who it is */

CASE(pci_vendor, OBEY, "the PCI vendor ID is 0x1af4", "DEV-PCI-DISC-02",
     .transports = TRANSPORTS_PCI)
{
	expect_equal(t, "vendor ID", function_config(t, 0, 2), VENDOR);
}

CASE(pci_device_id, OBEY,
     "the PCI device ID is 0x1040 and the device type, or the transitional ID of that type",
     "DEV-PCI-DISC-03", .transports = TRANSPORT_PCI)
{
	uint32_t id = function_config(t, ID_OFFSET, 2);

	if (id != transitional_id(t->device))
		expect_equal(t, "device ID", id, ID_MODERN + t->device);
}

CASE(pci_transitional_id, OBEY, "a function with a legacy interface has its type's transitional ID",
     "DEV-PCI-DISC-10", .transports = TRANSPORT_PCI_LEGACY)
{
	expect_equal(t, "device ID", function_config(t, ID_OFFSET, 2), transitional_id(t->device));
}

CASE(pci_modern_id, OBEY,
     "a function without legacy interface has a device ID from 0x1040 to 0x107f", "DEV-PCI-DISC-05",
     .transports = TRANSPORT_PCI, .should = true)
{
	struct function_bar bar = function_bar_probe(t, 0);

	if (bar.io && bar.size)
		skip(t, "BAR 0 is a legacy interface");
	expect_range(t, "device ID", function_config(t, ID_OFFSET, 2), 0x1040, 0x107f);
}

static void need_modern_only(struct conformance_target *t)
{
	if (is_transitional(t))
		skip(t, "the device is transitional");
}

CASE(pci_modern_revision, OBEY, "a device that is not transitional has revision 1 or higher",
     "DEV-PCI-DISC-06", .transports = TRANSPORT_PCI, .should = true)
{
	need_modern_only(t);
	expect_range(t, "revision ID", function_config(t, REVISION_OFFSET, 1), 1, 0xff);
}

CASE(pci_modern_subsystem, OBEY,
     "a device that is not transitional has a subsystem device ID of 0x40 or higher",
     "DEV-PCI-DISC-07", .transports = TRANSPORT_PCI, .should = true)
{
	need_modern_only(t);
	expect_range(t, "subsystem device ID", function_config(t, SUBSYSTEM_OFFSET, 2), 0x40,
		     0xffff);
}

CASE(pci_transitional_revision, OBEY, "a transitional device has revision 0", "DEV-PCI-DISC-08",
     .transports = TRANSPORT_PCI_LEGACY)
{
	expect_equal(t, "revision ID", function_config(t, REVISION_OFFSET, 1), 0);
}

CASE(pci_transitional_subsystem, OBEY,
     "the subsystem device ID of a transitional device is its device type", "DEV-PCI-DISC-09",
     .transports = TRANSPORT_PCI_LEGACY)
{
	expect_equal(t, "subsystem device ID", function_config(t, SUBSYSTEM_OFFSET, 2), t->device);
}

/* -- A function as PCI has it */

CASE(pci_header, OBEY, "the function has a header of type 0", "DEV-PCI-BUS-01",
     .transports = TRANSPORTS_PCI)
{
	expect_equal(t, "header type", function_config(t, HEADER_TYPE_OFFSET, 1) & 0x7f, 0);
}

CASE(pci_list, OBEY,
     "capabilities are a list that ends, each in its own bytes between header and end",
     "DEV-PCI-BUS-01", .transports = TRANSPORT_PCI)
{
	uint64_t heads = 0;
	unsigned int at = 0;

	expect_bits(t, "PCI status", function_config(t, PCI_STATUS_OFFSET, 2), 0x10, 0);
	while ((at = function_capability_next(t, at))) {
		expect(t, !(heads & FEATURE(at / 4)), "no capability comes twice");
		heads |= FEATURE(at / 4);
	}
}

CASE(pci_bars, OBEY,
     "each base address register has the size of a power of two, and keeps what is written",
     "DEV-PCI-BUS-01", .transports = TRANSPORTS_PCI)
{
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		uint32_t before = function_config(t, 0x10 + 4 * i, 4);
		struct function_bar bar = function_bar_probe(t, i);

		note(t, "BAR %u: 0x%llx bytes%s", i, (unsigned long long)bar.size,
		     bar.io ? ", I/O" : "");
		expect(t, !(bar.size & (bar.size - 1)), "the size of a BAR is a power of two");
		expect_equal(t, "BAR, written again", function_config(t, 0x10 + 4 * i, 4), before);
		i += bar.wide;
	}
}

CASE(pci_msix_table_inside, OBEY, "MSI-X table and pending bits lie inside their BARs",
     "DEV-PCI-BUS-01", .transports = TRANSPORTS_PCI, .vectors = 1)
{
	static const char *const names[] = {"end of the table", "end of the pending bits"};
	const uint32_t sizes[] = {16 * t->msix_count, (t->msix_count + 63) / 64 * 8};

	for (unsigned int i = 0; i < 2; i++) {
		uint32_t place = function_config(t, t->msix_capability + 4 + 4 * i, 4);

		expect_range(t, "BAR number", place & 7, 0, PCI_BARS - 1);
		expect_range(t, names[i], (place & ~7u) + sizes[i], 0,
			     function_bar_probe(t, place & 7).size);
	}
}

/* -- The virtio capabilities */

static struct function_structure structure(struct conformance_target *t, uint8_t type)
{
	struct function_structure found;

	if (!function_structure_next(t, type, 0, &found))
		fail(t, "the function has the capability", "none of cfg_type %u", type);
	return found;
}

#define PRESENT(name, type, what, clause)                                                          \
	CASE(pci_has_##name, OBEY, "the function has a capability for " what, clause,              \
	     .transports = TRANSPORT_PCI)                                                          \
	{                                                                                          \
		structure(t, type);                                                                \
	}

PRESENT(common, STRUCTURE_COMMON, "the common configuration", "DEV-PCI-COMMON-02")
PRESENT(notify, STRUCTURE_NOTIFY, "notifications", "DEV-PCI-NOTIFY-01")
PRESENT(isr, STRUCTURE_ISR, "the ISR status", "DEV-PCI-ISR-01")
PRESENT(window, STRUCTURE_PCI, "access through configuration space", "DEV-PCI-PCICFG-01")

CASE(pci_has_device, OBEY,
     "a device type with device-specific configuration has a capability for it",
     "DEV-PCI-DEVCFG-01", .transports = TRANSPORT_PCI,
     .devices = DEVICE(NET) | DEVICE(BLOCK) | DEVICE(CONSOLE) | DEVICE(BALLOON))
{
	struct function_structure found = structure(t, STRUCTURE_DEVICE);

	expect_range(t, "its length", found.size, 1, UINT32_MAX);
}

#define ALIGNED(name, type, alignment, what, clause)                                               \
	CASE(pci_aligned_##name, OBEY, "the offset of " what " is a multiple of " #alignment,      \
	     clause, .transports = TRANSPORT_PCI)                                                  \
	{                                                                                          \
		struct function_structure found = {0};                                             \
                                                                                                   \
		while (function_structure_next(t, type, found.at, &found))                         \
			expect_equal(t, "offset modulo " #alignment, found.offset % (alignment),   \
				     0);                                                           \
	}

ALIGNED(common, STRUCTURE_COMMON, 4, "the common configuration", "DEV-PCI-COMMON-01")
ALIGNED(device, STRUCTURE_DEVICE, 4, "the device-specific configuration", "DEV-PCI-DEVCFG-02")

static unsigned int least_length(unsigned int type)
{
	switch (type) {
	case STRUCTURE_NOTIFY:
	case STRUCTURE_PCI:
		return 20;
	case STRUCTURE_SHARED_MEMORY:
		return 24;
	case STRUCTURE_VENDOR:
		return 8;
	default:
		return 16;
	}
}

CASE(pci_capability_length, OBEY, "cap_len covers the structure of the capability's type",
     "DEV-PCI-CAP-04", .transports = TRANSPORT_PCI)
{
	struct function_structure found;

	for (unsigned int type = STRUCTURE_COMMON; type <= STRUCTURE_VENDOR; type++)
		for (found.at = 0; function_structure_next(t, (uint8_t)type, found.at, &found);) {
			note(t, "cfg_type %u at 0x%02x", type, found.at);
			expect_range(t, "cap_len", found.length, least_length(type), 0xff);
		}
}

CASE(pci_capability_overlap, OBEY,
     "no other capability begins inside the cap_len of a virtio capability", "DEV-PCI-CAP-04",
     .transports = TRANSPORT_PCI)
{
	unsigned int at = 0, other;

	while ((at = function_capability_next(t, at))) {
		unsigned int end;

		if (function_config(t, at, 1) != PCI_CAPABILITY_VENDOR)
			continue;
		end = at + function_config(t, at + 2, 1);
		expect_range(t, "end of the capability", end, at, 0x100);
		for (other = 0; (other = function_capability_next(t, other));)
			if (other > at && other < end)
				fail(t, "capabilities do not overlap",
				     "one at 0x%02x to 0x%02x, one at 0x%02x", at, end, other);
	}
}

#define INSIDE(name, type, what, clauses)                                                          \
	CASE(pci_inside_##name, OBEY, what " lies inside a BAR of the function", clauses,          \
	     .transports = TRANSPORT_PCI)                                                          \
	{                                                                                          \
		expect_inside(t, type);                                                            \
	}

static void expect_inside(struct conformance_target *t, uint8_t type)
{
	struct function_structure found;
	unsigned int count = 0;

	for (found.at = 0; function_structure_next(t, type, found.at, &found); count++) {
		/* 4.1.4: other values are reserved, and the driver passes over them. */
		if (found.bar >= BAR_RESERVED)
			continue;
		expect_range(t, "end of the structure", found.offset + found.size, 0,
			     function_bar_probe(t, found.bar).size);
	}
	if (!count)
		skip(t, "there is no such structure");
}

INSIDE(common, STRUCTURE_COMMON, "the common configuration", "-")
INSIDE(notify, STRUCTURE_NOTIFY, "the notification area", "-")
INSIDE(isr, STRUCTURE_ISR, "the ISR status", "-")
INSIDE(device, STRUCTURE_DEVICE, "the device-specific configuration", "-")
INSIDE(shared_memory, STRUCTURE_SHARED_MEMORY, "each shared memory region", "DEV-PCI-SHM-01")

CASE(pci_common_length, OBEY, "the common configuration has all the fields up to queue_device", "-",
     .transports = TRANSPORT_PCI)
{
	expect_range(t, "length", structure(t, STRUCTURE_COMMON).size, 0x38, UINT32_MAX);
}

CASE(pci_shared_memory_ids, OBEY, "no two shared memory regions have one id", "DEV-PCI-SHM-02",
     .transports = TRANSPORT_PCI)
{
	struct function_structure found;
	bool seen[256] = {false};

	if (!function_structure_next(t, STRUCTURE_SHARED_MEMORY, 0, &found))
		skip(t, "there is no shared memory region");
	do {
		note(t, "id %u", found.id);
		expect(t, !seen[found.id], "the id was not seen before");
		seen[found.id] = true;
	} while (function_structure_next(t, STRUCTURE_SHARED_MEMORY, found.at, &found));
}

/* -- Vendor data (4.1.4.8) */

static struct function_structure vendor_data(struct conformance_target *t)
{
	struct function_structure found;

	if (!function_structure_next(t, STRUCTURE_VENDOR, 0, &found))
		skip(t, "there is no vendor data");
	return found;
}

CASE(pci_vendor_data_id, OBEY, "vendor data is not under the vendor ID of virtio",
     "DEV-PCI-VENDOR-02", .transports = TRANSPORT_PCI)
{
	struct function_structure found = vendor_data(t);

	expect(t, function_config(t, found.at + 4, 2) != VENDOR, "vendor_id is not 0x1af4");
}

CASE(pci_vendor_data_length, OBEY, "the size of vendor data is a multiple of 4",
     "DEV-PCI-VENDOR-03", .transports = TRANSPORT_PCI)
{
	expect_equal(t, "cap_len modulo 4", vendor_data(t).length % 4, 0);
}

CASE(pci_vendor_data_reads, OBEY, "reading vendor data changes nothing",
     "DEV-PCI-VENDOR-01 DEV-PCI-VENDOR-04", .transports = TRANSPORT_PCI)
{
	struct function_structure found = vendor_data(t);

	session_open(t);
	for (unsigned int i = 4; i < found.length; i++)
		expect_equal(t, "a byte of it, read again", function_config(t, found.at + i, 1),
			     function_config(t, found.at + i, 1));
	request_once(t, 0);
}
