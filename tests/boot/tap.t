#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# On a TAP device with dnsmasq: a lease from a real DHCP server, checksums and segments by the device, IPv6
# by SLAAC, what QEMU knows of our VLAN filter; what user networking would hide.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use IO::Socket::IP;
use Net::Ping ();
use Ringside::Client qw(tcp_echo chargen_hash udp_ask);
use Ringside::Host   qw(until_true within);
use Ringside::Tap    qw(enter_namespace tap_network dnsmasq_log);
use Ringside::VM;
use Test::More;

my $missing = enter_namespace();
plan skip_all => $missing if $missing;

my @tap = tap_network('ringside0');
my $any = qr/^192\.168\.77\.\d+$/;

sub pings ($address) {
	my $ping = Net::Ping->new('icmp', within(2), 56);
	return scalar grep { scalar $ping->ping($address) } 1 .. 3;
}

sub http10 ($address, @from) {
	my $socket = IO::Socket::IP->new(PeerHost => $address, PeerPort => 80, Timeout => within(5), @from) or return "no connection: $@";
	print $socket "GET /status.json HTTP/1.0\r\n\r\n";
	local $/;
	return scalar <$socket>;
}

sub counters ($vm) { return { $vm->command('ethtool -S eth0') =~ /^\s+(\w+): (\d+)$/mg } }

# A download that is verified; returns what the counters grew by.
sub download ($vm, $address, $bytes, $what) {
	my $before = counters($vm);
	my ($hash, $expected) = chargen_hash($address, 19, $bytes);
	is($hash, $expected, "$vm->{label}: $what: @{[ $bytes / 1_000_000 ]} MB of chargen are RFC 864's pattern");
	my $after = counters($vm);
	return { map { $_ => $after->{$_} - $before->{$_} } keys %$after };
}

# The device cuts what we send: few frames, of many segments each; not when it is told not to.
sub segmentation ($vm, @addresses) {
	my $label = $vm->{label};
	for my $address (@addresses) {
		my $on = download($vm, $address, 20_000_000, "TSO to $address");
		cmp_ok($on->{transmit_packets} * 8, '<', 20_000_000 / 1500, "$label: $on->{transmit_packets} frames for it");
		cmp_ok($on->{transmit_cut_into}, '>=', 20_000_000 / 1500 * 0.9, "$label: that become $on->{transmit_cut_into}");
		is($on->{bytes_copied}, 0, "$label: nothing is copied for it");
	}
	is($vm->command('ethtool -K eth0 tso off'), '', "$label: ethtool -K tso off");
	like($vm->command('ethtool -k eth0'), qr/^\ttx-tcp6?-segmentation: off$/m, "$label: is in force");
	my $off = download($vm, $addresses[0], 5_000_000, 'without TSO');
	is($off->{transmit_cut}, 0, "$label: no frame is to be cut");
	cmp_ok($off->{transmit_packets}, '>=', 5_000_000 / 1500, "$label: $off->{transmit_packets} frames");
	is($vm->command('ethtool -K eth0 tso on'), '', "$label: and on again");
	cmp_ok(download($vm, $addresses[0], 5_000_000, 'again')->{transmit_cut}, '>', 0, "$label: is in force");
	return;
}

sub vlans ($vm) {
	my $label = $vm->{label};
	my $table = sub { join ' ', sort { $a <=> $b } @{ $vm->qmp->execute('query-rx-filter')->[0]{'vlan-table'} } };
	$vm->command("vlan add eth0 $_") for 5, 100, 4094;
	is($table->(), '5 100 4094', "$label: QEMU lets our VLANs in");
	$vm->command('vlan del eth0 100');
	is($table->(), '5 4094', "$label: and one less");
	is($vm->command('vlan'), "eth0: 5 4094\n", "$label: vlan lists them");
	$vm->command("vlan del eth0 $_") for 5, 4094;
	is($table->(), '', "$label: and none");
	return;
}

