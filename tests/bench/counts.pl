#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Measures the costs that are the same in every run, and writes them to tests/bench/counts: `make counts`.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../boot/lib";
use Ringside::Counts;

Ringside::Counts::write_table("$FindBin::Bin/counts", Ringside::Counts::measure());
