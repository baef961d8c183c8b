/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/conformance/host/processor.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct processor {
	void (*function)(void *context);
	void *context;
	pthread_t thread;
	bool ended;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct processor *second; /* NULL: none was started */
static struct processor *turn;	 /* whose it is; NULL: the first one's */

/* With the lock. */
static void wait_for_turn(struct processor *who)
{
	while (turn != who)
		pthread_cond_wait(&changed, &lock);
}

static void *run(void *context)
{
	struct processor *own = context;

	pthread_mutex_lock(&lock);
	wait_for_turn(own);
	pthread_mutex_unlock(&lock);
	own->function(own->context);
	pthread_mutex_lock(&lock);
	own->ended = true;
	turn = NULL;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return NULL;
}

int processor_start(void (*function)(void *context), void *context)
{
	struct processor *own = calloc(1, sizeof(*own));

	if (!own)
		return -EAGAIN;
	own->function = function;
	own->context = context;
	/* One that a case left behind keeps its memory: its thread may look at it for ever. */
	if (second && second->ended) {
		pthread_join(second->thread, NULL);
		free(second);
	}
	second = own;
	if (pthread_create(&own->thread, NULL, run, own)) {
		second = NULL;
		free(own);
		return -EAGAIN;
	}
	return 0;
}

bool processor_runs(void)
{
	return second && !second->ended;
}

void processor_yield(void)
{
	struct processor *self;

	if (!processor_runs())
		return;
	pthread_mutex_lock(&lock);
	self = turn;
	turn = self ? NULL : second;
	pthread_cond_broadcast(&changed);
	wait_for_turn(self);
	pthread_mutex_unlock(&lock);
}
