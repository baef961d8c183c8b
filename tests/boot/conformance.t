#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# QEMU's own devices before the whole of the conformance suite, in every configuration: what `make conform` runs. Nothing
# may fail but what the list of known deviations says, and nothing on that list may pass.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP       ();
use Ringside::Host qw(scratch read_file);
use Test::More;

my ($version) = qx(qemu-system-x86_64 --version) =~ /version (\d+\.\d+)/;
my $known = 'tests/conformance/expected/qemu-' . ($version // 'none');
plan skip_all => "nobody has listed what QEMU $version is known to do" unless -e $known;

my $json = scratch() . '/conform.json';
# One job: the test harness runs something else beside it.
my @words = ('tests/conformance/run', '--jobs', 1, '--expected', $known, '--json', $json, $ENV{RINGSIDE_IMAGE} ? ('--image', $ENV{RINGSIDE_IMAGE}) : ());
open my $output, '-|', $^X, @words or die "$words[0]: $!\n";
my @tap = <$output>;
close $output;
my $status = $? >> 8;
my $report = JSON::PP::decode_json(read_file($json) // '{}');

my %of;
push @{ $of{ $_->{configuration} }{ $_->{device} } }, $_ for @{ $report->{results} };
for my $row (@{ $report->{configurations} }) {
	my $configuration = $row->{name};
	my $devices = $of{$configuration} // {};
SKIP: {
		# Only where a network namespace is to be had; all others are everywhere.
		skip "$configuration: $row->{skipped}", 1 if defined $row->{skipped} && $configuration eq 'q35-tap';
		isnt(scalar keys %$devices, 0, "$configuration: has devices");
		for my $device (sort keys %$devices) {
			my @unexpected = grep { $_->{verdict} eq 'failed' || $_->{surprise} } @{ $devices->{$device} };
			is(scalar @unexpected, 0, "$configuration, $device: " . @{ $devices->{$device} } . ' cases, none with a verdict that is not known')
			  or diag map { sprintf "%s: %s; seen: %s\n    %s\n", @$_{qw(case verdict)}, $_->{surprise} // $_->{seen} // '', $_->{rerun} // '' } @unexpected;
		}
	}
}
is($report->{totals}{passed} > 10000, 1, 'most cases have run');
is($status, 0, 'the runner says that all is well') or diag @tap[ -8 .. -1 ];
diag $tap[-1] =~ s/^# //r;

done_testing;
