# SPDX-License-Identifier: GPL-2.0-or-later
# One flat Makefile. `make help` lists the targets; BUILD is where everything goes, so two
# configurations never share an object: make BUILD=build-clang CC=clang

VERSION := 0.1.0
SOMAJOR := 0

BUILD  ?= build
PREFIX ?= /usr/local
SBINDIR    = $(PREFIX)/sbin
LIBDIR     = $(PREFIX)/lib
INCLUDEDIR = $(PREFIX)/include
SCHEMADIR  = $(PREFIX)/share/nsnet/schema
BASHDIR    = $(PREFIX)/share/bash-completion/completions
MAN5DIR    = $(PREFIX)/share/man/man5

ifeq ($(origin CC),default)
CC := gcc
endif
CLANG      ?= clang
PKG_CONFIG ?= pkg-config
WERROR     ?= -Werror
# What the sanitizers are asked for: SANITIZE=address,undefined
SANITIZE   ?=
FUZZ_RUNS  ?= 200000
TEST_TIMEOUT ?= 900

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# ---- what there is ------------------------------------------------------------

LIB_SRC    := $(sort $(wildcard lib/*.c lib/*/*.c))
TOOL_SRC   := $(sort $(wildcard tools/*.c))
SPAWN_SRC  := tools/spawn/main.c
HELPER_SRC := $(sort $(wildcard tests/lib/*.c))
UNIT_SRC   := $(sort $(wildcard tests/unit/test_*.c))
KERNEL_SRC := $(sort $(wildcard tests/kernel/test_*.c))
CLI_SRC    := $(sort $(wildcard tests/cli/test_*.c))
FUZZ_SRC   := $(sort $(wildcard tests/fuzz/fuzz_*.c))
TEST_SRC   := $(UNIT_SRC) $(KERNEL_SRC) $(CLI_SRC)
PROVER_SRC := $(sort $(wildcard tests/prover/*.c))
BENCH_SRC  := $(sort $(wildcard tests/bench/*.c))
# Part of the build only: it writes a source of the library.
GEN_SRC    := lib/spawn/filter/gen.c
C_SRC      := $(LIB_SRC) $(GEN_SRC) $(TOOL_SRC) $(SPAWN_SRC) $(HELPER_SRC) $(TEST_SRC) $(FUZZ_SRC) $(PROVER_SRC) $(BENCH_SRC)
HEADERS    := $(sort $(wildcard lib/*.h lib/*/*.h lib/*/*/*.h lib/*/*/*.def tools/*.h tests/*/*.h))

obj   = $(patsubst %.c,$(BUILD)/%.o,$(1))
progs = $(patsubst %.c,$(BUILD)/%,$(1))

