#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Emulated devices: e1000 and rtl8139, IDE and AHCI, pass the tests of data that virtio passes, each alone and
# all at once, under UEFI too; resets under load; bad sectors; devices that are named and not driven.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha1_hex);
use JSON::PP ();
use IO::Socket::IP;
use Ringside::Checks;
use Ringside::Client     qw(http_get tcp_echo tcp_send_count chargen_hash udp_ask);
use Ringside::Host       qw(scratch read_file write_file until_true);
use Ringside::Load       qw(in_child stream_echo);
use Ringside::Partitions qw(mbr);
use Ringside::VM;
use Test::More;

use constant MIB => 1 << 20;
use constant TRANSFER => 20_000_000;

my %module_of = (e1000 => 'e1000', rtl8139 => '8139too');
my $SERVICES = 'services=http,echo,discard,chargen';

sub status ($vm) { return JSON::PP::decode_json(http_get('127.0.0.1', $vm->port(tcp => 80), '/status.json')->{body}) }
sub emulated ($vm, $driver) { return grep { $_->{driver} eq $driver } @{ status($vm)->{emulated}{devices} } }
sub counter ($vm, $name) { return $vm->command('ethtool -S eth0') =~ /^\s*\Q$name\E: (\d+)$/m ? $1 : die "no counter $name\n" }

# Resets a device while the code's child works; waits until it has come back each time.
sub reset_under_load ($vm, $bus, $driver, $count) {
	my ($device) = emulated($vm, $driver);
	my $before = $device->{recoveries};
	for my $time (1 .. $count) {
		$vm->command("devices reset $bus");
		$vm->wait_for(qr/(?:\Q$bus\E \(\Q$driver\E\): reset, and running again.*?){@{[ $before + $time ]}}/s);
	}
	return;
}

# -- Network

sub data_of ($vm) {
	my $label = $vm->{label};
	my ($sent, $came, $count) = tcp_echo('127.0.0.1', $vm->port(tcp => 7), TRANSFER);
	is($came, $sent, "$label: TCP echo of 20 MB comes back as it went");
	my ($hash, $expected) = chargen_hash('127.0.0.1', $vm->port(tcp => 19), TRANSFER);
	is($hash, $expected, "$label: 20 MB of chargen are RFC 864's pattern");
	is(tcp_send_count('127.0.0.1', $vm->port(tcp => 9), TRANSFER), TRANSFER . "\n", "$label: discard took 20 MB");
	for my $length (0, 1, 17, 512, 1472, 4000) {
		my $question = join '', map { chr int rand 256 } 1 .. $length;
		my $back = udp_ask('127.0.0.1', $vm->port(udp => 7), $question);
		ok(defined $back && $back eq $question, "$label: UDP echo of $length bytes");
	}
	return;
}

sub names_of ($vm, $nic) {
	my ($label, $module) = ($vm->{label}, $module_of{$nic});
	my ($bus) = map { $_->{bus} } emulated($vm, $module);
	like($vm->command("lspci -v -s $bus"), qr/^\tKernel driver in use: \Q$module\E$/m, "$label: lspci says the driver");
	like($vm->command('lsmod'), qr/^\Q$module\E\s+[1-9]\d+  0$/m, "$label: lsmod says the module");
	like($vm->command('ethtool -i eth0'), qr{^driver: \Q$module\E\n.*^bus-info: 0000:\Q$bus\E\n}ms, "$label: ethtool -i");
	like($vm->command('ethtool -P eth0'), qr/^Permanent address: \Q$Ringside::VM::MAC\E$/m, "$label: ethtool -P");
	like($vm->command('ethtool -k eth0'), $nic eq 'e1000' ? qr/^tx-checksumming: on\n.*^tcp-segmentation-offload: on$/ms : qr/^tx-checksumming: off$/m, "$label: ethtool -k");
	like($vm->command('devices'), qr/^\Q$bus\E: Ethernet controller: .*, driver \Q$module\E, driven, interrupts intx$/m, "$label: devices");
	my ($device) = @{ status($vm)->{network_devices}{devices} };
	is($device->{driver}, $module, "$label: status.json has the driver");
	is($device->{mac}, $Ringside::VM::MAC, "$label: and the address");
	return $bus;
}

