#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Clients that mean ill, on a TAP device: many connections that say nothing, or trickle, or never read; SYNs that nobody
# follows; requests that are none. Meanwhile somebody else gets the page, the network's memory has a bound, and
# afterwards all is as it was.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use JSON::PP ();
use Ringside::Checks;
use Ringside::Client qw(http_get);
use Ringside::Host   qw(until_true within);
use Ringside::Tap    qw(enter_namespace tap_network);
use Ringside::VM;
use Socket qw(getaddrinfo inet_aton inet_pton pack_sockaddr_in AF_INET AF_INET6 AI_NUMERICHOST SOCK_RAW IPPROTO_RAW);
use Test::More;
use Time::HiRes qw(time sleep);

my $missing = enter_namespace();
plan skip_all => $missing if $missing;

my @tap = tap_network('ringside0');
my ($label, $address);

sub status ()  { return JSON::PP::decode_json(http_get($address, 80, '/status.json')->{body}) }
sub service ($status, $name) { return (grep { $_->{name} eq $name } @{ $status->{services}{services} })[0] }

# A client like any other: the page comes whole, each time; says how long it took.
sub normal ($what, $times = 5) {
	my @took;
	my $good = 0;
	for (1 .. $times) {
		my $start = time;
		my $page = eval { http_get($address, 80, '/') };
		diag "$what: $@" unless $page;
		push @took, time - $start;
		$good++ if $page && $page->{status} == 200 && $page->{body} =~ m{</html>\n\z};
	}
	@took = sort { $a <=> $b } @took;
	is($good, $times, sprintf '%s: %s: a normal client gets the page %d times (median %d ms, worst %d ms)', $label, $what, $times, 1000 * $took[ @took / 2 ], 1000 * $took[-1]);
	return;
}

# So many connections that get their first bytes, as far as they are let in.
sub open_many ($count, $bytes, $port = 80) {
	my @sockets;
	for (1 .. $count) {
		my $socket = IO::Socket::INET->new(PeerHost => $address, PeerPort => $port, Timeout => within(5)) or next;
		syswrite $socket, $bytes if length $bytes;
		push @sockets, $socket;
	}
	return @sockets;
}

# What comes until the other end is closed.
sub all_of ($request, $seconds = 20) {
	my $socket = IO::Socket::INET->new(PeerHost => $address, PeerPort => 80, Timeout => within(5)) or return 'no connection';
	syswrite $socket, $request;
	my ($text, $deadline) = ('', time + within($seconds));
	while ((my $left = $deadline - time) > 0) {
		vec(my $wanted = '', fileno $socket, 1) = 1;
		select $wanted, undef, undef, $left or last;
		sysread $socket, $text, 65536, length $text or return $text;
	}
	return "$text(not closed)";
}

sub sum ($bytes) {
	my $sum = unpack '%32n*', length($bytes) % 2 ? "$bytes\0" : $bytes;
	$sum = ($sum & 0xffff) + ($sum >> 16) for 1 .. 2;
	return ~$sum & 0xffff;
}

# The address that the guest gives itself, of its MAC address.
my $LINK_LOCAL = 'fe80::5054:ff:fe72:696e';

sub random_words ($count) { return map { int rand 65536 } 1 .. $count }

# SYNs from addresses where nobody is, of this network or beyond the router: no answer, no reset.
my %SOURCES = (
	'neighbours'                => sub { return pack 'C4', 192, 168, 77, 100 + int rand 150 },
	'anywhere'                  => sub { return pack 'C2 n', 172, 16 + int rand 16, random_words(1) },
	'neighbours by IPv6'        => sub { return pack 'n8', 0xfe80, 0, 0, 0, random_words(4) },
	'the same prefix by IPv6'   => sub { return pack 'n8', 0xfd77, 0, 0, 0, random_words(4) },
	'anywhere by IPv6'          => sub { return pack 'n8', 0x2001, 0xdb8, random_words(6) },
);

