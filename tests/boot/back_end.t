#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The suite notices a broken device behind a real VMM: our vhost-user-blk is driven by the shell, then misbehaves in
# one way after the other, and for each of its faults a case whose claim is about it fails. Without a fault, none of
# these cases does.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Host qw(scratch until_true start_process);
use Ringside::VM;
use Test::More;

my $back_end = 'build/conform/vhost-user-blk';
plan skip_all => "$back_end is not built (make $back_end)" unless -x $back_end;

# Which case must notice which fault.
my %killed_by = (
	'used-length-zero'   => 'request_completes',
	'used-length-long'   => 'request_completes',
	'used-id'            => 'request_completes',
	'used-twice'         => 'split_used_idx_counts',
	'used-wrap'          => 'split_used_idx_counts',
	'interrupt-none'     => 'msix_once',
	'interrupt-always'   => 'event_far_away_silent',
	'interrupt-twice'    => 'msix_once',
	'interrupt-early'    => 'interrupt_shows_used',
	'interrupt-other'    => 'msix_queues_apart',
	'interrupt-spurious' => 'quiet_second',
	'event-late'         => 'event_after_3',
	'event-early'        => 'event_after_3',
	'event-cached'       => 'event_after_3',
	'kick-lost'          => 'split_used_idx_counts',
	'avail-event-stale'  => 'ring_kick_when_wanted',
	'no-notify-stuck'    => 'ring_kick_when_wanted_no_event_idx',
	'index-kept'         => 'request_after_reset',
	'reset-late'         => 'reset_in_flight',
	'avail-jump'         => 'split_avail_jump',
	'loop-accepted'      => 'split_chain_loop_behind_status',
	'range-accepted'     => 'split_descriptor_outside',
	'write-beyond'       => 'request_completes',
	'write-readable'     => 'ring_readable_unchanged',
	'status-unwritten'   => 'request_completes',
	'status-ok'          => 'block_read_beyond_end',
	'read-corrupt'       => 'block_write_8',
	'read-sector'        => 'block_write_8',
	'read-short'         => 'block_write_8',
	'write-replayed'     => 'block_write_8',
	'write-dropped'      => 'block_write_8',
	'identify-unwritten' => 'block_id_padded',
	'identify-unpadded'  => 'block_id_padded',
	'flush-fails'        => 'block_flush',
	'zeroes-ignored'     => 'block_zeroes_kept',
	'flags-ignored'      => 'block_write_zeroes_flag_1',
	'unknown-ok'         => 'block_unknown_256',
	'read-only-writes'   => 'block_read_only_data',
);
# What a packed ring shows too, by a case of its own where the one above is about split rings.
my %killed_by_packed = (
	(map { $_ => $killed_by{$_} } qw(used-length-zero used-length-long used-id write-beyond status-unwritten interrupt-none interrupt-twice)),
	'used-wrap'        => 'packed_used_wrap',
	'interrupt-always' => 'packed_flags_no_interrupt',
);

# A machine whose disk is the back end, with these words for it and for QEMU's device.
sub with_back_end ($name, $words, $device, $append, $code) {
	my $socket = scratch() . '/' . ($name =~ s/[^A-Za-z0-9]+/-/gr) . '.blk';
	open my $nothing, '<', '/dev/null' or die "/dev/null: $!";
	my $said = "build/test/back_end-" . ($name =~ s/[^A-Za-z0-9]+/-/gr) . '.back_end';
	open my $log, '>', $said or die "$said: $!";
	my $pid = start_process($nothing, $log, $log, $back_end, '--socket', $socket, '--queues', 4, @$words);
	if (!until_true(10, sub { -S $socket })) {
		fail("$name: the back end listens");
		return;
	}
	scenario($name, { machine => 'q35,memory-backend=ram', network => 'none', cpus => 2, append => $append,
		extra => [ '-object', 'memory-backend-memfd,id=ram,size=128M,share=on', '-chardev', "socket,id=blk0,path=$socket",
			'-device', "vhost-user-blk-pci,chardev=blk0,num-queues=4,disable-legacy=on,addr=4$device" ] }, $code);
	# It ends by itself and without a finding of the sanitizers, which would be its status.
	kill 'TERM', $pid;
	my $status;
	until_true(10, sub { defined($status = Ringside::Host::process_ended($pid)) });
	is($status, 0, "$name: the back end ends well") or diag Ringside::Host::read_file($said);
	return;
}

# The names of the cases that failed, of those that ran.
sub failed ($vm) { return $vm->console =~ /^not ok \d+ - (\S+)/mg }

sub conform ($cases) { return "run=conform conform.device=00:04.0 conform.timeout=1 conform.only=" . join ',', @$cases }

# -- A disk like another

for my $device ('', ',packed=on') {
	my $name = 'driven, ' . ($device ? 'packed' : 'split');
	with_back_end($name, [ '--serial', 'RS-VU' ], $device, '', sub ($vm) {
		$vm->wait_prompt;
		like($vm->command('lsblk'), qr/^vda\s+16M\s+0\s+disk\s+RS-VU$/m, "$name: lsblk");
		like($vm->command('blktest --yes vda', seconds => 60), qr/16 MiB verified/, "$name: blktest");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

# -- Without a fault no case fails, and all ran

sub unique (@names) { my %seen; return grep { !$seen{$_}++ } sort @names }

for my $device ('', ',packed=on') {
	my $name  = 'no fault, ' . ($device ? 'packed' : 'split');
	my @cases = grep { $_ ne 'block_read_only_data' } unique(values %{ $device ? \%killed_by_packed : \%killed_by });
	with_back_end($name, [], $device, conform(\@cases), sub ($vm) {
		is($vm->wait_exit(120), 0, "$name: leaves as after success");
		is(join(' ', failed($vm)), '', "$name: no case fails");
		my @passed = $vm->console =~ /^ok \d+ - (\S+)(?!.*# SKIP).*$/mg;
		is(join(' ', unique(@passed)), "@cases", "$name: each case ran");
	});
}
with_back_end('no fault, read-only', ['--read-only'], '', conform(['block_read_only_data']), sub ($vm) {
	is($vm->wait_exit(60), 0, "$vm->{label}: leaves as after success");
	like($vm->console, qr/^ok 1 - block_read_only_data (?!.*# SKIP)/m, "$vm->{label}: passes");
});

# -- With a fault its case does

open my $list, '-|', $back_end, '--list-faults' or die "$back_end: $!";
my @faults = map { /^(\S+)\t\S/ ? $1 : () } <$list>;
close $list;
cmp_ok(scalar(@faults), '>=', 15, 'there are ' . @faults . ' faults');
is(join(' ', sort @faults), join(' ', sort keys %killed_by), 'each fault has a case that must notice it');

for my $fault (@faults) {
	for my $device ('', $killed_by_packed{$fault} ? ',packed=on' : ()) {
		my $case = $device ? $killed_by_packed{$fault} : $killed_by{$fault};
		my @words = ('--fault', $fault, $fault =~ /^read-only/ ? '--read-only' : ());
		# What the back end does too early or too late, by some milliseconds, may come when it does no harm, on a busy machine:
		# one of so many runs must notice.
		my $runs = $fault =~ /^(?:reset-late|interrupt-early)$/ ? ' conform.repeat=5' : '';
		with_back_end($fault . ($device ? ', packed' : ''), \@words, $device, conform([$case]) . " conform.strict=should$runs", sub ($vm) {
			is($vm->wait_exit(60), 3, "$vm->{label}: leaves as after failures");
			is(join(' ', failed($vm)), $case, "$vm->{label}: $case notices");
		});
	}
}

done_testing;
