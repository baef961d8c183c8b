/* SPDX-License-Identifier: BSD-2-Clause */
/* `lspci`: the functions in the format of pciutils 3.9, so that people and scripts can read it. */
#include "drivers/pci/internal.h"
#include "drivers/pci/msix.h"
#include "kernel/cold/cold.h"
#include "kernel/shell/command.h"

#include <inttypes.h>
#include <string.h>

struct view {
	bool names, numbers; /* default: names; -n: numbers; -nn: both */
	unsigned int verbose;
	unsigned int dump; /* -x: the header; -xxx: 256 bytes; -xxxx: all */
	bool segments;	   /* shown when there is more than segment 0 */
	/* -s; -1: any */
	int segment, bus, device, function;
};

static char flag(uint32_t value, uint32_t bit)
{
	return value & bit ? '+' : '-';
}

void lspci_print_device(uint16_t vendor_id, uint16_t device_id, bool names, bool numbers)
{
	const char *vendor = pci_vendor_name(vendor_id);
	const char *device = pci_device_name(vendor_id, device_id);

	if (!names)
		command_print("%04x:%04x", vendor_id, device_id);
	else if (numbers)
		command_print("%s%s%s [%04x:%04x]", vendor ? vendor : "", vendor ? " " : "",
			      device ? device : "Device", vendor_id, device_id);
	else if (vendor && device)
		command_print("%s %s", vendor, device);
	else if (vendor)
		command_print("%s Device %04x", vendor, device_id);
	else
		command_print("Device %04x:%04x", vendor_id, device_id);
}

void lspci_print_subsystem(uint16_t vendor_id, uint16_t id, bool names, bool numbers)
{
	const char *vendor = pci_vendor_name(vendor_id);

	/* Names of subsystems are another list than those of devices; this one is common. */
	if (!names || !vendor || (vendor_id == 0x1af4 && id == 0x1100))
		lspci_print_device(vendor_id, id, names, numbers);
	else if (numbers)
		command_print("%s Device [%04x:%04x]", vendor, vendor_id, id);
	else
		command_print("%s Device %04x", vendor, id);
}

static void print_class(const struct pci_function *function, const struct view *view)
{
	unsigned int number = (unsigned int)function->class_code << 8 | function->subclass;
	const char *name = pci_class_name(function->class_code, function->subclass);
	const char *base = pci_base_class_name(function->class_code);

	if (!view->names)
		command_print("%04x", number);
	else if (name && !view->numbers)
		command_print("%s", name);
	else if (name || base)
		command_print("%s [%04x]", name ? name : base, number);
	else
		command_print(view->numbers ? "Class [%04x]" : "Class %04x", number);
}

static void print_summary(const struct pci_function *function, const struct view *view)
{
	const char *interface = pci_interface_name(function->class_code, function->subclass,
						   function->programming_interface);

	if (view->segments)
		command_print("%04x:", function->address.segment);
	command_print("%02x:%02x.%x ", function->address.bus, function->address.device,
		      function->address.function);
	print_class(function, view);
	command_print(": ");
	lspci_print_device(function->vendor_id, function->device_id, view->names, view->numbers);
	if (function->revision)
		command_print(" (rev %02x)", function->revision);
	if (view->verbose && (function->programming_interface || interface)) {
		command_print(" (prog-if %02x", function->programming_interface);
		if (interface)
			command_print(" [%s]", interface);
		command_print(")");
	}
	command_print("\n");
}

/* Bridges have theirs in a capability (PCI-to-PCI Bridge 1.2, 3.2.5.13). */
static void print_subsystem(const struct pci_function *function, const struct view *view)
{
	uint16_t vendor_id = function->subsystem_vendor_id, id = function->subsystem_id;
	unsigned int capability = 0;

	if (function->header_type == PCI_HEADER_BRIDGE)
		capability = pci_capability_find(function, PCI_CAPABILITY_SUBSYSTEM, 0);
	if (capability) {
		vendor_id = pci_read16(function, capability + 4);
		id = pci_read16(function, capability + 6);
	}
	if (!vendor_id || vendor_id == 0xffff)
		return;
	command_print("\tSubsystem: ");
	lspci_print_subsystem(vendor_id, id, view->names, view->numbers);
	command_print("\n");
}

static const char *select_timing(uint16_t status)
{
	static const char *const timings[] = {"fast", "medium", "slow", "??"};

	return timings[status >> 9 & 3];
}

