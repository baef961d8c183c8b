/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PCI function in memory: configuration space with BARs and capabilities, MSI-X with mask and
 * pending bits, and the interrupt pin. Devices are built on it (virtio_model_pci.h).
 *
 * Every byte of configuration space can be changed by a test at any time: `config` is what is read,
 * `writable` says which bits a driver may change.
 */
#ifndef TESTS_DEVICE_PCI_MODEL_H
#define TESTS_DEVICE_PCI_MODEL_H

#include "drivers/pci/pci.h"
#include "tests/device/faults.h"
#include "tests/device/host.h"

#include <stdbool.h>
#include <stdint.h>

#define PCI_MODEL_BARS 6
#define PCI_MODEL_VECTORS_MAX 64
#define PCI_MODEL_LIES_MAX 32

struct pci_model_bar {
	uint64_t size; /* 0: none */
	bool is_64, prefetchable;
	struct host_region *region;
};

struct pci_model {
	struct pci_model *next;
	struct pci_address address;
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE];
	unsigned int last_capability; /* where the next one is linked from; 0: the header */
	unsigned int free_offset;     /* behind the last capability */
	struct pci_model_bar bars[PCI_MODEL_BARS];

	/* MSI-X: where its registers lie in the BAR's region. */
	unsigned int msix_capability; /* 0: none */
	unsigned int msix_count, msix_bar;
	uint32_t msix_table, msix_pending;
	bool line;	    /* INTx is asserted */
	const uint8_t *isr; /* NULL, or what says so: as long as it is not 0 and MSI-X is off */
	uint64_t messages;  /* sent */
	/* Messages that nobody allocated are not an error of the driver's: counted. */
	bool strays_allowed;
	uint64_t strays;
	/* NULL, or true when it said itself what is read. */
	bool (*on_read)(struct pci_model *model, unsigned int offset, unsigned int width,
			uint32_t *value);

	/* Faults': what an entry sent first, and whether its pending bit was served. */
	struct {
		uint64_t address;
		uint32_t data;
		bool valid;
	} cached[PCI_MODEL_VECTORS_MAX];
	bool sent_pending[PCI_MODEL_VECTORS_MAX];

	/* Bytes that read as something else under a fault. */
	struct {
		enum fault fault;
		unsigned int offset;
		uint8_t value;
	} lies[PCI_MODEL_LIES_MAX];
	unsigned int lie_count;

	/* The window of 4.1.4.9, if there is one: where its capability is. */
	unsigned int window;
	/* That of vendor data, likewise. */
	unsigned int vendor_data;
};

/* Starts with no functions and makes configuration accesses reach the models. */
void pci_model_reset(void);

/* A function with interrupt pin A on line 11, nothing else. The structure is the caller's. */
void pci_model_init(struct pci_model *model, uint8_t device, uint16_t vendor_id,
		    uint16_t device_id);

/* A memory BAR at `address` (0: firmware left it unassigned) with the given registers behind it. */
void pci_model_bar(struct pci_model *model, unsigned int index, uint64_t address, uint64_t size,
		   bool is_64, const struct host_region_operations *operations, void *context);

/* Appends a capability of `length` bytes, id and link included; returns its offset. */
unsigned int pci_model_capability(struct pci_model *model, uint8_t id, const void *body,
				  unsigned int length);

/* Adds MSI-X with its table and pending bits in a BAR of its own. */
void pci_model_msix(struct pci_model *model, unsigned int bar, uint64_t address,
		    unsigned int count);

/* Enumerates bus 0 and binds the drivers. */
void pci_model_boot(void);

bool pci_model_msix_enabled(const struct pci_model *model);
/* What the device does to send a message: masked entries become pending. */
void pci_model_message(struct pci_model *model, unsigned int entry);
/* Asserts INTx until lowered; handlers run while it is up. */
void pci_model_line(struct pci_model *model, bool up);

/* Whether the pin is asserted (whatever the command register says), and whether the machine sees it. */
bool pci_model_asserts(const struct pci_model *model);
bool pci_model_raises(const struct pci_model *model);
/* Takes pending messages back, of one entry or of all (-1). */
void pci_model_forget(struct pci_model *model, int entry);

void pci_model_lie(struct pci_model *model, enum fault fault, unsigned int offset, uint8_t value);

/* What the processor reads and writes in configuration space. */
uint32_t pci_model_read(struct pci_model *model, unsigned int offset, unsigned int width);
void pci_model_write(struct pci_model *model, unsigned int offset, unsigned int width,
		     uint32_t value);
/* Memory of a BAR. Outside of it: reads all ones. */
uint64_t pci_model_bar_read(struct pci_model *model, unsigned int bar, uint64_t offset,
			    unsigned int width);
void pci_model_bar_write(struct pci_model *model, unsigned int bar, uint64_t offset,
			 unsigned int width, uint64_t value);

void pci_model_set16(struct pci_model *model, unsigned int offset, uint16_t value);
void pci_model_set32(struct pci_model *model, unsigned int offset, uint32_t value);

#endif
