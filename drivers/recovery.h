/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that broke are brought back by one thread: what virtio and emulated PCI devices share of that.
 *
 *	running -> recovery_break() -> attempt(): reset, taken from its driver, started -> running
 *	                                  ^------- later ----------' fails: given up in the end
 *
 * Breaking is noticed anywhere, also in interrupt handlers, and only sets flags there. An attempt that fails
 * is repeated later, and a device that breaks again soon after it came back uses up the same attempts; one
 * that ran for a while has them all again.
 */
#ifndef DRIVERS_RECOVERY_H
#define DRIVERS_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#define RECOVERY_ATTEMPTS 5u

struct recovery;

/* Both are called by the thread. */
struct recovery_operations {
	/*
	 * Stops the device, takes back what it was lent, recovery_begin(), starts it. 0, also when it broke
	 * again meanwhile; -ENODEV: it was taken away, and there is no other attempt; other: once more later.
	 */
	int (*attempt)(struct recovery *recovery);
	/* It does not come back. */
	void (*give_up)(struct recovery *recovery);
};

struct recovery {
	/* The owner's: how log lines begin ("00:03.0 (virtio0)"), and what it does. */
	const struct recovery_operations *operations;
	const char *place, *name;

	struct recovery *next;
	bool broken;	     /* set in any context; nothing is asked of it until it is recovered */
	bool left;	     /* broken, and whoever noticed has no more to do with it */
	bool given_up;	     /* broken for good */
	bool shut_down;	     /* the machine is handed on: nothing is started any more */
	bool stopped;	     /* the owner's: its driver has nothing to do with it */
	const char *failure; /* "does not answer", as in "it does not answer"; NULL: it works */
	const char *reason;  /* the failure for which an attempt is made */
	unsigned int attempts;	/* since it last ran for a while */
	uint64_t next_attempt;	/* clock_monotonic() */
	uint64_t running_since; /* clock_monotonic() */
	uint64_t recoveries;
};

/* A device runs, or broke already: it is looked after from here on, and lives for ever. Thread context. */
void recovery_add(struct recovery *recovery);

/*
 * It broke; the first reason stays, and is static. True when it was not broken before: the caller stops what
 * it does with it, then recovery_wake(), and no attempt begins before that: it would take away what the caller looks at.
 * Context: any.
 */
bool recovery_break(struct recovery *recovery, const char *failure);
void recovery_wake(struct recovery *recovery);

/* It is to be reset because a user wants it: it has all attempts again. */
static inline void recovery_renew(struct recovery *recovery)
{
	recovery->attempts = 0;
}

/* In an attempt, before it is started: from here on it may break anew, which the next round notices. */
void recovery_begin(struct recovery *recovery);

static inline bool recovery_last_attempt(const struct recovery *recovery)
{
	return recovery->attempts >= RECOVERY_ATTEMPTS;
}

/*
 * Between these two no attempt is made, so that what an attempt takes away stays. A few seconds at most, or until
 * the device has broken: others are not recovered meanwhile either. Thread context; may sleep.
 */
void recovery_hold(void);
void recovery_release(void);
/* For tests, where nobody can wait for that. */
bool recovery_held(void);

/* No attempt is made any more; one that is being made has ended. Thread context. */
void recovery_shut_down(struct recovery *recovery);

/* What the thread does: what is due, and when the next is due (UINT64_MAX: nothing). For tests, where there is none. */
uint64_t recovery_run(void);

#endif
