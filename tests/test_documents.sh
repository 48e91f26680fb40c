#!/usr/bin/env bash
# test_documents.sh BUILD [PAGE.md ...]: runs the commands that docs/*.md show, and compares what they print. Exit status
# 0: all agree, 1: not all, 77: none could be run.
#
# In an indented block of a page, "$ " begins a command, which "\" at the end of a line continues; the lines up to the
# next "$ " or the end of the block are what it prints, on stdout and stderr. Blocks without "$ " are not run. A line
# "..." stands for any lines, also none. A command must print nothing where the page shows nothing, and must fail where
# the page shows a message of the program, "metaxbar COMMAND: ...".
#
# The commands of a page run one after the other in a temporary folder, with links to the folders of the checkout in it
# and the program installed. Any number of spaces equals one. Where the golden files hold to the bit (test_golden_cli.c),
# whole numbers must be equal and others agree within 0.5 % or one unit of the last digit; elsewhere all numbers must
# agree within 25 %: another vector width trains other weights, and the interval of an accuracy near 100 % varies most. A
# command that needs what is absent here, a data set or ffmpeg for example, is skipped, and a line says so
# (test_commands.sh runs those for which a data set is absent on made-up data).
set -euo pipefail
build=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")/.."
here=$(mktemp -d /tmp/metaxbar_test_XXXXXX)
trap 'rm -rf "$here"' EXIT
[ $# -gt 0 ] || mapfile -t < <(grep -l '^    \$ ' docs/*.md)
[ $# -gt 0 ] || set -- "${MAPFILE[@]}"

near=0.005
grep -qw avx2 /proc/cpuinfo && ! grep -qw avx512f /proc/cpuinfo && [ "$(cc -dumpversion)" = 12 ] || near=0.25

# split PAGE FOLDER: its commands as FOLDER/K.command, what they print as FOLDER/K.expected, their lines as K.line.
split() {
  awk -v to="$2/" '
    function expect(line) { for (; blank > 0; blank--) print "" >(to n ".expected"); print line >(to n ".expected") }
    /^ *$/ { blank++; next }
    !/^    / { inside = more = 0 }
    /^    \$ / && !more { n++; inside = 1; blank = 0; print FNR >(to n ".line"); printf "" >(to n ".expected") }
    inside {
      line = substr($0, 5)
      if (more || line ~ /^\$ /) {
        sub(/^\$ /, "", line)
        print line >(to n ".command")
        more = line ~ /\\$/
      } else expect(line)
    }
    { blank = 0 }' "$1"
}

# compare EXPECTED FOUND: 1, and the lines that differ, unless they agree.
compare() {
  awk -v near="$near" '
    function number(s) { return match(s, /[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?/) }
    function tolerance(s, value,   unit, exponent) {  # of a number as it is written
      if (near < 0.1 && s !~ /[.eE]/) return 0
      exponent = match(s, /[eE]/) ? substr(s, RSTART + 1) : 0
      sub(/[eE].*/, "", s)
      unit = 10^(exponent - (index(s, ".") ? length(s) - index(s, ".") : 0))
      value *= near
      return (value > unit ? value : unit) * 1.000001
    }
    function same(a, b,   p, q, x, y, sign_a, sign_b) {
      gsub(/[ \t]+/, " ", a); gsub(/[ \t]+/, " ", b)
      sub(/ $/, "", a); sub(/ $/, "", b)
      while (a != b) {
        p = number(a); x = substr(a, RSTART, RLENGTH); q = number(b)
        if (!p || !q) return 0
        y = substr(b, q, RLENGTH)
        sign_a = substr(a, 1, p - 1); sign_b = substr(b, 1, q - 1)
        if (sign_a != sign_b) return 0
        a = substr(a, p + length(x)); b = substr(b, q + length(y))
        if (x != y && !((x - y)^2 <= tolerance(x, x)^2)) return 0
      }
      return 1
    }
    BEGIN {
      while ((getline line < ARGV[1]) > 0) want[++n] = line
      while ((getline line < ARGV[2]) > 0) got[++m] = line
      for (i = j = 1; i <= n; i++) {
        if (want[i] == "...") { any = 1; continue }
        while (any && j < m && !same(want[i], got[j])) j++
        if (j > m) { print "expected:", want[i]; print "found:    nothing more"; exit 1 }
        if (!same(want[i], got[j])) { print "expected:", want[i]; print "found:   ", got[j]; bad = 1 }
        j++; any = 0
      }
      if (j <= m && !any) { print "not expected:", got[j]; bad = 1 }
      exit bad
    }' "$1" "$2"
}

# absent COMMAND: what it needs and is not there.
absent() {
  local program
  case $1 in *'data fetch'* | *data.kind=omniglot* | *data.kind=cifar100*) echo "a data set to be downloaded" ;; esac
  case $1 in *--render*.mp4* | *--render*.gif*) command -v ffmpeg >/dev/null || echo "ffmpeg" ;; esac
  case $1 in *figure_arm.sh* | *'metaxbar device '*--out*) command -v gnuplot >/dev/null || echo "gnuplot" ;; esac
  for program in python3 pkg-config; do
    case $1 in *$program*) command -v $program >/dev/null || echo $program ;; esac
  done
}

