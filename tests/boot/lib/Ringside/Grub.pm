# SPDX-License-Identifier: BSD-2-Clause
package Ringside::Grub;

# GRUB as images of the test's own, each with its configuration inside: to boot from the network or a disk, on BIOS or UEFI.

use v5.36;
use Exporter qw(import);
use Ringside::Host qw(program scratch read_file write_file);

our @EXPORT_OK = qw(grub_missing grub_image grub_bios_disk);

my $folder = '/usr/lib/grub';

sub grub_missing () {
	return 'grub-mkimage is not installed (package grub-common)' unless program('grub-mkimage');
	return "no $folder/i386-pc (package grub-pc-bin)"          unless -e "$folder/i386-pc/boot.img";
	return "no $folder/x86_64-efi (package grub-efi-amd64-bin)" unless -e "$folder/x86_64-efi/linux.mod";
	return;
}

my %modules = (
	'i386-pc-pxe' => 'pxe tftp http linux boot',
	'i386-pc'     => 'biosdisk part_msdos fat linux boot',
	'x86_64-efi'  => 'efinet tftp http part_msdos fat linux boot',
);

# Makes an image for one of these formats that runs the lines given; its path.
sub grub_image ($name, $format, @lines) {
	my $image  = scratch() . "/$name";
	my $config = write_file("$image.cfg", join '', map { "$_\n" } @lines);
	system(program('grub-mkimage'), '-O', $format, '-p', '/', '-c', $config, '-o', $image, split ' ', $modules{$format}) == 0
	  or die "grub-mkimage: status " . ($? >> 8) . "\n";
	return $image;
}

# A disk with GRUB in front of one FAT partition, (hd0,msdos1), which has the file.
sub grub_bios_disk ($name, $file, @lines) {
	my $core = read_file(grub_image("$name.core", 'i386-pc', @lines));
	my $boot = read_file("$folder/i386-pc/boot.img");
	die "GRUB's image does not fit before the partition\n" if length $core > (1 << 20) - 512;
	# One entry of the partition table (active, FAT32 by LBA), then the signature.
	my $table = pack('C a3 C a3 V V', 0x80, "\0" x 3, 0x0c, "\0" x 3, 2048, 16384) . "\0" x 48 . "\x55\xaa";
	my $disk  = scratch() . "/$name.img";
	open my $out, '>:raw', $disk or die "$disk: $!\n";
	print $out substr($boot, 0, 446), $table, $core;
	truncate $out, 9 << 20 or die "$disk: $!\n";
	close $out or die "$disk: $!\n";
	system(program('mformat'), '-i', "$disk\@\@1M", '-T', 16384, '-h', 64, '-s', 32, '::') == 0
	  && system(program('mcopy'), '-i', "$disk\@\@1M", $file, '::/') == 0
	  or die "$disk: no FAT\n";
	return $disk;
}

1;
