#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Back ends that lie: a disk and a network in processes of their own tell the guest's drivers one untruth, once or again
# and again. Each is a line, a reset where one helps, a device that is given up where it does not; the shell answers all
# the time, and after a lie that was told once both devices work.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Host qw(until_true);
use Ringside::Kvm  qw(kvm_options kvm_missing);
use Ringside::VM;
use Ringside::VhostUser;
use Test::More;

# perl tests/boot/hostile.t 'used-.*packed' tells only these.
my $only    = shift // '.';
my $program = 'build/conform/vhost-user';
for (qw(blk net)) { plan skip_all => "$program-$_ is not built (make $program-$_)" unless -x "$program-$_" }

my $not_lent = qr/the device used buffer \d+, which is not lent/;
my $index    = qr/used index went from \d+ to \d+, but \d+ buffers are lent/;
my $length   = qr/the device wrote \d+ bytes to a buffer of \d+/;
my $header   = qr/a frame with a header that makes no sense \(said once, counted on\)/;
my $silent   = qr/no answer for 1 s to operation \d+, sector \d+/;

# Of each lie: what the driver says of it, for the disk and for the network ('': nothing, it does not hurt; undef: it is
# none of that device), and whether the device is reset for it. What is only said is a warning.
my %lies = (
	'used-id'               => { blk => $not_lent, net => $not_lent, reset => 1 },
	'used-id-beyond'        => { blk => $not_lent, net => $not_lent, reset => 1 },
	'used-length-long'      => { blk => $length,   net => $length,   reset => 1 },
	'used-length-zero'      => { blk => qr/a read that is not all there: length 0/, net => $header },
	'used-twice'            => { blk => $index, net => $index, reset => 1 },
	'used-jump'             => { blk => $index, net => $index, reset => 1 },
	'used-back'             => { blk => $index, net => $index, reset => 1 },
	'descriptors-rewritten' => { blk => '', net => '' },
	'buffer-kept'           => { blk => $silent, net => '', reset => 1 },
	'status-unwritten'      => { blk => qr/gave back a request with status 255/ },
	'status-unknown'        => { blk => qr/gave an unknown status 119/ },
	'num-buffers-zero'      => { net => $header },
	'num-buffers-many'      => { net => qr/a frame of 65535 buffers, \d+ are lent/, reset => 1 },
	'num-buffers-next'      => { net => '' },
	'header-checksum'       => { net => $header },
	'header-flags'          => { net => '' },
	'header-length'         => { net => '' },
	'header-type'           => { net => $header },
	'header-segment'        => { net => $header },
	'frame-short'           => { net => $header },
	'frame-empty'           => { net => '' },
);
my %address = (blk => 4, net => 5);

