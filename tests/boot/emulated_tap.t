#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# e1000 and rtl8139 on a TAP device: a lease from a real DHCP server, IPv6 from outside (which wants the filter of
# groups), floods; and what a round trip costs in register accesses, which QEMU's trace counts too. So do disks.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Select;
use IO::Socket::IP;
use Ringside::Checks;
use Ringside::Client qw(tcp_echo tcp_send_count chargen_hash udp_ask);
use Ringside::Host   qw(scratch read_file write_file until_true within);
use Ringside::Tap    qw(enter_namespace tap_network);
use Ringside::VM;
use Test::More;

my $missing = enter_namespace();
plan skip_all => $missing if $missing;

use constant ROUNDS => 2000;

my @tap = tap_network('ringside0');
my %regions = (e1000 => qr/'e1000-mmio'/, rtl8139 => qr/'rtl8139'/, ahci => qr/'ahci'/, ide => qr/'(?:ide|piix-bmdma|bmdma)'/);
my @TRACE = ('-trace', 'memory_region_ops_read', '-trace', 'memory_region_ops_write');

# How often QEMU saw the device's registers accessed so far.
sub traced ($file, $what) {
	my $count = 0;
	open my $trace, '<', $file or return 0;
	while (<$trace>) { $count++ if /^memory_region_ops_(?:read|write) / && /$regions{$what}/ }
	return $count;
}

# What we count ourselves: register accesses, interrupts.
sub counted ($vm) {
	my ($reads, $writes, $interrupts) = $vm->command('devices') =~ /register reads (\d+), writes (\d+), interrupts (\d+)$/m;
	return ($reads + $writes, $interrupts);
}

# What the guest sends by both protocols is as it should be, and of IPv4 cut by the device as that is switched.
sub downloads ($vm, $tso, @addresses) {
	my $label = "$vm->{label}, tso $tso";
	my $cuts  = sub { $vm->command('ethtool -S eth0') =~ /^\s+transmit_cut: (\d+)$/m ? $1 : die "no counter\n" };
	$vm->command("ethtool -K eth0 tso $tso");
	for my $address (@addresses) {
		my $before = $cuts->();
		my ($hash, $expected) = chargen_hash($address, 19, 20_000_000);
		is($hash, $expected, "$label: 20 MB from $address are RFC 864's pattern");
		is($cuts->() > $before ? 'on' : 'off', $address =~ /:/ ? 'off' : $tso, "$label: frames to be cut, which are IPv4's only");
	}
	return;
}

# Datagrams back and forth, so many on their way at once. How many came back.
sub echo_rounds ($address, $at_once, $rounds) {
	my $socket = IO::Socket::IP->new(PeerHost => $address, PeerPort => 7, Type => SOCK_DGRAM, Proto => 'udp') or die "socket: $@";
	my $select = IO::Select->new($socket);
	my ($sent, $back) = (0, 0);
	while ($back < $rounds) {
		while ($sent < $rounds && $sent - $back < $at_once) { $socket->send(pack('N', $sent++) . 'x' x 60) }
		last unless $select->can_read(within(2));
		$socket->recv(my $data, 2048);
		$back++;
	}
	return $back;
}

