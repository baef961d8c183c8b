#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# What the cold parts of an image (kernel/cold/cold.h) need at its build:
#
#	pack.pl check LINKED GATES	nothing refers to a cold part but what GATES names; LINKED has its relocations
#	pack.pl room LINKED		an assembler file with as much room as the packed parts need, and a little more
#	pack.pl elf LINKED ELF		the image: its loadable part, the cold parts packed into it
#	pack.pl flat ELF FLAT		the same as it lies in memory, without the zeroes at its end
use strict;
use warnings;
no warnings 'portable';
use Compress::Raw::Zlib qw(crc32);
use File::Temp qw(tempfile);

use constant {
	PT_LOAD      => 1,
	PAGE         => 4096,
	COLD_VIRTUAL => 0xffffffff90000000,
	# The second link moves variables, so the code of the cold parts is packed to a size that differs a little.
	SPARE => 1024,
};

sub slurp {
	my ($path) = @_;
	open my $file, '<:raw', $path or die "pack: $path: $!\n";
	local $/;
	return scalar <$file>;
}

# All at once: a machine may be about to boot what was there before.
sub spill {
	my ($path, $bytes, $mode) = @_;
	open my $file, '>:raw', "$path.new" or die "pack: $path.new: $!\n";
	print $file $bytes;
	close $file or die "pack: $path.new: $!\n";
	chmod $mode, "$path.new" if $mode;
	rename "$path.new", $path or die "pack: $path: $!\n";
}

# An ELF file: its bytes, program headers, sections by name, and symbols by name.
sub read_elf {
	my ($path) = @_;
	my $elf = { path => $path, bytes => slurp($path) };
	substr($elf->{bytes}, 0, 6) eq "\x7fELF\x02\x01" or die "pack: $path is no ELF file\n";
	my ($phoff, $shoff, $phnum, $shnum, $names) = (unpack 'Q<Q<L<SSSSSS', substr $elf->{bytes}, 32, 32)[ 0, 1, 5, 7, 8 ];
	for my $i (0 .. $phnum - 1) {
		my %header;
		@header{qw(type flags offset virtual physical in_file in_memory align)} =
			unpack 'L<L<Q<6', substr $elf->{bytes}, $phoff + 56 * $i, 56;
		push @{ $elf->{headers} }, \%header;
	}
	my @sections = map { [ unpack 'L<L<Q<4', substr $elf->{bytes}, $shoff + 64 * $_, 40 ] } 0 .. $shnum - 1;
	for (@sections) {
		my ($name, $type, undef, $address, $offset, $size) = @$_;
		$elf->{sections}{ unpack 'Z*', substr $elf->{bytes}, $sections[$names][4] + $name } =
			{ type => $type, address => $address, offset => $offset, size => $size };
	}
	return $elf;
}

sub section_bytes {
	my ($elf, $name) = @_;
	my $section = $elf->{sections}{$name} or return '';
	return substr $elf->{bytes}, $section->{offset}, $section->{size};
}

# Each symbol's address.
sub symbols {
	my ($elf) = @_;
	my ($table, $names) = map { section_bytes($elf, $_) } '.symtab', '.strtab';
	my %at;
	for my $i (1 .. length($table) / 24 - 1) {
		my ($name, $section, $value) = (unpack 'L<CCSQ<', substr $table, 24 * $i, 16)[ 0, 3, 4 ];
		$at{ unpack 'Z*', substr $names, $name } = $value if $section;
	}
	return \%at;
}

# The parts in the order of their addresses.
sub parts {
	my ($at) = @_;
	my @parts = map { /^cold_(\w+)_start$/ ? { name => $1, start => $at->{$_}, end => $at->{"cold_$1_end"}, data_end => $at->{"cold_$1_data_end"} } : () } keys %$at;
	return sort { $a->{start} <=> $b->{start} || $a->{end} <=> $b->{end} || $a->{name} cmp $b->{name} } @parts;
}

# -- Who refers to what

