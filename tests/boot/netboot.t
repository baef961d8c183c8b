#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# run=netboot and the command: instructions by DHCP in all its forms, by the command line and by scripts, from dnsmasq, nginx and a
# DHCP server of the test's own; and what follows when nothing can be booted. What is booted is the tests' payload, which says the
# command line and initrd that it got.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use List::Util qw(any);
use Ringside::Checks;
use Ringside::Client qw(http_get);
use Ringside::Host qw(program run scratch read_file write_file until_true start_process);
use Ringside::NetbootServers;
use Ringside::Payload qw(payload $PAYLOAD_GOOD);
use Ringside::Tap qw(enter_namespace);
use Ringside::VM;
use Socket;
use Test::More;
use Time::HiRes qw(time);

my $missing = enter_namespace(@ARGV) // Ringside::NetbootServers::missing('nginx');
plan skip_all => $missing if $missing;

use constant MEGABYTE => 1 << 20;

my $net    = Ringside::NetbootServers->new;
my $host   = $Ringside::NetbootServers::HOST;
my $host6  = $Ringside::NetbootServers::HOST6;
my $ip     = program('ip');
my @wanted = @ARGV;
my ($kernel, $padding) = payload('bzImage', MEGABYTE);
my $initrd = pack 'V4', 1 .. 4;
my $sum    = join '', map { (split ' ', `sha256sum $_`)[0] } $kernel;


$net->file('vmlinuz', $kernel);
$net->text('initrd.img', $initrd);
$net->text('empty', '');
$net->text('noise', join '', map { chr int rand 256 } 1 .. 5000);
$net->file('ringside.bzImage', Ringside::VM::default_image() . '.bzImage');
$net->text('boot.ipxe', read_file('docs/netboot/boot.ipxe'));

my $count = 0;
sub new_mac () { return sprintf '52:54:00:62:6f:%02x', ++$count }

# A guest that boots from the network. %given: mac, append, and options of Ringside::VM.
sub guest ($given) {
	my $mac = $given->{mac};
	return {
		network => [ $net->tap, '-device', "virtio-net-pci,netdev=net0,romfile=,mac=$mac" ],
		memory  => '192M', %$given,
		append => join ' ', 'run=netboot', $given->{append} // 'netboot.fail=poweroff',
	};
}

sub netboot ($name, $given, $code) {
	return if @wanted && !any { $name =~ /$_/ } @wanted;
	scenario($name, guest($given), $code);
	return;
}

# (A line of progress may stand before any of ours.)
# The payload was started, whole, with that command line and, if there is one, that initrd.
sub boots ($vm, $command_line, $with_initrd = 0) {
	my $label = $vm->{label};
	is($vm->wait_exit(30), $PAYLOAD_GOOD, "$label: the payload is started, and is whole") or diag $vm->last_words;
	like($vm->console, qr/^\Q$padding\E$/m, "$label: and says so");
	like($vm->console, qr/netboot: starting .*, \d+\.\d MB in \d+\.\d{3} s$/m, "$label: one line says what is started");
	like($vm->console, qr/^payload: command line: \Q$command_line\E$/m, "$label: its command line");
	like($vm->console, qr/^payload: initrd: 00000010 bytes, checksum 0000000a00000014$/m, "$label: its initrd") if $with_initrd;
	is(join("\n", $vm->warnings), '', "$label: no warning");
	return;
}

