#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# TCP with a peer that is made frame by frame, so that just what is meant is lost.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Ringside::Checks;
use Ringside::Host qw(until_true within);
use Ringside::Peer;
use Ringside::VM;
use Test::More;
use Time::HiRes qw(time);

use constant MSS => 1460;

my $peer   = Ringside::Peer->new(address => '10.9.9.1', guest => '10.9.9.2');
my @device = ('-device', "virtio-net-pci,netdev=net0,romfile=,mac=$Ringside::VM::MAC");

# Sends data to the echo service, as much as the window lets us, and takes in what comes. With `take` the echo is
# acknowledged. Returns the last of its segments, by sequence number.
sub exchange ($bytes, $take) {
	my ($last, $right) = (undef, undef);
	my $end = ($peer->{next} + $bytes) & 0xffffffff;
	my $deadline = time + within(20);
	while (time < $deadline) {
		my $room = defined $right ? $right - $peer->{next} : MSS;
		my $left = $end - $peer->{next};
		my $part = (sort { $a <=> $b } MSS, $room, $left)[0];
		$peer->send_segment(0x18, 'x' x $part) if $part > 0;
		while (my $got = $peer->receive_segment($part > 0 ? 0.001 : 0.5)) {
			$right = $got->{ack} + $got->{window} if !defined $right || $got->{ack} + $got->{window} > $right;
			next if !$got->{length} || $got->{seq} + $got->{length} <= $peer->{acknowledged};
			$last = $got if !$last || $got->{seq} >= $last->{seq};
			if ($take) {
				$peer->{acknowledged} = $got->{seq} + $got->{length} if $got->{seq} == $peer->{acknowledged};
				$peer->send_segment(0x10);
			}
		}
		last if $part <= 0 && ($take ? $last && $peer->{acknowledged} == $end - 1_000_001 + $peer->{first} : 1);
	}
	return $last;
}

