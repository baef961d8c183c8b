# SPDX-License-Identifier: BSD-2-Clause
package Ringside::NetbootServers;

# A network to boot from, in the namespace of the test (Ringside::Tap's enter_namespace), with its servers:
#
#	my $net = Ringside::NetbootServers->new;	# a bridge with 10.9.0.1, 10.9.0.2 and fd09::1 of the host's
#	$net->file('ringside.efi', 'build/ringside.efi');
#	$net->dnsmasq(boot => { $mac => 'ringside.efi' });	# DHCP, PXE, TFTP at 10.9.0.1, IPv6 router, names below .test
#	$net->nginx;	# http://10.9.0.1/NAME; https://good.test/, expired.test, wrong.test, unknown.test; CA in $net->ca
#	$net->atftpd;	# TFTP with windowsize at 10.9.0.2
#	my @words = $net->tap;	# a TAP device in the bridge, as QEMU's -netdev net0
#
# All serve the folder $net->{root}. They end with the test; their files are in its scratch folder.

use v5.36;
use File::Copy ();
use File::Path qw(make_path);
use Cwd ();
use Digest::SHA qw(sha1_base64);
use Ringside::Host qw(program run scratch until_true read_file write_file start_process);
use Ringside::Tap  ();

our $HOST     = '10.9.0.1';
our $WINDOWS  = '10.9.0.2';    # where atftpd answers
our $HOST6    = 'fd09::1';
our @NAMES    = qw(good.test expired.test wrong.test unknown.test);
our $ANYWHERE = 8008;         # nginx's port at all addresses, those of one link too

# What is missing here, or undef. Of `ip`, `unshare` and dnsmasq enter_namespace() tells.
sub missing (@servers) {
	my %package = (nginx => 'nginx-light', atftpd => 'atftpd', openssl => 'openssl');
	for my $name (@servers) { return "$name is not installed (package $package{$name})" unless program($name) }
	return;
}

sub new ($class, %options) {
	my $self = bless { bridge => 'boot0', taps => 0, %options }, $class;
	$self->{folder} = Cwd::abs_path(scratch()) . "/$self->{bridge}";
	$self->{root}   = "$self->{folder}/root";
	make_path($self->{root});
	# Servers that give up being root may read it.
	chmod 0755, $self->{folder}, $self->{root}, scratch();
	my $ip = program('ip');
	run($ip, 'link', 'set', 'lo', 'up');
	run($ip, 'link', 'add', $self->{bridge}, 'type', 'bridge', 'forward_delay', 0, 'mcast_snooping', 0);
	run($ip, 'address', 'add', "$HOST/24", 'dev', $self->{bridge});
	# Not on the bridge: dnsmasq takes the TFTP port of each address there.
	run($ip, 'address', 'add', "$WINDOWS/32", 'dev', 'lo');
	run($ip, '-6', 'address', 'add', "$HOST6/64", 'dev', $self->{bridge}, 'nodad');
	run($ip, 'link', 'set', $self->{bridge}, 'up');
	# An address of its own: otherwise it has that of a TAP device in it, and another one when those come and go. Given
	# before, the bridge would be without carrier, and without an IPv6 address of its link, until the first has come.
	run($ip, 'link', 'set', $self->{bridge}, 'address', '52:54:00:00:00:01');
	return $self;
}

# A new TAP device in the bridge; its name.
sub tap_name ($self) {
	my $ip   = program('ip');
	my $name = "$self->{bridge}t" . $self->{taps}++;
	run($ip, 'tuntap', 'add', 'dev', $name, 'mode', 'tap');
	run($ip, 'link', 'set', $name, 'master', $self->{bridge}, 'up');
	return $name;
}

sub tap ($self) {
	my $name = $self->tap_name;
	return ('-netdev', "tap,id=net0,ifname=$name,script=no,downscript=no");
}

# A TAP device in the bridge behind the relay (tests/boot/programs/relay.c) with these faults ("loss=1"). Returns the relay's
# name, for stop_relay(), and QEMU's words.
sub relay ($self, @faults) {
	my $tap  = $self->tap_name;
	my $name = "relay-$tap";
	my $port = 20000 + 2 * $self->{taps};
	$self->start_server($name, sub ($pid) { $self->log($name) =~ /ready/ }, 'build/payload/relay', $tap, $port, $port + 1, @faults);
	return ($name, '-netdev', "dgram,id=net0,local.type=inet,local.host=127.0.0.1,local.port=@{[$port + 1]},remote.type=inet,remote.host=127.0.0.1,remote.port=$port");
}

# One with begin=signal begins now. The signal is taken before the next frame is.
sub wake_relay ($self, $name) {
	kill 'USR1', $self->{pids}{$name};
	return;
}

