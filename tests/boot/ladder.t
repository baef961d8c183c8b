#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# What `make bench` is made of: QEMU's trace is counted right, tables, plots and goals say what the figures say, and a
# part of the ladder is measured from beginning to end, by counts. Times are not looked at.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../bench/lib";
use Bench::Goals qw(goals);
use Bench::Plot  qw(bars);
use Bench::Results qw(load_all median);
use Bench::Tables  qw(tables);
use Bench::Trace;
use JSON::PP ();
use Ringside::Host qw(read_file scratch write_file);
use Test::More;

# -- The trace

sub counted ($devices, @lines) { return Bench::Trace::counted($devices, sub { shift @lines }) }

my @trace = map { "$_\n" } (
	'virtio_queue_notify vdev 0x1 n 0 vq 0x2',
	'memory_region_ops_write cpu 0 mr 0x1 addr 0xfe003000 value 0x0 size 2 name \'virtio-pci-notify-virtio-net\'',
	'memory_region_ops_read cpu 0 mr 0x1 addr 0xfe001000 value 0x0 size 1 name \'virtio-pci-isr-virtio-net\'',
	'memory_region_ops_write cpu 0 mr 0x1 addr 0xfe0000b0 value 0x0 size 4 name \'apic-msi\'',
	'virtio_notify_irqfd vdev 0x1 vq 0x2', 'virtio_notify vdev 0x1 vq 0x2',
	'memory_region_ops_write cpu 0 mr 0x1 addr 0xfe0000b0 value 0x0 size 4 name \'e1000-mmio\'',
	'ioapic_set_irq vector: 22 level: 1', 'ioapic_set_irq vector: 22 level: 0', 'ioapic_set_irq vector: 2 level: 1', 'ioapic_set_irq vector: 14 level: 1',
	'ahci_irq_raise ahci(0x1): raise irq', 'ahci_irq_lower ahci(0x1): lower irq',
	'memory_region_ops_read cpu 0 mr 0x1 addr 0x1f7 value 0x50 size 1 name \'ide\'',
	'memory_region_ops_write cpu 0 mr 0x1 addr 0xc040 value 0x9 size 1 name \'piix-bmdma\'',
);
is_deeply(counted(virtio  => @trace), { kicks => 1, accesses => 1, interrupts => 2 }, 'trace: virtio: a notification is no register access');
is_deeply(counted(e1000   => @trace), { accesses => 1, interrupts => 1 }, 'trace: e1000: its registers and its line, not the timer');
is_deeply(counted(rtl8139 => @trace), { accesses => 0, interrupts => 1 }, 'trace: rtl8139: no registers of others');
is_deeply(counted(ide     => @trace), { accesses => 2, interrupts => 1 }, 'trace: ide: both kinds of registers');
is_deeply(counted(ahci    => @trace), { accesses => 0, interrupts => 1 }, 'trace: ahci');

# -- Tables, plots and goals of figures that are made up

sub network ($rate, $kicks) { return { rate => $rate, p50 => 1e6 / $rate, cpu_microseconds => 2e6 / $rate, each => { kicks => $kicks, interrupts => 2 * $kicks, accesses => 0 } } }
sub guest ($rate, $kicks) { return { map { $_ => network($rate, $kicks) } qw(udp-1 udp-32 request connect send receive) } }

