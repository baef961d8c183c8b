/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt controllers: the local APIC of each CPU (xAPIC or x2APIC; SDM volume 3, chapter 10),
 * the I/O APICs, and the old pair of 8259s, which is only silenced.
 */
#ifndef KERNEL_X86_APIC_H
#define KERNEL_X86_APIC_H

#include <stdbool.h>
#include <stdint.h>

/* Vectors with a fixed meaning; interrupt_allocate() hands out those between. */
#define VECTOR_FIRST 0x20
#define VECTOR_LAST 0xef
#define VECTOR_TIMER 0xf0
#define VECTOR_WAKE 0xf1 /* another CPU made a thread ready here */
#define VECTOR_STOP 0xf2 /* the machine ends: halt */
#define VECTOR_SPURIOUS 0xff

/* Finds out which kind; maps the registers. On the boot CPU, after platform_init(). */
void apic_init(void);
/* Turns on the local APIC of the CPU that runs this. */
void apic_enable(void);

/*
 * Before the machine is handed on: the timer ends, and the boot CPU's local APIC is in the mode and state
 * that firmware left it in; another CPU's is off, but for INIT and STARTUP. Interrupts off.
 */
void apic_leave(void);
void apic_leave_other(void);

uint32_t apic_id(void);
/*
 * The address at which a CPU in xAPIC mode, as each that starts may be, reads its own id, in bits 31 to 24; mapped for good.
 * NULL: no memory for that. Thread context.
 */
const volatile void *apic_id_place(void);
bool apic_is_x2apic(void);
void apic_end_of_interrupt(void);

void apic_send(uint32_t apic_id, uint8_t vector);
void apic_send_nmi(uint32_t apic_id);
void apic_send_init(uint32_t apic_id);
void apic_send_startup(uint32_t apic_id, uint8_t page);
/* All CPUs but this one. */
void apic_send_others(uint8_t vector);

/* The timer: one shot, in ticks of its own clock or (deadline mode) at a time stamp. */
void apic_timer_start(uint64_t deadline_tsc, uint64_t ticks);
uint32_t apic_timer_count(void); /* what is left of a shot */
void apic_timer_shot(uint32_t ticks, bool interrupt);
bool apic_timer_has_deadline(void);

/* I/O APICs. */
void ioapic_init(void);
/* -ENODEV when no I/O APIC has this input. Unmasked by this. */
int ioapic_connect(uint32_t gsi, uint32_t apic_id, uint8_t vector, bool level, bool active_low);
void ioapic_disconnect(uint32_t gsi);
/* Holds a connected input back, or lets it through again. Context: any. */
void ioapic_mask(uint32_t gsi, bool mask);
/* Masks all inputs for good, before the machine is handed on. */
void ioapic_mask_all(void);

#endif
