#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# Randomness from the host, over each transport and ring; and a host that is sparing with it.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Ringside::Checks;
use Ringside::Client qw(http_get);
use Ringside::Host   qw(until_true);
use Test::More;

# Bytes that came from virtio-rng, as the generator counts them.
sub seeded ($vm) {
	my $status = JSON::PP::decode_json(http_get('127.0.0.1', $vm->port(tcp => 80), '/status.json')->{body});
	my ($source) = grep { $_->{name} eq 'virtio-rng' } @{ $status->{random}{sources} };
	return $source ? $source->{seeded} : 0;
}

my @ways = (
	[ 'q35',                'q35',     '',                       'virtio-rng-pci' ],
	[ 'q35, packed ring',   'q35',     '',                       'virtio-rng-pci,packed=on' ],
	[ 'pc, legacy',         'pc',      '',                       'virtio-rng-pci,disable-modern=on' ],
	[ 'pc, INTx',           'pc',      '',                       'virtio-rng-pci,vectors=0' ],
	[ 'q35, polled',        'q35',     'virtio.interrupts=poll', 'virtio-rng-pci' ],
	[ 'microvm',            'microvm', '',                       'virtio-rng-device' ],
	[ 'microvm, version 1', 'microvm', '',                       'virtio-rng-device' ],
);
for my $way (@ways) {
	my ($name, $machine, $append, $device) = @$way;
	my @extra = ('-device', $device);
	my %options = (machine => $machine, append => $append, extra => \@extra);
	$options{network} = 'none' if $name =~ /version 1/;    # both versions cannot be in one machine
	scenario($name, \%options, sub ($vm) {
		my $label = $vm->{label};
		$vm->wait_prompt;
		ok(until_true(5, sub { $vm->command('rng') =~ /^virtio\d+ at \S+: 64 bytes in 1 answers, idle$/m }), "$label: 64 bytes at the start");
		$vm->command('rng --reseed');
		ok(until_true(5, sub { $vm->command('rng') =~ /: 128 bytes in 2 answers, idle/ }), "$label: 64 more when asked");
		if ($name !~ /version 1/) {
			$vm->wait_ready;
			is(seeded($vm), 128, "$label: all of it went into the generator");
		}
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

# Two devices, one of which gives 8 bytes in half a minute.
scenario('sparing', { extra => [ '-device', 'virtio-rng-pci,max-bytes=8,period=30000', '-device', 'virtio-rng-pci' ] }, sub ($vm) {
	my $label = $vm->{label};
	$vm->wait_ready;
	my $output = '';
	until_true(5, sub { $output = $vm->command('rng'); $output !~ /asked for more/ });
	like($output, qr/: 8 bytes in 1 answers, idle$/m,  "$label: few bytes are taken");
	like($output, qr/: 64 bytes in 1 answers, idle$/m, "$label: the other device gives all");
	$vm->command('rng --reseed');
	ok(until_true(5, sub { $vm->command('rng') =~ /: 8 bytes in 1 answers, asked for more$/m }), "$label: nobody waits for the rest");
	self_test($vm);
	no_warnings($vm);
	leaves_with($vm, 0);
});

done_testing;
