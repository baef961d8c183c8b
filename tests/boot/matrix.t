#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Every transport with every ring and every way to interrupt, for every kind of device. A cell boots, moves
# data that is compared, goes on after resets under load, and proves by the guest's counters and by what QEMU
# saw that the way in its name was the one taken. Cells that cannot be are skipped with the reason.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use POSIX    ();
use Ringside::Checks;
use Ringside::Client qw(http_get tcp_echo udp_ask);
use Ringside::Host qw(scratch read_file until_true);
use Test::More;
use Time::HiRes qw(sleep);

# How each kind of device is made and what is done with it. A new kind is a new entry:
#	name		also as QEMU calls the device: virtio-NAME-pci
#	type		its virtio type
#	words		what it needs, for QEMU: a list
#	options		of the device
#	work		moves data and compares it; a list of [name, ok]
#	load		moves much data; returns whether all of it was right. Runs in a process of its own
#	no_messages	its PCI function has no MSI-X
# Each machine has a network device of the same transport and ring, through which its facts are asked for.
my @kinds = (
	{
		name => 'net',
		type => 1,
		words   => [ '-netdev', join ',', 'user,id=net0,ipv6=off', map { "hostfwd=$_->[0]:127.0.0.1:0-:$_->[1]" } [ tcp => 80 ], [ tcp => 7 ], [ udp => 7 ] ],
		options => "netdev=net0,mac=$Ringside::VM::MAC",
		work => sub ($vm) {
			my ($sent, $came) = tcp_echo('127.0.0.1', $vm->port(tcp => 7), 2_000_000);
			my @done = [ 'echo of 2 MB', $sent eq $came ];
			for my $length (1, 700, 1472, 4000) {
				my $question = join '', map { chr int rand 256 } 1 .. $length;
				my $back     = udp_ask('127.0.0.1', $vm->port(udp => 7), $question);
				push @done, [ "UDP echo of $length bytes", defined $back && $back eq $question ];
			}
			return @done;
		},
		load => sub ($vm) {
			my ($sent, $came) = tcp_echo('127.0.0.1', $vm->port(tcp => 7), 25_000_000, 40);
			return $sent eq $came;
		},
	},
);

# `without` is a name's reason not to be, by ring or way.
my @transports = (
	{ name => 'pci modern', transport => 'pci modern', machine => 'q35', suffix => 'pci', options => 'disable-legacy=on' },
	{
		name => 'pci legacy', transport => 'pci legacy', machine => 'q35', suffix => 'pci', options => 'disable-modern=on,disable-legacy=off',
		without => { packed => 'packed rings need VERSION_1, which legacy devices have not' },
	},
	{
		name => 'pci transitional by its legacy side', transport => 'pci legacy', machine => 'q35', suffix => 'pci',
		options => 'disable-modern=off,disable-legacy=off', append => 'virtio.transport=legacy',
		without => { packed => 'packed rings need VERSION_1, which legacy devices have not' },
		few => 1,
	},
	{
		name => 'mmio v1', transport => 'mmio 1', machine => 'microvm', suffix => 'device',
		without => {
			packed => 'packed rings need VERSION_1, which legacy devices have not',
			map { $_ => 'virtio-mmio has one interrupt line' } 'per-queue', 'shared',
		},
	},
	{
		name => 'mmio v2', transport => 'mmio 2', machine => 'microvm', suffix => 'device',
		before => [ '-global', 'virtio-mmio.force-legacy=false' ],
		without => { map { $_ => 'virtio-mmio has one interrupt line' } 'per-queue', 'shared' },
	},
);

# What the guest calls each way, by transport.
my %modes = (
	pci  => { 'per-queue' => qr/^msix$/, shared => qr/^msix-(?:shared|one)$/, intx => qr/^intx$/, poll => qr/^poll$/ },
	mmio => { intx => qr/^line$/, poll => qr/^poll$/ },
);

sub virtio_of ($vm, $type) {
	my ($device) = grep { $_->{type} == $type } @{ facts_of($vm)->{virtio}{devices} };
	return $device;
}

