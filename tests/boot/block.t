#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Disks: what the host wrote is read, what the guest writes is on the image; partitions, read-only disks, discard,
# resizing, time-outs and resets, several queues, and what a read costs by QEMU's own count.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA ();
use Ringside::Checks;
use Ringside::Host       qw(scratch program read_file write_file until_true);
use Ringside::Partitions qw(mbr gpt);
use Ringside::VM;
use JSON::PP ();
use Test::More;

plan skip_all => 'qemu-img is not installed (package qemu-utils)' unless program('qemu-img');

use constant MIB => 1 << 20;

sub qemu_img (@words) {
	open my $output, '-|', program('qemu-img'), @words or die "qemu-img: $!";
	my @said = <$output>;
	close $output or die "qemu-img @words: @said";
	return join '', @said;
}

# An image with the given content, in a format; its path.
sub image ($name, $format, $content) {
	my $raw = write_file(scratch() . "/$name.raw", $content);
	return $raw if $format eq 'raw';
	my $path = scratch() . "/$name.$format";
	qemu_img('convert', '-O', $format, $raw, $path);
	return $path;
}

# What the guest has left on it.
sub content ($path, $format) {
	return read_file($path) if $format eq 'raw';
	my $raw = "$path.back";
	qemu_img('convert', '-O', 'raw', $path, $raw);
	return read_file($raw);
}

# QEMU's words for a disk. %options: block (for the image), device, id, serial.
sub disk_words ($machine, $path, $format, %options) {
	my $node = $options{node} // 'disk0';
	my $vm   = bless { machine => $machine }, 'Ringside::VM';
	my $more = join '', map { ",$_" } grep { defined } $options{block};
	return ('-blockdev', "driver=$format,node-name=$node$more,file.driver=file,file.filename=$path,file.discard=unmap,discard=unmap",
		$vm->device_words('virtio-blk', join ',', "drive=$node", grep { defined && length } $options{device}));
}

# A machine with one disk and no network; the code gets it with the first prompt there.
sub with_disk ($name, $machine, $words, $code, %options) {
	scenario($name, { machine => $machine, network => 'none', extra => $words, %options }, sub ($vm) {
		$vm->wait_prompt;
		$code->($vm);
	});
	return;
}

