#!/usr/bin/env bash
# Build and test everything fast, in every build of CMakePresets.json that finds bugs of its own kind:
# release and clang (two compilers), double (gradients), sanitize (memory, undefined behaviour), threads
# (races; only the tests that can make threads). What does not depend on the build, labelled "once", is run in the
# first only; what does not depend on the precision, "program", not in double. The last line sums all of them.
# CI=true: warnings are errors.
set -u
cd "$(dirname "$0")/.." || exit 2
builds=(release double sanitize threads clang)
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

# tests of folder <build> that may have threads, by name
names() { ctest --test-dir "$1" -N -LE 'long|once|one_thread' | sed -n 's/^ *Test *#[0-9]*: //p'; }

# Those that make no threads: they start no other program, and the release build's links nothing that makes one.
without_threads() {
  local t source
  for t in $(names "$1"); do
    for source in tests/"$t".c tests/fuzz/"$t".c; do
      [ -e "$source" ] && ! grep -q '"process.h"' "$source" && [ -x build/"$t" ] && ! nm build/"$t" | grep -q pthread_create && echo "$t"
    done
  done
}

# attribute <name> <file>: a count in the head of a JUnit file
attribute() { sed -n "s/.*[[:space:]]$1=\"\([0-9]*\)\".*/\1/p" "$2" | head -n 1; }

run() {
  local name=$1 dir log junit runner=() only=(-LE 'long|once') targets=() start=$SECONDS
  dir=$(folder "$name")
  log=$PWD/build-check/$name.log junit=$PWD/build-check/$name.xml
  [ "$name" = "${builds[0]}" ] && only=(-LE long)
  [ "$name" = double ] && only=(-LE 'long|once|program')
  if [ "$name" = threads ]; then
    cmake --preset threads >/dev/null
    mapfile -t only < <(without_threads "$dir")
    mapfile -t targets < <(names "$dir" | grep -vxF "$(printf '%s\n' "${only[@]}")" | grep -Ev '^(test_examples_.*|exports)$')
    mapfile -t -O ${#targets[@]} targets < <(echo metaxbar && basename -s .c examples/*.c)
    only=(-LE 'long|once|one_thread' -E "^($(IFS='|' && echo "${only[*]}"))\$")
    runner=(env TSAN_OPTIONS="suppressions=$PWD/tests/threads.supp")
    setarch -R true 2>/dev/null && runner+=(setarch -R)  # its shadow memory wants the classic layout
  fi
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

for name in "${builds[@]}"; do run "$name"; done
cat build*/Testing/Temporary/LastTest.log build-check/*/Testing/Temporary/LastTest.log 2>/dev/null | grep '^SKIP' | sort -u
printf '%d passed, %d failed' $passed $failed
[ $skipped -gt 0 ] && printf ', %d skipped' $skipped
echo
[ $failed -eq 0 ] && [ $passed -gt 0 ]
