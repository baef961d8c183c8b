# SPDX-License-Identifier: BSD-2-Clause
package Bench::Goals;

# What was set out to be reached, beside what was measured. Rates and times are ratios to Linux in the same run. Where other
# work kept the machine busy, they are those of QEMU's CPU time for an operation instead, which it disturbs less.

use v5.36;
use Bench::Tables qw(value short busy);
use Exporter qw(import);

our @EXPORT_OK = qw(goals);

# Ours by Linux's of a value, for what should be large.
sub more ($parts, $part, @path) {
	my ($ours, $theirs) = map { value($parts->{$part}, guests => $_, @path) } qw(Ringside Linux);
	return defined $ours && $theirs ? $ours / $theirs : undef;
}

sub less ($parts, $part, @path) {
	my $ratio = more($parts, $part, @path);
	return $ratio ? 1 / $ratio : undef;
}

# Rows: what, the goal, what was measured, whether it was reached (undef: not measured).
sub goals ($parts) {
	my @rows;
	my $at_least = sub ($what, $goal, $measured, $note = '') {
		push @rows, { what => $what, goal => "at least $goal", measured => $measured, reached => defined $measured ? $measured >= $goal : undef, note => $note };
	};
	my $at_most = sub ($what, $goal, $measured, $unit = '', $note = '') {
		push @rows, { what => $what, goal => "at most $goal$unit", measured => $measured, unit => $unit, reached => defined $measured ? $measured <= $goal : undef, note => $note };
	};
	# The way of a value in an idle machine and in a busy one.
	my $way = sub ($part, $idle, $cpu) { return busy($parts, $part) ? ($cpu, 'by CPU time') : ($idle, '') };
	my $rate = sub ($what, $goal, $part, $load) {
		my $cpu = less($parts, $part, $load, 'cpu_microseconds');
		my ($measured, $note) = $way->($part, more($parts, $part, $load, 'rate'), $cpu);
		$at_least->("$what, times Linux", $goal, $measured, $note || !defined $cpu ? $note : 'by CPU time ' . short($cpu));
	};
	my $each = sub ($load, $what) { return value($parts->{'network-virtio'}, guests => 'Ringside', $load, 'each', $what) };

	for my $machine (qw(q35 microvm)) {
		my $part = "start-$machine";
		my ($what, $note) = $way->($part, 'milliseconds', 'cpu_milliseconds');
		$at_least->("QEMU's start to the first answer by TCP, $machine, times faster than Linux", 25, less($parts, $part, $what), $note);
		my ($ours, $line) = map { value($parts->{$part}, guests => $_, $what) } qw(Ringside line);
		$at_most->("the same, times an image that only says a line, $machine", 1.5, $ours && $line ? $ours / $line : undef, '', $note);
	}
	$at_most->('the least memory that serves page and echo', 4, value($parts->{memory}, guests => 'Ringside', 'mib'), ' MiB');
	my $bytes = value($parts->{size}, guests => 'Ringside', 'bytes');
	$at_most->('image with everything', 1000, $bytes ? $bytes / 1000 : undef, ' KB');
	my ($latency, $by) = $way->('network-virtio', 'p50', 'cpu_microseconds');
	$at_most->("UDP echo, 1 in flight: latency, of Linux's", 0.6, more($parts, 'network-virtio', 'udp-1', $latency), '', $by);
	# What the stack sends for itself meanwhile counts too.
	$at_most->('UDP echo, 1 in flight: kicks for each',      1.01, $each->('udp-1', 'kicks'));
	$at_most->('UDP echo, 1 in flight: interrupts for each', 1.01, $each->('udp-1', 'interrupts'));
	$rate->('UDP echo, 32 in flight', 4, 'network-virtio', 'udp-32');
	$at_most->('UDP echo, 32 in flight: kicks for each',      0.05, $each->('udp-32', 'kicks'));
	$at_most->('UDP echo, 32 in flight: interrupts for each', 0.1,  $each->('udp-32', 'interrupts'));
	$rate->('TCP request and response', 2, 'network-virtio', 'request');
	$rate->('TCP connect, request, close', 8, 'network-virtio', 'connect');
	$rate->('TCP to the guest', 2, 'network-virtio', 'send');
	$rate->('TCP from the guest', 2, 'network-virtio', 'receive');
	$at_most->('TCP to the guest: kicks for each MiB',      2, $each->('send', 'kicks'));
	$at_most->('TCP to the guest: interrupts for each MiB', 6, $each->('send', 'interrupts'));
	$rate->('4 KiB random read, depth 1', 1.7, 'block-virtio', 'random-1');
	$rate->('4 KiB random read, depth 32', 2.5, 'block-virtio', 'random-32');
	my ($inflate, $how) = $way->('balloon', 'inflate', 'inflate_cpu');
	$at_least->('balloon, 2048 MiB to 512, times faster than Linux', 8, less($parts, 'balloon', $inflate), $how);
	my $rings = value($parts->{rings}, guests => 'Ringside') // {};
	$at_most->("ring: instructions to add and take one buffer of a batch, $_->[0]", $_->[1], value($rings, $_->[0], 'direct, one call, batch of 32: add and take')) for [ split => 60 ], [ packed => 50 ];
	return @rows;
}

1;
