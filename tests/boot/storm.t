#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# An interrupt line that stays up for no device's reason, or brings edge after edge: it is held back with a line, the
# devices on it go on, and so does everything else. QEMU's test protocol moves the line.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Client qw(tcp_echo);
use Ringside::Host   qw(scratch until_true write_file);
use Ringside::Qtest;
use Ringside::VM;
use Test::More;

my $held = qr/interrupt: error: line (\d+): interrupts without end that no device claims: held back/;
for my $case ([ 'q35', 'virtio-net-pci', 1 ], [ 'q35', 'virtio-net-pci', 4 ], [ 'q35', 'e1000', 2 ], [ 'pc', 'rtl8139', 1 ]) {
	my ($machine, $nic, $cpus) = @$case;
	my $disk  = write_file(scratch() . "/$machine-$nic-$cpus.img", "\0" x (8 << 20));
	my $qtest = Ringside::Qtest->new;
	my %nic   = $nic =~ /^virtio-net/ ? () : (nic => $nic);
	my @disk  = ('-blockdev', "driver=raw,node-name=disk0,file.driver=file,file.filename=$disk", '-device', 'virtio-blk-pci,drive=disk0,addr=8');
	scenario("$machine, $nic, $cpus CPUs", { machine => $machine, cpus => $cpus, %nic, append => 'services=echo virtio.interrupts=intx',
		extra => [ @disk, $qtest->words ] }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_ready;
		# Which line, by the guest's own words; not the power button's, which no device shares.
		my @lines = sort { $a <=> $b } keys %{ { map { $_ => 1 } $vm->command('interrupts') =~ /\bline (\d+) level\b(?!.*power button)/g } };
		cmp_ok(scalar(@lines), '>=', 1, "$label: there are lines: @lines") or diag $vm->command('interrupts');
		my $ioapic = $qtest->ioapic($vm);
		my $line   = $lines[0];
		my $said;
		# What a device does on its line meanwhile lets it fall.
		until_true(60, sub { $qtest->line($ioapic, $line, 1); ($said) = $vm->console =~ $held; $said });
		is($said, $line, "$label: line $line is held back");
		my ($sent, $came) = tcp_echo('127.0.0.1', $vm->port(tcp => 7), 1_000_000, 60);
		is($came, $sent, "$label: the network goes on");
		like($vm->command('blktest --yes vda 4', seconds => 60), qr/: 4 MiB verified/, "$label: and so does the disk");
		is(scalar($vm->warnings), 1, "$label: that is one line, and the only one") or diag join "\n", $vm->warnings;
		leaves_with($vm, 0);
	});
}

# The interrupt of an IDE channel is an edge, and comes again and again.
my $disk  = write_file(scratch() . '/ide.img', "\0" x (8 << 20));
my $qtest = Ringside::Qtest->new;
scenario('pc, IDE', { machine => 'pc', append => 'services=echo', extra => [ '-drive', "if=ide,format=raw,file=$disk", $qtest->words ] }, sub ($vm) {
	my $label = $vm->{label};
	$vm->wait_ready;
	like($vm->command('interrupts'), qr/line 14 edge .*ata_piix/, "$label: line 14 is its, an edge");
	my $ioapic = $qtest->ioapic($vm);
	my $said;
	until_true(60, sub {
		for (1 .. 500) { $qtest->line($ioapic, 14, $_) for 1, 0 }
		($said) = $vm->console =~ $held;
		return $said;
	});
	is($said, 14, "$label: the line is held back");
	like($vm->command('blktest --yes sda 4', seconds => 60), qr/: 4 MiB verified/, "$label: the disk goes on");
	my ($sent, $came) = tcp_echo('127.0.0.1', $vm->port(tcp => 7), 1_000_000, 60);
	is($came, $sent, "$label: and so does the network");
	is(scalar($vm->warnings), 1, "$label: that is one line, and the only one") or diag join "\n", $vm->warnings;
	leaves_with($vm, 0);
});

done_testing;
