/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Little-endian fields that a device reads or writes while we do.
 *
 * Each accessor is exactly one access: the compiler neither repeats a read, which would let a
 * device change a value between its check and its use, nor splits a write. x86 is little-endian, so
 * no byte is moved. Order between accesses is the caller's business (kernel/x86/io.h).
 */
#ifndef DRIVERS_VIRTIO_WIRE_H
#define DRIVERS_VIRTIO_WIRE_H

#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire is little-endian");

typedef uint16_t le16;
typedef uint32_t le32;
typedef uint64_t le64;

static inline uint16_t wire_read16(const le16 *field)
{
	return __atomic_load_n(field, __ATOMIC_RELAXED);
}

static inline uint32_t wire_read32(const le32 *field)
{
	return __atomic_load_n(field, __ATOMIC_RELAXED);
}

static inline void wire_write16(le16 *field, uint16_t value)
{
	__atomic_store_n(field, value, __ATOMIC_RELAXED);
}

static inline void wire_write32(le32 *field, uint32_t value)
{
	__atomic_store_n(field, value, __ATOMIC_RELAXED);
}

static inline void wire_write64(le64 *field, uint64_t value)
{
	__atomic_store_n(field, value, __ATOMIC_RELAXED);
}

#endif
