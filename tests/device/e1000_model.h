/* SPDX-License-Identifier: BSD-2-Clause */
/* An 82540EM in memory, as far as the driver uses it; able to lie. */
#ifndef TESTS_DEVICE_E1000_MODEL_H
#define TESTS_DEVICE_E1000_MODEL_H

#include "tests/device/nic_stack.h"
#include "tests/device/pci_model.h"

/* What a context descriptor says (SDM 3.3.6). */
struct e1000_model_context {
	uint8_t ip_start, ip_offset, tcp_start, tcp_offset, header;
	uint16_t ip_end, tcp_end, segment;
	uint32_t payload;
	bool ip4, tcp;
};

struct e1000_model {
	struct pci_model pci;
	uint32_t registers[0x20000 / 4];
	uint32_t icr, ims;
	bool link;

	struct nic_frame sent[NIC_FRAMES_MAX]; /* by the driver, modulo */
	unsigned int sent_count, sent_segments;
	struct e1000_model_context contexts[2]; /* of the last for sums alone, and to cut */
	unsigned int contexts_told;
	uint8_t gathered[65550]; /* of a frame whose end is not there yet */
	unsigned int gathered_length;
	uint8_t gathered_options;
	bool gathered_cut;
	struct nic_frame waiting[NIC_FRAMES_MAX]; /* to be received */
	unsigned int waiting_first, waiting_count;
	unsigned int dropped; /* by the filter */

	/* Lies. */
	bool gone;	    /* reads all ones, does nothing */
	bool reset_sticks;  /* RST stays set */
	bool ignores_reset; /* like QEMU's */
	bool cause_sticks;  /* ICR is not cleared by reading */
	bool sends_nothing; /* takes descriptors and does not write them back */
	int length;	    /* of received frames; -1: the truth */
	uint8_t errors;	    /* of received frames */
	uint8_t status;	    /* of received frames, beside DD and EOP */
	bool no_end;	    /* received frames have no EOP */

	unsigned int violations;
	const char *violation; /* the first */
};

void e1000_model_init(struct e1000_model *model);
/* A frame comes in; host_poll() lets the model bring it. */
void e1000_model_inject(struct e1000_model *model, const void *bytes, unsigned int length);
void e1000_model_link(struct e1000_model *model, bool up);

#endif
