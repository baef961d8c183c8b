# SPDX-License-Identifier: BSD-2-Clause
package Ringside::Checks;

# What several tests assert. Each scenario has a machine of its own; when one dies on the way, that is one
# failed assertion with the end of its console, and the next scenario goes on.

use v5.36;
use Exporter qw(import);
use JSON::PP ();
use List::Util qw(sum);
use Ringside::Client qw(http_get http_talk);
use Ringside::Host   qw(read_file until_true);
use Ringside::Page   qw(html_fault html_text json_strings);
use Ringside::VM;
use Test::More;

our @EXPORT = qw(scenario scenarios_ahead image_version serves_as_it_should lease_is ping_answers page_is leaves_with memory_grown memory_of no_leak no_warnings self_test);

my $file_name = $0 =~ s{.*/}{}r =~ s/\.t$//r;

# A new machine; undef, after a failed assertion, when there is none.
sub start_machine ($name, $options) {
	my $vm = eval { Ringside::VM->start(name => "$file_name-" . $name =~ s/[^A-Za-z0-9]+/-/gr, %$options) };
	if (!$vm) {
		fail("$name: QEMU starts");
		diag $@;
		return;
	}
	$vm->{label} = $name;
	return $vm;
}

sub run_scenario ($vm, $code) {
	if (!eval { $code->($vm); 1 }) {
		my $message = $@;
		fail("$vm->{label}: goes to its end");
		diag $message;
		diag $vm->last_words unless $message =~ /last lines/;
	}
	$vm->stop;
	return;
}

# Runs $code with a new machine. `name` is how assertions begin; %options go to Ringside::VM.
sub scenario ($name, $options, $code) {
	my $vm = start_machine($name, $options);
	run_scenario($vm, $code) if $vm;
	return;
}

# The same for several, [name, options, code] each, one after the other; but so many machines are started ahead, for those
# whose firmware takes its time. Options may be a function that returns them when the machine is started.
sub scenarios_ahead ($ahead, @scenarios) {
	my @started;
	while (@scenarios || @started) {
		while (@scenarios && @started < $ahead) {
			my ($name, $options, $code) = @{ shift @scenarios };
			my $vm = start_machine($name, ref $options eq 'CODE' ? $options->() : $options) or next;
			push @started, [ $vm, $code ];
		}
		run_scenario(@{ shift @started }) if @started;
	}
	return;
}

# Version and commit, as they stand in the image (the build gives both).
sub image_version () {
	my $image = read_file(Ringside::VM::default_image() . '.elf') // '';
	return $image =~ /ringside (\d+\.\d+\.\d+\S*) ([0-9a-f]{12}\+?|unknown\+?)/ ? ($1, $2) : ('?', '?');
}

sub lease_is ($vm, $address) {
	is($vm->wait_ready, $address, "$vm->{label}: gets $address, $vm->{ready_ms} ms after its first instruction");
	return;
}

sub ping_answers ($vm, $host) {
	my $output = $vm->command("ping -c 3 $host");
	like($output, qr/^3 packets transmitted, 3 received, 0% packet loss/m, "$vm->{label}: ping $host");
	return;
}

sub no_warnings ($vm) {
	is(join("\n", $vm->warnings), '', "$vm->{label}: no warning");
	return;
}

sub leaves_with ($vm, $status, $line = 'poweroff') {
	$vm->command_last($line);
	is($vm->wait_exit, $status, "$vm->{label}: $line ends QEMU with status $status");
	return;
}

# Where memory is, in bytes: free or with the host; in caches that keep what they once had (newlib's heap, stacks for threads to
# come, the network stack's blocks); or used by others. That one is less a constant: only differences mean something.
sub memory_of ($facts) {
	my %memory = (map({ $_ => $facts->{memory}{$_} } qw(free lent heap stacks)), network => $facts->{network}{memory}{reserved});
	return { %memory, used => -sum(values %memory) };
}

# What has grown by more than it may, from one such account to another: '' when nothing has.
my %ROOM = (used => 64 << 10, heap => 128 << 10, stacks => 128 << 10, network => 256 << 10);
sub memory_grown ($before, $now) {
	return join ', ', map { my $more = $now->{$_} - $before->{$_}; $more > $ROOM{$_} ? "$_: $more bytes more, $ROOM{$_} may be" : () } sort keys %ROOM;
}

# Nothing has, or does so soon; $facts gives what the guest says of itself.
sub no_leak ($vm, $seconds, $before, $facts) {
	my $grown;
	ok(until_true($seconds, sub { !($grown = memory_grown($before, memory_of($facts->($vm)))) }), "$vm->{label}: no leak") or diag $grown;
	return;
}

sub memory_bytes ($text) {
	my ($number, $unit) = $text =~ /^(\d+)([MG])$/ or die "memory $text";
	return $number << ($unit eq 'G' ? 30 : 20);
}

