# SPDX-License-Identifier: BSD-2-Clause
package Ringside::Tap;

# TAP devices in a network namespace of this test program's own, one of them with dnsmasq as DHCP server and IPv6
# router. The namespace goes with the program's end, so there is nothing to clean up on the host.

use v5.36;
use Exporter qw(import);
use JSON::PP ();
use Ringside::Host qw(program run scratch until_true read_file start_process);

our @EXPORT_OK = qw(enter_namespace tap_device tap_neighbour tap_network tap_counter dnsmasq_log network_beyond);

our $HOST  = '192.168.77.1';
our $FIRST = '192.168.77.50';
our $HOST6 = 'fd77::1';

# Restarts this program, with these arguments, within a namespace. Returns only there (undef), or with the
# reason why not.
sub enter_namespace (@arguments) {
	return if $ENV{RINGSIDE_NAMESPACE};
	for my $name (qw(ip dnsmasq unshare)) { return "$name is not installed" unless program($name) }
	return 'no /dev/net/tun' unless -e '/dev/net/tun';
	return '/dev/net/tun may not be opened by this user' unless -r '/dev/net/tun' && -w _;
	# Another than root is root of the namespace, where the host allows it.
	my @unshare = (program('unshare'), $> ? ('--user', '--map-root-user') : (), '--net');
	return 'no network namespace for this user' if system("@unshare true >/dev/null 2>&1");
	$ENV{RINGSIDE_NAMESPACE} = 1;
	exec @unshare, $^X, $0, @arguments;
}

my $dnsmasq_log;
sub dnsmasq_log () { return read_file($dnsmasq_log) // '' }

# Makes a device with the host's address on it ("10.1.0.1/24"), for so many queues.
sub tap_device ($name, $address, $queues = 1) {
	my $ip = program('ip');
	run($ip, 'link', 'set', 'lo', 'up');
	run($ip, 'tuntap', 'add', 'dev', $name, 'mode', 'tap', $queues > 1 ? 'multi_queue' : ());
	run($ip, 'address', 'add', $address, 'dev', $name);
	run($ip, 'link', 'set', $name, 'up');
	return;
}

# Who has this address there, for good: the host does not ask.
sub tap_neighbour ($name, $address, $mac) {
	run(program('ip'), 'neighbour', 'replace', $address, 'lladdr', $mac, 'dev', $name, 'nud', 'permanent');
	return;
}

# A network beyond this one, in a namespace of its own, at the other end of a cable ($cable): there it is $name, with that
# address. Returns the words that run a program there.
sub network_beyond ($cable, $name, $address) {
	my $ip = program('ip');
	run($ip, 'link', 'add', $cable, 'type', 'veth', 'peer', 'name', $name);
	open my $nothing, '+<', '/dev/null' or die "/dev/null: $!";
	my $pid = start_process($nothing, $nothing, $nothing, program('unshare'), '--net', 'sleep', 'infinity');
	my $own = readlink "/proc/$$/ns/net";
	until_true(5, sub { (readlink("/proc/$pid/ns/net") // $own) ne $own }) or die "no namespace for $name\n";
	run($ip, 'link', 'set', $name, 'netns', $pid);
	my @there = (program('nsenter'), '--target', $pid, '--net');
	run(@there, $ip, 'address', 'add', $address, 'dev', $name);
	run(@there, $ip, 'link', 'set', $name, 'up');
	run($ip, 'link', 'set', $cable, 'up');
	return @there;
}

# The host's counter of a device: "tx_packets" are those that the guest's side took, "tx_dropped" those that it did not.
sub tap_counter ($name, $counter) {
	my $ip = program('ip');
	my ($link) = @{ JSON::PP::decode_json(`$ip -json -statistics link show dev $name`) };
	my ($direction, $what) = split /_/, $counter;
	return $link->{stats64}{$direction}{$what};
}

# Makes the device, with so many queues, and starts dnsmasq; returns QEMU's words for a network on it.
sub tap_network ($name, $queues = 1) {
	tap_device($name, "$HOST/24", $queues);
	run(program('ip'), '-6', 'address', 'add', "$HOST6/64", 'dev', $name, 'nodad');
	$dnsmasq_log = scratch() . '/dnsmasq.log';
	open my $nothing, '<', '/dev/null'   or die "/dev/null: $!";
	open my $log,     '>', $dnsmasq_log or die "$dnsmasq_log: $!";
	start_process($nothing, $log, $log, program('dnsmasq'), '--keep-in-foreground', '--conf-file=/dev/null',
		'--log-facility=-', '--log-dhcp', '--pid-file=', '--user=root', '--group=', '--port=0', '--leasefile-ro',
		"--interface=$name", '--bind-interfaces', "--dhcp-range=$FIRST,192.168.77.99,255.255.255.0,1h",
		'--enable-ra', '--dhcp-range=fd77::,ra-only', '--dhcp-authoritative');
	until_true(10, sub { dnsmasq_log() =~ /started/ }) or die 'dnsmasq: ' . dnsmasq_log();
	return ('-netdev', "tap,id=net0,ifname=$name,script=no,downscript=no" . ($queues > 1 ? ",queues=$queues" : ''));
}

1;
