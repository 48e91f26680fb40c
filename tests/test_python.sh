#!/usr/bin/env bash
# test_python.sh WHAT BUILD: the Python package. tests: python/tests against the build; docs: docs/python.md; pytorch:
# examples/from_pytorch.py; types: mypy; pip: installed by pip into a folder of its own, it finds an installed library;
# notebook: the notebooks print what they have kept. Exit 77: skipped, and a line says why.
set -euo pipefail
what=$1 build=$(cd "$2" && pwd) source=$(cd "$(dirname "$0")/.." && pwd)
here=$(mktemp -d /tmp/metaxbar_test_XXXXXX)
trap 'rm -rf "$here"' EXIT
export METAXBAR=$build/metaxbar METAXBAR_LIBRARY=$build/libmetaxbar.so METAXBAR_CALLS=$build/python_calls
export METAXBAR_SOURCE=$source PYTHONDONTWRITEBYTECODE=1

skip() { echo "SKIP test_python_$what: $*"; exit 77; }
fail() { echo "FAIL $*"; exit 1; }

# python_with MODULES: the first Python that has them, in $python.
python_with() {
  for python in python3 /usr/bin/python3; do
    "$python" -c "import $1" 2>/dev/null && return
  done
  skip "no Python has $1"
}

run_tests() {
  python_with 'numpy, pytest'
  cd "$here"
  PYTHONPATH=$source/python "$python" -m pytest -q -p no:cacheprovider --rootdir "$source/python" \
    --basetemp "$here/tmp" "$source/python/tests" "$@"
}

run_docs() {
  python_with numpy
  cd "$here"
  ln -s "$source"/{models,examples} .
  PYTHONPATH=$source/python "$python" -m doctest -o ELLIPSIS "$source/docs/python.md"
}

run_pytorch() {
  python_with 'numpy, torch'
  cd "$source"
  PYTHONPATH=$source/python "$python" "$source/examples/from_pytorch.py"
}

run_types() {
  python_with 'numpy, mypy'
  "$python" -m mypy --strict --cache-dir "$here/cache" "$source/python/metaxbar"
}

run_pip() {
  python_with 'setuptools, wheel, pip, numpy'
  cp -r "$source/python" "$here/python"
  "$python" -m pip install --quiet --no-build-isolation --no-index --no-deps --target "$here/site" "$here/python" \
    >"$here/log" 2>&1 || fail "$(cat "$here/log")"
  [ -e "$here/site/metaxbar/py.typed" ] || fail "py.typed is not installed"
  DESTDIR=$here/root cmake --install "$build" --prefix /usr >"$here/log" || fail "$(cat "$here/log")"
  cd "$here"
  unset METAXBAR_LIBRARY
  LD_LIBRARY_PATH=$(dirname "$(find "$here/root" -name libmetaxbar.so.0)") PYTHONPATH=$here/site "$python" -c '
import metaxbar
assert metaxbar.LIBRARY == "libmetaxbar.so.0" and metaxbar.__version__ == metaxbar.library_version()
print(metaxbar.Device("device.preset=hermes").number("g_max_uS"))'
}

run_notebook() {
  python_with 'numpy, matplotlib, nbformat, nbclient, ipykernel'
  export JUPYTER_RUNTIME_DIR=$here IPYTHONDIR=$here MPLCONFIGDIR=$here PYTHONPATH=$source/python
  cd "$here"
  ln -s "$source/models" .
  for notebook in "$source"/python/notebooks/*.ipynb; do
    [ "$(stat -c %s "$notebook")" -lt 300000 ] || fail "$notebook: more than 300 kB"
    "$python" "$source/python/tests/notebook.py" "$notebook"
  done
}

"run_$what" "${@:3}"