/* The number of the interrupt that INTx would be, or 0. */
static unsigned int line_number(const struct pci_function *function)
{
	struct interrupt_line line;

	if (pci_interrupt_line(function, &line))
		return function->interrupt_pin && function->interrupt_line != 0xff
			       ? function->interrupt_line
			       : 0;
	return line.gsi;
}

static void print_latency(const struct pci_function *function)
{
	unsigned int minimum = 0, maximum = 0, line = pci_read8(function, PCI_CACHE_LINE);

	if (function->header_type == PCI_HEADER_NORMAL) {
		minimum = pci_read8(function, PCI_MINIMUM_GRANT);
		maximum = pci_read8(function, PCI_MAXIMUM_LATENCY);
	}
	command_print("\tLatency: %u", pci_read8(function, PCI_LATENCY_TIMER));
	if (minimum || maximum) {
		command_print(" (");
		if (minimum)
			command_print("%uns min", minimum * 250);
		if (minimum && maximum)
			command_print(", ");
		if (maximum)
			command_print("%uns max", maximum * 250);
		command_print(")");
	}
	if (line)
		command_print(", Cache Line Size: %u bytes", line * 4);
	command_print("\n");
}

static void print_control(const struct pci_function *function, uint16_t command, uint16_t status)
{
	command_print(
		"\tControl: I/O%c Mem%c BusMaster%c SpecCycle%c MemWINV%c VGASnoop%c ParErr%c "
		"Stepping%c SERR%c FastB2B%c DisINTx%c\n",
		flag(command, 1), flag(command, 2), flag(command, 4), flag(command, 8),
		flag(command, 0x10), flag(command, 0x20), flag(command, 0x40), flag(command, 0x80),
		flag(command, 0x100), flag(command, 0x200), flag(command, 0x400));
	command_print(
		"\tStatus: Cap%c 66MHz%c UDF%c FastB2B%c ParErr%c DEVSEL=%s >TAbort%c <TAbort%c "
		"<MAbort%c >SERR%c <PERR%c INTx%c\n",
		flag(status, 0x10), flag(status, 0x20), flag(status, 0x40), flag(status, 0x80),
		flag(status, 0x100), select_timing(status), flag(status, 0x800),
		flag(status, 0x1000), flag(status, 0x2000), flag(status, 0x4000),
		flag(status, 0x8000), flag(status, 8));
	if (command & PCI_COMMAND_MASTER)
		print_latency(function);
	if (function->interrupt_pin || line_number(function))
		command_print("\tInterrupt: pin %c routed to IRQ %u\n",
			      function->interrupt_pin ? 'A' + function->interrupt_pin - 1 : '?',
			      line_number(function));
}

static void print_flags(const struct pci_function *function, uint16_t command, uint16_t status)
{
	command_print("\tFlags: %s%s%s%s%s devsel",
		      command & PCI_COMMAND_MASTER ? "bus master, " : "",
		      command & 0x200 ? "fast Back2Back, " : "", status & 0x20 ? "66MHz, " : "",
		      status & 0x40 ? "user-definable features, " : "", select_timing(status));
	if (command & PCI_COMMAND_MASTER)
		command_print(", latency %u", pci_read8(function, PCI_LATENCY_TIMER));
	if (line_number(function))
		command_print(", IRQ %u", line_number(function));
	command_print("\n");
}

static void print_size(uint64_t size)
{
	static const char suffixes[][2] = {"", "K", "M", "G", "T"};
	unsigned int suffix = 0;

	if (!size)
		return;
	for (; suffix < 4 && size % 1024 == 0; suffix++)
		size /= 1024;
	command_print(" [size=%" PRIu64 "%s]", size, suffixes[suffix]);
}

static void print_bars(const struct pci_function *function, uint16_t command, unsigned int verbose)
{
	for (unsigned int i = 0; i < PCI_BARS_MAX; i++) {
		const struct pci_bar *bar = &function->bars[i];
		bool memory = pci_bar_is_memory(bar);

		if (bar->type != PCI_BAR_IO && !memory)
			continue;
		command_print("\t");
		if (verbose > 1)
			command_print("Region %u: ", i);
		command_print(memory ? "Memory at " : "I/O ports at ");
		if (!bar->address && !(command & (memory ? PCI_COMMAND_MEMORY : PCI_COMMAND_IO)))
			command_print("<unassigned>");
		else
			command_print(memory ? "%08" PRIx64 : "%04" PRIx64, bar->address);
		if (memory)
			command_print(" (%s, %sprefetchable)",
				      bar->type == PCI_BAR_MEMORY64 ? "64-bit" : "32-bit",
				      bar->prefetchable ? "" : "non-");
		if (!(command & (memory ? PCI_COMMAND_MEMORY : PCI_COMMAND_IO)))
			command_print(" [disabled]");
		print_size(bar->size);
		command_print("\n");
	}
}

