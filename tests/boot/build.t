#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The build itself: what it says when a library cannot be had, and that it builds again just what changed.

use v5.36;
use Cwd qw(getcwd);
use File::Path qw(make_path remove_tree);
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Client qw(http_get);
use Ringside::Host qw(program read_file until_true start_process);
use Ringside::VM;
use Test::More;

chdir "$FindBin::Bin/../.." or die "no top folder: $!\n";
my $folder = getcwd . '/build/test/build';
remove_tree($folder);
make_path($folder);

# The command's output and exit status; the test's own make must not reach the one that it starts.
sub run ($command) {
	local @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};
	delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};
	my $output = `$command 2>&1`;
	return ($output, $? >> 8);
}

sub fails_with_one_line ($command, $pattern, $what) {
	my ($output, $status) = run($command);
	isnt($status, 0, "$what: fails");
	my @ours = grep { /^ringside: / } split /\n/, $output;
	is(scalar @ours, 1, "$what: says one line") or diag $output;
	like($ours[0] // '', $pattern, "$what: which says it");
	return;
}

sub write_file ($path, $text) {
	open my $file, '>', $path or die "$path: $!\n";
	print $file $text;
	close $file or die "$path: $!\n";
	return;
}

SKIP: {
	skip 'the pinned archives are those of Debian 12', 12 unless do {
		open my $release, '<', '/etc/os-release' or die "os-release: $!\n";
		my $text = join '', <$release>;
		$text =~ /^ID=debian$/m && $text =~ /^VERSION_ID="12"$/m;
	};
	make_path("$folder/wrong", "$folder/empty", "$folder/tools");
	write_file("$folder/wrong/newlib-3.3.0.tar.xz", "not newlib\n");
	fails_with_one_line(".ci/fetch newlib $folder/wrong",
		qr/newlib-3\.3\.0\.tar\.xz has sha256 \w{64}, expected c6f3a88b\w+: set NEWLIB_SRC=/, 'a wrong hash');

	# Nothing answers at the discard port of this machine: no archive can be reached.
	fails_with_one_line("http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 "
			. "APT_CONFIG=/dev/null .ci/fetch lwip $folder/empty",
		qr/could not fetch the source package lwip \(.+\); or set LWIP_SRC=/, 'no network');

	symlink "/usr/bin/$_", "$folder/tools/$_" for qw(dirname awk tr sh sed grep cut mkdir rm cat basename);
	fails_with_one_line("PATH=$folder/tools .ci/fetch lwip $folder/empty",
		qr/no apt-get to fetch the source package lwip with: set LWIP_SRC=/, 'no apt-get');
	fails_with_one_line(".ci/unpack $folder/nothing $folder/unpacked", qr/nothing: no such file or folder/,
		'sources that are not there');
}

# -- Just what changed.
my ($output, $status) = run('make -j2 images');
is($status, 0, 'the images build') or diag $output;
($output, $status) = run('make images');
is($output, '', 'a second make has nothing to do');

# What is compiled again when this file seems to be newer.
sub built_again ($changed) {
	my ($text) = run("make -j2 -W $changed images");
	return map { $_ => 1 } $text =~ m{^  CC +(\S+)$}mg;
}

my %built = built_again('kernel/x86/percpu.h');
ok($built{'kernel/x86/smp.c'} && $built{'kernel/thread/thread.c'}, 'a changed header builds what includes it');
ok(!$built{'kernel/random/chacha20.c'} && !$built{'lwip/core/tcp.c'}, 'and nothing else');
%built = built_again('net/lwip/include/lwipopts.h');
ok($built{'lwip/core/tcp.c'}, q{lwIP's options build lwIP});
%built = built_again('kernel/random/chacha20.c');
is_deeply([sort keys %built], ['kernel/random/chacha20.c'], 'a changed source builds one object');

# -- What cannot work is not linked.
write_file("$folder/thread_local.c", "static _Thread_local int each = 7;\nint main(void) { return each++; }\n");
($output, $status) = run("make -j2 APP=$folder/thread_local.c");
isnt($status, 0, 'an application with a thread-local variable is not linked');
like($output, qr/a thread-local variable, which nothing here makes work/, 'and a line says why');

# -- Images with authorities linked in, and without TLS: beside the other, which stays as it is.
sub image ($name, $words) {
	my $before = (stat 'build/ringside.elf')[9];
	my ($text, $failed) = run("make -j2 IMAGE=$folder/$name $words $folder/$name.elf");
	is($failed, 0, "make $words") or diag $text;
	is((stat 'build/ringside.elf')[9], $before, "make $words: the other image is as it was");
	return "$folder/$name";
}

# iPXE's features, byte by byte, of the first DHCP message of a file of QEMU's filter-dump: code => value.
sub features ($path) {
	my ($options) = (read_file($path) // '') =~ /c\x82Sc(.*)/s or return;
	while ($options =~ /\G\x00*([^\x00\xff])(.)/gcs) {
		my ($tag, $length) = (ord $1, ord $2);
		my $value = substr $options, pos $options, $length;
		return { unpack '(C C/a)*', $value } if $tag == 175;
		pos($options) += $length;
	}
	return;
}

my ($http, $https) = (0x13, 0x14);
for my $case ([ 'with', '', qr/connecting to 10\.0\.2\.2 port 9: the connection was refused/ ], [ 'without', 'WITHOUT=tls', qr/this image was built without TLS \(WITHOUT=tls\)/ ]) {
	my ($name, $words, $line) = @$case;
	my $image = $words ? image($name, $words) : Ringside::VM::default_image();
	my $dump  = "$folder/$name.pcap";
	# Nobody is asked: it does not matter that the discard port refuses.
	scenario("$name TLS", { image => $image, append => 'run=netboot netboot.kernel=https://10.0.2.2:9/x netboot.fail=poweroff', extra => [ '-object', "filter-dump,id=dump,netdev=net0,file=$dump" ] }, sub ($vm) {
		is($vm->wait_exit(30), 0, "$name TLS: gives up");
		like($vm->console, qr{netboot: https://10\.0\.2\.2:9/x: $line}, "$name TLS: https");
		my $features = features($dump);
		ok($features->{$http}, "$name TLS: option 175 has HTTP");
		is(exists $features->{$https} ? 1 : 0, $words ? 0 : 1, "$name TLS: option 175 has HTTPS only where there is TLS");
	});
}

# -- Images without other parts, each alone and all: they serve the page, and say what they have not got.
my %lost = (bench => 'bench', conform => 'conform', netboot => 'netboot');
for my $parts ([qw(bench)], [qw(conform)], [qw(emulated)], [qw(netboot)], [qw(bench conform)], [qw(balloon bench block conform console emulated entropy iperf3 netboot next tls)]) {
	my $words = join ' ', @$parts;
	# A label is part of a socket's name, and that may have 107 bytes.
	my $name  = @$parts > 4 ? 'all' : $words;
	my $image = image("without-$name" =~ tr/ /-/r, "WITHOUT='$words'");
	scenario("WITHOUT=$name", { image => $image, machine => 'q35', extra => [ '-device', 'e1000,netdev=other', '-netdev', 'user,id=other,net=10.0.9.0/24' ] }, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_ready;
		is(http_get('127.0.0.1', $vm->port(tcp => 80), '/')->{status}, 200, "$label: serves the page");
		my $help = $vm->command('help');
		for my $part (sort keys %lost) {
			my $there = !grep { $_ eq $part } @$parts;
			is($help =~ /^  $lost{$part} .*\n/m ? 1 : 0, $there ? 1 : 0, "$label: help: " . ($there ? $part : "no $part"));
		}
		my $emulated = !grep { $_ eq 'emulated' } @$parts;
		is($vm->command('lsmod') =~ /^e1000 /m ? 1 : 0, $emulated ? 1 : 0, "$label: lsmod: " . ($emulated ? 'e1000' : 'no e1000'));
		leaves_with($vm, 0);
	});
	my ($job) = grep { $lost{$_} } @$parts or next;
	scenario("WITHOUT=$name run=$job", { image => $image, machine => 'microvm', append => "run=$job" }, sub ($vm) {
		is($vm->wait_exit(30) >> 1, 3, "$vm->{label}: ends with the status for bad usage");
		like($vm->console, qr/run=$job: there is no such job; this image was built without \Q$words\E$/m, "$vm->{label}: and a line says why");
	});
}
($output, $status) = run('make WITHOUT="tls shell" build/nothing.elf');
isnt($status, 0, 'WITHOUT= of what is no part: fails');
like($output, qr/WITHOUT=tls shell: what can be left out is balloon bench block conform console emulated entropy iperf3 netboot next tls\./, 'and says what can be left out');

SKIP: {
	my $openssl = program('openssl') or skip 'openssl is not installed (package openssl)', 1;
	my $https_server = sub ($name) {
		my ($text, $failed) = run("$openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout $folder/$name.key -out $folder/$name.pem -days 30 -subj /CN=$name -addext subjectAltName=IP:10.0.2.2");
		is($failed, 0, "$name: a certificate") or diag $text;
		open my $nothing, '<', '/dev/null'          or die "/dev/null: $!\n";
		open my $log,     '>', "$folder/$name.log" or die "$name.log: $!\n";
		start_process($nothing, $log, $log, 'sh', '-c', 'cd "$0" && exec "$@"', $folder, $openssl, 's_server', '-WWW', '-accept', '127.0.0.1:0', '-cert', "$name.pem", '-key', "$name.key");
		return until_true(10, sub { (read_file("$folder/$name.log") // '') =~ /^ACCEPT .*:(\d+)$/m ? $1 : undef }) // die "$name: openssl does not start\n";
	};
	my ($known, $unknown) = map { $https_server->($_) } qw(known unknown);
	write_file("$folder/hello", "hello\n");
	my $image = image('authorities', "TLS_CA=$folder/known.pem");
	scenario('TLS_CA=FILE', { image => $image, append => 'services=none', cpu => 'max', extra => [ '-rtc', 'base=utc' ] }, sub ($vm) {
		$vm->wait_ready;
		like($vm->command("fetch -q https://10.0.2.2:$known/hello"), qr/: 6 bytes in /, 'TLS_CA=FILE: who is known there is believed');
		like($vm->command("fetch -q https://10.0.2.2:$unknown/hello"), qr/\Afetch: \S+: the server's certificate is of an issuer that is not known here\n\z/, 'TLS_CA=FILE: and nobody else');
		leaves_with($vm, 0);
	});
	($output, $status) = run("make IMAGE=$folder/nothing TLS_CA=$folder/nothing.pem $folder/nothing.elf");
	isnt($status, 0, 'TLS_CA= of a file that is not there: fails');
}

done_testing;
