# SPDX-License-Identifier: BSD-2-Clause
package Conform::Expected;

# Known deviations of a VMM: a file with one a line,
#
#	CASE-GLOB DEVICE/CONFIGURATION-GLOB CLAUSE reason or URL
#
# where DEVICE is its address as TAP has it, or what it is ("block"), a single * is everywhere, and CLAUSE is one that the failure must
# name, or "-" for any. A reason that begins with "hangs" or "aborts" leaves the case out on that device, as skipped: it would
# only cost the run its patience. One that begins with "waits" is about what never comes: the guest waits for it a shorter time. One that begins with "sometimes" is about what chance decides: a pass is no surprise then, nor is
# a verdict that changes. Empty lines and those with # in front are passed over.

use v5.36;
use Conform::Host qw(read_file glob_pattern);

sub new ($class, $path = undef) {
	my @entries;
	if (defined $path) {
		my $number = 0;
		for my $line (split /\n/, read_file($path) // die "$path: $!\n") {
			$number++;
			next if $line =~ /^\s*(?:#|$)/;
			my ($case, $place, $clause, $reason) = $line =~ m{^(\S+)\s+(\*|\S+/\S+)\s+(\S+)\s+(\S.*?)\s*$}
			  or die "$path:$number: not CASE-GLOB DEVICE/CONFIGURATION-GLOB CLAUSE REASON\n";
			$place = '*/*' if $place eq '*';
			push @entries, {
				case => glob_pattern($case), place => glob_pattern($place), clause => $clause, reason => $reason,
				text => "$case $place $clause",
			};
		}
	}
	return bless { entries => \@entries, like => {} }, $class;
}

# What is known of the one configuration holds in the other too.
sub like ($self, $configuration, $other) {
	$self->{like}{$configuration} = $other;
	return;
}

sub names ($self, $configuration) {
	return grep { defined } $configuration, $self->{like}{$configuration};
}

# Globs CASE@DEVICE for conform.leave= and conform.brief= in this configuration: of the entries whose reason begins like that.
sub globs ($self, $configuration, $begin) {
	my %globs;
	for my $entry (grep { $_->{reason} =~ /^(?:$begin)/ } @{ $self->{entries} }) {
		my ($case, $device, $where) = $entry->{text} =~ m{^(\S+) (\*|[^/ ]+)(?:/(\S+))?};
		$globs{"$case\@$device"} = 1 if grep { $_ =~ glob_pattern($where // '*') } $self->names($configuration);
	}
	return sort keys %globs;
}

# What is not to be run.
sub left ($self, $configuration) { return $self->globs($configuration, 'hangs|aborts') }

# What is known to wait in vain.
sub brief ($self, $configuration) { return $self->globs($configuration, 'waits') }

# The entries that are about this case in this place.
sub about ($self, $result) {
	my @places;
	for my $device (grep { defined } @$result{qw(device is)}) {
		push @places, map { "$device/$_" } $self->names($result->{configuration});
	}
	return grep {
		my $entry = $_;
		$result->{case} =~ $entry->{case} && grep { $_ =~ $entry->{place} } @places;
	} @{ $self->{entries} };
}

# The entry that this result falls under.
sub find ($self, $result) {
	my %clauses = map { $_ => 1 } @{ $result->{clauses} };
	for my $entry ($self->about($result)) {
		return $entry if $entry->{clause} eq '-' || $clauses{ $entry->{clause} };
	}
	return;
}

# A pass names no clauses in TAP. Must they be known to judge it?
sub wants_clauses ($self, $result) {
	return $result->{verdict} eq 'passed' && !@{ $result->{clauses} } && grep { $_->{clause} ne '-' && $_->{reason} !~ /^sometimes/ } $self->about($result);
}

# A failure that leaves nothing behind: what was waited for has not come.
sub harmless ($self, $result) { return ($self->find($result) // { reason => '' })->{reason} =~ /^waits/ }

# Turns a failure that is known into an expected one, and marks a pass that was not expected.
sub apply ($self, $result) {
	return if $result->{verdict} !~ /^(?:passed|failed)$/;
	my $entry     = $self->find($result) // return;
	my $by_chance = $entry->{reason} =~ /^sometimes/;
	if ($by_chance) {
		delete $result->{flaky};
	} elsif ($result->{flaky}) {
		return;
	}
	if ($result->{verdict} eq 'failed') {
		@$result{qw(verdict reason)} = ('expected', "expected: $entry->{reason}");
	} elsif (!$by_chance) {
		$result->{surprise} = "expected to fail: $entry->{reason}";
	}
	return;
}

1;
