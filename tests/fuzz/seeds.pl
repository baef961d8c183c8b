#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# seeds.pl [PATTERN]: makes tests/fuzz/seeds/NAME of build/fuzz/corpus/NAME and what is there: the few small
# inputs that together reach what all of them do. libFuzzer's merge says what each one reaches.

use v5.36;
use Digest::SHA 'sha1_hex';
use File::Copy 'copy';
use FindBin;

use constant { MOST => 48, LARGEST => 2048 };

chdir "$FindBin::Bin/../.." or die "$FindBin::Bin: $!\n";
my $pattern = shift // '';

# File => { feature => 1 }, of a merge's control file. Eight features are one edge, by how often it was taken.
sub features ($target) {
	my $control = "build/fuzz/logs/$target.control";
	my $empty   = "build/fuzz/logs/$target.empty";
	unlink $control;
	mkdir 'build/fuzz/logs';
	mkdir $empty;
	unlink glob "$empty/*";
	my @folders = grep { -d } "tests/fuzz/seeds/$target", "build/fuzz/corpus/$target";
	return if !@folders;
	system("nice -n 10 build/fuzz/$target -set_cover_merge=1 -merge_control_file=$control $empty @folders >build/fuzz/logs/$target.merge 2>&1")
	  == 0 or die "fuzz: build/fuzz/$target does not merge: build/fuzz/logs/$target.merge\n";
	open my $file, '<', $control or die "$control: $!\n";
	my ($count, undef) = (scalar <$file>, scalar <$file>);
	my @names = map { scalar <$file> } 1 .. $count;
	chomp @names;
	my %features;
	while (<$file>) {
		my ($what, $index, @list) = split;
		$features{ $names[$index] } = [ map { $_ } @list ] if $what eq 'FT';
	}
	unlink glob "$empty/*";
	return \%features;
}

# Greedy: the file that adds most, for its size; edges first, then how often.
sub choose ($features) {
	my (@chosen, %have);
	my @files = sort { -s $a <=> -s $b || $a cmp $b } grep { -s $_ && -s $_ <= LARGEST } keys %$features;
	for my $unit (8, 1) {
		my %left = map { $_ => 1 } @files;
		delete @left{@chosen};
		%have = ();
		for my $file (@chosen) { $have{ int($_ / $unit) } = 1 for $features->{$file}->@* }
		while (@chosen < MOST) {
			my ($best, $gain) = (undef, 0);
			for my $file (sort keys %left) {
				my %new = map { int($_ / $unit) => 1 } $features->{$file}->@*;
				my $new = grep { !$have{$_} } keys %new;
				if (!$new) { delete $left{$file}; next }
				my $worth = $new / (1024 + -s $file);
				($best, $gain) = ($file, $worth) if $worth > $gain;
			}
			last if !defined $best;
			push @chosen, $best;
			$have{ int($_ / $unit) } = 1 for $features->{$best}->@*;
			delete $left{$best};
		}
	}
	return @chosen;
}

for my $target (grep { /$pattern/ } map { m{([^/]+)\.c$} } glob 'tests/fuzz/targets/*.c') {
	my $features = features($target) // next;
	my %keep;
	my $folder = "tests/fuzz/seeds/$target";
	mkdir $folder;
	for my $file (choose($features)) {
		open my $input, '<:raw', $file or die "$file: $!\n";
		my $bytes = do { local $/; <$input> };
		my $name  = substr sha1_hex($bytes), 0, 12;
		$keep{$name} = $bytes;
	}
	unlink grep { !$keep{ s{.*/}{}r } } glob "$folder/*";
	for my $name (keys %keep) {
		open my $output, '>:raw', "$folder/$name" or die "$folder/$name: $!\n";
		print $output $keep{$name};
	}
	printf "%-16s %3d of %5d inputs, %6d bytes\n", $target, scalar keys %keep, scalar keys %$features,
	  eval { my $sum = 0; $sum += length for values %keep; $sum };
}
