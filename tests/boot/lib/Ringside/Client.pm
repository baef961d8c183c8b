# SPDX-License-Identifier: BSD-2-Clause
package Ringside::Client;

# The other end of the guest's services: HTTP, echo, discard, chargen.

use v5.36;
use Digest::SHA  ();
use Exporter     qw(import);
use IO::Socket::INET;
use IO::Socket::IP;
use Ringside::Host qw(within);
use Time::HiRes  qw(time);

our @EXPORT_OK = qw(http_get http_talk tcp_echo tcp_send_count chargen_hash chargen_text udp_ask);

sub connect_to ($host, $port) {
	return IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Proto => 'tcp', Timeout => within(5))
	  // die "connect to $host:$port: $@\n";
}

# Waits for a socket; dies when the time is over.
sub wait_socket ($socket, $writing, $deadline, $what) {
	my ($read, $write) = ('', '');
	vec($read,  fileno $socket, 1) = 1;
	vec($write, fileno $socket, 1) = 1 if $writing;
	my $left = $deadline - time;
	die "$what: not done in time\n" if $left <= 0;
	select $read, $write, undef, $left or die "$what: not done in time\n";
	return (vec($read, fileno $socket, 1), vec($write, fileno $socket, 1));
}

# Sends requests over one connection, one after the other; returns a hash for each answer:
# status, headers (lower case), body.
sub http_talk ($host, $port, @requests) {
	my $socket   = connect_to($host, $port);
	my $deadline = time + within(20);
	my $buffer   = '';
	my @answers;
	my $more = sub {
		wait_socket($socket, 0, $deadline, 'http');
		my $count = sysread $socket, $buffer, 65536, length $buffer;
		return defined $count && $count;
	};
	for my $request (@requests) {
		syswrite $socket, $request;
		while ($buffer !~ /\r\n\r\n/) { $more->() or die "http: closed within the head: '$buffer'\n" }
		$buffer =~ s/\A(.*?)\r\n\r\n//s;
		my ($line, @fields) = split /\r\n/, $1;
		my %headers = map { /^([^:]+):\s*(.*)$/ ? (lc $1 => $2) : () } @fields;
		my ($status) = $line =~ m{^HTTP/1\.[01] (\d{3}) } or die "http: not a status line: '$line'\n";
		my $body = '';
		if ($request !~ /^HEAD/) {
			my $length = $headers{'content-length'};
			while (!defined $length || length $buffer < $length) {
				last if !$more->();
			}
			die "http: body is cut\n" if defined $length && length $buffer < $length;
			$body = substr $buffer, 0, $length // length $buffer, '';
		}
		push @answers, { status => $status, headers => \%headers, body => $body };
	}
	return @answers;
}

sub http_get ($host, $port, $path = '/') {
	my ($answer) = http_talk($host, $port, "GET $path HTTP/1.1\r\nHost: $host:$port\r\nConnection: close\r\n\r\n");
	return $answer;
}

# Sends $total random bytes and takes what comes back, both at once.
# Returns hex SHA-256 of what was sent and of what came, and how many bytes came.
sub tcp_echo ($host, $port, $total, $seconds = 60) {
	my $socket   = connect_to($host, $port);
	my $deadline = time + within($seconds);
	my ($sent_sum, $came_sum) = map { Digest::SHA->new(256) } 1, 2;
	my ($sent, $came, $waiting) = (0, 0, '');
	open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!";
	$socket->blocking(0);
	while ($came < $total) {
		my ($readable, $writable) = wait_socket($socket, $sent < $total, $deadline, "echo after $came bytes");
		if ($readable) {
			my $count = sysread $socket, my $text, 262144;
			next if !defined $count && $!{EAGAIN};
			die 'echo: ' . ($count // $!) . " after $came bytes\n" unless $count;
			$came_sum->add($text);
			$came += $count;
		}
		if ($writable) {
			if (!length $waiting) {
				my $part = $total - $sent < 262144 ? $total - $sent : 262144;
				sysread $random, $waiting, $part;
				$sent_sum->add($waiting);
			}
			my $count = syswrite $socket, $waiting;
			next unless defined $count;
			substr $waiting, 0, $count, '';
			$sent += $count;
		}
	}
	shutdown $socket, 1;
	# After our end comes its end.
	wait_socket($socket, 0, $deadline, 'echo, the end');
	my $rest = sysread $socket, my $text, 1;
	die "echo: more came than was sent\n" if $rest;
	return ($sent_sum->hexdigest, $came_sum->hexdigest, $came);
}

# Sends $total bytes to discard, closes our side, returns its answer.
sub tcp_send_count ($host, $port, $total, $seconds = 60) {
	my $socket   = connect_to($host, $port);
	my $deadline = time + within($seconds);
	my $block    = 'x' x 262144;
	my $sent     = 0;
	$socket->blocking(0);
	while ($sent < $total) {
		wait_socket($socket, 1, $deadline, "discard after $sent bytes");
		my $left  = $total - $sent;
		my $count = syswrite $socket, $block, $left < length $block ? $left : length $block;
		die "discard: $! after $sent bytes\n" if !defined $count && !$!{EAGAIN};
		$sent += $count // 0;
	}
	shutdown $socket, 1;
	my $answer = '';
	while (1) {
		wait_socket($socket, 0, $deadline, 'discard, the answer');
		my $count = sysread $socket, $answer, 100, length $answer;
		next if !defined $count && $!{EAGAIN};
		return $answer unless $count;
	}
}

# RFC 864's lines of 72 characters out of 95, each beginning one later; they repeat after 95 lines.
sub chargen_text () {
	my $ring = join '', map { chr } 32 .. 126;
	$ring .= $ring;
	return join '', map { substr($ring, $_, 72) . "\r\n" } 0 .. 94;
}

# Takes $total bytes from chargen; returns their hex SHA-256 and that of what the RFC says.
sub chargen_hash ($host, $port, $total, $seconds = 60) {
	my $socket   = connect_to($host, $port);
	my $deadline = time + within($seconds);
	my ($came_sum, $true_sum) = map { Digest::SHA->new(256) } 1, 2;
	my $pattern = chargen_text();
	my $came    = 0;
	while ($came < $total) {
		wait_socket($socket, 0, $deadline, "chargen after $came bytes");
		my $left  = $total - $came;
		my $count = sysread $socket, my $text, $left < 262144 ? $left : 262144;
		die 'chargen: ' . ($count // $!) . " after $came bytes\n" unless $count;
		$came_sum->add($text);
		$came += $count;
	}
	close $socket;
	$true_sum->add($pattern) for 1 .. int($total / length $pattern);
	$true_sum->add(substr $pattern, 0, $total % length $pattern);
	return ($came_sum->hexdigest, $true_sum->hexdigest);
}

# One datagram there, one back; asks again twice. Undef when nothing comes.
sub udp_ask ($host, $port, $question, %options) {
	my $socket = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Proto => 'udp',
		$options{from} ? (LocalPort => $options{from}, LocalAddr => $options{local}) : ()) // die "udp: $@\n";
	for (1 .. $options{tries} // 3) {
		send $socket, $question, 0;
		vec(my $wanted = '', fileno $socket, 1) = 1;
		next unless select $wanted, undef, undef, within($options{seconds} // 2);
		my $answer;
		return defined recv($socket, $answer, 65536, 0) ? $answer : undef;
	}
	return;
}

1;
