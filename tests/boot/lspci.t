#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# What our lspci says is what pciutils says: the guest's configuration spaces, as `lspci -xxxx` dumps them, are
# read by the lspci of this machine, and each of our lines must be among its lines, in the same order. It may
# print more.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Host qw(program scratch write_file);
use Test::More;

my $lspci = program('lspci') or plan skip_all => 'no lspci (package pciutils)';
my ($version) = `$lspci --version` =~ /version (\S+)/;
plan skip_all => "lspci is of version $version, ours prints as 3.9 does" unless $version =~ /^3\.9\./;

# The functions: address => lines. Taken away are what a dump does not have (sizes of BARs, that there is a ROM
# without an address, drivers) and the interrupt line, which is the register's in a dump and where it leads in ours.
sub functions ($text) {
	my %functions;
	for my $block (split /\n\n/, $text) {
		$block =~ s/^\t(?:Kernel driver|Kernel modules).*\n?//mg;
		$block =~ s/ \[size=[^]]*\]//g;
		$block =~ s/^\tExpansion ROM at <unassigned>.*\n//mg;
		$block =~ s/(?:, | to )IRQ \d+//g;
		my @lines = split /\n/, $block;
		my ($address) = ($lines[0] // '') =~ /^(\S+) / or next;
		$functions{$address} = \@lines;
	}
	return \%functions;
}

# Those of our lines that are not among theirs.
sub extra ($ours, $theirs) {
	my @extra;
	my $at = 0;
	for my $line (@$ours) {
		my ($found) = grep { $theirs->[$_] eq $line } $at .. $#$theirs;
		if (defined $found) { $at = $found + 1 }
		else                { push @extra, $line }
	}
	return @extra;
}

sub read_dump ($dump, @options) {
	my $file = scratch() . '/dump';
	write_file($file, $dump);
	return scalar `$lspci -F $file @options 2>/dev/null`;
}

sub compare ($vm) {
	my $label = $vm->{label};
	$vm->wait_ready;
	my $dump = $vm->command('lspci -xxxx');
	# Numbers: names are those of this machine's pci.ids.
	for my $options ('-v -n', '-vv -n') {
		my $ours   = functions($vm->command("lspci $options"));
		my $theirs = functions(read_dump($dump, $options));
		is(join(' ', sort keys %$ours), join(' ', sort keys %$theirs), "$label: $options: the same functions");
		for my $address (sort keys %$ours) {
			my @extra = extra($ours->{$address}, $theirs->{$address} // []);
			is(join("\n", @extra), '', "$label: $options: $address as pciutils prints it")
			  or diag join "\n", 'pciutils:', grep { !/^\t\t/ } @{ $theirs->{$address} // [] };
		}
	}
	# Classes, and the device that everybody has, by name.
	my ($ours, $theirs) = map { join '', map { "$_\n" } /^(\S+ .*?): /mg } $vm->command('lspci'), read_dump($dump);
	is($ours, $theirs, "$label: names of classes");
	my $network = qr/^\S+ Ethernet controller .*\[1af4:1000\].*$/m;
	is(join("\n", $vm->command('lspci -nn') =~ /($network)/g), join("\n", read_dump($dump, '-nn') =~ /($network)/g), "$label: -nn");
	leaves_with($vm, 0);
	return $dump;
}

# Ports, switches and bridges, and what is behind them.
my @tree = (
	'-device', 'pcie-root-port,id=port1,chassis=1,slot=1,addr=4',
	'-device', 'virtio-rng-pci,bus=port1',
	'-device', 'pcie-root-port,id=port2,chassis=1,slot=2,addr=5',
	'-device', 'x3130-upstream,id=up,bus=port2',
	'-device', 'xio3130-downstream,id=down1,bus=up,chassis=2,slot=1',
	'-device', 'qemu-xhci,bus=down1',
	'-device', 'pcie-root-port,id=port3,chassis=1,slot=3,addr=6',
	'-device', 'pcie-pci-bridge,id=bridge1,bus=port3',
	'-device', 'pci-bridge,id=bridge2,bus=bridge1,addr=3,chassis_nr=7',
	'-device', 'virtio-balloon-pci,bus=bridge2,addr=9',
	'-device', 'ioh3420,id=port4,chassis=4,slot=4,addr=7',
	'-device', 'e1000e,bus=port4',
	'-device', 'e1000e,addr=8',
);
for my $machine ('q35', 'microvm,pcie=on') {
	scenario("$machine, tree", { machine => $machine, extra => \@tree }, sub ($vm) {
		my $dump = compare($vm);
		like($dump, qr/^ff0: /m, "$vm->{label}: the dump has extended configuration space");
	});
}

my @devices = qw(VGA e1000 rtl8139 pcnet ne2k_pci qemu-xhci piix3-usb-uhci virtio-serial-pci virtio-scsi-pci lsi53c895a
	megasas vmxnet3 intel-hda ich9-ahci virtio-gpu-pci pci-serial pci-testdev edu);
scenario('pc, many devices', { machine => 'pc', extra => [ map { ('-device', $_) } @devices ] }, sub ($vm) {
	my $dump = compare($vm);
	like($dump, qr/^f0: /m, "$vm->{label}: the dump has 256 bytes of each");
	unlike($dump, qr/^100: /m, "$vm->{label}: and no more, where there is no more");
});

done_testing;
