#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The scripts of docs/networks.md as they stand there: user networking, a bridge, NAT. Each guest reaches what it should,
# the host's tools and QEMU's monitor show it, and nothing is left behind.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Client qw(http_get);
use Ringside::Host   qw(program run scratch until_true start_process read_file);
use Ringside::Tap    qw(enter_namespace network_beyond);
use Ringside::VM;
use Test::More;

my $missing = enter_namespace();
plan skip_all => $missing if $missing;
my $IP      = program('ip');
my $FORWARD = '/proc/sys/net/ipv4/ip_forward';
my $IMAGE   = Ringside::VM::default_image() . '.elf';
sub links () { return join ' ', sort map { /^\d+: ([^:@]+)/ ? $1 : () } split /\n/, `$IP -o link` }
sub forwarding () { return read_file($FORWARD) =~ s/\n//r }
# Firewall rules, as either tool has them; what a tool of iptables' makes around them stays there.
my ($NFT, $IPTABLES) = (program('nft'), program('iptables'));
my $rules_of = $NFT;
sub rules () { return !$rules_of ? '' : $rules_of eq ($NFT // '') ? scalar `$NFT list ruleset` : scalar `$IPTABLES -t nat -S` }

# QEMU is no child of ours: when a script is killed, it has to be ended too.
my @pid_files;
END { local $?; for (@pid_files) { kill 'KILL', $1 if (read_file($_) // '') =~ /^(\d+)/ } }

# Runs the script; $code gets its machine, which must have left nothing at the end.
sub script ($name, $variables, $code) {
	my $before   = join "\n", links(), forwarding(), rules();
	my $pid_file = scratch() . "/$name.pid";
	push @pid_files, $pid_file;
	local @ENV{ keys %$variables } = values %$variables;
	scenario($name, { script => [ "docs/examples/network-$name.sh", $IMAGE ], extra => [ '-pidfile', $pid_file ] }, sub ($vm) {
		$code->($vm);
		leaves_with($vm, 0);
	});
	is(join("\n", links(), forwarding(), rules()), $before, "$name: nothing is left behind");
	return;
}

# What the monitor on the serial line says, as a user gets there.
sub monitor ($vm, $command) {
	my $from = length $vm->console;
	$vm->type("\x01c");
	$vm->wait_for(qr/\(qemu\) /, from => $from);
	$vm->type("$command\n");
	my $text = $vm->wait_for(qr/\(qemu\) .*?\n((?:.*\n)+?)\(qemu\) /, from => $from);
	$vm->type("\x01c");
	return $text =~ s/\r//gr;
}

run($IP, 'link', 'set', 'lo', 'up');

my $port = 18080;
script(user => { PORT => $port }, sub ($vm) {
	is($vm->wait_ready, '10.0.2.15', 'user: the first address of QEMU\'s DHCP server');
	ping_answers($vm, '10.0.2.2');
	is(http_get('127.0.0.1', $port)->{status}, 200, "user: the page is at port $port");
	like(monitor($vm, 'info network'), qr/model=virtio-net-pci.*\n.*net0: index=0,type=user,net=10\.0\.2\.0/, 'user: info network shows it');
});

my @lan     = network_beyond('cable0', 'lan0', '192.168.50.1/24');
my $leases  = scratch() . '/lan.log';
open my $nothing, '<', '/dev/null' or die "/dev/null: $!";
open my $log,     '>', $leases     or die "$leases: $!";
start_process($nothing, $log, $log, @lan, program('dnsmasq'), '--keep-in-foreground', '--conf-file=/dev/null', '--log-facility=-', '--pid-file=',
	'--user=root', '--group=', '--port=0', '--leasefile-ro', '--interface=lan0', '--bind-interfaces', '--no-ping', '--dhcp-range=192.168.50.50,192.168.50.99,255.255.255.0,1h');

script(bridge => { BRIDGE => 'br0', TAP => 'tap0', UPLINK => 'cable0' }, sub ($vm) {
	like($vm->wait_ready, qr/^192\.168\.50\.\d+$/, 'bridge: an address of the network beyond the bridge');
	ping_answers($vm, '192.168.50.1');
	like(read_file($leases), qr/DHCPACK\(lan0\) \Q$vm->{address}\E/, 'bridge: its DHCP server gave it');
	my $bridge = program('bridge');
	my @ports  = grep { /master br0/ } split /\n/, `$bridge link`;
	is(join(' ', sort map { /^\d+: ([^:@]+)/ } @ports), 'cable0 tap0', 'bridge: bridge link shows both ports');
SKIP: {
		my $brctl = program('brctl');
		skip 'bridge: brctl is not installed (bridge-utils)', 1 unless $brctl;
		like(scalar `$brctl show`, qr/^br0\s+8000\.[0-9a-f]{12}\s+no\s+(?:cable0\s+tap0|tap0\s+cable0)\s*$/m, 'bridge: so does brctl show');
	}
	like(monitor($vm, 'info network'), qr/net0: index=0,type=tap,ifname=tap0,script=no,downscript=no/, 'bridge: info network shows it');
});

# With a bridge that is there already.
run($IP, 'link', 'add', 'own0', 'type', 'bridge', 'forward_delay', 0);
run($IP, 'link', 'set', 'cable0', 'master', 'own0');
run($IP, 'link', 'set', 'own0', 'up');
script(bridge => { BRIDGE => 'own0', TAP => 'tap1', UPLINK => '' }, sub ($vm) {
	like($vm->wait_ready, qr/^192\.168\.50\.\d+$/, 'bridge: one that is there already serves, too');
});
run($IP, 'link', 'delete', 'own0');

run($IP, 'address', 'add', '192.168.51.1/24', 'dev', 'cable0');
my $refusal = qx(UPLINK=cable0 docs/examples/network-bridge.sh 2>&1);
is($? >> 8, 1, 'bridge: an interface with an address of the machine is refused');
like($refusal, qr/cable0 has an address of this machine/, 'bridge: and says why');
run($IP, 'address', 'flush', 'dev', 'cable0');

# A folder with what the script calls and we for it, and iptables alone of the two that do NAT.
sub without_nft () {
	my $folder = scratch() . '/without-nft';
	mkdir $folder or die "$folder: $!";
	for my $name (qw(cat dnsmasq ip iptables qemu-system-x86_64 setpriv)) { symlink program($name), "$folder/$name" or die "$name: $!" }
	return $folder;
}

# The script with one of both; @outside runs a program beyond.
sub nat_by ($tool, $variables, @outside) {
	script(nat => $variables, sub ($vm) {
		like($vm->wait_ready, qr/^192\.168\.78\.\d+$/, "NAT by $tool: an address of the network of its own");
		ping_answers($vm, '192.168.78.1');
		is(forwarding(), 1, "NAT by $tool: this machine forwards");
		like(rules(), qr/192\.168\.78\.0\/24.*masquerade/i, "NAT by $tool: it has the rule");
		# Nobody out there knows a way to 192.168.78.0.
		unlike(scalar `@outside $IP route`, qr/192\.168\.78|default/, "NAT by $tool: outside has no way to it");
		ping_answers($vm, '203.0.113.2');
		is(http_get($vm->{address}, 80)->{status}, 200, "NAT by $tool: this machine gets the page");
		like($vm->command('ip route'), qr/^default via 192\.168\.78\.1 dev eth0/m, "NAT by $tool: the way out");
	});
	return;
}

SKIP: {
	skip 'NAT: neither nft nor iptables is installed', 1 unless $NFT || $IPTABLES;
	skip "NAT: $FORWARD cannot be written here",        1 unless -w $FORWARD;
	my @outside = network_beyond('cable1', 'wan0', '203.0.113.2/24');
	run($IP, 'address', 'add', '203.0.113.1/24', 'dev', 'cable1');
SKIP: {
		skip 'NAT by nft: it is not installed (nftables)', 1 unless $NFT;
		nat_by(nft => {}, @outside);
	}
SKIP: {
		skip 'NAT by iptables: it is not installed (iptables, which nothing else here needs)', 1 unless $IPTABLES;
		$rules_of = $IPTABLES;
		nat_by(iptables => { PATH => without_nft() }, @outside);
		$rules_of = $NFT;
	}
	my $again = qx(BRIDGE=cable1 docs/examples/network-nat.sh 2>&1);
	is($? >> 8, 1, 'NAT: a name that is taken is refused');
	like($again, qr/there is a cable1 or nattap0 already/, 'NAT: and says why');
	like(links(), qr/cable1/, 'NAT: and leaves it alone');
}

done_testing;
