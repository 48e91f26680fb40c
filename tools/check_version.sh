#!/usr/bin/env bash
# check_version.sh: the version of CMakeLists.txt is also that of the Python package, the core for microcontrollers, the
# citation and the newest section of the changelog, whose date is that of the citation.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0

# found FILE EXPRESSION: the first group of the first line that matches.
found() { sed -nE "s/^$2.*/\1/p" "$1" | head -n 1; }

# same FILE EXPRESSION VALUE
same() {
  local value
  value=$(found "$1" "$2")
  [ "$value" = "$3" ] || { echo "FAIL $1: ${value:-nothing} in place of $3"; failed=1; }
}

version=$(found CMakeLists.txt 'project\(metaxbar VERSION ([0-9.]+)')
same python/metaxbar/_version.py 'VERSION = "([^"]*)"' "$version"
same edge/library.properties 'version=(.*)' "$version"
same edge/library.json ' *"version": "([^"]*)"' "$version"
same CITATION.cff 'version: (.*)' "$version"
same CHANGELOG.md '## ([0-9.]+)' "$version"
same CHANGELOG.md '## [0-9.]+ - (.*)' "$(found CITATION.cff 'date-released: (.*)')"
[ $failed = 0 ] && echo "version $version everywhere"
exit $failed