# Nothing is started: it says why, in one line, and switches off.
sub fails ($vm, $why, $seconds = 30) {
	my $label = $vm->{label};
	is($vm->wait_exit($seconds), 0, "$label: switches off") or diag $vm->last_words;
	my @lines = $vm->console =~ /netboot: (.*)$/mg;
	my @why   = grep { /$why/ } @lines;
	is(scalar @why, 1, "$label: says why: " . ($why[0] // '?')) or diag join "\n", @lines;
	is($lines[-1], 'nothing was booted: netboot.fail=poweroff', "$label: and what follows");
	unlike($vm->console, qr/payload: entered/, "$label: starts nothing");
	return;
}

# -- The set-up of docs/netboot.md, as it stands there

# Only the folder, and what belongs to a service's own files, is the test's.
sub documented ($name, $before = '') {
	my $text = read_file("docs/netboot/$name") // die "no docs/netboot/$name\n";
	$text =~ s{/srv/netboot}{$net->{root}}g;
	$text =~ s{^(http \{)$}{$1\n\taccess_log $net->{folder}/access.log;}m;
	return write_file("$net->{folder}/$name", "$before$text");
}

sub start_documented () {
	my $folder = $net->{folder};
	my $nginx  = documented('nginx.conf', "daemon off;\nmaster_process off;\nuser root;\npid $folder/nginx.pid;\nerror_log stderr;\n");
	$net->start_server('nginx', sub ($pid) { -s "$folder/nginx.pid" }, program('nginx'), '-p', $folder, '-e', 'stderr', '-c', $nginx);
	$net->start_server('dnsmasq', sub ($pid) { $net->log('dnsmasq') =~ /started/ }, program('dnsmasq'), '--keep-in-foreground',
		'--conf-file=' . documented('dnsmasq.conf'), '--log-facility=-', '--log-dhcp', '--pid-file=', '--user=root', '--group=',
		"--dhcp-leasefile=$folder/leases", '--no-ping');
	return;
}

my $page = read_file('docs/netboot.md') // '';
ok(index($page, "```\n" . read_file("docs/netboot/$_") . "```\n") >= 0, "docs/netboot.md has $_ as it is run") for qw(dnsmasq.conf nginx.conf boot.ipxe);
start_documented();
netboot('documented', { mac => new_mac() }, sub ($vm) {
	$vm->wait_for(qr/^netboot: eth0: the boot file is (.*)$/m);
	like($vm->console, qr{boot file is http://$host/boot\.ipxe$}m, 'documented: DHCP knows us by option 175');
	my ($address) = $vm->wait_for(qr/ringside: ready (\S+) in/);
	boots($vm, "console=ttyS0 hostname= ip=$address", 1);
	my $log = $net->log('dnsmasq');
	like($log, qr/vendor class: PXEClient:Arch:00000:UNDI:002001/, 'documented: the vendor class in the request');
	like($log, qr/user class: iPXE/,                              'documented: the user class');
});
my $own = new_mac();
mkdir "$net->{root}/machines";
$net->text('machines/' . $own =~ tr/:/-/r . '.ipxe', "#!ipxe\nkernel ../vmlinuz of its own\nboot\n");
netboot('documented-own', { mac => $own }, sub ($vm) { boots($vm, 'of its own') });
netboot('http-client', { mac => new_mac(), append => 'netboot.fail=poweroff netboot.vendorclass=HTTPClient netboot.userclass=' }, sub ($vm) {
	fails($vm, qr{ringside\.efi: });
	like($net->log('dnsmasq'), qr/vendor class: HTTPClient:Arch:00016:UNDI:003001/, 'http-client: the vendor class in the request');
	like($vm->console, qr{boot file is http://$host/ringside\.efi$}m, 'http-client: without a user class we are no iPXE');
});
# IPv6 alone: the first address is enough, and option 59 has the file.
netboot('ipv6', { mac => new_mac(), append => 'netboot.fail=poweroff ip=off' }, sub ($vm) {
	$vm->wait_for(qr{boot file is http://\[fd09::1\]/boot\.ipxe$}m);
	boots($vm, 'console=ttyS0 hostname= ip=', 1);
});
# Under UEFI we are of its architecture, and say so.
SKIP: {
	skip 'no /usr/share/ovmf/OVMF.fd (package ovmf)', 1 if !-e '/usr/share/ovmf/OVMF.fd';
	netboot('efi', { mac => new_mac(), boot => 'efi-kernel', ovmf => 1, memory => '256M' }, sub ($vm) {
		my $address = $vm->wait_ready(seconds => 60);
		boots($vm, "console=ttyS0 hostname= ip=$address", 1);
		like($net->log('dnsmasq'), qr/vendor class: PXEClient:Arch:00007:UNDI:002001/, 'efi: the vendor class in the request');
	});
}
# Whoever does not boot from the network does not ask like that.
if (!@wanted || any { 'plain' =~ /$_/ } @wanted) {
	scenario('plain', { network => guest({ mac => my $mac = new_mac() })->{network} }, sub ($vm) {
		my $before = length $net->log('dnsmasq');
		$vm->wait_ready;
		my $log = substr $net->log('dnsmasq'), $before;
		like($log, qr/DHCPACK/, 'plain: has a lease');
		unlike($log, qr/vendor class|user class|PXE/, 'plain: asks without PXE');
		$vm->command('uptime');
		$vm->command_last('netboot');
		boots($vm, 'console=ttyS0 hostname= ip=' . $vm->{address}, 1);
		like(substr($net->log('dnsmasq'), $before), qr/vendor class: PXEClient/, 'plain: the command asks anew, with PXE');
	});
	scenario('command', { network => guest({ mac => new_mac() })->{network} }, sub ($vm) {
		$vm->wait_ready;
		like($vm->command("netboot http://$host/nothing"), qr{^netboot: http://$host/nothing: .*404}m, 'command: says what the server said');
		like($vm->command('netboot --'), qr/^usage: netboot/m, 'command: usage');
		$vm->command_last("netboot tftp://$host/vmlinuz http://$host/initrd.img -- one two=3");
		boots($vm, 'one two=3', 1);
	});
}
$net->stop($_) for qw(nginx dnsmasq);

# -- Other DHCP servers' ways; one dnsmasq knows each guest by its address

my (%mac, @dhcp);
sub configured ($name, @options) {
	$mac{$name} = new_mac();
	push @dhcp, "--dhcp-mac=set:$name,$mac{$name}", map { s/TAG/tag:$name/r } @options;
	return;
}

configured('tftp-kernel',  "--dhcp-boot=TAG,vmlinuz,,$host");
configured('options',      '--dhcp-option-force=TAG,66,' . $host, '--dhcp-option-force=TAG,67,vmlinuz');
configured('url',          "--dhcp-boot=TAG,http://$host/vmlinuz");
configured('script',       "--dhcp-boot=TAG,http://$host/matchbox/boot.ipxe", '--dhcp-option=TAG,12,box', '--dhcp-option=TAG,15,example.net');
configured('foreman',      "--dhcp-boot=TAG,http://$host/foreman.ipxe");
configured('unknown',      "--dhcp-boot=TAG,http://$host/unknown.ipxe");
configured('nothing');
configured('ourselves',    "--dhcp-boot=TAG,ringside.bzImage,,$host");
configured('chain',        "--dhcp-boot=TAG,http://$host/chain.ipxe");
configured('circle',       "--dhcp-boot=TAG,http://$host/circle.ipxe");
configured('gone',         "--dhcp-boot=TAG,http://$host/gone");
configured('noise',        "--dhcp-boot=TAG,http://$host/noise");
configured('empty',        "--dhcp-boot=TAG,http://$host/empty");
configured('elf',          "--dhcp-boot=TAG,http://$host/payload.elf");
configured($_,             "--dhcp-boot=TAG,http://$host/later") for qw(retry reboot shell interrupted);
$net->file('payload.elf', (payload('elf', MEGABYTE))[0]);
$net->nginx;
$net->dnsmasq(no_ra => 1, options => \@dhcp);

netboot('tftp-kernel', { mac => $mac{'tftp-kernel'}, append => 'netboot.fail=poweroff "netboot.args=console=ttyS0 a b"' }, sub ($vm) { boots($vm, 'console=ttyS0 a b') });
netboot('options', { mac => $mac{options} }, sub ($vm) { boots($vm, '') });
netboot('url', { mac => $mac{url} }, sub ($vm) {
	boots($vm, '');
	diag sprintf 'url: 1 MB from QEMU\'s start to its end in %.2f s', time - $vm->{started_at};
});
netboot('elf', { mac => $mac{elf}, append => 'netboot.fail=poweroff netboot.args=pvh' }, sub ($vm) {
	is($vm->wait_exit, $PAYLOAD_GOOD, 'elf: a PVH kernel as the boot file');
});

# As matchbox serves them: one script that says who asks, and one for that machine.
mkdir "$net->{root}/matchbox";
mkdir "$net->{root}/matchbox/assets";
$net->file('matchbox/assets/vmlinuz', $kernel);
$net->text('matchbox/assets/initramfs.img', $initrd);
$net->text('matchbox/boot.ipxe', <<'END');
#!ipxe
chain ipxe?uuid=${uuid}&mac=${mac:hexhyp}&domain=${domain}&hostname=${hostname}&serial=${serial}
END
$net->text('matchbox/ipxe', <<'END');
#!ipxe
kernel assets/vmlinuz initrd=main console=ttyS0 ignition.config.url=http://10.9.0.1/ignition?uuid=${uuid}&mac=${mac:hexhyp}
initrd --name main assets/initramfs.img
boot
END
my $uuid = '12345678-9abc-def0-0102-030405060708';
my @smbios = ('-uuid', $uuid, '-smbios', 'type=1,serial=S-77,manufacturer=Maker,product=Box 9', '-smbios', 'type=3,asset=A-5');
netboot('script', { mac => $mac{script}, extra => \@smbios }, sub ($vm) {
	my $hyphens = $mac{script} =~ tr/:/-/r;
	boots($vm, "initrd=main console=ttyS0 ignition.config.url=http://$host/ignition?uuid=$uuid&mac=$hyphens", 1);
	ok((grep { $_ =~ m{GET /matchbox/ipxe\?uuid=$uuid&mac=$hyphens&domain=example\.net&hostname=box&serial=S-77 } } $net->requests),
		'script: the server is told who asks');
});

# As Foreman serves them: tries each interface, then a script of the host's with arguments for its installer.
$net->text('foreman.ipxe', <<'END');
#!ipxe
# Intermediate script that reports the MAC address
:net0
isset ${net0/mac} || goto no_nic
dhcp net0 || goto net1
chain http://${next-server}/unattended/iPXE?mac=${net0/mac} || goto net1
exit 0
:net1
isset ${net1/mac} || goto no_nic
dhcp net1 || goto no_nic
chain http://${next-server}/unattended/iPXE?mac=${net1/mac} || goto no_nic
exit 0
:no_nic
echo Failed to chainload from any network interface
sleep 1
exit 1
END
mkdir "$net->{root}/unattended";
$net->text('unattended/iPXE', <<'END');
#!ipxe
kernel /vmlinuz initrd=initrd.img ks=http://10.9.0.1/unattended/provision?token=a-b ksdevice=bootif network kssendmac BOOTIF=01-${netX/mac:hexhyp} ${manufacturer}/${product:uristring}/${asset}/${platform}/${buildarch}
initrd /initrd.img
imgstat
sleep 1
boot
END
netboot('foreman', { mac => $mac{foreman}, extra => \@smbios }, sub ($vm) {
	boots($vm, "initrd=initrd.img ks=http://$host/unattended/provision?token=a-b ksdevice=bootif network kssendmac BOOTIF=01-"
		  . $mac{foreman} =~ tr/:/-/r . ' Maker/Box%209/A-5/pcbios/x86_64', 1);
});
$net->text('unknown.ipxe', "#!ipxe\necho first\n\nmenu Choose\nboot\n");
netboot('unknown', { mac => $mac{unknown} }, sub ($vm) {
	fails($vm, qr{unknown\.ipxe, line 4: unknown command "menu"$});
});

netboot('nothing', { mac => $mac{nothing} }, sub ($vm) { fails($vm, qr/^eth0: DHCP gave an address, and named no boot file/) });
netboot('gone',    { mac => $mac{gone} },    sub ($vm) { fails($vm, qr{^http://$host/gone: .*404}) });
netboot('noise',   { mac => $mac{noise} },   sub ($vm) { fails($vm, qr{^http://$host/noise: }) });
netboot('empty',   { mac => $mac{empty} },   sub ($vm) { fails($vm, qr{^http://$host/empty: }) });

# Ourselves: named to everybody it would go on for ever; by a script it is meant, a few times.
netboot('ourselves', { mac => $mac{ourselves} }, sub ($vm) { fails($vm, qr/^the boot file is Ringside itself/) });
$net->text('chain.ipxe', "#!ipxe\nkernel ringside.bzImage log=info run=shell\nboot\n");
netboot('chain', { mac => $mac{chain} }, sub ($vm) {
	my $from = length $vm->console;
	$vm->wait_for(qr/^ringside .*, booted by linux64$/m);
	$vm->wait_prompt;
	like($vm->command('options'), qr/^given: log=info run=shell netboot\.hops=1$/m, 'chain: our own image is started by a script');
	leaves_with($vm, 0);
});
$net->text('circle.ipxe', "#!ipxe\nkernel ringside.bzImage run=netboot netboot.fail=poweroff\nboot\n");
netboot('circle', { mac => $mac{circle} }, sub ($vm) { fails($vm, qr/^5 Ringsides booted each other: this one does not start another$/, 60) });

# -- When it fails

netboot('retry', { mac => $mac{retry}, append => '' }, sub ($vm) {
	$vm->wait_for(qr{^netboot: http://$host/later: .*404.*\nnetboot: again in 1 s \(\^C: the shell\)$}m);
	$vm->wait_for(qr{again in 1 s.*404.*\nnetboot: again in 2 s }s);
	my $status = http_get($vm->wait_ready, 80, '/status.json')->{body} // '';
	like($status, qr/"netboot": \{\s+"attempts": [2-9],\s+"message": "http:[^"]*later: [^"]*404/, 'retry: the page says so meanwhile');
	$net->file('later', $kernel);
	boots($vm, '');
});
unlink "$net->{root}/later";
netboot('reboot', { mac => $mac{reboot}, append => 'netboot.fail=reboot' }, sub ($vm) {
	$vm->wait_for(qr/^netboot: nothing was booted: netboot\.fail=reboot$/m);
	is($vm->wait_exit, 0, 'reboot: resets the machine');
});
netboot('shell', { mac => $mac{shell}, append => 'netboot.fail=shell' }, sub ($vm) {
	$vm->wait_for(qr/^netboot: nothing was booted: netboot\.fail=shell$/m);
	like($vm->command('uptime'), qr/./, 'shell: gives a prompt');
	leaves_with($vm, 0);
});
netboot('interrupted', { mac => $mac{interrupted}, append => '' }, sub ($vm) {
	$vm->wait_for(qr/again in 2 s/);
	$vm->type("\x03");
	like($vm->command('uptime'), qr/./, 'interrupted: ^C gives a prompt');
	leaves_with($vm, 0);
});

netboot('slow', { mac => new_mac(), append => "netboot.kernel=http://$host/slow/vmlinuz" }, sub ($vm) {
	$vm->wait_ready;
	sleep 1;
	$vm->type("\x03");
	$vm->wait_for(qr/netboot: interrupted: /);
	$vm->command('uptime');
	$vm->type("netboot http://$host/slow/vmlinuz\r");
	sleep 1;
	$vm->type("\x03");
	$vm->wait_for(qr/netboot: interrupted$/m);
	like($vm->command('uptime'), qr/./, 'slow: ^C ends a transfer, of the job and of the command');
	leaves_with($vm, 0);
});

# -- The command line

$net->text('sum.ipxe', "#!ipxe\nsha256 vmlinuz $sum\nkernel vmlinuz summed\nboot\n");
my %line = (mac => new_mac());
netboot('line', { %line, append => "netboot.kernel=http://$host/vmlinuz netboot.initrd=tftp://$host/initrd.img,http://$host/empty \"netboot.args=x=1 y\" netboot.sha256=$sum netboot.fail=poweroff" },
	sub ($vm) { boots($vm, 'x=1 y', 1) });
netboot('line-sum', { %line, append => "netboot.kernel=http://$host/vmlinuz netboot.sha256=" . $sum =~ s/^(.)/$1 eq '0' ? '1' : '0'/er . ' netboot.fail=poweroff' },
	sub ($vm) { fails($vm, qr{^http://$host/vmlinuz: .*sha256}) });
netboot('line-script', { %line, append => "netboot.script=http://$host/sum.ipxe netboot.fail=poweroff" }, sub ($vm) { boots($vm, 'summed') });

# -- Networks

my @helpers;
END { kill 'KILL', @helpers if @helpers }
my @quiet = (program('dnsmasq'), '--keep-in-foreground', '--conf-file=/dev/null', '--log-facility=-', '--log-dhcp', '--pid-file=', '--user=root', '--group=', '--port=0', '--leasefile-ro', '--bind-interfaces', '--no-ping');
my $started = sub ($name) { return sub ($pid) { $net->log($name) =~ /started/ } };

# The first interface has nobody on it.
my @two = ('-netdev', 'hubport,hubid=0,id=silent', '-device', 'virtio-net-pci,netdev=silent,romfile=,mac=' . new_mac());
netboot('two', { mac => my $two_mac = new_mac(), before_network => [@two], append => "netboot.kernel=http://$host/vmlinuz netboot.args=two netboot.fail=poweroff" }, sub ($vm) { boots($vm, 'two') });
netboot('two-named', { mac => new_mac(), before_network => [@two], append => "netboot.if=eth0 netboot.kernel=http://$host/vmlinuz netboot.fail=poweroff" },
	sub ($vm) { fails($vm, qr/^eth0: no answer to \d+ DHCP requests$/) });

# Between QEMU and a TAP device: takes the tag of VLAN 5 off what the guest sends, drops what has none, and puts it on for the way
# back. The host's kernel may have no VLANs of its own.
sub tagging () {
	my $tap  = $net->tap_name;
	my $port = 21000 + $net->{taps} * 2;
	pipe my $wait, my $ready or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		sysopen my $device, '/dev/net/tun', 2 or die "/dev/net/tun: $!\n";
		ioctl $device, 0x400454ca, pack 'a16 s x22', $tap, 0x1002 or die "$tap: $!\n";    # TUNSETIFF: a TAP device, frames alone
		socket my $socket, PF_INET, SOCK_DGRAM, 0 or die "socket: $!\n";
		bind $socket, pack_sockaddr_in($port, INADDR_LOOPBACK) or die "bind: $!\n";
		my $guest = pack_sockaddr_in($port + 1, INADDR_LOOPBACK);
		close $ready;
		while (1) {
			my $both = '';
			vec($both, fileno $_, 1) = 1 for $device, $socket;
			select $both, undef, undef, undef;
			if (vec $both, fileno $socket, 1) {
				recv $socket, my $frame, 2000, 0;
				syswrite $device, $frame if $frame =~ s/^(.{12})\x81\x00\x00\x05/$1/s;
			}
			if (vec $both, fileno $device, 1) {
				sysread $device, my $frame, 2000;
				send $socket, $frame =~ s/^(.{12})/$1\x81\x00\x00\x05/sr, 0, $guest;
			}
		}
	}
	close $ready;
	sysread $wait, my $nothing, 1;
	push @helpers, $pid;
	return ('-netdev', "dgram,id=net0,local.type=inet,local.host=127.0.0.1,local.port=@{[$port + 1]},remote.type=inet,remote.host=127.0.0.1,remote.port=$port");
}

for my $case ([ vlan => 'netboot.vlan=5' ], [ 'no-vlan' => '' ]) {
	my ($name, $words) = @$case;
	next if @wanted && !any { $name =~ /$_/ } @wanted;
	my @network = (tagging(), '-device', 'virtio-net-pci,netdev=net0,romfile=,mac=' . new_mac());
	netboot($name, { mac => '', network => \@network, append => "$words netboot.kernel=http://$host/vmlinuz netboot.args=tagged netboot.fail=poweroff" }, sub ($vm) {
		return boots($vm, 'tagged') if $words;
		fails($vm, qr/^eth0: no answer to \d+ DHCP requests$/);
	});
}

# BIOS iPXE, from the network card's ROM, starts us with a command line.
$net->text('ours.ipxe', "#!ipxe\nkernel http://$host/ringside.bzImage run=netboot netboot.script=http://$host/next.ipxe netboot.fail=poweroff\nboot\n");
$net->text('next.ipxe', "#!ipxe\nkernel vmlinuz by=ipxe\nboot\n");
{
	my $mac = new_mac();
	$net->dnsmasq(boot => { $mac => "http://$host/ours.ipxe" });
	netboot('ipxe-loads-us', { mac => $mac, boot => 'network', network => [ $net->tap, '-device', "virtio-net-pci,netdev=net0,mac=$mac" ] }, sub ($vm) {
		boots($vm, 'by=ipxe');
	});
}

# A DHCP server of the test's own, which sends what dnsmasq does not. Its answers: what stands in `file`, in `sname`, and behind the
# usual options.
$net->stop('dnsmasq');
sub answering ($file, $name, $options) {
	pipe my $wait, my $ready or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		socket my $socket, PF_INET, SOCK_DGRAM, 0 or die "socket: $!\n";
		setsockopt $socket, SOL_SOCKET, $_, 1 for SO_REUSEADDR, SO_BROADCAST;
		setsockopt $socket, SOL_SOCKET, 25, "boot0\0" or die "boot0: $!\n";    # SO_BINDTODEVICE
		bind $socket, pack_sockaddr_in(67, INADDR_ANY) or die "port 67: $!\n";
		close $ready;
		while (recv $socket, my $asked, 1500, 0) {
			my ($type) = $asked =~ /^.{236}c\x82Sc\x35\x01(.)/s or next;
			my $usual = "\x35\x01" . ($type eq "\x01" ? "\x02" : "\x05") . pack('C2 a4 C2 N C2 a4', 54, 4, inet_aton($host), 51, 4, 3600, 1, 4, inet_aton('255.255.255.0'));
			my $answer = pack('C4', 2, 1, 6, 0) . substr($asked, 4, 4) . pack('x8 a4 a4 x4', inet_aton('10.9.0.40'), inet_aton($host)) . substr($asked, 28, 16)
			  . pack('a64 a128', $name, $file) . "c\x82Sc$usual$options";
			send $socket, $answer, 0, pack_sockaddr_in(68, INADDR_BROADCAST);
		}
	}
	close $ready;
	sysread $wait, my $nothing, 1;
	return $pid;
}

my $silent  = qr/^eth0: no answer to \d+ DHCP requests$/;
my $no_text = qr/^the DHCP answer: its boot file name \(option 67\) is not a text of less than 512 characters: ignored$/;
for my $case (
	[ 'hostile-text',   sub ($vm) { fails($vm, $no_text) }, 'good', '', "\x43\x06\x1b[2J\x07\xff\xff" ],
	[ 'hostile-file',   sub ($vm) { fails($vm, $no_text) }, "\x80" x 128, '', "\xff" ],
	[ 'hostile-length', sub ($vm) { fails($vm, $silent) }, 'vmlinuz', '', "\x43\xf0vmlinuz" ],
	[ 'hostile-pxe',    sub ($vm) { boots($vm, '') }, 'vmlinuz', '', "\x3c\x09PXEClient\x2b\x09\x06\xff\x08\xff\xff\x09\x01\x80\x0a\xaf\x02\xb0\xff\xff" ],
	# Both fields hold options; then one of them says once more that they do.
	[ 'overload',         sub ($vm) { boots($vm, '') }, "\x43\x07vmlinuz\xff", "\x42\x08$host\xff", "\x34\x01\x03\xff" ],
	[ 'hostile-overload', sub ($vm) { fails($vm, $silent) }, "\x43\x07vmlinuz\xff", "\x34\x01\x03\xff", "\x34\x01\x03\xff" ],
  ) {
	my ($name, $code, @answer) = @$case;
	next if @wanted && !any { $name =~ /$_/ } @wanted;
	my $pid = answering(@answer);
	push @helpers, $pid;
	# Its TFTP server is dnsmasq without DHCP.
	$net->start_server('tftp', $started->('tftp'), @quiet, '--interface=boot0', '--enable-tftp', "--tftp-root=$net->{root}");
	netboot($name, { mac => new_mac() }, $code);
	$net->stop('tftp');
	kill 'KILL', $pid;
	waitpid $pid, 0;
}

# IPv4 is silent: after three seconds an IPv6 address is enough.
$net->start_server('six', $started->('six'), @quiet, '--interface=boot0', '--enable-ra', '--dhcp-range=fd09::,ra-stateless', "--dhcp-option=option6:bootfile-url,http://[$host6]/vmlinuz");
netboot('ipv6-only', { mac => new_mac(), append => 'netboot.args=six netboot.fail=poweroff' }, sub ($vm) {
	boots($vm, 'six');
	like($net->log('six'), qr/DHCPINFORMATION-REQUEST/, 'ipv6-only: asks for information only');
});
$net->stop('six');

# A server for addresses, and a proxy for booting at another address, which names a file or has a menu.
run($ip, 'link', 'add', 'proxy0', 'type', 'veth', 'peer', 'name', 'proxy1');
run($ip, 'link', 'set', 'proxy1', 'master', 'boot0', 'up');
run($ip, 'address', 'add', '10.9.0.3/24', 'dev', 'proxy0', 'noprefixroute');
run($ip, 'link', 'set', 'proxy0', 'up');
for my $setting ([ arp_ignore => 1 ], [ rp_filter => 0 ]) {
	my ($name, $value) = @$setting;
	write_file("/proc/sys/net/ipv4/conf/$_/$name", $value) for qw(all boot0 proxy0);
}
$net->dnsmasq(no_ra => 1);
for my $case ([ 'proxy-file', '--dhcp-match=set:ipxe,175', "--dhcp-boot=tag:ipxe,http://$host/vmlinuz", '--pxe-service=tag:!ipxe,x86PC,Other,undionly.kpxe' ],
	[ 'proxy-menu', '--pxe-prompt=Boot,0', "--pxe-service=x86PC,Linux,vmlinuz.img,$host" ]) {
	my ($name, @words) = @$case;
	$net->file('vmlinuz.img', $kernel);
	$net->start_server($name, $started->($name), @quiet, '--interface=proxy0', '--dhcp-range=10.9.0.0,proxy', @words);
	netboot($name, { mac => new_mac(), append => "netboot.args=$name netboot.fail=poweroff" }, sub ($vm) { boots($vm, $name) });
	$net->stop($name);
}
# The server of addresses has a menu itself.
$net->dnsmasq(no_ra => 1, options => [ '--pxe-prompt=Boot,0', "--pxe-service=x86PC,Linux,vmlinuz.img,$host" ]);
netboot('menu', { mac => new_mac(), append => 'netboot.args=menu netboot.fail=poweroff' }, sub ($vm) { boots($vm, 'menu') });

# What the VMM loaded beside us needs no network.
netboot('module', { mac => '', network => 'none', append => 'netboot.kernel=module:0 netboot.args=beside netboot.fail=poweroff', extra => [ '-initrd', $kernel ] },
	sub ($vm) { boots($vm, 'beside') });

done_testing;
