#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Four pairs of queues on a TAP device that has four: parallel flows on all CPUs, fewer and more pairs while
# data comes that is verified, hashes and RSS, another MAC address, announcements, cable pulled, reset.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use JSON::PP ();
use Ringside::Client qw(http_get tcp_echo chargen_hash);
use Ringside::Host   qw(until_true program);
use Ringside::Tap    qw(enter_namespace tap_network);
use Ringside::VM;
use Test::More;

my $missing = enter_namespace();
plan skip_all => $missing if $missing;

my $QUEUES = 4;
my @tap    = tap_network('ringside0', $QUEUES);
my $MAC2   = '52:54:00:00:be:ef';

# Flows at once, each in a process: chargen's pattern, or echo, verified. Returns how many were right.
sub flows ($address, $count, $bytes) {
	my @children = map {
		my $kind = $_ % 2;
		my $pid  = fork // die "fork: $!";
		if (!$pid) {
			my ($came, $expected) = eval { $kind ? chargen_hash($address, 19, $bytes) : tcp_echo($address, 7, $bytes) };
			require POSIX;
			POSIX::_exit(defined $came && $came eq $expected ? 0 : 1);
		}
		$pid;
	} 1 .. $count;
	return \@children;
}

sub all_right ($children) {
	return scalar grep { waitpid($_, 0) == $_ && $? == 0 } @$children;
}

sub counters ($vm) { return { $vm->command('ethtool -S eth0') =~ /^\s+(\w+): (\d+)$/mg } }

sub combined ($vm) { return join ' ', $vm->command('ethtool -l eth0') =~ /^Combined:\s+(\d+)$/mg }

sub neighbour ($address) {
	my $ip = program('ip');
	my ($mac) = `$ip neighbour show $address` =~ /lladdr (\S+)/;
	return $mac // 'nobody';
}

