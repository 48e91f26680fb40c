#!/usr/bin/env bash
# Are the packages there that this program is built from? Silent when they are. Otherwise says what is
# missing and what for; with --install fetches it through apt (Debian and Ubuntu, as root or with sudo),
# elsewhere and without --install stops. --optional: also what some of its features need; --test: these, and what only
# the tests need; --edge: compilers and simulators of microcontrollers (700 MB); --api: what the reference of the C
# library is made with, and nothing else.
set -u

# package (Debian's name) | what for | it is there if
needed=(
  'gcc                  | C compiler                     | command -v gcc'
  'libc6-dev            | headers of the C library       | test -e /usr/include/stdio.h'
  'cmake                | configures the build           | command -v cmake'
  'ninja-build          | runs the build                 | command -v ninja'
  'pkg-config           | finds the libraries            | command -v pkg-config'
  'libinih-dev          | settings files                 | pkg-config --exists inih'
  'libjansson-dev       | JSON                           | pkg-config --exists jansson'
  'libzip-dev           | zipped data sets               | pkg-config --exists libzip'
  'libarchive-dev       | data sets in tar archives      | pkg-config --exists libarchive'
  'libpng-dev           | images                         | pkg-config --exists libpng'
  'libjpeg-dev          | images of cameras and scanners | pkg-config --exists libjpeg'
  'libcurl4-openssl-dev | fetching data sets             | pkg-config --exists libcurl'
)
tests=(
  'clang                | second compiler, fuzzing       | command -v clang'
  'libclang-rt-dev      | sanitizers of clang, fuzzing   | ls "$(clang -print-resource-dir)"/lib/*/libclang_rt.fuzzer*'
  'clang-format         | to test the layout of sources  | command -v clang-format'
  'mosquitto            | a broker to test the arm with  | command -v mosquitto || test -x /usr/sbin/mosquitto'
  'openssl              | certificates for that broker   | command -v openssl'
  'chromium             | a browser to test reports with | command -v chromium || command -v chromium-browser || command -v google-chrome'
  'groff-base           | to test the manual pages with  | command -v groff'
  'python3              | to test the Python example with| command -v python3'
  'python3-numpy        | arrays of the Python package   | /usr/bin/python3 -c "import numpy"'
  'python3-pytest       | to test the Python package with| /usr/bin/python3 -c "import pytest"'
  'python3-onnx         | to test models as ONNX with    | /usr/bin/python3 -c "import onnx"'
  'python3-h5py         | to test networks as NIR with   | /usr/bin/python3 -c "import h5py"'
  'python3-torch        | to test the example of PyTorch | /usr/bin/python3 -c "import torch"'
  'python3-setuptools   | to install that package with   | /usr/bin/python3 -c "import setuptools"'
  'python3-pip          | to install that package with   | /usr/bin/python3 -c "import wheel, pip"'
  'mypy                 | to check its types with        | /usr/bin/python3 -c "import mypy"'
  'python3-matplotlib   | plots of the notebook          | /usr/bin/python3 -c "import matplotlib"'
  'python3-nbclient     | to run the notebook            | /usr/bin/python3 -c "import nbclient, nbformat"'
  'python3-ipykernel    | to run the notebook            | /usr/bin/python3 -c "import ipykernel"'
  'locales              | to test with commas in numbers | command -v localedef && ls /usr/share/i18n/locales/de_DE'
)
optional=(
  'git                  | names the version of a build   | command -v git'
  'libmujoco-dev        | the simulated arm, its pictures| test -e /usr/include/mujoco/mujoco.h'
  'libegl-dev           | pictures without a display     | pkg-config --exists egl'
  'libgl1-mesa-dri      | OpenGL in software             | ls /usr/lib/*/dri/swrast_dri.so'
  'libmosquitto-dev     | the real arm, over MQTT        | pkg-config --exists libmosquitto'
  'libopenmpi-dev       | training on several machines  | command -v mpicc'
  'openmpi-bin          | starts it there               | command -v mpirun'
  'libhdf5-dev          | spiking networks as NIR        | pkg-config --exists hdf5'
  'ffmpeg               | films of the arm               | command -v ffmpeg'
  'gnuplot-nox          | plots of devices               | command -v gnuplot'
)
edge=(
  'gcc-arm-none-eabi       | to test on Cortex-M, 430 MB| command -v arm-none-eabi-gcc'
  'gcc-riscv64-unknown-elf | to test on RISC-V, 190 MB  | command -v riscv64-unknown-elf-gcc'
  'qemu-system-arm         | simulates Cortex-M         | command -v qemu-system-arm'
  'qemu-system-misc        | simulates RISC-V           | command -v qemu-system-riscv32'
)
api=(
  'doxygen              | reference of the C library     | command -v doxygen'
)

install=no
list=("${needed[@]}")
for option in "$@"; do
  case $option in
    --install) install=yes ;;
    --optional) list+=("${optional[@]}") ;;
    --test) list+=("${optional[@]}" "${tests[@]}" "${api[@]}") ;;
    --edge) list+=("${edge[@]}") ;;
    --api) list=("${api[@]}") ;;
    *) echo "usage: tools/setup.sh [--install] [--optional] [--test] [--edge] [--api]" >&2; exit 2 ;;
  esac
done

missing=()
report=
for row in "${list[@]}"; do
  IFS='|' read -r package purpose check <<<"$row"
  eval "$check" >/dev/null 2>&1 && continue
  missing+=(${package// /})
  report+="  $package $purpose"$'\n'
done
[ ${#missing[@]} -eq 0 ] && exit 0

printf 'Missing packages:\n%s' "$report"
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get"
if [ $install = no ]; then
  echo "'tools/setup.sh --install' fetches them (Debian, Ubuntu)."
  exit 1
elif ! command -v apt-get >/dev/null || { [ "$sudo" ] && ! command -v sudo >/dev/null; }; then
  echo "Please install them (the names are Debian's); apt cannot be run as root here."
  exit 1
fi
echo "Installing them with apt-get."
$apt -qq update || echo "apt-get update failed; trying with the package lists of this machine."
log=$(mktemp)
if ! $apt -qq install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
  tail -n 20 "$log"
  rm -f "$log"
  exit 1
fi
rm -f "$log"