NSNET   := $(BUILD)/nsnet
SPAWN   := $(BUILD)/nsnet-spawn
LIB_A   := $(BUILD)/libnsnet.a
TOOLS_A := $(BUILD)/libtools.a
HELPERS := $(call obj,$(HELPER_SRC))
LIB_OBJ := $(call obj,$(LIB_SRC)) $(BUILD)/gen/made.o
SONAME  := libnsnet.so.$(SOMAJOR)
LIB_SO  := $(BUILD)/libnsnet.so.$(VERSION)
PC      := $(BUILD)/nsnet.pc
SCHEMAS := $(sort $(wildcard tools/schema/*.json))

UNIT_TESTS   := $(call progs,$(UNIT_SRC))
KERNEL_TESTS := $(call progs,$(KERNEL_SRC))
CLI_TESTS    := $(call progs,$(CLI_SRC))
TESTS        := $(UNIT_TESTS) $(KERNEL_TESTS) $(CLI_TESTS)

# ---- flags --------------------------------------------------------------------

LIB_PKGS  := libnl-3.0 libnl-route-3.0 libmnl libnftnl sqlite3 yaml-0.1 libmd libseccomp jansson
TOOL_PKGS := smartcols jansson yaml-0.1
TEST_PKGS := cmocka libcap

# Recursive on purpose, and cached: `make deps` has to work before pkg-config is there.
# -isystem, so that our warnings are not about other people's headers.
pkg_cflags = $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(1)))
pkg_libs   = $(shell $(PKG_CONFIG) --libs $(1))
once       = $(eval $(1) := $(2))$($(1))
PKG_CFLAGS = $(call once,PKG_CFLAGS,$(call pkg_cflags,$(LIB_PKGS) $(TOOL_PKGS)))
TEST_CFLAGS = $(call once,TEST_CFLAGS,$(call pkg_cflags,$(TEST_PKGS)))
# libbdd has no .pc file.
LIB_LIBS   = $(call once,LIB_LIBS,$(call pkg_libs,$(LIB_PKGS)) -lbdd)
TOOL_LIBS  = $(call once,TOOL_LIBS,$(call pkg_libs,$(TOOL_PKGS)))

# What the commands carry in themselves, where the system has it as an archive, too: to load eleven
# libraries takes nsnet as long as a workload takes to start. `make ARCHIVES=` loads all of them.
ARCHIVES   ?= nl-route-3 nl-3 nftnl sqlite3 yaml md jansson bdd
archive     = $(filter /%,$(shell $(CC) -print-file-name=lib$(1).a))
archived    = $(foreach l,$(ARCHIVES),$(if $(call archive,$(l)),-l$(l)))
# Of Debian's, libnl and sqlite want libm, and no .pc file says so but for --static.
inside      = $(patsubst -l%,-l:lib%.a,$(filter $(archived),$(1))) $(filter-out $(archived),$(1)) \
	$(if $(archived),-lm)
CMD_LIBS    = $(call once,CMD_LIBS,$(call inside,$(LIB_LIBS) $(TOOL_LIBS)))
TEST_LIBS  = $(call once,TEST_LIBS,$(call pkg_libs,$(TEST_PKGS)))

WARN := -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Wwrite-strings -Wundef -Wcast-qual -Wpointer-arith -Wswitch-enum \
	-Wimplicit-fallthrough -Wno-missing-field-initializers

CFLAGS ?= -O2 -g
HARDEN := -fstack-protector-strong

ifneq ($(SANITIZE),)
HARDEN += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDHARDEN := -fsanitize=$(SANITIZE)
else
# The sanitizers bring their own checks and leave their own symbols undefined.
LDDEFS := -Wl,-z,defs
ifeq ($(findstring _FORTIFY_SOURCE,$(CFLAGS) $(CPPFLAGS)),)
ifneq ($(filter -O1 -O2 -O3 -Os,$(CFLAGS)),)
HARDEN += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif
endif
endif
LDHARDEN += -Wl,-z,relro -Wl,-z,now -Wl,--as-needed

LANG_FLAGS := -std=gnu11 -D_GNU_SOURCE -DNSNET_VERSION='"$(VERSION)"'
ALL_CFLAGS  = $(LANG_FLAGS) $(CPPFLAGS) $(WARN) $(HARDEN) $(CFLAGS) $(PKG_CFLAGS)
LINK        = $(CC) $(CFLAGS) $(LDHARDEN) $(LDFLAGS)

# ---- building -----------------------------------------------------------------

all: $(NSNET) $(SPAWN) $(LIB_SO) $(LIB_A) $(PC)

# Objects are made again when the compiler or its flags change.
FLAGS_FILE := $(BUILD)/.flags
$(FLAGS_FILE): FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(CC) $(LANG_FLAGS) $(CPPFLAGS) $(WARN) $(HARDEN) $(CFLAGS) $(LDHARDEN) $(LDFLAGS))' >$@.new
	@if cmp -s $@.new $@; then rm -f $@.new; else mv $@.new $@; fi

$(BUILD)/lib/%.o: lib/%.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -MMD -MP -c $< -o $@

$(BUILD)/tests/%.o: tests/%.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(TEST_CFLAGS) -fPIE -MMD -MP -c $< -o $@

$(BUILD)/%.o: %.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIE -MMD -MP -c $< -o $@

# The filter of system calls, by libseccomp, for the machine that this is built on (no cross
# compiling). The sanitizers are not asked: it runs for ten milliseconds and frees nothing.
GEN := $(BUILD)/gen/filter
GEN_DEPS := $(wildcard lib/spawn/filter/*.h lib/spawn/filter/*.def)
$(GEN): $(GEN_SRC) $(GEN_DEPS) $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(CC) $(LANG_FLAGS) $(WARN) -O1 $< -o $@ $(call pkg_cflags,libseccomp) $(call pkg_libs,libseccomp)
$(BUILD)/gen/made.c: $(GEN)
	$< >$@
$(BUILD)/gen/made.o: $(BUILD)/gen/made.c
	$(CC) $(ALL_CFLAGS) -Ilib/spawn/filter -fPIC -c $< -o $@

# A list of members that follows the sources: a deleted source leaves the archive, too.
$(BUILD)/.%.list: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(MEMBERS) >$@.new
	@if cmp -s $@.new $@; then rm -f $@.new; else mv $@.new $@; fi
$(BUILD)/.lib.list: MEMBERS = $(LIB_SRC)
$(BUILD)/.tools.list: MEMBERS = $(TOOL_SRC)
$(BUILD)/.helpers.list: MEMBERS = $(HELPER_SRC)

$(LIB_A): $(LIB_OBJ) $(BUILD)/.lib.list
	rm -f $@
	$(AR) rcsD $@ $(filter %.o,$^)

$(TOOLS_A): $(call obj,$(filter-out tools/main.c,$(TOOL_SRC))) $(BUILD)/.tools.list
	rm -f $@
	$(AR) rcsD $@ $(filter %.o,$^)

$(LIB_SO): $(LIB_OBJ) $(BUILD)/.lib.list lib/nsnet.sym
	$(LINK) -shared $(LDDEFS) -Wl,-soname,$(SONAME) -Wl,--version-script=lib/nsnet.sym \
		$(filter %.o,$^) -o $@ $(LIB_LIBS)
	ln -sf $(@F) $(BUILD)/$(SONAME)
	ln -sf $(SONAME) $(BUILD)/libnsnet.so

# The command carries the library in itself: one file that can be copied.
$(NSNET): $(call obj,tools/main.c) $(TOOLS_A) $(LIB_A)
	$(LINK) -pie $^ -o $@ $(CMD_LIBS)

$(SPAWN): $(call obj,$(SPAWN_SRC)) $(TOOLS_A) $(LIB_A)
	$(LINK) -pie $^ -o $@ $(CMD_LIBS)

$(PC): lib/nsnet.pc.in Makefile FORCE
	@mkdir -p $(@D)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' $< >$@.new
	@if cmp -s $@.new $@; then rm -f $@.new; else mv $@.new $@; fi

# Here what the library says to the kernel, and hears, goes through tests/lib/hook.h: by the linker,
# so the library itself knows of no hook.
$(BUILD)/tests/kernel/test_errors: LDWRAP := -Wl,--wrap=sendto,--wrap=recvmsg
$(TESTS): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(HELPERS) $(TOOLS_A) $(LIB_A) $(BUILD)/.helpers.list
	$(LINK) $(LDWRAP) -pie $(filter %.o,$^) $(TOOLS_A) $(LIB_A) -o $@ $(TEST_LIBS) $(LIB_LIBS) $(TOOL_LIBS)

tests: $(TESTS) $(NSNET) $(SPAWN)

# ---- testing ------------------------------------------------------------------

RUN_TESTS = NSNET_BIN=$(abspath $(NSNET)) NSNET_SRC=$(CURDIR) TEST_TIMEOUT=$(TEST_TIMEOUT) bash tests/run.sh

deps:
	sh tests/deps.sh build test lint bench

# The shared library and nsnet.pc are part of it: a test may look at them.
test: all tests
	$(RUN_TESTS) $(TESTS)

# Long series are sampled: all of them have run in `make test`, and check-full runs them here, too.
# The sanitizers make gcc warn of what cannot happen: its manual says so of -Wmaybe-uninitialized.
check-asan:
	NSNET_TEST_QUICK=$(if $(NSNET_TEST_FULL),,1) \
	ASAN_OPTIONS=abort_on_error=0:detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 \
	$(MAKE) BUILD=$(BUILD)-asan SANITIZE=address,undefined CFLAGS="-O1 -g" WERROR= test

VALGRIND := valgrind -q --leak-check=full --show-leak-kinds=definite,indirect \
	--errors-for-leak-kinds=definite,indirect --error-exitcode=99 --child-silent-after-fork=yes \
	--suppressions=$(CURDIR)/tests/lint/valgrind.supp
# The pure layers, the store, and the transport on the real kernel.
VALGRIND_TESTS := $(UNIT_TESTS) $(filter %/test_nl,$(KERNEL_TESTS))
check-valgrind: $(VALGRIND_TESTS) $(NSNET)
	TEST_WRAPPER="$(VALGRIND)" $(RUN_TESTS) $(VALGRIND_TESTS)

# What takes longer than CI has: everything, and more of it.
check-full:
	NSNET_TEST_FULL=1 $(MAKE) TEST_TIMEOUT=3600 test
	NSNET_TEST_FULL=1 $(MAKE) TEST_TIMEOUT=3600 check-asan
	$(MAKE) check-valgrind
	$(MAKE) FUZZ_RUNS=5000000 fuzz
	$(MAKE) bench

# What nsnet is compared with. start.c is about what loading its libraries takes: it needs none of them.
BENCH := $(addprefix $(BUILD)/tests/bench/,floor run start spawn born true dump wire)
$(BUILD)/tests/bench/floor: $(call obj,tests/bench/floor.c tests/bench/request.c)
	$(LINK) -pie $^ -o $@ $(call pkg_libs,libmnl)
$(BUILD)/tests/bench/run: $(call obj,tests/bench/run.c)
	$(LINK) -pie $^ -o $@
$(BUILD)/tests/bench/start: $(call obj,tests/bench/start.c)
	$(LINK) -pie $^ -o $@ -Wl,--no-as-needed $(LIB_LIBS) $(TOOL_LIBS)
$(BUILD)/tests/bench/dump: $(call obj,tests/bench/dump.c)
	$(LINK) -pie $^ -o $@ $(call pkg_libs,libmnl)
$(BUILD)/tests/bench/wire: $(call obj,tests/bench/wire.c) $(LIB_A)
	$(LINK) -pie $^ -o $@ $(LIB_LIBS)
$(BUILD)/tests/bench/spawn: $(call obj,tests/bench/spawn.c tests/bench/seven.c) $(LIB_A)
	$(LINK) -pie $^ -o $@ $(LIB_LIBS)
$(BUILD)/tests/bench/born: $(call obj,tests/bench/born.c tests/bench/seven.c)
	$(LINK) -static $^ -o $@
$(BUILD)/tests/bench/true: $(call obj,tests/bench/true.c)
	$(LINK) -static $^ -o $@

bench: $(NSNET) $(SPAWN) $(BENCH) $(BUILD)/tests/kernel/test_limits
	NSNET_BIN=$(abspath $(NSNET)) bash tests/bench/bench.sh
	NSNET_BIN=$(abspath $(NSNET)) bash tests/bench/cable.sh
	NSNET_BIN=$(abspath $(NSNET)) bash tests/bench/border.sh
	NSNET_BIN=$(abspath $(NSNET)) bash tests/bench/prove.sh
	NSNET_BIN=$(abspath $(NSNET)) bash tests/bench/probe.sh
	NSNET_BIN=$(abspath $(NSNET)) bash tests/bench/wire.sh
	NSNET_BIN=$(abspath $(NSNET)) bash tests/bench/host.sh
	NSNET_BIN=$(abspath $(NSNET)) NSNET_SRC=$(CURDIR) $(BUILD)/tests/kernel/test_limits bench

# The whole table of attacks: what the control networks received, and what the victims did.
attack: $(NSNET)
	bash tests/lib/world.sh python3 tests/attack/suite.py --nsnet $(abspath $(NSNET)) --table

demo: all
	NSNET_BIN=$(abspath $(NSNET)) bash tests/demo.sh

# libFuzzer programs: the library once more, by clang, with coverage and sanitizers.
FUZZ_FLAGS   := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_PROGS   := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRC))
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,fuzz-%,$(FUZZ_SRC))
FUZZ_LIB     := $(BUILD)/fuzz/libnsnet.a

$(BUILD)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(CLANG) $(LANG_FLAGS) $(WARN) $(PKG_CFLAGS) -O1 -g $(FUZZ_FLAGS) -MMD -MP -c $< -o $@
$(FUZZ_LIB): $(patsubst %.c,$(BUILD)/fuzz/%.o,$(LIB_SRC)) $(BUILD)/gen/made.o $(BUILD)/.lib.list
	rm -f $@
	$(AR) rcsD $@ $(filter %.o,$^)
$(FUZZ_PROGS): $(BUILD)/fuzz/%: $(BUILD)/fuzz/tests/fuzz/%.o $(FUZZ_LIB)
	$(CLANG) -fsanitize=fuzzer,address,undefined $(filter %.o,$^) $(FUZZ_LIB) -o $@ \
		-Wl,--as-needed $(LIB_LIBS)
# A rule and whom it is about take more room than an address.
FUZZ_LEN_policy := 1000
FUZZ_LEN_profile := 1000
FUZZ_LEN_snapshot := 4000
# New inputs go to the build folder; those worth keeping are copied to tests/fuzz/corpus by hand.
$(FUZZ_TARGETS): fuzz-%: $(BUILD)/fuzz/fuzz_%
	@mkdir -p $(BUILD)/fuzz/corpus/$*
	$< -runs=$(FUZZ_RUNS) -max_len=$(or $(FUZZ_LEN_$*),256) -timeout=10 -print_final_stats=1 \
		-artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/corpus/$* $(wildcard tests/fuzz/corpus/$*)
fuzz: $(FUZZ_TARGETS)

# The prover against the kernel: random rulesets, and packets sent through them. The same seeds
# give the same rulesets; PROVER_SETS=5000 is the long run.
PROVER_SETS ?= 240
PROVER_SEED ?= 1
PROVER := $(BUILD)/tests/prover/fuzz
$(PROVER): $(call obj,$(PROVER_SRC)) $(HELPERS) $(LIB_A)
	$(LINK) -pie $^ -o $@ $(TEST_LIBS) $(LIB_LIBS)
fuzz-prover: $(PROVER) $(NSNET)
	$(PROVER) --cases tests/prover/cases --seed $(PROVER_SEED) --sets $(PROVER_SETS) --least 50

# Faults planted in the prover, one after the other: the fuzz has to notice each. Minutes.
fuzz-prover-faults: $(PROVER)
	bash tests/prover/faults.sh $(BUILD)

# ---- lint ---------------------------------------------------------------------
# Every check is a target of its own: `make -j2 lint` runs them side by side, and what has not
# changed since it last passed is not looked at again.

LINT := $(BUILD)/lint
LINT_C := $(LIB_SRC) $(GEN_SRC) $(TOOL_SRC) $(HELPER_SRC) $(TEST_SRC) $(PROVER_SRC) $(BENCH_SRC)
SH_SRC := $(sort $(wildcard tests/*.sh tests/*/*.sh) .ci/run)

