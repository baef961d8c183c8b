# SPDX-License-Identifier: BSD-2-Clause
package Bench::Ringside;

# Ringside as a guest that is measured.

use v5.36;
use parent 'Bench::Guest';

sub missing ($class = undef) { return }

sub options ($class, %options) {
	my @words = ('services=http,echo,discard,chargen');
	push @words, "ip=$options{address}/24" if $options{address};
	return (append => "@words", extra => $options{extra} // []);
}

sub image_size ($class, @) { return -s Ringside::VM::default_image() . '.elf' }

sub wait_ready ($self) { return $self->{address} ? $self->{vm}->wait_ready(seconds => 60) : $self->{vm}->wait_prompt(seconds => 60) }

sub read ($self, %load) {
	return $self->read_everywhere(%load) if ($load{threads} // 1) > 1;
	my $line = join ' ', 'blkbench', @load{qw(disk count depth)}, $load{kib} // ();
	my ($count, $microseconds, $kicks, $interrupts) = $self->{vm}->command($line, seconds => 120) =~ /: (\d+) reads .*?, (\d+) us, (\d+) kicks, (\d+) interrupts/
	  or die "$self->{vm}{name}: no figures of a read\n";
	return { operations => $count, seconds => $microseconds / 1e6, kicks => $kicks, interrupts => $interrupts };
}

# From all CPUs: the benchmark does that; what counts is its median round.
sub read_everywhere ($self, %load) {
	my ($nanoseconds, $kicks, $interrupts) = $self->{vm}->command('bench block', seconds => 120)
	  =~ /^.*depth $load{depth}, all CPUs +ns +(\d+)(?: +\S+){6} +(\S+) +(\S+) +\S+$/m or die "$self->{vm}{name}: no figures of a read from all CPUs\n";
	return { operations => 1, seconds => $nanoseconds / 1e9, kicks => $kicks, interrupts => $interrupts };
}

# Kicks and interrupts so far of its virtio devices' queues.
sub counters ($self) {
	my %sum = (kicks => 0, interrupts => 0);
	for ($self->{vm}->command('devices') =~ /^ +queue \d+: (.*)$/mg) {
		for my $what (keys %sum) { $sum{$what} += $1 if /\b$what (\d+)/ }
	}
	return \%sum;
}

1;
