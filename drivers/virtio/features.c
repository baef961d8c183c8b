/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of feature bits, what they need, and what the user says about them. */
#include "drivers/virtio/features.h"

#include "drivers/virtio/virtio.h"
#include "kernel/console/log.h"
#include "kernel/options/options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define LOG_AREA "virtio"
#define ANY 0u /* every device type */

struct name {
	uint8_t type;
	uint8_t bit;
	const char *name;
};

static const struct name names[] = {
	/* Chapter 6 */
	{ANY, VIRTIO_F_NOTIFY_ON_EMPTY, "notify_on_empty"},
	{ANY, VIRTIO_F_ANY_LAYOUT, "any_layout"},
	{ANY, VIRTIO_F_INDIRECT_DESC, "indirect_desc"},
	{ANY, VIRTIO_F_EVENT_IDX, "event_idx"},
	{ANY, VIRTIO_F_VERSION_1, "version_1"},
	{ANY, VIRTIO_F_ACCESS_PLATFORM, "access_platform"},
	{ANY, VIRTIO_F_RING_PACKED, "ring_packed"},
	{ANY, VIRTIO_F_IN_ORDER, "in_order"},
	{ANY, VIRTIO_F_ORDER_PLATFORM, "order_platform"},
	{ANY, VIRTIO_F_SR_IOV, "sr_iov"},
	{ANY, VIRTIO_F_NOTIFICATION_DATA, "notification_data"},
	{ANY, VIRTIO_F_NOTIF_CONFIG_DATA, "notif_config_data"},
	{ANY, VIRTIO_F_RING_RESET, "ring_reset"},
	{ANY, VIRTIO_F_ADMIN_VQ, "admin_vq"},
	{ANY, VIRTIO_F_SUSPEND, "suspend"},
	/* 5.1.3 */
	{VIRTIO_ID_NET, 0, "csum"},
	{VIRTIO_ID_NET, 1, "guest_csum"},
	{VIRTIO_ID_NET, 2, "ctrl_guest_offloads"},
	{VIRTIO_ID_NET, 3, "mtu"},
	{VIRTIO_ID_NET, 5, "mac"},
	{VIRTIO_ID_NET, 6, "gso"},
	{VIRTIO_ID_NET, 7, "guest_tso4"},
	{VIRTIO_ID_NET, 8, "guest_tso6"},
	{VIRTIO_ID_NET, 9, "guest_ecn"},
	{VIRTIO_ID_NET, 10, "guest_ufo"},
	{VIRTIO_ID_NET, 11, "host_tso4"},
	{VIRTIO_ID_NET, 12, "host_tso6"},
	{VIRTIO_ID_NET, 13, "host_ecn"},
	{VIRTIO_ID_NET, 14, "host_ufo"},
	{VIRTIO_ID_NET, 15, "mrg_rxbuf"},
	{VIRTIO_ID_NET, 16, "status"},
	{VIRTIO_ID_NET, 17, "ctrl_vq"},
	{VIRTIO_ID_NET, 18, "ctrl_rx"},
	{VIRTIO_ID_NET, 19, "ctrl_vlan"},
	{VIRTIO_ID_NET, 20, "ctrl_rx_extra"},
	{VIRTIO_ID_NET, 21, "guest_announce"},
	{VIRTIO_ID_NET, 22, "mq"},
	{VIRTIO_ID_NET, 23, "ctrl_mac_addr"},
	{VIRTIO_ID_NET, 50, "device_stats"},
	{VIRTIO_ID_NET, 51, "hash_tunnel"},
	{VIRTIO_ID_NET, 52, "vq_notf_coal"},
	{VIRTIO_ID_NET, 53, "notf_coal"},
	{VIRTIO_ID_NET, 54, "guest_uso4"},
	{VIRTIO_ID_NET, 55, "guest_uso6"},
	{VIRTIO_ID_NET, 56, "host_uso"},
	{VIRTIO_ID_NET, 57, "hash_report"},
	{VIRTIO_ID_NET, 59, "guest_hdrlen"},
	{VIRTIO_ID_NET, 60, "rss"},
	{VIRTIO_ID_NET, 61, "rsc_ext"},
	{VIRTIO_ID_NET, 62, "standby"},
	{VIRTIO_ID_NET, 63, "speed_duplex"},
	{VIRTIO_ID_NET, 64, "rss_context"},
	{VIRTIO_ID_NET, 65, "guest_udp_tunnel_gso"},
	{VIRTIO_ID_NET, 66, "guest_udp_tunnel_gso_csum"},
	{VIRTIO_ID_NET, 67, "host_udp_tunnel_gso"},
	{VIRTIO_ID_NET, 68, "host_udp_tunnel_gso_csum"},
	{VIRTIO_ID_NET, 69, "out_net_header"},
	{VIRTIO_ID_NET, 70, "ipsec"},
	/* 5.2.3 */
	{VIRTIO_ID_BLOCK, 0, "barrier"},
	{VIRTIO_ID_BLOCK, 1, "size_max"},
	{VIRTIO_ID_BLOCK, 2, "seg_max"},
	{VIRTIO_ID_BLOCK, 4, "geometry"},
	{VIRTIO_ID_BLOCK, 5, "ro"},
	{VIRTIO_ID_BLOCK, 6, "blk_size"},
	{VIRTIO_ID_BLOCK, 7, "scsi"},
	{VIRTIO_ID_BLOCK, 9, "flush"},
	{VIRTIO_ID_BLOCK, 10, "topology"},
	{VIRTIO_ID_BLOCK, 11, "config_wce"},
	{VIRTIO_ID_BLOCK, 12, "mq"},
	{VIRTIO_ID_BLOCK, 13, "discard"},
	{VIRTIO_ID_BLOCK, 14, "write_zeroes"},
	{VIRTIO_ID_BLOCK, 15, "lifetime"},
	{VIRTIO_ID_BLOCK, 16, "secure_erase"},
	{VIRTIO_ID_BLOCK, 17, "zoned"},
	/* 5.3.3, 5.5.3, 5.6.3 */
	{VIRTIO_ID_CONSOLE, 0, "size"},
	{VIRTIO_ID_CONSOLE, 1, "multiport"},
	{VIRTIO_ID_CONSOLE, 2, "emerg_write"},
	{VIRTIO_ID_BALLOON, 0, "must_tell_host"},
	{VIRTIO_ID_BALLOON, 1, "stats_vq"},
	{VIRTIO_ID_BALLOON, 2, "deflate_on_oom"},
	{VIRTIO_ID_BALLOON, 3, "free_page_hint"},
	{VIRTIO_ID_BALLOON, 4, "page_poison"},
	{VIRTIO_ID_BALLOON, 5, "page_reporting"},
	{VIRTIO_ID_SCSI, 0, "inout"},
	{VIRTIO_ID_SCSI, 1, "hotplug"},
	{VIRTIO_ID_SCSI, 2, "change"},
	{VIRTIO_ID_SCSI, 3, "t10_pi"},
	/* 5.10.3 and the following */
	{VIRTIO_ID_RTC, 0, "alarm"},
	{VIRTIO_ID_VSOCK, 0, "stream"},
	{VIRTIO_ID_VSOCK, 1, "seqpacket"},
	{VIRTIO_ID_VSOCK, 2, "no_implied_stream"},
	{VIRTIO_ID_IOMMU, 0, "input_range"},
	{VIRTIO_ID_IOMMU, 1, "domain_range"},
	{VIRTIO_ID_IOMMU, 2, "map_unmap"},
	{VIRTIO_ID_IOMMU, 3, "bypass"},
	{VIRTIO_ID_IOMMU, 4, "probe"},
	{VIRTIO_ID_IOMMU, 5, "mmio"},
	{VIRTIO_ID_IOMMU, 6, "bypass_config"},
	{VIRTIO_ID_MEM, 0, "acpi_pxm"},
	{VIRTIO_ID_MEM, 1, "unplugged_inaccessible"},
	{VIRTIO_ID_MEM, 2, "persistent_suspend"},
	{VIRTIO_ID_FS, 0, "notification"},
	{VIRTIO_ID_PMEM, 0, "shmem_region"},
};

