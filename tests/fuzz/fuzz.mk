# SPDX-License-Identifier: BSD-2-Clause
# libFuzzer targets (docs/testing.md): each file in targets/ is one.
FUZZ_CC := clang
F := $(B)/fuzz
, := ,
TIME ?= 60
FUZZ_CFLAGS := $(filter-out -Werror -O1 -fsanitize=% -fno-sanitize-recover=undefined,$(HOST_CFLAGS)) -Werror -O1 \
	-Wno-unknown-warning-option -fno-pie -fno-pic -DMODEL_PACKED_IDS=1024 \
	-DMODEL_NET_FRAMES=8 -DMODEL_NET_FRAME_MAX=8192 -DMODEL_ATA_SECTORS=64u \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
FUZZ_LDFLAGS := -no-pie -fsanitize=fuzzer,address,undefined -Wl,-T,tests/fuzz/state.ld

# The sources under test, whose variables and heap are put back after each run; and the rest.
FUZZ_MODELS := $(filter tests/device/%,$(HOST_SOURCES)) $(filter-out tests/fuzz/stack.c,$(wildcard tests/fuzz/*.c))
FUZZ_SOURCES := $(filter-out tests/device/%,$(HOST_SOURCES))
# The network stack above the drivers, for those targets that are about it.
FUZZ_NETWORK := $(filter-out $(HOST_SOURCES),$(addprefix net/lwip/,addresses.c address_text.c batch.c connection.c dhcp_extension.c filter.c \
	fragments.c interface.c joined.c neighbors.c network_facts.c recovery.c stack.c syn.c syn_cookie.c sys_arch.c transmit.c trim.c vlan.c) $(filter-out net/services/bench_%,$(wildcard net/http/*.c net/services/*.c net/services/iperf3/*.c)))
FUZZ_LWIP := $(filter-out api/sockets.c,$(LWIP_SOURCES))
# Of mbed TLS what the host's programs have.
FUZZ_MBEDTLS := sha256.c platform_util.c
FUZZ_NETWORK_TARGETS := frames tcp dhcp dns
FUZZ_NETWORK_CFLAGS := $(HOST_LWIP_CFLAGS)
# All that includes lwIP's headers, under tests/ and net/.
FUZZ_WITH_LWIP := $(HOST_LWIP) $(FUZZ_NETWORK) tests/fuzz/stack.c $(FUZZ_NETWORK_TARGETS:%=tests/fuzz/targets/%.c)
FUZZ_TARGETS := $(patsubst tests/fuzz/targets/%.c,%,$(wildcard tests/fuzz/targets/*.c))
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(F)/%)
$(eval $(call stamp_rule,$(F)/flags,$(FUZZ_CC) $(FUZZ_CFLAGS) $(LWIP_ALTERED_ALL)))
$(eval $(call stamp_rule,$(F)/list,$(FUZZ_MODELS) $(FUZZ_SOURCES)))

$(F)/obj/mbedtls/%.c.o: $(F)/flags | $(MBEDTLS)/ready
	$(call say,FUZZCC,mbedtls/$*.c)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -w -MD -MP -c -o $@ $(MBEDTLS)/library/$*.c

$(F)/obj/%.c.o: %.c $(F)/flags | $(B)/ringside_version.h $(MBEDTLS)/ready
	$(call say,FUZZCC,$<)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -I$(B) -MD -MP -c -o $@ $<

# In the models it sees which way was taken, but not what was compared: they compare at each poll, and inputs are not
# found by solving what the device itself asks. Twice as many runs.
$(FUZZ_MODELS:%=$(F)/obj/%.o): FUZZ_CFLAGS += -fno-sanitize-coverage=trace-cmp
# What they stand on is no news to the fuzzer.
$(patsubst %,$(F)/obj/%.o,$(wildcard tests/device/host*.c) tests/fuzz/fuzz.c): FUZZ_CFLAGS := $(subst fuzzer-no-link$(,),,$(FUZZ_CFLAGS))

$(F)/libsources.a: $(FUZZ_SOURCES:%=$(F)/obj/%.o) $(FUZZ_MBEDTLS:%=$(F)/obj/mbedtls/%.o) $(F)/list
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)
	$(Q)objcopy $(foreach f,malloc calloc realloc free strdup,--redefine-sym $f=fuzz_$f) $@

$(F)/libmodels.a: $(FUZZ_MODELS:%=$(F)/obj/%.o) $(F)/list
	$(Q)rm -f $@ && ar rcs $@ $(FUZZ_MODELS:%=$(F)/obj/%.o)

$(F)/obj/lwip/%.c.o: $(F)/flags | $(LWIP)/ready
	$(call say,FUZZCC,lwip/$*.c)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(filter-out -Wextra -Wshadow -Werror,$(FUZZ_CFLAGS)) $(FUZZ_NETWORK_CFLAGS) -w -fno-sanitize=null,alignment -MD -MP -c -o $@ $(LWIP)/src/$*.c

$(call lwip_altered,$(F),FUZZ_CFLAGS)
$(F)/libnetwork.sources.a: $(FUZZ_NETWORK:%=$(F)/obj/%.o) $(FUZZ_LWIP:%=$(F)/obj/lwip/%.o) $(F)/list
	$(Q)rm -f $@ && ar rcs $@ $(FUZZ_NETWORK:%=$(F)/obj/%.o) $(FUZZ_LWIP:%=$(F)/obj/lwip/%.o)
	$(Q)objcopy $(foreach f,malloc calloc realloc free strdup,--redefine-sym $f=fuzz_$f) $@

$(FUZZ_WITH_LWIP:%=$(F)/obj/%.o): FUZZ_CFLAGS += $(FUZZ_NETWORK_CFLAGS)
$(FUZZ_WITH_LWIP:%=$(F)/obj/%.o): | $(LWIP)/ready
$(FUZZ_NETWORK_TARGETS:%=$(F)/%): $(F)/libnetwork.sources.a $(F)/obj/tests/fuzz/stack.c.o
$(FUZZ_NETWORK_TARGETS:%=$(F)/%): FUZZ_EXTRA := $(F)/obj/tests/fuzz/stack.c.o -Wl,--whole-archive $(F)/libnetwork.sources.a -Wl,--no-whole-archive

$(F)/%: $(F)/obj/tests/fuzz/targets/%.c.o $(F)/libsources.a $(F)/libmodels.a tests/fuzz/state.ld
	$(call say,FUZZLD,$@)
	$(Q)$(FUZZ_CC) $(FUZZ_LDFLAGS) -o $@ $< $(FUZZ_EXTRA) -Wl,--whole-archive $(F)/libsources.a $(F)/libmodels.a -Wl,--no-whole-archive

fuzz-programs: $(FUZZ_PROGRAMS)

-include $(FUZZ_MODELS:%=$(F)/obj/%.d) $(FUZZ_SOURCES:%=$(F)/obj/%.d) $(FUZZ_NETWORK:%=$(F)/obj/%.d) \
	$(F)/obj/tests/fuzz/stack.c.d $(FUZZ_LWIP:%=$(F)/obj/lwip/%.d) $(FUZZ_TARGETS:%=$(F)/obj/tests/fuzz/targets/%.c.d)

.PHONY: fuzz fuzz-run fuzz-seeds fuzz-programs
fuzz:
	@.ci/install build test
	@$(MAKE) -j$(JOBS) fuzz-run

fuzz-run: fuzz-programs
	$(Q)perl tests/fuzz/run.pl $(TIME) '$(T)'

# What was found on the way becomes the seeds that are checked in.
fuzz-seeds: fuzz-programs
	$(Q)perl tests/fuzz/seeds.pl '$(T)'
