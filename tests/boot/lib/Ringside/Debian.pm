# SPDX-License-Identifier: BSD-2-Clause
package Ringside::Debian;

# Kernels that others made, out of Debian's packages: fetched once into build/debian, unpacked, never installed.
#
#	my ($kernel, $missing) = debian_file('linux-image-cloud-amd64', 'boot/vmlinuz-*');
#	my $archive = cpio(init => [ 0755, "#!/bin/sh\n" ], 'bin/busybox' => [ 0755, $bytes ]);

use v5.36;
use Exporter qw(import);
use Fcntl qw(:flock);
use File::Path qw(make_path);
use Ringside::Host qw(program top);

our @EXPORT_OK = qw(debian_file cpio);

my $folder = 'build/debian';

# What a command printed; undef and the reason when it failed.
sub output_of (@words) {
	open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @words or return (undef, "$words[0]: $!");
	my $text = join '', <$pipe>;
	return close $pipe ? ($text) : (undef, $text =~ /^([EW]: .*)/m ? $1 : "$words[0] failed");
}

# A package that only leads to another one, as those of kernels do.
sub leads_to ($package) {
	my $apt = program('apt-cache');
	return (undef, 'there is no apt-cache to ask for packages') unless $apt;
	my ($text, $why) = output_of($apt, 'depends', $package);
	return (undef, $why) unless defined $text;
	return $text =~ /^\s*Depends: (linux-image-\d\S+)/m ? $1 : $package;
}

sub fetch ($package) {
	my $place = "$folder/$package";
	return ($place) if -d $place;
	my ($real, $missing) = leads_to($package);
	return (undef, "$package: $missing") unless $real;
	make_path("$place.new");
	my $absolute = top() . "/$place.new";
	for my $step ([ 'apt-get', '-q', '-o', 'APT::Sandbox::User=root', 'download', $real ], [ 'sh', '-c', 'dpkg-deb -x ./*.deb . && rm ./*.deb' ]) {
		my ($text, $why) = output_of('sh', '-c', 'cd "$0" && exec "$@"', $absolute, @$step);
		return (undef, "$package could not be fetched: $why") unless defined $text;
	}
	rename "$place.new", $place or return (undef, "$place: $!");
	return ($place);
}

# The path of a file of a package; undef and the reason when it cannot be had.
sub debian_file ($package, $pattern) {
	make_path($folder);
	# Tests run side by side.
	open my $lock, '>', "$folder/lock" or return (undef, "$folder/lock: $!");
	flock $lock, LOCK_EX;
	my ($place, $why) = fetch($package);
	return (undef, $why) unless $place;
	my ($path) = glob "$place/$pattern";
	return $path ? ($path) : (undef, "$package has no $pattern");
}

# An archive as the kernel unpacks it (Linux's Documentation/driver-api/early-userspace/buffer-format.rst): name => [mode, content];
# a folder's content is undef.
sub cpio (%files) {
	my ($archive, $inode) = ('', 0);
	my $entry = sub ($name, $mode, $content) {
		my @numbers = (++$inode, $mode, 0, 0, 1, 0, length $content, 0, 0, 0, 0, 1 + length $name, 0);
		my $header  = join '', '070701', map({ sprintf '%08x', $_ } @numbers), "$name\0";
		for ($header, $content) { $_ .= "\0" x (-length($_) % 4); $archive .= $_ }
	};
	for my $name (sort keys %files) {
		my ($mode, $content) = @{ $files{$name} };
		$entry->($name, $mode | (defined $content ? 0100000 : 0040000), $content // '');
	}
	$entry->('TRAILER!!!', 0, '');
	return $archive;
}

1;
