# SPDX-License-Identifier: BSD-2-Clause
package Conform::QemuActions;

# What the guest asks its host for (docs/conformance-host.md), done by QEMU's machine protocol and by the sockets
# that its devices end in. What must last for the boot (the host's side of a port) is held by a process that stays.

use v5.36;
use Conform::Host qw(read_file write_file);
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX    ();
use Socket   qw(SOCK_DGRAM pack_sockaddr_un);
use Time::HiRes qw(time sleep);

use constant { OK => 0, FAILED => 1, UNSUPPORTED => 2 };
use constant PORT_BYTES => 1024;	# what a port-read shows at most

my ($state, $memory);

# -- QMP
my $socket;

sub vm ($command, %arguments) {
	$socket //= do {
		my $new = IO::Socket::UNIX->new(Peer => "$state/qmp") or die "QMP: $!\n";
		$socket = $new;
		receive();    # the greeting
		print $new qq({"execute": "qmp_capabilities"}\n);
		receive();
		$new;
	};
	print $socket JSON::PP::encode_json({ execute => $command, %arguments ? (arguments => \%arguments) : () }), "\n";
	my $answer = receive();
	die "$command: $answer->{error}{desc}\n" if $answer->{error};
	return $answer->{return};
}

sub receive () {
	while (defined(my $line = <$socket>)) {
		my $message = JSON::PP::decode_json($line);
		return $message unless $message->{event};
	}
	die "QMP: closed\n";
}

# -- Disks
sub node_of ($kind) { return $kind eq 'blk1' ? 'disk1' : 'disk0' }

sub resize ($kind, $bytes) {
	vm('block_resize', 'node-name' => node_of($kind), size => 0 + $bytes);
	return;
}

# -- Network
sub frame ($kind, $hex, $count = 1) {
	socket my $socket, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!\n";
	my $frame = pack 'H*', $hex;
	for (1 .. $count) {
		send $socket, $frame, 0, pack_sockaddr_un("$state/frames") or die "frame: $!\n";
	}
	return;
}

# The last record of a file as tcpdump has it; undef: it is not whole.
sub last_record ($path) {
	my $file  = read_file($path) // return;
	my ($frame, $at) = ('-', 24);
	while ($at + 16 <= length $file) {
		my $length = unpack 'V', substr $file, $at + 8, 4;
		$frame = unpack 'H*', substr $file, $at + 16, $length;
		$at += 16 + $length;
	}
	return $at == length $file ? $frame : undef;
}

# A reader may see the beginning of what QEMU is writing. Conform::QemuTap has written all when it hangs up.
sub sent ($kind) {
	if (my $socket = -S "$state/recorded" && IO::Socket::UNIX->new(Peer => "$state/recorded")) { readline $socket }
	for (1 .. 200) {
		my $frame = last_record("$state/sent");
		return $frame if defined $frame;
		sleep 0.01;
	}
	die "the record of the frame is not whole\n";
}

# -- Balloon
use constant BALLOON => '/machine/peripheral/balloon';

sub stats_read ($kind) {
	my $stats = vm('qom-get', path => BALLOON, property => 'guest-stats');
	my %all   = (%{ $stats->{stats} }, 'last-update' => $stats->{'last-update'});
	return join ',', map { "$_=$all{$_}" } sort keys %all;
}

# Hinting begins with a migration. This one is too slow to end by itself.
sub hint ($kind, $what) {
	# One that a case left behind ends here, too.
	vm('migrate_cancel');
	my $status = '';
	for (1 .. 500) {
		$status = vm('query-migrate')->{status} // 'none';
		last if $status =~ /^(?:none|cancelled|completed|failed)$/;
		sleep 0.01;
	}
	die "the migration does not end: $status\n" if $status !~ /^(?:none|cancelled|completed|failed)$/;
	return if $what eq 'stop';
	vm('migrate-set-parameters', 'max-bandwidth' => 4096);
	vm('migrate', uri => 'exec:cat>/dev/null');
	return;
}

