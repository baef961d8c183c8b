#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# TAP devices in each way that QEMU can use them: QEMU or the host's kernel (vhost) moves the frames, with headers for
# checksums and joined frames (vnet_hdr) or without. Then more UDP than the guest can read, with TCP beside it.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use JSON::PP ();
use Ringside::Checks;
use Ringside::Client qw(http_get tcp_echo udp_ask);
use Ringside::Host   qw(until_true);
use Ringside::Kvm    qw(kvm_options kvm_missing);
use Ringside::Load   qw(in_child);
use Ringside::Tap    qw(enter_namespace tap_device tap_neighbour tap_counter);
use Ringside::VM;
use Test::More;
use Time::HiRes qw(time sleep);

my $missing = enter_namespace();
plan skip_all => $missing if $missing;

my $TAP   = 'ringside0';
my $HOST  = '10.8.0.1';
my $GUEST = '10.8.0.2';
tap_device($TAP, "$HOST/24");
# In a flood it would be asked for again, and what waits for the answer is in no counter.
tap_neighbour($TAP, $GUEST, $Ringside::VM::MAC);

sub facts () { return JSON::PP::decode_json(http_get($GUEST, 80, '/status.json')->{body}) }

sub machine ($name, $backend, $options, $code) {
	my @words = ('-netdev', "tap,id=net0,ifname=$TAP,script=no,downscript=no$backend", '-device', "virtio-net-pci,netdev=net0,mac=$Ringside::VM::MAC,romfile=");
	scenario($name, { network => \@words, append => "ip=$GUEST/24 services=http,echo,discard", %$options }, sub ($vm) {
		is($vm->wait_ready, $GUEST, "$name: is up");
		$code->($vm);
		leaves_with($vm, 0);
	});
	return;
}

# -- Ways to use it

sub back_end ($name, $vhost, $header, $bytes, %options) {
	machine($name, ",vhost=$vhost,vnet_hdr=$header", \%options, sub ($vm) {
		ping_answers($vm, $HOST);
		my ($sent, $came) = tcp_echo($GUEST, 7, $bytes);
		is($came, $sent, "$name: TCP echo of $bytes bytes");
		my $large = join '', map { chr int rand 256 } 1 .. 5000;
		is(udp_ask($GUEST, 7, $large), $large, "$name: UDP echo of fragments");
		my ($device) = @{ facts()->{virtio}{devices} };
		my %features = map { $_ => 1 } @{ $device->{features} };
		my $expected = $header eq 'on' ? 'there' : 'not there';
		is((grep { $features{$_} } qw(csum guest_csum guest_tso4 guest_tso6)) == 4 ? 'there' : 'not there', $expected, "$name: checksums and joined frames by the device are $expected");
		my $joined = facts()->{network_devices}{devices}[0]{pairs}[0]{joined};
		is($joined > 0 ? 'some' : 'none', $header eq 'on' ? 'some' : 'none', "$name: frames that came joined ($joined)");
		is($device->{interrupt_mode}, 'msix', "$name: by MSI-X");
		cmp_ok($device->{queues}[0]{interrupts}, '>', 0, "$name: interrupts are counted ($device->{queues}[0]{interrupts})");
		$vm->command('devices reset virtio0');
		ok(until_true(10, sub { $vm->console =~ /virtio0\): reset, and running again/ }), "$name: recovers from a reset");
		($sent, $came) = tcp_echo($GUEST, 7, $bytes);
		is($came, $sent, "$name: and echoes again");
	});
	return;
}

my $no_vhost = -e '/dev/vhost-net' ? kvm_missing() : 'no /dev/vhost-net';
for my $header (qw(on off)) {
	back_end("vhost=off, vnet_hdr=$header", 'off', $header, 5_000_000);
SKIP: {
		my $name = "vhost=on, vnet_hdr=$header";
		skip "$name: $no_vhost", 1 if $no_vhost;
		back_end($name, 'on', $header, 1_000_000, kvm_options());
	}
}

# -- More than it can read

# Datagrams as fast as this machine makes them, until it is over; with $pause, seconds, after each 3000. How many the
# kernel took.
sub flood ($port, $length, $pause) {
	return in_child(sub ($over) {
		my $socket   = IO::Socket::INET->new(PeerAddr => $GUEST, PeerPort => $port, Proto => 'udp') or return "no socket: $@";
		my $datagram = 'f' x $length;
		my $sent     = 0;
		until ($over->()) {
			defined send($socket, $datagram, 0) and $sent++ for 1 .. 3000;
			sleep $pause if $pause;
		}
		return $sent;
	});
}