for my $machine (qw(q35 microvm)) {
	my $device = $machine eq 'q35' ? 'virtio-net-pci' : 'virtio-net-device';
	my @device = ('-global', 'virtio-mmio.force-legacy=false', '-device', "$device,netdev=net0,mac=$Ringside::VM::MAC");
	my %options = (machine => $machine, network => [ @tap, @device ], append => 'services=http,echo,discard,chargen');
	scenario($machine, \%options, sub ($vm) {
		my $label   = $vm->{label};
		my $address = $vm->wait_ready;
		like($address, $any, "$label: gets $address, $vm->{ready_ms} ms after its first instruction");
		like(dnsmasq_log(), qr/DHCPACK\(ringside0\) \Q$address\E $Ringside::VM::MAC/, "$label: dnsmasq gave it");
		ping_answers($vm, $Ringside::Tap::HOST);
		is(pings($address), 3, "$label: answers the host's ping");
		my $status = page_is($vm, method => 'pvh', host => $address, port => 80, ipv4 => "$address/24", gateway => $Ringside::Tap::HOST);
		my $features = " @{ $status->{virtio}{devices}[0]{features} } ";
		like($features, qr/ csum .*guest_csum /, "$label: checksums are the device's");

		my ($sent, $came) = tcp_echo($address, 7, 20_000_000);
		is($came, $sent, "$label: 20 MB of TCP echo come back as they went");
		my ($hash, $expected) = chargen_hash($address, 19, 20_000_000);
		is($hash, $expected, "$label: 20 MB of chargen are RFC 864's pattern");
		is(udp_ask($address, 7, 'x' x 1472), 'x' x 1472, "$label: UDP echo");
		my $large = join '', map { chr(33 + $_ % 90) } 1 .. 5000;
		is(udp_ask($address, 7, $large), $large, "$label: UDP echo of fragments");
		for my $port (7, 19) {
			my @from = (from => 19, local => $Ringside::Tap::HOST, tries => 1, seconds => 0.5);
			is(udp_ask($address, $port, 'loop?', @from), undef, "$label: UDP $port does not answer port 19");
		}

		my $global = until_true(15, sub { $vm->command('ip') =~ m{inet6 (fd77:\S+)/64 scope global(?! tentative)} ? $1 : undef });
		ok($global, "$label: has an IPv6 address by SLAAC");
		like(http10($global // '::1'), qr/\AHTTP\/1\.[01] 200 /, "$label: serves the page over IPv6");
		like($vm->command("ping -c 1 $Ringside::Tap::HOST6"), qr/ 1 received/, "$label: ping over IPv6");
		segmentation($vm, $address, $global);
		vlans($vm);
		# The guest closes first, so it remembers each of these connections when the next one comes. Our own
		# side may need a moment to be done with the port.
		for my $at ($address, $global // '::1') {
			my $ask  = sub { my $said = http10($at, LocalPort => 40001, ReuseAddr => 1); return $said =~ /^no connection: .*address/ ? undef : $said };
			my @said = map { (until_true(5, $ask) // 'not done with the port') =~ s/\r\n.*//sr } 1 .. 5;
			is("@said", join(' ', ('HTTP/1.1 200 OK') x 5), "$label: a client uses its port again at once, to $at");
		}
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

# Devices that make checksums but do not cut, or do neither: sent as it was.
for my $case ([ tso => '-host_tso4,-host_tso6' ], [ csum => '-csum' ]) {
	my ($name, $taken) = @$case;
	my @device  = ('-device', "virtio-net-pci,netdev=net0,romfile=,mac=$Ringside::VM::MAC");
	my %options = (network => [ @tap, @device ], append => "services=chargen virtio.features=$taken");
	scenario("without-$name", \%options, sub ($vm) {
		my $label = $vm->{label};
		my $off   = download($vm, $vm->wait_ready, 5_000_000, "virtio.features=$taken");
		is($off->{transmit_cut}, 0, "$label: no frame is to be cut");
		like($vm->command('ethtool -K eth0 tso on'), qr/Operation not supported/, "$label: tso cannot be had");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

done_testing;
