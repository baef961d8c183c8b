/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The capabilities that `lspci -v` and `-vv` know, in the words of pciutils; PCI's facts; and which interrupt
 * a pin is, by the chipset's registers. The functions lie in configuration space as ECAM shows it.
 */
#include "drivers/pci/internal.h"
#include "drivers/pci/msix.h"
#include "drivers/platform/acpi.h"
#include "kernel/facts/facts.h"
#include "kernel/platform.h"
#include "kernel/shell/command.h"
#include "tests/device/firmware_model.h"
#include "tests/device/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <string.h>

#define ECAM 0xb0000000u
#define BUS_SIZE 0x100000u
#define SPACE 4096u

static struct host_region *bus;
static struct boot_info boot;

static uint64_t read_bus(void *context, uint64_t offset, unsigned int width)
{
	uint64_t value = 0;

	(void)context;
	memcpy(&value, bus->memory + offset, width);
	return value;
}

/* Registers keep what they are, but for the command register and the addresses in BARs. */
static void write_bus(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	static const uint32_t sizes[] = {0xffffffe0, 0xfffff000, 0xffffc000, 0xffffffff};
	unsigned int place = offset % SPACE, bar = (place - 0x10) / 4;
	uint32_t old;

	(void)context;
	if (place == PCI_ROM) {
		memcpy(&old, bus->memory + offset, 4);
		old = old ? (uint32_t)value & 0xffff0001 : 0;
		memcpy(bus->memory + offset, &old, 4);
	} else if (place == PCI_COMMAND) {
		memcpy(bus->memory + offset, &value, width);
	} else if (place >= 0x10 && bar < 4 && width == 4) {
		memcpy(&old, bus->memory + offset, 4);
		old = old ? (old & 0xf) | ((uint32_t)value & sizes[bar]) : 0;
		memcpy(bus->memory + offset, &old, 4);
	}
}

static const struct host_region_operations operations = {read_bus, write_bus};

static int set_up(void **state)
{
	uint8_t mcfg[8 + 16] = {0};
	const uint64_t address = ECAM;

	(void)state;
	host_reset();
	firmware_reset();
	pci_forget_functions();
	pci_access_forget();
	pci_ecam_forget();
	memset(&boot, 0, sizeof(boot));
	platform_init(&boot);
	bus = host_mmio_region(ECAM, BUS_SIZE, &operations, NULL);
	memset(bus->memory, 0xff, BUS_SIZE);
	memcpy(mcfg + 8, &address, sizeof(address));
	firmware_table("MCFG", mcfg, sizeof(mcfg));
	assert_true(acpi_init(firmware_root("XSDT")));
	return 0;
}

static uint8_t *function(unsigned int device, uint16_t vendor, uint16_t id)
{
	uint8_t *space = bus->memory + device * 8 * SPACE;

	memset(space, 0, SPACE);
	memcpy(space, &vendor, 2);
	memcpy(space + 2, &id, 2);
	memcpy(space + 0x2c, &vendor, 2);
	return space;
}

/* Appends a capability; the first one is at 0x40. */
static void capability(uint8_t *space, const uint8_t *bytes, unsigned int length)
{
	unsigned int link = 0x34, place = 0x40;

	space[PCI_STATUS] |= 0x10;
	while (space[link]) {
		place = space[link];
		link = place + 1;
		place += 0x20;
	}
	space[link] = (uint8_t)place;
	memcpy(space + place, bytes, length);
	space[place + 1] = 0;
}

static void find(void)
{
	pci_ecam_init();
	pci_enumerate(0, 0, 0);
}

static const char *lspci(const char *options, const char *filter)
{
	char words[3][16] = {"lspci"}, *argv[] = {words[0], words[1], words[2], NULL};

	strcpy(words[1], options);
	strcpy(words[2], filter);
	host_command_clear();
	TABLE_FOREACH (commands, struct command, command)
		if (!strcmp(command->name, "lspci"))
			assert_int_equal(command->run(3, argv), COMMAND_OK);
	return host_command_output();
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("%s\nhas no\n%s", text, part);
}

