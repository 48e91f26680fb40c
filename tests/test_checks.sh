#!/usr/bin/env bash
# The checks of the repository itself (tools/check_*.sh) pass on the tree and notice what they are there for: one
# violation after the other, each in a copy of the tree.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$(mktemp -d /tmp/metaxbar_test_XXXXXX)
trap 'rm -rf "$here"' EXIT
tar -c --exclude='./build*' --exclude=./runs --exclude=./.git --exclude=./models . | tar -x -C "$here"
ln -s "$PWD/models" "$here/models"
passed=0 failed=0

# check NAME WHAT STATUS TEXT: tools/check_NAME.sh ends with 0 or with another status, and prints TEXT.
check() {
  local status=0
  "$here/tools/check_$1.sh" >"$here/out" 2>&1 || status=$?
  if { [ $status = 0 ] && [ "$3" = passes ]; } || { [ $status = 1 ] && [ "$3" = fails ] && grep -qF -- "$4" "$here/out"; }; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL check_$1.sh, $2: status $status, $3 wanted"
    cat "$here/out"
  fi
}

# violation NAME WHAT FILE LINE TEXT: with this line at the end of the file the check fails and prints TEXT.
violation() {
  [ -f "$3" ] || { echo "FAIL $3: no such file"; exit 1; }
  printf '%s\n' "$4" >>"$here/$3"
  check "$1" "$2" fails "$5"
  cat "$3" >"$here/$3"
}

for name in experiments layers width links version figures; do check $name "as it is" passes ''; done

above='is named above'
violation experiments "an include" src/run/run.c '#include "experiment/sine/sine.h"' "experiment sine $above"
violation experiments "a function" src/lab/compare.c 'int f(void) { return fewshot_train(0, 0, 0); }' "experiment fewshot $above"
violation experiments "a name as a string" cli/eval.c 'static const char *const n = "arm";' "experiment arm $above"
violation layers "upwards" src/base/rng.c '#include "device/pcm.h"' 'src/base/rng.c: base must not include device/'
violation layers "from the data to the learning" src/data/imageset.c '#include "learn/maml.h"' 'data must not include learn/'
violation layers "out of its folder" src/base/rng.c '#include "../kernel/conv.h"' 'leaves its folder by ../'
violation layers "the inside of a chip" src/lab/tradeoff.c '#include "chip/chip_private.h"' 'must not include chip/chip_private.h'
violation width "121 columns" src/base/rng.c "// $(printf '%0118d' 0)" ': 121 columns'
violation links "a file that is not there" README.md '[a page](docs/no_such_page.md)' 'docs/no_such_page.md is not in the repository'
violation links "outside the repository" README.md '[a page](../other/README.md)' 'is not in the repository'
violation links "a heading that is not there" README.md '[a part](docs/results.md#no-such-heading)' 'docs/results.md has no heading #no-such-heading'
violation links "a heading of the page itself" README.md '[a part](#no-such-heading)' 'has no heading #no-such-heading'
violation figures "one that is nowhere measured" README.md 'It reaches 12.34 +- 0.56 %.' '12.34 +- 0.56'
violation figures "a section without a command" docs/chip_model.md "$(printf '## New\n\nIt takes 3.25 %% of the time.')" \
  'no command prints this figure (## New)'

sed -i 's/^version: .*/version: 9.9.9/' "$here/CITATION.cff"
check version "another one in the citation" fails '9.9.9 in place of'

printf '%d passed, %d failed\n' $passed $failed
[ $failed = 0 ]