# Of the service: how many datagrams it was given.
sub taken_by ($facts, $name) {
	my ($service) = grep { $_->{name} eq $name } @{ $facts->{services}{services} };
	return $service->{requests};
}

sub sent_datagrams ($facts) {
	my ($udp) = grep { $_->{name} eq 'UDP' } @{ $facts->{network}{protocols} };
	return $udp->{sent};
}

# While it lasts, a connection that loses as much as the datagrams hardly moves, if they are many more than can be read:
# then it goes on afterwards. Between bursts it has to go on.
sub flooded ($name, $service, $port, $length, $pause) {
	machine($name, ',vhost=off', {}, sub ($vm) {
		tcp_echo($GUEST, 7, 10_000);    # memory has its shape
		my $free  = facts()->{memory}{free};
		my %host  = map { $_ => tap_counter($TAP, $_) } qw(tx_packets tx_dropped);
		my $began = time;
		my $tcp   = in_child(sub ($over) {
			my $rounds = 0;
			do {
				my ($sent, $came) = tcp_echo($GUEST, 7, 200_000, 100);
				return 'other data' if $sent ne $came;
				$rounds++;
			} until $over->();
			return "good $rounds";
		});
		my $flood = flood($port, $length, $pause);
		sleep 2;
		like($vm->command('ping -c 2 127.0.0.1'), qr/ 2 received/, "$name: the shell answers meanwhile");
		my $echoed = $pause ? $tcp->() : '';
		my $sent   = $flood->();
		my $took   = time - $began;
		$echoed = $tcp->() unless $pause;
		like($echoed, qr/^good [1-9]/, "$name: TCP echo of 200 kB, again and again, is right: $echoed");
		my ($facts, $last) = (undef, -1);
		ok(until_true(20, sub {
			$facts = eval { facts() } or return 0;
			my $now = taken_by($facts, $service);
			return $now == $last || do { $last = $now; 0 };
		}), "$name: it comes to rest") or do {
			# What a stall looks like from inside.
			note $vm->command($_) for 'devices', 'ethtool -S eth0', 'interrupts', 'ping -c 1 192.0.2.1';
			return;
		};
		my %tap     = map { $_ => tap_counter($TAP, $_) - $host{$_} } keys %host;
		my $lost    = $sent - $last;
		my ($stack) = @{ $facts->{network_devices}{devices} };
		my %counted = $vm->command('ethtool -S eth0') =~ /^\s+(\w+): (\d+)$/mg;
		cmp_ok($lost, '>', 0, sprintf "%s: %d datagrams in %.1f s are more than it can read, %d are lost", $name, $sent, $took, $lost);
		# The host drops what the guest leaves; of the guest's own drops some may be of the connection.
		my $guest = $counted{receive_dropped} + $counted{receive_errors};
		cmp_ok($lost, '<=', $tap{tx_dropped} + $guest, "$name: all lost are counted: $tap{tx_dropped} by the host, $guest by the guest");
		is($stack->{statistics}{"${_}_dropped"}, $counted{"${_}_dropped"}, "$name: /status.json and ethtool -S count the same, $_") for qw(receive transmit);
		cmp_ok($counted{receive_packets}, '>=', $last, "$name: all that the service was given came through eth0");
		if ($service eq 'echo') {
			my $answers = sent_datagrams($facts);
			is($answers, $last, "$name: each was answered");
			cmp_ok($answers, '<=', $counted{transmit_packets} + $counted{transmit_dropped}, "$name: all answers are counted: sent or dropped ($counted{transmit_dropped})");
			cmp_ok($tap{tx_packets}, '>', 0, "$name: the host has seen them");
		}
		ping_answers($vm, $HOST);
		# The stack keeps what it once needed for copies at the worst time, but not something of each datagram.
		my $leak;
		ok(until_true(10, sub { ($leak = $free - facts()->{memory}{free}) < 2 << 20 }), "$name: no leak") or diag "$leak bytes";
		no_warnings($vm);
	});
	return;
}

flooded('flood of discard',  'discard', 9, 100,  0);
flooded('flood of echo',     'echo',    7, 1400, 0);
flooded('bursts of discard', 'discard', 9, 1400, 0.03);
flooded('bursts of echo',    'echo',    7, 100,  0.03);

done_testing;