# Ends it; what it did, as { "to guest" => { frames => N, lost => N, ... }, "from guest" => ... }.
sub stop_relay ($self, $name) {
	my $pid = delete $self->{pids}{$name} or die "no $name runs\n";
	kill 'TERM', $pid;
	until_true(5, sub { defined Ringside::Host::process_ended($pid) }) or die "$name does not end\n";
	my %ways;
	for (split /\n/, $self->log($name)) {
		my ($way, $counts) = /^relay: ((?:to|from) guest): (.*)/ or next;
		$ways{$way} = { map { /^(\d+) (.*)/ ? ($2 => $1) : () } split /, /, $counts };
	}
	return \%ways;
}

# Serves a file, which is linked, or text.
sub file ($self, $name, $path) {
	my $to = "$self->{root}/$name";
	unlink $to;
	link $path, $to or File::Copy::copy($path, $to) or die "$to: $!\n";
	return $to;
}
sub text ($self, $name, $text) { return write_file("$self->{root}/$name", $text) }

sub start_server ($self, $name, $ready, @words) {
	my $path = "$self->{folder}/$name.log";
	open my $nothing, '<', '/dev/null' or die "/dev/null: $!";
	open my $log,     '>', $path       or die "$path: $!";
	my $pid = start_process($nothing, $log, $log, @words);
	$self->{pids}{$name} = $pid;
	until_true(10, sub { $ready->($pid) }) or die "$name does not start: " . $self->log($name);
	return $pid;
}