/* A bit may be accepted only with one of `needs` (0 ends them); several lines for a bit all count.
 */
struct requirement {
	uint8_t type;
	uint8_t bit;
	uint8_t needs[2];
	bool either;
};

static const struct requirement requirements[] = {
	/* 5.1.3.1 */
	{VIRTIO_ID_NET, 7, {1}, false},
	{VIRTIO_ID_NET, 8, {1}, false},
	{VIRTIO_ID_NET, 9, {7, 8}, true},
	{VIRTIO_ID_NET, 10, {1}, false},
	{VIRTIO_ID_NET, 11, {0}, false},
	{VIRTIO_ID_NET, 12, {0}, false},
	{VIRTIO_ID_NET, 13, {11, 12}, true},
	{VIRTIO_ID_NET, 14, {0}, false},
	{VIRTIO_ID_NET, 18, {17}, false},
	{VIRTIO_ID_NET, 19, {17}, false},
	{VIRTIO_ID_NET, 20, {17}, false},
	{VIRTIO_ID_NET, 21, {17}, false},
	{VIRTIO_ID_NET, 22, {17}, false},
	{VIRTIO_ID_NET, 23, {17}, false},
	{VIRTIO_ID_NET, 51, {17}, false},
	{VIRTIO_ID_NET, 51, {60, 57}, true},
	{VIRTIO_ID_NET, 52, {17}, false},
	{VIRTIO_ID_NET, 53, {17}, false},
	{VIRTIO_ID_NET, 54, {1}, false},
	{VIRTIO_ID_NET, 55, {1}, false},
	{VIRTIO_ID_NET, 56, {0}, false},
	{VIRTIO_ID_NET, 57, {17}, false},
	{VIRTIO_ID_NET, 60, {17}, false},
	{VIRTIO_ID_NET, 61, {11, 12}, true},
	{VIRTIO_ID_NET, 64, {17}, false},
	{VIRTIO_ID_NET, 64, {60}, false},
	{VIRTIO_ID_NET, 65, {7}, false},
	{VIRTIO_ID_NET, 65, {8}, false},
	{VIRTIO_ID_NET, 65, {54}, false},
	{VIRTIO_ID_NET, 65, {55}, false},
	{VIRTIO_ID_NET, 66, {65}, false},
	{VIRTIO_ID_NET, 67, {11}, false},
	{VIRTIO_ID_NET, 67, {12}, false},
	{VIRTIO_ID_NET, 67, {56}, false},
	{VIRTIO_ID_NET, 68, {67}, false},
	/* 5.10.3: with a feature for one kind of socket, not by implication */
	{VIRTIO_ID_VSOCK, 2, {0, 1}, true},
	/* 2.7.7 and 4.1: kinds of notification data need the version that has them */
	{ANY, VIRTIO_F_RING_PACKED, {VIRTIO_F_VERSION_1}, false},
	{ANY, VIRTIO_F_IN_ORDER, {VIRTIO_F_VERSION_1}, false},
	{ANY, VIRTIO_F_NOTIFICATION_DATA, {VIRTIO_F_VERSION_1}, false},
	{ANY, VIRTIO_F_RING_RESET, {VIRTIO_F_VERSION_1}, false},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *virtio_feature_name(uint32_t type, unsigned int bit)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (names[i].bit == bit && (names[i].type == ANY || names[i].type == type))
			return names[i].name;
	return NULL;
}

