#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# libvirt's domains of docs/examples/, started by virsh: what libvirt says of the machine is what the guest sees, slot by
# slot; the balloon and its statistics; several queues. libvirtd runs without systemd, in namespaces of this test's own.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Cwd            ();
use File::Path     qw(make_path);
use Ringside::Host qw(program scratch until_true start_process read_file write_file within);
use Ringside::Client qw(http_get);
use Ringside::Tap  qw(enter_namespace);
use Ringside::VM;
use Test::More;

for my $name (qw(virsh libvirtd)) { plan skip_all => "$name is not installed (.ci/install libvirt)" unless program($name) }
plan skip_all => 'libvirtd wants root, which may put folders of its own in the place of the system\'s' if $>;
my $missing = enter_namespace();
plan skip_all => $missing if $missing;

my $TOP    = Cwd::getcwd();
my $FOLDER = "$TOP/" . scratch() . '/libvirt';
my $IMAGE  = Cwd::abs_path(Ringside::VM::default_image() . '.elf');
my @ENTER;
my @made;    # folders of the host's, to be covered
END { local $?; rmdir for @made }

# The daemon sees folders of ours where the system has its own, and the user that its packages would make.
sub start_libvirtd () {
	my %places = (etc => '/etc/libvirt', lib => '/var/lib/libvirt', run => '/run/libvirt', log => '/var/log/libvirt', cache => '/var/cache/libvirt');
	make_path(map { "$FOLDER/$_" } keys %places);
	write_file("$FOLDER/passwd", read_file('/etc/passwd') . "libvirt-qemu:x:64055:64055::/:/bin/false\n");
	write_file("$FOLDER/group",  read_file('/etc/group') . "libvirt-qemu:x:64055:\nkvm:x:64056:\n");
	write_file("$FOLDER/etc/qemu.conf", <<'END');
user = "root"
group = "root"
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
dynamic_ownership = 0
remember_owner = 0
END
	write_file("$FOLDER/etc/libvirtd.conf", qq(auth_unix_rw = "none"\nauth_unix_ro = "none"\nunix_sock_group = "root"\n));
	for my $place (values %places) { push @made, $place if mkdir $place }
	my @mounts = map { "mount --bind $FOLDER/$_ $places{$_}" } sort keys %places;
	push @mounts, map { "mount --bind $FOLDER/$_ /etc/$_" } qw(passwd group);
	write_file("$FOLDER/start", join "\n", 'set -e', @mounts, 'exec ' . program('libvirtd'), '');
	open my $nothing, '<', '/dev/null'     or die "/dev/null: $!";
	open my $log,     '>', "$FOLDER/libvirtd.log" or die "libvirtd.log: $!";
	my $pid = start_process($nothing, $log, $log, program('unshare'), '--mount', 'sh', "$FOLDER/start");
	@ENTER = (program('nsenter'), '--target', $pid, '--mount', program('virsh'), '--quiet', '--connect', 'qemu:///system');
	return until_true(30, sub { !system("@ENTER version >/dev/null 2>&1") });
}

# What virsh says; its status is in $?.
sub virsh (@words) { return scalar qx(@ENTER @words 2>&1) }

# A domain of docs/examples/ with its placeholders replaced.
sub domain ($name, %replace) {
	my $text = read_file("docs/examples/libvirt-$name.xml");
	$text =~ s/([>'])($_)([<'])/$1$replace{$_}$3/g for keys %replace;
	return write_file("$FOLDER/$name.xml", $text);
}

# The guest's shell, over the domain's serial port.
my ($line, $said);
sub open_console ($name) {
	chomp(my $path = virsh("ttyconsole $name"));
	system("stty -F $path raw -echo") == 0 or die "$path: no console\n";
	open $line, '+<:raw', $path or die "$path: $!";
	$line->autoflush;
	$line->blocking(0);
	$said = '';
	print {$line} "\r";
	return wait_for(qr/ringside> /);
}

