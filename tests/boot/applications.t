#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# C programs as images: docs/examples/ are built with `make APP=` and run.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Client;
use Ringside::Host qw(within);
use Ringside::Peer;
use Socket      qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(sleep);

# Builds an image; returns its path without ending, or undef.
sub build ($source, $name) {
	my $output = `make -s APP=$source 2>&1`;
	is($?, 0, "make APP=$source") or do { diag $output; return };
	return "build/app/$name";
}

# make says where what is wrong.
my $output = `make -s APP=docs/examples/nothing.c 2>&1`;
isnt($?, 0, 'make APP= of what is not there fails');
like($output, qr/docs\/examples\/nothing\.c: no such/, 'and names it');

if (my $image = build('docs/examples/hello.c', 'hello')) {
	my @boot = (machine => 'microvm', image => $image);
	scenario('hello', { @boot, append => '-- one "two words" -x' }, sub ($vm) {
		is($vm->wait_exit, 0, "$vm->{label}: ends QEMU with status 0");
		my $console = $vm->console;
		like($console, qr/^Hello from hello, with 3 arguments\n1: one\n2: two words\n3: -x\n/m, "$vm->{label}: gets its arguments");
		like($console, qr/^pi is about 3\.141593, and its square root 1\.772e\+00$/m, "$vm->{label}: prints floating point");
		like($console, qr/^ringside: exit 0: success\n\z/m, "$vm->{label}: the last line is the result");
	});
	for my $boot (qw(bzimage efi-kernel)) {
		next if $boot eq 'efi-kernel' && !-e '/usr/share/ovmf/OVMF.fd';
		my @more = $boot eq 'efi-kernel' ? (machine => 'q35', ovmf => 1, memory => '256M') : (machine => 'pc');
		scenario("hello as $boot", { image => $image, boot => $boot, append => 'ip=off -- again', @more }, sub ($vm) {
			is($vm->wait_exit, 0, "$vm->{label}: ends QEMU with status 0");
			like($vm->console, qr/^1: again$/m, "$vm->{label}: ran");
		});
	}
	# Without a network it runs too, when the wait for an address is over.
	scenario('hello without a network', { @boot, network => 'none' }, sub ($vm) {
		is($vm->wait_exit, 0, "$vm->{label}: ends QEMU with status 0");
		like($vm->console, qr/^Hello from/m, "$vm->{label}: ran");
	});
	scenario('hello, exit=halt', { @boot, append => 'exit=halt' }, sub ($vm) {
		$vm->wait_for(qr/^ringside: halted: success\n/m);
		pass("$vm->{label}: stands still at its end");
	});
	scenario('hello, run=shell', { @boot, append => 'run=shell' }, sub ($vm) {
		like($vm->command('help'), qr/^  application /m, "$vm->{label}: the shell is there, the application is a job");
		leaves_with($vm, 0);
	});
}

if (my $image = build('tests/boot/programs/connect.c', 'connect')) {
	my @targets = ('127.0.0.1 1', '10.0.2.15 1', '10.0.2.15 80');
	scenario('connect', { machine => 'microvm', image => $image, append => "-- @targets" }, sub ($vm) {
		is($vm->wait_exit, 0, "$vm->{label}: ends QEMU with status 0");
		my $console = $vm->console;
		like($console, qr/^connect\n/m, "$vm->{label}: argv[0] is the program's name");
		like($console, qr/^\Q$_\E: ECONNREFUSED /m, "$vm->{label}: $_ refuses") for @targets[ 0, 1 ];
		like($console, qr/^\Q$targets[2]\E: connected$/m, "$vm->{label}: the service of the machine itself answers");
	});
}

if (my $image = build('docs/examples/tcp_server.c', 'tcp_server')) {
	my %options = (machine => 'q35', image => $image, append => '-- 7', cpus => 2);
	scenario('tcp_server', \%options, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_for(qr/^tcp_server: listening on port 7\n/m);
		my @at = ('127.0.0.1', $vm->port(tcp => 7));
		for my $round (1 .. 3) {
			my $socket = Ringside::Client::connect_to(@at);
			print $socket "hello\nsecond $round\n";
			Ringside::Client::wait_socket($socket, 0, time + within(10), 'tcp_server');
			is(scalar <$socket>, "1: HELLO\n", "$label: connection $round: first line");
			is(scalar <$socket>, "2: SECOND $round\n", "$label: connection $round: second line");
		}
		# One that is reset while it waits, behind another, ends nothing.
		my $first = Ringside::Client::connect_to(@at);
		print $first "hello\n";
		is(scalar <$first>, "1: HELLO\n", "$label: one is served");
		my $second = Ringside::Client::connect_to(@at);
		setsockopt $second, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
		close $second;
		sleep 0.5;
		close $first;
		my $socket = Ringside::Client::connect_to(@at);
		print $socket "again\n";
		is(scalar <$socket>, "1: AGAIN\n", "$label: one behind another that was reset is served");
		print $socket "quit\n";
		is(scalar <$socket>, undef, "$label: closes when it is told to quit");
		is($vm->wait_exit, 0, "$label: ends QEMU with status 0");
		like($vm->console, qr/^tcp_server: done$/m, "$label: came to its end");
	});
	# Its port is taken: perror() and the status of a failed job.
	scenario('tcp_server, port in use', { %options, append => 'services=echo -- 7' }, sub ($vm) {
		is($vm->wait_exit, 3, "$vm->{label}: ends QEMU with status 3: a job failed");
		like($vm->console, qr/^tcp_server: Address.* in use$/m, "$vm->{label}: perror() says why");
	});
}

