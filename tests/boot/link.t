#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The cable is pulled and put back, over QMP; no lease; no network device.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Client qw(http_get);
use Ringside::Host   qw(until_true);
use JSON::PP         ();
use Test::More;

sub link_is ($vm, $word) {
	return until_true(5, sub { $vm->command('ethtool eth0') =~ /^\s*Link detected: $word$/m });
}

for my $machine (qw(microvm q35)) {
	scenario($machine, { machine => $machine }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_ready;
		$vm->qmp->execute('set_link', name => 'net0', up => JSON::PP::false);
		ok(link_is($vm, 'no'), "$label: sees that the cable is pulled");
		like($vm->command('ip link'), qr/^2: eth0: <[^>]*NO-CARRIER/m, "$label: ip says NO-CARRIER");
		like($vm->command('ping -c 1 10.0.2.2'), qr/1 packets transmitted, 0 received|no route/, "$label: ping is not answered");
		$vm->qmp->execute('set_link', name => 'net0', up => JSON::PP::true);
		ok(link_is($vm, 'yes'), "$label: sees that it is back");
		ok(until_true(10, sub { $vm->command('ip') =~ m{inet 10\.0\.2\.15/24} }), "$label: has its address again");
		ping_answers($vm, '10.0.2.2');
		page_is($vm, method => 'pvh');
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

# Both wait ten seconds, at the same time.
scenario('no DHCP server', { machine => 'microvm', network => 'dead' }, sub ($vm) {
	scenario('cable pulled from the start', { machine => 'q35', extra => ['-S'] }, sub ($other) {
		$other->qmp->execute('set_link', name => 'net0', up => JSON::PP::false);
		$other->qmp->execute('cont');

		my $label = $vm->{label};
		$vm->wait_prompt;
		pass("$label: the prompt does not wait for an address");
		my ($why) = $vm->wait_for(qr/ringside: no address on eth0: (.+)\n/);
		like($why, qr/^no answer to \d+ DHCP requests$/, "$label: one line says what is missing");
		is(scalar(() = $vm->console =~ /no address on/g), 1, "$label: said once");
		my ($seconds) = $vm->command('dmesg') =~ /^\[\s*(\d+)\.\d+\] ringside: no address on eth0/m;
		ok(defined $seconds && $seconds >= 10 && $seconds <= 12, "$label: after 10 seconds, from when the network starts") or diag $seconds;
		like($vm->command('ip'), qr/^2: eth0: </m, "$label: the shell goes on");
		leaves_with($vm, 0);

		$label = $other->{label};
		($why) = $other->wait_for(qr/ringside: no address on eth0: (.+)\n/);
		is($why, 'the link is down', "$label: one line says why there is no address");
		$other->qmp->execute('set_link', name => 'net0', up => JSON::PP::true);
		lease_is($other, '10.0.2.15');
		page_is($other, method => 'pvh');
		leaves_with($other, 0);
	});
});

scenario('no network device', { machine => 'q35', network => 'none' }, sub ($vm) {
	$vm->wait_for(qr/ringside: no address: there is no network device that can be driven\n/);
	like($vm->command('ip'), qr/^1: lo: /m, "$vm->{label}: the boot goes on");
	no_warnings($vm);
	leaves_with($vm, 0);
});

done_testing;
