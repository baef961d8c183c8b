#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# User networking: QEMU itself is router, DHCP server (10.0.2.2) and name server (10.0.2.3), and forwards a port. Needs
# no rights, and leaves nothing behind.
#
#	network-user.sh [IMAGE [WORDS...]]	IMAGE: build/ringside.elf; WORDS: more for QEMU
#	PORT=8080				where the guest's port 80 is on 127.0.0.1
set -eu
image=${1:-build/ringside.elf}
[ $# = 0 ] || shift
port=${PORT:-8080}

exec qemu-system-x86_64 -M q35 -m 128 -nodefaults -no-reboot -display none -serial mon:stdio -kernel "$image" \
	-netdev "user,id=net0,hostfwd=tcp:127.0.0.1:$port-:80" -device virtio-net-pci,netdev=net0,romfile= "$@"