sub check {
	my ($path, $gates) = @_;
	my $elf = read_elf($path);
	my $at = symbols($elf);
	my @parts = parts($at);
	my $region = sub {
		my ($address) = @_;
		return '' if $address < COLD_VIRTUAL;
		for (@parts) { return $_->{name} if $address >= $_->{start} && $address < $_->{end} }
		return '';
	};

	my %allowed;
	for (split /\n/, slurp($gates)) {
		next if /^\s*(#|$)/;
		/^\w+ (?:from table|from part|at function) \w+$/ or die "pack: $gates: $_?\n";
		$allowed{$_} = 1;
	}
	my @tables = map { /^__start_table_(\w+)$/ ? [ $1, $at->{$_}, $at->{"__stop_table_$1"} ] : () } keys %$at;
	my @code = sort { $a->[0] <=> $b->[0] } map { [ $at->{$_}, $_ ] } grep { !/^(\.|cold_\w+_(start|end)$)/ } keys %$at;
	my $near = sub {
		my ($address) = @_;
		my ($low, $high) = (0, $#code);
		while ($low < $high) {
			my $middle = int(($low + $high + 1) / 2);
			if ($code[$middle][0] <= $address) { $low = $middle }
			else                               { $high = $middle - 1 }
		}
		return sprintf '%s+%#x', $code[$low][1], $address - $code[$low][0];
	};

	my ($symbols, $strings) = map { section_bytes($elf, $_) } '.symtab', '.strtab';
	my (%wrong, $count, %known);
	for my $name (sort keys %{ $elf->{sections} }) {
		my ($section) = $name =~ /^\.rela(\..*)$/ or next;
		next if $section =~ /^\.debug/;
		for (unpack '(a24)*', section_bytes($elf, $name)) {
			my ($place, $type, $symbol, $addend) = unpack 'Q<L<L<q<', $_;
			my ($name_at, $value) = (unpack 'L<CCSQ<', substr $symbols, 24 * $symbol, 16)[ 0, 4 ];
			my $name = unpack 'Z*', substr $strings, $name_at;
			my $target = $value + $addend;
			# PC32 and PLT32 count from behind the field.
			$target += 4 if $type == 2 || $type == 4;
			$count++;
			my ($from, $to) = ($region->($place), $region->($target));
			$known{$1} = $place if $name =~ /^cold_(\w+)_start$/;
			next if $to eq '' || $from eq $to || $name =~ /^cold_\w+_(start|end)$/;
			my ($table) = grep { $place >= $_->[1] && $place < $_->[2] } @tables;
			my @ways = ($from ne '' ? "$to from part $from" : (), $table ? "$to from table $table->[0]" : (),
				$name ne '' ? "$to at function $name" : ());
			next if grep { $allowed{$_} } @ways;
			$wrong{ $near->($place) . ' refers to ' . $near->($target) . " in the cold part $to" }++;
		}
	}
	$count or die "pack: $path has no relocations\n";
	# The table of cold.c has them all, in the order in which they are packed.
	my $last = 0;
	for my $name (map { $_->{end} > $_->{start} ? $_->{name} : () } @parts) {
		($known{$name} // 0) > $last or die "ringside: the table of kernel/cold/cold.c has no $name at its place\n";
		$last = $known{$name};
	}
	print STDERR "ringside: $_\n" for sort keys %wrong;
	die "ringside: no gate of $gates is for this (kernel/cold/cold.h)\n" if %wrong;
}

# -- Packing

sub compress {
	my ($bytes) = @_;
	return '' if $bytes eq '';
	my ($file, $name) = tempfile(UNLINK => 1);
	binmode $file;
	print $file $bytes;
	close $file or die "pack: $name: $!\n";
	# As cold.c unpacks it.
	my $packed = qx(xz --format=raw --lzma1=preset=9e,lc=3,lp=0,pb=0,dict=1MiB --stdout $name);
	$? and die "pack: xz failed\n";
	return $packed;
}

# struct packed of each part, then what they point to.
sub packed {
	my ($elf) = @_;
	my @parts = parts(symbols($elf));
	my ($list, $streams) = ('', '');
	for my $part (@parts) {
		my $size = $part->{data_end} - $part->{start};
		my $bytes = "\0" x $size;
		for my $kind (qw(text rodata data)) {
			my $section = $elf->{sections}{".cold_$part->{name}_$kind"} or next;
			substr $bytes, $section->{address} - $part->{start}, $section->{size}, section_bytes($elf, ".cold_$part->{name}_$kind");
		}
		my $stream = compress($bytes);
		$list .= pack 'L<4', 16 * @parts + length $streams, length $stream, $size, $size ? crc32($bytes) : 0;
		$streams .= $stream;
	}
	return $list . $streams;
}

sub room {
	my ($path) = @_;
	printf "\t.section .packed, \"a\", \@progbits\n\t.balign 16\n\t.skip %d\n\t.section .note.GNU-stack, \"\", \@progbits\n",
		length(packed(read_elf($path))) + SPARE;
}

# -- Images

sub elf {
	my ($path, $to) = @_;
	my $elf = read_elf($path);
	my $room = $elf->{sections}{'.packed'} or die "pack: $path has no .packed\n";
	my $packed = packed($elf);
	length $packed <= $room->{size} or die "pack: the cold parts need ", length $packed, " bytes, and $path has room for $room->{size}\n";
	substr $elf->{bytes}, $room->{offset}, length $packed, $packed;

	# Of parts that are empty there are headers without an address.
	my @headers = grep { $_->{in_memory} && $_->{virtual} < COLD_VIRTUAL } @{ $elf->{headers} };
	my ($head, $out) = (substr($elf->{bytes}, 0, 64), "\0" x (64 + 56 * @headers));
	my @loaded = grep { $_->{type} == PT_LOAD } @headers;
	for my $header (@loaded) {
		my $bytes = substr $elf->{bytes}, $header->{offset}, $header->{in_file};
		$out .= "\0" x (($header->{virtual} - length $out) % PAGE);
		$header->{moved} = length($out) - $header->{offset};
		$out .= $bytes;
	}
	# The note lies in a segment that is loaded.
	for my $header (@headers) {
		my ($around) = grep { $header->{virtual} >= $_->{virtual} && $header->{virtual} < $_->{virtual} + $_->{in_memory} } @loaded;
		$header->{offset} += $around->{moved} if $header->{type} != PT_LOAD;
	}
	$_->{offset} += $_->{moved} for @loaded;
	substr $head, 32, 8, pack 'Q<', 64;                           # program headers
	substr $head, 40, 8, pack 'Q<', 0;                            # no sections
	substr $head, 56, 8, pack 'SSSS', scalar @headers, 0, 0, 0;
	substr $out, 0, 64 + 56 * @headers, $head . join '', map { pack 'L<L<Q<6', @$_{qw(type flags offset virtual physical in_file in_memory align)} } @headers;
	spill($to, $out, 0755);
}

sub flat {
	my ($path, $to) = @_;
	my $elf = read_elf($path);
	my $out = '';
	for (grep { $_->{type} == PT_LOAD } @{ $elf->{headers} }) {
		my $at = $_->{virtual} - $elf->{headers}[0]{virtual};
		$out .= "\0" x ($at - length $out);
		$out .= substr $elf->{bytes}, $_->{offset}, $_->{in_file};
	}
	spill($to, $out);
}

my %jobs = (check => \&check, room => \&room, elf => \&elf, flat => \&flat);
my $job = $jobs{ shift // '' } or die "pack.pl check|room|elf|flat FILE ...\n";
$job->(@ARGV);
