# SPDX-License-Identifier: BSD-2-Clause
package Bench::Rungs;

# The ladder: each rung is a device, from those that are emulated register by register to those whose back end is another
# process or the host's kernel.
#
#	name		in files, options and tables
#	devices		whose registers and interrupts QEMU's trace counts (Bench::Trace)
#	modules		that Linux loads for it
#	missing		why it cannot be measured here, or undef
#	elsewhere	the back end is not in QEMU, whose trace sees neither kicks nor interrupts
#	words		QEMU's words for the device: `netdev=net0` is the network, `drive=disk0` the disk

use v5.36;
use Exporter qw(import);
use Ringside::VhostUser;

our @EXPORT_OK = qw(network_rungs block_rungs);

sub virtio_net ($name, $title, $options, %more) {
	return { name => $name, title => $title, devices => 'virtio', modules => [qw(virtio_pci virtio_net)],
		words => [ '-device', "virtio-net-pci,netdev=net0,romfile=$options" ], %more };
}

sub emulated_nic ($name, $module) {
	return { name => $name, title => $name, devices => $name, modules => [$module], words => [ '-device', "$name,netdev=net0,romfile=" ] };
}

my $no_vhost = -r '/dev/vhost-net' && -w _ ? undef : -e '/dev/vhost-net' ? '/dev/vhost-net may not be opened' : 'there is no /dev/vhost-net';

sub network_rungs () {
	return (
		emulated_nic('rtl8139', '8139cp'),
		emulated_nic('e1000',   'e1000'),
		virtio_net('virtio',          'virtio-net',                       ''),
		virtio_net('virtio-noevent',  'virtio-net without EVENT_IDX',     ',event_idx=off'),
		virtio_net('virtio-packed',   'virtio-net, packed ring',          ',packed=on'),
		virtio_net('virtio-queues',   'virtio-net, 2 pairs of queues',    ',mq=on,vectors=6', cpus => 2, queues => 2, flows => 4),
		virtio_net('vhost-net',       'vhost-net (the host\'s kernel)',   '', netdev => ',vhost=on', missing => $no_vhost, elsewhere => 1),
		# QEMU 7.2 crashes with vhost-user-net and MSI-X under TCG.
		virtio_net('vhost-user',      'vhost-user (DPDK)',                ',vectors=0,disable-legacy=on', vhost_user => 1,
			missing => Ringside::VhostUser::dpdk_missing(), elsewhere => 1),
	);
}

sub virtio_blk ($name, $title, $options, %more) {
	return { name => $name, title => $title, machine => 'q35', devices => 'virtio', modules => [qw(virtio_pci virtio_blk)], disk => 'vda',
		words => [ '-device', "virtio-blk-pci,drive=disk0$options" ], %more };
}

sub block_rungs () {
	return (
		{ name => 'ide', title => 'IDE', machine => 'pc', devices => 'ide', modules => [qw(ata_piix sd_mod)], disk => 'sda',
			words => [ '-device', 'ide-hd,drive=disk0,bus=ide.0,unit=0' ] },
		{ name => 'ahci', title => 'AHCI', machine => 'q35', devices => 'ahci', modules => [qw(ahci sd_mod)], disk => 'sda',
			words => [ '-device', 'ide-hd,drive=disk0,bus=ide.0,unit=0' ] },
		virtio_blk('virtio',        'virtio-blk',              ''),
		virtio_blk('virtio-packed', 'virtio-blk, packed ring', ',packed=on'),
		virtio_blk('virtio-queues', 'virtio-blk, 2 queues',    ',num-queues=2', cpus => 2),
		virtio_blk('vhost-user',    'vhost-user-blk (qemu-storage-daemon)', '', vhost_user => 1,
			words => [ '-device', 'vhost-user-blk-pci,chardev=back,disable-legacy=on,num-queues=1' ],
			missing => Ringside::VhostUser::storage_missing(), elsewhere => 1),
	);
}

1;
