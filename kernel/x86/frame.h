/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers as entry.S saves them on an interrupt or exception. */
#ifndef KERNEL_X86_FRAME_H
#define KERNEL_X86_FRAME_H

#include <stdint.h>

struct interrupt_frame {
	uint64_t r15, r14, r13, r12, rbp, rbx; /* in this order below the caller-saved ones */
	uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
	uint64_t vector;
	uint64_t error; /* 0 where the CPU gives none */
	uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct interrupt_frame) == 22 * 8, "entry.S pushes these");

#endif
