# SPDX-License-Identifier: BSD-2-Clause
package Conform::Boot;

# One boot of the guest under a VMM: starts the adapter, reads the console, answers requests, and says how it
# ended. An adapter is an executable that is called as
#
#	configs					prints the configurations, one a line: NAME [optional] [fresh] [serve] [like:NAME]
#						[GUEST WORDS]; serve: there is `serve`; fresh: after a failure it needs a new boot;
#						like: what is expected there is expected here too
#	start CONFIG IMAGE CMDLINE		runs the VMM; the console is its standard input and output
#	action NAME ARGUMENTS			does what docs/conformance-host.md asks for; prints the TEXT
#	serve					does such things one after the other, each a line on its standard input: NAME
#						ARGUMENTS; answers each with one: ok|failed|unsupported TEXT. Until its input ends
#	action alive				fails when the VMM hangs
#	stop					ends all that `start` has started
#
# with RINGSIDE_STATE, a folder of this boot's own, in its environment.

use v5.36;
use Conform::Host qw(read_file write_file run_program end_group crash_of);
use Conform::Tap;
use File::Copy ();
use File::Path qw(make_path);
use File::Temp ();
use POSIX      ();
use Time::HiRes qw(time);

use constant {
	UNSUPPORTED    => 2,	# status of an action that cannot be done here
	UNAVAILABLE    => 77,	# status of a start that cannot be here; the reason is the last line of errors
	ACTION_SECONDS => 20,
	EXIT_SECONDS   => 10,	# to leave after the last line
	QUIET_SECONDS  => 2,	# after so long without a line the VMM is asked whether it lives
	ALIVE_SECONDS  => 60,	# to answer that
};

# The one that runs now, for who has to end in a hurry.
our $current;

# Options: vmm, config, serve, image, words (a list for the guest's command line), timeout in seconds without a line (0: none),
# out (folder to keep things in, or undef), list (nothing runs, so an end without the last line is none too early).
sub new ($class, %options) {
	return bless {%options}, $class;
}

# Runs it to its end. $receive is called with each thing that Conform::Tap finds; when it returns "stop", that is
# the end. Returns a hash: how (end, stopped, crash, hang, early, unavailable) and text.
sub run ($self, $receive) {
	# None of these may go with a scope: a signal leaves them all, and what runs is ended after that.
	$self->{folder} = File::Temp->newdir('ringside-XXXXXX', TMPDIR => 1);
	$self->{state}  = "$self->{folder}";
	$current = $self;
	my ($stop, $ended) = (0, 0);
	my $tap = Conform::Tap->new(sub ($thing) {
		return if $stop;
		if ($thing->{type} eq 'request') {
			$self->answer($thing);
			return;
		}
		$ended = 1 if $thing->{type} =~ /^(?:end|bail)$/;
		$stop  = 1 if ($receive->($thing) // '') eq 'stop';
	});
	$self->start;
	my $last  = time;
	my $asked = 0;
	my $silent = 0;	# times that the VMM did not answer
	my $status;
	my $how = 'early';
	while (1) {
		# The end is seen in the process, not in the pipe: somebody else may still hold that.
		$status = $? if !defined $status && waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid};
		my $took = $self->pump($tap, defined $status ? 0 : 0.1);
		($last, $silent) = (time, 0) if $took;
		last if $stop;
		last if defined $status && !$took;
		my $quiet = time - $last;
		next if defined $status;
		if ($ended ? $quiet > EXIT_SECONDS : $self->{timeout} && $quiet > $self->{timeout}) {
			$how = 'hang';
			last;
		}
		# A guest may wait for long; a VMM that answers nothing at all needs no waiting for.
		if (!$ended && $self->{timeout} && $quiet > QUIET_SECONDS && time - $asked > QUIET_SECONDS) {
			my $answer = $self->alive;
			$silent = $answer ? 0 : $silent + 1;
			# One that refuses at once may only be about to end, or not be there yet.
			if ((!defined $answer || $silent > 1) && !$self->pump($tap, 0)) {
				$how = 'dead';
				$self->{unanswered} = defined $answer ? '' : ' for ' . ALIVE_SECONDS . ' s';
				last;
			}
			$asked = time;
		}
	}
	$tap->finish unless $stop;
	return $self->finish($status, $ended, $stop ? 'stopped' : $how);
}

sub start ($self) {
	pipe my $guest_input, $self->{input}   or die "pipe: $!\n";
	pipe $self->{output}, my $guest_output or die "pipe: $!\n";
	$self->{input}->autoflush;
	$self->{errors} = "$self->{state}/stderr";
	open my $errors, '>', $self->{errors} or die "$self->{errors}: $!\n";
	my @words = ($self->{vmm}, 'start', $self->{config}, $self->{image}, join ' ', @{ $self->{words} });
	write_file("$self->{state}/command", join(' ', @words) . "\n");
	open $self->{console}, '>:raw', "$self->{state}/console" or die "console: $!\n";
	$self->{console}->autoflush;
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		setpgrp;
		$ENV{RINGSIDE_STATE} = $self->{state};
		open STDIN,  '<&', $guest_input;
		open STDOUT, '>&', $guest_output;
		open STDERR, '>&', $errors;
		$SIG{PIPE} = 'DEFAULT';
		exec { $words[0] } @words or do { print STDERR "$words[0]: $!\n"; POSIX::_exit(127) };
	}
	$self->{pid} = $pid;
	return;
}

# Takes what the console has said, waiting for so many seconds. True when there was something.
sub pump ($self, $tap, $seconds) {
	vec(my $wanted = '', fileno $self->{output}, 1) = 1;
	my $ready = select $wanted, undef, undef, $seconds;
	return 0 if !$ready || $ready < 0;
	my $count = sysread $self->{output}, my $text, 65536;
	if (!$count) {
		select undef, undef, undef, $seconds && 0.01;
		return 0;
	}
	print { $self->{console} } $text;
	$tap->take($text);
	return 1;
}

