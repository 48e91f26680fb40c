#!/bin/sh
# Every "mean +- spread" of README.md is one of docs/results.md, docs/reproducing.md or docs/cifar.md, where they are
# measured. In README.md, CONTRIBUTING.md and docs/*.md a section with measured figures (a "mean +- spread", a decimal
# percentage, or a table cell that is a decimal number) says what prints them: it has a command, the name of a command
# or script in back quotes, a table between the markers of tools/tables.sh, or, for figures of others, a column "seen".
# The pages of docs/notes, single measurements, say that they are that.
cd "$(dirname "$0")/.." || exit 2
measured=$(grep -hoE '[0-9.]+ \+- [0-9.]+' docs/results.md docs/reproducing.md docs/cifar.md | sort -u)
shown=$(grep -oE '[0-9.]+ \+- [0-9.]+' README.md | sort -u)
[ -n "$shown" ] || { echo "no figures found"; exit 1; }
wrong=$(echo "$shown" | while read -r figure; do echo "$measured" | grep -qxF -- "$figure" || echo "$figure"; done)
[ -z "$wrong" ] || { echo "README.md has figures that no page of results has:"; echo "$wrong"; exit 1; }

bad=0
awk '
  function close_section() {
    if (figure && !source) { printf "%s: no command prints this figure (%s)\n", figure, heading; bad = 1 }
    heading = figure = source = ""
  }
  FNR == 1 || /^#+ / { close_section(); heading = $0 }
  /^    +(\$ )?(mpirun -n [0-9]+ )?(build\/)?(metaxbar [a-z]|make |[a-z]+\/[a-z_\/]+[.](sh|py) )/ { source = 1 }
  /`(build\/)?(metaxbar [a-z]|make |(tools|bench|tests)\/|test_|long_)/ || /^<!-- [a-z_]+ -->$/ { source = 1 }
  /\| seen \|/ { source = 1 }
  !/^    / && (/[0-9] \+- [0-9]/ || /[0-9][.][0-9]+ %/ || /\| *[*]*[0-9]+[.][0-9]+[*]* *\|/) {
    if (!figure) figure = FILENAME ":" FNR
  }
  END { close_section(); exit bad }' README.md CONTRIBUTING.md $(ls docs/*.md | grep -v settings.md) || bad=1
for page in docs/notes/*.md; do
  grep -q '^\*A laboratory notebook: ' "$page" || { echo "$page does not say that it is a laboratory notebook"; bad=1; }
done
exit $bad
