#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# chaos.t [NUMBER...]: boots machines that were thrown together by chance: machine, CPUs, memory, devices, features, rings,
# interrupts. Each has a number, from which all of it follows; a failure says how to run that one again.
# `make chaos N=` runs so many, from a number that it says; `make test` always the same few.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Ringside::Checks;
use Ringside::Client qw(http_get tcp_echo);
use Ringside::Host   qw(scratch write_file until_true);
use Test::More;

use constant MIB => 1 << 20;

my @numbers = @ARGV ? @ARGV : do {
	my $first = $ENV{RINGSIDE_CHAOS_FIRST} || 1;
	$first .. $first + ($ENV{RINGSIDE_CHAOS} || 16) - 1;
};
my $disk = write_file(scratch() . '/chaos.img', join '', map { pack 'N', $_ } 0 .. MIB - 1);

# -- What there may be

sub one_of (@list)   { return $list[ rand @list ] }
sub chance ($percent) { return rand(100) < $percent }

my %firmware = (
	pc      => [ '', '', 'qboot.rom' ],
	q35     => [ '', '', 'qboot.rom' ],
	microvm => [''],
);

# What a device is told: by which interface it is offered, how its rings look. `packed` is for those with VERSION_1.
sub ways ($machine) {
	my @words;
	my $modern = 1;
	if ($machine->{pci}) {
		my $side = one_of($machine->{legacy} ? () : ('modern', 'modern'), 'transitional', 'legacy');
		push @words, $side eq 'modern' ? 'disable-legacy=on' : $side eq 'legacy' ? ('disable-modern=on', 'disable-legacy=off') : 'disable-legacy=off';
		$modern = $side eq 'modern' || $side eq 'transitional' && !$machine->{legacy};
		push @words, 'vectors=' . one_of(0, 1, 2, 5) if chance(25);
	} else {
		$modern = $machine->{version} == 2;
	}
	push @words, 'packed=on'        if $modern && chance(40);
	push @words, 'event_idx=off'    if chance(30);
	push @words, 'indirect_desc=off' if chance(30);
	return @words;
}

my @kinds = (
	{
		name  => 'net', percent => 85,
		words => sub ($machine) {
			my @sizes = $machine->{pci} && chance(40) ? ('rx_queue_size=' . one_of(256, 512, 1024), 'tx_queue_size=' . one_of(256, 1024)) : ();
			my @less  = map { chance(20) ? "$_=off" : () } qw(mrg_rxbuf ctrl_vq csum guest_csum status ctrl_rx);
			# Without sums nothing can be joined or cut.
			push @less, map { "$_=off" } qw(guest_tso4 guest_tso6 guest_ecn guest_ufo) if grep { $_ eq 'guest_csum=off' } @less;
			push @less, map { "$_=off" } qw(host_tso4 host_tso6 host_ecn host_ufo gso)     if grep { $_ eq 'csum=off' } @less;
			push @less, map { "$_=off" } qw(ctrl_vlan guest_announce ctrl_mac_addr ctrl_guest_offloads) if grep { $_ eq 'ctrl_vq=off' } @less;
			push @less, 'ctrl_rx=off' if grep { $_ eq 'ctrl_vq=off' } @less;
			return ([ '-netdev', 'user,id=net0,ipv6=off,hostfwd=tcp:127.0.0.1:0-:80,hostfwd=tcp:127.0.0.1:0-:7' ],
				'net', 'netdev=net0', "mac=$Ringside::VM::MAC", $machine->{pci} ? 'romfile=' : (), @sizes, @less);
		},
		check => sub ($vm) {
			my ($sent, $came) = tcp_echo('127.0.0.1', $vm->port(tcp => 7), 200_000);
			return $sent eq $came || 'the echo has other data';
		},
	},
	{
		name  => 'blk', percent => 70,
		words => sub ($machine) {
			my @queues = $machine->{pci} && chance(50) ? 'num-queues=' . (1 + int rand $machine->{cpus}) : ();
			my @size   = chance(40) ? 'queue-size=' . one_of(8, 32, 128, 256, 1024) : ();
			return ([ '-blockdev', "driver=raw,node-name=disk0,read-only=on,file.driver=file,file.filename=$disk" ], 'blk', 'drive=disk0', @queues, @size);
		},
		check => sub ($vm) {
			my $sector = int rand 8000;
			my $first  = sprintf '%08x  %s', $sector * 512, join ' ', map { sprintf '%02x', $_ } unpack 'C4', pack 'N', $sector * 128;
			return index($vm->command("blkread vda $sector"), $first) >= 0 || "sector $sector has other data";
		},
	},
	{
		name => 'balloon', percent => 50, no_messages => 1,
		words => sub ($machine) { return ([], 'balloon', map { chance(40) ? "$_=on" : () } qw(deflate-on-oom free-page-reporting)) },
		check => sub ($vm) {
			my $target = $vm->{mib} - 4;
			for my $mib ($target, $vm->{mib}) {
				$vm->qmp->execute('balloon', value => $mib * MIB);
				until_true(10, sub { $vm->qmp->execute('query-balloon')->{actual} == $mib * MIB }) or return "the balloon is not at $mib MiB";
			}
			return 1;
		},
	},
	{
		name => 'rng', percent => 50,
		words => sub ($machine) { return ([], 'rng') },
		check => sub ($vm) {
			my $count = sub { $vm->command('rng') =~ /: (\d+) bytes in/ ? $1 : -1 };
			my $start = $count->();
			$vm->command('rng --reseed');
			return until_true(5, sub { $count->() > $start }) ? 1 : 'no random bytes came';
		},
	},
	{
		name => 'serial', percent => 40,
		words => sub ($machine) { return ([], 'serial', chance(40) ? 'max_ports=' . one_of(2, 8, 31) : ()) },
		check => sub ($vm) { return 1 },
	},
);