for my $times (1, 2) {
	scenario("a closed window, sent again after $times time-out" . ($times > 1 ? 's' : ''), { network => [ @{ $peer->{words} }, @device ], append => 'ip=10.9.9.2/24 services=echo' }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_prompt;
		my ($start, $last);
		for (1 .. 3) {
			$peer->connect_to(7);
			$peer->{first} = $peer->{acknowledged};

			# The guest learns that it may send much at once.
			exchange(300_000, 1);
			# Then nothing is acknowledged: the echo keeps its window's worth, and says that no more has room. Where that takes longer
			# than its time-out it sends no new segment any more.
			$start = $peer->{acknowledged};
			$last  = exchange(80_000, 0);
			last unless $last->{window};
			$peer->send_segment(4);
		}
		my $end = $last->{seq} + $last->{length};
		is($last->{window}, 0, "$label: the last new segment closes the window");

		# All was lost, as it seems: it comes again from the start, and we take some of it piece by piece, then all.
		my $again;
		for (1 .. $times) { 1 while ($again = $peer->receive_segment(20)) && $again->{seq} != $start }
		ok($again, "$label: the first segment is sent again");
		while ($again && $peer->{acknowledged} < $end - 25_000) {
			$peer->{acknowledged} += MSS;
			$peer->send_segment(0x10);
			$again = $peer->receive_segment(10);
		}
		$peer->{acknowledged} = $end;
		$peer->send_segment(0x10);
		# Windows that came with what was sent again are older than the one that closed it, and count for nothing.
		my $opened;
		while (my $got = $peer->receive_segment(3)) {
			next if $got->{seq} != $end || $got->{window} < MSS;
			$opened = $got;
			last;
		}
		ok($opened, "$label: the window that has opened meanwhile is told in a segment that counts");
		exchange(20_000, 1);
		is($peer->{acknowledged} - $end, 20_000, "$label: and the echo goes on");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

# Two segments of one window are lost, and each acknowledgement tells a larger window, as Linux does: both are sent again at
# once, before the guest answers what was asked after that. A time-out comes much later.
sub sack (@blocks) { return pack 'C C C C N*', 1, 1, 5, 2 + 4 * @blocks, @blocks }

# What the guest sends for what it was told so far. The first answer may be of the same batch as what it was told, and then
# comes before what is sent at the batch's end.
sub sent_for_that () {
	my ($first, $answered) = $peer->before_answer;
	my ($second, $again)   = $answered ? $peer->before_answer : ([]);
	$again or die "no answer\n";
	return (@$first, @$second);
}

sub sent_again ($seq) { return scalar grep { $_->{seq} == $seq && $_->{length} } sent_for_that() }

# Once, on a connection of its own: how often a segment was sent again after what came twice, after the signs of the first
# loss, and after the acknowledgement of that. A busy machine can keep us so long that a time-out comes before.
sub two_losses () {
	$peer->{window} = 30000;
	$peer->connect_to(19);
	my ($edge, %flight) = (undef);
	# It learns that it may have as many on their way as our window holds; then nothing is acknowledged.
	for (my $count = 0; !defined $edge || ($peer->{acknowledged} + 29_000 > $edge);) {
		my $got = $peer->receive_segment(5) or return 'chargen says nothing';
		$flight{ $got->{seq} } = $got if $got->{length} && $got->{seq} >= $peer->{acknowledged};
		$edge = $got->{seq} + $got->{length} if !defined $edge || $got->{seq} + $got->{length} > $edge;
		next if ++$count > 60 || $got->{seq} != $peer->{acknowledged};
		$peer->{acknowledged} += $got->{length};
		$peer->send_segment(0x10);
	}
	my @flight = map { $flight{$_} } grep { $_ >= $peer->{acknowledged} } sort { $a <=> $b } keys %flight;
	my ($lost, $second, $fifth) = map { $_->{seq} } @flight[0, 3, 4];
	return "the first on its way is no. $lost" if $lost != $peer->{acknowledged};
	my $tell = sub (@blocks) { $peer->{window} += 100; $peer->send_segment(0x10, '', sack(@blocks)) };
	$tell->($lost - MSS, $lost) for 1 .. 4;
	my @seen = sent_again($lost);
	$tell->($flight[1]{seq}, $flight[$_]{seq} + $flight[$_]{length}) for 1, 2;
	$tell->($fifth, $flight[$_]{seq} + $flight[$_]{length}, $flight[1]{seq}, $second) for 4 .. 9;
	push @seen, sent_again($lost);
	$peer->{acknowledged} = $second;
	$tell->($fifth, $flight[9]{seq} + $flight[9]{length});
	push @seen, sent_again($second);
	$peer->send_segment(4);
	return "@seen";
}

scenario('two losses', { network => [ @{ $peer->{words} }, @device ], append => 'ip=10.9.9.2/24 services=chargen' }, sub ($vm) {
	my $label = $vm->{label};
	delete $peer->{guest_mac};
	$vm->wait_prompt;
	my $seen;
	for my $try (1 .. 5) {
		$seen = two_losses();
		last if $seen eq '0 1 1';
		note "try $try: $seen";
	}
	is($seen, '0 1 1', "$label: nothing is sent again for what came twice; then the first, and the second when it turns out to be missing");
	no_warnings($vm);
	leaves_with($vm, 0);
});
delete $peer->{window};

# A short segment in the middle of what is on its way is lost, and what says so comes together with new data for the echo: the
# segment goes out again as it was, and the new data at the end. Returns what came of the stream, each part at its first coming
# and again.
sub short_one_again ($vm) {
	$peer->connect_to(7);
	my ($start, $seen) = ($peer->{acknowledged}, '');
	my ($again, %later) = ('');
	my $see = sub ($got) {
		my $place = $got->{seq} - $start;
		my $new   = $place + $got->{length} - length $seen;
		$again .= substr $got->{data}, 0, $got->{length} - ($new > 0 ? $new : 0);
		return if $new <= 0;
		return $later{$place} = $got->{data} if $new > $got->{length};
		$seen .= substr $got->{data}, -$new;
		$seen .= delete $later{ length $seen } while exists $later{ length $seen };
	};
	for my $part ('a' x 100, map { $_ x MSS } 'b', 'c') {
		$peer->send_segment(0x18, $part);
		my $end = $peer->{next} - 1_000_001;
		while (length $seen < $end && (my $got = $peer->receive_segment(5))) { $see->($got) if $got->{length} }
	}
	# While it stands still, so that it finds them together.
	$vm->qmp->execute('stop');
	$peer->send_segment(0x10) for 1 .. 3;
	$peer->send_segment(0x18, 'e' x 1000);
	$vm->qmp->execute('cont');
	$again = '';
	while (length $seen < 4020 && (my $got = $peer->receive_segment(5))) { $see->($got) if $got->{length} }
	$peer->send_segment(4);
	return map { s/((.)\2*)/$2 . length $1/ger } $seen, $again;
}

scenario('a short segment, lost', { network => [ @{ $peer->{words} }, @device ], append => 'ip=10.9.9.2/24 services=echo' }, sub ($vm) {
	my $label = $vm->{label};
	delete $peer->{guest_mac};
	$vm->wait_prompt;
	my ($seen, $again);
	for my $try (1 .. 3) {
		($seen, $again) = short_one_again($vm);
		is($seen, 'a100b1460c1460e1000', "$label: no byte of the stream is another or missing, try $try");
		like($again, qr/^(?:a100)?(?!.*e)/, "$label: what comes again is what it was: $again");
		last if $again eq 'a100';
	}
	is($again, 'a100', "$label: and it is that segment");
	no_warnings($vm);
	leaves_with($vm, 0);
});

# Acknowledgements of full segments that come at once (RFC 9293, 3.8.6.3): for two of them or more, as those that the guest finds
# together are acknowledged together; and for the last alone when its time is over. Returns where those at once are, in segments, then
# those later.
sub acknowledged ($count) {
	$peer->connect_to(9);
	my $start = $peer->{next};
	$peer->send_segment(0x10, 'x' x MSS) for 1 .. $count;
	my @later;
	my @at_once = map { ($_->{ack} - $start) / MSS } sent_for_that();
	while (($at_once[-1] // $later[-1] // 0) < $count && !@later) {
		my $got = $peer->receive_segment(5) or last;
		push @later, ($got->{ack} - $start) / MSS;
	}
	$peer->send_segment(4);
	return (\@at_once, \@later);
}

scenario('acknowledgements', { network => [ @{ $peer->{words} }, @device ], append => 'ip=10.9.9.2/24 services=discard' }, sub ($vm) {
	my $label = $vm->{label};
	delete $peer->{guest_mac};
	$vm->wait_prompt;
	for my $count (1 .. 8) {
		my @wrong;
		# The timer's tick may lie between two segments: another try, then.
		for my $try (1 .. 5) {
			my ($at_once, $later) = acknowledged($count);
			my $last = 0;
			@wrong = ();
			for my $ack (@$at_once) {
				push @wrong, "$ack is acknowledged alone" if $ack < $last + 2;
				$last = $ack;
			}
			push @wrong, "$last only are acknowledged at once" if $last < $count - 1;
			push @wrong, "later @$later" if "@$later" ne ($last < $count ? $count : '');
			note "$count segments, try $try: @$at_once, later @$later";
			last if !@wrong;
		}
		is(join(', ', @wrong), '', "$label: of $count segments none is acknowledged alone at once, and at most one waits");
	}
	no_warnings($vm);
	leaves_with($vm, 0);
});

# A window that was told while nothing got through: each connection tells it once when the device is back, and the peer
# need not ask.
scenario('windows after a reset', { network => [ @{ $peer->{words} }, @device ], append => 'ip=10.9.9.2/24 services=echo' }, sub ($vm) {
	my $label = $vm->{label};
	delete $peer->{guest_mac};
	$vm->wait_prompt;
	$peer->connect_to(7);
	my %next = ($peer->{port} => $peer->{next});
	$peer->connect_to(7);
	$next{ $peer->{port} } = $peer->{next};
	$peer->before_answer; # both are open there: a reset would lose the last word of it
	local $peer->{all} = 1;
	my $link = sub ($up) { $vm->qmp->execute('set_link', name => 'net0', up => $up ? JSON::PP::true : JSON::PP::false) };
	my $link_is = sub ($word) { until_true(20, sub { $vm->command('ethtool eth0') =~ /^\s*Link detected: $word$/m }) };
	for my $way ([ 'the device was reset', sub { $vm->command('devices reset virtio0') } ],
		[ 'the cable was pulled', sub { $link->(0); $link_is->('no'); $link->(1); $link_is->('yes') } ]) {
		my ($what, $do) = @$way;
		my %told;
		$do->();
		while (keys %told < 2 && (my $got = $peer->receive_segment(5))) {
			$told{ $got->{port} }++ if !$got->{length} && $got->{flags} == 0x10 && $got->{window} >= MSS && $got->{ack} == $next{ $got->{port} };
		}
		my ($more) = $peer->before_answer;
		$told{ $_->{port} }++ for @$more;
		is_deeply(\%told, { map { $_ => 1 } keys %next }, "$label: after $what each of two connections tells its window, once");
	}
	$peer->send_segment(0x18, 'x' x 1000);
	my $echo = $peer->receive_segment(10);
	is($echo && $echo->{port}, $peer->{port}, "$label: they go on");
	no_warnings($vm);
	leaves_with($vm, 0);
});

# A window of the echo's is small beside those that lwIP tells: when it has opened, that is told, and the peer need not ask.
scenario('a window that opens', { network => [ @{ $peer->{words} }, @device ], append => 'ip=10.9.9.2/24 services=echo' }, sub ($vm) {
	my $label = $vm->{label};
	delete $peer->{guest_mac};
	$vm->wait_prompt;
	local $peer->{scale} = 6;
	$peer->connect_to(7, pack 'C C C C', 1, 3, 3, 0);
	$peer->{first} = $peer->{acknowledged};
	# The guest learns that it may send much at once.
	exchange(300_000, 1);
	# All that it lets us send, and none of the echo is acknowledged before all of it is there.
	my ($before, $start) = @$peer{qw(next acknowledged)};
	my $last = exchange(100_000, 0);
	my $sent = $peer->{next} - $before;
	while ($last->{seq} + $last->{length} - $start < $sent) { $last = $peer->receive_segment(10) or die "the echo is not all there\n" }
	cmp_ok($sent, '<=', 65535, "$label: $sent bytes fill it");
	$peer->{acknowledged} = $start + $sent;
	$peer->send_segment(0x10);
	my $told = $peer->receive_segment(10);
	my $room = $told ? $told->{ack} + $told->{window} - $peer->{next} : 'nothing';
	ok($told && !$told->{length} && $room >= 16383, "$label: it is told when it has opened") or diag "room: $room";
	no_warnings($vm);
	leaves_with($vm, 0);
});

# SYN cookies: while others send SYNs and answer nothing, a client may take any time to answer, and is served.
scenario('SYN cookies', { network => [ @{ $peer->{words} }, @device ], append => 'ip=10.9.9.2/24 services=echo' }, sub ($vm) {
	my $label = $vm->{label};
	delete $peer->{guest_mac};
	$vm->wait_prompt;
	$peer->connect_to(7);
	$peer->send_segment(4);
	# After each hundred the guest has seen them all.
	my $flood = sub ($count) {
		for (1 .. $count / 100) {
			$peer->send_syns(7, 100);
			$peer->before_answer;
		}
	};
	$flood->(100);
	# Segments smaller than any that a cookie can say: an answer could not be known again.
	$peer->{port}++;
	@$peer{qw(next acknowledged)} = (5_000_000, 0);
	$peer->send_syn(64);
	my ($answers) = $peer->before_answer;
	is_deeply($answers, [], "$label: one that wants segments of 64 bytes is not");
	$peer->{port}++;
	@$peer{qw(next acknowledged)} = (5_000_000, 0);
	$peer->send_syn;
	my $answer = $peer->receive_segment(10);
	is($answer && $answer->{flags}, 0x12, "$label: a SYN among a hundred of others' is answered");
	$flood->(2000);
	$peer->{acknowledged} = ($answer->{seq} + 1) & 0xffffffff;
	$peer->send_segment(0x18, 'x' x 100);
	my $echo = $peer->receive_segment(10);
	$echo = $peer->receive_segment(10) if $echo && !$echo->{length};
	is($echo && $echo->{length}, 100, "$label: its data, 2000 SYNs later, is echoed");
	is($echo && $echo->{seq}, $peer->{acknowledged}, "$label: behind the number that was answered");
	$peer->send_segment(4);
	my %guess = ('a number that was never sent' => [ 1, 0 ], 'the number of another port' => [ 0, 1 ]);
	for my $what (sort keys %guess) {
		my ($more, $ports) = @{ $guess{$what} };
		$peer->{port} += $ports;
		@$peer{qw(next acknowledged)} = (5_000_001, ($answer->{seq} + 1 + $more) & 0xffffffff);
		$peer->send_segment(0x10);
		my $reset = $peer->receive_segment(10);
		is($reset && $reset->{flags} & 4, 4, "$label: $what opens nothing");
	}
	no_warnings($vm);
	leaves_with($vm, 0);
});

# RFC 6528: for the same ends a clock of 4 us counts; what is added for other ends cannot be told from any number seen.
sub first_number ($port) {
	$peer->{port} = $port - 1;
	my $answer = $peer->connect_to(7);
	my $at     = time;
	$peer->send_segment(4);
	return ($answer->{seq}, $at);
}

sub distance ($from, $to) {
	my $way = ($to - $from) & 0xffffffff;
	return $way > 0x7fffffff ? 2**32 - $way : $way;
}

my @first_boot;
for my $boot (1, 2) {
	scenario("sequence numbers, boot $boot", { network => [ @{ $peer->{words} }, @device ], append => 'ip=10.9.9.2/24 services=echo' }, sub ($vm) {
		my $label = $vm->{label};
		delete $peer->{guest_mac};
		$vm->wait_prompt;
		my ($before, $start) = first_number(50000);
		for my $pause (0, 0.1, 0.5) {
			Time::HiRes::sleep($pause);
			my ($after, $end) = first_number(50000);
			my $steps = ($after - $before) & 0xffffffff;
			# The guest chose it before we saw it.
			my $least = ($pause * 0.9) * 250_000;
			ok($steps > $least && $steps < ($end - $start + 2) * 250_000, "$label: the same ends after $pause s: $steps steps of 4 us on");
			($before, $start) = ($after, $end);
		}
		my @numbers = map { (first_number($_))[0] } 51001 .. 51024;
		my @ways    = map { ($numbers[ $_ + 1 ] - $numbers[$_]) & 0xffffffff } 0 .. $#numbers - 1;
		my @near;
		for my $i (1 .. $#ways) { push @near, map { "$i $_" } grep { distance($ways[$_], $ways[$i]) < 100_000 } 0 .. $i - 1 }
		# By chance one of the 253 pairs is so near in a run of 85, three in one of four millions; of numbers in steps all are.
		cmp_ok(scalar @near, '<=', 2, "$label: from port to port the numbers go no steps that come again");
		my $up = grep { $_ < 0x80000000 } @ways;
		ok($up >= 2 && $up <= 21, "$label: $up of 23 go up");
		my @same = grep { @first_boot && distance($numbers[$_], $first_boot[$_]) < 60 * 250_000 } 0 .. $#numbers;
		cmp_ok(scalar @same, '<=', 3, "$label: and are not those of the boot before");
		@first_boot = @numbers;
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

done_testing;
