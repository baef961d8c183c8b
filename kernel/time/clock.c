/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock is the time stamp counter. How fast it runs is said by the processor or the hypervisor
 * (CPUID, kvmclock), or else measured against a clock of known frequency: HPET, ACPI's PM timer,
 * the PIT, or, on emulators that have none of them, the local APIC's timer, whose frequency QEMU
 * fixes.
 */
#define LOG_AREA "clock"
#include "kernel/time/clock.h"

#include "kernel/console/log.h"
#include "kernel/facts/facts.h"
#include "kernel/memory/dma.h"
#include "kernel/memory/map.h"
#include "kernel/platform.h"
#include "kernel/shell/command.h"
#include "kernel/time/clock_source.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/io.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#define GUESSED_TSC_HZ 2000000000ULL
/* Before anything is known: faster than any counter, so that time may jump later, but not back. */
#define FASTEST_TSC_HZ 10000000000ULL
/* Of QEMU's and KVM's local APIC. */
#define EMULATED_APIC_HZ 1000000000ULL

/* nanoseconds = ticks * multiplier / 2^32 */
static uint64_t multiplier = (NANOSECONDS_PER_SECOND << 32) / FASTEST_TSC_HZ;
static uint64_t tsc_hz = FASTEST_TSC_HZ, apic_hz = EMULATED_APIC_HZ;
static uint64_t tsc_base; /* the first instruction */
static const char *source = "guess";
static uint64_t wall_base; /* wall clock at monotonic 0; 0: unknown */

static uint64_t scale(uint64_t value, uint64_t factor)
{
	return (uint64_t)((unsigned __int128)value * factor >> 32);
}

uint64_t clock_at(uint64_t tsc)
{
	/* Counters of other CPUs may be a little behind: time does not go back for it. */
	return tsc > tsc_base ? scale(tsc - tsc_base, multiplier) : 0;
}

uint64_t clock_monotonic(void)
{
	return clock_at(cpu_tsc());
}

uint64_t clock_wall(void)
{
	return wall_base ? wall_base + clock_monotonic() : 0;
}

void clock_spin(uint64_t nanoseconds)
{
	uint64_t end = clock_monotonic() + nanoseconds;

	while (clock_monotonic() < end)
		cpu_relax();
}

uint64_t clock_to_tsc(uint64_t monotonic)
{
	/* Deadlines beyond centuries would overflow. */
	if (monotonic > UINT64_MAX / 16)
		monotonic = UINT64_MAX / 16;
	return tsc_base +
	       (uint64_t)((unsigned __int128)monotonic * tsc_hz / NANOSECONDS_PER_SECOND);
}

uint64_t clock_to_apic_ticks(uint64_t nanoseconds)
{
	return (uint64_t)((unsigned __int128)nanoseconds * apic_hz / NANOSECONDS_PER_SECOND);
}

void clock_start(uint64_t entry_tsc)
{
	tsc_base = entry_tsc;
}

/* -- Clocks to measure against: a counter that wraps at `mask`, and its frequency. */

struct reference {
	const char *name;
	uint64_t hz;
	uint64_t mask;
	uint64_t (*read)(void);
	bool (*wrapped)(void); /* since it was opened; NULL: takes seconds to */
};

static volatile uint8_t *hpet;

#define HPET_CAPABILITIES 0x000
#define HPET_CONFIGURATION 0x010
#define HPET_COUNTER 0x0f0
#define HPET_LENGTH 0x400
#define FEMTOSECONDS_PER_SECOND 1000000000000000ULL
#define HPET_PERIOD_MAX 100000000u /* 100 ns, says its specification */

static uint64_t hpet_read(void)
{
	return mmio_read32(hpet + HPET_COUNTER);
}

static bool hpet_open(struct reference *reference)
{
	uint32_t period;

	if (!platform.hpet_address)
		return false;
	hpet = map_mmio(platform.hpet_address, HPET_LENGTH);
	if (!hpet)
		return false;
	period = mmio_read32(hpet + HPET_CAPABILITIES + 4);
	if (!period || period > HPET_PERIOD_MAX)
		return false;
	mmio_write32(hpet + HPET_CONFIGURATION, mmio_read32(hpet + HPET_CONFIGURATION) | 1);
	*reference = (struct reference){"HPET", FEMTOSECONDS_PER_SECOND / period, UINT32_MAX,
					hpet_read, NULL};
	return true;
}

