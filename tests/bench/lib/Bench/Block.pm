# SPDX-License-Identifier: BSD-2-Clause
package Bench::Block;

# Reads of a disk that has nothing to do (null-co), on one rung, on both guests in turn: what is left is the cost of the way
# there. And the guest's instructions for each, which are the same in each run.

use v5.36;
use Bench::Guest;
use Bench::Results qw(median);
use Exporter qw(import);
use Ringside::VhostUser;

our @EXPORT_OK = qw(measure_block measure_instructions);

use constant DISK => 1 << 30;

our @LOADS = (
	{ name => 'random-1',      depth => 1,  title => '4 KiB, depth 1' },
	{ name => 'random-32',     depth => 32, title => '4 KiB, depth 32' },
	{ name => 'sequential-4',  depth => 4,  kib => 128, title => '128 KiB one behind the other, depth 4' },
);

sub null_disk () { return ('-blockdev', 'driver=null-co,node-name=disk0,read-zeroes=off,size=' . DISK) }

sub start ($rung, $class, %options) {
	my ($back, @disk) = (undef, null_disk());
	if ($rung->{vhost_user}) {
		$back = Ringside::VhostUser->disk_of('driver=null-co,node-name=disk0,read-zeroes=off,size=' . DISK, 1);
		@disk = $back->words('256M');
	}
	my $guest = $class->start(name => "block-$rung->{name}", machine => $rung->{machine}, cpus => $rung->{cpus} // 1, modules => $rung->{modules},
		devices => [ @disk, @{ $rung->{words} } ], %options);
	return ($guest, $back);
}

# So many reads as take about so long.
sub count_for ($guest, $rung, $load, $seconds) {
	my $trial = $guest->read(disk => $rung->{disk}, count => 640, %$load{qw(depth kib)});
	my $count = int(640 * $seconds / ($trial->{seconds} || 1e-6));
	return $count < 640 ? 640 : $count > 1_000_000 ? 1_000_000 : $count - $count % 32;
}

# One round of a load.
sub timed ($guest, %words) {
	my $cpu    = $guest->cpu_seconds;
	my $result = $guest->read(%words);
	$result->{rate} = $result->{operations} / $result->{seconds};
	# Of a benchmark that does more than this load nothing can be said.
	$result->{cpu_microseconds} = 1e6 * ($guest->cpu_seconds - $cpu) / $result->{operations} if $result->{operations} > 1;
	return $result;
}

sub measure_block ($rung, $classes, $runs, $seconds, $say) {
	my (@guests, @back_ends, %data);
	for my $class (@$classes) {
		my ($guest, $back) = start($rung, $class);
		push @guests,    $guest;
		push @back_ends, $back if $back;
	}
	$_->wait_ready for @guests;
	for my $load (@LOADS) {
		my %words = (disk => $rung->{disk}, %$load{qw(depth kib)});
		my $everywhere = ($rung->{cpus} // 1) > 1 && $load->{depth} == 32;
		my (%rounds, %count);
		$count{ $_->name } = count_for($_, $rung, $load, $seconds) for @guests;
		$words{threads} = $rung->{cpus} if $everywhere;
		for my $round (1 .. $runs) {
			push @{ $rounds{ $_->name } }, timed($_, %words, count => $count{ $_->name }) for @guests;
		}
		for my $guest (@guests) {
			my $name   = $guest->name;
			my @rounds = @{ $rounds{$name} };
			my $each   = counts($guest, $rung, \%words, $everywhere);
			my %cell   = (rounds => \@rounds, each => $each, map { my $what = $_; $what => scalar median(map { $_->{$what} } @rounds) } qw(rate cpu_microseconds));
			$data{$name}{ $load->{name} } = \%cell;
			$say->(sprintf '%-9s %-40s %10.1f a second, %s', $name, $load->{title}, $cell{rate}, join ', ', map { sprintf '%s %.3f', $_, $each->{$_} } sort keys %$each);
		}
	}
	$_->stop for @guests;
	$_->finish for @back_ends;
	return { title => $rung->{title}, guests => \%data };
}

# What a read costs the device.
sub counts ($guest, $rung, $words, $everywhere) {
	my $count = 3200;
	my $read;
	my $seen = $guest->counted(@$rung{qw(devices elsewhere)}, sub { $read = $guest->read(%$words, count => $count) });
	# The load was among others.
	return { map { $_ => $read->{$_} + 0 } qw(kicks interrupts) } if $everywhere && defined $read->{kicks};
	return { map { $_ => $seen->{$_} / $count } keys %$seen };
}

# Instructions that the guest executes for a read: what so many reads take more than half as many, because a command has a
# cost of its own.
sub measure_instructions ($rung, $classes, $say) {
	my %data;
	for my $class (@$classes) {
		my ($guest) = start($rung, $class, Bench::Guest::counting_instructions(), name => "instructions-block-$rung->{name}");
		$guest->wait_ready;
		for my $depth (1, 32) {
			my @took;
			for my $count (640, 640, 1280) {    # the first is for warming up
				push @took, $guest->instructions(sub { $guest->read(disk => $rung->{disk}, count => $count, depth => $depth) });
			}
			$data{ $class->name }{"random-$depth"} = ($took[2] - $took[1]) / 640;
			$say->(sprintf '%-9s %-16s depth %2d: %.0f instructions for each read', $class->name, $rung->{title}, $depth, $data{ $class->name }{"random-$depth"});
		}
		$guest->stop;
	}
	return { title => $rung->{title}, guests => \%data };
}

1;