static void print_rom(const struct pci_function *function, uint16_t command)
{
	uint32_t value;

	if (!function->rom_size)
		return;
	value = pci_read32(function,
			   function->header_type == PCI_HEADER_BRIDGE ? PCI_BRIDGE_ROM : PCI_ROM);
	if (value & PCI_ROM_ADDRESS)
		command_print("\tExpansion ROM at %08" PRIx32, value & PCI_ROM_ADDRESS);
	else
		command_print("\tExpansion ROM at <unassigned>");
	if (!(value & PCI_ROM_ENABLE))
		command_print(" [disabled]");
	else if (!(command & PCI_COMMAND_MEMORY))
		command_print(" [disabled by cmd]");
	print_size(function->rom_size);
	command_print("\n");
}

static void print_window(const struct pci_function *bridge, enum pci_bridge_window kind)
{
	static const char *const names[] = {"I/O", "Memory", "Prefetchable memory"};
	uint64_t start, length;
	unsigned int bits = kind == PCI_BRIDGE_IO ? 16 : 32;

	if (kind == PCI_BRIDGE_PREFETCH && (pci_read16(bridge, PCI_PREFETCH_BASE) & 0xf) == 1)
		bits = 64;
	if (kind == PCI_BRIDGE_IO && (pci_read8(bridge, PCI_IO_BASE) & 0xf) == 1)
		bits = 32;
	command_print("\t%s behind bridge: ", names[kind]);
	if (pci_bridge_window_read(bridge, kind, &start, &length)) {
		command_print("%0*" PRIx64 "-%0*" PRIx64, (int)bits / 4, start, (int)bits / 4,
			      start + length - 1);
		print_size(length);
	} else {
		command_print("[disabled]");
	}
	command_print(" [%u-bit]\n", bits);
}

static void print_bridge(const struct pci_function *bridge, unsigned int verbose)
{
	uint16_t status = pci_read16(bridge, PCI_SECONDARY_STATUS);
	uint16_t control = pci_read16(bridge, PCI_BRIDGE_CONTROL);

	command_print("\tBus: primary=%02x, secondary=%02x, subordinate=%02x, sec-latency=%u\n",
		      pci_read8(bridge, PCI_PRIMARY_BUS), pci_read8(bridge, PCI_SECONDARY_BUS),
		      pci_read8(bridge, PCI_SUBORDINATE_BUS),
		      pci_read8(bridge, PCI_SECONDARY_LATENCY));
	for (int kind = 0; kind < PCI_BRIDGE_WINDOWS; kind++)
		print_window(bridge, (enum pci_bridge_window)kind);
	if (verbose < 2)
		return;
	command_print(
		"\tSecondary status: 66MHz%c FastB2B%c ParErr%c DEVSEL=%s >TAbort%c <TAbort%c "
		"<MAbort%c <SERR%c <PERR%c\n",
		flag(status, 0x20), flag(status, 0x80), flag(status, 0x100), select_timing(status),
		flag(status, 0x800), flag(status, 0x1000), flag(status, 0x2000),
		flag(status, 0x4000), flag(status, 0x8000));
	command_print(
		"\tBridgeCtl: Parity%c SERR%c NoISA%c VGA%c VGA16%c MAbort%c >Reset%c FastB2B%c\n",
		flag(control, 1), flag(control, 2), flag(control, 4), flag(control, 8),
		flag(control, 0x10), flag(control, 0x20), flag(control, 0x40), flag(control, 0x80));
	command_print("\t\tPriDiscTmr%c SecDiscTmr%c DiscTmrStat%c DiscTmrSERREn%c\n",
		      flag(control, 0x100), flag(control, 0x200), flag(control, 0x400),
		      flag(control, 0x800));
}

/* What real lspci reads with -F. */
static void print_dump(const struct pci_function *function, unsigned int level)
{
	unsigned int size = PCI_CONFIG_HEADER_SIZE;

	if (level >= 3)
		size = level > 3 && function->extended_config ? PCI_CONFIG_SIZE_EXTENDED
							      : PCI_CONFIG_SIZE;
	for (unsigned int row = 0; row < size; row += 16) {
		command_print("%02x:", row);
		for (unsigned int i = 0; i < 16; i++)
			command_print(" %02x", pci_read8(function, row + i));
		command_print("\n");
	}
}