# Both sides have said that they send no more before the program reads. The first connection's peer begins anew at once; others
# send more than there is room for.
if (my $image = build('tests/boot/programs/half_closed.c', 'half_closed')) {
	my $peer = Ringside::Peer->new(address => '10.9.9.1', guest => '10.9.9.2');
	my @network = (@{ $peer->{words} }, '-device', "virtio-net-pci,netdev=net0,romfile=,mac=$Ringside::VM::MAC");
	scenario('half_closed', { image => $image, network => \@network, append => 'ip=10.9.9.2/24' }, sub ($vm) {
		my $label = $vm->{label};
		# The guest's end; it is acknowledged by what is sent from then on.
		my $take_end = sub {
			while (my $got = $peer->receive_segment(5)) {
				next if !($got->{flags} & 1);
				return $peer->{acknowledged} = $got->{seq} + $got->{length} + 1;
			}
			return fail("$label: no end comes");
		};
		# More segments than wait for a socket, the last with the end. What finds no room is sent again, as any host does: all
		# that is missing in one segment.
		my $fill = sub {
			$peer->send_segment(0x18, 'y') for 1 .. 256;
			$peer->send_segment(0x19, 'z');
			$peer->{next}++;
		};
		my $send_rest = sub {
			my ($end, $has) = ($peer->{next}, $peer->{next} - 258);
			for (my $tries = 0; $tries < 20 && $has < $end;) {
				if (my $got = $peer->receive_segment(0.3)) {
					$has = $got->{ack} if $got->{ack};
					next;
				}
				$tries++;
				local $peer->{next} = $has;
				$peer->send_segment(0x19, 'y' x ($end - 2 - $has) . 'z') if $has < $end;
			}
		};
		$vm->wait_for(qr/^half_closed: listening\n/m);
		$peer->connect_to(7);
		$take_end->();
		$peer->send_segment(0x19, 'x' x 1000);
		@$peer{qw(next acknowledged)} = ($peer->{next} + 100_000, 0);
		$peer->send_syn;
		my $answer;
		1 while ($answer = $peer->receive_segment(5)) && !($answer->{flags} & 2);
		ok($answer, "$label: a connection of the same ports begins");
		$peer->{acknowledged} = $answer->{seq} + 1;
		$peer->send_segment(0x10);
		$vm->wait_for(qr/^half_closed: 1 had 1000 bytes and the end\n/m);
		ok(1, "$label: all bytes of the one before are read");
		$take_end->();
		$fill->();
		$send_rest->();
		$vm->wait_for(qr/^half_closed: 2 had 257 bytes and the end\n/m);
		ok(1, "$label: all bytes, though there was no room for them");
		# The guest's end is acknowledged after all that.
		$peer->connect_to(7);
		my $before = $peer->{acknowledged};
		my $after  = $take_end->();
		$peer->{acknowledged} = $before;
		$fill->();
		$peer->{acknowledged} = $after;
		$peer->send_segment(0x10) for 1 .. 3;
		$send_rest->();
		$peer->send_segment(0x10);
		$vm->wait_for(qr/^half_closed: 3 had 257 bytes and the end\n/m);
		ok(1, "$label: and though both ends met");
		# The peer's end comes first, with the handshake; the guest's is acknowledged when the program has read to the end.
		@$peer{qw(next acknowledged)} = (2_000_000, 0);
		$peer->{port}++;
		$peer->send_syn;
		1 while ($answer = $peer->receive_segment(5)) && !($answer->{flags} & 2);
		$peer->{acknowledged} = $answer->{seq} + 1;
		$peer->send_segment(0x11);
		$peer->{next}++;
		$take_end->();
		$vm->wait_for(qr/^half_closed: 4 had 0 bytes and the end\n/m);
		$peer->send_segment(0x10);
		sleep 1.5;
		$peer->connect_to(7);
		$peer->send_segment(0x18, 'q');
		my $got;
		1 while ($got = $peer->receive_segment(5)) && !$got->{length};
		is($got && $got->{data}, 'q', "$label: and others are answered");
		$peer->send_segment(4);
		is($vm->wait_exit, 0, "$label: it ends with status 0");
	});
}

# What is read-only stands in front of all data: 80 MiB of it put ours beyond what the first page tables once mapped.
open my $large, '>', 'build/large.c' or die "build/large.c: $!\n";
print $large <<'END';
#include <stdio.h>
static const volatile char asset[80 << 20] = {7};
int main(void) { printf("asset %d %d\n", asset[0], asset[sizeof(asset) - 1]); return 0; }
END
close $large;
if (my $image = build('build/large.c', 'large')) {
	for my $boot (qw(pvh bzimage efi-kernel)) {
		next if $boot eq 'efi-kernel' && !-e '/usr/share/ovmf/OVMF.fd';
		my @more = $boot eq 'efi-kernel' ? (ovmf => 1) : ();
		scenario("a large image as $boot", { image => $image, boot => $boot, machine => 'q35', memory => '512M', append => 'ip=off', @more }, sub ($vm) {
			is($vm->wait_exit(60), 0, "$vm->{label}: ends QEMU with status 0");
			like($vm->console, qr/^asset 7 0$/m, "$vm->{label}: ran");
		});
	}
}
unlink 'build/large.c', glob 'build/app/large.*';

done_testing;
