#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Several network interfaces at once, each with another back end: a TAP device and a fixed address, a TAP device with
# dnsmasq, user networking with QEMU's own DHCP. Data on all at the same time, verified, while one is reset and another
# has its cable pulled; speed and duplex as the device says them.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Ringside::Checks;
use Ringside::Client qw(http_get tcp_echo udp_ask);
use Ringside::Host   qw(until_true);
use Ringside::Load   qw(in_child);
use Ringside::Tap    qw(enter_namespace tap_device tap_network dnsmasq_log);
use Ringside::VM;
use Test::More;

my $missing = enter_namespace();
plan skip_all => $missing if $missing;

my $HOST  = '10.8.0.1';
my $GUEST = '10.8.0.2';
tap_device('ringside0', "$HOST/24");
my @dhcp = tap_network('ringside1');    # as net0, which is what QEMU calls it

# The back ends by the number in their devices' MAC addresses; on the fixed one QEMU says how fast it is.
my @macs     = map { "52:54:00:00:00:0$_" } 1 .. 3;
my @networks = (
	[ [ '-netdev', 'tap,id=fixed,ifname=ringside0,script=no,downscript=no' ], "netdev=fixed,mac=$macs[0],speed=10000,duplex=full" ],
	[ \@dhcp, "netdev=net0,mac=$macs[1]" ],
	[ [ '-netdev', 'user,id=user,ipv6=off,hostfwd=tcp:127.0.0.1:0-:7,hostfwd=udp:127.0.0.1:0-:7,hostfwd=tcp:127.0.0.1:0-:80' ], "netdev=user,mac=$macs[2],speed=100,duplex=half" ],
);

sub facts () { return JSON::PP::decode_json(http_get($GUEST, 80, '/status.json')->{body}) }

# Names, by the order above, and addresses, when all have one.
sub addresses ($vm) {
	my %name = map { $_->{mac} => $_->{name} } @{ facts()->{network_devices}{devices} };
	my @names = map { $name{$_} // return } @macs;
	my %address = map { $_->{name} => $_->{ipv4} } @{ facts()->{network}{interfaces} };
	my @addresses = map { ($address{$_} // '') =~ m{^([\d.]+)/} ? $1 : return } @names;
	return { names => \@names, addresses => \@addresses };
}

sub echoes ($host, $port) {
	return in_child(sub ($over) {
		my $rounds = 0;
		do {
			my ($sent, $came) = tcp_echo($host, $port, 1_000_000, 60);
			return 'other data' if $sent ne $came;
			$rounds++;
		} until $over->();
		return "good $rounds";
	});
}

for my $machine (qw(q35 microvm)) {
	my @words;
	for my $network (@networks) {
		my ($backend, $options) = @$network;
		push @words, @$backend, (bless { machine => $machine }, 'Ringside::VM')->device_words('virtio-net', $options, 'romfile=');
	}
	scenario($machine, { machine => $machine, network => \@words, append => "ip=$GUEST/24 services=http,echo" }, sub ($vm) {
		my $label = $vm->{label};
		is($vm->wait_ready, $GUEST, "$label: the first has its fixed address");
		my $all = until_true(15, sub { eval { addresses($vm) } });
		ok($all, "$label: all have an address") or diag $vm->command('ip'), return;
		my ($names, $addresses) = @$all{qw(names addresses)};
		is("@$names", 'eth0 eth1 eth2', "$label: three interfaces");
		is($addresses->[0], $GUEST, "$label: one is fixed");
		like(dnsmasq_log(), qr/DHCPACK\(ringside1\) \Q$addresses->[1]\E $macs[1]/, "$label: one is dnsmasq's ($addresses->[1])");
		is($addresses->[2], '10.0.2.15', "$label: one is QEMU's");
		for my $host ($HOST, $Ringside::Tap::HOST, '10.0.2.2') { ping_answers($vm, $host) }

		my @speeds = map { $vm->command("ethtool $_") =~ /^\tSpeed: (.*)\n\tDuplex: (.*)$/m ? "$1 $2" : '?' } @$names;
		is(join(', ', @speeds), '10000Mb/s Full, Unknown! Unknown! (255), 100Mb/s Half', "$label: speed and duplex as QEMU was told");

		my @ends = ([ $addresses->[0], 7 ], [ $addresses->[1], 7 ], [ '127.0.0.1', $vm->port(tcp => 7) ]);
		my @udp  = ([ $addresses->[0], 7 ], [ $addresses->[1], 7 ], [ '127.0.0.1', $vm->port(udp => 7) ]);
		is(udp_ask(@{ $udp[$_] }, "by $names->[$_]"), "by $names->[$_]", "$label: UDP echo by $names->[$_]") for 0 .. 2;
		my @loads = map { echoes(@$_) } @ends;
		my ($second) = map { $_->{virtio_device} } grep { $_->{name} eq $names->[1] } @{ facts()->{network_devices}{devices} };
		$vm->command("devices reset $second");
		ok(until_true(10, sub { $vm->console =~ /\($second\): reset, and running again/ }), "$label: $names->[1] recovers from a reset");
		$vm->qmp->execute('set_link', name => 'user', up => JSON::PP::false);
		ok(until_true(5, sub { $vm->command("ethtool $names->[2]") =~ /Link detected: no/ }), "$label: cable of $names->[2] pulled");
		like($vm->command("ethtool $names->[0]"), qr/Link detected: yes/, "$label: and of no other");
		$vm->qmp->execute('set_link', name => 'user', up => JSON::PP::true);
		ok(until_true(5, sub { $vm->command("ethtool $names->[2]") =~ /Link detected: yes/ }), "$label: and back");
		like($loads[$_]->(), qr/^good [1-9]/, "$label: the data by $names->[$_] is right meanwhile") for 0 .. 2;
		for my $name (@$names) {
			my %counters = $vm->command("ethtool -S $name") =~ /^\s+(\w+): (\d+)$/mg;
			cmp_ok($counters{receive_bytes}, '>', 1_000_000, "$label: $name has received ($counters{receive_packets} frames)");
			cmp_ok($counters{interrupts}, '>', 0, "$label: by $counters{interrupts} interrupts");
		}
		my $again = until_true(15, sub { my $now = eval { addresses($vm) }; $now && "@{ $now->{addresses} }" eq "@$addresses" });
		ok($again, "$label: all have their addresses");
		leaves_with($vm, 0);
	});
}

done_testing;
