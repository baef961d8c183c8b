#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Rings of every kind of size, and small MTUs: data goes through, or one line says why not.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Client qw(tcp_echo);
use Test::More;

for my $ring ('split', 'packed') {
	for my $size (1, 2, 3, 7, 64, 1024) {
		my @options = ($ring eq 'packed' ? 'packed=on' : (), $size > 256 ? 'rx_queue_size=1024' : ());
		my $append  = "services=http,echo virtio.queue_size=$size";
		scenario("$ring, $size", { machine => 'q35', append => $append, net_options => join(',', @options), user_options => ',ipv6=off' }, sub ($vm) {
			my $label = $vm->{label};
			$vm->wait_ready;
			my ($sent, $came) = tcp_echo('127.0.0.1', $vm->port(tcp => 7), 1_000_000);
			is($came, $sent, "$label: 1 MB of echo");
			# A split ring's size is a power of two.
			my $expected = $ring eq 'packed' ? $size : { 3 => 2, 7 => 4 }->{$size} // $size;
			like($vm->command('devices'), qr/^ +queue 0: \S+, $ring, size $expected,/m, "$label: the ring has $expected descriptors");
			no_warnings($vm);
			leaves_with($vm, 0);
		});
	}
}

scenario('an MTU for DHCP', { machine => 'microvm', net_options => 'host_mtu=576' }, sub ($vm) {
	lease_is($vm, '10.0.2.15');
	like($vm->command('ip addr'), qr/ eth0: .* mtu 576 /, "$vm->{label}: the interface has it");
	no_warnings($vm);
	leaves_with($vm, 0);
});

scenario('an MTU too small for DHCP', { machine => 'microvm', net_options => 'host_mtu=300' }, sub ($vm) {
	$vm->wait_prompt;
	is(scalar(() = $vm->console =~ /^ringside: no address on eth0: DHCP does not work with an MTU of 300$/mg), 1, "$vm->{label}: one line says so");
	like($vm->command('ip addr'), qr/ eth0: .* mtu 300 /, "$vm->{label}: the interface has it");
	leaves_with($vm, 0);
});

scenario('a small MTU, an address given', { machine => 'microvm', net_options => 'host_mtu=300', append => 'ip=10.0.2.15/24,10.0.2.2' }, sub ($vm) {
	$vm->wait_ready;
	ping_answers($vm, '10.0.2.2');
	leaves_with($vm, 0);
});

done_testing;
