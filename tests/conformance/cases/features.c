/* SPDX-License-Identifier: BSD-2-Clause */
/* Feature bits: what a device may offer, must accept, and must refuse (virtio 1.4, 2.2 and 6). */
#include "tests/conformance/case.h"
#include "tests/conformance/core/dependencies.h"

#define SUBSETS 64u
#define ROUNDS 8u
#define RESERVED_FIRST 44u
#define RESERVED_LAST 49u

static uint32_t offered_word(struct conformance_target *t, uint32_t word)
{
	register_write(t, REGISTER_DEVICE_FEATURE_SELECT, word);
	return register_read(t, REGISTER_DEVICE_FEATURE);
}

/* Steps 1 to 6 of 3.1.1 with these features. */
static bool accepted(struct conformance_target *t, uint64_t features)
{
	uint32_t status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;

	device_reset(t);
	register_write(t, REGISTER_STATUS, STATUS_ACKNOWLEDGE);
	register_write(t, REGISTER_STATUS, status);
	features_write(t, features);
	register_write(t, REGISTER_STATUS, status | STATUS_FEATURES_OK);
	return register_read(t, REGISTER_STATUS) & STATUS_FEATURES_OK;
}

static void expect_accepted(struct conformance_target *t, uint64_t features)
{
	if (!accepted(t, features))
		fail(t, "FEATURES_OK stays set for a valid part of what is offered",
		     "refused 0x%llx of 0x%llx", (unsigned long long)features,
		     (unsigned long long)features_offered(t));
}

static void expect_refused(struct conformance_target *t, uint64_t features)
{
	if (accepted(t, features))
		fail(t, "FEATURES_OK reads 0: the device does not accept them",
		     "accepted 0x%llx of 0x%llx", (unsigned long long)features,
		     (unsigned long long)features_offered(t));
}

/* -- What is offered */

/*
 * Bits 0 to 63 that a device of this type may offer over an interface that is not legacy: those of the type
 * (5.1.3, 5.2.3, 5.3.3, 5.5.3) without what is for legacy only.
 */
static uint64_t known_of_device(uint32_t device)
{
	switch (device) {
	case DEVICE_NET:
		return 0xfbfc060000ffffaf; /* not 4, 6 (GSO), 58 */
	case DEVICE_BLOCK:
		return 0x3fe76; /* not 0 (BARRIER), 3, 7 (SCSI), 8 */
	case DEVICE_CONSOLE:
		return 0x7;
	case DEVICE_BALLOON:
		return 0x3f;
	default:
		return 0;
	}
}

static uint64_t known(const struct conformance_target *t)
{
	/* 6: 28, 29, 32 to 36, 38 to 40, 43 (SUSPEND) */
	uint64_t bits = 0x9df30000000;

	if (is_pci(t))
		bits |= FEATURE(F_SR_IOV) | FEATURE(F_ADMIN_VQ);
	return bits | known_of_device(t->device);
}

CASE(features_known, OBEY,
     "only bits that the specification gives to the device type and transport are offered (0 to 63)",
     "DEV-FEAT-04")
{
	expect_bits(t, "device features", features_offered(t), 0, ~known(t));
}

CASE(features_known_high, OBEY,
     "only bits that the specification gives to the device type are offered (64 to 127)",
     "DEV-FEAT-04")
{
	/* Network: 64 to 70. */
	expect_bits(t, "device features, word 2", offered_word(t, 2), 0,
		    t->device == DEVICE_NET ? 0xffffff80 : 0xffffffff);
	expect_equal(t, "device features, word 3", offered_word(t, 3), 0);
}

CASE(features_reserved, OBEY, "bits 44 to 49 are kept for later versions and are not offered",
     "DEV-FEAT-04")
{
	expect_bits(t, "device features", features_offered(t), 0,
		    FEATURE(RESERVED_LAST + 1) - FEATURE(RESERVED_FIRST));
}

CASE(features_reserved_high, OBEY,
     "bits from 128 on are kept for later versions and are not offered", "DEV-FEAT-04")
{
	static const uint32_t words[] = {4, 5, 7, 31, 255, 0x10000, 0xffffffff};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		note(t, "word %lu", (unsigned long)words[i]);
		expect_equal(t, "device features of a word from 4 on", offered_word(t, words[i]),
			     0);
	}
}

CASE(features_select, OBEY,
     "which feature bits are shown depends on nothing but the word that was selected last",
     "DEV-PCI-COMMON-03", .transports = TRANSPORT_PCI)
{
	uint32_t low = offered_word(t, 0), high = offered_word(t, 1);

	for (unsigned int i = 0; i < ROUNDS; i++) {
		expect_equal(t, "word 1 again", offered_word(t, 1), high);
		expect_equal(t, "word 1 without another select",
			     register_read(t, REGISTER_DEVICE_FEATURE), high);
		offered_word(t, 2);
		expect_equal(t, "word 0 again", offered_word(t, 0), low);
	}
}

CASE(features_select_high, OBEY, "a word of feature bits that has none reads 0",
     "DEV-PCI-COMMON-03", .transports = TRANSPORT_PCI)
{
	for (uint32_t word = 3; word < 40; word++)
		expect_equal(t, "device features of a word from 3 on", offered_word(t, word), 0);
}

CASE(features_offered_again, OBEY, "the same bits are offered after a reset", "DEV-FEAT-05",
     .transports = TRANSPORTS_ALL, .should = true)
{
	uint64_t before = features_offered(t);

	session_open(t);
	request_once(t, 0);
	device_reset(t);
	expect_equal(t, "device features after the reset", features_offered(t), before);
}

