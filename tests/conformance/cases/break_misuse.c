/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers written out of turn, at odd widths, and where they are read-only (virtio 1.4, 2.1, 2.2, 4.1.3.1, 4.2.2).
 *
 * What is written is 0 or all ones: no queue is enabled by it, and no address of it is memory.
 */
#include "tests/conformance/case.h"

static void write_statuses(struct conformance_target *t, const uint8_t *values, unsigned int count)
{
	session_reset(t);
	for (unsigned int i = 0; i < count; i++)
		register_write(t, REGISTER_STATUS, values[i]);
	notify(t, request_queue(t), request_queue(t));
	quiet(t);
}

#define STATUS(name, claim, clauses, ...)                                                          \
	CASE(break_status_##name, BREAK, claim, clauses, .transports = TRANSPORTS_ALL)             \
	{                                                                                          \
		static const uint8_t values[] = {__VA_ARGS__};                                     \
                                                                                                   \
		write_statuses(t, values, sizeof(values));                                         \
	}
STATUS(driver_ok_first, "DRIVER_OK without any step before is survived", "DRV-STATUS-01",
       STATUS_DRIVER_OK)
STATUS(all_ones, "all status bits at once are survived", "DRV-STATUS-01", 0xff)
STATUS(features_ok_first, "FEATURES_OK without ACKNOWLEDGE and DRIVER is survived", "DRV-STATUS-01",
       STATUS_FEATURES_OK)
STATUS(no_features_ok, "DRIVER_OK without FEATURES_OK is survived", "DRV-INIT-07",
       STATUS_ACKNOWLEDGE, STATUS_ACKNOWLEDGE | STATUS_DRIVER,
       STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK)
STATUS(bits_cleared, "status bits that are cleared without a reset are survived", "DRV-STATUS-02",
       STATUS_ACKNOWLEDGE, STATUS_ACKNOWLEDGE | STATUS_DRIVER, STATUS_ACKNOWLEDGE, STATUS_DRIVER,
       STATUS_ACKNOWLEDGE)
STATUS(after_failed, "steps after FAILED without a reset are survived", "DRV-STATUS-03",
       STATUS_ACKNOWLEDGE, STATUS_FAILED | STATUS_ACKNOWLEDGE, STATUS_ACKNOWLEDGE | STATUS_DRIVER,
       STATUS_FAILED, 0x0f)
STATUS(reserved_bits, "reserved status bits are survived", "-", 0x20, 0x10, 0x30)
STATUS(needs_reset_by_driver, "NEEDS_RESET that a driver writes is survived", "-",
       STATUS_ACKNOWLEDGE, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_NEEDS_RESET)

/* -- Features */
static void write_feature_word(struct conformance_target *t, uint32_t word, uint32_t value)
{
	register_write(t, REGISTER_DRIVER_FEATURE_SELECT, word);
	register_write(t, REGISTER_DRIVER_FEATURE, value);
}

CASE(break_features_all_ones, BREAK, "all feature bits at once are survived",
     "DRV-FEAT-01 DRV-FEAT-05")
{
	session_begin(t, SESSION_ALL);
	device_reset(t);
	register_write(t, REGISTER_STATUS, STATUS_ACKNOWLEDGE);
	register_write(t, REGISTER_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	for (uint32_t word = 0; word < 4; word++)
		write_feature_word(t, word, 0xffffffff);
	register_write(t, REGISTER_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
}

CASE(break_features_far_words, BREAK, "feature words that do not exist are survived", "-")
{
	session_begin(t, SESSION_ALL);
	write_feature_word(t, 4, 0xffffffff);
	write_feature_word(t, 0x7fffffff, 0xffffffff);
	write_feature_word(t, 0xffffffff, 0xffffffff);
	register_write(t, REGISTER_DEVICE_FEATURE_SELECT, 0xffffffff);
	register_read(t, REGISTER_DEVICE_FEATURE);
}

CASE(break_features_late, BREAK,
     "features that are written after FEATURES_OK change nothing for the driver that goes on",
     "DRV-INIT-08")
{
	session_begin(t, SESSION_ALL);
	write_feature_word(t, 0, 0);
	session_ready(t);
	request_once(t, 0);
}

/* -- Configuration */
static void scribble(struct conformance_target *t, enum conformance_space space, uint32_t from,
		     uint32_t to, unsigned int width, uint32_t step, uint64_t value)
{
	for (uint32_t offset = from; offset < to && offset + width <= t->length[space];
	     offset += step)
		target_write(t, space, offset, width, value);
}

/* The device's own configuration: nobody's request changes because of it, or the device was told to. */
#define CONFIG(width, value, name)                                                                 \
	CASE(break_config_written_##width##_##name, BREAK,                                         \
	     "configuration that is written with " #name " at width " #width                       \
	     " everywhere is survived",                                                            \
	     "DRV-INIT-06", .transports = TRANSPORTS_ALL)                                          \
	{                                                                                          \
		session_open(t);                                                                   \
		for (uint32_t offset = 0; offset + (width) <= config_length(t) && offset < 256;    \
		     offset += (width))                                                            \
			config_write(t, offset, width, value);                                     \
		quiet(t);                                                                          \
	}
CONFIG(1, 0xff, ones)
CONFIG(2, 0xffff, ones)
CONFIG(4, 0xffffffff, ones)
CONFIG(8, ~0ull, ones)
CONFIG(1, 0, zeroes)
CONFIG(4, 0, zeroes)

CASE(break_config_read_everywhere, BREAK,
     "configuration that is read at every offset and width is survived", "-",
     .transports = TRANSPORTS_ALL)
{
	session_open(t);
	for (unsigned int width = 1; width <= 8; width *= 2)
		for (uint32_t offset = 0; offset + width <= config_length(t) && offset < 256;
		     offset++)
			config_read(t, offset, width);
	request_once(t, 0);
}

/* -- Odd widths. Before any step: what a queue's registers get then is gone with the reset. */
#define COMMON_LENGTH 0x40u

#define ODD(width, step, value, name)                                                              \
	CASE(break_common_written_##name, BREAK,                                                   \
	     "common configuration that is written as " #name " is survived",                      \
	     "DRV-PCI-LAYOUT-01 DRV-PCI-COMMON-01", .transports = TRANSPORT_PCI)                   \
	{                                                                                          \
		session_reset(t);                                                                  \
		scribble(t, SPACE_COMMON, 0, COMMON_LENGTH, width, step, value);                   \
		quiet(t);                                                                          \
	}
ODD(1, 1, 0xff, bytes_of_ones)
ODD(2, 2, 0xffff, halves_of_ones)
ODD(4, 4, 0xffffffff, words_of_ones)
ODD(8, 8, ~0ull, doubles_of_ones)
ODD(1, 1, 0, bytes_of_zeroes)
ODD(4, 4, 0, words_of_zeroes)
ODD(2, 1, 0, unaligned_halves)
ODD(4, 1, 0, unaligned_words)

#define ODD_MMIO(width, step, value, name)                                                         \
	CASE(break_mmio_written_##name, BREAK,                                                     \
	     "registers that are written as " #name " are survived",                               \
	     "DRV-MMIO-REG-01 DRV-MMIO-REG-02 DRV-MMIO-REG-04", .transports = TRANSPORTS_MMIO)     \
	{                                                                                          \
		session_reset(t);                                                                  \
		scribble(t, SPACE_COMMON, 0, 0x100, width, step, value);                           \
		quiet(t);                                                                          \
	}
ODD_MMIO(1, 1, 0xff, bytes_of_ones)
ODD_MMIO(2, 2, 0xffff, halves_of_ones)
ODD_MMIO(4, 4, 0xffffffff, words_of_ones)
ODD_MMIO(8, 8, ~0ull, doubles_of_ones)
ODD_MMIO(1, 1, 0, bytes_of_zeroes)
ODD_MMIO(4, 4, 0, words_of_zeroes)

static void read_everywhere(struct conformance_target *t, enum conformance_space space,
			    uint32_t length)
{
	session_open(t);
	for (unsigned int width = 1; width <= 8; width *= 2)
		for (uint32_t offset = 0;
		     offset + width <= length && offset + width <= t->length[space]; offset++)
			target_read(t, space, offset, width);
	/* Reading changes nothing but the ISR. */
	request_once(t, 0);
}

CASE(break_common_read_everywhere, BREAK,
     "common configuration that is read at every offset and width works on", "DRV-PCI-LAYOUT-01",
     .transports = TRANSPORT_PCI)
{
	read_everywhere(t, SPACE_COMMON, COMMON_LENGTH);
}

CASE(break_notify_read_everywhere, BREAK, "doorbells that are read work on", "-",
     .transports = TRANSPORT_PCI)
{
	read_everywhere(t, SPACE_NOTIFY, 64);
}

CASE(break_mmio_read_everywhere, BREAK, "registers that are read at every offset and width work on",
     "DRV-MMIO-REG-01 DRV-MMIO-REG-03 DRV-MMIO-REG-04", .transports = TRANSPORTS_MMIO)
{
	read_everywhere(t, SPACE_COMMON, 0x100);
}

CASE(break_isr_written, BREAK, "an ISR that is written works on", "-", .transports = TRANSPORT_PCI)
{
	session_open(t);
	scribble(t, SPACE_ISR, 0, 4, 1, 1, 0xff);
	request_once(t, 0);
}

/* -- MSI-X */
CASE(break_pending_written, BREAK, "pending bits that are written work on", "-",
     .transports = TRANSPORTS_PCI, .vectors = 1)
{
	session_open(t);
	target_write(t, SPACE_MSIX_PENDING, 0, 4, 0xffffffff);
	target_write(t, SPACE_MSIX_PENDING, 0, 8, ~0ull);
	request_once(t, 0);
}

CASE(break_msix_table_bytes, BREAK,
     "an MSI-X table that is written in bytes and halves is survived", "-",
     .transports = TRANSPORTS_PCI, .vectors = 1)
{
	session_reset(t);
	/* The function is disabled: none of these messages is ever sent. */
	scribble(t, SPACE_MSIX_TABLE, 0, t->msix_count * 16, 1, 1, 0xff);
	scribble(t, SPACE_MSIX_TABLE, 0, t->msix_count * 16, 2, 2, 0xffff);
	scribble(t, SPACE_MSIX_TABLE, 0, t->msix_count * 16, 4, 4, 0);
	for (unsigned int entry = 0; entry < t->msix_count; entry++)
		msix_entry_mask(t, entry, true);
}