# "BUS:DEVICE.FUNCTION VENDOR:DEVICE" of all functions that QEMU has, as QEMU tells.
sub qemu_functions ($vm) {
	my @found;
	my @left = map { @{ $_->{devices} } } @{ $vm->qmp->execute('query-pci') };
	while (my $device = shift @left) {
		push @found, sprintf '%02x:%02x.%x %04x:%04x', @$device{qw(bus slot function)}, @{ $device->{id} }{qw(vendor device)};
		push @left, @{ $device->{pci_bridge}{devices} // [] };
	}
	return sort @found;
}

# The page and the same as JSON say what this machine is. Returns the JSON, decoded.
sub page_is ($vm, %expect) {
	my $label = $vm->{label};
	my @at    = ($expect{host} // '127.0.0.1', $expect{port} // $vm->port(tcp => 80));
	my $first = http_get(@at, '/status.json');
	my $page  = http_get(@at, '/');
	is($first->{status}, 200, "$label: /status.json is there");
	is($first->{headers}{'content-type'}, 'application/json', "$label: /status.json is JSON");
	my $status = eval { JSON::PP::decode_json($first->{body}) };
	ok($status, "$label: /status.json can be parsed") or diag $@, $first->{body};
	return unless $status;
	ok(!$status->{incomplete}, "$label: /status.json is complete");

	my ($version, $commit) = image_version();
	is($status->{boot}{version}, $version, "$label: page has version $version");
	is($status->{boot}{commit},  $commit,  "$label: page has commit $commit");
	my $method = ref $expect{method} ? $expect{method} : qr{^\Q$expect{method}\E$};
	like($status->{boot}{method}, $method, "$label: page says booted by $status->{boot}{method}");
	my $line = $expect{command_line} // $vm->{append};
	$line = qr/^\Q$line\E$/ unless ref $line;
	like($status->{boot}{command_line}, $line, "$label: page has the command line");
	is(scalar @{ $status->{cpus}{cpus} }, $vm->{cpus}, "$label: page has CPUs: $vm->{cpus}");
	my $memory = memory_bytes($vm->{memory});
	my $total  = $status->{memory}{total};
	ok($total <= $memory && $total > $memory - (($expect{firmware_memory} // 2) << 20), "$label: page has the memory")
	  or diag "$total of $memory";

	my @functions = sort map { "$_->{address} $_->{id}" } @{ $status->{pci}{functions} };
	is("@functions", join(' ', qemu_functions($vm)), "$label: page has the PCI functions that QEMU has");

	my ($virtio) = grep { $_->{type} == 1 } @{ $status->{virtio}{devices} };
	my $transport = $expect{transport} // ($vm->is_microvm && $vm->{machine} !~ /pcie=on/ ? 'mmio 2' : 'pci modern');
	is($virtio->{transport}, $transport, "$label: virtio-net is found by $transport");
	is($virtio->{state}, 'driven', "$label: and driven");
	ok(scalar(grep { $_ eq 'version_1' } @{ $virtio->{features} }), "$label: features by name, version_1 among them");
	is(scalar(grep { $_->{broken} } @{ $virtio->{queues} }), 0, "$label: no queue is broken");

	my ($interface) = @{ $status->{network}{interfaces} };
	my ($device)    = @{ $status->{network_devices}{devices} };
	is($device->{mac}, $Ringside::VM::MAC, "$label: page has the MAC address");
	is($device->{name}, $interface->{name}, "$label: the interface is that device's");
	is($interface->{ipv4}, $expect{ipv4} // '10.0.2.15/24', "$label: page has the IPv4 address");
	is($interface->{gateway}, $expect{gateway} // '10.0.2.2', "$label: page has the gateway");
	is($interface->{dhcp}, 'bound', "$label: page says that the lease holds") unless $expect{static};
	my ($http) = grep { $_->{name} eq 'http' } @{ $status->{services}{services} };
	ok($http->{listening}, "$label: page says that http listens");

	is($page->{status}, 200, "$label: the page is there");
	like($page->{headers}{'content-type'}, qr{^text/html; charset=utf-8$}i, "$label: the page is HTML");
	is(html_fault($page->{body}), undef, "$label: the page is well-formed");
	# What stood in the JSON before and after the page was made stands in the page.
	my $after = JSON::PP::decode_json(http_get(@at, '/status.json')->{body});
	my %after = map { $_ => 1 } json_strings($after);
	my $text  = html_text($page->{body});
	my @missing = grep { $after{$_} && index($text, $_) < 0 } json_strings($status);
	is("@missing", '', "$label: the page has the same facts as the JSON");
	return $status;
}

# The kernel's own tests, by its command; each of its claims is an assertion here.
sub self_test ($vm) {
	my $output = $vm->command('selftest', seconds => 60);
	my $count  = 0;
	while ($output =~ /^(not )?ok \d+ - (.*)\n((?:  .*\n)*)/mg) {
		my ($bad, $claim, $seen) = ($1, $2, $3);
		$count++;
	  SKIP: {
			skip "$vm->{label}: selftest: $claim", 1 if $claim =~ s/ # SKIP (.*)/: $1/;
			ok(!$bad, "$vm->{label}: selftest: $claim") or diag $seen;
		}
	}
	my ($planned) = $output =~ /^1\.\.(\d+)$/m;
	is($count, $planned // -1, "$vm->{label}: selftest did all that it planned");
	return;
}

# The four things that every way to boot is asked for: lease, ping, page, clean exit.
sub serves_as_it_should ($vm, %expect) {
	lease_is($vm, '10.0.2.15');
	ping_answers($vm, '10.0.2.2');
	page_is($vm, %expect);
	no_warnings($vm) unless $expect{warnings};
	leaves_with($vm, 0);
	return;
}

1;