sub wait_for ($pattern) {
	return until_true(20, sub { sysread $line, $said, 65536, length $said; $said =~ s/[\r\x08\x07]|\e\[[0-9;=?]*[A-Za-z]//g; $said =~ $pattern });
}

sub command ($words) {
	$said = '';
	print {$line} "$words\r";
	wait_for(qr/\Q$words\E\n(?:.*\n)*ringside> $/) or die "no answer to $words: $said\n";
	return $said =~ s/\A.*?\Q$words\E\n//sr;
}

sub slots_are_the_same ($label, $name) {
	my $xml      = virsh("dumpxml $name");
	my %libvirt  = map { $_ => 1 } map { sprintf '%02x:%02x.%x', map { hex } @$_ } map { /bus='(\w+)' slot='(\w+)' function='(\w+)'/ ? [ $1, $2, $3 ] : () } grep { /type='pci'/ } split /\n/, $xml;
	# Parts of the chip set, of which libvirt does not speak.
	my %guest = map { $_ => 1 } grep { !/^00:(?:00\.0|1f\.[03])$/ } command('lspci') =~ /^(\S+) .*: /mg;
	is(join(' ', sort keys %guest), join(' ', sort keys %libvirt), "$label: lspci has the slots that libvirt gave out");
	return;
}

# By the shell, or by the button that libvirt presses.
sub ends ($label, $name, $by = 'poweroff') {
	if ($by eq 'poweroff') { print {$line} "poweroff\r" }
	else                   { virsh("$by $name") }
	ok(until_true(20, sub { virsh('list --name') !~ /^\Q$name\E$/m }), "$label: $by ends the domain") or virsh("destroy $name");
	close $line;
	return;
}

if (!ok(start_libvirtd(), 'libvirtd runs')) {
	diag read_file("$FOLDER/libvirtd.log");
	done_testing;
	exit;
}
END { local $?; virsh("destroy $_") for @ENTER ? qw(ringside ringside-multiqueue) : () }
my $version = virsh('version');
note $version;

my %slots = (network => '00:02.0', block => '00:03.0', balloon => '00:04.0', console => '00:05.0', entropy => '00:06.0');
sub virtio_domain () {
	my $label = 'virtio';
	open my $disk, '>', "$FOLDER/disk.img" or die "disk: $!";
	truncate $disk, 8 << 20 or die "disk: $!";
	my $answer = virsh('define', domain('virtio', KERNEL => $IMAGE, DISK => "$FOLDER/disk.img"));
	is($?, 0, "$label: is defined") or diag $answer;
	$answer = virsh('start ringside');
	is($?, 0, "$label: is started") or do { diag $answer; return };
	ok(open_console('ringside'), "$label: its shell is at the serial port") or return;
	slots_are_the_same($label, 'ringside');
	my $devices = command('devices');
	like($devices, qr/^virtio\d+: $_, pci \w+ at \Q$slots{$_}\E, driver \w+, driven/m, "$label: $_ at $slots{$_}") for sort keys %slots;

	my $statistic = sub ($name) { return virsh('dommemstat ringside') =~ /^$name (\d+)$/m ? $1 : -1 };
	ok(until_true(10, sub { $statistic->('unused') > 200 << 10 }), "$label: dommemstat has the guest's free memory");
	virsh('setmem ringside 128M --live');
	ok(until_true(20, sub { $statistic->('actual') == 128 << 10 }), "$label: setmem takes memory");
	ok(until_true(20, sub { $statistic->('unused') < 128 << 10 }), "$label: and the statistics follow");
	virsh('setmem ringside 256M --live');
	ok(until_true(20, sub { $statistic->('actual') == 256 << 10 }), "$label: and gives it back");
	like(virsh('domblklist ringside'), qr/^\s*vda\s+\S*disk\.img/m, "$label: domblklist");
	ends($label, 'ringside', 'shutdown');
	return;
}

# With who carries the frames.
sub multiqueue_domain ($backend) {
	my $label = "multiqueue, $backend";
	my $answer = virsh('create', domain('multiqueue', KERNEL => $IMAGE, BACKEND => $backend, BRIDGE => 'br0'));
	is($?, 0, "$label: is created") or do { diag $answer; return };
	ok(open_console('ringside-multiqueue'), "$label: its shell is at the serial port") or return;
	slots_are_the_same($label, 'ringside-multiqueue');
	like(command('ethtool -l eth0'), qr/Combined:\t4\n.*Combined:\t4\n/s, "$label: four pairs of queues are there, and used");
	like(virsh('domiflist ringside-multiqueue'), qr/^\s*vnet\d+\s+bridge\s+br0\s+virtio\s+52:54:00:72:69:6e/m, "$label: domiflist");
	# Nobody gives out addresses on this bridge: by that of the link.
	my ($address) = command('ip') =~ m{inet6 (fe80:\S+)/64};
	is(http_get("$address%br0", 80)->{status}, 200, "$label: the page over the bridge");
	ends($label, 'ringside-multiqueue');
	return;
}

my $ip = program('ip');
system("$ip link set lo up && $ip link add br0 type bridge forward_delay 0 && $ip link set br0 up") == 0 or die "no bridge\n";

for my $case ([ 'virtio', \&virtio_domain ], [ 'multiqueue, qemu', sub { multiqueue_domain('qemu') } ]) {
	my ($label, $code) = @$case;
	eval { $code->(); 1 } or do { fail("$label: goes to its end"); diag $@ };
}
SKIP: {
	skip 'multiqueue, vhost: no /dev/vhost-net', 1 unless -e '/dev/vhost-net';
	eval { multiqueue_domain('vhost'); 1 } or do { fail('multiqueue, vhost: goes to its end'); diag $@ };
}

done_testing;
