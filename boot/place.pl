#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# place.pl IMAGE.debug IMAGE.bin: where things are in the image, as -D words for the code that carries it.
use strict;
use warnings;

my ($debug, $flat) = @ARGV;
my %at;
open my $nm, '-|', 'nm', $debug or die "nm: $!\n";
while (<$nm>) {
	# Addresses are in the top 2 GiB: the low half is enough.
	$at{$2} = hex substr $1, 8 if /^(\w{16}) \w (\w+)$/;
}
close $nm or die "nm $debug failed\n";

my $size = -s $flat;
my @words = ("-DIMAGE_FILE=$size", '-DPAYLOAD_SIZE=' . ($size + 4096));
for ([IMAGE_MEMORY => 'image_end'], [ENTRY32 => 'linux32_entry'], [ENTRY64 => 'linux64_entry'],
	[ENTRY_EFI => 'efi_entry']) {
	my ($word, $symbol) = @$_;
	defined $at{$symbol} or die "$debug has no $symbol\n";
	push @words, "-D$word=" . ($at{$symbol} - $at{image_start});
}
print "@words\n";
