# SPDX-License-Identifier: BSD-2-Clause
package Ringside::Counts;

# Costs that are the same in every run, counted by QEMU's trace or under -icount: what tests/bench/counts keeps and
# counts.t compares.
#
#	my %counts = Ringside::Counts::measure();
#	Ringside::Counts::write($path, %counts);
#
# A count is { kicks => 1, interrupts => 1, accesses => 0 } under the name of what was done; a column that is not
# there was not counted. Accesses are those of registers and ports of the device.

use v5.36;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use List::Util qw(max);
use Ringside::Client qw(udp_ask);
use Ringside::Host qw(scratch read_file write_file within);
use Ringside::VM;
use Time::HiRes qw(sleep);

our @COLUMNS = qw(kicks interrupts accesses instructions);

use constant { ROUNDS => 400, PARTS => 4, REST => 0.003 };

my @TRACE = map { ('-trace', $_) } qw(memory_region_ops_read memory_region_ops_write virtio_queue_notify virtio_notify virtio_notify_irqfd);
my $EMPTY = sub ($name) { return write_file(scratch() . "/counts-$name.raw", "\0" x (16 << 20)) };

sub read_table ($path) {
	my %counts;
	for (split /\n/, read_file($path) // die "$path: $!\n") {
		next if /^#/;
		my ($name, @fields) = split /\t/;
		$counts{$name} = { map { $fields[$_] eq '-' ? () : ($COLUMNS[$_] => $fields[$_]) } 0 .. $#COLUMNS };
	}
	return %counts;
}

sub write_table ($path, %counts) {
	my $text = "# Costs that are the same in every run: docs/performance.md says how this is written anew.\n"
	  . join("\t", '# what', @COLUMNS) . "\n";
	for my $name (sort keys %counts) {
		$text .= join("\t", $name, map { $counts{$name}{$_} // '-' } @COLUMNS) . "\n";
	}
	return write_file($path, $text);
}

# -- Machines that are traced

sub start ($name, %options) {
	my $trace = scratch() . "/counts-$name.trace";
	unlink $trace;
	my $vm = Ringside::VM->start(name => "counts-$name", %options, extra => [ @{ $options{extra} // [] }, @TRACE, '-D', $trace ]);
	$vm->{trace} = $trace;
	return $vm;
}

# What QEMU saw so far; accesses to regions of this name.
sub traced ($vm, $region) {
	my %count = map { $_ => 0 } qw(kicks interrupts accesses);
	open my $trace, '<', $vm->{trace} or die "$vm->{trace}: $!\n";
	while (<$trace>) {
		if    (/^virtio_queue_notify /)                                   { $count{kicks}++ }
		elsif (/^virtio_notify/)                                          { $count{interrupts}++ }
		elsif (/^memory_region_ops_(?:read|write) .* name '$region'/)     { $count{accesses}++ }
	}
	return \%count;
}

# What one operation costs. A stray one more, of a timer, is not seen: whole numbers. On a busy machine some operations cost less,
# when the guest finds more than one thing to do: so they are counted in parts, and the dearest is what they cost.
sub each_of ($vm, $region, $code) {
	my $look   = sub { $vm->command('version'); return traced($vm, $region) };    # what was done before it is in the trace
	my $before = $look->();
	my %each   = map { $_ => 0 } keys %$before;
	for (1 .. PARTS) {
		$code->(ROUNDS / PARTS);
		my $now = $look->();
		$each{$_} = max $each{$_}, sprintf '%.0f', ($now->{$_} - $before->{$_}) / (ROUNDS / PARTS) for keys %$now;
		$before = $now;
	}
	return \%each;
}

# -- What is done

# One datagram on its way at a time, and a rest between: one that comes while the guest is still busy with the last
# needs no interrupt.
sub echo_rounds ($port, $rounds) {
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'udp') or die "socket: $@\n";
	my $select = IO::Select->new($socket);
	for my $round (1 .. $rounds) {
		$socket->send(pack 'Nx60', $round);
		$select->can_read(within(5)) or die "datagram $round does not come back\n";
		$socket->recv(my $data, 2048);
		sleep REST;
	}
	return;
}

sub echo ($name, $region, %options) {
	my $vm = start($name, append => 'services=echo', user_options => ',ipv6=off', %options);
	$vm->wait_ready;
	udp_ask('127.0.0.1', $vm->port(udp => 7), 'hello');    # addresses are resolved
	my $count = each_of($vm, $region, sub ($rounds) { echo_rounds($vm->port(udp => 7), $rounds) });
	$vm->poweroff;
	return $count;
}

sub reads ($name, $region, $disk, %options) {
	my $vm = start($name, network => 'none', %options);
	$vm->wait_prompt;
	$vm->command('lsblk');
	my $count = each_of($vm, $region, sub ($reads) { $vm->command("blkbench $disk $reads 1", seconds => 60) });
	$vm->poweroff;
	return $count;
}

# -- The families of counts

# How virtio's devices are attached, and what QEMU calls their registers.
my %ways = (
	'pci, split'          => { pci => 'disable-legacy=on',             region => 'virtio-pci[^\']*' },
	'pci, packed'         => { pci => 'disable-legacy=on,packed=on',   region => 'virtio-pci[^\']*' },
	'legacy pci, split'   => { pci => 'disable-modern=on',             region => 'virtio-pci[^\']*' },
	'mmio, split'         => { mmio => '',                             region => 'virtio-mmio[^\']*' },
	'mmio, packed'        => { mmio => 'packed=on',                    region => 'virtio-mmio[^\']*' },
	'legacy mmio, split'  => { mmio => '', legacy => 1,                region => 'virtio-mmio[^\']*' },
);

sub device ($way, $device, $words) {
	my $pci = defined $way->{pci};
	return ('-device', join ',', $pci ? "virtio-$device-pci" : "virtio-$device-device", $words, grep { length } $pci ? $way->{pci} : $way->{mmio});
}

sub machine ($way) {
	return (machine => 'q35') if defined $way->{pci};
	return (machine => 'microvm', before_network => [ '-global', 'virtio-mmio.force-legacy=' . ($way->{legacy} ? 'true' : 'false') ]);
}

sub with_disk ($way, $name) {
	return ('-blockdev', 'driver=raw,node-name=disk,file.driver=file,file.filename=' . $EMPTY->($name), device($way, 'blk', 'drive=disk'));
}

sub virtio_counts () {
	my %counts;
	for my $what (sort keys %ways) {
		my $way  = $ways{$what};
		my $name = $what =~ s/\W+/-/gr;
		my $vm   = start("start-$name", machine($way), network => 'none', append => 'run=nothing',
			extra => [ '-netdev', 'hubport,hubid=0,id=net', device($way, 'net', 'netdev=net' . (defined $way->{pci} ? ',romfile=' : '')), with_disk($way, $name) ]);
		$vm->wait_exit(30) >> 1 == 3 or die "$what: the machine did not end as it should\n";
		$counts{"start and stop of a network and a disk: $what"} = { accesses => traced($vm, $way->{region})->{accesses} };
		$counts{"UDP echo, 1 in flight: $what"} = echo("echo-$name", $way->{region}, machine($way),
			network => [ '-netdev', 'user,id=net0,ipv6=off,hostfwd=udp:127.0.0.1:0-:7', device($way, 'net', "netdev=net0,mac=$Ringside::VM::MAC" . (defined $way->{pci} ? ',romfile=' : '')) ]);
		$counts{"disk read of 4 KiB, depth 1: $what"} = reads("read-$name", $way->{region}, 'vda', machine($way), extra => [ with_disk($way, "read-$name") ]);
	}
	return %counts;
}

sub emulated_counts () {
	my %counts;
	for my $case ([ 'e1000', 'e1000-mmio' ], [ 'rtl8139', 'rtl8139' ]) {
		my ($nic, $region) = @$case;
		my $count = echo($nic, $region, nic => $nic);
		$counts{"UDP echo, 1 in flight: $nic"} = { accesses => $count->{accesses} };
	}
	for my $case ([ 'pc', 'ide', '(?:ide|piix-bmdma|bmdma)' ], [ 'q35', 'ahci', 'ahci' ]) {
		my ($machine, $what, $region) = @$case;
		my $count = reads($what, $region, 'sda', machine => $machine, extra => [
			'-blockdev', 'driver=raw,node-name=disk,file.driver=file,file.filename=' . $EMPTY->($what), '-device', 'ide-hd,drive=disk,bus=ide.0,unit=0' ]);
		$counts{"disk read of 4 KiB, depth 1: $what"} = { accesses => $count->{accesses} };
	}
	return %counts;
}

# What the bench job says under -icount, where the time stamp counter counts instructions.
sub ring_counts () {
	my $vm = Ringside::VM->start(name => 'counts-rings', machine => 'microvm', network => 'none',
		append => 'run=bench bench.only=rings bench.report=json bench.rounds=2 bench.warmup=1', extra => [ '-icount', 'shift=0,sleep=off' ]);
	$vm->wait_exit(60) == 0 or die "the bench job failed\n";
	my ($document) = $vm->console =~ /^(\{\n.*^\})$/ms or die "the bench job made no report\n";
	my %counts;
	for my $result (@{ JSON::PP::decode_json($document)->{results} }) {
		$counts{"ring, $result->{device}: $result->{operation}"} = { kicks => 0 + $result->{kicks}, instructions => 0 + $result->{median} };
	}
	return %counts;
}

# Steps of a start that wait, for a clock or a device: while the CPU halts -icount's time jumps. And those so short that one
# interrupt would be seen.
my $WAITS = qr/^(?:clocks|.* driven)$/;
use constant STEP_LEAST => 1000;

# Whose registers are counted: all but those of clocks, which are read until time has passed, and of the serial port; with SeaBIOS
# those that it does not use.
my %registers = (microvm => '(?!pit|serial)[^\']*', q35 => '(?:pcie-mmcfg-mmio|virtio-pci[^\']*|msix-table|ioapic)');

# What a start costs: instructions of its steps, and accesses of registers.
sub start_counts () {
	my %counts;
	for my $machine (sort keys %registers) {
		my $vm = start("start-to-end-$machine", machine => $machine, cpu => 'max', network => 'dead',
			append => 'ip=10.0.2.15/24 services=http,echo run=bench bench.only=boot bench.report=json', extra => [ '-icount', 'shift=0,sleep=off' ]);
		$vm->wait_exit(60) == 0 or die "$machine: the bench job failed\n";
		my ($document) = $vm->console =~ /^(\{\n.*^\})$/ms or die "$machine: the bench job made no report\n";
		for my $result (@{ JSON::PP::decode_json($document)->{results} }) {
			next if $result->{device} ne 'step' || $result->{operation} =~ $WAITS || $result->{median} < STEP_LEAST;
			$counts{"start, $machine: $result->{operation}"} = { instructions => 0 + $result->{median} };
		}
		$counts{"start and end, $machine"} = { accesses => traced($vm, $registers{$machine})->{accesses} };
	}
	return %counts;
}

sub measure () { return (virtio_counts(), emulated_counts(), ring_counts(), start_counts()) }

1;
