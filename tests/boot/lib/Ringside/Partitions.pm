# SPDX-License-Identifier: BSD-2-Clause
package Ringside::Partitions;

# Partition tables written by hand, so that what the guest reads was not made by its own rules.

use v5.36;
use Exporter qw(import);

our @EXPORT_OK = qw(mbr gpt);

use constant SECTOR => 512;

# Each entry: [type, first, count]; the place is a byte offset. Writes the table of one sector.
sub table ($disk, $sector, @entries) {
	my $table = join '', map { pack 'C C3 C C3 V V', 0, 0, 0, 0, $_->[0], 0, 0, 0, $_->[1], $_->[2] } @entries;
	substr($$disk, $sector * SECTOR + 446, 66) = pack 'a64 v', $table, 0xaa55;
	return;
}

# Two primary ones, and an extended one with two logical ones: numbers 1, 2, 3, 5, 6.
sub mbr ($disk) {
	table($disk, 0, [ 0x83, 2048, 4096 ], [ 0x0c, 8192, 2048 ], [ 0x05, 16384, 16384 ]);
	table($disk, 16384, [ 0x83, 2048, 1000 ], [ 0x05, 8192, 8192 ]);
	table($disk, 24576, [ 0x82, 63, 2000 ]);
	return;
}

sub crc32 ($data) {
	state @steps = map { my $c = $_; $c = $c & 1 ? 0xedb88320 ^ $c >> 1 : $c >> 1 for 1 .. 8; $c } 0 .. 255;
	my $crc = 0xffffffff;
	$crc = $steps[ ($crc ^ $_) & 255 ] ^ $crc >> 8 for unpack 'C*', $data;
	return $crc ^ 0xffffffff;
}

# One copy of the header; its entries' sum is given.
sub header ($place, $other, $entries, $sum, $last) {
	my $header = pack 'a8 V V V V Q< Q< Q< Q< a16 Q< V V V', 'EFI PART', 0x10000, 92, 0, 0, $place, $other, 34, $last,
	  'ringside-test-id', $entries, 128, 128, $sum;
	substr($header, 16, 4) = pack 'V', crc32($header);
	return pack 'a512', $header;
}

# Each partition: [first, last, name]. Both headers, both copies of the entries, and the protective MBR.
sub gpt ($disk, @partitions) {
	my $last    = length($$disk) / SECTOR - 1;
	my $type    = pack 'H32', 'af3dc60f838472478e793d69d8477de4';    # Linux file system
	my $entries = pack 'a16384', join '',
	  map { pack 'a16 a16 Q< Q< Q< a72', $type, "id-$_->[2]", $_->[0], $_->[1], 0, join('', map { pack 'v', ord } split //, $_->[2]) } @partitions;
	my $sum = crc32($entries);
	table($disk, 0, [ 0xee, 1, $last ]);
	substr($$disk, SECTOR, SECTOR)               = header(1, $last, 2, $sum, $last - 33);
	substr($$disk, 2 * SECTOR, 16384)            = $entries;
	substr($$disk, ($last - 32) * SECTOR, 16384) = $entries;
	substr($$disk, $last * SECTOR, SECTOR)       = header($last, 1, $last - 32, $sum, $last - 33);
	return;
}

1;
