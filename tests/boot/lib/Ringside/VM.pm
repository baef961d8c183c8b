# SPDX-License-Identifier: BSD-2-Clause
package Ringside::VM;

# One virtual machine: how it is started, its serial console, its shell, its end.
#
#	my $vm = Ringside::VM->start(name => 'q35', machine => 'q35', append => 'services=http,echo');
#	$vm->wait_ready;
#	print $vm->command('lspci');
#	$vm->command_last('poweroff');
#	is($vm->wait_exit, 0);
#
# Whatever goes wrong dies with a message that shows the end of the console. Everything that the machine
# said stays in build/test/NAME.log.

use v5.36;
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use constant F_SETPIPE_SZ => 1031; # Linux's; Fcntl does not know it
use File::Path qw(make_path);
use Ringside::Host qw(scratch within until_true start_process read_file);
use Ringside::QMP;
use Time::HiRes qw(time);

our $PROMPT = qr/^ringside> /m;

# The address that proves that a page or a table is about this device.
our $MAC = '52:54:00:72:69:6e';

my %loaded_by = (
	pvh          => 'elf',
	bzimage      => 'bzImage',
	'efi-kernel' => 'efi',
);

# Ports of the guest that user networking makes reachable on 127.0.0.1.
my @forwarded = ([ tcp => 80 ], [ tcp => 7 ], [ udp => 7 ], [ tcp => 9 ], [ tcp => 19 ], [ udp => 19 ]);

# The images under test: RINGSIDE_IMAGE=PATH (without ending) for others than the build's.
sub default_image () { return $ENV{RINGSIDE_IMAGE} || 'build/ringside' }

# Options, all but name with a default:
#	machine memory cpus accel cpu	as QEMU has them
#	boot		pvh, bzimage, efi-kernel, network (the firmware finds something), or disk (then `disk` names an image)
#	image		the image's path without its ending
#	kernel		the path of another kernel than an image of ours, for QEMU to load
#	bios firmware	qboot and the like; `ovmf => 1` for UEFI, 'pxe' or 'pxe6' for UEFI that boots by PXE
#	append		the kernel command line
#	serial		0: the machine has no serial port
#	network		user, none, dead (a cable to nowhere), or a list of QEMU's words
#	user_options	appended to user networking (",ipv6=off")
#	guest_address	where ports lead to, when not to the first address of the DHCP server
#	nic		the network device, when not virtio's ("e1000"): of PCI
#	net_options	appended to the network device ("mq=on")
#	no_debug_exit	without isa-debug-exit
#	reboots		a reset does not end QEMU
#	typed		so many characters are typed at once, and the next when these have been echoed: a machine whose input is
#			recorded (rr=record) loses what its serial port has no room for
#	extra		a list of more words for QEMU
#	before_network	the same, before the network device
#	script		a list: a program that starts QEMU with words of its own, and its arguments; only QMP is added
sub start ($class, %options) {
	my $self = bless {
		machine => 'q35', memory => '128M', cpus => 1, accel => 'tcg', boot => 'pvh', append => '',
		image   => default_image(), serial => 1, network => 'user', net_options => '', user_options => '',
		guest_address => '', extra => [],
		console => '', before_network => [], %options,
	}, $class;
	make_path('build/test');
	$self->{log_path} = "build/test/$self->{name}.log";
	$self->{qmp_path} = scratch() . "/$self->{name}.qmp";
	unlink $self->{qmp_path};
	# Streams to and from the console are pipes, the log is ours: nothing that the guest says is lost.
	pipe my $guest_input, $self->{input}   or die "pipe: $!";
	pipe $self->{output}, my $guest_output or die "pipe: $!";
	# Where this program is kept from reading for a while, the port is not stuck: the guest does not wait for it for long.
	fcntl $self->{output}, F_SETPIPE_SZ, 1 << 20;
	open my $errors, '+>', "$self->{log_path}.errors" or die "$self->{log_path}.errors: $!";
	open $self->{log}, '>:raw', $self->{log_path} or die "$self->{log_path}: $!";
	$self->{log}->autoflush;
	$self->{input}->autoflush;
	fcntl $self->{output}, F_SETFL, fcntl($self->{output}, F_GETFL, 0) | O_NONBLOCK;
	$self->{words}      = [ $self->words ];
	$self->{started_at} = time;
	$self->{pid} = start_process($guest_input, $guest_output, $errors, @{ $self->{words} });
	return $self;
}

sub is_microvm ($self) { return $self->{machine} =~ /^microvm/ }

