# SPDX-License-Identifier: BSD-2-Clause
package Ringside::Payload;

# The tests' own kernel (tests/boot/programs/payload) at any size.

use v5.36;
use Exporter qw(import);
use Ringside::Host qw(scratch);

our @EXPORT_OK = qw(payload $PAYLOAD_GOOD $PAYLOAD_BAD);

# QEMU's status when the padding is whole, and when it is not.
our $PAYLOAD_GOOD = 33;
our $PAYLOAD_BAD  = 35;

my %made;

# Makes one of "bzImage", "efi" or "elf", of so many bytes. Returns its path, and what it says about its padding.
sub payload ($format, $size) {
	return @{
		$made{"$format $size"} //= do {
			my $path = scratch() . "/payload-$size.$format";
			my $said = qx(build/payload/pad build/payload/payload.$format $size $path);
			$said =~ /^([0-9a-f]{8}) ([0-9a-f]{16})$/ or die "payload: pad said '$said' (built by make test)\n";
			[ $path, "payload: padding: $1 bytes, checksum $2, good" ];
		}
	};
}

1;
