# SPDX-License-Identifier: BSD-2-Clause
package Conform::Report;

# What a person, a harness and a CI system get to read: TAP or a progress line, JUnit's XML, JSON.

use v5.36;
use Conform::Host qw(write_file shell_words);
use JSON::PP      ();
use Time::HiRes   qw(time);

use constant VERDICTS => qw(passed failed expected skipped);

# Options: terminal, program and again (words that start a rerun), owes (a function of a result, or undef), and what
# goes into the files: vmm, image.
sub new ($class, %options) {
	return bless {
		number => 0, results => [], configurations => {}, started => time, notes => [],
		count => { map { $_ => 0 } VERDICTS }, surprises => 0, flaky => 0, %options,
	}, $class;
}

sub begin ($self, @names) {
	$self->{order} = \@names;
	$self->{configurations}{$_} = { name => $_, total => 0, done => 0 } for @names;
	print "TAP version 13\n" unless $self->{terminal};
	return;
}

# A message of a configuration, as it comes.
sub take ($self, $message) {
	my $configuration = $self->{configurations}{ $message->{of} };
	if ($message->{type} eq 'plan') {
		$configuration->{total} = $message->{total};
	} elsif ($message->{type} eq 'result') {
		$configuration->{done}++;
		$self->count($message);
		push @{ $self->{results} }, $message;
		$self->print_result($message);
	} elsif ($message->{type} eq 'note') {
		$self->say_line("# $message->{text}");
	} elsif ($message->{type} eq 'done') {
		@$configuration{qw(boots seconds skipped ended)} = (@$message{qw(boots seconds skipped)}, 1);
		$self->say_line("# $configuration->{name}: cannot be here: $message->{skipped}") if defined $message->{skipped};
	}
	$self->progress;
	return;
}

sub count ($self, $result) {
	$self->{count}{ $result->{verdict} }++;
	$self->{surprises}++ if $result->{surprise};
	$self->{flaky}++     if $result->{flaky};
	$result->{rerun} = $self->rerun($result) if $result->{verdict} =~ /^(?:failed|expected)$/;
	$result->{owes}  = $self->{owes}->($result) if $self->{owes};
	return;
}

# The line that runs just this case again.
sub rerun ($self, $result) {
	my @words = (@{ $self->{again} }, '--config', $result->{configuration});
	push @words, '--device', $result->{device} if $result->{device} ne '-';
	push @words, '--only', $result->{case} unless $result->{case} =~ /^(?:start|end)_of_run$/;
	return shell_words(@words);
}

sub print_result ($self, $result) {
	my $loud = $result->{verdict} eq 'failed' || $result->{surprise} || $result->{flaky};
	return if $self->{terminal} && !$loud;
	$self->{number}++;
	my $text = "$result->{case} $result->{device} $result->{configuration}: $result->{claim}" =~ s/: \z//r;
	$text .= " [$result->{owes}]" if $result->{owes};
	my $bad   = $result->{verdict} =~ /^(?:failed|expected)$/;
	my $line  = ($bad ? 'not ok' : 'ok') . " $self->{number} - $text";
	$line .= " # SKIP $result->{reason}"   if $result->{verdict} eq 'skipped';
	$line .= " # TODO $result->{reason}"   if $result->{verdict} eq 'expected';
	$line .= " # TODO $result->{surprise}" if $result->{surprise};
	my @block = @{ $result->{yaml} };
	push @block, "flaky: $result->{flaky}"  if $result->{flaky} && !grep { $_ eq "flaky: $result->{flaky}" } @block;
	push @block, "rerun: $result->{rerun}"  if $result->{rerun};
	$self->clear;
	if ($self->{terminal}) {
		my $word = $result->{surprise} ? 'PASSED' : $result->{flaky} ? 'FLAKY' : 'FAILED';
		print "$word $text", $result->{surprise} ? " ($result->{surprise})" : '', "\n", map { "    $_\n" } @block;
	} else {
		print "$line\n";
		print "  ---\n", map({ "  $_\n" } @block), "  ...\n" if @block && ($bad || $loud || @{ $result->{yaml} });
	}
	return;
}

sub say_line ($self, $text) {
	$self->clear;
	print "$text\n";
	return;
}

# -- The line on a terminal that says how far it is.
sub clear ($self) {
	print "\r\e[K" if $self->{terminal} && $self->{shown};
	$self->{shown} = 0;
	return;
}

