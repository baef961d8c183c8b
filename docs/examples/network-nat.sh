#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# NAT: a network of the guest's own behind an address of this machine's, which gives out addresses and names (dnsmasq) and
# hides the guest behind its own (nft, or iptables). Needs root. What it makes it takes away at its end.
#
#	network-nat.sh [IMAGE [WORDS...]]	IMAGE: build/ringside.elf; WORDS: more for QEMU
#	BRIDGE=nat0 TAP=nattap0			names
#	NETWORK=192.168.78			the first three numbers of a network that nobody else here has
set -eu
image=${1:-build/ringside.elf}
[ $# = 0 ] || shift
bridge=${BRIDGE:-nat0}
tap=${TAP:-nattap0}
network=${NETWORK:-192.168.78}
forward=/proc/sys/net/ipv4/ip_forward
forwarded=$(cat $forward)
dnsmasq= rules=

if command -v nft >/dev/null; then
	add_rules() {
		nft -f - <<-END
			table ip ringside_$bridge {
				chain postrouting {
					type nat hook postrouting priority srcnat;
					ip saddr $network.0/24 oifname != "$bridge" masquerade
				}
			}
		END
	}
	remove_rules() { nft delete table ip "ringside_$bridge"; }
else
	add_rules() { iptables -t nat -A POSTROUTING -s "$network.0/24" ! -o "$bridge" -j MASQUERADE; }
	remove_rules() { iptables -t nat -D POSTROUTING -s "$network.0/24" ! -o "$bridge" -j MASQUERADE; }
fi

clean_up() {
	trap - EXIT
	[ -z "$dnsmasq" ] || kill "$dnsmasq" || :
	[ -z "$rules" ] || remove_rules
	echo "$forwarded" >$forward
	ip link delete "$tap" 2>/dev/null || :
	ip link delete "$bridge" 2>/dev/null || :
}

if ip link show dev "$bridge" >/dev/null 2>&1 || ip link show dev "$tap" >/dev/null 2>&1; then
	echo "$0: there is a $bridge or $tap already: choose others with BRIDGE= and TAP=" >&2
	exit 1
fi
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

ip link add "$bridge" address 52:54:00:00:00:01 type bridge forward_delay 0
ip address add "$network.1/24" dev "$bridge"
ip link set "$bridge" up
ip tuntap add dev "$tap" mode tap
ip link set "$tap" master "$bridge" up
echo 1 >$forward
add_rules
rules=yes
dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file= --interface="$bridge" --except-interface=lo --bind-interfaces \
	--dhcp-range="$network.50,$network.99,255.255.255.0,1h" --dhcp-authoritative --no-ping --leasefile-ro </dev/null &
dnsmasq=$!

qemu-system-x86_64 -M q35 -m 128 -nodefaults -no-reboot -display none -serial mon:stdio -kernel "$image" \
	-netdev "tap,id=net0,ifname=$tap,script=no,downscript=no" -device virtio-net-pci,netdev=net0,romfile= "$@"