/* The ring's features were written with RING_ in one version and without it in another. */
static void strip_ring(const char **name, unsigned int *length)
{
	static const char prefix[] = "ring_";
	const unsigned int prefix_length = sizeof(prefix) - 1;

	if (*length > prefix_length && !memcmp(*name, prefix, prefix_length)) {
		*name += prefix_length;
		*length -= prefix_length;
	}
}

int virtio_feature_find(uint32_t type, const char *name, unsigned int length)
{
	const char *stripped = name;
	unsigned int stripped_length = length;

	for (size_t i = 0; i < COUNT(names); i++) {
		if (names[i].type != ANY && type != ANY && names[i].type != type)
			continue;
		if (strlen(names[i].name) == length && !memcmp(names[i].name, name, length))
			return names[i].bit;
	}
	strip_ring(&stripped, &stripped_length);
	for (size_t i = 0; i < COUNT(names) && names[i].type == ANY; i++) {
		const char *candidate = names[i].name;
		unsigned int candidate_length = (unsigned int)strlen(candidate);

		strip_ring(&candidate, &candidate_length);
		if (candidate_length == stripped_length &&
		    !memcmp(candidate, stripped, stripped_length))
			return names[i].bit;
	}
	return -1;
}

void virtio_features_close(uint32_t type, struct virtio_features *features)
{
	bool changed;

	do {
		changed = false;
		for (size_t i = 0; i < COUNT(requirements); i++) {
			const struct requirement *requirement = &requirements[i];
			bool there = virtio_features_has(features, requirement->needs[0]);

			if (requirement->type != ANY && requirement->type != type)
				continue;
			if (requirement->either)
				there = there ||
					virtio_features_has(features, requirement->needs[1]);
			if (!there && virtio_features_has(features, requirement->bit)) {
				virtio_features_clear(features, requirement->bit);
				changed = true;
			}
		}
	} while (changed);
}

