# SPDX-License-Identifier: BSD-2-Clause
package Ringside::Kvm;

# Is KVM usable here, and how?

use v5.36;
use Exporter qw(import);
use Ringside::Host qw(read_file);
use Ringside::VM;

our @EXPORT_OK = qw(kvm_options kvm_missing);

# Options of a VM that runs with it. Where the CPU has no virtualisation, KVM may be one that interprets:
# then only the plain CPU model works.
sub kvm_options () {
	my $hardware = (read_file('/proc/cpuinfo') // '') =~ /^flags\s*:.*\b(?:vmx|svm)\b/m;
	return (accel => 'kvm', cpu => $hardware ? 'host' : 'qemu64');
}

# Why KVM cannot be used, or undef: a machine has to say its first line.
sub kvm_missing () {
	return 'no /dev/kvm' unless -e '/dev/kvm';
	open my $kvm, '+<', '/dev/kvm' or return "/dev/kvm cannot be opened: $!";
	close $kvm;
	my $vm = Ringside::VM->start(name => 'kvm-probe', machine => 'microvm', network => 'none', kvm_options());
	my $lives = eval { $vm->wait_for(qr/^ringside \S+ \S+, booted by/m, seconds => 10) };
	$vm->stop;
	return $lives ? undef : 'QEMU does not run with KVM here: ' . ($vm->last_words =~ s/\s+/ /gr);
}

1;
