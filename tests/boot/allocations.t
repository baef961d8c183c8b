#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Out of memory anywhere: unit tests once more with some of their allocations failing (`make out-of-memory`: each of all).

use v5.36;
use FindBin;

# Those whose sources allocate most where devices, scripts and kernels are concerned; a few of each.
exec "$FindBin::Bin/../unit/failing/run", '--most', $ENV{RINGSIDE_ALLOCATIONS} || 4,
  '(?:virtio_balloon|virtio_console|virtio_mmio|virtio_net|virtio_blk|pci_bus|next_kernel|script|devices|ahci|ide)$'
  or die "run: $!\n";
