#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# services=iperf3 with Debian's iperf3 as its client, on a TAP device: TCP and UDP, both ways, several streams, what the
# summary says against what was sent; clients that leave or speak nonsense, and a good one after each.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::IP;
use JSON::PP ();
use Ringside::Checks;
use Ringside::Client qw(http_get);
use Ringside::Host   qw(program scratch until_true within start_process read_file);
use Ringside::Tap    qw(enter_namespace tap_device);
use Ringside::VM;
use Test::More;

my $client = program('iperf3');
plan skip_all => 'iperf3 is not installed' unless $client;
my $missing = enter_namespace();
plan skip_all => $missing if $missing;

my $TAP   = 'ringside0';
my $HOST  = '10.8.0.1';
my $GUEST = '10.8.0.2';
my $PORT  = 5201;
tap_device($TAP, "$HOST/24");
system(program('ip'), '-6', 'address', 'add', 'fd08::1/64', 'dev', $TAP, 'nodad');

# The client's JSON, of a run with these words.
sub iperf3 (@words) {
	my $errors = scratch() . '/iperf3.errors';
	my @end    = grep({ $_ eq '-n' } @words) ? () : ('-t', 1);
	# It warns of datagrams that do not fit into a frame.
	my $text = qx(timeout @{[within(60)]} $client -J -c @words @end 2>$errors);
	return eval { JSON::PP::decode_json($text) } // { error => "no JSON: $text" . read_file($errors) };
}

