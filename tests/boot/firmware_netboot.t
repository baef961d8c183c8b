#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Firmware and boot loaders get the images from the network, and GRUB also from disks: each time the guest comes up with
# one lease for its MAC address, serves its page, drives all devices, knows where it came from, and leaves in order.
# The firmware's network driver has let go of the device before ours takes it: by QEMU's trace of the status register.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use List::Util qw(any);
use Ringside::Checks;
use Ringside::Disk qw(disk_missing efi_disk);
use Ringside::Grub qw(grub_missing grub_image grub_bios_disk);
use Ringside::Host qw(scratch until_true read_file);
use Ringside::NetbootServers;
use Ringside::Tap qw(enter_namespace);
use Ringside::VM;
use Test::More;

my $missing = enter_namespace(@ARGV) // Ringside::NetbootServers::missing('nginx');
plan skip_all => $missing if $missing;

my $net   = Ringside::NetbootServers->new;
my $host  = $Ringside::NetbootServers::HOST;
my $host6 = $Ringside::NetbootServers::HOST6;
my $image = Ringside::VM::default_image();
$net->file('ringside.efi',     "$image.efi");
$net->file('ringside.bzImage', "$image.bzImage");
$net->text('tftp.ipxe', "#!ipxe\nkernel tftp://$host/ringside.bzImage log=info\nboot\n");
$net->text('http.ipxe', "#!ipxe\nkernel http://$host/ringside.bzImage log=info\nboot\n");
$net->text('efi.ipxe',  "#!ipxe\nchain http://$host/ringside.efi log=info\n");

my $no_ovmf = -e '/usr/share/ovmf/OVMF.fd' ? undef : 'no /usr/share/ovmf/OVMF.fd (package ovmf)';
my $no_grub = grub_missing() // disk_missing();
my %efi     = (memory => '256M', ovmf => 1, needs => $no_ovmf, method => 'efi', command_line => '');
my %bios    = (method => 'linux32', command_line => qr/(^|\s)log=info$/);

# `file`: what DHCP says. `rom`: iPXE is on the network card. The rest is as Ringside::VM and page_is() have it.
my @ways = (
	{ %efi, name => 'OVMF PXE',       ovmf => 'pxe', file => 'ringside.efi', from => "tftp://$host/ringside.efi" },
	{ %efi, name => 'OVMF HTTP boot', file => [ "http://$host/ringside.efi", 'HTTPClient' ], from => "http://$host/ringside.efi" },
	{ %efi, name => 'EFI iPXE, TFTP', rom => 1, file => 'ringside.efi', from => "tftp://$host/ringside.efi" },
	{ %efi, name => 'EFI iPXE, HTTP', rom => 1, file => "http://$host/ringside.efi", from => "http://$host/ringside.efi" },
	{ %efi, name => 'EFI iPXE, script', rom => 1, file => 'efi.ipxe', from => 'network: ringside.efi', command_line => 'log=info' },
	{ %bios, name => 'BIOS iPXE, TFTP', rom => 1, file => 'tftp.ipxe', from => 'loader: iPXE' },
	{ %bios, name => 'BIOS iPXE, HTTP', rom => 1, file => "http://$host/http.ipxe", from => 'loader: iPXE' },
);

if (!$no_grub) {
	for my $scheme (qw(tftp http)) {
		my @lines = ("linux ($scheme,$host)/ringside.bzImage log=info", 'boot');
		$net->file("$scheme.0",   grub_image("$scheme.0",   'i386-pc-pxe', @lines));
		$net->file("$scheme.efi", grub_image("$scheme.efi", 'x86_64-efi',  @lines));
		push @ways, { %bios, name => "BIOS GRUB by PXE, $scheme", rom => 1, file => "$scheme.0", from => "$scheme://$host/ringside.bzImage" },
		  { %efi, %bios, name => "EFI GRUB on a disk, $scheme", disk => efi_disk("grub-$scheme", grub_image("disk-$scheme.efi", 'x86_64-efi', 'net_dhcp', @lines)),
			from => "$scheme://$host/ringside.bzImage", method => qr/^linux(32|64)$/ },
		  { %efi, %bios, name => "EFI GRUB by PXE, $scheme", ovmf => 'pxe', file => "$scheme.efi", from => "$scheme://$host/ringside.bzImage", method => qr/^linux(32|64)$/ };
	}
	my $disk = grub_bios_disk('grub', "$image.bzImage", 'linux (hd0,msdos1)/ringside.bzImage log=info', 'boot');
	push @ways, { %bios, name => 'BIOS GRUB on a disk, disk', disk => $disk,
		# No network was driven, and SeaBIOS lets go of a disk by saying nothing.
		lets_go => qr/^(1 3 11 15|3 11 15 0 0 1 3 11 15)$/, from => 'disk: (hd0,msdos1)/ringside.bzImage' };
	my $program = grub_image('disk.efi', 'x86_64-efi', 'linux (hd0)/ringside.bzImage log=info', 'boot');
	$disk = efi_disk('grub-efi', $program);
	system('mcopy', '-i', $disk, "$image.bzImage", '::/') == 0 or die "mcopy failed\n";
	push @ways, { %efi, %bios, name => 'EFI GRUB on a disk, disk', disk => $disk, from => 'disk: (hd0)/ringside.bzImage', method => qr/^linux(32|64)$/ };
}
push @ways, { %efi, name => 'OVMF, disk', disk => efi_disk('ovmf', "$image.efi"), from => 'disk: \EFI\BOOT\BOOTX64.EFI' } if !disk_missing();
sub wanted (@some) {
	return grep { my $way = $_; !@ARGV || any { $way->{name} =~ /$_/ } @ARGV } @some;
}
@ways = wanted(@ways);

