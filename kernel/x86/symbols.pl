#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Makes the table of function names for stack traces from `nm -n`: offsets from the start of the image, sorted, and
# the names in the same order. What begins with many names' words ("conformance_", "virtio_") is one byte from 0x80
# on instead: `symbol_words` has what it stands for.
use strict;
use warnings;

use constant WORDS => 128;

my (@offsets, @names, %count);
my $last = '';
while (<>) {
	my ($address, $type, $name) = split;
	next if !defined $name || $type !~ /^[tT]$/ || $name =~ /^\./ || $address eq $last;
	# Bounds of linker.ld are no functions.
	next if $name =~ /^(module|cold)_\w+_(start|end)$/;
	$last = $address;
	push @offsets, substr $address, 8;
	push @names, $name;
	$count{$_}++ for $name =~ /[A-Za-z0-9]+_?|_+/g;
}

# What each saves: its length less the byte, each time, less its place in the list of words.
sub saved { return $count{$_[0]} * (length($_[0]) - 1) - length($_[0]) - 1 }
my @words = (sort { saved($b) <=> saved($a) || $a cmp $b } keys %count)[0 .. WORDS - 1];
@words = grep { defined && saved($_) > 0 } @words;
my %byte = map { $words[$_] => sprintf '\\%03o', 0x80 + $_ } 0 .. $#words;

print "\t.section .symbols, \"a\", \@progbits\n\t.balign 8\n";
print "\t.globl symbol_count, symbol_offsets, symbol_words, symbol_names\n";
printf "symbol_count:\n\t.quad %d\n", scalar @names;
print "symbol_offsets:\n", map { "\t.long 0x$_\n" } @offsets;
print "symbol_words:\n",   map { "\t.asciz \"$_\"\n" } @words;
print "symbol_names:\n";
for my $name (@names) {
	my $text = join '', map { $byte{$_} // $_ } $name =~ /[A-Za-z0-9]+_?|_+|[^A-Za-z0-9_]+/g;
	print "\t.asciz \"$text\"\n";
}
print "\t.section .note.GNU-stack, \"\", \@progbits\n";
