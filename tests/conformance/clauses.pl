#!/usr/bin/perl
# Makes the C table of clauses that the image carries from the index: clauses.pl clauses.tsv >clauses.c
use strict;
use warnings;

my $header = <>;
my @names = split /\t/, $header =~ s/\n//r;
my %column = map { $names[$_] => $_ } 0 .. $#names;
my %clauses;
while (my $line = <>) {
	chomp $line;
	my @fields = split /\t/, $line, -1;
	my ($id, $section, $level, $since) = @fields[@column{qw(id section level since)}];
	die "clauses.tsv:$.: `$id` is there twice\n" if $clauses{$id};
	$since =~ /^1\.([0-4])/ or die "clauses.tsv:$.: `$since` is no version from 1.0 to 1.4\n";
	$clauses{$id} = [$section, $level, $1];
}

sub quoted { return '"' . ($_[0] =~ s/(["\\])/\\$1/gr) . '"' }

print "/* Made from tests/conformance/clauses.tsv: do not edit. */\n#include \"tests/conformance/core/clauses.h\"\n\n";
print "const struct conformance_clause conformance_clauses[] = {\n";
print "\t{", join(', ', quoted($_), quoted($clauses{$_}[0]), quoted($clauses{$_}[1]), $clauses{$_}[2]), "},\n"
	for sort keys %clauses;
print "};\nconst size_t conformance_clause_count = sizeof(conformance_clauses) / sizeof(conformance_clauses[0]);\n";
