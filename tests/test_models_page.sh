#!/usr/bin/env bash
# test_models_page.sh PROGRAM: docs/models.md lists every model of models/ and no other, with the number and type of its weights.
set -euo pipefail
metaxbar=$(realpath "$1")
cd "$(dirname "$0")/.."
passed=0 failed=0
check() { if [ "$1" = "$2" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAIL $3: '$1', not '$2'"; fi; }

listed=$(sed -n 's/^| `\([a-z0-9-]*\)` |.*/\1/p' docs/models.md | sort)
check "$listed" "$(cd models && ls -- *.safetensors | sed 's/\.safetensors$//' | sort)" "names in docs/models.md"
for name in $listed; do
  weights=$("$metaxbar" model info --model "models/$name.safetensors" | sed -n 's/^\([0-9]*\) weights$/\1/p')
  type=$(grep -qaF '"F16"' <(head -c 16384 "models/$name.safetensors") && echo F16 || echo F32)
  row=$(grep "^| \`$name\` |" docs/models.md | awk -F '|' '{ gsub(/[ ,]/, ""); print $(NF - 2), $(NF - 1) }')
  check "$row" "$weights $type" "weights of $name"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
