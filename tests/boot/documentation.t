#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The manual says what is there: the guest's options, commands and facts are asked for and looked up in it, and
# what it describes is looked for in the guest. Links lead somewhere.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Client qw(http_get);
use Ringside::Host qw(read_file);
use File::Basename qw(dirname);
use JSON::PP ();
use Test::More;

# The titles of a page's sections of one level, and their text.
sub sections ($page, $level) {
	my $text = read_file($page) // die "$page is missing\n";
	my @parts = split /^#{$level} (.*)\n/m, $text;
	shift @parts;
	# A section ends where one of a higher level begins.
	return map { ($parts[ 2 * $_ ] =~ s/`//gr => $parts[ 2 * $_ + 1 ] =~ s/^#{1,@{[ $level - 1 ]}} .*//msr) } 0 .. @parts / 2 - 1;
}

# Is each of @there a title of the page, and each title one of them?
sub same_names ($page, $what, $sections, @there) {
	my %there = map { $_ => 1 } @there;
	is(join("\n", grep { !exists $sections->{$_} } @there), '', "$page has each $what");
	is(join("\n", grep { !$there{$_} } sort keys %$sections), '', "$page has no $what that is not there");
	return;
}

# The names of all members, at any depth.
sub members ($value) {
	return map { members($_) } @$value if ref $value eq 'ARRAY';
	return map { ($_, members($value->{$_})) } keys %$value if ref $value eq 'HASH';
	return;
}

sub check_status ($vm) {
	my $status   = JSON::PP::decode_json(http_get('127.0.0.1', $vm->port(tcp => 80), '/status.json')->{body});
	my %sections = sections('docs/status.md', 3);
	same_names('docs/status.md', 'section of /status.json', \%sections, keys %$status);
	for my $name (sort keys %$status) {
		my %seen;
		my @missing = grep { !$seen{$_}++ && ($sections{$name} // '') !~ /`\Q$_\E`/ } members($status->{$name});
		is("@missing", '', "docs/status.md, $name: has each field ($vm->{machine})");
	}
	return;
}

scenario('manual', { machine => 'q35', cpus => 2, memory => '64M', extra => [ '-device', 'virtio-rng-pci' ] }, sub ($vm) {
	$vm->wait_ready;
	my %options = sections('docs/command-line.md', 3);
	same_names('docs/command-line.md', 'option', \%options, $vm->command('options') =~ /^  (\S+=.*)$/mg);
	is(join(' ', grep { $options{$_} !~ /^Default: .*Example: `/ms } sort keys %options), '', 'each has its default and an example');

	my ($commands, $jobs) = split /^jobs .*\n/m, $vm->command('help');
	my %commands = sections('docs/shell.md', 3);
	same_names('docs/shell.md', 'command', \%commands, map { $vm->command("help $_") =~ /\A(.*)\n/ } $commands =~ /^  (\S+)/mg);
	my ($run) = map { $options{$_} } grep { /^run=/ } keys %options;
	is(join(' ', grep { $run !~ /`\Q$_\E`/ } $jobs =~ /^  (\S+)/mg), '', 'docs/command-line.md, run=: has each job');

	check_status($vm);
	leaves_with($vm, 0);
});

scenario('fields over MMIO', { machine => 'microvm' }, sub ($vm) {
	$vm->wait_ready;
	check_status($vm);
	leaves_with($vm, 0);
});

# Words that pass for Linux are those that the source has.
my ($words) = (read_file('kernel/options/options.c') // '') =~ /linux_words\[\] = \{(.*?)\};/s;
my @words = grep { $_ ne 'virtio_mmio.device' } $words =~ /"([^"]+)"/g;
my $page = read_file('docs/command-line.md') // '';
cmp_ok(scalar @words, '>', 10, 'words for Linux are found in the source');
is(join(' ', grep { index($page, "`$_`") < 0 } @words), '', 'docs/command-line.md has each word that passes for Linux');

# The place in a page that a title gets, as hosts of repositories make it.
sub anchor ($title) { return lc($title) =~ s/[^a-z0-9 _-]//gr =~ s/ /-/gr }

for my $file ('README.md', glob 'docs/*.md') {
	my $text = (read_file($file) // '') =~ s/^```.*?^```$//gmsr;
	my @dead;
	for my $link ($text =~ /\]\(([^)\s]+)\)/g) {
		next if $link =~ /^[a-z]+:/;
		my ($path, $place) = split /#/, $link, 2;
		$path = length $path ? dirname($file) . "/$path" : $file;
		if (!-e $path) {
			push @dead, $link;
		} elsif (defined $place) {
			my %places = map { anchor($_) => 1 } (read_file($path) // '') =~ /^#+ (.*)$/mg;
			push @dead, $link unless $places{$place};
		}
	}
	is("@dead", '', "$file: each link leads somewhere");
	next if $file eq 'README.md';
	ok(index(read_file('README.md') // '', "($file)") >= 0, "README.md leads to $file");
}

# What is named as a path of the repository is there.
for my $file ('README.md', glob 'docs/*.md') {
	my $text = read_file($file) // '';
	my @dead = grep { !-e && !glob } $text =~ m{`((?:boot|kernel|drivers|net|tests|docs|\.ci)/[\w./*-]*)`}g;
	is("@dead", '', "$file: names only files that exist");
}

my $testing = read_file('docs/testing.md') // '';
is(join(' ', grep { index($testing, "`$_`") < 0 } map { s{.*/}{}r } glob 'tests/boot/*.t'), '', 'docs/testing.md has each boot test');

# What is named as a function, as in the tour, is in the sources.
my $sources = join '', map { read_file($_) // '' } glob('{boot,kernel,drivers,net}/*.[chS] {boot,kernel,drivers,net}/*/*.[chS] drivers/virtio/*/*.[chS] tests/conformance/{,core/}*.h tests/fuzz/*.h');
for my $file (glob 'docs/*.md') {
	my %seen;
	my @dead = grep { !$seen{$_}++ && $sources !~ /\b\Q$_\E\b/ } (read_file($file) // '') =~ /\b([a-z]\w+)\(\)/g;
	is("@dead", '', "$file: names only functions that exist");
}

done_testing;