static void print_details(const struct pci_function *function, const struct view *view)
{
	uint16_t command = pci_read16(function, PCI_COMMAND);
	uint16_t status = pci_read16(function, PCI_STATUS);

	print_subsystem(function, view);
	if (view->verbose > 1)
		print_control(function, command, status);
	else
		print_flags(function, command, status);
	print_bars(function, command, view->verbose);
	if (function->header_type == PCI_HEADER_BRIDGE)
		print_bridge(function, view->verbose);
	print_rom(function, command);
	/* They are cold. */
	if (!cold_need((const void *)lspci_capabilities))
		lspci_capabilities(function, view->verbose > 1, view->names, view->numbers);
	if (function->driver)
		command_print("\tKernel driver in use: %s\n", function->driver->name);
}

static void print_function(const struct pci_function *function, const struct view *view)
{
	print_summary(function, view);
	if (view->verbose)
		print_details(function, view);
	if (view->dump)
		print_dump(function, view->dump);
	if (view->verbose || view->dump)
		command_print("\n");
}

/* A hexadecimal number, or "*" or nothing for any; `text` moves behind it. */
static bool filter_field(const char **text, unsigned int maximum, int *value)
{
	unsigned int digits = 0, number = 0;

	*value = -1;
	if (**text == '*') {
		(*text)++;
		return true;
	}
	for (; digits < 5; digits++, (*text)++) {
		char c = **text, lower = (char)(c | 0x20);

		if (c >= '0' && c <= '9')
			number = number << 4 | (unsigned int)(c - '0');
		else if (lower >= 'a' && lower <= 'f')
			number = number << 4 | (unsigned int)(lower - 'a' + 10);
		else
			break;
	}
	if (digits)
		*value = (int)number;
	return !digits || number <= maximum;
}

/* [[[[segment]:]bus]:][device][.[function]] */
static bool filter_parse(const char *text, struct view *view)
{
	int before = -1, first = -1, last;

	for (unsigned int colons = 0;; colons++) {
		if (!filter_field(&text, 0xffff, &last))
			return false;
		if (*text != ':')
			break;
		if (colons == 2)
			return false;
		text++;
		first = before;
		before = last;
	}
	view->segment = first;
	view->bus = before;
	view->device = last;
	if (*text == '.') {
		text++;
		if (!filter_field(&text, 7, &view->function))
			return false;
	}
	return !*text && view->bus <= 255 && view->device <= 31;
}

static bool shown(const struct view *view, const struct pci_function *function)
{
	const struct pci_address *address = &function->address;

	return (view->segment < 0 || view->segment == address->segment) &&
	       (view->bus < 0 || view->bus == address->bus) &&
	       (view->device < 0 || view->device == address->device) &&
	       (view->function < 0 || view->function == address->function);
}

static bool options_read(int argc, char **argv, struct view *view)
{
	unsigned int numbers = 0;

	for (int i = 1; i < argc; i++) {
		if (argv[i][0] != '-' || !argv[i][1])
			return false;
		for (const char *c = argv[i] + 1; *c; c++) {
			if (*c == 'n') {
				numbers++;
			} else if (*c == 'v') {
				view->verbose++;
			} else if (*c == 'x') {
				view->dump++;
			} else if (*c == 's') {
				const char *filter = c[1] ? c + 1 : i + 1 < argc ? argv[++i] : NULL;

				if (!filter || !filter_parse(filter, view))
					return false;
				break;
			} else {
				return false;
			}
		}
	}
	view->names = numbers != 1;
	view->numbers = numbers != 0;
	return true;
}

static enum command_result command_lspci(int argc, char **argv)
{
	struct view view = {.segment = -1, .bus = -1, .device = -1, .function = -1};

	if (!options_read(argc, argv, &view))
		return COMMAND_USAGE;
	if (!pci_first())
		command_print("this machine has no PCI\n");
	for (const struct pci_function *function = pci_first(); function; function = function->next)
		view.segments |= function->address.segment != 0;
	for (const struct pci_function *function = pci_first(); function && !command_interrupted();
	     function = function->next)
		if (shown(&view, function))
			print_function(function, &view);
	return COMMAND_OK;
}
COMMAND(lspci, "lspci [-n|-nn] [-v|-vv] [-x|-xxx|-xxxx] [-s [[SEGMENT:]BUS:][DEVICE][.FUNCTION]]",
	"PCI functions, as pciutils shows them", command_lspci);
