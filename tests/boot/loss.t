#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# TCP over a cable that loses segments, each way: what the device cut (TSO) is sent again where it was lost, and all
# arrives as it was sent. The cable lies behind a bridge, and carries no frame larger than itself, so that single
# segments of those frames are lost.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Ringside::Checks;
use Ringside::Host qw(program run scratch within write_file);
use Ringside::Tap  qw(enter_namespace network_beyond);
use Ringside::VM;
use Test::More;
use Time::HiRes qw(time);

my ($IP, $NFT) = map { program($_) } qw(ip nft);
plan skip_all => 'nft is not installed (package nftables)' unless $NFT;
my $missing = enter_namespace();
plan skip_all => $missing if $missing;

my $HOST   = '10.8.0.1';
my $GUEST  = '10.8.0.2';
my $BYTES  = 3_000_000;
my $LOSS   = 2;    # of a hundred
my @BEYOND = network_beyond('cable0', 'far0', "$HOST/24");

# Drops of a hundred segments with data that many, and counts both; pure acknowledgements come through.
my $drops = write_file(scratch() . '/drops', <<'END');
table netdev loss {
	counter seen { }
	counter lost { }
	chain ingress {
		type filter hook ingress device DEVICE priority 0;
		ip protocol tcp ip length > 200 counter name seen jump some
	}
	chain some {
		numgen random mod 100 < LOSS counter name lost drop
	}
}
END
sub rules ($device) { return "sed 's/DEVICE/$device/; s/LOSS/$LOSS/' $drops | " }
sub counted ($at) { my $text = qx(@$at $NFT list table netdev loss); return { $text =~ /counter (\w+) \{\s*packets (\d+)/g } }

run($IP, 'link', 'set', 'lo', 'up');
run($IP, 'link', 'add', 'br0', 'type', 'bridge', 'forward_delay', 0);
run($IP, 'link', 'set', 'br0', 'up');
run($IP, 'tuntap', 'add', 'dev', 'tap0', 'mode', 'tap');
run($IP, 'link', 'set', $_, 'master', 'br0', 'up') for 'tap0', 'cable0';
# Whatever wants to be larger is cut in front of the cable.
run($IP, 'link', 'set', 'cable0', 'gso_max_size', 2000);
run(@BEYOND, $IP, 'link', 'set', 'far0', 'gso_max_size', 2000);
plan skip_all => 'no rules at the ingress of a device here' if system rules('cable0') . "$NFT -f - 2>/dev/null";
run('sh', '-c', rules('far0') . "@BEYOND $NFT -f -");

# A function of Ringside::Client, called beyond the cable; what it returned.
sub beyond ($function, @arguments) {
	my $code = "print join ' ', $function(\@ARGV)";
	my @words = (@BEYOND, $^X, '-Itests/boot/lib', "-MRingside::Client=$function", '-e', $code, $GUEST, @arguments);
	open my $pipe, '-|', @words or die "$function: $!";
	local $/ = undef;
	return split / /, scalar(<$pipe>) // '';
}

sub cuts ($vm) { return $vm->command('ethtool -S eth0') =~ /^\s+transmit_cut: (\d+)$/m ? $1 : die "no counter\n" }

# One way or both, with how many of its segments may have been lost.
sub lossy ($name, $from, $code) {
	my $before = [ map { counted($_)->{lost} } [], \@BEYOND ];
	my $start = time;
	$code->();
	my $took  = time - $start;
	my @lost = map { counted($_)->{lost} - shift @$before } [], \@BEYOND;
	note sprintf '%s: %.1f s, %d segments to the guest and %d from it were lost', $name, $took, @lost;
	cmp_ok($lost[$_], '>', 5, "$name: segments " . ('to', 'from')[$_] . ' the guest were lost') for @$from;
	return;
}

my @network = ('-netdev', 'tap,id=net0,ifname=tap0,script=no,downscript=no', '-device', "virtio-net-pci,netdev=net0,mac=$Ringside::VM::MAC,romfile=");
scenario('loss', { network => \@network, append => "ip=$GUEST/24 services=http,echo,discard,chargen,iperf3" }, sub ($vm) {
	is($vm->wait_ready, $GUEST, 'is up');
	for my $tso (qw(on off)) {
		$vm->command("ethtool -K eth0 tso $tso");
		my $cut = cuts($vm);
		lossy("from the guest, tso $tso", [1], sub {
			my ($hash, $expected) = beyond(chargen_hash => 19, $BYTES, within(120));
			is($hash, $expected, "from the guest, tso $tso: chargen is RFC 864's pattern");
			ok($hash, "from the guest, tso $tso: all of it came");
		});
		is(cuts($vm) > $cut ? 'some' : 'none', { on => 'some', off => 'none' }->{$tso}, "from the guest, tso $tso: frames that the device cut");
	}
	$vm->command('ethtool -K eth0 tso on');
	lossy('to the guest', [0], sub {
		is(join(' ', beyond(tcp_send_count => 9, $BYTES, within(120))), "$BYTES\n", 'to the guest: discard got all of it');
	});
	lossy('both ways', [ 0, 1 ], sub {
		my ($sent, $came, $count) = beyond(tcp_echo => 7, $BYTES, within(120));
		is($came // '', $sent, 'both ways: echo comes back as it went');
		is($count, $BYTES, 'both ways: all of it');
	});
SKIP: {
		my $iperf3 = program('iperf3');
		skip 'iperf3 is not installed', 1 unless $iperf3;
		my $lost = counted(\@BEYOND)->{lost};
		my $text = qx(@BEYOND timeout @{[ within(120) ]} $iperf3 -J -c $GUEST -R -n $BYTES);
		my $sent = (eval { JSON::PP::decode_json($text) } // {})->{end}{sum_sent} // {};
		$lost = counted(\@BEYOND)->{lost} - $lost;
		# What is lost of the control connection is in no stream's count: two messages at most.
		cmp_ok($sent->{retransmits} // -1, '>=', $lost - 2, "iperf3: what was lost ($lost) was sent again, and is Retr") or diag $text;
		cmp_ok($lost, '>', 5, 'iperf3: segments were lost');
		cmp_ok($sent->{retransmits} // 1e9, '<', $BYTES / 1460, 'iperf3: far from all of them were sent again');
	}
	no_warnings($vm);
	leaves_with($vm, 0);
});

done_testing;