# QEMU's command line.
sub words ($self) {
	return (@{ $self->{script} }, '-qmp', "unix:$self->{qmp_path},server=on,wait=off", @{ $self->{extra} }) if $self->{script};
	my @words = ($ENV{QEMU} || 'qemu-system-x86_64', '-machine', $self->{machine}, '-accel', $self->{accel});
	push @words, '-cpu', $self->{cpu} if $self->{cpu};
	push @words, '-m', $self->{memory}, '-smp', $self->{cpus};
	push @words, '-nodefaults', '-no-user-config', '-display', 'none', '-name', $self->{name};
	push @words, '-no-reboot' unless $self->{reboots};
	push @words, '-qmp', "unix:$self->{qmp_path},server=on,wait=off";
	push @words, '-serial', 'stdio' if $self->{serial};
	push @words, '-device', 'isa-debug-exit,iobase=0xf4,iosize=4' unless $self->{no_debug_exit};
	push @words, '-bios', $self->{bios} if $self->{bios};
	push @words, '-bios', '/usr/share/ovmf/OVMF.fd' if $self->{ovmf};
	# OVMF tries the network for minutes before a disk.
	my @no_pxe = !$self->{ovmf} ? () : $self->{ovmf} eq 'pxe' ? (6) : $self->{ovmf} eq 'pxe6' ? (4) : (4, 6);
	push @words, map { ('-fw_cfg', "name=opt/org.tianocore/IPv${_}PXESupport,string=no") } @no_pxe;
	if ($self->{boot} eq 'network') {
		# Nothing is handed over.
	} elsif ($self->{boot} eq 'disk') {
		push @words, '-drive', "if=none,id=disk,format=raw,readonly=on,file=$self->{disk}",
		  '-device', 'virtio-blk-pci,drive=disk';
	} else {
		push @words, '-kernel', $self->{kernel} // "$self->{image}.$loaded_by{$self->{boot}}";
		push @words, '-append', $self->{append} if length $self->{append};
	}
	return @words, @{ $self->{before_network} }, $self->network_words, @{ $self->{extra} };
}

sub network_words ($self) {
	my $network = $self->{network};
	return () if $network eq 'none';
	return @$network if ref $network;
	# Port 0: the host chooses a free one, which cannot be taken meanwhile.
	my $backend = join ',', "user,id=net0$self->{user_options}",
	  map { "hostfwd=$_->[0]:127.0.0.1:0-$self->{guest_address}:$_->[1]" } @forwarded;
	$backend = 'hubport,hubid=0,id=net0' if $network eq 'dead';
	my $options = "netdev=net0,mac=$MAC" . ($self->{net_options} ? ",$self->{net_options}" : '');
	return ('-netdev', $backend, '-device', "$self->{nic},$options,romfile=") if $self->{nic};
	return ('-netdev', $backend, $self->device_words('virtio-net', $options, 'romfile='));
}

# A virtio device for the machine's bus: PCI, or MMIO (version 2) on microvm without PCI.
sub device_words ($self, $device, $options, $pci_options = undef) {
	return ('-global', 'virtio-mmio.force-legacy=false', '-device', "$device-device,$options")
	  if $self->is_microvm && $self->{machine} !~ /pcie=on/;
	return ('-device', join ',', grep { defined } "$device-pci", $options, $pci_options);
}