lint: lint-layers lint-text lint-format lint-sym lint-shell lint-cppcheck lint-analyzer lint-tidy lint-self
lint-layers:
	bash tests/lint/layers.sh
lint-text:
	bash tests/lint/text.sh
	bash tests/lint/funclen.sh $(filter lib/% tools/%,$(LINT_C))
lint-format:
	clang-format --dry-run -Werror $(C_SRC) $(filter %.h,$(HEADERS))
lint-sym: $(LIB_SO)
	bash tests/lint/sym.sh lib/nsnet.h lib/nsnet.sym $(LIB_SO)
lint-shell:
	shellcheck -x $(SH_SRC)
lint-self:
	bash tests/lint/test-layers.sh
	bash tests/lint/test-leaks.sh
lint-cppcheck: $(LINT)/cppcheck.ok
lint-analyzer: $(patsubst %.c,$(LINT)/%.analyzer,$(LIB_SRC) $(GEN_SRC) $(TOOL_SRC))
lint-tidy: $(patsubst %.c,$(LINT)/%.tidy,$(LINT_C))

# gcc 12 loses an object that a constructor hands out through *ret, and takes it for the NULL that
# was there before; clang's analyzer looks for the same and does not. It also takes an array that has
# grown in the caller's struct for lost; the sanitizers and valgrind look for leaks.
GCC_ANALYZER := -fanalyzer -Wno-analyzer-null-dereference -Wno-analyzer-malloc-leak
ANALYZER_FLAGS = $(LANG_FLAGS) $(PKG_CFLAGS) -include tests/lint/analyzer.h
$(LINT)/lib/base/err.%: ANALYZER_FLAGS += -DANALYZER_IS_ERR_C
$(LINT)/cppcheck.ok: $(LINT_C) $(HEADERS) tests/lint/cppcheck.txt
	@mkdir -p $(LINT)/cppcheck
	cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppressions-list=tests/lint/cppcheck.txt --error-exitcode=1 \
		--cppcheck-build-dir=$(LINT)/cppcheck -D_GNU_SOURCE -DNSNET_VERSION='"0"' $(LINT_C)
	@touch $@
