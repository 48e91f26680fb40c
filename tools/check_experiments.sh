#!/bin/sh
# No experiment is named outside its folder src/experiment/NAME, the table of all (experiments.c) and its file of the public
# interface (api_NAME.c): neither by an include, nor by a symbol of its own, nor by an `if` about its name. cli/arm.c is the
# command of the arm itself. Words for people may name it.
cd "$(dirname "$0")/.." || exit 2
bad=0
for folder in src/experiment/*/; do
  name=$(basename "$folder")
  symbols=$(sed -n 's/^\(const \|extern \)*[a-z_0-9 ]*[ *]\([a-z]*\)_[a-z_0-9]*[(;\[].*/\2/p' "$folder$name.h" "$folder"reach.h 2>/dev/null | sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }')
  files=$(find src cli -name '*.[ch]' | grep -vE "^src/experiment/($name/|experiments.c)|^src/api/api(_$name)?[.]|^cli/$name[.]c")
  # shellcheck disable=SC2086
  grep -nE "\"experiment/$name/|\\b$symbols(_[a-z_0-9]+)? *\\(|struct $symbols(_[a-z]+)?\\b|(strn?cmp|experiment_find)\\([^)]*\"$name\"" $files && { echo "experiment $name ($${symbols}_...) is named above"; bad=1; }
done
[ -d src/experiment/fewshot ] || { echo "no experiments found"; bad=1; }
exit $bad
