# SPDX-License-Identifier: BSD-2-Clause
package Ringside::VhostUser;

# Devices that another process than QEMU answers for: disks from qemu-storage-daemon, networks from DPDK.
# Each function returns ($back_end, @words): an object with QEMU's words for a machine that has the device.

use v5.36;
use Ringside::Host qw(program scratch until_true read_file start_process);

# Why there cannot be one, or undef.
sub storage_missing () { return program('qemu-storage-daemon') ? undef : 'qemu-storage-daemon is not installed (package qemu-system-common)' }
sub dpdk_missing ()    { return program('dpdk-testpmd') ? undef : 'dpdk-testpmd is not installed (.ci/install backends)' }

my $number = 0;

# Starts it; it is there when its socket is. Its standard input stays open until finish().
sub start ($class, @words) {
	my $self = bless { log => scratch() . '/vhost-user-' . ++$number . '.log', socket => scratch() . "/vhost-user-$number" }, $class;
	pipe my $input, $self->{input} or die "pipe: $!";
	open my $log, '+>', $self->{log} or die "$self->{log}: $!";
	$self->{pid} = start_process($input, $log, $log, map { s/SOCKET/$self->{socket}/gr } @words);
	until_true(10, sub { -S $self->{socket} }) or die "$words[0] made no socket: " . read_file($self->{log});
	return $self;
}

# A disk, with so many queues.
sub disk ($class, $path, $queues) { return $class->disk_of("driver=file,node-name=disk0,filename=$path", $queues) }

# The same of another block device of QEMU's, whose node is "disk0".
sub disk_of ($class, $blockdev, $queues) {
	return $class->start(program('qemu-storage-daemon'), '--blockdev', $blockdev, '--export',
		"type=vhost-user-blk,id=export0,node-name=disk0,addr.type=unix,addr.path=SOCKET,writable=on,num-queues=$queues");
}

# A network: DPDK's test program, which answers ARP and pings itself ("icmpecho"), or with $tap carries all between
# the guest and a TAP device of that name, which it makes. It spins on a CPU, and wants no huge pages.
sub network ($class, $tap = undef) {
	my $self = $class->start('stdbuf', '-oL', program('dpdk-testpmd'), '--no-huge', '-m', 256, '--no-pci', '--no-shconf', '--no-telemetry', '--vdev',
		'net_vhost0,iface=SOCKET,queues=1', $tap ? ('--vdev', "net_tap0,iface=$tap") : (), '--', '--auto-start',
		'--disable-link-check', '--total-num-mbufs=4096', '--forward-mode=' . ($tap ? 'io' : 'icmpecho'));
	until_true(20, sub { $self->said =~ /^Press enter to exit/m }) or die 'dpdk-testpmd: ' . $self->said;
	return $self;
}

sub said ($self) { return read_file($self->{log}) // '' }

# The memory that it shares with the guest, and the channel to it, named "back"; $memory as the machine has it.
sub words ($self, $memory) {
	return ('-object', "memory-backend-memfd,id=memory0,size=$memory,share=on", '-machine', 'memory-backend=memory0',
		'-chardev', "socket,id=back,path=$self->{socket}");
}

# Ends it. What was written is in the image's file then.
sub finish ($self) {
	Ringside::Host::kill_process(delete $self->{pid});
	return;
}

# Ends DPDK's, which it does by itself when its input ends, with a count of what it has carried: frames taken, and sent on.
sub finish_counting ($self) {
	close delete $self->{input};
	until_true(10, sub { defined Ringside::Host::process_ended($self->{pid}) }) && delete $self->{pid};
	$self->finish if $self->{pid};
	return $self->said =~ /statistics for all ports.*?RX-packets: (\d+).*?TX-packets: (\d+)/s;
}

sub DESTROY ($self) {
	local ($@, $?, $!);
	Ringside::Host::kill_process($self->{pid}) if $self->{pid};
	return;
}

1;
