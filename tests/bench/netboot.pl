#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Network boot beside its peers: from QEMU's start to the first line of a payload (tests/boot/programs/payload), by size, protocol
# and loader, interleaved. `make bench-netboot`, or
#
#	perl tests/bench/netboot.pl [PATTERN ...]	cells whose name ("iPXE BIOS, http, 64") matches
#
#	RUNS=5			so many rounds; the median counts
#	SIZES=1,10,64,512	in MiB; 512 is run once
#
# Prints a table, and writes build/bench/netboot.json and build/bench/netboot.md. The network is a TAP device and a bridge, with
# dnsmasq (DHCP, TFTP), atftpd (TFTP with windowsize), nginx, and IPv6 router advertisements: iPXE would wait for those.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../boot/lib", "$FindBin::Bin/lib";
use Bench::Results qw(median);
use File::Path qw(make_path);
use JSON::PP ();
use List::Util qw(max min);
use Ringside::Host qw(program read_file write_file within start_process top);
use Ringside::NetbootServers;
use Ringside::Payload qw(payload);
use Ringside::QMP;
use Ringside::Tap qw(enter_namespace);
use Time::HiRes qw(time);

STDOUT->autoflush;
my $missing = enter_namespace(@ARGV) // Ringside::NetbootServers::missing(qw(nginx atftpd));
die "netboot: $missing\n" if $missing;

my $runs  = $ENV{RUNS} || 5;
my @sizes = split /,/, $ENV{SIZES} || '1,10,64,512';
die "RUNS=$runs: a number\n" unless $runs =~ /^[1-9]\d*$/;
/^[1-9]\d*$/ && $_ <= 1024 or die "SIZES: $_: numbers of MiB up to 1024\n" for @sizes;

my $net     = Ringside::NetbootServers->new;
my $host    = $Ringside::NetbootServers::HOST;
my $windows = $Ringside::NetbootServers::WINDOWS;
my $image   = $ENV{RINGSIDE_IMAGE} || 'build/ringside';

my %url = (
	http  => "http://$host/",
	tftp  => "tftp://$host/",
	tftpw => "tftp://$windows/",    # the server that has windowsize
);
my %protocol_name = (http => 'HTTP (nginx)', tftp => 'TFTP (dnsmasq)', tftpw => 'TFTP with windowsize (atftpd)');

# Who boots, from which servers, what it takes: `format` of the payload, what DHCP says, QEMU's words.
my @ovmf   = ('-bios', '/usr/share/ovmf/OVMF.fd', '-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=no');
my @no_pxe = ('-fw_cfg', 'name=opt/org.tianocore/IPv4PXESupport,string=no');
my @peers  = (
	{ name => 'Ringside', protocols => [qw(http tftp tftpw)], format => 'bzImage', rom => 0,
		words => sub ($url) { ('-kernel', "$image.elf", '-append', "run=netboot netboot.kernel=$url") } },
	{ name => 'iPXE BIOS', protocols => [qw(http tftp tftpw)], format => 'bzImage', rom => 1, dhcp => sub ($url) { $url } },
	# Any key ends the wait at its banner.
	{ name => 'iPXE BIOS, key pressed', protocols => [qw(http tftp)], format => 'bzImage', rom => 1, dhcp => sub ($url) { $url }, keys => 1 },
	{ name => 'iPXE EFI', protocols => [qw(http tftp)], format => 'efi', rom => 1, dhcp => sub ($url) { $url }, words => sub ($url) { @ovmf, @no_pxe } },
	{ name => 'OVMF', protocols => ['http'], format => 'efi', rom => 0, dhcp => sub ($url) { [ $url, 'HTTPClient' ] }, words => sub ($url) { @ovmf, @no_pxe } },
	{ name => 'OVMF', protocols => ['tftp'], format => 'efi', rom => 0, dhcp => sub ($url) { $url =~ s{.*/}{}r }, words => sub ($url) { @ovmf } },
);

my (@cells, %boot);
for my $size (@sizes) {
	for my $protocol (qw(http tftp tftpw)) {
		for my $peer (@peers) {
			next unless grep { $_ eq $protocol } @{ $peer->{protocols} };
			my $name = "$peer->{name}, $protocol, $size";
			next if @ARGV && !grep { $name =~ /$_/ } @ARGV;
			my $file = "payload-$size.$peer->{format}";
			my $mac  = sprintf '52:54:00:62:00:%02x', scalar @cells;
			push @cells, { name => $name, peer => $peer, protocol => $protocol, size => $size, mac => $mac, url => $url{$protocol} . $file, seconds => [], cpu => [] };
			$boot{$mac} = $peer->{dhcp}->($url{$protocol} . $file) if $peer->{dhcp};
			$net->file($file, (payload($peer->{format}, $size << 20))[0]);
		}
	}
}
die "netboot: nothing matches @ARGV\n" unless @cells;
$net->dnsmasq(boot => \%boot);
$net->nginx;
$net->atftpd;

