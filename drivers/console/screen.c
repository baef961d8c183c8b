/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/console/screen.h"

#include "drivers/pci/pci.h"
#include "kernel/memory/map.h"
#include "kernel/version.h"
#include "kernel/x86/io.h"

#include <stddef.h>

#define TEXT_SCREEN 0xb8000
#define COLUMNS 80
#define ROWS 25
#define WHITE_ON_BLACK 0x0700
#define CLASS_DISPLAY 0x03
#define SUBCLASS_VGA 0x00

static bool vga_present(void)
{
	for (const struct pci_function *f = pci_first(); f; f = f->next)
		if (f->class_code == CLASS_DISPLAY && f->subclass == SUBCLASS_VGA)
			return true;
	return false;
}

void screen_say_where(const struct boot_info *info)
{
	static const char line[] = RINGSIDE ": the console is the serial port ttyS0.";
	volatile uint16_t *cells;

	if (info->efi.system_table || (info->framebuffer.address && !info->framebuffer.text) ||
	    !vga_present())
		return;
	cells = map_mmio(TEXT_SCREEN, COLUMNS * ROWS * sizeof(*cells));
	if (!cells)
		return;
	for (unsigned int i = 0; i < COLUMNS * ROWS; i++)
		mmio_write16(&cells[i], WHITE_ON_BLACK | ' ');
	for (unsigned int i = 0; line[i] && i < COLUMNS; i++)
		mmio_write16(&cells[i], (uint16_t)(WHITE_ON_BLACK | (unsigned char)line[i]));
	unmap_mmio(cells, COLUMNS * ROWS * sizeof(*cells));
}