sub syn ($from, $to) {
	my $segment = pack 'n n N N C C n n n', 1024 + int rand 60000, 80, int rand 2**32, 0, 5 << 4, 2, 65535, 0, 0;
	my $pseudo = length $to == 4 ? pack('a4 a4 C C n', $from, $to, 0, 6, 20) : pack('a16 a16 N N', $from, $to, 20, 6);
	substr $segment, 16, 2, pack 'n', sum($pseudo . $segment);
	return pack('C C n n n C C n a4 a4', 0x45, 0, 40, 0, 0, 64, 6, 0, $from, $to) . $segment if length $to == 4;
	return pack('N n C C a16 a16', 6 << 28, 20, 6, 64, $from, $to) . $segment;
}

# Sends up to 10,000 a second, fewer on a busy machine, and at least $LEAST in all, until the parent has closed the pipe. The
# kernel takes the whole header from us, the source too.
my ($RATE, $LEAST) = (10_000, 10_000);
sub flood ($sources, $pipe) {
	my $six = $sources =~ /IPv6/;
	socket my $raw, $six ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_RAW or die "raw socket: $!\n";
	my ($to, $place) = (inet_aton($address), pack_sockaddr_in(0, inet_aton($address)));
	if ($six) {
		my ($error, $found) = getaddrinfo("$LINK_LOCAL%ringside0", 0, { family => AF_INET6, socktype => Socket::SOCK_DGRAM(), flags => AI_NUMERICHOST });
		die "$LINK_LOCAL: $error\n" if $error;
		($to, $place) = (inet_pton(AF_INET6, $LINK_LOCAL), $found->{addr});
	}
	my @packets = map { syn($SOURCES{$sources}->(), $to) } 1 .. 20_000;
	syswrite $pipe, 'x'; # ready
	my ($sent, $start, $rate) = (0, time, $RATE / within(1));
	while (1) {
		for (1 .. 100) { send $raw, $packets[ $sent % @packets ], 0, $place and $sent++ }
		my $early = $start + $sent / $rate - time;
		sleep $early if $early > 0;
		vec(my $gone = '', fileno $pipe, 1) = 1;
		last if $sent >= $LEAST && select $gone, undef, undef, 0;
	}
	syswrite $pipe, sprintf '%d %d', $sent, $sent / (time - $start);
	return;
}

# Does something meanwhile; says how many were sent, and how fast.
sub during_flood ($sources, $do) {
	socketpair my $ours, my $theirs, Socket::AF_UNIX(), Socket::SOCK_STREAM(), 0 or die "socketpair: $!\n";
	my $child = fork // die "fork: $!\n";
	if (!$child) {
		close $ours;
		require POSIX;
		POSIX::_exit(eval { flood($sources, $theirs); 1 } ? 0 : 1);
	}
	close $theirs;
	sysread $ours, my $ready, 1 or die "no flood\n";
	sleep 2;
	$do->();
	shutdown $ours, 1;
	my $told = '';
	1 while sysread $ours, $told, 100, length $told;
	waitpid $child, 0;
	return split / /, $told;
}

