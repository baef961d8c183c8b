# SPDX-License-Identifier: BSD-2-Clause
# Programs of the boot tests and measurements: the payload that is booted over the network, and the relay that spoils frames.

PAYLOADS := $(addprefix $(B)/payload/payload.,bzImage efi elf)
TEST_PROGRAMS := $(PAYLOADS) $(B)/payload/pad $(B)/payload/relay

$(B)/payload/payload.bzImage: PAYLOAD_FORMAT := FORMAT_BZIMAGE
$(B)/payload/payload.efi: PAYLOAD_FORMAT := FORMAT_PE
$(B)/payload/payload.elf: PAYLOAD_FORMAT := FORMAT_ELF

$(PAYLOADS): $(wildcard tests/boot/programs/payload/*.S) $(B)/flags
	$(call say,PAYLOAD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ASFLAGS) -D$(PAYLOAD_FORMAT) -c -o $@.o tests/boot/programs/payload/payload.S
	$(Q)ld -Ttext 0 -e 0 --oformat binary -o $@ $@.o

TEST_CFLAGS := -std=gnu11 -O2 -g -D_GNU_SOURCE -Wall -Wextra -Wshadow -Werror

$(B)/payload/pad: tests/boot/programs/payload/pad.c
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(TEST_CFLAGS) -o $@ $<

$(B)/payload/relay: tests/boot/programs/relay.c
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(TEST_CFLAGS) -o $@ $<
