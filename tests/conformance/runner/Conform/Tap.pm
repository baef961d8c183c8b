# SPDX-License-Identifier: BSD-2-Clause
package Conform::Tap;

# What the guest prints, taken apart: plan, results with their YAML blocks, cases of a list, requests to the
# host, the last line. Whatever else stands on the console is passed over.

use v5.36;
use Time::HiRes qw(time);

# $receive is called with each thing: a hash with `type`.
sub new ($class, $receive) {
	return bless { receive => $receive, rest => '', result => undef, yaml => 0 }, $class;
}

# Takes more of the console.
sub take ($self, $text) {
	$self->{rest} .= $text;
	while ($self->{rest} =~ s/\A([^\n]*)\n//) {
		# Terminals' sequences and the return before a new line are no text.
		$self->line($1 =~ s{\r|\e\[[0-9;=?]*[A-Za-z]}{}gr);
	}
	return;
}

# The guest will say no more.
sub finish ($self) {
	$self->take("\n") if length $self->{rest};
	$self->flush;
	return;
}

# A result is complete when the line behind it is not the begin of its block, or when that ends.
sub flush ($self) {
	my $result = delete $self->{result} or return;
	$self->{yaml} = 0;
	my $text = join "\n", @{ $result->{yaml} };
	my %seen;
	$result->{clauses} = [ grep { !$seen{$_}++ } $text =~ /\b((?:DEV|DRV)-[A-Z0-9-]+-\d+)\b/g ];
	$result->{$_} = $text =~ /^ *$_: *(.*)$/m ? $1 =~ s/\A"(.*)"\z/$1/sr : undef for qw(expected seen security features flaky);
	$result->{is} = $self->{is}{ $result->{device} };
	$self->{receive}->($result);
	return;
}

sub line ($self, $line) {
	if ($self->{yaml}) {
		if ($line =~ /^ +\.\.\.\s*$/) {
			$self->flush;
			return;
		}
		if ($line =~ /^ /) {
			push @{ $self->{result}{yaml} }, $line =~ s/^  //r;
			return;
		}
	} elsif ($self->{result} && $line =~ /^ +---\s*$/) {
		$self->{yaml} = 1;
		return;
	}
	if ($line =~ /^# ringside-host: (\d+) (\d+) (\S+) ?(.*)$/) {
		$self->{receive}->({ type => 'request', version => $1, id => $2, verb => $3, words => [ split ' ', $4 ] });
	} elsif ($line =~ /^(not )?ok (\d+)(?: - | )(.*?)(?: # (SKIP|TODO)\b\s*(.*))?$/) {
		my %result = (type => 'result', number => $2, text => $3, directive => $4 // '', reason => $5 // '', yaml => [], at => time);
		$result{verdict} = !$1 ? ($result{directive} eq 'SKIP' ? 'skipped' : 'passed') : $result{directive} eq 'TODO' ? 'expected' : 'failed';
		@result{qw(case device configuration claim)} = $result{text} =~ /^(\S+) (\S+) (\S+): (.*)$/ ? ($1, $2, $3, $4) : ($result{text}, '-', '-', '');
		$self->flush;
		$self->{result} = \%result;
	} elsif ($line =~ /^1\.\.(\d+)/) {
		$self->flush;
		$self->{receive}->({ type => 'plan', total => $1 });
	} elsif ($line =~ /^# device (\S+) (\w+)$/) {
		$self->{is}{$1} = $2;
	} elsif ($line =~ /^# case (\d+) (\S+) (\S+) (\S+) (\S+) (\S+): (.*)$/) {
		$self->{receive}->({
			type => 'case', number => $1, case => $2, device => $3, configuration => $4, kind => $5,
			clauses => [ $6 eq '-' ? () : split /,/, $6 ], claim => $7,
		});
	} elsif ($line =~ /^# ringside: conform: (\d+ passed, .*)$/) {
		$self->flush;
		$self->{receive}->({ type => 'end', text => $1 });
	} elsif ($line =~ /^Bail out!\s*(.*)$/) {
		$self->flush;
		$self->{receive}->({ type => 'bail', text => $1 });
	}
	return;
}

1;
