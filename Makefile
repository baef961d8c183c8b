# SPDX-License-Identifier: BSD-2-Clause
# Ringside. `make help` says what there is.

VERSION := 0.1.0
B := build

# -- What one may set on the command line ------------------------------------------------------
V ?= 0
APP ?=
NEWLIB_SRC ?=
LWIP_SRC ?=
MBEDTLS_SRC ?=
LZMA_SRC ?=
CC := gcc
QEMU ?= qemu-system-x86_64
PORT ?= 8080
O ?= 2
WITHOUT ?=
STACKS ?=
TLS_CA ?=
APPEND ?=
T ?=
comma := ,
JOBS := $(shell nproc 2>/dev/null || echo 2)

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s %s\n' $(1) '$(2)'
endif

# -- Sources: every file in its room is compiled ------------------------------------------------
KERNEL_SOURCES := $(sort $(shell find kernel drivers net boot -name '*.[cS]' -not -path 'boot/efi/*' -not -name '*.host.c' \
	-not -path 'boot/bzimage/*' -not -path 'kernel/application/*'))
KERNEL_SOURCES += $(sort $(wildcard $(addprefix tests/conformance/,core/*.c cases/*.c guest/*.c)))
# What WITHOUT="NAME..." leaves out. Nothing else refers to these files: what they have is in tables.
WITHOUT_NAMES := balloon bench block conform console emulated entropy iperf3 netboot next tls
WITHOUT_bench := kernel/bench/% $(filter-out kernel/bench/%,$(shell find kernel drivers net -name 'bench_*.c'))
WITHOUT_balloon := drivers/balloon/%
WITHOUT_block := drivers/block/%
WITHOUT_console := drivers/console/virtio_console% drivers/console/port.c drivers/console/bench_console.c
WITHOUT_entropy := drivers/entropy/%
WITHOUT_iperf3 := net/services/iperf3/%
WITHOUT_next := boot/next/%
WITHOUT_conform := tests/conformance/%
WITHOUT_emulated := drivers/net/e1000% drivers/net/rtl8139% drivers/block/ahci% drivers/block/ata% drivers/block/ide%
WITHOUT_netboot := net/netboot/% net/tls/%
WITHOUT_tls := net/tls/tls.c net/tls/authorities.c
ifneq ($(filter-out $(WITHOUT_NAMES),$(WITHOUT)),)
$(error WITHOUT=$(WITHOUT): what can be left out is $(WITHOUT_NAMES))
endif
LEFT_OUT := $(sort $(WITHOUT) $(if $(filter next,$(WITHOUT)),netboot))
TLS := $(if $(filter tls netboot,$(LEFT_OUT)),,yes)
KERNEL_SOURCES := $(filter-out $(foreach name,$(LEFT_OUT),$(WITHOUT_$(name))) $(if $(TLS),net/tls/tls_none.c),$(KERNEL_SOURCES))
CLAUSES := $(if $(filter conform,$(LEFT_OUT)),,$(B)/conformance_clauses.c)
include net/lwip/sources.mk
include net/tls/sources.mk

GCC_INCLUDE := $(shell $(CC) -print-file-name=include 2>/dev/null)
NEWLIB := $(B)/newlib
LWIP := $(B)/lwip-src
MBEDTLS := $(B)/mbedtls-src
LZMA := $(B)/lzma-src

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Werror
MACHINE := -m64 -march=x86-64 -mcmodel=kernel -mno-red-zone -mgeneral-regs-only
CODE := -O$(O) -g -ffreestanding -fbuiltin -fno-pic -fno-pie -fstack-protector-strong -mstack-protector-guard=global -fstack-clash-protection -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-omit-frame-pointer -fno-strict-aliasing \
	-ffunction-sections -fdata-sections -fno-common
INCLUDES := -nostdinc -I. -Inet/lwip/include -Inet/tls/include -isystem $(LWIP)/src/include \
	-isystem $(MBEDTLS)/include -isystem $(LZMA)/C -isystem $(NEWLIB)/include -isystem $(GCC_INCLUDE)
LIBC_DEFINES := -D__DYNAMIC_REENT__ -D_READ_WRITE_RETURN_TYPE=_ssize_t
DEFINES := $(LIBC_DEFINES) -D_GNU_SOURCE -D_POSIX_TIMERS=1 -D_POSIX_MONOTONIC_CLOCK=1
CFLAGS := -std=gnu11 $(MACHINE) $(CODE) $(DEFINES) $(INCLUDES)
ASFLAGS := -m64 -fno-pic -fcf-protection=none -Wa,--noexecstack -g -I.
# Applications have floating point; the rest is the same world.
APP_CFLAGS := $(filter-out -mgeneral-regs-only,$(CFLAGS)) -Wall
LDFLAGS := -nostdlib -static -no-pie -Wl,--gc-sections -Wl,-z,max-page-size=4096 -Wl,--build-id=none \
	-Wl,-z,noexecstack -Wl,--no-warn-rwx-segments -Wl,--fatal-warnings -Wl,--wrap=connect -Wl,--wrap=accept \
	$(foreach name,$(LEFT_OUT),-Wl,--defsym=without_$(name)=1)

APP_SOURCES := $(if $(APP),$(if $(wildcard $(APP)/.),$(sort $(shell find $(APP) -name '*.c')),$(wildcard $(APP))))
ifneq ($(APP),)
ifeq ($(APP_SOURCES),)
$(error APP=$(APP): no such .c file, or a folder without one)
endif
IMAGE := $(B)/app/$(basename $(notdir $(abspath $(APP))))
else
IMAGE := $(B)/ringside
endif

KERNEL_OBJECTS := $(KERNEL_SOURCES:%=$(B)/obj/%.o) $(CLAUSES:%=$(B)/obj/%.o)

# What is on nobody's data path is made small instead of fast.
SMALL := boot/% drivers/pci/% drivers/platform/% drivers/module% kernel/application/% kernel/console/% kernel/facts/% \
	kernel/options/% kernel/cold/% kernel/selftest/% kernel/shell/% net/http/% net/netboot/% net/tls/% tests/conformance/% $(CLAUSES) \
	drivers/%/ethtool.c drivers/%/commands.c drivers/%/facts.c
LWIP_SMALL := core/dns.c core/init.c core/ipv4/autoip.c core/ipv4/dhcp.c core/ipv4/igmp.c core/ipv6/dhcp6.c core/ipv6/mld6.c \
	core/ipv6/nd6.c core/stats.c api/netdb.c api/netifapi.c api/err.c
LZMA_OBJECTS := $(B)/obj/lzma/LzmaDec.c.o
MBEDTLS_FAST := aes.c bignum.c chacha20.c chachapoly.c gcm.c poly1305.c sha256.c sha512.c
LWIP_OBJECTS := $(LWIP_SOURCES:%=$(B)/obj/lwip/%.o)
# Some of lwIP's own functions have another name: ours come before them (net/lwip/batch.c, connection.c, recovery.c, neighbors.c,
# fragments.c, dhcp_extension.c), or instead of them (memory.c). Not by the linker, which does not see calls inside of what is compiled as
# one. And what is cut into fragments is copied: lwIP would cut the packet itself, which TCP may have to send again.
LWIP_ALTERED := core/tcp.c core/tcp_out.c core/timeouts.c core/ipv6/nd6.c core/ipv4/dhcp.c core/ipv4/ip4_frag.c core/ipv6/ip6_frag.c
LWIP_ALTERED_core/tcp.c := -Dmemp_malloc=connection_alloc -Dtcp_close=tcp_close_now -Dtcp_tmr=tcp_tmr_now
LWIP_ALTERED_core/tcp_out.c := -Dtcp_output=tcp_output_now -Dtcp_write=tcp_write_now -Dtcp_send_fin=tcp_send_fin_now \
	-Dtcp_split_unsent_seg=tcp_split_unsent_seg_now
LWIP_ALTERED_core/timeouts.c := -Dmemp_malloc=network_timer_alloc -Dmemp_free=network_timer_free
LWIP_ALTERED_core/ipv6/nd6.c := -Dmemp_malloc=neighbor_place_alloc -Dmemp_free=neighbor_place_free -Dnd6_input=nd6_input_now -Dnd6_tmr=nd6_tmr_now \
	-Dnd6_get_destination_mtu=nd6_get_destination_mtu_told
LWIP_ALTERED_core/ipv4/dhcp.c := -Dudp_recv=dhcp_listen
LWIP_ALTERED_core/ipv4/ip4_frag.c := -DLWIP_NETIF_TX_SINGLE_PBUF=1 -Dip4_frag=ip4_frag_now
LWIP_ALTERED_core/ipv6/ip6_frag.c := -DLWIP_NETIF_TX_SINGLE_PBUF=1
LWIP_ALTERED_ALL := $(foreach f,$(LWIP_ALTERED),$(LWIP_ALTERED_$f))
# lwip_altered FOLDER,VARIABLE: for the objects there.
lwip_altered = $(foreach f,$(LWIP_ALTERED),$(eval $1/obj/lwip/$f.o: $2 += $$(LWIP_ALTERED_$f)))
$(call lwip_altered,$(B),CFLAGS)
APP_OBJECTS := $(APP_SOURCES:%=$(IMAGE).obj/%.o) $(if $(APP),$(IMAGE).obj/application.o)
MBEDTLS_OBJECTS := $(MBEDTLS_SOURCES:%=$(B)/obj/mbedtls/%.o)
$(LZMA_OBJECTS) $(patsubst %,$(B)/obj/%.o,$(filter $(SMALL),$(KERNEL_SOURCES) $(CLAUSES))) $(patsubst %,$(B)/obj/lwip/%.o,$(filter $(LWIP_SMALL),$(LWIP_SOURCES))) \
	$(patsubst %,$(B)/obj/mbedtls/%.o,$(filter-out $(MBEDTLS_FAST),$(MBEDTLS_SOURCES))): CFLAGS += -Os
# What a packet passes from the driver to the services and back is compiled as one (LTO): its many small functions call each
# other across files. Drivers and cold parts stay by themselves, because linker.ld tells them by the names of their files.
TOGETHER_ROOMS := kernel/thread/% kernel/time/% net/lwip/% net/services/%
TOGETHER_COLD := net/services/bench_% net/lwip/ip_command.c net/lwip/ping.c
TOGETHER := $(patsubst %,$(B)/obj/%.o,$(filter-out $(TOGETHER_COLD),$(filter $(TOGETHER_ROOMS),$(KERNEL_SOURCES)))) $(LWIP_OBJECTS)
$(TOGETHER): private CFLAGS += -flto
OBJECTS := $(filter-out $(TOGETHER),$(KERNEL_OBJECTS)) $(B)/obj/together.o $(MBEDTLS_OBJECTS) $(LZMA_OBJECTS) $(if $(TLS),$(IMAGE).tls_ca.o) $(IMAGE).without.o

.PHONY: all images run run-image test test-all soak chaos unit debug lint lint-all format compile_commands.json clean help FORCE
all: images
images: $(IMAGE).elf $(IMAGE).bzImage $(IMAGE).efi

# -- Stamps: files that change only when what they say changes ----------------------------------
# $(call stamp,file,text)
define stamp_rule
$(1): FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' '$(2)' | cmp -s - $$@ || printf '%s\n' '$(2)' >$$@
endef
COMMIT := $(shell commit=$$(git rev-parse --short=12 HEAD 2>/dev/null) || { echo unknown; exit; }; \
	git diff --quiet HEAD -- 2>/dev/null || commit=$$commit+; echo $$commit)
$(eval $(call stamp_rule,$(B)/flags,$(CC) $(CFLAGS) $(WARNINGS) $(ASFLAGS) $(TOGETHER_ROOMS) $(TOGETHER_COLD) $(LWIP_ALTERED_ALL)))
$(eval $(call stamp_rule,$(IMAGE).link-flags,$(CC) $(LDFLAGS) $(OBJECTS)))
$(eval $(call stamp_rule,$(B)/together-list,$(TOGETHER)))
$(B)/ringside_version.h: FORCE
	@mkdir -p $(@D)
	@printf '#define RINGSIDE_VERSION "%s"\n#define RINGSIDE_COMMIT "%s"\n' $(VERSION) $(COMMIT) >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# -- Libraries ---------------------------------------------------------------------------------
NEWLIB_SOURCE = $(if $(NEWLIB_SRC),$(NEWLIB_SRC),$$(.ci/fetch newlib $(B)/sources))
MBEDTLS_SOURCE = $(if $(MBEDTLS_SRC),$(MBEDTLS_SRC),$$(.ci/fetch mbedtls $(B)/sources))
LZMA_SOURCE = $(if $(LZMA_SRC),$(LZMA_SRC),$$(.ci/fetch lzma $(B)/sources))
LWIP_SOURCE = $(if $(LWIP_SRC),$(LWIP_SRC),$$(.ci/fetch lwip $(B)/sources))
NEWLIB_CFLAGS := -O2 -g -ffreestanding -mno-red-zone -fno-pic -fno-pie -fno-stack-protector -fstack-clash-protection -fcf-protection=none \
	-mcmodel=kernel -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables \
	-fno-omit-frame-pointer -fno-tree-vectorize $(LIBC_DEFINES)
$(eval $(call stamp_rule,$(B)/newlib-source,$(CC) $(NEWLIB_SRC) $(NEWLIB_CFLAGS)))
$(eval $(call stamp_rule,$(B)/lwip-source,$(LWIP_SRC)))
$(eval $(call stamp_rule,$(B)/mbedtls-source,$(MBEDTLS_SRC)))
$(eval $(call stamp_rule,$(B)/lzma-source,$(LZMA_SRC)))

$(NEWLIB)/libc.a: $(B)/newlib-source .ci/fetch .ci/unpack
	$(call say,NEWLIB,$@ (about a minute))
	$(Q)source=$(NEWLIB_SOURCE) && .ci/unpack "$$source" $(B)/newlib-src
	$(Q)rm -rf $(NEWLIB) $(B)/newlib-build && mkdir -p $(B)/newlib-build
	$(Q)cd $(B)/newlib-build && { \
		tools=$$(for t in AR RANLIB AS LD NM STRIP OBJCOPY OBJDUMP READELF; do \
			echo $${t}_FOR_TARGET=$$(echo $$t | tr A-Z a-z); done); \
		env -u MAKEFLAGS -u MAKELEVEL CFLAGS_FOR_TARGET='$(NEWLIB_CFLAGS)' ../newlib-src/configure --target=x86_64-elf --prefix=/ \
			--disable-multilib --disable-libgloss --disable-newlib-supplied-syscalls \
			--enable-newlib-io-long-long --enable-newlib-io-c99-formats \
			--enable-newlib-retargetable-locking CC_FOR_TARGET=$(CC) $$tools && \
		env -u MAKEFLAGS -u MAKELEVEL $(MAKE) -j$(JOBS) all-target-newlib MAKEINFO=true && \
		env -u MAKEFLAGS -u MAKELEVEL $(MAKE) install-target-newlib MAKEINFO=true DESTDIR=$(abspath $(B)/newlib-install); \
	} >log 2>&1 || { echo "ringside: newlib did not build; the end of $(B)/newlib-build/log:" >&2; tail -n 20 log >&2; exit 1; }
	$(Q)mv $(B)/newlib-install/x86_64-elf $(NEWLIB) && rm -rf $(B)/newlib-install $(B)/newlib-build
	$(Q)cp $(NEWLIB)/lib/libc.a $(NEWLIB)/lib/libm.a $(NEWLIB)

$(LWIP)/ready: $(B)/lwip-source .ci/fetch .ci/unpack
	$(call say,LWIP,$(LWIP))
	$(Q)source=$(LWIP_SOURCE) && .ci/unpack "$$source" $(LWIP)
	$(Q)[ -e $(LWIP)/src/core/init.c ] || { echo "ringside: $(LWIP_SRC) has no src/core/init.c: not lwIP's sources" >&2; exit 1; }
	$(Q)touch $@

$(MBEDTLS)/ready: $(B)/mbedtls-source .ci/fetch .ci/unpack
	$(call say,MBEDTLS,$(MBEDTLS))
	$(Q)source=$(MBEDTLS_SOURCE) && .ci/unpack "$$source" $(MBEDTLS)
	$(Q)[ -e $(MBEDTLS)/library/ssl_tls.c ] || { echo "ringside: $(MBEDTLS_SRC) has no library/ssl_tls.c: not mbed TLS's sources" >&2; exit 1; }
	$(Q)touch $@

$(LZMA)/ready: $(B)/lzma-source .ci/fetch .ci/unpack
	$(call say,LZMA,$(LZMA))
	$(Q)source=$(LZMA_SOURCE) && .ci/unpack "$$source" $(LZMA)
	$(Q)[ -e $(LZMA)/C/LzmaDec.c ] || { echo "ringside: $(LZMA_SRC) has no C/LzmaDec.c: not the LZMA SDK's sources" >&2; exit 1; }
	$(Q)touch $@

# -- Objects -----------------------------------------------------------------------------------
LIBRARIES_READY := $(NEWLIB)/libc.a $(LWIP)/ready $(MBEDTLS)/ready $(LZMA)/ready

$(B)/obj/lwip/%.c.o: $(B)/flags | $(LIBRARIES_READY)
	$(call say,CC,lwip/$*.c)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -Wall -MD -MP -c -o $@ $(LWIP)/src/$*.c

$(B)/obj/mbedtls/%.c.o: $(B)/flags | $(LIBRARIES_READY)
	$(call say,CC,mbedtls/$*.c)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -Wall -MD -MP -c -o $@ $(MBEDTLS)/library/$*.c

$(B)/obj/lzma/%.c.o: $(B)/flags | $(LIBRARIES_READY)
	$(call say,CC,lzma/$*.c)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -Wall -MD -MP -c -o $@ $(LZMA)/C/$*.c

$(B)/obj/%.c.o: %.c $(B)/flags | $(LIBRARIES_READY) $(B)/ringside_version.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) -I$(B) -MD -MP -c -o $@ $<

$(B)/obj/%.S.o: %.S $(B)/flags
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ASFLAGS) -MD -MP -c -o $@ $<

$(B)/obj/together.o: $(TOGETHER) $(B)/together-list
	$(call say,LTO,$@)
	$(Q)$(CC) $(CFLAGS) -flto=$(JOBS) -flinker-output=nolto-rel -r -nostdlib -o $@ $(TOGETHER)

$(IMAGE).obj/%.c.o: %.c $(B)/flags | $(LIBRARIES_READY)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(APP_CFLAGS) -I$(dir $<) -MD -MP -c -o $@ $<

$(IMAGE).obj/application.o: kernel/application/application.c $(B)/flags | $(LIBRARIES_READY)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(WARNINGS) -DAPPLICATION_NAME='"$(notdir $(IMAGE))"' -MD -MP -c -o $@ $<

# The certificates that TLS believes: TLS_CA=FILE (PEM), and a zero byte behind them.
$(eval $(call stamp_rule,$(IMAGE).tls-ca,$(TLS_CA)))
$(IMAGE).tls_ca.o: $(IMAGE).tls-ca $(TLS_CA)
	@mkdir -p $(@D)
	$(Q)printf '.section .rodata\n.globl tls_ca, tls_ca_end\ntls_ca:\n%s\n.byte 0\ntls_ca_end:\n' \
		'$(if $(TLS_CA),.incbin "$(TLS_CA)")' | $(CC) -m64 -Wa,--noexecstack -c -x assembler -o $@ -

# What the image has not got, for the line that says so.
$(eval $(call stamp_rule,$(IMAGE).without,$(LEFT_OUT)))
$(IMAGE).without.o: $(IMAGE).without
	$(Q)printf '.section .rodata\n.globl built_without\nbuilt_without:\n.asciz "%s"\n' '$(LEFT_OUT)' | \
		$(CC) -m64 -Wa,--noexecstack -c -x assembler -o $@ -

# The clauses of the specification that conformance cases name.
$(B)/conformance_clauses.c: tests/conformance/clauses.tsv tests/conformance/clauses.pl
	$(Q)perl tests/conformance/clauses.pl $< >$@

# -- The image: linked twice, the second time with the table of symbols for stack traces and with room for the cold
# parts, which are packed into it then (kernel/cold/cold.h) ---
link = $(CC) $(LDFLAGS) -T linker.ld -o $(1) $(2) $(OBJECTS) $(APP_OBJECTS) \
	$(NEWLIB)/libc.a $(NEWLIB)/libm.a $$($(CC) -print-libgcc-file-name)
PACK := perl kernel/cold/pack.pl

$(IMAGE).nosymbols: $(OBJECTS) $(APP_OBJECTS) linker.ld kernel/cold/pack.pl kernel/cold/gates $(IMAGE).link-flags
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(call link,$@,-Wl$(comma)--emit-relocs)
	$(Q)$(PACK) check $@ kernel/cold/gates

$(IMAGE).symbols.S: $(IMAGE).nosymbols kernel/x86/symbols.pl
	$(Q)nm -n $< | perl kernel/x86/symbols.pl >$@

$(IMAGE).room.S: $(IMAGE).nosymbols
	$(Q)$(PACK) room $< >$@

$(IMAGE).debug: $(IMAGE).symbols.S $(IMAGE).room.S
	$(call say,LD,$@)
	$(Q)$(CC) $(ASFLAGS) -c -o $(IMAGE).symbols.o $(IMAGE).symbols.S
	$(Q)$(CC) $(ASFLAGS) -c -o $(IMAGE).room.o $(IMAGE).room.S
	$(Q)$(call link,$@,$(IMAGE).symbols.o $(IMAGE).room.o)

$(IMAGE).elf: $(IMAGE).debug
	$(call say,PACK,$@)
	$(Q)$(PACK) elf $< $@

# The image as it lies in memory, without the zeroes at its end.
$(IMAGE).bin: $(IMAGE).elf
	$(Q)$(PACK) flat $< $@

# Where things are in it, as -D words for those that carry it along.
$(IMAGE).place: $(IMAGE).debug $(IMAGE).bin boot/place.pl
	$(Q)perl boot/place.pl $(IMAGE).debug $(IMAGE).bin >$@

# -- bzImage: set-up code, a page that moves the image into place, the image ----------------------
SETUP_SECTORS := 4

$(IMAGE).setup.bin: boot/bzimage/setup.S $(IMAGE).place $(B)/ringside_version.h
	$(Q)$(CC) $(ASFLAGS) $$(cat $(IMAGE).place) -DSETUP_SECTORS=$(SETUP_SECTORS) \
		-DRINGSIDE_TEXT='"ringside $(VERSION) $(COMMIT)"' -c -o $@.o $<
	$(Q)ld -Ttext 0 --oformat binary -o $@ $@.o

$(IMAGE).payload.bin: boot/bzimage/payload.S $(IMAGE).place
	$(Q)$(CC) $(ASFLAGS) $$(cat $(IMAGE).place) -c -o $@.o $<
	$(Q)ld -Ttext 0 --oformat binary -o $@ $@.o

$(IMAGE).bzImage: $(IMAGE).setup.bin $(IMAGE).payload.bin $(IMAGE).bin
	$(call say,BZIMAGE,$@)
	$(Q)cat $^ >$@.new && mv $@.new $@

# -- The UEFI application: its own small world, position-independent, around the same image ---------
EFI_SOURCES := $(wildcard boot/efi/*.c)
EFI_CFLAGS := -std=gnu11 -m64 -O2 -g -I. -I/usr/include/efi -I/usr/include/efi/x86_64 -fpic -ffreestanding \
	-fshort-wchar -fno-stack-protector -fno-strict-aliasing -fcf-protection=none -mno-red-zone -mgeneral-regs-only \
	-maccumulate-outgoing-args -DGNU_EFI_USE_MS_ABI -Wno-error=pragmas -DRINGSIDE_TEXT='"ringside $(VERSION) $(COMMIT)"'
EFI_OBJECTS := $(EFI_SOURCES:%=$(B)/obj/%.o)

$(B)/obj/boot/efi/%.c.o: boot/efi/%.c $(B)/flags $(B)/ringside_version.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(EFI_CFLAGS) -Wall -Wextra -Wshadow -Werror -MD -MP -c -o $@ $<

$(IMAGE).efi.image.o: boot/efi/image.S $(IMAGE).place $(IMAGE).bin
	$(Q)$(CC) -m64 -c -DIMAGE_NAME='"$(IMAGE).bin"' $$(cat $(IMAGE).place) -o $@ $<

$(IMAGE).efi: $(EFI_OBJECTS) $(IMAGE).efi.image.o
	$(call say,EFI,$@)
	$(Q)ld -nostdlib -znocombreloc -shared -Bsymbolic -z noexecstack --no-warn-rwx-segments -T /usr/lib/elf_x86_64_efi.lds \
		-o $@.so /usr/lib/crt0-efi-x86_64.o $^ -L/usr/lib -lefi -lgnuefi
	$(Q)! nm -u $@.so | grep . || { echo "ringside: $@ has undefined symbols" >&2; exit 1; }
	$(Q)objcopy -j .text -j .sdata -j .data -j .dynamic -j .dynsym -j .rel -j .rela -j '.rel.*' -j '.rela.*' \
		-j .reloc --target=efi-app-x86_64 --subsystem=10 $@.so $@.new && mv $@.new $@

# -- Unit tests: the real sources on the host, before the model device, under the sanitizers --------
HOST_CC := gcc
HOST_CFLAGS := -std=gnu11 -O1 -g -DHOST_BUILD -D_GNU_SOURCE -Dsniprintf=snprintf -Dvsniprintf=vsnprintf \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -fno-strict-aliasing \
	-Wall -Wextra -Wshadow -Werror -I. -Inet/lwip/include/host -Inet/tls/include -isystem $(MBEDTLS)/include
HOST_SOURCES := $(sort $(shell find drivers kernel/options kernel/facts tests/device -name '*.c' -not -name 'bench_*') \
	kernel/console/console.c kernel/console/transcript.c kernel/console/log_limit.c kernel/shell/line.c kernel/bench/statistics.c \
	kernel/memory/memory_map.c kernel/memory/budget.c kernel/memory/pages.c kernel/random/chacha20.c kernel/random/random.c kernel/random/siphash.c kernel/libc/crc32.c boot/e820.c boot/origin.c boot/device_path.c \
	$(filter-out %/handover.c %/kexec.c,$(wildcard boot/next/*.c)) \
	$(wildcard net/lwip/address_option.c net/lwip/checksum.c net/lwip/guard.c net/lwip/isn.c net/lwip/memory.c net/http/request.c) net/services/iperf3/json.c net/services/iperf3/message.c \
	$(addprefix net/netboot/,url.c http_response.c tftp_engine.c progress_line.c dhcp_message.c dhcp6_message.c \
		settings.c setting_format.c script.c script_commands.c))
HOST_OBJECTS := $(HOST_SOURCES:%=$(B)/host/%.o) $(addprefix $(B)/host/mbedtls/,sha256.c.o platform_util.c.o)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*.c))
$(eval $(call stamp_rule,$(B)/host-flags,$(HOST_CC) $(HOST_CFLAGS)))
$(eval $(call stamp_rule,$(B)/host-list,$(HOST_SOURCES)))

# What needs lwIP's structures.
HOST_LWIP := net/lwip/guard.c net/lwip/isn.c net/lwip/memory.c net/http/page.c tests/unit/http_page.c \
	tests/unit/sequence_numbers.c $(wildcard tests/unit/network_*.c)
HOST_LWIP_CFLAGS := -Inet/lwip/include -isystem $(LWIP)/src/include
$(HOST_LWIP:%=$(B)/host/%.o): HOST_CFLAGS += $(HOST_LWIP_CFLAGS)
$(HOST_LWIP:%=$(B)/host/%.o): | $(LWIP)/ready

$(B)/host/mbedtls/%.c.o: $(B)/host-flags | $(MBEDTLS)/ready
	$(call say,HOSTCC,mbedtls/$*.c)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -MD -MP -c -o $@ $(MBEDTLS)/library/$*.c

$(B)/host/%.c.o: %.c $(B)/host-flags | $(B)/ringside_version.h $(MBEDTLS)/ready
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -I$(B) -MD -MP -c -o $@ $<

$(B)/host/libringside.a: $(HOST_OBJECTS) $(B)/host-list
	$(Q)rm -f $@ && ar rcs $@ $(HOST_OBJECTS)

# Their allocations may fail.
UNIT_FAILING := $(patsubst %,$(B)/host/%.o,$(wildcard tests/unit/failing/*.c))
UNIT_LDFLAGS := $(addprefix -Wl$(comma)--wrap=,malloc calloc realloc strdup free _cmocka_run_group_tests)
# Above what the others are about: with what the test itself stands for.
$(B)/unit/http_page: $(B)/host/net/http/page.c.o
$(B)/unit/%: $(B)/host/tests/unit/%.c.o $(B)/host/libringside.a $(UNIT_FAILING) tests/unit/failing/tests.ld
	$(call say,HOSTLD,$@)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -o $@ $(filter %.o,$^) -Wl,--whole-archive $(B)/host/libringside.a -Wl,--no-whole-archive $(UNIT_LDFLAGS) -Wl,-T,tests/unit/failing/tests.ld -lcmocka

include tests/conformance/back_end/back_end.mk

# Each unit test again, for each of its allocations with that one failing; STACKS=1: for one with each call stack.
.PHONY: out-of-memory
out-of-memory: $(UNIT_TESTS)
	$(Q)tests/unit/failing/run $(if $(STACKS),--stacks) '$(T)'

unit: $(UNIT_TESTS)
	$(Q)for test in $(UNIT_TESTS); do echo "-- $$test"; $$test || exit 1; done

include tests/conformance/host/host.mk
include tests/boot/programs/programs.mk
include tests/bench/programs/programs.mk
include tests/fuzz/fuzz.mk
include tests/fuzz/coverage.mk

# -- What people type --------------------------------------------------------------------------------
# Where the CPU has virtualisation and we may use it; software emulation otherwise.
ACCELERATOR ?= $(if $(and $(shell grep -m1 -oE '\b(vmx|svm)\b' /proc/cpuinfo 2>/dev/null), \
	$(shell [ -w /dev/kvm ] && echo yes)),-accel kvm -cpu host,-accel tcg -cpu max)
MACHINE_OPTIONS = -M q35 $(ACCELERATOR) -smp 2 -m 128 -nodefaults -no-reboot -display none \
	-device isa-debug-exit,iobase=0xf4,iosize=4 -device virtio-net-pci,netdev=net0,disable-legacy=on,romfile= \
	-netdev user,id=net0,hostfwd=tcp:127.0.0.1:$(PORT)-:80

run:
	@.ci/install build run
	@$(MAKE) -j$(JOBS) run-image

run-image: images
	@printf '\n  The status page is at http://localhost:$(PORT)/ while this runs; `poweroff` or ^A X ends it.\n\n'
	$(Q)$(QEMU) $(MACHINE_OPTIONS) -serial mon:stdio -kernel $(IMAGE).elf -append '$(APPEND)'

debug:
	@.ci/install build run debug
	@$(MAKE) -j$(JOBS) images
	@printf '\n  QEMU waits for gdb. In another terminal:\n\n    %s\n\n' \
		"gdb $(IMAGE).debug -ex 'target remote localhost:1234' -ex 'hbreak kernel_main' -ex continue"
	$(Q)$(QEMU) $(subst -accel kvm -cpu host,-accel tcg -cpu max,$(MACHINE_OPTIONS)) -serial mon:stdio \
		-kernel $(IMAGE).elf -append '$(APPEND)' -s -S

test:
	@.ci/install build run test
	@$(MAKE) -j$(JOBS) test-all

soak: images
	$(Q)RINGSIDE_SOAK=$${RINGSIDE_SOAK:-600} RINGSIDE_BOOTS=$${RINGSIDE_BOOTS:-200} perl tests/boot/soak.t

CHAOS = $(if $(filter undefined file,$(origin N)),1000,$(N))
chaos: images
	$(Q)first=$${FIRST:-$$(date +%s)}; echo "machines $$first to $$((first + $(CHAOS) - 1))"; \
		RINGSIDE_CHAOS_FIRST=$$first RINGSIDE_CHAOS=$(CHAOS) prove -m -Q tests/boot/chaos.t

# The ladder of devices, beside Linux: ONLY=PATTERN RUNS=3 ROUND=0.4. bench-docs puts the figures into docs/.
.PHONY: bench bench-docs
bench:
	@.ci/install build run test
	@$(MAKE) -j$(JOBS) images $(TEST_PROGRAMS) $(BENCH_PROGRAMS)
	$(Q)ONLY='$(ONLY)' RUNS='$(RUNS)' ROUND='$(ROUND)' LINUX='$(LINUX)' perl tests/bench/ladder.pl; status=$$?; perl tests/bench/report || status=1; exit $$status

bench-docs:
	$(Q)perl tests/bench/report --publish >/dev/null

# Network boot beside iPXE and UEFI firmware: RUNS=5 SIZES=1,10,64,512.
.PHONY: bench-netboot
bench-netboot:
	@.ci/install build run test
	@$(MAKE) -j$(JOBS) images $(TEST_PROGRAMS)
	$(Q)RUNS=$(RUNS) SIZES=$(SIZES) perl tests/bench/netboot.pl

# The table of costs that are the same in every run, measured anew.
.PHONY: counts
counts: images
	$(Q)perl tests/bench/counts.pl

test-all: images $(UNIT_TESTS) $(TEST_PROGRAMS) $(BENCH_PROGRAMS) $(B)/conform/vhost-user-blk $(B)/conform/vhost-user-net $(B)/conform/model fuzz-programs
	$(Q).ci/test '$(T)'

lint:
	@.ci/install build test lint
	@$(MAKE) -j$(JOBS) lint-all

C_FILES = $(shell git ls-files '*.c' '*.h')
lint-all: images $(B)/compile_commands.json
	$(call say,FORMAT,clang-format)
	$(Q)clang-format --dry-run -Werror $(C_FILES)
	$(call say,CPPCHECK,cppcheck)
	$(Q)cppcheck -q -j$(JOBS) --max-configs=1 --project=$(B)/compile_commands.json --error-exitcode=1 --inline-suppr \
		--suppressions-list=.ci/cppcheck-suppressions -i $(B) -i tests/conformance
	@# Without the C library's headers: with them it does not know CASE() for the macro that it is.
	$(Q)cppcheck -q -j$(JOBS) --max-configs=1 -I. --error-exitcode=1 --inline-suppr \
		--suppressions-list=.ci/cppcheck-suppressions tests/conformance
	$(call say,ANALYZE,gcc -fanalyzer)
	$(Q).ci/analyze $(B)/compile_commands.json $(JOBS)
	$(call say,TIDY,clang-tidy)
	$(Q)printf '%s\n' $(filter %.c,$(KERNEL_SOURCES)) | xargs -P$(JOBS) -n 8 clang-tidy -p $(B) --quiet --warnings-as-errors='*' 2>/dev/null

format:
	$(Q)clang-format -i $(C_FILES)

# Found by editors in build/.
compile_commands.json: $(B)/compile_commands.json
$(B)/compile_commands.json: $(B)/flags $(IMAGE).link-flags
	$(call say,JSON,$@)
	$(Q){ printf '[\n'; separator=; for source in $(filter %.c,$(KERNEL_SOURCES)); do \
		printf '%s{"directory": "%s", "file": "%s", "command": "%s"}' "$$separator" '$(CURDIR)' "$$source" \
			'$(CC) $(CFLAGS) $(WARNINGS) -I$(B) -c '"$$source"; separator=",$$(printf '\n_')"; \
		separator=$${separator%_}; done; printf '\n]\n'; } >$@

include tests/conformance/conform.mk

clean:
	$(Q)rm -rf $(B)

help:
	@echo 'make            the images: build/ringside.elf (PVH), .bzImage (Linux protocol), .efi (UEFI)'
	@echo 'make run        installs what is missing, builds, boots in QEMU; page at http://localhost:8080/'
	@echo 'make test       the same, then every test; T=PATTERN runs those whose name matches'
	@echo 'make unit       the unit tests only'
	@echo 'make out-of-memory   the same, each allocation failing once; T=PATTERN, STACKS=1 one of each call stack'
	@echo 'make fuzz TIME=60    each fuzz target for so many seconds; T=PATTERN only those'
	@echo 'make fuzz-seeds     what they found becomes the seeds that are checked in'
	@echo 'make coverage       lines and branches of drivers and parsers that unit tests and seeds run'
	@echo 'make conform-model   the conformance suite on the model device'
	@echo 'make mutation   the conformance cases on the model device, under each of its faults'
	@echo 'make soak       ten minutes of all devices under load at once'
	@echo 'make bench      the ladder from emulated to para-virtual devices, beside Linux; ONLY=PATTERN RUNS=3 ROUND=0.4'
	@echo 'make bench-docs     its tables and plots, into docs/'
	@echo 'make bench-netboot   network boot beside iPXE and UEFI firmware; RUNS=5 SIZES=1,10,64,512'
	@echo 'make counts     writes tests/bench/counts anew: kicks, interrupts, register accesses, instructions'
	@echo 'make chaos N=1000   so many machines thrown together by chance; FIRST= chooses which'
	@echo 'make conform    the conformance suite under QEMU, in all configurations'
	@echo 'make conform-kvm   the same with KVM, where it can be used'
	@echo 'make flaky N=100   each case N times in one boot; LOAD=1 beside busy loops'
	@echo 'make clauses    which clauses of virtio the suite tests, and where it did'
	@echo 'make dist       build/ringside-VERSION.tar.xz: images and runner, for people without a compiler'
	@echo 'make install    the same below DESTDIR= and PREFIX= (/usr/local)'
	@echo 'make debug      QEMU waits for gdb; prints the gdb command'
	@echo 'make lint       clang-format, cppcheck, gcc -fanalyzer, clang-tidy'
	@echo 'make format     clang-format, in place'
	@echo 'make compile_commands.json   for editors, in build/'
	@echo 'make clean      removes build/'
	@echo
	@echo 'APP=FILE.c|FOLDER   links a C program with main() into the image: build/app/NAME.elf'
	@echo 'APPEND="WORDS"      the kernel command line of make run'
	@echo 'PORT=N              the port of the status page on the host'
	@echo 'NEWLIB_SRC= LWIP_SRC= MBEDTLS_SRC= LZMA_SRC=   other sources of these libraries (archive or folder)'
	@echo 'TLS_CA=FILE         certificates (PEM) that https believes, linked in'
	@echo 'WITHOUT="NAME..."   without the parts named: $(WITHOUT_NAMES)'
	@echo 'O=s                 compiled for size, not for speed'
	@echo 'V=1                 shows the commands'

# -- Dependencies between files, as the compiler saw them ------------------------------------------
-include $(KERNEL_OBJECTS:.o=.d) $(LWIP_OBJECTS:.o=.d) $(MBEDTLS_OBJECTS:.o=.d) $(LZMA_OBJECTS:.o=.d) $(APP_OBJECTS:.o=.d) $(EFI_OBJECTS:.o=.d) $(HOST_OBJECTS:.o=.d) \
	$(UNIT_TESTS:$(B)/unit/%=$(B)/host/tests/unit/%.c.d) $(filter %.c.d,$(CONFORM_HOST_OBJECTS:.o=.d))
