#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The ELF image by its PVH note, on each machine and firmware: lease, ping, page, clean exit.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Test::More;

my @bare = (machine => 'microvm,acpi=off,pit=off,pic=off,rtc=off');

scenario('pc, SeaBIOS', { machine => 'pc' }, sub ($vm) { serves_as_it_should($vm, method => 'pvh') });
scenario('q35, SeaBIOS', { machine => 'q35' }, sub ($vm) { serves_as_it_should($vm, method => 'pvh') });
scenario('pc, qboot', { machine => 'pc', bios => 'qboot.rom' }, sub ($vm) { serves_as_it_should($vm, method => 'pvh') });
scenario('q35, qboot', { machine => 'q35', bios => 'qboot.rom' }, sub ($vm) { serves_as_it_should($vm, method => 'pvh') });
scenario('microvm', { machine => 'microvm' }, sub ($vm) { serves_as_it_should($vm, method => 'pvh') });
scenario('microvm with PCI', { machine => 'microvm,pcie=on' }, sub ($vm) { serves_as_it_should($vm, method => 'pvh') });

# Without ACPI, QEMU names the devices on the command line.
scenario('bare microvm', {@bare}, sub ($vm) {
	serves_as_it_should($vm, method => 'pvh', command_line => qr/^ ?virtio_mmio\.device=512\@0x[0-9a-f]+:\d+$/);
});

# No serial port either: the page is all that there is to see.
scenario('bare microvm without a serial port', { machine => "$bare[1],isa-serial=off", serial => 0 }, sub ($vm) {
	my $answer = Ringside::Host::until_true(20, sub {
		eval { Ringside::Client::http_get('127.0.0.1', $vm->port(tcp => 80), '/status.json') };
	});
	ok($answer, "$vm->{label}: serves its page") or return;
	page_is($vm, method => 'pvh', command_line => qr/virtio_mmio/);
	is($vm->console, '', "$vm->{label}: nothing was said");
});

done_testing;
