# SPDX-License-Identifier: BSD-2-Clause
# make coverage: which lines and branches of the drivers and the parsers the unit tests and the seeds run, together.
# The same sources, built by clang with its counters and without sanitizers; each program writes what it ran.
C := $(B)/coverage
COVERAGE_CFLAGS := $(filter-out -fsanitize=% -fno-sanitize-recover=undefined -DMODEL_%,$(FUZZ_CFLAGS)) \
	-fprofile-instr-generate -fcoverage-mapping
COVERAGE_UNITS := $(patsubst tests/unit/%.c,$(C)/unit-%,$(wildcard tests/unit/*.c))
COVERAGE_PROGRAMS := $(COVERAGE_UNITS) $(FUZZ_TARGETS:%=$(C)/fuzz-%)
COVERAGE_LINK = $(FUZZ_CC) -no-pie -fprofile-instr-generate
COVERAGE_NETWORK_OBJECTS := $(FUZZ_WITH_LWIP:%=$(C)/obj/%.o)
$(eval $(call stamp_rule,$(C)/flags,$(FUZZ_CC) $(COVERAGE_CFLAGS) $(LWIP_ALTERED_ALL)))
$(eval $(call stamp_rule,$(C)/list,$(FUZZ_MODELS) $(FUZZ_SOURCES) $(FUZZ_NETWORK)))

$(C)/obj/lwip/%.c.o: $(C)/flags | $(LWIP)/ready
	$(call say,COVCC,lwip/$*.c)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(filter-out -Wextra -Wshadow -Werror -fcoverage-mapping -fprofile-instr-generate,$(COVERAGE_CFLAGS)) \
		$(FUZZ_NETWORK_CFLAGS) -w -MD -MP -c -o $@ $(LWIP)/src/$*.c

$(call lwip_altered,$(C),COVERAGE_CFLAGS)

$(C)/obj/mbedtls/%.c.o: $(C)/flags | $(MBEDTLS)/ready
	$(call say,COVCC,mbedtls/$*.c)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(filter-out -fcoverage-mapping -fprofile-instr-generate,$(COVERAGE_CFLAGS)) -w -MD -MP -c -o $@ $(MBEDTLS)/library/$*.c

$(C)/obj/%.c.o: %.c $(C)/flags | $(B)/ringside_version.h $(MBEDTLS)/ready
	$(call say,COVCC,$<)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(COVERAGE_CFLAGS) -I$(B) -MD -MP -c -o $@ $<

$(COVERAGE_NETWORK_OBJECTS): COVERAGE_CFLAGS += $(FUZZ_NETWORK_CFLAGS)
$(COVERAGE_NETWORK_OBJECTS): | $(LWIP)/ready

# For the unit tests as they are; for the fuzz targets with another heap, as in fuzz.mk.
$(C)/libhost.a: $(FUZZ_SOURCES:%=$(C)/obj/%.o) $(FUZZ_MBEDTLS:%=$(C)/obj/mbedtls/%.o) $(patsubst %,$(C)/obj/%.o,$(filter tests/device/%,$(FUZZ_MODELS))) $(C)/list
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)

$(C)/libsources.a: $(FUZZ_SOURCES:%=$(C)/obj/%.o) $(FUZZ_MBEDTLS:%=$(C)/obj/mbedtls/%.o) $(C)/list
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)
	$(Q)objcopy $(foreach f,malloc calloc realloc free strdup,--redefine-sym $f=fuzz_$f) $@

$(C)/libnetwork.sources.a: $(FUZZ_NETWORK:%=$(C)/obj/%.o) $(FUZZ_LWIP:%=$(C)/obj/lwip/%.o) $(C)/list
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)
	$(Q)objcopy $(foreach f,malloc calloc realloc free strdup,--redefine-sym $f=fuzz_$f) $@

$(C)/libmodels.a: $(FUZZ_MODELS:%=$(C)/obj/%.o) $(C)/list
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)

COVERAGE_FAILING := $(UNIT_FAILING:$(B)/host/%=$(C)/obj/%)
$(C)/unit-http_page: $(C)/obj/net/http/page.c.o
$(C)/unit-%: $(C)/obj/tests/unit/%.c.o $(C)/libhost.a $(COVERAGE_FAILING)
	$(call say,COVLD,$@)
	$(Q)$(COVERAGE_LINK) -o $@ $(filter %.o,$^) $(UNIT_LDFLAGS) -Wl,--whole-archive $(C)/libhost.a -Wl,--no-whole-archive -lcmocka

$(C)/fuzz-%: $(C)/obj/tests/fuzz/targets/%.c.o $(C)/libsources.a $(C)/libmodels.a tests/fuzz/state.ld
	$(call say,COVLD,$@)
	$(Q)$(COVERAGE_LINK) -fsanitize=fuzzer -Wl,-T,tests/fuzz/state.ld -o $@ $< $(COVERAGE_EXTRA) \
		-Wl,--whole-archive $(C)/libsources.a $(C)/libmodels.a -Wl,--no-whole-archive

$(FUZZ_NETWORK_TARGETS:%=$(C)/fuzz-%): $(C)/libnetwork.sources.a $(C)/obj/tests/fuzz/stack.c.o
$(FUZZ_NETWORK_TARGETS:%=$(C)/fuzz-%): COVERAGE_EXTRA := $(C)/obj/tests/fuzz/stack.c.o \
	-Wl,--whole-archive $(C)/libnetwork.sources.a -Wl,--no-whole-archive

.PHONY: coverage coverage-run
coverage:
	@.ci/install build test
	@$(MAKE) -j$(JOBS) coverage-run

coverage-run: $(COVERAGE_PROGRAMS)
	$(Q)perl tests/fuzz/coverage.pl $(COVERAGE_PROGRAMS)

-include $(FUZZ_MODELS:%=$(C)/obj/%.d) $(FUZZ_SOURCES:%=$(C)/obj/%.d) $(COVERAGE_NETWORK_OBJECTS:.o=.d) \
	$(FUZZ_LWIP:%=$(C)/obj/lwip/%.d) $(FUZZ_TARGETS:%=$(C)/obj/tests/fuzz/targets/%.c.d) \
	$(patsubst tests/unit/%.c,$(C)/obj/tests/unit/%.c.d,$(wildcard tests/unit/*.c))
