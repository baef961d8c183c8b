#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# All devices under load at once, for a minute, or as many seconds as RINGSIDE_SOAK says (`make soak`: 600): the balloon
# moves, the link goes down and up, devices are reset in between. Data is verified, and at the end there is as much memory
# as at the start. Then boots in a row: 6, or as many as RINGSIDE_BOOTS says (`make soak`: 200).

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use JSON::PP ();
use Ringside::Checks;
use Ringside::Client qw(http_get tcp_echo udp_ask);
use Ringside::Host   qw(scratch write_file until_true);
use Ringside::Load   qw(in_child stream_echo stream_prefix);
use Test::More;
use Time::HiRes qw(time sleep);

use constant MIB => 1 << 20;

my $seconds = $ENV{RINGSIDE_SOAK} || 60;
my @types   = (1, 2, 3, 4, 5);
my $resets_in_all = 0;

sub facts ($vm) { return JSON::PP::decode_json(http_get('127.0.0.1', $vm->port(tcp => 80), '/status.json')->{body}) }

sub open_port ($vm) {
	my $from = length $vm->console;
	$vm->command('port echo org.ringside.soak &');
	$vm->wait_for(qr/: echo, until the other end/, from => $from);
	return until_true(5, sub { IO::Socket::UNIX->new(Peer => $vm->{socket}) }) // die "$vm->{socket}: $!\n";
}

sub port_is_free ($vm) {
	return until_true(10, sub { $vm->command('port') =~ / free +closed .* org\.ringside\.soak$/m });
}

sub balloon_is ($vm, $mib) {
	$vm->qmp->execute('balloon', value => $mib * MIB);
	return until_true(20, sub { $vm->qmp->execute('query-balloon')->{actual} == $mib * MIB });
}

# Where memory is when that no longer changes (connections that were closed are remembered for a while).
sub memory_at_rest ($vm) {
	my ($memory, $before) = ({}, '');
	until_true(20, sub {
		$memory = memory_of(facts($vm));
		my $now = join ' ', map { "$_ $memory->{$_}" } sort keys %$memory;
		return 1 if $now eq $before;
		$before = $now;
		sleep 1;
		return;
	});
	return $memory;
}

# How many of the tests of the disk have ended, and what they ended with.
sub disk_ends ($vm) {
	return substr($vm->console, $vm->{disk_from}) =~ /(blktest vda: \d+ MiB verified|vda: test: .*|.*not what was written)/g;
}

# One round: so many seconds of everything, then quiet. Returns where memory is.
sub go_round ($vm, $number, $duration) {
	my $label = "$vm->{label}, round $number";
	my ($tcp, $udp) = ($vm->port(tcp => 7), $vm->port(udp => 7));
	my %names   = map { $_->{type} => $_->{name} } @{ facts($vm)->{virtio}{devices} };
	my $network = in_child(sub ($over) {
		my $bytes = 0;
		do {
			my ($sent, $came) = tcp_echo('127.0.0.1', $tcp, 4_000_000, 60);
			return "other data after $bytes bytes" if $sent ne $came;
			$bytes += 4_000_000;
		} until $over->();
		return "good $bytes";
	});
	# Datagrams may be lost while the link is down, but not come back as others.
	my $datagrams = in_child(sub ($over) {
		my ($asked, $answered) = (0, 0);
		until ($over->()) {
			my $question = pack('N', $asked++) . join '', map { chr int rand 256 } 1 .. 1 + rand 3000;
			my $answer   = udp_ask('127.0.0.1', $udp, $question, tries => 1, seconds => 1);
			return "other data at $asked" if defined $answer && $answer ne $question;
			$answered++ if defined $answer;
			sleep 0.005;
		}
		return $answered > $asked / 2 ? "good $answered of $asked" : "only $answered of $asked";
	});
	my ($port, $resets, $links, $moves, $tests, $echoes, $wrong) = (undef, 0, 0, 0, 0, 0, '');
	$vm->{disk_from} = length $vm->console;
	my $deadline = time + $duration;
	while (time < $deadline) {
		# A reset of the console ends the echo on its port; then it begins again.
		if (!$port) {
			my $socket = open_port($vm);
			$port = in_child(sub ($over) { return stream_prefix($socket, $over) });
			close $socket;
		}
		$tests++, $vm->command('blktest --yes vda 16 &') if $tests == (() = disk_ends($vm));
		$vm->qmp->execute('balloon', value => (150 + int rand 100) * MIB), $moves++;
		$vm->command('rng --reseed');
		sleep 0.5;
		$vm->command('memtouch 20', seconds => 30) =~ /, 0 blocks of 2 MiB wrong$/m or $wrong .= "memtouch at $resets; ";
		if ($resets % 7 == 6) {
			$vm->qmp->execute('set_link', name => 'net0', up => JSON::PP::false);
			sleep 0.3;
			$vm->qmp->execute('set_link', name => 'net0', up => JSON::PP::true);
			$links++;
		}
		my $type = $types[ $resets++ % @types ];
		$vm->command("devices reset $names{$type}");
		next unless $type == 3;
		my $result = $port->();
		$result =~ /^good/ ? $echoes++ : ($wrong .= "port: $result; ");
		$port = undef;
		port_is_free($vm) or $wrong .= 'the port is not free; ';
	}
	$resets_in_all += $resets;
	like($network->(), qr/^good/, "$label: TCP echo gives what it got");
	my $answered = $datagrams->();
	like($answered, qr/^good/, "$label: and UDP echo: $answered");
	like($port->(), qr/^good/, "$label: and the port") if $port;
	ok(port_is_free($vm), "$label: the port is free again");
	is($wrong, '', "$label: nothing was wrong in $resets resets, $links pulled cables, $moves moves of the balloon, $echoes ends of the port");
	ok(until_true(60, sub { $tests == (() = disk_ends($vm)) }), "$label: each of $tests tests of the disk ends");
	my @ends = disk_ends($vm);
	is(join("\n", grep { !/verified|input\/output error/ } @ends), '', "$label: data on the disk is what was written");
	cmp_ok(scalar(grep { /verified/ } @ends), '>', @ends / 3, "$label: and few tests end with a reset");
	ok(balloon_is($vm, 256), "$label: the balloon gives all back");

	# Each works after that.
	my ($sent, $came) = tcp_echo('127.0.0.1', $tcp, 1_000_000);
	is($came, $sent, "$label: network, after it");
	my $socket = open_port($vm);
	($sent, $came) = stream_echo($socket, MIB);
	is($came, $sent, "$label: port, after it");
	close $socket;
	port_is_free($vm);
	like($vm->command('blktest --yes vda 8', seconds => 60), qr/: 8 MiB verified/, "$label: disk, after it");
	my $devices = facts($vm)->{virtio}{devices};
	is(join(' ', map { $_->{state} } @$devices), join(' ', map { 'driven' } @$devices), "$label: each device is driven");
	return memory_at_rest($vm);
}

