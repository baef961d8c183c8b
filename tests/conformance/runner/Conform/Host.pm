# SPDX-License-Identifier: BSD-2-Clause
package Conform::Host;

# Small things of the machine that runs the suite, and of words: files, globs, quotes, processes.

use v5.36;
use Exporter    qw(import);
use POSIX       ();
use Time::HiRes qw(time sleep);

our @EXPORT_OK = qw(read_file write_file glob_pattern matches shell_words run_program end_group crash_of);

sub read_file ($path) {
	open my $file, '<:raw', $path or return;
	local $/;
	return scalar <$file> // '';
}

sub write_file ($path, $content) {
	open my $file, '>:raw', $path or die "$path: $!\n";
	print $file $content;
	close $file or die "$path: $!\n";
	return $path;
}

# A glob of * ? [...] as a pattern for the whole word.
sub glob_pattern ($glob) {
	my $text = join '', map {
		    $_ eq '*'   ? '.*'
		  : $_ eq '?'   ? '.'
		  : /^\[(!?)(.+)\]$/s ? '[' . ($1 ? '^' : '') . ($2 =~ s/\\/\\\\/gr) . ']'
		  : quotemeta
	} $glob =~ /\[!?[^\]]+\]|./gs;
	return qr/\A$text\z/;
}

# Does the word match one of the globs, separated by commas?
sub matches ($globs, $word) {
	return grep { $word =~ glob_pattern($_) } split /,/, $globs;
}

# Words as one types them into a shell.
sub shell_words (@words) {
	return join ' ', map { m{\A[\w./:=,@%+-]+\z} ? $_ : q(') . s/'/'\\''/gr . q(') } @words;
}

# Runs a program for at most so many seconds; its output and wait status (undef: it was ended for its slowness).
sub run_program ($seconds, @words) {
	my $pid = open my $output, '-|' // die "fork: $!\n";
	if (!$pid) {
		setpgrp;
		open STDIN, '<', '/dev/null';
		exec @words or do { print STDERR "$words[0]: $!\n"; POSIX::_exit(127) };
	}
	my ($text, $deadline) = ('', time + $seconds);
	while (1) {
		vec(my $wanted = '', fileno $output, 1) = 1;
		my $left = $deadline - time;
		if ($left <= 0 || !select $wanted, undef, undef, $left) {
			next if $left > 0;
			kill 'KILL', -$pid;
			close $output;
			return ($text, undef);
		}
		last unless sysread $output, $text, 65536, length $text;
	}
	close $output;
	return ($text, $?);
}

# Ends a process that leads a group, and all in it.
sub end_group ($pid) {
	kill 'TERM', -$pid;
	for (1 .. 20) {
		return $? if waitpid($pid, POSIX::WNOHANG()) == $pid && (kill('KILL', -$pid) || 1);
		sleep 0.02;
	}
	kill 'KILL', -$pid;
	waitpid $pid, 0;
	return $?;
}

# What a wait status and the messages say of a crash, or undef when it is none. A shell in between makes the
# signal a status.
my %crashes = (4 => 'SIGILL', 5 => 'SIGTRAP', 6 => 'SIGABRT', 7 => 'SIGBUS', 8 => 'SIGFPE', 11 => 'SIGSEGV', 31 => 'SIGSYS');

sub crash_of ($status, $messages) {
	my $signal = $status & 127 || ($status >> 8 > 128 ? ($status >> 8) - 128 : 0);
	my ($said) = $messages =~ /^(.*(?:Assertion .* failed|ERROR: \w+Sanitizer|runtime error:|panicked at).*)$/m;
	return $said ? "crashed: $said" : undef unless $crashes{$signal};
	return "crashed with $crashes{$signal}" . ($said ? ": $said" : '');
}

1;
