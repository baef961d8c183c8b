#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# PCI: lspci's format, devices behind bridges and root ports, MSI-X and its fallbacks, INTx under each firmware.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Client qw(http_get tcp_echo);
use Ringside::VM;
use JSON::PP ();
use Test::More;

sub functions ($vm) {
	return map { ("$_->{address}" => $_) } @{ $vm->{status}{pci}{functions} };
}

# The capability as pciutils prints it, for a function that has it.
sub msix_lines ($lspci, $address, $enabled, $count) {
	my ($function) = grep { /^\Q$address\E / } split /\n\n/, $lspci;
	return ($function // '') =~ m{^\tCapabilities:[ ]\[[0-9a-f]{2}\][ ]MSI-X:[ ]Enable\Q$enabled\E[ ]Count=$count[ ]Masked-\n
		\t\tVector[ ]table:[ ]BAR=\d[ ]offset=[0-9a-f]{8}\n
		\t\tPBA:[ ]BAR=\d[ ]offset=[0-9a-f]{8}$}mx;
}

my @tree = (
	'-device', 'pcie-root-port,id=port1,chassis=1,slot=1,addr=4',
	'-device', 'virtio-rng-pci,bus=port1',
	'-device', 'pcie-root-port,id=port2,chassis=1,slot=2,addr=5',
	'-device', 'x3130-upstream,id=up,bus=port2',
	'-device', 'xio3130-downstream,id=down1,bus=up,chassis=2,slot=1',
	'-device', 'xio3130-downstream,id=down2,bus=up,chassis=2,slot=2',
	'-device', 'virtio-rng-pci,bus=down2',
	'-device', 'pcie-root-port,id=port3,chassis=1,slot=3,addr=6',
	'-device', 'pcie-pci-bridge,id=bridge1,bus=port3',
	'-device', 'pci-bridge,id=bridge2,bus=bridge1,addr=3,chassis_nr=7',
	'-device', 'virtio-balloon-pci,bus=bridge2,addr=9',
);

