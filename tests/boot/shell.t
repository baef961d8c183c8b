#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The shell on the serial console: its commands, their usage lines, the line editor.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Test::More;

# Types keys instead of a line; returns what the shell printed after they made the line $line.
sub keys_make ($vm, $keys, $line) {
	my $from = length $vm->console;
	$vm->type("$keys\r");
	return scalar $vm->wait_for(qr{ringside> \Q$line\E\n((?:.*\n)*?)ringside> }, from => $from);
}

for my $machine (qw(q35 microvm)) {
	scenario($machine, { machine => $machine, cpus => 2 }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_ready;
		my $help = $vm->command('help');
		my @wanted = qw(devices dmesg ethtool free help interrupts ip lspci ping poweroff reboot uptime);
		is(join(' ', grep { $help !~ /^  \Q$_\E +\S/m } @wanted), '', "$label: help lists the commands, with a word on each");
		my @commands = ($help =~ s/^jobs .*//msr) =~ /^  (\S+)/mg;
		is("@commands", join(' ', sort @commands), "$label: in the order of the alphabet");
		for my $command (@commands) {
			like($vm->command("help $command"), qr/\A\Q$command\E\b.*\n  \S/, "$label: help $command");
			next if $command =~ /^(?:crash|lspci)$/;
			my ($usage) = $vm->command("help $command") =~ /\A(.*)\n/;
			like($vm->command("$command -? -? -? -?"), qr/^usage: \Q$usage\E$/m, "$label: $command: bad usage prints the usage line");
		}
		is($vm->command(''), '', "$label: an empty line is nothing");
		is($vm->command('   '), '', "$label: nor are blanks");
		is($vm->command('flee'), "flee: no such command (help lists them)\n", "$label: an unknown command is named");

		my ($total, $used, $free) = $vm->command('free -m') =~ /^Mem: +(\d+) +(\d+) +(\d+) /m;
		ok($total >= 126 && $total <= 128, "$label: free -m: total is $total");
		ok(abs($total - $used - $free) <= 1, "$label: free -m: used and free make it up");
		like($vm->command('uptime'), qr/^up 0:00:\d\d/m, "$label: uptime");
		like($vm->command('dmesg'), qr/^\[ *\d+\.\d{6}\] ringside: ready 10\.0\.2\.15 in /m, "$label: dmesg has the log");
		like($vm->command('interrupts'), qr/\bttyS0$/m, "$label: interrupts, by name");
		my $before = $vm->command('interrupts') =~ /(\d+) +ttyS0$/m ? $1 : 0;
		my $after  = $vm->command('interrupts') =~ /(\d+) +ttyS0$/m ? $1 : 0;
		cmp_ok($after, '>', $before, "$label: and counted");
		like($vm->command('devices'), qr/^virtio0: network, .* driver virtio_net, driven/m, "$label: devices");
		like($vm->command('ip'), qr{^2: eth0: <.*\n +link/ether $Ringside::VM::MAC .*\n +inet 10\.0\.2\.15/24 brd 10\.0\.2\.255 }m,
			"$label: ip, as iproute2 prints it");
		is($vm->command('lspci'), "this machine has no PCI\n", "$label: lspci without PCI") if $vm->is_microvm;
		like($vm->command('ethtool -i eth0'), qr/^driver: virtio_net$/m, "$label: ethtool -i");
		like($vm->command('ping -c 1 10.0.2.99'), qr/^1 packets transmitted, 0 received, 100% packet loss/m, "$label: ping of nobody");
		# Its own link-local address is tentative for a second or two: until then nothing is sent.
		my $ping = $vm->command('ping -6 fe80::2');
		like($ping, qr/^64 bytes from fe80::2: icmp_seq=\d/m, "$label: ping of a neighbour by IPv6, by the only interface");
		my $refused = () = $ping =~ /^ping: sending: /mg;
		like($ping, qr/^@{[ 4 - $refused ]} packets transmitted, /m, "$label: what was not sent is not counted");
		like($vm->command('ping -6 -c 1 fe80::2%eth0'), qr/^1 packets transmitted, 1 received, 0% packet loss/m, "$label: %eth0");
		like($vm->command('ping -6 fe80::2%eth7'), qr/there is no interface eth7$/m, "$label: %eth7 is not there");

		# Nobody reads while a command runs.
		my $before_ahead = length $vm->console;
		$vm->type("ping -c 2 10.0.2.99\r");
		$vm->wait_for(qr/^PING /m, from => $before_ahead);
		my @ahead = map { sprintf 'ahead%02d%s', $_, 'a' x 140 } 1 .. 20;
		$vm->type("$_\r") for @ahead;
		ok($vm->wait_for(join('(?s:.*)', map { qr/^$_: no such command/m } @ahead), from => $before_ahead, what => 'answer to all of them'), "$label: 3000 characters are typed ahead, and none is lost");

		like(keys_make($vm, "uptimX\x7fe", 'uptime'), qr/^up /, "$label: backspace");
		like(keys_make($vm, "\e[A", 'uptime'), qr/^up /, "$label: the line before comes back");
		like(keys_make($vm, "ptime\x01u\x05", 'uptime'), qr/^up /, "$label: to the start, to the end");
		like(keys_make($vm, "uptme\e[D\e[Di", 'uptime'), qr/^up /, "$label: cursor keys");
		like(keys_make($vm, "all of this\x15uptime", 'uptime'), qr/^up /, "$label: the line is wiped");
		$vm->type("uptime\x03");
		is($vm->command(''), '', "$label: ^C leaves the line");
		my $from = length $vm->console;
		$vm->type("ping -c 100 10.0.2.2\r");
		$vm->wait_for(qr/icmp_seq=2/, from => $from);
		$vm->type("\x03");
		$vm->wait_for(qr/^[2-9] packets transmitted.*ringside> /ms, from => $from);
		pass("$label: ^C ends a long command");
		$from = length $vm->console;
		$vm->type('uptime ' . 'x' x 400 . "\r");
		$vm->wait_for(qr/^usage: uptime\nringside> /m, from => $from);
		pass("$label: a line that is too long does no harm");
		$from = length $vm->console;
		is($vm->command('ping -c 5 10.0.2.2 &'), '', "$label: a command in the background leaves the prompt to others");
		like($vm->command('threads'), qr/ background$/m, "$label: and is a thread meanwhile");
		$vm->type("upt\x03");
		$vm->type('upti');
		ok($vm->wait_for(qr/^ringside> upti5 packets transmitted, 5 received.*\n(?:.*\n)?ringside> upti\z/m, from => $from), "$label: its lines stand above the one that is typed; ^C is not for it");
		$vm->type("me\r");
		ok($vm->wait_for(qr/^ringside> uptime\nup .*\nringside> /m, from => $from), "$label: which goes on");
		is($vm->command('&'), '', "$label: nothing in the background is nothing");
		unlike($vm->command('threads'), qr/ background$/m, "$label: and the thread is gone");
		like($vm->command('uptime'), qr/^up /, "$label: the shell goes on");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

done_testing;
