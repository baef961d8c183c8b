# SPDX-License-Identifier: BSD-2-Clause
# The files of lwIP that we compile, relative to its src/. include/lwipopts.h configures them.
LWIP_SOURCES := \
	core/init core/def core/dns core/inet_chksum core/ip core/mem core/memp core/netif core/pbuf \
	core/raw core/stats core/sys core/tcp core/tcp_in core/tcp_out core/timeouts core/udp \
	core/ipv4/dhcp core/ipv4/etharp core/ipv4/icmp core/ipv4/igmp core/ipv4/ip4 core/ipv4/ip4_addr core/ipv4/ip4_frag \
	core/ipv6/ethip6 core/ipv6/icmp6 core/ipv6/inet6 core/ipv6/ip6 core/ipv6/ip6_addr \
	core/ipv6/ip6_frag core/ipv6/mld6 core/ipv6/nd6 \
	api/api_lib api/api_msg api/err api/if_api api/netbuf api/netdb api/sockets api/tcpip \
	netif/ethernet
LWIP_SOURCES := $(LWIP_SOURCES:%=%.c)