#define PM_TIMER_HZ 3579545

static uint64_t pm_timer_read(void)
{
	uint32_t value = 0;

	(void)platform_register_read(&platform.pm_timer, &value);
	return value;
}

static bool pm_timer_open(struct reference *reference)
{
	uint32_t value;

	if (!platform.pm_timer.address || !platform_register_read(&platform.pm_timer, &value))
		return false;
	*reference = (struct reference){"ACPI PM timer", PM_TIMER_HZ,
					platform.pm_timer_32bit ? UINT32_MAX : 0xffffff,
					pm_timer_read, NULL};
	return true;
}

#define PIT_HZ 1193182
#define PIT_CHANNEL_2 0x42
#define PIT_COMMAND 0x43
#define PIT_COMMAND_CHANNEL_2_ONE_SHOT 0xb0 /* low then high byte, mode 0 */
#define PIT_LATCH_CHANNEL_2 0x80
#define PIT_READ_BACK_STATUS_CHANNEL_2 0xe8
#define PIT_STATUS_OUTPUT 0x80
#define PIT_GATE 0x61

/* Counts down from 65535; the caller sees it going up. */
static uint64_t pit_read(void)
{
	uint16_t value;

	port_write8(PIT_COMMAND, PIT_LATCH_CHANNEL_2);
	value = port_read8(PIT_CHANNEL_2);
	value |= (uint16_t)(port_read8(PIT_CHANNEL_2) << 8);
	return 0xffffu - value;
}

/*
 * It wraps after 55 ms, which a busy host may take from us. In mode 0 the output rises when it gets to zero, and
 * stays up.
 */
static bool pit_wrapped(void)
{
	port_write8(PIT_COMMAND, PIT_READ_BACK_STATUS_CHANNEL_2);
	return port_read8(PIT_CHANNEL_2) & PIT_STATUS_OUTPUT;
}

static bool pit_open(struct reference *reference)
{
	uint64_t first;

	/* Gate on, speaker off. */
	port_write8(PIT_GATE, (uint8_t)((port_read8(PIT_GATE) & ~2) | 1));
	port_write8(PIT_COMMAND, PIT_COMMAND_CHANNEL_2_ONE_SHOT);
	port_write8(PIT_CHANNEL_2, 0xff);
	port_write8(PIT_CHANNEL_2, 0xff);
	first = pit_read();
	/* Is there one that counts? 2000 reads take longer than a tick on any machine. */
	for (unsigned int i = 0; i < 2000; i++) {
		uint64_t now = pit_read();

		if (now != first && now < 0x8000) {
			*reference =
				(struct reference){"PIT", PIT_HZ, 0xffff, pit_read, pit_wrapped};
			return true;
		}
	}
	return false;
}

static uint64_t apic_read_up(void)
{
	return UINT32_MAX - apic_timer_count();
}

static bool apic_open(struct reference *reference)
{
	/* Nobody says how fast it is but the emulators that we know. */
	if (!cpu_hypervisor()[0])
		return false;
	apic_timer_shot(UINT32_MAX, false);
	*reference =
		(struct reference){"local APIC", EMULATED_APIC_HZ, UINT32_MAX, apic_read_up, NULL};
	return true;
}

/*
 * A few milliseconds are enough: the counters are read together, so that what counts is how near
 * the reads are, and of several tries the nearest are taken. A host may have other work between any two.
 */
#define MEASURE_NANOSECONDS 2000000ULL
#define MEASURE_TRIES 5

struct sample {
	uint64_t tsc;
	uint64_t count;
	uint64_t apic;
};

/* What is measured against now, and where it, the time stamp counter and the APIC's timer stood. */
static struct reference reference;
static struct sample begin;

static struct sample take_sample(void)
{
	struct sample best = {0};
	uint64_t narrowest = UINT64_MAX;

