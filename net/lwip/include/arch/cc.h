/* SPDX-License-Identifier: BSD-2-Clause */
/* What lwIP asks of a compiler and a platform. Every file of lwIP includes this first. */
#ifndef NET_LWIP_ARCH_CC_H
#define NET_LWIP_ARCH_CC_H

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <sys/types.h>

/* lwIP takes an undefined SSIZE_MAX as a sign that there is no ssize_t. */
#ifndef SSIZE_MAX
#define SSIZE_MAX LONG_MAX
#endif

#define LWIP_TIMEVAL_PRIVATE 0
#define LWIP_ERRNO_STDINCLUDE 1

#define lwip_htons(value) __builtin_bswap16(value)
#define lwip_htonl(value) __builtin_bswap32(value)

uint32_t random_u32(void);
#define LWIP_RAND() random_u32()

/* Packets can make lwIP complain, so its complaints are not printed; its counters have them. */
#define LWIP_PLATFORM_DIAG(arguments)                                                              \
	do {                                                                                       \
	} while (0)
void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define LWIP_PLATFORM_ASSERT(text) panic("lwIP: %s (%s:%d)", text, __FILE__, __LINE__)

/*
 * Payload that the stack copies is counted, because it should not be. Copies of a few bytes with a
 * constant length (addresses, header fields) go through SMEMCPY and are not.
 */
extern uint64_t network_bytes_copied;

static inline void *network_copy(void *to, const void *from, size_t length)
{
	__atomic_fetch_add(&network_bytes_copied, length, __ATOMIC_RELAXED);
	return memcpy(to, from, length);
}

#define MEMCPY(to, from, length) network_copy(to, from, length)

uint16_t network_checksum(const void *bytes, int length); /* net/lwip/checksum.h */
#define LWIP_CHKSUM network_checksum

/* A constant few bytes: no call, which freestanding code otherwise makes of it. */
#define SMEMCPY(to, from, length) __builtin_memcpy(to, from, length)

/* One lock for the whole stack; giving it back tells the devices what was queued under it. */
void network_core_lock(void);
void network_core_unlock(void);
void network_core_assert(void);
#define LOCK_TCPIP_CORE() network_core_lock()
#define UNLOCK_TCPIP_CORE() network_core_unlock()
#define LWIP_ASSERT_CORE_LOCKED() network_core_assert()

/* Bytes that the windows of TCP have above their least: see lwipopts.h. */
extern uint32_t network_window_more;

/* lwIP's heap: net/lwip/memory.c */
void *network_memory_alloc(size_t size);
void *network_memory_zalloc(size_t count, size_t size);
void network_memory_free(void *memory);
uint16_t network_early_packets(void);
#define mem_clib_malloc network_memory_alloc
#define mem_clib_calloc network_memory_zalloc
#define mem_clib_free network_memory_free

#endif