my %environment = (date => '2026-01-01 00:00 UTC', cpu => 'a CPU', cpus => 2, kernel => 'Linux 6', qemu => '7.2', accelerator => 'tcg', ringside => '0', runs => 3, load => 1);
my %parts = (
	'network-virtio' => { title => 'virtio-net', environment => \%environment, guests => { Ringside => guest(4000, 0.02), Linux => guest(1000, 1) } },
	'network-e1000'  => { title => 'e1000', guests => { Ringside => guest(2000, 3) } },
	'network-vhost-net' => { skipped => 'there is no /dev/vhost-net' },
	'start-q35'      => { guests => { Ringside => { milliseconds => 80 }, Linux => { milliseconds => 2400 }, line => { milliseconds => 50 } } },
	'rings'          => { guests => { Ringside => { split => { 'direct, one call, batch of 32: add and take' => 59 } } } },
);
my $tables = tables(\%parts);
like($tables->{'network-cost'}, qr{^\| e1000 \| 3\.00 / 6\.00 \| - / - \| }m, 'tables: a cost, and what was not measured');
like($tables->{'network-cost'}, qr{e1000.*virtio-net}s, 'tables: rungs stand in their order');
like($tables->{'network-rate'}, qr{^\| virtio-net \| 4\.00 k / 1\.00 k \(4\.0 x\) \| }m, 'tables: rates and their ratio');
like($tables->{machine}, qr{^\| QEMU's start .*, q35, time \| 80\.0 ms \| 2400 ms \| 30\.0 x \|$}m, 'tables: how many times as long Linux takes');
like($tables->{skipped}, qr{^- network-vhost-net: there is no /dev/vhost-net$}m, 'tables: what was skipped, and why');
like($tables->{environment}, qr{a CPU, 2 CPUs}, 'tables: of which machine');
{
	local $environment{load} = 9;
	my $busy = tables(\%parts);
	like($busy->{environment}, qr{other work disturbed}, 'tables: of a busy machine: that it was');
	like($busy->{'network-rate'}, qr{^Left out}, 'tables: of a busy machine: no rates');
	my ($goal) = grep { $_->{what} eq 'UDP echo, 32 in flight, times Linux' } goals(\%parts);
	is("$goal->{measured} $goal->{note}", '4 by CPU time', 'goals: of a busy machine: by CPU time');
}
my %columns;
for my $name (grep { $tables->{$_} =~ /^\|/ } keys %$tables) { $columns{$name}{ () = /(?<!\\)\|/g } = 1 for grep { /^\|/ } split /\n/, $tables->{$name} }
is(join(' ', grep { keys %{ $columns{$_} } > 1 } sort keys %columns), '', 'tables: all rows of one have as many columns');

my %goals = map { $_->{what} => $_ } goals(\%parts);
my %verdict = (
	'UDP echo, 32 in flight, times Linux' => 1, 'UDP echo, 32 in flight: kicks for each' => 1, 'TCP connect, request, close, times Linux' => 0,
	"QEMU's start to the first answer by TCP, q35, times faster than Linux" => 1, 'the same, times an image that only says a line, q35' => 0,
	'ring: instructions to add and take one buffer of a batch, split' => 1, 'ring: instructions to add and take one buffer of a batch, packed' => undef,
	'the least memory that serves page and echo' => undef,
);
for my $what (sort keys %verdict) {
	my $reached = $goals{$what}{reached};
	is(defined $reached ? $reached ? 1 : 0 : undef, $verdict{$what}, "goals: $what");
}

my $svg = bars('A & B', [ 'Ringside', 'Linux' ], [ 'first <one>', 10, 5 ], [ 'second', 2.5, undef ]);
my @widths = $svg =~ /<rect class="series\d" x="280" y="(?!31")[^>]*width="([\d.]+)" height="11"\/>/g;
is_deeply([ map { sprintf '%.2f', $_ / $widths[0] } @widths ], [ '1.00', '0.50', '0.25' ], 'plots: bars are as long as what they say');
like($svg, qr{>-</text>}, 'plots: nothing where nothing was measured');
like($svg, qr{<text[^>]*>first &lt;one&gt;</text>.*}s, 'plots: names are escaped');
my @open;
for my $tag ($svg =~ /<(\/?\w+)(?:[^>]*[^\/])?>/g) { $tag =~ s/^\/// ? is(pop @open, $tag, "plots: <$tag> is closed") : push @open, $tag }
is("@open", '', 'plots: every element is closed');

is(median(3, 1, undef, 2), 2, 'median: of an odd count, without what is missing');
is(median(4, 1), 2.5, 'median: of an even one');

# -- From beginning to end, without Linux: its packages are large

my $folder = scratch() . '/ladder/parts';
mkdir scratch() . "/ladder";
my @options = ("FOLDER=$folder", 'LINUX=no', 'RUNS=1', 'ROUND=0.05');
is(system('env', @options, 'ONLY=^(?:network-(?:virtio|e1000|vhost-net)|block-(?:virtio|ahci))$', 'sh', '-c', "$^X tests/bench/ladder.pl >$folder.log 2>&1") >> 8, 0, 'ladder: five parts are measured or skipped')
  or diag read_file("$folder.log");
my $measured = eval { load_all($folder) } // {};
my $each = sub ($part, $load) { return $measured->{$part}{guests}{Ringside}{$load}{each} // {} };
SKIP: {
	my $why = $measured->{'network-virtio'}{skipped};
	skip $why, 2 if defined $why;
	my $echo = $each->('network-virtio', 'udp-1');
	ok(($echo->{kicks} // 0) > 0.9 && $echo->{kicks} < 1.1, 'ladder: a kick for a round trip') or diag explain $echo;
	my $emulated = $each->('network-e1000', 'udp-1');
	ok(($emulated->{accesses} // 0) >= 1 && ($emulated->{interrupts} // 0) > 0.5, 'ladder: e1000 has register accesses and interrupts') or diag explain $emulated;
}
# Each second a timer looks for requests that take too long. It may find one done before its interrupt, and reads AHCI's registers.
my $read = $each->('block-virtio', 'random-1');
my $interrupts = delete $read->{interrupts} // 0;
is_deeply($read, { kicks => 1, accesses => 0 }, 'ladder: virtio-blk: one kick for a read');
ok($interrupts > 0.99 && $interrupts <= 1, "ladder: virtio-blk: and one interrupt ($interrupts)");
my $accesses = $each->('block-ahci', 'random-1')->{accesses} // 0;
ok($accesses >= 5 && $accesses < 5.01, "ladder: AHCI: five register accesses for a read ($accesses)");
ok($measured->{'block-virtio'}{environment}{qemu}, 'ladder: the environment is there');
is(system('sh', '-c', "$^X tests/bench/report $folder >$folder.md 2>&1") >> 8, 0, 'report: of these') or diag read_file("$folder.md");
like(read_file("$folder.md") // '', qr/^\| virtio-blk \| 1\.00 \/ (?:1\.00|1\.000|0\.99\d*) \| - \/ - /m, 'report: has them in its tables');
like(read_file("$folder/../ladder-block-exits.svg") // '', qr/^<svg .*AHCI.*virtio-blk/s, 'report: and plots');
isnt(system("RUNS=none $^X tests/bench/ladder.pl >$folder.log 2>&1") >> 8, 0, 'ladder: an option that is wrong');
like(read_file("$folder.log"), qr/^bench: RUNS=none: a number is wanted$/m, 'ladder: and what is wrong with it');

done_testing;
