#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Frames that a peer may send, and that ended in an assertion of lwIP's or without end: the guest answers after them.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Host qw(until_true);
use Ringside::Peer;
use Ringside::VM;
use Socket      qw(inet_pton AF_INET6);
use Test::More;
use Time::HiRes qw(sleep);

my $peer = Ringside::Peer->new(address => '10.9.9.1', guest => '10.9.9.2');
my @network = (@{ $peer->{words} }, '-device', "virtio-net-pci,netdev=net0,romfile=,mac=$Ringside::VM::MAC");

sub after ($name, $code) {
	scenario($name, { network => \@network, append => 'ip=10.9.9.2/24 services=http,chargen' }, sub ($vm) {
		delete @$peer{qw(guest_mac mss window)};
		$vm->wait_prompt;
		ok(until_true(10, sub { ($peer->before_answer)[1] }), "$vm->{label}: the guest answers");
		$code->($vm);
		ok(($peer->before_answer)[1], "$vm->{label}: and after that");
		like($vm->command('help'), qr/^  help /m, "$vm->{label}: the shell too");
		leaves_with($vm, 0);
	});
	return;
}

# The answer would go out in two pieces, the second empty, and wait for an address that nobody has.
after('a ping with an empty last fragment', sub ($vm) {
	my $ping = pack 'C C n n n a8', 8, 0, 0, 1, 1, 'ringside';
	substr $ping, 2, 2, pack 'n', Ringside::Peer::sum($ping);
	$peer->send_ip4('10.9.9.77', 1, 0x2000, $ping);
	$peer->send_ip4('10.9.9.77', 1, length($ping) / 8, '');
});

# A smaller window counts only in a segment that is newer.
sub ask_with_window ($request, $window) {
	$peer->connect_to(80);
	$peer->send_segment(0x18, substr $request, 0, 1);
	$peer->{window} = $window;
	$peer->send_segment(0x18, substr $request, 1);
	return;
}

# A segment is made that the window has no room for; it would be cut for segments that are smaller since.
after('smaller segments without a SYN', sub ($vm) {
	ask_with_window("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1000);
	$peer->before_answer;
	$peer->send_segment(0x10, '', pack 'C C n', 2, 4, 536);
	sleep 3;
	$peer->{window} = 60000;
	$peer->send_segment(0x10);
	ok((grep { $_->{length} } map { $peer->receive_segment(5) // () } 1 .. 3), "$vm->{label}: the page goes on");
	$peer->send_segment(4);
});

# The last byte goes out as the probe of a closed window, and is taken.
after('a probe that is taken', sub ($vm) {
	my $request = "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n";
	my $length  = 0;
	$peer->connect_to(80);
	$peer->send_segment(0x18, $request);
	while (my $got = $peer->receive_segment(2)) {
		$length += $got->{length};
		last if $got->{data} =~ m{</html>\n\z};
	}
	$peer->send_segment(4);
	cmp_ok($length, '>', 100, "$vm->{label}: an answer of $length bytes");
	$peer->{mss} = $length - 1;
	ask_with_window($request, $length - 1);
	my $got;
	1 while ($got = $peer->receive_segment(5)) && !$got->{length};
	is($got && $got->{length}, $length - 1, "$vm->{label}: all but a byte comes");
	$peer->{acknowledged} += $length - 1;
	$peer->{window} = 0;
	$peer->send_segment(0x10);
	1 while ($got = $peer->receive_segment(10)) && $got->{seq} != $peer->{acknowledged};
	is($got && $got->{length}, 1, "$vm->{label}: then the byte, as a probe");
	$peer->{acknowledged}++;
	$peer->send_segment(0x10);
	sleep 2;
	$peer->{window} = 60000;
	$peer->send_segment(0x18, $request);
	1 while ($got = $peer->receive_segment(5)) && !$got->{length};
	like($got && $got->{data}, qr{^HTTP/1\.1 404 }, "$vm->{label}: the next request is answered");
	$peer->send_segment(4);
});

my ($router, $guest) = map { inet_pton(AF_INET6, $_) } 'fe80::1', 'fe80::5054:ff:fe72:696e';

# Sizes of the fragments that answer a ping; (0) when it came whole.
sub fragments_of_answer ($bytes) {
	$peer->send_icmp6($router, $guest, 128, 0, pack('n n', 1, 1) . 'x' x $bytes);
	my @sizes;
	while (my $packet = $peer->receive_frame(0x86dd, 3)) {
		my ($length, $next, $to) = unpack 'x4 n C x17 a16', $packet;
		next if $to ne $router;
		return 0 if $next == 58 && ord(substr $packet, 40, 1) == 129;
		next if $next != 44;
		push @sizes, 40 + $length;
		return @sizes if !(unpack('x42 n', $packet) & 1);
	}
	return @sizes;
}

for my $case ([ 50, 'less than a header' ], [ 56, 'eight bytes' ], [ 1000, 'less than IPv6 has' ], [ 1280, 'the least' ], [ 65535, 'more than the link has' ]) {
	my ($mtu, $what) = @$case;
	after("packets of $mtu bytes at most: $what", sub ($vm) {
		my $label = $vm->{label};
		ok(until_true(10, sub { $vm->command('ip addr') =~ /inet6 fe80::5054:ff:fe72:696e\/64 scope link *$/m }), "$label: it has its IPv6 address");
		# Who we are, so that it need not ask; then there is a destination that the size can be told of.
		$peer->send_icmp6($router, $guest, 135, 0, pack('N a16 C C H12', 0, $guest, 1, 1, '020000000001'));
		is(join(' ', fragments_of_answer(1400)), 0, "$label: a ping of 1400 bytes is answered in one piece");
		$peer->send_icmp6($router, $guest, 2, 0, pack('N', $mtu) . pack('N n C C a16 a16', 6 << 28, 1408, 58, 255, $guest, $router) . 'x' x 100);
		is(join(' ', fragments_of_answer(1400)), $mtu > 1500 ? 0 : '1280 224', "$label: then in pieces that IPv6 allows");
	});
}

# Packets to a neighbour that never answers wait for some seconds, but only so many.
after('pings in the name of nobody', sub ($vm) {
	my $label = $vm->{label};
	my $used = sub {
		my ($number, $unit) = $vm->command('facts network') =~ /^\s+used: ([\d.]+) (KiB|MiB)$/m or die "$label: what is used?";
		return $number * { KiB => 1 << 10, MiB => 1 << 20 }->{$unit};
	};
	ok(until_true(10, sub { $vm->command('ip addr') =~ /inet6 fe80::5054:ff:fe72:696e\/64 scope link *$/m }), "$label: it has its IPv6 address");
	my $before = $used->();
	for my $round (1 .. 20) {
		$peer->send_icmp6(inet_pton(AF_INET6, 'fe80::77'), $guest, 128, 0, pack('n n', 1, $_) . 'x' x 1400) for 1 .. 100;
		sleep 0.02;
	}
	my $more = $used->() - $before;
	cmp_ok($more, '>', 100 << 10, "$label: $more bytes wait");
	cmp_ok($more, '<', 400 << 10, "$label: and no more than that");
	ok(until_true(10, sub { $used->() - $before < 100 << 10 }), "$label: then they are dropped");
});

done_testing;
