#!/usr/bin/env bash
# mutate.sh [TEXT]: do the tests notice wrong formulas? Each mutation of tests/mutations/*.txt (only those that contain
# TEXT, where given, or the file so named) is built in a scratch copy of the tree and must make one of the tests it names
# fail within LIMIT_S seconds. Where they pass, the other fast tests are asked before the formula counts as alive.
# mutate.sh --check: builds nothing, says which mutations no longer fit the sources.
set -u
cd "$(dirname "$0")/.." || exit 2
check='' only=${1:-}
[ "$only" = --check ] && check=yes only=''
limit_s=${LIMIT_S:-300}
scratch=$PWD/build-check/mutate  # a place of its own, always the same: compiler caches know it again
build=$scratch/build log=$PWD/build-check/mutate.log
files=() olds=() news=() tests=() whats=()
passed=0 failed=0

stop() { echo "mutate: $*" >&2; exit 2; }

# ---- the table

# Put down the stanza read so far, if any.
put() {
  [ -n "$what$file$old$new$test" ] || return
  if [ -z "$what" ] || [ -z "$file" ] || [ -z "$old" ] || [ -z "$test" ]; then
    stop "$1: '$what': needs what, file, old, new and test"
  fi
  case "$1 $what $file $old $new $test" in
    *"$only"*) whats+=("$what") files+=("$file") olds+=("$old") news+=("$new") tests+=("$test") ;;
  esac
  what='' file='' old='' new='' test=''
}

read_table() {
  local line value what='' file='' old='' new='' test=''
  while IFS= read -r line; do
    value=${line#* }
    value=${value#"${value%%[! ]*}"}
    case $line in
      '') put "$1" ;;
      '#'*) ;;
      'what '*) what=$value ;;
      'file '*) file=$value ;;
      'old '*) old=$value ;;
      new) ;;  # nothing
      'new '*) new=$value ;;
      'test '*) test=$value ;;
      *) stop "$1: '$line': expected what, file, old, new or test" ;;
    esac
  done <"$1"
  put "$1"
}

# Mutation k as text of its file, in $text; 1, and a line, where the old text is not there exactly once.
mutated() {
  local content
  [ -f "${files[$1]}" ] || { misfit "$1" 'no such file'; return; }
  content=$(<"${files[$1]}")
  [[ $content == *"${olds[$1]}"* ]] || { misfit "$1" "'${olds[$1]}' is not in it"; return; }
  [[ ${content/"${olds[$1]}"/$'\n'} != *"${olds[$1]}"* ]] || { misfit "$1" "'${olds[$1]}' is in it more than once"; return; }
  text=${content/"${olds[$1]}"/"${news[$1]}"}
}

misfit() { echo "mutate: ${files[$1]}: $2 (${whats[$1]})" >&2; return 1; }

# Do all mutations fit the sources, and are their tests there?
fit() {
  local k t rc=0
  for k in "${!files[@]}"; do
    mutated "$k" || rc=1
    for t in ${tests[$k]}; do
      [ -f "tests/$t.c" ] || [ -f "tests/$t.sh" ] || { misfit "$k" "no test $t"; rc=1; }
    done
  done
  return $rc
}

# ---- building and testing, in the scratch copy

compile() { cmake --build "$build" ${1:+--target "$@"} >"$log" 2>&1; }
# A test is a program, or a script about the program metaxbar.
targets() { local t; for t in "$@"; do if [ -f "tests/$t.sh" ]; then echo metaxbar; else echo "$t"; fi; done | sort -u; }
run() {
  local words=("$build/$1")
  [ ! -f "tests/$1.sh" ] || words=("tests/$1.sh" "$build")
  (cd "$scratch" && METAXBAR=$build/metaxbar timeout "$limit_s" "${words[@]}" >"$log" 2>&1)
}
others() { ctest --test-dir "$build" -j2 --timeout "$limit_s" -LE 'long|once' "$@" >"$log" 2>&1; }

restore() { cat "${files[$1]}" >"$scratch/${files[$1]}"; }

# names of the tests that failed in the last call of others
failures() { sed -n 's/^.* - \([^ ]*\) (Failed).*/\1/p' "$log"; }

# The test that notices, in $killer; ''.
search() {
  local t rc noticed
  killer=''
  for t in ${tests[$1]}; do
    run "$t"
    rc=$?
    [ $rc = 124 ] && echo "  $t: not done within $limit_s s"
    [ $rc != 0 ] && [ $rc != 124 ] && killer=$t && return
  done
  compile || return
  others -E "^(${tests[$1]// /|})\$" && return
  mapfile -t noticed < <(failures)
  restore "$1"
  [ ${#noticed[@]} -gt 0 ] && compile || return
  others -R "^($(IFS='|' && echo "${noticed[*]}"))\$"  # those that pass without the mutation
  killer=$(printf '%s\n' "${noticed[@]}" | grep -vxF "$(failures)" | head -n 1)
  killer=${killer:+$killer, not by ${tests[$1]}}
}

try() {
  local started=$SECONDS
  mutated "$1"
  printf '%s\n' "$text" >"$scratch/${files[$1]}"
  compile $(targets ${tests[$1]}) || stop "${files[$1]}: does not compile with '${news[$1]}'; see ${log#"$PWD/"}"
  search "$1"
  restore "$1"
  [ -n "$killer" ] && passed=$((passed + 1)) || failed=$((failed + 1))
  printf '%-31s %-54s %s (%d s)\n' "${files[$1]#src/}" "${whats[$1]}" "${killer:+killed by }${killer:-ALIVE}" \
    $((SECONDS - started))
}

for table in tests/mutations/*.txt; do read_table "$table"; done
[ ${#files[@]} -gt 0 ] || stop "no mutation with '$only'"
fit || exit 1
[ "$check" ] && exit
rm -rf "$scratch"
mkdir -p "$scratch" || stop "$scratch: cannot be made"
tar -c --exclude='./build*' --exclude=./.git --exclude=./runs . | tar -x -C "$scratch" || stop "$scratch: no copy"
mapfile -t named < <(printf '%s\n' ${tests[@]} | sort -u)
if ! cmake -S "$scratch" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release >"$log" 2>&1 || ! compile $(targets "${named[@]}"); then
  stop "does not build; see ${log#"$PWD/"}"
fi
for t in "${named[@]}"; do run "$t" || stop "$t fails without a mutation; see ${log#"$PWD/"}"; done
for k in "${!files[@]}"; do try "$k"; done
rm -rf "$scratch"
printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]