# Takes in what the console has said, all or $times reads of it. False at the end of the stream.
sub pump ($self, $times = -1) {
	while ($times--) {
		my $count = sysread $self->{output}, my $text, 65536;
		return $!{EAGAIN} || $!{EINTR} ? 1 : 0 if !defined $count;
		return 0 if !$count;
		print { $self->{log} } $text;
		$self->{console} .= $text;
		# Terminals' sequences (a line drawn anew) are no text.
		$self->{console} =~ s{[\r\x08\x07]|\e\[[0-9;=?]*[A-Za-z]}{}g;
	}
	return 1;
}

# Waits until it says more, and takes it in at once, not after some milliseconds. False when nothing comes for so long, or nothing more will.
sub wait_output ($self, $seconds) {
	vec(my $wanted = '', fileno $self->{output}, 1) = 1;
	return select($wanted, undef, undef, $seconds) > 0 && $self->pump;
}

# The end of what it said, for messages.
sub last_words ($self) {
	$self->pump;
	my @lines  = split /\n/, $self->{console};
	my $errors = read_file("$self->{log_path}.errors") // '';
	splice @lines, 0, @lines - 15 if @lines > 15;
	return join '', "the console's last lines ($self->{log_path}):\n", map({ "  $_\n" } @lines),
	  $errors =~ /\S/ ? ("QEMU said:\n", $errors =~ s/^/  /gmr) : ();
}

sub fail ($self, $message) { die "$self->{name}: $message; " . $self->last_words }

# Has it ended? Then its wait status is in {status}.
sub ended ($self) {
	return 1 if defined $self->{status};
	my $status = Ringside::Host::process_ended($self->{pid}) // return 0;
	$self->{status} = $status;
	$self->pump;
	return 1;
}

sub status_text ($self) {
	my $signal = $self->{status} & 127;
	return $signal ? "signal $signal" : 'status ' . ($self->{status} >> 8);
}

# Waits until $pattern stands in what the console said from $from on; returns the groups (or 1).
sub wait_for ($self, $pattern, %options) {
	my $from    = $options{from}    // 0;
	my $seconds = $options{seconds} // 20;
	my $what    = $options{what}    // "$pattern";
	my @groups;
	my $found = until_true($seconds, sub {
		my $ended = $self->ended;
		$self->pump;
		return 1 if @groups = substr($self->{console}, $from) =~ $pattern;
		$self->fail('ended with ' . $self->status_text . " before $what") if $ended;
		return 0;
	});
	$self->fail("no $what in $seconds s") unless $found;
	return wantarray ? @groups : $groups[0];
}

# Waits for the line that says that services can be reached. Sets {address} and {ready_ms}.
sub wait_ready ($self, %options) {
	@$self{qw(address ready_ms)} =
	  $self->wait_for(qr/ringside: ready (\S+) in (\d+\.\d) ms\n/, what => 'line "ready"', %options);
	$self->{ready_after} = time - $self->{started_at};
	return $self->{address};
}

sub wait_prompt ($self, %options) { return scalar $self->wait_for($PROMPT, what => 'prompt', %options) }

sub type ($self, $text) {
	my $length = $self->{typed} // length $text;
	for (my $at = 0; $at < length $text; $at += $length) {
		my $piece = substr $text, $at, $length;
		my $from  = length $self->{console};
		print { $self->{input} } $piece or $self->fail("nothing can be typed: $!");
		until_true(2, sub { $self->pump; length $self->{console} >= $from + length $piece }) if $self->{typed};
	}
	return;
}

# Runs a line in the shell; returns what it printed. What the log says meanwhile makes the shell draw its line
# anew, so the command begins where the prompt and the whole line stand together.
sub command ($self, $line, %options) {
	$self->wait_prompt unless $self->{console} =~ $PROMPT;
	my $from = rindex $self->{console}, 'ringside> ';
	$self->type("$line\r");
	return scalar $self->wait_for(qr{^ringside> \Q$line\E\n((?:.*\n)*?)ringside> }m, from => $from,
		what => "prompt after \"$line\"", %options);
}

# Types a line that ends the machine.
sub command_last ($self, $line) {
	$self->wait_prompt unless $self->{console} =~ $PROMPT;
	return $self->type("$line\r");
}

# QEMU's exit status; dies when it does not end, or ends by a signal.
sub wait_exit ($self, $seconds = 20) {
	until_true($seconds, sub { $self->pump; $self->ended }) or $self->fail("still runs after $seconds s");
	$self->fail('QEMU died of ' . $self->status_text) if $self->{status} & 127;
	return $self->{status} >> 8;
}

sub poweroff ($self) {
	$self->command_last('poweroff');
	return $self->wait_exit;
}

sub qmp ($self) { return $self->{qmp} //= Ringside::QMP->new($self->{qmp_path}) }

# The port on 127.0.0.1 that leads to a port of the guest.
sub port ($self, $protocol, $guest_port) {
	$self->{ports} //= { map { /^\s*(TCP|UDP)\[HOST_FORWARD\]\s+\d+\s+\S+\s+(\d+)\s+\S+\s+(\d+)/ ? (lc "$1 $3" => $2) : () }
		  split /\n/, $self->qmp->human('info usernet') };
	return $self->{ports}{"$protocol $guest_port"} // $self->fail("no port leads to $protocol $guest_port");
}

# All that it said; lines of the log with a warning or an error in them.
sub console  ($self) { $self->pump; return $self->{console} }
sub warnings ($self) { return grep { /\b(?:warning|error): / } split /\n/, $self->console }

sub stop ($self) {
	Ringside::Host::kill_process($self->{pid});
	$self->pump;
	return;
}

sub DESTROY ($self) {
	local ($@, $?, $!);
	Ringside::Host::kill_process($self->{pid}) if $self->{pid};
	unlink $self->{qmp_path} if $self->{qmp_path};
	unlink "$self->{log_path}.errors" if $self->{log_path} && -z "$self->{log_path}.errors";
	return;
}

1;
