#!/usr/bin/env bash
# files.sh FOLDER MAN VERSION MAINTAINER PACKAGE...: changelogs, copyright and the compressed manual pages of the Debian
# packages. SOURCE_DATE_EPOCH, or the last commit, dates the changelog.
set -euo pipefail
folder=$1 man=$2 version=$3 maintainer=$4
shift 4
cd "$(dirname "$0")/../.."
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}
rm -rf "$folder/man"
mkdir -p "$folder/man"
for page in "$man"/*.1; do gzip -9nc "$page" >"$folder/man/$(basename "$page").gz"; done
cp tools/debian/copyright "$folder"
gzip -9nc CHANGELOG.md >"$folder/changelog.gz"
for package; do
  mkdir -p "$folder/$package"
  printf 'metaxbar (%s) unstable; urgency=medium\n\n  * Changes are in changelog.gz.\n\n -- %s  %s\n' "$version" \
    "$maintainer" "$(date -u -R -d "@$epoch")" | gzip -9nc >"$folder/$package/changelog.Debian.gz"
done
