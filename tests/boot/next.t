#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The way out: our image starts itself, by both protocols, and kernels that others made; from each machine and firmware, with
# one CPU and more. What cannot be started is refused in one line, and the machine goes on.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 qw(md5_hex);
use IO::Socket::INET;
use Ringside::Checks;
use Ringside::Debian qw(debian_file cpio);
use Ringside::Disk qw(efi_disk disk_missing);
use Ringside::Host qw(read_file scratch write_file);
use Ringside::Kvm  qw(kvm_options kvm_missing);
use Ringside::VM;
use Test::More;
use Time::HiRes qw(time);

my $image = Ringside::VM::default_image();

# Starts what the line says. Returns where the console stood.
sub kexec ($vm, $line) {
	$vm->wait_prompt;
	my $from = length $vm->console;
	$vm->command_last("kexec $line");
	$vm->wait_for(qr/^ringside: kexec: /m, from => $from);
	return $from;
}

# Our own image comes up a second time: its first line, its CPUs, its lease, a clean exit.
sub comes_up_again ($vm, $from, $method) {
	my $label = $vm->{label};
	$vm->wait_for(qr/^ringside \S+ \S+, booted by \Q$method\E\n/m, from => $from);
	pass("$label: is entered by $method");
	$vm->wait_for(qr/smp: $vm->{cpus} CPUs/, from => $from) if $vm->{cpus} > 1;
	$vm->wait_for(qr/ringside: ready 10\.0\.2\.15/, from => $from);
	pass("$label: finds $vm->{cpus} CPUs and gets its address again");
	$vm->wait_for(qr/$Ringside::VM::PROMPT/, from => $from);
	is(join("\n", grep { /warning|error/ } split /\n/, substr $vm->console, $from), '', "$label: no warning");
	return;
}

# -- Our own image: the ELF lies at the same address as we do, and waits; the bzImage is put elsewhere.
for my $machine (qw(pc q35 microvm)) {
	for my $cpus (1, 4) {
		my @options = (machine => $machine, cpus => $cpus, memory => '64M');
		scenario("$machine, $cpus CPUs, ELF", { @options, extra => [ '-initrd', "$image.elf" ] }, sub ($vm) {
			comes_up_again($vm, kexec($vm, '0 log=info'), 'pvh');
			leaves_with($vm, 0);
		});
		scenario("$machine, $cpus CPUs, bzImage", { @options, extra => [ '-initrd', "$image.bzImage" ] }, sub ($vm) {
			comes_up_again($vm, kexec($vm, '0 log=info'), 'linux64');
			leaves_with($vm, 0);
		});
	}
}

# From the other protocol, behind bridges, with every kind of device in use; and a module for the next one, which starts itself
# again out of that.
my $elf_size = -s "$image.elf";
my @devices  = (
	'-device', 'pcie-root-port,id=port0,chassis=1', '-device', 'virtio-rng-pci,bus=port0', '-device', 'virtio-balloon-pci',
	'-device', 'virtio-serial-pci', '-drive', 'if=none,id=disk,format=raw,file.driver=null-co,file.size=64M',
	'-device', 'virtio-blk-pci,drive=disk',
);
scenario('all devices, twice', { machine => 'q35', boot => 'bzimage', memory => '128M', cpus => 2, extra => [ '-initrd', "$image.elf", @devices ] }, sub ($vm) {
	my $from = kexec($vm, "--initrd 0 0\@0+$elf_size log=info");
	comes_up_again($vm, $from, 'pvh');
	$from = kexec($vm, '0 log=info');
	comes_up_again($vm, $from, 'pvh');
	like($vm->command('devices -s'), qr/(?:^virtio\d.* driven, .*\n){5}/m, "$vm->{label}: all devices are driven at the end");
	leaves_with($vm, 0);
});

# Modules have URLs too: no network is needed.
my @local = ('run=netboot netboot.kernel=module:0', 'netboot.args=log=info');
scenario('netboot from a module', { machine => 'q35', memory => '64M', network => 'none', append => "@local", extra => [ '-initrd', "$image.elf" ] }, sub ($vm) {
	$vm->wait_for(qr/booted by pvh\n(?:.*\n)*?ringside \S+ \S+, booted by pvh\n/);
	$vm->wait_prompt;
	like($vm->command('options'), qr/^given: +log=info\s*$/m, "$vm->{label}: the second has the command line");
	leaves_with($vm, 0);
});

