#!/bin/sh
# check_format.sh [--fix]: the sources are laid out as clang-format 14 does it; --fix does it. Other versions do it
# otherwise. In the folders with formulas the author decides on the spaces around products and on where a statement is
# broken (tools/format_formulas.py).
cd "$(dirname "$0")/.." || exit 2
plain='include examples cli src/api src/base src/driver src/lab src/report src/run'
formulas='src/arm src/chip src/data src/device src/experiment src/kernel src/learn src/model tests edge'
clang-format --version 2>/dev/null | grep -q 'version 14[.]' || { echo "SKIP clang-format 14 is absent"; exit 77; }
command -v python3 >/dev/null || { echo "SKIP python3 is absent"; exit 77; }
bad=0
case ${1:-} in
  --fix) how=-i ;;
  *) how='--dry-run --Werror --ferror-limit=5' ;;
esac
find $plain -name '*.[ch]' -exec clang-format $how {} + || bad=1
find $formulas -name '*.[ch]' -exec tools/format_formulas.py ${1:+"$1"} {} + || bad=1
exit $bad