# Seconds of CPU that a process has used, in steps of 10 ms; what else the machine does counts less for it than for the time.
sub cpu_of ($pid) {
	my @fields = split ' ', (read_file("/proc/$pid/stat") // '') =~ s/^.*\) //sr;
	return @fields > 12 ? ($fields[11] + $fields[12]) / 100 : undef;
}

# Seconds to the first line, and QEMU's of CPU; undef when it does not come.
sub run_cell ($cell, $net_words) {
	my $peer   = $cell->{peer};
	my $memory = max(512, 3 * $cell->{size});
	my @words  = ($ENV{QEMU} || 'qemu-system-x86_64', '-machine', 'q35', '-accel', 'tcg', '-m', $memory, '-nodefaults', '-no-user-config', '-display', 'none',
		'-no-reboot', '-serial', 'stdio', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4',
		$peer->{words} ? $peer->{words}->($cell->{url}) : (),
		@$net_words, '-device', "virtio-net-pci,netdev=net0,mac=$cell->{mac}" . ($peer->{rom} ? '' : ',romfile='));
	my $qmp;
	if ($peer->{keys}) {
		$qmp = Ringside::Host::scratch() . '/bench.qmp';
		unlink $qmp;
		push @words, '-qmp', "unix:$qmp,server=on,wait=off";
	}
	pipe my $output, my $guest or die "pipe: $!\n";
	open my $nothing, '<', '/dev/null'                  or die "/dev/null: $!\n";
	open my $errors,  '>', 'build/bench/netboot.errors' or die "build/bench/netboot.errors: $!\n";
	my $start = time;
	my $pid   = start_process($nothing, $guest, $errors, @words);
	close $guest;
	my $limit  = $start + within(30 + $cell->{size});
	my $text   = '';
	my $socket = $qmp ? Ringside::QMP->new($qmp) : undef;
	my ($took, $cpu);
	my $key_at = 0;

	while (time < $limit) {
		vec(my $wanted = '', fileno $output, 1) = 1;
		my $ready = select $wanted, undef, undef, $socket ? 0.02 : 1;
		if ($socket && time > $key_at) {
			$socket->execute('send-key', keys => [ { type => 'qcode', data => 'spc' } ]);
			$key_at = time + 0.1;
		}
		next unless $ready;
		sysread $output, $text, 65536, length $text or last;
		next unless $text =~ /payload: entered/;
		$took = time - $start;
		$cpu  = cpu_of($pid);
		# What it got must be whole, too.
		undef $socket;
		while ($text !~ /checksum [0-9a-f]+, (good|bad)/ && sysread $output, $text, 65536, length $text) { }
		$took = undef, $text = 'the payload is damaged' unless $text =~ /, good/;
		last;
	}
	Ringside::Host::kill_process($pid);
	return ($took, $cpu) if defined $took;
	my ($last) = $text =~ /([^\n]*\S)\s*\z/;
	$cell->{failed} = $last // 'nothing on the console';
	return;
}

make_path('build/bench');
my @words = $net->tap;
my $one   = max(@sizes) >= 512 ? 1 : 0;
for my $round (1 .. $runs) {
	for my $cell (@cells) {
		next if $cell->{failed} || $cell->{size} >= 512 && $round > 1;
		my ($seconds, $cpu) = run_cell($cell, \@words);
		push @{ $cell->{seconds} }, $seconds if defined $seconds;
		push @{ $cell->{cpu} },     $cpu     if defined $cpu;
		printf STDERR "round %d: %-34s %s\n", $round, $cell->{name}, defined $seconds ? sprintf('%.3f s', $seconds) : "failed: $cell->{failed}";
	}
}
$_->{median} = median(@{ $_->{seconds} }), $_->{cpu_median} = median(@{ $_->{cpu} }) for grep { !$_->{failed} } @cells;

# The rate of the transfer alone: what 63 MiB more take.
my %cell = map { $_->{name} => $_ } @cells;
sub time_of ($peer, $protocol, $size) { my $c = $cell{"$peer, $protocol, $size"}; return $c ? $c->{median} : undef }

sub rate_of ($peer, $protocol) {
	my ($small, $large) = (min(@sizes), (grep { $_ <= 64 } sort { $b <=> $a } @sizes)[0] // 0);
	return unless $large > $small;
	my ($first, $second) = map { time_of($peer, $protocol, $_) } $small, $large;
	return unless defined $first && defined $second && $second > $first;
	return ($large - $small) * 1.048576 / ($second - $first);
}

my $largest = (grep { $_ <= 64 } sort { $b <=> $a } @sizes)[0] // $sizes[0];
my (%seen, @markdown);
for my $protocol (qw(http tftp tftpw)) {
	my @names = grep { !$seen{"$_ $protocol"}++ } map { $_->{peer}{name} } grep { $_->{protocol} eq $protocol } @cells or next;
	push @markdown, '', "$protocol_name{$protocol}:", '', '| | ' . join(' | ', map { "$_ MiB" } @sizes) . " | rate | CPU, $largest MiB |", '|' . '---|' x (@sizes + 3);
	for my $name (@names) {
		my @times = map {
			my $c = $cell{"$name, $protocol, $_"};
			my $ours = time_of('Ringside', $protocol, $_);
			!$c ? '-' : $c->{failed} ? 'failed' : sprintf('%.2f s', $c->{median}) . ($ours && $name ne 'Ringside' ? sprintf(' (%.1f x)', $c->{median} / $ours) : '')
		} @sizes;
		my $rate = rate_of($name, $protocol);
		my $cpu  = ($cell{"$name, $protocol, $largest"} // {})->{cpu_median};
		push @markdown, "| $name | " . join(' | ', @times, defined $rate ? sprintf('%.0f MB/s', $rate) : '-', defined $cpu ? sprintf('%.2f s', $cpu) : '-') . ' |';
	}
}

# What issue 5 set out to reach, each with what was measured.
my @goals;
sub goal ($text, $value, $least) { push @goals, { goal => $text, measured => $value, reached => $value >= $least ? JSON::PP::true : JSON::PP::false } if defined $value; return }
sub ratio ($x = undef, $y = undef) { return defined $x && defined $y && $y > 0 ? $x / $y : undef }
goal('64 MiB over HTTP: at least 5 times faster than iPXE BIOS',  ratio(time_of('iPXE BIOS', 'http', 64), time_of('Ringside', 'http', 64)), 5);
goal('the same without its banner wait (no goal, for information)', ratio(time_of('iPXE BIOS, key pressed', 'http', 64), time_of('Ringside', 'http', 64)), 0);
goal("HTTP: at least 2 times iPXE BIOS's rate", ratio(scalar rate_of('Ringside', 'http'), scalar rate_of('iPXE BIOS', 'http')), 2);
goal('1 MiB over HTTP: under 0.25 s (times under it)', ratio(0.25, time_of('Ringside', 'http', 1)), 1);
goal("TFTP with windowsize: at least 3 times iPXE BIOS's rate, both of atftpd", ratio(scalar rate_of('Ringside', 'tftpw'), scalar rate_of('iPXE BIOS', 'tftpw')), 3);
goal("TFTP without windowsize: at least iPXE BIOS's rate", ratio(scalar rate_of('Ringside', 'tftp'), scalar rate_of('iPXE BIOS', 'tftp')), 1);
push @markdown, '', map { sprintf '- %s: %.2f%s', $_->{goal}, $_->{measured}, $_->{goal} =~ /no goal/ ? '' : $_->{reached} ? ', reached' : ', **not reached**' } @goals;
push @markdown, '', "Medians of $runs" . ($one ? ', 512 MiB once' : '') . '. In brackets: how many times as long as Ringside.';

my $table = join('', map { "$_\n" } @markdown);
print $table;
write_file('build/bench/netboot.md', $table);
write_file('build/bench/netboot.json', JSON::PP->new->pretty->canonical->encode({
	runs  => $runs + 0, goals => \@goals,
	cells => [ map { { name => $_->{name}, peer => $_->{peer}{name}, protocol => $_->{protocol}, mebibytes => $_->{size} + 0, seconds => $_->{seconds}, cpu_seconds => $_->{cpu},
		median => $_->{median}, failed => $_->{failed} } } @cells ],
	rates => { map { my $p = $_; map { my $r = rate_of($p->{name}, $_); defined $r ? ("$p->{name}, $_" => $r) : () } @{ $p->{protocols} } } @peers },
}));
print "build/bench/netboot.json and build/bench/netboot.md have this too\n";
exit(scalar(grep { $_->{failed} } @cells) ? 1 : 0);
