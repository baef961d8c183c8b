#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Network boot over a network that loses, doubles, reorders, delays and corrupts frames (tests/boot/programs/relay.c): what comes
# is right to the last bit, and a network that falls silent is one clear line in a stated time. The faults are those of a seed:
# RINGSIDE_SEED=N for others.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA ();
use Ringside::Checks;
use Ringside::Host qw(scratch within);
use Ringside::NetbootServers;
use Ringside::Payload qw(payload $PAYLOAD_GOOD);
use Ringside::Tap qw(enter_namespace);
use Ringside::VM;
use Test::More;
use Time::HiRes qw(time);

my $missing = enter_namespace(@ARGV) // Ringside::NetbootServers::missing(qw(nginx atftpd));
plan skip_all => $missing if $missing;

my $seed    = $ENV{RINGSIDE_SEED} // 5;
my $net     = Ringside::NetbootServers->new;
my $host    = $Ringside::NetbootServers::HOST;
my $windows = $Ringside::NetbootServers::WINDOWS;
my ($kernel, $whole) = payload('bzImage', 1 << 20);

# A TFTP server that has lost a packet waits for seconds; so what comes by TFTP is small.
$net->file('kernel', $kernel);
my %size = (large => 8 << 20, small => 192 << 10, window => 512 << 10);
my %sum;
for my $name (sort keys %size) {
	open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
	read $random, my $bytes, $size{$name};
	$net->text($name, $bytes);
	$sum{$name} = Digest::SHA::sha256_hex($bytes);
}
$net->dnsmasq;
$net->nginx;
$net->atftpd;

# What is fetched, and how many seconds that may take.
my @fetches = ([ "http://$host/large" => 'large', 20 ], [ "tftp://$host/small" => 'small', 90 ], [ "tftp://$windows/window" => 'window', 90 ]);

my $count = 0;

sub options_of ($relay, %more) {
	my $mac = sprintf '52:54:00:66:61:%02x', $count++;
	return { network => [ @$relay, '-device', "virtio-net-pci,netdev=net0,mac=$mac,romfile=" ], memory => '256M', %more };
}

# Runs `fetch` without its progress line; what it says and how long it took.
sub fetch ($vm, $url, $limit) {
	my $start = time;
	my $text  = $vm->command("fetch -q $url", seconds => $limit);
	return ($text, time - $start);
}

sub fetches_right ($vm, $relay, @words) {
	my $label = $vm->{label};
	$vm->wait_ready(seconds => 60);
	for my $fetch (@fetches) {
		my ($url, $name, $limit) = @$fetch;
		my ($text, $took) = fetch($vm, $url, $limit);
		like($text, qr/^\s*sha256 $sum{$name}$/m, sprintf '%s: %s is right, after %.1f s', $label, $url, $took);
	}
	$vm->command_last('poweroff');
	is($vm->wait_exit, 0, "$label: poweroff");
	my $counts = $net->stop_relay($relay);
	for my $way ('to guest', 'from guest') {
		my $all = $counts->{$way};
		note "$label: $way: " . join ', ', map { "$all->{$_} $_" } sort keys %$all;
		cmp_ok($all->{$_}, '>', 0, "$label: $all->{$_} of $all->{frames} frames $way were $_") for @words;
	}
	return;
}

my @cases = (
	[ 'loss, 1 %',     ['loss=1'],      ['lost'] ],
	[ 'loss, 5 %',     ['loss=5'],      ['lost'] ],
	[ 'duplication',   ['duplicate=5'], ['duplicated'] ],
	[ 'reordering',    ['reorder=5'],   ['reordered'] ],
	[ 'delay',         [ 'delay=5', 'delay_ms=60' ], ['delayed'] ],
	[ 'corruption',    ['corrupt=2'],   ['corrupted'] ],
	[ 'all of it', [ 'loss=1', 'corrupt=1', 'duplicate=1', 'reorder=2', 'delay=2' ], [qw(lost corrupted duplicated reordered delayed)] ],
);
@cases = grep { my $case = $_; grep { $case->[0] =~ /$_/ } @ARGV } @cases if @ARGV;

my @scenarios;

# A scenario behind a relay with these faults, which starts when the machine does.
sub behind_relay ($name, $faults, $more, $code) {
	my $relay;
	push @scenarios, [ $name, sub () {
		($relay, my @network) = $net->relay("seed=$seed", @$faults);
		return options_of(\@network, %$more);
	}, sub ($vm) { $code->($vm, $relay) } ];
	return;
}

for my $case (@cases) {
	my ($name, $faults, $words) = @$case;
	behind_relay($name, $faults, {}, sub ($vm, $relay) { fetches_right($vm, $relay, @$words) });
}

# The whole way, with the kernel's checksum by itself.
for my $url (map { "$_/kernel" } "http://$host", "tftp://$windows") {
	last if @ARGV;
	behind_relay("run=netboot, $url", $cases[-1][1], { append => "run=netboot netboot.kernel=$url" }, sub ($vm, $relay) {
		is($vm->wait_exit(90), $PAYLOAD_GOOD, "$vm->{label}: the kernel runs, and is whole");
		like($vm->console, qr/^\Q$whole\E$/m, "$vm->{label}: it says so");
		cmp_ok($net->stop_relay($relay)->{'to guest'}{lost}, '>', 0, "$vm->{label}: frames were lost");
	});
}

# A network that falls silent in the middle: one line, after netboot.timeout and a little more.
for my $fetch (@fetches) {
	last if @ARGV;
	my ($url, $name) = @$fetch;
	behind_relay("silence, $url", [ 'loss=100', 'after=50', 'begin=signal' ], { append => 'netboot.timeout=3' }, sub ($vm, $relay) {
		my $label = $vm->{label};
		$vm->wait_ready(seconds => 60);
		$net->wake_relay($relay);
		my ($text, $took) = fetch($vm, $url, 40);
		like($text, qr/\Afetch: \Q$url\E: [^\n]*\S\n\z/, "$label: one line that says why");
		note $text;
		cmp_ok($took, '<', within(15), sprintf '%s: given up after %.1f s', $label, $took);
		cmp_ok($net->stop_relay($relay)->{'to guest'}{lost}, '>', 0, "$label: frames were lost");
		$vm->command_last('poweroff');
		is($vm->wait_exit, 0, "$label: poweroff");
	});
}
scenarios_ahead(3, @scenarios);
done_testing;
