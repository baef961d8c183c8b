#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The bzImage by the Linux boot protocol, as QEMU's -kernel loads it: lease, ping, page, clean exit.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Test::More;

my @boot = (boot => 'bzimage', append => 'console=ttyS0 root=/dev/vda1 ro');

scenario('pc',      { machine => 'pc',      @boot }, sub ($vm) { serves_as_it_should($vm, method => 'linux32') });
scenario('q35',     { machine => 'q35',     @boot }, sub ($vm) { serves_as_it_should($vm, method => 'linux32') });
scenario('microvm', { machine => 'microvm', @boot }, sub ($vm) { serves_as_it_should($vm, method => 'linux32') });
scenario('pc, qboot', { machine => 'pc', bios => 'qboot.rom', @boot }, sub ($vm) {
	serves_as_it_should($vm, method => 'linux32');
});

done_testing;
