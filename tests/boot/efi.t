#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The EFI application under OVMF, from -kernel and from FAT disks: lease, ping, page, clean exit.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Disk qw(efi_disk disk_missing);
use Ringside::VM;
use Test::More;

plan skip_all => 'no /usr/share/ovmf/OVMF.fd (package ovmf)' unless -e '/usr/share/ovmf/OVMF.fd';

# Firmware needs some memory for itself, and its screen is on the serial port too.
my %expect = (method => 'efi', firmware_memory => 64);
my $image  = Ringside::VM::default_image() . '.efi';

for my $machine (qw(q35 pc)) {
	my @boot = (machine => $machine, ovmf => 1, memory => '256M');
	scenario("$machine, -kernel", { @boot, boot => 'efi-kernel', append => 'services=http,echo' }, sub ($vm) {
		serves_as_it_should($vm, %expect);
	});
	SKIP: {
		skip disk_missing(), 1 if disk_missing();
		scenario("$machine, FAT disk", { @boot, boot => 'disk', disk => efi_disk($machine, $image) }, sub ($vm) {
			serves_as_it_should($vm, %expect);
		});
	}
}

SKIP: {
	skip disk_missing(), 1 if disk_missing();
	# The shell comes after all disks and networks, hence none here. Its first word is the program.
	my %options = (
		machine => 'q35', ovmf => 1, memory => '256M', boot => 'disk', network => 'none',
		disk    => efi_disk('options', $image, 'services=http,echo cpus=1 '),
	);
	scenario('q35, FAT disk with load options', \%options, sub ($vm) {
		$vm->wait_for(qr/ringside: no address: there is no network device/, seconds => 40);
		like($vm->command('options'), qr/^given: +services=http,echo cpus=1\s*$/m, "$vm->{label}: the command line");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

done_testing;
