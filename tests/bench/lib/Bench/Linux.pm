# SPDX-License-Identifier: BSD-2-Clause
package Bench::Linux;

# The Linux guest: Debian's kernel, an initramfs of busybox, the modules that the machine needs, and our program with the
# same services as Ringside (tests/bench/programs/guest.c). Built from Debian's packages, which are fetched and not installed.

use v5.36;
use parent 'Bench::Guest';
use File::Find qw(find);
use Ringside::Debian qw(debian_file cpio);
use Ringside::Host   qw(scratch read_file write_file);

# The kernel for clouds starts sooner, but has no drivers of emulated devices.
my %packages = (whole => 'linux-image-amd64', cloud => 'linux-image-cloud-amd64');

my $init = <<'END';
#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc none /proc
$b mount -t sysfs none /sys
$b mount -t devtmpfs none /dev
for module in $($b cat /modules/order); do $b insmod /modules/$module.ko; done
$b ifconfig lo 127.0.0.1
test -n "$bench_address" && $b ifconfig eth0 $bench_address netmask 255.255.255.0 up
for queue in /sys/block/*/queue/scheduler; do test -f $queue && echo none >$queue; done
exec /bin/guest
END

# Why there cannot be one, or undef.
sub missing ($class = undef) {
	for my $package (values %packages) {
		my ($kernel, $why) = debian_file($package, 'boot/vmlinuz-*');
		return "no Linux: $why" unless $kernel;
	}
	my ($busybox, $why) = debian_file('busybox-static', 'bin/busybox');
	return $busybox ? undef : "no Linux: $why";
}

my %module_paths;

# The path of each module of a kernel, by its name.
sub modules_of ($flavour) {
	return $module_paths{$flavour} //= do {
		my %paths;
		my ($folder) = debian_file($packages{$flavour}, 'lib/modules/*/kernel');
		find(sub { $paths{ $1 =~ tr/-/_/r } = $File::Find::name if /^(.*)\.ko$/ }, $folder);
		\%paths;
	};
}

# Modules and those they need, in an order in which they can be loaded.
sub in_order ($flavour, @names) {
	my (@order, %seen);
	my $visit = sub ($visit, $name) {
		return if $seen{$name}++;
		my $path = modules_of($flavour)->{$name} or return;    # built in
		my ($needs) = read_file($path) =~ /\0depends=([^\0]*)\0/;
		$visit->($visit, $_ =~ tr/-/_/r) for split /,/, $needs // '';
		push @order, $name;
	};
	$visit->($visit, $_) for @names;
	return @order;
}

sub initramfs ($flavour, @modules) {
	my @order = in_order($flavour, @modules);
	my ($busybox) = debian_file('busybox-static', 'bin/busybox');
	my %files = (map({ $_ => [ 0755, undef ] } qw(bin dev proc sys modules)),
		init          => [ 0755, $init ],
		'bin/busybox' => [ 0755, read_file($busybox) ],
		'bin/guest'   => [ 0755, read_file('build/bench/programs/guest') // die "build/bench/programs/guest is not built\n" ],
		'modules/order' => [ 0644, join "\n", @order, '' ],
		map { ("modules/$_.ko" => [ 0644, read_file(modules_of($flavour)->{$_}) ]) } @order);
	return write_file(scratch() . "/initramfs-$flavour-" . join('-', @modules), cpio(%files));
}

# What a host's TSC counts in a millisecond, nearly: Linux cannot find that out on a microvm under TCG.
sub tsc_khz () {
	my ($mhz) = (read_file('/proc/cpuinfo') // '') =~ /^cpu MHz\s*: ([\d.]+)/m;
	return int(1000 * ($mhz // 2000));
}

# modules, and kernel => 'whole' or 'cloud', beside the options that all guests have.
sub options ($class, %options) {
	my $flavour = $options{kernel} // 'whole';
	my ($kernel) = debian_file($packages{$flavour}, 'boot/vmlinuz-*');
	my $archive = initramfs($flavour, @{ $options{modules} });
	my $line    = 'console=ttyS0 quiet loglevel=1 panic=-1 mitigations=off tsc=reliable no_timer_check random.trust_cpu=on';
	$line .= ' tsc_early_khz=' . tsc_khz() if $options{machine} =~ /^microvm/;
	$line .= " bench_address=$options{address}" if $options{address};
	return (kernel => $kernel, append => $line, extra => [ @{ $options{extra} // [] }, '-initrd', $archive ]);
}

# Bytes of kernel and initramfs.
sub image_size ($class, @modules) {
	my ($kernel) = debian_file($packages{cloud}, 'boot/vmlinuz-*');
	return (-s $kernel) + -s initramfs('cloud', @modules);
}

sub wait_ready ($self) { return $self->{vm}->wait_for(qr/^guest: ready\r?$/m, seconds => 90, what => 'line "guest: ready"') }

sub command ($self, $line) {
	my $vm = $self->{vm};
	$vm->pump;
	my $from = length $vm->{console};
	$vm->type("$line\n");
	my ($text, $result) = $vm->wait_for(qr/^(.*?)guest: (done|failed: [^\n]*)\n/ms, from => $from, seconds => 120, what => "answer to $line");
	die "$vm->{name}: $line: $result\n" if $result ne 'done';
	return $text;
}

sub read ($self, %load) {
	my $length = ($load{kib} // 4) << 10;
	my $threads = $load{threads} // 1;
	my ($count, $microseconds) = $self->command("read /dev/$load{disk} $load{count} $load{depth} $length $threads") =~ /^guest: read (\d+) in (\d+) us/m
	  or die "$self->{vm}{name}: no figures of a read\n";
	return { operations => $count, seconds => $microseconds / 1e6 };
}

# Interrupts so far of virtio devices, on all CPUs; kicks are counted nowhere.
sub counters ($self) {
	my $sum = 0;
	for ($self->command('interrupts') =~ /^\s*\d+:(.*virtio.*)$/mg) {
		my ($counts) = /^((?:\s+\d+)+)\s/ or next;
		$sum += $_ for split ' ', $counts;
	}
	return { interrupts => $sum };
}

1;