for my $machine ('q35', 'microvm,pcie=on') {
	scenario("$machine, tree", { machine => $machine, extra => \@tree }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_ready;
		my $status = page_is($vm, method => 'pvh');    # compares all functions with QEMU's
		my $lspci  = $vm->command('lspci');
		is(scalar(() = $lspci =~ /^[0-9a-f]{2}:[0-9a-f]{2}\.[0-7] \S.*: \S/mg), scalar @{ $status->{pci}{functions} },
			"$label: lspci has a line for each function");
		my ($network) = $lspci =~ /^(\S+) Ethernet controller: Red Hat, Inc\. Virtio network device$/m;
		ok($network, "$label: virtio-net by its names") or diag $lspci;
		my $all = $vm->command('lspci -vv');
		ok(msix_lines($all, $network, '+', 3) || msix_lines($all, $network, '+', 4), "$label: MSI-X of $network as pciutils prints it")
		  or diag $all;
		my ($balloon) = map { /^(\S+) .*balloon/i ? $1 : () } split /\n/, $lspci;
		ok($balloon, "$label: a balloon behind three bridges");
		my ($bus) = ($balloon // '') =~ /^([0-9a-f]+):/;
		like($all, qr/\tBus: primary=[0-9a-f]{2}, secondary=\Q$bus\E, subordinate=\Q$bus\E, sec-latency=\d+$/m,
			"$label: its bridge says so");
		for my $cap (qw(CommonCfg Notify ISR DeviceCfg)) {
			my ($function) = grep { /^\Q$network\E / } split /\n\n/, $all;
			my $head = qr/\tCapabilities: \[[0-9a-f]{2}\] Vendor Specific Information: VirtIO: $cap\n/;
			like($function, qr/^$head\t\tBAR=\d offset=[0-9a-f]{8} size=[0-9a-f]{8}/m,
				"$label: VirtIO $cap as pciutils prints it");
		}
		like($vm->command("lspci -nn -s $network"),
			qr/\A\Q$network\E Ethernet controller \[0200\]: Red Hat, Inc\. Virtio network device \[1af4:1000\]/,
			"$label: lspci -nn -s");
		like($vm->command('lspci -q'), qr/^usage: lspci /m, "$label: bad usage prints the usage line");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

# The network card itself behind bridges: its memory is reached, its interrupts arrive.
my %behind = (
	'a root port' => [ 'q35', [ '-device', 'pcie-root-port,id=above,chassis=1,slot=1' ], 'bus=above' ],
	'a PCI bridge on q35' => [
		'q35',
		[ '-device', 'pcie-root-port,id=above,chassis=1,slot=1', '-device', 'pcie-pci-bridge,id=bridge,bus=above' ],
		'bus=bridge,addr=2',
	],
	'a PCI bridge on pc' => [ 'pc', [ '-device', 'pci-bridge,id=bridge,chassis_nr=1' ], 'bus=bridge,addr=5' ],
	'a root port on microvm' => [ 'microvm,pcie=on', [ '-device', 'pcie-root-port,id=above,chassis=1,slot=1' ], 'bus=above' ],
);
for my $where (sort keys %behind) {
	my ($machine, $bridges, $place) = @{ $behind{$where} };
	scenario("behind $where", { machine => $machine, before_network => $bridges, net_options => $place }, sub ($vm) {
		lease_is($vm, '10.0.2.15');
		page_is($vm, method => 'pvh');
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

# From one vector for each queue down to the interrupt line.
my %ways = (msix => 4, 'msix-shared' => 2, 'msix-one' => 1, intx => 0);
my @firmware = (
	[ 'pc, SeaBIOS', machine => 'pc' ],
	[ 'q35, SeaBIOS', machine => 'q35' ],
	[ 'pc, qboot', machine => 'pc', bios => 'qboot.rom' ],
	[ 'q35, qboot', machine => 'q35', bios => 'qboot.rom' ],
	-e '/usr/share/ovmf/OVMF.fd' ? [ 'q35, OVMF', machine => 'q35', ovmf => 1, boot => 'efi-kernel', memory => '256M' ] : (),
	-e '/usr/share/ovmf/OVMF.fd' ? [ 'pc, OVMF', machine => 'pc', ovmf => 1, boot => 'efi-kernel', memory => '256M' ] : (),
	[ 'microvm with PCI', machine => 'microvm,pcie=on' ],
);
for my $setup (@firmware) {
	my ($name, %options) = @$setup;
	for my $way (sort { $ways{$b} <=> $ways{$a} } keys %ways) {
		# The ways between do not depend on the machine.
		next if $way =~ /^msix-/ && $name ne 'q35, SeaBIOS';
		next if $way eq 'msix' && $name ne 'q35, SeaBIOS';
		next if $way eq 'intx' && $name eq 'microvm with PCI';
		my %more = (append => 'services=http,echo', net_options => "vectors=$ways{$way}");
		scenario("$name, $way", { %options, %more }, sub ($vm) {
			my $label = $vm->{label};
			$vm->wait_ready;
			my $status = JSON::PP::decode_json(http_get('127.0.0.1', $vm->port(tcp => 80), '/status.json')->{body});
			is($status->{virtio}{devices}[0]{interrupt_mode}, $way, "$label: is the way taken");
			my ($sent, $came) = tcp_echo('127.0.0.1', $vm->port(tcp => 7), 1_000_000);
			is($came, $sent, "$label: 1 MB of echo");
			my @counts = $vm->command('interrupts') =~ /^.* ([1-9]\d*)\s+\S*virtio0\S*$/mg;
			ok(scalar @counts, "$label: interrupts are counted") or diag $vm->command('interrupts');
			no_warnings($vm);
			leaves_with($vm, 0);
		});
	}
}

done_testing;
