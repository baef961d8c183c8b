# SPDX-License-Identifier: BSD-2-Clause
package Conform::QemuTap;

# A network that has headers for checksums and segments, and several queues: only over a TAP does QEMU offer its guest what
# stands on those. In a network namespace of the caller's stand a TAP for QEMU and one of ours; a bridge that learns nothing hands on all
# frames between them. Ours takes no offloads: what the guest leaves to its device has been done in what comes here.

use v5.36;
use Conform::Host qw(write_file);
use IO::Select;
use IO::Socket::UNIX;
use POSIX  ();
use Socket qw(SOCK_DGRAM);

use constant { QEMUS => 'ringside0', OURS => 'ringside1', BRIDGE => 'ringside', QUEUES => 2 };
use constant { UNSHARE => 272, NEW_USER => 0x10000000, NEW_NETWORK => 0x40000000 };    # of Linux on x86-64
use constant { SET_INTERFACE => 0x400454ca, TAP_ONLY => 0x0002 | 0x1000 };    # TUNSETIFF, IFF_TAP without a header of the kernel's
use constant MTU => 9000;	# more than the device's, so that what the device does is seen
use constant FRAME_MOST => 65_536 + 64;

# Why it cannot be, or undef.
sub missing () {
	return 'no /dev/net/tun that this user may open' unless -r '/dev/net/tun' && -w _;
	$ENV{PATH} .= ':/usr/sbin:/sbin';
	return 'there is no ip (iproute2)' unless grep { -x "$_/ip" } split /:/, $ENV{PATH};
	return;
}

# The netdev's words.
sub words () { return "tap,id=net0,ifname=@{[QEMUS]},script=no,downscript=no,vhost=off,queues=@{[QUEUES]}" }

sub run (@words) { return system(@words) == 0 || die "@words: failed\n" }

# Another than root is root of the namespace, where the host allows it.
sub enter_namespace () {
	my ($user, $group) = ($>, $) + 0);
	syscall(UNSHARE, NEW_NETWORK | ($user ? NEW_USER : 0)) == 0 or die "no network namespace for this user: $!\n";
	return unless $user;
	write_file('/proc/self/setgroups', 'deny');
	write_file('/proc/self/uid_map',   "0 $user 1");
	write_file('/proc/self/gid_map',   "0 $group 1");
	return;
}

# Makes all of it, for this process and those that it starts; a process of ours moves the frames, with the sockets and the file that
# Conform::QemuActions asks.
sub start ($state) {
	enter_namespace();
	# Nobody else says anything here; and packets that a router would refuse are not the bridge's business.
	for my $setting (map({ "ipv6/conf/$_/disable_ipv6=1" } qw(all default)), map { "bridge/bridge-nf-call-$_=0" } qw(iptables ip6tables)) {
		my ($path, $value) = split /=/, "/proc/sys/net/$setting";
		write_file($path, "$value\n") if -w $path;
	}
	run('ip', 'link', 'add', BRIDGE, 'type', 'bridge', 'mcast_snooping', 0, 'forward_delay', 0, 'stp_state', 0);
	run('ip', 'tuntap', 'add', 'dev', QEMUS, 'mode', 'tap', 'multi_queue', 'vnet_hdr');
	run('ip', 'tuntap', 'add', 'dev', OURS,  'mode', 'tap');
	for my $name (QEMUS, OURS) {
		run('ip', 'link', 'set', $name, 'master', BRIDGE, 'mtu', MTU, 'up');
		run('ip', 'link', 'set', $name, 'type', 'bridge_slave', 'learning', 'off');
	}
	run('ip', 'link', 'set', BRIDGE, 'up');
	open my $tap, '+<:raw', '/dev/net/tun' or die "/dev/net/tun: $!\n";
	my $interface = pack 'a16 S x22', OURS, TAP_ONLY;
	ioctl $tap, SET_INTERFACE, $interface or die "@{[OURS]}: $!\n";
	my $frames = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$state/frames") or die "frames: $!\n";
	my $asked  = IO::Socket::UNIX->new(Local => "$state/recorded", Listen => 5)      or die "recorded: $!\n";
	# The beginning of a file of tcpdump's.
	open my $record, '>:raw', "$state/sent" or die "sent: $!\n";
	$record->autoflush;
	print $record pack 'V v2 V4', 0xa1b2c3d4, 2, 4, 0, 0, FRAME_MOST, 1;
	my $pid = fork // die "fork: $!\n";
	return if $pid;
	open STDIN,  '<', '/dev/null';
	open STDOUT, '>', '/dev/null';
	move($tap, $frames, $asked, $record);
	POSIX::_exit(0);
}

# What the guest has sent that is not recorded yet.
sub take ($tap, $record) {
	my $ready = IO::Select->new($tap);
	while ($ready->can_read(0)) {
		my $length = sysread $tap, my $frame, FRAME_MOST or return;
		print $record pack('V4', 0, 0, $length, $length), $frame;
	}
	return;
}

sub move ($tap, $frames, $asked, $record) {
	my $select = IO::Select->new($tap, $frames, $asked);
	while (1) {
		for my $from ($select->can_read) {
			take($tap, $record);
			if ($from == $frames) {
				my $came = $frames->recv(my $frame, FRAME_MOST);
				syswrite $tap, $frame if defined $came;
			} elsif ($from == $asked) {
				# Whoever asks is answered by the end of the connection: all that was sent before stands in the file.
				my $client = $asked->accept;
				take($tap, $record);
			}
		}
	}
	return;
}

1;
