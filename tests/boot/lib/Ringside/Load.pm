# SPDX-License-Identifier: BSD-2-Clause
package Ringside::Load;

# Load for a guest from processes of their own, while the test itself resets devices.

use v5.36;
use Digest::SHA qw(sha256_hex);
use Exporter    qw(import);
use POSIX       ();
use Ringside::Host qw(within);
use Time::HiRes qw(time);

our @EXPORT_OK = qw(in_child stream_echo stream_prefix);

# Runs the code in a process of its own; it gets a function that says whether it is over. Returns a function that
# says so, waits, and returns what the code returned, or "died: " and why.
sub in_child ($code) {
	pipe my $from, my $answer or die "pipe: $!";
	pipe my $over, my $end    or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		close $_ for $from, $end;
		my $result = eval { $code->(sub { vec(my $wanted = '', fileno $over, 1) = 1; return scalar select $wanted, undef, undef, 0 }) };
		syswrite $answer, $result // "died: $@";
		POSIX::_exit(0);
	}
	close $_ for $answer, $over;
	return sub {
		syswrite $end, "."; # other children may have it open too
		my $result = do { local $/ = undef; <$from> };
		waitpid $pid, 0;
		return $result;
	};
}

sub random_bytes ($length) {
	open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!";
	read($random, my $bytes, $length) == $length or die "/dev/urandom: $!";
	return $bytes;
}

# Sends $total random bytes and takes what comes back. Hashes of both.
sub stream_echo ($socket, $total, $seconds = 60) {
	my $out = random_bytes($total);
	my ($in, $sent, $deadline) = ('', 0, time + within($seconds));
	$socket->blocking(0);
	while (length $in < $total) {
		my ($read, $write) = ('', '');
		vec($read,  fileno $socket, 1) = 1;
		vec($write, fileno $socket, 1) = 1 if $sent < $total;
		select $read, $write, undef, 1;
		return (sha256_hex($out), 'only ' . length($in) . " of $total bytes came back") if time > $deadline;
		$sent += syswrite($socket, $out, 65536, $sent) // 0 if $sent < $total;
		sysread $socket, $in, 65536, length $in;
	}
	return (sha256_hex($out), sha256_hex($in));
}

# The same until it is over, against an echo that may end before: what came must be the beginning of what was sent.
sub stream_prefix ($socket, $over) {
	my ($waiting, $unsent, $count) = ('', '', 0);
	$socket->blocking(0);
	until ($over->()) {
		my ($read, $write) = ('', '');
		$unsent = random_bytes(65536) if $unsent eq '' && length $waiting < 1 << 20;
		vec($read,  fileno $socket, 1) = 1;
		vec($write, fileno $socket, 1) = 1 if length $unsent;
		select $read, $write, undef, 0.05;
		my $sent = length $unsent ? syswrite($socket, $unsent) // 0 : 0;
		$waiting .= substr $unsent, 0, $sent, '';
		my $got = sysread $socket, my $came, 65536;
		next unless $got;
		return "other data after $count bytes" if $came ne substr $waiting, 0, $got, '';
		$count += $got;
	}
	return "good $count";
}

1;
