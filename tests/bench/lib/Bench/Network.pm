# SPDX-License-Identifier: BSD-2-Clause
package Bench::Network;

# The network loads on one rung, on both guests in turn: rates, latencies, QEMU's CPU time, and what each operation cost the
# device. Each guest has a TAP device of its own.

use v5.36;
use Bench::Guest;
use Bench::Results qw(median);
use Exporter qw(import);
use Ringside::Client qw(udp_ask);
use Ringside::Host   qw(program until_true);
use Ringside::Tap    qw(tap_device);
use Ringside::VhostUser;

our @EXPORT_OK = qw(measure_network measure_network_instructions start_guests load_once operations guest_address tap_name tap_words settle_host);

# name, words for tests/bench/programs/load, what one operation is: the load's, or a MiB.
our @LOADS = (
	{ name => 'udp-1',   words => ['udp'],     in_flight => 1,  title => 'UDP echo, one in flight' },
	{ name => 'udp-32',  words => ['udp'],     in_flight => 32, title => 'UDP echo, 32 in flight' },
	{ name => 'request', words => ['request'], title => 'TCP request and response' },
	{ name => 'connect', words => ['connect'], title => 'TCP connect, request, close' },
	{ name => 'send',    words => ['send'],    mebibytes => 1, title => 'TCP to the guest' },
	{ name => 'receive', words => ['receive'], mebibytes => 1, title => 'TCP from the guest' },
);

my %subnets = (Ringside => '10.77.1', Linux => '10.77.2');
sub host_address ($guest)  { return "$subnets{$guest}.1" }
sub guest_address ($guest) { return "$subnets{$guest}.2" }

# Many short connections: their ports must not run out.
sub settle_host () {
	system('sh', '-c', 'echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse; echo 2048 65000 >/proc/sys/net/ipv4/ip_local_port_range') == 0 or die "network settings of the namespace\n";
	system(program('ip'), 'link', 'set', 'lo', 'up');
	return;
}

# The name of its TAP device.
sub tap_name ($guest) { return lc $guest }

sub delete_device ($name) {
	my $ip = program('ip');
	system("$ip link show dev $name >/dev/null 2>&1") == 0 && system($ip, 'link', 'delete', $name);
	return;
}

