#!/usr/bin/env bash
# fuzz.sh SECONDS: every fuzz target for so long. What it finds new stays in build-check/fuzz/found; an input
# that fails is named at the end and belongs into tests/fuzz/corpus.
set -eu
cd "$(dirname "$0")/.."
cmake --preset fuzz >/dev/null
names=$(basename -s .c tests/fuzz/fuzz_*.c)
ninja -C build-check/fuzz $names
for name in $names; do
  found=build-check/fuzz/found/${name#fuzz_}
  mkdir -p "$found"
  echo "$name for $1 s"
  build-check/fuzz/"$name" -max_total_time="$1" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$found/failed-" \
    "$found" "tests/fuzz/corpus/${name#fuzz_}" 2>"$found.log" || { tail -n 40 "$found.log"; exit 1; }
  tail -n 1 "$found.log"
done