static void interrupts_and_power(void **state)
{
	static const uint8_t msi[] = {0x05, 0,	  0x86, 0x01, 0, 0x10, 0xe0, 0xfe, 1, 0, 0,
				      0,    0x41, 0,	0,    0, 3,    0,    0,	   0, 4};
	static const uint8_t plain[] = {0x05, 0, 0x01, 0, 0, 0, 0xe0, 0xfe, 0x31, 0};
	static const uint8_t power[] = {0x01, 0, 0xc3, 0xff, 0x0b, 0xe1};
	uint8_t *space = function(1, 0x1234, 0x1111);
	const char *text;

	(void)state;
	capability(space, msi, sizeof(msi));
	capability(space, plain, sizeof(plain));
	capability(space, power, sizeof(power));
	find();
	text = lspci("-vv", "-s1");
	has(text, "[40] MSI: Enable- Count=1/8 Maskable+ 64bit+\n"
		  "\t\tAddress: 00000001fee01000  Data: 0041\n"
		  "\t\tMasking: 00000003  Pending: 00000004\n");
	has(text, "[60] MSI: Enable+ Count=1/1 Maskable- 64bit-\n"
		  "\t\tAddress: fee00000  Data: 0031\n");
	has(text, "[80] Power Management version 3\n"
		  "\t\tFlags: PMEClk- DSI- D1+ D2+ AuxCurrent=375mA "
		  "PME(D0+,D1+,D2+,D3hot+,D3cold+)\n"
		  "\t\tStatus: D3 NoSoftRst+ PME-Enable+ DSel=0 DScale=3 PME+\n");
	text = lspci("-v", "-s1");
	has(text, "[40] MSI: Enable- Count=1/8 Maskable+ 64bit+\n"
		  "\tCapabilities: [60] MSI: Enable+ Count=1/1 Maskable- 64bit-\n"
		  "\tCapabilities: [80] Power Management version 3\n");
}

static void smaller_ones(void **state)
{
	static const uint8_t slots[] = {0x04, 0, 0x25, 7}, vpd[] = {0x03, 0, 0, 0},
			     hotplug[] = {0x0c, 0}, features[] = {0x13, 0},
			     sata[] = {0x12, 0, 0x10, 0, 0x48, 0, 0, 0},
			     subsystem[] = {0x0d, 0, 0, 0, 0xf4, 0x1a, 0x00, 0x11},
			     vendor[] = {0x09, 0, 0x08, 1}, other[] = {0x0a, 0, 0x34, 0x12};
	uint8_t *space = function(2, 0x1234, 0x1111);
	const char *text;

	(void)state;
	capability(space, slots, sizeof(slots));
	capability(space, vpd, sizeof(vpd));
	capability(space, hotplug, sizeof(hotplug));
	capability(space, features, sizeof(features));
	capability(space, sata, sizeof(sata));
	find();
	text = lspci("-vv", "-s2");
	has(text, "[40] Slot ID: 5 slots, First+, chassis 07\n"
		  "\tCapabilities: [60] Vital Product Data\n"
		  "\tCapabilities: [80] Hot-plug capable\n"
		  "\tCapabilities: [a0] PCI Advanced Features\n"
		  "\tCapabilities: [c0] SATA HBA v1.0 BAR4 Offset=00000004\n");
	set_up(state);
	space = function(2, 0x1234, 0x1111);
	capability(space, subsystem, sizeof(subsystem));
	capability(space, vendor, sizeof(vendor));
	capability(space, other, sizeof(other));
	capability(space, (const uint8_t[]){0, 0}, 2);
	find();
	text = lspci("-v", "-s2");
	has(text, "[40] Subsystem: Red Hat, Inc. ");
	has(text, "[60] Vendor Specific Information: Len=08 <?>\n");
	has(text, "[80] Capability ID 0xa [1234]\n");
	has(text, "[a0] Null\n");
}

