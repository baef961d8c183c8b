#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# virtio-console: the shell on hvc0 alone and beside the serial port, named ports that carry bytes, ports that
# come and go, a reader that stalls, a serial port that is read slowly, a panic's report without a serial port.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use Fcntl qw(O_RDWR O_NONBLOCK);
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX ();
use Ringside::Checks;
use Ringside::Client qw(http_get);
use Ringside::Host qw(read_file scratch until_true within write_file);
use Test::More;
use Time::HiRes qw(sleep time);

my $MIB = 1 << 20;

sub is_mmio ($machine) { return $machine =~ /^microvm/ }

# A console device with the bus "vs.0", and its ports.
sub serial_device ($machine, @ports) {
	my @global = is_mmio($machine) ? ('-global', 'virtio-mmio.force-legacy=false') : ();
	my $device = is_mmio($machine) ? 'virtio-serial-device,id=vs' : 'virtio-serial-pci,id=vs';
	return (@global, '-device', $device, map { ('-device', $_) } @ports);
}

# Standard input and output are the virtio console's, and there is no serial port.
sub hvc_only ($machine, @ports) {
	return (machine => $machine, serial => 0, extra => [ '-chardev', 'stdio,id=console',
		serial_device($machine, 'virtconsole,chardev=console', @ports) ]);
}

sub socket_path ($name) { return scratch() . "/$name.socket" }
sub socket_words ($id, $path) { return ('-chardev', "socket,id=$id,path=$path,server=on,wait=off") }

sub connect_socket ($path) {
	return until_true(5, sub { IO::Socket::UNIX->new(Peer => $path) }) // die "$path: $!\n";
}

