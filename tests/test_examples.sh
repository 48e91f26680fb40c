#!/usr/bin/env bash
# test_examples.sh WHAT BUILD: what a user gets beside the program itself - the examples, the manual pages, the
# completion, pages written from the program, the reference of the library, an installation. Exit 77: skipped, and a
# line says why.
set -euo pipefail
what=$1 build=$(cd "$2" && pwd)
here=$(mktemp -d /tmp/metaxbar_test_XXXXXX)
trap 'rm -rf "$here"' EXIT
export METAXBAR_LIBRARY=$build/libmetaxbar.so

skip() { echo "SKIP $*"; exit 77; }
fail() { echo "FAIL $*"; exit 1; }
needs() { command -v "$1" >/dev/null || skip "$1 is not there"; }
expect() { [ "$1" = "$2" ] || fail "'$1' and not '$2'"; }

run_c() {
  "$build/adapt_on_chip" models/builtin-5w5s.safetensors
  "$build/characterise_device"
  ! "$build/adapt_on_chip" /nowhere 2>"$here/err" || fail "a model that is not there"
  grep -q 'adapt_on_chip: /nowhere' "$here/err" || fail "$(cat "$here/err")"
}

run_arm() {
  "$build/one_shot_arm" models/arm.safetensors
}

run_python() {
  needs python3
  for kind in exact quantised chip; do python3 examples/adapt.py models/builtin-5w5s.safetensors synapse.kind=$kind; done
}

# docs/adding_a_device.md
run_device_table() {
  "$build/characterise_device" examples/device/lab.ini
  "$build/metaxbar" device device.table=examples/device/lab.ini device.points=5 >"$here/out"
  awk -F, 'NR == 1 { for (k = 1; k <= NF; k++) column[$k] = k }
           $column["g_target_uS"] == 10 && $column["sigma_prog_uS"] == 1 { found = 1 } END { exit !found }' "$here/out" || fail "$(cat "$here/out")"
  sed 's/^5,/1,/' examples/device/lab.csv >"$here/lab.csv"
  cp examples/device/lab.ini "$here"
  ! "$build/metaxbar" device device.table="$here/lab.ini" 2>"$here/err" || fail "conductances that do not rise"
  grep -q 'lab.csv:4' "$here/err" || fail "$(cat "$here/err")"
}

# Names of files do not become commands of gnuplot, and a failure leaves the older picture.
run_figure() {
  needs gnuplot
  local draw=$PWD/tools/figure_arm.sh name
  cp docs/figures/arm_software.csv "$here/in.csv"
  cd "$here"
  for name in '|touch pwned;cat>y' '<touch pwned' "it's" '$(touch pwned)' '-a b' $'line\nend'; do
    cp in.csv "./$name.csv"
    "$draw" "$name.csv" "$name.csv" "$name.png" >out 2>&1 || fail "$name: $(cat out)"
    [ ! -e pwned ] && [ ! -e y ] || fail "$name ran"
    [ "$(wc -c <"./$name.png")" -gt 5000 ] || fail "$name: no picture"
  done
  mkdir bin
  printf '#!/bin/sh\necho half\nexit 1\n' >bin/gnuplot
  chmod +x bin/gnuplot
  cp "it's.png" old.png
  ! PATH=$PWD/bin:$PATH "$draw" in.csv in.csv old.png >out 2>&1 || fail "gnuplot failed, and nobody saw it"
  cmp "it's.png" old.png || fail "the older picture is gone"
}

run_man() {
  needs groff
  local page command
  for command in '' $("$build/metaxbar" --help | sed -n 's/^  \([a-z]*\) .*/-\1/p'); do
    page=$build/man/metaxbar$command.1
    [ -s "$page" ] || fail "no $page"
    groff -man -Tutf8 -P-cbou -ww "$page" >"$here/page" 2>"$here/err" || fail "$page"
    [ ! -s "$here/err" ] || fail "$(cat "$here/err")"
    grep -q 'NAME' "$here/page" || fail "$page is empty"
  done
  groff -man -Tutf8 -P-cbou "$build/man/metaxbar-eval.1" >"$here/page"
  grep -A1 '^ *--out FILE.csv' "$here/page" | grep -q 'step by step' || fail "flags are missing: $(cat "$here/page")"
  groff -man -Tutf8 -P-cbou -rLL=110n "$build/man/metaxbar-device.1" >"$here/page"
  grep -A2 'device.preset' "$here/page" | grep -q 'joshi2020|hermes|hermes1' || fail "choices are missing: $(cat "$here/page")"
}

# The page of settings is what --help says.
run_settings() {
  tools/settings_reference.sh "$build/metaxbar" docs/settings.md || fail "write it anew: tools/settings_reference.sh build/metaxbar"
}

# The page of JSON output has the keys that commands print.
run_json() {
  needs python3
  python3 -I tests/json_page.py "$build"
}

# Doxygen has nothing to complain about, and describes every function.
run_api() {
  needs doxygen
  local name
  API_DIRECTORY=$here doxygen docs/Doxyfile 2>"$here/err" || fail "$(cat "$here/err")"
  for name in $(sed -n 's/^MX_API .*[ *]\(mx_[a-z_0-9]*\)(.*/\1/p' include/metaxbar.h); do
    grep -q "$name" "$here"/html/group__*.html "$here/html/metaxbar_8h.html" || fail "$name is not in the reference"
  done
}

