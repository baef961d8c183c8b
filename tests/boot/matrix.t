#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Every transport with every ring and every way to interrupt, for every kind of device. A cell is one machine that
# has one device of each kind: each moves data that is compared, goes on after resets under the load of all, and
# proves by the guest's counters and by what QEMU saw that the way in the cell's name was the one taken. Cells
# that cannot be are skipped with the reason.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX    ();
use Ringside::Checks;
use Ringside::Client qw(http_get tcp_echo udp_ask);
use Ringside::Host qw(scratch read_file write_file until_true);
use Ringside::Load qw(stream_echo stream_prefix in_child);
use Test::More;
use Time::HiRes qw(sleep);

use constant MIB => 1 << 20;

# A disk's content.
my $pattern = substr join('', map { pack 'N', $_ * 2654435761 & 0xffffffff } 0 .. 2 * MIB), 0, 8 * MIB;

# How each kind of device is made and what is done with it:
#	type		its virtio type
#	qemu		its name in QEMU, without "virtio-" and the bus; `inside` for the device proper where it differs
#	words		what it needs, for QEMU: a function of the cell
#	options		of the device
#	after		words behind the device
#	work		moves data and compares it; a list of [name, ok]
#	load		keeps it busy from this process; called between resets
#	rest		after the load: ends it, and says whether all of it was right
#	no_messages	its PCI function has no MSI-X, so it is left out where that is asked for
#	config		its interrupts are for changes: QEMU answers its queues within the kick
#	alone		its driver can reset one queue while the others run
# The network's load and the port's come from processes of their own (begin), the others' by the shell and QMP.
my @kinds = (
	{
		name => 'net', type => 1, qemu => 'net', alone => 1,
		words => sub ($cell) {
			return '-netdev', join ',', 'user,id=net0,ipv6=off', map { "hostfwd=$_->[0]:127.0.0.1:0-:$_->[1]" } [ tcp => 80 ], [ tcp => 7 ], [ udp => 7 ];
		},
		options => sub ($cell) { return ("netdev=net0,mac=$Ringside::VM::MAC", $cell->{pci} ? 'romfile=' : ()) },
		work    => sub ($vm) {
			my ($sent, $came) = tcp_echo('127.0.0.1', $vm->port(tcp => 7), 1_000_000);
			my @done = [ 'TCP echo of 1 MB', $sent eq $came ];
			for my $length (1, 700, 1472, 4000) {
				my $question = join '', map { chr int rand 256 } 1 .. $length;
				my $back     = udp_ask('127.0.0.1', $vm->port(udp => 7), $question);
				push @done, [ "UDP echo of $length bytes", defined $back && $back eq $question ];
			}
			return @done;
		},
		begin => sub ($vm) {
			my $port = $vm->port(tcp => 7);
			$vm->{net_load} = in_child(sub ($over) {
				my $rounds = 0;
				do {
					my ($sent, $came) = tcp_echo('127.0.0.1', $port, 2_000_000, 40);
					return 'other data' if $sent ne $came;
					$rounds++;
				} until $over->();
				return "good $rounds";
			});
		},
		rest => sub ($vm) { return $vm->{net_load}->() },
	},
	{
		name => 'blk', type => 2, qemu => 'blk', alone => 1,
		words => sub ($cell) {
			$cell->{disk} = write_file(scratch() . "/$cell->{file}.img", $pattern);
			return '-blockdev', "driver=raw,node-name=disk0,file.driver=file,file.filename=$cell->{disk}";
		},
		options => sub ($cell) { return ('drive=disk0', $cell->{cpus} > 1 ? "num-queues=$cell->{cpus}" : ()) },
		work    => sub ($vm) {
			my $dump = $vm->command('blkread vda 14000 8');
			my $read = join '', map { /^[0-9a-f]{8}  ((?:[0-9a-f]{2} +){16})/ ? pack('H*', $1 =~ s/ //gr) : () } split /\n/, $dump;
			my $word = join '', map { chr(97 + rand 26) } 1 .. 40;
			$vm->command("blkwrite --yes vda 15000 $word");
			return ([ 'reads what the host wrote', $read eq substr($pattern, 14000 * 512, 8 * 512) ],
				[ 'the host reads what it wrote', substr(read_file($vm->{cell}{disk}), 15000 * 512, 512) eq pack 'a512', $word ],
				[ '2 MiB verified', $vm->command('blktest --yes vda 2', seconds => 60) =~ /: 2 MiB verified/ ]);
		},
		# What is in flight at a reset may end with an error, never with other data.
		load => sub ($vm) {
			my $said = substr $vm->console, $vm->{disk_from} //= length $vm->console;
			my $ended = () = $said =~ /blktest vda: \d+ MiB verified|vda: test: input\/output error/g;
			return if ($vm->{disk_tests} // 0) > $ended;
			$vm->{disk_tests}++;
			$vm->command('blktest --yes vda 4 &');
		},
		rest => sub ($vm) {
			my $said;
			until_true(30, sub {
				$said = substr $vm->console, $vm->{disk_from};
				return $vm->{disk_tests} == (() = $said =~ /blktest vda: \d+ MiB verified|vda: test: /g);
			}) or return 'not at its end';
			return "wrong: $1" if $said =~ /(.*not what was written|vda: test: (?!input\/output).*)/;
			return 'good ' . $vm->{disk_tests};
		},
	},
	{
		name => 'balloon', type => 5, qemu => 'balloon', no_messages => 1, config => 1,
		words   => sub ($cell) { return () },
		options => sub ($cell) { return () },
		work    => sub ($vm) {
			my @done;
			for my $mib (96, 128) {
				$vm->qmp->execute('balloon', value => $mib * MIB);
				push @done, [ "at $mib MiB by QEMU", scalar until_true(10, sub { $vm->qmp->execute('query-balloon')->{actual} == $mib * MIB }) ];
				push @done, [ "at $mib MiB by the guest", scalar until_true(5, sub { facts_of($vm)->{balloon}{actual} == (128 - $mib) * MIB }) ];
			}
			return @done;
		},
		load => sub ($vm) { $vm->qmp->execute('balloon', value => (100 + 7 * ($vm->{balloon_moves}++ % 5)) * MIB) },
		rest => sub ($vm) {
			for my $mib (100, 128) {
				$vm->qmp->execute('balloon', value => $mib * MIB);
				until_true(10, sub { $vm->qmp->execute('query-balloon')->{actual} == $mib * MIB }) or return "not at $mib MiB";
			}
			return 'good';
		},
	},
	{
		name => 'console', type => 3, qemu => 'serial', 
		words => sub ($cell) {
			$cell->{socket} = scratch() . '/' . $cell->{number} . '.socket';
			return '-chardev', "socket,id=data,path=$cell->{socket},server=on,wait=off";
		},
		options => sub ($cell) { return ('max_ports=2', $cell->{way} eq 'per-queue' ? 'vectors=8' : ()) },
		after   => sub ($cell) { return '-device', 'virtserialport,chardev=data,name=org.ringside.test' },
		work    => sub ($vm) {
			my $socket = open_port($vm);
			my ($sent, $came) = stream_echo($socket, 300_000);
			close $socket;
			my $closed = until_true(10, sub { $vm->command('port') =~ / free +closed .* org\.ringside\.test$/m });
			return ([ '300 kB through the port and back', $sent eq $came ], [ 'the port ends with its other end', $closed ]);
		},
		# At a reset bytes on the way are lost, and the echo ends; what came before is what was sent.
		begin => sub ($vm) {
			my $socket = open_port($vm);
			$vm->{port_load} = in_child(sub ($over) { return stream_prefix($socket, $over) });
			close $socket;
		},
		rest => sub ($vm) {
			my $result = $vm->{port_load}->();
			until_true(10, sub { $vm->command('port') =~ / free +closed .* org\.ringside\.test$/m }) or return 'the port is not free: ' . $vm->command('port');
			return $result;
		},
	},
	{
		name => 'entropy', type => 4, qemu => 'rng',
		words   => sub ($cell) { return () },
		options => sub ($cell) { return () },
		work    => sub ($vm) {
			my $count = sub { $vm->command('rng') =~ /: (\d+) bytes in \d+ answers, idle/ ? $1 : 0 };
			my $start = $count->();
			# Several, because an answer that is there before it is waited for needs no interrupt.
			my @done;
			for my $time (1 .. 5) {
				$vm->command('rng --reseed');
				push @done, [ '64 bytes more', scalar until_true(5, sub { $count->() >= $start + 64 * $time }) ];
			}
			return @done;
		},
		load => sub ($vm) { $vm->command('rng --reseed') },
		rest => sub ($vm) { return 'good' },
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

# Starts the echo on the port, and returns the host's end of it.
sub open_port ($vm) {
	my $from = length $vm->console;
	$vm->command('port echo org.ringside.test &');
	$vm->wait_for(qr/: echo, until the other end/, from => $from);
	return until_true(5, sub { IO::Socket::UNIX->new(Peer => $vm->{cell}{socket}) }) // die "$vm->{cell}{socket}: $!\n";
}

sub facts_of ($vm) {
	return JSON::PP::decode_json(http_get('127.0.0.1', $vm->port(tcp => 80), '/status.json')->{body});
}

# The device of each kind, by the kind's name.
sub devices_of ($vm) {
	my %found;
	my $devices = facts_of($vm)->{virtio}{devices};
	for my $kind (@{ $vm->{cell}{kinds} }) {
		($found{ $kind->{name} }) = grep { $_->{type} == $kind->{type} } @$devices;
	}
	return \%found;
}

sub sum (@numbers) { my $sum = 0; $sum += $_ for @numbers; return $sum }

# What the guest counted: interrupts of the device, whatever way.
sub interrupts_of ($device) {
	my $counts = $device->{interrupts};
	return ref $counts ? sum(map { $_->{count} } @$counts) : $counts // 0;
}

# What QEMU says about the features that were negotiated, by its name of the device.
sub negotiated ($vm) {
	my %features;
	for my $device (@{ $vm->qmp->execute('x-query-virtio') }) {
		my $status = $vm->qmp->execute('x-query-virtio-status', path => $device->{path});
		$features{ $device->{name} =~ s/^virtio-//r } = join ' ', map { ref ? @$_ : $_ } map { values %$_ } $status->{'guest-features'};
	}
	return \%features;
}

# Counts lines of QEMU's trace.
sub traced ($file, $pattern) { return scalar(() = (read_file($file) // '') =~ /$pattern/g) }

# What the guest calls each way, by transport.
my %modes = (
	pci  => { 'per-queue' => qr/^msix$/, shared => qr/^msix-(?:shared|one)$/, intx => qr/^intx$/, poll => qr/^poll$/ },
	mmio => { intx => qr/^line$/, poll => qr/^poll$/ },
);
sub mode_of ($cell) { return $modes{ $cell->{pci} ? 'pci' : 'mmio' }{ $cell->{way} } }

# The device is what the cell's name says.
sub check_device ($cell, $kind, $device, $features) {
	my $transport = $cell->{transport}{transport};
	is($device->{state}, 'driven', 'is driven') or return;
	is($device->{transport}, $transport, "by $transport");
	like($device->{interrupt_mode}, mode_of($cell), 'the way taken is ' . $cell->{way});
	is(!!($features =~ /RING_PACKED/), $cell->{ring} eq 'packed', "QEMU says that the ring is $cell->{ring}") or diag $features;
	is(join(' ', map { $_->{format} } @{ $device->{queues} }), join(' ', map { $cell->{ring} } @{ $device->{queues} }), 'and so says the guest');
	is(scalar(grep { $_ eq 'version_1' } @{ $device->{features} }), $transport =~ /legacy|mmio 1/ ? 0 : 1, 'VERSION_1 as it should be');
	is(scalar @{ $device->{queues} }, $cell->{cpus}, 'a queue for each CPU') if $kind->{name} eq 'blk' && $cell->{cpus} > 1;
	return;
}

# The guest counted what the way has, and nothing else.
sub check_counters ($cell, $kind, $device) {
	my $raised = interrupts_of($device);
	my $queues = sum(map { $_->{interrupts} } @{ $device->{queues} });
	my $polled = sum(map { $_->{polled} } @{ $device->{queues} });
	my $way    = $cell->{way};
	if ($way eq 'poll') {
		is("$raised $queues", '0 0', 'the guest counted no interrupt');
		ok($polled > 0 || $kind->{config}, 'queues were polled with success') or diag $polled;
		return;
	}
	ok($raised > 0 && $queues + ($kind->{config} ? $device->{config_interrupts} : 0) > 0, 'interrupts are counted') or diag "$raised $queues";
	is($polled, 0, 'nothing was polled');
	my @vectors = grep { $_->{count} > 0 } ref $device->{interrupts} ? @{ $device->{interrupts} } : ();
	ok(@vectors >= 1 && @vectors <= @{ $device->{queues} }, 'each queue has its vector') if $way eq 'per-queue';
	is(scalar(grep { $_->{entry} > 0 || @{ $device->{interrupts} } == 1 } @vectors), 1, 'one vector for all queues') if $way eq 'shared';
	return;
}

sub check_cell ($vm, $cell) {
	my $label = $vm->{label};
	my @there = @{ $cell->{kinds} };
	$vm->{cell} = $cell;
	$vm->wait_ready;

	my $before   = devices_of($vm);
	my $features = negotiated($vm);
	for my $kind (@there) {
		subtest "$label: $kind->{name}", sub { check_device($cell, $kind, $before->{ $kind->{name} }, $features->{ $kind->{qemu} } // '') };
	}
	for my $kind (@there) {
		subtest "$label: $kind->{name} works", sub {
			ok($_->[1], $_->[0]) for $kind->{work}->($vm);
			check_counters($cell, $kind, devices_of($vm)->{ $kind->{name} });
		};
	}

	# Resets: once in peace, so that memory has its shape; then under the load of all devices.
	my $recovered = sub ($count) {
		return until_true(10, sub { my $now = devices_of($vm); !grep { $_->{recoveries} != $count || $_->{state} ne 'driven' } values %$now });
	};
	my @names = map { $before->{ $_->{name} }{name} } @there;
	$vm->command("devices reset $_") for @names;
	ok($recovered->(1), "$label: each device recovers from a reset");
	my $memory = memory_of(facts_of($vm));

	my @resets = @names;
	if ($before->{net}{transport} eq 'pci modern') {
		for my $kind (grep { $_->{alone} } @there) {
			my $device = $before->{ $kind->{name} };
			push @resets, map { "$device->{name} $_->{index}" } @{ $device->{queues} };
		}
	}
	$_->{begin}->($vm) for grep { $_->{begin} } @there;
	for my $reset (@resets) {
		$_->{load}->($vm) for grep { $_->{load} } @there;
		sleep 0.03;
		my $said = $vm->command("devices reset $reset");
		fail("$label: devices reset $reset"), diag $said if $said =~ /error|no such|has no/;
	}
	for my $kind (@there) {
		like($kind->{rest}->($vm), qr/^good/, "$label: $kind->{name}: all data is right under load and resets (" . @resets . ')');
	}
	ok($recovered->(2), "$label: each device recovered once more, and no other" . (@resets > @names ? '; queues without it' : ''));
	my $last = devices_of($vm);
	for my $kind (@there) {
		subtest "$label: $kind->{name} after that", sub {
			like($last->{ $kind->{name} }{interrupt_mode}, mode_of($cell), 'the way is the same');
			ok($_->[1], $_->[0]) for $kind->{work}->($vm);
		};
	}
	no_leak($vm, 5, $memory, \&facts_of);
	$last = devices_of($vm);
	no_warnings($vm);
	leaves_with($vm, 0);

	# What QEMU wrote down, which is complete when it has ended.
	my $told   = traced($cell->{trace}, qr/^virtio_notify(?:_irqfd)? /m);
	my $queues = sum(map { map { $_->{interrupts} } @{ $_->{queues} } } values %$last);
	if ($cell->{way} eq 'poll') {
		# QEMU never suppresses the first of a queue that was started; it reaches nobody.
		my $starts = @resets - @names + sum(map { (1 + $_->{recoveries}) * @{ $_->{queues} } } values %$last);
		ok($told <= $starts, "$label: QEMU had nothing to interrupt for ($told times, in $starts starts of queues)");
	} else {
		ok($told >= $queues, "$label: QEMU raised interrupts ($told)") or diag $queues;
		my %devices = map { $_ => 1 } read_file($cell->{trace}) =~ /^virtio_notify(?:_irqfd)? vdev (\S+)/mg;
		my $least = grep { !$_->{config} } @there;    # changes of the configuration are not traced
		cmp_ok(scalar keys %devices, '>=', $least, "$label: for each device");
	}
	ok(traced($cell->{trace}, qr/^virtio_queue_notify /m) > 0, "$label: QEMU was kicked");
	my $wanted = $cell->{way} =~ /per-queue|shared/ ? 'on' : 'off';
	for my $kind ($cell->{pci} ? @there : ()) {
		my $messages = traced($cell->{trace}, qr/^msix_write_config dev virtio-$kind->{qemu}-\S+ enabled 1/m) > 0;
		is($messages ? 'on' : 'off', $wanted, "$label: $kind->{name}: MSI-X in QEMU's eyes");
	}
	return;
}

# What the kind needs, and the device.
sub device_words ($kind, $cell) {
	my @options = ($kind->{options}->($cell), $cell->{transport}{options}, $cell->{ring} eq 'packed' ? 'packed=on' : undef);
	return ($kind->{words}->($cell), '-device', join(',', "virtio-$kind->{qemu}-$cell->{transport}{suffix}", grep { length } map { $_ // '' } @options),
		$kind->{after} ? $kind->{after}->($cell) : ());
}

# Cells that there are once more with 4 CPUs.
my %many = map { $_ => 1 } 'pci modern, split, per-queue', 'pci modern, packed, per-queue', 'pci legacy, split, shared', 'mmio v2, packed, intx';
my $number = 0;
my $only   = shift;    # a pattern of names, for one who looks for a fault

for my $transport (@transports) {
	for my $ring (qw(split packed)) {
		for my $way (qw(per-queue shared intx poll)) {
			next if $transport->{few} && ($way ne 'per-queue' || $ring ne 'split');
			my $name   = "$transport->{name}, $ring, $way";
			my $reason = $transport->{without}{$ring} // $transport->{without}{$way};
			next if $only && $name !~ $only;
			if ($reason) {
			SKIP: { skip "$name: $reason", 1 }
				next;
			}
			my $pci = $transport->{suffix} eq 'pci';
			my @without = grep { $_->{no_messages} && $pci && $way =~ /per-queue|shared/ } @kinds;
			for my $kind (@without) {
			SKIP: { skip "$name, $kind->{name}: its PCI function has no MSI-X capability", 1 }
			}
			my @there = grep { my $kind = $_; !grep { $_ == $kind } @without } @kinds;
			for my $cpus (1, $many{$name} ? 4 : ()) {
				my $title = $cpus > 1 ? "$name, $cpus CPUs" : $name;
				my $file  = $title =~ s/[^a-z0-9]+/-/gr;
				my $cell  = { transport => $transport, ring => $ring, way => $way, cpus => $cpus, pci => $pci, file => $file, number => $number++, kinds => \@there };
				$cell->{trace} = scratch() . "/$file.trace";
				my @trace  = ('-D', $cell->{trace}, map { ('-trace', $_) } qw(virtio_queue_notify virtio_notify virtio_notify_irqfd msix_write_config));
				my $append = join ' ', grep { defined } "virtio.interrupts=$way services=http,echo", $transport->{append};
				my @words  = (@{ $transport->{before} // [] }, map { device_words($_, $cell) } @there);
				scenario($title, { machine => $transport->{machine}, cpus => $cpus, append => $append, network => \@words, extra => \@trace },
					sub ($vm) { check_cell($vm, $cell) });
				unlink $cell->{trace}, $cell->{disk};
			}
		}
	}
}

done_testing;
