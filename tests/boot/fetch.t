#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Files over the network by `fetch`: from dnsmasq, atftpd and nginx, by IPv4, IPv6 and names, whole and with the right sum;
# and from servers that are slow, silent, broken or lying: each ends in success, or in one clear line in bounded time.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA qw(sha256_hex);
use Ringside::BadServer qw(bad_http bad_tftp reset say_to);
use Ringside::Checks;
use Ringside::Host qw(write_file);
use Ringside::NetbootServers;
use Ringside::Tap qw(enter_namespace);
use Ringside::VM;
use Test::More;
use Time::HiRes qw(time sleep);

my $missing = enter_namespace(@ARGV) // Ringside::NetbootServers::missing(qw(nginx atftpd openssl));
plan skip_all => $missing if $missing;

my $net = Ringside::NetbootServers->new;
my ($host, $windows, $host6) = ($Ringside::NetbootServers::HOST, $Ringside::NetbootServers::WINDOWS, $Ringside::NetbootServers::HOST6);
my $bad = 8081;

srand 5;
sub noise ($length) { return join '', map { pack 'L', rand 2**32 } 1 .. $length / 4 }
my $large = noise(4_000_000);
my $small = noise(100_000);
my $empty = '';
# A multiple of the block size: its last block is empty.
my $even = noise(1468 * 64 * 2);
my %files = (large => $large, small => $small, empty => $empty, even => $even, 'a b' => $small);
$net->text($_, $files{$_}) for keys %files;
truncate $net->text('vast', ''), 8 << 30 or die "vast: $!\n";
$net->dnsmasq;
$net->atftpd;
$net->nginx;

# -- What no server should do
my $ok = "HTTP/1.1 200 OK\r\n";
sub whole ($socket, $content) { return say_to($socket, $ok . 'Content-Length: ' . length($content) . "\r\n\r\n$content") }
sub from ($request) { return $request =~ /^Range: bytes=(\d+)-/m ? $1 : 0 }
sub part ($socket, $content, $from, $tag, $length = length($content) - $from) {
	my $last = length($content) - 1;
	return say_to($socket, "HTTP/1.1 206 Partial Content\r\nETag: \"$tag\"\r\nContent-Range: bytes $from-$last/" . length($content)
		. "\r\nContent-Length: " . (length($content) - $from) . "\r\n\r\n" . substr $content, $from, $length);
}
my %paths = (
	'/silent'    => sub ($socket, @) { sleep 30 },
	'/stops'     => sub ($socket, @) { say_to($socket, "${ok}Content-Length: 100000\r\n\r\n" . substr $small, 0, 5000); sleep 30 },
	# Six seconds for it, which is longer than the silence that is allowed.
	'/slow'      => sub ($socket, @) { say_to($socket, "${ok}Content-Length: 600\r\n\r\n"); for (0 .. 11) { say_to($socket, substr $small, 50 * $_, 50); sleep 0.5 } },
	'/nothing'   => sub (@) { },
	'/resets'    => sub ($socket, @) { reset($socket) },
	'/shorter'   => sub ($socket, @) { say_to($socket, "${ok}Content-Length: 100001\r\n\r\n$small") },
	'/longer'    => sub ($socket, @) { say_to($socket, "${ok}Content-Length: 99999\r\n\r\n$small") },
	'/negative'  => sub ($socket, @) { say_to($socket, "${ok}Content-Length: -1\r\n\r\n$small") },
	'/two'       => sub ($socket, @) { say_to($socket, "${ok}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!") },
	'/chunked'   => sub ($socket, @) { say_to($socket, "${ok}Transfer-Encoding: chunked\r\n\r\n" . join('', map { sprintf "%x;x\r\n%s\r\n", 1000, substr $small, 1000 * $_, 1000 } 0 .. 99) . "0\r\nA: b\r\n\r\n") },
	# A whole answer on a connection that is kept, and then much that nobody asked for.
	'/chatty'    => sub ($socket, @) { whole($socket, $small); sleep 1; say_to($socket, 'x' x 1000) && sleep 0.01 for 1 .. 500 },
	'/chatter'   => sub ($socket, @) { whole($socket, $small); say_to($socket, 'x' x 1000) && sleep 0.01 for 1 .. 500 },
	'/badchunk'  => sub ($socket, @) { say_to($socket, "${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n") },
	'/cutchunk'  => sub ($socket, @) { say_to($socket, "${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhel") },
	'/close'     => sub ($socket, @) { say_to($socket, "$ok\r\n$small") },
	'/nohttp'    => sub ($socket, @) { say_to($socket, "220 welcome\r\n") },
	'/gzip'      => sub ($socket, @) { say_to($socket, "${ok}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx") },
	'/endless'   => sub ($socket, @) { say_to($socket, $ok); 1 while say_to($socket, 'X: ' . 'y' x 1000 . "\r\n") },
	'/interim'   => sub ($socket, @) { 1 while say_to($socket, "HTTP/1.1 100 Continue\r\n\r\n" x 100) },
	'/circle'    => sub ($socket, @) { say_to($socket, "HTTP/1.1 302 Found\r\nLocation: /circle2\r\nContent-Length: 0\r\n\r\n") },
	'/circle2'   => sub ($socket, @) { say_to($socket, "HTTP/1.1 302 Found\r\nLocation: /circle\r\nContent-Length: 0\r\n\r\n") },
	'/away'      => sub ($socket, @) { say_to($socket, "HTTP/1.1 301 Moved\r\nLocation: http://$host/small\r\nContent-Length: 0\r\n\r\n") },
	# 100 KB a connection, and another end each time.
	'/breaks'    => sub ($socket, $request, $count) { part($socket, $large, from($request), 'v1', 400_000) if from($request); say_to($socket, "${ok}ETag: \"v1\"\r\nContent-Length: 4000000\r\n\r\n" . substr $large, 0, 400_000) unless from($request); reset($socket) if $count % 2; sleep 0.05 },
	'/changes'   => sub ($socket, $request, $count) {
		return say_to($socket, "${ok}ETag: \"v1\"\r\nContent-Length: 100000\r\n\r\n" . 'x' x 5000) if !$count;
		return $request =~ /If-Range: "v2"/ ? part($socket, $small, from($request), 'v2')
		  : say_to($socket, "${ok}ETag: \"v2\"\r\nContent-Length: 100000\r\n\r\n" . substr $small, 0, $count == 1 ? 7000 : 100_000);
	},
	'/noranges'  => sub ($socket, $request, $count) { say_to($socket, "${ok}Content-Length: 100000\r\n\r\n" . substr $small, 0, $count < 2 ? 20_000 * ($count + 1) : 100_000) },
	'/wrongpart' => sub ($socket, $request, $count) { $count ? part($socket, $small, 10, 'v1') : say_to($socket, "${ok}ETag: \"v1\"\r\nContent-Length: 100000\r\n\r\n" . substr $small, 0, 5000) },
);
bad_http($host, $bad, \%paths);

