#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Memory moves between guest and host: by the host's target, by itself when it is idle, back when the guest needs
# it, and around a migration. What counts is the resident size of QEMU.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use POSIX    ();
use Ringside::Checks;
use Ringside::Client qw(http_get tcp_echo udp_ask);
use Ringside::Host   qw(read_file until_true within);
use Test::More;
use Time::HiRes qw(time sleep);

use constant OBJECT => '/machine/peripheral/balloon';

# The words for a balloon on the machine's bus.
sub balloon ($machine, @options) {
	my $bus = $machine eq 'microvm' ? 'device' : 'pci';
	return ('-device', join ',', "virtio-balloon-$bus,id=balloon", @options);
}

# MiB of the guest's memory and of QEMU itself that the host has in memory.
sub resident ($vm) {
	my ($size) = (read_file("/proc/$vm->{pid}/status") // '') =~ /^VmRSS:\s+(\d+) kB/m;
	return int($size / 1024);
}

sub actual ($vm) { return $vm->qmp->execute('query-balloon')->{actual} >> 20 }

# Asks for MIB of guest memory, and waits until the guest has it. Returns the seconds that it took.
sub target ($vm, $mib) {
	my $start = time;
	$vm->qmp->execute('balloon', value => $mib << 20);
	until_true(20, sub { actual($vm) == $mib }) or die 'the balloon is at ' . actual($vm) . ", not at $mib MiB\n";
	return time - $start;
}

sub facts ($vm, $section) {
	return JSON::PP::decode_json(http_get('127.0.0.1', $vm->port(tcp => 80), '/status.json')->{body})->{$section};
}

sub device ($vm) {
	my ($device) = grep { $_->{type} == 5 } @{ facts($vm, 'virtio')->{devices} };
	return $device;
}

sub free_total ($vm) {
	my ($total) = $vm->command('free -m') =~ /^Mem:\s+(\d+)/m;
	return $total;
}

sub touch ($vm, $mib) {
	is($vm->command("memtouch $mib", seconds => 60), "$mib MiB written and read, 0 blocks of 2 MiB wrong\n",
		"$vm->{label}: $mib MiB of memory hold what is written");
	return;
}

sub about ($value, $wanted, $tolerance, $title) {
	return ok(abs($value - $wanted) <= $tolerance, "$title: $value") || diag "wanted $wanted, +-$tolerance";
}

# Down and up again; the host sees it.
sub there_and_back ($vm, $high, $low) {
	my $label = $vm->{label};
	touch($vm, $high - 100);
	cmp_ok(resident($vm), '>', $high - 100, "$label: all of it is resident");
	my $down = target($vm, $low);
	cmp_ok(resident($vm), '<', $low + 100, sprintf '%s: %d to %d MiB in %.2f s: the host has it', $label, $high, $low, $down);
	about(free_total($vm), $low, 2, "$label: free -m, total");
	my $up = target($vm, $high);
	cmp_ok(resident($vm), '<', $low + 100, sprintf '%s: %d to %d MiB in %.2f s: not resident before it is used', $label, $low, $high, $up);
	about(free_total($vm), $high, 2, "$label: free -m, total");
	touch($vm, $high - 100);
	cmp_ok(resident($vm), '>', $high - 100, "$label: then it is resident again");
	return;
}

# The whole way of the article; half of it on the other machines.
my %interrupts = (pc => 'intx', q35 => 'intx', microvm => 'line');
for my $machine (sort keys %interrupts) {
	my ($high, $low) = $machine eq 'q35' ? (2048, 512) : (1024, 256);
	scenario("$machine, $high to $low MiB", { machine => $machine, memory => "${high}M", extra => [ balloon($machine) ] }, sub ($vm) {
		$vm->wait_ready;
		there_and_back($vm, $high, $low);
		my $device = device($vm);
		is($device->{interrupt_mode}, $interrupts{$machine}, "$vm->{label}: interrupts are $interrupts{$machine}");
		cmp_ok($device->{config_interrupts}, '>=', 2, "$vm->{label}: each target came by an interrupt");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

# Rings, transports, without interrupts, the smallest queues.
my @ways = (
	[ 'q35, packed ring',       'q35',     '',                         'packed=on' ],
	[ 'pc, legacy',             'pc',      '',                         'disable-modern=on' ],
	[ 'q35, polled',            'q35',     'virtio.interrupts=poll' ],
	[ 'q35, queues of one',     'q35',     'virtio.queue_size=1' ],
	[ 'q35, no EVENT_IDX',      'q35',     'virtio.features=-event_idx,-indirect_desc' ],
	[ 'microvm, packed ring',   'microvm', '',                         'packed=on' ],
);
for my $way (@ways) {
	my ($name, $machine, $append, @options) = @$way;
	push @options, 'free-page-reporting=on';
	scenario($name, { machine => $machine, memory => '256M', append => $append, extra => [ balloon($machine, @options) ] }, sub ($vm) {
		$vm->wait_ready;
		target($vm, 100);
		target($vm, 256);
		pass("$vm->{label}: 256 to 100 MiB and back");
		touch($vm, 200);
		ok(until_true(10, sub { resident($vm) < 150 }), "$vm->{label}: idle memory goes back") or diag resident($vm);
		my $device = device($vm);
		is($device->{interrupt_mode}, 'poll', "$vm->{label}: no interrupts") if $append =~ /poll/;
		is(scalar(grep { $_ eq 'ring_packed' } @{ $device->{features} }), 1, "$vm->{label}: the ring is packed") if "@options" =~ /packed/;
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

# More than the guest can do without: it keeps what it needs, works, and lives.
scenario('more than there is', { memory => '256M', append => 'services=http,echo', extra => [ balloon('q35') ] }, sub ($vm) {
	$vm->wait_ready;
	$vm->qmp->execute('balloon', value => 1 << 20);
	ok(until_true(10, sub { facts($vm, 'balloon')->{short_of_target} }), "$vm->{label}: it says that it cannot");
	my $balloon = facts($vm, 'balloon');
	about(facts($vm, 'memory')->{free} / (1 << 20), $balloon->{reserve} / (1 << 20), 2, "$vm->{label}: MiB that it keeps");
	my ($sent, $came) = tcp_echo('127.0.0.1', $vm->port(tcp => 7), 10_000_000);
	is($came, $sent, "$vm->{label}: 10 MB through TCP echo");
	target($vm, 256);
	touch($vm, 200);
	no_warnings($vm);
	leaves_with($vm, 0);
});

# Echoes, compared, while the balloon goes up and down.
scenario('with traffic', { memory => '1024M', append => 'services=http,echo', extra => [ balloon('q35', 'free-page-reporting=on') ] }, sub ($vm) {
	$vm->wait_ready;
	my ($tcp, $udp) = ($vm->port(tcp => 7), $vm->port(udp => 7));
	my $child = fork // die "fork: $!";
	if (!$child) {
		my ($sent, $came) = eval { tcp_echo('127.0.0.1', $tcp, 20_000_000) };
		my $same = defined $sent && $sent eq $came;
		for (1 .. 50) {
			my $question = join '', map { chr int rand 256 } 1 .. 1400;
			$same &&= (udp_ask('127.0.0.1', $udp, $question) // '') eq $question;
		}
		POSIX::_exit($same ? 0 : 1);
	}
	my $moves = 0;
	until (waitpid $child, POSIX::WNOHANG()) {
		target($vm, $_), $moves++ for 200, 1024, 600, 900;
	}
	is($?, 0, "$vm->{label}: 20 MB through TCP echo and 50 datagrams come back as they went");
	cmp_ok($moves, '>=', 4, "$vm->{label}: while the balloon moved $moves times");
	target($vm, 1024);
	touch($vm, 900);
	no_warnings($vm);
	leaves_with($vm, 0);
});

# Statistics: what the guest says is what the host reads.
scenario('statistics', { memory => '512M', extra => [ balloon('q35') ] }, sub ($vm) {
	my $label = $vm->{label};
	$vm->wait_ready;
	target($vm, 400);
	my $read = sub { $vm->qmp->execute('qom-get', path => OBJECT, property => 'guest-stats') };
	# The first came when the driver started.
	my $start = $read->()->{'last-update'};
	$vm->qmp->execute('qom-set', path => OBJECT, property => 'guest-stats-polling-interval', value => 1);
	ok(until_true(5, sub { $read->()->{'last-update'} > $start }), "$label: they come when they are asked for");
	my $first  = $read->()->{'last-update'};
	ok(until_true(5, sub { $read->()->{'last-update'} > $first }), "$label: and again");
	my $stats  = $read->()->{stats};
	my $memory = facts($vm, 'memory');
	about($stats->{'stat-free-memory'} >> 10, $memory->{free} >> 10, 1024, "$label: free memory in KiB is what the guest says");
	is($stats->{'stat-available-memory'}, $stats->{'stat-free-memory'}, "$label: all of it is available");
	# What the image itself takes is not in it either.
	my $image = (-s 'build/ringside.elf') / 1048576;
	about($stats->{'stat-total-memory'} >> 20, 400 - $image, 2, "$label: the balloon is not in the total, in MiB");
	is($stats->{"stat-$_"}, 0, "$label: $_: none") for qw(swap-in swap-out major-faults minor-faults disk-caches);
	# Many at once: the interval starts anew each time.
	for (1 .. 50) {
		$vm->qmp->execute('qom-set', path => OBJECT, property => 'guest-stats-polling-interval', value => $_ % 2);
	}
	target($vm, 512);
	no_warnings($vm);
	leaves_with($vm, 0);
});

# Reporting: what is freed goes back by itself, once.
for my $machine (qw(q35 microvm)) {
	scenario("$machine, reporting", { machine => $machine, memory => '1024M', extra => [ balloon($machine, 'free-page-reporting=on') ] }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_ready;
		touch($vm, 900);
		my $start = time;
		ok(until_true(10, sub { resident($vm) < 150 }), sprintf '%s: it is the host\'s again after %.1f s', $label, time - $start)
		  or diag resident($vm);
		# Nothing for longer than it waits before it reports.
		my $quiet = sub { my $before = facts($vm, 'balloon'); sleep 3; facts($vm, 'balloon')->{reports} == $before->{reports} && $before };
		my $last  = until_true(20, $quiet);
		ok($last, "$label: what lies idle is not reported again");
		cmp_ok($last->{reported}, '>=', 900 << 20, "$label: all of it was");
		touch($vm, 900);
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

# A value that free pages keep: QEMU does not discard reported pages then, unless it is 0.
for my $value ('0', '0xdeadbeef') {
	scenario("poison $value", { memory => '256M', append => "balloon.poison=$value",
		extra => [ balloon('q35', 'free-page-reporting=on', 'page-poison=on') ] }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_ready;
		ok(scalar(grep { $_ eq 'page_poison' } @{ device($vm)->{features} }), "$label: negotiated");
		touch($vm, 200);
		if ($value eq '0') {
			ok(until_true(10, sub { resident($vm) < 150 }), "$label: reported pages are discarded");
		} else {
			ok(until_true(10, sub { facts($vm, 'balloon')->{reported} >= 200 << 20 }), "$label: pages are reported");
			cmp_ok(resident($vm), '>', 200, "$label: and keep their content");
		}
		target($vm, 100);
		target($vm, 256);
		touch($vm, 200);
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

scenario('no poison', { memory => '64M', extra => [ balloon('q35', 'page-poison=on') ] }, sub ($vm) {
	$vm->wait_ready;
	is(scalar(grep { $_ eq 'page_poison' } @{ device($vm)->{features} }), 0, "$vm->{label}: not negotiated unasked");
	leaves_with($vm, 0);
});

# The guest needs what the balloon has.
scenario('out of memory', { memory => '512M', extra => [ balloon('q35', 'deflate-on-oom=on') ] }, sub ($vm) {
	my $label = $vm->{label};
	$vm->wait_ready;
	target($vm, 128);
	touch($vm, 400);
	my $balloon = facts($vm, 'balloon');
	cmp_ok($balloon->{deflated_out_of_memory}, '>', 250 << 20, "$label: the balloon gave what was missing");
	ok(until_true(20, sub { actual($vm) == 128 }), "$label: and takes it again when it is free");
	self_test($vm);
	no_warnings($vm);
	leaves_with($vm, 0);
});

scenario('out of memory, not allowed', { memory => '512M', extra => [ balloon('q35') ] }, sub ($vm) {
	my $label = $vm->{label};
	$vm->wait_ready;
	target($vm, 128);
	my ($got) = $vm->command('memtouch 400', seconds => 60) =~ /^(\d+) MiB written and read, 0 blocks/;
	cmp_ok($got, '<=', 128, "$label: memory ends at $got MiB");
	is(actual($vm), 128, "$label: the balloon stays as it is");
	no_warnings($vm);
	leaves_with($vm, 0);
});

# A migration leaves out what is free. The guest goes on here afterwards, as if it had been called off.
for my $machine (qw(q35 microvm)) {
	my @words = ('-object', 'iothread,id=thread', balloon($machine, 'free-page-hint=on', 'iothread=thread'));
	scenario("$machine, hinting", { machine => $machine, memory => '1024M', extra => \@words }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_ready;
		$vm->qmp->execute('migrate-set-parameters', 'max-bandwidth' => int(100_000_000 / within(1)));
		for my $round (1, 2) {
			touch($vm, 800);
			my $status;
			$vm->qmp->execute('migrate', uri => 'exec:cat>/dev/null');
			ok(until_true(60, sub { $status = $vm->qmp->execute('query-migrate'); $status->{status} =~ /^(?:completed|failed)$/ }),
				"$label: migration $round ends");
			is($status->{status}, 'completed', "$label: migration $round is complete");
			my $sent = $status->{ram}{'normal-bytes'} >> 20;
			cmp_ok($sent, '<', 300, "$label: it sent $sent MiB");
			$vm->qmp->execute('cont');
			my $balloon = facts($vm, 'balloon');
			cmp_ok($balloon->{hint_rounds}, '>=', $round, "$label: rounds of hints: $balloon->{hint_rounds}");
			cmp_ok($balloon->{hinted}, '>=', 500 << 20, "$label: which were enough");
		}
		target($vm, 512);
		target($vm, 1024);
		touch($vm, 900);
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

# The device is reset by the machine's way out, and found again: nothing of the balloon is left.
scenario('reboot', { memory => '256M', reboots => 1, extra => [ balloon('q35') ] }, sub ($vm) {
	$vm->wait_ready;
	target($vm, 100);
	$vm->command_last('reboot');
	$vm->wait_for(qr/ringside: ready .*ringside: ready /s, what => 'second start');
	ok(until_true(10, sub { actual($vm) == 100 }), "$vm->{label}: the target holds after it");
	$vm->qmp->execute('balloon', value => 256 << 20);
	ok(until_true(10, sub { actual($vm) == 256 }), "$vm->{label}: and can be taken back");
});

done_testing;
