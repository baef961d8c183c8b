#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The bench job: each benchmark on PCI and on MMIO, what its report holds, and costs that are the same in every run.
# Times are not looked at.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Host qw(scratch);
use Ringside::VM;
use JSON::PP ();
use Test::More;

my $peer = Ringside::VM->start(name => 'bench-peer', append => 'services=echo,discard,chargen');
$peer->wait_ready;
my $ports = join ',', map { $peer->port(@$_) } [ udp => 7 ], [ tcp => 7 ], [ tcp => 9 ], [ tcp => 19 ];
my $words = "bench.rounds=3 bench.warmup=1 bench.peer=10.0.2.2 bench.ports=$ports";

sub disk ($name) {
	my $path = scratch() . "/bench-$name.img";
	open my $file, '>', $path or die "$path: $!";
	truncate $file, 16 << 20 or die "$path: $!";
	return $path;
}

sub drive ($id) { return ('-drive', "if=none,id=$id,format=raw,file=" . disk($id)) }

sub report_of ($vm) {
	is($vm->wait_exit(60), 0, "$vm->{label}: ends with status 0");
	my ($document) = $vm->console =~ /^(\{\n.*^\})$/ms;
	my $report = eval { JSON::PP::decode_json($document // '') };
	ok($report, "$vm->{label}: prints one JSON document") or die "no report\n";
	return $report;
}

# One result; the name may be a pattern.
sub result ($report, $benchmark, $device, $operation) {
	my @found = grep { $_->{benchmark} eq $benchmark && ($_->{device} // '-') =~ /^$device$/ && $_->{operation} =~ /^$operation$/ } @{ $report->{results} };
	die "$benchmark $device $operation: " . @found . " results\n" if @found != 1;
	return $found[0];
}

# User networking has nobody who answers raw frames.
my $NOBODY = 'net: eth0: nobody answers (services=frames) to receive and loop';
sub skipped ($report) { return join ', ', map { "$_->{benchmark}: $_->{reason}" } @{ $report->{skipped} } }

sub has_shape ($label, $report, @benchmarks) {
	is($report->{report}, 'ringside bench 1', "$label: names its form");
	my ($version, $commit) = image_version();
	is("$report->{environment}{version} $report->{environment}{commit}", "$version $commit", "$label: version and commit");
	like($report->{environment}{hypervisor}, qr/^TCG/, "$label: the hypervisor");
	my %seen = map { $_->{benchmark} => 1 } @{ $report->{results} };
	is(join(' ', sort keys %seen), join(' ', sort @benchmarks), "$label: has results of each benchmark");
	my @bad;
	for my $result (@{ $report->{results} }) {
		my $name = "$result->{benchmark}: $result->{operation}";
		push @bad, "$name: $_" for grep { !defined $result->{$_} } qw(unit rounds operations best median samples p50 p90 p99 p99_9);
		push @bad, "$name: order" if $result->{best} > $result->{median} || $result->{p50} > $result->{p90} || $result->{p90} > $result->{p99} || $result->{p99} > $result->{p99_9};
		push @bad, "$name: rounds" if $result->{benchmark} ne 'boot' && $result->{rounds} != 3;
		push @bad, "$name: took no time" if !$result->{median} && $result->{benchmark} ne 'boot';
	}
	is(join("\n", @bad), '', "$label: results are complete and in order");
	return;
}

# Kicks for a batch of frames. A device that has given back all frames asks for kicks again, and looks once
# more for what came before it asked. A batch that is added between the two needs no kick: now and then, on
# a busy machine, where we are told of the one before and the device is kept from going on. Of 24 batches of
# 32 frames one was seen to.
my $FEWEST = 0.9;

# What holds on every machine.
sub costs_are ($label, $report, $disk) {
	my $cost = sub ($what, @where) { return result($report, @where)->{$what} };
	for my $ring (qw(split packed)) {
		is($cost->(kicks => 'rings', $ring, 'direct, batch of 32: add and take'), 0, "$label: rings, $ring: no kick that was not asked for");
	}
	is($cost->(interrupts => 'irq', '-', 'message to this CPU, to the handler'), 1, "$label: irq: one interrupt for each message");
	is($cost->(interrupts => 'irq', '-', 'timer in a halt, to the thread'), 1, "$label: irq: one for each timer");
	is($cost->(kicks => 'block', $disk, 'random read, 4 KiB, depth 1'), 1, "$label: block: one kick for each read at depth 1");
	# On a busy machine a read may be found done in the look that the driver takes before it waits.
	my $read = $cost->(interrupts => 'block', $disk, 'random read, 4 KiB, depth 1');
	ok($read > 0.95 && $read <= 1, "$label: block: one interrupt for each ($read)");
	is($cost->(kicks => 'block', $disk, 'random read, 4 KiB, batches of 32'), 0.031, "$label: block: one kick for a batch of 32");
	is($cost->(bytes_copied => 'block', $disk, 'random read, 4 KiB, depth 32'), 0, "$label: block: nothing is copied");
	# The stack may have something to send meanwhile, too.
	my $single = $cost->(kicks => 'net', 'eth0', 'transmit, 60 bytes, batch of 1');
	ok($single > $FEWEST && $single < 1.05, "$label: net: one kick for a frame ($single)");
	my $batch = $cost->(kicks => 'net', 'eth0', 'transmit, 1514 bytes, batch of 32');
	ok($batch > $FEWEST / 32 && $batch < 0.05, "$label: net: one for a batch ($batch)");
	my $echo = $cost->(kicks => 'udp', '.*', 'echo, 32 bytes, 1 in flight');
	ok($echo >= 1 && $echo < 1.05, "$label: udp: one kick for a round trip ($echo)");
	is($cost->(bytes => 'tcp', '.*', 'receive, blocks of 64 KiB'), 65536, "$label: tcp: blocks of 64 KiB");
	cmp_ok(result($report, 'boot', 'until', 'ready')->{median}, '>', 0, "$label: boot: the time of the line ready");
	return;
}

scenario('q35', {
	machine => 'q35', cpus => 2, append => "run=bench bench.report=json bench.write=vda $words",
	extra => [ drive('a'), '-device', 'virtio-blk-pci,drive=a,num-queues=2', drive('b'), '-device', 'ide-hd,drive=b',
		'-device', 'virtio-balloon-pci', '-device', 'virtio-serial-pci', '-chardev', 'file,id=port,path=/dev/null',
		'-device', 'virtserialport,chardev=port,name=org.ringside.bench' ],
}, sub ($vm) {
	my $label  = $vm->{label};
	my $report = report_of($vm);
	has_shape($label, $report, qw(rings exits irq boot block net udp tcp balloon console));
	costs_are($label, $report, 'vda');
	is(skipped($report), $NOBODY, "$label: what is skipped, and why");
	is(result($report, 'block', 'vda', 'random write, 4 KiB, depth 1')->{kicks}, 1, "$label: block: writes to the disk that bench.write= names");
	is(scalar(grep { $_->{device} && $_->{device} eq 'sda' && $_->{operation} =~ /write/ } @{ $report->{results} }), 0, "$label: and to no other");
	ok(result($report, 'block', 'vda', '.*all CPUs')->{median}, "$label: block: from all CPUs");
	is($report->{environment}{cpus}, 2, "$label: CPUs");
	my ($disk) = grep { $_->{type} eq 'block' } @{ $report->{environment}{virtio}{devices} };
	is($disk->{interrupt_mode}, 'msix', "$label: the disk's interrupts");
	is($disk->{queues}[1]{format}, 'split', "$label: and rings");
	is(result($report, 'console', 'org\.ringside\.bench', 'write, 4096 bytes')->{bytes_copied}, 4096, "$label: console: each byte is copied once");
	no_warnings($vm);

	# Two reports are compared, but not when the machines were different.
	my ($same, $unlike) = map { scratch() . "/bench-$_.json" } qw(same unlike);
	my $write = sub ($path, $data) {
		open my $file, '>', $path or die "$path: $!";
		print {$file} JSON::PP->new->pretty->encode($data) or die "$path: $!";
		close $file or die "$path: $!";
	};
	$report->{environment}{commit} = 'another';
	$write->($same, $report);
	$report->{environment}{virtio}{devices}[0]{interrupt_mode} = 'intx';
	$write->($unlike, $report);
	my $table = qx(perl tests/bench/compare $vm->{log_path} $same 2>&1);
	is($?, 0, "$label: compare: of another commit");
	like($table, qr/^block +vda +random read, 4 KiB, depth 1 +ns +\S+ +\S+ +1\.00 *$/m, "$label: compare: shows medians and their ratio");
	my $refusal = qx(perl tests/bench/compare $same $unlike 2>&1);
	is($? >> 8, 2, "$label: compare: refuses an unlike environment");
	like($refusal, qr/^  virtio\.devices\[0\]\.interrupt_mode: "msix" and "intx"$/m, "$label: compare: and says what differs");
	is(system("perl tests/bench/compare $0 $same 2>/dev/null") >> 8, 2, "$label: compare: refuses what is no report");
});

scenario('microvm', {
	machine => 'microvm', append => "run=bench bench.report=json $words",
	extra => [ drive('c'), '-device', 'virtio-blk-device,drive=c', '-device', 'virtio-serial-device', '-chardev', 'file,id=port,path=/dev/null',
		'-device', 'virtserialport,chardev=port,name=org.ringside.bench', '-device', 'virtio-balloon-device' ],
}, sub ($vm) {
	my $label  = $vm->{label};
	my $report = report_of($vm);
	has_shape($label, $report, qw(rings exits irq boot block net udp tcp balloon console));
	costs_are($label, $report, 'vda');
	is(skipped($report), "irq: one CPU: no messages to another one, $NOBODY", "$label: what is skipped, and why");
	is($report->{environment}{virtio}{devices}[0]{transport}, 'mmio 2', "$label: the transport");
	no_warnings($vm);
});

# Raw frames with another Ringside, which sends them back or sends its own.
{
	my $path   = scratch() . '/frames';
	my $other  = Ringside::VM->start(name => 'bench-frames-peer', append => 'ip=192.168.7.1/24 services=http,frames', network => [
		'-netdev', "stream,id=net0,server=on,addr.type=unix,addr.path=$path", '-device', 'virtio-net-pci,netdev=net0,mac=52:54:00:72:69:01,romfile=' ]);
	$other->wait_ready;
	scenario('frames', {
		append  => 'ip=192.168.7.2/24 run=bench bench.only=net bench.report=json bench.rounds=3 bench.warmup=1',
		network => [ '-netdev', "stream,id=net0,server=off,addr.type=unix,addr.path=$path", '-device', 'virtio-net-pci,netdev=net0,mac=52:54:00:72:69:02,romfile=' ],
	}, sub ($vm) {
		my $label  = $vm->{label};
		my $report = report_of($vm);
		has_shape($label, $report, 'net');
		is(skipped($report), '', "$label: nothing is skipped");
		for my $length (60, 1514) {
			for my $what ("loop, $length bytes, batch of 1", "loop, $length bytes, batch of 32", "receive, $length bytes, batch of 32") {
				my $result = result($report, 'net', 'eth0', $what);
				is($result->{bytes}, $length, "$label: $what: bytes");
				my $batch = $what =~ /(\d+)$/ ? $1 : die;
				ok($result->{kicks} > $FEWEST / $batch && $result->{kicks} < 1 / $batch + 0.1, "$label: $what: a kick for each batch ($result->{kicks})");
				is($result->{bytes_copied}, 0, "$label: $what: nothing is copied");
			}
		}
		no_warnings($vm);
	});
	$other->{label} = 'frames, the peer';
	no_warnings($other);
	leaves_with($other, 0);
}

# Nothing to measure, a table, and words that are wrong.
scenario('alone', { machine => 'microvm', network => 'none', append => 'run=bench bench.only=block,net,udp,balloon,console bench.rounds=0 bench.ports=7,7,9' }, sub ($vm) {
	my $label = $vm->{label};
	is($vm->wait_exit(30), 0, "$label: ends with status 0");
	my $console = $vm->console;
	like($console, qr/^\s+skipped: \Q$_\E/m, "$label: $_") for 'no disk', 'no network device', 'bench.peer= does not say who answers', 'no balloon', 'org.ringside.bench: there is no such port';
	unlike($console, qr/^rings:/m, "$label: bench.only= leaves the others out");
	like($console, qr/warning: .*\Q$_\E/, "$label: a word that is wrong: $_") for 'bench.rounds=0', 'bench.ports=7,7,9';
});

# The same instructions in each run.
my @counted;
for my $run (1, 2) {
	scenario("icount $run", { machine => 'microvm', network => 'none', append => 'run=bench bench.only=rings bench.report=json bench.rounds=2 bench.warmup=1', extra => [ '-icount', 'shift=0,sleep=off' ] }, sub ($vm) {
		my $report = report_of($vm);
		cmp_ok(result($report, 'rings', $_, 'chain of 8, batch of 32: add')->{median}, '>', result($report, 'rings', $_, 'direct, batch of 32: add')->{median}, "$vm->{label}: $_: eight segments take more instructions than one")
		  for qw(split packed);
		push @counted, join "\n", map { "$_->{device} $_->{operation}: $_->{median}" } @{ $report->{results} };
	});
}
is($counted[1], $counted[0], 'icount: two runs count the same instructions');

scenario('shell', { machine => 'q35', append => 'bench.rounds=2', network => 'none' }, sub ($vm) {
	my $label = $vm->{label};
	my $table = $vm->command('bench irq exits');
	like($table, qr/^irq: /m, "$label: bench irq exits: the one");
	like($table, qr/^exits: /m, "$label: and the other");
	like($vm->command('bench nothing'), qr/^nothing: no such benchmark, but rings exits irq boot block net udp tcp balloon console$/m, "$label: a name that is none");
	leaves_with($vm, 0);
});

$peer->stop;
done_testing;
