#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# run.pl SECONDS [PATTERN]: runs each target (build/fuzz/NAME), or those that match, for so many seconds, two at
# once. What is found new stays in build/fuzz/corpus/NAME; seeds are tests/fuzz/seeds/NAME. Exit status 1 when
# something was found: the input lies in build/fuzz/findings, and the line says how to run it again.

use v5.36;
use FindBin;

chdir "$FindBin::Bin/../.." or die "$FindBin::Bin: $!\n";
my ($seconds, $pattern) = (shift // 60, shift // '');
my @targets = grep { /$pattern/ } map { m{([^/]+)\.c$} } glob 'tests/fuzz/targets/*.c';
@targets or die "fuzz: no target matches $pattern\n";
my $jobs = $ENV{FUZZ_JOBS} // 2;

for my $folder ('build/fuzz/corpus', 'build/fuzz/findings', 'build/fuzz/logs') { mkdir $folder }

my (%running, $failed);

sub start ($target) {
	mkdir "build/fuzz/corpus/$target";
	my @seeds = grep { -d } "tests/fuzz/seeds/$target";
	my $pid   = fork // die "fork: $!\n";
	if (!$pid) {
		open STDOUT, '>', "build/fuzz/logs/$target" or die "$target: $!\n";
		open STDERR, '>&', \*STDOUT;
		exec 'nice', '-n', 10, "build/fuzz/$target", "-max_total_time=$seconds", '-timeout=20', '-rss_limit_mb=2048',
		  '-max_len=2048', '-print_final_stats=1', "-artifact_prefix=build/fuzz/findings/$target-",
		  "build/fuzz/corpus/$target", @seeds;
		die "build/fuzz/$target: $!\n";
	}
	$running{$pid} = $target;
}

sub finish () {
	my $pid    = wait;
	my $target = delete $running{$pid} // return;
	my $status = $?;
	my ($runs, $why, $input, $edges) = (0, 'ended with ' . ($status >> 8), '', 0);
	open my $log, '<', "build/fuzz/logs/$target" or die "$target: $!\n";
	while (<$log>) {
		$runs  = $1 if /number_of_executed_units: (\d+)/;
		$edges = $1 if /cov: (\d+)/;
		$why   = $1 if /^((?:host|panic): .*)/;
		$why   = $1 if $why =~ /^ended/ && /(?:SUMMARY|ERROR): (.*)/;
		$input = $1 if /Test unit written to (\S+)/;
	}
	if (!$status) {
		printf "%-16s %10d runs, %5d edges\n", $target, $runs, $edges;
		return;
	}
	$failed = 1;
	printf "%-16s %10d runs: %s\n                 again: build/fuzz/%s %s\n", $target, $runs, $why, $target, $input;
}

$| = 1;
for my $target (@targets) {
	finish() if keys %running >= $jobs;
	start($target);
}
finish() while keys %running;
exit($failed ? 1 : 0);
