#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Out of memory anywhere: unit tests once more, with an allocation of each call stack failing (`make out-of-memory`: each
# allocation of all).

use v5.36;
use FindBin;

# Not those that take longest, for parts that others have too.
exec "$FindBin::Bin/../unit/failing/run", '--stacks', '(?!facts|next_kernel|out_of_memory|rings|split_ring|virtio_balloon|virtio_\\w+_lies)\\w+$'
  or die "run: $!\n";
