#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# A screen is not used as a console; one line on it says where the console is, so that nobody waits before a
# black one.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Host qw(scratch read_file);
use Test::More;

# The text screen's characters, read from the card's memory.
sub vga_text ($vm) {
	my $dump = $vm->qmp->human('xp /4000xb 0xb8000');
	my @bytes = map { hex } map { /^[0-9a-f]+: (.*)$/ ? split ' ', $1 : () } split /\r?\n/, $dump;
	return join '', map { chr $bytes[ 2 * $_ ] } 0 .. $#bytes / 2;
}

# How many pixels of the picture are not black.
sub lit_pixels ($vm) {
	my $file = scratch() . "/$vm->{name}.ppm";
	$vm->qmp->execute('screendump', filename => $file);
	my ($pixels) = (read_file($file) // '') =~ /\AP6\n\d+ \d+\n255\n(.*)\z/s or return 0;
	return scalar(() = $pixels =~ /\G(?:\0\0\0)*+(?!\0\0\0)[^\n]../gs);
}

for my $machine (qw(pc q35)) {
	scenario("$machine, VGA", { machine => $machine, extra => [ '-device', 'VGA' ] }, sub ($vm) {
		$vm->wait_ready;
		like(vga_text($vm), qr/Ringside.*serial|serial.*Ringside/i, "$vm->{label}: the text screen says that the console is serial");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

SKIP: {
	skip 'no /usr/share/ovmf/OVMF.fd (package ovmf)', 1 unless -e '/usr/share/ovmf/OVMF.fd';
	my %options = (machine => 'q35', ovmf => 1, memory => '256M', boot => 'efi-kernel', extra => [ '-device', 'VGA' ]);
	scenario('q35, OVMF, framebuffer', \%options, sub ($vm) {
		$vm->wait_ready;
		like($vm->console, qr/^.*ringside \S+ \S+: the console is the serial port ttyS0\.$/m, "$vm->{label}: said on the firmware's console");
		cmp_ok(lit_pixels($vm), '>', 100, "$vm->{label}: which is the screen too: it is not black");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

done_testing;
