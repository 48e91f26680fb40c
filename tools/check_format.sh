#!/bin/sh
# check_format.sh [--fix]: the folders that hold few formulas are laid out as clang-format 14 does it; --fix does it.
# Other versions do it otherwise.
cd "$(dirname "$0")/.." || exit 2
folders='include examples cli src/api src/base src/driver src/lab src/report src/run'
clang-format --version 2>/dev/null | grep -q 'version 14[.]' || { echo "SKIP clang-format 14 is absent"; exit 77; }
case ${1:-} in
  --fix) set -- -i ;;
  *) set -- --dry-run --Werror --ferror-limit=5 ;;
esac
find $folders -name '*.[ch]' -exec clang-format "$@" {} +