# The adapter, with this boot's folder.
sub call ($self, $seconds, @words) {
	local $ENV{RINGSIDE_STATE} = $self->{state};
	return run_program($seconds, $self->{vmm}, @words);
}

# Does the VMM answer? One that has no way to ask it does. Undef: not in all of the time that it has.
sub alive ($self) {
	my ($text, $status) = $self->call(ALIVE_SECONDS, 'action', 'alive');
	return defined $status ? $status == 0 || $status >> 8 == UNSUPPORTED : undef;
}

# An action, as a process of its own.
sub act ($self, @words) {
	my ($text, $status) = $self->call(ACTION_SECONDS, 'action', @words);
	return ('failed', 'took too long') unless defined $status;
	return ($status == 0 ? 'ok' : $status >> 8 == UNSUPPORTED ? 'unsupported' : 'failed', $text =~ s/\n.*//sr);
}

# An action, of the process that does one after the other. One that is too slow is ended, and the next action has another.
sub ask_server ($self, @words) {
	$self->start_server unless $self->{server};
	my $server = $self->{server};
	my ($text, $deadline) = ('', time + ACTION_SECONDS);
	local $SIG{PIPE} = 'IGNORE';
	syswrite $server->{input}, "@words\n";
	while ($text !~ /\n/) {
		vec(my $wanted = '', fileno $server->{output}, 1) = 1;
		my $left = $deadline - time;
		next if $left > 0 && select($wanted, undef, undef, $left) && sysread $server->{output}, $text, 65536, length $text;
		$self->end_server;
		return ('failed', $left > 0 ? 'the adapter ended' : 'took too long');
	}
	return $text =~ /^(ok|failed|unsupported) ?(.*)\n/ ? ($1, $2) : ('failed', 'the adapter says ' . $text =~ s/\n.*//sr);
}

sub start_server ($self) {
	pipe my $requests, my $input or die "pipe: $!\n";
	pipe my $output, my $answers or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		setpgrp;
		$ENV{RINGSIDE_STATE} = $self->{state};
		open STDIN,  '<&', $requests;
		open STDOUT, '>&', $answers;
		$SIG{PIPE} = 'DEFAULT';
		exec $self->{vmm}, 'serve' or do { print STDERR "$self->{vmm}: $!\n"; POSIX::_exit(127) };
	}
	$self->{server} = { pid => $pid, input => $input, output => $output };
	return;
}

sub end_server ($self) {
	my $server = delete $self->{server} // return;
	close $server->{$_} for qw(input output);
	end_group($server->{pid});
	return;
}

sub answer ($self, $request) {
	my ($result, $text) = ('unsupported', 'this runner speaks version 1');
	if ($request->{version} == 1) {
		my @words = ($request->{verb}, @{ $request->{words} });
		($result, $text) = $self->{serve} ? $self->ask_server(@words) : $self->act(@words);
	}
	local $SIG{PIPE} = 'IGNORE';
	syswrite $self->{input}, "ringside-host: 1 $request->{id} $result $text\n";
	return;
}

# Ends what still runs and says how it went.
sub finish ($self, $status, $ended, $how) {
	my $by_itself = defined $status;
	$self->end;
	my $messages = read_file($self->{errors}) // '';
	my ($last)   = reverse grep { /\S/ } split /\n/, $messages;
	my $crash    = $by_itself ? crash_of($status, $messages) : undef;
	my %end      = (how => $how, text => '', ended => $ended);
	if ($how eq 'stopped') {
		# Whatever it did then was our doing.
	} elsif ($crash) {
		@end{qw(how text)} = ('crash', "the VMM $crash");
	} elsif ($how eq 'dead' && !$by_itself) {
		@end{qw(how text)} = ('hang', "the VMM hangs: it does not answer$self->{unanswered}");
	} elsif ($how eq 'hang' && !$ended) {
		$end{text} = "no line from the guest in $self->{timeout} s";
	} elsif ($ended || ($self->{list} && $by_itself && $status == 0)) {
		$end{how} = 'end';
	} elsif ($status >> 8 == UNAVAILABLE) {
		@end{qw(how text)} = ('unavailable', $last // 'no reason given');
	} else {
		$end{text} = $status & 127 ? 'the VMM was ended by signal ' . ($status & 127) : 'the VMM ended early with status ' . ($status >> 8);
		my $panic = (read_file("$self->{state}/console") // '') =~ /^(.*\bpanic\b[^\r\n]*)/mi ? $1 : undef;
		$end{text} .= ": $panic" if $panic;
		$end{text} .= ": $last" if !$panic && $last && $status;
	}
	$end{messages} = $messages;
	$self->keep;
	delete $self->{folder};
	return \%end;
}

sub end ($self) {
	$current = undef;
	my $pid = delete $self->{pid} // return;
	local $?;
	$self->end_server;
	$self->call(ACTION_SECONDS, 'stop');
	end_group($pid);
	close $self->{console};
	return;
}

# Keeps what was said and how it was started.
sub keep ($self) {
	my $out = $self->{out} // return;
	make_path($out);
	File::Copy::copy("$self->{state}/$_", "$out/$_") for grep { -e "$self->{state}/$_" } qw(command stderr console);
	my $console = (read_file("$self->{state}/console") // '') =~ s{\r|\e\[[0-9;=?]*[A-Za-z]}{}gr;
	write_file("$out/tap", join '', map { "$_\n" } grep { /^(?:TAP |\d+\.\.\d|(?:not )?ok |#|  |Bail out)/ } split /\n/, $console);
	return;
}

1;
