/* SPDX-License-Identifier: BSD-2-Clause */
/* The capability lines of `lspci -v` and `-vv`. */
#include "drivers/pci/internal.h"
#include "kernel/shell/command.h"

#include <inttypes.h>

#define VENDOR_VIRTIO 0x1af4
#define VIRTIO_DEVICE_FIRST 0x1000
#define VIRTIO_DEVICE_LAST 0x107f
#define VIRTIO_NOTIFY 2

static char flag(uint32_t value, uint32_t bit)
{
	return value & bit ? '+' : '-';
}

static void print_power(const struct pci_function *function, unsigned int offset, bool detail)
{
	static const unsigned int currents[] = {0, 55, 100, 160, 220, 270, 320, 375};
	uint16_t abilities = pci_read16(function, offset + 2);
	uint16_t status = pci_read16(function, offset + 4);

	command_print("Power Management version %u\n", abilities & 7u);
	if (!detail)
		return;
	command_print("\t\tFlags: PMEClk%c DSI%c D1%c D2%c AuxCurrent=%umA "
		      "PME(D0%c,D1%c,D2%c,D3hot%c,D3cold%c)\n",
		      flag(abilities, 0x08), flag(abilities, 0x20), flag(abilities, 0x200),
		      flag(abilities, 0x400), currents[abilities >> 6 & 7], flag(abilities, 0x800),
		      flag(abilities, 0x1000), flag(abilities, 0x2000), flag(abilities, 0x4000),
		      flag(abilities, 0x8000));
	command_print("\t\tStatus: D%u NoSoftRst%c PME-Enable%c DSel=%u DScale=%u PME%c\n",
		      status & 3u, flag(status, 8), flag(status, 0x100), status >> 9 & 0xfu,
		      status >> 13 & 3u, flag(status, 0x8000));
}

static void print_msi(const struct pci_function *function, unsigned int offset, bool detail)
{
	uint16_t control = pci_read16(function, offset + 2);
	unsigned int data = offset + (control & 0x80 ? 12 : 8);

	command_print("MSI: Enable%c Count=%u/%u Maskable%c 64bit%c\n", flag(control, 1),
		      1u << (control >> 4 & 7), 1u << (control >> 1 & 7), flag(control, 0x100),
		      flag(control, 0x80));
	if (!detail)
		return;
	command_print("\t\tAddress: ");
	if (control & 0x80)
		command_print("%08" PRIx32, pci_read32(function, offset + 8));
	command_print("%08" PRIx32 "  Data: %04x\n", pci_read32(function, offset + 4),
		      pci_read16(function, data));
	if (control & 0x100)
		command_print("\t\tMasking: %08" PRIx32 "  Pending: %08" PRIx32 "\n",
			      pci_read32(function, data + 4), pci_read32(function, data + 8));
}

static void print_msix(const struct pci_function *function, unsigned int offset, bool detail)
{
	uint16_t control = pci_read16(function, offset + 2);
	uint32_t table = pci_read32(function, offset + 4),
		 pending = pci_read32(function, offset + 8);

	command_print("MSI-X: Enable%c Count=%u Masked%c\n", flag(control, 0x8000),
		      (control & 0x7ffu) + 1, flag(control, 0x4000));
	if (!detail)
		return;
	command_print("\t\tVector table: BAR=%u offset=%08" PRIx32 "\n", (unsigned int)table & 7,
		      table & ~7u);
	command_print("\t\tPBA: BAR=%u offset=%08" PRIx32 "\n", (unsigned int)pending & 7,
		      pending & ~7u);
}

static void print_virtio(const struct pci_function *function, unsigned int offset, bool detail)
{
	static const char *const types[] = {"CommonCfg", "Notify", "ISR", "DeviceCfg"};
	unsigned int length = pci_read8(function, offset + 2),
		     type = pci_read8(function, offset + 3);

	command_print("VirtIO: %s\n", type >= 1 && type <= 4 ? types[type - 1] : "<unknown>");
	if (!detail)
		return;
	command_print("\t\tBAR=%u offset=%08" PRIx32 " size=%08" PRIx32,
		      pci_read8(function, offset + 4), pci_read32(function, offset + 8),
		      pci_read32(function, offset + 12));
	if (type == VIRTIO_NOTIFY && length >= 20)
		command_print(" multiplier=%08" PRIx32, pci_read32(function, offset + 16));
	command_print("\n");
}

