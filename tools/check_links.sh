#!/bin/sh
# Every relative link of a document (*.md) points to a file or folder of the repository.
cd "$(dirname "$0")/.." || exit 2
here=$(pwd -P)
find . \( -path './build*' -o -path ./runs -o -path ./.git \) -prune -o -name '*.md' -exec awk '{
  while (match($0, /\]\([^) ]*/)) {
    link = substr($0, RSTART + 2, RLENGTH - 2); $0 = substr($0, RSTART + RLENGTH); sub(/#.*/, "", link)
    if (link != "" && link !~ /^[a-z]+:/) print FILENAME ":" FNR, link
  } }' {} + | {
  bad=0 seen=0
  while read -r from link; do
    seen=1 at=$(realpath -m "$(dirname "${from%:*}")/$link")
    case $at in "$here"|"$here"/*) [ -e "$at" ] && continue ;; esac
    echo "$from: $link is not in the repository"; bad=1
  done
  [ $seen = 1 ] || { echo "no links found"; bad=1; }
  exit $bad
}
