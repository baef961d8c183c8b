/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt lines: INTx with its ISR, status bit and disable bit (virtio 1.4, 4.1.4.5; PCI 3.0, 6.2), and the
 * InterruptStatus and InterruptACK registers of MMIO (4.2.2).
 */
#include "tests/conformance/case.h"
#include "tests/conformance/core/armed.h"

#define LINE .transports = TRANSPORTS_ALL, .line = true
#define INTX .transports = TRANSPORTS_PCI, .line = true
#define MMIO_LINE .transports = TRANSPORTS_MMIO, .line = true
#define ISR_QUEUE 1u
#define ISR_CONFIG 2u

/*
 * As arm(), with no handler: PCI's line is disabled at the function, MMIO's at the interrupt controller. MSI-X stays
 * disabled.
 */
static void arm_polled(struct conformance_target *t, struct armed *armed)
{
	session_begin(t, SESSION_WITHOUT(FEATURE(F_EVENT_IDX)));
	armed->ring = session_queue(t, request_queue(t), 0);
	armed->slot = 0;
	msix_control(t, false, false);
	session_ready(t);
	quiet(t);
	/* Nothing that the start may have raised is left. */
	if (is_mmio(t))
		register_write(t, REGISTER_INTERRUPT_ACK, register_read(t, REGISTER_ISR));
	else
		register_read(t, REGISTER_ISR);
	request_make(t, &armed->request, 0);
	ring_interrupts_on(t, armed->ring);
}

/* The same, and the line is counted on slot 0. */
static void arm_line(struct conformance_target *t, struct armed *armed,
		     enum conformance_line_mode mode)
{
	arm_polled(t, armed);
	interrupt_line(t, 0, mode);
}

CASE(line_once, INTERRUPT, "each used buffer raises the line once",
     "DEV-PCI-ISR-03 DEV-MMIO-REG-03", LINE)
{
	struct armed armed;

	arm_line(t, &armed, LINE_ACKNOWLEDGE);
	armed_count(t, &armed, 20);
	armed_expect(t, &armed, 20);
}

CASE(line_status_bit, INTERRUPT, "the queue bit is set when the line is raised for a used buffer",
     "DEV-PCI-ISR-03 DEV-MMIO-REG-03", LINE)
{
	struct conformance_received received;
	struct armed armed;

	arm_line(t, &armed, LINE_ACKNOWLEDGE);
	armed_count(t, &armed, 1);
	t->operations->received(t, 0, &received);
	expect_bits(t, "what the handler read", received.status, ISR_QUEUE, 0);
}

CASE(line_no_config_bit, INTERRUPT, "the configuration bit stays 0 while only buffers are used",
     "DEV-MMIO-REG-04", LINE)
{
	struct conformance_received received;
	struct armed armed;

	arm_line(t, &armed, LINE_ACKNOWLEDGE);
	armed_count(t, &armed, 5);
	t->operations->received(t, 0, &received);
	expect_bits(t, "what the handler read", received.status, ISR_QUEUE, ISR_CONFIG);
}

/* Level: a handler that acknowledges nothing is called again when the line is unmasked. */
CASE(line_held_until_acknowledged, INTERRUPT,
     "the line stays raised until the driver has acknowledged the cause",
     "DEV-PCI-ISR-05 DEV-MMIO-REG-03", LINE)
{
	struct armed armed;

	arm_line(t, &armed, LINE_HOLD);
	armed_run(t, &armed, 1);
	interrupt_await(t, 0, 1);
	for (unsigned int i = 2; i < 5; i++) {
		t->operations->line_unmask(t, 0);
		interrupt_await(t, 0, i);
	}
}

/* What the interrupt controller took before the line was masked may still be on its way to the CPU. */
static void unmask_settled(struct conformance_target *t)
{
	quiet(t);
	t->operations->line_unmask(t, 0);
}

CASE(line_dropped_by_acknowledge, INTERRUPT, "acknowledging the cause lowers the line",
     "DEV-PCI-ISR-05 DEV-MMIO-REG-03", LINE)
{
	struct armed armed;

	arm_line(t, &armed, LINE_HOLD);
	armed_run(t, &armed, 1);
	interrupt_await(t, 0, 1);
	if (is_mmio(t))
		register_write(t, REGISTER_INTERRUPT_ACK, ISR_QUEUE);
	else
		expect_bits(t, "the ISR", register_read(t, REGISTER_ISR), ISR_QUEUE, 0);
	unmask_settled(t);
	quiet(t);
	expect_equal(t, "interrupts for one cause", interrupt_count_of(t, 0), 1);
	armed_run(t, &armed, 1);
	interrupt_await(t, 0, 2);
	expect_equal(t, "interrupts for two causes", interrupt_count_of(t, 0), 2);
}

CASE(line_lowered_by_reset, INTERRUPT, "a reset lowers the line and clears its cause",
     "DEV-RESET-02 DEV-MMIO-REG-05", LINE)
{
	struct armed armed;

	arm_line(t, &armed, LINE_HOLD);
	armed_run(t, &armed, 1);
	interrupt_await(t, 0, 1);
	device_reset(t);
	unmask_settled(t);
	quiet(t);
	expect_equal(t, "interrupts after the reset", interrupt_count_of(t, 0), 1);
	expect_equal(t, "the interrupt status after a reset", register_read(t, REGISTER_ISR), 0);
}

/* -- INTx */

static bool pci_line_bit(struct conformance_target *t, void *context)
{
	(void)context;
	return target_read(t, SPACE_PCI, PCI_STATUS_OFFSET, 2) & PCI_STATUS_LINE;
}