for my $case ([ 'e1000', 1, 3.0, 1.5, 84 ], [ 'rtl8139', 1, 6.0, 3.0, 400 ]) {
	my ($nic, $cpus, $single, $many, $bulk) = @$case;
	my $trace = scratch() . "/$nic.trace";
	scenario("$nic, costs", { machine => 'q35', cpus => $cpus, append => 'services=echo,discard,chargen',
		network => [ @tap, '-device', "$nic,netdev=net0,mac=$Ringside::VM::MAC,romfile=" ], extra => [ @TRACE, '-D', $trace ] }, sub ($vm) {
		my $label   = $vm->{label};
		my $address = $vm->wait_ready;
		udp_ask($address, 7, 'hello');    # addresses are resolved
		for my $load ([ 1, $single ], [ 32, $many ]) {
			my ($at_once, $limit) = @$load;
			my ($before, $interrupts) = counted($vm);
			my $traced = traced($trace, $nic);
			my $back   = echo_rounds($address, $at_once, ROUNDS);
			is($back, ROUNDS, "$label: $at_once in flight: every datagram comes back");
			my ($after, $interrupts_after) = counted($vm);
			my $seen = traced($trace, $nic) - $traced;
			my $each = ($after - $before) / ROUNDS;
			diag sprintf '%s: UDP round trip, %d in flight: %.2f accesses, %.2f interrupts', $nic, $at_once, $each, ($interrupts_after - $interrupts) / ROUNDS;
			cmp_ok($each, '<=', $limit, "$label: $at_once in flight: at most $limit accesses for each");
			cmp_ok(abs($seen - ($after - $before)), '<=', 10, "$label: $at_once in flight: QEMU counts as many") or diag "$seen, @{[ $after - $before ]}";
		}
		# It depends on how many frames the guest finds each time it looks: on a busy machine fewer.
		my $each;
		for my $try (1 .. 4) {
			my ($before) = counted($vm);
			is(tcp_send_count($address, 9, 32 << 20), (32 << 20) . "\n", "$label: 32 MiB to discard");
			my ($after) = counted($vm);
			$each = ($after - $before) / 32;
			diag sprintf '%s: TCP receive: %.1f accesses for each MiB', $nic, $each;
			last if $each <= $bulk;
		}
		cmp_ok($each, '<=', $bulk, "$label: TCP receive: at most $bulk accesses for each MiB");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

for my $case ([ 'e1000', 1 ], [ 'rtl8139', 4 ]) {
	my ($nic, $cpus) = @$case;
	scenario("$nic, CPUs: $cpus", { machine => 'q35', cpus => $cpus, append => 'services=http,echo,discard,chargen',
		network => [ @tap, '-device', "$nic,netdev=net0,mac=$Ringside::VM::MAC,romfile=" ] }, sub ($vm) {
		my $label   = $vm->{label};
		my $address = $vm->wait_ready;
		like($address, qr/^192\.168\.77\.\d+$/, "$label: a lease from dnsmasq");
		my $global;
		ok(until_true(10, sub { ($global) = $vm->command('ip') =~ m{inet6 (fd77:\S+)/64} }), "$label: an IPv6 address by SLAAC");
		# Our neighbour asks a group for us.
		my ($sent, $came) = tcp_echo($global, 7, 5_000_000);
		is($came, $sent, "$label: 5 MB by IPv6 come back as they went");
		if ($nic eq 'e1000') { downloads($vm, $_, $address, $global) for qw(off on) }

		# A flood of datagrams that nobody reads as fast, then all is as before.
		my $socket = IO::Socket::IP->new(PeerHost => $address, PeerPort => 9, Type => SOCK_DGRAM, Proto => 'udp') or die "socket: $@";
		my $data   = 'f' x 1000;
		for (1 .. 60_000) { $socket->send($data) }
		is(udp_ask($address, 7, 'after the flood'), 'after the flood', "$label: UDP echo after a flood");
		($sent, $came) = tcp_echo($address, 7, 10_000_000);
		is($came, $sent, "$label: TCP echo after a flood");
		my ($received) = $vm->command('ethtool -S eth0') =~ /receive_packets: (\d+)/;
		cmp_ok($received, '>', 1000, "$label: much of the flood was received");
		# And resets under one.
		my ($bus) = $vm->command('devices') =~ /^(\S+): Ethernet/m;
		for my $time (1 .. 3) {
			for (1 .. 5000) { $socket->send($data) }
			$vm->command("devices reset $bus");
			for (1 .. 5000) { $socket->send($data) }
			$vm->wait_for(qr/(?:reset, and running again.*?){$time}/s);
		}
		ok(until_true(10, sub { (udp_ask($address, 7, 'after resets') // '') eq 'after resets' }), "$label: UDP echo after resets under a flood");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

for my $case ([ 'pc', 'ide', 11, 11 ], [ 'q35', 'ahci', 6, 0.5 ]) {
	my ($machine, $what, $single, $many) = @$case;
	my $trace = scratch() . "/$what.trace";
	my $path  = write_file(scratch() . "/$what.raw", "\0" x (64 << 20));
	scenario("$what, costs", { machine => $machine, network => 'none', extra => [ @TRACE, '-D', $trace,
		'-blockdev', "driver=raw,node-name=disk0,file.driver=file,file.filename=$path", '-device', 'ide-hd,drive=disk0,bus=ide.0,unit=0' ] }, sub ($vm) {
		my $label = $vm->{label};
		$vm->command('lsblk');
		for my $load ([ 1, $single ], [ 32, $many ]) {
			my ($depth, $limit) = @$load;
			my ($before, $interrupts) = counted($vm);
			my $traced = traced($trace, $what);
			$vm->command("blkbench sda 2048 $depth", seconds => 60);
			my ($after, $interrupts_after) = counted($vm);
			my $seen = traced($trace, $what) - $traced;
			diag sprintf '%s: read of 4 KiB, depth %d: %.3f accesses, %.3f interrupts', $what, $depth, ($after - $before) / 2048, ($interrupts_after - $interrupts) / 2048;
			cmp_ok(($after - $before) / 2048, '<=', $limit, "$label: depth $depth: at most $limit accesses for each read of 4 KiB");
			is($seen, $after - $before, "$label: depth $depth: QEMU counts as many") if $what eq 'ahci';
		}
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

done_testing;