# What lsblk says of each device: size, read-only, type, serial number or label.
sub lsblk ($vm) {
	my %found;
	for my $line (split /\n/, $vm->command('lsblk')) {
		$found{$1} = [ $2, $3, $4, $5 ] if $line =~ /^[|`]?-?(vd\S+)\s+(\S+)\s+([01])\s+(disk|part)\s?(.*)$/;
	}
	return \%found;
}

# -- Reading and writing, each format on each bus

my $pattern = join '', map { pack 'N', $_ * 2654435761 & 0xffffffff } 0 .. MIB;    # a bit more than 4 MiB
$pattern = substr $pattern, 0, 4 * MIB;

for my $machine (qw(q35 microvm)) {
	for my $format (qw(raw qcow2)) {
		my $start = $pattern . "\0" x (28 * MIB);
		my $path  = image("rw-$machine-$format", $format, $start);
		my @words = disk_words($machine, $path, $format, device => 'serial=RS-42');
		with_disk("$machine, $format", $machine, \@words, sub ($vm) {
			my $label = $vm->{label};
			is_deeply(lsblk($vm)->{vda}, [ '32M', '0', 'disk', 'RS-42' ], "$label: lsblk");
			my $dump = $vm->command('blkread vda 100 2');
			my $read = join '', map { /^[0-9a-f]{8}  ((?:[0-9a-f]{2} +){16})/ ? pack('H*', $1 =~ s/ //gr) : () } split /\n/, $dump;
			is($read, substr($pattern, 100 * 512, 1024), "$label: reads what the host wrote");
			like($vm->command('blkwrite vda 7 nothing'), qr/say --yes/, "$label: writes nothing unasked");
			$vm->command("blkwrite --yes vda 9000 written by the guest");
			$vm->command("blkwrite --yes vda 9001 0x5a*7");
			like($vm->command('blkread vda 9000'), qr/\|written by the g\|/, "$label: reads what it wrote");
			like($vm->command('blkread vda 65536'), qr/beyond the end/, "$label: not beyond the end");
			no_warnings($vm);
			leaves_with($vm, 0);
			substr($start, 9000 * 512, 512)     = pack 'a512', 'written by the guest';
			substr($start, 9001 * 512, 7 * 512) = "\x5a" x (7 * 512);
			is(Digest::SHA::sha1_hex(content($path, $format)), Digest::SHA::sha1_hex($start), "$label: the image has that and nothing else");
		});
	}
}

# Every command that only looks, and a whole boot: no bit of the disk changes.
{
	my $path = image('untouched', 'raw', $pattern);
	with_disk('q35, only looked at', 'q35', [ disk_words('q35', $path, 'raw') ], sub ($vm) {
		$vm->command($_) for 'lsblk', 'blkread vda 0 16', 'hexdump -s 100 -n 5000 vda', 'blkbench vda 200 32', 'blkcache vda',
		  'blkdiscard vda 0 8', 'blktest vda 1', 'blkwrite vda 0 x', 'devices', 'devices reset virtio0', 'blkread vda 1';
		leaves_with($vm, 0);
		is(Digest::SHA::sha1_hex(read_file($path)), Digest::SHA::sha1_hex($pattern), "$vm->{label}: the image is what it was");
	});
}

# -- Partitions

{
	my $disk = "\0" x (32 * MIB);
	mbr(\$disk);
	substr($disk, (24576 + 63 + 5) * 512, 5) = 'hello';
	with_disk('q35, MBR', 'q35', [ disk_words('q35', image('mbr', 'raw', $disk), 'raw') ], sub ($vm) {
		my $label = $vm->{label};
		my $found = lsblk($vm);
		is(join(' ', map { "$_:$found->{$_}[0]" } sort keys %$found), 'vda:32M vda1:2M vda2:1M vda3:8M vda5:500K vda6:1000K', "$label: lsblk");
		like($vm->command('blkread vda6 5'), qr/^00000a00  68 65 6c 6c 6f 00/m, "$label: a partition's sectors are counted from its start");
		like($vm->command('blkread vda6 2000'), qr/beyond the end/, "$label: and end with it");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}
for my $damaged (0, 1) {
	my $disk = "\0" x (16 * MIB);
	gpt(\$disk, [ 2048, 4095, 'boot' ], [ 4096, 32000, 'root file system' ]);
	substr($disk, 512 + 40, 1) = 'x' if $damaged;
	my $name = $damaged ? 'q35, GPT, the first header is damaged' : 'q35, GPT';
	with_disk($name, 'q35', [ disk_words('q35', image("gpt$damaged", 'raw', $disk), 'raw') ], sub ($vm) {
		my $label = $vm->{label};
		my $found = lsblk($vm);
		is_deeply($found->{vda1}, [ '1M', '0', 'part', 'boot' ], "$label: lsblk: the first");
		is_deeply($found->{vda2}, [ '13.6M', '0', 'part', 'root file system' ], "$label: lsblk: the second");
		is(scalar($vm->warnings), $damaged, "$label: warnings: $damaged");
		leaves_with($vm, 0);
	});
}

# -- Read-only

{
	my $path = image('ro', 'raw', $pattern);
	with_disk('q35, read-only', 'q35', [ disk_words('q35', $path, 'raw', block => 'read-only=on') ], sub ($vm) {
		my $label = $vm->{label};
		is(lsblk($vm)->{vda}[1], 1, "$label: lsblk says so");
		like($vm->command('blkwrite --yes vda 0 x'), qr/the device is read-only/, "$label: blkwrite fails");
		like($vm->command('blkdiscard --yes vda 0 8'), qr/the device is read-only|cannot do that/, "$label: blkdiscard fails");
		like($vm->command('hexdump -n 4 vda'), qr/^00000000  00 00 00 00 /, "$label: and is read");
		leaves_with($vm, 0);
	});
}

# -- Discard and zeroes: the host gets its blocks back

{
	my $path = image('discard', 'raw', "\xff" x (16 * MIB));
	with_disk('q35, discard', 'q35', [ disk_words('q35', $path, 'raw') ], sub ($vm) {
		my $label  = $vm->{label};
		my $blocks = sub { (stat $path)[12] };
		my $before = $blocks->();
		$vm->command('blkdiscard --yes vda 2048 16384');
		cmp_ok($blocks->(), '<=', $before - 16384 + 64, "$label: 8 MiB of the image's blocks are gone");
		$vm->command('blkdiscard --yes -z vda 20480 10');
		$vm->command('blkdiscard --yes -z -u vda 24576 2048');
		like($vm->command('blkdiscard --yes -s vda 0 8'), qr/cannot do that/, "$label: no secure erase");
		leaves_with($vm, 0);
		my $after = read_file($path);
		my $wanted = "\xff" x (16 * MIB);
		substr($wanted, $_->[0] * 512, $_->[1] * 512) = "\0" x ($_->[1] * 512) for [ 2048, 16384 ], [ 20480, 10 ], [ 24576, 2048 ];
		ok($after eq $wanted, "$label: zeroes there, and nowhere else");
	});
}

# -- Several queues

{
	my $path = image('mq', 'raw', "\0" x (32 * MIB));
	with_disk('q35, 4 queues, 4 CPUs', 'q35', [ disk_words('q35', $path, 'raw', device => 'num-queues=4') ], sub ($vm) {
		my $label = $vm->{label};
		like($vm->command('blktest --yes vda 16', seconds => 60), qr/^ringside: blktest vda: 16 MiB verified, \d+ kicks, \d+ interrupts$/m,
			"$label: 16 MiB from all CPUs at once");
		my @added = $vm->command('devices') =~ /queue \d: virtio0-requests\d, .* added (\d+),/g;
		is(scalar @added, 4, "$label: four queues");
		is(scalar(grep { $_ >= 256 } @added), 4, "$label: each has done its part") or diag "@added";
		my $interrupts = $vm->command('interrupts');
		is(scalar(() = $interrupts =~ /virtio0-requests[0-3]$/mg), 4, "$label: each with an interrupt of its own") or diag $interrupts;
		no_warnings($vm);
		leaves_with($vm, 0);
	}, cpus => 4);
}

# -- Ways of presenting it: the same test over each

for my $way (
	[ 'packed ring',        'q35',     'packed=on' ],
	[ 'legacy PCI',         'q35',     'disable-modern=on,disable-legacy=off' ],
	[ 'transitional',       'q35',     'disable-legacy=off' ],
	[ 'one vector for all', 'q35',     'vectors=1' ],
	[ 'two vectors',        'q35',     'vectors=2' ],
	[ 'no MSI-X',           'q35',     'vectors=0' ],
	[ 'polling',            'q35',     undef, 'virtio.interrupts=poll' ],
	[ 'no event index',     'q35',     'event_idx=off' ],
	[ 'no indirect',        'q35',     'indirect_desc=off' ],
	[ 'queue of 4',         'q35',     'queue-size=4,seg-max-adjust=on' ],
	[ 'queue of 1024',      'q35',     'queue-size=1024' ],
	[ 'blocks of 4096',     'q35',     'logical_block_size=4096,physical_block_size=4096' ],
	[ 'write-through',      'q35',     'write-cache=off' ],
	[ 'packed ring',        'microvm', 'packed=on' ],
	[ 'on microvm with PCI', 'microvm,pcie=on' ],
) {
	my ($name, $machine, $device, $append) = @$way;
	state $number = 0;
	my $path = image('way' . $number++, 'raw', "\0" x (16 * MIB));
	with_disk("$machine, $name", $machine, [ disk_words($machine, $path, 'raw', device => $device) ], sub ($vm) {
		like($vm->command('blktest --yes vda 8', seconds => 90), qr/: 8 MiB verified/, "$vm->{label}: 8 MiB");
		$vm->command('devices reset virtio0');
		like($vm->command('blktest --yes vda 2', seconds => 60), qr/: 2 MiB verified/, "$vm->{label}: again after a reset");
		leaves_with($vm, 0);
		isnt(substr(read_file($path), 0, 4096), "\0" x 4096, "$vm->{label}: and it is on the image");
	}, cpus => 2, append => $append // '');
}

# -- Changes while it runs

for my $machine (qw(q35 microvm)) {
	my $path = image("resize-$machine", 'raw', "\0" x (8 * MIB));
	with_disk("$machine, resize", $machine, [ disk_words($machine, $path, 'raw') ], sub ($vm) {
		my $label = $vm->{label};
		like($vm->command('blkread vda 20000'), qr/beyond the end/, "$label: 8 MiB at first");
		$vm->qmp->execute('block_resize', 'node-name' => 'disk0', size => 24 * MIB);
		$vm->wait_for(qr/vda: resized from 8M to 24M \(16384 to 49152 sectors\)\n/);
		pass("$label: one line says so");
		is(lsblk($vm)->{vda}[0], '24M', "$label: lsblk");
		$vm->command('blkwrite --yes vda 40000 in the new part');
		like($vm->command('blkread vda 40000'), qr/in the new part/, "$label: the new part is used");
		is(scalar(() = $vm->console =~ /resized from/g), 1, "$label: once");
		leaves_with($vm, 0);
	});
}

{
	my $path = image('cache', 'raw', "\0" x (8 * MIB));
	with_disk('q35, write cache', 'q35', [ disk_words('q35', $path, 'raw') ], sub ($vm) {
		my $label = $vm->{label};
		is($vm->command('blkcache vda'), "vda: write-back\n", "$label: back at first");
		is($vm->command('blkcache vda through'), "vda: write-through\n", "$label: through when asked");
		$vm->command('devices reset virtio0');
		$vm->command('blkwrite --yes vda 0 x');
		is($vm->command('blkcache vda'), "vda: write-through\n", "$label: also after a reset");
		is($vm->command('blkcache vda back'), "vda: write-back\n", "$label: and back again");
		leaves_with($vm, 0);
	});
}

# -- Errors, and a device that does not answer

{
	my $path = image('errors', 'raw', $pattern);
	my @words = ('-blockdev', "driver=file,node-name=file0,filename=$path",
		'-blockdev', 'driver=blkdebug,node-name=disk0,image=file0,inject-error.0.event=none,inject-error.0.iotype=read,'
		  . 'inject-error.0.sector=100,inject-error.0.errno=5,inject-error.0.once=off,inject-error.0.immediately=off',
		'-device', 'virtio-blk-pci,drive=disk0');
	with_disk('q35, a bad sector', 'q35', \@words, sub ($vm) {
		my $label = $vm->{label};
		like($vm->command('blkread vda 100'), qr{input/output error}, "$label: is an error");
		like($vm->command('blkread vda 102'), qr/^0000cc00 /m, "$label: the next one is none");
		leaves_with($vm, 0);
	});
}

{
	my $path = image('slow', 'raw', $pattern);
	my @words = ('-object', 'throttle-group,id=slow,x-iops-total=100', '-blockdev', "driver=raw,node-name=raw0,file.driver=file,file.filename=$path",
		'-blockdev', 'driver=throttle,node-name=disk0,throttle-group=slow,file=raw0', '-device', 'virtio-blk-pci,drive=disk0');
	with_disk('q35, does not answer', 'q35', \@words, sub ($vm) {
		my $label = $vm->{label};
		like($vm->command('blkread vda 1'), qr/^00000200 /m, "$label: answers at first");
		# A write that takes minutes at that rate.
		$vm->qmp->execute('qom-set', path => '/objects/slow', property => 'limits', value => { 'bps-total' => 2000, 'bps-total-max' => 2000 });
		$vm->command('blkread vda 1 64');
		my $output = $vm->command('blkread vda 200 64', seconds => 60);
		like($output, qr/the device did not answer/, "$label: an error says so");
		like($vm->console, qr/vda: no answer for 2 s to operation 0, sector \d+\n/, "$label: and a line");
		$vm->qmp->execute('qom-set', path => '/objects/slow', property => 'limits', value => { 'bps-total' => 0, 'bps-total-max' => 0 });
		like($vm->command('blkread vda 3', seconds => 60), qr/^00000600 /m, "$label: the next read works");
		leaves_with($vm, 0);
	}, append => 'block.timeout=2');
}

# -- What a read costs

for my $machine (qw(q35 microvm)) {
	my $trace = scratch() . "/$machine.trace";
	my $path  = image("cost-$machine", 'raw', "\0" x (64 * MIB));
	my @words = (disk_words($machine, $path, 'raw'), '-trace', 'virtio_queue_notify', '-trace', 'virtio_notify', '-trace', 'virtio_notify_irqfd', '-D', $trace);
	with_disk("$machine, costs", $machine, \@words, sub ($vm) {
		my $label = $vm->{label};
		my $count = sub {
			my $text = read_file($trace);
			return (scalar(() = $text =~ /virtio_queue_notify /g), scalar(() = $text =~ /virtio_notify(?:_irqfd)? /g));
		};
		$vm->command('lsblk');    # whatever it was asked at first is over
		for my $depth (1, 32) {
			my ($kicks, $interrupts) = $count->();
			my $said = $vm->command("blkbench vda 2048 $depth", seconds => 60);
			my ($microseconds, $own_kicks, $own_interrupts) = $said =~ /: 2048 reads of 4096 bytes, depth $depth, (\d+) us, (\d+) kicks, (\d+) interrupts/;
			my ($kicks_after, $interrupts_after) = $count->();
			$kicks      = $kicks_after - $kicks;
			$interrupts = $interrupts_after - $interrupts;
			# Two that come before QEMU looks are one for it.
			ok($kicks <= $own_kicks && $kicks >= $own_kicks - ($depth > 1 ? 3 : 0), "$label: depth $depth: QEMU counts as many kicks as we do ($kicks, $own_kicks)");
			my $figures = sprintf '%.3f kicks, %.3f interrupts, %.1f us for each read of 4 KiB', $kicks / 2048, $interrupts / 2048, $microseconds / 2048;
			cmp_ok($kicks,      '<=', 2048, "$label: depth $depth: at most one kick for each ($figures)");
			cmp_ok($interrupts, '<=', 2048, "$label: depth $depth: at most one interrupt for each");
			diag "$label: depth $depth: $figures" if $ENV{RINGSIDE_FIGURES};
		}
		leaves_with($vm, 0);
	});
}

with_disk('q35, null-co', 'q35', [ '-blockdev', 'driver=null-co,node-name=disk0,size=1073741824,read-zeroes=on', '-device', 'virtio-blk-pci,drive=disk0' ], sub ($vm) {
	my $label = $vm->{label};
	my ($one)  = $vm->command('blkbench vda 5000 1',  seconds => 60) =~ /, (\d+) us,/;
	my ($many) = $vm->command('blkbench vda 5000 64', seconds => 60) =~ /, (\d+) us,/;
	ok($one && $many, sprintf '%s: %.0f reads a second at depth 1, %.0f at depth 64', $label, 5e9 / $one, 5e9 / $many);
	cmp_ok($many, '<', $one, "$label: many at once are faster");
	like($vm->command('blkbench vda 64 4 128'), qr/: 64 reads of 131072 bytes, depth 4, /, "$label: blkbench: in blocks of 128 KiB");
	like($vm->command("blkbench vda 64 4 $_"), qr/^usage: blkbench /m, "$label: blkbench: not in blocks of $_ KiB") for 0, 1025;
	diag sprintf '%s: %.0f reads a second at depth 1, %.0f at depth 64', $label, 5e9 / $one, 5e9 / $many if $ENV{RINGSIDE_FIGURES};
	leaves_with($vm, 0);
});

# -- The status page's facts

{
	my $path = image('facts', 'raw', $pattern);
	scenario('q35, facts', { machine => 'q35', extra => [ disk_words('q35', $path, 'raw', device => 'serial=S1') ] }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_ready;
		$vm->command('lsblk');
		my $status = page_is($vm, method => 'pvh');
		my ($disk) = @{ $status->{block}{disks} };
		is($disk->{name}, 'vda', "$label: the page has the disk");
		is($disk->{size}, 4 * MIB, "$label: its size");
		is($disk->{serial}, 'S1', "$label: its serial number");
		ok($disk->{statistics}{reads} > 0, "$label: what it did");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

done_testing;
