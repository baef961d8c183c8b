#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Is the conformance suite able to fail? Its cases run on the model device: without a fault nothing may fail, and each
# fault must be noticed by a case whose claim is about it. `build/conform/model --mutation` speaks TAP itself.
#
# No case can see which fault is set: nothing under tests/conformance but the host program knows of tests/device.

use v5.36;
use FindBin;

chdir "$FindBin::Bin/../.." or die "$FindBin::Bin/../..: $!\n";
my $seen = qx(grep -lE 'tests/device|fault_now|fault_find' tests/conformance/*.h tests/conformance/core/* tests/conformance/cases/*);
die "these see the model device:\n$seen" if $seen;
exec 'build/conform/model', '--mutation', '--complete' or die "build/conform/model: $!\n";