$(LINT)/%.analyzer: %.c $(HEADERS) tests/lint/analyzer.h
	@mkdir -p $(@D)
	@echo 'gcc -fanalyzer $<'
	@gcc $(ANALYZER_FLAGS) $(WARN) -O1 -g $(GCC_ANALYZER) -c $< -o /dev/null
	@touch $@
$(LINT)/%.tidy: %.c $(HEADERS) .clang-tidy
	@mkdir -p $(@D)
	@echo 'clang-tidy $<'
	@clang-tidy --quiet $< -- $(ANALYZER_FLAGS) 2>$@.log || { cat $@.log; exit 1; }
	@touch $@

format:
	clang-format -i $(C_SRC) $(filter %.h,$(HEADERS))

# ---- installing ---------------------------------------------------------------

INSTALLED = $(SBINDIR)/nsnet $(SBINDIR)/nsnet-spawn $(LIBDIR)/libnsnet.so.$(VERSION) $(LIBDIR)/$(SONAME) $(LIBDIR)/libnsnet.so \
	$(LIBDIR)/libnsnet.a $(LIBDIR)/pkgconfig/nsnet.pc $(INCLUDEDIR)/nsnet.h \
	$(addprefix $(SCHEMADIR)/,$(notdir $(SCHEMAS)) nsnet-1.json) $(BASHDIR)/nsnet \
	$(MAN5DIR)/nsnet-policy.5

