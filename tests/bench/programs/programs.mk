# SPDX-License-Identifier: BSD-2-Clause
# Programs of the measurements: the host's side of the network loads, and what the Linux guest runs.

BENCH_PROGRAMS := $(addprefix $(B)/bench/programs/,load guest)

$(B)/bench/programs/guest: BENCH_LDFLAGS := -static -pthread

$(BENCH_PROGRAMS): $(B)/bench/programs/%: tests/bench/programs/%.c
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(TEST_CFLAGS) -o $@ $< $(BENCH_LDFLAGS)
