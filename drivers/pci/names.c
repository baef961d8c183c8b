/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of classes (PCI Code and ID Assignment, section 1) and of the devices that virtual machines
 * commonly have, in the words that lspci prints. A device that is not here is shown by its numbers.
 */
#include "drivers/pci/internal.h"

struct class_name {
	uint8_t class_code, subclass;
	const char *name;
};

struct interface_name {
	uint8_t class_code, subclass, interface;
	const char *name;
};

struct id_name {
	uint16_t vendor_id, device_id;
	const char *name;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const base_classes[] = {
	"Unclassified device",
	"Mass storage controller",
	"Network controller",
	"Display controller",
	"Multimedia controller",
	"Memory controller",
	"Bridge",
	"Communication controller",
	"Generic system peripheral",
	"Input device controller",
	"Docking station",
	"Processor",
	"Serial bus controller",
	"Wireless controller",
	"Intelligent controller",
	"Satellite communications controller",
	"Encryption controller",
	"Signal processing controller",
	"Processing accelerators",
};

static const struct class_name classes[] = {
	{0x00, 0x00, "Non-VGA unclassified device"},
	{0x00, 0x01, "VGA compatible unclassified device"},
	{0x01, 0x00, "SCSI storage controller"},
	{0x01, 0x01, "IDE interface"},
	{0x01, 0x02, "Floppy disk controller"},
	{0x01, 0x04, "RAID bus controller"},
	{0x01, 0x06, "SATA controller"},
	{0x01, 0x07, "Serial Attached SCSI controller"},
	{0x01, 0x08, "Non-Volatile memory controller"},
	{0x01, 0x80, "Mass storage controller"},
	{0x02, 0x00, "Ethernet controller"},
	{0x02, 0x80, "Network controller"},
	{0x03, 0x00, "VGA compatible controller"},
	{0x03, 0x01, "XGA compatible controller"},
	{0x03, 0x02, "3D controller"},
	{0x03, 0x80, "Display controller"},
	{0x04, 0x00, "Multimedia video controller"},
	{0x04, 0x01, "Multimedia audio controller"},
	{0x04, 0x03, "Audio device"},
	{0x04, 0x80, "Multimedia controller"},
	{0x05, 0x00, "RAM memory"},
	{0x05, 0x80, "Memory controller"},
	{0x06, 0x00, "Host bridge"},
	{0x06, 0x01, "ISA bridge"},
	{0x06, 0x04, "PCI bridge"},
	{0x06, 0x80, "Bridge"},
	{0x07, 0x00, "Serial controller"},
	{0x07, 0x01, "Parallel controller"},
	{0x07, 0x03, "Modem"},
	{0x07, 0x80, "Communication controller"},
	{0x08, 0x00, "PIC"},
	{0x08, 0x03, "RTC"},
	{0x08, 0x05, "SD Host controller"},
	{0x08, 0x06, "IOMMU"},
	{0x08, 0x80, "System peripheral"},
	{0x09, 0x00, "Keyboard controller"},
	{0x09, 0x02, "Mouse controller"},
	{0x09, 0x80, "Input device controller"},
	{0x0c, 0x00, "FireWire (IEEE 1394)"},
	{0x0c, 0x03, "USB controller"},
	{0x0c, 0x05, "SMBus"},
	{0x0c, 0x07, "IPMI Interface"},
	{0x10, 0x00, "Network and computing encryption device"},
	{0x10, 0x80, "Encryption controller"},
	{0x12, 0x00, "Processing accelerators"},
};

static const struct interface_name interfaces[] = {
	{0x01, 0x01, 0x80, "ISA Compatibility mode-only controller, supports bus mastering"},
	{0x01, 0x06, 0x01, "AHCI 1.0"},
	{0x01, 0x08, 0x02, "NVM Express"},
	{0x03, 0x00, 0x00, "VGA controller"},
	{0x06, 0x04, 0x00, "Normal decode"},
	{0x06, 0x04, 0x01, "Subtractive decode"},
	{0x07, 0x00, 0x02, "16550"},
	{0x0c, 0x03, 0x00, "UHCI"},
	{0x0c, 0x03, 0x10, "OHCI"},
	{0x0c, 0x03, 0x20, "EHCI"},
	{0x0c, 0x03, 0x30, "XHCI"},
};

static const struct id_name vendors[] = {
	{0x1000, 0, "Broadcom / LSI"},
	{0x1011, 0, "Digital Equipment Corporation"},
	{0x1013, 0, "Cirrus Logic"},
	{0x1022, 0, "Advanced Micro Devices, Inc. [AMD]"},
	{0x1033, 0, "NEC Corporation"},
	{0x104c, 0, "Texas Instruments"},
	{0x106b, 0, "Apple Inc."},
	{0x10de, 0, "NVIDIA Corporation"},
	{0x10ec, 0, "Realtek Semiconductor Co., Ltd."},
	{0x1274, 0, "Ensoniq"},
	{0x15ad, 0, "VMware"},
	{0x1ae0, 0, "Google, Inc."},
	{0x1af4, 0, "Red Hat, Inc."},
	{0x1b36, 0, "Red Hat, Inc."},
	{0x1d0f, 0, "Amazon.com, Inc."},
	{0x5853, 0, "XenSource, Inc."},
	{0x8086, 0, "Intel Corporation"},
};

static const struct id_name devices[] = {
	{0x1000, 0x0012, "53c895a"},
	{0x1000, 0x0060, "MegaRAID SAS 1078"},
	{0x1011, 0x0026, "DECchip 21154"},
	{0x1013, 0x00b8, "GD 5446"},
	{0x1022, 0x2000, "79c970 [PCnet32 LANCE]"},
	{0x1022, 0x2020, "53c974 [PCscsi]"},
	{0x1033, 0x0194, "uPD720200 USB 3.0 Host Controller"},
	{0x104c, 0x8232, "XIO3130 PCI Express Switch (Upstream)"},
	{0x104c, 0x8233, "XIO3130 PCI Express Switch (Downstream)"},
	{0x10ec, 0x8029, "RTL-8029(AS)"},
	{0x10ec, 0x8139, "RTL-8100/8101L/8139 PCI Fast Ethernet Adapter"},
	{0x1274, 0x5000, "ES1370 [AudioPCI]"},
	{0x15ad, 0x0405, "SVGA II Adapter"},
	{0x15ad, 0x07b0, "VMXNET3 Ethernet Controller"},
	{0x15ad, 0x07c0, "PVSCSI SCSI Controller"},
	{0x1af4, 0x1000, "Virtio network device"},
	{0x1af4, 0x1001, "Virtio block device"},
	{0x1af4, 0x1002, "Virtio memory balloon"},
	{0x1af4, 0x1003, "Virtio console"},
	{0x1af4, 0x1004, "Virtio SCSI"},
	{0x1af4, 0x1005, "Virtio RNG"},
	{0x1af4, 0x1009, "Virtio filesystem"},
	{0x1af4, 0x1041, "Virtio 1.0 network device"},
	{0x1af4, 0x1042, "Virtio 1.0 block device"},
	{0x1af4, 0x1043, "Virtio 1.0 console"},
	{0x1af4, 0x1044, "Virtio 1.0 RNG"},
	{0x1af4, 0x1045, "Virtio 1.0 memory balloon"},
	{0x1af4, 0x1048, "Virtio 1.0 SCSI"},
	{0x1af4, 0x1049, "Virtio 1.0 filesystem"},
	{0x1af4, 0x1050, "Virtio 1.0 GPU"},
	{0x1af4, 0x1052, "Virtio 1.0 input"},
	{0x1af4, 0x1053, "Virtio 1.0 socket"},
	{0x1af4, 0x105a, "Virtio file system"},
	{0x1af4, 0x1100, "QEMU Virtual Machine"},
	{0x1af4, 0x1110, "Inter-VM shared memory"},
	{0x1b36, 0x0001, "QEMU PCI-PCI bridge"},
	{0x1b36, 0x0002, "QEMU PCI 16550A Adapter"},
	{0x1b36, 0x0003, "QEMU PCI Dual-port 16550A Adapter"},
	{0x1b36, 0x0004, "QEMU PCI Quad-port 16550A Adapter"},
	{0x1b36, 0x0005, "QEMU PCI Test Device"},
	{0x1b36, 0x0007, "QEMU PCI SD Card Host Controller Interface"},
	{0x1b36, 0x0008, "QEMU PCIe Host bridge"},
	{0x1b36, 0x0009, "QEMU PCI Expander bridge"},
	{0x1b36, 0x000b, "QEMU PCIe Expander bridge"},
	{0x1b36, 0x000c, "QEMU PCIe Root port"},
	{0x1b36, 0x000d, "QEMU XHCI Host Controller"},
	{0x1b36, 0x000e, "QEMU PCIe-to-PCI bridge"},
	{0x1b36, 0x0010, "QEMU NVM Express Controller"},
	{0x1b36, 0x0100, "QXL paravirtual graphic card"},
	{0x8086, 0x100e, "82540EM Gigabit Ethernet Controller"},
	{0x8086, 0x10c9, "82576 Gigabit Network Connection"},
	{0x8086, 0x10d3, "82574L Gigabit Network Connection"},
	{0x8086, 0x1209, "8255xER/82551IT Fast Ethernet Controller"},
	{0x8086, 0x1229, "82557/8/9/0/1 Ethernet Pro 100"},
	{0x8086, 0x1237, "440FX - 82441FX PMC [Natoma]"},
	{0x8086, 0x2415, "82801AA AC'97 Audio Controller"},
	{0x8086, 0x244e, "82801 PCI Bridge"},
	{0x8086, 0x2668, "82801FB/FBM/FR/FW/FRW (ICH6 Family) High Definition Audio Controller"},
	{0x8086, 0x2918, "82801IB (ICH9) LPC Interface Controller"},
	{0x8086, 0x2922, "82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller [AHCI mode]"},
	{0x8086, 0x2930, "82801I (ICH9 Family) SMBus Controller"},
	{0x8086, 0x2934, "82801I (ICH9 Family) USB UHCI Controller #1"},
	{0x8086, 0x2935, "82801I (ICH9 Family) USB UHCI Controller #2"},
	{0x8086, 0x2936, "82801I (ICH9 Family) USB UHCI Controller #3"},
	{0x8086, 0x293a, "82801I (ICH9 Family) USB2 EHCI Controller #1"},
	{0x8086, 0x293e, "82801I (ICH9 Family) HD Audio Controller"},
	{0x8086, 0x29c0, "82G33/G31/P35/P31 Express DRAM Controller"},
	{0x8086, 0x7000, "82371SB PIIX3 ISA [Natoma/Triton II]"},
	{0x8086, 0x7010, "82371SB PIIX3 IDE [Natoma/Triton II]"},
	{0x8086, 0x7020, "82371SB PIIX3 USB [Natoma/Triton II]"},
	{0x8086, 0x7113, "82371AB/EB/MB PIIX4 ACPI"},
};

const char *pci_base_class_name(uint8_t class_code)
{
	return class_code < COUNT(base_classes) ? base_classes[class_code]
	       : class_code == 0xff		? "Unassigned class"
						: NULL;
}

const char *pci_class_name(uint8_t class_code, uint8_t subclass)
{
	for (unsigned int i = 0; i < COUNT(classes); i++)
		if (classes[i].class_code == class_code && classes[i].subclass == subclass)
			return classes[i].name;
	return NULL;
}

const char *pci_interface_name(uint8_t class_code, uint8_t subclass, uint8_t programming_interface)
{
	for (unsigned int i = 0; i < COUNT(interfaces); i++)
		if (interfaces[i].class_code == class_code && interfaces[i].subclass == subclass &&
		    interfaces[i].interface == programming_interface)
			return interfaces[i].name;
	return NULL;
}

static const char *find(const struct id_name *names, size_t count, uint16_t vendor_id,
			uint16_t device_id)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].vendor_id == vendor_id && names[i].device_id == device_id)
			return names[i].name;
	return NULL;
}

const char *pci_vendor_name(uint16_t vendor_id)
{
	return find(vendors, COUNT(vendors), vendor_id, 0);
}

const char *pci_device_name(uint16_t vendor_id, uint16_t device_id)
{
	return find(devices, COUNT(devices), vendor_id, device_id);
}
