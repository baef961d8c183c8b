# SPDX-License-Identifier: BSD-2-Clause
package Bench::Tables;

# What was measured as tables in Markdown. Each function takes all parts, by name, and returns text; a cell of what was not
# measured is "-".

use v5.36;
use Exporter qw(import);
use List::Util qw(max);

our @EXPORT_OK = qw(tables parts_of exits short value busy);

# A number with three digits that count.
sub short ($number) {
	return '-' unless defined $number;
	return '0' if !$number;
	my $size = abs $number;
	return sprintf '%.0f k', $number / 1000 if $size >= 100_000;
	return sprintf '%.0f', $number if $size >= 100;
	return sprintf '%.1f', $number if $size >= 10;
	return sprintf '%.2f', $number if $size >= 1;
	return sprintf '%.3f', $number;
}

sub thousands ($number) { return defined $number ? short($number / 1000) . ' k' : '-' }

sub row (@cells) { return '| ' . join(' | ', @cells) . " |\n" }
sub table ($head, @rows) { return join '', row(@$head), '|' . '---|' x @$head . "\n", map { row(@$_) } @rows }

# A member at any depth, or undef.
sub value ($data, @path) {
	for my $name (@path) {
		return undef unless ref $data eq 'HASH';
		$data = $data->{$name};
	}
	return $data;
}

# Parts of the ladder "network" or "block" that were measured, rung by rung.
my %order = (
	network => [qw(rtl8139 e1000 virtio-noevent virtio virtio-packed virtio-queues vhost-net vhost-user)],
	block   => [qw(ide ahci virtio virtio-packed virtio-queues vhost-user)],
);
sub parts_of ($parts, $ladder, $prefix = '') { return grep { $_ && !defined $_->{skipped} } map { $parts->{"$prefix$ladder-$_"} } @{ $order{$ladder} } }