# complete WORDS...: what bash would offer; words as it splits them, "=" being one of its own.
complete_line() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=() COMP_WORDBREAKS=$' \t\n=' COMP_LINE="$*"
  _metaxbar
  echo "${COMPREPLY[*]-}"
}

run_completion() {
  . "$build/completion/metaxbar"
  complete -p metaxbar | grep -q -- '-F _metaxbar' || fail "not registered"
  expect "$(complete_line metaxbar tr)" train
  expect "$(complete_line metaxbar train '')" 'fewshot arm sine'
  expect "$(complete_line metaxbar data '')" 'info split fetch'
  expect "$(complete_line metaxbar data fetch '')" 'omniglot cifar100'
  expect "$(complete_line metaxbar device --j)" --json
  expect "$(complete_line metaxbar eval arm --o)" --out
  expect "$(complete_line metaxbar eval fewshot --o)" ''
  expect "$(complete_line metaxbar eval --o)" --out
  expect "$(complete_line metaxbar chip export --)" '--help --model --out'
  expect "$(complete_line metaxbar data fetch omniglot --q)" --quiet
  expect "$(complete_line metaxbar device dev)" device.
  expect "$(complete_line metaxbar device device.pr)" 'device.preset= device.programming='
  expect "$(complete_line metaxbar device device.preset = her)" 'hermes hermes1'
  expect "$(complete_line metaxbar device device.preset = )" 'joshi2020 hermes hermes1 published-code'
  expect "$(complete_line metaxbar train arm trajectory.generator = c)" consistent
  expect "$(complete_line metaxbar train arm net.)" ''
  expect "$(complete_line metaxbar train --run x fewshot net.w)" net.ways=
  expect "$(complete_line metaxbar train fewshot run.seed = 3 train.schedule = co)" 'constant cosine'
  cd "$here" && touch model.safetensors
  complete_line metaxbar device 'device.x//;e touch pwned;#' = '' >/dev/null 2>&1 || true
  complete_line metaxbar data 'x//;e touch pwned;#' '' >/dev/null 2>&1 || true
  [ ! -e pwned ] || fail "what has been typed ran"
  expect "$(complete_line metaxbar model info --model mo)" model.safetensors
  expect "$(complete_line metaxbar device device.table = mo)" model.safetensors
}

# consume HOW: what the program that tests/consumer has built by pkg-config or CMake says, and which libraries it names
# beside those of C: the library's own dependencies are not among them.
consume() {
  local others
  expect "$(LD_LIBRARY_PATH=$libraries "$here/$1/consumer")" "metaxbar $(pkg-config --modversion metaxbar), 5 ways"
  others=$(readelf -d "$here/$1/consumer" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE '^lib[cm][.]so') || true
  expect "$others" libmetaxbar.so.0
}

# Installed below DESTDIR, not where the prefix says: what finds it there finds it wherever it is moved.
run_install() {
  needs pkg-config
  needs make
  local root=$here/root prefix=/opt/metaxbar at libraries
  DESTDIR=$root cmake --install "$build" --prefix $prefix >"$here/log" || fail "$(cat "$here/log")"
  at=$root$prefix
  for file in bin/metaxbar include/metaxbar.h share/man/man1/metaxbar.1 share/man/man1/metaxbar-train.1 share/metaxbar/models/builtin-5w5s.safetensors \
              share/bash-completion/completions/metaxbar share/zsh/site-functions/_metaxbar; do
    [ -s "$at/$file" ] || fail "$file is not installed"
  done
  PKG_CONFIG_PATH=$(dirname "$(find "$at" -name metaxbar.pc)")
  export PKG_CONFIG_PATH
  for file in examples/*.c; do
    # shellcheck disable=SC2046
    cc -std=c11 -Wall -Wextra -Werror -o "$here/program" "$file" $(pkg-config --cflags --libs metaxbar) || fail "$file"
    mv "$here/program" "$here/$(basename "$file" .c)"
  done
  expect "$(pkg-config --modversion metaxbar)" "$("$at/bin/metaxbar" --version | cut -d ' ' -f 2)"
  libraries=$(dirname "$PKG_CONFIG_PATH")
  LD_LIBRARY_PATH=$libraries "$here/adapt_on_chip" "$(pkg-config --variable=modelsdir metaxbar)/builtin-5w5s.safetensors"
  mkdir "$here/pkg-config"
  make -s -C tests/consumer/pkg-config B="$here/pkg-config" >"$here/log" 2>&1 || fail "$(cat "$here/log")"
  consume pkg-config
  package() { cmake -S tests/consumer/cmake -B "$here/cmake" -G Ninja -DCMAKE_PREFIX_PATH="$at" "$@" >"$here/log" 2>&1; }
  ! package -DVERSION=1 || fail "find_package took a version that is not there"
  grep -q '"1"' "$here/log" || fail "$(cat "$here/log")"
  package -DVERSION=0.1 && cmake --build "$here/cmake" >"$here/log" 2>&1 || fail "$(cat "$here/log")"
  consume cmake
  cd "$here"
  "$at/bin/metaxbar" model info --model models/builtin-5w5s.safetensors | grep -q '^85456 weights' || fail "the installed model is not found"
  ! "$at/bin/metaxbar" model info --model models/absent.safetensors 2>err || fail "a model that is not there"
  grep -q 'models/absent.safetensors' err || fail "$(cat err)"
}

"run_$what"
