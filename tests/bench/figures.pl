#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The figures of docs/performance.md, as Markdown tables:
#
#	perl tests/bench/figures.pl [lines|size|start|kicks|tso] ...
#
#	lines	lines of code of each driver, without comments and empty lines
#	size	the images
#	start	from QEMU's start to the first line and to `ready`, and how much code QEMU translates until then
#	kicks	kicks and interrupts for each echo and each read, by ring and way to interrupt
#	tso	what sending costs with segmentation offload and without, over a TAP device
#
# Counts are the guest's own; tests/boot/matrix.t holds them against QEMU's trace.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../boot/lib", "$FindBin::Bin/lib";
use Bench::Results qw(median);
use IO::Socket::INET;
use List::Util qw(sum0);
use Ringside::Client qw(chargen_hash);
use Ringside::Host   qw(scratch read_file top within);
use Ringside::Tap    qw(enter_namespace tap_network);
use Ringside::VM;
use Time::HiRes qw(time);

use constant STARTS   => 9;
use constant DATAGRAM => 64;
use constant BYTES    => 50_000_000;

sub row (@cells) { say '| ' . join(' | ', @cells) . ' |' }

sub table ($head, @rows) {
	row(@$head);
	row(('---') x @$head);
	row(@$_) for @rows;
	say '';
	return;
}

# -- Lines

my @drivers = (
	[ 'virtio core',          'drivers/virtio/*.[ch]' ],
	[ 'split ring',           'drivers/virtio/rings/split.[ch]' ],
	[ 'packed ring',          'drivers/virtio/rings/packed*.[ch]' ],
	[ 'both rings',           'drivers/virtio/rings/{virtqueue,tables,formats}.[ch]' ],
	[ 'transports',           'drivers/virtio/transports/*.[ch]' ],
	[ 'virtio_net',           'drivers/net/virtio_net*.[ch]' ],
	[ 'network layer',        'drivers/net/{network,ethtool,vlan}.[ch]' ],
	[ 'virtio_blk',           'drivers/block/virtio_blk*.[ch]' ],
	[ 'block layer',          'drivers/block/[!v]*.[ch]' ],
	[ 'virtio_console',       'drivers/console/virtio_console*.[ch]' ],
	[ 'other consoles',       'drivers/console/[!v]*.[ch]' ],
	[ 'virtio_balloon',       'drivers/balloon/*.[ch]' ],
	[ 'virtio_rng',           'drivers/entropy/*.[ch]' ],
	[ 'PCI',                  'drivers/pci/*.[ch]' ],
	[ 'ACPI and the machine', 'drivers/platform/*.[ch]' ],
);

sub code_lines ($path) {
	my $text = read_file($path) // die "$path: $!\n";
	$text =~ s{/\*.*?\*/}{}gs;
	return scalar grep { /\S/ } split /\n/, $text;
}

sub lines () {
	my @rows;
	for my $driver (@drivers) {
		my ($name, $pattern) = @$driver;
		my @files = grep { -e } glob $pattern or die "$name: no file $pattern\n";
		push @rows, [ $name, scalar @files, sum0(map { code_lines($_) } @files) ];
	}
	table([ 'driver', 'files', 'lines' ], @rows, [ 'together', sum0(map { $_->[1] } @rows), sum0(map { $_->[2] } @rows) ]);
	return;
}

# -- Size

