#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The payload that other tests boot over the network, started by QEMU itself: each format says how it was entered and that it is
# whole, and a damaged one says so.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Host qw(scratch read_file write_file);
use Ringside::Payload qw(payload $PAYLOAD_GOOD $PAYLOAD_BAD);
use Test::More;

my $initrd = write_file(scratch() . '/initrd', pack 'V4', 1 .. 4);
my %boot   = (pvh => 'elf', bzimage => 'bzImage', 'efi-kernel' => 'efi');

for my $case ([ pvh => 'pvh' ], [ bzimage => 'linux32' ], [ 'efi-kernel' => 'efi', ovmf => 1 ]) {
	my ($boot, $entered, @more) = @$case;
	if (@more && !-e '/usr/share/ovmf/OVMF.fd') {
		SKIP: { skip 'no /usr/share/ovmf/OVMF.fd (package ovmf)', 1 }
		next;
	}
	my ($path, $line) = payload($boot{$boot}, 3 << 20);
	my %options = (boot => $boot, image => $path =~ s/\.\w+$//r, network => 'none', memory => '256M', @more);
	scenario($boot, { %options, append => 'a line', extra => [ @more ? () : ('-initrd', $initrd) ] }, sub ($vm) {
		is($vm->wait_exit(40), $PAYLOAD_GOOD, "$boot: leaves with the status that says good");
		like($vm->console, qr/^.*payload: entered by $entered at [0-9a-f]{8}$/m, "$boot: is entered by $entered");
		like($vm->console, qr/^\Q$line\E$/m, "$boot: its padding is whole");
		# Sums of 1, 2, 3, 4, and of these sums.
		like($vm->console, qr/^payload: command line: a line\npayload: initrd: 00000010 bytes, checksum 0000000a00000014$/m, "$boot: command line and initrd")
		  if $boot eq 'bzimage';
	});
	next if @more;
	my $bytes = read_file($path);
	substr($bytes, 2 << 20, 1) ^.= "\x01";
	write_file(scratch() . "/damaged.$boot{$boot}", $bytes);
	scenario("$boot, damaged", { %options, image => scratch() . '/damaged' }, sub ($vm) {
		is($vm->wait_exit, $PAYLOAD_BAD, "$boot, damaged: leaves with the status that says so");
		like($vm->console, qr/^payload: padding: .*, bad$/m, "$boot, damaged: and says so");
	});
}
done_testing;
