#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Costs that are the same in every run are those of the table tests/bench/counts: a kick, an interrupt or a register
# access more or less is a failure, and so are two instructions in a hundred. `make counts` writes the table anew.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Counts;
use Test::More;

use constant INSTRUCTIONS => 0.02;

# What differs in a column, as text; nothing when it is the same.
sub difference ($column, $kept, $seen) {
	return if !defined $kept && !defined $seen;
	return "$column: not in the table, now $seen" if !defined $kept;
	return "$column: $kept in the table, now not counted" if !defined $seen;
	my $room = $column eq 'instructions' ? INSTRUCTIONS * $kept : 0;
	return abs($seen - $kept) > $room ? "$column: $kept in the table, now $seen" : ();
}

is(difference('kicks', 1, 2), 'kicks: 1 in the table, now 2', 'a kick more is seen');
is(difference('kicks', 1, 0), 'kicks: 1 in the table, now 0', 'and one less');
is(difference('instructions', 100, 102), undef, 'two instructions of a hundred are not');
is(difference('instructions', 100, 103), 'instructions: 100 in the table, now 103', 'three are');
is(difference('accesses', undef, 0), 'accesses: not in the table, now 0', 'so is what is not in the table');
is(difference('accesses', 5, undef), 'accesses: 5 in the table, now not counted', 'and what is not counted any more');

my $file = "$FindBin::Bin/../bench/counts";
my %kept = Ringside::Counts::read_table($file);
my %seen = Ringside::Counts::measure();
my $copy = Ringside::Counts::write_table("$FindBin::Bin/../../build/test/counts", %seen);
is_deeply({ Ringside::Counts::read_table($copy) }, \%seen, 'a table that is written is read as it was');

for my $name (sort { $a cmp $b } keys %{ { %kept, %seen } }) {
	my $lines = join '; ', map { difference($_, $kept{$name}{$_}, $seen{$name}{$_}) } @Ringside::Counts::COLUMNS;
	is($lines, '', $name);
}

done_testing;