sub cable ($vm) {
	my $label = $vm->{label};
	my $link_is = sub ($word) { until_true(5, sub { $vm->command('ethtool eth0') =~ /^\s*Link detected: $word$/m }) };
	$vm->qmp->execute('set_link', name => 'net0', up => JSON::PP::false);
	ok($link_is->('no'), "$label: sees that the cable is pulled");
	$vm->qmp->execute('set_link', name => 'net0', up => JSON::PP::true);
	ok($link_is->('yes'), "$label: sees that it is back");
	ok(until_true(10, sub { $vm->command('ip') =~ m{inet 10\.0\.2\.15/24} }), "$label: has its address again");
	return;
}

for my $case ([ e1000 => 'q35', 1 ], [ rtl8139 => 'q35', 1 ], [ e1000 => 'pc', 4 ], [ rtl8139 => 'pc', 4 ], [ e1000 => 'microvm,pcie=on', 2 ]) {
	my ($nic, $machine, $cpus) = @$case;
	scenario("$nic, $machine, CPUs: $cpus", { machine => $machine, cpus => $cpus, nic => $nic, append => $SERVICES }, sub ($vm) {
		my $label = $vm->{label};
		lease_is($vm, '10.0.2.15');
		ping_answers($vm, '10.0.2.2');
		is(http_get('127.0.0.1', $vm->port(tcp => 80))->{status}, 200, "$label: the page is there");
		my $bus = names_of($vm, $nic);
		data_of($vm);
		is(counter($vm, 'receive_errors') + counter($vm, 'transmit_errors'), 0, "$label: no errors");
		like($vm->command('ping -6 -c 2 fe80::2%eth0'), qr/2 packets transmitted, 2 received/, "$label: IPv6");
		cable($vm);

		# A stream goes on through resets: what was on its way is lost as on a bad wire.
		my $memory = memory_of(status($vm));
		my $port = $vm->port(tcp => 7);
		my $load = in_child(sub ($over) {
			my $socket = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $port) or return "no connection: $@";
			my ($sent, $came) = stream_echo($socket, 30_000_000);
			return $sent eq $came ? 'same' : "$sent $came";
		});
		reset_under_load($vm, $bus, $module_of{$nic}, 3);
		is($load->(), 'same', "$label: 30 MB come back as they went while the device is reset three times");
		no_leak($vm, 10, $memory, \&status);
		is_deeply([ map { "$_->{state} $_->{recoveries}" } emulated($vm, $module_of{$nic}) ], ['driven 3'], "$label: and it is driven");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

# -- Disks

my $pattern = join '', map { pack 'N', $_ * 2654435761 & 0xffffffff } 0 .. MIB / 2 - 1;    # 2 MiB

# QEMU's words for a disk at a place of a controller.
sub disk ($id, $path, $bus, $unit, $more = '') {
	return ('-blockdev', "driver=raw,node-name=$id,file.driver=file,file.filename=$path",
		'-device', "ide-hd,drive=$id,bus=$bus,unit=$unit" . ($more ? ",$more" : ''));
}

sub cd ($path, $bus) {
	return ('-blockdev', "driver=raw,node-name=cd,read-only=on,file.driver=file,file.filename=$path", '-device', "ide-cd,drive=cd,bus=$bus,unit=0");
}

sub images ($name) {
	my $table = "\0" x (32 * MIB);
	mbr(\$table);
	return (
		write_file(scratch() . "/$name-0.raw", $pattern . "\0" x (30 * MIB)),
		write_file(scratch() . "/$name-1.raw", "\0" x (24 * MIB)),
		write_file(scratch() . "/$name-2.raw", $table),
		write_file(scratch() . "/$name-cd.raw", "\0" x (2 * MIB)),
	);
}

my %controllers = (
	pc  => { driver => 'ata_piix', mode => 'isa', disks => [ [ 'ide.0', 0 ], [ 'ide.0', 1 ], [ 'ide.1', 1 ] ], cd => 'ide.1', bus => '00:01.1' },
	q35 => { driver => 'ahci',     mode => 'msi', disks => [ [ 'ide.0', 0 ], [ 'ide.1', 0 ], [ 'ide.5', 0 ] ], cd => 'ide.3', bus => '00:1f.2' },
);

sub three_disks ($machine, $images) {
	my $is = $controllers{$machine};
	return ((map { disk("disk$_", $images->[$_], @{ $is->{disks}[$_] }, "serial=RS-$_,model=Ringside test $_") } 0 .. 2), cd($images->[3], $is->{cd}));
}

for my $case ([ 'pc', 1, '' ], [ 'pc', 4, '' ], [ 'pc', 2, 'ide.dma=off' ], [ 'q35', 1, '' ], [ 'q35', 4, '' ]) {
	my ($machine, $cpus, $append) = @$case;
	my $is = $controllers{$machine};
	my $name = join ', ', $is->{driver}, $machine, "CPUs: $cpus", $append || ();
	my @images = images("disks-$machine-$cpus-" . length $append);
	scenario($name, { machine => $machine, cpus => $cpus, append => "$append $SERVICES", extra => [ three_disks($machine, \@images) ] }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_ready;
		my $lsblk = $vm->command('lsblk');
		like($lsblk, qr/^sda +32M +0 disk RS-0$/m, "$label: lsblk: the first disk and its serial number");
		like($lsblk, qr/^sdb +24M +0 disk RS-1$/m, "$label: lsblk: the second");
		like($lsblk, qr/^sdc +32M +0 disk RS-2$/m, "$label: lsblk: the third");
		is(scalar(() = $lsblk =~ /sdc[12356] .* part/g), 5, "$label: and its partitions");
		my $devices = $vm->command('devices');
		like($devices, qr/^\Q$is->{bus}\E: .*, driver \Q$is->{driver}\E, driven, interrupts $is->{mode}$/m, "$label: devices");
		like($devices, qr/not driven, QEMU DVD-ROM$/m, "$label: the CD-ROM is named, and not driven");
		like($devices, qr/: sdb, Ringside test 1/, "$label: models are named");
		like($vm->command("lspci -v -s $is->{bus}"), qr/^\tKernel driver in use: \Q$is->{driver}\E$/m, "$label: lspci says the driver");
		like($vm->command('lsmod'), qr/^\Q$is->{driver}\E\s+\d+  0\n(?s:.*)^libata\s+\d+  1 \Q$is->{driver}\E$/m, "$label: lsmod says the modules");
		my $read = join '', map { /^[0-9a-f]{8}  ((?:[0-9a-f]{2} +){16})/ ? pack('H*', $1 =~ s/ //gr) : () } split /\n/, $vm->command('blkread sda 1001 2');
		is($read, substr($pattern, 1001 * 512, 1024), "$label: reads what the host wrote");
		like($vm->command('blkwrite sda 7 nothing'), qr/say --yes/, "$label: writes nothing unasked");
		like($vm->command('blkread sda 65536'), qr/beyond the end/, "$label: not beyond the end");
		$vm->command('blkwrite --yes sda 9000 written by the guest');
		$vm->command('blkwrite --yes sda 9001 0x5a*7');
		my $mib = $append ? 2 : 16;
		$vm->command("blktest --yes sdb $mib &");
		like($vm->command("blktest --yes sdc $mib", seconds => 90), qr/: $mib MiB verified/, "$label: $mib MiB on one disk");
		$vm->wait_for(qr/blktest sdb: $mib MiB verified/, seconds => 90);
		pass("$label: and on another at the same time");

		# The controller is reset under load: a test may say that a request failed, never that data is wrong.
		my $memory = memory_of(status($vm));
		$vm->command("blktest --yes $_ 8 &") for qw(sdb sdc);
		reset_under_load($vm, $is->{bus}, $is->{driver}, 2);
		$vm->wait_for(qr/(?:(?:blktest $_: \d|$_: test: ).*){2}/s, seconds => 90) for qw(sdb sdc);
		unlike($vm->console, qr/blktest sd[bc]: .*(?:differ|wrong)/i, "$label: no wrong data while the controller is reset");
		like($vm->command('blktest --yes sdb 4', seconds => 60), qr/: 4 MiB verified/, "$label: and works after that");
		no_leak($vm, 10, $memory, \&status);
		is(scalar($vm->warnings), 0, "$label: no warning") or diag $vm->warnings;
		leaves_with($vm, 0);
		my $start = $pattern . "\0" x (30 * MIB);
		substr($start, 9000 * 512, 512)     = pack 'a512', 'written by the guest';
		substr($start, 9001 * 512, 7 * 512) = "\x5a" x (7 * 512);
		is(sha1_hex(read_file($images[0])), sha1_hex($start), "$label: the image has what was written and nothing else");
		isnt(substr(read_file($images[1]), 0, 4096), "\0" x 4096, "$label: the other image has the test's data");
	});
}

# Beyond what 28 bits can address.
for my $machine (qw(pc q35)) {
	my $is   = $controllers{$machine};
	my $path = write_file(scratch() . "/large-$machine.raw", '');
	truncate $path, 200 << 30 or die "truncate: $!";
	scenario("$is->{driver}, 200 GiB", { machine => $machine, network => 'none', extra => [ disk('large', $path, 'ide.0', 0) ] }, sub ($vm) {
		my $label = $vm->{label};
		like($vm->command('lsblk'), qr/^sda +200G /m, "$label: lsblk");
		my $last = (200 << 21) - 1;
		# On both sides of the border, across it, and at the end.
		$vm->command("blkwrite --yes sda $_ sector $_") for 1, (1 << 28) - 1, 1 << 28, 300_000_000, $last;
		$vm->command('blkwrite --yes sda ' . ((1 << 28) - 8) . ' 0x77*16');
		like($vm->command("blkread sda $_"), qr/\|sector $_/, "$label: sector $_") for 1, 300_000_000, $last;
		leaves_with($vm, 0);
		open my $file, '<:raw', $path or die "$path: $!";
		for my $sector (1, 300_000_000, $last) {
			seek $file, $sector * 512, 0;
			read $file, my $bytes, 512;
			is($bytes =~ s/\0+$//r, "sector $sector", "$label: sector $sector is where the host looks for it");
		}
		seek $file, ((1 << 28) - 9) * 512, 0;
		read $file, my $bytes, 18 * 512;
		is($bytes, "\0" x 512 . "\x77" x (16 * 512) . "\0" x 512, "$label: 16 sectors across the border are too");
	});
	unlink $path;
}

# A bad sector is an error of the one that reads it.
for my $machine (qw(pc q35)) {
	my $is   = $controllers{$machine};
	my $path = write_file(scratch() . "/errors-$machine.raw", $pattern);
	for my $append ('', $machine eq 'pc' ? 'ide.dma=off' : ()) {
		my @words = ('-blockdev', "driver=file,node-name=file0,filename=$path",
			'-blockdev', 'driver=blkdebug,node-name=disk0,image=file0,inject-error.0.event=none,inject-error.0.iotype=read,'
			  . 'inject-error.0.sector=100,inject-error.0.errno=5,inject-error.0.once=off,inject-error.0.immediately=off',
			'-device', 'ide-hd,drive=disk0,bus=ide.0,unit=0,rerror=report');
		scenario("$is->{driver}, a bad sector $append", { machine => $machine, network => 'none', extra => \@words, append => $append }, sub ($vm) {
			my $label = $vm->{label};
			for my $turn (1, 2) {
				like($vm->command('blkread sda 100'), qr{input/output error}, "$label: is an error, $turn");
				like($vm->command('blkread sda 102'), qr/^0000cc00 /m, "$label: the next one is none, $turn");
			}
			# 32 reads in flight of which one is bad.
			$vm->command('blkbench sda 500 32', seconds => 30);
			like($vm->command('blkread sda 99'), qr/^0000c600 /m, "$label: works after an error among many");
			leaves_with($vm, 0);
		});
	}
}

# A disk that does not answer is reset for it.
for my $machine (qw(pc q35)) {
	my $is   = $controllers{$machine};
	my $path = write_file(scratch() . "/slow-$machine.raw", $pattern);
	my @words = ('-object', 'throttle-group,id=slow,x-iops-total=200', '-blockdev', "driver=raw,node-name=raw0,file.driver=file,file.filename=$path",
		'-blockdev', 'driver=throttle,node-name=disk0,throttle-group=slow,file=raw0', '-device', 'ide-hd,drive=disk0,bus=ide.0,unit=0');
	scenario("$is->{driver}, does not answer", { machine => $machine, network => 'none', extra => \@words, append => 'block.timeout=2' }, sub ($vm) {
		my $label = $vm->{label};
		like($vm->command('blkread sda 1'), qr/^00000200 /m, "$label: answers at first");
		my $limit = sub ($rate) { $vm->qmp->execute('qom-set', path => '/objects/slow', property => 'limits', value => { 'bps-total' => $rate, 'bps-total-max' => $rate }) };
		# The first read is let through, and the next one waits for ten seconds: longer than it takes to print the first.
		$limit->(3200);
		$vm->command('blkread sda 1 64', seconds => 60);
		like($vm->command('blkread sda 200 64', seconds => 60), qr/the device did not answer/, "$label: an error says so");
		like($vm->console, qr/sda: no answer for 2 s to operation 0, sector \d+\n/, "$label: and a line");
		$limit->(0);
		like($vm->command('blkread sda 3', seconds => 60), qr/^00000600 /m, "$label: the next read works");
		leaves_with($vm, 0);
	});
}

# -- All at once; and after UEFI, which has driven them before

for my $case ([ 'pc', 'rtl8139', 'pvh', 4 ], [ 'q35', 'e1000', 'pvh', 4 ], [ 'pc', 'e1000', 'efi-kernel', 1 ], [ 'q35', 'rtl8139', 'efi-kernel', 4 ]) {
	my ($machine, $nic, $boot, $cpus) = @$case;
	my $is     = $controllers{$machine};
	my @images = images("all-$machine-$boot");
	scenario("$nic and $is->{driver}, $machine, $boot, CPUs: $cpus",
		{ machine => $machine, nic => $nic, cpus => $cpus, boot => $boot, ovmf => $boot ne 'pvh', memory => '256M', append => $SERVICES, extra => [ three_disks($machine, \@images) ] }, sub ($vm) {
		my $label = $vm->{label};
		is($vm->wait_ready(seconds => 60), '10.0.2.15', "$label: gets its address");
		my $port = $vm->port(tcp => 7);
		my $load = in_child(sub ($over) {
			my ($sent, $came) = tcp_echo('127.0.0.1', $port, 40_000_000);
			return $sent eq $came ? 'same' : "$sent $came";
		});
		$vm->command("blktest --yes $_ 16 &") for qw(sda sdb);
		like($vm->command('blktest --yes sdc 16', seconds => 90), qr/: 16 MiB verified/, "$label: 16 MiB on one disk");
		for my $disk (qw(sda sdb)) {
			$vm->wait_for(qr/blktest $disk: 16 MiB verified/, seconds => 90);
			pass("$label: and on $disk");
		}
		is($load->(), 'same', "$label: 40 MB by TCP meanwhile");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

# -- Not driven, and said so

scenario('no driver', { machine => 'pc', network => 'none', extra => [ map { ('-device', $_) } qw(pcnet ne2k_pci i82551 i82559er) ] }, sub ($vm) {
	my $label   = $vm->{label};
	my $devices = $vm->command('devices -s');
	my $lspci   = $vm->command('lspci');
	for my $name ('79c970 [PCnet32 LANCE]', 'RTL-8029(AS)', '8255xER/82551IT Fast Ethernet Controller') {
		like($devices, qr/^\S+: Ethernet controller: .*\Q$name\E.*, no driver$/m, "$label: devices: $name");
		like($lspci, qr/^\S+ Ethernet controller: .*\Q$name\E/m, "$label: lspci: $name");
	}
	no_warnings($vm);
	leaves_with($vm, 0);
});

done_testing;
