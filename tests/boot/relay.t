#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The relay that spoils frames for other tests: what it counts is what happens, each fault is the one asked for, and the same seed
# does the same again. This test is the host's side of the TAP device and QEMU's side of the socket at once.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Ringside::Host qw(program within until_true scratch read_file write_file start_process);
use Ringside::Tap qw(enter_namespace tap_device tap_neighbour tap_counter);
use Socket;
use Test::More;
use Time::HiRes qw(time sleep);

my $missing = enter_namespace();
plan skip_all => $missing if $missing;

use constant FRAMES => 2000;

my $relay = 'build/payload/relay';
ok(-x $relay, 'the relay is built') or done_testing, exit;
tap_device('relay0', '10.9.9.1/24');
# The device keeps all frames of a run, however late the relay is.
system(program('ip'), 'link', 'set', 'relay0', 'txqueuelen', 2 * FRAMES) == 0 or die "ip link\n";
# Nobody else speaks there.
write_file('/proc/sys/net/ipv6/conf/relay0/disable_ipv6', '1');
tap_neighbour('relay0', '10.9.9.2', '52:54:00:09:09:02');

my $port = 20000;

# Carries FRAMES datagrams to the guest and as many frames from it. Returns what came (a list of texts and a count), what the relay
# says for each way, and milliseconds after sending at which each datagram came.
sub carry (@faults) {
	$port += 2;
	my $guest = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1', LocalPort => $port + 1, PeerAddr => '127.0.0.1', PeerPort => $port) or die "udp: $@\n";
	setsockopt $guest, SOL_SOCKET, 33, pack('i', 8 << 20);    # SO_RCVBUFFORCE
	my $path = scratch() . '/relay.log';
	open my $nothing, '<', '/dev/null' or die "/dev/null: $!";
	open my $log,     '>', $path       or die "$path: $!";
	my $pid = start_process($nothing, $log, $log, $relay, 'relay0', $port, $port + 1, @faults);
	until_true(5, sub { read_file($path) =~ /ready/ }) or die 'the relay does not start: ' . read_file($path);
	my $before = tap_counter('relay0', 'rx_packets');
	my (@came, @late, %sent_at);
	my $take = sub ($seconds) {
		while (1) {
			vec(my $wanted = '', fileno $guest, 1) = 1;
			last unless select $wanted, undef, undef, $seconds;
			recv $guest, my $frame, 65536, 0;
			next unless length $frame > 42 && unpack('x12 n', $frame) == 0x0800;
			push @came, substr $frame, 42;
			push @late, 1000 * (time - ($sent_at{ substr $frame, 42, 8 } // time));
		}
	};
	my $host = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '10.9.9.1', PeerAddr => '10.9.9.2', PeerPort => 9) or die "udp: $@\n";
	for my $number (1 .. FRAMES) {
		my $name = sprintf '%08d', $number;
		$sent_at{$name} = time;
		send $host, $name . 'x' x 100, 0;
		# An experimental type, which the host counts and forgets.
		send $guest, pack('H12 H12 n', 'ffffffffffff', '525400090902', 0x88b5) . $name . 'y' x 100, 0;
		$take->(0) unless $number % 20;
	}
	$take->(within(0.5));
	kill 'TERM', $pid;
	until_true(5, sub { defined Ringside::Host::process_ended($pid) }) or die "the relay does not end\n";
	my %counts;
	for (split /\n/, read_file($path)) {
		my ($way, $text) = /^relay: ((?:to|from) guest): (.*)/ or next;
		$counts{$way} = { map { /^(\d+) (.*)/ ? ($2 => $1) : () } split /, /, $text };
	}
	return { came => \@came, late => \@late, host => tap_counter('relay0', 'rx_packets') - $before, counts => \%counts };
}

my @names  = map { sprintf '%08d', $_ } 1 .. FRAMES;
my @intact = map { $_ . 'x' x 100 } @names;
sub name_of ($text) { return substr $text, 0, 8 }

my $run = carry();
is_deeply($run->{came}, \@intact, 'without faults all come, in order');
is($run->{host}, FRAMES, 'and all from the guest');
is_deeply($run->{counts}{$_}, { frames => FRAMES, map { $_ => 0 } 'lost', 'corrupted', 'duplicated', 'reordered', 'delayed', 'not taken' }, "$_: counted so")
  for 'to guest', 'from guest';

for my $way (qw(loss=5 duplicate=5 corrupt=5 reorder=5 delay=5)) {
	my ($fault) = $way =~ /^(\w+)/;
	my $word = { loss => 'lost', duplicate => 'duplicated', corrupt => 'corrupted', reorder => 'reordered', delay => 'delayed' }->{$fault};
	$run = carry('seed=7', $way, 'delay_ms=60');
	my $to   = $run->{counts}{'to guest'}{$word};
	my $from = $run->{counts}{'from guest'}{$word};
	# Of 2000 at 5 % within five deviations (9.7).
	cmp_ok(abs($_ - 100), '<', 50, "$way: $_ of 2000") for $to, $from;
	my %more = (loss => -1, duplicate => 1);
	is(@{ $run->{came} }, FRAMES + $to * ($more{$fault} // 0), "$way: as many come as it says");
	is($run->{host}, FRAMES + $from * ($more{$fault} // 0), "$way: and from the guest");
	my %times;
	$times{ $_ }++ for @{ $run->{came} };
	my @changed = grep { !$times{$_} } @intact;
	if ($fault eq 'loss') {
		is(@changed, $to, "$way: so many are missing");
	} elsif ($fault eq 'corrupt') {
		# A bit of the IP or UDP header, which this test does not look at, or of the text.
		my %known = map { $_ => 1 } @intact;
		my @strange = grep { !$known{$_} } @{ $run->{came} };
		is(@strange, @changed, "$way: what is missing came with another text");
		ok(@strange > $to / 2 && @strange <= $to, "$way: not more than it says (@{[scalar @strange]})");
		my @original = map { my $text = $_; sort { $a <=> $b } map { unpack '%32b*', $text ^. $_ } @changed } @strange[0 .. 2];
		is($original[0], 1, "$way: one bit is another");
	} else {
		is(@changed, 0, "$way: no text is missing");
	}
	is(scalar(grep { ($times{$_} // 0) == 2 } @intact), $fault eq 'duplicate' ? $to : 0, "$way: as many come twice as it says");
	my @order = map { name_of($_) } grep { exists $times{$_} } @{ $run->{came} };
	my $back  = grep { $order[$_] lt $order[ $_ - 1 ] } 1 .. $#order;
	if ($fault eq 'reorder') { cmp_ok($back, '>', $to / 2, "$way: many come after a later one ($back)") }
	if ($fault eq 'delay') {
		my $late = grep { $_ > 5 } @{ $run->{late} };
		cmp_ok($late, '>', $to / 2, "$way: many come late ($late)");
	}
	if ($fault eq 'loss' || $fault eq 'duplicate') { is($back, 0, "$way: the order stays") }
}

# The same again, and otherwise with another seed. Faults that do not depend on time are the same to the frame.
my @spoil = qw(loss=3 duplicate=3 corrupt=3);
my ($first, $again, $other) = map { carry(@$_, @spoil) } ['seed=1'], ['seed=1'], ['seed=2'];
is_deeply($again->{came}, $first->{came}, 'the same seed: the same frames');
is_deeply($again->{counts}, $first->{counts}, 'and the same counts');
isnt(join('', @{ $other->{came} }), join('', @{ $first->{came} }), 'another seed: others');
$run = carry('loss=100', 'after=100');
is_deeply($run->{came}, [ @intact[ 0 .. 99 ] ], 'after=100: the first 100 go through, and of loss=100 no more');

for my $wrong ([ 'relay0', 1, 2, 'loss=101' ], [ 'relay0', 1, 2, 'loss=60', 'delay=60' ], [ 'relay0', 1, 2, 'los=1' ], [ 'relay0', 0, 2 ], ['relay0']) {
	my $said = qx($relay @$wrong 2>&1);
	ok($? >> 8 == 1 && $said =~ /^relay: .+\n\z/, "relay @$wrong: one line and status 1");
}
done_testing;