sub facts_of ($vm) {
	return JSON::PP::decode_json(http_get('127.0.0.1', $vm->port(tcp => 80), '/status.json')->{body});
}

sub sum (@numbers) { my $sum = 0; $sum += $_ for @numbers; return $sum }

# What the guest counted: interrupts of the device, whatever way.
sub interrupts_of ($device) {
	my $counts = $device->{interrupts};
	return ref $counts ? sum(map { $_->{count} } @$counts) : $counts // 0;
}

# What QEMU says about the features that were negotiated.
sub negotiated ($vm, $name) {
	my ($device) = grep { $_->{name} eq "virtio-$name" } @{ $vm->qmp->execute('x-query-virtio') };
	return '' unless $device;
	my $status = $vm->qmp->execute('x-query-virtio-status', path => $device->{path});
	return join ' ', map { ref ? @$_ : $_ } map { values %$_ } $status->{'guest-features'};
}

# Counts lines of QEMU's trace.
sub traced ($file, $pattern) { return scalar(() = (read_file($file) // '') =~ /$pattern/g) }

# Runs the load in a process of its own, and resets meanwhile.
sub under_load ($vm, $kind, @resets) {
	my $label = $vm->{label};
	$vm->port(tcp => 7);    # known before the fork
	pipe my $from, my $to or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		my $good = eval { $kind->{load}->($vm) };
		syswrite $to, $good ? 'good' : 'bad: ' . ($@ || 'other data');
		POSIX::_exit(0);
	}
	close $to;
	for my $reset (@resets) {
		sleep 0.15;
		$vm->command($reset);
	}
	my $result = do { local $/ = undef; <$from> };
	waitpid $pid, 0;
	is($result, 'good', "$label: all data is right after resets under load (" . @resets . ')');
	return;
}

sub check_cell ($vm, $kind, $transport, $ring, $way, $trace) {
	my $label = $vm->{label};
	my $pci   = $transport->{suffix} eq 'pci';
	$vm->wait_ready;

	my $before = virtio_of($vm, $kind->{type});
	is($before->{state}, 'driven', "$label: is driven") or return;
	is($before->{transport}, $transport->{transport}, "$label: by $transport->{transport}");
	like($before->{interrupt_mode}, $modes{ $pci ? 'pci' : 'mmio' }{$way}, "$label: $way is the way taken");
	my $qemu = negotiated($vm, $kind->{name});
	is(!!($qemu =~ /RING_PACKED/), $ring eq 'packed', "$label: QEMU says that the ring is $ring") or diag $qemu;
	is(join(' ', map { $_->{format} } @{ $before->{queues} }), join(' ', map { $ring } @{ $before->{queues} }), "$label: and so says the guest");
	is(scalar(grep { $_ eq 'version_1' } @{ $before->{features} }), $before->{transport} =~ /legacy|mmio 1/ ? 0 : 1, "$label: VERSION_1 as it should be");

	ok($_->[1], "$label: $_->[0]") for $kind->{work}->($vm);
	my $after  = virtio_of($vm, $kind->{type});
	my $raised = interrupts_of($after);
	my $queues = sum(map { $_->{interrupts} } @{ $after->{queues} });
	my $polled = sum(map { $_->{polled} } @{ $after->{queues} });
	if ($way eq 'poll') {
		is("$raised $queues", '0 0', "$label: the guest counted no interrupt");
		ok($polled > 0, "$label: queues were polled ($polled times with success)");
	} else {
		ok($raised > 0 && $queues > 0, "$label: interrupts are counted ($raised)");
		is($polled, 0, "$label: nothing was polled");
	}
	if ($pci) {
		my $vectors = grep { $_->{count} > 0 } ref $after->{interrupts} ? @{ $after->{interrupts} } : ();
		ok($vectors >= 1 && $vectors <= @{ $after->{queues} }, "$label: each queue has its vector") if $way eq 'per-queue';
		is($vectors, 1, "$label: one vector for all queues") if $way eq 'shared';
	}
	# Resets: once in peace, so that memory has its shape; then under load.
	my $name = $before->{name};
	$vm->command("devices reset $name");
	ok(until_true(10, sub { virtio_of($vm, $kind->{type})->{recoveries} == 1 }), "$label: recovers from a reset");
	my $free   = facts_of($vm)->{memory}{free};
	my @resets = ("devices reset $name");
	my $alone  = $before->{transport} eq 'pci modern';
	push @resets, map { "devices reset $name $_" } 0 .. $#{ $before->{queues} } if $alone;
	under_load($vm, $kind, @resets);
	my $last = virtio_of($vm, $kind->{type});
	my $all  = facts_of($vm)->{virtio}{devices};
	is($last->{recoveries}, 2, "$label: and again under load" . ($alone ? ', its queues without the others' : ''));
	like($last->{interrupt_mode}, $modes{ $pci ? 'pci' : 'mmio' }{$way}, "$label: $way still");
	ok($_->[1], "$label: after that, $_->[0]") for $kind->{work}->($vm);
	my $leak = $free - facts_of($vm)->{memory}{free};
	ok($leak < 256 << 10, "$label: no leak") or diag "$leak bytes";
	no_warnings($vm);
	leaves_with($vm, 0);

	# What QEMU wrote down, which is complete when it has ended.
	my $told = traced($trace, qr/^virtio_notify /m);
	if ($way eq 'poll') {
		# QEMU never suppresses the first of a queue that was started; it reaches nobody.
		my $starts = sum(map { scalar @{ $_->{queues} } } @$all) + 2 * @{ $before->{queues} } + @resets - 1;
		ok($told <= $starts, "$label: QEMU had nothing to interrupt for ($told times, in $starts starts of queues)");
	} else {
		ok($told >= $queues, "$label: QEMU raised interrupts ($told)");
	}
	ok(traced($trace, qr/^virtio_queue_notify /m) > 0, "$label: QEMU was kicked");
	my $messages = traced($trace, qr/^msix_write_config dev virtio-\S+ enabled 1/m) > 0;
	is($messages ? 'on' : 'off', $way =~ /per-queue|shared/ ? 'on' : 'off', "$label: MSI-X in QEMU's eyes") if $pci;
	return;
}

# What the kind needs, and the device.
sub device_words ($kind, $transport, $ring) {
	my @options = ($kind->{options}, $transport->{options}, $ring eq 'packed' ? 'packed=on' : undef);
	push @options, 'romfile=' if $kind->{name} eq 'net' && $transport->{suffix} eq 'pci';
	return (@{ $kind->{words} }, '-device', join ',', "virtio-$kind->{name}-$transport->{suffix}", grep { length } map { $_ // '' } @options);
}

for my $kind (@kinds) {
	for my $transport (@transports) {
		for my $ring (qw(split packed)) {
			for my $way (qw(per-queue shared intx poll)) {
				my $name   = "$kind->{name}, $transport->{name}, $ring, $way";
				my $reason = $transport->{without}{$ring} // $transport->{without}{$way};
				$reason //= 'it has no MSI-X capability' if $kind->{no_messages} && $transport->{suffix} eq 'pci' && $way =~ /per-queue|shared/;
				if ($reason) {
				SKIP: { skip "$name: $reason", 1 }
					next;
				}
				next if $transport->{few} && $way ne 'per-queue';
				my $trace = scratch() . '/' . $name =~ s/[^a-z0-9]+/-/gr . '.trace';
				my @words = map { device_words($_, $transport, $ring) } grep { $_ == $kind || $_->{name} eq 'net' } @kinds;
				my @trace = ('-D', $trace, map { ('-trace', $_) } qw(virtio_queue_notify virtio_notify msix_write_config));
				my $append = join ' ', grep { defined } "virtio.interrupts=$way services=http,echo", $transport->{append};
				scenario($name, { machine => $transport->{machine}, append => $append, network => [ @{ $transport->{before} // [] }, @words ], extra => \@trace },
					sub ($vm) { check_cell($vm, $kind, $transport, $ring, $way, $trace) });
			}
		}
	}
}

done_testing;