sub size () {
	table([ 'image', 'bytes' ], map { [ "`$_`", -s "build/$_" // '-' ] } qw(ringside.elf ringside.bzImage ringside.efi));
	return;
}

# -- Start

my @ways = (
	[ 'microvm',       'elf',     machine => 'microvm' ],
	[ 'q35, qboot',    'elf',     machine => 'q35', bios => 'qboot.rom' ],
	[ 'pc, qboot',     'elf',     machine => 'pc', bios => 'qboot.rom' ],
	[ 'pc, SeaBIOS',   'elf',     machine => 'pc' ],
	[ 'q35, SeaBIOS',  'elf',     machine => 'q35' ],
	[ 'q35, SeaBIOS',  'bzImage', machine => 'q35', boot => 'bzimage' ],
	[ 'q35, OVMF',     'efi',     machine => 'q35', boot => 'efi-kernel', ovmf => 1 ],
);

# Milliseconds to its first line, and to the line `ready`.
sub start_times (%options) {
	my $vm = Ringside::VM->start(name => 'figures-start', %options);
	my @patterns = (qr/^ringside [\d.]+/m, qr/^ringside: ready/m);
	my @took;
	while (@took < @patterns) {
		$vm->wait_output(within(20)) or $vm->fail('is not ready');
		push @took, 1000 * (time - $vm->{started_at}) while @took < @patterns && $vm->{console} =~ $patterns[@took];
	}
	$vm->stop;
	return @took;
}

# Blocks and instructions that QEMU translates until then: the firmware's, and ours, which lie in the top 2 GiB.
sub translated (%options) {
	my $log = scratch() . '/figures-start.asm';
	start_times(%options, extra => [ '-d', 'in_asm', '-D', $log ]);
	my %count = map { $_ => 0 } qw(blocks instructions firmware_blocks firmware_instructions);
	my $begin;
	for (split /\n/, read_file($log) // die "$log: $!\n") {
		$begin = 1 if /^IN:/;
		my ($address) = /^0x([0-9a-f]+):/ or next;
		my $whose = $address =~ /^f{8}[89a-f]/ ? '' : 'firmware_';
		$count{"${whose}instructions"}++;
		$count{"${whose}blocks"} += $begin;
		$begin = 0;
	}
	return \%count;
}

sub start () {
	my @rows;
	for my $way (@ways) {
		my ($title, $image, @options) = @$way;
		my (@line, @ready);
		for (1 .. STARTS) {
			my ($line, $ready) = start_times(@options);
			push @line, $line;
			push @ready, $ready;
		}
		my $count = translated(@options);
		push @rows, [ $title, "`ringside.$image`", map({ sprintf '%.1f', median(@$_) } \@line, \@ready), @$count{qw(firmware_blocks blocks instructions)} ];
	}
	table([ 'machine, firmware', 'image', 'first line', 'ready', "firmware's blocks", 'ours', 'instructions of them' ], @rows);
	return;
}

# -- Kicks

# Sends so many datagrams, `depth` at a time. Returns how many came back.
sub echoes ($port, $count, $depth) {
	my $socket = IO::Socket::INET->new(Proto => 'udp', PeerAddr => '127.0.0.1', PeerPort => $port) or die "udp: $@\n";
	my $came   = 0;
	for (1 .. $count / $depth) {
		$socket->send('x' x DATAGRAM) for 1 .. $depth;
		for (1 .. $depth) {
			vec(my $wanted = '', fileno $socket, 1) = 1;
			select $wanted, undef, undef, 1 or last;
			$came += defined $socket->recv(my $answer, 2 * DATAGRAM);
		}
	}
	return $came;
}

sub counters ($vm) { return { $vm->command('ethtool -S eth0') =~ /^\s+(\w+): (\d+)$/mg } }

# What the counters grew by while `code` ran.
sub grown ($vm, $code) {
	my $before = counters($vm);
	$code->();
	my $after = counters($vm);
	return { map { $_ => $after->{$_} - $before->{$_} } keys %$after };
}

sub for_each ($count, $kicks, $interrupts) { return sprintf '%.3f / %.3f', $kicks / $count, $interrupts / $count }

sub kicks_of ($ring, $way) {
	my $packed = $ring eq 'packed' ? ',packed=on' : '';
	my $disk   = scratch() . '/disk.img';
	open my $file, '>', $disk or die "$disk: $!\n";
	truncate $file, 64 << 20;
	my $vm = Ringside::VM->start(
		name   => "figures-$ring-$way", net_options => $packed =~ s/^,//r,
		append => "services=echo virtio.interrupts=$way", user_options => ',ipv6=off',
		extra  => [ '-blockdev', "driver=raw,node-name=disk0,file.driver=file,file.filename=$disk", '-device', "virtio-blk-pci,drive=disk0$packed" ]);
	$vm->wait_ready;
	my @cells;
	for my $depth (1, 32) {
		my $came  = 0;
		my $grown = grown($vm, sub { $came = echoes($vm->port(udp => 7), 1920, $depth) });
		push @cells, for_each($came, @$grown{qw(kicks interrupts)});
	}
	for my $depth (1, 32) {
		my ($reads, $kicks, $interrupts) =
		  $vm->command("blkbench vda 4000 $depth", seconds => 60) =~ /: (\d+) reads .*?(\d+) kicks, (\d+) interrupts/ or die "blkbench failed\n";
		push @cells, for_each($reads, $kicks, $interrupts);
	}
	$vm->stop;
	return [ $ring, $way, @cells ];
}

sub kicks () {
	my @rows;
	for my $ring (qw(split packed)) {
		push @rows, map { kicks_of($ring, $_) } qw(per-queue shared intx poll);
	}
	table([ 'ring', 'interrupts', 'echo, 1 in flight', 'echo, 32', 'read, 1 in flight', 'read, 32' ], @rows);
	return;
}

# -- Segmentation offload

sub tso () {
	my @device = ('-device', "virtio-net-pci,netdev=net0,romfile=,mac=$Ringside::VM::MAC");
	my $vm     = Ringside::VM->start(name => 'figures-tso', network => [ tap_network('ringside0'), @device ], append => 'services=chargen');
	my $address = $vm->wait_ready;
	my @rows;
	for my $word (qw(off on)) {
		$vm->command("ethtool -K eth0 tso $word");
		my $took;
		my $grown = grown($vm, sub {
			my $start = time;
			my ($hash, $expected) = chargen_hash($address, 19, BYTES);
			$took = time - $start;
			die "tso $word: the data is not chargen's\n" if $hash ne $expected;
		});
		my $mib = BYTES / (1 << 20);
		push @rows, [ $word, map({ sprintf '%.1f', $grown->{$_} / $mib } qw(transmit_packets kicks interrupts)), sprintf '%.0f', BYTES / 1e6 / $took ];
	}
	$vm->stop;
	table([ 'tso', 'frames for each MiB', 'kicks', 'interrupts', 'MB/s' ], @rows);
	return;
}

my %all   = (lines => \&lines, size => \&size, start => \&start, kicks => \&kicks, tso => \&tso);
my @names = @ARGV ? @ARGV : qw(lines size start kicks tso);
$all{$_} or die "no figures of $_; there are: @{[ sort keys %all ]}\n" for @names;

chdir top() or die top() . ": $!\n";
# A TAP device is in a namespace of this program's own, into which it starts anew.
if (grep { $_ eq 'tso' } @names) {
	my $missing = enter_namespace(@ARGV);
	if ($missing) {
		warn "tso is left out: $missing\n";
		@names = grep { $_ ne 'tso' } @names;
	}
}
$all{$_}->() for @names;
