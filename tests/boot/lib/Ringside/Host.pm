# SPDX-License-Identifier: BSD-2-Clause
package Ringside::Host;

# What the machine that runs the tests has: places, programs, clocks, KVM.

use v5.36;
use Cwd            ();
use Exporter       qw(import);
use File::Basename ();
use File::Path     qw(make_path);
use File::Temp     ();
use Time::HiRes    qw(time sleep);

our @EXPORT_OK = qw(top scratch program run within until_true start_process read_file write_file);

# All names are relative to the top of the tree, so that paths of sockets stay short.
my $top = Cwd::abs_path(File::Basename::dirname(__FILE__) . '/../../../..');
chdir $top or die "$top: $!";

sub top { return $top }

# A private folder of this test program for sockets, disks, profiles; gone at its end.
my $scratch;

sub scratch {
	make_path('build/test');
	$scratch //= File::Temp->newdir('run-XXXXXX', DIR => 'build/test');
	return "$scratch";
}

# The path of a program, or undef. sbin is not on everybody's path.
sub program (@names) {
	for my $name (@names) {
		for my $folder (split(/:/, $ENV{PATH} // ''), '/usr/sbin', '/sbin') {
			return "$folder/$name" if -x "$folder/$name" && !-d _;
		}
	}
	return;
}

# Runs a program to its good end.
sub run (@words) {
	system(@words) == 0 or die "@words: status " . ($? >> 8) . "\n";
	return;
}

# How many times longer than on an idle machine things take: as many processes as want to run for each CPU.
my $cpus = grep { /^processor\s*:/ } split /\n/, read_file('/proc/cpuinfo') // '';

sub busyness () {
	my ($load) = (read_file('/proc/loadavg') // '') =~ /^([\d.]+)/;
	my $times = ($load // 0) / ($cpus || 1);
	return $times < 1 ? 1 : $times > 10 ? 10 : $times;
}

# How long a step may take on this machine, with what else it has to do at the moment: RINGSIDE_PATIENCE=3 for one that is
# three times slower.
sub within ($seconds) { return $seconds * ($ENV{RINGSIDE_PATIENCE} || 1) * busyness() }

# Calls $condition until it returns something true, and returns that; false when the time is over.
sub until_true ($seconds, $condition) {
	my $deadline = time + within($seconds);
	while (1) {
		my $result = $condition->();
		return $result if $result;
		return if time > $deadline;
		sleep 0.01;
	}
}

# Every process started here dies with this one, however this one ends.
my %started;
my $own_pid = $$;

# Starts a program with the given files as standard input, output and errors; returns its pid.
sub start_process ($input, $output, $errors, @words) {
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDIN,  '<&', $input  or die "stdin: $!";
		open STDOUT, '>&', $output or die "stdout: $!";
		open STDERR, '>&', $errors or die "stderr: $!";
		exec 'setpriv', '--pdeathsig', 'KILL', @words
		  or do { print STDERR "$words[0]: $!\n"; require POSIX; POSIX::_exit(127) };
	}
	$started{$pid} = 1;
	return $pid;
}

# Its wait status, or undef while it runs.
sub process_ended ($pid) {
	return if waitpid($pid, 1) != $pid;    # WNOHANG
	delete $started{$pid};
	return $?;
}

sub kill_process ($pid) {
	return unless delete $started{$pid};
	kill 'KILL', $pid;
	waitpid $pid, 0;
	return;
}

END {
	# waitpid and kill must not change this program's own status.
	local $?;
	if ($$ == $own_pid) { kill_process($_) for keys %started }
}
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);
$SIG{PIPE} = 'IGNORE';

sub read_file ($path) {
	open my $file, '<:raw', $path or return;
	local $/;
	return scalar <$file>;
}

sub write_file ($path, $content) {
	open my $file, '>:raw', $path or die "$path: $!";
	print $file $content;
	close $file or die "$path: $!";
	return $path;
}

1;
