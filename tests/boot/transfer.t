#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# 100 MB each way through each of the services, compared by hash; no byte is copied on the way.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Client qw(tcp_echo tcp_send_count chargen_hash chargen_text udp_ask http_talk);
use Test::More;
use Time::HiRes qw(time);

use constant MEGABYTES => 100;
use constant TOTAL     => MEGABYTES * 1_000_000;

sub counter ($vm, $name) {
	my ($value) = $vm->command('ethtool -S eth0') =~ /^\s*\Q$name\E: (\d+)$/m;
	return $value // die "no counter $name\n";
}

sub speed ($since) { return sprintf '%.0f MB/s', MEGABYTES / (time - $since) }

sub transfers ($vm) {
	my $label = $vm->{label};
	my $host  = '127.0.0.1';
	$vm->wait_ready;

	my $start = time;
	my ($sent, $came, $count) = tcp_echo($host, $vm->port(tcp => 7), TOTAL);
	my $speed = speed($start);
	is($came, $sent, "$label: TCP echo of 100 MB comes back as it went ($speed)");
	is($count, TOTAL, "$label: TCP echo: every byte, and no more");

	$start = time;
	my ($hash, $expected) = chargen_hash($host, $vm->port(tcp => 19), TOTAL);
	$speed = speed($start);
	is($hash, $expected, "$label: 100 MB of chargen are RFC 864's pattern ($speed)");

	is(counter($vm, 'bytes_copied'), 0, "$label: no byte was copied");

	$start = time;
	my $answer = tcp_send_count($host, $vm->port(tcp => 9), TOTAL);
	$speed = speed($start);
	is($answer, TOTAL . "\n", "$label: discard took 100 MB and says so ($speed)");

	# All that it was given to copy is its answer.
	is(counter($vm, 'bytes_copied'), length $answer, "$label: nor was one of what discard took");
	is(counter($vm, 'receive_errors'),  0, "$label: no receive error");
	is(counter($vm, 'transmit_errors'), 0, "$label: no transmit error");

	# Datagrams, from none to the largest that a frame carries, and one in fragments.
	for my $length (0, 1, 512, 1472, 4000) {
		my $question = join '', map { chr int rand 256 } 1 .. $length;
		my $back     = udp_ask($host, $vm->port(udp => 7), $question);
		ok(defined $back && $back eq $question, "$label: UDP echo of $length bytes");
	}
	my $text = udp_ask($host, $vm->port(udp => 19), 'anything');
	ok(defined $text && length $text <= 512 && $text eq substr(chargen_text(), 0, length $text),
		"$label: UDP chargen answers with up to 512 characters of the pattern");
	return;
}

sub web ($vm) {
	my $label = $vm->{label};
	my @at    = ('127.0.0.1', $vm->port(tcp => 80));
	my $host  = "Host: ringside\r\n";
	my @answers = http_talk(@at, "GET / HTTP/1.1\r\n$host\r\n", "HEAD / HTTP/1.1\r\n$host\r\n",
		"GET /nothing HTTP/1.1\r\n$host\r\n", "GET /status.json HTTP/1.1\r\n$host\r\n", "DELETE / HTTP/1.1\r\n$host\r\n");
	is(join(' ', map { $_->{status} } @answers), '200 200 404 200 405', "$label: five requests over one connection");
	my ($bad) = http_talk(@at, "BAD\r\n\r\n");
	is($bad->{status}, 400, "$label: what is no request is answered with 400");
	my ($long) = http_talk(@at, "GET / HTTP/1.1\r\nX: " . 'x' x 10000 . "\r\n\r\n");
	is($long->{status}, 431, "$label: too large a head is answered with 431");
	return;
}

# Without IPv6: its router advertisements would be taken apart by copying meanwhile, and counted.
my %options = (append => 'services=http,echo,discard,chargen', user_options => ',ipv6=off');

for my $machine (qw(microvm q35)) {
	scenario($machine, { machine => $machine, %options }, sub ($vm) {
		transfers($vm);
		web($vm);
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

done_testing;
