#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The cold parts of the image: unpacked when they are first wanted, and once; what happens when there is no memory, or
# when the image is damaged; and that the build finds what refers to them past the gates.

use v5.36;
use File::Path qw(make_path);
use FindBin;
use IO::Socket::INET;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Host qw(read_file until_true);
use Ringside::VM;
use Test::More;

chdir "$FindBin::Bin/../.." or die "no top folder: $!\n";
my $folder = 'build/test/cold';
make_path($folder);

my $unpacked = qr/unpacked the conformance suite: \d+ KiB to \d+ KiB in \d+ us/;

sub free_memory ($vm) { return ($vm->command('free') =~ /^Mem:\s+\d+\s+\d+\s+(\d+)/m)[0] }

for my $machine (qw(microvm q35)) {
	scenario("$machine, first use", { machine => $machine, append => 'log=info', cpus => 2 }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_ready;
		unlike($vm->console, $unpacked, "$label: nobody has wanted the suite yet");
		my $before = free_memory($vm);
		like($vm->command('conform --list'), qr/^# case 1 \w+ /m, "$label: the suite lists its cases");
		my $first = free_memory($vm);
		cmp_ok($before - $first, '>', 400, "$label: it takes memory now");
		like($vm->command('conform --list'), qr/^# case 1 \w+ /m, "$label: and again");
		cmp_ok($first - free_memory($vm), '<', 100, "$label: but does not take it again");
		is(scalar(() = $vm->console =~ /$unpacked/g), 1, "$label: it was unpacked once");
		like($vm->command('crash'), qr/^usage: crash /m, "$label: a command of another part");
		leaves_with($vm, 5, 'crash null');
		like($vm->console, qr/^stack trace:\n  ffffffff9\w+ command_crash\+0x.*\n  ffffffff8\w+ command_run_line\+0x/m, "$label: a stack trace names functions of a cold part and of the rest");
	});
}

# A machine that ends soon behind the image, whose network may use more than there is, for peers that do not read what they
# are sent: what is left is less than the suite.
my $image = Ringside::VM::default_image();
my %at = map { /^(\w+) \w (\w+)$/ ? ($2 => hex substr $1, 8) : () } split /\n/, `nm $image.debug`;
$at{$_} or die "$image.debug has no $_\n" for qw(image_start image_end packed_start cold_suite_start cold_suite_end command_poweroff command_reboot);
ok($at{$_} >= $at{image_start}, "$_ needs no memory") for qw(command_poweroff command_reboot);
my $memory = 2048 + 144 + ($at{image_end} - $at{image_start}) / 1024;
scenario('microvm, no memory', { machine => 'microvm', memory => $memory . 'K', append => 'services=chargen net.memory=16777216' }, sub ($vm) {
	$vm->wait_ready;
	free_memory($vm); # so that the command is unpacked
	my @peers = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $vm->port(tcp => 19)) } 1 .. 20;
	my $suite = ($at{cold_suite_end} - $at{cold_suite_start}) / 1024;
	ok(until_true(20, sub { (free_memory($vm) // $suite) < $suite }), "$vm->{label}: less than the suite is free");
	$vm->command('conform --list');
	like($vm->console, qr/cold: error: no memory to unpack the conformance suite \(\d+ KiB\)$/m, "$vm->{label}: is said");
	like($vm->command('free'), qr/^Mem: /m, "$vm->{label}: the shell goes on");
	leaves_with($vm, 0);
});

# One byte in the middle of the packed suite.
my $elf = read_file("$image.elf");
my ($headers) = unpack 'Q<', substr $elf, 32, 8;
for my $i (0 .. unpack('S<', substr $elf, 56, 2) - 1) {
	my ($type, undef, $offset, $virtual, undef, $size) = unpack 'L<L<Q<4', substr $elf, $headers + 56 * $i, 40;
	my $in_segment = $at{packed_start} - ($virtual & 0xffffffff);
	next if $type != 1 || $in_segment < 0 || $in_segment >= $size;
	my ($at, $length) = unpack 'L<L<', substr $elf, $offset + $in_segment, 8;
	substr($elf, $offset + $in_segment + $at + int($length / 2), 1) ^.= "\x10";
}
isnt($elf, read_file("$image.elf"), 'a byte of the image is another');
open my $file, '>:raw', "$folder/damaged.elf" or die "damaged.elf: $!\n";
print $file $elf;
close $file or die "damaged.elf: $!\n";
my $damaged = qr/cold: error: the conformance suite cannot be unpacked: the image is damaged$/m;
scenario('a damaged image', { image => "$folder/damaged", machine => 'microvm' }, sub ($vm) {
	$vm->wait_ready;
	my @free;
	for my $time (1, 2) {
		$vm->command('conform --list');
		is(scalar(() = $vm->console =~ /$damaged/g), $time, "$vm->{label}: is said");
		push @free, free_memory($vm);
	}
	is($free[1], $free[0], "$vm->{label}: keeps no memory");
	leaves_with($vm, 0);
});
scenario('a damaged image, run=conform', { image => "$folder/damaged", machine => 'microvm', append => 'run=conform' }, sub ($vm) {
	is($vm->wait_exit(60) >> 1, 1, "$vm->{label}: the job failed");
	like($vm->console, $damaged, "$vm->{label}: and why");
});

# -- The gates
sub check ($gates) {
	my $said = `perl kernel/cold/pack.pl check $image.nosymbols $gates 2>&1`;
	return ($said, $?);
}
my ($said, $status) = check('kernel/cold/gates');
is($status, 0, 'all that refers to cold parts is a gate') or diag $said;
open my $gates, '>', "$folder/gates" or die "gates: $!\n";
print $gates read_file('kernel/cold/gates') =~ s/^suite from table jobs\n//mr;
close $gates or die "gates: $!\n";
($said, $status) = check("$folder/gates");
isnt($status, 0, 'what is no gate is found');
like($said, qr/^ringside: job_entry_conform\+0x\w+ refers to run_job\+0 in the cold part suite\n/m, 'and named');

done_testing;
