#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The conformance suite in the guest: the form of its report, what its options choose, and the command. What its
# cases find is not judged here.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Ringside::Checks;
use Ringside::Host qw(scratch write_file);
use Test::More;

my $SUMMARY = qr/^# ringside: conform: (\d+) passed, (\d+) failed, (\d+) expected, (\d+) skipped$/m;
# Cases that every device passes; the rest would only take time.
my $CASES = 'request_*';

my $disk = write_file(scratch() . '/conform.img', "\0" x (4 << 20));

sub devices ($machine, $serial) {
	my $bus = $machine eq 'microvm' ? 'device' : 'pci';
	return (
		network => 'none',
		extra   => [
			$machine eq 'microvm' ? ('-global', 'virtio-mmio.force-legacy=false') : (),
			'-netdev', 'user,id=net0', '-device', "virtio-net-$bus,netdev=net0",
			'-drive', "if=none,id=disk,format=raw,file=$disk",
			'-device', "virtio-blk-$bus,drive=disk,serial=$serial",
			map { ('-device', "virtio-$_-$bus") } qw(balloon serial rng),
		]
	);
}

# A run to its end; the report as a list of lines. Checks what is true of each.
sub report ($vm, $status) {
	is($vm->wait_exit(120), $status, "$vm->{label}: ends QEMU with status $status");
	my @lines = split /\n/, $vm->console;
	like($lines[-1], $SUMMARY, "$vm->{label}: the last line counts");
	return @lines;
}

sub results (@lines) { return grep { /^(?:not )?ok / } @lines }

sub run_of ($name, $machine, $append, $status, $check, %options) {
	scenario("$machine, $name", { machine => $machine, cpus => 2, append => "run=conform $append", devices($machine, 'ringside0'), %options },
		sub ($vm) { $check->($vm, report($vm, $status)) });
	return;
}