	for (unsigned int i = 0; i < MEASURE_TRIES; i++) {
		uint64_t before = cpu_tsc();
		uint64_t count = reference.read();
		uint64_t apic = apic_read_up();
		uint64_t after = cpu_tsc();

		if (after - before < narrowest) {
			narrowest = after - before;
			best = (struct sample){before + (after - before) / 2, count, apic};
		}
	}
	return best;
}

/* Begins with the next clock that there is; false when there are no more. */
static bool measuring_begin(void)
{
	static bool (*const open[])(struct reference *) = {hpet_open, pm_timer_open, pit_open,
							   apic_open};
	static unsigned int next;

	while (next < sizeof(open) / sizeof(open[0])) {
		if (!open[next++](&reference))
			continue;
		apic_timer_shot(UINT32_MAX, false);
		begin = take_sample();
		return true;
	}
	return false;
}

/*
 * Hertz of the time stamp counter, and of the APIC's timer, both against the reference; 0: it stood
 * still. The APIC's are left alone where they are not known.
 */
static uint64_t measuring_end(uint64_t *apic)
{
	uint64_t wanted = reference.hz * MEASURE_NANOSECONDS / NANOSECONDS_PER_SECOND;
	uint64_t ticks = 0;
	struct sample end;

	/* Bounded by reads: a reference that stands still must not hang us. */
	for (unsigned int i = 0; i < 4000000 && ticks < wanted; i++)
		ticks = (reference.read() - begin.count) & reference.mask;
	end = take_sample();
	ticks = (end.count - begin.count) & reference.mask;
	if (ticks < wanted || end.tsc <= begin.tsc || (reference.wrapped && reference.wrapped()))
		return 0;
	/* It stops at its end, after four seconds. */
	if (end.apic != UINT32_MAX)
		*apic = (uint64_t)((unsigned __int128)(end.apic - begin.apic) * reference.hz /
				   ticks);
	return (uint64_t)((unsigned __int128)(end.tsc - begin.tsc) * reference.hz / ticks);
}

/* -- What processor and hypervisor say */

#define CPUID_TSC 0x15
#define CPUID_HYPERVISOR 0x40000000
#define CPUID_HYPERVISOR_FREQUENCIES 0x40000010
#define CPUID_KVM_FEATURES 0x40000001
#define KVM_FEATURE_CLOCK (1u << 0)
#define KVM_FEATURE_CLOCK_NEW (1u << 3)
#define MSR_KVM_WALL_CLOCK 0x11
#define MSR_KVM_SYSTEM_TIME 0x12
#define MSR_KVM_WALL_CLOCK_NEW 0x4b564d00
#define MSR_KVM_SYSTEM_TIME_NEW 0x4b564d01

struct kvm_wall_clock {
	uint32_t version;
	uint32_t seconds;
	uint32_t nanoseconds;
};

struct kvm_system_time {
	uint32_t version;
	uint32_t padding0;
	uint64_t tsc;
	uint64_t system_time;
	uint32_t multiplier;
	int8_t shift;
	uint8_t flags;
	uint8_t padding[2];
};
_Static_assert(sizeof(struct kvm_system_time) == 32, "KVM's pvclock_vcpu_time_info");

/* KVM writes into these while it runs: in the image, which is DMA memory of a kind. */
static volatile struct kvm_system_time kvm_system_time __attribute__((aligned(64)));
static volatile struct kvm_wall_clock kvm_wall_clock __attribute__((aligned(16)));

