#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Devices that are pulled out of their slots while they work: nobody answers to their registers from one instruction to
# the next, and what was lent to them does not come back. Each is given up with a line, and the rest goes on.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Host qw(scratch until_true write_file);
use Ringside::Qtest;
use Ringside::VM;
use Test::More;
use Time::HiRes qw(time);

my $qtest = Ringside::Qtest->new;

# Configuration space by ports 0xcf8 and 0xcfc, which the guest has no use for here.
sub config_at ($slot, $offset) { $qtest->ask(sprintf 'outl 0xcf8 0x%x', 1 << 31 | $slot << 11 | $offset & 0xfc); return 0xcfc + ($offset & 3) }
sub config_read8 ($slot, $offset) { return $qtest->ask(sprintf 'inb 0x%x', config_at($slot, $offset)) }

# A slot without power, and its light off, lets go of what is in it.
sub pull ($slot) {
	my $capability = config_read8($slot, 0x34);
	$capability = config_read8($slot, $capability + 1) while $capability && config_read8($slot, $capability) != 0x10;
	die "slot $slot: no PCI Express capability\n" unless $capability;
	$qtest->ask(sprintf 'outw 0x%x 0x%x', config_at($slot, $capability + 0x18), 0x0700);
	return;
}

# How many functions QEMU has behind the port in a slot.
sub behind ($vm, $slot) {
	my ($port) = grep { $_->{slot} == $slot } @{ $vm->qmp->execute('query-pci')->[0]{devices} };
	return scalar @{ $port->{pci_bridge}{devices} // [] };
}

my $disk = write_file(scratch() . '/disk', '');
truncate $disk, 512 << 20 or die "$disk: $!";
my @devices = (
	[ blk     => 'virtio-blk-pci,drive=disk',           'blktest --yes vda 512' ],
	[ net     => 'virtio-net-pci,netdev=net1,romfile=', 'devices reset virtio2' ],
	[ e1000   => 'e1000,netdev=net2,romfile=',          'devices reset 03:00.0' ],
	[ rng     => 'virtio-rng-pci',                      'devices reset virtio3' ],
	[ balloon => 'virtio-balloon-pci',                  'devices reset virtio4' ],
);
my @words = ('-global', 'ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off',
	$qtest->words,
	'-drive', "if=none,id=disk,format=raw,file=$disk", map { ('-netdev', "user,id=net$_,restrict=on") } 1, 2);
my $slot = 8;
for my $device (@devices) {
	push @words, '-device', "pcie-root-port,id=port$slot,chassis=$slot,slot=$slot,addr=@{[ sprintf '%x', $slot ]}", '-device', "$device->[1],bus=port$slot";
	push @$device, $slot++;
}

scenario('vanish', { extra => \@words, cpus => 2, append => 'services=http block.timeout=3' }, sub ($vm) {
	my $label = $vm->{label};
	$vm->wait_ready;
	for (@devices) {
		my ($name, undef, $work, $in) = @$_;
		my $from  = length $vm->console;
		my $start = time;
		is(behind($vm, $in), 1, "$label: $name: it is there");
		# Nobody notices that of an idle one, before it is asked for something.
		my $busy = $work =~ /^blktest/;
		$vm->type("$work\r") if $busy;
		select undef, undef, undef, 0.2 if $busy;
		pull($in);
		$vm->type("$work\r") unless $busy;
		is(until_true(5, sub { !behind($vm, $in) }), 1, "$label: $name: it is pulled out");
		my $said = eval { $vm->wait_for(qr/error: (.*given up, it is not there any more)\n/, from => $from, seconds => 15, what => "$name is given up"); 1 };
		ok($said, sprintf '%s: %s: is given up, %.1f s later', $label, $name, time - $start) or diag substr $vm->console, $from;
		$vm->wait_for(qr/^ringside> \z/m, from => $from, seconds => 30, what => 'prompt');
		ping_answers($vm, '10.0.2.2');
	}
	like($vm->command('lspci'), qr/^00:0c\.0 PCI bridge/m, "$label: lspci still reads what is there");
	leaves_with($vm, 0);
});

done_testing;
