# SPDX-License-Identifier: BSD-2-Clause
package Ringside::BadServer;

# Servers that do what no server should, each in a process of its own.
#
#	bad_http($address, $port, { '/path' => sub ($socket, $request, $count) { ... } })
#		one connection at a time; $count: how often that path was asked for before. The connection is closed after
#		the code returns; `reset($socket)` first makes that a reset.
#	bad_tftp($address, $port, { file => sub ($socket, $peer, $request) { ... } })
#		$peer is where to send to

use v5.36;
use Exporter qw(import);
use IO::Select;
use IO::Socket::IP;
use POSIX  ();
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep);

our @EXPORT_OK = qw(bad_http bad_tftp reset say_to);

# Nobody who waits for a guest that has gone outlives the test for long.
my $LONGEST = 60;

my @pids;
my $own_pid = $$;

sub in_process ($code) {
	my $pid = fork // die "fork: $!";
	if ($pid) { push @pids, $pid; return $pid }
	$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
	$SIG{PIPE} = 'IGNORE';
	eval { $code->(); 1 } or print STDERR "server: $@";
	POSIX::_exit(0);
}

END {
	local $?;
	if ($$ == $own_pid) { kill 'KILL', $_ and waitpid $_, 0 for @pids }
}

# Closing is a reset now.
sub reset ($socket) { return setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 }

# False when the other side has gone.
sub say_to ($socket, $text) {
	while (length $text) {
		my $count = syswrite $socket, $text or return 0;
		substr $text, 0, $count, '';
	}
	return 1;
}

sub bad_http ($address, $port, $paths) {
	my $listener = IO::Socket::IP->new(LocalHost => $address, LocalPort => $port, Listen => 8, ReuseAddr => 1) or die "listen: $@";
	in_process(sub {
		my %count;
		while (1) {
			my $socket = $listener->accept or next;
			# A child for each, so that one that waits holds up nobody; counts are the parent's.
			my $request = '';
			while ($request !~ /\r\n\r\n/) { sysread $socket, $request, 4096, length $request or last }
			my ($path) = $request =~ m{^GET (\S+) } or next;
			my $code  = $paths->{$path};
			my $count = $count{$path}++;
			my $pid = fork // next;
			if (!$pid) {
				alarm $LONGEST;
				$code ? $code->($socket, $request, $count) : say_to($socket, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
				close $socket;
				POSIX::_exit(0);
			}
			close $socket;
			1 while waitpid(-1, 1) > 0;
		}
	});
	return;
}

sub bad_tftp ($address, $port, $files) {
	my $server = IO::Socket::IP->new(LocalHost => $address, LocalPort => $port, Proto => 'udp') or die "bind: $@";
	in_process(sub {
		while (1) {
			my $peer = $server->recv(my $request, 65536) // next;
			my ($file) = $request =~ /^\x00\x01([^\0]*)\0/ or next;
			my $code = $files->{$file} or next;
			my $pid = fork // next;
			if (!$pid) {
				alarm $LONGEST;
				my $socket = IO::Socket::IP->new(LocalHost => $address, LocalPort => 0, Proto => 'udp');
				$code->($socket, $peer, $request);
				POSIX::_exit(0);
			}
			1 while waitpid(-1, 1) > 0;
		}
	});
	return;
}

1;
