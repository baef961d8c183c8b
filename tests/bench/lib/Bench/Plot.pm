# SPDX-License-Identifier: BSD-2-Clause
package Bench::Plot;

# Bars in SVG, readable on a light and on a dark page.
#
#	bars('Exits for each', [qw(Ringside Linux)], [ 'IDE', 10, 26 ], [ 'virtio', 0.03, undef ])

use v5.36;
use Bench::Tables qw(short);
use Exporter qw(import);
use List::Util qw(max);

our @EXPORT_OK = qw(bars);

use constant { WIDTH => 760, LEFT => 280, RIGHT => 80, BAR => 13, GAP => 9, TOP => 52 };

my $style = <<'END';
<style>
text { font: 12px sans-serif; fill: #24292f }
.title { font-weight: bold; font-size: 14px }
.name { text-anchor: end }
.axis { stroke: #8c959f }
.series0 { fill: #0969da }
.series1 { fill: #bf8700 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.series0 { fill: #58a6ff }
.series1 { fill: #d29922 }
}
</style>
END

sub escaped ($text) { return $text =~ s/&/&amp;/gr =~ s/</&lt;/gr =~ s/>/&gt;/gr }

# A row is a name, and a value for each series; undef has no bar and a "-".
sub bars ($title, $series, @rows) {
	my $largest = max(1e-9, map { my ($name, @values) = @$_; grep { defined } @values } @rows);
	my $scale   = (WIDTH - LEFT - RIGHT) / $largest;
	my $y       = TOP;
	my @shapes;
	for my $row (@rows) {
		my ($name, @values) = @$row;
		my $middle = $y + BAR * @values / 2 + 4;
		push @shapes, sprintf '<text class="name" x="%d" y="%.1f">%s</text>', LEFT - 8, $middle, escaped($name);
		for my $number (0 .. $#values) {
			my $width = defined $values[$number] ? $values[$number] * $scale : 0;
			push @shapes, sprintf '<rect class="series%d" x="%d" y="%d" width="%.1f" height="%d"/>', $number, LEFT, $y, $width, BAR - 2 if defined $values[$number];
			push @shapes, sprintf '<text x="%.1f" y="%.1f">%s</text>', LEFT + $width + 5, $y + BAR - 3, short($values[$number]);
			$y += BAR;
		}
		$y += GAP;
	}
	my $x = LEFT;
	my @legend;
	for my $number (0 .. $#$series) {
		push @legend, sprintf '<rect class="series%d" x="%d" y="31" width="11" height="11"/><text x="%d" y="41">%s</text>', $number, $x, $x + 16, escaped($series->[$number]);
		$x += 100;
	}
	return join "\n", sprintf('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">', WIDTH, $y, WIDTH, $y),
	  "<title>@{[ escaped($title) ]}</title>", $style . sprintf('<text class="title" x="10" y="20">%s</text>', escaped($title)),
	  @legend, sprintf('<line class="axis" x1="%d" x2="%d" y1="%d" y2="%d"/>', LEFT, LEFT, TOP - 4, $y - GAP + 2), @shapes, "</svg>\n";
}

1;
