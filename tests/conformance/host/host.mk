# SPDX-License-Identifier: BSD-2-Clause
# The conformance suite on the host, against the model device, and the mutations of that device.

CONFORM_HOST_SOURCES := $(sort $(wildcard $(addprefix tests/conformance/,core/*.c cases/*.c host/*.c)))
CONFORM_HOST_OBJECTS := $(CONFORM_HOST_SOURCES:%=$(B)/host/%.o) $(B)/host/conformance_clauses.o
CONFORM_MODEL := $(B)/conform/model
$(eval $(call stamp_rule,$(B)/conform/host-list,$(CONFORM_HOST_SOURCES)))

$(B)/host/conformance_clauses.o: $(B)/conformance_clauses.c $(B)/host-flags
	$(call say,HOSTCC,$<)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -c -o $@ $<

$(CONFORM_MODEL): $(CONFORM_HOST_OBJECTS) $(B)/host/libringside.a $(B)/conform/host-list
	$(call say,HOSTLD,$@)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -o $@ $(CONFORM_HOST_OBJECTS) $(B)/host/libringside.a -lpthread

.PHONY: conform-model mutation
conform-model: $(CONFORM_MODEL)
	$(Q)$(CONFORM_MODEL)

mutation: $(CONFORM_MODEL)
	$(Q)$(CONFORM_MODEL) --mutation --complete
