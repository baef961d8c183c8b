#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Back ends in another process than QEMU, which read and write the guest's memory themselves: vhost-user-blk from
# qemu-storage-daemon, vhost-user-net from DPDK, with each kind of interrupt that QEMU can give them.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Client qw(tcp_echo udp_ask);
use Ringside::Host   qw(scratch program read_file write_file until_true);
use Ringside::Kvm    qw(kvm_options kvm_missing);
use Ringside::Load   qw(in_child);
use Ringside::Tap    qw(enter_namespace);
use Ringside::VhostUser;
use Test::More;

use constant MIB => 1 << 20;

my $no_namespace = enter_namespace();
my $no_kvm       = kvm_missing();
my $HOST         = '10.9.0.1';
my $GUEST        = '10.9.0.2';

# The code with more patience, where KVM interprets; or the reason that there is no KVM.
sub with_kvm ($name, $code) {
	local $ENV{RINGSIDE_PATIENCE} = 4 * ($ENV{RINGSIDE_PATIENCE} || 1);
SKIP: {
		skip "$name: $no_kvm", 1 if $no_kvm;
		$code->(kvm_options());
	}
	return;
}

# How often QEMU saw MSI-X enabled for a device.
sub messages_enabled ($trace) { return scalar(() = (read_file($trace) // '') =~ /^msix_write_config dev \S+ enabled 1/mg) }

# What `devices` counts for queues whose names match: interrupts, polled.
sub counted ($vm, $queues) {
	my ($interrupts, $polled) = (0, 0);
	for ($vm->command('devices') =~ /^ +(queue \d+: .*)$/mg) {
		next unless /$queues/;
		$interrupts += /interrupts (\d+)/ ? $1 : 0;
		$polled     += /polled (\d+)/     ? $1 : 0;
	}
	return ($interrupts, $polled);
}

# The way that was asked for is the one taken, by the guest's words and QEMU's trace; call it when data has been moved.
sub way_is ($vm, $way, $queues, $trace) {
	my %modes = ('per-queue' => 'msix', intx => 'intx', poll => 'poll', line => 'line');
	like($vm->command('devices'), qr/^virtio0: .*, interrupts $modes{$way}$/m, "$vm->{label}: the way is $way");
	my ($interrupts, $polled) = counted($vm, $queues);
	if ($way eq 'poll') {
		is($interrupts, 0, "$vm->{label}: no interrupt");
		cmp_ok($polled, '>', 0, "$vm->{label}: polled with success ($polled)");
	} else {
		cmp_ok($interrupts, '>', 0, "$vm->{label}: interrupts are counted ($interrupts)");
		is($polled, 0, "$vm->{label}: nothing was polled");
	}
	is(messages_enabled($trace) > 0 ? 'on' : 'off', $way eq 'per-queue' ? 'on' : 'off', "$vm->{label}: MSI-X in QEMU's eyes");
	return;
}

# An interpreting KVM may need more than ping's second for an answer.
sub pings ($vm) {
	ok(until_true(20, sub { $vm->command("ping -c 3 $HOST") =~ / 3 received, 0% packet loss/ }), "$vm->{label}: ping $HOST");
	return;
}

# -- Disks

sub disk ($name, $way, $mib, %options) {
	my $path  = write_file(scratch() . '/disk.img', join '', map { pack 'a512', "sector $_ of the host" } 0 .. 16 * MIB / 512 - 1);
	my $trace = scratch() . '/disk.trace';
	my $queues = $options{cpus} // 1;
	my $packed = delete $options{packed} ? ',packed=on' : '';
	my $append = join ' ', "virtio.interrupts=$way", delete $options{append} // ();
	my $back   = Ringside::VhostUser->disk($path, $queues);
	my @words  = ($back->words('128M'), '-device', "vhost-user-blk-pci,chardev=back,disable-legacy=on,num-queues=$queues$packed",
		'-trace', 'msix_write_config', '-D', $trace);
	scenario($name, { network => 'none', extra => \@words, append => $append, %options }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_prompt;
		like($vm->command('blkread vda 12345'), qr/sector 12345 of/s, "$label: what the host wrote is read") or diag $vm->last_words;
		$vm->command('blkwrite --yes vda 20000 through another process');
		like($vm->command("blktest --yes vda $mib", seconds => 60), qr/: $mib MiB verified/, "$label: $mib MiB written, read and compared");
		my ($interrupts) = $vm->command('blkbench vda 64 1', seconds => 30) =~ / (\d+) interrupts/;
		is($interrupts > 0 ? 'some' : 'none', $way eq 'poll' ? 'none' : 'some', "$label: 64 reads one by one had $interrupts interrupts");
		way_is($vm, $way, qr/request/, $trace);
		$vm->command('devices reset virtio0');
		ok(until_true(10, sub { $vm->console =~ /virtio0\): reset, and running again/ }), "$label: recovers from a reset");
		$vm->command('blkwrite --yes vda 20001 and after a reset');
		like($vm->command('blkread vda 20000'), qr/through another/, "$label: what was written is read after a reset");
		leaves_with($vm, 0);
	});
	$back->finish;
	my $image = read_file($path);
	is(substr($image, 20000 * 512, 23), 'through another process', "$name: the host reads what the guest wrote");
	is(substr($image, 20001 * 512, 17), 'and after a reset', "$name: and what it wrote after the reset");
	is(substr($image, 12345 * 512, 512), pack('a512', 'sector 12345 of the host'), "$name: and the rest is as it was");
	return;
}

SKIP: {
	my $missing = Ringside::VhostUser::storage_missing();
	skip "vhost-user-blk: $missing", 1 if $missing;
	disk('blk, MSI-X',         'per-queue', 4);
	disk('blk, MSI-X, 2 CPUs', 'per-queue', 4, cpus   => 2);
	disk('blk, MSI-X, packed', 'per-queue', 4, packed => 1);
	disk('blk, INTx',          'intx',      4);
	# The daemon interrupts once for each queue with EVENT_IDX, asked or not, and panics where there is nothing to do so by.
	disk('blk, poll',          'poll',      4, append => 'virtio.features=-event_idx');
	with_kvm('blk, MSI-X, KVM', sub (%kvm) { disk('blk, MSI-X, KVM', 'per-queue', 1, %kvm) });
}

# -- Networks

# QEMU's words for a network device at the back end.
sub network_words ($back, $machine, $options, $trace) {
	my $vm = bless { machine => $machine }, 'Ringside::VM';
	return ($back->words('128M'), '-netdev', 'vhost-user,id=net0,chardev=back',
		$vm->device_words('virtio-net', "netdev=net0,mac=$Ringside::VM::MAC$options", 'romfile=,disable-legacy=on'),
		'-trace', 'msix_write_config', '-D', $trace);
}

# DPDK answers pings itself, and counts them.
sub network_echo ($name, $way, $options) {
	my $trace = scratch() . '/echo.trace';
	my $back  = Ringside::VhostUser->network;
	scenario($name, { network => [ network_words($back, 'q35', $options, $trace) ], append => "ip=$GUEST/24 virtio.interrupts=$way" }, sub ($vm) {
		is($vm->wait_ready, $GUEST, "$name: is up");
		pings($vm) for 1 .. 2;
		way_is($vm, $way, qr/receive/, $trace);
		leaves_with($vm, 0);
	});
	my ($taken, $sent) = $back->finish_counting;
	cmp_ok($sent // 0, '>=', 7, "$name: DPDK answered an ARP request and 6 pings") or diag $back->said;
	cmp_ok($taken // 0, '>=', $sent // 1, "$name: of what it took from the guest ($taken)");
	return;
}

# DPDK carries all to a TAP device and back.
sub network ($name, $way, $bytes, $options, %options) {
	my $trace = scratch() . '/network.trace';
	my $tap   = 'ringside0';
	my $ip    = program('ip');
	my $back  = Ringside::VhostUser->network($tap);
	system($ip, 'link', 'set', 'lo', 'up');
	system($ip, 'address', 'add', "$HOST/24", 'dev', $tap) == 0 or die "no address for $tap\n";
	my $machine = $options{machine} // 'q35';
	my $wanted  = $way eq 'line' ? 'intx' : $way;
	scenario($name, { append => "ip=$GUEST/24 services=http,echo virtio.interrupts=$wanted", network => [ network_words($back, $machine, $options, $trace) ], %options }, sub ($vm) {
		is($vm->wait_ready, $GUEST, "$name: is up");
		pings($vm);
		my ($sent, $came) = tcp_echo($GUEST, 7, $bytes);
		is($came, $sent, "$name: TCP echo of $bytes bytes");
		for my $length (1, 1472) {
			my $question = join '', map { chr int rand 256 } 1 .. $length;
			is(udp_ask($GUEST, 7, $question), $question, "$name: UDP echo of $length bytes");
		}
		way_is($vm, $way, qr/receive/, $trace);
		my $ring = $options =~ /packed=on/ ? 'packed' : 'split';
		like($vm->command('devices'), qr/queue 0: \S+, $ring,/, "$name: the ring is $ring");
		my %counters = $vm->command('ethtool -S eth0') =~ /^\s+(\w+): (\d+)$/mg;
		cmp_ok($counters{receive_bytes}, '>', $bytes, "$name: ethtool -S counts it ($counters{receive_packets} frames)");

		# The data of a connection survives resets: frames are lost, and sent again.
		my $load = in_child(sub ($over) {
			my ($out, $in) = tcp_echo($GUEST, 7, $bytes, 60);
			return $out eq $in ? 'good' : 'other data';
		});
		for my $count (1 .. 2) {
			$vm->command('devices reset virtio0');
			ok(until_true(10, sub { $count == (() = $vm->console =~ /virtio0\): reset, and running again/g) }), "$name: recovers from a reset");
		}
		is($load->(), 'good', "$name: and data meanwhile is right");
		pings($vm);
		leaves_with($vm, 0);
	});
	my ($taken, $sent) = $back->finish_counting;
	cmp_ok($sent // 0, '>', 2 * $bytes / 1500, "$name: DPDK has carried it (" . ($sent // 'none') . ' frames)') or diag $back->said;
	return;
}

SKIP: {
	my $missing = $no_namespace // Ringside::VhostUser::dpdk_missing();
	skip "vhost-user-net: $missing", 1 if $missing;
	# QEMU 7.2 itself crashes with vhost-user-net and MSI-X under TCG.
	network_echo('net, INTx, DPDK answers', 'intx', ',vectors=0');
	network('net, INTx',         'intx', 2_000_000, ',vectors=0');
	network('net, INTx, packed', 'intx', 2_000_000, ',vectors=0,packed=on');
	network('net, poll',         'poll', 1_000_000, '');
	network('net, MMIO',         'line', 2_000_000, '', machine => 'microvm');
	with_kvm('net, MSI-X, KVM', sub (%kvm) { network('net, MSI-X, KVM', 'per-queue', 100_000, '', %kvm) });
}

done_testing;
