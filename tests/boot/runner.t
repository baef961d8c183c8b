#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The conformance suite's runner, before a VMM that is none (programs/fake-vmm): crashes, hangs, early ends, known
# deviations, retries, shards, reports. And what goes to others: the same bytes twice, and it runs.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Cwd            ();
use Ringside::Host qw(scratch read_file within write_file program);
use JSON::PP       ();
use Test::More;

my $folder = Cwd::abs_path(scratch());
my $fake   = "$FindBin::Bin/programs/fake-vmm";
my $runner = 'tests/conformance/run';
write_file("$folder/image.elf", '');
delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES)};
@ENV{qw(FAKE_SEEN FAKE_LEFT)} = ("$folder/seen", "$folder/left");

# Output and status.
sub run (@words) {
	open my $output, '-|', $^X, $runner, '--vmm', $fake, '--image', "$folder/image", @words or die "$runner: $!\n";
	my $text = join '', <$output>;
	close $output;
	return ($text, $? >> 8);
}

sub verdicts ($text) { return join ' ', $text =~ /^((?:not )?ok) \d+/mg }

my $plain = 'ok ok ok ok not ok ok not ok ok';

# -- One boot, and what is printed of it
my ($text, $status) = run('--out', "$folder/out", '--json', "$folder/json", '--junit', "$folder/xml");
is($status, 1, 'a failure is status 1');
is(verdicts($text), $plain, 'each verdict is the guest\'s');
like($text, qr/^TAP version 13\n/, 'TAP 13 comes first');
like($text, qr/^ok 6 - vector_mask 00:04\.0 good: a masked vector is silent # SKIP no MSI-X$/m, 'a skip has its reason');
like($text, qr/^not ok 7 - .* # TODO SHOULD$/m, 'a broken SHOULD is expected');
like($text, qr/^  seen: 0x0f <&>$/m, 'the block of a failure comes along');
like($text, qr/^1\.\.8\n/m, 'the plan counts');
like($text, qr/^# ringside-conform: 5 passed, 1 failed, 1 expected, 1 skipped\n\z/m, 'the last line counts');
my ($again) = $text =~ /^  rerun: (.*--only vector_mask)$/m;
like($again // '', qr/--config good --device 00:03\.0 --only vector_mask/, 'a failure says how it is run again');
is(verdicts(scalar `$again`), 'ok', 'which runs that case alone') if defined $again;

{
	local $ENV{QEMU} = './my-qemu';
	($text) = run('--hangs', '--strict');
	like($text, qr{^  rerun: env QEMU=./my-qemu tests/conformance/run .* --strict --hangs --config good}m, 'with all that makes it what it was');
}

like(read_file("$folder/out/good/boot-1/command"), qr/run=conform conform\.host=1 conform\.config=good/, '--out: the command line');
like(read_file("$folder/out/good/boot-1/console"), qr/Booting from ROM.*ok 8/s, '--out: the console');
unlike(read_file("$folder/out/good/boot-1/tap"), qr/Booting|\r/, '--out: TAP alone');
like(read_file("$folder/out/good/boot-1/stderr"), qr/^starting with/, '--out: messages');

my $json = JSON::PP::decode_json(read_file("$folder/json"));
is_deeply($json->{totals}, { passed => 5, failed => 1, expected => 1, skipped => 1, surprises => 0, flaky => 0 }, 'JSON: the totals');
my ($failure) = grep { $_->{verdict} eq 'failed' } @{ $json->{results} };
is_deeply([ @$failure{qw(case device configuration number seen)} ], [ 'vector_mask', '00:03.0', 'good', 5, '0x0f <&>' ], 'JSON: a failure');
is_deeply($json->{results}[2]{clauses}, [ 'DEV-SPLIT-USED-02', 'DEV-RNG-OP-01' ], 'JSON: the clauses of a case that passed');
my $xml = read_file("$folder/xml");
like($xml, qr{<testsuite name="good" tests="8" failures="1" skipped="2"}, 'JUnit: the suite');
like($xml, qr{<testcase classname="good\.00:03\.0" name="vector_mask" time="\d+\.\d+"><failure type="failure" message="0x0f &lt;&amp;&gt;">}, 'JUnit: a failure');
is(scalar(() = $xml =~ /<testcase /g), 8, 'JUnit: all cases');

# -- A VMM that does not live to the end: the case that ran has failed, those behind it run
for my $where (1, 3, 8) {
	my $config = "crash-$where";
	($text, $status) = run('--config', $config, '--out', "$folder/out");
	my @verdicts = split /(?<!not) /, $plain;
	$verdicts[ $where - 1 ] = 'not ok';
	is(verdicts($text), "@verdicts", "$config: that case has failed, the others have their verdicts");
	like($text, qr/^  seen: "the VMM crashed with SIGSEGV"$/m, "$config: by the crash");
	like($text, qr/^# 1 of the failures are security relevant: /m, "$config: which is marked");
	is($status, 1, "$config: status");
}
like(read_file("$folder/out/crash-3/boot-2/command"), qr/conform\.from=4/, 'the new boot begins with the next case');
($text) = run('--config', 'shell-crash-3');
like($text, qr/crashed with SIGSEGV/, 'a crash behind a shell is one');
($text) = run('--config', 'crash-9');
like($text, qr/^not ok 9 - end_of_run .*crashed with SIGABRT/ms, 'a crash after the last case is one');
my $patience = int(within(2)) + 1; # of each boot, in which a program is started anew
($text) = run('--config', 'hang-3', '--timeout', $patience);
is(verdicts($text), 'ok ok not ok ok not ok ok not ok ok', 'hang: that case has failed, the others have their verdicts');
like($text, qr/^not ok 3 .*?seen: "no line from the guest in $patience s"$/ms, 'hang: by its silence');
($text) = run('--config', 'stuck-3');
like($text, qr/^not ok 3 .*?seen: "the VMM hangs: it does not answer"$/ms, 'a VMM that does not answer is not waited for');
($text) = run('--config', 'early-3');
like($text, qr/^not ok 3 .*?seen: "the VMM ended early with status 5: panic: out of ideas"$/ms, 'an early end says its status, and the panic');
unlike($text, qr/security/, 'and is no crash');
($text) = run('--config', 'lost-3');
like($text, qr/^not ok 3 .*?seen: "the guest printed no result"$/ms, 'a result that is missing is a failure');
($text, $status) = run('--config', 'dead');
like($text, qr/^not ok 1 - start_of_run .*status 3/ms, 'a VMM that does not start has failed');
($text, $status) = run('--config', 'absent');
like($text, qr/^# absent: cannot be here: no such machine here$/m, 'a configuration that cannot be says why');
is($status, 1, 'and nothing was tested');
($text, $status) = run('--config', 'absent,good');
is(verdicts($text), $plain, 'the others run');
($text) = run('--config', 'fresh', '--out', "$folder/out");
ok(-e "$folder/out/fresh/boot-2" && verdicts($text) eq $plain, 'fresh: a failure is followed by a new boot');

run('--config', 'linger');
my $left = read_file("$folder/left");
# One that has ended has no words any more, whether somebody has asked for its status or not.
ok($left && !length(read_file("/proc/$left/cmdline") // ''), 'what start leaves behind, stop ends');

# A runner that is ended ends its VMMs.
unlink "$folder/left";
my $pid = fork // die "fork: $!\n";
if (!$pid) {
	setpgrp;
	open STDOUT, '>', '/dev/null';
	exec $^X, $runner, '--vmm', $fake, '--image', "$folder/image", '--config', 'linger-3';
}
Ringside::Host::until_true(20, sub { $left = read_file("$folder/left") });
kill 'TERM', -$pid;
waitpid $pid, 0;
is($? >> 8, 143, 'a runner that is ended by a signal says so');
ok($left && !length(read_file("/proc/$left/cmdline") // ''), 'and nothing is left') or kill 'KILL', $left;

# -- What is known
my $known = write_file("$folder/known", <<'END');
# comment

vector_* 00:03.0/g* - it is known
loop_* */* DRV-SPLIT-DESC-01 was once so
used_length block/* DEV-RNG-OP-01 is gone
status_* * DEV-RNG-OP-01 is about others
END
($text, $status) = run('--expected', $known);
like($text, qr/^not ok 5 - .* # TODO expected: it is known$/m, 'a known deviation is expected');
like($text, qr/^ok 8 - .* # TODO expected to fail: was once so$/m, 'one that is gone is reported');
like($text, qr/^ok 3 - used_length .* # TODO expected to fail: is gone$/m, 'by what the device is, too');
like($text, qr/^ok 1 - [^#]*$/m, 'but not a case without the clause of a wide row');
like($text, qr/^# 2 were expected to fail and passed/m, 'and counted');
is(verdicts($text), $plain, 'the order is kept');
like($text, qr/: 5 passed, 0 failed, 2 expected, 1 skipped$/m, 'the last line counts the expected');
is($status, 0, 'and all is well');
write_file("$folder/known", "vector_* 00:03.0/good DEV-RESET-01 another clause\nvector_mask entropy/good - another device\n");
($text, $status) = run('--expected', $known);
is($status, 1, 'a failure falls under a row whose clause it names only');
write_file("$folder/known", "vector_* entropy/good - waits: nothing comes\nloop_* */good - hangs the VMM\nused_* 00:03.0/other - waits elsewhere\n");
run('--expected', $known, '--out', "$folder/out");
like(read_file("$folder/out/good/boot-1/command"), qr/conform\.leave=loop_\*\@\* conform\.brief=vector_\*\@entropy$/, 'what is known to hang or to wait is told to the guest');
write_file("$folder/known", "one two\n");
($text, $status) = run('--expected', $known);
is($status, 2, 'a list that is none is not taken');

# -- Once more
($text, $status) = run('--config', 'flaky-3', '--retries', 2);
like($text, qr/^ok \d+ - used_length 00:03\.0 flaky-3.*?  flaky: failed, then passed in attempt 2$/ms, 'what passes the second time is flaky');
like($text, qr{^# flaky: used_length 00:03\.0 flaky-3: failed, then passed in attempt 2$}m, 'and is named at the end');
like($text, qr/: 5 passed, 1 failed, /, 'what fails again has failed');

unlink "$folder/seen";
($text) = run('--config', 'leak-3', '--repeat', 3, '--out', "$folder/out");
is(verdicts($text), 'ok ok not ok ok not ok ok not ok ok', '--repeat: a verdict that changes is a failure');
like($text, qr/^  flaky: failed 1 times, passed 2 times$/m, 'and says how often it was what, where each time is a boot');
is(join(' ', map { read_file("$folder/out/leak-3/boot-$_/command") =~ /repeat/ ? 1 : 0 } 1 .. 6), '0 0 0 0 0 0', 'of its own');
run('--repeat', 3, '--out', "$folder/out");
like(read_file("$folder/out/good/boot-1/command"), qr/ conform\.repeat=3\b/, 'elsewhere the guest repeats');

# -- Parts of it
my @parts = map { (run('--shard', "$_/3"))[0] } 1 .. 3;
is(join(' ', map { verdicts($_) } @parts), $plain, 'the shards together are the whole');
is_deeply([ map { scalar(() = /^(?:not )?ok/mg) } @parts ], [ 2, 3, 3 ], 'of about the same size');
($text) = run('--only', 'used_length', '--device', '00:04.0');
is(verdicts($text), 'ok', '--only and --device');
($text) = run('--list');
like($text, qr/^used_length 00:04\.0 good obey DEV-SPLIT-USED-02,DEV-RNG-OP-01: used\.len/m, '--list');
($text) = run('--config', 'words', '--spec', '1.1', '--strict', '--skip', 'x*', '--out', "$folder/out");
like(read_file("$folder/out/words/boot-1/command"), qr/conform\.skip=x\* conform\.spec=1\.1 conform\.strict=should conform\.slow=0/, 'options become the guest\'s');
($text) = run('--config', 'good,words,lost-3', '--jobs', 3);
like($text, qr/ good: .* lost-3: .* words: /s, 'jobs: the output keeps the order');

# -- Requests to the host
run('--config', 'host', '--out', "$folder/out");
my $console = read_file("$folder/out/host/boot-1/console");
like($console, qr/^# heard ringside-host: 1 7 ok link 00:03\.0 down in a folder$/m, 'a request is done');
like($console, qr/^# heard ringside-host: 1 7 unsupported /m, 'or cannot be');
like($console, qr/^# heard ringside-host: 1 7 failed it does not bend$/m, 'or fails');
like($console, qr/^# heard ringside-host: 1 8 unsupported /m, 'another version is not spoken');

# By one process for all of a boot, where the adapter can.
run('--config', 'served', '--out', "$folder/out");
$console = read_file("$folder/out/served/boot-1/console");
like($console, qr/^# heard ringside-host: 1 7 ok \d+ link 00:03\.0 down$/m, 'serve: a request is done');
like($console, qr/^# heard ringside-host: 1 7 unsupported $/m, 'serve: or cannot be');
like($console, qr/^# heard ringside-host: 1 7 failed it does not bend$/m, 'serve: or fails');
run('--config', 'served-dies', '--out', "$folder/out");
like(read_file("$folder/out/served-dies/boot-1/console"), qr/^# heard ringside-host: 1 7 failed the adapter ended$/m, 'serve: one that ends has failed');

# -- What QEMU's adapter reads while QEMU writes: a file of tcpdump's
{
	local $ENV{RINGSIDE_STATE} = "$folder/state";
	mkdir "$folder/state";
	write_file("$folder/state/places", "00:03.0 net\n");
	my $ask     = "tests/conformance/vmm/qemu action sent 00:03.0";
	my @records = map { pack 'V4 a*', 0, 0, length $_, length $_, $_ } 'first', 'second';
	my $begin   = 'x' x 24;
	write_file("$folder/state/sent", $begin . $records[0]);
	is(`$ask`, unpack('H*', 'first') . "\n", 'sent: the last frame');
	write_file("$folder/state/sent", $begin . $records[0] . substr $records[1], 0, 18);
	is(`$ask`, "the record of the frame is not whole\n", 'sent: half of one is none, nor is the one before it');
	is($? >> 8, 1, 'but a failure');
	open my $answer, '-|', $ask or die "$ask: $!\n";
	select undef, undef, undef, 0.3;
	write_file("$folder/state/sent", $begin . join '', @records);
	is(scalar <$answer>, unpack('H*', 'second') . "\n", 'sent: it is waited for');
}

# -- Wrong usage
for my $words ([ '--vmm', 'none' ], [ '--config', 'none' ], [ '--shard', '3/2' ], [ '--spec', '2.0' ], [ '--frobnicate' ], [ '--only', 'a b' ]) {
	open my $errors, '-|', "$^X $runner --vmm $fake --image $folder/image @{[ map { quotemeta } @$words ]} 2>&1" or die;
	my $said = join '', <$errors>;
	close $errors;
	is($? >> 8, 2, "@$words: status 2");
	like($said, qr/ringside-conform: /, "@$words: says why");
}

# -- The coverage of the index
my $coverage = `tests/conformance/coverage $folder/json`;
is($?, 0, 'no case names a clause that is not there');
like($coverage, qr/^\d+ of \d+ testable clauses have a case; \d+ are deferred$/m, 'make clauses counts');

# What fails it: the index, the cases and the reasons once more, with one line too many each.
{
	my $copy = "$folder/index";
	mkdir $_ for $copy, "$copy/tests", "$copy/tests/conformance", "$copy/tests/conformance/cases";
	system 'cp', '-r', map({ "tests/conformance/$_" } qw(coverage runner clauses.tsv deferred)), "$copy/tests/conformance";
	my $index  = "$copy/tests/conformance/clauses.tsv";
	my ($row)  = grep { /^DEV-/ && /\tMUST\t/ && /\tyes\t/ } split /^/, read_file($index);
	my $header = read_file($index) =~ s/\n.*//sr;
	my $case   = '{.name = "%s", .claim = "so", .clauses = "%s", .kind = OBEY}' . "\n";
	my ($id)   = $row =~ /^(\S+)/;

	my $status = sub ($rows, $clauses, $gaps) {
		write_file($index, "$header\n" . join '', @$rows);
		write_file("$copy/tests/conformance/cases/one.c", sprintf $case, 'one', $clauses);
		write_file("$copy/tests/conformance/gaps", $gaps);
		my $said = `$copy/tests/conformance/coverage`;
		return ($? >> 8, $said =~ /^((?:unknown clause|neither case nor reason|reason of no use): .*)$/mg);
	};
	my $second = $row =~ s/^\S+/DEV-ADDED-01/r;
	is_deeply([ $status->([$row], $id, '') ], [0], 'a clause with a case: nothing to say');
	is_deeply([ $status->([ $row, $second ], $id, "DEV-ADDED-* it cannot be\n") ], [0], 'nor of one with a reason');
	is_deeply([ $status->([ $row, $second ], $id, '') ], [ 1, 'neither case nor reason: DEV-ADDED-01' ], 'a testable clause that was added: status 1');
	is_deeply(
		[ $status->([$row], "$id DEV-NONE-01", '') ],
		[ 1, 'unknown clause: tests/conformance/cases/one.c: one names DEV-NONE-01' ],
		'a case that names what is not in the index: status 1'
	);
	is_deeply(
		[ $status->([$row], $id, "DEV-ADDED-* it cannot be\n") ],
		[ 1, 'reason of no use: DEV-ADDED-* in tests/conformance/gaps' ],
		'a reason for no clause: status 1'
	);
	is_deeply([ $status->([$row], $id, "$id it cannot be\n") ], [ 1, "reason of no use: $id in tests/conformance/gaps" ], 'or for one that has a case');
}

# -- What others get
SKIP: {
	skip 'another image is under test', 4 if $ENV{RINGSIDE_IMAGE};
	is(system('make dist >/dev/null 2>&1'), 0, 'make dist');
	my ($archive) = glob 'build/ringside-*.tar.xz';
	my $first = read_file($archive);
	utime 1, 1, 'tests/conformance/run';
	system 'umask 077; make dist >/dev/null 2>&1';
	ok($first eq read_file($archive), 'is the same twice');
	is(system("tar -C $folder -xf $archive"), 0, 'unpacks');
	my ($installed) = glob "$folder/ringside-*/bin/ringside-conform";
	my $output = `$installed --config microvm --only request_completes --device mmio4`;
	like($output, qr/: 1 passed, 0 failed, 0 expected, 0 skipped$/m, 'and tests QEMU') or diag $output;
}

done_testing;