my @device = ('-device', "virtio-net-pci,netdev=net0,romfile=,mac=$Ringside::VM::MAC");
scenario('abuse', { network => [ @tap, @device ], append => 'services=http,echo,discard,chargen' }, sub ($vm) {
	$label   = $vm->{label};
	$address = $vm->wait_ready;
	normal('nobody else is there', 9);
	my $before = status()->{network}{memory};
	my $bounded = sub ($what) {
		my $memory = status()->{network}{memory};
		cmp_ok($memory->{reserved}, '<=', $memory->{limit}, "$label: $what: $memory->{used} bytes of packets and connections, $memory->{reserved} reserved, of $memory->{limit}");
	};

	{
		my @silent = open_many(600, '');
		cmp_ok(scalar @silent, '>=', 590, "$label: 600 connections that say nothing are let in");
		normal('600 are silent');
		my $http = service(status(), 'http');
		cmp_ok($http->{open}, '<=', 256, "$label: $http->{open} are kept");
		cmp_ok($http->{evicted}, '>=', 340, "$label: $http->{evicted} made room");
		$bounded->('600 are silent');
	}
	{
		my @slow = open_many(256, "GET / HTTP/1.1\r\nHost:");
		my $end  = time + 14;
		while (time < $end) {
			my $next = time + 1;
			syswrite $_, 'x' for @slow;
			normal('256 send a byte a second', 1) if int($end - time) % 5 == 0;
			sleep $next - time if $next > time;
		}
		my $open = until_true(10, sub { my $now = service(status(), 'http')->{open}; $now < 10 && $now });
		ok($open, "$label: whoever does not come to an end of its request within 10 s is closed");
	}
	{
		# With a small buffer of its own, so that the guest is left with most of the answer.
		my @deaf;
		for (1 .. 300) {
			socket my $socket, AF_INET, Socket::SOCK_STREAM(), 0 or die "socket: $!\n";
			setsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 2048;
			connect $socket, pack_sockaddr_in(80, inet_aton($address)) or next;
			syswrite $socket, "GET / HTTP/1.1\r\nHost: x\r\n\r\n" x 40;
			push @deaf, $socket;
		}
		sleep 6;
		normal(scalar(@deaf) . ' never read');
		$bounded->('300 never read');
	}
	for my $sources (sort keys %SOURCES) {
		my ($sent, $rate) = during_flood($sources, sub {
			normal("SYNs from $sources", 9);
			my $good = 0;
			for (1 .. 3) { my $page = eval { http_get("$LINK_LOCAL%ringside0", 80, '/') }; $good++ if $page && $page->{status} == 200 }
			is($good, 3, "$label: SYNs from $sources: and one by IPv6");
			$bounded->("SYNs from $sources");
		});
		cmp_ok($sent, '>=', $LEAST, "$label: SYNs from $sources: $sent of them, $rate a second");
	}
	{
		my ($start, $good) = (time, 0);
		for (1 .. 2000) {
			my $socket = IO::Socket::INET->new(PeerHost => $address, PeerPort => 80, Timeout => within(5)) or next;
			syswrite $socket, "HEAD /none HTTP/1.0\r\n\r\n";
			my $count = sysread $socket, my $text, 4096;
			$good++ if $count && $text =~ m{^HTTP/1.1 404 };
		}
		is($good, 2000, sprintf '%s: 2000 connections one after the other, %d a second', $label, 2000 / (time - $start));
		$bounded->('2000 connections');
	}

	like(all_of("GET / HTTP/1.1\r\nX: " . 'x' x 20000), qr{^HTTP/1.1 431 .*Connection: close\r\n}s, "$label: a header of 20000 bytes is too large");
	like(all_of('x' x 5000), qr{^HTTP/1.1 4(?:31|00) }, "$label: and so is a line without an end");
	like(all_of("$_\r\n\r\n"), qr{^HTTP/1.1 400 .*Connection: close\r\n}s, "$label: '@{[ s/[^ -~]/./gr ]}' is a bad request") for 'GET', 'GET /', "GET / HTTP/2.0", "GET / HTTP/1.1\r\nno field", "\0\1\2\xff";
	like(all_of("$_ / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"), qr{^HTTP/1.1 405 .*Connection: close\r\n}s, "$label: $_ is not for this page") for qw(POST PUT DELETE);
	for my $count (100, 600) {
		my $burst = ("HEAD / HTTP/1.1\r\n\r\n" x $count) . "HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n";
		my $many  = all_of($burst, 60);
		is(scalar(() = $many =~ m{^HTTP/1.1 200 }mg), $count + 1, "$label: @{[ $count + 1 ]} requests sent at once, " . length($burst) . ' bytes, are answered, one after the other');
	}

	{
		my @silent = open_many(256, '', 7);
		sleep 12;
		my $more = IO::Socket::INET->new(PeerHost => $address, PeerPort => 7, Timeout => within(5));
		syswrite $more, 'hello' if $more;
		my $count = $more ? sysread $more, my $text, 5 : 0;
		is($count, 5, "$label: echo, all of whose places are taken by silent ones, serves another");
		is(service(status(), 'echo')->{evicted}, 1, "$label: one of them made room");
	}
	my $after = until_true(45, sub {
		my $status = status();
		my $open = 0;
		$open += $_->{open} for @{ $status->{services}{services} };
		return $open <= 1 && $status->{network}{memory};
	});
	ok($after, "$label: in the end all connections are closed");
	cmp_ok($after->{used} - $before->{used}, '<', 1 << 20, "$label: and their memory is given back") if $after;
	normal('afterwards', 9);
	no_warnings($vm);
	leaves_with($vm, 0);
});

done_testing;
