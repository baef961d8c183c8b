#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The bzImage by the Linux boot protocol, as QEMU's -kernel loads it: lease, ping, page, clean exit; and
# modules.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Host qw(scratch write_file);
use Test::More;

my @boot = (boot => 'bzimage', append => 'console=ttyS0 root=/dev/vda1 ro');

scenario('pc',      { machine => 'pc',      @boot }, sub ($vm) { serves_as_it_should($vm, method => 'linux32') });
scenario('q35',     { machine => 'q35',     @boot }, sub ($vm) { serves_as_it_should($vm, method => 'linux32') });
scenario('microvm', { machine => 'microvm', @boot }, sub ($vm) { serves_as_it_should($vm, method => 'linux32') });
scenario('pc, qboot', { machine => 'pc', bios => 'qboot.rom', @boot }, sub ($vm) {
	serves_as_it_should($vm, method => 'linux32');
});

# Modules (an initrd) are found, whichever way they are handed over.
my $module = write_file(scratch() . '/module', 'x' x 100_000);
for my $boot (qw(pvh bzimage)) {
	scenario("a module, $boot", { machine => 'q35', boot => $boot, extra => [ '-initrd', $module ] }, sub ($vm) {
		$vm->wait_ready;
		my $status = page_is($vm, method => $boot eq 'pvh' ? 'pvh' : 'linux32');
		is($status->{boot}{modules}, 1, "$vm->{label}: page says so");
		leaves_with($vm, 0);
	});
}

done_testing;