sub run_in ($name, $net_options, $machine = 'q35') {
	my @device  = (bless { machine => $machine }, 'Ringside::VM')->device_words('virtio-net', "netdev=net0,mac=$Ringside::VM::MAC,mq=on$net_options", 'romfile=');
	my %options = (machine => $machine, cpus => $QUEUES, network => [ @tap, @device ], append => 'services=http,echo,discard,chargen');
	scenario($name, \%options, sub ($vm) {
		my $label   = $vm->{label};
		my $address = $vm->wait_ready;
		is(combined($vm), "$QUEUES $QUEUES", "$label: uses all pairs");
		# The host spreads flows by chance, and later each to the queue on which we answered. On a busy machine that can be one
		# for all; other flows are spread anew.
		my ($right, $rounds, $counters, @busy) = (0, 0);
		until ($rounds == 5 || @busy >= 2) {
			$right += all_right(flows($address, 12, 3_000_000));
			$rounds++;
			$counters = counters($vm);
			@busy = grep { $counters->{"rx_queue_${_}_packets"} > 50 && $counters->{"rx_queue_${_}_interrupts"} > 5 } 0 .. $QUEUES - 1;
		}
		is($right, 12 * $rounds, "$label: twelve flows at once are right");
		cmp_ok(scalar @busy, '>=', 2, "$label: frames and interrupts come on several queues (@busy)") or diag explain $counters;
		my $status = JSON::PP::decode_json(http_get($address, 80, '/status.json')->{body});
		my %cpus = map { $_->{name} =~ /receive\d/ && $_->{count} > 5 ? ($_->{cpu} => 1) : () } @{ $status->{interrupts}{vectors} };
		my $mmio = $vm->is_microvm;    # one line for all queues, and on one CPU
		cmp_ok(scalar keys %cpus, '>=', 2, "$label: on several CPUs (@{[ sort keys %cpus ]})") unless $mmio;
		my ($network) = @{ $status->{network_devices}{devices} };
		if ($net_options =~ /hash=on/) {
			cmp_ok($counters->{rx_queue_0_hashes} + $counters->{rx_queue_1_hashes}, '>', 0, "$label: hashes are told");
		}
		is($network->{steered} ? 1 : 0, $net_options =~ /rss=on/ ? 1 : 0, "$label: steered by RSS or not");

		my $children = flows($address, 6, 6_000_000);
		for my $count (1, 3, 2, 4, 1, 4) {
			is($vm->command("ethtool -L eth0 combined $count"), '', "$label: ethtool -L combined $count");
			is(combined($vm), "$QUEUES $count", "$label: is in force");
		}
		is(all_right($children), 6, "$label: the data of six flows meanwhile is right");
		$children = flows($address, 4, 3_000_000);
		for my $word (qw(off on)) {
			is($vm->command("ethtool -K eth0 rx-gro-hw $word"), '', "$label: ethtool -K rx-gro-hw $word");
			like($vm->command('ethtool -k eth0'), qr/^rx-gro-hw: $word$/m, "$label: is in force");
		}
		is(all_right($children), 4, "$label: the data of four flows meanwhile is right");
		# Of the rest of the machine, the disk controller of a q35.
		my @modules = grep { !/^(?:ahci|libata)$/ } $vm->command('lsmod') =~ /^(\w+)\s+\d+  \d/mg;
		is("@modules", join(' ', 'virtio_net', $mmio ? 'virtio_mmio' : 'virtio_pci', 'virtio_ring virtio'), "$label: lsmod has what is bound");
		like($vm->command('ethtool -L eth0 combined 5'), qr/Invalid argument/, "$label: five pairs are refused");
		like($vm->command('ethtool -L eth0 combined 0'), qr/Invalid argument/, "$label: none too");
		like($vm->command('ip'), qr{inet \Q$address\E/24}, "$label: the lease is kept");

		$vm->qmp->execute('set_link', name => 'net0', up => JSON::PP::false);
		ok(until_true(5, sub { $vm->command('ethtool eth0') =~ /Link detected: no/ }), "$label: cable pulled");
		$vm->qmp->execute('set_link', name => 'net0', up => JSON::PP::true);
		ok(until_true(5, sub { $vm->command('ethtool eth0') =~ /Link detected: yes/ }), "$label: and back");
		ok(until_true(15, sub { $vm->command('ip') =~ m{inet \Q$address\E/24} }), "$label: with its address");

		is($vm->command("ip link set eth0 address $MAC2"), '', "$label: another MAC address");
		ok(until_true(5, sub { neighbour($address) eq $MAC2 }), "$label: the host sees it") or diag neighbour($address);
		my ($sent, $came) = tcp_echo($address, 7, 1_000_000);
		is($came, $sent, "$label: and echo goes on");
		is(lc $vm->qmp->execute('query-rx-filter', name => $vm->qmp->execute('query-rx-filter')->[0]{name})->[0]{'main-mac'},
			$MAC2, "$label: the device has it");
		my ($filter) = @{ $vm->qmp->execute('query-rx-filter') };
		ok(!$filter->{promiscuous}, "$label: the device filters");
		ok(scalar(grep { $_ eq '33:33:00:00:00:01' } @{ $filter->{'multicast-table'} }), "$label: the group of all nodes is let in");
		$vm->command('ip link set eth0 promisc on');
		ok(until_true(5, sub { $vm->qmp->execute('query-rx-filter')->[0]{promiscuous} }), "$label: promiscuous when told");
		$vm->command('ip link set eth0 promisc off');

		$vm->qmp->execute('announce-self', initial => 50, max => 100, rounds => 2, step => 50);
		ok(until_true(5, sub {
			my ($d) = @{ JSON::PP::decode_json(http_get($address, 80, '/status.json')->{body})->{network_devices}{devices} };
			$d->{announced} >= 1;
		}), "$label: announces itself when asked");

		$vm->command('ethtool -L eth0 combined 3');
		$vm->command('devices reset virtio0');
		ok(until_true(10, sub { $vm->console =~ /reset, and running again/ && combined($vm) eq "$QUEUES 3" }), "$label: three pairs after a reset too");
		# The server knows the new address from nowhere: it gives another lease.
		my $lease = sub { return $vm->command('ip') =~ m{inet (192\.168\.77\.\d+)/24} ? $1 : undef };
		ok(until_true(15, $lease), "$label: a lease");
		# The old one may have been seen, just before it is given back.
		ok(until_true(15, sub { eval { my ($s, $c) = tcp_echo($lease->(), 7, 100_000); $s eq $c } }), "$label: and data");
		is(lc $vm->qmp->execute('query-rx-filter')->[0]{'main-mac'}, $MAC2, "$label: and the MAC address");
		leaves_with($vm, 0);
	});
	return;
}

run_in('automatic steering', '');
run_in('RSS and hashes', ',rss=on,hash=on');
run_in('packed', ',packed=on');
run_in('MMIO', '', 'microvm');
run_in('MMIO, packed', ',packed=on', 'microvm');

done_testing;
