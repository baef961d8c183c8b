/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The common configuration beside queues and vectors (virtio 1.4, 4.1.4.3), and the window to it in
 * configuration space (4.1.4.9).
 */
#include "tests/conformance/case.h"
#include "tests/conformance/core/function.h"

#define FEATURES_WORDS 2u
#define OFFSET_FEATURE_SELECT 0x00u
#define OFFSET_DRIVER_FEATURE_SELECT 0x08u
#define OFFSET_STATUS 0x14u

CASE(common_driver_features, OBEY,
     "driver_feature reads back what the driver accepted, for each word", "DEV-PCI-COMMON-04",
     .transports = TRANSPORT_PCI)
{
	uint64_t offered = features_offered(t);
	uint64_t sets[] = {offered, offered & 0x5555555555555555, offered & 0xaaaaaaaaaaaaaaaa, 0};

	register_write(t, REGISTER_STATUS, STATUS_ACKNOWLEDGE);
	register_write(t, REGISTER_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		features_write(t, sets[i]);
		for (uint32_t word = 0; word < FEATURES_WORDS; word++) {
			register_write(t, REGISTER_DRIVER_FEATURE_SELECT, word);
			expect_equal(t, word ? "driver_feature, word 1" : "driver_feature, word 0",
				     register_read(t, REGISTER_DRIVER_FEATURE),
				     (uint32_t)(sets[i] >> 32 * word));
		}
	}
}

CASE(common_driver_features_reset, OBEY, "after a reset the driver has accepted no feature", "-",
     .transports = TRANSPORT_PCI)
{
	session_open(t);
	device_reset(t);
	for (uint32_t word = 0; word < FEATURES_WORDS; word++) {
		register_write(t, REGISTER_DRIVER_FEATURE_SELECT, word);
		expect_equal(t, "driver_feature", register_read(t, REGISTER_DRIVER_FEATURE), 0);
	}
}

CASE(common_queues, OBEY, "num_queues counts the queues that a device of its type must have", "-",
     .transports = TRANSPORT_PCI)
{
	static const unsigned int least[] = {[DEVICE_NET] = 2,
					     [DEVICE_BLOCK] = 1,
					     [DEVICE_CONSOLE] = 2,
					     [DEVICE_ENTROPY] = 1,
					     [DEVICE_BALLOON] = 2};

	expect_range(t, "num_queues", queue_count(t), least[t->device], 0xffff);
}

CASE(common_read_only, OBEY,
     "num_queues and the offered features are the same after the driver wrote there", "-",
     .transports = TRANSPORT_PCI)
{
	unsigned int queues = queue_count(t);
	uint64_t offered = features_offered(t);

	register_write(t, REGISTER_NUM_QUEUES, 1);
	register_write(t, REGISTER_DEVICE_FEATURE, 0);
	expect_equal(t, "num_queues", queue_count(t), queues);
	expect_equal(t, "device features", features_offered(t), offered);
}

/* -- The window: one access of `width` at `offset` of the common configuration. */

static struct function_structure open_window(struct conformance_target *t)
{
	struct function_structure window;

	if (!function_structure_next(t, STRUCTURE_PCI, 0, &window))
		fail(t, "there is a capability for access through configuration space", "none");
	return window;
}

static unsigned int window_aim(struct conformance_target *t, uint32_t offset, unsigned int width)
{
	struct function_structure window = open_window(t), common;

	if (!function_structure_next(t, STRUCTURE_COMMON, 0, &common))
		fail(t, "there is a common configuration", "none");
	target_write(t, SPACE_PCI, window.at + 4, 1, common.bar);
	target_write(t, SPACE_PCI, window.at + 8, 4, common.offset + offset);
	target_write(t, SPACE_PCI, window.at + 12, 4, width);
	return window.at + 16;
}

#define WINDOW(width)                                                                              \
	CASE(window_read_##width, OBEY,                                                            \
	     "pci_cfg_data reads what the BAR has there, " #width " bytes wide",                   \
	     "DEV-PCI-PCICFG-03", .transports = TRANSPORT_PCI)                                     \
	{                                                                                          \
		window_read(t, width);                                                             \
	}                                                                                          \
	CASE(window_write_##width, OBEY,                                                           \
	     "what is written to pci_cfg_data is written to the BAR, " #width " bytes wide",       \
	     "DEV-PCI-PCICFG-02", .transports = TRANSPORT_PCI)                                     \
	{                                                                                          \
		window_write(t, width);                                                            \
	}

