# SPDX-License-Identifier: BSD-2-Clause
package Bench::Trace;

# What QEMU sees of a device while something runs: notifications, interrupts, register accesses. The trace slows QEMU down,
# so it is on only meanwhile, and nothing is timed then.

use v5.36;
use JSON::PP ();
use Ringside::Host qw(scratch);

our @EVENTS = qw(virtio_queue_notify virtio_notify virtio_notify_irqfd memory_region_ops_read memory_region_ops_write ahci_irq_raise ioapic_set_irq);

# Whose registers are whose, by the names of QEMU's memory regions. A notification is no register access here. A line's
# interrupts are those of QEMU's own I/O APIC, which KVM has in the kernel.
my $virtio_registers = qr/^(?:virtio-pci-(?!notify)|msix-table|virtio-mmio)/;
my $pci_line         = qr/^ioapic_set_irq .*\bvector: (?:1[6-9]|2[0-3]) level: 1/;
our %DEVICES = (
	virtio  => { registers => $virtio_registers, kicks => 1, interrupts => qr/^virtio_notify(?:_irqfd)? / },
	e1000   => { registers => qr/^e1000-mmio$/, interrupts => $pci_line, line => 1 },
	rtl8139 => { registers => qr/^rtl8139$/, interrupts => $pci_line, line => 1 },
	ide     => { registers => qr/^(?:ide|piix-bmdma|bmdma)$/, interrupts => qr/^ioapic_set_irq .*\bvector: 1[45] level: 1/, line => 1 },
	ahci    => { registers => qr/^ahci$/, interrupts => qr/^ahci_irq_raise / },
);

my $number = 0;

sub new ($class) { return bless { file => scratch() . '/bench-' . ++$number . '.trace' }, $class }

sub words ($self) { return ('-D', $self->{file}) }

# Counts in a trace's lines.
sub counted ($devices, $lines) {
	my $rules = $DEVICES{$devices} or die "$devices: no such devices\n";
	my %count = (accesses => 0, interrupts => 0, $rules->{kicks} ? (kicks => 0) : ());
	while (defined(my $line = $lines->())) {
		if ($line =~ /^memory_region_ops_(?:read|write) .* name '([^']*)'/) {
			$count{accesses}++ if $1 =~ $rules->{registers};
		} elsif ($line =~ $rules->{interrupts}) {
			$count{interrupts}++;
		} elsif ($rules->{kicks} && $line =~ /^virtio_queue_notify /) {
			$count{kicks}++;
		}
	}
	return \%count;
}

sub switch ($qmp, $on) {
	$qmp->execute('trace-event-set-state', name => $_, enable => $on) for @EVENTS;
	return;
}

# Counts while the code runs; $accel is QEMU's accelerator.
sub during ($self, $qmp, $accel, $devices, $code) {
	my $from = -s $self->{file} // 0;
	switch($qmp, JSON::PP::true);
	$code->();
	switch($qmp, JSON::PP::false);
	open my $file, '<', $self->{file} or die "$self->{file}: $!\n";
	seek $file, $from, 0;
	my $count = counted($devices, sub { scalar <$file> });
	close $file;
	delete $count->{interrupts} if $DEVICES{$devices}{line} && $accel ne 'tcg';
	return $count;
}

1;
