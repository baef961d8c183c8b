#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# coverage.pl PROGRAM...: runs unit tests (unit-NAME) and the seeds of fuzz targets (fuzz-NAME), and prints how much
# of the drivers and the parsers they ran: lines and branches of each file, and totals. Exit status 1 when a total,
# or a parser, is below what is promised, or a program fails.
#
# What is printed goes to build/coverage/table too; `llvm-cov show` with what the last line says has the lines.

use v5.36;
use FindBin;
use JSON::PP;

use constant PROMISED => 90;    # per cent of lines

chdir "$FindBin::Bin/../.." or die "$FindBin::Bin: $!\n";
my @programs = @ARGV;
my $folder   = 'build/coverage';

# Name => pattern of files; those with a promise first.
my @groups = (
	[ 'drivers/virtio'           => qr{^drivers/virtio/} ],
	[ 'drivers/pci'              => qr{^drivers/pci/} ],
	[ 'parsers: firmware tables' => qr{^drivers/platform/(?:acpi|acpi_devices|aml|fadt|madt|mp_table|smbios)\.c|^drivers/platform/table_read|^kernel/memory/memory_map\.c|^boot/e820\.c} ],
	[ 'parsers: command line'    => qr{^kernel/options/|^net/lwip/address_option\.c} ],
	[ 'parsers: partitions'      => qr{^drivers/block/(?:partitions|gpt)\.c} ],
	[ 'parsers: HTTP request'    => qr{^net/http/request\.c} ],
	[ 'parsers: terminal input'  => qr{^kernel/shell/line\.c} ],
	[ 'parsers: frames'          => qr{^net/lwip/guard\.c} ],
	[ 'parsers: network boot'    => qr{^net/netboot/(?:url|http_response|tftp_engine|script|script_commands|dhcp_message|dhcp6_message|settings|setting_format)\.c|^boot/next/(?:bzimage|elf)\.c|^boot/device_path\.c} ],
	[ 'parsers: iperf3'          => qr{^net/services/iperf3/(?:json|message)\.c} ],
);
my @others = ([ 'other drivers' => qr{^drivers/} ]);

$ENV{CMOCKA_MESSAGE_OUTPUT} = 'stdout';
unlink glob "$folder/*.profraw";
my $failed = 0;
for my $program (@programs) {
	my ($kind, $name) = $program =~ m{/(unit|fuzz)-([^/]+)$} or die "coverage: $program?\n";
	my @arguments;
	if ($kind eq 'fuzz') {
		next if !-d "tests/fuzz/seeds/$name";
		@arguments = ('-runs=0', "tests/fuzz/seeds/$name");
	}
	local $ENV{LLVM_PROFILE_FILE} = "$folder/$kind-$name.profraw";
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		open STDOUT, '>', "$folder/$kind-$name.log" or die;
		open STDERR, '>&', \*STDOUT;
		exec $program, @arguments;
	}
	waitpid $pid, 0;
	if ($?) { say "coverage: $program failed: $folder/$kind-$name.log"; $failed = 1 }
}
my @profiles = glob "$folder/*.profraw";
system('llvm-profdata', 'merge', '-sparse', '-o', "$folder/profile", @profiles) == 0 or die "coverage: no profile\n";
my @objects = map { ('-object', $_) } @programs;
my $json    = do {
	open my $pipe, '-|', 'llvm-cov', 'export', '-summary-only', "-instr-profile=$folder/profile", @objects or die;
	local $/;
	<$pipe>;
};
my %files;
for my $file (decode_json($json)->{data}[0]{files}->@*) {
	my $name = $file->{filename} =~ s{^\Q$ENV{PWD}\E/}{}r =~ s{^.*/(?=(?:drivers|kernel|net|boot|tests)/)}{}r;
	$files{$name} = $file->{summary};
}

open my $table, '>', "$folder/table" or die;
sub line ($text) { say $text; say $table $text }
sub per_cent ($sum) { $sum->{count} ? 100 * $sum->{covered} / $sum->{count} : 100 }

sub group ($name, $pattern, $promised) {
	my %total;
	my @names = grep { $_ =~ $pattern && $_ =~ /\.c$/ } sort keys %files;
	return if !@names;
	line('');
	line(sprintf '%-48s %15s %15s', $name, 'lines', 'branches');
	for my $file (@names) {
		my $summary = delete $files{$file};
		for my $what (qw(lines branches)) {
			$total{$what}{$_} += $summary->{$what}{$_} for qw(count covered);
		}
		# Of parsers each file, of drivers the total.
		my $low = $name =~ /^parsers/ && per_cent($summary->{lines}) < PROMISED;
		line(sprintf '  %-46s %5d %7.1f %% %5d %7.1f %%%s', $file,
			(map { ($_->{count}, per_cent($_)) } $summary->@{qw(lines branches)}),
			$low ? sprintf('  less than %d %%', PROMISED) : '');
		$failed = 1 if $low;
	}
	my $lines = per_cent($total{lines});
	my $short = $promised && $lines < PROMISED;
	line(sprintf '  %-46s %5d %7.1f %% %5d %7.1f %%%s', 'total', $total{lines}{count}, $lines, $total{branches}{count},
		per_cent($total{branches}), $short ? sprintf('  less than %d %%', PROMISED) : '');
	$failed = 1 if $short;
}
group($_->@*, 1) for @groups;
group($_->@*, 0) for @others;
line('');
line("lines: llvm-cov show -instr-profile=$folder/profile $objects[1] " . '-object PROGRAM... FILE');
exit $failed;
