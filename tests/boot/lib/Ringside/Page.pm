# SPDX-License-Identifier: BSD-2-Clause
package Ringside::Page;

# Looks at the status page: is it well-formed, what does it say?

use v5.36;
use Exporter qw(import);

our @EXPORT_OK = qw(html_fault html_text json_strings);

my %void     = map { $_ => 1 } qw(area base br col embed hr img input link meta source track wbr);
my %entities = (amp => '&', lt => '<', gt => '>', quot => '"', ndash => "\x{2013}", middot => "\x{b7}", nbsp => ' ');

sub decode ($name) {
	return chr hex $1 if $name =~ /^#x([0-9a-f]+)$/i;
	return chr $1     if $name =~ /^#([0-9]+)$/;
	return $entities{$name};
}

# What is wrong with the page, or undef: each element closed in its order, each attribute quoted,
# no stray < or &, each id once, one doctype and one title.
sub html_fault ($page) {
	my @open;
	my (%ids, $title);
	$page =~ s/\A<!DOCTYPE html>\s*//i or return 'no doctype';
	while ($page =~ /\G(?:([^<]+)|<(\/?)([a-z][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"<]*")?)*)\s*>|(.))/gcs) {
		my ($text, $slash, $name, $attributes, $stray) = ($1, $2, $3, $4, $5);
		my $where = 'at "' . substr($page, pos($page) - 1, 30) =~ s/\n.*//sr . '"';
		if (defined $stray) { return "stray $stray $where" }
		if (defined $text) {
			next if @open && $open[-1] =~ /^(?:style|script)$/;
			return "text outside of an element $where" if !@open && $text =~ /\S/;
			while ($text =~ /&([#a-z0-9]*)(;?)/gi) {
				return "bad entity &$1$2 $where" unless $2 && defined decode($1);
			}
			return "stray > $where" if $text =~ />/;
		} elsif ($slash) {
			my $last = pop @open // 'nothing';
			return "</$name> closes <$last> $where" if $last ne $name;
		} else {
			while ($attributes =~ /\bid="([^"]*)"/g) { return "id $1 twice" if $ids{$1}++ }
			$title = 1 if $name eq 'title';
			push @open, $name unless $void{$name};
		}
	}
	return "<$open[-1]> is never closed" if @open;
	return 'no title' unless $title;
	return;
}

# The text, without tags.
sub html_text ($page) {
	$page =~ s/<(style|script)\b.*?<\/\1>//gs;
	$page =~ s/<[^>]*>/ /g;
	$page =~ s/&([#a-z0-9]+);/decode($1) \/\/ ''/gie;
	return $page =~ s/\s+/ /gr;
}

# All strings in decoded JSON, however deep.
sub json_strings ($value) {
	return map { json_strings($_) } @$value            if ref $value eq 'ARRAY';
	return map { json_strings($_) } values %$value     if ref $value eq 'HASH';
	return () if ref $value || !defined $value;
	# Numbers are left out; a string that looks like one is no loss.
	return $value =~ /^-?[0-9.]+$/ || $value eq '' ? () : ($value);
}

1;
