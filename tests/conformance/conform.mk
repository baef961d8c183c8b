# SPDX-License-Identifier: BSD-2-Clause
# The conformance suite from the host's side: runs, the index' coverage, and what goes to people who test their own VMM.

CONFORM := tests/conformance/run
CONFORM_OUT := $(B)/conform
CONFORM_FLAGS ?=
DESTDIR ?=
PREFIX ?= /usr/local

.PHONY: conform flaky conform-run conform-kvm clauses dist install

conform:
	@.ci/install build run
	@$(MAKE) -j$(JOBS) images
	@$(MAKE) conform-run

# TCG everywhere: the same everywhere.
conform-run:
	@mkdir -p $(CONFORM_OUT)
	$(Q)rm -rf $(CONFORM_OUT)/qemu
	$(Q)$(CONFORM) --jobs $(JOBS) --expected tests/conformance/expected/qemu-7.2 --out $(CONFORM_OUT)/qemu \
		--json $(CONFORM_OUT)/qemu.json --junit $(CONFORM_OUT)/qemu.xml $(CONFORM_FLAGS)

# Where KVM is emulated in software, all of it would take an hour: interrupts only there, which are what KVM adds; and no
# --json, which costs a boot more in each configuration.
KVM_ONLY = $(if $(shell grep -m1 -oE '\b(vmx|svm)\b' /proc/cpuinfo 2>/dev/null),,--only 'msix_*,intx_*,line_*,interrupt_*,request_*')
conform-kvm: images
	@mkdir -p $(CONFORM_OUT)
	$(Q)if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then \
		rm -rf $(CONFORM_OUT)/kvm; \
		$(CONFORM) --config q35-kvm,microvm-kvm,vhost-user-net-kvm $(KVM_ONLY) --timeout 300 --jobs $(JOBS) --expected tests/conformance/expected/qemu-7.2 \
			--out $(CONFORM_OUT)/kvm $(CONFORM_FLAGS); \
	else \
		echo 'conform-kvm: /dev/kvm is not there or may not be used by this user: nothing was run'; \
	fi

# Each case N times, in every configuration, with LOAD=1 on a machine that is busy with something else; prints those whose
# verdict was not the same each time. What is between two lines takes N times as long, too.
N ?= 100
LOAD ?=
flaky: images
	@mkdir -p $(CONFORM_OUT)
	$(Q)$(if $(LOAD),for i in $$(seq $$((2 * $(JOBS)))); do sh -c 'while :; do :; done' & busy="$$busy $$!"; done; trap 'kill $$busy' EXIT;) \
	$(CONFORM) --quick --repeat $(N) --timeout 900 --jobs $(JOBS) --expected tests/conformance/expected/qemu-7.2 \
		--json $(CONFORM_OUT)/flaky.json $(CONFORM_FLAGS) >$(CONFORM_OUT)/flaky.tap; \
	tail -n 1 $(CONFORM_OUT)/flaky.tap; \
	grep '^# ringside-conform: ' $(CONFORM_OUT)/flaky.tap >/dev/null && ! grep '^# flaky: ' $(CONFORM_OUT)/flaky.tap

# What the model says is run once for each build of it.
$(CONFORM_OUT)/model.tap: $(CONFORM_MODEL)
	$(call say,MODEL,$@)
	$(Q)$(CONFORM_MODEL) >$@.new && mv $@.new $@

clauses: $(CONFORM_OUT)/model.tap
	$(Q)CC='$(CC)' tests/conformance/coverage $^ $(wildcard $(CONFORM_OUT)/*.json)

# -- What others get: the images, the index, the runner. A compiler is not needed for it.
CONFORM_INSTALLED := run runner vmm expected clauses.tsv

install: images
	$(Q)mkdir -p $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/ringside/conformance $(DESTDIR)$(PREFIX)/share/doc/ringside
	$(Q)cp $(B)/ringside.elf $(B)/ringside.bzImage $(B)/ringside.efi $(DESTDIR)$(PREFIX)/lib/ringside/
	$(Q)cp -R $(CONFORM_INSTALLED:%=tests/conformance/%) $(DESTDIR)$(PREFIX)/lib/ringside/conformance/
	$(Q)cp docs/conformance.md docs/conformance-host.md docs/command-line.md LICENSE THIRD_PARTY $(DESTDIR)$(PREFIX)/share/doc/ringside/
	$(Q)ln -sf ../lib/ringside/conformance/run $(DESTDIR)$(PREFIX)/bin/ringside-conform

# The same bytes from the same sources: order, owner, mode and time are fixed.
DIST := ringside-$(VERSION)
dist: images
	$(Q)rm -rf $(B)/dist && mkdir -p $(B)/dist
	$(Q)$(MAKE) install DESTDIR=$(B)/dist/ PREFIX=$(DIST)
	$(call say,DIST,$(B)/$(DIST).tar.xz)
	$(Q)tar -C $(B)/dist --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime=@0 --format=ustar -cf - $(DIST) | \
		xz -6 -T1 >$(B)/$(DIST).tar.xz
	$(Q)rm -rf $(B)/dist