sub progress ($self) {
	return unless $self->{terminal};
	return if $self->{shown} && time - ($self->{drawn} // 0) < 0.1;
	my @running = grep { $_->{done} && !$_->{ended} } map { $self->{configurations}{$_} } @{ $self->{order} };
	my $over    = grep { $_->{ended} } values %{ $self->{configurations} };
	$self->clear;
	print join '  ', "$over/" . @{ $self->{order} }, map({ "$_->{name} $_->{done}/$_->{total}" } @running), "$self->{count}{failed} failed";
	STDOUT->flush;
	@$self{qw(shown drawn)} = (1, time);
	return;
}

# -- The end
sub summary ($self) {
	return join ', ', map { "$self->{count}{$_} $_" } VERDICTS;
}

sub end ($self) {
	$self->clear;
	my @configurations = map { $self->{configurations}{$_} } @{ $self->{order} };
	my $boots = 0;
	$boots += $_->{boots} // 0 for @configurations;
	print "1..$self->{number}\n" unless $self->{terminal};
	my @security = grep { $_->{security} && $_->{verdict} eq 'failed' } @{ $self->{results} };
	print '# ', scalar @security, " of the failures are security relevant: ", join(', ', map { $_->{case} } @security), "\n" if @security;
	print "# $self->{surprises} were expected to fail and passed: mend the list of what is expected\n" if $self->{surprises};
	print "# flaky: $_->{case} $_->{device} $_->{configuration}: $_->{flaky}\n" for grep { $_->{flaky} } @{ $self->{results} };
	printf "# %d configurations, %d boots, %.1f s\n", scalar(grep { !defined $_->{skipped} } @configurations), $boots, time - $self->{started};
	print '# ringside-conform: ', $self->summary, "\n";
	return;
}

# Did all go well? What did not run at all has not.
sub status ($self) {
	my $ran = $self->{count}{passed} + $self->{count}{expected} + $self->{count}{failed} + $self->{count}{skipped};
	return $self->{count}{failed} || !$ran ? 1 : 0;
}

sub write_json ($self, $path) {
	my @configurations = map {
		my $configuration = $self->{configurations}{$_};
		+{
			name => $_, boots => 0 + ($configuration->{boots} // 0), seconds => 0 + sprintf('%.2f', $configuration->{seconds} // 0),
			defined $configuration->{skipped} ? (skipped => $configuration->{skipped}) : (),
		}
	} @{ $self->{order} };
	my @results = map {
		my $result = $_;
		+{
			(map { $_ => $result->{$_} } qw(case device configuration claim verdict clauses)),
			number => 0 + $result->{number}, defined $result->{seconds} ? (seconds => 0 + sprintf('%.3f', $result->{seconds})) : (),
			map { defined $result->{$_} && length $result->{$_} ? ($_ => $result->{$_}) : () }
			  qw(reason expected seen features security surprise flaky owes rerun),
		}
	} @{ $self->{results} };
	write_file($path, JSON::PP->new->canonical->pretty->encode({
		program => 'ringside-conform', version => 1, vmm => $self->{vmm}, seconds => 0 + sprintf('%.2f', time - $self->{started}),
		totals => { %{ $self->{count} }, surprises => $self->{surprises}, flaky => $self->{flaky} },
		configurations => \@configurations, results => \@results,
	}));
	return;
}

my %entities = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;', "\n" => '&#10;');

sub xml ($text) { return $text =~ s/[^\t\n -~]/?/gr =~ s/[&<>"\n]/$entities{$&}/gr }

# Each configuration is a suite, each device a class. What is expected to fail is there as skipped.
sub write_junit ($self, $path) {
	my @suites;
	for my $name (@{ $self->{order} }) {
		my @results = grep { $_->{configuration} eq $name } @{ $self->{results} };
		my %count = map { $_ => 0 } VERDICTS;
		my @cases;
		for my $result (@results) {
			$count{ $result->{verdict} }++;
			my $inside = '';
			my $details = xml(join "\n", @{ $result->{yaml} }, $result->{rerun} ? "rerun: $result->{rerun}" : ());
			if ($result->{verdict} eq 'failed') {
				my $type = $result->{security} ? 'security' : 'failure';
				$inside = sprintf '<failure type="%s" message="%s">%s</failure>', $type, xml($result->{seen} // $result->{claim}), $details =~ s/&#10;/\n/gr;
			} elsif ($result->{verdict} ne 'passed') {
				$inside = sprintf '<skipped message="%s"/>', xml($result->{reason});
			}
			push @cases, sprintf qq(    <testcase classname="%s" name="%s" time="%.3f">%s</testcase>\n),
			  map({ xml($_) } "$name.$result->{device}", $result->{case}), $result->{seconds} // 0, $inside;
		}
		push @suites, sprintf(qq(  <testsuite name="%s" tests="%d" failures="%d" skipped="%d" time="%.2f">\n),
			xml($name), scalar @results, $count{failed}, $count{skipped} + $count{expected}, $self->{configurations}{$name}{seconds} // 0),
		  @cases, "  </testsuite>\n";
	}
	write_file($path, join '', qq(<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="ringside-conform">\n), @suites, "</testsuites>\n");
	return;
}

1;
