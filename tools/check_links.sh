#!/bin/sh
# Every relative link of a document (*.md) points to a file or folder of the repository and, behind "#", to one of its
# headings, written as GitHub writes it: small letters, "-" for blanks, no other punctuation.
cd "$(dirname "$0")/.." || exit 2
here=$(pwd -P)

# has PAGE ANCHOR
has() {
  awk -v anchor="$2" '/^```/ { code = !code }
    /^#+ / && !code {
      sub(/^#+ /, ""); gsub(/\]\([^)]*\)/, ""); $0 = tolower($0); gsub(/[^a-z0-9_ -]/, ""); gsub(/ /, "-")
      found = found || $0 == anchor }
    END { exit !found }' "$1"
}

find . \( -path './build*' -o -path ./runs -o -path ./.git \) -prune -o -name '*.md' -exec awk '{
  while (match($0, /\]\([^) ]*/)) {
    link = substr($0, RSTART + 2, RLENGTH - 2); $0 = substr($0, RSTART + RLENGTH)
    if (link != "" && link !~ /^[a-z]+:/) print FILENAME ":" FNR, link
  } }' {} + | {
  bad=0 seen=0
  while read -r from link; do
    seen=1 page=${link%%#*}
    case $link in *'#'*) anchor=${link#*#} ;; *) anchor= ;; esac
    [ -n "$page" ] && at=$(realpath -m "$(dirname "${from%:*}")/$page") || at=${from%:*}
    case $at in "$here"|"$here"/*|./*) ;; *) at=/nosuch ;; esac
    if [ ! -e "$at" ]; then echo "$from: $page is not in the repository"; bad=1
    elif [ -n "$anchor" ] && ! has "$at" "$anchor"; then echo "$from: $page has no heading #$anchor"; bad=1; fi
  done
  [ $seen = 1 ] || { echo "no links found"; bad=1; }
  exit $bad
}
