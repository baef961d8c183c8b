/* SPDX-License-Identifier: BSD-2-Clause */
/* The legacy interface on PCI: a network device with other layouts, sizes that it dictates, and no FEATURES_OK. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/net.h"

#define STEPS 80

void fuzz_target(void)
{
	net_open(BUS_PCI_LEGACY, 1, "");
	virtio_model_offer(&net.model.model, MODEL_NET_MRG_RXBUF, fuzz_choose(2));
	virtio_model_offer(&net.model.model, 27, fuzz_choose(2)); /* ANY_LAYOUT */
	virtio_model_offer(&net.model.model, 24, fuzz_choose(2)); /* NOTIFY_ON_EMPTY */
	net.model.model.early = fuzz_choose(2);
	net.pci_lies = fuzz_choose(4) == 3;
	net_boot();
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		net_step();
	net_close();
}
