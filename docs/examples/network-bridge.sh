#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A bridge: the guest is a machine on the network behind UPLINK, with an address of that network's DHCP server. Needs
# root. What it makes it takes away at its end; a bridge that is there already stays as it is.
#
#	network-bridge.sh [IMAGE [WORDS...]]	IMAGE: build/ringside.elf; WORDS: more for QEMU
#	BRIDGE=br0 TAP=tap0			names
#	UPLINK=eth1				the interface that joins a new bridge; none: only guests are on it
set -eu
image=${1:-build/ringside.elf}
[ $# = 0 ] || shift
bridge=${BRIDGE:-br0}
tap=${TAP:-tap0}
uplink=${UPLINK:-}
made_tap= made_bridge=

if [ -n "$uplink" ] && ip -o -4 address show dev "$uplink" | grep -q inet; then
	echo "$0: $uplink has an address of this machine, which would be cut off: make the bridge where your system" >&2
	echo "configures its network, with the address on the bridge, and name it with BRIDGE=" >&2
	exit 1
fi

clean_up() {
	trap - EXIT
	[ -z "$made_tap" ] || ip link delete "$tap"
	[ -z "$made_bridge" ] || ip link delete "$bridge"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

if ! ip link show dev "$bridge" >/dev/null 2>&1; then
	ip link add "$bridge" type bridge forward_delay 0
	made_bridge=yes
	ip link set "$bridge" up
	if [ -n "$uplink" ]; then
		ip link set "$uplink" master "$bridge" up
	fi
fi
ip tuntap add dev "$tap" mode tap
made_tap=yes
ip link set "$tap" master "$bridge" up

qemu-system-x86_64 -M q35 -m 128 -nodefaults -no-reboot -display none -serial mon:stdio -kernel "$image" \
	-netdev "tap,id=net0,ifname=$tap,script=no,downscript=no" -device virtio-net-pci,netdev=net0,romfile= "$@"