for my $machine (qw(q35 microvm)) {
	run_of('all devices', $machine, "conform.only=$CASES", 0, sub ($vm, @lines) {
		my ($begin)   = grep { $lines[$_] eq 'TAP version 13' } 0 .. $#lines;
		my ($planned) = ($lines[ ($begin // 0) + 1 ] // '') =~ /^1\.\.(\d+)$/;
		my @results   = results(@lines);
		ok($planned, "$vm->{label}: version and plan come first");
		is(scalar @results, $planned // -1, "$vm->{label}: there are as many results as planned");
		my @numbers = map { /^(?:not )?ok (\d+) - / } @results;
		is("@numbers", join(' ', 1 .. @results), "$vm->{label}: they are numbered");
		is(join("\n", grep { !/^(?:not )?ok \d+ - \w+ (?:00:[0-9a-f]{2}\.0(?:\/legacy)?|mmio\d+) guest: \w/ } @results), '',
			"$vm->{label}: each says case, device and configuration");
		my %devices = map { / - \w+ (\S+?)(?:\/legacy)? / ? ($1 => 1) : () } @results;
		is(scalar keys %devices, 5, "$vm->{label}: each device is tested");
		my @counts = $lines[-1] =~ $SUMMARY;
		is($counts[0] + $counts[1] + $counts[2] + $counts[3], scalar @results, "$vm->{label}: the last line counts all");
		no_warnings($vm);
	});
}

run_of('one device', 'q35', "conform.only=$CASES conform.device=00:02.0", 0, sub ($vm, @lines) {
	is(scalar(grep { !/ 00:02\.0 / } results(@lines)), 0, "$vm->{label}: only it is tested");
});

run_of('a type', 'q35', "conform.only=$CASES conform.device=entropy conform.config=q35-test", 0, sub ($vm, @lines) {
	my @results = results(@lines);
	is(scalar(grep { !m{ 00:05\.0(?:/legacy)? q35-test: } } @results), 0, "$vm->{label}: only such are tested, and the machine has its name");
	isnt(scalar @results, 0, "$vm->{label}: there is one");
});

run_of('modern only', 'q35', "conform.only=$CASES virtio.transport=modern", 0, sub ($vm, @lines) {
	is(scalar(grep { m{/legacy } } results(@lines)), 0, "$vm->{label}: no legacy interface is tested");
});

run_of('from, skip', 'q35', "conform.only=$CASES conform.skip=request_completes conform.device=net,block conform.from=2", 0, sub ($vm, @lines) {
	my @results = results(@lines);
	is(scalar(grep { /request_completes/ } @results), 0, "$vm->{label}: skip leaves out");
	my ($planned) = map { /^1\.\.(\d+)$/ } @lines;
	my @numbers = map { /^ok (\d+) - / } @results;
	is("@numbers", join(' ', 2 .. $planned), "$vm->{label}: the numbers are those of the whole run");
});

scenario('list', { machine => 'q35', append => 'run=conform conform.only=DEV-RESET-01 conform.device=block conform.list=1', devices('q35', 'x') }, sub ($vm) {
	is($vm->wait_exit, 0, "$vm->{label}: ends QEMU with status 0");
	my @listed = $vm->console =~ /^# case \d+ (\S+ \S+) guest \w+ \S*DEV-RESET-01\S*: /mg;
	ok(scalar(grep { $_ eq 'request_after_reset 00:02.0' } @listed), "$vm->{label}: has the cases of a clause");
	unlike($vm->console, qr/^(?:not )?ok |^1\.\./m, "$vm->{label}: runs none");
});

run_of('JSON', 'q35', "conform.only=$CASES conform.device=entropy conform.report=json", 0, sub ($vm, @lines) {
	like($vm->console, qr/"case": "request_completes",.*?"verdict": "passed"/s, "$vm->{label}: verdicts are in it");
	unlike($vm->console, qr/^(?:not )?ok /m, "$vm->{label}: no TAP");
});

run_of('details', 'q35', "conform.only=request_completes conform.device=00:05.0 conform.verbose=1", 0, sub ($vm, @lines) {
	like($vm->console, qr/^ok 1 - .*\n  ---\n(?:  .*\n)*  clauses:\n.*DEV-SPLIT-USED-02.*\n(?:  .*\n)*  \.\.\.\n/m, "$vm->{label}: a passed case has its block");
});

run_of('nothing chosen', 'q35', 'conform.only=no_such_case', 7, sub ($vm, @lines) {
	like($vm->console, qr/^1\.\.0\n# no case that was asked for/m, "$vm->{label}: says so");
});

# A value that is wrong ends the run: what was meant is not known.
for my $wrong (qw(spec=2.0 from=0 list=maybe strict=yes report=xml timeout=0 only= slow=2)) {
	scenario("conform.$wrong", { machine => 'microvm', network => 'none', append => "run=conform conform.$wrong" }, sub ($vm) {
		is($vm->wait_exit, 7, "$vm->{label}: ends QEMU with status 7");
		my ($name) = $wrong =~ /^(\w+)/;
		is(scalar(() = $vm->console =~ /^.*conform: error: conform\.\Q$wrong\E: expected .+$/mg), 1, "$vm->{label}: one line says what is expected");
	});
}

# No console is on the device under test.
run_of('a console that is not there', 'q35', "conform.only=$CASES conform.device=console console=hvc0", 0, sub ($vm, @lines) {
	isnt(scalar results(@lines), 0, "$vm->{label}: the serial port gets the report");
});

# Somebody answers requests to the host: this test, by QMP.
for my $answer ([ ok => qr/^ok 1 - /m ], [ unsupported => qr/^ok 1 - .* # SKIP .*\bno such button\b/m ], [ failed => qr/^not ok 1 - /m ]) {
	my ($word, $expected) = @$answer;
	scenario("a host that says $word",
		{ machine => 'q35', devices('q35', 'x'), append => 'run=conform conform.host=1 conform.only=msix_config_vector conform.device=00:01.0' },
		sub ($vm) {
			my ($id, $device) = $vm->wait_for(qr/^# ringside-host: 1 (\d+) config (\S+)$/m);
			is($device, '00:01.0', "$vm->{label}: the request names the device");
			$vm->qmp->execute('set_link', name => 'net0', up => JSON::PP::false) if $word eq 'ok';
			$vm->type('ringside-host: 1 ' . ($id + 7) . " ok too late\r\n");
			$vm->type("ringside-host: 1 $id $word no such button\r\n");
			is($vm->wait_exit, $word eq 'failed' ? 3 : 0, "$vm->{label}: the run ends");
			like($vm->console, $expected, "$vm->{label}: the case takes the answer");
		});
}

scenario('the command', { machine => 'q35', devices('q35', 'ringside0'), network => 'user', extra => [ '-device', 'virtio-rng-pci,addr=9' ] }, sub ($vm) {
	$vm->wait_ready;
	my $listed = $vm->command('conform --list --only request_completes');
	is(scalar(() = $listed =~ /^# case /mg), 4, "$vm->{label}: --list names the cases of both devices");
	my $output = $vm->command('conform --only request_* --device 00:09.0*');
	like($output, $SUMMARY, "$vm->{label}: runs");
	unlike($output, qr/^not ok/m, "$vm->{label}: a device that had a driver passes");
	like($vm->command('devices -s'), qr/ at 00:09\.0, .* stopped/, "$vm->{label}: the driver is stopped");
	ping_answers($vm, '10.0.2.2');
	like($vm->command('conform --spec 9'), qr/^conform: --spec 9: expected 1\.0\|.*\nusage: /m, "$vm->{label}: a wrong value is named");
	leaves_with($vm, 0);
});

done_testing;
