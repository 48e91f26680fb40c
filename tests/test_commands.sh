#!/usr/bin/env bash
# test_commands.sh BUILD [PAGE.md ...]: runs the commands that README.md, CONTRIBUTING.md and docs show without a "$ "
# because they need data sets, hours or several machines: on made-up data, and for one update or a few tasks. Each must
# succeed. It does the same with those after a "$ " that test_documents.sh skips for want of a data set. Every option,
# setting, script and target of make that a page names must exist. Exit status 0: all is well, 1: not all, 77: no
# python3.
#
# An indented block is run where a line of it begins with "metaxbar COMMAND": all blocks of a page by one shell, in a
# folder of their own, which has the models and, under the names that the documents give them, the user's files. Thus a
# command finds variables and files of those before it. mpirun starts one process.
set -euo pipefail
build=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- README.md CONTRIBUTING.md docs/*.md docs/notes/*.md
here=$(mktemp -d /tmp/metaxbar_test_XXXXXX)
trap 'rm -rf "$here"' EXIT

# PAGE|part of a command|why it is not run
not_run='README.md|apt install|it changes the system; make check-packages CHROOT=--chroot runs it
docs/cifar.md|data fetch|it needs the network
docs/adding_a_data_set.md|data fetch|it needs the network
docs/physical_arm.md|link.host=HOST|it needs a broker and an arm; test_arm_mqtt_cli has stand-ins for both'

# The settings, after those of a command, that shorten it. $* is the command.
shorter() {
  case $* in
    *--help*) ;;
    'train fewshot '*data.tasks=alphabet*) echo train.iterations=1 train.tasks=1 train.validate_tasks=1 train.validate_every=1 ;;
    'train fewshot '*) echo train.iterations=1 train.tasks=1 train.validate_tasks=0 ;;
    'train arm '*) echo train.iterations=1 train.trajectories=1 train.group=1 train.validate_trajectories=0 ;;
    'train sine '*) echo train.iterations=1 train.validate_tasks=0 ;;
    'eval arm '*target.file=*) ;;
    'eval arm '*) echo eval.trajectories=5 ;;
    'eval fewshot '*eval.base_shots*) echo eval.tasks=1 eval.base_shots=2 eval.queries=1 ;;
    'eval fewshot '*eval.method=incremental*) echo eval.tasks=1 eval.queries=1 ;;
    'eval '* | 'chip alternatives '*) echo eval.tasks=2 ;;
    'chip tradeoff '*) echo eval.tasks=2 tradeoff.thresholds=0.1 tradeoff.levels=8 ;;
    'sweep '*) echo train.iterations=1 eval.tasks=2 ;;
    'bench ranks arm') echo train.trajectories=2 train.group=1 ;;
    'bench ranks '*) echo train.tasks=2 ;;
    'report '*models/sine*) echo report.sines=2 ;;
    'report '*) echo report.tasks=2 ;;
  esac
  case $* in *eval.chips*) echo eval.chips=1 ;; esac
}

# ---- options and settings

# exist PAGE...: prints and counts those that the program has not
exist() {
  local known
  known=$("$build/metaxbar" --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | while read -r command; do
    "$build/metaxbar" "$command" --help | sed -n "s/^  \(--*[a-z-]*\) .*/$command \1/p"
  done; sed -n 's/^| `\([a-z]*\.[A-Za-z0-9_]*\)` .*/\1/p' docs/settings.md)
  awk -v known="$known" '
    BEGIN {
      n = split(known, line, "\n")
      for (k = 1; k <= n; k++) is[line[k]] = 1
    }
    function wrong(what) { printf "FAIL %s:%d: %s does not exist\n", FILENAME, FNR, what; bad = 1 }
    FNR == 1 { command = "" }
    {
      text = $0
      while (match(text, /(^|[ `"(])[a-z]+\.[A-Za-z0-9_]+=/)) {
        name = substr(text, RSTART, RLENGTH - 1)
        sub(/^[ `"(]/, "", name)
        if (!(name in is) && name != "section.name") wrong(name)
        text = substr(text, RSTART + RLENGTH)
        checked++
      }
    }
    /^    / {
      n = split($0, word, " ")
      for (k = 1; k <= n; k++) {
        if (word[k] ~ /^(build\/)?metaxbar$/ && word[k + 1] ~ /^[a-z]+$/) command = word[k + 1]
        else if (word[k] ~ /^[|>;)#]/) command = ""
        else if (command != "" && word[k] ~ /^--?[a-z]/) {
          flag = word[k]
          sub(/[^-a-z].*/, "", flag)
          if (!(command " " flag in is) && flag != "--help") wrong(command " " flag)
          checked++
        }
      }
      if ($0 !~ /\\$/) command = ""
    }
    END { print checked + 0 " options and settings"; exit bad }' "$@"
}

# The scripts and the targets of make that PAGE... name are there.
there() {
  local name missing=0
  for name in $(grep -hoE '\b(python/)?(tools|tests|bench|examples)/[a-z_0-9/]+\.(sh|py)\b' "$@" | sort -u); do
    [ -e "$name" ] || { echo "FAIL $name does not exist"; missing=1; }
  done
  for name in $(grep -hoE '(^    |`)make [a-z][a-z-]*' "$@" | sed 's/.*make //' | sort -u); do
    grep -qE "^$name:" Makefile || { echo "FAIL make $name does not exist"; missing=1; }
  done
  return $missing
}

# ---- commands

# commands PAGE: a script of its commands, each in the line of the page where it begins. Those of $not_run are appended,
# with the reason, to $here/left_out; $here/count is the number of the others.
commands() {
  awk -v page="$1" -v not_run="$not_run" -v left_out="$here/left_out" -v counted="$here/count" '
    function is_command(s) {
      sub(/^ *(mpirun -n [0-9]+ )?(build\/)?/, "", s)
      return s ~ /^metaxbar [a-z]+( |$)/ && s !~ /^metaxbar [a-z ]+: /
    }
    function needs_data(s) { return s ~ /^\$ .*data(\.kind=(omniglot|cifar100)| fetch)/ }
    function reason(s,   k, n_entries, entry, part) {
      n_entries = split(not_run, entry, "\n")
      for (k = 1; k <= n_entries; k++) {
        split(entry[k], part, "|")
        if (part[1] == page && index(s, part[2])) return part[3]
      }
    }
    function take(s, at,   why) {
      why = reason(s)
      sub(/^ +/, "", s)
      if (why) printf "%s:%d: %s: %s\n", page, at, s, why >>left_out
      else count += is_command(s)
      return why ? "" : s
    }
    function end_of_block(   k) {
      for (k = 1; k <= n; k++) {
        if (!shown) print runs ? take(line[k], first + k - 1) : ""
        else print needs_data(line[k]) ? take(substr(line[k], 3), first + k - 1) : ""
      }
      n = more = runs = shown = 0
    }
    /^    / || (/^ *$/ && n) {
      text = substr($0, 5)
      if (!n++) first = FNR
      line[n] = ""
      if (!more) begin = n
      more = sub(/\\$/, "", text)
      line[begin] = line[begin] text
      shown = shown || line[begin] ~ /^\$ /
      runs = runs || is_command(line[begin])
      next
    }
    { end_of_block(); print "" }
    END { end_of_block(); print ":"; print count + 0 >counted }' "$1"
}

# The programs that the commands start, in $here/bin, and what they find in their folder, in $here/files.
prepare() {
  mkdir -p "$here"/{bin,files}
  {
    echo '#!/usr/bin/env bash'
    declare -f shorter
    echo "exec '$build/metaxbar'" '"$@" $(shorter "$@")'
  } >"$here/bin/metaxbar"
  printf '#!/bin/sh\nshift 2\nexec "$@"\n' >"$here/bin/mpirun"  # -n N
  chmod +x "$here"/bin/*
  python3 tests/made_up_data.py "$here/files"
  python3 examples/draw_marks.py "$here/files/PICTURES" >/dev/null
  ln -s ../DIR "$here/files/data/omniglot"
  ln -s PICTURES "$here/files/my_marks"
  ln -s PICTURES/set0 "$here/files/MARKS"
  ln -s PICTURES/set0/mark0/00.png "$here/files/IMAGE.png"
  ln -s "$PWD/examples/paths/letter.csv" "$here/files/PATH.csv"
  ln -s "$PWD/examples/driver/lab.py" "$here/files/DRIVER.py"
  cp examples/device/lab.csv "$here/files"
  cp examples/device/lab.ini "$here/files/DEVICE.ini"
  sed -n '/^    \[sweep\]/,/^[^ ]/s/^    //p' docs/sweep.md >"$here/files/sweep.ini"
  ln -s sweep.ini "$here/files/SWEEP.ini"
  for which in FIRST SECOND; do
    "$build/metaxbar" eval sine --model models/sine.safetensors --scores "$here/files/$which.json" >/dev/null
  done
}

# failed LINE COMMAND: a line of $here/failed, and the end of the output; or a line of $here/left_out where this machine
# or build cannot run it.
failed() {
  local missing
  missing=$(tail -n 1 "$here/log" | grep -oE 'built without [A-Za-z]+|no (OpenGL|HDF5)|gnuplot.*') || true
  if [ "$missing" ]; then echo "$page:$1: $2: $missing" >>"$here/left_out"; return; fi
  echo "FAIL $page:$1: $2" | tee -a "$here/failed"
  tail -n 3 "$here/log" | cut -c 1-300
}

# run PAGE: its commands; those that fail become lines of $here/failed.
run() {
  local page=$1
  commands "$page" | sed "s|/usr/share/doc/metaxbar/|$PWD/|" >"$here/script"
  [ "$(cat "$here/count")" != 0 ] || return 0
  rm -rf "$here/page"
  mkdir -p "$here/page"/{docs/figures,runs}
  cp -r models "$here/page"
  ln -s "$PWD"/{edge,examples,tools} "$here"/files/* "$here/page"
  ln -s "$here/bin" "$here/page/build"
  set +e  # in the subshell, where a condition such as || would suppress the trap
  (
    cd "$here/page"
    PATH=$here/bin:$PATH
    exec 3>&1 >"$here/log" 2>&1 </dev/null
    trap 'failed $LINENO "$BASH_COMMAND" >&3' ERR
    . "$here/script"
    echo "$page" >>"$here/finished"
  )
  set -e
  grep -qsx "$page" "$here/finished" || echo "FAIL $page: not finished" | tee -a "$here/failed"
  echo "$page: $(cat "$here/count") commands, $SECONDS s so far"
}

bad=0
exist "$@" || bad=1
there "$@" || bad=1
command -v python3 >/dev/null || { echo "SKIP test_commands: no python3"; exit 77; }
prepare
for page; do run "$page"; done
[ ! -e "$here/failed" ] || bad=1
if [ -e "$here/left_out" ]; then
  echo "not run:"
  sed 's/^/  /' "$here/left_out"
fi
while IFS='|' read -r page part why; do
  case " $* " in *" $page "*) ;; *) continue ;; esac
  grep -qsF "$page:" "$here/left_out" && grep -F "$page:" "$here/left_out" | grep -qF "$part" ||
    { echo "FAIL $page has no command with '$part', which is not to be run"; bad=1; }
done <<<"$not_run"
exit $bad
