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

sub after ($name, $code, $device_options = '') {
	scenario($name, { network => [ @network[ 0 .. $#network - 1 ], $network[-1] . $device_options ], append => 'ip=10.9.9.2/24 services=http,chargen,discard,echo' }, sub ($vm) {
		delete @$peer{qw(guest_mac mss window all)};
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

# A link whose packets hold no multiple of eight bytes: a rest that is a little longer than that would fit if it were the last.
after('fragments of a large link', sub ($vm) {
	for my $length (8976 + 8976, 8976 + 8977, 8976 + 8980, 8976 + 8981) {
		my $ping = pack('C C n n n', 8, 0, 0, 1, 1) . 'x' x ($length - 8);
		substr $ping, 2, 2, pack 'n', Ringside::Peer::sum($ping);
		for (my $at = 0; $at < $length; $at += 1480) {
			$peer->send_ip4($peer->{address}, 1, $at / 8 | ($at + 1480 < $length ? 0x2000 : 0), substr $ping, $at, 1480);
		}
		my $back = 0;
		while (my $packet = $peer->receive_frame(0x0800, 3)) {
			my ($bytes, $fragment, $protocol) = unpack 'x2 n x2 n x C', $packet;
			next if $protocol != 1;
			$back += $bytes - 20;
			last if !($fragment & 0x2000);
		}
		is($back, $length, "$vm->{label}: $length bytes come back");
	}
}, ',host_mtu=9000');

# Bytes at a place of the stream that is not the next.
sub send_at ($seq, $flags, $data = '') {
	local $peer->{next} = $seq;
	$peer->send_segment($flags, $data);
	return;
}

# What lies ahead of a gap reaches beyond the window, which the gap fills.
after('early data beyond the window', sub ($vm) {
	my $answer = $peer->connect_to(80);
	my ($next, $edge) = ($peer->{next}, $peer->{next} + $answer->{window});
	send_at($edge - 1, 0x10, 'x' x 1000);
	for (my $at = $next + 1460; $at < $edge - 1; $at += 1460) {
		my $left = $edge - 1 - $at;
		send_at($at, 0x10, 'x' x ($left < 1460 ? $left : 1460));
	}
	send_at($next, 0x10, 'x' x 1460);
});

# The end of the stream waits at the window's last byte, which then comes as data.
after('an end that data overtake', sub ($vm) {
	$peer->{window} = 0;
	my $answer = $peer->connect_to(7);
	my $edge   = $peer->{next} + $answer->{window};
	while ((my $left = $edge - $peer->{next}) > 1000) {
		$peer->send_segment(0x10, 'x' x 500);
		for my $got (@{ ($peer->before_answer)[0] }) {
			$edge = $got->{ack} + $got->{window} if $got->{port} == $peer->{port};
		}
	}
	my $left = $edge - $peer->{next};
	cmp_ok($left, '>', 1, "$vm->{label}: the echo takes no more: $left bytes of window are left");
	send_at($edge - 1, 0x11);
	send_at($edge - $left, 0x10, 'x' x $left);
	ok(($peer->before_answer)[1], "$vm->{label}: the guest lives");
	$peer->send_segment(4);
});

after('a SYN with an acknowledgement, and data', sub ($vm) {
	@$peer{qw(to next acknowledged)} = (80, 1_000_000, 0);
	$peer->{port}++;
	$peer->send_syn;
	my $answer = $peer->receive_segment(5);
	$peer->{acknowledged} = $answer->{seq} + 1;
	my $seq = 1_000_101;
	send_at($seq, 0x12, 'x' x 10);
	send_at($seq + 10, 0x10, 'x' x 20);
	send_at(1_000_001, 0x10, 'x' x 100);
	send_at($seq + 11, 0x10, 'x' x 5);
	$peer->before_answer;
	$peer->send_segment(4);
});

# It was answered, but the answer lost. What it says of segments the second time is no more than the link carries.
after('a SYN that comes again', sub ($vm) {
	@$peer{qw(to next acknowledged)} = (19, 1_000_000, 0);
	$peer->{port}++;
	$peer->send_syn;
	my $first = $peer->receive_segment(5);
	$peer->{next} = 1_000_000;
	$peer->send_syn(8960);
	my ($second) = grep { $_->{flags} == 0x12 } @{ ($peer->before_answer)[0] };
	is($second && $second->{seq}, $first->{seq}, "$vm->{label}: it is answered again, and the same");
	$peer->{acknowledged} = $first->{seq} + 1;
	$peer->send_segment(0x10);
	my ($packets, $long) = (0, 0);
	while (my $packet = $peer->receive_frame(0x0800, 1)) {
		$packets++;
		$long++ if unpack('x6 n', $packet) & 0x3fff || unpack('x2 n', $packet) > 1500;
		last if $packets == 5;
	}
	cmp_ok($packets, '>', 2, "$vm->{label}: $packets packets come");
	is($long, 0, "$vm->{label}: and none is in fragments");
	$peer->send_segment(4);
});

# All waits, in small segments that are too many for one queue, for a window that was never there. Then there is one that asks
# for segments of half, and the rest is written.
after('a window that is small from the beginning', sub ($vm) {
	@$peer{qw(window mss)} = (0, 8);
	$peer->connect_to(80);
	$peer->send_segment(0x18, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	sleep 1;
	$peer->{window} = 2;
	$peer->send_segment(0x10);
	sleep 3;
	ok(($peer->before_answer)[1], "$vm->{label}: the guest lives");
	$peer->{window} = 60000;
	$peer->send_segment(0x10);
	my $got;
	1 while ($got = $peer->receive_segment(5)) && !$got->{length};
	ok($got && $got->{length}, "$vm->{label}: the page comes");
	$peer->send_segment(4);
});

# The last data have the stream's end with them, and are cut for a smaller window.
after('a last segment that is cut', sub ($vm) {
	$peer->connect_to(9);
	$peer->before_answer;
	$peer->{window} = 0;
	$peer->send_segment(0x11, 'x' x 1000);
	$peer->{next}++;
	$peer->before_answer;
	$peer->{window} = 2;
	$peer->send_segment(0x10);
	my ($text, $end) = ('', undef);
	for (1 .. 40) {
		my $got = $peer->receive_segment(5) // last;
		next if $got->{answered} || $got->{seq} != $peer->{acknowledged} || !($got->{length} || $got->{flags} & 1);
		$text .= $got->{data};
		$peer->{acknowledged} += $got->{length};
		$end = length $text, $peer->{acknowledged}++ if $got->{flags} & 1;
		$peer->{window} = 60000;
		$peer->send_segment(0x10);
		last if defined $end;
	}
	like($text, qr/\b1000\b.*\n\z/, "$vm->{label}: the receipt comes whole: " . $text =~ s/\n//r);
	is($end, length $text, "$vm->{label}: and then the end");
	$peer->send_segment(4);
});

# To which the guest answers and closes; the answer is not acknowledged yet.
sub bad_request () {
	$peer->connect_to(80);
	$peer->send_segment(0x18, "nonsense\r\n\r\n");
	while (my $got = $peer->receive_segment(2)) {
		next if !$got->{length} || $got->{seq} != $peer->{acknowledged};
		$peer->{acknowledged} += $got->{length};
		last if $got->{data} =~ m{</html>\n\z};
	}
	return;
}

# The end of an answer is acknowledged by a segment that brings more, to a connection that ends with that answer.
after('more, with the last acknowledgement', sub ($vm) {
	my $held  = sub { ($vm->command('facts network') =~ /buffers held: (\d+)/)[0] };
	my $before = $held->();
	for (1 .. 100) {
		bad_request();
		$peer->send_segment(0x18, 'x' x 1000);
		$peer->send_segment(4);
	}
	my $more;
	ok(until_true(5, sub { ($more = $held->() - $before) < 50 }), "$vm->{label}: after 100 of them $more more buffers are held");
});

# Closed by the guest, and never heard of again: the one that was asked most often ends, of too many.
after('orphans', sub ($vm) {
	my $first = $peer->{port} + 1;
	$peer->{resets} = {};
	for my $count (1 .. 530) {
		bad_request();
		$peer->send_segment(0x10);
		$peer->before_answer;
		is(scalar keys %{ $peer->{resets} }, 0, "$vm->{label}: 512 are kept") if $count == 512;
	}
	my @ended = sort { $a <=> $b } map { $_ - $first } keys %{ $peer->{resets} };
	cmp_ok(scalar @ended, '>=', 10, "$vm->{label}: of 530, these are reset: @ended");
	ok(!(grep { $_ > 256 } @ended), "$vm->{label}: all from the first half");
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

sub has_address ($vm) {
	return ok(until_true(10, sub { $vm->command('ip addr') =~ /inet6 fe80::5054:ff:fe72:696e\/64 scope link *$/m }), "$vm->{label}: it has its IPv6 address");
}

# Who we are, so that the guest need not ask.
sub introduce () { $peer->send_icmp6($router, $guest, 135, 0, pack('N a16 C C H12', 0, $guest, 1, 1, '020000000001')) }

sub answers_ping6 ($vm) {
	introduce();
	return is(join(' ', fragments_of_answer(100)), 0, "$vm->{label}: a ping over IPv6 is answered");
}

# A message in fragments; `checksum` is where its sum goes.
my $datagrams = 0;

sub send_in_fragments ($protocol, $message, $checksum) {
	$message = Ringside::Peer::summed6($router, $guest, $protocol, $message, $checksum);
	$datagrams++;
	for (my $at = 0; $at < length $message; $at += 1448) {
		my $piece = substr $message, $at, 1448;
		my $more  = $at + 1448 < length $message ? 1 : 0;
		$peer->send_ip6($router, $guest, 44, pack('C C n N', $protocol, 0, $at | $more, $datagrams) . $piece);
	}
	return;
}

# The type of the ICMPv6 message that comes back.
sub type_of_answer () {
	while (my $packet = $peer->receive_frame(0x86dd, 1)) {
		my ($next, $to, $type) = unpack 'x6 C x17 a16 C', $packet;
		return $type if $to eq $router && $next == 58 && $type < 133;
	}
	return 0;
}

after('datagrams over IPv6 as long as can be, and longer', sub ($vm) {
	has_address($vm);
	introduce();
	for my $length (65495, 65496, 65527) {
		send_in_fragments(17, pack('n n n n', 4242, 4242, $length, 0) . "\1" x ($length - 8), 6);
		is(type_of_answer(), $length <= 65495 ? 1 : 0, "$vm->{label}: a datagram of $length bytes to no port is " . ($length <= 65495 ? 'refused' : 'dropped'));
	}
	# Not neighbour discovery, though its second piece begins like it.
	introduce();
	send_in_fragments(58, pack('C C n n n', 128, 0, 0, 2, 2) . "\x88" x 1600, 2);
	my $packet;
	1 while ($packet = $peer->receive_frame(0x86dd, 2)) && (ord(substr $packet, 6, 1) != 44 || unpack('x42 n', $packet) & 1);
	ok($packet, "$vm->{label}: a ping whose pieces begin with any byte is answered");
	answers_ping6($vm);
});

# Each of us was asked for, and does not answer; the one that does is to be reached by one more.
after('a neighbour that is reached by another', sub ($vm) {
	has_address($vm);
	my ($last, $other) = map { inet_pton(AF_INET6, $_) } 'fe80::1:23', 'fe80::2:1';
	$peer->send_icmp6(inet_pton(AF_INET6, sprintf 'fe80::1:%x', $_), $guest, 128, 0, pack('n n', 1, $_) . 'x' x 100) for 1 .. 0x23;
	$peer->send_icmp6($last, $guest, 128, 0, pack('n n', 1, $_) . 'x' x 100) for 1 .. 3;
	$peer->send_icmp6($router, $guest, 137, 0, pack('N a16 a16', 0, $other, $last));
	$peer->send_icmp6($last, $guest, 136, 0, pack('N a16 C C H12', 0x60000000, $last, 2, 1, '020000000002'));
	ok(($peer->before_answer)[1], "$vm->{label}: the guest lives");
	sleep 4;
	answers_ping6($vm);
});

# The same by the timer: it is reached, says TCP, and has what waits for it; which is to go by one more.
after('a neighbour that the timer reaches by another', sub ($vm) {
	has_address($vm);
	my ($friend, $other) = map { inet_pton(AF_INET6, $_) } 'fe80::d', 'fe80::2:1';
	my $from = sub ($address, $type, $code, $body) { $peer->send_icmp6($address, $guest, $type, $code, $body) };
	my $introduce = sub { $from->($friend, 135, 0, pack 'N a16 C C H12', 0, $guest, 1, 1, '020000000001') };
	my $ends = pack 'n n', 4000, 80;
	my $segment = sub ($seq, $ack, $flags, $data) {
		my $text = $ends . pack('N N C C n n n', $seq, $ack, 0x50, $flags, 8192, 0, 0) . $data;
		$peer->send_ip6($friend, $guest, 6, Ringside::Peer::summed6($friend, $guest, 6, $text, 16));
	};
	$introduce->();
	$segment->(1000, 0, 2, '');
	my ($packet, $ack);
	while ($packet = $peer->receive_frame(0x86dd, 3)) {
		($ack) = unpack 'N', substr $packet, 44, 4 or next;
		last if ord(substr $packet, 6, 1) == 6;
	}
	ok($packet, "$vm->{label}: it answers a SYN");
	$segment->(1001, ++$ack, 0x10, '');
	for my $round (1 .. 4) {
		$from->(inet_pton(AF_INET6, sprintf 'fe80::%d:%x', $round, $_), 128, 0, pack('n n', 1, $_) . 'x' x 100) for 1 .. 0x23;
		$from->($friend, 128, 0, pack('n n', 1, $_) . 'x' x 100) for 1 .. 3;
		$introduce->();
		$segment->(1000 + $round, $ack, 0x18, 'G');
		$peer->send_icmp6($router, $guest, 137, 0, pack('N a16 a16', 0, $other, $friend));
		sleep 1.3;
	}
	ok(($peer->before_answer)[1], "$vm->{label}: the guest lives");
});

after('an address that another says to have', sub ($vm) {
	has_address($vm);
	$peer->send_icmp6($router, inet_pton(AF_INET6, 'ff02::1'), 136, 0, pack('N a16 C C H12', 0x20000000, $guest, 2, 1, '020000000002'));
	answers_ping6($vm);
	ok(until_true(5, sub { $vm->console =~ /^\S* *\S* *.*another host says that it has our address fe80::5054:ff:fe72:696e$/m }), "$vm->{label}: which is said");
});

# Packets to a neighbour that never answers wait for some seconds, but only so many.
after('pings in the name of nobody', sub ($vm) {
	my $label = $vm->{label};
	my $used = sub ($which) {
		my ($number, $unit) = $vm->command('facts network') =~ /^\s+$which: ([\d.]+) (KiB|MiB)$/m or die "$label: what is used?";
		return $number * { KiB => 1 << 10, MiB => 1 << 20 }->{$unit};
	};
	has_address($vm);
	my $before = $used->('used');
	for my $round (1 .. 20) {
		$peer->send_icmp6(inet_pton(AF_INET6, 'fe80::77'), $guest, 128, 0, pack('n n', 1, $_) . 'x' x 1400) for 1 .. 100;
		sleep 0.02;
	}
	my $more = $used->('used most') - $before;
	cmp_ok($more, '>', 100 << 10, "$label: $more bytes waited");
	cmp_ok($more, '<', 400 << 10, "$label: and no more than that");
	ok(until_true(10, sub { $used->('used') - $before < 100 << 10 }), "$label: then they are dropped");
});

done_testing;
