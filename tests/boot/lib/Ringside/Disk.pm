# SPDX-License-Identifier: BSD-2-Clause
package Ringside::Disk;

# FAT disks for UEFI, made without root.

use v5.36;
use Exporter qw(import);
use Ringside::Host qw(program scratch write_file);

our @EXPORT_OK = qw(efi_disk disk_missing);

# What is missing on this machine to make one, or undef.
sub disk_missing () {
	for my $name (qw(mformat mmd mcopy)) { return "$name is not installed (package mtools)" unless program($name) }
	return;
}

# A disk with the EFI program as \EFI\BOOT\BOOTX64.EFI, or, given options, with a script for the UEFI shell
# that starts it with them, and with a file as initrd if there is one. Returns the path.
sub efi_disk ($name, $efi, $options = undef, $initrd = undef) {
	my $disk = scratch() . "/$name.img";
	my $run  = sub (@words) { system(@words) == 0 or die "$words[0]: status " . ($? >> 8) . "\n" };
	open my $file, '>:raw', $disk or die "$disk: $!";
	truncate $file, (8 << 20) + 2 * (defined $initrd ? -s $initrd : 0) or die "$disk: $!";
	close $file;
	$run->(program('mformat'), '-i', $disk, '-v', 'RINGSIDE', '::');
	if (defined $options) {
		$run->(program('mcopy'), '-i', $disk, $efi, '::/ringside.efi');
		$run->(program('mcopy'), '-i', $disk, $initrd, '::/initrd.bin') if defined $initrd;
		my $load   = defined $initrd ? "initrd fs0:\\initrd.bin\r\n" : '';
		my $script = write_file(scratch() . "/$name.nsh", "${load}fs0:\\ringside.efi $options\r\n");
		$run->(program('mcopy'), '-i', $disk, $script, '::/startup.nsh');
	} else {
		$run->(program('mmd'), '-i', $disk, '::/EFI', '::/EFI/BOOT');
		$run->(program('mcopy'), '-i', $disk, $efi, '::/EFI/BOOT/BOOTX64.EFI');
	}
	return $disk;
}

1;
