#!/usr/bin/env bash
# Build and test everything fast, in every build of CMakePresets.json that finds bugs of its own kind:
#   release   every test
#   double    what computes in tensors: gradients
#   sanitize  memory, undefined behaviour: every parser and kernel
#   threads   races: the tests that make threads, at smaller sizes (TEST_RACES_ONLY)
#   clang     a second compiler: all of the code is compiled, what computes is run
# The labels of CMakeLists.txt say what is left out where: "once" does not depend on the build; "program" on neither
# precision nor compiler; "one_thread" makes no threads. Only what is run is compiled, in release and clang everything.
# The last line sums all of them. CI=true: warnings are errors.
set -u
cd "$(dirname "$0")/.." || exit 2
strict=OFF
[ "${CI:-}" = true ] && strict=ON
mkdir -p build-check
passed=0 failed=0 skipped=0

folder() {
  case $1 in release) echo build ;; double) echo build-double ;; *) echo "build-check/$1" ;; esac
}

# Configure and compile; the names after it are the targets, none: all.
compile() {
  local name=$1 dir
  dir=$(folder "$name")
  shift
  cmake --preset "$name" -DCMAKE_COMPILE_WARNING_AS_ERROR=$strict && ninja -C "$dir" "$@"
}

# names <build> <options>: the tests that ctest runs with these options
names() { ctest --test-dir "$@" -N | sed -n 's/^ *Test *#[0-9]*: //p'; }

# Those that make no threads: they start no other program, and the release build's links nothing that makes one.
without_threads() {
  local t
  for t in $(names "$@"); do
    [ -e tests/"$t".c ] && ! grep -q '"process.h"' tests/"$t".c && [ -x build/"$t" ] && ! nm build/"$t" | grep -q pthread_create && echo "$t"
  done
}

# What ninja makes for the tests of these options: they themselves, the program, the library and the examples.
targets() {
  local t
  for t in $(names "$@"); do
    [ -e tests/"$t".c ] || [ -e tests/fuzz/"$t".c ] && echo "$t"
  done
  printf '%s\n' metaxbar shared
  names "$@" | grep -q test_examples && basename -s .c examples/*.c
}

# attribute <name> <file>: a count in the head of a JUnit file
attribute() { sed -n "s/.*[[:space:]]$1=\"\([0-9]*\)\".*/\1/p" "$2" | head -n 1; }

run() {
  local name=$1 dir log junit runner=() only targets=() start=$SECONDS
  dir=$(folder "$name")
  log=$PWD/build-check/$name.log junit=$PWD/build-check/$name.xml
  case $name in
    release) only=(-LE long) ;;
    double | clang) only=(-LE 'long|once|program') ;;
    sanitize) only=(-LE 'long|once') ;;
    threads) only=(-LE 'long|once|one_thread') ;;
  esac
  cmake --preset "$name" >/dev/null
  if [ "$name" = threads ]; then
    only+=(-E "^($(without_threads "$dir" "${only[@]}" | paste -sd '|'))\$")
    runner=(env TSAN_OPTIONS="suppressions=$PWD/tests/threads.supp")
    setarch -R true 2>/dev/null && runner+=(setarch -R)  # its shadow memory wants the classic layout
  fi
  case $name in double | sanitize | threads) mapfile -t targets < <(targets "$dir" "${only[@]}") ;; esac
  if ! compile "$name" "${targets[@]}" >"$log" 2>&1; then
    grep -E 'error|warning|undefined reference' "$log" | head -n 20
    echo "$name: does not build; see build-check/$name.log"
    failed=$((failed + 1))
    return
  fi
  local built=$((SECONDS - start))
  rm -f "$junit"
  if ! "${runner[@]}" ctest --test-dir "$dir" -j2 --timeout 1800 "${only[@]}" --output-on-failure --output-junit "$junit" >"$log" 2>&1; then
    sed -n '/\*\*\*/,$p' "$log" | head -n 200
  fi
  if ! [ -s "$junit" ]; then
    echo "$name: the tests did not run; see build-check/$name.log"
    failed=$((failed + 1))
    return
  fi
  local n bad none
  n=$(attribute tests "$junit") bad=$(attribute failures "$junit") none=$(attribute skipped "$junit")
  none=$((none + $(attribute disabled "$junit")))
  passed=$((passed + n - bad - none)) failed=$((failed + bad)) skipped=$((skipped + none))
  printf '%-9s %3d passed, %d failed, %d skipped  (built in %d s, run in %d s)\n' "$name" $((n - bad - none)) "$bad" "$none" \
    $built $((SECONDS - start - built))
}

for name in release double sanitize threads clang; do run "$name"; done
cat build*/Testing/Temporary/LastTest.log build-check/*/Testing/Temporary/LastTest.log 2>/dev/null | grep '^SKIP' | sort -u
printf '%d passed, %d failed' $passed $failed
[ $skipped -gt 0 ] && printf ', %d skipped' $skipped
echo
[ $failed -eq 0 ] && [ $passed -gt 0 ]