sub data ($number, $content) { return pack 'nna*', 3, $number & 0xffff, $content }
# Lockstep, with a network that does $what to block $number.
sub lockstep ($socket, $peer, $content, $do = sub ($send, @) { $send->() }) {
	my $select = IO::Select->new($socket);
	for (my $number = 1; ($number - 1) * 512 <= length $content; $number++) {
		my $block = data($number, substr $content, ($number - 1) * 512, 512);
		TRY: for my $try (1 .. 10) {
			$do->(sub { $socket->send($block, 0, $peer) }, $number, $try);
			my $deadline = time + 0.4;
			while ((my $left = $deadline - time) > 0) {
				$select->can_read($left) or last;
				my $from = $socket->recv(my $answer, 1000);
				last TRY if defined $from && $answer eq pack 'nn', 4, $number & 0xffff;
			}
		}
	}
	return;
}
my %tftp = (
	silent  => sub (@) { },
	stops   => sub ($socket, $peer, $) { $socket->send(data(1, 'x' x 512), 0, $peer); sleep 30 },
	plain   => sub ($socket, $peer, $) { lockstep($socket, $peer, $small) },
	loses   => sub ($socket, $peer, $) { lockstep($socket, $peer, substr($small, 0, 20_000), sub ($send, $number, $try) { $send->() if $number % 7 || $try > 1 }) },
	doubles => sub ($socket, $peer, $) { lockstep($socket, $peer, $small, sub ($send, @) { $send->() for 1, 2 }) },
	refuses => sub ($socket, $peer, $) { $socket->send(pack('nnZ*', 5, 2, 'go away'), 0, $peer) },
	oack    => sub ($socket, $peer, $) { $socket->send(pack('n(Z*)*', 6, blksize => 9999), 0, $peer) },
	lies    => sub ($socket, $peer, $) { $socket->send(pack('n(Z*)*', 6, tsize => 5), 0, $peer); $socket->recv(my $ack, 100); lockstep($socket, $peer, $small) },
	cut     => sub ($socket, $peer, $) { $socket->send(pack('n(Z*)*', 6, tsize => 500), 0, $peer); $socket->recv(my $ack, 100); lockstep($socket, $peer, 'short') },
	# Twice, as when it was asked twice.
	old     => sub ($socket, $peer, $request) {
		return lockstep($socket, $peer, $small) if $request !~ /tsize/;
		$socket->send(pack('nnZ*', 5, 8, 'no options'), 0, $peer) for 1, 2;
	},
	long    => sub ($socket, $peer, $) { $socket->send(data(1, 'x' x 1000), 0, $peer) },
	garbage => sub ($socket, $peer, $) { $socket->send('garbage', 0, $peer) },
	port    => sub ($socket, $peer, $) {
		my $other = IO::Socket::IP->new(LocalHost => $host, LocalPort => 0, Proto => 'udp');
		lockstep($socket, $peer, $small, sub ($send, $number, @) { $send->(); $other->send(data($number + 1, 'x' x 512), 0, $peer) if $number % 10 == 5 });
	},
);
bad_tftp($host, 6969, \%tftp);
bad_tftp($host6, 6969, \%tftp);
my $near = $net->link_local;
bad_tftp("$near%$net->{bridge}", 6969, \%tftp);

