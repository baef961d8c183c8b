/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/x86/exception.h"

#include "kernel/console/console.h"
#include "kernel/exit.h"
#include "kernel/memory/memory.h"
#include "kernel/options/options.h"
#include "kernel/panic.h"
#include "kernel/thread/thread.h"
#include "kernel/thread/watchdog.h"
#include "kernel/version.h"
#include "kernel/x86/apic.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/paging.h"
#include "kernel/x86/percpu.h"
#include "kernel/x86/symbols.h"

#include <stdarg.h>
#include <stddef.h>

#define TRACE_DEPTH_MAX 24
#define EXCEPTION_NMI 2
#define EXCEPTION_DOUBLE_FAULT 8
#define EXCEPTION_PAGE_FAULT 14
#define PAGE_FAULT_PRESENT 1
#define PAGE_FAULT_WRITE 2
#define PAGE_FAULT_FETCH 16

static const char *const names[32] = {
	"division error",
	"debug",
	"non-maskable interrupt",
	"breakpoint",
	"overflow",
	"bound range",
	"invalid opcode",
	"no floating point",
	"double fault",
	"coprocessor overrun",
	"invalid task state",
	"segment not present",
	"stack segment",
	"general protection",
	"page fault",
	"reserved",
	"floating point",
	"alignment",
	"machine check",
	"vector arithmetic",
	"virtualization",
	"control protection",
};

/* A second report from within the first would never end. */
static unsigned int reports;
static struct cpu *reporter; /* whose report it is */

static void stop_others(void)
{
	if (cpu_count > 1)
		apic_send_others(VECTOR_STOP);
}

static bool readable(uint64_t address)
{
	uint64_t physical;

	return !(address & 7) && paging_root() && paging_translate(address, &physical);
}

static void print_place(uint64_t address)
{
	char name[SYMBOL_NAME_SIZE];
	uint64_t offset;

	symbol_find(address, name, &offset);
	console_printf("  %016lx %s+%#lx\n", (unsigned long)address, name, (unsigned long)offset);
}

void stack_trace_print(uint64_t instruction, uint64_t frame_pointer)
{
	uint64_t last = 0;

	console_printf("stack trace:\n");
	if (instruction)
		print_place(instruction);
	/* Frames go up; anything else is not a frame. */
	for (unsigned int i = 0; i < TRACE_DEPTH_MAX && frame_pointer > last; i++) {
		const uint64_t *frame = (const uint64_t *)frame_pointer;

		if (!readable(frame_pointer) || !readable(frame_pointer + 8) || !frame[1])
			break;
		/* The call is before the place that it returns to. */
		print_place(frame[1] - 1);
		last = frame_pointer;
		frame_pointer = frame[0];
	}
}

static const char *explain_page_fault(uint64_t address, uint64_t error)
{
	if (address < PAGE_SIZE)
		return "null pointer";
	if (stack_guard_hit(address))
		return "stack overflow: guard page hit";
	if (error & PAGE_FAULT_PRESENT && address < DIRECT_MAP)
		return error & PAGE_FAULT_FETCH ? "jump to a page of the user's"
						: "access to a page of the user's";
	if (error & PAGE_FAULT_FETCH)
		return "jump to what is not code";
	if (error & PAGE_FAULT_PRESENT && error & PAGE_FAULT_WRITE)
		return "write to read-only memory";
	return error & PAGE_FAULT_WRITE ? "write to nothing" : "read of nothing";
}

static bool begin_report(void)
{
	static bool nested;

	interrupts_off();
	if (__atomic_fetch_add(&reports, 1, __ATOMIC_SEQ_CST) == 0) {
		reporter = cpu_current();
		console_panic();
		stop_others();
		return true;
	}
	/* Another CPU's: let it finish. Within our own: give up on words, then on all. */
	if (__atomic_load_n(&reporter, __ATOMIC_RELAXED) != cpu_current())
		return false;
	if (nested)
		cpu_triple_fault();
	nested = true;
	exit_machine(EXIT_PANIC);
}

static void print_where(void)
{
	struct cpu *cpu = cpu_current();

	console_printf("%s, CPU %u, thread %s\n", RINGSIDE, cpu->index,
		       cpu->current ? thread_name(cpu->current) : "none");
}

void exception(const struct interrupt_frame *f)
{
	uint64_t cr2 = cpu_cr2(), offset;
	char name[SYMBOL_NAME_SIZE];

	if (!begin_report())
		cpu_halt_forever();
	symbol_find(f->rip, name, &offset);
	console_printf("\nringside: panic: %s",
		       f->vector < 32 && names[f->vector] ? names[f->vector] : "exception");
	if (f->vector == EXCEPTION_PAGE_FAULT)
		console_printf(" at %#lx: %s", (unsigned long)cr2,
			       explain_page_fault(cr2, f->error));
	else if (f->vector == EXCEPTION_DOUBLE_FAULT && stack_guard_hit(cr2))
		console_printf(": stack overflow: guard page hit");
	else if (f->vector == EXCEPTION_NMI)
		console_printf("%s", watchdog_verdict());
	console_printf(", in %s+%#lx\n", name, (unsigned long)offset);
	print_where();
	console_printf("rip %016lx rsp %016lx rflags %016lx error %lx cr2 %lx\n"
		       "rax %016lx rbx %016lx rcx %016lx rdx %016lx\n"
		       "rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n"
		       "r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n"
		       "r13 %016lx r14 %016lx r15 %016lx\n",
		       (unsigned long)f->rip, (unsigned long)f->rsp, (unsigned long)f->rflags,
		       (unsigned long)f->error, (unsigned long)cr2, (unsigned long)f->rax,
		       (unsigned long)f->rbx, (unsigned long)f->rcx, (unsigned long)f->rdx,
		       (unsigned long)f->rsi, (unsigned long)f->rdi, (unsigned long)f->rbp,
		       (unsigned long)f->r8, (unsigned long)f->r9, (unsigned long)f->r10,
		       (unsigned long)f->r11, (unsigned long)f->r12, (unsigned long)f->r13,
		       (unsigned long)f->r14, (unsigned long)f->r15);
	stack_trace_print(f->rip, f->rbp);
	/* A call to what is not code has left its return address only: no frame tells of the caller. */
	if (f->vector == EXCEPTION_PAGE_FAULT && f->error & PAGE_FAULT_FETCH && readable(f->rsp)) {
		console_printf("called from:\n");
		print_place(*(const uint64_t *)f->rsp - 1);
	}
	exit_panic();
}

void panic(const char *format, ...)
{
	va_list arguments;

	if (!begin_report())
		cpu_halt_forever();
	console_printf("\nringside: panic: ");
	va_start(arguments, format);
	console_vprintf(format, arguments);
	va_end(arguments);
	console_printf("\n");
	print_where();
	stack_trace_print(0, (uint64_t)__builtin_frame_address(0));
	exit_panic();
}
