# SPDX-License-Identifier: BSD-2-Clause
package Bench::Machine;

# What a whole machine costs: the time from QEMU's start to the first answer over TCP, the least memory that serves, the
# balloon, the size of images; and instructions of the rings, which only Ringside can tell.

use v5.36;
use Bench::Network qw(guest_address tap_name tap_words);
use Bench::Results qw(median);
use Exporter qw(import);
use JSON::PP ();
use List::Util qw(max);
use Ringside::Client  qw(http_get udp_ask);
use Ringside::Host    qw(program run until_true within);
use Ringside::Payload qw(payload);
use Ringside::Tap     qw(tap_neighbour);
use Time::HiRes qw(time);

our @EXPORT_OK = qw(measure_start measure_memory measure_balloon measure_size measure_rings);

my %network_modules = (q35 => [qw(virtio_pci virtio_net)], microvm => [qw(virtio_mmio virtio_net)]);

sub network_device ($machine) {
	return $machine eq 'microvm' ? ('-global', 'virtio-mmio.force-legacy=false', '-device', "virtio-net-device,netdev=net0,mac=$Ringside::VM::MAC")
	  : ('-device', "virtio-net-pci,netdev=net0,romfile=,mac=$Ringside::VM::MAC");
}

# The guest with its network, being started; its address is known to the host beforehand, and what is asked before it is
# there does not queue up.
sub start_with_network ($class, $machine, %options) {
	my $name = $class->name;
	my @tap  = tap_words($name);
	my $tap  = tap_name($name);
	run(program('ip'), 'link', 'set', $tap, 'txqueuelen', 4);
	tap_neighbour($tap, guest_address($name), $Ringside::VM::MAC);
	my @before = $options{before} ? $options{before}->() : ();
	my $guest = $class->start(machine => $machine, kernel => 'cloud', modules => $network_modules{$machine}, address => guest_address($name),
		devices => [ @tap, network_device($machine) ], %options);
	return ($guest, @before);
}

# -- Start

# Milliseconds to the first answer, and of CPU.
sub start_time ($class, $machine) {
	my $name = $class->name;
	my ($guest, $pipe) = start_with_network($class, $machine, name => "start-$machine", before => sub {
		open my $pipe, '-|', 'build/bench/programs/load', 'first', guest_address($name), within(60) or die "load: $!\n";
		return $pipe;
	});
	my $line = <$pipe>;
	my $took = time - $guest->{vm}{started_at};
	my $cpu  = $guest->cpu_seconds;
	$guest->stop;
	close $pipe or die "$name on $machine does not answer: " . $guest->{vm}->last_words;
	return (1000 * $took, 1000 * $cpu);
}

# Milliseconds to the line of an image that does nothing else, and of CPU; in the same machine, whose devices cost their time too. When
# it leaves QEMU stays, so that its CPU time can still be read.
sub line_time ($machine) {
	my ($image) = payload('elf', 33 << 10);
	my $vm = Ringside::VM->start(Bench::Guest::accelerator(), name => "bench-line-$machine", machine => $machine, memory => '256M', kernel => $image,
		network => [ tap_words('Ringside'), network_device($machine) ], no_debug_exit => 1, extra => ['-no-shutdown']);
	while ($vm->{console} !~ /payload: entered/) {
		$vm->wait_output(within(20)) or $vm->fail('does not say its line');
	}
	my $took = time - $vm->{started_at};
	my $cpu  = Bench::Guest::cpu_seconds_of($vm);
	$vm->stop;
	return (1000 * $took, 1000 * $cpu);
}

sub measure_start ($machine, $classes, $runs, $say) {
	my %times;
	for my $round (1 .. $runs) {
		for my $who (@$classes, 'line') {
			my ($took, $cpu) = $who eq 'line' ? line_time($machine) : start_time($who, $machine);
			my $name = $who eq 'line' ? $who : $who->name;
			push @{ $times{$name}{milliseconds} },     $took;
			push @{ $times{$name}{cpu_milliseconds} }, $cpu;
		}
	}
	my %data;
	for my $name (sort keys %times) {
		$data{$name} = { rounds => $times{$name}, map { $_ => scalar median(@{ $times{$name}{$_} }) } qw(milliseconds cpu_milliseconds) };
		$say->(sprintf '%-9s %-8s %8.1f ms, %.1f ms of CPU', $name, $machine, @{ $data{$name} }{qw(milliseconds cpu_milliseconds)});
	}
	return { guests => \%data };
}

# -- Memory

