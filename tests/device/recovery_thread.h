/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread of drivers/recovery.c on the host, where there is only one thread: a timer. */
#ifndef TESTS_DEVICE_RECOVERY_THREAD_H
#define TESTS_DEVICE_RECOVERY_THREAD_H

#include <stdint.h>

/*
 * From now on, until the host is reset, devices that broke are recovered while the test sleeps. A test that has not ended
 * at `patience`, on the virtual clock, is ended: it sleeps for nothing.
 */
void recovery_thread_start(uint64_t patience);

#endif
