#!/bin/sh
# No line of the sources has more than 120 columns (bytes, strictly).
cd "$(dirname "$0")/.." || exit 2
long=$(find src cli edge include tests -name '*.[ch]' \
  -exec awk 'length > 120 { print FILENAME ":" FNR ": " length " columns" }' {} +)
[ -z "$long" ] || { echo "$long"; exit 1; }
