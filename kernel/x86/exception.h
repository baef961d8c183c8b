/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions of the CPU: each is a bug of ours, and ends in a report that a person can read. */
#ifndef KERNEL_X86_EXCEPTION_H
#define KERNEL_X86_EXCEPTION_H

#include "kernel/x86/frame.h"

/* From entry.S: prints the report and ends the machine. */
void exception(const struct interrupt_frame *frame);

/*
 * The calls that led to `frame_pointer`, as lines on the console. Bounded; reads only mapped
 * memory.
 */
void stack_trace_print(uint64_t instruction, uint64_t frame_pointer);

#endif
