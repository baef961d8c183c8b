# SPDX-License-Identifier: BSD-2-Clause
package Ringside::Qtest;

# QEMU's test protocol, by which registers are written and interrupt lines raised behind a guest's back.
#
#	my $qtest = Ringside::Qtest->new;
#	scenario('...', { extra => [ $qtest->words ] }, sub ($vm) {
#		$qtest->ask('outl 0xcf8 0x80000000');
#		$qtest->line($qtest->ioapic($vm), 16, 1);

use v5.36;
use IO::Socket::UNIX;
use Ringside::Host qw(scratch until_true);

my $number = 0;

sub new ($class) { return bless { path => scratch() . '/qtest-' . ++$number }, $class }

sub words ($self) { return ('-qtest', "unix:$self->{path},server=on,wait=off", '-qtest-log', 'none') }

# What it answered, as a number where it is one.
sub ask ($self, $line) {
	$self->{socket} //= IO::Socket::UNIX->new(Peer => $self->{path}) // die "$self->{path}: $!\n";
	syswrite $self->{socket}, "$line\n";
	my $answer = '';
	until_true(5, sub { sysread $self->{socket}, $answer, 200, length $answer; $answer =~ /\n/ }) or die "qtest: no answer to \"$line\"\n";
	$answer =~ /^OK ?(\S*)/ or die "qtest: $line: $answer";
	return $1 ? hex $1 : 0;
}

# The place of the machine's I/O APIC among QEMU's objects.
sub ioapic ($self, $vm) {
	my @left = ('/machine');
	while (defined(my $path = shift @left)) {
		for my $child (@{ $vm->qmp->execute('qom-list', path => $path) }) {
			return "$path/$child->{name}" if $child->{type} eq 'child<ioapic>';
			push @left, "$path/$child->{name}" if $path eq '/machine' && $child->{type} =~ /^child</;
		}
	}
	die "no I/O APIC\n";
}

# Raises or lowers an input of it.
sub line ($self, $ioapic, $line, $level) { return $self->ask("set_irq_in $ioapic unnamed-gpio-in $line $level") }

1;
