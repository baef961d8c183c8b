/* SPDX-License-Identifier: BSD-2-Clause */
/* `lspci`: the lines as pciutils prints them, filters, and usage. */
#include "drivers/pci/internal.h"
#include "kernel/platform.h"
#include "kernel/shell/command.h"
#include "tests/device/host.h"
#include "tests/device/pci_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <string.h>

static struct pci_model net, unknown;
static struct boot_info boot;

static int set_up(void **state)
{
	static const uint8_t power[6] = {3};
	static const uint8_t notify[18] = {20, 2, 4, 0, 0, 0, 0, 0x30, 0, 0, 0, 0x10, 0, 0, 4};

	(void)state;
	host_reset();
	platform_init(&boot);
	pci_model_reset();
	pci_model_init(&unknown, 4, 0x4321, 0x8765);
	unknown.config[0x0b] = 0xff;
	unknown.config[0x3d] = 0;
	pci_model_set16(&unknown, PCI_STATUS, 0);
	pci_model_init(&net, 3, 0x1af4, 0x1000);
	net.config[PCI_REVISION] = 0;
	pci_model_set16(&net, 0x2e, 0x0001);
	pci_model_bar(&net, 4, 0x800000000, 0x4000, true, NULL, NULL);
	pci_model_capability(&net, PCI_CAPABILITY_POWER, power, 8);
	pci_model_capability(&net, PCI_CAPABILITY_VENDOR, notify, 20);
	pci_model_msix(&net, 1, 0xfebc0000, 4);
	net.config[PCI_COMMAND] = 6;
	pci_enumerate(0, 0, 0);
	host_command_clear();
	return 0;
}

static enum command_result run(unsigned int argc, const char *first, const char *second)
{
	char words[2][32], *argv[] = {"lspci", words[0], words[1], NULL};

	strcpy(words[0], first);
	strcpy(words[1], second);
	host_command_clear();
	TABLE_FOREACH (commands, struct command, command)
		if (!strcmp(command->name, "lspci"))
			return command->run((int)argc, argv);
	fail();
	return COMMAND_FAILED;
}

static void one_line_each(void **state)
{
	(void)state;
	assert_int_equal(run(1, "", ""), COMMAND_OK);
	assert_string_equal(host_command_output(),
			    "00:03.0 Ethernet controller: Red Hat, Inc. Virtio network device\n"
			    "00:04.0 Unassigned class [ff00]: Device 4321:8765 (rev 01)\n");
	run(2, "-nn", "");
	assert_string_equal(
		host_command_output(),
		"00:03.0 Ethernet controller [0200]: Red Hat, Inc. Virtio network device [1af4:1000]\n"
		"00:04.0 Unassigned class [ff00]: Device [4321:8765] (rev 01)\n");
	run(2, "-n", "");
	assert_string_equal(host_command_output(), "00:03.0 0200: 1af4:1000\n"
						   "00:04.0 ff00: 4321:8765 (rev 01)\n");
}

static void with_flags_and_capabilities(void **state)
{
	(void)state;
	assert_int_equal(run(3, "-vs", "3"), COMMAND_OK);
	assert_string_equal(host_command_output(),
			    "00:03.0 Ethernet controller: Red Hat, Inc. Virtio network device\n"
			    "\tSubsystem: Red Hat, Inc. Device 0001\n"
			    "\tFlags: bus master, fast devsel, latency 0, IRQ 11\n"
			    "\tMemory at febc0000 (32-bit, non-prefetchable) [size=4K]\n"
			    "\tMemory at 800000000 (64-bit, non-prefetchable) [size=16K]\n"
			    "\tCapabilities: [40] Power Management version 3\n"
			    "\tCapabilities: [48] Vendor Specific Information: VirtIO: Notify\n"
			    "\tCapabilities: [5c] MSI-X: Enable- Count=4 Masked-\n"
			    "\n");
}

