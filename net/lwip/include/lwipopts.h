/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How lwIP is configured: only what differs from its defaults (lwip/opt.h has the meaning of each).
 */
#ifndef NET_LWIP_LWIPOPTS_H
#define NET_LWIP_LWIPOPTS_H

/*
 * Threads: the receive threads call the stack directly under its lock; the thread of lwIP itself
 * runs the timers. See net/lwip/stack.h.
 */
#define NO_SYS 0
#define SYS_LIGHTWEIGHT_PROT 1
#define LWIP_TCPIP_CORE_LOCKING 1
#define TCPIP_THREAD_NAME "tcpip"
#define TCPIP_THREAD_STACKSIZE (32u << 10)
#define TCPIP_MBOX_SIZE 64

/*
 * Memory: everything comes from the allocator of net/lwip/memory.c, because any of it may be handed
 * to a device. Its total is bounded there, so lwIP's own numbers of each kind do not matter.
 */
#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 16
#define PBUF_POOL_BUFSIZE 1600
/* In front of the Ethernet header, for a header of the device's own. */
#define PBUF_LINK_ENCAPSULATION_HLEN 16

/* Ethernet */
#define LWIP_ARP 1
#define ARP_TABLE_SIZE 32
#define ARP_QUEUEING 1
#define ARP_QUEUE_LEN 16
#define LWIP_NETIF_HOSTNAME 1
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_NETIF_LOOPBACK 1
#define LWIP_HAVE_LOOPIF 1
#define LWIP_LOOPBACK_MAX_PBUFS 256
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1

/* IPv4 */
#define IP_REASS_MAX_PBUFS 256
#define MEMP_NUM_REASSDATA 16
#define IP_DEFAULT_TTL 64
#define LWIP_RAW 1
#define LWIP_IGMP 1
#define LWIP_DHCP 1
/*
 * The server knows whom it gave what; asking the link for a conflict costs a second of each boot.
 */
#define DHCP_DOES_ARP_CHECK 0
/* What fits into 576 bytes of packet, which every server takes: network boot says more than an address wants. */
#define DHCP_OPTIONS_LEN 308
#define LWIP_DNS 1
#define DNS_MAX_SERVERS 4
#define DNS_TABLE_SIZE 16

/* IPv6 */
#define LWIP_IPV6 1
#define LWIP_IPV6_NUM_ADDRESSES 4
#define LWIP_IPV6_AUTOCONFIG 1
#define LWIP_IPV6_MLD 1
#define LWIP_IPV6_FRAG 1
#define LWIP_IPV6_REASS 1
/*
 * The reassembly's notes are larger than the header they would overwrite where pointers have 64
 * bits.
 */
#define IPV6_FRAG_COPYHEADER 1
#define LWIP_ND6_NUM_NEIGHBORS 32
#define LWIP_ND6_NUM_DESTINATIONS 32
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS 2
#define MEMP_NUM_ND6_QUEUE 128

/*
 * TCP. The windows hold what is in flight at some Gbit/s for a millisecond, where there is memory
 * for that: all sockets together must not fill it with what nobody reads, or none would get on. So
 * the numbers here are the least, and memory.c decides how much is added. The segment size is that
 * of jumbo frames; lwIP lowers it to what each interface can carry.
 */
#define TCP_MSS 8960
#define TCP_OVERSIZE 1460
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 6
#define TCP_WND (16384u + network_window_more)
#define TCP_SND_BUF (32768u + network_window_more)
/*
 * Pieces enough for a full buffer of small segments. When they run out, a write learns that only after it has
 * made its segments, in vain, at each acknowledgement.
 */
#define TCP_SND_QUEUELEN (1024u + network_window_more / 256u)
#define TCP_SNDLOWAT (16u << 10)
/* Used where there is a `pcb`: a peer without window scaling is never told more than 64 KiB. */
#define TCP_WND_UPDATE_THRESHOLD LWIP_MIN(TCP_WND_MAX(pcb) / 4, 131072u)
#define TCP_QUEUE_OOSEQ 1
/*
 * What came ahead of a gap is kept up to the whole window: a sender to whom we take back what we said
 * that we have (RFC 2018, 8) falls back to one segment for each time-out.
 */
#define TCP_OOSEQ_MAX_BYTES 1
#define TCP_OOSEQ_BYTES_LIMIT(pcb) TCP_WND
#define TCP_OOSEQ_MAX_PBUFS 1
#define TCP_OOSEQ_PBUFS_LIMIT(pcb) network_early_packets()
#define LWIP_TCP_SACK_OUT 1
/* For recovery.c, and connection.c. */
#define LWIP_TCP_PCB_NUM_EXT_ARGS 3
#define TCP_LISTEN_BACKLOG 1
/* Frames that the device joined are acknowledged as the several that they were: lwip_hooks.h. */
#define LWIP_HOOK_FILENAME "lwip_hooks.h"
#define TCP_DEFAULT_LISTEN_BACKLOG 64
#define LWIP_TCP_KEEPALIVE 1
#define TCP_MSL 15000u

/* Sockets */
#define LWIP_NETCONN 1
#ifdef HOST_BUILD
#define LWIP_SOCKET 0 /* the host's C library has its own */
#else
#define LWIP_SOCKET 1
#endif
/*
 * Functions of the right names, but not read(), write() and close(): those are newlib's for all
 * files.
 */
#define LWIP_COMPAT_SOCKETS 2
#define LWIP_POSIX_SOCKETS_IO_NAMES 0
#define LWIP_SOCKET_OFFSET 16
#define MEMP_NUM_NETCONN (FD_SETSIZE - LWIP_SOCKET_OFFSET)
#define LWIP_SO_RCVTIMEO 1
#define LWIP_SO_SNDTIMEO 1
#define LWIP_SO_RCVBUF 1
#define RECV_BUFSIZE_DEFAULT (256 << 10)
/* It would wait for what does not come, and write to a connection that is freed. */
#define LWIP_SO_LINGER 0
#define SO_REUSE 1
#define LWIP_FIONREAD_LINUXMODE 1
#define LWIP_NETBUF_RECVINFO 1
#define DEFAULT_RAW_RECVMBOX_SIZE 32
#define DEFAULT_UDP_RECVMBOX_SIZE 128
#define DEFAULT_TCP_RECVMBOX_SIZE 256
#define DEFAULT_ACCEPTMBOX_SIZE 64

/* Counters that the status page shows */
#define LWIP_STATS 1
#define LWIP_STATS_LARGE 1
#define MEM_STATS 0
#define MEMP_STATS 0
#define SYS_STATS 0

#endif