install: all
	install -d $(addprefix $(DESTDIR),$(SBINDIR) $(LIBDIR)/pkgconfig $(INCLUDEDIR) $(SCHEMADIR) $(BASHDIR) \
		$(MAN5DIR))
	install -m 755 $(NSNET) $(DESTDIR)$(SBINDIR)/nsnet
	install -m 755 $(SPAWN) $(DESTDIR)$(SBINDIR)/nsnet-spawn
	install -m 755 $(LIB_SO) $(DESTDIR)$(LIBDIR)/
	ln -sf $(notdir $(LIB_SO)) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libnsnet.so
	install -m 644 $(LIB_A) $(DESTDIR)$(LIBDIR)/
	install -m 644 $(PC) $(DESTDIR)$(LIBDIR)/pkgconfig/
	install -m 644 lib/nsnet.h $(DESTDIR)$(INCLUDEDIR)/
	install -m 644 $(SCHEMAS) $(DESTDIR)$(SCHEMADIR)/
	$(NSNET) completion bash >$(DESTDIR)$(BASHDIR)/nsnet
	$(NSNET) policy schema >$(DESTDIR)$(SCHEMADIR)/nsnet-1.json
	$(NSNET) policy manual >$(DESTDIR)$(MAN5DIR)/nsnet-policy.5
	chmod 644 $(addprefix $(DESTDIR),$(BASHDIR)/nsnet $(SCHEMADIR)/nsnet-1.json $(MAN5DIR)/nsnet-policy.5)

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))

