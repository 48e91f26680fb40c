# The few commands a newcomer needs; the build itself is CMakeLists.txt with CMakePresets.json.
FUZZ_SECONDS ?= 60
PREFIX ?= /usr/local
export FUZZ_SECONDS PREFIX DESTDIR CHROOT OMNIGLOT PUBLISHED FORMAT TASKS MOVEMENTS  # scripts read them as they are

all: packages
	@cmake --preset release >/dev/null
	@cmake --build build

double: packages
	@cmake --preset double >/dev/null
	@cmake --build build-double

# everything fast, in all builds; ends with "N passed, N failed"
test:
	@tools/setup.sh --install --test
	@tools/check.sh

# what takes minutes
check-long: all double
	@tools/setup.sh --install --edge
	@ctest --test-dir build -L long --output-on-failure
	@ctest --test-dir build-double -L long --output-on-failure

# builds the program alone: 20 s on two cores
demo:
	@echo "metaxbar demo: installing what is missing and building the program, then a minute and a half of training and figures."
	@tools/setup.sh --install
	@cmake --preset release >/dev/null
	@cmake --build build --target metaxbar
	@build/metaxbar demo

bench: all
	@build/metaxbar bench

fuzz: packages
	@tools/fuzz.sh "$$FUZZ_SECONDS"

# do the tests notice wrong formulas (tests/mutations)? An hour or more; tools/mutate.sh TEXT builds a few
mutate: packages
	@tools/mutate.sh

# Debian packages in build-packages, and what CONTRIBUTING.md says of them; CHROOT=--chroot: also in a new Debian, as root
check-packages: packages
	@tools/check_packages.sh $$CHROOT

# the reference of the C library in build/api/html, by doxygen; a warning is an error
api:
	@tools/setup.sh --install --api
	@mkdir -p build/api
	@API_DIRECTORY=build/api doxygen docs/Doxyfile
	@echo build/api/html/index.html

# program, library, header, models, manual pages, completion; DESTDIR goes before all paths
install: all
	@cmake --install build --prefix "$$PREFIX"

# lays out the sources as .clang-format says; needs clang-format 14
format:
	@tools/check_format.sh --fix

# every figure of docs/ and the tables of results; tools/figures.sh says what it takes
figures: all
	@tools/figures.sh

# say what is missing, install nothing
packages:
	@tools/setup.sh

clean:
	rm -rf build build-double build-check

.PHONY: all double test check-long check-packages demo bench fuzz mutate api install format figures packages clean
