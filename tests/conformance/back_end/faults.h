/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the back end can be told to misbehave. Each fault is one rule of the specification broken, in the place
 * where a real device would break it: FAULTS so that the suite is seen to notice, LIES for a driver to survive.
 */
#ifndef TESTS_CONFORMANCE_BACK_END_FAULTS_H
#define TESTS_CONFORMANCE_BACK_END_FAULTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* X(identifier, name, what it does) */
#define FAULTS(X)                                                                                  \
	X(USED_LENGTH_ZERO, "used-length-zero", "used.len is 0")                                   \
	X(USED_LENGTH_LONG, "used-length-long", "used.len is more than the buffer holds")          \
	X(USED_ID, "used-id", "used.id is the next one's")                                         \
	X(USED_TWICE, "used-twice", "a buffer is used twice")                                      \
	X(USED_WRAP, "used-wrap", "the used index starts again after the ring's size")             \
	X(INTERRUPT_NONE, "interrupt-none", "no interrupt")                                        \
	X(INTERRUPT_ALWAYS, "interrupt-always", "an interrupt though it is suppressed")            \
	X(INTERRUPT_TWICE, "interrupt-twice", "each interrupt comes twice")                        \
	X(INTERRUPT_EARLY, "interrupt-early", "the interrupt comes before what it is for")         \
	X(INTERRUPT_OTHER, "interrupt-other", "the interrupt of the first queue for any other")    \
	X(INTERRUPT_SPURIOUS, "interrupt-spurious", "interrupts while nothing happens")            \
	X(EVENT_LATE, "event-late", "the event index is compared one too late")                    \
	X(EVENT_EARLY, "event-early", "the event index is compared one too early")                 \
	X(EVENT_CACHED, "event-cached", "the event index is read once, at the queue's start")      \
	X(KICK_LOST, "kick-lost", "each eighth kick is ignored")                                   \
	X(AVAIL_EVENT_STALE, "avail-event-stale", "avail_event is written once, and never again")  \
	X(NO_NOTIFY_STUCK, "no-notify-stuck", "asks for no notification, and then does not look")  \
	X(INDEX_KEPT, "index-kept", "ring indices are kept over a reset")                          \
	X(RESET_LATE, "reset-late", "buffers are written once more after a reset")                 \
	X(AVAIL_JUMP, "avail-jump", "an avail index beyond the queue's size is followed")          \
	X(LOOP_ACCEPTED, "loop-accepted", "a chain without an end is cut and run")                 \
	X(RANGE_ACCEPTED, "range-accepted",                                                        \
	  "an address outside memory is left out of the request")                                  \
	X(WRITE_BEYOND, "write-beyond", "a byte after the buffer is written")                      \
	X(WRITE_READABLE, "write-readable", "a buffer that is the device's to read is written")    \
	X(STATUS_UNWRITTEN, "status-unwritten", "the status byte is not written")                  \
	X(STATUS_OK, "status-ok", "the status is OK whatever happened")                            \
	X(READ_CORRUPT, "read-corrupt", "a bit of what is read is flipped")                        \
	X(READ_SECTOR, "read-sector", "reads the sector after the one that was asked for")         \
	X(READ_SHORT, "read-short", "of several sectors the last is not read")                     \
	X(WRITE_REPLAYED, "write-replayed", "a write is done again after the next one")            \
	X(WRITE_DROPPED, "write-dropped", "a write ends well, and is not done")                    \
	X(IDENTIFY_UNWRITTEN, "identify-unwritten", "the serial number is not written")            \
	X(IDENTIFY_UNPADDED, "identify-unpadded", "the serial number is not padded with zeroes")   \
	X(FLUSH_FAILS, "flush-fails", "flush ends with an error")                                  \
	X(ZEROES_IGNORED, "zeroes-ignored", "write zeroes ends well, and does nothing")            \
	X(FLAGS_IGNORED, "flags-ignored", "unknown flags of discard and write zeroes are ignored") \
	X(UNKNOWN_OK, "unknown-ok", "unknown request types end well")                              \
	X(READ_ONLY_WRITES, "read-only-writes", "a read-only disk is written")

#define LIES(X)                                                                                    \
	X(USED_ID_BEYOND, "used-id-beyond", "used.id is beyond the ring")                          \
	X(USED_JUMP, "used-jump", "the used index is 1000 too far (split)")                        \
	X(USED_BACK, "used-back", "the used index goes back (split)")                              \
	X(DESCRIPTORS_REWRITTEN, "descriptors-rewritten",                                          \
	  "descriptor and avail entry are overwritten before the buffer is used (split)")          \
	X(BUFFER_KEPT, "buffer-kept", "no buffer comes back")                                      \
	X(INTERRUPT_STORM, "interrupt-storm", "interrupts as fast as they can be sent")            \
	X(STATUS_UNKNOWN, "status-unknown", "blk: the status byte is 0x77")                        \
	X(CONFIG_ONES, "config-ones", "blk: all bits of the configuration are set")                \
	X(CONFIG_ZEROES, "config-zeroes", "blk: all bits of the configuration are clear")          \
	X(CONFIG_MOVING, "config-moving", "blk: another capacity each time, a thousand a second")  \
	X(NUM_BUFFERS_ZERO, "num-buffers-zero", "net: a frame of no buffer")                       \
	X(NUM_BUFFERS_MANY, "num-buffers-many", "net: a frame of 65535 buffers")                   \
	X(NUM_BUFFERS_NEXT, "num-buffers-next", "net: a frame and the next one are one")           \
	X(HEADER_CHECKSUM, "header-checksum", "net: a checksum to be made behind the frame's end") \
	X(HEADER_FLAGS, "header-flags", "net: flags that nobody knows")                            \
	X(HEADER_LENGTH, "header-length", "net: hdr_len is beyond the frame")                      \
	X(HEADER_TYPE, "header-type", "net: a gso_type that nobody knows")                         \
	X(HEADER_SEGMENT, "header-segment", "net: segments of 0 bytes")                            \
	X(FRAME_SHORT, "frame-short", "net: used.len is less than the header")                     \
	X(FRAME_EMPTY, "frame-empty", "net: used.len is that of the header alone")

enum fault {
#define X(identifier, name, text) FAULT_##identifier,
	FAULTS(X) LIES(X)
#undef X
		FAULT_COUNT
};

/* Sets one; several can be set. False: there is none of that name. */
bool fault_set(const char *name);
bool fault_is(enum fault fault);
/* After so many the back end is honest: that many times fault_now() says yes. Without it that is for ever. */
void fault_times(uint64_t times);
/* Whether a fault is to be done now. */
bool fault_now(enum fault fault);
/* One line each: name, tab, what it does. Those of FAULTS, or those of LIES. */
void fault_list(FILE *file, bool lies);

#endif
