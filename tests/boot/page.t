#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The status page in a browser: headless Chromium's document has the facts, and a picture of it is kept
# (build/test/status-page.png).

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Ringside::Checks;
use Ringside::Host qw(program read_file scratch within);
use Ringside::Page qw(html_text json_strings);
use Test::More;

my $browser = program(qw(chromium-headless-shell headless_shell chrome-headless-shell));
plan skip_all => 'no chromium-headless-shell' unless $browser;

# Runs the browser on a page; returns what it printed.
sub browse (@words) {
	my $profile = scratch() . '/chromium';
	open my $nothing, '<', '/dev/null' or die "/dev/null: $!";
	open my $output,  '+>', "$profile.output" or die "$profile.output: $!";
	open my $errors,  '+>', "$profile.errors" or die "$profile.errors: $!";
	my $pid = Ringside::Host::start_process($nothing, $output, $errors, $browser, '--no-sandbox', '--disable-gpu',
		'--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
		"--user-data-dir=$profile", @words);
	my $status;
	Ringside::Host::until_true(40, sub { defined($status = Ringside::Host::process_ended($pid)) })
	  or Ringside::Host::kill_process($pid);
	is($status, 0, 'the browser ends well') or diag read_file("$profile.errors");
	return read_file("$profile.output") // '';
}

my @devices = ('-device', 'virtio-rng-pci', '-device', 'pcie-root-port,id=above,chassis=1,slot=1', '-device', 'virtio-balloon-pci,bus=above');
my %options = (machine => 'q35', cpus => 2, append => 'services=http,echo,discard,chargen', extra => \@devices);

scenario('in a browser', \%options, sub ($vm) {
	$vm->wait_ready;
	my $status  = page_is($vm, method => 'pvh');
	my $address = 'http://127.0.0.1:' . $vm->port(tcp => 80) . '/';

	my $document = browse('--dump-dom', $address);
	utf8::decode($document);
	like($document, qr{<title>[^<]*Ringside[^<]*</title>}, 'the document has a title');
	my $text = html_text($document);
	my @facts = (@{ $status->{boot} }{qw(version commit)}, $Ringside::VM::MAC, '10.0.2.15',
		'pci modern', 'version_1', 'virtio_net',
		map { $_->{id} } @{ $status->{pci}{functions} });
	is(join(' ', grep { index($text, $_) < 0 } @facts), '', 'the document has the facts');
	is(scalar(() = $document =~ /<section\b/g), scalar keys %$status, 'each part of the JSON is a section');

	my $picture = 'build/test/status-page.png';
	unlink $picture;
	browse("--screenshot=$picture", '--window-size=1200,1600', '--hide-scrollbars', $address);
	my $png = read_file($picture) // '';
	my ($width, $height) = $png =~ /\A\x89PNG\r\n\x1a\n....IHDR(.{4})(.{4})/s ? map { unpack 'N', $_ } $1, $2 : (0, 0);
	is("$width x $height", '1200 x 1600', 'a picture of it is taken');
	cmp_ok(length $png, '>', 20_000, 'and it is not blank');
	no_warnings($vm);
	leaves_with($vm, 0);
});

done_testing;
