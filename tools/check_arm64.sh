#!/usr/bin/env bash
# check_arm64.sh [--install] [TEST...]: builds for arm64 with Debian's cross compiler, in build-check/arm64 and, in double
# precision, build-check/arm64-double, and runs tests under qemu-user: kernels, gradients, the chip, or the TESTs, names
# without test_. Libraries for arm64 are unpacked into build-check/arm64-root and not installed. --install: installs
# compiler, qemu and mmdebstrap by apt, as root. Exit 77: one of them is absent. qemu computes as an ARMv8 does, and says
# nothing about speed. Golden files to the bit are those of AVX2: test_golden_cli compares here within its tolerances.
set -euo pipefail
cd "$(dirname "$0")/.."
root=build-check/arm64-root
chosen=(adam conv events maxpool noise norm normtangent softmax spiking rng stat par
  adapt convnet dense eprop finetune maml regress
  calibration chip chip_physics chip_ranges converter core digital dot16 flicker ledger pcm pcm_stat synapse transposed verify
  wires weight_sigma)
gradients=(bptt conv convnet dense eprop finetune maml maxpool norm normtangent oneshot regress softmax spiking)

fail() { echo "FAIL check_arm64: $*"; exit 1; }
if [ "${1:-}" = --install ]; then
  shift
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends gcc-aarch64-linux-gnu \
    libc6-dev-arm64-cross qemu-user-static mmdebstrap ninja-build pkg-config cmake
fi
for tool in aarch64-linux-gnu-gcc qemu-aarch64-static mmdebstrap; do
  command -v $tool >/dev/null || { echo "SKIP check_arm64: $tool is not there (--install)"; exit 77; }
done
[ $# -eq 0 ] || chosen=("$@") gradients=()

# The required libraries of Debian 12; links from the root of the file system are made relative.
fill_root() {
  local link to
  rm -rf $root
  mkdir -p build-check
  mmdebstrap --quiet --variant=extract --architectures=arm64 --include=libc6-dev,libinih-dev,libjansson-dev,libzip-dev \
    --include=libarchive-dev,libpng-dev,libjpeg-dev,libcurl4-openssl-dev bookworm $root.new
  find $root.new/usr/lib -lname '/*' -printf '%p %l\n' |
    while read -r link to; do ln -sfr "$root.new$to" "$link"; done
  mv $root.new $root
}

# run FOLDER OPTION NAME...: the build of these tests, and their runs.
run() {
  local folder=$1 option=$2
  shift 2
  cmake --preset arm64 -B "$folder" "$option" >/dev/null
  cmake --build "$folder" --target metaxbar "${@/#/test_}" >"$folder/log" || fail "$(tail -n 20 "$folder/log")"
  file -b "$folder/metaxbar" | grep -q 'ARM aarch64' || fail "$folder/metaxbar is not for arm64"
  ctest --test-dir "$folder" --timeout 7200 --output-on-failure -R "^test_($(IFS='|'; echo "$*"))\$" |
    tee "$folder/tests" || fail "$folder/tests"
  [ "$(grep -c '   Passed ' "$folder/tests")" = $# ] || fail "$folder: not all of $# tests were run"
}

[ -d $root ] || fill_root
run build-check/arm64 -DMETAXBAR_DOUBLE=OFF "${chosen[@]}"
[ ${#gradients[@]} -eq 0 ] || run build-check/arm64-double -DMETAXBAR_DOUBLE=ON "${gradients[@]}"
