#!/usr/bin/env bash
# Build and test everything fast, in every build of CMakePresets.json that finds bugs of its own kind:
#   release   every test
#   double    what computes in tensors: gradients
#   sanitize  memory, undefined behaviour: every parser and kernel
#   threads   races: the tests that make threads, at smaller sizes (TEST_RACES_ONLY)
#   clang     a second compiler: all of the code is compiled, what computes is run
# The labels of CMakeLists.txt say what is left out where: "once" does not depend on the build; "program" on neither
# precision nor compiler; "one_thread" makes no threads. Only what is run is compiled, in release and clang everything
# (clang links only what is run). No core of two is idle: while the tests of one build run, the next are compiled at low
# priority, and three tests run at a time, since some of them wait. Undefined behaviour is looked for in the library and
# the program, not in the tests themselves. The last line sums all builds. CI=true: warnings are errors.
set -u
cd "$(dirname "$0")/.." || exit 2
strict=OFF
[ "${CI:-}" = true ] && strict=ON
mkdir -p build-check
passed=0 failed=0 skipped=0

folder() {
  case $1 in release) echo build ;; double) echo build-double ;; *) echo "build-check/$1" ;; esac
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

# What is run of a configured build, in $only, options of ctest; what ninja makes for it, in $targets, none: everything.
# For threads the release build must be there.
choose() {
  local dir
  dir=$(folder "$1") targets=()
  case $1 in
    release) only=(-LE long); return ;;
    double | clang) only=(-LE 'long|once|program') ;;
    sanitize) only=(-LE 'long|once') ;;
    threads)
      only=(-LE 'long|once|one_thread')
      only+=(-E "^($(without_threads "$dir" "${only[@]}" | paste -sd '|'))\$") ;;
  esac
  mapfile -t targets < <(targets "$dir" "${only[@]}")
  [ "$1" != clang ] || mapfile -t -O ${#targets[@]} targets < <(ninja -C "$dir" -t targets all | sed -n 's/\.o: .*/.o/p')
}

# Configure and compile the builds, one after the other, and print a line each: name, exit status, seconds.
compile() {
  local name rc start only targets
  for name; do
    start=$SECONDS
    cmake --preset "$name" -DCMAKE_COMPILE_WARNING_AS_ERROR=$strict >"build-check/$name.log" 2>&1 && choose "$name" &&
      nice ninja -C "$(folder "$name")" -j "$(nproc)" "${targets[@]}" >"build-check/$name.log" 2>&1
    rc=$?
    if [ $rc -ne 0 ]; then
      grep -E 'error|warning|undefined reference' "build-check/$name.log" | head -n 20 >&2
      echo "$name: does not build; see build-check/$name.log" >&2
    fi
    echo "$name $rc $((SECONDS - start))"
  done
}

# run <build> <seconds>: its tests; the seconds are those of compiling it
run() {
  local name=$1 log=$PWD/build-check/$1.log junit=$PWD/build-check/$1.xml runner=() only targets start=$SECONDS
  if [ "$name" = threads ]; then
    runner=(env TSAN_OPTIONS="suppressions=$PWD/tests/threads.supp")
    setarch -R true 2>/dev/null && runner+=(setarch -R)  # its shadow memory wants the classic layout
  fi
  choose "$name"
  rm -f "$junit"
  if ! "${runner[@]}" ctest --test-dir "$(folder "$name")" -j3 --timeout 1800 "${only[@]}" --output-on-failure \
    --output-junit "$junit" >"$log" 2>&1; then
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
    "$2" $((SECONDS - start))
}

while read -r name rc seconds <&3; do
  if [ "$rc" = 0 ]; then run "$name" "$seconds"; else failed=$((failed + 1)); fi
done 3< <(compile release double sanitize threads clang)
cat build*/Testing/Temporary/LastTest.log build-check/*/Testing/Temporary/LastTest.log 2>/dev/null | grep '^SKIP' | sort -u
printf '%d passed, %d failed' $passed $failed
[ $skipped -gt 0 ] && printf ', %d skipped' $skipped
echo
[ $failed -eq 0 ] && [ $passed -gt 0 ]
