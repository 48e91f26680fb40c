#!/usr/bin/env bash
# long_demo.sh BUILD: `metaxbar demo` in an empty folder: a row for each model, accuracies that are learned, a page with the
# figures of characters, of colours and of the arm; a second call trains nothing again and draws the same figures.
set -euo pipefail
metaxbar=$(cd "$1" && pwd)/metaxbar
here=$(mktemp -d /tmp/metaxbar_test_XXXXXX)
trap 'rm -rf "$here"' EXIT
fail() { echo "FAIL $*"; cat "$here/out"; exit 1; }

demo() {
  "$metaxbar" demo --quiet --run "$here/demo" >"$here/out" 2>"$here/err" || fail "exit $?: $(cat "$here/err")"
  [ ! -s "$here/err" ] || fail "--quiet prints: $(head -c 300 "$here/err")"
}

# expect_above PERCENT NAME SECTION: the accuracy of the row NAME of a section.
expect_above() {
  local found
  found=$(awk -v section="$3" -v name="$2" '/^[0-9]\./ { n = $1 } n == section "." && index($0, name) { print $0; exit }' "$here/out" |
    grep -o '[0-9.]* +-' | cut -d' ' -f1) || fail "section $3 has no row '$2'"
  awk -v v="$found" -v least="$1" 'BEGIN { exit !(v > least) }' || fail "$2, section $3: $found %, expected more than $1"
}

# expect_page: the headings, and as many figures of each kind as there are networks of it.
expect_page() {
  local page=$here/demo/report.html heading
  for heading in 'New classes from a few drawings' 'New classes from a few invented colour images' 'What was run'; do
    grep -q "<h2>$heading</h2>" "$page" || fail "the page has no section '$heading'"
  done
  [ "$(grep -c '<b>Meta-training.</b>' "$page")" = 2 ] || fail "not two figures of learning curves"
  [ "$(grep -c '<b>Accuracy after each update.</b>' "$page")" = 2 ] || fail "not two figures of accuracies"
  [ "$(grep -c 'not CIFAR100-FS' "$page")" = 2 ] || fail "captions do not say what the colour images are"
  grep -q 'How well movements are performed' "$page" || fail "the arm is missing"
}

cd "$(dirname "$0")/.."  # whose models/ are found
demo
expect_above 88 'trained just now' 2
expect_above 97 'shipped: trained on invented characters' 2
expect_above 90 'trained just now' 3
expect_above 85 'weights of 4 bits' 3
expect_above 85 'on a phase-change-memory chip' 3
expect_page
tail -n 1 "$here/out" | grep -q "^$here/demo/report.html$" || fail "the path of the page is not the last line"
cp "$here/out" "$here/first"
cp "$here/demo/colour/metrics.csv" "$here/metrics.csv"
demo
cmp -s "$here/out" "$here/first" || fail "the second call prints something else"
cmp -s "$here/demo/colour/metrics.csv" "$here/metrics.csv" || fail "the second call trains again"
expect_page