static void with_everything(void **state)
{
	(void)state;
	assert_int_equal(run(3, "-vv", "-s3.0"), COMMAND_OK);
	assert_string_equal(
		host_command_output(),
		"00:03.0 Ethernet controller: Red Hat, Inc. Virtio network device\n"
		"\tSubsystem: Red Hat, Inc. Device 0001\n"
		"\tControl: I/O- Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR- "
		"FastB2B- DisINTx-\n"
		"\tStatus: Cap+ 66MHz- UDF- FastB2B- ParErr- DEVSEL=fast >TAbort- <TAbort- <MAbort- >SERR- "
		"<PERR- INTx-\n"
		"\tLatency: 0\n"
		"\tInterrupt: pin A routed to IRQ 11\n"
		"\tRegion 1: Memory at febc0000 (32-bit, non-prefetchable) [size=4K]\n"
		"\tRegion 4: Memory at 800000000 (64-bit, non-prefetchable) [size=16K]\n"
		"\tCapabilities: [40] Power Management version 3\n"
		"\t\tFlags: PMEClk- DSI- D1- D2- AuxCurrent=0mA PME(D0-,D1-,D2-,D3hot-,D3cold-)\n"
		"\t\tStatus: D0 NoSoftRst- PME-Enable- DSel=0 DScale=0 PME-\n"
		"\tCapabilities: [48] Vendor Specific Information: VirtIO: Notify\n"
		"\t\tBAR=4 offset=00003000 size=00001000 multiplier=00000004\n"
		"\tCapabilities: [5c] MSI-X: Enable- Count=4 Masked-\n"
		"\t\tVector table: BAR=1 offset=00000000\n"
		"\t\tPBA: BAR=1 offset=00000800\n"
		"\n");
}

static void dumps(void **state)
{
	static const char head[] = "00:04.0 ff00: 4321:8765 (rev 01)\n"
				   "00: 21 43 65 87 00 00 00 00 01 00 00 ff 00 00 00 00\n";
	static const unsigned int lines[] = {0, 1 + 4 + 1, 1 + 4 + 1, 1 + 16 + 1, 1 + 16 + 1};
	char options[8] = "-n";

	(void)state;
	for (unsigned int i = 1; i < sizeof(lines) / sizeof(lines[0]); i++) {
		unsigned int count = 0;

		strcat(options, "x");
		assert_int_equal(run(3, options, "-s4"), COMMAND_OK);
		assert_memory_equal(host_command_output(), head, sizeof(head) - 1);
		for (const char *c = host_command_output(); *c; c++)
			count += *c == '\n';
		assert_int_equal(count, lines[i]);
	}
}

static void filters(void **state)
{
	static const struct {
		const char *filter;
		unsigned int lines;
	} cases[] = {{"3", 1},	   {"03.0", 1}, {"0:", 2},	{"0:4", 1},	{".0", 2},
		     {"*:*.1", 0}, {"1:", 0},	{"0:0:4.0", 1}, {"1:0:4.0", 0}, {":4", 1}};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int lines = 0;

		assert_int_equal(run(3, "-s", cases[i].filter), COMMAND_OK);
		for (const char *c = host_command_output(); *c; c++)
			lines += *c == '\n';
		assert_int_equal(lines, cases[i].lines);
	}
}

static void usage(void **state)
{
	static const char *const wrong[] = {"x",       "-",	"-y",  "-s",	    "-s20",
					    "-s100:1", "-s1.8", "-sg", "-s0:0:0:0", "-s3x"};

	(void)state;
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(run(2, wrong[i], ""), COMMAND_USAGE);
	assert_string_equal(host_command_output(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_line_each, set_up),
		cmocka_unit_test_setup(with_flags_and_capabilities, set_up),
		cmocka_unit_test_setup(with_everything, set_up),
		cmocka_unit_test_setup(dumps, set_up),
		cmocka_unit_test_setup(filters, set_up),
		cmocka_unit_test_setup(usage, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
