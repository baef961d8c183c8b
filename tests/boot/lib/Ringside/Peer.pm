# SPDX-License-Identifier: BSD-2-Clause
package Ringside::Peer;

# A host on the guest's network that is made here, frame by frame, so that a test decides what is lost and when:
# answers ARP, and speaks as much TCP as it is told to. The network is a pair of datagram sockets to QEMU.

use v5.36;
use IO::Socket::UNIX;
use Ringside::Host qw(scratch within);
use Socket         qw(inet_aton SOCK_DGRAM);
use Time::HiRes    qw(sleep time);

my $MAC = pack 'H*', '020000000001';

# Listens; `words` are QEMU's for its end.
sub new ($class, %options) {
	my ($own, $qemu) = map { scratch() . "/$_.socket" } qw(peer qemu);
	my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $own) // die "$own: $!\n";
	my $netdev = "dgram,id=net0,local.type=unix,local.path=$qemu,remote.type=unix,remote.path=$own";
	return bless { %options, socket => $socket, qemu => $qemu, words => [ '-netdev', $netdev ], port => 40000 }, $class;
}

sub send_frame ($self, $type, $payload) {
	my $frame = pack('a6 a6 n', $self->{guest_mac} // "\xff" x 6, $MAC, $type) . $payload;
	send $self->{socket}, $frame, 0, pack('S a*', 1, "$self->{qemu}\0") or die "send: $!\n";
	return;
}

sub sum ($bytes) {
	my $sum = unpack '%32n*', length($bytes) % 2 ? "$bytes\0" : $bytes;
	$sum = ($sum & 0xffff) + ($sum >> 16) for 1 .. 2;
	return ~$sum & 0xffff;
}

# An IPv4 packet; `fragment`: its offset in units of 8 bytes, and 0x2000 when more follow.
sub send_ip4 ($self, $address, $protocol, $fragment, $payload) {
	my $header = pack 'C C n n n C C n a4 a4', 0x45, 0, 20 + length $payload, 7, $fragment, 64, $protocol, 0, map { inet_aton($_) } $address, $self->{guest};
	substr $header, 10, 2, pack 'n', sum($header);
	$self->send_frame(0x0800, $header . $payload);
	return;
}

sub send_from ($self, $address, $segment) {
	my $pseudo = pack('a4 a4 C C n', map({ inet_aton($_) } $address, $self->{guest}), 0, 6, length $segment);
	substr $segment, 16, 2, pack 'n', sum($pseudo . $segment);
	$self->send_ip4($address, 6, 0, $segment);
	return;
}

# An IPv6 packet between two addresses of 16 bytes.
sub send_ip6 ($self, $from, $to, $header, $payload) {
	$self->send_frame(0x86dd, pack('N n C C a16 a16', 6 << 28, length $payload, $header, 255, $from, $to) . $payload);
	return;
}

# The message of this protocol with its checksum, which goes to $place.
sub summed6 ($from, $to, $protocol, $message, $place) {
	substr $message, $place, 2, pack 'n', sum(pack('a16 a16 N N', $from, $to, length $message, $protocol) . $message);
	return $message;
}

sub send_icmp6 ($self, $from, $to, $type, $code, $body) {
	return $self->send_ip6($from, $to, 58, summed6($from, $to, 58, pack('C C n', $type, $code, 0) . $body, 2));
}

# The next frame before this time: its type and payload; nothing when none came.
sub next_frame ($self, $deadline) {
	my $left = $deadline - time;
	return if $left <= 0;
	vec(my $wanted = '', fileno $self->{socket}, 1) = 1;
	select($wanted, undef, undef, $left) or return;
	recv $self->{socket}, my $frame, 65536, 0;
	return unpack 'x12 n a*', $frame;
}

# The payload of the next frame of this type, undef when none came in time.
sub receive_frame ($self, $wanted_type, $seconds) {
	my $deadline = time + within($seconds);
	while (my ($type, $payload) = $self->next_frame($deadline)) {
		return $payload if $type == $wanted_type;
	}
	return;
}

sub send_segment ($self, $flags, $data = '', $options = '') {
	$self->send_from($self->{address}, pack('n n N N C C n n n a*', $self->{port}, $self->{to}, $self->{next}, $self->{acknowledged}, (20 + length $options) << 2, $flags, $self->{window} // 65535, 0, 0, $options) . $data);
	$self->{next} = ($self->{next} + length($data) + ($flags & 2 ? 1 : 0)) & 0xffffffff;
	return;
}

# A SYN that says how long segments may be.
sub send_syn ($self, $mss = 1460, $options = '') { return $self->send_segment(2, '', pack('C C n', 2, 4, $mss) . $options) }

# SYNs from addresses where nobody is.
sub send_syns ($self, $to, $count) {
	$self->send_from(join('.', 172, 16, map { int rand 256 } 1, 2), pack 'n n N N C C n n n', 1024 + int rand 60000, $to, int rand 2**32, 0, 5 << 4, 2, 65535, 0, 0) for 1 .. $count;
	return;
}

# Asks the guest for its address by ARP: receive_segment() returns { answered => 1 } for the answer, behind all that the
# guest sent before.
sub ask ($self) {
	$self->send_frame(0x0806, pack 'n n C C n a6 a4 x6 a4', 1, 0x0800, 6, 4, 1, $MAC, map { inet_aton($_) } @$self{qw(address guest)});
	return;
}

# The next segment of our connection, or with {all} of any: port, seq, ack, flags, window (with {scale} as RFC 7323 says),
# length, data; undef when none came in time. {resets} has how many resets came to each port of ours.
sub receive_segment ($self, $seconds) {
	my $deadline = time + within($seconds);
	while (my ($type, $payload) = $self->next_frame($deadline)) {
		if ($type == 0x0806) {
			my ($operation, $mac, $from, $to) = unpack 'x6 n a6 a4 x6 a4', $payload;
			return { answered => 1, seq => 0, length => 0 } if $operation == 2;
			next if $operation != 1 || $to ne inet_aton($self->{address});
			$self->{guest_mac} = $mac;
			$self->send_frame(0x0806, pack 'n n C C n a6 a4 a6 a4', 1, 0x0800, 6, 4, 2, $MAC, $to, $mac, $from);
		}
		next if $type != 0x0800 || ord(substr $payload, 9, 1) != 6;
		my $size = unpack('x2 n', $payload) - 20;
		my ($from, $to, $seq, $ack, $words, $flags, $window) = unpack 'x20 n n N N C C n', $payload;
		$self->{resets}{$to}++ if $flags & 4;
		next if !$self->{all} && ($from != $self->{to} || $to != $self->{port});
		my $data = substr $payload, 20 + ($words >> 2), $size - ($words >> 2);
		return { port => $to, seq => $seq, ack => $ack, flags => $flags, window => $window << ($flags & 2 ? 0 : $self->{scale} // 0), length => length $data, data => $data };
	}
	return;
}

# Asks, and returns the segments that came before the answer, and whether there was one.
sub before_answer ($self) {
	$self->ask;
	my @segments;
	while (my $got = $self->receive_segment(10)) {
		return (\@segments, 1) if $got->{answered};
		push @segments, $got;
	}
	return (\@segments, 0);
}

# Opens a connection to a port of the guest; options of the SYN beside the largest segment.
sub connect_to ($self, $to, $options = '') {
	@$self{qw(to next acknowledged)} = ($to, 1_000_000, 0);
	$self->{port}++;
	for (1 .. 10) {
		$self->{next} = 1_000_000;
		$self->send_syn($self->{mss} // 1460, $options);
		my $answer = $self->receive_segment(2) // next;
		# Nobody listens yet, or that was left of another: the next SYN is answered.
		if ($answer->{answered} || !($answer->{flags} & 2)) {
			sleep 0.2;
			next;
		}
		$self->{acknowledged} = ($answer->{seq} + 1) & 0xffffffff;
		$self->send_segment(0x10);
		return $answer;
	}
	die "port $to does not answer\n";
}

1;
