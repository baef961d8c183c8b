/* SPDX-License-Identifier: BSD-2-Clause */
/* An RTL8139 in memory, as far as the driver uses it; able to lie. */
#ifndef TESTS_DEVICE_RTL8139_MODEL_H
#define TESTS_DEVICE_RTL8139_MODEL_H

#include "tests/device/nic_stack.h"
#include "tests/device/pci_model.h"

struct rtl8139_model {
	struct pci_model pci;
	uint8_t registers[256];
	uint16_t isr, imr, capr, cbr;
	uint32_t states[4]; /* TSD */
	bool link, unlocked;

	struct nic_frame sent[NIC_FRAMES_MAX]; /* by the driver, modulo */
	unsigned int sent_count;
	struct nic_frame waiting[NIC_FRAMES_MAX]; /* to be received */
	unsigned int waiting_first, waiting_count;
	unsigned int dropped; /* by the filter */

	/* Lies. */
	bool gone;	   /* reads all ones, does nothing */
	bool reset_sticks; /* RST stays set */
	bool cause_sticks; /* ISR cannot be taken back */
	bool sends_nothing;
	bool aborts;	 /* transmissions end with TABT */
	int length;	 /* in the header of received frames; -1: the truth */
	uint16_t status; /* in the same place; 0: ROK */
	int place;	 /* what CBR says; -1: the truth */

	unsigned int violations;
	const char *violation; /* the first */
};

void rtl8139_model_init(struct rtl8139_model *model);
/* A frame comes in; host_poll() lets the model bring it. */
void rtl8139_model_inject(struct rtl8139_model *model, const void *bytes, unsigned int length);
void rtl8139_model_link(struct rtl8139_model *model, bool up);

#endif
