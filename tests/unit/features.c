/* SPDX-License-Identifier: BSD-2-Clause */
/* Feature names, requirements, the user's choice, and what the core negotiates with the model. */
#include "drivers/virtio/features.h"
#include "drivers/virtio/virtio.h"
#include "kernel/options/options.h"
#include "tests/device/host.h"
#include "tests/device/virtio_model_net.h"
#include "tests/device/virtio_model_pci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <string.h>

#define NET VIRTIO_ID_NET

static int find(uint32_t type, const char *name)
{
	return virtio_feature_find(type, name, (unsigned int)strlen(name));
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(virtio_feature_name(NET, 15), "mrg_rxbuf");
	assert_string_equal(virtio_feature_name(NET, 29), "event_idx");
	assert_string_equal(virtio_feature_name(NET, 70), "ipsec");
	assert_null(virtio_feature_name(VIRTIO_ID_BLOCK, 15 + 32));
	assert_null(virtio_feature_name(NET, 127));
	assert_int_equal(find(NET, "mrg_rxbuf"), 15);
	assert_int_equal(find(VIRTIO_ID_BLOCK, "mrg_rxbuf"), -1);
	assert_int_equal(find(0, "packed"), 34);
	assert_int_equal(find(NET, "ring_packed"), 34);
	assert_int_equal(find(NET, "ring_event_idx"), 29);
	assert_int_equal(find(NET, "event"), -1);
	assert_int_equal(find(NET, ""), -1);
	assert_int_equal(find(NET, "ring_"), -1);
	/* Every name finds its bit again. */
	for (uint32_t type = 1; type < 32; type++)
		for (unsigned int bit = 0; bit < VIRTIO_FEATURE_BITS; bit++) {
			const char *name = virtio_feature_name(type, bit);

			if (name)
				assert_int_equal(find(type, name), (int)bit);
		}
}

static struct virtio_features set(const char *names)
{
	struct virtio_features features = {{0}};

	while (*names) {
		size_t length = strcspn(names, " ");

		virtio_features_set(&features, (unsigned int)virtio_feature_find(
						       NET, names, (unsigned int)length));
		names += length + (names[length] == ' ');
	}
	return features;
}

static void check_close(const char *before, const char *after)
{
	struct virtio_features features = set(before), expected = set(after);

	virtio_features_close(NET, &features);
	assert_memory_equal(&features, &expected, sizeof(features));
}

static void test_requirements(void **state)
{
	(void)state;
	check_close("csum mac", "csum mac");
	check_close("guest_tso4", "");
	check_close("guest_csum guest_tso4 guest_ecn", "guest_csum guest_tso4 guest_ecn");
	check_close("guest_csum guest_tso6 guest_ecn", "guest_csum guest_tso6 guest_ecn");
	/* One goes and takes others along. */
	check_close("guest_tso4 guest_ecn", "");
	check_close("mq ctrl_rx rss rss_context", "");
	check_close("ctrl_vq mq ctrl_rx rss rss_context", "ctrl_vq mq ctrl_rx rss rss_context");
	/* Bits above 63. */
	check_close("csum host_tso4 host_tso6 host_udp_tunnel_gso host_udp_tunnel_gso_csum",
		    "csum host_tso4 host_tso6");
	check_close(
		"csum host_tso4 host_tso6 host_uso host_udp_tunnel_gso host_udp_tunnel_gso_csum",
		"csum host_tso4 host_tso6 host_uso host_udp_tunnel_gso host_udp_tunnel_gso_csum");
	check_close("event_idx ring_packed", "event_idx");
	/* Of another device the same bits mean other things. */
	{
		struct virtio_features features = {{1u << 7}};

		virtio_features_close(VIRTIO_ID_BLOCK, &features);
		assert_int_equal(features.words[0], 1u << 7);
	}
}

/* -- With a device */

static struct virtio_model_net net;
static struct virtio_model_pci pci;

static struct virtio_device *last_device(void)
{
	struct virtio_device *device = virtio_first();

	while (device && device->next)
		device = device->next;
	return device;
}

static void start(const char *command_line)
{
	host_reset();
	pci_model_reset();
	virtio_model_net_init(&net, 16);
	virtio_model_pci_init(&pci, &net.model, 3, 4);
	options_parse(command_line);
	host_log_clear();
}

static void stop(void)
{
	if (net.model.violations)
		fail_msg("%s", net.model.violation);
	virtio_model_net_free(&net);
}

static void test_negotiated(void **state)
{
	(void)state;
	start("");
	/* Reserved, unknown, and known but not implemented: never accepted, and no reason to fail.
	 */
	net.model.offered[0] |= 0xff000000u | MODEL_FEATURE(MODEL_NET_CTRL_VQ) | MODEL_FEATURE(4);
	net.model.offered[1] = 0xffffffffu;
	net.model.offered[2] = net.model.offered[3] = 0xffffffffu;
	pci_model_boot();
	assert_string_equal(last_device()->driver->name, "virtio_net");
	assert_int_equal(net.model.accepted[0],
			 MODEL_FEATURE(MODEL_NET_CSUM) | MODEL_FEATURE(MODEL_NET_GUEST_CSUM) |
				 MODEL_FEATURE(MODEL_NET_MAC) | MODEL_FEATURE(MODEL_NET_MRG_RXBUF) |
				 MODEL_FEATURE(MODEL_NET_STATUS) | MODEL_FEATURE(MODEL_EVENT_IDX) |
				 MODEL_FEATURE(MODEL_INDIRECT) | MODEL_FEATURE(MODEL_NET_CTRL_VQ));
	/*
	 * VERSION_1, ACCESS_PLATFORM, RING_PACKED, IN_ORDER, ORDER_PLATFORM, NOTIFICATION_DATA,
	 * NOTIF_CONFIG_DATA, RING_RESET, HOST_USO, SPEED_DUPLEX
	 */
	assert_int_equal(net.model.accepted[1], 1u << 0 | 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 |
							1u << 6 | 1u << 7 | 1u << 8 | 1u << 24 |
							1u << 31);
	assert_int_equal(net.model.accepted[2] | net.model.accepted[3], 0);
	assert_memory_equal(net.model.accepted, last_device()->negotiated.words,
			    sizeof(net.model.accepted));
	stop();
}