# A console that is a virtio device: the last line still comes.
scenario('console hvc0', {
	machine => 'q35', memory => '64M', serial => 0, append => 'console=hvc0',
	extra => [ '-initrd', "$image.elf", '-chardev', 'stdio,id=console', '-device', 'virtio-serial-pci', '-device', 'virtconsole,chardev=console' ],
}, sub ($vm) {
	comes_up_again($vm, kexec($vm, '0 console=hvc0 log=info'), 'pvh');
	leaves_with($vm, 0);
});

SKIP: {
	my $missing = kvm_missing();
	skip $missing, 1 if $missing;
	local $ENV{RINGSIDE_PATIENCE} = 4 * ($ENV{RINGSIDE_PATIENCE} || 1);
	scenario('KVM, 2 CPUs', { machine => 'microvm', cpus => 2, memory => '64M', kvm_options(), extra => [ '-initrd', "$image.elf" ] }, sub ($vm) {
		comes_up_again($vm, kexec($vm, '0 log=info'), 'pvh');
		leaves_with($vm, 0);
	});
}

# -- The machine, looked at from outside while the next kernel does nothing. It is a PVH ELF at 1 MiB, where the state of our page allocator lies.
my $halted = scratch() . '/halted.elf';
my @link   = (qw(-m32 -nostdlib -static -no-pie), '-Wl,-N,-Ttext=0x101000,--section-start=.note.Xen=0x100000,-e,start,--build-id=none,--no-warn-rwx-segments');
my $built  = system 'gcc', @link, '-o', $halted, 'tests/boot/programs/halted.S';
is($built, 0, 'the kernel that halts is built');

