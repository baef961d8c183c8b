# SPDX-License-Identifier: BSD-2-Clause
# build/conform/vhost-user-blk and -net: devices outside the VMM that can be told to misbehave. A program of the
# host, that stands on nothing of the image; it is told by its name which one it is.

BACK_END_SOURCES := $(wildcard tests/conformance/back_end/*.c)
BACK_END_OBJECTS := $(BACK_END_SOURCES:%=$(B)/host/%.o)
BACK_END_CFLAGS := -std=gnu11 -O1 -g -D_GNU_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer -fno-strict-aliasing -Wall -Wextra -Wshadow -Werror -I.

$(B)/host/tests/conformance/back_end/%.c.o: tests/conformance/back_end/%.c tests/conformance/back_end/back_end.mk
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(BACK_END_CFLAGS) -MD -MP -c -o $@ $<

$(B)/conform/vhost-user-blk: $(BACK_END_OBJECTS)
	$(call say,HOSTLD,$@)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(BACK_END_CFLAGS) -o $@ $^

$(B)/conform/vhost-user-net: $(B)/conform/vhost-user-blk
	$(Q)ln -f $< $@

-include $(BACK_END_OBJECTS:.o=.d)
