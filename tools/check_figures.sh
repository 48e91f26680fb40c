#!/bin/sh
# Every "mean +- spread" of README.md is one of docs/results.md, docs/reproducing.md or docs/cifar.md, where they are measured.
cd "$(dirname "$0")/.." || exit 2
measured=$(grep -hoE '[0-9.]+ \+- [0-9.]+' docs/results.md docs/reproducing.md docs/cifar.md | sort -u)
shown=$(grep -oE '[0-9.]+ \+- [0-9.]+' README.md | sort -u)
[ -n "$shown" ] || { echo "no figures found"; exit 1; }
wrong=$(echo "$shown" | while read -r figure; do echo "$measured" | grep -qxF -- "$figure" || echo "$figure"; done)
[ -z "$wrong" ] || { echo "README.md has figures that no page of results has:"; echo "$wrong"; exit 1; }
