#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Numbers of CPUs and sizes of memory: the machine comes up, says how much it has, tests itself, and serves.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Client qw(http_get tcp_echo);
use Ringside::Host   qw(until_true);
use Test::More;

for my $machine (qw(microvm q35)) {
	for my $cpus (1, 2, 4) {
		scenario("$machine, CPUs: $cpus", { machine => $machine, cpus => $cpus }, sub ($vm) {
			lease_is($vm, '10.0.2.15');
			page_is($vm, method => 'pvh');
			my $threads = $vm->command('threads');
			my %seen    = map { /^\s*(\d+) \S+\s+\d+\s+idle$/ ? ($1 => 1) : () } split /\n/, $threads;
			is(join(' ', sort keys %seen), join(' ', 0 .. $cpus - 1), "$vm->{label}: each CPU has its idle thread");
			self_test($vm);
			no_warnings($vm);
			leaves_with($vm, 0);
		});
	}
	for my $memory (qw(16M 256M 8G)) {
		scenario("$machine, memory: $memory", { machine => $machine, memory => $memory }, sub ($vm) {
			lease_is($vm, '10.0.2.15');
			page_is($vm, method => 'pvh');
			no_warnings($vm);
			leaves_with($vm, 0);
		});
	}
}

# A CPU of a million instructions a second: what is only slow is not taken for stuck.
scenario('q35, slow', { network => 'none', append => 'watchdog=5', extra => [ '-icount', 'shift=10,sleep=off' ] }, sub ($vm) {
	self_test($vm);
	no_warnings($vm);
	leaves_with($vm, 0);
});

