#!/usr/bin/env bash
# test_edge_devices.sh BUILD [TASKS SHOTS]: the core for microcontrollers on Cortex-M0, Cortex-M4 and RISC-V under qemu
# computes the same bits as on this machine; its size, memory and number of instructions. Exit status 77: no compiler or
# no qemu for any of them. With TASKS instructions are not counted.
set -euo pipefail
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
tasks=${2:-1} shots=${3:-1}
count='-icount shift=0'
[ $# -eq 1 ] || count=
here=$(mktemp -d /tmp/metaxbar_test_XXXXXX)
trap 'rm -rf "$here"' EXIT
checks=0 bad=0

check() {  # check WHAT VALUE LIMIT
  checks=$((checks + 1))
  [ "$2" -le "$3" ] || { echo "FAIL $1: $2, more than $3"; bad=1; }
}

make_for() {  # make_for CORE NUMBERS
  make -s -f edge/bare/Makefile run CORE="$1" NUMBERS="$2" MODEL="$here" OUT="$here" ICOUNT="$count" >"$here/log" 2>&1 &&
    grep -q '^done' "$here/log" || { echo "FAIL $1 $2:"; cat "$here/log"; exit 1; }
}

printed() { printf '%d' "$(sed -n "s/^$1 //p" "$here/log" | head -n 1)"; }

costs() {  # of CORE NUMBERS, just run
  local program=$here/learner-$1-$2 features=13000000
  [ "$1" != m4 ] || features=6000000
  if [ "$count" ] && [[ $1 = m4* ]]; then
    check "$1 $2, instructions for an image" "$(printed 'instructions, features')" $features
    check "$1 $2, to learn 5 classes" "$(printed 'instructions, means and updates')" 1000000
  fi
  [ "$1" = riscv ] || check "$1 $2, bytes of code" "$("$prefix-size" "$program.o" | awk 'NR == 2 { print $1 }')" 3072
  check "$1 $2, bytes of stack" "$(printed 'bytes, stack')" 1024
  # what the function says is what the linker has set aside
  [ "$(printed 'bytes, memory')" = "$((0x$("$nm" -S "$program" | awk '$3 ~ /[bB]/ && $4 == "ram" { print $2 }')))" ] ||
    { echo "FAIL $1 $2: memory"; bad=1; }
  # only arithmetic that the compiler brings may be missing
  if "$nm" -u "$program.o" | grep -qvE '__aeabi_(f|i2f)|__(add|sub|mul|div|gt|fix)sf|__floatsisf' ||
    { [ "$2" = fixed ] && "$nm" -u "$program.o" | grep -q .; }; then
    echo "FAIL $1 $2: undefined:" "$("$nm" -u "$program.o")"; bad=1
  fi
}

ln -s "$PWD/models" "$here/models"
cp models/omniglot-any.safetensors "$here/model.safetensors"
"$build/metaxbar" model export --c "$here/model.safetensors" --out "$here" data.kind=builtin
(cd "$here" && "$build/edge_tasks" "$tasks" "$shots" data.kind=builtin >/dev/null)
ran=0
for numbers in float fixed; do
  make_for linux $numbers
  mv "$here/logits.bin" "$here/$numbers.bin"
done
for core in m0 m4 m4-plain riscv; do
  qemu=qemu-system-arm prefix=arm-none-eabi
  [ $core != riscv ] || qemu=qemu-system-riscv32 prefix=riscv64-unknown-elf
  nm=$prefix-nm
  command -v $qemu >/dev/null && command -v $prefix-gcc >/dev/null ||
    { echo "SKIP $core: needs $prefix-gcc and $qemu"; continue; }
  for numbers in float fixed; do
    make_for $core $numbers
    costs $core $numbers
    checks=$((checks + 1)) ran=$((ran + 1))
    cmp "$here/logits.bin" "$here/$numbers.bin" || { echo "FAIL $core $numbers: other logits than here"; bad=1; }
    rm "$here/logits.bin"
  done
done
echo "$checks checks, $ran programs of $tasks tasks"
[ $ran -gt 0 ] || exit 77
exit $bad