static uint64_t kvm_clock_hz(void)
{
	uint32_t features = cpu_id(CPUID_KVM_FEATURES, 0).eax;
	bool new = features &KVM_FEATURE_CLOCK_NEW;
	struct kvm_system_time time = {0};
	uint64_t hz;

	if (!(features & (KVM_FEATURE_CLOCK | KVM_FEATURE_CLOCK_NEW)))
		return 0;
	cpu_write_msr(new ? MSR_KVM_SYSTEM_TIME_NEW : MSR_KVM_SYSTEM_TIME,
		      dma_address((const void *)&kvm_system_time) | 1);
	cpu_write_msr(new ? MSR_KVM_WALL_CLOCK_NEW : MSR_KVM_WALL_CLOCK,
		      dma_address((const void *)&kvm_wall_clock));
	/* An odd version: just being written. */
	for (unsigned int i = 0; i < 1000; i++) {
		uint32_t version = kvm_system_time.version;

		memory_barrier_read();
		time.multiplier = kvm_system_time.multiplier;
		time.shift = kvm_system_time.shift;
		time.tsc = kvm_system_time.tsc;
		time.system_time = kvm_system_time.system_time;
		memory_barrier_read();
		if (!(version & 1) && version == kvm_system_time.version)
			break;
	}
	/* Once is enough; it need not write there for ever. */
	cpu_write_msr(new ? MSR_KVM_SYSTEM_TIME_NEW : MSR_KVM_SYSTEM_TIME, 0);
	if (!time.multiplier)
		return 0;
	/* nanoseconds = (ticks << shift) * multiplier / 2^32 */
	hz = (NANOSECONDS_PER_SECOND << 32) / time.multiplier;
	if (time.shift < -31 || time.shift > 31)
		return 0;
	hz = time.shift < 0 ? hz << -time.shift : hz >> time.shift;
	if (kvm_wall_clock.seconds) {
		uint64_t now = time.system_time +
			       (cpu_tsc() - time.tsc) * NANOSECONDS_PER_SECOND / (hz ? hz : 1);

		wall_base = kvm_wall_clock.seconds * NANOSECONDS_PER_SECOND +
			    kvm_wall_clock.nanoseconds + now;
	}
	return hz;
}

static uint64_t cpuid_hz(void)
{
	struct cpuid id;

	if (cpu_id(0, 0).eax >= CPUID_TSC) {
		id = cpu_id(CPUID_TSC, 0);
		if (id.eax && id.ebx && id.ecx)
			return (uint64_t)id.ecx * id.ebx / id.eax;
	}
	if (cpu_hypervisor()[0] && cpu_id(CPUID_HYPERVISOR, 0).eax >= CPUID_HYPERVISOR_FREQUENCIES)
		return (uint64_t)cpu_id(CPUID_HYPERVISOR_FREQUENCIES, 0).eax * 1000;
	return 0;
}

static bool plausible(uint64_t hz)
{
	return hz >= 1000000 && hz <= 100000000000ULL;
}

/* -- The clock of the PC, with its battery (MC146818) */

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define CMOS_STATUS_A 0x0a
#define CMOS_UPDATING 0x80
#define CMOS_STATUS_B 0x0b
#define CMOS_BINARY 0x04
#define CMOS_24_HOURS 0x02

static uint8_t cmos_read(uint8_t index)
{
	port_write8(CMOS_INDEX, index);
	return port_read8(CMOS_DATA);
}

static unsigned int from_bcd(uint8_t value, bool binary)
{
	return binary ? value : (value >> 4) * 10u + (value & 15u);
}

/* Days since 1970-01-01 of a date of the Gregorian calendar (month 1 to 12). */
static uint64_t days_of(unsigned int year, unsigned int month, unsigned int day)
{
	static const uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	unsigned int years = year - 1970, leap = (year + (month > 2)) - 1;

	return years * 365ULL + (leap / 4 - leap / 100 + leap / 400) -
	       (1969 / 4 - 1969 / 100 + 1969 / 400) + before[month - 1] + day - 1;
}