my $disk  = write_file(scratch() . '/soak.img', "\0" x (32 * MIB));
my $socket = scratch() . '/soak.socket';
my @words = ('-blockdev', "driver=raw,node-name=disk0,file.driver=file,file.filename=$disk", '-device', 'virtio-blk-pci,drive=disk0',
	'-device', 'virtio-balloon-pci,free-page-reporting=on', '-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci,max_ports=2',
	'-chardev', "socket,id=data,path=$socket,server=on,wait=off", '-device', 'virtserialport,chardev=data,name=org.ringside.soak');

scenario('q35, 4 CPUs', { cpus => 4, memory => '256M', append => 'services=http,echo', extra => \@words }, sub ($vm) {
	my $label = $vm->{label};
	$vm->{socket} = $socket;
	$vm->wait_ready;
	# The cold parts that are used below are unpacked once, and stay.
	$vm->command($_) for 'memtouch 1', 'rng --reseed';
	my $start = memory_at_rest($vm);
	# The first round is short: it brings the caches to their size.
	go_round($vm, 0, $seconds / 8);
	my $first  = go_round($vm, 1, $seconds * 3 / 8);
	my $second = go_round($vm, 2, $seconds / 2);
	cmp_ok($resets_in_all, '>=', $seconds / 6, "$label: $resets_in_all resets under load in all");
	is($second->{used} - $start->{used}, 0, "$label: as much memory is in use at the end as at the start") or diag explain [ $start, $first, $second ];
	is($second->{lent}, 0, "$label: none is with the host");
	is(memory_grown($first, $second), '', "$label: nor have caches grown since round 1") or diag explain [ $start, $first, $second ];
	ping_answers($vm, '10.0.2.2');
	self_test($vm);
	no_warnings($vm);
	leaves_with($vm, 0);
});

# -- Boots in a row: each way in, each firmware, one after the other, without one that fails

my $boots = $ENV{RINGSIDE_BOOTS} || 6;
my @ways  = map { my $machine = $_; map { [ $machine, $_ ] } qw(pvh bzimage) } qw(microvm q35 pc);
my ($good, $slowest) = (0, 0);
for my $number (1 .. $boots) {
	my ($machine, $boot) = @{ $ways[ $number % @ways ] };
	my $cpus = 1 + $number % 4;
	my $name = "boot $number, $machine, $boot, $cpus CPUs";
	my $vm   = eval {
		my $vm = Ringside::VM->start(name => 'soak-boot', machine => $machine, boot => $boot, cpus => $cpus, append => 'services=http');
		$vm->wait_ready;
		$vm->command('ping -c 1 10.0.2.2') =~ / 1 received, 0% packet loss/ or $vm->fail('no answer to a ping');
		$vm->poweroff == 0 or $vm->fail('another status');
		$vm->warnings and $vm->fail('a warning');
		$vm;
	};
	if (!$vm) {
		fail($name);
		diag $@;
		next;
	}
	$good++;
	$slowest = $vm->{ready_ms} if $vm->{ready_ms} > $slowest;
}
is($good, $boots, "$boots boots in a row, the slowest ready after $slowest ms");

done_testing;