$ways[$_]{mac} = sprintf '52:54:00:72:69:%02x', $_ for 0 .. $#ways;
$net->dnsmasq(boot => { map { defined $_->{file} ? ($_->{mac} => $_->{file}) : () } @ways });
$net->nginx;

sub options_of ($way) {
	my $trace  = scratch() . "/trace-$way->{mac}";
	my @device = ('-device', "virtio-net-pci,netdev=net0,mac=$way->{mac}" . ($way->{rom} ? '' : ',romfile='));
	$way->{trace} = $trace;
	return {
		boot    => $way->{disk} ? 'disk' : 'network',
		network => [ $net->tap, @device ],
		extra   => [ '-trace', 'virtio_set_status', '-D', $trace ],
		map { exists $way->{$_} ? ($_ => $way->{$_}) : () } qw(memory ovmf disk),
	};
}

# What was written to the status of each virtio device, in the order in which they were driven. QEMU traces a reset as two zeros.
sub status_writes ($way) {
	my (%writes, @order);
	for (split /\n/, read_file($way->{trace}) // '') {
		/^virtio_set_status vdev (\S+) val (\d+)/ or next;
		push @order, $1 if $2 && !$writes{$1};
		push @{ $writes{$1} }, $2 if $2 || $writes{$1};
	}
	return map { "@{ $writes{$_} }" } @order;
}

my @again;

sub came_up ($vm, $way) {
	my $label = $vm->{label};
	# GRUB asks for a block of a file a few times, within some seconds; on a busy machine that can be too few.
	my ($failed) = $vm->wait_for(qr/^(?:ringside: ready |error: (timeout) reading)/m, seconds => 90, what => 'line "ready"');
	if ($failed && !$way->{again}++) {
		note "$label: once more";
		push @again, $way;
		return;
	}
	my $address = $vm->wait_ready(seconds => 90);
	# The server writes its file anew with each lease, so that it may be found empty.
	my @leases;
	until_true(5, sub { @leases = $net->leases($way->{mac}) });
	is("@leases", $address, "$label: one lease for the MAC address ($address)");
	# Whoever still may write into memory is given something to write; not by broadcast, which others that boot would get too.
	my $socket = IO::Socket::INET->new(Proto => 'udp', PeerAddr => $address, PeerPort => 9999) or die "udp: $@\n";
	send $socket, "\xa5" x 1400, 0 for 1 .. 600;
	local $Ringside::VM::MAC = $way->{mac};
	my $status = page_is($vm, host => $address, port => 80, ipv4 => "$address/24", gateway => $host,
		firmware_memory => $way->{ovmf} ? 64 : 2, method => $way->{method}, command_line => $way->{command_line});
	is($status->{boot}{loaded_from}, $way->{from}, "$label: knows where it came from");
	like($status->{system}{product} // 'no SMBIOS', qr/^Standard PC /, "$label: knows the machine by SMBIOS");
	like($vm->console, qr/ringside: loaded from \Q$way->{from}\E$/m, "$label: and says so");
	self_test($vm);
	is(join("\n", grep { !/^error: no suitable video mode/ } $vm->warnings), '', "$label: no warning of ours");
	# Each that the firmware drove: driven, reset by it, reset by us, driven by us.
	for my $writes (status_writes($way)) {
		next if $way->{lets_go} && $writes =~ /$way->{lets_go}/;
		like($writes, qr/[1-9] 0 0 0 0 1 3 11 15$/, "$label: the firmware had reset its device before we did");
	}
	leaves_with($vm, 0);
	return;
}

# OVMF takes seconds, mostly of one CPU: others begin meanwhile.
sub boot (@some) {
	my @scenarios;
	for my $way (@some) {
		SKIP: {
			skip "$way->{name}: $way->{needs}", 1 if $way->{needs};
			push @scenarios, [ $way->{name}, options_of($way), sub ($vm) { came_up($vm, $way) } ];
		}
	}
	scenarios_ahead(3, @scenarios);
	boot(splice @again) if @again;
	return;
}
boot(@ways);

# Over IPv6, on a network where addresses are given by DHCPv6: the boot file is an option for everybody.
my %over_ipv6 = (%efi, file => undef, from => "tftp://[$host6]/ringside.efi");
my @over_ipv6 = { %over_ipv6, name => 'OVMF PXE over IPv6', ovmf => 'pxe6', mac => '52:54:00:72:69:f0' };
$net->dnsmasq(dhcp6 => 1, options => ["--dhcp-option=option6:bootfile-url,$over_ipv6{from}"]);
boot(wanted(@over_ipv6));
done_testing;
