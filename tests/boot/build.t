#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# The build itself: what it says when a library cannot be had, and that it builds again just what changed.

use v5.36;
use Cwd qw(getcwd);
use File::Path qw(make_path remove_tree);
use FindBin;
use Test::More;

chdir "$FindBin::Bin/../.." or die "no top folder: $!\n";
my $folder = getcwd . '/build/test/build';
remove_tree($folder);
make_path($folder);

# The command's output and exit status; the test's own make must not reach the one that it starts.
sub run ($command) {
	local @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};
	delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};
	my $output = `$command 2>&1`;
	return ($output, $? >> 8);
}

sub fails_with_one_line ($command, $pattern, $what) {
	my ($output, $status) = run($command);
	isnt($status, 0, "$what: fails");
	my @ours = grep { /^ringside: / } split /\n/, $output;
	is(scalar @ours, 1, "$what: says one line") or diag $output;
	like($ours[0] // '', $pattern, "$what: which says it");
	return;
}

sub write_file ($path, $text) {
	open my $file, '>', $path or die "$path: $!\n";
	print $file $text;
	close $file or die "$path: $!\n";
	return;
}

SKIP: {
	skip 'the pinned archives are those of Debian 12', 12 unless do {
		open my $release, '<', '/etc/os-release' or die "os-release: $!\n";
		my $text = join '', <$release>;
		$text =~ /^ID=debian$/m && $text =~ /^VERSION_ID="12"$/m;
	};
	make_path("$folder/wrong", "$folder/empty", "$folder/tools");
	write_file("$folder/wrong/newlib-3.3.0.tar.xz", "not newlib\n");
	fails_with_one_line(".ci/fetch newlib $folder/wrong",
		qr/newlib-3\.3\.0\.tar\.xz has sha256 \w{64}, expected c6f3a88b\w+: set NEWLIB_SRC=/, 'a wrong hash');

	# Nothing answers at the discard port of this machine: no archive can be reached.
	fails_with_one_line("http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 "
			. "APT_CONFIG=/dev/null .ci/fetch lwip $folder/empty",
		qr/could not fetch the source package lwip \(.+\); or set LWIP_SRC=/, 'no network');

	symlink "/usr/bin/$_", "$folder/tools/$_" for qw(dirname awk tr sh sed grep cut mkdir rm cat basename);
	fails_with_one_line("PATH=$folder/tools .ci/fetch lwip $folder/empty",
		qr/no apt-get to fetch the source package lwip with: set LWIP_SRC=/, 'no apt-get');
	fails_with_one_line(".ci/unpack $folder/nothing $folder/unpacked", qr/nothing: no such file or folder/,
		'sources that are not there');
}

# -- Just what changed.
my ($output, $status) = run('make -j2 images');
is($status, 0, 'the images build') or diag $output;
($output, $status) = run('make images');
is($output, '', 'a second make has nothing to do');

# What is compiled again when this file seems to be newer.
sub built_again ($changed) {
	my ($text) = run("make -j2 -W $changed images");
	return map { $_ => 1 } $text =~ m{^  CC +(\S+)$}mg;
}

my %built = built_again('kernel/x86/percpu.h');
ok($built{'kernel/x86/smp.c'} && $built{'kernel/thread/thread.c'}, 'a changed header builds what includes it');
ok(!$built{'kernel/random/chacha20.c'} && !$built{'lwip/core/tcp.c'}, 'and nothing else');
%built = built_again('net/lwip/include/lwipopts.h');
ok($built{'lwip/core/tcp.c'}, q{lwIP's options build lwIP});
%built = built_again('kernel/random/chacha20.c');
is_deeply([sort keys %built], ['kernel/random/chacha20.c'], 'a changed source builds one object');

# -- What cannot work is not linked.
write_file("$folder/thread_local.c", "static _Thread_local int each = 7;\nint main(void) { return each++; }\n");
($output, $status) = run("make -j2 APP=$folder/thread_local.c");
isnt($status, 0, 'an application with a thread-local variable is not linked');
like($output, qr/a thread-local variable, which nothing here makes work/, 'and a line says why');

done_testing;