static uint64_t rtc_wall(void)
{
	static const uint8_t indexes[] = {0, 2, 4, 7, 8, 9}; /* seconds ... year */
	unsigned int field[6] = {0}, again[6], year;
	uint8_t status;
	bool binary;

	if (platform.rtc_absent)
		return 0;
	status = cmos_read(CMOS_STATUS_B);
	if (status == 0xff)
		return 0;
	binary = status & CMOS_BINARY;
	/* Read until two readings agree and no update was under way. */
	for (unsigned int tries = 0; tries < 100; tries++) {
		memcpy(again, field, sizeof(field));
		while (cmos_read(CMOS_STATUS_A) & CMOS_UPDATING)
			if (tries++ > 10000)
				return 0;
		for (unsigned int i = 0; i < 6; i++) {
			uint8_t raw = cmos_read(indexes[i]);

			field[i] = from_bcd(i == 2 ? raw & 0x7f : raw, binary);
			/* Twelve hours, the top bit for the afternoon. */
			if (i == 2 && !(status & CMOS_24_HOURS))
				field[i] = field[i] % 12 + (raw & 0x80 ? 12 : 0);
		}
		if (tries && !memcmp(again, field, sizeof(field)))
			break;
	}
	year = field[5] + 2000;
	if (platform.rtc_century) {
		unsigned int century = from_bcd(cmos_read(platform.rtc_century), binary);

		if (century >= 19 && century <= 22)
			year = field[5] + century * 100;
	}
	if (!field[4] || field[4] > 12 || !field[3] || field[3] > 31 || year < 1970)
		return 0;
	return ((days_of(year, field[4], field[3]) * 24 + field[2]) * 60 + field[1]) * 60 *
		       NANOSECONDS_PER_SECOND +
	       field[0] * NANOSECONDS_PER_SECOND;
}

static uint64_t said_hz; /* by processor or hypervisor; or nothing that can be true */
static bool measuring;

void clock_begin(void)
{
	bool kvm = !strcmp(cpu_hypervisor(), "KVMKVMKVM");

	said_hz = cpuid_hz();
	source = "CPUID";
	if (!plausible(said_hz) && kvm) {
		said_hz = kvm_clock_hz();
		source = "kvmclock";
	} else if (kvm) {
		(void)kvm_clock_hz(); /* for the wall clock */
	}
	if (!plausible(said_hz))
		measuring = measuring_begin();
}

static uint64_t measured_hz(void)
{
	for (; measuring; measuring = measuring_begin()) {
		uint64_t apic = 0, hz = measuring_end(&apic);

		if (!plausible(hz))
			continue;
		source = reference.name;
		if (plausible(apic))
			apic_hz = apic;
		return hz;
	}
	return 0;
}

void clock_init(void)
{
	uint64_t hz = plausible(said_hz) ? said_hz : measured_hz();

	if (!plausible(hz)) {
		log_warning("nothing tells how fast the time stamp counter is: taken as 2 GHz");
		hz = GUESSED_TSC_HZ;
		source = "guess";
	}
	/* From the entry on, at the true rate: what was logged before came a little early. */
	tsc_hz = hz;
	multiplier = (NANOSECONDS_PER_SECOND << 32) / hz;
	apic_timer_shot(0, true);
	if (wall_base)
		wall_base -= clock_monotonic();
	else if ((wall_base = rtc_wall()))
		wall_base -= clock_monotonic();
	log_info("time stamp counter %u.%03u MHz by %s", (unsigned int)(hz / 1000000),
		 (unsigned int)(hz / 1000 % 1000), source);
}

static void describe_time(struct facts *facts)
{
	time_t seconds = (time_t)(clock_wall() / NANOSECONDS_PER_SECOND);
	struct tm utc;

	fact_nanoseconds(facts, "uptime", clock_monotonic());
	if (seconds && gmtime_r(&seconds, &utc))
		fact_format(facts, "wall_clock", "%04d-%02d-%02dT%02d:%02d:%02dZ",
			    utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
			    utc.tm_min, utc.tm_sec);
	else
		fact_none(facts, "wall_clock");
	fact_text(facts, "source", source);
	fact_number(facts, "time_stamp_counter_hz", tsc_hz);
}
FACTS(time, "time", 15, describe_time);

static enum command_result command_uptime(int argc, char **argv)
{
	uint64_t seconds = clock_monotonic() / NANOSECONDS_PER_SECOND;

	(void)argv;
	if (argc != 1)
		return COMMAND_USAGE;
	command_print("up %u:%02u:%02u\n", (unsigned int)(seconds / 3600),
		      (unsigned int)(seconds / 60 % 60), (unsigned int)(seconds % 60));
	return COMMAND_OK;
}
COMMAND(uptime, "uptime", "time since the first instruction", command_uptime);