/* -- virtio.features=[DEVICE:]{+|-}NAME,... */

/* Where the list of names starts: behind the last colon, which ends the device's name. */
static const char *list_of(const char *value)
{
	const char *colon = strrchr(value, ':');

	return colon ? colon + 1 : value;
}

/* Calls `function` for each word; false when a word is malformed or `function` said so. */
static bool each_word(const char *list,
		      bool (*function)(void *context, bool insist, const char *name,
				       unsigned int length),
		      void *context)
{
	for (;;) {
		size_t length = strcspn(list, ",");

		if (length < 2 || (list[0] != '+' && list[0] != '-') ||
		    !function(context, list[0] == '+', list + 1, (unsigned int)length - 1))
			return false;
		if (!list[length])
			return true;
		list += length + 1;
	}
}

static bool is_known(void *context, bool insist, const char *name, unsigned int length)
{
	(void)context;
	(void)insist;
	return virtio_feature_find(ANY, name, length) >= 0;
}

static bool check_features(const char *value)
{
	return each_word(list_of(value), is_known, NULL);
}

OPTION(virtio_features, "virtio.features", "[DEVICE:]{+|-}NAME,...",
       "virtio features to insist on (+) or to do without (-) (default: none)", check_features);

struct choice {
	uint32_t type;
	const char *bus_name, *device_name;
	const struct virtio_features *offered;
	struct virtio_features *wanted;
	bool possible;
};

static bool choose_word(void *context, bool insist, const char *name, unsigned int length)
{
	struct choice *choice = context;
	int bit = virtio_feature_find(choice->type, name, length);

	if (bit < 0)
		return true; /* a feature of other devices */
	if (!insist) {
		virtio_features_clear(choice->wanted, (unsigned int)bit);
		return true;
	}
	if (virtio_features_has(choice->wanted, (unsigned int)bit))
		return true;
	log_error("%s (%s): refused, virtio.features insists on %.*s, which %s", choice->bus_name,
		  choice->device_name, (int)length, name,
		  virtio_features_has(choice->offered, (unsigned int)bit)
			  ? "is not implemented or was taken away"
			  : "the device does not offer");
	choice->possible = false;
	return false;
}

static bool choose_value(void *context, const char *value)
{
	struct choice *choice = context;
	const char *list = list_of(value);

	if (list != value) {
		size_t length = (size_t)(list - value) - 1;
		bool named = (strlen(choice->bus_name) == length &&
			      !memcmp(choice->bus_name, value, length)) ||
			     (strlen(choice->device_name) == length &&
			      !memcmp(choice->device_name, value, length));

		if (!named)
			return true;
	}
	each_word(list, choose_word, choice);
	return choice->possible;
}

bool virtio_features_choose(uint32_t type, const char *bus_name, const char *device_name,
			    const struct virtio_features *offered, struct virtio_features *wanted)
{
	struct choice choice = {type, bus_name, device_name, offered, wanted, true};

	options_each("virtio.features", choose_value, &choice);
	return choice.possible;
}

void virtio_features_describe(struct facts *facts, const char *name, uint32_t type,
			      const struct virtio_features *features)
{
	fact_string_list(facts, name);
	for (unsigned int bit = 0; bit < VIRTIO_FEATURE_BITS; bit++) {
		const char *known = virtio_feature_name(type, bit);
		char number[VIRTIO_FEATURE_NAME_MAX];

		if (!virtio_features_has(features, bit))
			continue;
		if (!known) {
			sniprintf(number, sizeof(number), "bit %u", bit);
			known = number;
		}
		fact_string(facts, known);
	}
	fact_end(facts);
}