# Was the machine busy with other things when parts were measured whose names begin so? Then times say little, and are
# not shown: counts, instructions and CPU time are.
sub busy ($parts, $prefix = '') {
	return grep { my $e = $_->{environment}; $e && ($e->{load} // 0) > 2 * $e->{cpus} } map { $parts->{$_} } grep { /^$prefix/ } keys %$parts;
}

my $left_out = "Left out: the machine was busy with other work, so times say little. `make bench` on an idle one has them.\n";

# What leaves the guest for an operation: notifications and register accesses. Undef where notifications were not seen.
sub exits ($part, $guest, $load) {
	my $each = value($part, guests => $guest, $load, 'each') // return undef;
	return undef unless defined $each->{kicks} || defined $each->{accesses};
	return ($each->{kicks} // 0) + ($each->{accesses} // 0);
}

sub cost ($part, $guest, $load) { return short(exits($part, $guest, $load)) . ' / ' . short(value($part, guests => $guest, $load, 'each', 'interrupts')) }

# Ours and theirs, and how many times better ours is; $less: less is better.
sub beside ($format, $less, $ours, $theirs) {
	my $text = $format->($ours);
	return $text unless defined $theirs;
	return "$text / " . $format->($theirs) . ($ours && $theirs ? sprintf ' (%.1f x)', $less ? $theirs / $ours : $ours / $theirs : '');
}

sub costs ($parts, $ladder, @loads) {
	return table([ 'device', map { ("$_->[1], Ringside", 'Linux') } @loads ],
		map { my $part = $_; [ $part->{title}, map { my $load = $_->[0]; map { cost($part, $_, $load) } qw(Ringside Linux) } @loads ] } parts_of($parts, $ladder));
}

sub both ($parts, $ladder, $what, $less, @loads) {
	return table([ 'device', map { $_->[1] } @loads ], map {
		my $part = $_;
		[ $part->{title}, map { my ($load, undef, $format) = @$_; beside($format // \&short, $less, map { value($part, guests => $_, $load, $what) } qw(Ringside Linux)) } @loads ]
	} parts_of($parts, $ladder));
}

sub rates ($parts, $ladder, @loads) { return both($parts, $ladder, rate => 0, @loads) }
sub spent ($parts, $ladder, $what, @loads) { return both($parts, $ladder, $what, 1, @loads) }

# MiB to Mbit.
sub megabits ($mebibytes) { return defined $mebibytes ? short($mebibytes * 8.388608) : '-' }

sub machine ($parts) {
	my @rows;
	my $add = sub ($title, $unit, $part, $key, $less = 1) {
		my ($ours, $theirs) = map { value($parts->{$part}, guests => $_, $key) } qw(Ringside Linux);
		push @rows, [ $title, map({ defined $_ ? short($_) . " $unit" : '-' } $ours, $theirs), defined $ours && defined $theirs && $ours ? sprintf '%.1f x', $theirs / $ours : '-' ];
	};
	my @kinds = busy($parts, 'start') ? ([ 'CPU time of it', 'cpu_milliseconds' ]) : ([ 'time', 'milliseconds' ], [ 'CPU time of it', 'cpu_milliseconds' ]);
	for my $machine (qw(q35 microvm)) {
		for my $kind (@kinds) {
			$add->("QEMU's start to the first answer by TCP, $machine, $kind->[0]", 'ms', "start-$machine", $kind->[1]);
			my $line = value($parts->{"start-$machine"}, guests => 'line', $kind->[1]);
			push @rows, [ "to the line of an image that does nothing else, $machine, $kind->[0]", defined $line ? short($line) . ' ms' : '-', '', '' ];
		}
	}
	$add->('the least memory that serves page and echo, microvm', 'MiB', 'memory', 'mib');
	for my $kind ([ 'time', '' ], [ 'CPU time of it', '_cpu' ]) {
		next if !$kind->[1] && busy($parts, 'balloon');
		$add->("balloon, 2048 MiB to 512, $kind->[0]", 's', 'balloon', "inflate$kind->[1]");
		$add->("balloon, back, $kind->[0]", 's', 'balloon', "deflate$kind->[1]");
	}
	my %kilobytes = map { $_ => value($parts->{size}, guests => $_, 'bytes') } qw(Ringside Linux);
	push @rows, [ 'image (Linux: kernel and initramfs)', map({ defined $kilobytes{$_} ? short($kilobytes{$_} / 1000) . ' KB' : '-' } qw(Ringside Linux)),
		$kilobytes{Ringside} && $kilobytes{Linux} ? sprintf '%.1f x', $kilobytes{Linux} / $kilobytes{Ringside} : '-' ];
	return table([ '', 'Ringside', 'Linux', 'Linux takes' ], @rows);
}

# Their parts are named after the ladder.
sub instructions ($parts, $ladder, @loads) {
	return table([ 'device', map { $_->[1] } @loads ],
		map { my $part = $_; [ $part->{title}, map { my $load = $_->[0]; beside(\&short, 1, map { value($part, guests => $_, $load) } qw(Ringside Linux)) } @loads ] } parts_of($parts, $ladder, 'instructions-'));
}

sub skipped ($parts) {
	my @lines = map { "- $_: $parts->{$_}{skipped}\n" } grep { defined $parts->{$_}{skipped} } sort keys %$parts;
	return @lines ? join('', "Not measured here:\n\n", @lines) : '';
}

# Of which machine, when, and how busy it was.
sub environment ($parts) {
	my @seen = sort { $a->{date} cmp $b->{date} } map { $_->{environment} } grep { $_->{environment} } values %$parts or return '';
	my $e    = $seen[-1];
	my $load = max(map { $_->{load} } @seen);
	return "Measured from $seen[0]{date} to $e->{date}: $e->{cpu}, $e->{cpus} CPUs, $e->{kernel}; QEMU $e->{qemu}, $e->{accelerator}; Ringside $e->{ringside}.\n"
	  . "Rounds of each: $e->{runs}. The load average was at most $load" . (busy($parts) ? ', **so other work disturbed the times** (CPU time less, counts and instructions not)' : '') . ".\n";
}

sub tables ($parts) {
	my @udp  = ([ 'udp-1', 'UDP echo, 1 in flight' ], [ 'udp-32', '32 in flight' ]);
	my @bulk = ([ send => 'MiB to the guest' ], [ receive => 'MiB from it' ]);
	my @disk = ([ 'random-1', '4 KiB, depth 1' ], [ 'random-32', 'depth 32' ], [ 'sequential-4', '128 KiB, depth 4' ]);
	my @connections = ([ request => 'TCP request and response', \&thousands ], [ connect => 'connect, request, close', \&thousands ]);
	return {
		environment    => environment($parts),
		'network-cost' => costs($parts, 'network', @udp),
		'bulk-cost'    => costs($parts, 'network', @bulk),
		'network-rate' => busy($parts, 'network') ? $left_out : rates($parts, 'network', map({ [ @$_, \&thousands ] } @udp), @connections, map { [ @$_, \&megabits ] } @bulk),
		latency        => busy($parts, 'network') ? $left_out : spent($parts, 'network', p50 => map({ [ @$_ ] } @udp), map { [ @$_[ 0, 1 ] ] } @connections),
		'network-cpu'  => spent($parts, 'network', cpu_microseconds => map({ [ @$_[ 0, 1 ] ] } @udp, @connections), @bulk),
		'block-cost'   => costs($parts, 'block', @disk),
		'block-rate'   => busy($parts, 'block') ? $left_out : rates($parts, 'block', map { [ @$_, \&thousands ] } @disk),
		'block-cpu'    => spent($parts, 'block', cpu_microseconds => @disk),
		'block-instructions'   => instructions($parts, 'block', @disk[ 0, 1 ]),
		'network-instructions' => instructions($parts, 'network', map({ [ @$_[ 0, 1 ] ] } @udp, @connections), @bulk),
		machine        => machine($parts),
		skipped        => skipped($parts),
	};
}

1;