/* Fields of each width, with something in them. */
static uint32_t field_of(unsigned int width)
{
	return width == 1 ? OFFSET_STATUS : width == 2 ? 0x12u : 0x04u;
}

static void window_read(struct conformance_target *t, unsigned int width)
{
	uint32_t field = field_of(width);

	session_begin(t, SESSION_ALL);
	register_write(t, REGISTER_DEVICE_FEATURE_SELECT, 1);
	expect_equal(t, "the field through the window",
		     function_config(t, window_aim(t, field, width), width),
		     target_read(t, SPACE_COMMON, field, width));
	/* It is read again for each read. */
	register_write(t, REGISTER_DEVICE_FEATURE_SELECT, 0);
	register_write(t, REGISTER_STATUS, register_read(t, REGISTER_STATUS) | STATUS_FAILED);
	expect_equal(t, "the field through the window, when it changed",
		     function_config(t, window_aim(t, field, width), width),
		     target_read(t, SPACE_COMMON, field, width));
}

static void window_write(struct conformance_target *t, unsigned int width)
{
	uint32_t field = width == 1   ? OFFSET_STATUS
			 : width == 2 ? 0x16u /* queue_select */
				      : OFFSET_DRIVER_FEATURE_SELECT;

	target_write(t, SPACE_PCI, window_aim(t, field, width), width, 1);
	expect_equal(t, "the field after a write of 1 through the window",
		     target_read(t, SPACE_COMMON, field, width), 1);
	target_write(t, SPACE_PCI, window_aim(t, field, width), width, 0);
	expect_equal(t, "the field after a write of 0 through the window",
		     target_read(t, SPACE_COMMON, field, width), 0);
}

WINDOW(1)
WINDOW(2)
WINDOW(4)

CASE(window_aim_only, OBEY, "aiming the window accesses nothing", "-", .transports = TRANSPORT_PCI)
{
	register_write(t, REGISTER_STATUS, STATUS_ACKNOWLEDGE);
	window_aim(t, OFFSET_STATUS, 1);
	expect_equal(t, "status", register_read(t, REGISTER_STATUS), STATUS_ACKNOWLEDGE);
}

CASE(window_whole_driver, OBEY,
     "a driver that writes status and features through the window alone is understood",
     "DEV-PCI-PCICFG-02 DEV-PCI-PCICFG-03", .transports = TRANSPORT_PCI)
{
	uint32_t status = STATUS_ACKNOWLEDGE | STATUS_DRIVER, low, high;

	target_write(t, SPACE_PCI, window_aim(t, OFFSET_STATUS, 1), 1, STATUS_ACKNOWLEDGE);
	target_write(t, SPACE_PCI, window_aim(t, OFFSET_STATUS, 1), 1, status);
	target_write(t, SPACE_PCI, window_aim(t, OFFSET_FEATURE_SELECT, 4), 4, 0);
	low = function_config(t, window_aim(t, 0x04, 4), 4);
	target_write(t, SPACE_PCI, window_aim(t, OFFSET_FEATURE_SELECT, 4), 4, 1);
	high = function_config(t, window_aim(t, 0x04, 4), 4);
	expect_equal(t, "features through the window", low | (uint64_t)high << 32,
		     features_offered(t));
	/* VERSION_1, ACCESS_PLATFORM and ORDER_PLATFORM, which no device has to do without. */
	target_write(t, SPACE_PCI, window_aim(t, OFFSET_DRIVER_FEATURE_SELECT, 4), 4, 1);
	target_write(t, SPACE_PCI, window_aim(t, 0x0c, 4), 4, high & 0x13);
	target_write(t, SPACE_PCI, window_aim(t, OFFSET_STATUS, 1), 1, status | STATUS_FEATURES_OK);
	expect_equal(t, "status through the window",
		     function_config(t, window_aim(t, OFFSET_STATUS, 1), 1),
		     status | STATUS_FEATURES_OK);
}
