#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# On a TAP device with dnsmasq: a lease from a real DHCP server, checksums by the device, IPv6 by SLAAC,
# what user networking would hide.

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

sub http6 ($address) {
	my $socket = IO::Socket::IP->new(PeerHost => $address, PeerPort => 80, Timeout => within(5)) or return "no connection: $@";
	print $socket "GET /status.json HTTP/1.0\r\n\r\n";
	local $/;
	return scalar <$socket>;
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
		like(http6($global // '::1'), qr/\AHTTP\/1\.[01] 200 /, "$label: serves the page over IPv6");
		like($vm->command("ping -c 1 $Ringside::Tap::HOST6"), qr/ 1 received/, "$label: ping over IPv6");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

done_testing;