# -- Console ports
sub port_add ($kind, $name) {
	vm('chardev-add', id => $name, backend => {
		type => 'socket', data => { addr => { type => 'unix', data => { path => "$state/$name.port" } }, server => JSON::PP::true, wait => JSON::PP::false },
	});
	vm('device_add', driver => 'virtserialport', bus => 'console.0', id => "$name-port", chardev => $name, name => $name);
	return vm('qom-get', path => "/machine/peripheral/$name-port", property => 'nr');
}

sub port_remove ($kind, $name) {
	port_close($kind, $name);
	vm('device_del', id => "$name-port");
	# Busy until the port is gone for all of QEMU's threads; the name is free for another port then.
	for (1 .. 50) {
		last if eval { vm('chardev-remove', id => $name); 1 };
		sleep 0.02;
	}
	return;
}

# QEMU sees in its own time that somebody came to its end of a port, or left it.
sub await_connection ($name, $connected) {
	for (1 .. 500) {
		my ($end) = grep { $_->{label} eq $name } @{ vm('query-chardev') };
		return if $end && $connected != ($end->{filename} =~ /^disconnected:/);
		sleep 0.01;
	}
	die "$name: QEMU does not see that its other end is " . ($connected ? 'there' : 'gone') . "\n";
}

# Two sockets: QEMU's, and ours for who wants something of it.
sub hold ($name) {
	my $qemu  = IO::Socket::UNIX->new(Peer => "$state/$name.port") or die "$name: $!\n";
	my $asked = IO::Socket::UNIX->new(Local => "$state/$name.holder", Listen => 5) or die "$name: $!\n";
	my $pid   = fork // die "fork: $!\n";
	if ($pid) {
		write_file("$state/$name.holder.pid", $pid);
		await_connection($name, 1);
		return;
	}
	POSIX::setsid();
	open STDIN,  '<', '/dev/null';
	open STDOUT, '>', '/dev/null';
	open STDERR, '>', '/dev/null';
	my $came = '';
	# The last of it: nobody wants all that the cases have written.
	my $more = sub ($seconds) {
		vec(my $wanted = '', fileno $qemu, 1) = 1;
		return 0 if select($wanted, undef, undef, $seconds) <= 0;
		sysread $qemu, $came, 65536, length $came or POSIX::_exit(0);
		$came = substr $came, -PORT_BYTES if length $came > PORT_BYTES;
		return 1;
	};
	while (1) {
		vec(my $wanted = '', fileno $qemu, 1) = 1;
		vec($wanted, fileno $asked, 1) = 1;
		select $wanted, undef, undef, undef;
		$more->(0) if vec $wanted, fileno $qemu, 1;
		next unless vec $wanted, fileno $asked, 1;
		my $client = $asked->accept or next;
		my ($verb, $hex) = split ' ', <$client> // '';
		if (($verb // '') eq 'write') {
			syswrite $qemu, pack 'H*', $hex // '';
		} elsif (($verb // '') eq 'forget') {
			1 while $more->(0);
			$came = '';
		} else {
			my $until = time + 1;
			$more->($until - time) while $came eq '' && time < $until;
			print $client unpack 'H*', $came;
			$came = '';
		}
		close $client;
	}
}

sub ask_holder ($name, @words) {
	hold($name) unless -e "$state/$name.holder";
	my $socket = IO::Socket::UNIX->new(Peer => "$state/$name.holder") or die "$name: the host's side is gone\n";
	print $socket "@words\n";
	return join '', <$socket>;
}

# What was written before is forgotten.
sub port_open ($kind, $name) { ask_holder($name, 'forget'); return }

sub port_close ($kind, $name) {
	my $pid = read_file("$state/$name.holder.pid") // return;
	kill 'KILL', $pid;
	unlink "$state/$name.holder", "$state/$name.holder.pid";
	await_connection($name, 0);
	return;
}

sub port_read ($kind, $name) {
	my $hex = ask_holder($name, 'read');
	return length $hex ? $hex : '-';
}

# Something in the configuration space is different from before.
sub change ($kind) {
	if ($kind =~ /^blk/) {
		my $file = "$state/" . node_of($kind);
		resize($kind, (-s $file) + 65536);
	} elsif ($kind eq 'net') {
		# Up in the end: with its link down QEMU uses transmit buffers without a word.
		vm('set_link', name => 'net', up => $_) for JSON::PP::false, JSON::PP::true;
	} else {
		vm('balloon', value => $memory - (1 + int rand 1000) * 4096);
	}
	return;
}

# verb => [ kinds of devices, how many arguments at least, function ]
my %verbs = (
	resize => [ qr/^blk/, 1, \&resize ],
	link   => [ qr/^net/, 1, sub ($kind, $to) { vm('set_link', name => 'net', up => $to eq 'up' ? JSON::PP::true : JSON::PP::false); return } ],
	frame  => [ qr/^net/, 1, \&frame ],
	announce => [ qr/^net/, 0, sub ($kind) { vm('announce-self', initial => 50, max => 550, rounds => 1, step => 50); return } ],
	sent   => [ qr/^net/, 0, \&sent ],
	balloon => [ qr/^balloon/, 1, sub ($kind, $pages) { vm('balloon', value => $memory - $pages * 4096); return } ],
	stats => [ qr/^balloon/, 1, sub ($kind, $seconds) { vm('qom-set', path => BALLOON, property => 'guest-stats-polling-interval', value => 0 + $seconds); return } ],
	'stats-read'  => [ qr/^balloon/, 0, \&stats_read ],
	hint          => [ qr/^balloon/, 1, \&hint ],
	'port-add'    => [ qr/^console/, 1, \&port_add ],
	'port-remove' => [ qr/^console/, 1, \&port_remove ],
	'port-open'   => [ qr/^console/, 1, \&port_open ],
	'port-close'  => [ qr/^console/, 1, \&port_close ],
	'port-write'  => [ qr/^console/, 2, sub ($kind, $name, $hex) { ask_holder($name, 'write', $hex); return } ],
	'port-read'   => [ qr/^console/, 1, \&port_read ],
	config        => [ qr/^(?:blk|net|balloon)/, 0, \&change ],
);

# Does what is asked for; returns a status and TEXT.
sub perform ($verb, $address = '', @arguments) {
	my $action = $verbs{$verb};
	return (UNSUPPORTED, "QEMU's adapter has no action $verb") if !$action;
	my %kind_at = map { split ' ' } split /\n/, read_file("$state/places") // '';
	my $kind    = $kind_at{$address} // '';
	return (UNSUPPORTED, "$verb is not for the device at $address") if $kind !~ $action->[0];
	return (FAILED, "$verb wants $action->[1] arguments") if @arguments < $action->[1];
	return (UNSUPPORTED, "the disk is a back end's") if $kind =~ /^blk/ && !-e "$state/" . node_of($kind);
	return (UNSUPPORTED, "the network is a back end's") if $kind eq 'net' && !-e "$state/sent";
	return (UNSUPPORTED, 'the disk is read-only, and QEMU resizes none that is') if $kind eq 'blk1' && $verb =~ /^(?:resize|config)$/;
	local $SIG{PIPE} = 'IGNORE';
	my $text = eval { $action->[2]->($kind, @arguments) // '' };
	return defined $text ? (OK, $text) : (FAILED, $@ =~ s/\n.*//sr);
}

# One request: prints its TEXT, returns the status.
sub act ($folder, $bytes, $verb, @arguments) {
	($state, $memory) = ($folder, $bytes);
	if ($verb eq 'alive') {
		# What has not begun yet, because its back end has not, does not hang.
		return OK unless -S "$state/qmp";
		return eval { vm('query-status'); OK } // FAILED;
	}
	my ($status, $text) = perform($verb, @arguments);
	print "$text\n";
	return $status;
}

# One after the other, a line each. QEMU talks to one client at a time, and others ask whether it lives: the connection is for one request.
sub serve ($folder, $bytes) {
	($state, $memory) = ($folder, $bytes);
	STDOUT->autoflush;
	while (defined(my $line = <STDIN>)) {
		my ($status, $text) = perform(split ' ', $line);
		$socket = undef;
		print qw(ok failed unsupported)[$status], " $text\n";
	}
	return;
}

1;