static void print_vendor(const struct pci_function *function, unsigned int offset, bool detail)
{
	unsigned int length = pci_read8(function, offset + 2);

	command_print("Vendor Specific Information: ");
	if (function->vendor_id == VENDOR_VIRTIO && function->device_id >= VIRTIO_DEVICE_FIRST &&
	    function->device_id <= VIRTIO_DEVICE_LAST && length >= 16)
		print_virtio(function, offset, detail);
	else
		command_print("Len=%02x <?>\n", length);
}

static const char *speed(unsigned int code)
{
	static const char *const speeds[] = {"unknown", "2.5GT/s", "5GT/s", "8GT/s",
					     "16GT/s",	"32GT/s",  "64GT/s"};

	return speeds[code < sizeof(speeds) / sizeof(speeds[0]) ? code : 0];
}

/* What the link is, against what this end of it could be; ports may have a lesser other end. */
static const char *compared(unsigned int type, unsigned int is, unsigned int could_be)
{
	if (is > could_be)
		return " (overdriven)";
	if (is == could_be || type == PCI_EXPRESS_ROOT_PORT ||
	    type == PCI_EXPRESS_DOWNSTREAM_PORT || type == PCI_EXPRESS_TO_PCI)
		return "";
	return " (downgraded)";
}

static void print_express(const struct pci_function *function, unsigned int offset, bool detail)
{
	static const char *const types[] = {
		"Endpoint",
		"Legacy Endpoint",
		NULL,
		NULL,
		"Root Port",
		"Upstream Port",
		"Downstream Port",
		"PCI-Express to PCI/PCI-X Bridge",
		"PCI/PCI-X to PCI-Express Bridge",
		"Root Complex Integrated Endpoint",
		"Root Complex Event Collector",
	};
	uint16_t flags = pci_read16(function, offset + PCI_EXPRESS_FLAGS);
	unsigned int type = PCI_EXPRESS_TYPE(flags);
	const char *name = type < sizeof(types) / sizeof(types[0]) ? types[type] : NULL;
	static const char *const latencies_l0s[] = {
		"<64ns", "<128ns", "<256ns", "<512ns", "<1us", "<2us", "<4us", "unlimited",
	};
	static const char *const latencies_l1[] = {
		"<1us", "<2us", "<4us", "<8us", "<16us", "<32us", "<64us", "unlimited",
	};
	uint32_t abilities, link;
	uint16_t status;

	command_print("Express ");
	if (detail)
		command_print("(v%u) ", flags & 0xfu);
	if (name)
		command_print("%s", name);
	else
		command_print("Unknown type %u", type);
	if (type == PCI_EXPRESS_ROOT_PORT || type == PCI_EXPRESS_DOWNSTREAM_PORT)
		command_print(" (Slot%c)", flag(flags, 0x100));
	command_print(", MSI %02x\n", flags >> 9 & 0x1fu);
	if (!detail)
		return;
	abilities = pci_read32(function, offset + 4);
	command_print("\t\tDevCap:\tMaxPayload %u bytes, PhantFunc %u", 128u << (abilities & 7),
		      (1u << (abilities >> 3 & 3)) - 1);
	if (type <= PCI_EXPRESS_LEGACY_ENDPOINT)
		command_print(", Latency L0s %s, L1 %s", latencies_l0s[abilities >> 6 & 7],
			      latencies_l1[abilities >> 9 & 7]);
	command_print("\n");
	/* What is inside the root complex has no link. */
	if (type == 9 || type == 10)
		return;
	link = pci_read32(function, offset + 0x0c);
	status = pci_read16(function, offset + 0x12);
	command_print("\t\tLnkSta:\tSpeed %s%s, Width x%u%s\n", speed(status & 0xf),
		      compared(type, status & 0xf, link & 0xf), status >> 4 & 0x3fu,
		      compared(type, status >> 4 & 0x3fu, link >> 4 & 0x3f));
	command_print("\t\t\tTrErr%c Train%c SlotClk%c DLActive%c BWMgmt%c ABWMgmt%c\n",
		      flag(status, 0x400), flag(status, 0x800), flag(status, 0x1000),
		      flag(status, 0x2000), flag(status, 0x4000), flag(status, 0x8000));
}

