#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The kernel command line: what is unknown or malformed is named once, what is for Linux passes, and what is
# known does what it says.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Client qw(http_get);
use Ringside::Host   qw(until_true);
use JSON::PP ();
use Test::More;

sub status_of ($vm) {
	return JSON::PP::decode_json(http_get('127.0.0.1', $vm->port(tcp => 80), '/status.json')->{body});
}

sub network_device ($vm) {
	my ($device) = grep { $_->{type} == 1 } @{ status_of($vm)->{virtio}{devices} };
	return $device;
}

# Boots with these words and compares the warnings: each named in one, in this order.
sub warns_of ($words, @named) {
	my $name = length $words > 40 ? substr($words, 0, 40) . '...' : $words;
	scenario($name, { machine => 'microvm', append => $words }, sub ($vm) {
		$vm->wait_ready;
		my @warnings = $vm->warnings;
		is(scalar @warnings, scalar @named, "$name: warnings: " . @named) or diag join "\n", @warnings;
		for my $i (0 .. $#named) {
			like($warnings[$i] // '', qr/\Q$named[$i]\E/, "$name: names $named[$i]");
		}
		leaves_with($vm, 0);
	});
}

warns_of('BOOT_IMAGE=/boot/x root=/dev/vda1 rw ro earlyprintk=serial,ttyS0 reboot=k pci=off noapic noacpi'
	  . ' i8042.noaux i8042.nomux i8042.dumbkbd quiet panic=exit console=ttyS0');
warns_of('console=ttyS0 reboot=k panic=1 pci=off ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:off panic=-1');
warns_of('foo bar=1 x.y=z', '"foo"', '"bar"', '"x.y"');
warns_of('log=loud exit=maybe panic= ip=10.0.2.300/24', 'log=loud', 'exit=maybe', 'panic=', 'ip=10.0.2.300/24');
warns_of('virtio.queue_size=many services=http,gopher', 'virtio.queue_size=many', 'gopher');
warns_of('-- foo log=loud --');
warns_of('foo="one two" "bar baz"', '"foo"', '"bar baz"');
warns_of(join(' ', 'quiet', map { "BOOT_IMAGE=$_" } 1 .. 1000), 'longer than 4095 characters');

scenario('run= of what is no job', { machine => 'microvm', append => 'run=circles' }, sub ($vm) {
	is($vm->wait_exit, 7, "$vm->{label}: ends QEMU with status 7: bad usage");
	like($vm->console, qr/run=circles.*\nringside: exit 3: bad usage, or nothing to do\n\z/, "$vm->{label}: named, and the status in words");
});

scenario('ip=ADDRESS', { machine => 'q35', append => 'ip=10.0.2.50/24,10.0.2.2', guest_address => '10.0.2.50' }, sub ($vm) {
	lease_is($vm, '10.0.2.50');
	ping_answers($vm, '10.0.2.2');
	page_is($vm, method => 'pvh', ipv4 => '10.0.2.50/24', static => 1);
	no_warnings($vm);
	leaves_with($vm, 0);
});

scenario('ip=off', { machine => 'q35', append => 'ip=off' }, sub ($vm) {
	like($vm->wait_ready, qr/^fe(?:80|c0)::/i, "$vm->{label}: ready with an IPv6 address, $vm->{address}");
	unlike($vm->command('ip'), qr/inet 10\./, "$vm->{label}: no IPv4 address");
	leaves_with($vm, 0);
});

scenario('services=none', { machine => 'microvm', append => 'services=none' }, sub ($vm) {
	$vm->wait_ready;
	ok(!eval { http_get('127.0.0.1', $vm->port(tcp => 80)) }, "$vm->{label}: nothing listens");
	no_warnings($vm);
	leaves_with($vm, 0);
});

for my $machine (qw(microvm q35)) {
	scenario("$machine, virtio.features=-event_idx", { machine => $machine, append => 'virtio.features=-event_idx' }, sub ($vm) {
		$vm->wait_ready;
		my $device = network_device($vm);
		ok(scalar(grep { $_ eq 'event_idx' } @{ $device->{offered} }), "$vm->{label}: offered");
		ok(!(grep { $_ eq 'event_idx' } @{ $device->{features} }), "$vm->{label}: not taken");
		ping_answers($vm, '10.0.2.2');
		no_warnings($vm);
		leaves_with($vm, 0);
	});
	scenario("$machine, virtio.queue_size=16", { machine => $machine, append => 'virtio.queue_size=16' }, sub ($vm) {
		$vm->wait_ready;
		is(join(' ', map { $_->{size} } @{ network_device($vm)->{queues} }), '16 16 16', "$vm->{label}: each queue");
		ping_answers($vm, '10.0.2.2');
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

scenario('features for one device', { machine => 'q35', append => 'virtio.features=00:01.0:-mrg_rxbuf,-indirect_desc' }, sub ($vm) {
	$vm->wait_ready;
	my $features = " @{ network_device($vm)->{features} } ";
	unlike($features, qr/ mrg_rxbuf | indirect_desc /, "$vm->{label}: that device does without");
	page_is($vm, method => 'pvh');
	no_warnings($vm);
	leaves_with($vm, 0);
});

scenario('features for another device', { machine => 'q35', append => 'virtio.features=00:09.0:-mrg_rxbuf' }, sub ($vm) {
	$vm->wait_ready;
	like(" @{ network_device($vm)->{features} } ", qr/ mrg_rxbuf /, "$vm->{label}: this device keeps it");
	leaves_with($vm, 0);
});

scenario('a feature that is not there', { machine => 'q35', append => 'virtio.features=+notification_data' }, sub ($vm) {
	$vm->wait_for(qr/ringside: no address: there is no network device that can be driven\n/);
	my @warnings = $vm->warnings;
	is(scalar @warnings, 1, "$vm->{label}: one line") or diag join "\n", @warnings;
	like($warnings[0] // '', qr/00:01\.0.*notification_data/, "$vm->{label}: that names device and feature");
	like($vm->command('devices'), qr/^virtio0: .* failed,.*\n    lacks what virtio\.features insists on/m, "$vm->{label}: the command devices says that it failed, and why");
	leaves_with($vm, 0);
});

# QEMU's balloon on the PCI bus has no MSI-X. Forced is forced: it is refused, and the others are not.
for my $way (qw(per-queue shared)) {
	my @extra = ('-device', 'virtio-balloon-pci,addr=9');
	scenario("$way forced on a device without it", { machine => 'q35', append => "virtio.interrupts=$way", extra => \@extra }, sub ($vm) {
		$vm->wait_ready;
		my @warnings = $vm->warnings;
		is(scalar @warnings, 1, "$vm->{label}: one line") or diag join "\n", @warnings;
		like($warnings[0] // '', qr/00:09\.0 \(virtio\d\): refused, virtio\.interrupts insists on $way, and it has INTx alone, no MSI-X$/, "$vm->{label}: that says what was asked for and what there is");
		my $devices = $vm->command('devices -s');
		like($devices, qr/: balloon, .* failed,.*\n    cannot interrupt as virtio\.interrupts insists$/m, "$vm->{label}: it is failed");
		like($devices, qr/: network, .* driven, interrupts msix/, "$vm->{label}: the network device is driven");
		leaves_with($vm, 0);
	});
}

# Drivers without a reset of one queue say so, and the device is reset.
scenario('one queue', { machine => 'q35', extra => [ '-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci' ] }, sub ($vm) {
	$vm->wait_ready;
	my %name = reverse $vm->command('devices -s') =~ /^(virtio\d+): (\w+),/mg;
	for my $type (qw(entropy console)) {
		is(($vm->command("devices reset $name{$type} 0") =~ s/^\[.*\n//gmr), "$name{$type}: queue 0 cannot be reset alone, the whole device is\n", "$vm->{label}: $type: one line");
		ok(until_true(5, sub { $vm->command('devices') =~ /^$name{$type}: .* driven.*\n    recovered 1 times/m }), "$vm->{label}: $type: the device was reset");
	}
	is(($vm->command("devices reset $name{network} 0") =~ s/^\[.*\n//gmr), '', "$vm->{label}: network: the queue alone, without a word");
	like($vm->command("devices reset $name{network} 77"), qr/^$name{network}: has no queue 77$/m, "$vm->{label}: a queue that is not there");
	ping_answers($vm, '10.0.2.2');
	leaves_with($vm, 0);
});

scenario('log=debug', { machine => 'q35', append => 'log=debug' }, sub ($vm) {
	$vm->wait_ready;
	like($vm->console, qr/^\[ *\d+\.\d{6}\] pci: /m, "$vm->{label}: shows all of the log");
	leaves_with($vm, 0);
});

scenario('log=error', { machine => 'microvm', append => 'foo log=error' }, sub ($vm) {
	$vm->wait_ready;
	pass("$vm->{label}: the line \"ready\" is shown all the same");
	no_warnings($vm);
	unlike($vm->console, qr/^\[ *\d+\.\d/m, "$vm->{label}: no line of the log is");
	like($vm->command('dmesg'), qr/unknown word "foo"/, "$vm->{label}: dmesg has what was not shown");
	leaves_with($vm, 0);
});

done_testing;
