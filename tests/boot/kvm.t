#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# With KVM, where it can be used: real interrupt controllers and routes instead of emulated ones.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Client qw(tcp_echo chargen_hash);
use Ringside::Kvm    qw(kvm_options kvm_missing);
use Test::More;

my $missing = kvm_missing();
plan skip_all => $missing if $missing;

# Where KVM interprets, everything takes its time: taking all memory, too.
$ENV{RINGSIDE_PATIENCE} = 4 * ($ENV{RINGSIDE_PATIENCE} || 1);

for my $machine (qw(microvm q35)) {
	my %options = (machine => $machine, cpus => 2, memory => '32M', kvm_options(), append => 'services=http,echo,chargen');
	# The other mode of the timer, where the CPU model does not have it by itself.
	$options{cpu} .= ',+tsc-deadline' if $machine eq 'q35';
	scenario($machine, \%options, sub ($vm) {
		my $label = $vm->{label};
		lease_is($vm, '10.0.2.15');
		ping_answers($vm, '10.0.2.2');
		page_is($vm, method => 'pvh');
		my ($sent, $came) = tcp_echo('127.0.0.1', $vm->port(tcp => 7), 300_000);
		is($came, $sent, "$label: 300 KB of echo comes back as it went");
		self_test($vm) if $machine eq 'microvm';
		my ($hash, $expected) = chargen_hash('127.0.0.1', $vm->port(tcp => 19), 300_000);
		is($hash, $expected, "$label: 300 KB of chargen is RFC 864's pattern");
		no_warnings($vm);
		leaves_with($vm, 0);
	});
}

done_testing;
