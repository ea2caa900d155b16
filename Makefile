# Everything a person does with this repository, one word each. CMake and Ninja do the work.
.DEFAULT_GOAL := all
.PHONY: all help bootstrap configure demo test lint asan tsan tidy bench install clean

PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
# Stories mostly wait for processes: twice as many as cores keep these busy.
CTEST := ctest --output-on-failure -j$(shell expr 2 \* $(JOBS))

## all: the program, build/reeve (installs missing packages first)
all: configure
	@ninja -C build -j$(JOBS) reeve

## help: this list
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST) | awk -F': ' '{printf "  make %-10s %s\n", $$1, $$2}'

## bootstrap: install the Debian packages the build needs, if any is missing
bootstrap:
	@scripts/bootstrap

configure: bootstrap
	@test -f build/build.ninja || cmake --preset release

## demo: build, then run examples/build-and-test.yaml with its data in build/demo-data
demo: all
	build/reeve run examples/build-and-test.yaml --data build/demo-data

## test: build everything, run every test
test: configure
	@ninja -C build -j$(JOBS)
	$(CTEST) --test-dir build

## lint: layout of the code and the rules that can be counted
lint: bootstrap
	scripts/format.sh --check --all
	scripts/check.py

## asan: every test under the address and undefined-behaviour sanitizers
asan: bootstrap
	@test -f out/asan/build.ninja || cmake --preset asan
	@ninja -C out/asan -j$(JOBS)
	$(CTEST) --test-dir out/asan -LE check

## tsan: every test under the thread sanitizer
tsan: bootstrap
	@test -f out/tsan/build.ninja || cmake --preset tsan
	@ninja -C out/tsan -j$(JOBS)
	$(CTEST) --test-dir out/tsan -LE check

## tidy: clang-tidy over the whole tree
tidy: bootstrap
	@cmake --preset tidy >/dev/null
	find src -name '*.cc' -print0 | xargs -0 -n 1 -P $(JOBS) clang-tidy-19 --quiet -p out/tidy

## bench: build and run the benchmarks, results in build/bench
bench: configure
	@ninja -C build -j$(JOBS)
	@mkdir -p build/bench
	@scripts/run_benchmarks build build/bench

## install: copy the program to PREFIX/bin (default /usr/local)
install: all
	install -D -m 0755 build/reeve "$(DESTDIR)$(PREFIX)/bin/reeve"

## clean: remove what was built
clean:
	rm -rf build out
