/* SPDX-License-Identifier: BSD-2-Clause */
/* The network driver's data path: headers, counts of buffers and lengths of any kind, in both directions. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/net.h"

#define STEPS 120

void fuzz_target(void)
{
	static const uint8_t features[] = {MODEL_NET_MRG_RXBUF,	 MODEL_NET_CSUM,
					   MODEL_NET_GUEST_CSUM, MODEL_NET_GUEST_TSO4,
					   MODEL_NET_HOST_TSO4,	 MODEL_NET_HOST_USO,
					   MODEL_NET_MTU,	 34 /* packed */};
	uint32_t offered;

	net_open(BUS_PCI, 1 + fuzz_choose(2), "");
	offered = fuzz_choose(256) ^ 7;
	for (unsigned int i = 0; i < 8; i++)
		virtio_model_offer(&net.model.model, features[i], offered & 1u << i);
	if (fuzz_choose(2)) {
		virtio_model_offer(&net.model.model, MODEL_NET_GUEST_TSO6, true);
		virtio_model_offer(&net.model.model, MODEL_NET_HOST_TSO6, true);
		virtio_model_offer(&net.model.model, MODEL_NET_HASH_REPORT, true);
		virtio_model_offer(&net.model.model, 35, true); /* IN_ORDER */
	}
	net.model.model.config[10] = 0xdc; /* MTU 1500 */
	net.model.model.config[11] = 5;
	net_boot();
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		net_step();
	net_close();
}