# The least memory that serves.
for my $machine (qw(microvm q35 pc)) {
	scenario("$machine, memory: 4M", { machine => $machine, memory => '4M', append => 'services=http,echo' }, sub ($vm) {
		lease_is($vm, '10.0.2.15');
		is(http_get('127.0.0.1', $vm->port(tcp => 80), '/')->{status}, 200, "$vm->{label}: the page");
		my ($sent, $came) = tcp_echo('127.0.0.1', $vm->port(tcp => 7), 200_000);
		is($came, $sent, "$vm->{label}: echo of 200 KB");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

# More devices than memory: those that come first run, and leave enough for what they are there for.
my $network = '-netdev user,id=more%1$d,net=10.1.%1$d.0/24 -device %2$s,netdev=more%1$d,romfile=';
for my $many (
	[ '12M', virtio_net     => 'virtio-net-pci', $network ],
	[ '12M', e1000          => 'e1000',          $network ],
	[ '12M', '8139too'      => 'rtl8139',        $network ],
	[ '6M',  virtio_blk     => 'virtio-blk-pci', '-drive id=more%1$d,if=none,driver=null-co,size=1M -device %2$s,drive=more%1$d' ],
	[ '6M',  virtio_console => 'virtio-serial-pci', '-device %2$s' ],
) {
	my ($memory, $driver, $device, $words) = @$many;
	my @more = map { split / /, sprintf $words, $_, $device } 1 .. 24;
	scenario("q35, memory: $memory, 24 more: $device", { machine => 'q35', memory => $memory, extra => \@more, append => 'services=http,echo' }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_ready;
		ok(until_true(20, sub { $vm->command('ip addr') =~ /10\.0\.2\.15/ }), "$label: the first network has its address");
		# A console has 64 queues here, and a page about all is too large for this memory.
		for my $path (qw(/ /status.json)) {
			is(http_get('127.0.0.1', $vm->port(tcp => 80), $path)->{status}, $driver eq 'virtio_console' ? 503 : 200, "$label: $path");
		}
		my ($sent, $came) = tcp_echo('127.0.0.1', $vm->port(tcp => 7), 200_000);
		is($came, $sent, "$label: echo of 200 KB");
		my $driven   = () = $vm->command('devices -s') =~ /, driver $driver, driven, /g;
		my $too_many = () = $vm->console =~ /: left alone(?: by $driver)?, there is no memory to drive it\r?$/mg;
		my $all      = $driver eq 'virtio_net' ? 25 : 24;
		cmp_ok($driven, '>', 1, "$label: more than one is driven");
		is($driven + $too_many, $all, "$label: each of the others is told of, in a line");
		unlike($vm->console, qr/panic|no memory for/, "$label: nothing else lacks memory");
		leaves_with($vm, 0);
	});
}

# More buffers than memory, and devices after that one.
for my $device (qw(virtio-net-pci e1000 rtl8139)) {
	my @more = ('-netdev', 'user,id=more,net=10.1.1.0/24', '-device', "$device,netdev=more,romfile=", '-drive', 'id=disk,if=none,driver=null-co,size=1M', '-device', 'virtio-blk-pci,drive=disk');
	scenario("q35, memory: 6M, net.buffers=16384, $device", { machine => 'q35', memory => '6M', nic => $device, extra => \@more, append => 'services=http,echo net.buffers=16384' }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_ready;
		ok(until_true(20, sub { $vm->command('ip addr') =~ /10\.0\.2\.15/ }), "$label: the first has its address");
		my @lines = $vm->console =~ /net: error: (eth\d): has \d{2,3} receive buffers: the 16384 of net\.buffers= would leave too little memory\r?$/mg;
		is("@lines", 'eth0 eth1', "$label: both have fewer, and say so");
		like($vm->command('devices -s'), qr/block, .* driver virtio_blk, driven/, "$label: there is memory for a disk");
		my ($sent, $came) = tcp_echo('127.0.0.1', $vm->port(tcp => 7), 200_000);
		is($came, $sent, "$label: echo of 200 KB");
		leaves_with($vm, 0);
	});
}

# Many of each kind, with several queues: what is left is enough whoever was the last.
for my $memory (qw(5M 7M 10M)) {
	my @more = map {
		my $n = $_;
		(
			'-netdev', "hubport,hubid=1,id=more$n", '-device', "virtio-net-pci,mq=on,vectors=20,netdev=more$n,romfile=",
			'-drive', "id=disk$n,if=none,driver=null-co,size=1M", '-device', "virtio-blk-pci,num-queues=4,drive=disk$n",
			'-device', 'virtio-serial-pci,max_ports=' . 8 * $n
		)
	} 1 .. 3;
	scenario("q35, memory: $memory, several of each", { machine => 'q35', cpus => 4, memory => $memory, extra => \@more, append => 'services=http,echo' }, sub ($vm) {
		my $label = $vm->{label};
		lease_is($vm, '10.0.2.15');
		my ($sent, $came) = tcp_echo('127.0.0.1', $vm->port(tcp => 7), 200_000);
		is($came, $sent, "$label: echo of 200 KB");
		like($vm->command('free'), qr/^Mem: /m, "$label: the shell has its commands");
		leaves_with($vm, 0);
	});
}

scenario('q35, CPUs: 4, one wanted', { machine => 'q35', cpus => 4, append => 'cpus=1' }, sub ($vm) {
	$vm->wait_ready;
	my @idle = $vm->command('threads') =~ /\sidle$/mg;
	is(scalar @idle, 1, "$vm->{label}: cpus=1 uses one");
	self_test($vm);
	no_warnings($vm);
	leaves_with($vm, 0);
});

# As a job: the result is the machine's.
scenario('microvm, run=selftest', { machine => 'microvm', cpus => 2, append => 'run=selftest' }, sub ($vm) {
	is($vm->wait_exit(60), 0, "$vm->{label}: ends QEMU with status 0");
	like($vm->console, qr/^# ringside: selftest: \d+ passed, 0 failed, 1 skipped$/m, "$vm->{label}: counts what it did");
	like($vm->console, qr/^ringside: exit 0: success\n\z/m, "$vm->{label}: the last line says so too");
});

done_testing;
