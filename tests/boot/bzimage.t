#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The bzImage by the Linux boot protocol, as QEMU's -kernel loads it: lease, ping, page, clean exit; modules; and by a
# loader that enters in 64 bits.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Ringside::Checks;
use Ringside::Client qw(http_get);
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

# By the 64-bit entry, from page tables of four levels and of five; and as the UEFI application leaves its firmware's
# tables of five.
my @program = map { "tests/boot/programs/$_" } qw(linux64.c linux64_start.S);
my @flags   = (qw(-m32 -Os -ffreestanding -fno-pic -fno-stack-protector -mgeneral-regs-only -fno-tree-loop-distribute-patterns -I.),
	qw(-nostdlib -static -no-pie -DIMAGE_MEMORY=0 -DENTRY_EFI=0), '-Wl,-Ttext=0x100000,-e,start,--build-id=none');
my $bzimage = Ringside::VM::default_image() . '.bzImage';
for my $case ([ 4, '64-bit entry, four levels' ], [ 5, '64-bit entry, five levels' ], [ 5, 'as from UEFI, five levels', '-DFIRMWARE' ]) {
	my ($levels, $name, @more) = @$case;
	my $loader = scratch() . '/loader';
	my $status = system 'gcc', @flags, @more, "-DLEVELS=$levels", qq{-DIMAGE_NAME="$bzimage"}, '-o', "$loader.elf", @program;
	is($status, 0, "$name: the loader is built") or next;
	scenario($name, { machine => 'q35', image => $loader, append => 'log=info', extra => [ '-cpu', 'max' ] }, sub ($vm) {
		$vm->wait_ready;
		is(JSON::PP::decode_json(http_get('127.0.0.1', $vm->port(tcp => 80), '/status.json')->{body})->{boot}{method}, 'linux64', "$vm->{label}: is entered");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

done_testing;