# run PAGE: all its commands, their number added to $n_run; those after one that fails are not run, but those after one
# that prints something else are.
run() {
  local page=$1 name k at status missing command ran=0 wrong=0
  name=$(basename "$page" .md)
  mkdir -p "$here/$name/split" "$here/$name/run"
  split "$page" "$here/$name/split"
  [ -e "$here/$name/split/1.command" ] || { echo "FAIL $page: no commands"; return 1; }
  ln -s "$PWD"/{docs,edge,examples,models,tools} "$here/$name/run"
  ln -s "$build" "$here/$name/run/build"
  for ((k = 1; ; k++)); do
    at=$here/$name/split/$k
    [ -e "$at.command" ] || break
    command=$(cat "$at.command")
    missing=$(absent "$command")
    if [ "$missing" ]; then
      echo "SKIP $page:$(cat "$at.line"): needs $missing"
      case $missing in *python3*) echo "SKIP $page: the rest of it"; break ;; esac
      continue
    fi
    ran=$((ran + 1)) status=0
    (cd "$here/$name/run" && exec </dev/null >"$at.output" 2>&1 && bash -c "$command") || status=$?
    missing=$(grep -m 1 -E 'built without (MuJoCo|EGL)|cannot draw: no OpenGL' "$at.output") || true
    [ -z "$missing" ] || { echo "SKIP $page:$(cat "$at.line"): $missing"; continue; }
    sed -i '/^[a-z]* \[[# ]*\] /d' "$at.expected" "$at.output"  # progress: times, and more of it on a slow machine
    if grep -qE '^metaxbar [a-z ]+: ' "$at.expected"; then
      [ $status -ne 0 ] || { echo "FAIL $page:$(cat "$at.line"): succeeds"; return 1; }
    elif [ $status -ne 0 ]; then
      echo "FAIL $page:$(cat "$at.line"): $command: exit $status"
      cat "$at.output"
      return 1
    fi
    compare "$at.expected" "$at.output" >"$at.difference" && continue
    echo "FAIL $page:$(cat "$at.line"): $command"
    cat "$at.difference"
    wrong=1
  done
  n_run=$((n_run + ran))
  echo "$page: $ran commands, $SECONDS s so far"
  return $wrong
}

DESTDIR=$here/root cmake --install "$build" --prefix /opt/metaxbar >"$here/log" || { cat "$here/log"; exit 1; }
at=$here/root/opt/metaxbar
PATH=$at/bin:$PATH
PKG_CONFIG_PATH=$(dirname "$(find "$at" -name metaxbar.pc)")
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH")
export PATH PKG_CONFIG_PATH LD_LIBRARY_PATH
bad=0 n_run=0
for page; do run "$page" || bad=1; done
[ $bad$n_run != 00 ] || bad=77
exit $bad