CASE(intx_status_mirrors, INTERRUPT,
     "the interrupt bit of the PCI status register shows that the ISR is not 0", "DEV-PCI-ISR-04",
     INTX)
{
	struct armed armed;

	arm_polled(t, &armed);
	expect_bits(t, "the PCI status before a cause",
		    target_read(t, SPACE_PCI, PCI_STATUS_OFFSET, 2), 0, PCI_STATUS_LINE);
	armed_run(t, &armed, 1);
	await(t, pci_line_bit, NULL,
	      "the interrupt bit of the PCI status register is set for a used buffer");
	expect_bits(t, "the ISR", register_read(t, REGISTER_ISR), ISR_QUEUE, 0);
	expect_bits(t, "the PCI status after the ISR was read",
		    target_read(t, SPACE_PCI, PCI_STATUS_OFFSET, 2), 0, PCI_STATUS_LINE);
}

CASE(intx_isr_read_clears, INTERRUPT, "reading the ISR clears it", "DEV-PCI-ISR-05", INTX)
{
	struct armed armed;

	arm_polled(t, &armed);
	armed_run(t, &armed, 1);
	await(t, pci_line_bit, NULL,
	      "the interrupt bit of the PCI status register is set for a used buffer");
	expect_bits(t, "the ISR", register_read(t, REGISTER_ISR), ISR_QUEUE, 0);
	expect_equal(t, "the ISR, read again", register_read(t, REGISTER_ISR), 0);
}

CASE(intx_disable_holds, INTERRUPT,
     "the interrupt disable bit keeps the line down while a cause is there", "-", INTX)
{
	struct armed armed;
	uint64_t command;

	arm_line(t, &armed, LINE_ACKNOWLEDGE);
	command = target_read(t, SPACE_PCI, PCI_COMMAND_OFFSET, 2);
	target_write(t, SPACE_PCI, PCI_COMMAND_OFFSET, 2, command | PCI_COMMAND_LINE_DISABLE);
	armed_run(t, &armed, 1);
	await(t, pci_line_bit, NULL,
	      "the interrupt bit of the PCI status register is set for a used buffer");
	expect_equal(t, "interrupts with the line disabled", interrupt_count_of(t, 0), 0);
	target_write(t, SPACE_PCI, PCI_COMMAND_OFFSET, 2,
		     command & ~(uint64_t)PCI_COMMAND_LINE_DISABLE);
	interrupt_await(t, 0, 1);
	armed_expect(t, &armed, 1);
}

CASE(intx_config_bit, INTERRUPT,
     "a configuration change sets the ISR's configuration bit and raises the line",
     "DEV-PCI-ISR-02 DEV-PCI-ISR-04", INTX,
     .devices = DEVICE(BLOCK) | DEVICE(NET) | DEVICE(BALLOON), .host = "config")
{
	struct conformance_received received;
	struct armed armed;

	arm_line(t, &armed, LINE_ACKNOWLEDGE);
	host_ask(t, "config", NULL);
	interrupt_await(t, 0, 1);
	t->operations->received(t, 0, &received);
	expect_bits(t, "what the handler read", received.status, ISR_CONFIG, 0);
}

/* -- MMIO */

static bool mmio_queue_bit(struct conformance_target *t, void *context)
{
	(void)context;
	return register_read(t, REGISTER_ISR) & ISR_QUEUE;
}

CASE(mmio_status_held, INTERRUPT,
     "InterruptStatus keeps its bit, however often it is read, until it is acknowledged",
     "DEV-MMIO-REG-03", MMIO_LINE)
{
	struct armed armed;

	arm_polled(t, &armed);
	armed_run(t, &armed, 1);
	await(t, mmio_queue_bit, NULL, "InterruptStatus bit 0 is set for a used buffer");
	for (unsigned int i = 0; i < 3; i++)
		expect_bits(t, "InterruptStatus, read again", register_read(t, REGISTER_ISR),
			    ISR_QUEUE, ISR_CONFIG);
	register_write(t, REGISTER_INTERRUPT_ACK, ISR_QUEUE);
	expect_equal(t, "InterruptStatus after the acknowledge", register_read(t, REGISTER_ISR), 0);
}

CASE(mmio_acknowledge_other_bit, INTERRUPT,
     "acknowledging one bit of InterruptStatus leaves the other as it is", "DEV-MMIO-REG-03",
     MMIO_LINE)
{
	struct armed armed;

	arm_polled(t, &armed);
	armed_run(t, &armed, 1);
	await(t, mmio_queue_bit, NULL, "InterruptStatus bit 0 is set for a used buffer");
	register_write(t, REGISTER_INTERRUPT_ACK, ISR_CONFIG);
	expect_bits(t, "InterruptStatus", register_read(t, REGISTER_ISR), ISR_QUEUE, 0);
}

CASE(mmio_config_bit, INTERRUPT,
     "a configuration change sets bit 1 of InterruptStatus and raises the line", "DEV-MMIO-REG-03",
     MMIO_LINE, .devices = DEVICE(BLOCK) | DEVICE(NET) | DEVICE(BALLOON), .host = "config")
{
	struct conformance_received received;
	struct armed armed;

	arm_line(t, &armed, LINE_ACKNOWLEDGE);
	host_ask(t, "config", NULL);
	interrupt_await(t, 0, 1);
	t->operations->received(t, 0, &received);
	expect_bits(t, "what the handler read", received.status, ISR_CONFIG, 0);
}