# Does the guest serve page and echo with so many MiB, within so many seconds?
sub serves ($class, $mib, $seconds) {
	my ($guest) = start_with_network($class, 'microvm', name => 'memory', memory => "${mib}M");
	my $vm      = $guest->{vm};
	my $ready   = until_true($seconds / within(1), sub { $vm->pump; $vm->ended || $vm->{console} =~ /guest: ready|ringside: ready/ }) && !$vm->ended;
	my $address = guest_address($class->name);
	my $served  = $ready && eval { http_get($address, 80)->{status} == 200 } && (udp_ask($address, 7, 'memory', seconds => 1) // '') eq 'memory';
	$guest->stop;
	return $served;
}

# The least that serves, between what does not and what does. Who has too little may say nothing at all, so a start is waited
# for four times as long as that with enough took.
sub measure_memory ($classes, $say) {
	my %between = (Ringside => [ 1, 8 ], Linux => [ 24, 160 ]);
	my %data;
	for my $class (@$classes) {
		my $name = $class->name;
		my ($too_little, $enough) = @{ $between{$name} };
		my $start = time;
		serves($class, $enough, 90) or die "$name does not serve with $enough MiB\n";
		my $limit = max(5, 4 * (time - $start));
		while ($enough - $too_little > 1) {
			my $middle = int(($enough + $too_little) / 2);
			(serves($class, $middle, $limit) ? $enough : $too_little) = $middle;
		}
		$data{$name} = { mib => $enough };
		$say->(sprintf '%-9s serves with %d MiB on a microvm', $name, $enough);
	}
	return { guests => \%data };
}

# -- Balloon

use constant LARGE => 2048 << 20;
use constant SMALL => 512 << 20;

# Seconds until the guest has as much memory as it is told to, and of CPU.
sub balloon_to ($guest, $bytes) {
	my $qmp   = $guest->{vm}->qmp;
	my $cpu   = $guest->cpu_seconds;
	my $start = time;
	$qmp->execute('balloon', value => $bytes + 0);
	until_true(60, sub { $qmp->execute('query-balloon')->{actual} == $bytes }) or die "the balloon does not get to $bytes bytes\n";
	return (time - $start, $guest->cpu_seconds - $cpu);
}

sub measure_balloon ($classes, $runs, $say) {
	my (%times, @guests);
	push @guests, $_->start(name => 'balloon', machine => 'q35', memory => '2048M', modules => [qw(virtio_pci virtio_balloon)], devices => [ '-device', 'virtio-balloon-pci' ]) for @$classes;
	$_->wait_ready for @guests;
	for my $round (1 .. $runs) {
		for my $guest (@guests) {
			for my $step ([ inflate => SMALL ], [ deflate => LARGE ]) {
				my ($took, $cpu) = balloon_to($guest, $step->[1]);
				push @{ $times{ $guest->name }{ $step->[0] } },       $took;
				push @{ $times{ $guest->name }{"$step->[0]_cpu"} }, $cpu;
			}
		}
	}
	my %data;
	for my $guest (@guests) {
		my $name = $guest->name;
		$data{$name} = { rounds => $times{$name}, map { $_ => scalar median(@{ $times{$name}{$_} }) } keys %{ $times{$name} } };
		$say->(sprintf '%-9s 2048 MiB to 512 in %.3f s (%.3f of CPU), back in %.3f s (%.3f)', $name, @{ $data{$name} }{qw(inflate inflate_cpu deflate deflate_cpu)});
		$guest->stop;
	}
	return { guests => \%data };
}

# -- Images and rings

sub measure_size ($classes, $say) {
	my %data = map { $_->name => { bytes => $_->image_size(@{ $network_modules{q35} }) } } @$classes;
	$say->(sprintf '%-9s %d bytes', $_, $data{$_}{bytes}) for sort keys %data;
	return { guests => \%data };
}

sub measure_rings ($say) {
	my $vm = Ringside::VM->start(name => 'bench-rings', machine => 'microvm', network => 'none', append => 'run=bench bench.only=rings bench.report=json bench.rounds=3', extra => [ '-icount', 'shift=0,sleep=off' ]);
	$vm->wait_exit(60) == 0 or $vm->fail('did not end well');
	my ($document) = $vm->console =~ /^(\{\n.*^\})$/ms or $vm->fail('printed no report');
	my %data;
	for my $result (@{ JSON::PP::decode_json($document)->{results} }) { $data{ $result->{device} }{ $result->{operation} } = $result->{median} }
	for my $ring (sort keys %data) { $say->(sprintf '%-9s %-40s %8.1f instructions', $ring, $_, $data{$ring}{$_}) for sort keys %{ $data{$ring} } }
	return { guests => { Ringside => \%data } };
}

1;