#define CLOSED(name, bit, all, any)                                                                \
	CASE(features_closed_net_##name, OBEY,                                                     \
	     "feature bit " #bit " is offered together with what it needs", "DEV-FEAT-01",         \
	     .devices = DEVICE(NET), .features = FEATURE(bit))                                     \
	{                                                                                          \
		expect_closed(t, all, any);                                                        \
	}

static void expect_closed(struct conformance_target *t, uint64_t all, uint64_t any)
{
	uint64_t offered = features_offered(t);

	expect_bits(t, "device features", offered, all, 0);
	expect(t, !any || offered & any, "one of the bits that it needs is offered");
}

NET_DEPENDENCIES(CLOSED)

/* -- What is accepted */

CASE(features_accept_all, OBEY, "all that is offered is accepted", "DEV-FEAT-02", .should = true)
{
	/* Only where an administration queue is set up, or functions are, does the driver accept these. */
	uint64_t not_ours = FEATURE(F_ADMIN_VQ) | FEATURE(F_SR_IOV);

	expect_accepted(t, features_valid_part(t->device, features_offered(t) & ~not_ours));
}

CASE(features_accept_least, OBEY, "VERSION_1 without any optional feature is accepted",
     "DEV-FEAT-02", .should = true)
{
	expect_accepted(t, features_offered(t) & SESSION_NEEDED);
}

CASE(features_accept_each, OBEY,
     "each feature is accepted alone, with nothing but those that it needs", "DEV-FEAT-02",
     .should = true)
{
	uint64_t offered = features_offered(t);

	for (unsigned int bit = 0; bit < 64; bit++)
		if (offered & FEATURE(bit))
			expect_accepted(t, features_with_needed(t->device,
								FEATURE(bit) |
									(offered & SESSION_NEEDED),
								offered));
}

CASE(features_accept_without_each, OBEY, "each feature can be left out, with those that need it",
     "DEV-FEAT-02", .should = true)
{
	uint64_t offered = features_offered(t);

	for (unsigned int bit = 0; bit < 64; bit++)
		if (offered & ~SESSION_NEEDED & FEATURE(bit))
			expect_accepted(t, features_valid_part(t->device, offered & ~FEATURE(bit)));
}

CASE(features_accept_subsets, OBEY, "any valid part of what is offered is accepted", "DEV-FEAT-02",
     .should = true)
{
	uint64_t offered = features_offered(t), random = 1;

	for (unsigned int i = 0; i < SUBSETS; i++) {
		/* Knuth's; the high bits are the good ones. */
		random = random * 6364136223846793005u + 1442695040888963407u;
		expect_accepted(t, features_valid_part(t->device,
						       offered & (SESSION_NEEDED |
								  (random ^ random << 32))));
	}
}

CASE(features_accept_rings, OBEY,
     "each combination of the offered features of rings is accepted, and a request is completed",
     "DEV-FEAT-02", .should = true)
{
	static const unsigned int bits[] = {F_INDIRECT_DESC, F_EVENT_IDX, F_RING_PACKED,
					    F_NOTIFICATION_DATA, F_RING_RESET};
	uint64_t offered = features_offered(t);

	for (unsigned int set = 0; set < 1u << sizeof(bits) / sizeof(bits[0]); set++) {
		uint64_t wanted = 0;

		for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
			if (set >> i & 1)
				wanted |= FEATURE(bits[i]);
		if (wanted & ~offered)
			continue;
		session_begin(t, SESSION_ONLY(wanted));
		session_ready(t);
		request_once(t, 0);
	}
}

CASE(features_accept_again, OBEY, "what was accepted once is accepted again after a reset",
     "DEV-FEAT-05", .should = true)
{
	uint64_t features;

	session_open(t);
	features = session_features(t);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		request_once(t, 0);
		session_open(t);
		expect_equal(t, "features that were accepted", session_features(t), features);
	}
}

/* -- What is refused */

CASE(features_refuse_device_bit, OBEY,
     "FEATURES_OK is refused when the driver accepts a bit of the device type that is not offered",
     "DEV-FEAT-03")
{
	uint64_t offered = features_offered(t);
	unsigned int bit = 0;

	while (offered >> bit & 1)
		bit++;
	if (bit >= F_NOTIFY_ON_EMPTY)
		skip(t, "all of them are offered");
	note(t, "bit %u", bit);
	expect_refused(t, (offered & SESSION_NEEDED) | FEATURE(bit));
}

CASE(features_refuse_reserved_bit, OBEY,
     "FEATURES_OK is refused when the driver accepts a reserved bit that is not offered",
     "DEV-FEAT-03")
{
	uint64_t offered = features_offered(t);

	expect_refused(t, (offered & SESSION_NEEDED) | FEATURE(RESERVED_FIRST));
}

/* Whoever accepts it without the bits that it needs. */
#define REFUSED(name, bit, all, any)                                                               \
	CASE(features_refuse_net_##name, OBEY,                                                     \
	     "FEATURES_OK is refused for feature bit " #bit " without what it needs",              \
	     "DEV-FEAT-03", .devices = DEVICE(NET), .features = FEATURE(bit))                      \
	{                                                                                          \
		expect_refused(t, (features_offered(t) & SESSION_NEEDED) | FEATURE(bit));          \
	}

NET_DEPENDENCIES(REFUSED)