# Reads from the socket until $pattern is in it.
sub socket_says ($socket, $text, $pattern, $seconds = 10) {
	$socket->blocking(0);
	return until_true($seconds, sub {
		while (sysread $socket, my $part, 65536) { $$text .= $part =~ s/[\r\x08\x07]|\e\[[0-9;=?]*[A-Za-z]//gr }
		return $$text =~ $pattern;
	});
}

# Sends $total random bytes and takes what comes back. Hashes of both.
sub echo_hashes ($socket, $total) {
	open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!";
	read($random, my $out, $total) == $total or die "/dev/urandom: $!";
	my ($in, $sent, $deadline) = ('', 0, time + within(60));
	$socket->blocking(0);
	while (length $in < $total) {
		my ($read, $write) = ('', '');
		vec($read,  fileno $socket, 1) = 1;
		vec($write, fileno $socket, 1) = 1 if $sent < $total;
		select $read, $write, undef, 1;
		die "only " . length($in) . " of $total bytes came back\n" if time > $deadline;
		$sent += syswrite($socket, $out, 65536, $sent) // 0 if $sent < $total;
		sysread $socket, $in, 65536, length $in;
	}
	return (sha256_hex($out), sha256_hex($in));
}

sub console_facts ($vm) {
	return JSON::PP::decode_json(http_get('127.0.0.1', $vm->port(tcp => 80), '/status.json')->{body})->{console};
}

for my $machine (qw(q35 microvm)) {
	scenario("$machine, hvc0 only", { hvc_only($machine), cpus => 2 }, sub ($vm) {
		my $label = $vm->{label};
		lease_is($vm, '10.0.2.15');
		like($vm->console, qr/\Aringside \S+ \S+, booted by pvh\n/, "$label: what was said before the port was there is shown, from the first line on");
		like($vm->command('devices'), qr/^virtio\d+: console, .* driver virtio_console, driven/m, "$label: devices");
		like($vm->command('port'), qr/^vport0p0 +virtio\d+ +hvc0 +console +open /m, "$label: port");
		my $from = length $vm->console;
		$vm->type("upti\t\r");
		ok($vm->wait_for(qr/^uptime ?\nup 0:00:\d\d/, from => $from), "$label: a command's name is completed");
		my $help = $vm->command('help');
		like($help, qr/^  uptime .*\n(?:.*\n)*jobs /m, "$label: long output arrives whole");
		ping_answers($vm, '10.0.2.2');
		my $facts = console_facts($vm);
		is(join(' ', map { "$_->{name}:$_->{use}:$_->{lost}" } @{ $facts->{consoles} }), 'hvc0:all:0', "$label: /status.json names it");
		is($facts->{ports}[0]{host_open}, JSON::PP::true, "$label: and its port");
		no_warnings($vm);
		leaves_with($vm, 0);
		like($vm->console, qr/^ringside: exit 0: success\n\z/m, "$label: the last line is there");
	});

	scenario("$machine, job's status over hvc0", { hvc_only($machine), append => 'run=circles' }, sub ($vm) {
		is($vm->wait_exit, 7, "$vm->{label}: run= of what is no job ends QEMU with 7");
		like($vm->console, qr/run=circles.*\nringside: exit 3: /, "$vm->{label}: and says why");
	});

	for my $kind (qw(null panic)) {
		scenario("$machine, crash $kind on hvc0", { hvc_only($machine), cpus => 2 }, sub ($vm) {
			leaves_with($vm, 5, "crash $kind");
			my $console = $vm->console;
			like($console, qr/^ringside: panic: /m, "$vm->{label}: says what");
			like($console, qr/^stack trace:\n(?:  [0-9a-f]{16} \S+\n)+/m, "$vm->{label}: shows the stack");
			like($console, qr/^ringside: exit 2: panic\n\z/m, "$vm->{label}: down to the last line");
		});
	}

	{
		my $path = socket_path("$machine-two");
		scenario("$machine, two consoles", { machine => $machine, append => 'console=ttyS0,hvc0',
			extra => [ socket_words('two', $path), serial_device($machine, 'virtconsole,chardev=two') ] }, sub ($vm) {
			my $label = $vm->{label};
			my ($socket, $text) = (connect_socket($path), '');
			$vm->wait_ready;
			like($vm->command('uptime'), qr/^up /, "$label: one of them has the shell");
			ok(socket_says($socket, \$text, qr/ringside> uptime\nup /), "$label: the other shows the same");
			my $from = length $vm->console;
			$text = '';
			syswrite $socket, "free\r";
			ok(socket_says($socket, \$text, qr/free\n.*total(?:.*\n)+.*ringside> /), "$label: one can type there too");
			ok($vm->wait_for(qr/free\n.*total/, from => $from), "$label: and the first shows that");
			no_warnings($vm);
			leaves_with($vm, 0);
			ok(socket_says($socket, \$text, qr/^ringside: exit 0: success\n/m), "$label: both show the end");
		});
	}

	{
		my $path = socket_path("$machine-port");
		scenario("$machine, named port", { machine => $machine, extra => [ socket_words('data', $path),
			serial_device($machine, 'virtserialport,chardev=data,name=org.ringside.test') ] }, sub ($vm) {
			my $label = $vm->{label};
			$vm->wait_ready;
			like($vm->command('port'), qr/^vport0p\d +virtio\d+ +- +free +closed .* org\.ringside\.test$/m, "$label: listed, nobody there yet");
			like($vm->command('port echo org.ringside.none'), qr/no such port/, "$label: another name is none");
			my $from = length $vm->console;
			$vm->type("port echo org.ringside.test\r");
			$vm->wait_for(qr/: echo, until/, from => $from);
			my $socket = connect_socket($path);
			my ($out, $in) = echo_hashes($socket, 2 * $MIB);
			is($in, $out, "$label: 2 MiB there and back, the same SHA-256");
			close $socket;
			ok($vm->wait_for(qr/^vport0p\d: 2097152 bytes, closed\nringside> /m, from => $from), "$label: ends when the host's end closes");
			my $text = '';
			$socket = connect_socket($path);
			until_true(5, sub { $vm->command('port') =~ /org\.ringside\.test/ && $vm->console =~ / free +open .* org\.ringside\.test$/m });
			$vm->command('port write org.ringside.test some words');
			ok(socket_says($socket, \$text, qr/^some words\n/), "$label: port write");
			$vm->type("port echo org.ringside.test\r\x03");
			$from = length $vm->console;
			ok(until_true(5, sub { $vm->type("\x03"); $vm->console =~ /bytes, interrupted\nringside> /m }), "$label: ^C ends it");
			no_warnings($vm);
			leaves_with($vm, 0);
		});
	}

	{
		my $results = scratch() . "/$machine-results";
		my $log     = scratch() . "/$machine-log";
		scenario("$machine, results and log on named ports", { machine => $machine,
			append => 'run=selftest console=ttyS0,org.ringside.log console.results=org.ringside.results',
			extra => [ '-chardev', "file,id=results,path=$results", '-chardev', "file,id=log,path=$log",
				serial_device($machine, 'virtserialport,chardev=results,name=org.ringside.results',
					'virtserialport,chardev=log,name=org.ringside.log') ] }, sub ($vm) {
			my $label = $vm->{label};
			is($vm->wait_exit, 0, "$label: the job ends well");
			my $text = read_file($results) // '';
			like($text, qr/\ATAP version 13\n1\.\.\d+\nok 1 - .*\n(?:.*\n)*# ringside: selftest: \d+ passed, 0 failed, \d+ skipped\n\z/, "$label: the results, nothing else");
			unlike($text, qr/\r|^ringside:/m, "$label: as they are");
			like($vm->console =~ s/^ringside: .*\n//gmr, qr/\Q$text\E/, "$label: the serial port has them too");
			my $said = read_file($log) // '';
			like($said =~ s/\r//gr, qr/\Aringside \S+ .*booted by(?:.*\n)+TAP version 13\n(?:.*\n)+ringside: exit 0: success\n\z/, "$label: the other port is a console, from the first line to the last");
		});
	}

	{
		# What a port used is free a moment after the port is gone.
		my $plug = sub ($vm, %options) {
			until_true(5, sub { eval { $vm->qmp->execute('device_add', bus => 'vs.0', %options); 1 } }) or die $@;
		};
		my ($console, $data) = (socket_path("$machine-hot-console"), socket_path("$machine-hot-port"));
		scenario("$machine, ports come and go", { machine => $machine, append => 'console=ttyS0,hvc0',
			extra => [ serial_device($machine), socket_words('c', $console), socket_words('d', $data) ] }, sub ($vm) {
			my $label = $vm->{label};
			$vm->wait_ready;
			like($vm->command('port'), qr/^no ports/, "$label: none at first");
			for my $round (1 .. 3) {
				$plug->($vm, driver => 'virtconsole', id => 'hot0', chardev => 'c');
				$plug->($vm, driver => 'virtserialport', id => 'hot1', chardev => 'd', name => 'org.ringside.hot');
				ok(until_true(5, sub { $vm->command('port') =~ /hvc0 +console(?:.*\n)+.* org\.ringside\.hot$/m }), "$label: $round: both are there");
				my ($socket, $text) = (connect_socket($console), '');
				syswrite $socket, "uptime\r";
				ok(socket_says($socket, \$text, qr/up 0:00/), "$label: $round: the console works");
				my $from = length $vm->console;
				$vm->type("port echo org.ringside.hot\r");
				$vm->wait_for(qr/: echo, until/, from => $from);
				my $other = connect_socket($data);
				my ($out, $in) = echo_hashes($other, 100000);
				is($in, $out, "$label: $round: the port works");
				$vm->qmp->execute('device_del', id => 'hot1');
				ok($vm->wait_for(qr/bytes, the port is gone\nringside> /, from => $from), "$label: $round: taken away while it is open");
				$vm->qmp->execute('device_del', id => 'hot0');
				ok(until_true(5, sub { $vm->command('port') =~ /^no ports/ }), "$label: $round: both are gone");
				close $_ for $socket, $other;
			}
			ping_answers($vm, '10.0.2.2');
			no_warnings($vm);
			leaves_with($vm, 0);
		});
	}

	{
		my $pipe = scratch() . "/$machine-stall";
		POSIX::mkfifo("$pipe.$_", 0600) or die "mkfifo: $!" for qw(in out);
		sysopen my $reader, "$pipe.out", O_RDWR | O_NONBLOCK or die "$pipe.out: $!";
		# QEMU throws away what the reader of a virtconsole does not take; for other ports it waits.
		scenario("$machine, a reader that stalls", { machine => $machine, append => 'console=ttyS0,org.ringside.slow',
			extra => [ '-chardev', "pipe,id=stall,path=$pipe",
				serial_device($machine, 'virtserialport,chardev=stall,name=org.ringside.slow') ] }, sub ($vm) {
			my $label = $vm->{label};
			$vm->wait_ready;
			$vm->command('help') for 1 .. 80;
			my $start = time;
			$vm->command('help') for 1 .. 10;
			my $took = time - $start;
			cmp_ok($took, '<', within(2), sprintf "$label: ten long commands take %.2f s with it", $took);
			ping_answers($vm, '10.0.2.2');
			my ($slow) = grep { $_->{name} ne 'ttyS0' } @{ console_facts($vm)->{consoles} };
			cmp_ok($slow->{lost}, '>', 0, "$label: what is lost is counted: $slow->{lost} characters");
			# Once more where QEMU itself was kept waiting before; each time would be dozens.
			ok($slow->{stalls} >= 1 && $slow->{stalls} <= 3, "$label: it was waited for once ($slow->{stalls})");
			my $text = '';
			ok(until_true(10, sub {
				while (sysread $reader, my $part, 65536) { $text .= $part }
				$vm->command('uptime');
				return $text =~ /\[(\d+) characters lost\]/;
			}), "$label: when it reads again it is told");
			no_warnings($vm);
			leaves_with($vm, 0);
		});
	}
}

# A serial port that is never stuck, but read slowly: 4096 characters, as many as the pipe holds, each 50 ms. A command that
# prints more than the watchdog would wait for lets others run between its lines, and ends with ^C.
{
	my $bytes = pack 'C*', map { ($_ * 7 + ($_ >> 8)) & 0xff } 0 .. (1 << 20) - 1;
	my $disk  = write_file(scratch() . '/much', $bytes);
	scenario('q35, a serial port that is read slowly', { append => 'watchdog=2', extra => [
			'-drive', "if=none,id=disk,format=raw,file=$disk", '-device', 'virtio-blk-pci,drive=disk' ] }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_ready;
		$vm->wait_prompt;
		fcntl $vm->{output}, Ringside::VM::F_SETPIPE_SZ, 4096 or die "F_SETPIPE_SZ: $!";
		my ($slowly, $start) = (sub { $vm->pump(1); sleep 0.05 }, time);
		my ($from, $came) = (length $vm->{console}, $start);
		# Where this program itself is kept waiting, the port is stuck for so long, and what is not waited for is counted. The end
		# may be among that: nothing more comes then.
		my $ended = sub ($end) {
			my $length = length $vm->{console};
			$slowly->();
			$came = time if length $vm->{console} > $length;
			return substr($vm->{console}, $from) =~ $end || time - $came > within(3);
		};
		my $lost = qr/\[\d+ characters lost\]/;
		$vm->type("hexdump -n 65536 vda\r");
		until_true(30, sub { $ended->(qr/^00010000\n/m) });
		my $took = $came - $start;
		# A line for itself, whatever the end of the text before is.
		my $prompt = sub { my $at = length $vm->{console}; $vm->type("\r"); return $vm->wait_for(qr/^ringside> \z/m, from => $at) };
		$prompt->();
		like(substr($vm->{console}, $from), qr/^00010000\n|$lost/m, sprintf "$label: 64 KiB are printed in %.1f s", $took);
		ok($took > 2.5 || substr($vm->{console}, $from) =~ $lost, "$label: longer than the watchdog waits for a thread without a pause");
		$from = length $vm->{console};
		$came = time;
		$vm->type("hexdump -n 1048576 vda\r");
		$slowly->() for 1 .. 5;
		$vm->type("\003");
		until_true(30, sub { $ended->(qr/^ringside> $/m) });
		ok($prompt->(), "$label: ^C ends it: the prompt is back");
		my $printed = substr $vm->{console}, $from;
		unlike($printed, qr/^00100000\n/m, "$label: before its end");
		like($printed, qr/^0000[0-9a-f]{4} .*\n/m, "$label: and not before it began");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

# One port alone; packed rings; the ways that interrupts come.
for my $case (
	[ 'q35, max_ports=1', 'virtio-serial-pci,max_ports=1', '' ],
	[ 'q35, without multiport', 'virtio-serial-pci', 'virtio.features=-multiport' ],
	[ 'q35, packed', 'virtio-serial-pci,packed=on', '' ],
	[ 'q35, legacy', 'virtio-serial-pci,disable-modern=on,disable-legacy=off', '' ],
	[ 'q35, intx', 'virtio-serial-pci', 'virtio.interrupts=intx' ],
	[ 'q35, poll', 'virtio-serial-pci', 'virtio.interrupts=poll' ],
	[ 'q35, a vector for each queue', 'virtio-serial-pci,max_ports=2,vectors=8', 'virtio.interrupts=per-queue' ],
	[ 'q35, queues of one', 'virtio-serial-pci', 'virtio.queue_size=1' ],
) {
	my ($name, $device, $append) = @$case;
	scenario($name, { serial => 0, append => $append, extra => [ '-chardev', 'stdio,id=console', '-device', $device,
		'-device', 'virtconsole,chardev=console' ] }, sub ($vm) {
		$vm->wait_ready;
		like($vm->command('help'), qr/^  uptime .*\n(?:.*\n)*jobs /m, "$vm->{label}: the shell works");
		like($vm->command('devices'), qr/driver virtio_console, driven/, "$vm->{label}: the device is driven");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

done_testing;