# The same commit gives the same bytes.
dist:
	@mkdir -p $(BUILD)
	git archive --format=tar --prefix=nsnet-$(VERSION)/ HEAD | gzip -9n >$(BUILD)/nsnet-$(VERSION).tar.gz
	@ls -l $(BUILD)/nsnet-$(VERSION).tar.gz

clean:
	rm -rf $(BUILD) $(BUILD)-asan

help:
	@echo 'make [all]           nsnet, libnsnet.so, libnsnet.a, nsnet.pc in $(BUILD)/'
	@echo 'make deps            install what building, testing and linting need (Debian, root)'
	@echo 'make test            all tests; check-asan, check-valgrind, check-full: harder'
	@echo 'make lint            all static checks (use -j2); format: clang-format in place'
	@echo 'make bench fuzz demo measure; fuzz the parsers (FUZZ_RUNS=N); show the main job'
	@echo 'make fuzz-prover     the prover against the kernel, by random rulesets (PROVER_SETS=N PROVER_SEED=N)'
	@echo 'make attack          all attacks of tests/attack and who received them, as a table'
	@echo 'make install         PREFIX=$(PREFIX), DESTDIR; uninstall; dist; clean'
	@echo 'variables            BUILD CC CFLAGS LDFLAGS WERROR= SANITIZE=address,undefined'

FORCE:
.PHONY: all tests deps test check-asan check-valgrind check-full bench attack demo fuzz fuzz-prover fuzz-prover-faults $(FUZZ_TARGETS) lint \
	lint-layers lint-text lint-format lint-sym lint-shell lint-self lint-cppcheck lint-analyzer lint-tidy \
	format install uninstall dist clean help FORCE
# Objects of test programs are kept: make would take them for intermediate files.
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