sub monitor ($vm, $line) { return $vm->qmp->human($line) =~ s/\r//gr }

# A register of a PCI function, from memory (q35 has its configuration space there, as SeaBIOS puts it).
sub configuration ($vm, $device, $offset) {
	my $address = 0xb0000000 + ($device->{bus} << 20) + ($device->{slot} << 15) + ($device->{function} << 12) + $offset;
	my ($value) = monitor($vm, sprintf 'xp /1hx 0x%x', $address) =~ /: 0x([0-9a-f]+)/ or die "no register at $offset";
	return hex $value;
}

# Each function, those behind bridges too.
sub functions ($vm) {
	my @found;
	my @left = map { @{ $_->{devices} } } @{ $vm->qmp->execute('query-pci') };
	while (my $device = shift @left) {
		push @found, $device;
		push @left, @{ $device->{pci_bridge}{devices} // [] } if $device->{pci_bridge};
	}
	return @found;
}

# What is left on in a function: bus mastering, MSI, MSI-X.
sub left_on ($vm, $device) {
	my @on;
	push @on, 'bus mastering' if configuration($vm, $device, 4) & 4 && !$device->{pci_bridge};
	my $at = configuration($vm, $device, 6) & 0x10 ? configuration($vm, $device, 0x34) & 0xfc : 0;
	for (my $i = 0; $at && $i < 48; $i++) {
		my $word = configuration($vm, $device, $at);
		my ($id, $next) = ($word & 0xff, $word >> 8);
		push @on, 'MSI'   if $id == 5  && configuration($vm, $device, $at + 2) & 1;
		push @on, 'MSI-X' if $id == 17 && configuration($vm, $device, $at + 2) & 0x8000;
		$at = $next & 0xfc;
	}
	return map { sprintf '%02x:%02x.%x: %s', @$device{qw(bus slot function)}, $_ } @on;
}

my $trace = scratch() . '/apic';
my @looked = ('-initrd', $halted, '-trace', 'apic_mem_writel', '-D', $trace);
scenario('the machine', { machine => 'q35', cpus => 4, memory => '128M', extra => [ @looked, @devices ] }, sub ($vm) {
	$vm->wait_ready;
	my @functions = functions($vm);
	my @before = map { left_on($vm, $_) } @functions;
	cmp_ok(scalar @before, '>=', 9, 'before, devices are on') or diag join "\n", @before;
	my $from = kexec($vm, '0');
	$vm->wait_for(qr/^halted: here$/m, from => $from);
	is(join("\n", map { left_on($vm, $_) } @functions), '', 'no function has bus mastering or messages');
	for my $path (map { $_->{path} } @{ $vm->qmp->execute('x-query-virtio') }) {
		my $status = $vm->qmp->execute('x-query-virtio-status', path => $path)->{status};
		is(scalar @{ $status->{statuses} }, 0, "$path: its status is 0");
	}
	my $pic = monitor($vm, 'info pic');
	is(join("\n", grep { !/masked/ } $pic =~ /^ *pin .*/mg), '', 'all inputs of the I/O APIC are masked');
	cmp_ok(scalar(() = $pic =~ /^ *pin /mg), '>=', 24, 'as many as there are');
	is(scalar(() = $pic =~ /imr=ff/g), 2, 'so are those of the old controllers') or diag $pic;
	my $apic = monitor($vm, 'info lapic');
	like($apic, qr/^LVTT\s.*masked/m, 'the timer of the local APIC is');
	like($apic, qr/^IRR\s+\(none\)/m,  'no interrupt waits');
	my @cpus = split /^CPU#\d+\n/m, monitor($vm, 'info registers -a');
	shift @cpus;
	# QEMU keeps the INIT of a CPU that halts until STARTUP comes: it is seen only on its way.
	is(scalar(grep { /HLT=1/ && /[RE]FL=(\w+)/ && !(hex($1) & 0x200) } @cpus[ 1 .. 3 ]), 3, 'the other CPUs are halted');
	my ($last) = (read_file($trace) // '') =~ /.*0x300 = 0x000c40f2\n(.*)/s;
	is(join(' ', ($last // '') =~ /0x310 = 0x0(\d)000000\n\w+ 0x300 = 0x00004500$/mg), '1 2 3', 'and each got INIT');
	# Xen's docs/misc/pvh.pandoc: 32 bits, flat, paging off, no interrupts.
	like($cpus[0], qr/^CR0=[0-7]\w{6}1 .*CR4=00000000$/m, 'PVH: paging is off') or diag $cpus[0];
	like($cpus[0], qr/^EFER=0000000000000000$/m, 'PVH: so is long mode');
	like($cpus[0], qr/^CS =\w+ 00000000 ffffffff \w+ DPL=0 CS32/m, 'PVH: code is flat');
	like($cpus[0], qr/^TR =\w+ 00000000 00000067/m, 'PVH: the task state is at 0');
	my ($flags) = $cpus[0] =~ /EFL=(\w+)/;
	is(hex($flags) & 0x200, 0, 'PVH: interrupts are off');
});

# -- Linux, with two initrds, of which the first has what would show that memory was written to.
my ($linux, $no_linux)     = debian_file('linux-image-cloud-amd64', 'boot/vmlinuz-*');
my ($busybox, $no_busybox) = debian_file('busybox-static', 'bin/busybox');

my $noise = join '', map { pack 'N4', map { int rand 2**32 } 1 .. 4 } 1 .. 200_000;
my $init  = <<'END';
#!/bin/busybox sh
b=/bin/busybox
$b mkdir /proc /sys
$b mount -t proc none /proc
$b mount -t sysfs none /sys
echo "next: $($b grep -c ^processor /proc/cpuinfo) CPUs, $($b md5sum </noise), $($b cat /hello)"
echo "next: command line: $($b cat /proc/cmdline)"
echo "next: EFI: $($b ls /sys/firmware/efi/systab) runtime: $($b ls -d /sys/firmware/efi/efivars)"
$b poweroff -f
END

# The kernel and both archives in one module; returns its path and the line that starts it.
sub linux_module () {
	my $kernel = read_file($linux);
	my @initrds = (
		cpio(bin => [ 0755, undef ], 'bin/busybox' => [ 0755, read_file($busybox) ], init => [ 0755, $init ], noise => [ 0644, $noise ]),
		cpio(hello => [ 0644, 'hello from the second' ]),
	);
	my $at   = length $kernel;
	my $line = '';
	for (@initrds) { $line .= "--initrd 0\@$at+" . length . ' '; $at += length }
	return (write_file(scratch() . '/linux', join '', $kernel, @initrds), $line . "0\@0+" . length($kernel) . ' console=ttyS0 panic=-1');
}

# From the line that we say last to the first that is not ours, milliseconds.
my @took;

sub linux_runs ($vm, $line, %options) {
	my $label = $vm->{label};
	# Linux measures the time stamp counter of a microvm by the PIT alone, which fails on a busy host; without it, it hangs there
	# (QEMU's -kernel shows the same).
	my $more = $vm->is_microvm ? ' tsc_early_khz=2600000' : '';
	my $from = kexec($vm, $line . $more);
	my $began = time;
	$vm->wait_for(qr/^\[ +0\.000000\] Linux version/m, from => $from, seconds => 40);
	push @took, 1000 * (time - $began);
	$vm->wait_for(qr/reboot: Power down/, from => $from, seconds => 60);
	my ($cpus, $sum, $hello) = $vm->console =~ /^next: (\d+) CPUs, (\w+) +-, (.*)$/m;
	is($cpus,  $vm->{cpus},             "$label: Linux has all CPUs");
	is($sum,   md5_hex($noise),         "$label: what stood in the first initrd is whole");
	is($hello, 'hello from the second', "$label: the second initrd was joined to it");
	like($vm->console, qr/^next: command line: console=ttyS0 panic=-1$more\r?$/m, "$label: the command line");
	my $efi = quotemeta($options{efi} ? '/sys/firmware/efi/systab runtime: /sys/firmware/efi/efivars' : ' runtime: ');
	like($vm->console, qr/^next: EFI: $efi\r?$/m, "$label: " . ($options{efi} ? 'it knows its UEFI firmware' : 'there is no UEFI'));
	is($vm->wait_exit, 0, "$label: it powers off");
	return;
}

SKIP: {
	skip $no_linux   // $no_busybox, 1 if $no_linux || $no_busybox;
	my ($module, $line) = linux_module();
	for my $machine (qw(pc q35 microvm)) {
		for my $cpus (1, 4) {
			my %options = (machine => $machine, cpus => $cpus, memory => '256M', extra => [ '-initrd', $module ]);
			scenario("Linux, $machine, $cpus CPUs", \%options, sub ($vm) { linux_runs($vm, $line) });
		}
	}

	# Frames go on coming while the machine is handed over: none may end up in the next kernel's memory.
	scenario('Linux, under traffic', { machine => 'q35', cpus => 2, memory => '256M', append => 'services=echo', extra => [ '-initrd', $module ] }, sub ($vm) {
		$vm->wait_ready;
		my $port = $vm->port(udp => 7);
		my $pid  = fork // die "fork: $!";
		if (!$pid) {
			my $socket = IO::Socket::INET->new(Proto => 'udp', PeerAddr => '127.0.0.1', PeerPort => $port);
			my $end    = time + 20;
			while (time < $end) { $socket->send('x' x 1400); select undef, undef, undef, 0.0002 }
			require POSIX;
			POSIX::_exit(0);
		}
		eval { linux_runs($vm, $line); 1 } or fail("$vm->{label}: $@");
		kill 'KILL', $pid;
		waitpid $pid, 0;
	});

	SKIP: {
		skip disk_missing(), 1 if disk_missing();
		skip 'no /usr/share/ovmf/OVMF.fd (package ovmf)', 1 unless -e '/usr/share/ovmf/OVMF.fd';
		for my $cpus (1, 4) {
			my %options = (
				machine => 'q35', ovmf => 1, memory => '512M', cpus => $cpus, boot => 'disk', network => 'none',
				disk    => efi_disk("linux-$cpus", "$image.efi", 'log=info', $module),
			);
			scenario("Linux, from UEFI, $cpus CPUs", \%options, sub ($vm) {
				$vm->wait_prompt(seconds => 60);
				linux_runs($vm, $line, efi => 1);
			});
		}
	}
	@took = sort { $a <=> $b } @took;
	diag sprintf 'from our last line to Linux\'s first, of %d: median %.0f ms, longest %.0f ms', scalar @took, $took[ @took / 2 ], $took[-1] if @took;
}

# -- Memtest86+ lies at 1 MiB, nowhere else, and has its screen on the serial port too.
my ($memtest, $no_memtest) = debian_file('memtest86+', 'boot/memtest86+x64.bin');
SKIP: {
	skip $no_memtest, 1 if $no_memtest;
	for my $case ([ pc => 1 ], [ q35 => 1 ], [ q35 => 4 ]) {
		my ($machine, $cpus) = @$case;
		my %options = (machine => $machine, cpus => $cpus, memory => '64M', extra => [ '-initrd', $memtest ]);
		scenario("Memtest86+, $machine, $cpus CPUs", \%options, sub ($vm) {
			my $from = kexec($vm, '0 console=ttyS0,115200');
			like(substr($vm->console, $from), qr/^ringside: kexec: Memtest86\+ v\d/m, "$vm->{label}: it is known by its name");
			ok($vm->wait_for(qr/Memtest86\+ v[\d.]+ +\|.*CLK/, from => $from), "$vm->{label}: its screen comes");
			ok($vm->wait_for(qr/Test.*\#\d/s, from => $from), "$vm->{label}: it tests");
		});
	}
}

# -- Refusals: one line each, and then everything still works.
my $bzimage = read_file("$image.bzImage");
my $elf     = read_file("$image.elf");
my @cases;
my $module_bytes = '';
my $bad = sub ($name, $bytes, $expected) {
	push @cases, [ $name, '0@' . length($module_bytes) . '+' . length($bytes), $expected ];
	$module_bytes .= $bytes;
};
my $changed = sub ($bytes, $offset, $new) { substr($bytes, $offset, length $new) = $new; return $bytes };
$bad->('a web page', '<html>' . 'not found ' x 200, 'neither a bzImage nor an ELF file');
$bad->('a bzImage that is cut short', substr($bzimage, 0, 300_000), qr/cut short: it has 300000 bytes, its header speaks of \d+/);
$bad->('half a header', substr($bzimage, 0, 700), qr/cut short, or no kernel: it has 700 bytes, its header alone would have \d+/);
$bad->('a bzImage that is larger than memory', $changed->($bzimage, 0x260, pack 'V', 0x7fffffff), qr/it needs \d+ KiB in one piece/);
$bad->('a bzImage of protocol 2.08', $changed->($bzimage, 0x206, pack 'v', 0x208), 'its boot protocol is 2.08; 2.12 or later is needed');
$bad->('an ELF file without note', $changed->($elf, unpack('Q<', substr $elf, 64 + 3 * 56 + 8, 8) + 8, pack 'V', 17), 'an ELF file without a PVH note (Xen, type 18)');
$bad->('an ELF file at the BIOS', $changed->($elf, 64 + 24, pack 'Q<', 0xe0000), qr/it must lie at 0xe0000 to 0x[0-9a-f]+, which is not all usable memory/);
push @cases, [ 'no such module', '1', qr/the VMM has loaded 1 modules beside us, counted from 0/ ], [ 'no such part', '0@5+' . 2**40, qr/want N\@OFFSET\+LENGTH in it/ ];
my ($ia32, $no_ia32) = debian_file('memtest86+', 'boot/memtest86+ia32.bin');
$bad->('a 32-bit kernel', read_file($ia32), qr/a bzImage without a 64-bit entry/) if $ia32;

my $bad_module = write_file(scratch() . '/bad', $module_bytes);
scenario('refusals', { machine => 'q35', memory => '64M', extra => [ '-initrd', $bad_module ] }, sub ($vm) {
	$vm->wait_ready;
	my ($free) = $vm->command('free -b') =~ /^Mem: +\d+ +\d+ +(\d+)/m;
	for (@cases) {
		my ($name, $piece, $expected) = @$_;
		$expected = qr/\Q$expected\E/ unless ref $expected;
		like($vm->command("kexec $piece"), qr/\Akexec: (?:.*: )?$expected.*\n\z/, "$name is refused in one line");
	}
	like($vm->command('kexec'), qr/^usage: kexec /, 'bad usage');
	my ($after) = $vm->command('free -b') =~ /^Mem: +\d+ +\d+ +(\d+)/m;
	cmp_ok($after, '>', $free - 300_000, 'memory came back');
	ping_answers($vm, '10.0.2.2');
	leaves_with($vm, 0);
});

done_testing;
