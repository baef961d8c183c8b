#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The fuzz targets (tests/fuzz/): each runs its seeds, then looks for something new for a few seconds, from the same
# beginning each time. RINGSIDE_FUZZ=N seconds instead of 2; `make fuzz` is the way to run them for long. One after the
# other and at low priority: other tests run beside this one.

use v5.36;
use FindBin;
use Test::More;

chdir "$FindBin::Bin/../.." or die "$FindBin::Bin/../..: $!\n";
my $seconds = $ENV{RINGSIDE_FUZZ} // 2;
my $scratch = "build/test/fuzz";
my $limit   = 120;    # for the seeds of one target

mkdir $_ for 'build/test', $scratch;

# What a run printed; the exit status is $?.
sub run ($target, @arguments) {
	open my $pipe, '-|', 'sh', '-c', 'exec 2>&1; exec "$@"', 'sh', 'timeout', $limit + $seconds, 'nice', '-n', 10,
	  "build/fuzz/$target", '-timeout=20', '-rss_limit_mb=2048', '-max_len=2048', "-artifact_prefix=$scratch/$target-", @arguments
	  or die "build/fuzz/$target: $!\n";
	my $text = do { local $/; <$pipe> };
	close $pipe;
	return $text;
}

my @targets = map { m{([^/]+)\.c$} } glob 'tests/fuzz/targets/*.c';
plan tests => 3 * @targets;
for my $target (@targets) {
	my $folder = "tests/fuzz/seeds/$target";
	my @seeds  = glob "$folder/*";
	ok(@seeds > 0, "$target has seeds");

	my $text = run($target, '-runs=0', $folder);
	my ($runs) = $text =~ /#(\d+)\s+INITED/;
	ok($? == 0 && ($runs // 0) >= @seeds, "$target: its seeds") or diag(substr $text, -3000);

	my $corpus = "$scratch/$target";
	mkdir $corpus;
	$text = run($target, '-seed=1', "-max_total_time=$seconds", '-print_final_stats=1', $corpus, $folder);
	($runs) = $text =~ /number_of_executed_units: (\d+)/;
	ok($? == 0 && ($runs // 0) > @seeds, "$target: $seconds seconds, " . ($runs // 0) . ' runs') or diag(substr $text, -3000);
	unlink glob "$corpus/*";
}
