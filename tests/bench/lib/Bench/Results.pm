# SPDX-License-Identifier: BSD-2-Clause
package Bench::Results;

# What was measured, a file of JSON for each part of the report in build/bench, each with the environment in which it was
# measured: a part that is measured again replaces its own file only.

use v5.36;
use Exporter qw(import);
use File::Path qw(make_path);
use JSON::PP ();
use POSIX qw(strftime);
use Ringside::Checks qw(image_version);
use Ringside::Host   qw(read_file write_file);

our @EXPORT_OK = qw($FOLDER environment median save load_all);

our $FOLDER = $ENV{FOLDER} || 'build/bench/ladder';

sub median (@numbers) {
	@numbers = sort { $a <=> $b } grep { defined } @numbers or return;
	my $half = int @numbers / 2;
	return @numbers % 2 ? $numbers[$half] : ($numbers[ $half - 1 ] + $numbers[$half]) / 2;
}

sub first_line (@words) {
	open my $pipe, '-|', @words or return;
	my $line = <$pipe> // '';
	chomp $line;
	return $line;
}

# What times depend on, as far as it can be seen from here.
sub environment (%more) {
	my ($cpu)     = (read_file('/proc/cpuinfo') // '') =~ /^model name\s*: (.*)$/m;
	my $cpus      = () = (read_file('/proc/cpuinfo') // '') =~ /^processor\b/mg;
	my ($memory)  = (read_file('/proc/meminfo') // '') =~ /^MemTotal:\s*(\d+)/m;
	my ($load)    = (read_file('/proc/loadavg') // '') =~ /^([\d.]+)/;
	my ($version, $commit) = image_version();
	return {
		date => strftime('%Y-%m-%d %H:%M UTC', gmtime), cpu => $cpu // 'unknown', cpus => $cpus, memory_mib => int(($memory // 0) / 1024), load => $load + 0,
		kernel => first_line('uname', '-sr'), qemu => first_line($ENV{QEMU} || 'qemu-system-x86_64', '--version') =~ s/^QEMU emulator version //r,
		ringside => "$version $commit", %more,
	};
}

sub save ($part, $data) {
	make_path($FOLDER);
	write_file("$FOLDER/$part.json", JSON::PP->new->pretty->canonical->encode({ report => 'ringside ladder 1', part => $part, %$data }));
	return;
}

# All parts that were measured so far, by name.
sub load_all ($folder = $FOLDER) {
	my %parts;
	for my $file (glob "$folder/*.json") {
		my $data = eval { JSON::PP::decode_json(read_file($file)) };
		die "$file: not a report of make bench\n" unless ref $data eq 'HASH' && ($data->{report} // '') eq 'ringside ladder 1';
		$parts{ $data->{part} } = $data;
	}
	return \%parts;
}

1;
