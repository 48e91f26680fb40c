#!/bin/sh
# No experiment is named outside its folder src/experiment/NAME, the table of all (experiments.c) and its file of the public
# interface (api_NAME.c): neither by an include, nor by what its headers declare, nor by its own name as a whole string.
# cli/arm.c is the command of the arm itself, src/arm the arm. Words for people may name an experiment.
cd "$(dirname "$0")/.." || exit 2
bad=0 seen=0
for folder in src/experiment/*/; do
  name=$(basename "$folder")
  # names that a header declares begin with its own name, or with that of another header of the folder
  prefixes=$(basename -s .h "$folder"*.h | sed 's/_private$//' | paste -sd '|')
  names=$(grep -ohE "\\b($prefixes)_[a-z0-9_]+" "$folder"*.h; sed -nE "s/^(struct ($prefixes)) \{.*/\1/p" "$folder"*.h)
  [ -n "$names" ] && seen=$((seen + 1))
  files=$(find src cli -name '*.[ch]' | grep -vE "^src/experiment/($name/|experiments.c)|^src/api/api(_$name)?[.]|^cli/${name}[.]c")
  own=$(echo "$names" | sed 's/^struct //; s/_.*//' | sort -u | paste -sd '|')
  # shellcheck disable=SC2046,SC2086
  found=$(echo "$names" | grep -nwF -f - $files; grep -nE "\"experiment/$name/|\b($own)_[a-z0-9_]+ *\(" $files
          grep -nE "^([^/]|/[^/])*\"$name\"" $(echo "$files" | grep -v '^src/arm/'))
  [ -n "$found" ] && { echo "$found"; echo "experiment $name is named above"; bad=1; }
done
[ $seen -ge 3 ] || { echo "only $seen experiments with names found"; bad=1; }
exit $bad
