/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seam between Ringside and hardware: ports, memory-mapped registers and ordering.
 *
 * Everything that touches a device register goes through these functions and nothing else does, so
 * that the host build (HOST_BUILD, see tests/device/) can put a model device behind the same
 * sources. Accesses have exactly the width their name says and are never merged or reordered by the
 * compiler. Context: any.
 */
#ifndef KERNEL_X86_IO_H
#define KERNEL_X86_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef HOST_BUILD

uint8_t port_read8(uint16_t port);
uint16_t port_read16(uint16_t port);
uint32_t port_read32(uint16_t port);
void port_write8(uint16_t port, uint8_t value);
void port_write16(uint16_t port, uint16_t value);
void port_write32(uint16_t port, uint32_t value);

static inline void port_write8_string(uint16_t port, const void *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		port_write8(port, ((const uint8_t *)bytes)[i]);
}

/* So many words from or to the same port. */
static inline void port_read16_string(uint16_t port, void *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint16_t value = port_read16(port);

		__builtin_memcpy((uint8_t *)words + 2 * i, &value, sizeof(value));
	}
}

static inline void port_write16_string(uint16_t port, const void *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint16_t value;

		__builtin_memcpy(&value, (const uint8_t *)words + 2 * i, sizeof(value));
		port_write16(port, value);
	}
}

uint8_t mmio_read8(const volatile void *address);
uint16_t mmio_read16(const volatile void *address);
uint32_t mmio_read32(const volatile void *address);
uint64_t mmio_read64(const volatile void *address);
void mmio_write8(volatile void *address, uint8_t value);
void mmio_write16(volatile void *address, uint16_t value);
void mmio_write32(volatile void *address, uint32_t value);
void mmio_write64(volatile void *address, uint64_t value);

/* The model device runs inside these on the host: they are where it may look at memory. */
void memory_barrier(void);
void memory_barrier_read(void);
void memory_barrier_write(void);

/* Hint to the processor that we spin; on the host it lets the model device run. */
void cpu_relax(void);

#else

#define X86_PORT_ACCESSORS(width, suffix)                                                          \
	static inline uint##width##_t port_read##width(uint16_t port)                              \
	{                                                                                          \
		uint##width##_t value;                                                             \
		__asm__ volatile("in" suffix " %1, %0" : "=a"(value) : "Nd"(port) : "memory");     \
		return value;                                                                      \
	}                                                                                          \
	static inline void port_write##width(uint16_t port, uint##width##_t value)                 \
	{                                                                                          \
		__asm__ volatile("out" suffix " %0, %1" : : "a"(value), "Nd"(port) : "memory");    \
	}

X86_PORT_ACCESSORS(8, "b")
X86_PORT_ACCESSORS(16, "w")
X86_PORT_ACCESSORS(32, "l")
#undef X86_PORT_ACCESSORS

/* One byte after the other to the same port; a hypervisor may take them all at once. */
static inline void port_write8_string(uint16_t port, const void *bytes, size_t count)
{
	__asm__ volatile("rep outsb" : "+S"(bytes), "+c"(count) : "d"(port) : "memory");
}

/* So many words from or to the same port. */
static inline void port_read16_string(uint16_t port, void *words, size_t count)
{
	__asm__ volatile("rep insw" : "+D"(words), "+c"(count) : "d"(port) : "memory");
}

static inline void port_write16_string(uint16_t port, const void *words, size_t count)
{
	__asm__ volatile("rep outsw" : "+S"(words), "+c"(count) : "d"(port) : "memory");
}

/*
 * One plain mov through a register each: hypervisors emulate exactly this form, and the compiler
 * may otherwise choose a read-modify-write or a wider access.
 */
#define X86_MMIO_ACCESSORS(width, suffix, constraint)                                              \
	static inline uint##width##_t mmio_read##width(const volatile void *address)               \
	{                                                                                          \
		uint##width##_t value;                                                             \
		__asm__ volatile("mov" suffix " %1, %0"                                            \
				 : "=" constraint(value)                                           \
				 : "m"(*(const volatile uint##width##_t *)address)                 \
				 : "memory");                                                      \
		return value;                                                                      \
	}                                                                                          \
	static inline void mmio_write##width(volatile void *address, uint##width##_t value)        \
	{                                                                                          \
		__asm__ volatile("mov" suffix " %1, %0"                                            \
				 : "=m"(*(volatile uint##width##_t *)address)                      \
				 : constraint(value)                                               \
				 : "memory");                                                      \
	}

X86_MMIO_ACCESSORS(8, "b", "q")
X86_MMIO_ACCESSORS(16, "w", "r")
X86_MMIO_ACCESSORS(32, "l", "r")
X86_MMIO_ACCESSORS(64, "q", "r")
#undef X86_MMIO_ACCESSORS

/*
 * QEMU's TCG before 8.1 makes no barrier of the instructions that are ones when the machine has one
 * CPU, but its devices run beside that CPU: a store may then be seen by the device after a later
 * load was done, and both sides miss what the other one said (a kick or an interrupt is lost).
 * The time stamp counter is read under a lock of the host's there, which is a barrier.
 */
extern bool memory_barrier_elided; /* cpu.c */

/*
 * A locked add to the stack orders all normal memory accesses like mfence and costs less; x86 keeps
 * loads among themselves and stores among themselves in order, so that the other two only stop the
 * compiler.
 */
static inline void memory_barrier(void)
{
	__asm__ volatile("lock addl $0, -4(%%rsp)" : : : "memory", "cc");
	if (memory_barrier_elided)
		__asm__ volatile("rdtsc" : : : "eax", "edx", "memory");
}

static inline void memory_barrier_read(void)
{
	__asm__ volatile("" : : : "memory");
}

static inline void memory_barrier_write(void)
{
	__asm__ volatile("" : : : "memory");
}

static inline void cpu_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

#endif
#endif