sub throw_together ($number) {
	srand $number;
	my $type    = one_of(qw(q35 q35 pc microvm microvm));
	my $machine = { type => $type, pci => $type ne 'microvm', version => one_of(1, 2, 2), cpus => one_of(1, 1, 2, 3, 4, 8), legacy => chance(25), mib => 16 + int rand 500 };
	my @there   = grep { chance($_->{percent}) } @kinds;
	my $way     = one_of('', '', '', 'per-queue', 'shared', 'intx', 'poll');
	# What cannot be is not asked for: messages of what has none, or no vectors for them.
	$way = '' if $way =~ /per-queue|shared/ && (!$machine->{pci} || grep { $_->{no_messages} } @there);
	$way = '' if $way eq 'per-queue' && grep { $_->{name} eq 'serial' } @there;
	my @devices = map { [ $_->{words}->($machine) ] } @there;
	my @words;
	for my $device (@devices) {
		my ($before, $name, @options) = @$device;
		my @ways = ways($machine);
		@ways = grep { !/^vectors/ } @ways if $way =~ /per-queue|shared/ || $name eq 'balloon';
		push @words, @$before, '-device', join ',', "virtio-$name-" . ($machine->{pci} ? 'pci' : 'device'), @options, @ways;
	}
	unshift @words, '-global', 'virtio-mmio.force-legacy=' . ($machine->{version} == 1 ? 'true' : 'false') unless $machine->{pci};
	my @append = 'services=http,echo';
	push @append, "virtio.interrupts=$way"                                    if $way;
	push @append, 'virtio.transport=legacy'                                   if $machine->{legacy} && $machine->{pci};
	push @append, 'virtio.queue_size=' . one_of(16, 64, 100, 512, 4096)       if chance(30);
	push @append, 'virtio.queues=' . one_of(1, 2)                             if chance(20);
	push @append, 'virtio.features=' . one_of('-event_idx', '-indirect_desc', '-mrg_rxbuf', '-event_idx,-indirect_desc') if chance(30);
	push @append, 'cpus=' . one_of(1, 2)                                      if chance(15);
	my $bios = one_of(@{ $firmware{$type} });
	return (\@there, {
		machine => $type, cpus => $machine->{cpus}, memory => "$machine->{mib}M", append => join(' ', @append), network => \@words,
		boot => $machine->{pci} && !$bios && chance(30) ? 'bzimage' : 'pvh', ($bios ? (bios => $bios) : ()),
	}, $machine->{mib});
}

# -- What each has to do

for my $number (@numbers) {
	my ($there, $options, $mib) = throw_together($number);
	my $name = "chaos $number, $options->{machine}";
	scenario($name, $options, sub ($vm) {
		$vm->{mib} = $mib;
		(grep { $_->{name} eq 'net' } @$there) ? $vm->wait_ready : $vm->wait_prompt;
		my $devices = $vm->command('devices -s');
		is(scalar(() = $devices =~ /^virtio\d+: .*, driven/mg), scalar @$there, "$name: each device is driven") or diag $devices;
		for my $kind (@$there) {
			my $result = eval { $kind->{check}->($vm) } // $@;
			is($result, 1, "$name: $kind->{name} works");
		}
		no_warnings($vm);
		leaves_with($vm, 0);
	});
	next if Test::More->builder->is_passing || $options->{told}++;
	diag "again: perl tests/boot/chaos.t $number";
	last if @ARGV || $ENV{RINGSIDE_CHAOS_STOP};
}

done_testing;
