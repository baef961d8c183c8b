/* SPDX-License-Identifier: BSD-2-Clause */
/* The I/O APICs: lines become vectors. */
#define LOG_AREA "ioapic"
#include "kernel/console/log.h"
#include "kernel/memory/map.h"
#include "kernel/platform.h"
#include "kernel/thread/spinlock.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/io.h"

#include <errno.h>
#include <stddef.h>

#define SELECT 0x00
#define WINDOW 0x10
#define MAP_LENGTH 0x20
#define REGISTER_VERSION 1
#define REGISTER_REDIRECTION 0x10
#define REDIRECTION_ACTIVE_LOW (1u << 13)
#define REDIRECTION_STATUS (1u << 12 | 1u << 14) /* read only */
#define REDIRECTION_LEVEL (1u << 15)
#define REDIRECTION_MASKED (1u << 16)

struct ioapic {
	volatile uint8_t *registers;
	uint32_t first; /* global system interrupt of input 0 */
	uint32_t count;
};

static struct ioapic ioapics[PLATFORM_IOAPICS_MAX];
static unsigned int count;
static struct spinlock lock = SPINLOCK_INIT;

static uint32_t ioapic_read(const struct ioapic *ioapic, unsigned int index)
{
	mmio_write32(ioapic->registers + SELECT, index);
	return mmio_read32(ioapic->registers + WINDOW);
}

static void ioapic_write(const struct ioapic *ioapic, unsigned int index, uint32_t value)
{
	mmio_write32(ioapic->registers + SELECT, index);
	mmio_write32(ioapic->registers + WINDOW, value);
}

static void mask_inputs(const struct ioapic *ioapic)
{
	for (uint32_t input = 0; input < ioapic->count; input++)
		ioapic_write(ioapic, REGISTER_REDIRECTION + 2 * input, REDIRECTION_MASKED);
}

void ioapic_mask_all(void)
{
	uint64_t flags = spin_lock(&lock);

	for (unsigned int i = 0; i < count; i++)
		mask_inputs(&ioapics[i]);
	spin_unlock(&lock, flags);
}

void ioapic_init(void)
{
	for (unsigned int i = 0; i < platform.ioapic_count; i++) {
		struct ioapic *ioapic = &ioapics[count];
		uint32_t version;

		ioapic->registers = map_mmio(platform.ioapics[i].address, MAP_LENGTH);
		if (!ioapic->registers)
			continue;
		ioapic->first = platform.ioapics[i].gsi_base;
		version = ioapic_read(ioapic, REGISTER_VERSION);
		/* Where the tables are wrong there is nothing, which reads as ones or zeroes. */
		if (version == UINT32_MAX || version == 0) {
			log_warning("no I/O APIC answers at %#llx",
				    (unsigned long long)platform.ioapics[i].address);
			unmap_mmio(ioapic->registers, MAP_LENGTH);
			continue;
		}
		ioapic->count = (version >> 16 & 0xff) + 1;
		mask_inputs(ioapic);
		log_info("I/O APIC at %#llx: lines %u to %u",
			 (unsigned long long)platform.ioapics[i].address,
			 (unsigned int)ioapic->first,
			 (unsigned int)(ioapic->first + ioapic->count - 1));
		count++;
	}
}

static struct ioapic *find(uint32_t gsi)
{
	for (unsigned int i = 0; i < count; i++)
		if (gsi >= ioapics[i].first && gsi - ioapics[i].first < ioapics[i].count)
			return &ioapics[i];
	return NULL;
}

int ioapic_connect(uint32_t gsi, uint32_t target, uint8_t vector, bool level, bool active_low)
{
	struct ioapic *ioapic = find(gsi);
	unsigned int index;
	uint64_t flags;

	if (!ioapic)
		return -ENODEV;
	index = REGISTER_REDIRECTION + 2 * (gsi - ioapic->first);
	flags = spin_lock(&lock);
	/* Masked while the two halves do not belong together. */
	ioapic_write(ioapic, index, REDIRECTION_MASKED);
	ioapic_write(ioapic, index + 1, target << 24);
	ioapic_write(ioapic, index,
		     vector | (level ? REDIRECTION_LEVEL : 0) |
			     (active_low ? REDIRECTION_ACTIVE_LOW : 0));
	spin_unlock(&lock, flags);
	return 0;
}

void ioapic_mask(uint32_t gsi, bool mask)
{
	struct ioapic *ioapic = find(gsi);
	unsigned int index;
	uint32_t entry;
	uint64_t flags;

	if (!ioapic)
		return;
	index = REGISTER_REDIRECTION + 2 * (gsi - ioapic->first);
	flags = spin_lock(&lock);
	entry = ioapic_read(ioapic, index) & ~REDIRECTION_STATUS;
	ioapic_write(ioapic, index,
		     mask ? entry | REDIRECTION_MASKED : entry & ~REDIRECTION_MASKED);
	spin_unlock(&lock, flags);
}

void ioapic_disconnect(uint32_t gsi)
{
	struct ioapic *ioapic = find(gsi);
	uint64_t flags;

	if (!ioapic)
		return;
	flags = spin_lock(&lock);
	ioapic_write(ioapic, REGISTER_REDIRECTION + 2 * (gsi - ioapic->first), REDIRECTION_MASKED);
	spin_unlock(&lock, flags);
}