# A machine with both devices, whose back ends get these words.
sub machine ($name, $words, $code, %options) {
	return unless $name =~ /$only/;
	my %back  = map { $_ => Ringside::VhostUser->start("$program-$_", '--socket', 'SOCKET', $_ eq 'blk' ? ('--queues', 1) : (), @$words) } keys %address;
	my @extra = ('-object', 'memory-backend-memfd,id=memory0,size=128M,share=on', '-machine', 'memory-backend=memory0',
		map({ ('-chardev', "socket,id=$_,path=$back{$_}{socket}") } sort keys %back),
		'-device', "vhost-user-blk-pci,chardev=blk,disable-legacy=on,addr=4$options{device}", '-netdev', 'vhost-user,id=net0,chardev=net',
		'-device', "virtio-net-pci,netdev=net0,mac=$Ringside::VM::MAC,romfile=,disable-legacy=on,addr=5$options{device}$options{vectors}");
	# A lie that is silence is not waited for long; a back end that is only late is no lie.
	my $timeout = $name =~ /^buffer-kept/ ? 1 : 3;
	scenario($name, { network => 'none', extra => \@extra, append => "ip=10.9.0.2/24 block.timeout=$timeout", %{ $options{vm} // {} } }, sub ($vm) {
		$vm->wait_prompt(seconds => 60);
		$code->($vm);
		leaves_with($vm, 0);
	});
	for (sort keys %back) {
		kill 'TERM', $back{$_}{pid};
		my $status;
		until_true(10, sub { defined($status = Ringside::Host::process_ended($back{$_}{pid})) });
		is($status, 0, "$name: the $_ back end ends well, without a finding of the sanitizers") or diag $back{$_}->said;
	}
	return;
}

sub pings ($vm)   { return $vm->command('ping -c 1 10.9.0.1') =~ / 1 received, 0% packet loss/ }
sub verifies ($vm) { return $vm->command('blktest --yes vda 1', seconds => 60) =~ /: 1 MiB verified/ }
my %works = (blk => \&verifies, net => \&pings);
my %line  = (blk => qr/(?:virtio\d-requests0|vda)/, net => qr/virtio\d-(?:receive|transmit)0/);

# What was said with a warning or an error about a device, without the words for others.
sub said ($vm, $kind) { return grep { /(?:warning|error): $line{$kind}: / || /(?:warning|error): 00:0$address{$kind}\.0(?::| \()/ } $vm->warnings }

# A lie that is told once by each. Each device whose driver has something to say about it says it, once; then they work.
sub once ($name, $lie, %options) {
	my $is = $lies{$lie};
	machine($name, [ '--fault', $lie, '--times', 1 ], sub ($vm) {
		for my $kind (sort keys %address) {
			my $expected = $is->{$kind} // '';
			my $good;
			until_true(30, sub {
				$good = $works{$kind}->($vm);
				return $good && (!length $expected || said($vm, $kind));
			});
			ok($good, "$name: the $kind device works") or diag $vm->last_words;
			my @said = said($vm, $kind);
			is(scalar(@said), length $expected ? 1 : 0, "$name: so many lines about it") or diag join "\n", @said;
			like($said[0] // '', $expected, "$name: which says what is wrong") if length $expected;
			next unless $is->{reset} && length $expected;
			like($vm->console, qr/00:0$address{$kind}\.0 \(virtio\d\): reset, and running again/, "$name: it is reset, and runs again");
		}
	}, device => '', vectors => ',vectors=0', %options);
	return;
}

for my $lie (sort keys %lies) { once("$lie, once", $lie) }
for my $lie (qw(used-id used-id-beyond used-length-long)) { once("$lie, once, packed", $lie, device => ',packed=on') }

# -- Told again and again

# What breaks a device each time: it is given up in the end, the other one too, and the shell answers.
for my $lie (qw(used-id used-length-long used-jump)) {
	machine("$lie, always", [ '--fault', $lie ], sub ($vm) {
		my $label = $vm->{label};
		my $given_up = qr/error: 00:0([45])\.0 \(virtio\d\): given up, it (?:broke the rules of its virtqueue|did not answer in time)\n/;
		my %given_up;
		until_true(90, sub {
			$works{$_}->($vm) for sort keys %works;
			%given_up = map { $_ => 1 } $vm->console =~ /$given_up/g;
			return keys %given_up == 2;
		});
		is(join(' ', sort keys %given_up), '4 5', "$label: both devices are given up") or diag $vm->last_words;
		like($vm->command('blkread vda 1'), qr/vda: /, "$label: the disk says that it is gone");
		my @states = $vm->command('devices') =~ /^virtio\d: .*, (given up), /mg;
		is(scalar(@states), 2, "$label: devices says so too");
	}, device => '', vectors => ',vectors=0');
}

# Interrupts for nothing, as fast as they can be sent: a line and a reset, and so on until it is given up.
machine('interrupt-storm, always', [ '--fault', 'interrupt-storm' ], sub ($vm) {
	my $label = $vm->{label};
	for my $kind (sort keys %address) {
		my $there = until_true(60, sub { $vm->console =~ /00:0$address{$kind}\.0 \(virtio\d\): reset, and running again/ });
		ok($there, "$label: the $kind device is reset") or diag $vm->last_words;
		like((said($vm, $kind))[0], qr/: 10000 interrupts in \d+ ms, for \d+ buffers$/, "$label: and a line says why");
		like($vm->command('devices'), qr/^virtio0: /m, "$label: the shell answers");
	}
}, device => '', vectors => ',vectors=0');

# What does not: one line each, however often. Those for which each request waits until somebody looks are told less often.
my %endless = (
	'status-unknown'   => { blk => $lies{'status-unknown'}{blk}, most => 2 },    # and that no partition table could be read
	'frame-short'      => { net => $header },
	'header-type'      => { net => $header },
	'interrupt-none'   => { rounds => 3 },
	'config-ones'      => { blk => qr{is not used, its configuration says \d+}, most => 8 },
	'config-zeroes'    => { blk => qr/is not used, its configuration says 0/, most => 8 },
	'config-moving'    => {},
	'buffer-kept'      => { blk => $silent, net => qr/the device does not send the \d+ frames that it has/, most => 12, rounds => 3 },
);
for my $lie (sort keys %endless) {
	my $is = $endless{$lie};
	machine("$lie, always", [ '--fault', $lie ], sub ($vm) {
		my $label = $vm->{label};
		for (1 .. $is->{rounds} // 6) { $works{$_}->($vm) for sort keys %works }
		for my $kind (sort keys %address) {
			until_true(20, sub { said($vm, $kind) }) if $is->{$kind};
			my @said = said($vm, $kind);
			cmp_ok(scalar(@said), '<=', $is->{$kind} ? $is->{most} // 1 : 0, "$label: so few lines about the $kind device") or diag join "\n", @said;
			like($said[0] // '', $is->{$kind}, "$label: which says what is wrong") if $is->{$kind};
		}
		cmp_ok(scalar(() = $vm->console =~ /resized from/g), '<=', 20, "$label: lines about the capacity are limited");
		like($vm->command('devices'), qr/^virtio0: /m, "$label: the shell answers");
	}, device => '', vectors => ',vectors=0');
}

# Every lie that a back end can tell is told here, but those that are the conformance suite's alone.
open my $list, '-|', "$program-blk", '--list-lies' or die "$program-blk: $!";
my @untold = grep { !$lies{$_} && !$endless{$_} && $_ ne 'interrupt-storm' } map { /^(\S+)\t\S/ ? $1 : () } <$list>;
close $list;
is("@untold", '', 'each lie is told');

# -- With messages, which TCG's QEMU 7.2 cannot give to vhost-user-net

my $no_kvm = kvm_missing();
SKIP: {
	skip "KVM, messages: $no_kvm", 1 if $no_kvm;
	local $ENV{RINGSIDE_PATIENCE} = 4 * ($ENV{RINGSIDE_PATIENCE} || 1);
	once('used-id, once, KVM, messages', 'used-id', vectors => '', vm => {kvm_options()});
}

done_testing;