static void virtio_structures(void **state)
{
	static const uint8_t common[] = {0x09, 0, 16, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0x38, 0, 0, 0},
			     window[] = {0x09, 0, 20, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	uint8_t *space = function(2, 0x1af4, 0x1041);
	const char *text;

	(void)state;
	capability(space, common, sizeof(common));
	capability(space, window, sizeof(window));
	find();
	text = lspci("-vv", "-s2");
	has(text, "[40] Vendor Specific Information: VirtIO: CommonCfg\n"
		  "\t\tBAR=4 offset=00000000 size=00000038\n");
	has(text, "[60] Vendor Specific Information: VirtIO: <unknown>\n"
		  "\t\tBAR=0 offset=00000000 size=00000000\n");
}

static void express(void **state)
{
	static const struct {
		uint8_t type, link_is, link_could;
		const char *first, *link;
	} cases[] = {
		{0, 0x11, 0x11, "Express (v2) Endpoint, MSI 01\n", "Speed 2.5GT/s, Width x1\n"},
		{1, 0x11, 0x42, "Express (v2) Legacy Endpoint, MSI 01\n",
		 "Speed 2.5GT/s (downgraded), Width x1 (downgraded)\n"},
		{4, 0x11, 0x42, "Express (v2) Root Port (Slot+), MSI 01\n",
		 "Speed 2.5GT/s, Width x1\n"},
		{5, 0x42, 0x11, "Express (v2) Upstream Port, MSI 01\n",
		 "Speed 5GT/s (overdriven), Width x4 (overdriven)\n"},
		{6, 0x1f, 0x1f, "Express (v2) Downstream Port (Slot+), MSI 01\n",
		 "Speed unknown, Width x1\n"},
		{9, 0, 0, "Express (v2) Root Complex Integrated Endpoint, MSI 01\n", NULL},
		{2, 0x11, 0x11, "Express (v2) Unknown type 2, MSI 01\n", "Width x1\n"},
		{15, 0x11, 0x11, "Express (v2) Unknown type 15, MSI 01\n", "Width x1\n"},
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[20] = {0x10, 0, 0, 3, 0xc1, 0x01};
		const char *text;

		set_up(state);
		bytes[2] = (uint8_t)(cases[i].type << 4 | 2);
		bytes[0x0c] = cases[i].link_could;
		bytes[0x12] = cases[i].link_is;
		bytes[0x13] = 0x30;
		capability(function(2, 0x1234, 0x1111), bytes, sizeof(bytes));
		find();
		text = lspci("-vv", "-s2");
		has(text, cases[i].first);
		has(text, "MaxPayload 256 bytes, PhantFunc 0");
		if (cases[i].type < 2)
			has(text, ", Latency L0s unlimited, L1 <1us\n");
		if (cases[i].link) {
			has(text, cases[i].link);
			has(text, "SlotClk+ DLActive+ ");
		} else {
			assert_null(strstr(text, "LnkSta"));
		}
		assert_non_null(strstr(lspci("-v", "-s2"), "Capabilities: [40] Express "));
		assert_null(strstr(lspci("-v", "-s2"), "DevCap"));
	}
}

static void extended(void **state)
{
	static const uint8_t express_bytes[] = {0x10, 0, 2, 0};
	static const uint32_t list[] = {0x14010001, 0, 0, 0, 0, 0x12010003, 0x11223344, 0x55667788};
	uint8_t *space = function(2, 0x1234, 0x1111);
	const uint32_t unknown = 0x00010777;

	(void)state;
	capability(space, express_bytes, sizeof(express_bytes));
	memcpy(space + 0x100, list, 4);
	memcpy(space + 0x140, &list[5], 12);
	memcpy(space + 0x120, &unknown, 4);
	space[0x142] = 0x01;
	space[0x143] = 0x12;
	find();
	has(lspci("-v", "-s2"), "[100] Advanced Error Reporting\n"
				"\tCapabilities: [140] Device Serial Number "
				"55-66-77-88-11-22-33-44\n"
				"\tCapabilities: [120] Extended Capability ID 0x777\n");
	has(lspci("-vv", "-s2"), "[100 v1] Advanced Error Reporting\n");
}

static int collect(void *context, const char *text, size_t length)
{
	char *all = context;

	assert_true(strlen(all) + length < 8192);
	strncat(all, text, length);
	return 0;
}

static void facts(void **state)
{
	static const uint8_t msi[] = {0x05, 0, 0x07, 0}, msix[] = {0x11, 0, 0x03, 0xc0, 1};
	static char text[8192];
	uint8_t *space = function(2, 0x1af4, 0x1041);
	const uint32_t bars[] = {0xc001, 0xfebc0000, 0xfe00000c, 8};

	(void)state;
	memcpy(space + 0x10, bars, sizeof(bars));
	space[0x0b] = 2;
	capability(space, msi, sizeof(msi));
	capability(space, msix, sizeof(msix));
	function(3, 0x9999, 0x1111)[0x0b] = 0x77;
	find();
	text[0] = '\0';
	TABLE_FOREACH (facts, struct facts_section, section)
		if (!strcmp(section->name, "pci"))
			assert_int_equal(facts_print_text(section->describe, collect, text), 0);
	has(text, "00:02.0");
	has(text, "1af4:1041");
	has(text, "Ethernet controller");
	has(text, "ports");
	has(text, "memory 32-bit");
	has(text, "memory 64-bit");
	has(text, "size: 4 KiB");
	has(text, "unknown");
}

/* A bridge with its windows, and a function with a ROM, grants and addresses that are switched off. */
static void bridges_and_roms(void **state)
{
	static const uint8_t subsystem[] = {0x0d, 0, 0, 0, 0xf4, 0x1a, 0x00, 0x11};
	static const uint8_t header[] = {0,    1,    1,	   0,
					 0x11, 0x21, 0,	   0,	  /* buses, ports 1000 to 2fff */
					 0x00, 0xe0, 0x10, 0xe0,  /* e0000000 to e01fffff */
					 0x01, 0xd0, 0x01, 0xd0}; /* 64-bit, d0000000 to d00fffff */
	const uint32_t rom = 0xfeb00000, bar = 0xfea00000;
	uint8_t *bridge = function(1, 0x1b36, 0x000c), *space = function(2, 0x1234, 0x1111);
	const char *text;

	(void)state;
	bridge[0x0b] = 6;
	bridge[0x0a] = 4;
	bridge[0x0e] = 1;
	memset(bridge + 0x28, 0, 8); /* no subsystem there: the upper halves of the window */
	memcpy(bridge + 0x18, header, sizeof(header));
	bridge[0x3e] = 0x03;
	capability(bridge, subsystem, sizeof(subsystem));
	space[0x04] = 4; /* bus master */
	space[0x09] = 0x30;
	space[0x0a] = 3;
	space[0x0b] = 0x0c;
	space[0x0c] = 16;
	space[0x3e] = 2;
	space[0x3f] = 4;
	memcpy(space + 0x10, "\1\300\0\0", 4);
	memcpy(space + 0x14, &bar, 4);
	memcpy(space + 0x30, &rom, 4);
	find();
	text = lspci("-vv", "-s1");
	has(text, "Bus: primary=00, secondary=01, subordinate=01, sec-latency=0\n");
	has(text, "I/O behind bridge: 00001000-00002fff [size=8K] [32-bit]\n");
	has(text, "Memory behind bridge: e0000000-e01fffff [size=2M] [32-bit]\n");
	has(text, "Prefetchable memory behind bridge: 00000000d0000000-00000000d00fffff "
		  "[size=1M] [64-bit]\n");
	has(text, "\tBridgeCtl: Parity+ SERR+ NoISA- ");
	has(text, "\tSubsystem: Red Hat, Inc. ");
	text = lspci("-vv", "-s2");
	has(text, " (prog-if 30 [XHCI])\n");
	has(text, "\tLatency: 0 (500ns min, 1000ns max), Cache Line Size: 64 bytes\n");
	has(text, "Region 0: I/O ports at c000 [disabled] [size=32]\n");
	has(text, "Region 1: Memory at fea00000 (32-bit, non-prefetchable) [disabled] [size=4K]\n");
	has(text, "\tExpansion ROM at feb00000 [disabled] [size=64K]\n");
	has(lspci("-v", "-s1"), "\tBus: primary=00, ");
}

static unsigned int roots;

static void a_root(uint16_t segment, uint8_t bus_number, uint8_t last)
{
	assert_int_equal(segment, 0);
	roots += bus_number == 0 && last == UINT8_MAX;
}

static void without_host_bridges_bus_0_is_the_root(void **state)
{
	(void)state;
	roots = 0;
	pci_roots_each(a_root);
	assert_int_equal(roots, 1);
}

/* The registers by which QEMU's chipsets route a pin to an ISA interrupt. */
static void lines_by_the_chipset(void **state)
{
	static const struct {
		uint16_t chipset;
		uint8_t device, pin, place;
	} cases[] = {
		{0x7000, 3, 1, 0x60 + 2}, {0x7110, 4, 2, 0x60 + 0}, {0x2918, 3, 1, 0x68 + 3},
		{0x2918, 31, 2, 0x61},	  {0x2918, 30, 1, 0x68},
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct interrupt_line line = {.gsi = 0};
		const struct pci_function *found;
		uint8_t *chipset, *space;

		set_up(state);
		chipset = function(1, 0x8086, cases[i].chipset);
		chipset[0x2c] = 0xf4;
		chipset[0x2d] = 0x1a;
		chipset[cases[i].place] = 10;
		space = function(cases[i].device, 0x1234, 0x1111);
		space[0x3c] = 5; /* firmware says another */
		space[0x3d] = cases[i].pin;
		find();
		found = pci_first()->next;
		assert_non_null(found);
		assert_int_equal(pci_interrupt_line(found, &line), 0);
		assert_int_equal(line.gsi, 10);
		/* Switched off, or no ISA interrupt: then firmware's word is all there is. */
		chipset[cases[i].place] = 0x80;
		assert_int_equal(pci_interrupt_line(found, &line), 0);
		assert_int_equal(line.gsi, 5);
	}
}

static void lines_that_lead_nowhere(void **state)
{
	struct interrupt_line line;
	uint8_t *space = function(3, 0x1234, 0x1111);

	(void)state;
	space[0x3d] = 1;
	space[0x3c] = 0xff;
	function(4, 0x1234, 0x1111);
	find();
	assert_non_null(pci_first());
	assert_true(pci_interrupt_line(pci_first(), &line) < 0);
	assert_non_null(pci_first()->next);
	assert_true(pci_interrupt_line(pci_first()->next, &line) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(interrupts_and_power, set_up),
		cmocka_unit_test_setup(smaller_ones, set_up),
		cmocka_unit_test_setup(virtio_structures, set_up),
		cmocka_unit_test(express),
		cmocka_unit_test_setup(extended, set_up),
		cmocka_unit_test_setup(facts, set_up),
		cmocka_unit_test_setup(bridges_and_roms, set_up),
		cmocka_unit_test_setup(without_host_bridges_bus_0_is_the_root, set_up),
		cmocka_unit_test(lines_by_the_chipset),
		cmocka_unit_test_setup(lines_that_lead_nowhere, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
