/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread of drivers/recovery.c on the host. */
#ifndef TESTS_DEVICE_RECOVERY_THREAD_H
#define TESTS_DEVICE_RECOVERY_THREAD_H

#include <stdint.h>

/*
 * From now on, until the host is reset, devices that broke are recovered while the test sleeps. A test that has not ended
 * at `patience`, on the virtual clock, is ended: it sleeps for nothing.
 */
void recovery_thread_start(uint64_t patience);

/*
 * What the thread does in a turn, also when it was not started: never one attempt inside the other, nor while somebody
 * holds recovery. Returns what recovery_run() does, 0 if it was not called.
 */
uint64_t recovery_thread_turn(void);

/* So much time goes by, at whose end the thread has a turn, and `service` (may be NULL) does the driver's work. */
void recovery_thread_wait(uint64_t nanoseconds, void (*service)(void));

#endif