static void test_each_missing(void **state)
{
	static const unsigned int bits[] = {MODEL_NET_CSUM,   MODEL_NET_GUEST_CSUM,
					    MODEL_NET_MAC,    MODEL_NET_MRG_RXBUF,
					    MODEL_NET_STATUS, MODEL_EVENT_IDX,
					    MODEL_INDIRECT};

	(void)state;
	for (unsigned int i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		start("");
		virtio_model_offer(&net.model, bits[i], false);
		pci_model_boot();
		assert_non_null(last_device()->driver);
		assert_int_equal(net.model.status, 15);
		assert_false(virtio_model_accepted(&net.model, bits[i]));
		stop();
	}
}

static void test_version_missing(void **state)
{
	(void)state;
	start("");
	virtio_model_offer(&net.model, MODEL_VERSION_1, false);
	pci_model_boot();
	assert_null(last_device()->driver);
	assert_true(net.model.status & VIRTIO_STATUS_FAILED);
	assert_false(net.model.status & VIRTIO_STATUS_FEATURES_OK);
	assert_true(host_log_has("VERSION_1"));
	stop();
}

static void test_user_takes_away(void **state)
{
	(void)state;
	start("virtio.features=-event_idx,-mrg_rxbuf");
	pci_model_boot();
	assert_non_null(last_device()->driver);
	assert_false(virtio_model_accepted(&net.model, MODEL_EVENT_IDX));
	assert_false(virtio_model_accepted(&net.model, MODEL_NET_MRG_RXBUF));
	assert_true(virtio_model_accepted(&net.model, MODEL_INDIRECT));
	stop();
}

static void test_user_names_device(void **state)
{
	(void)state;
	start("virtio.features=00:03.0:-event_idx virtio.features=00:04.0:-mrg_rxbuf");
	pci_model_boot();
	assert_false(virtio_model_accepted(&net.model, MODEL_EVENT_IDX));
	assert_true(virtio_model_accepted(&net.model, MODEL_NET_MRG_RXBUF));
	stop();
}

static void test_user_insists(void **state)
{
	(void)state;
	start("virtio.features=+event_idx,+mrg_rxbuf");
	pci_model_boot();
	assert_non_null(last_device()->driver);
	stop();

	start("virtio.features=+event_idx");
	virtio_model_offer(&net.model, MODEL_EVENT_IDX, false);
	pci_model_boot();
	assert_null(last_device()->driver);
	assert_int_equal(host_log_count(), 1);
	assert_true(host_log_has("insists on event_idx, which the device does not offer"));
	assert_true(net.model.status & VIRTIO_STATUS_FAILED);
	stop();

	/* Offered, but we do not do it. */
	start("virtio.features=+host_ufo");
	virtio_model_offer(&net.model, MODEL_NET_HOST_UFO, true);
	virtio_model_offer(&net.model, MODEL_NET_CSUM, true);
	pci_model_boot();
	assert_null(last_device()->driver);
	assert_true(host_log_has("host_ufo, which is not implemented"));
	stop();

	/* A feature of another device's type says nothing here. */
	start("virtio.features=+write_zeroes");
	pci_model_boot();
	assert_non_null(last_device()->driver);
	stop();
}

static void test_user_writes_nonsense(void **state)
{
	static const char *const words[] = {"virtio.features=event_idx",
					    "virtio.features=-nonsense",
					    "virtio.features=", "virtio.features=-event_idx,",
					    "virtio.features=00:03.0:"};

	(void)state;
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		start("");
		options_parse(words[i]);
		assert_int_equal(host_log_count(), 1);
		pci_model_boot();
		assert_true(virtio_model_accepted(&net.model, MODEL_EVENT_IDX));
		stop();
	}
}

static void test_device_refuses(void **state)
{
	(void)state;
	start("");
	net.model.refuse_features = true;
	pci_model_boot();
	assert_null(last_device()->driver);
	assert_true(net.model.status & VIRTIO_STATUS_FAILED);
	assert_true(host_log_has("does not accept our choice"));
	assert_false(net.model.queues[0].enabled);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_requirements),
		cmocka_unit_test(test_negotiated),
		cmocka_unit_test(test_each_missing),
		cmocka_unit_test(test_version_missing),
		cmocka_unit_test(test_user_takes_away),
		cmocka_unit_test(test_user_names_device),
		cmocka_unit_test(test_user_insists),
		cmocka_unit_test(test_user_writes_nonsense),
		cmocka_unit_test(test_device_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