# -- The checks
my $vm;

# Its sum, or the line with which it failed.
sub fetch ($words) {
	my $start  = time;
	# A line longer than the terminal is wide is not seen as it was typed.
	my $from   = length $vm->console;
	my $output = length $words < 60 ? $vm->command("fetch -q $words", seconds => 40)
	  : do { $vm->command_last("fetch -q $words"); join '', $vm->wait_for(qr{\n((?:fetch: |\w+://)(?:.*\n)*?)ringside> }, from => $from, seconds => 40) };
	return ($output, time - $start);
}

sub comes ($words, $content, $what, $also = qr//) {
	my ($output, $took) = fetch($words);
	my $sum = sha256_hex($content);
	my $length = length $content;
	like($output, qr/: $length bytes in .*\n(?:.*\n)*  sha256 $sum\n/, "$what: comes whole");
	like($output, $also, "$what: $also") if $also ne qr//;
	return;
}

sub fails ($words, $line, $what, $most = 15) {
	my ($output, $took) = fetch($words);
	like($output, qr/\Afetch: \S+: $line\n\z/, "$what: is told in one line");
	cmp_ok($took, '<', Ringside::Host::within($most), "$what: in less than $most s");
	return;
}

my %options = (cpu => 'max', append => 'netboot.timeout=4 tls.ca=0 services=none', network => [ $net->tap, '-device', "virtio-net-pci,netdev=net0,romfile=,mac=$Ringside::VM::MAC" ],
	extra => [ '-rtc', 'base=utc', '-initrd', $net->ca ]);
scenario('servers', \%options, sub ($machine) {
	$vm = $machine;
	my $label = $vm->{label};
	$vm->wait_ready;
	my $global = Ringside::Host::until_true(15, sub { $vm->command('ip') =~ m{inet6 (fd09:\S+)/64 scope global(?! tentative)} ? $1 : undef });
	ok($global, "$label: has an IPv6 address");

	for my $name (qw(large small empty even)) {
		comes("http://$host/$name", $files{$name}, "$label: nginx, $name", qr/resumed 0 times/);
		comes("tftp://$host/$name", $files{$name}, "$label: dnsmasq's TFTP, $name");
		comes("tftp://$windows/$name", $files{$name}, "$label: atftpd with windows, $name");
	}
	comes("http://[$host6]/large", $large, "$label: nginx by IPv6");
	comes("tftp://[$host6]/large", $large, "$label: dnsmasq's TFTP by IPv6");
	comes("http://good.test/small", $small, "$label: by a name");
	comes("tftp://good.test/small", $small, "$label: TFTP by a name");
	comes("-i eth0 http://$host/small", $small, "$label: by an interface");
	comes("http://$host/a%20b", $small, "$label: a name with a blank");
	comes("tftp://$host/a%20b", $small, "$label: TFTP, a name with a blank");
	comes("http://$host/moved/small", $small, "$label: redirected", qr{^  from http://\Q$host\E/small$}m);
	comes("http://$host/whole/small", $small, "$label: without ranges");

	# The password is in no line.
	comes("http://boot:p%3Aw%20%401\@$host/locked/small", $small, "$label: with a password", qr{\Ahttp://\Q$host\E/locked/small: });
	fails("http://boot:wrong\@$host/locked/small", qr/the server says 401 .*/, "$label: a wrong password");
	fails("http://$host/locked/small", qr/the server says 401 .*/, "$label: no password");

	# An address of one link: its zone says of which; there is one only.
	my $port = $Ringside::NetbootServers::ANYWHERE;
	comes("http://[$near%25eth0]:$port/small", $small, "$label: nginx at an address of the link");
	comes("http://[$near%eth0]:$port/small", $small, "$label: the zone as people write it");
	comes("http://[$near]:$port/small", $small, "$label: without its zone");
	comes("tftp://[$near%25eth0]:6969/plain", $small, "$label: TFTP at an address of the link");
	fails("http://[$near%25eth7]:$port/small", qr/there is no interface eth7/, "$label: a zone that is not there");
	fails("http://[$host6%25eth0]/small", qr/\Q$host6\E is not an address of one link/, "$label: a zone where none belongs");
	comes("-k http://$host/large", $large, "$label: kept in memory");
	my $sum = sha256_hex($small);
	comes("-s $sum http://$host/small", $small, "$label: with the sum that was asked for");
	fails("-s " . 'ab' x 32 . " http://$host/small", qr/its sha256 is .* not abababababababab\.\.\./, "$label: another sum");

	# Without a sum no byte is copied, but for the requests'; in memory each is once.
	my ($copied) = $vm->command("fetch -q -n http://$host/large") =~ / (\d+) bytes copied/;
	cmp_ok($copied // 1e9, '<', 1000, "$label: no byte of a file is copied that nobody wants");
	($copied) = $vm->command("fetch -q -n -k http://$host/large") =~ / (\d+) bytes copied/;
	cmp_ok($copied // 1e9, '<', 4_001_000, "$label: each byte is copied once to memory");

	comes("https://good.test/large", $large, "$label: https");
	comes("https://$host/small", $small, "$label: https, an address in the certificate");
	fails("https://expired.test/small", qr/the server's certificate has expired, on 2020-02-01; this machine's clock says 20\d\d-\d\d-\d\d/, "$label: expired certificate");
	fails("https://wrong.test/small", qr/the server's certificate is for another name than wrong\.test/, "$label: certificate for another name");
	fails("https://unknown.test/small", qr/the server's certificate is of an issuer that is not known here/, "$label: certificate of an issuer that nobody knows");
	fails("https://$host:80/small", qr/the server does not speak TLS/, "$label: http where https was asked for");
	comes("https://good.test/moved/small", $small, "$label: https, redirected");

	comes('module:0', Ringside::Host::read_file($net->ca), "$label: what QEMU loaded");
	fails('module:1', qr/the VMM has loaded 1 modules beside us, counted from 0/, "$label: what it did not load");
	fails("http://$host/none", qr/the server says 404 Not Found/, "$label: 404");
	fails("http://$host/broken/x", qr/the server says 503 Service.*/, "$label: 503");
	fails("http://$host/loop", qr{redirects in a circle: http://\Q$host\E/loop again}, "$label: redirect to itself");
	fails("tftp://$host/none", qr/the server says: file \S+ not found.* \(error 1\)/, "$label: TFTP, no such file");
	fails("tftp://$windows/none", qr/the server says: File not found \(error 1\)/, "$label: atftpd, no such file");
	fails("http://unknown.example/", qr/no name server knows unknown\.example, or none answers/, "$label: unknown name");
	fails("http://$host:9/", qr/connecting to \Q$host\E port 9: the connection was refused/, "$label: nobody listens");
	fails("http://10.9.0.200/", qr/connecting to 10\.9\.0\.200 port 80: there is no answer/, "$label: nobody is there");
	fails("-i eth7 http://$host/", qr/there is no interface eth7/, "$label: no such interface");
	fails("ftp://$host/", qr/ftp is not a scheme that is known/, "$label: unknown scheme");

	no_warnings($vm);
	my ($connections) = scalar grep { m{^GET /small } } $net->requests;
	cmp_ok($connections, '>', 5, "$label: nginx was asked");
	leaves_with($vm, 0);
});

scenario('bad servers', \%options, sub ($machine) {
	$vm = $machine;
	my $label = $vm->{label};
	my $http  = "http://$host:$bad";
	$vm->wait_ready;
	comes("$http/slow", substr($small, 0, 600), "$label: slow");
	comes("$http/breaks", $large, "$label: breaks again and again", qr/resumed (?:9|1\d) times/);
	comes("$http/changes", $small, "$label: another file on the way");
	comes("$http/noranges", $small, "$label: breaks, without ranges");
	comes("$http/chunked", $small, "$label: chunks");
	comes("$http/close", $small, "$label: up to the end of the connection");
	comes("$http/longer", substr($small, 0, 99999), "$label: longer than it says");
	comes("$http/away", $small, "$label: redirected to another server");
	fails("$http/silent", qr/the server has said nothing for 4 s, not even the answer's head/, "$label: silent");
	fails("$http/stops", qr/the server has said nothing for 4 s/, "$label: stops");
	fails("$http/nothing", qr/the server closed the connection without an answer/, "$label: closes at once");
	fails("$http/resets", qr/the connection was reset/, "$label: resets at once");
	fails("$http/shorter", qr/the connection ended in the middle of the answer, at byte 100000, again and again/, "$label: shorter than it says");
	fails("$http/negative", qr/its Content-Length is not a number/, "$label: negative length");
	fails("$http/two", qr/it has two Content-Lengths/, "$label: two lengths");
	fails("$http/badchunk", qr/a chunk is longer than its size/, "$label: malformed chunk");
	fails("$http/cutchunk", qr/the connection ended in the middle of the answer.*/, "$label: cut chunk");
	fails("$http/nohttp", qr/the answer is not HTTP\/1/, "$label: no HTTP");
	fails("$http/gzip", qr/the server encodes the file \(Content-Encoding\), unasked/, "$label: encoded");
	fails("$http/endless", qr/its head is too long/, "$label: endless head");
	fails("$http/interim", qr/its head is too long/, "$label: endless interim answers");
	fails("$http/circle", qr{redirects in a circle: \Q$http\E/circle again}, "$label: redirects in a circle");
	fails("$http/wrongpart", qr/the server sends another part than byte 5000 and following/, "$label: another part");

	for my $at ($host, "[$host6]") {
		my $tftp = "tftp://$at:6969";
		comes("$tftp/plain", $small, "$label: $at: TFTP without options");
		comes("$tftp/old", $small, "$label: $at: TFTP server that refuses options");
		comes("$tftp/loses", substr($small, 0, 20_000), "$label: $at: TFTP, blocks are lost");
		comes("$tftp/doubles", $small, "$label: $at: TFTP, every block twice");
		fails("$tftp/refuses", qr/the server says: go away \(error 2\)/, "$label: $at: TFTP error");
	}
	my $tftp = "tftp://$host:6969";
	comes("$tftp/port", $small, "$label: TFTP, somebody else sends too");
	fails("$tftp/silent", qr/no answer from the server in 4 s/, "$label: TFTP, silent");
	fails("$tftp/stops", qr/the server has said nothing for 4 s/, "$label: TFTP, stops");
	fails("$tftp/oack", qr/the server wants another block size than was asked for/, "$label: TFTP, a block size that nobody asked for");
	fails("$tftp/lies", qr/more came than the 5 bytes that were announced/, "$label: TFTP, longer than it says");
	fails("$tftp/cut", qr/5 bytes came, 500 were announced/, "$label: TFTP, shorter than it says");
	fails("$tftp/long", qr/the server's block is longer than what was agreed on/, "$label: TFTP, too long a block");
	fails("$tftp/garbage", qr/the server sent what is no answer of TFTP/, "$label: TFTP, garbage");

	# What comes on a connection that is kept for the next file ends it.
	my $held = sub { ($vm->command('facts network') =~ /buffers held: (\d+)/)[0] };
	my $before = $held->();
	for my $more (qw(chatty chatter)) {
		comes("$http/$more", $small, "$label: a server that says more ($more)");
		sleep 3;
		my $kept = $held->() - $before;
		cmp_ok($kept, '<', 30, "$label: of which nothing is kept: $kept buffers");
	}
	# ^C ends it.
	$vm->command_last("fetch $http/silent");
	sleep 1;
	$vm->type("\x03");
	ok($vm->wait_for(qr{fetch: \Q$http\E/silent: interrupted}), "$label: ^C ends it");
	$vm->wait_prompt(from => length($vm->{console}) - 20);
	$vm->command_last('fetch https://good.test/vast');
	sleep 2;
	$vm->type("\x03");
	ok($vm->wait_for(qr{fetch: https://good\.test/vast: interrupted}), "$label: ^C ends it, too, when there is always something to read");
	no_warnings($vm);
	leaves_with($vm, 0);
});

scenario('no authorities', { %options, append => 'netboot.timeout=4 services=none', extra => [] }, sub ($machine) {
	$vm = $machine;
	$vm->wait_ready;
	fails('https://good.test/small', qr/no certificates of authorities here: build with TLS_CA=FILE, or give tls\.ca=/, "$vm->{label}: https");
	leaves_with($vm, 0);
});

done_testing;