sub log ($self, $name) { return read_file("$self->{folder}/$name.log") // '' }

sub stop ($self, $name) {
	my $pid = delete $self->{pids}{$name} or return;
	Ringside::Host::kill_process($pid);
	return;
}

# Does somebody listen there? Asked of the kernel, since a connection would be a client.
sub listens ($table, $port) {
	my $hex = sprintf ':%04X ', $port;
	return grep { / [0-9A-F]+\Q$hex\E/ } map { split /\n/, read_file("/proc/net/$_") // '' } $table, "${table}6";
}

# DHCP, TFTP, DNS, router advertisements. `boot`: file or URL for a MAC address; an arrayref of it and of "HTTPClient"
# for UEFI HTTP boot. `options`: more words. `dhcp6`: addresses over IPv6 too; `no_ra`: no router advertisements; `proxy`: there may be a proxy DHCP server.
sub dnsmasq ($self, %given) {
	my $boot = $given{boot} // {};
	my @words;
	my $count = 0;
	for my $mac (sort keys %$boot) {
		my ($file, $class) = ref $boot->{$mac} ? @{ $boot->{$mac} } : ($boot->{$mac}, undef);
		my $tag = 'm' . $count++;
		push @words, "--dhcp-mac=set:$tag,$mac", "--dhcp-boot=tag:$tag,$file,,$HOST";
		push @words, "--dhcp-option-force=tag:$tag,60,$class" if defined $class;
	}
	# iPXE waits two seconds for a proxy DHCP server unless it is told (no-pxedhcp) that there is none.
	push @words, '--dhcp-option=encap:175,176,1b' unless $given{proxy};
	push @words, '--enable-ra', $given{dhcp6} ? '--dhcp-range=fd09::100,fd09::1ff,slaac,64,1h' : '--dhcp-range=fd09::,ra-only' unless $given{no_ra};
	$self->{leases} = "$self->{folder}/leases";
	$self->stop('dnsmasq');
	return $self->start_server('dnsmasq', sub ($pid) { $self->log('dnsmasq') =~ /started/ },
		program('dnsmasq'), '--keep-in-foreground', '--conf-file=/dev/null', '--log-facility=-', '--log-dhcp', '--pid-file=',
		'--user=root', '--group=', '--no-resolv', '--no-hosts', '--bind-interfaces', '--except-interface=lo', "--address=/test/$HOST", "--dhcp-leasefile=$self->{leases}",
		"--interface=$self->{bridge}", '--dhcp-range=10.9.0.50,10.9.0.99,255.255.255.0,1h', '--dhcp-authoritative',
		'--no-ping', '--enable-tftp', "--tftp-root=$self->{root}", '--tftp-no-fail', @words, @{ $given{options} // [] });
}

# Addresses that a MAC address holds by the lease file.
sub leases ($self, $mac) {
	return map { /^\d+ \Q$mac\E (\S+) / ? $1 : () } split /\n/, read_file($self->{leases}) // '';
}

sub atftpd ($self) {
	return $self->start_server('atftpd', sub ($pid) { listens('udp', 69) }, program('atftpd'), '--daemon', '--no-fork',
		'--user', 'root.root', '--logfile', '-', '--maxthread', 50, '--bind-address', $WINDOWS, $self->{root});
}

# A CA and three certificates of it: a good one, one that has expired, and one for another name than it is shown for; and
# one of another CA, which nobody knows.
sub certificates ($self) {
	my $folder = "$self->{folder}/certificates";
	return $folder if -e "$folder/ca.pem";
	make_path("$folder/new");
	my $openssl = program('openssl');
	my $quietly = sub (@words) { my $log = "$folder/log"; system("@words >>$log 2>&1") == 0 or die "@words: " . read_file($log) };
	write_file("$folder/index", '');
	write_file("$folder/ca.conf", <<"END");
[ca]
default_ca = own
[own]
database = $folder/index
new_certs_dir = $folder/new
certificate = $folder/ca.pem
private_key = $folder/ca.key
default_md = sha256
default_days = 30
rand_serial = yes
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
END
	my $key = 'ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
	$quietly->($openssl, "req -x509 -newkey $key -keyout $folder/$_.key -out $folder/$_.pem -days 30 -subj '/CN=Ringside test $_'",
		"-addext keyUsage=critical,keyCertSign,cRLSign") for qw(ca nobody);
	for my $name (@NAMES) {
		my $for   = $name eq 'wrong.test' ? 'other.test' : $name;
		my $dates = $name eq 'expired.test' ? '-startdate 20200101000000Z -enddate 20200201000000Z' : '';
		$quietly->($openssl, "req -new -newkey $key -keyout $folder/$name.key -out $folder/$name.csr -subj /CN=$for -addext subjectAltName=DNS:$for,IP:$HOST");
		my $issuer = $name eq 'unknown.test' ? "-cert $folder/nobody.pem -keyfile $folder/nobody.key" : '';
		$quietly->($openssl, "ca -batch -notext -config $folder/ca.conf $issuer $dates -in $folder/$name.csr -out $folder/$name.pem");
	}
	return $folder;
}

# The CA's certificate, as PEM.
sub ca ($self) { return $self->certificates . '/ca.pem' }

# HTTP on port 80, and HTTPS on 443 with a certificate by the name asked for. /slow/NAME comes at 20 KB/s, /whole/NAME without
# ranges, /moved/NAME redirects to /NAME, /loop to itself, /broken/NAME is 503, /locked/NAME is for the user "boot" with the
# password "p:w @1". Port 8008 is at addresses of one link too.
sub nginx ($self) {
	my $folder = "$self->{folder}/nginx";
	make_path($folder);
	my $places = <<"END";
		root $self->{root};
		location /slow/ { alias $self->{root}/; limit_rate 20k; }
		location /whole/ { alias $self->{root}/; max_ranges 0; }
		location /moved/ { rewrite ^/moved(/.*)\$ \$1 redirect; }
		location /loop { return 302 /loop; }
		location /broken/ { return 503; }
		location /locked/ { alias $self->{root}/; auth_basic boot; auth_basic_user_file $folder/users; }
END
	write_file("$folder/users", 'boot:{SHA}' . sha1_base64('p:w @1') . "=\n");
	my $certificates = program('openssl') ? $self->certificates : undef;
	my $https = !$certificates ? '' : join '', map { <<"END" } @NAMES;
	server {
		listen $HOST:443 ssl;
		listen [$HOST6]:443 ssl;
		server_name $_;
		ssl_certificate $certificates/$_.pem;
		ssl_certificate_key $certificates/$_.key;
$places	}
END
	write_file("$folder/nginx.conf", <<"END");
daemon off;
user root;
worker_processes 1;
pid $folder/pid;
error_log stderr;
events { worker_connections 128; }
http {
	access_log $folder/access.log;
	sendfile on;
	default_type application/octet-stream;
	absolute_redirect off;
	client_body_temp_path $folder/body;
	proxy_temp_path $folder/proxy;
	fastcgi_temp_path $folder/fastcgi;
	uwsgi_temp_path $folder/uwsgi;
	scgi_temp_path $folder/scgi;
	server {
		listen $HOST:80 default_server;
		listen [$HOST6]:80 default_server;
		listen [::]:$ANYWHERE;
$places	}
$https}
END
	my $pid = $self->start_server('nginx', sub ($pid) { -s "$folder/pid" && listens('tcp', 80) },
		program('nginx'), '-p', $folder, '-e', 'stderr', '-c', "$folder/nginx.conf");
	$self->{access_log} = "$folder/access.log";
	return $pid;
}

# The bridge's address of its link.
sub link_local ($self) {
	my $ip = program('ip');
	return until_true(15, sub { `$ip -6 address show dev $self->{bridge}` =~ m{inet6 (fe80:\S+)/64 scope link(?! tentative)} ? $1 : undef })
	  // die "$self->{bridge} has no address of its link\n";
}

# What nginx was asked for, and answered: "GET /name HTTP/1.1" 200 ...
sub requests ($self) { return map { /"([^"]*)" (\d+) (\d+)/ ? "$1 $2 $3" : () } split /\n/, read_file($self->{access_log}) // '' }

1;