sub stream ($report, $number = 0) { return $report->{end}{streams}[$number] // {} }

sub worked ($name, $report) {
	is($report->{error}, undef, "$name: goes to its end");
	return !defined $report->{error};
}

# An interval and a rate that fit to each other, and to what was done.
sub is_sane ($name, $sum) {
	my $seconds = $sum->{seconds} // 0;
	cmp_ok($seconds, '>', 0, "$name: an interval ($seconds s)");
	my $rate = $seconds ? $sum->{bytes} * 8 / $seconds : 0;
	cmp_ok(abs($sum->{bits_per_second} - $rate), '<=', $rate / 100, "$name: and its rate");
	return;
}

sub service ($what) {
	my $facts = JSON::PP::decode_json(http_get($GUEST, 80, '/status.json')->{body});
	my ($service) = grep { $_->{name} eq 'iperf3' } @{ $facts->{services}{services} };
	return $service->{$what};
}

sub rest ($name) {
	ok(until_true(10, sub { service('open') == 0 }), "$name: no connection is left");
	return;
}

# -- TCP

sub tcp ($name, $bytes, @words) {
	my $report = iperf3($GUEST, '-n', $bytes, @words);
	worked($name, $report) or return;
	my ($sent, $received) = @{ $report->{end} }{qw(sum_sent sum_received)};
	is($received->{bytes}, $sent->{bytes}, "$name: as much came ($received->{bytes} bytes) as was sent");
	cmp_ok($sent->{bytes}, '>=', $bytes, "$name: that is what was asked for, or a block more");
	cmp_ok($sent->{bytes}, '<', $bytes + (1 << 20), "$name: and no more");
	is_sane("$name, $_", $report->{end}{"sum_$_"}) for qw(sent received);
	for my $stream (@{ $report->{end}{streams} }) {
		is($stream->{receiver}{bytes}, $stream->{sender}{bytes}, "$name: stream $stream->{sender}{socket}");
		cmp_ok($stream->{sender}{bytes}, '>', 0, "$name: took part");
	}
	return $report;
}

sub timed ($name, @words) {
	my $report = iperf3($GUEST, @words);
	worked($name, $report) or return;
	is_sane("$name, $_", $report->{end}{"sum_$_"}) for qw(sent received);
	cmp_ok($report->{end}{sum_received}{bytes}, '>', 0, "$name: something came");
	# What is omitted ends for the sender before it ends for the receiver.
	cmp_ok($report->{end}{sum_received}{bytes}, '<=', $report->{end}{sum_sent}{bytes}, "$name: not more than was sent") unless grep { $_ eq '-O' } @words;
	return $report;
}

# -- UDP

sub udp ($name, @words) {
	my $report = iperf3($GUEST, '-u', '-b', '4M', @words);
	worked($name, $report) or return;
	my $udp = stream($report)->{udp};
	cmp_ok($udp->{packets}, '>', 50, "$name: $udp->{packets} datagrams");
	my $missing = $udp->{lost_packets} / $udp->{packets};
	cmp_ok($missing, '<', 0.5, "$name: most of them came");
	cmp_ok($udp->{jitter_ms}, '>',  0,    "$name: jitter ($udp->{jitter_ms} ms)");
	cmp_ok($udp->{jitter_ms}, '<', 1000, "$name: is sane");
	return $report;
}

sub good ($name) { return tcp("$name: a normal client afterwards", 2_000_000) }

# -- What no client does

sub connection () {
	my $socket = IO::Socket::IP->new(PeerHost => $GUEST, PeerPort => $PORT, Timeout => within(5)) or die "no connection: $@\n";
	return $socket;
}

# What comes until the end, at most so many bytes; undef when it does not end.
sub answer ($socket, $most = 4096) {
	my $said = '';
	until_true(20, sub {
		$socket->blocking(0);
		my $count = sysread $socket, $said, $most, length $said;
		return defined $count ? !$count || length $said >= $most : !$!{EAGAIN};
	}) or return;
	return $said;
}

my $cookie = sub ($letter = 'a') { return $letter x 36 . "\0" };
sub packed ($text) { return pack('N', length $text) . $text }

# Each: name, what is sent, the log's line, the states and errors that come.
my $parameters_refused = "\x09\xfe" . pack('NN', 114, 0);
my @nonsense = (
	[ 'no cookie',           "GET / HTTP/1.0\r\nHost: ringside\r\nAccept: */*\r\n\r\n", qr/does not speak iperf3/, undef ],
	[ 'no JSON',             $cookie->() . packed('hello'),                 qr/wrong parameters: something that is no value/, $parameters_refused ],
	[ 'parameters too long', $cookie->() . pack('N', 0x7fffffff),           qr/parameters: too long/, $parameters_refused ],
	[ 'none',                $cookie->() . pack('N', 0),                    qr/parameters: none/,     $parameters_refused ],
	[ 'too many streams',    $cookie->() . packed('{"tcp":true,"parallel":4000000000}'), qr/wrong parameters: parallel/, $parameters_refused ],
	[ 'SCTP',                $cookie->() . packed('{"sctp":true}'),         qr/wrong parameters: SCTP/, $parameters_refused ],
	[ 'a strange state',     $cookie->() . packed('{"tcp":true}') . "\x04", qr/state 4 is not expected now/, "\x09\x0a" ],
	[ 'breaking off',        $cookie->() . packed('{"udp":true}') . "\x0c", qr/the client breaks off/, "\x09\x0a" ],
);

sub nonsense ($vm, $name, $bytes, $line, $expected) {
	my $from   = length $vm->console;
	my $socket = connection();
	syswrite $socket, $bytes;
	my $said = answer($socket);
	if (defined $expected) { is(unpack('H*', $said // ''), unpack('H*', $expected), "$name: what it is told") }
	else                   { ok(defined $said, "$name: is closed") }
	ok(until_true(5, sub { substr($vm->console, $from) =~ $line }), "$name: a line says why") or diag $vm->last_words;
	is(() = substr($vm->console, $from) =~ / iperf3: warning: /g, 1, "$name: and only one");
	return;
}

# A test of two streams that stops in mid-way, in each state.
sub leaves ($vm) {
	for my $case ([ 'before its streams', 0 ], [ 'with one of two streams', 1 ], [ 'while it runs', 2 ], [ 'without results', 3 ]) {
		my ($when, $step) = @$case;
		my $from    = length $vm->console;
		my $control = connection();
		syswrite $control, $cookie->('b') . packed('{"tcp":true,"parallel":2}');
		is(unpack('H*', answer($control, 2) // ''), '090a', "$when: may begin");
		my @streams = map { my $socket = connection(); syswrite $socket, $cookie->('b'); $socket } 1 .. ($step > 2 ? 2 : $step);
		is(unpack('H*', answer($control, 2) // ''), '0102', "$when: runs") if $step >= 2;
		syswrite $_, 'x' x 10_000 for @streams;
		if ($step == 3) {
			syswrite $control, "\x04";
			is(unpack('H*', answer($control, 1) // ''), '0d', "$when: results are exchanged");
			syswrite $control, packed('{"streams":[{"id":1,"bytes":10000},{"id":3,"bytes":10000},{"id":4,"bytes":1}]}');
			ok(until_true(5, sub { substr($vm->console, $from) =~ /wrong results: more streams than there are/ }), "$when: a line says why");
		} else {
			my $other = connection();
			syswrite $other, $cookie->('c');
			is(unpack('H*', answer($other) // ''), 'ff', "$when: another client is told that the server is busy");
			close $control;
			ok(until_true(5, sub { substr($vm->console, $from) =~ /the connection ended too early/ }), "$when: a line says why");
		}
		close $_ for @streams;
		rest($when);
	}
	return;
}

sub interrupted ($name, @words) {
	open my $nothing, '+<', '/dev/null' or die "/dev/null: $!";
	my $pid = start_process($nothing, $nothing, $nothing, $client, '-c', $GUEST, '-t', 100, @words);
	my $before = service('received') + service('sent');
	ok(until_true(20, sub { service('received') + service('sent') > $before + 100_000 }), "$name: runs");
	Ringside::Host::kill_process($pid);
	rest($name);
	return;
}

my @network = ('-netdev', "tap,id=net0,ifname=$TAP,script=no,downscript=no", '-device', "virtio-net-pci,netdev=net0,mac=$Ringside::VM::MAC,romfile=");
scenario('iperf3', { network => \@network, append => "ip=$GUEST/24 services=http,iperf3" }, sub ($vm) {
	is($vm->wait_ready, $GUEST, 'is up');
	tcp('TCP', 20_000_000);
	tcp('TCP, reverse', 20_000_000, '-R');
	tcp('TCP, 4 streams', 20_000_000, '-P', 4);
	tcp('TCP, 4 streams, reverse', 20_000_000, '-P', 4, '-R');
	timed('TCP for a second, reverse', '-R');
	# The client reads whole blocks, and waits for the rest of one when its time is over.
	timed('TCP in large blocks at a rate, reverse', '-R', '-l', '1M', '-b', '3M');
	timed('TCP for a second behind one omitted', '-O', 1, '-b', '20M');
	my $both = timed('TCP both ways', '--bidir', '-b', '20M');
	cmp_ok($both->{end}{sum_received_bidir_reverse}{bytes} // 0, '>', 0, 'TCP both ways: the other way too') if $both;
	my $bounded = timed('TCP at a rate, reverse', '-R', '-b', '2M');
	cmp_ok($bounded->{end}{sum_received}{bytes}, '<', 2_000_000, 'TCP at a rate, reverse: is bounded') if $bounded;

	udp('UDP');
	udp('UDP, reverse', '-R');
	udp('UDP, reverse, small datagrams, 64 bit', '-R', '-l', 100, '--udp-counters-64bit');
	udp('UDP, 3 streams', '-P', 3);
	udp('UDP in fragments', '-l', 20_000, '-b', '20M');
	my $flood = iperf3($GUEST, '-u', '-b', 0, '-R');
	if (worked('UDP as fast as it goes, reverse', $flood)) {
		my $udp = stream($flood)->{udp};
		cmp_ok($udp->{packets}, '>', 1000, "UDP as fast as it goes, reverse: $udp->{packets} datagrams");
	}

	my ($address) = $vm->command('ip') =~ m{inet6 (fe80:\S+)/64};
	ok(worked('TCP over IPv6', iperf3("$address%$TAP", '-n', 1_000_000)), 'TCP over IPv6') if ok($address, 'has an address of its link');
	rest('all is over');
	no_warnings($vm);

	nonsense($vm, @$_) for @nonsense;
	good('nonsense');
	leaves($vm);
	good('clients that leave');
	interrupted('killed', '-P', 2);
	interrupted('killed, reverse', '-R');
	interrupted('killed, UDP, reverse', '-u', '-R', '-b', '10M');
	good('killed clients');
	cmp_ok(service('refused'), '>=', 3, 'those that were refused are counted');
	leaves_with($vm, 0);
});

done_testing;
