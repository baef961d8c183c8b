# SPDX-License-Identifier: BSD-2-Clause
package Bench::Guest;

# A guest under measurement: Bench::Ringside or Bench::Linux, in the same machine. Each has
#
#	options(%options)	what Ringside::VM needs for it
#	wait_ready		waits until it serves, or takes commands where it has no network
#	read(%load)		reads of `disk`: count, depth, kib, threads; operations and seconds, and the kicks and
#				interrupts for each where the guest counts them
#	counters		of its virtio devices, so far: interrupts, and kicks where the guest counts them
#	image_size(@modules)	in bytes
#	missing			why there cannot be one

use v5.36;
use Bench::Trace;
use Ringside::Host qw(read_file scratch);
use Ringside::Kvm  qw(kvm_options);
use Ringside::VM;

# KVM where the CPU has virtualisation, the same CPU for both.
sub accelerator () {
	state $hardware = (read_file('/proc/cpuinfo') // '') =~ /^flags\s*:.*\b(?:vmx|svm)\b/m && -w '/dev/kvm';
	return $hardware ? kvm_options() : (accel => 'tcg', cpu => 'max');
}

# Options of Ringside::VM, and
#	address		of its network device, if it has one
#	devices		QEMU's words for devices and their back ends
#	modules kernel	for Linux
sub start ($class, %options) {
	my $name  = join '-', 'bench', $options{name}, lc $class->name;
	my $trace = Bench::Trace->new;
	my %own   = $class->options(%options, extra => [ @{ $options{devices} // [] }, $trace->words, @{ $options{extra} // [] } ]);
	my $vm    = Ringside::VM->start(accelerator(), memory => '256M', network => 'none', %options{grep { exists $options{$_} } qw(machine memory cpus accel cpu typed)}, %own, name => $name);
	return bless { vm => $vm, trace => $trace, address => $options{address} }, $class;
}

sub name ($class) { return (ref $class || $class) =~ s/.*:://r }

# Counts while the code runs: by QEMU's trace, or by the guest itself where the back end is another process (`elsewhere`).
sub counted ($self, $devices, $elsewhere, $code) {
	return $self->{trace}->during($self->{vm}->qmp, $self->{vm}{accel}, $devices, $code) unless $elsewhere;
	my $before = $self->counters;
	$code->();
	my $after = $self->counters;
	return { map { $_ => $after->{$_} - $before->{$_} } keys %$after };
}

# Options with which QEMU counts instructions: when it records, and no halts among them. Time goes on while the guest waits:
# it must not be skipped (sleep=off), or a busy host's disk is given up.
sub counting_instructions () {
	return (accel => 'tcg', cpu => 'max', typed => 8, extra => [ '-icount', 'shift=0,rr=record,rrfile=' . scratch() . '/instructions.record' ]);
}

# So many while the code runs.
sub instructions ($self, $code) {
	my $qmp    = $self->{vm}->qmp;
	my $before = $qmp->execute('query-replay')->{icount};
	$code->();
	return $qmp->execute('query-replay')->{icount} - $before;
}

# Seconds of CPU that QEMU has used, all threads.
sub cpu_seconds ($self) { return cpu_seconds_of($self->{vm}) }

sub cpu_seconds_of ($vm) {
	my $sum = 0;
	for my $file (glob "/proc/$vm->{pid}/task/*/schedstat") { $sum += $1 if (read_file($file) // '') =~ /^(\d+)/ }
	return $sum / 1e9;
}

sub stop ($self) { $self->{vm}->stop; return }

1;