static void print_sata(const struct pci_function *function, unsigned int offset, bool detail)
{
	unsigned int version = pci_read8(function, offset + 2);
	uint32_t place = pci_read32(function, offset + 4);

	command_print("SATA HBA v%u.%u", version >> 4, version & 0xf);
	if (detail)
		command_print(" BAR%u Offset=%08" PRIx32, (unsigned int)(place & 0xf) - 4,
			      place >> 4 & 0xfffff);
	command_print("\n");
}

static void print_capability(const struct pci_function *function, unsigned int offset, uint8_t id,
			     bool detail, bool names, bool numbers)
{
	command_print("\tCapabilities: [%02x] ", offset);
	switch (id) {
	case 0x00:
		command_print("Null\n");
		break;
	case PCI_CAPABILITY_POWER:
		print_power(function, offset, detail);
		break;
	case 0x03:
		command_print("Vital Product Data\n");
		break;
	case 0x04:
		command_print("Slot ID: %u slots, First%c, chassis %02x\n",
			      pci_read8(function, offset + 2) & 0x1fu,
			      flag(pci_read8(function, offset + 2), 0x20),
			      pci_read8(function, offset + 3));
		break;
	case PCI_CAPABILITY_MSI:
		print_msi(function, offset, detail);
		break;
	case PCI_CAPABILITY_VENDOR:
		print_vendor(function, offset, detail);
		break;
	case 0x0c:
		command_print("Hot-plug capable\n");
		break;
	case PCI_CAPABILITY_SUBSYSTEM:
		command_print("Subsystem: ");
		lspci_print_subsystem(pci_read16(function, offset + 4),
				      pci_read16(function, offset + 6), names, numbers);
		command_print("\n");
		break;
	case PCI_CAPABILITY_EXPRESS:
		print_express(function, offset, detail);
		break;
	case PCI_CAPABILITY_MSIX:
		print_msix(function, offset, detail);
		break;
	case 0x12:
		print_sata(function, offset, detail);
		break;
	case 0x13:
		command_print("PCI Advanced Features\n");
		break;
	default:
		command_print("Capability ID %#02x [%04x]\n", id, pci_read16(function, offset + 2));
	}
}

static void print_extended(const struct pci_function *function, unsigned int offset, uint16_t id,
			   bool detail)
{
	static const struct {
		uint16_t id;
		const char *name;
	} known[] = {
		{0x01, "Advanced Error Reporting"},
		{0x02, "Virtual Channel"},
		{0x0d, "Access Control Services"},
		{0x0e, "Alternative Routing-ID Interpretation (ARI)"},
		{0x0f, "Address Translation Service (ATS)"},
		{0x10, "Single Root I/O Virtualization (SR-IOV)"},
		{0x13, "Page Request Interface (PRI)"},
		{0x18, "Latency Tolerance Reporting"},
		{0x19, "Secondary PCI Express"},
		{0x1b, "Process Address Space ID (PASID)"},
	};
	uint32_t low, high;

	command_print("\tCapabilities: [%03x", offset);
	if (detail)
		command_print(" v%u", (unsigned int)(pci_read32(function, offset) >> 16 & 0xf));
	command_print("] ");
	if (id == 0x03) {
		low = pci_read32(function, offset + 4);
		high = pci_read32(function, offset + 8);
		command_print("Device Serial Number %02x-%02x-%02x-%02x-%02x-%02x-%02x-%02x\n",
			      (unsigned int)(high >> 24), (unsigned int)(high >> 16 & 0xff),
			      (unsigned int)(high >> 8 & 0xff), (unsigned int)(high & 0xff),
			      (unsigned int)(low >> 24), (unsigned int)(low >> 16 & 0xff),
			      (unsigned int)(low >> 8 & 0xff), (unsigned int)(low & 0xff));
		return;
	}
	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].id == id) {
			command_print("%s\n", known[i].name);
			return;
		}
	}
	command_print("Extended Capability ID %#02x\n", id);
}

void lspci_capabilities(const struct pci_function *function, bool detail, bool names, bool numbers)
{
	unsigned int offset = 0;
	uint16_t extended_id;
	uint8_t id;

	while ((offset = pci_capability_next(function, offset, &id)))
		print_capability(function, offset, id, detail, names, numbers);
	while ((offset = pci_extended_capability_next(function, offset, &extended_id)))
		print_extended(function, offset, extended_id, detail);
}
