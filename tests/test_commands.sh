#!/usr/bin/env bash
# test_commands.sh BUILD: every option and every setting that a command in README.md, CONTRIBUTING.md or docs names exists.
# test_documents.sh runs the commands after a "$ "; the others need data sets, hours or several machines, and are only
# compared with the help of the program. Exit status 0: all exist, 1: not all.
set -euo pipefail
program=$(cd "$1" && pwd)/metaxbar
cd "$(dirname "$0")/.."

# the options of each command, "COMMAND --flag", and all settings, "section.name"
known=$("$program" --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | while read -r command; do
  "$program" "$command" --help | sed -n "s/^  \(--*[a-z-]*\) .*/$command \1/p"
done; sed -n 's/^| `\([a-z]*\.[A-Za-z0-9_]*\)` .*/\1/p' docs/settings.md)

awk -v known="$known" '
  BEGIN {
    n = split(known, line, "\n")
    for (k = 1; k <= n; k++) is[line[k]] = 1
  }
  function wrong(what) { printf "%s:%d: %s does not exist\n", FILENAME, FNR, what; bad = 1 }
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
  END { print checked " options and settings"; exit bad || checked < 500 }' README.md CONTRIBUTING.md docs/*.md docs/notes/*.md
