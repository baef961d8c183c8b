# SPDX-License-Identifier: BSD-2-Clause
package Ringside::QMP;

# QEMU's machine protocol over a unix socket.

use v5.36;
use IO::Socket::UNIX;
use JSON::PP      ();
use Ringside::Host qw(until_true within);
use Time::HiRes   qw(time);

sub new ($class, $path) {
	my $socket = until_true(5, sub { IO::Socket::UNIX->new(Peer => $path) })
	  or die "QMP: $path: $!\n";
	my $self = bless { socket => $socket, buffer => '' }, $class;
	$self->receive;    # the greeting
	$self->execute('qmp_capabilities');
	return $self;
}

# One message; events are passed over.
sub receive ($self) {
	my $deadline = time + within(10);
	while (1) {
		while ($self->{buffer} =~ s/^(.*?)\r?\n//) {
			my $message = JSON::PP::decode_json($1);
			return $message unless $message->{event};
		}
		vec(my $wanted = '', fileno $self->{socket}, 1) = 1;
		my $left = $deadline - time;
		die "QMP: no answer\n" if $left <= 0 || !select $wanted, undef, undef, $left;
		sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer}
		  or die "QMP: closed\n";
	}
}

# What the command returns; dies with QEMU's words for an error.
sub execute ($self, $command, %arguments) {
	my %request = (execute => $command);
	$request{arguments} = \%arguments if %arguments;
	syswrite $self->{socket}, JSON::PP::encode_json(\%request) . "\n";
	my $answer = $self->receive;
	die "QMP: $command: $answer->{error}{desc}\n" if $answer->{error};
	return $answer->{return};
}

# A line of the human monitor, for what QMP has no command for.
sub human ($self, $line) {
	return $self->execute('human-monitor-command', 'command-line' => $line);
}

1;
