#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The ladder from emulated to para-virtual devices, and Ringside beside Linux on each rung: `make bench`, or
#
#	perl tests/bench/ladder.pl
#
#	ONLY=PATTERN	parts whose names match ("network-e1000"); what was measured before stays in the report
#	RUNS=3		rounds of each load, the guests in turn; medians count (5 of starts, if nothing is said)
#	ROUND=0.4	seconds of each load in a round
#	LINUX=no	without the Linux guest, whose kernels are 100 MB of packages
#	FOLDER=PATH	where the figures go, a file for each part (build/bench/ladder)
#
# tests/bench/report makes tables and plots of them.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../boot/lib";
use Bench::Block    qw(measure_block measure_instructions);
use Bench::Guest;
use Bench::Linux;
use Bench::Machine  qw(measure_start measure_memory measure_balloon measure_size measure_rings);
use Bench::Network  qw(measure_network measure_network_instructions settle_host);
use Bench::Results  qw(environment save);
use Bench::Ringside;
use Bench::Rungs    qw(network_rungs block_rungs);
use Ringside::Tap   qw(enter_namespace);
use Time::HiRes qw(time);

STDOUT->autoflush;
# Packages are fetched before the network is one of our own, where this program starts anew.
$ENV{BENCH_NO_LINUX} = ($ENV{LINUX} // '') eq 'no' ? 'LINUX=no' : Bench::Linux->missing // '' unless $ENV{RINGSIDE_NAMESPACE};
my $no_network = enter_namespace(@ARGV);
my $no_linux   = length $ENV{BENCH_NO_LINUX} ? $ENV{BENCH_NO_LINUX} : undef;

sub number_option ($name, $default, $pattern) {
	my $value = $ENV{$name};
	return $default unless defined $value && length $value;
	die "bench: $name=$value: a number is wanted\n" unless $value =~ $pattern && $value > 0;
	return $value;
}
my $runs    = number_option(RUNS    => 3,   qr/^\d{1,3}$/);
my $seconds = number_option(ROUND => 0.4, qr/^\d{1,3}(?:\.\d+)?$/);
my $only    = $ENV{ONLY} // '';
my $wanted  = eval { qr/$only/ } // die "bench: ONLY=$only: not a pattern\n";

my @classes  = ('Bench::Ringside', $no_linux ? () : 'Bench::Linux');
my %accel    = Bench::Guest::accelerator();

sub say_line ($line) { say "    $line"; return }

# name, why not, what measures it.
my @parts = (
	map({ my $rung = $_; [ "network-$rung->{name}", $no_network // $rung->{missing}, sub { measure_network($rung, \@classes, $runs, $seconds, \&say_line) } ] } network_rungs()),
	map({ my $rung = $_; [ "block-$rung->{name}", $rung->{missing}, sub { measure_block($rung, \@classes, $runs, $seconds, \&say_line) } ] } block_rungs()),
	# QEMU counts them with software emulation only, whatever the rest is measured with.
	map({ my $rung = $_; [ "instructions-block-$rung->{name}", undef, sub { measure_instructions($rung, \@classes, \&say_line) } ] } grep { $_->{name} =~ /^(?:ide|ahci|virtio|virtio-packed)$/ } block_rungs()),
	map({ my $rung = $_; [ "instructions-network-$rung->{name}", $no_network, sub { measure_network_instructions($rung, \@classes, $seconds, \&say_line) } ] } grep { $_->{name} =~ /^(?:rtl8139|e1000|virtio|virtio-packed)$/ } network_rungs()),
	map({ my $machine = $_; [ "start-$machine", $no_network, sub { measure_start($machine, \@classes, length($ENV{RUNS} // "") ? $runs : 5, \&say_line) } ] } qw(q35 microvm)),
	[ 'balloon', undef,       sub { measure_balloon(\@classes, $runs, \&say_line) } ],
	[ 'memory',  $no_network, sub { measure_memory(\@classes, \&say_line) } ],
	[ 'size',    undef,       sub { measure_size(\@classes, \&say_line) } ],
	[ 'rings',   undef,       sub { measure_rings(\&say_line) } ],
);
my @chosen = grep { $_->[0] =~ $wanted } @parts or die "bench: no part matches $only; there are: @{[ map { $_->[0] } @parts ]}\n";

say "Linux is left out: $no_linux" if $no_linux;
settle_host() unless $no_network;
my $failed = 0;
for my $part (@chosen) {
	my ($name, $missing, $code) = @$part;
	my $start = time;
	my %environment = (environment => environment(accelerator => "$accel{accel}, -cpu $accel{cpu}", runs => $runs, seconds => $seconds));
	if (defined $missing) {
		say "$name: skipped: $missing";
		save($name, { %environment, skipped => $missing });
		next;
	}
	say "$name:";
	my $data = eval { $code->() };
	if (!$data) {
		my $why = $@;
		print STDERR "bench: $name failed: $why";
		$failed = 1;
		next;
	}
	save($name, { %environment, %$data, $no_linux ? (no_linux => $no_linux) : () });
	printf "    (%.0f s)\n", time - $start;
}
exit $failed;