sub tap_words ($guest, %options) {
	my $name   = tap_name($guest);
	my $queues = $options{queues} // 1;
	delete_device($name);
	tap_device($name, host_address($guest) . '/24', $queues);
	return ('-netdev', "tap,id=net0,ifname=$name,script=no,downscript=no" . ($queues > 1 ? ",queues=$queues" : '') . ($options{netdev} // ''));
}

# DPDK carries between the guest and a TAP device that it makes.
sub vhost_user_words ($guest) {
	my $name = tap_name($guest);
	delete_device($name);
	my $back = Ringside::VhostUser->network($name);
	system(program('ip'), 'address', 'add', host_address($guest) . '/24', 'dev', $name) == 0 or die "no address for $name\n";
	return ($back, $back->words('256M'), '-netdev', 'vhost-user,id=net0,chardev=back');
}

# One run of the load generator.
sub load_once ($guest, $load, $seconds, $flows = 1) {
	my @words = ('build/bench/programs/load', @{ $load->{words} }, guest_address($guest->name), $seconds, $load->{in_flight} ? ($load->{in_flight}, $load->{in_flight} >= $flows ? $flows : 1) : ());
	open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @words or die "$words[0]: $!\n";
	my $line = join '', <$pipe>;
	close $pipe or die $guest->name . ": $load->{name}: $line";
	my %result = $line =~ /(\w+)=([\d.]+)/g;
	$_ += 0 for values %result;
	return \%result;
}

sub operations ($load, $result) { return $load->{mebibytes} ? $result->{bytes} / (1 << 20) : $result->{operations} }

# One round of a load.
sub timed ($guest, $rung, $load, $seconds) {
	my $cpu    = $guest->cpu_seconds;
	my $result = load_once($guest, $load, $seconds, $rung->{flows} // 1);
	my $count  = operations($load, $result) || die $guest->name . ": $load->{name}: nothing was done\n";
	return { %$result, rate => $count / $result->{seconds}, cpu_microseconds => 1e6 * ($guest->cpu_seconds - $cpu) / $count };
}

# What an operation costs the device: the median of so many runs, for how many frames the guest finds together is not the same in
# each.
sub counts ($guest, $rung, $load, $seconds, $runs) {
	my @each;
	for my $run (1 .. $runs) {
		my $result;
		my $count = $guest->counted(@$rung{qw(devices elsewhere)}, sub { $result = load_once($guest, $load, $seconds, $rung->{flows} // 1) });
		my $operations = operations($load, $result);
		push @each, { map { $_ => $count->{$_} / $operations } keys %$count };
	}
	return { map { my $what = $_; $what => median(map { $_->{$what} } @each) } keys %{ $each[0] } };
}

# The guests on a rung, which answer; and the back ends that are processes of their own.
sub start_guests ($rung, $classes, %options) {
	my (@guests, @back_ends);
	for my $class (@$classes) {
		my $name = $class->name;
		my @net;
		if ($rung->{vhost_user}) {
			(my $back, @net) = vhost_user_words($name);
			push @back_ends, $back;
		} else {
			@net = tap_words($name, %$rung{qw(queues netdev)});
		}
		push @guests, $class->start(name => "network-$rung->{name}", machine => 'q35', cpus => $rung->{cpus} // 1, address => guest_address($name),
			modules => $rung->{modules}, devices => [ @net, map { s/netdev=net0/netdev=net0,mac=$Ringside::VM::MAC/r } @{ $rung->{words} } ], %options);
	}
	for my $guest (@guests) {
		$guest->wait_ready;
		# QEMU's e1000 holds back what comes in its first second.
		until_true(20, sub { defined udp_ask(guest_address($guest->name), 7, 'there?', seconds => 0.2) }) or $guest->{vm}->fail('does not answer');
	}
	return (\@guests, \@back_ends);
}

# Data of the part; $classes are those of the guests.
sub measure_network ($rung, $classes, $runs, $seconds, $say) {
	my ($guests, $back_ends) = start_guests($rung, $classes);
	my @guests = @$guests;
	my %data;
	for my $load (@LOADS) {
		load_once($_, $load, 0.1) for @guests;
		my %rounds;
		for my $round (1 .. $runs) { push @{ $rounds{ $_->name } }, timed($_, $rung, $load, $seconds) for @guests }
		for my $guest (@guests) {
			my @rounds = @{ $rounds{ $guest->name } };
			my %cell   = (rounds => \@rounds, each => counts($guest, $rung, $load, 0.2, $runs));
			for my $what (qw(rate p50 p99 cpu_microseconds)) {
				my $median = median(map { $_->{$what} } @rounds);
				$cell{$what} = $median if defined $median;
			}
			$data{ $guest->name }{ $load->{name} } = \%cell;
			$say->(sprintf '%-9s %-24s %10.1f a second, %s', $guest->name, $load->{title}, $cell{rate}, join ', ', map { sprintf '%s %.3f', $_, $cell{each}{$_} } sort keys %{ $cell{each} });
		}
	}
	$_->stop for @guests;
	$_->finish for @$back_ends;
	return { title => $rung->{title}, guests => \%data };
}

# Instructions that the guest executes for each operation, as Bench::Block counts them.
sub measure_network_instructions ($rung, $classes, $seconds, $say) {
	my %data;
	for my $class (@$classes) {
		my ($guests, $back_ends) = start_guests($rung, [$class], Bench::Guest::counting_instructions(), name => "instructions-network-$rung->{name}");
		my $guest = $guests->[0];
		for my $load (@LOADS) {
			my $result;
			load_once($guest, $load, 0.1);
			my $count = $guest->instructions(sub { $result = load_once($guest, $load, $seconds) });
			$data{ $class->name }{ $load->{name} } = $count / operations($load, $result);
			$say->(sprintf '%-9s %-28s %10.0f instructions for each', $class->name, $load->{title}, $data{ $class->name }{ $load->{name} });
		}
		$guest->stop;
	}
	return { title => $rung->{title}, guests => \%data };
}

1;
